"""Identity providers as a deployment's file describes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.providers import IdentityProvider
from bot.settings import Settings, read_settings

PRODUCTION = {
    "ASSISTENT_MODE": "production", "ASSISTENT_SECRET_KEY": "k" * 32, "ASSISTENT_PUBLIC_URL": "https://a.example",
}  # fmt: skip
OIDC = "- {id: a, name: A, protocol: oidc, url: 'https://i.example', client_id: c%s}\n"
CAS = "- {id: b, name: B, protocol: cas, url: 'https://c.example/cas'%s}\n"


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "providers.yml"
    path.write_text(text, encoding="utf-8")
    return read_settings({**PRODUCTION, "ASSISTENT_IDENTITY_PROVIDERS_FILE": str(path), **environ})


def test_providers_are_read_from_their_file_and_secrets_from_the_variables_that_it_names(tmp_path: Path) -> None:
    text = OIDC % ", secret_env: A_SECRET, trust_email: verified" + CAS % ", login_claim: mail, trust_email: always"
    one, two = read(tmp_path, text, A_SECRET="chut").identity_providers
    assert one == IdentityProvider(
        "a", "A", "oidc", "https://i.example", client_id="c", secret="chut", trust_email="verified"
    )
    assert (two.id, two.login_claim, two.trust_email, two.secret) == ("b", "mail", "always", "")
    assert "chut" not in repr(one)
    assert read_settings(PRODUCTION).identity_providers == ()


@pytest.mark.parametrize(
    "text",
    [
        "pas une liste", "- 3", "- [a]", "{", "- {id: a}", OIDC % "" * 2,
        OIDC % ", inconnu: c",
        OIDC % ", secret: en clair",
        OIDC % ", secret_env: ABSENT",
        OIDC % ", scope: email",
        OIDC % ", login_claim: ''",
        OIDC % ", trust_email: sometimes",
        CAS % ", login_claim: 'a/b'",
        CAS % ", trust_email: verified",
        CAS.replace("/cas'", "/cas/'") % "",
        OIDC.replace("id: a", "id: A/b") % "",
        OIDC.replace("name: A", "name: ' '") % "",
        OIDC.replace("name: A", "name: 3") % "",
        OIDC.replace("oidc", "saml") % "",
        OIDC.replace("client_id: c", "client_id: ''") % "",
        OIDC.replace("https://", "http://") % "",
        OIDC.replace("https://i.example", "i.example") % "",
        OIDC.replace("https://i.example", "https://i.example?a=b") % "",
        OIDC.replace("https://i.example", "https://[") % "",
    ],
)  # fmt: skip
def test_a_providers_file_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path, text)


def test_a_provider_must_know_where_to_send_back(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ASSISTENT_PUBLIC_URL"):
        read(tmp_path, OIDC % "", ASSISTENT_PUBLIC_URL="")
    assert read(tmp_path, OIDC % "", ASSISTENT_PUBLIC_URL="", ASSISTENT_MODE="demonstration").identity_providers


def test_a_provider_of_the_machine_itself_may_be_asked_in_the_clear(tmp_path: Path) -> None:
    assert read(tmp_path, OIDC.replace("https://i.example", "http://127.0.0.1:9000") % "").identity_providers
