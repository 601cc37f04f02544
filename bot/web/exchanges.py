"""Where the webhooks of other teams' tools tell what changed there."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import sqlalchemy as sa
from aiohttp import web

from bot.chat.payloads import Uuid
from bot.chat.views import CLOCK, DATABASE, LIMITER, PREFIX, SETTINGS, read_body
from bot.connectors.inbox import take_changes
from bot.connectors.models import Connector, Exchange
from bot.connectors.setup import WEBHOOK, secrets_of
from bot.connectors.signing import SIGNATURE, TIMESTAMP, check_signature
from bot.connectors.tool import RemoteComment, RemoteRequest
from bot.errors import NotFound, ToolUnavailable, Unauthenticated
from bot.language.normalise import clean
from bot.web.operations import Operation


class ExchangeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A change of a request. `id` is the tool's: sent twice, it acts once. `key` is what the request was sent with."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    key: Uuid
    comment: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    state: Literal["ouvert", "resolu", "clos"] | None = None


class ExchangeTaken(msgspec.Struct):
    """Whether the change is new; false when it had been taken already."""

    taken: bool


async def take_exchange(request: web.Request) -> web.Response:
    """Take what changed in a group's tool."""
    app = request.app
    await app[LIMITER].check_reading(request)
    change = await read_body(request, ExchangeRequest)
    group = clean(request.match_info["group"])
    async with app[DATABASE].reading() as session:
        connector = await session.get(Connector, group)
        exchange_id = await session.scalar(
            sa.select(Exchange.id).where(Exchange.group_id == group, Exchange.key == change.key.lower())
        )
    await _check(request, connector)
    if exchange_id is None:
        raise NotFound("Aucune demande n’a été envoyée à cet outil avec cette clé.")
    # The receipts of comments are of another form: neither can be taken for the other.
    comments = (RemoteComment(f"{change.id}/1", change.comment),) if change.comment else ()
    remote = RemoteRequest(comments, change.state)
    taken = await take_changes(app[DATABASE], app[CLOCK], exchange_id, remote, once=change.id)
    return web.Response(body=msgspec.json.encode(ExchangeTaken(taken)), content_type="application/json")


async def _check(request: web.Request, connector: Connector | None) -> None:
    """Refuse what the group's tool has not signed; a group without one says no more than a wrong signature."""
    secret = ""
    if connector is not None and connector.kind == WEBHOOK:
        try:
            secret = secrets_of(connector, request.app[SETTINGS].connector_secrets)["signing"]
        except ToolUnavailable as error:
            raise Unauthenticated("La signature ou sa date n’est pas bonne.") from error
    timestamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
    check_signature(secret or None, timestamp, signature, await request.read(), request.app[CLOCK].now())


OPERATIONS = (
    Operation("POST", f"{PREFIX}/exchanges/{{group}}", take_exchange, "Recevoir ce qui change dans l’outil d’une équipe",
              "signature", ExchangeRequest, ExchangeTaken, errors=(400, 401, 404, 413, 415, 429, 503),
              headers={TIMESTAMP: "L’instant de la signature, en secondes depuis 1970 ; cinq minutes d’écart au plus"}),
)  # fmt: skip
