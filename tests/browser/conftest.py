"""A real Chromium on a real assistant: what opens pages, speaks to the widget and asks axe.

The server comes from `live_server` (`.url` on localhost, `.frame_url` on 127.0.0.1: two sites for a browser). States
that a healthy server does not show on demand (an outage, a taken-over conversation…) are answered by the test in the
contract's shape, in the server's place; everything else is the server's own.
"""

import functools
import http.server
import json
import pathlib
import re
import threading
import uuid

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

from tests.stack import Stack

HERE = pathlib.Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 10_000
LAUNCHER = re.compile("Besoin d’aide")
PARENT = {"profile": "parent", "uai": "0750001U"}

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def live_server(stack: Stack):
    """The real assistant, whole."""
    return stack


# Playwright's loop must not outlive these files: no other test could run one in the same thread.
@pytest.fixture(scope="module")
def browser(chromium: str):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser):
    """Open a page in a context of its own; at the end no script may have failed, and no policy been broken."""
    contexts, faults = [], []

    def hear(said):
        if "Content Security Policy" in said.text and not any(words in said.text for words in open_page.forgiven):
            faults.append(said.text)

    def listen(page):
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", hear)

    def open_page(**options):
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "fr-FR", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", listen)
        contexts.append(context)
        return context.new_page()

    open_page.forgiven = []
    yield open_page
    for context in contexts:
        context.close()
    assert not faults


class Chat:
    """The widget in a page, as a person meets it: `root` is the frame, or the page where the chat stands alone."""

    def __init__(self, page: Page, root=None):
        self.page = page
        self.bearer = self.origin = ""
        page.on("request", self._notice)
        self.root = root or page.frame_locator("iframe[title]")

    def _notice(self, request):
        """Keep the last token used, to ask the server for what it has."""
        if is_message_url(request.url) and "authorization" in request.headers:
            self.bearer = request.headers["authorization"]
            self.origin = request.url.split("/api/")[0]

    @property
    def launcher(self):
        return self.page.get_by_role("button", name=LAUNCHER)

    @property
    def field(self):
        return self.root.locator("#field")

    @property
    def messages(self):
        return self.root.locator(".msg")

    @property
    def answers(self):
        return self.root.locator(".msg.bot, .msg.agent")

    @property
    def frame(self):
        """The frame itself, to look inside."""
        return next(frame for frame in self.page.frames if "/widget/frame" in frame.url)

    def open(self):
        self.launcher.click()
        return self.wait()

    def wait(self):
        expect(self.answers.first).to_be_visible()
        return self

    def ask(self, text):
        """Send a question and give back the server's answer once it is on screen."""
        self.field.fill(text)
        return self.sent(lambda: self.field.press("Enter"))

    def sent(self, act):
        before = self.answers.count()
        with self.page.expect_response(lambda response: is_post(response.request)) as caught:
            act()
        reply = caught.value.json()
        expect(self.answers).to_have_count(before + len(reply.get("messages", [])))
        return reply

    def posting(self):
        """Catch the next message as it leaves."""
        return self.page.expect_request(is_post)

    def answer(self, *messages, outcome="answer", status=200, headers=None, body=None):
        """Answer the next message in the server's place."""
        result = {"outcome": outcome, "topic": None, "confidence": 1.0, "choices": [], "model": "test", "took_ms": 1}
        reply = body or {"messages": list(messages), "result": result}
        kind = "application/json" if status < 400 else "application/problem+json"

        pending = [True]

        def handle(route):
            if route.request.method != "POST" or not pending:  # the history is read at the same address
                return route.fallback()
            pending.clear()
            return route.fulfill(
                status=status, headers={"Content-Type": kind, **(headers or {})}, body=json.dumps(reply)
            )

        self.page.route(is_message_url, handle)

    def refuse(self, status, detail, **headers):
        body = {"type": "about:blank", "title": "refused", "status": status, "code": "refused", "detail": detail}
        self.answer(status=status, body=body, headers=headers)

    def announce(self, *announcements):
        """Add announcements to the sessions that the server opens."""

        def handle(route):
            response = route.fetch()
            route.fulfill(response=response, json={**response.json(), "announcements": list(announcements)})

        self.page.route("**/api/v1/sessions", handle)


