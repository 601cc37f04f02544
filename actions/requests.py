"""Custom actions of the requests: telling, sending, dropping and following one."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.resources import clock, database
from bot.errors import AssistentError
from bot.escalation.service import Request, handle_request


class ActionEscalader(Action):
    """Applies the decided command to the request being told."""

    def name(self) -> str:
        """Name in domain.yml."""
        return "action_escalader"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict]:
        """Hand the service's reply to the channel; nothing said means that the gateway does it itself."""
        await _handle(dispatcher, tracker)
        return []


class ActionSuivreTicket(Action):
    """Tells where the person's requests are."""

    def name(self) -> str:
        """Name in domain.yml."""
        return "action_suivre_ticket"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict]:
        """Hand the service's reply to the channel."""
        await _handle(dispatcher, tracker)
        return []


def read_request(tracker: Tracker) -> Request | None:
    """Return what the last message asks, or None when it did not come through the gateway (rasa shell)."""
    message = tracker.latest_message or {}
    metadata = message.get("metadata") or {}
    decided = message.get("decision") or {}
    if not metadata.get("message"):
        return None
    return Request(
        conversation_id=tracker.sender_id, message_id=metadata["message"], command=decided.get("command") or "",
        text=message.get("text") or "", page=metadata.get("page") or "", browser=metadata.get("navigateur") or "",
        ranking=[(pair["name"], pair["confidence"]) for pair in message.get("intent_ranking") or ()],
    )  # fmt: skip


async def _handle(dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
    request = read_request(tracker)
    if request is None:
        dispatcher.utter_message(response="utter_chercher")
        return
    try:
        reply = await handle_request(database(), clock(), request)
    except AssistentError:
        return
    dispatcher.utter_message(json_message={"request": reply.to_json()})
