"""What every answer carries and none may: security headers, no cookie, who may frame what."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.settings import DEMONSTRATION, PRODUCTION
from bot.topics import PROFILES
from tests.integration.gateway import ONE_KIND, OPERATIONS, PREFIX, Api

pytestmark = ONE_KIND

PAGES = (
    "/", "/widget/frame", "/widget/loader.js", "/backoffice/assets/scripts/embbed-chatbot.min.js",
    "/widget/static/chat.js", "/widget/static/chat.css", "/demo/", *(f"/demo/{profile}" for profile in PROFILES),
    "/demo/static/demo.js", "/demo/static/demo.css", "/metrics", "/healthz", "/readyz", f"{PREFIX}/openapi.json",
    f"{PREFIX}/search?q=blog", f"{PREFIX}/messages", f"{PREFIX}/tickets", "/nulle-part", "/widget/static/absent",
)  # fmt: skip
ENTS = ("https://ent.valmont.example", "https://*.academie.example")


def policy(headers: Any) -> dict[str, list[str]]:
    """Return the Content-Security-Policy as {directive: sources}."""
    parts = (part.split() for part in headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_and_route_carries_the_headers(api: Api, path: str) -> None:
    # The client checks what all answers have in common; here is what the policy says.
    answer = await api.get(path)
    assert answer.headers["Permissions-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    said = policy(answer.headers)
    assert said["default-src"] == ["'none'"]
    assert said["base-uri"] == ["'none'"]
    assert said["form-action"] == ["'none'"]
    everything = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in everything
    assert "*" not in everything
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
async def test_head_says_the_same_without_a_body(api: Api, path: str) -> None:
    answer, read = await api.call("HEAD", path), await api.get(path)
    assert answer.body == b""
    assert (answer.status, answer.content_type) == (read.status, read.content_type)


@pytest.mark.parametrize("mode", [DEMONSTRATION, PRODUCTION])
async def test_only_the_frame_may_be_framed_and_by_the_listed_ents_only(start, mode: str) -> None:
    api = await start(mode=mode, frame_ancestors=ENTS, secret_key="x" * 40)
    for path in PAGES:
        ancestors = policy((await api.get(path)).headers)["frame-ancestors"]
        if path != "/widget/frame":
            assert ancestors == ["'none'"], path
        elif mode == PRODUCTION:
            assert ancestors == list(ENTS)
        else:
            assert set(ENTS) < set(ancestors)


async def test_without_a_listed_ent_nobody_may_frame_anything(start) -> None:
    api = await start(mode=PRODUCTION, secret_key="x" * 40)
    for path in PAGES:
        assert policy((await api.get(path)).headers)["frame-ancestors"] == ["'none'"]


async def test_production_asks_for_https_and_has_no_demonstration(start) -> None:
    api = await start(mode=PRODUCTION, secret_key="x" * 40)
    for path in PAGES:
        answer = await api.get(path)
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        if path.startswith("/demo"):
            assert answer.status == 404
    assert "localhost" not in str((await api.get("/widget/frame")).headers)


async def test_what_an_ent_s_page_loads_may_be_loaded_from_elsewhere_and_nothing_else(api: Api) -> None:
    for path in PAGES:
        shared = path.startswith(("/widget/", "/backoffice/"))
        expected = "cross-origin" if shared else "same-origin"
        assert (await api.get(path)).headers["Cross-Origin-Resource-Policy"] == expected, path


async def test_the_api_gives_nothing_to_other_origins(api: Api) -> None:
    for operation in OPERATIONS:
        headers = {"Origin": "https://ailleurs.example", "Access-Control-Request-Method": operation.method}
        answer = await api.call(
            "OPTIONS",
            operation.path.replace("{id}", "x").replace("{number}", "x").replace("{group}", "x"),
            headers=headers,
        )
        assert answer.status == 405
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_no_cookie_is_set_and_none_is_read(api: Api) -> None:
    chat = await api.open()
    await chat.open_ticket()
    for path in PAGES:
        assert "Set-Cookie" not in (await api.get(path, headers={"Cookie": f"token={chat.token}"})).headers
    answer = await api.get(f"{PREFIX}/messages", headers={"Cookie": f"token={chat.token}; Authorization={chat.token}"})
    assert answer.status == 401


@pytest.mark.parametrize("path", ["/", "/widget/frame", "/demo/", "/demo/parent"])
async def test_pages_run_nothing_inline_and_load_nothing_from_elsewhere(api: Api, path: str) -> None:
    html = (await api.get(path)).body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", html)
    assert not re.search(r"\son[a-z]+\s*=", html)
    assert not re.search(r"\sstyle\s*=", html)
    assert "<style" not in html
    for address in re.findall(r"(?:src|href)=\"(https?://[^\"]+)\"", html):
        assert address.startswith(("http://127.0.0.1", "http://localhost")) or ".example" in address, address


@pytest.mark.parametrize("host", ["localhost", "exemple.fr", 'x"><script>', "127.0.0.1:1"])
async def test_the_demonstration_repeats_no_host_it_was_told(api: Api, host: str) -> None:
    answer = await api.get("/demo/parent", headers={"Host": host})
    assert b"exemple.fr" not in answer.body
    assert b"<script>" not in answer.body
