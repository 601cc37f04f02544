"""The pages and files that everybody may read: the chat alone, the widget, the demonstration, health and metrics."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2
import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.chat.views import PERSONAL_DATA, SETTINGS
from bot.topics import PROFILES
from bot.web.metrics import METRICS
from bot.web.operations import Handler, Operation
from bot.web.readiness import READINESS

STATIC = Path(__file__).parent / "static"
# The embed address of the former « Usine à chatbots », misspelt as it was: an ENT that loads it finds us there.
COMPATIBLE_EMBED = "/backoffice/assets/scripts/embbed-chatbot.min.js"
TEMPLATES = web.AppKey("templates", jinja2.Environment)


@functools.cache
def make_templates() -> jinja2.Environment:
    """Return the templates, escaping everything; compiled once a process, however many applications it runs."""
    return jinja2.Environment(loader=jinja2.FileSystemLoader(STATIC.parent / "templates"), autoescape=True)


def _render(name: str, request: web.Request, context: dict[str, object]) -> web.Response:
    return web.Response(text=request.app[TEMPLATES].get_template(name).render(context), content_type="text/html")


class Health(msgspec.Struct):
    """The web process is up."""

    status: str


class Part(msgspec.Struct, omit_defaults=True):
    """The state of one part, with what is its own: articles in memory, the model that serves, warmed up or not."""

    ready: bool
    articles: int | None = None
    model: str | None = None
    warm: bool | None = None


class Readiness(msgspec.Struct):
    """The state of each part; `ready` once everything was up together."""

    ready: bool
    reason: str | None
    parts: dict[str, Part]


async def check_health(request: web.Request) -> web.Response:
    """Tell that the process is up."""
    return web.json_response({"status": "ok"})


async def check_readiness(request: web.Request) -> web.Response:
    """Tell whether everything is ready, and the state of each part."""
    readiness = request.app[READINESS]
    report = await readiness.report()
    return web.Response(
        body=msgspec.json.encode(report), status=200 if report["ready"] else 503, content_type="application/json"
    )


async def show_metrics(request: web.Request) -> web.Response:
    """Give the figures to Prometheus."""
    return web.Response(
        body=generate_latest(request.app[METRICS].registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def show_chat(request: web.Request) -> web.StreamResponse:
    """Show the chat as a page of its own."""
    return _render("widget/chat.html", request, _frame_context(request))


async def show_frame(request: web.Request) -> web.StreamResponse:
    """Show the widget's frame."""
    return _render("widget/frame.html", request, _frame_context(request))


def _frame_context(request: web.Request) -> dict[str, object]:
    return {"retention_days": request.app[PERSONAL_DATA].retention.conversations.days}


async def send_loader(request: web.Request) -> web.StreamResponse:
    """Send the one script that an ENT's page loads."""
    return _script(STATIC / "widget" / "loader.js")


async def send_compatible_loader(request: web.Request) -> web.StreamResponse:
    """Send the drop-in for the module of the former « Usine à chatbots »."""
    return _script(STATIC / "widget" / "embed-compat.js")


def _script(path: Path) -> web.FileResponse:
    return web.FileResponse(path, headers={"Cache-Control": "public, max-age=300"})


async def show_demonstration(request: web.Request) -> web.StreamResponse:
    """Show the made-up ENT's entrance."""
    return _render("demo/index.html", request, {})


async def show_demonstration_page(request: web.Request) -> web.StreamResponse:
    """Show the made-up ENT to a profile, the widget in it."""
    profile = request.match_info["profile"]
    if profile not in PROFILES:
        raise web.HTTPNotFound
    # The widget comes from the machine's other name, so that the demonstration crosses origins as an ENT does.
    name = request.host.partition(":")[0]
    origin = f"http://127.0.0.1:{request.app[SETTINGS].port}" if name == "localhost" else ""
    return _render(f"demo/{profile}.html", request, {"widget_origin": origin})


def send_files(folder: Path) -> Handler:
    """Return a handler that sends the files of a folder, by their exact names: no path is built from an address."""
    files = {path.name: path for path in folder.iterdir() if path.is_file()}

    async def send_file(request: web.Request) -> web.StreamResponse:
        path = files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        # Asked again each time, for a 304: modules of two versions must not meet in one page after an upgrade.
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return send_file


def add_pages(app: web.Application) -> None:
    """Route the pages and files."""
    router = app.router
    router.add_get("/", show_chat)
    router.add_get("/widget/frame", show_frame)
    router.add_get("/widget/loader.js", send_loader)
    router.add_get(COMPATIBLE_EMBED, send_compatible_loader)
    router.add_get("/widget/static/{name}", send_files(STATIC / "widget"))
    router.add_get("/metrics", show_metrics)
    if app[SETTINGS].is_demonstration:
        router.add_get("/demo/", show_demonstration)
        router.add_get("/demo/static/{name}", send_files(STATIC / "demo"))
        router.add_get("/demo/{profile}", show_demonstration_page)


OPERATIONS = (
    Operation("GET", "/healthz", check_health, "Dire si le service est debout", "none", None, Health),
    Operation("GET", "/readyz", check_readiness, "Dire si tout est prêt, partie par partie", "none", None, Readiness,
              also={503: "Pas encore prêt"}),
)  # fmt: skip
