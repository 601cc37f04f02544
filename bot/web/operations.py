"""What a route is, said once: the router, the OpenAPI document and the tests read it here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Operation:
    """A route of the chat API.

    `auth` says who may call it: "bearer" (a conversation's token), "optional" (visitor, JWT or token),
    "signature" (another team's tool) or "none".
    `answers` is the type of the body of `status`; None for a body without type. `also` gives other statuses with the
    same body, and what they mean. `file` names the one part of a body that is a file (multipart/form-data).
    """

    method: str
    path: str
    handler: Handler
    summary: str
    auth: str
    body: type[msgspec.Struct] | None = None
    answers: type[msgspec.Struct] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    query: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    also: dict[int, str] = field(default_factory=dict)
    file: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def add_operations(app: web.Application, operations: tuple[Operation, ...]) -> None:
    """Route them."""
    for operation in operations:
        name, path, handler = operation_id(operation), operation.path, operation.handler
        if operation.method == "GET" and operation.content_type == "application/json":
            # HEAD too: it is how much of what watches a service asks whether it is up.
            app.router.add_get(path, handler, name=name)
        else:
            app.router.add_route(operation.method, path, handler, name=name)


def operation_id(operation: Operation) -> str:
    """Return the operation's name: its handler's."""
    return operation.handler.__name__
