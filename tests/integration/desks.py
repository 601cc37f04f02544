"""GLPI and Zammad as small servers, written from the public documentation of their APIs: no real one was run."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from bot.clock import Clock
from bot.connectors.rules import CLOSED, OPEN, RESOLVED
from tests.integration.tools import SECRET, Desk, Handler, Issue, Served, serve, webhook

# GLPI's own time has no zone.
_BEGINNING = datetime(2026, 11, 23, 10, 0)  # noqa: DTZ001
_STATUS = {OPEN: 2, RESOLVED: 5, CLOSED: 6}
_STATE_OF = {status: state for state, status in _STATUS.items()}


def _instant(issue: Issue) -> datetime:
    return _BEGINNING + timedelta(seconds=issue.changed)


def glpi_v1(desk: Desk) -> list[web.RouteDef]:
    """Return the routes of apirest.php that are used."""
    sessions: set[str] = set()
    numbers = itertools.count()

    def check(request: web.Request) -> None:
        if request.headers.get("Session-Token") not in sessions or request.headers.get("App-Token") != "app":
            raise web.HTTPUnauthorized(text='["ERROR_SESSION_TOKEN_INVALID", ""]')

    def issue_of(request: web.Request) -> Issue:
        check(request)
        return desk.issues[int(request.match_info["id"])]

    async def init(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "user_token user" or request.headers.get("App-Token") != "app":
            raise web.HTTPUnauthorized
        token = f"session{next(numbers)}"
        sessions.add(token)
        return web.json_response({"session_token": token})

    async def kill(request: web.Request) -> web.Response:
        check(request)
        sessions.discard(request.headers["Session-Token"])
        return web.Response()

    async def create(request: web.Request) -> web.Response:
        check(request)
        given = (await request.json())["input"]
        issue = desk.create(given["name"], given["content"])
        return web.json_response({"id": issue.id, "message": ""}, status=201)

    async def search(request: web.Request) -> web.Response:
        check(request)
        asked, found = request.query, list(desk.issues.values())
        for index in itertools.count():
            if f"criteria[{index}][field]" not in asked:
                break
            name, kind, value = (asked[f"criteria[{index}][{part}]"] for part in ("field", "searchtype", "value"))
            if (name, kind) == ("21", "contains"):
                found = [issue for issue in found if value in issue.text]
            else:
                assert (name, kind) == ("19", "morethan")
                found = [issue for issue in found if str(_instant(issue)) > value]
        first, last = map(int, asked["range"].split("-"))
        shown = found[first : last + 1]
        answer = {"totalcount": len(found), "count": len(shown)}
        if shown:
            answer["data"] = [{"2": issue.id, "19": str(_instant(issue))} for issue in shown]
        return web.json_response(answer, status=200 if len(shown) == len(found) else 206)

    async def show(request: web.Request) -> web.Response:
        issue = issue_of(request)
        return web.json_response({"id": issue.id, "status": _STATUS[issue.state], "content": html.escape(issue.text)})

    def listing(solution: bool) -> Handler:
        async def show_several(request: web.Request) -> web.Response:
            issue = issue_of(request)
            # It is given back escaped, as GLPI keeps it.
            return web.json_response(
                [
                    {"id": comment.id, "content": html.escape(comment.text), "is_private": int(comment.private)}
                    for comment in issue.comments
                    if comment.solution == solution
                ]
            )

        return show_several

    async def follow_up(request: web.Request) -> web.Response:
        check(request)
        given = (await request.json())["input"]
        comment = desk.comment(desk.issues[given["items_id"]], given["content"], private=bool(given["is_private"]))
        return web.json_response({"id": comment.id, "message": ""}, status=201)

    async def update(request: web.Request) -> web.Response:
        issue = issue_of(request)
        desk.put(issue, _STATE_OF[(await request.json())["input"]["status"]])
        return web.json_response([{str(issue.id): True, "message": ""}])

    root = "/apirest.php"
    return [
        web.get(f"{root}/initSession", init), web.get(f"{root}/killSession", kill), web.post(f"{root}/Ticket", create),
        web.get(f"{root}/search/Ticket", search), web.get(f"{root}/Ticket/{{id}}", show),
        web.put(f"{root}/Ticket/{{id}}", update), web.get(f"{root}/Ticket/{{id}}/ITILFollowup", listing(False)),
        web.get(f"{root}/Ticket/{{id}}/ITILSolution", listing(True)), web.post(f"{root}/ITILFollowup", follow_up),
    ]  # fmt: skip


def glpi_v2(desk: Desk) -> list[web.RouteDef]:
    """Return the routes of api.php that are used."""
    keys: dict[int, str] = {}

    def check(request: web.Request) -> None:
        if request.headers.get("Authorization") != "Bearer access":
            raise web.HTTPUnauthorized

    def issue_of(request: web.Request) -> Issue:
        check(request)
        return desk.issues[int(request.match_info["id"])]

    def out(issue: Issue) -> dict:
        status = {"id": _STATUS[issue.state], "name": issue.state}
        changed = f"{_instant(issue).isoformat()}+01:00"
        return {"id": issue.id, "status": status, "date_mod": changed, "external_id": keys[issue.id]}

    async def token(request: web.Request) -> web.Response:
        expected = {"grant_type": "password", "client_id": "client", "client_secret": "confidence",
                    "username": "assistent", "password": "sésame", "scope": "api"}  # fmt: skip
        if dict(await request.post()) != expected:
            raise web.HTTPUnauthorized
        return web.json_response({"token_type": "Bearer", "expires_in": 3600, "access_token": "access"})

    async def create(request: web.Request) -> web.Response:
        check(request)
        given = await request.json()
        issue = desk.create(given["name"], f"{given['content']}\n{given['external_id']}")
        keys[issue.id] = given["external_id"]
        return web.json_response({"id": issue.id, "href": f"/Assistance/Ticket/{issue.id}"}, status=201)

    async def listing(request: web.Request) -> web.Response:
        check(request)
        found = [out(issue) for issue in desk.issues.values()]
        asked = request.query.get("filter", "")
        if asked.startswith("external_id=="):
            found = [ticket for ticket in found if ticket["external_id"] == asked.removeprefix("external_id==")]
        elif asked:
            since = re.fullmatch('date_mod=ge="(.*)"', asked)[1]
            found = [ticket for ticket in found if ticket["date_mod"] >= since]
        if "sort" in request.query:
            found.sort(key=lambda ticket: ticket["date_mod"], reverse=request.query["sort"].endswith(":desc"))
        start, limit = int(request.query.get("start", 0)), int(request.query.get("limit", 100))
        return web.json_response(found[start : start + limit])

    async def show(request: web.Request) -> web.Response:
        return web.json_response(out(issue_of(request)))

    async def update(request: web.Request) -> web.Response:
        issue = issue_of(request)
        desk.put(issue, _STATE_OF[(await request.json())["status"]["id"]])
        return web.json_response(out(issue))

    async def timeline(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        entries = [
            {"id": comment.id, "content": comment.text, "is_private": comment.private}
            for comment in issue_of(request).comments
            if comment.solution == (kind == "Solution")
        ]
        return web.json_response([{"type": kind, "item": entry} for entry in entries])

    async def follow_up(request: web.Request) -> web.Response:
        given = await request.json()
        comment = desk.comment(issue_of(request), given["content"], private=given["is_private"])
        return web.json_response({"id": comment.id}, status=201)

    root = "/api.php/v2/Assistance/Ticket"
    one = f"{root}/{{id}}"
    return [
        web.post("/api.php/token", token), web.post(root, create), web.get(root, listing), web.get(one, show),
        web.patch(one, update), web.get(f"{one}/Timeline/{{kind}}", timeline),
        web.post(f"{one}/Timeline/Followup", follow_up),
    ]  # fmt: skip


def zammad(desk: Desk) -> list[web.RouteDef]:
    """Return the routes of Zammad that are used."""

    def check(request: web.Request) -> None:
        if request.headers.get("Authorization") != "Token token=jeton":
            raise web.HTTPUnauthorized

    def issue_of(request: web.Request) -> Issue:
        check(request)
        return desk.issues[int(request.match_info["id"])]

    def out(issue: Issue) -> dict:
        state = "open" if issue.state == OPEN else "closed"
        return {
            "id": issue.id,
            "title": issue.title,
            "state": state,
            "updated_at": f"{_instant(issue).isoformat()}.000Z",
        }

    def words(article: dict) -> str:
        assert (article["sender"], article["type"], article["internal"]) == ("Customer", "note", False)
        return article["body"]

    async def create(request: web.Request) -> web.Response:
        check(request)
        given = await request.json()
        assert (given["group"], given["customer_id"]) == ("ENT", "guess:assistant@ent.example")
        issue = desk.create(given["title"], words(given["article"]))
        return web.json_response(out(issue), status=201)

    async def search(request: web.Request) -> web.Response:
        check(request)
        query, found = request.query["query"], list(desk.issues.values())
        if since := re.fullmatch(r'updated_at:\["(.*)" TO \*\]', query):
            found = [issue for issue in found if out(issue)["updated_at"] >= since[1]]
        elif query != "*":
            found = [issue for issue in found if query.strip('"') in issue.text]
        key = request.query["sort_by"]
        tickets = sorted(map(out, found), key=lambda ticket: ticket.get(key, ticket["id"]))
        if request.query["order_by"] == "desc":
            tickets.reverse()
        page, size = int(request.query["page"]), int(request.query["per_page"])
        return web.json_response(tickets[(page - 1) * size : page * size])

    async def show(request: web.Request) -> web.Response:
        return web.json_response(out(issue_of(request)))

    async def update(request: web.Request) -> web.Response:
        issue = issue_of(request)
        desk.put(issue, {"open": OPEN, "closed": CLOSED}[(await request.json())["state"]])
        return web.json_response(out(issue))

    async def articles(request: web.Request) -> web.Response:
        issue = issue_of(request)
        plain, rich = "text/plain", "text/html"
        first = {"id": issue.id, "sender": "Customer", "internal": False, "content_type": plain, "body": issue.text}
        rest = [
            {
                "id": comment.id, "sender": comment.by, "internal": comment.private,
                "content_type": rich if comment.by == "Agent" else plain, "body": comment.text,
            }
            for comment in issue.comments
        ]  # fmt: skip
        return web.json_response([first, *rest])

    async def write(request: web.Request) -> web.Response:
        check(request)
        given = await request.json()
        comment = desk.comment(desk.issues[given["ticket_id"]], words(given), by="Customer")
        return web.json_response({"id": comment.id}, status=201)

    root = "/api/v1"
    return [
        web.post(f"{root}/tickets", create), web.get(f"{root}/tickets/search", search),
        web.get(f"{root}/tickets/{{id}}", show), web.put(f"{root}/tickets/{{id}}", update),
        web.get(f"{root}/ticket_articles/by_ticket/{{id}}", articles), web.post(f"{root}/ticket_articles", write),
    ]  # fmt: skip


# --- as a deployment names them ---------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of tool: its routes, where it listens, and what its entry in the file says beside its address."""

    routes: Callable[[Desk, Clock], list[web.RouteDef]]
    entry: dict
    path: str = ""


