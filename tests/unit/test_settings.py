"""Settings: read once, and what is unsafe or unreadable refused by name before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from limits import parse

from bot.errors import SettingsError
from bot.settings import ROOT, RateLimits, Settings, read_settings

KEY = "0123456789abcdef" * 4
PRODUCTION = {"ASSISTENT_MODE": "production", "ASSISTENT_SECRET_KEY": KEY}


@pytest.fixture
def demonstration(tmp_path: Path) -> dict[str, str]:
    return {"ASSISTENT_VAR_DIR": str(tmp_path / "var")}


# --- production refuses to start unsafe -------------------------------------------------------


@pytest.mark.parametrize("key", [None, "", "court", "x" * 31])
def test_production_has_no_secret_by_default(key: str | None) -> None:
    environ = {"ASSISTENT_MODE": "production"} | ({} if key is None else {"ASSISTENT_SECRET_KEY": key})
    with pytest.raises(SettingsError, match="ASSISTENT_SECRET_KEY"):
        read_settings(environ)


def test_production_keeps_its_limits() -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_RATE_LIMITS"):
        read_settings({**PRODUCTION, "ASSISTENT_RATE_LIMITS": "off"})


def test_production_has_neither_made_up_data_nor_demonstration() -> None:
    settings = read_settings({**PRODUCTION, "ASSISTENT_HOST": "0.0.0.0"})
    assert settings.is_demonstration is False
    assert settings.demonstration_data is False
    assert settings.limits.enabled
    assert settings.secret_key == KEY


@pytest.mark.parametrize("mode", ["prod", "Production", "", "démonstration"])
def test_a_mode_that_does_not_exist_is_refused(mode: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_MODE"):
        read_settings({"ASSISTENT_MODE": mode})


# --- the demonstration stays on the machine ---------------------------------------------------


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.10", "ent.exemple.fr", "", "127.0.0.1.exemple.fr", "128.0.0.1"]
)
def test_the_demonstration_refuses_any_address_but_the_machine_s_own(demonstration: dict[str, str], host: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_HOST"):
        read_settings({**demonstration, "ASSISTENT_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_the_machine_s_own_addresses_are_taken(demonstration: dict[str, str], host: str) -> None:
    assert read_settings({**demonstration, "ASSISTENT_HOST": host}).host == host


def test_the_demonstration_makes_its_key_once_for_its_owner_alone(demonstration: dict[str, str]) -> None:
    first, second = read_settings(demonstration), read_settings(demonstration)
    assert len(first.secret_key) == 64
    assert first.secret_key == second.secret_key
    path = Path(demonstration["ASSISTENT_VAR_DIR"]) / "demonstration.key"
    assert path.stat().st_mode & 0o777 == 0o600


# --- what each variable takes -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ASSISTENT_PORT", "ASSISTENT_RASA_PORT", "ASSISTENT_RASA_B_PORT", "ASSISTENT_ACTIONS_PORT"]
)
@pytest.mark.parametrize("port", ["0", "-1", "65536", "80a", " 80", "8_000", "²", "٨٠"])
def test_a_port_that_is_none_is_refused_by_name(name: str, port: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**PRODUCTION, name: port})


def test_a_port_left_empty_is_the_usual_one() -> None:
    assert read_settings({**PRODUCTION, "ASSISTENT_PORT": ""}).port == 8000
    assert read_settings({**PRODUCTION, "ASSISTENT_PORT": "9000"}).port == 9000


LIMITS = (
    "ASSISTENT_LIMIT_SESSION",
    "ASSISTENT_LIMIT_ADDRESS",
    "ASSISTENT_LIMIT_ADDRESS_SESSIONS",
    "ASSISTENT_LIMIT_SCHOOL",
)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    "limit", ["beaucoup", "20", "20/", "/minute", "0/minute", "-1/minute", "20/minutely", "1e3/day"]
)
def test_a_limit_that_is_none_is_refused_by_name(name: str, limit: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**PRODUCTION, name: limit})


@pytest.mark.parametrize(
    "limit", ["20/minute", "20 per minute", "5/10seconds", "1/hour", "100000/day", "3 / 2 minutes"]
)
def test_a_limit_that_is_taken_is_one_for_the_limiter(limit: str) -> None:
    assert read_settings({**PRODUCTION, "ASSISTENT_LIMIT_SESSION": limit}).limits.session == limit
    assert parse(limit)


def test_the_usual_limits_are_limits() -> None:
    usual = RateLimits()
    assert all(parse(limit) for limit in (usual.session, usual.address, usual.address_sessions, usual.school))
    assert read_settings({**PRODUCTION, "ASSISTENT_LIMIT_SESSION": ""}).limits == usual


@pytest.mark.parametrize("proxies", ["proxy.exemple.fr", "10.0.0.0/33", "10.0.0.1,10.0.0.2", "300.1.1.1"])
def test_a_proxy_that_is_no_address_is_refused(proxies: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_TRUSTED_PROXIES"):
        read_settings({**PRODUCTION, "ASSISTENT_TRUSTED_PROXIES": proxies})


def test_proxies_are_addresses_and_networks() -> None:
    settings = read_settings({**PRODUCTION, "ASSISTENT_TRUSTED_PROXIES": "10.0.0.0/8 192.168.1.4 ::1"})
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.168.1.4", "::1")


@pytest.mark.parametrize(
    "sites",
    ["*; script-src *", "https://ent.exemple.fr;", "'self'", "https://ent.exemple.fr/chemin", "javascript:x", "*"],
)
def test_a_site_that_would_change_the_policy_is_refused(sites: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_FRAME_ANCESTORS"):
        read_settings({**PRODUCTION, "ASSISTENT_FRAME_ANCESTORS": sites})


def test_sites_are_what_the_policy_takes() -> None:
    text = "https://ent.exemple.fr https://*.academie.exemple.fr http://localhost:8080 ent.exemple.fr:*"
    assert read_settings({**PRODUCTION, "ASSISTENT_FRAME_ANCESTORS": text}).frame_ancestors == tuple(text.split())


@pytest.mark.parametrize("level", ["BAVARD", "10", ""])
def test_a_log_level_that_is_none_is_refused(level: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_LOG_LEVEL"):
        read_settings({**PRODUCTION, "ASSISTENT_LOG_LEVEL": level})


def test_visitors_are_taken_unless_said_otherwise() -> None:
    assert read_settings(PRODUCTION).visitors
    assert not read_settings({**PRODUCTION, "ASSISTENT_VISITORS": "off"}).visitors


def test_the_database_is_a_file_of_the_var_folder_unless_an_address_is_given(tmp_path: Path) -> None:
    settings = read_settings({**PRODUCTION, "ASSISTENT_VAR_DIR": str(tmp_path)})
    assert settings.storage_url == f"sqlite+aiosqlite:///{tmp_path / 'assistent.db'}"
    url = "postgresql+asyncpg://assistent@/assistent"
    assert read_settings({**PRODUCTION, "ASSISTENT_DATABASE_URL": url}).storage_url == url


def test_nothing_else_reads_the_environment() -> None:
    """House style 8; the command line may ask who is typing."""
    reading = re.compile(r"\bos\.environ\b|\bgetenv\b")
    readers = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "bot").rglob("*.py") if reading.search(path.read_text())
    }
    allowed = {"bot/settings.py", "bot/cli.py"}
    assert {name for name in readers if not name.startswith(("bot/operations/", "bot/engine/"))} <= allowed


def test_settings_cannot_change_once_read() -> None:
    with pytest.raises(AttributeError):
        Settings.from_env(PRODUCTION).port = 1  # type: ignore[misc]


# --- the ENTs that sign -----------------------------------------------------------------------

GOOD = "- {name: 'https://ent.exemple.fr', audience: assistent, jwks_url: 'https://ent.exemple.fr/jwks'}\n"


def read_issuers(tmp_path: Path, text: str | bytes, **environ: str) -> Settings:
    path = tmp_path / "ents.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_settings({**PRODUCTION, "ASSISTENT_ISSUERS_FILE": str(path), **environ})


def test_ents_are_read_from_their_file(tmp_path: Path) -> None:
    text = GOOD + f"- {{name: b, audience: c, secret: {KEY}}}\n- {{name: d, audience: e, jwks_file: keys.json}}\n"
    assert [issuer.name for issuer in read_issuers(tmp_path, text).issuers] == ["https://ent.exemple.fr", "b", "d"]
    assert read_issuers(tmp_path, "").issuers == ()


@pytest.mark.parametrize(
    "text",
    [
        "pas une liste", "- 3", "- [a]", "{", "- {name: a}", "- {name: a, audience: b, inconnu: c}", b"\xff\xfe",
        "- {name: a, audience: b}",
        "- {name: a, audience: b, secret: trop court}",
        f"- {{name: a, audience: b, secret: {KEY}, jwks_file: f}}",
        f"- {{name: '', audience: b, secret: {KEY}}}",
        f"- {{name: a, audience: '', secret: {KEY}}}",
        "- {name: a, audience: b, jwks_url: 'http://ent.exemple.fr/jwks'}",
        GOOD + GOOD,
    ],
)  # fmt: skip
def test_an_ents_file_that_is_wrong_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(SettingsError):
        read_issuers(tmp_path, text)


def test_an_ents_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_ISSUERS_FILE"):
        read_settings({**PRODUCTION, "ASSISTENT_ISSUERS_FILE": str(tmp_path / "absent.yml")})


def test_keys_may_come_in_the_clear_from_the_machine_itself_and_in_demonstration(tmp_path: Path) -> None:
    local = "- {name: a, audience: b, jwks_url: 'http://127.0.0.1:9000/jwks'}"
    assert read_issuers(tmp_path, local).issuers
    far = "- {name: a, audience: b, jwks_url: 'http://ent.exemple.fr/jwks'}"
    assert read_issuers(tmp_path, far, ASSISTENT_MODE="demonstration").issuers


# --- mail to the persons ----------------------------------------------------------------------

MAIL = {"ASSISTENT_MAIL_SERVER": "smtps://mail.example", "ASSISTENT_MAIL_FROM": "assistant@ent.example"}


def test_no_mail_is_sent_unless_a_server_is_named(demonstration: dict[str, str]) -> None:
    assert read_settings(demonstration).mailing is None
    assert read_settings({**demonstration, "ASSISTENT_MAIL_FROM": "assistant@ent.example"}).mailing is None
    mailing = read_settings({**demonstration, **MAIL}).mailing
    assert (mailing.server, mailing.sender) == ("smtps://mail.example", "assistant@ent.example")


def test_the_password_of_the_mail_server_is_not_shown(demonstration: dict[str, str]) -> None:
    account = {"ASSISTENT_MAIL_USERNAME": "assistent", "ASSISTENT_MAIL_PASSWORD": "sésame-du-courriel"}
    assert "sésame" not in repr(read_settings({**demonstration, **MAIL, **account}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSISTENT_MAIL_SERVER", "mail.example"), ("ASSISTENT_MAIL_SERVER", "https://mail.example"),
        ("ASSISTENT_MAIL_SERVER", "smtp://moi:sesame@mail.example"), ("ASSISTENT_MAIL_SERVER", "smtp://mail.example:x"),
        ("ASSISTENT_MAIL_FROM", ""), ("ASSISTENT_MAIL_FROM", "assistant"), ("ASSISTENT_MAIL_FROM", "a@b.example\nBcc: c"),
        ("ASSISTENT_MAIL_PASSWORD", "seul"),
    ],
)  # fmt: skip
def test_a_mail_setting_that_is_wrong_is_named(demonstration: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_MAIL"):
        read_settings({**demonstration, **MAIL, name: value})


def test_in_production_mail_needs_the_address_that_it_leads_to() -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_PUBLIC_URL"):
        read_settings({**PRODUCTION, **MAIL})
    assert (
        read_settings({**PRODUCTION, **MAIL, "ASSISTENT_PUBLIC_URL": "https://a.example/"}).site == "https://a.example"
    )


def test_messages_teach_in_the_demonstration_and_in_production_only_where_it_says_so(demonstration):
    name = "ASSISTENT_LEARN_FROM_MESSAGES"
    assert read_settings(demonstration).learn_from_messages
    assert not read_settings(PRODUCTION).learn_from_messages
    assert not read_settings({**demonstration, name: "off"}).learn_from_messages
    assert read_settings({**PRODUCTION, name: "on"}).learn_from_messages
    with pytest.raises(SettingsError, match=name):
        read_settings({**PRODUCTION, name: "oui"})
