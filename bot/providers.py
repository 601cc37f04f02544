"""The identity providers where the people of the console may sign in, as a deployment's file describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bot.errors import SettingsError

OIDC, CAS = "oidc", "cas"
# The e-mail address that a provider gives is believed: not at all, when it says that it has verified it, always.
NEVER, VERIFIED, ALWAYS = "never", "verified", "always"

_ID = re.compile(r"[a-z0-9-]{1,40}")
# A claim, or an attribute that is looked for in XML.
_CLAIM = re.compile(r"[A-Za-z_][\w.-]{0,79}", re.ASCII)
# As stored beside each identity.
_MAX_URL = 300


@dataclass(frozen=True)
class IdentityProvider:
    """An OpenID Connect provider or a CAS server.

    `url` is the issuer, or the CAS server's base address. `login_claim` is the claim or attribute that holds the e-mail
    address; `trust_email` says when that address may designate an account.
    """

    id: str
    name: str
    protocol: str
    url: str
    client_id: str = ""
    secret: str = field(default="", repr=False)
    scope: str = "openid email"
    login_claim: str = "email"
    trust_email: str = NEVER


def make_provider(entry: Any, environ: Mapping[str, str]) -> IdentityProvider:
    """Read one entry; its secret is in the variable that `secret_env` names. TypeError or SettingsError."""
    if not isinstance(entry, dict) or "secret" in entry or not all(isinstance(told, str) for told in entry.values()):
        raise TypeError("chaque entrée se compose de textes, et le secret est dans la variable que nomme secret_env")
    fields = {name: told for name, told in entry.items() if name != "secret_env"}
    variable = entry.get("secret_env", "")
    if variable and not environ.get(variable):
        raise SettingsError(f"Un fournisseur d’identité attend un secret dans la variable {variable}, vide ou absente.")
    provider = IdentityProvider(**fields, secret=environ.get(variable, ""))
    fault = _fault_of(provider)
    if fault:
        raise SettingsError(f"Le fournisseur d’identité « {provider.id} » : {fault}.")
    return provider


def _fault_of(provider: IdentityProvider) -> str:
    """Return what is wrong with a provider, empty when nothing is."""
    if not _ID.fullmatch(provider.id):
        return "id se compose de minuscules, de chiffres et de tirets, 40 au plus"
    if not provider.name.strip():
        return "name est vide ; le bouton de connexion le montre"
    if provider.protocol not in (OIDC, CAS):
        return "protocol vaut oidc ou cas"
    if not _is_site(provider.url):
        return "url est une adresse complète, par exemple https://identite.example"
    if not _CLAIM.fullmatch(provider.login_claim):
        return "login_claim est le nom d’une information, par exemple email"
    if provider.trust_email not in (NEVER, VERIFIED, ALWAYS):
        return "trust_email vaut never, verified ou always"
    if provider.protocol == OIDC and not provider.client_id:
        return "client_id manque"
    if provider.protocol == OIDC and "openid" not in provider.scope.split():
        return "scope doit contenir openid"
    if provider.protocol == CAS and provider.url.endswith("/"):
        return "url ne finit pas par une barre oblique"
    if provider.protocol == CAS and provider.trust_email == VERIFIED:
        return "CAS ne dit pas si une adresse e-mail est vérifiée ; trust_email vaut never ou always"
    return ""


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = not parts.query and not parts.fragment and "@" not in parts.netloc and len(url) <= _MAX_URL
    return parts.scheme in ("https", "http") and bool(parts.hostname) and plain
