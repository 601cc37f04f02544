"""Settings, read once from the environment: nothing else in the project looks there."""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.providers import IdentityProvider, make_provider

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent

DEMONSTRATION = "demonstration"
PRODUCTION = "production"

# How the names of the secrets of other teams' tools begin (ASSISTENT_CONNECTOR_DSI); the deployment's file says whose is whose.
CONNECTOR_SECRET = "ASSISTENT_CONNECTOR_"  # noqa: S105 - the beginning of a name

_LIMIT = re.compile(r"[1-9][0-9]{0,8} ?(?:/|per) ?[1-9]?[0-9]{0,3} ?(?:second|minute|hour|day)s?")
_SENDER = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", re.ASCII)
# A site, as Content-Security-Policy names it: anything more would change the policy around it.
_SITE = re.compile(r"(?:https?://)?(?:\*\.)?[\w.-]+(?::(?:[0-9]{1,5}|\*))?", re.ASCII)


@dataclass(frozen=True)
class RateLimits:
    """How much is taken from whom. An address may stand for a whole school, hence the distance between the two."""

    enabled: bool = True
    session: str = "20/minute"
    address: str = "1200/minute"
    address_sessions: str = "600/minute"
    school: str = "3000/minute"


@dataclass(frozen=True)
class Issuer:
    """An ENT that signs its users' JWT."""

    name: str
    audience: str
    jwks_url: str = ""
    jwks_file: str = ""
    secret: str = ""


@dataclass(frozen=True)
class Mailing:
    """The mail server by which the persons are written to, and the sender that they read."""

    server: str
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """All that a deployment chooses. `var_dir` holds what is written at run time: database, logs, sockets."""

    mode: str = DEMONSTRATION
    root: Path = ROOT
    var_dir: Path = ROOT / "var"
    host: str = "127.0.0.1"
    port: int = 8000
    rasa_port: int = 5005
    rasa_b_port: int = 5006
    actions_port: int = 5055
    rasa_url: str = ""
    database_url: str = ""
    public_url: str = ""
    secret_key: str = ""
    visitors: bool = True
    frame_ancestors: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    identity_providers: tuple[IdentityProvider, ...] = ()
    limits: RateLimits = field(default_factory=RateLimits)
    connector_secrets: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    mailing: Mailing | None = None
    demonstration_data: bool = True
    # Whether what people wrote may teach the assistant, once masked: the inbox of what was not understood, and drafts.
    learn_from_messages: bool = True
    log_level: str = "INFO"

    @property
    def is_demonstration(self) -> bool:
        """Tell whether made-up accounts, keys and schools are allowed."""
        return self.mode == DEMONSTRATION

    @property
    def engine_urls(self) -> Mapping[str, str]:
        """Base address of the Rasa process of each slot; one and the same when it runs on another machine."""
        ports = {"a": self.rasa_port, "b": self.rasa_b_port}
        return {slot: self.rasa_url or f"http://127.0.0.1:{port}" for slot, port in ports.items()}

    @property
    def site(self) -> str:
        """Address by which people come, without a last slash."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def storage_url(self) -> str:
        """SQLAlchemy address of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var_dir / 'assistent.db'}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the variables ASSISTENT_*; SettingsError names the one that is wrong."""
        return read_settings(os.environ if environ is None else environ)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from `environ`, refusing what is unsafe in the mode asked for."""
    mode = environ.get("ASSISTENT_MODE", DEMONSTRATION)
    if mode not in (DEMONSTRATION, PRODUCTION):
        raise SettingsError(f"ASSISTENT_MODE vaut « {mode} » : écrivez demonstration ou production.")
    host = environ.get("ASSISTENT_HOST", "127.0.0.1")
    root = Path(environ.get("ASSISTENT_ROOT", str(ROOT)))
    var_dir = Path(environ.get("ASSISTENT_VAR_DIR", str(root / "var")))
    enabled = environ.get("ASSISTENT_RATE_LIMITS", "on") != "off"
    secret_key = environ.get("ASSISTENT_SECRET_KEY", "")
    if mode == PRODUCTION:
        if len(secret_key) < 32:
            raise SettingsError(
                "ASSISTENT_SECRET_KEY manque ou compte moins de 32 caractères : "
                "donnez-lui le résultat de « openssl rand -hex 32 »."
            )
        if not enabled:
            raise SettingsError("ASSISTENT_RATE_LIMITS=off n’est permis qu’en démonstration : retirez-le.")
    else:
        if not _is_loopback(host):
            raise SettingsError(
                f"La démonstration n’écoute que sur la machine elle-même : ASSISTENT_HOST ne peut pas être « {host} »."
            )
        # A fresh key at each start would make what was encrypted before unreadable: the demonstration keeps its own.
        secret_key = secret_key or _demonstration_key(var_dir / "demonstration.key")
    return Settings(
        mode=mode,
        root=root,
        var_dir=var_dir,
        host=host,
        port=_port(environ, "ASSISTENT_PORT", 8000),
        rasa_port=_port(environ, "ASSISTENT_RASA_PORT", 5005),
        rasa_b_port=_port(environ, "ASSISTENT_RASA_B_PORT", 5006),
        actions_port=_port(environ, "ASSISTENT_ACTIONS_PORT", 5055),
        rasa_url=environ.get("ASSISTENT_RASA_URL", "").rstrip("/"),
        database_url=environ.get("ASSISTENT_DATABASE_URL", ""),
        public_url=environ.get("ASSISTENT_PUBLIC_URL", "").rstrip("/"),
        secret_key=secret_key,
        visitors=environ.get("ASSISTENT_VISITORS", "on") != "off",
        frame_ancestors=_sites(environ, "ASSISTENT_FRAME_ANCESTORS"),
        trusted_proxies=_networks(environ, "ASSISTENT_TRUSTED_PROXIES"),
        issuers=_issuers(environ.get("ASSISTENT_ISSUERS_FILE", ""), root, mode),
        identity_providers=_identity_providers(environ, root, mode),
        limits=RateLimits(
            enabled=enabled,
            session=_limit(environ, "ASSISTENT_LIMIT_SESSION", RateLimits.session),
            address=_limit(environ, "ASSISTENT_LIMIT_ADDRESS", RateLimits.address),
            address_sessions=_limit(environ, "ASSISTENT_LIMIT_ADDRESS_SESSIONS", RateLimits.address_sessions),
            school=_limit(environ, "ASSISTENT_LIMIT_SCHOOL", RateLimits.school),
        ),
        connector_secrets={name: value for name, value in environ.items() if name.startswith(CONNECTOR_SECRET)},
        mailing=_mailing(environ, mode),
        demonstration_data=mode == DEMONSTRATION,
        learn_from_messages=_switch(environ, "ASSISTENT_LEARN_FROM_MESSAGES", default=mode == DEMONSTRATION),
        log_level=_log_level(environ.get("ASSISTENT_LOG_LEVEL", "INFO").upper()),
    )


