"""Handlers of the chat API: each parses, makes one call, serialises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.chat.assistant import Assistant
from bot.chat.events import EventHub
from bot.chat.markup import to_html
from bot.chat.payloads import (
    AnnouncementOut,
    ArticleRef,
    AttachmentList,
    AttachmentOut,
    Button,
    Export,
    FeedbackRequest,
    History,
    MessageOut,
    MessageRequest,
    Reply,
    ResultOut,
    SearchReply,
    SessionReply,
    SessionRequest,
    Suggestion,
    TicketCard,
    TicketList,
    TicketOut,
)
from bot.chat.tokens import TokenVerifier
from bot.clock import Clock
from bot.conversations import service as conversations
from bot.conversations.models import ConversationEvent, Message
from bot.conversations.service import Identity
from bot.db import Database
from bot.errors import InvalidInput, Unauthenticated, UnknownProfile, UnsupportedType
from bot.escalation import attachments
from bot.escalation import service as escalation
from bot.escalation.attachments import Darkroom
from bot.escalation.models import Attachment, Ticket
from bot.escalation.telling import shown_state
from bot.knowledge.service import KnowledgeBase
from bot.language.normalise import clean
from bot.privacy.masking import mask
from bot.privacy.service import PersonalData, Subject
from bot.privacy.vault import Vault
from bot.rollout import service as rollout
from bot.settings import Settings
from bot.topics import PROFILES
from bot.web.limits import Limiter
from bot.web.metrics import METRICS
from bot.web.operations import Operation
from bot.web.uploads import read_file

ASSISTANT = web.AppKey("assistant", Assistant)
DATABASE = web.AppKey("database", Database)
CLOCK = web.AppKey("clock", Clock)
KNOWLEDGE = web.AppKey("knowledge", KnowledgeBase)
HUB = web.AppKey("hub", EventHub)
LIMITER = web.AppKey("limiter", Limiter)
VERIFIER = web.AppKey("verifier", TokenVerifier)
SETTINGS = web.AppKey("settings", Settings)
VAULT = web.AppKey("vault", Vault)
PERSONAL_DATA = web.AppKey("personal_data", PersonalData)
DARKROOM = web.AppKey("darkroom", Darkroom)

PREFIX = "/api/v1"
ATTACHMENTS = f"{PREFIX}/attachments"
MAX_QUERY_CHARS = 200
SUGGESTIONS = 5
# A stream looks this often whether its reader is still there.
LOOK_EVERY_S = 5.0
# The one part of the form that brings an image.
_FILE = "file"

S = TypeVar("S", bound=msgspec.Struct)


async def open_session(request: web.Request) -> web.Response:
    """Open a conversation."""
    app = request.app
    await app[LIMITER].check_session_opening(request)
    body = await read_body(request, SessionRequest)
    person_id, identity = await _who(request, body)
    opened, messages = await app[ASSISTANT].open(identity, person_id=person_id)
    profile = opened.conversation.profile
    return _json(
        SessionReply(
            token=opened.token,
            conversation=opened.conversation.id,
            profile=profile,
            messages=[message_out(message) for message in messages],
            announcements=await _announcements(app, profile, opened.conversation.uai),
        ),
        status=201,
    )


async def _who(request: web.Request, body: SessionRequest) -> tuple[str | None, Identity]:
    """Return (person, identity): of our own token (a new conversation), of the ENT's JWT, or of a visitor."""
    app = request.app
    if "Authorization" in request.headers:
        token = bearer(request)
        if token.count(".") == 2:
            return None, await app[VERIFIER].verify(token)
        return await conversations.identity_of(app[DATABASE], app[CLOCK], token)
    if not app[SETTINGS].visitors:
        raise Unauthenticated("Ouvrez l’assistant depuis votre ENT, une fois connecté.")
    return None, Identity(profile=body.profile, uai=body.uai)


