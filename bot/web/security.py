"""Security headers, the size cap, and who may frame what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.chat.payloads import MAX_BODY_BYTES
from bot.errors import TooLarge
from bot.settings import Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action {forms}; frame-src {frames}; frame-ancestors {ancestors}"
)
FRAME_PATH = "/widget/frame"
# The pages where people sign in and send forms.
_STAFF = ("/console/", "/workshop/")
# Where the last link of a letter leads: a page with one button.
STOP_PATH = "/courriels/"
# Files that an ENT's page loads from another origin.
_SHARED = ("/widget/loader.js", "/backoffice/")


def _is_staff(path: str) -> bool:
    return f"{path}/".startswith(_STAFF)


def policy(path: str, settings: Settings) -> str:
    """Return the Content-Security-Policy of a page: only the widget's frame may be framed, by the listed ENTs."""
    if path == FRAME_PATH:
        listed = settings.frame_ancestors
        if settings.is_demonstration:
            # The demonstration is looked at under both names of the machine.
            listed = (*listed, f"http://localhost:{settings.port}", f"http://127.0.0.1:{settings.port}")
        return _POLICY.format(forms="'none'", frames="'none'", ancestors=" ".join(listed) or "'none'")
    frames = (
        f"'self' http://localhost:{settings.port} http://127.0.0.1:{settings.port}"
        if path.startswith("/demo")
        else "'none'"
    )
    forms = "'self'" if _is_staff(path) or path.startswith(STOP_PATH) else "'none'"
    return _POLICY.format(forms=forms, frames=frames, ancestors="'none'")


def security_middleware(settings: Settings, uploads: Mapping[str, int]):
    """Return the middleware that caps sizes before any parsing and puts the headers on every answer.

    `uploads`: the paths that take a file, and how many bytes they may be sent.
    """

    async def put_headers(request: web.Request, response: web.StreamResponse) -> None:
        path = request.path
        headers = response.headers
        content = policy(path, settings)
        if path.startswith("/demo"):
            # The demonstration page of one name loads the widget of the other: that is what an ENT does.
            both = f"http://localhost:{settings.port} http://127.0.0.1:{settings.port}"
            content = content.replace("script-src 'self'", f"script-src 'self' {both}")
        headers.setdefault("Content-Security-Policy", content)
        # Which versions are behind is nobody's business.
        headers["Server"] = "AssistENT"
        headers.setdefault("X-Content-Type-Options", "nosniff")
        # With « no-referrer » a browser hides where a form comes from, and the console looks at that.
        headers.setdefault("Referrer-Policy", "same-origin" if _is_staff(path) else "no-referrer")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault(
            "Cross-Origin-Resource-Policy",
            "cross-origin" if path.startswith(_SHARED) or path.startswith("/widget/") else "same-origin",
        )
        if not settings.is_demonstration:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if _is_staff(path) or path.startswith(("/api/", STOP_PATH)):
            headers.setdefault("Cache-Control", "no-store")

    @web.middleware
    async def cap(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.content_length or 0) > uploads.get(request.path, MAX_BODY_BYTES):
            raise TooLarge
        return await handler(request)

    return cap, put_headers