def is_message_url(url):
    return url.split("?")[0].endswith("/api/v1/messages")


def is_post(request):
    return request.method == "POST" and is_message_url(request.url)


@pytest.fixture
def said():
    """Build a message in the contract's shape."""

    def build(html="<p>Bonjour</p>", **more):
        told = {
            "id": str(uuid.uuid4()),
            "from": "bot",
            "text": "Bonjour",
            "html": html,
            "at": "2026-11-20T09:30:00+01:00",
        }
        return {**told, **more}

    return build


@pytest.fixture
def article(said):
    about = {
        "id": "a1",
        "title": "Mot de passe oublié",
        "topic": "connexion_mot_de_passe_oublie",
        "updated": "2026-11-20",
    }
    html = (
        "<p>Vous pouvez en choisir un autre.</p><ol><li>Ouvrez la page de connexion.</li><li>Cliquez sur <strong>Mot de "
        'passe oublié</strong>.</li></ol><h2>Si cela ne marche pas</h2><p>Voir <a href="https://example.org/">la page</a>.</p>'
    )
    return said(html, article=about)


@pytest.fixture
def demo(new_page, live_server):
    """Open the made-up ENT of a profile."""

    def open_demo(profile="parent", **options):
        page = new_page(**options)
        page.goto(f"{live_server.url}/demo/{profile}")
        return Chat(page)

    return open_demo


@pytest.fixture
def alone(new_page, live_server):
    """Open the chat as a page of its own."""

    def open_alone(query="profile=parent&uai=0750001U", **options):
        page = new_page(**options)
        chat = Chat(page, page)
        page.goto(f"{live_server.url}/?{query}")
        return chat.wait()

    return open_alone


@pytest.fixture
def ent_site(live_server):
    """A site that is not ours, on localhost and another port, whose pages a test writes."""

    class Site(http.server.ThreadingHTTPServer):
        pages: dict = {}

        @property
        def url(self):
            return f"http://localhost:{self.server_port}"

        def add(self, path, body, kind="text/html; charset=utf-8"):
            self.pages[path] = (body, kind)
            return self.url + path

        def embed(self, path="/", attributes="", origin=live_server.frame_url):
            tag = f'<script src="{origin}/widget/loader.js" {attributes} defer></script>'
            return self.add(path, ENT_PAGE.format(tag=tag))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body, kind = self.server.pages.get(self.path.split("?")[0], ("", "text/plain"))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    site = Site(("127.0.0.1", 0), Handler)
    site.pages = {}
    thread = threading.Thread(target=functools.partial(site.serve_forever, 0.05), daemon=True)
    thread.start()
    yield site
    site.shutdown()
    site.server_close()
    thread.join()


ENT_PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Un autre ENT</title><link rel="icon" href="data:,"></head>
<body><main><h1>Un autre ENT</h1><p><a href="#rien">Un lien</a></p></main>{tag}</body></html>"""


@pytest.fixture
def embedded(new_page, ent_site):
    """Open the widget in another site's page."""

    def open_embedded(attributes='data-profile="parent" data-uai="0750001U"', **options):
        page = new_page(**options)
        page.goto(ent_site.embed(attributes=attributes))
        return Chat(page)

    return open_embedded


@pytest.fixture
def axe(axe_source: str):
    """Ask axe about every document of a page; nothing may be found, best practices included."""
    run = """async () => {
      const { violations } = await axe.run(document, { iframes: false, resultTypes: ['violations'] });
      return violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`);
    }"""

    def check(page):
        found = []
        for frame in page.frames:
            if frame.url.startswith("about:") or not visible(frame):
                continue
            frame.evaluate(f"() => {{ {axe_source} }}")
            found += frame.evaluate(run)
        assert not found, "\n".join(found)

    return check


def visible(frame):
    try:
        return frame.parent_frame is None or frame.frame_element().is_visible()
    except Error:
        return False
