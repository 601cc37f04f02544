"""Which group has which tool: as a deployment's file gives them, and opened to be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.connectors.glpi import GlpiV1, GlpiV2
from bot.connectors.http import TIMEOUT_S, ToolClient
from bot.connectors.mail import Mail
from bot.connectors.models import Connector
from bot.connectors.redmine import Redmine
from bot.connectors.tool import Tool
from bot.connectors.webhook import Webhook
from bot.connectors.zammad import Zammad
from bot.errors import InvalidInput, ToolUnavailable
from bot.escalation.models import Group
from bot.settings import CONNECTOR_SECRET

# A signature under a shorter secret can be guessed.
_SIGNING_LENGTH = 32
_WEB = ("http", "https")
_NAME = re.compile(rf"{CONNECTOR_SECRET}[A-Z0-9_]{{1,60}}")

WEBHOOK = "webhook"


@dataclass(frozen=True)
class _Opening:
    """What a tool is opened with: its row, what is secret by what it is for, the means to call."""

    connector: Connector
    secrets: Mapping[str, str]
    http: aiohttp.ClientSession
    clock: Clock
    timeout: float

    def client(self, headers: Mapping[str, str] | None = None) -> ToolClient:
        return ToolClient(self.http, self.connector.address, headers or {}, self.timeout)


@dataclass(frozen=True)
class _Kind:
    """A kind of tool: which secrets and options it takes, of which types, and how it is opened."""

    open: Callable[[_Opening], Tool]
    secrets: tuple[str, ...]
    required: Mapping[str, type]
    optional: Mapping[str, type]
    schemes: tuple[str, ...] = _WEB
    optional_secrets: tuple[str, ...] = ()


def _open_webhook(opening: _Opening) -> Tool:
    return Webhook(opening.client(), opening.secrets["signing"], opening.clock)


def _open_redmine(opening: _Opening) -> Tool:
    client = opening.client({"X-Redmine-API-Key": opening.secrets["api_key"]})
    options = opening.connector.options
    return Redmine(client, options["project"], options.get("tracker"))


def _open_mail(opening: _Opening) -> Tool:
    options = opening.connector.options
    return Mail(
        opening.connector.address, options["from"], options["to"], options.get("username", ""),
        opening.secrets.get("password", ""), opening.timeout,
    )  # fmt: skip


def _open_glpi_v1(opening: _Opening) -> Tool:
    secrets, entity = opening.secrets, opening.connector.options.get("entity")
    return GlpiV1(opening.client(), secrets["user_token"], secrets.get("app_token", ""), entity)


def _open_glpi_v2(opening: _Opening) -> Tool:
    secrets, options = opening.secrets, opening.connector.options
    return GlpiV2(
        opening.client(), options["client_id"], secrets["client_secret"], options["username"], secrets["password"],
        options.get("entity"),
    )  # fmt: skip


def _open_zammad(opening: _Opening) -> Tool:
    client = opening.client({"Authorization": f"Token token={opening.secrets['token']}"})
    return Zammad(client, opening.connector.options["group"], opening.connector.options["customer"])


KINDS: Mapping[str, _Kind] = {
    WEBHOOK: _Kind(_open_webhook, ("signing",), {}, {}),
    "redmine": _Kind(_open_redmine, ("api_key",), {"project": str}, {"tracker": int}),
    "email": _Kind(
        _open_mail, (), {"from": str, "to": str}, {"username": str}, schemes=("smtp", "smtps"),
        optional_secrets=("password",),
    ),
    "glpi_v1": _Kind(_open_glpi_v1, ("user_token",), {}, {"entity": int}, optional_secrets=("app_token",)),
    "glpi_v2": _Kind(
        _open_glpi_v2, ("client_secret", "password"), {"client_id": str, "username": str}, {"entity": int}
    ),
    "zammad": _Kind(_open_zammad, ("token",), {"group": str, "customer": str}, {}),
}  # fmt: skip


async def save_connectors(session: AsyncSession, connectors: Iterable[dict[str, Any]]) -> None:
    """Put these tools in place of those before; InvalidInput says what is wrong. What was read of a tool is kept."""
    entries = list(connectors)
    groups = set((await session.scalars(sa.select(Group.id))).all())
    for entry in entries:
        check_entry(entry, groups)
    named = [entry["group"] for entry in entries]
    if len(set(named)) < len(named):
        raise InvalidInput("Un groupe n’a qu’un outil : il y en a deux pour le même dans « connectors ».")
    await session.execute(sa.delete(Connector).where(Connector.group_id.not_in(named)))
    for entry in entries:
        values = {name: entry.get(name, {}) for name in ("secrets", "options")}
        values |= {"kind": entry["kind"], "address": entry["address"].rstrip("/")}
        await session.merge(Connector(group_id=entry["group"], **values))


def check_entry(entry: dict[str, Any], groups: set[str]) -> None:
    """Raise InvalidInput unless an entry of the file is a tool of one of `groups`."""
    where = f"connectors, groupe {entry.get('group')}"
    kind = KINDS.get(entry.get("kind", ""))
    if kind is None:
        raise InvalidInput(f"{where} : « kind » est l’un de {', '.join(sorted(KINDS))}.")
    if entry.get("group") not in groups:
        raise InvalidInput(f"{where} : ce groupe n’existe pas.")
    if unknown := set(entry) - {"group", "kind", "address", "secrets", "options"}:
        raise InvalidInput(f"{where} : « {sorted(unknown)[0]} » n’est pas un réglage d’outil.")
    address = urlsplit(str(entry.get("address", "")))
    if (
        address.scheme not in kind.schemes
        or not address.hostname
        or address.username
        or address.query
        or address.fragment
    ):
        raise InvalidInput(
            f"{where} : l’adresse commence par {' ou '.join(kind.schemes)}:// et ne porte ni compte ni « ? »."
        )
    secrets, options = entry.get("secrets", {}), entry.get("options", {})
    _check_names(where, "secrets", set(secrets), kind.secrets, kind.optional_secrets)
    if bad := [name for name in secrets.values() if not _NAME.fullmatch(str(name))]:
        raise InvalidInput(f"{where} : « {bad[0]} » n’est pas le nom d’une variable {CONNECTOR_SECRET}…")
    _check_names(where, "options", set(options), tuple(kind.required), tuple(kind.optional))
    known = {**kind.required, **kind.optional}
    for name, value in options.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise InvalidInput(f"{where} : « {name} » n’est pas ce qui est attendu.")


def _check_names(where: str, what: str, given: set[str], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    if not set(required) <= given <= {*required, *optional}:
        may = f" et peut donner {', '.join(optional)}" if optional else ""
        raise InvalidInput(f"{where} : « {what} » donne {', '.join(required) or 'rien'}{may}.")


def secrets_of(connector: Connector, environment: Mapping[str, str]) -> dict[str, str]:
    """Return a tool's secrets by what they are for; ToolUnavailable names the variable that is missing."""
    secrets = {role: environment.get(name, "") for role, name in connector.secrets.items()}
    for role, value in secrets.items():
        if not value:
            raise ToolUnavailable(f"La variable {connector.secrets[role]} n’est pas dans l’environnement.")
    if len(secrets.get("signing", "x" * _SIGNING_LENGTH)) < _SIGNING_LENGTH:
        raise ToolUnavailable(f"{connector.secrets['signing']} compte moins de {_SIGNING_LENGTH} caractères.")
    return secrets


def open_tool(
    connector: Connector, environment: Mapping[str, str], http: aiohttp.ClientSession, clock: Clock,
    timeout: float = TIMEOUT_S,
) -> Tool:  # fmt: skip
    """Return the tool of a row; ToolUnavailable when a secret of its is missing."""
    opening = _Opening(connector, secrets_of(connector, environment), http, clock, timeout)
    return KINDS[connector.kind].open(opening)
