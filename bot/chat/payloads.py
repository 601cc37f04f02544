"""What comes into the chat API and what goes out. The OpenAPI document is made from these types."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from bot.errors import InvalidInput, TooLarge
from bot.language.normalise import clean

# Under this a message is read whole; over it, by its first and last parts; over the last, it is refused.
READ_WHOLE_CHARS = 1_000
MAX_TEXT_CHARS = 20_000
# 20,000 characters escaped as \uXXXX pairs, with room for the rest: what is larger is refused before it is parsed.
MAX_BODY_BYTES = 256 * 1024

Profile = Literal["parent", "eleve", "enseignant", "directeur", "personnel", "intervenant"]
Outcome = Literal[
    "answer", "choices", "clarify", "other_profile", "urgent", "out_of_scope", "dialogue", "form", "ticket", "incident",
    "degraded", "agent",
]  # fmt: skip
# The lengths are said too: « $ » would let a line feed through at the end.
Uuid = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", min_length=36, max_length=36,
        description="A UUID",
    ),
]  # fmt: skip
Uai = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{7}[A-Z]$", min_length=8, max_length=8, description="Code of a school")
]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]


class SessionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Open a conversation; for visitors, who may say their profile and school."""

    profile: Profile | None = None
    uai: Uai | None = None


class MessageRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A message: a text, or the value of a button. The id is the client's: sent twice, it acts once."""

    id: Uuid
    text: str | None = None
    choice: ShortText | None = None
    page: ShortText | None = None


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whether an answer helped."""

    helpful: bool
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class Button(msgspec.Struct, omit_defaults=True):
    """A choice offered; `topic` when it stands for one."""

    title: str
    choice: str
    topic: str | None = None


class ArticleRef(msgspec.Struct):
    """The article that a message shows."""

    id: str
    title: str
    topic: str
    updated: datetime


class TicketCard(msgspec.Struct):
    """A request: its number, level (2 or 3), status and topic."""

    number: str
    level: int
    status: str
    topic: str | None = None


class MessageOut(msgspec.Struct, omit_defaults=True, rename={"sender": "from"}):
    """Something said: Markdown in `text`, the same as safe HTML in `html`."""

    id: str
    sender: Literal["bot", "user", "agent"]
    text: str
    html: str
    at: datetime
    buttons: list[Button] = []
    article: ArticleRef | None = None
    ticket: TicketCard | None = None


class ResultOut(msgspec.Struct):
    """What the message just sent was understood as and how it was dealt with."""

    outcome: Outcome
    topic: str | None
    confidence: float | None
    choices: list[str]
    model: str | None
    took_ms: int


class Reply(msgspec.Struct):
    """The answer to a message."""

    messages: list[MessageOut]
    result: ResultOut


class AnnouncementOut(msgspec.Struct):
    """Something shown above the conversation: an information or a known incident."""

    id: str
    level: Literal["info", "incident"]
    title: str
    text: str
    html: str


class SessionReply(msgspec.Struct):
    """A conversation opened: the token is the bearer of all that follows."""

    token: str
    conversation: str
    profile: Profile | None
    messages: list[MessageOut]
    announcements: list[AnnouncementOut]


class History(msgspec.Struct):
    """What was said in the conversation, in order, and what is on show."""

    messages: list[MessageOut]
    announcements: list[AnnouncementOut]
    profile: Profile | None


class TicketOut(msgspec.Struct):
    """A request of the person; `follows` is the number of the one that it takes up again, too late to reopen it."""

    number: str
    level: int
    status: str
    topic: str | None
    school: str
    problem: str
    opened_at: datetime
    updated_at: datetime
    follows: str | None


class TicketList(msgspec.Struct):
    """The person's requests, newest first."""

    tickets: list[TicketOut]


class AttachmentOut(msgspec.Struct):
    """An image joined to the request being told, as it is kept: `size` in bytes, `type` PNG or JPEG."""

    id: str
    type: Literal["image/png", "image/jpeg"]
    width: int
    height: int
    size: int


class AttachmentList(msgspec.Struct):
    """The images that the request being told will carry, in the order they came."""

    attachments: list[AttachmentOut]


class Suggestion(msgspec.Struct):
    """An article that fits what is being typed."""

    topic: str
    title: str


class SearchReply(msgspec.Struct):
    """Suggestions, best first."""

    results: list[Suggestion]


class Export(msgspec.Struct):
    """All that is kept of a person's conversation."""

    conversation: dict[str, Any]
    messages: list[dict[str, Any]]
    tickets: list[dict[str, Any]]
    # A telephone or an e-mail given for the answer, as it was written; no value where it can no longer be read.
    contacts: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    feedback: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    # What waits to teach, masked, and the sentences that were kept of it.
    learning: list[dict[str, Any]]
    utterances: list[dict[str, Any]]


class Problem(msgspec.Struct, omit_defaults=True):
    """An error, after RFC 9457; `code` is stable, `detail` may be shown."""

    type: str
    title: str
    status: int
    code: str
    detail: str


def check_message(request: MessageRequest) -> None:
    """Refuse a message that says nothing, two things at once, or too much."""
    if (request.text is None) == (request.choice is None):
        raise InvalidInput("Un message porte soit un texte, soit un choix.")
    if request.text is not None:
        if len(request.text) > MAX_TEXT_CHARS:
            raise TooLarge
        if not clean(request.text):
            raise InvalidInput("Votre message est vide. Écrivez votre question.")