SECRETS = {
    "ASSISTENT_CONNECTOR_SIGNING": SECRET, "ASSISTENT_CONNECTOR_USER": "user", "ASSISTENT_CONNECTOR_APP": "app",
    "ASSISTENT_CONNECTOR_CLIENT": "confidence", "ASSISTENT_CONNECTOR_PASSWORD": "sésame",
    "ASSISTENT_CONNECTOR_TOKEN": "jeton",
}  # fmt: skip


def _named(**secrets: str) -> dict[str, str]:
    return {role: f"ASSISTENT_CONNECTOR_{name}" for role, name in secrets.items()}


KINDS = {
    "webhook": Kind(webhook, {"secrets": _named(signing="SIGNING")}, "/assistent"),
    "glpi_v1": Kind(lambda desk, _: glpi_v1(desk), {"secrets": _named(user_token="USER", app_token="APP")}),
    "glpi_v2": Kind(
        lambda desk, _: glpi_v2(desk),
        {
            "secrets": _named(client_secret="CLIENT", password="PASSWORD"),
            "options": {"client_id": "client", "username": "assistent"},
        },
    ),
    "zammad": Kind(
        lambda desk, _: zammad(desk),
        {"secrets": _named(token="TOKEN"), "options": {"group": "ENT", "customer": "assistant@ent.example"}},
    ),
}


@asynccontextmanager
async def serve_kind(name: str, clock: Clock, group: str) -> AsyncIterator[tuple[Served, dict]]:
    """Serve a tool of a kind; give it with its entry in the file."""
    kind = KINDS[name]
    async with serve(lambda desk: kind.routes(desk, clock), kind.path) as served:
        yield served, {"group": group, "kind": name, "address": served.address, **kind.entry}