async def post_message(request: web.Request) -> web.Response:
    """Answer a message."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    body = await read_body(request, MessageRequest)
    browser = _readable(request.headers.get("User-Agent", ""))
    answered = await app[ASSISTANT].respond(token, body, browser=browser, count_school=app[LIMITER].check_school)
    result = answered.result
    if answered.first_time:
        app[METRICS].outcomes.labels(result.outcome, result.topic or "").inc()
        if result.worry:
            app[METRICS].worries.labels(result.worry).inc()
    return _json(
        Reply(
            messages=[message_out(message) for message in answered.replies],
            result=ResultOut(
                outcome=result.outcome, topic=result.topic, confidence=result.confidence, choices=result.choices,
                model=result.model, took_ms=result.took_ms,
            ),
        )
    )  # fmt: skip


async def list_messages(request: web.Request) -> web.Response:
    """Return the history."""
    app = request.app
    await app[LIMITER].check_reading(request)
    conversation, messages = await conversations.history(
        app[DATABASE], app[CLOCK], bearer(request), _readable(request.query.get("after", ""))
    )
    return _json(
        History(
            messages=[message_out(message) for message in messages],
            announcements=await _announcements(app, conversation.profile, conversation.uai),
            profile=conversation.profile,
        )
    )


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Tell what happens in the conversation, from Last-Event-ID on."""
    app = request.app
    await app[LIMITER].check_reading(request)
    conversation = await conversations.conversation_of(app[DATABASE], app[CLOCK], bearer(request))
    given = request.headers.get("Last-Event-ID", "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise InvalidInput("Last-Event-ID n’est pas un numéro.")
    async with app[HUB].listen(conversation.id) as queue:
        async with app[DATABASE].reading() as session:
            newest = await conversations.last_event_id(session, conversation.id)
            # A number that was never given out would silence all that comes: no further than the newest.
            last = min(int(given), newest) if given else newest
            missed = await conversations.events_of(session, conversation.id, last)
        async with sse_response(request) as stream:
            with app[METRICS].streams.track_inprogress():
                await stream.send("", event="ready", id=str(last))
                async for event in _follow(request, stream, missed, queue):
                    if event.id > last:
                        await _send(app, stream, event)
                        last = event.id
    return stream


async def _follow(request: web.Request, stream: EventSourceResponse, missed: list[ConversationEvent],
                  queue: asyncio.Queue[ConversationEvent | None]) -> AsyncIterator[ConversationEvent]:  # fmt: skip
    """Give what was missed, then what comes, until the server ends the stream or the reader is gone."""
    for event in missed:
        yield event
    while stream.is_connected() and request.transport is not None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                event = await queue.get()
        except TimeoutError:
            continue
        if event is None:
            return
        yield event


async def _send(app: web.Application, stream, event: ConversationEvent) -> None:
    payload: Any = event.payload
    if event.kind == "message":
        async with app[DATABASE].reading() as session:
            found = await conversations.messages_by_id(session, [event.payload["message"]])
        if not found:
            return
        payload = message_out(found[0])
    await stream.send(msgspec.json.encode(payload).decode(), event=event.kind, id=str(event.id))


async def give_feedback(request: web.Request) -> web.Response:
    """Keep whether an answer helped."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    body = await read_body(request, FeedbackRequest)
    await conversations.give_feedback(
        app[DATABASE], app[CLOCK], token, _readable(request.match_info["id"]), body.helpful,
        mask(clean(body.comment)).text,
    )  # fmt: skip
    return web.Response(status=204)


async def list_tickets(request: web.Request) -> web.Response:
    """Return the person's requests."""
    app = request.app
    await app[LIMITER].check_reading(request)
    conversation = await conversations.conversation_of(app[DATABASE], app[CLOCK], bearer(request))
    async with app[DATABASE].reading() as session:
        tickets = await escalation.list_tickets(session, conversation.person_id)
    return _json(TicketList(tickets=[ticket_out(ticket) for ticket in tickets]))


async def reopen_ticket(request: web.Request) -> web.Response:
    """Reopen a request that was resolved or closed, or open its follow-up."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    number = _readable(request.match_info["number"])
    return _json(ticket_out(await escalation.reopen_ticket(app[DATABASE], app[CLOCK], token, number)))


async def attach_image(request: web.Request) -> web.Response:
    """Join an image to the request being told."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    await attachments.check_room(app[DATABASE], app[CLOCK], token)
    async with app[DARKROOM] as darkroom:
        image = await darkroom.redraw(await read_file(request, _FILE, attachments.MAX_SENT_BYTES))
    return _json(attachment_out(await attachments.attach(app[DATABASE], app[CLOCK], token, image)), status=201)


async def list_attachments(request: web.Request) -> web.Response:
    """Return the images that the request being told will carry."""
    app = request.app
    await app[LIMITER].check_reading(request)
    kept = await attachments.list_unsent(app[DATABASE], app[CLOCK], bearer(request))
    return _json(AttachmentList(attachments=[attachment_out(one) for one in kept]))


async def remove_attachment(request: web.Request) -> web.Response:
    """Remove an image before the request is sent."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    await attachments.remove(app[DATABASE], app[CLOCK], token, _readable(request.match_info["id"]))
    return web.Response(status=204)


async def export_conversation(request: web.Request) -> web.Response:
    """Return all that is kept of the conversation."""
    app = request.app
    await app[LIMITER].check_reading(request)
    conversation = await conversations.conversation_of(app[DATABASE], app[CLOCK], bearer(request))
    export = await app[PERSONAL_DATA].export(Subject(conversation.id, conversation.person_id))
    response = _json(Export(**export))
    response.headers["Content-Disposition"] = 'attachment; filename="mes-donnees-assistant.json"'
    return response


async def erase_conversation(request: web.Request) -> web.Response:
    """Erase the conversation."""
    app, token = request.app, bearer(request)
    await app[LIMITER].check_message(request, token)
    conversation = await conversations.conversation_of(app[DATABASE], app[CLOCK], token)
    await app[PERSONAL_DATA].erase(Subject(conversation.id, conversation.person_id))
    return web.Response(status=204)


async def search_articles(request: web.Request) -> web.Response:
    """Suggest articles for what is being typed."""
    app = request.app
    await app[LIMITER].check_reading(request)
    text = _readable(request.query.get("q", ""))
    if len(text) > MAX_QUERY_CHARS:
        raise InvalidInput(f"La recherche compte plus de {MAX_QUERY_CHARS} caractères.")
    profile = request.query.get("profile")
    if profile and profile not in PROFILES:
        raise UnknownProfile
    knowledge = app[KNOWLEDGE]
    found = knowledge.search.suggest(text, limit=3 * SUGGESTIONS)
    shown = [item for item in found if not profile or profile in knowledge.articles[item.topic].audiences]
    return _json(
        SearchReply(
            results=[
                Suggestion(topic=item.topic, title=knowledge.title(item.topic) or "") for item in shown[:SUGGESTIONS]
            ]
        )
    )


OPERATIONS = (
    Operation("POST", f"{PREFIX}/sessions", open_session, "Ouvrir une conversation", "optional",
              SessionRequest, SessionReply, 201, (400, 401, 413, 415, 429, 503)),
    Operation("POST", f"{PREFIX}/messages", post_message, "Envoyer un message et recevoir la réponse", "bearer",
              MessageRequest, Reply, 200, (400, 401, 409, 413, 415, 422, 429, 503)),
    Operation("GET", f"{PREFIX}/messages", list_messages, "Lire l’historique", "bearer",
              None, History, 200, (401, 404, 429, 503), {"after": "Identifiant du dernier message déjà lu"}),
    Operation("GET", f"{PREFIX}/events", stream_events, "Suivre ce qui arrive (événements du serveur)", "bearer",
              None, None, 200, (400, 401, 429, 503), content_type="text/event-stream"),
    Operation("POST", f"{PREFIX}/messages/{{id}}/feedback", give_feedback, "Dire si une réponse a aidé", "bearer",
              FeedbackRequest, None, 204, (400, 401, 404, 413, 415, 429, 503)),
    Operation("GET", f"{PREFIX}/tickets", list_tickets, "Lire ses demandes", "bearer",
              None, TicketList, 200, (401, 429, 503)),
    Operation("POST", f"{PREFIX}/tickets/{{number}}/reopen", reopen_ticket, "Rouvrir une demande ; trop tard, ouvrir sa suite", "bearer",
              None, TicketOut, 200, (401, 404, 409, 429, 503)),
    Operation("POST", ATTACHMENTS, attach_image, "Joindre une image à la demande en cours (PNG, JPEG ou WebP)", "bearer",
              None, AttachmentOut, 201, (400, 401, 409, 413, 415, 422, 429, 503), file=_FILE),
    Operation("GET", ATTACHMENTS, list_attachments, "Lire ce qui est joint à la demande en cours", "bearer",
              None, AttachmentList, 200, (401, 429, 503)),
    Operation("DELETE", f"{ATTACHMENTS}/{{id}}", remove_attachment, "Retirer une image avant l’envoi", "bearer",
              None, None, 204, (401, 404, 429, 503)),
    Operation("GET", f"{PREFIX}/conversation/export", export_conversation, "Recevoir ses données", "bearer",
              None, Export, 200, (401, 429, 503)),
    Operation("DELETE", f"{PREFIX}/conversation", erase_conversation, "Effacer la conversation", "bearer",
              None, None, 204, (401, 429, 503)),
    Operation("GET", f"{PREFIX}/search", search_articles, "Suggérer des articles", "none",
              None, SearchReply, 200, (400, 422, 429), {"q": "Ce qui est tapé", "profile": "Un des six profils"}),
)  # fmt: skip


# --- shared pieces ----------------------------------------------------------------------------


def bearer(request: web.Request) -> str:
    """Return the bearer of a request; Unauthenticated when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > 8_192 or not token.isascii():
        raise Unauthenticated
    return token.strip()


def _readable(text: str) -> str:
    """Return `text` of an address or a header as the database can hold it: bytes that are not UTF-8 become marks."""
    return clean(text.encode("utf-8", "replace").decode())


async def read_body(request: web.Request, kind: type[S]) -> S:
    """Return the JSON of a request, of the type that is expected."""
    # A compressed body would be unpacked before its size is known; no client of ours sends any.
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise UnsupportedType
    try:
        raw = await request.read()
    except web.RequestPayloadError as error:
        raise InvalidInput("Le corps de la requête est abîmé.") from error
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"Le JSON reçu n’est pas celui attendu : {error}") from error