def _mailing(environ: Mapping[str, str], mode: str) -> Mailing | None:
    """Read by which server the persons are written to; none unless one is named."""
    server, sender = environ.get("ASSISTENT_MAIL_SERVER", ""), environ.get("ASSISTENT_MAIL_FROM", "")
    if not server:
        return None
    try:
        parts = urlsplit(server)
        good = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        good = False
    if not good:
        raise SettingsError("ASSISTENT_MAIL_SERVER : écrivez smtp://machine:port ou smtps://machine:port, sans compte.")
    if not _SENDER.fullmatch(sender):
        raise SettingsError("ASSISTENT_MAIL_FROM : donnez l’adresse qui envoie les courriels, assistant@ent.example.")
    if mode == PRODUCTION and not environ.get("ASSISTENT_PUBLIC_URL"):
        raise SettingsError("ASSISTENT_PUBLIC_URL manque : les courriels mènent à cette adresse.")
    username, password = environ.get("ASSISTENT_MAIL_USERNAME", ""), environ.get("ASSISTENT_MAIL_PASSWORD", "")
    if bool(username) != bool(password):
        raise SettingsError("ASSISTENT_MAIL_USERNAME et ASSISTENT_MAIL_PASSWORD vont ensemble.")
    return Mailing(server, sender, username, password)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise SettingsError(f"{name} vaut « {text} » : donnez un numéro de port entre 1 et 65535.")
    return int(text)


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name) or ("on" if default else "off")
    if text not in ("on", "off"):
        raise SettingsError(f"{name} vaut « {text} » : écrivez on ou off.")
    return text == "on"


