"""The images joined to a request, for those who may see it: bytes that a browser takes for an image and nothing else."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import DATABASE
from bot.console.views.shell import caller_of
from bot.escalation import attachments

# Opened alone, an image is a page: it may load nothing, run nothing, be framed by nobody.
_POLICY = "default-src 'none'; sandbox; form-action 'none'; frame-ancestors 'none'"
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}


async def send_image(request: web.Request) -> web.StreamResponse:
    """Send an image of a request."""
    return await _send(request, small=False)


async def send_thumbnail(request: web.Request) -> web.StreamResponse:
    """Send a small one of it."""
    return await _send(request, small=True)


async def _send(request: web.Request, *, small: bool) -> web.Response:
    number, image = request.match_info["number"], request.match_info["image"]
    async with request.app[DATABASE].reading() as session:
        media_type, content = await attachments.read(session, caller_of(request), number, image, small=small)
    return web.Response(
        body=content,
        content_type=media_type,
        headers={
            "Content-Disposition": f'inline; filename="capture.{_ENDINGS[media_type]}"',
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
