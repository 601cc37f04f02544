"""Our channel: one address that takes a message with what the gateway knows, and gives back the parse and the replies.

It differs from Rasa's REST channel where that one cannot be relied on: an error is an error (not an empty 200), the
decision is in the answer, and an action server that does not answer is given up after 2 s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import rasa.core.actions.action
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

# Rasa waits 300 s for an action by default; a person is promised a reply within 4 s.
ACTION_TIMEOUT_S = 2.0

_FORMAT = RemoteAction.action_response_format_spec()
_ANSWERS = validator_for(_FORMAT)(_FORMAT)


def _check_answer(_action: RemoteAction, answer: Any) -> bool:
    """Check an action server's answer as Rasa does, without checking its own schema again (8 ms each time)."""
    _ANSWERS.validate(answer)
    return True


class AssistentInput(InputChannel):
    """POST /webhooks/assistent/message {sender, text, metadata} → {parse, messages, model}."""

    @classmethod
    def name(cls) -> str:
        """Name in credentials.yml when it is not the class's path."""
        return "assistent"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> AssistentInput:
        """Make the channel; it has no option."""
        rasa.core.actions.action.DEFAULT_REQUEST_TIMEOUT = ACTION_TIMEOUT_S
        RemoteAction._validate_action_result = _check_answer
        return cls()

    def get_metadata(self, request: Request) -> dict[str, Any] | None:
        """Return what the gateway sent beside the text."""
        return request.json.get("metadata")

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the two routes."""
        routes = Blueprint("assistent")

        @routes.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            agent = request.app.ctx.agent
            ready = agent is not None and agent.is_ready()
            return response.json({"ready": ready, "model": agent.model_id if ready else None}, 200 if ready else 503)

        @routes.route("/message", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            agent = request.app.ctx.agent
            if agent is None or not agent.is_ready():
                return response.json({"error": "no model"}, status=503)
            body = request.json
            output = CollectingOutputChannel()
            # A leading slash would be a command that forces an intent; the gateway removes it, and so do we.
            text = body["text"].strip().lstrip("/ \t\u00a0") or "…"
            message = UserMessage(
                text, output, body["sender"], input_channel=self.name(), metadata=self.get_metadata(request)
            )
            message.parse_data = await agent.processor.parse_message(message)
            await on_new_message(message)
            parse = message.parse_data
            return response.json(
                {
                    "decision": parse["decision"],
                    "intent": parse["intent"],
                    "ranking": [[pair["name"], round(pair["confidence"], 4)] for pair in parse["intent_ranking"]],
                    "messages": output.messages,
                    "model": agent.model_id,
                }
            )

        return routes