def _limit(environ: Mapping[str, str], name: str, default: str) -> str:
    text = environ.get(name) or default
    if not _LIMIT.fullmatch(text):
        raise SettingsError(f"{name} vaut « {text} » : écrivez par exemple 20/minute (second, minute, hour ou day).")
    return text


def _networks(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    listed = tuple(environ.get(name, "").split())
    for text in listed:
        try:
            ip_network(text, strict=False)
        except ValueError as error:
            raise SettingsError(f"{name} : « {text} » n’est ni une adresse IP ni un réseau (10.0.0.0/8).") from error
    return listed


def _sites(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    listed = tuple(environ.get(name, "").split())
    for text in listed:
        if not _SITE.fullmatch(text):
            raise SettingsError(f"{name} : « {text} » n’est pas un site. Écrivez https://ent.exemple.fr, sans chemin.")
    return listed


def _log_level(text: str) -> str:
    if text not in logging.getLevelNamesMapping():
        raise SettingsError(f"ASSISTENT_LOG_LEVEL vaut « {text} » : écrivez DEBUG, INFO, WARNING ou ERROR.")
    return text


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _demonstration_key(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(32), encoding="ascii")
        path.chmod(0o600)
    return path.read_text(encoding="ascii").strip()


def _is_in_the_clear(url: str) -> bool:
    """Tell whether what is read at an address could be changed on its way."""
    address = urlsplit(url)
    return address.scheme == "http" and not _is_loopback(address.hostname or "")


def _read_list(setting: str, file: str, root: Path, make: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    """Read a YAML file that is a list, named by a setting that may be empty."""
    if not file:
        return ()
    import yaml  # only a deployment that has such a file needs it here

    try:
        entries = yaml.safe_load((root / file).read_text(encoding="utf-8")) or []
        return tuple(make(entry) for entry in entries)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        raise SettingsError(f"{setting} ({file}) est illisible : {error}") from error


def _issuers(file: str, root: Path, mode: str) -> tuple[Issuer, ...]:
    """Read the ENTs' list, a YAML file of {name, audience, jwks_url | jwks_file | secret}."""
    issuers = _read_list("ASSISTENT_ISSUERS_FILE", file, root, lambda entry: Issuer(**entry))
    if len({issuer.name for issuer in issuers}) != len(issuers):
        raise SettingsError(f"Un émetteur est décrit deux fois dans ASSISTENT_ISSUERS_FILE ({file}).")
    for issuer in issuers:
        if not issuer.name or not issuer.audience:
            raise SettingsError(f"Un émetteur de {file} n’a pas de name (iss) ou pas d’audience (aud).")
        if sum(map(bool, (issuer.jwks_url, issuer.jwks_file, issuer.secret))) != 1:
            raise SettingsError(f"L’émetteur {issuer.name} doit donner un seul de jwks_url, jwks_file ou secret.")
        if issuer.secret and len(issuer.secret) < 32:
            raise SettingsError(f"Le secret de l’émetteur {issuer.name} compte moins de 32 caractères.")
        if mode == PRODUCTION and _is_in_the_clear(issuer.jwks_url):
            raise SettingsError(f"Les clés de l’émetteur {issuer.name} doivent être lues en https : {issuer.jwks_url}")
    return issuers


def _identity_providers(environ: Mapping[str, str], root: Path, mode: str) -> tuple[IdentityProvider, ...]:
    """Read where the people of the console may sign in."""
    file = environ.get("ASSISTENT_IDENTITY_PROVIDERS_FILE", "")
    providers = _read_list("ASSISTENT_IDENTITY_PROVIDERS_FILE", file, root, lambda entry: make_provider(entry, environ))
    if len({provider.id for provider in providers}) != len(providers):
        raise SettingsError(f"Un fournisseur d’identité est décrit deux fois dans {file}.")
    if providers and mode == PRODUCTION and not environ.get("ASSISTENT_PUBLIC_URL"):
        raise SettingsError("ASSISTENT_PUBLIC_URL manque : un fournisseur d’identité doit savoir où renvoyer.")
    for provider in providers:
        if mode == PRODUCTION and _is_in_the_clear(provider.url):
            raise SettingsError(f"Le fournisseur d’identité {provider.id} doit être joint en https : {provider.url}")
    return providers
