"""Screenshots joined to a request: checked, drawn anew, kept aside while it is told, given to it when it is sent."""

from __future__ import annotations

import asyncio
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation
from bot.conversations.service import authenticate
from bot.db import Database
from bot.errors import Conflict, ImageRefused, NotFound, RateLimited
from bot.escalation.desk import find_ticket
from bot.escalation.models import Attachment, Draft, Ticket
from bot.people.sign_in import Caller

# A screenshot weighs one or two megabytes, a telephone's photograph of a screen four or five.
MAX_SENT_BYTES = 8 * 1024 * 1024
# What a request needs to be understood; and what somebody may leave in one conversation, request after request.
MAX_PER_REQUEST = 3
MAX_PER_CONVERSATION = 10
# Images held in memory at once by a process, and of those the ones being drawn, each by a process of its own.
_MAX_AT_ONCE, _MAX_DRAWN = 16, 2
# Drawing the largest takes under two seconds on a slow machine.
_DRAWN_WITHIN_S = 15.0
_WORKER = Path(__file__).with_name("images.py")

# Why an image is refused, by what the worker says of it.
SENTENCES = {
    "unknown": "Ce fichier n’est pas une image PNG, JPEG ou WebP. Faites une capture d’écran, puis joignez-la.",
    "broken": "Cette image est abîmée ou incomplète. Refaites la capture d’écran, puis joignez-la.",
    "too_many_pixels": "Cette image est trop grande : au plus 25 millions de pixels. Recadrez-la, puis joignez-la.",
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Image:
    """An image that may be kept, and a small one of it (JPEG)."""

    media_type: str
    width: int
    height: int
    content: bytes
    thumbnail: bytes


class Darkroom:
    """Draws images anew, a few at a time, each in a process that has a limit of time and of memory."""

    def __init__(self) -> None:
        self._held = 0
        self._turns = asyncio.Semaphore(_MAX_DRAWN)

    async def __aenter__(self) -> Darkroom:
        """Make room for one image, before it is read; RateLimited when there is none."""
        if self._held == _MAX_AT_ONCE:
            raise RateLimited(5, "Trop d’images arrivent en même temps. Réessayez dans quelques secondes.")
        self._held += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._held -= 1

    async def redraw(self, sent: bytes) -> Image:
        """Return the image that `sent` holds, drawn anew; ImageRefused with what is wrong with it."""
        async with self._turns:
            # No variable of ours: what reads the image has nothing to give away.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_WORKER), env={}, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                async with asyncio.timeout(_DRAWN_WITHIN_S):
                    answer, _ = await process.communicate(sent)
            except TimeoutError:
                answer = b""
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        head, _, content = answer.partition(b"\n")
        match head.decode().split():
            case ["ok", media_type, width, height, size]:
                cut = int(size)
                return Image(media_type, int(width), int(height), content[:cut], content[cut:])
            case ["no", reason]:
                raise ImageRefused(SENTENCES[reason])
        # Out of time or of memory, or worse: the process alone suffered.
        log.warning("image_undrawn", bytes=len(sent), exit=process.returncode)
        raise ImageRefused(SENTENCES["broken"])


# --- for the person ---------------------------------------------------------------------------


async def check_room(database: Database, clock: Clock, token: str) -> None:
    """Refuse an image that could not be kept, before it is read: Conflict where no request is told, or it has enough."""
    async with database.reading() as session:
        await _room(session, await authenticate(session, token, clock.now()))


async def _room(session: AsyncSession, conversation: Conversation) -> None:
    if await session.get(Draft, conversation.id) is None:
        raise Conflict(
            "Aucune demande n’est en cours. Demandez à parler à une personne, puis joignez la capture d’écran."
        )
    if len(await unsent(session, conversation.id)) >= MAX_PER_REQUEST:
        raise Conflict(
            f"Une demande porte au plus {MAX_PER_REQUEST} captures d’écran. Retirez-en une pour en joindre une autre."
        )
    query = sa.select(sa.func.count()).where(Attachment.conversation_id == conversation.id)
    if (await session.scalar(query) or 0) >= MAX_PER_CONVERSATION:
        raise Conflict(f"Une conversation porte au plus {MAX_PER_CONVERSATION} captures d’écran.")


async def attach(database: Database, clock: Clock, token: str, image: Image) -> Attachment:
    """Keep an image for the request that the bearer's conversation is telling."""
    async with database.transaction() as session:
        conversation = await authenticate(session, token, clock.now(), to_write=True)
        await _room(session, conversation)
        attachment = Attachment(
            id=str(uuid.uuid4()), conversation_id=conversation.id, media_type=image.media_type, width=image.width,
            height=image.height, size=len(image.content), content=image.content, thumbnail=image.thumbnail,
            at=clock.now(),
        )  # fmt: skip
        session.add(attachment)
    return attachment


async def list_unsent(database: Database, clock: Clock, token: str) -> list[Attachment]:
    """Return the images of the request that the bearer's conversation is telling, in order."""
    async with database.reading() as session:
        conversation = await authenticate(session, token, clock.now())
        return await unsent(session, conversation.id)


async def remove(database: Database, clock: Clock, token: str, attachment_id: str) -> None:
    """Remove an image before its request is sent; NotFound when it is not there, not theirs, or was sent."""
    async with database.transaction() as session:
        conversation = await authenticate(session, token, clock.now(), to_write=True)
        removed = await session.execute(_of_no_request(conversation.id).where(Attachment.id == attachment_id))
        if not removed.rowcount:
            raise NotFound("Cette capture d’écran n’est plus là, ou la demande est déjà envoyée.")


# --- within the form's transaction ------------------------------------------------------------


async def unsent(session: AsyncSession, conversation_id: str) -> list[Attachment]:
    """Return what a conversation holds for the request that it is telling."""
    query = (
        sa.select(Attachment)
        .where(Attachment.conversation_id == conversation_id, Attachment.ticket_id.is_(None))
        .order_by(Attachment.at, Attachment.id)
    )
    return list((await session.scalars(query)).all())


async def give(session: AsyncSession, conversation_id: str, ticket: Ticket) -> None:
    """Give a request that is sent the images that were joined to it."""
    await session.execute(
        sa.update(Attachment)
        .where(Attachment.conversation_id == conversation_id, Attachment.ticket_id.is_(None))
        .values(ticket_id=ticket.id)
    )


async def drop(session: AsyncSession, conversation_id: str) -> None:
    """Remove those of a request that is given up."""
    await session.execute(_of_no_request(conversation_id))


def _of_no_request(conversation_id: str) -> sa.Delete:
    return sa.delete(Attachment).where(
        Attachment.conversation_id == conversation_id, Attachment.ticket_id.is_(None)
    )  # fmt: skip


# --- for agents -------------------------------------------------------------------------------


async def list_of(session: AsyncSession, ticket: Ticket) -> list[Attachment]:
    """Return the images of a request, in order."""
    query = sa.select(Attachment).where(Attachment.ticket_id == ticket.id).order_by(Attachment.at, Attachment.id)
    return list((await session.scalars(query)).all())


async def read(
    session: AsyncSession, caller: Caller, number: str, attachment_id: str, *, small: bool
) -> tuple[str, bytes]:
    """Return (type, bytes) of an image of a request that `caller` may see; NotFound otherwise."""
    ticket = await find_ticket(session, caller, number)
    chosen = (sa.literal("image/jpeg"), Attachment.thumbnail) if small else (Attachment.media_type, Attachment.content)
    row = (
        await session.execute(
            sa.select(*chosen).where(Attachment.id == attachment_id, Attachment.ticket_id == ticket.id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("Cette image n’est pas dans la demande.")
    return row[0], row[1]
