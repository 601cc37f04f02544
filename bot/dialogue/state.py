"""What a conversation remembers between two messages.

Rasa's language components do not see its tracker: the gateway keeps this state and sends it with every message.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

# What was asked last.
ASKED_HELPED = "aide"
ASKED_PROFILE = "profil"
ASKED_CHOICE = "choix"
ASKED_PERSON = "personne"
ASKED_MORE = "precision"
ASKED_SCHOOL = "ecole"
ASKED_PROBLEM = "probleme"
ASKED_CONSENT = "accord"
# An agent asked something about a request that was sent.
ASKED_ANSWER = "reponse"
FORM_STEPS = (ASKED_SCHOOL, ASKED_PROBLEM, ASKED_CONSENT)

# Buttons whose value is still taken; older ones have scrolled far away.
KEPT_BUTTONS = 60


@dataclass(frozen=True)
class DialogueState:
    """The memory of a conversation.

    `asked` is one of the constants above or None; `offered` the topics on the last buttons; `article` the topic shown
    last and `shown` all those shown for the question in hand; `alternatives` the next best topics of its ranking;
    `pending` a question kept while the profile is asked; `question` the last real question, for a ticket;
    `protection` the urgent topic after which the conversation stays careful.
    """

    asked: str | None = None
    offered: tuple[str, ...] = ()
    article: str | None = None
    shown: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    refusals: int = 0
    protection: str | None = None
    insults: int = 0
    pending: str | None = None
    question: str | None = None
    buttons: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> DialogueState:
        """Build from what the database or the metadata holds; unknown keys are ignored, missing ones defaulted."""
        known = {item.name: item.type for item in fields(cls)}
        values = {key: value for key, value in (data or {}).items() if key in known}
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def to_json(self) -> dict[str, Any]:
        """Return plain data, without what is at its default."""
        return {key: value for key, value in asdict(self).items() if value not in (None, (), 0, False)}

    def asking(self, asked: str | None) -> DialogueState:
        """Return the same state with another question pending."""
        return replace(self, asked=asked)

    def with_buttons(self, choices: list[str]) -> DialogueState:
        """Remember the values just offered as buttons."""
        kept = tuple(dict.fromkeys((*choices, *self.buttons)))[:KEPT_BUTTONS]
        return replace(self, buttons=kept)

    def asking_again(self, topic: str | None) -> bool:
        """Tell whether `topic` was already shown for the question in hand."""
        return topic in self.shown


def after_question(state: DialogueState, question: str, alternatives: tuple[str, ...]) -> DialogueState:
    """Return the state once a new question begins: what was tried before no longer counts."""
    return replace(
        state, question=question, alternatives=alternatives, shown=(), article=None, refusals=0, protection=None,
        offered=(), pending=None, insults=0,
    )  # fmt: skip


def after_article(state: DialogueState, topic: str) -> DialogueState:
    """Return the state once the article of `topic` was shown and « Cela vous a-t-il aidé ? » asked."""
    return replace(state, asked=ASKED_HELPED, article=topic, shown=(*state.shown, topic), offered=(), pending=None)