def ticket_out(ticket: Ticket) -> TicketOut:
    """Return a request as its person may read it."""
    return TicketOut(
        number=ticket.number or "", level=ticket.shown.level, status=shown_state(ticket), topic=ticket.topic,
        school=ticket.school, problem=ticket.problem, opened_at=ticket.opened_at, updated_at=ticket.updated_at,
        follows=ticket.follows.number if ticket.follows_id else None,
    )  # fmt: skip


def attachment_out(attachment: Attachment) -> AttachmentOut:
    """Return what is said of an image joined."""
    return AttachmentOut(
        id=attachment.id, type=attachment.media_type, width=attachment.width, height=attachment.height,
        size=attachment.size,
    )  # fmt: skip


def message_out(message: Message) -> MessageOut:
    """Return a stored message as the API shows it."""
    extras = message.extras or {}
    article = extras.get("article")
    return MessageOut(
        id=message.id,
        sender=message.sender,
        text=message.text,
        html="" if message.sender == conversations.USER else to_html(message.text),
        at=message.at,
        buttons=[Button(**button) for button in extras.get("buttons") or []],
        article=ArticleRef(**{**article, "updated": _midnight(article["updated"])}) if article else None,
        ticket=TicketCard(**extras["ticket"]) if extras.get("ticket") else None,
    )


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.min, UTC)


async def _announcements(app: web.Application, profile: str | None, uai: str | None) -> list[AnnouncementOut]:
    rows = await rollout.current(app[DATABASE], app[CLOCK], profile, uai)
    return [
        AnnouncementOut(id=row.id, level=row.level, title=row.title, text=row.text, html=to_html(row.text))
        for row in rows
    ]


def _json(body: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
