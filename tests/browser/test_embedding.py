"""What the widget does to the page that holds it: nothing before it is opened, little after, and never for strangers."""

import gzip
import pathlib
import re
import urllib.parse

from playwright.sync_api import expect

MOST_BYTES = 40_000
WIDGET = pathlib.Path(__file__).parents[2] / "bot" / "web" / "static" / "widget"
STORED = "() => [localStorage.length, sessionStorage.length, document.cookie]"


def test_nothing_is_asked_or_stored_before_it_is_opened(embedded, live_server):
    chat = embedded()
    asked = []
    chat.page.on("request", lambda request: asked.append(request.url))
    chat.page.reload()
    expect(chat.launcher).to_be_visible()
    chat.page.wait_for_timeout(500)
    assert [url for url in asked if url.startswith(live_server.frame_url)] == [
        f"{live_server.frame_url}/widget/loader.js"
    ]
    assert chat.page.evaluate(STORED) == [0, 0, ""]
    assert chat.page.context.cookies() == []
    assert chat.page.locator("iframe").count() == 0


def test_no_cookie_ever_and_no_third_party(demo, live_server):
    chat = demo()
    asked = set()
    chat.page.on("request", lambda request: asked.add(urllib.parse.urlsplit(request.url).hostname))
    chat.open()
    chat.ask("j'ai oublié mon mot de passe")
    assert chat.page.context.cookies() == []
    assert asked - {None, ""} <= {"localhost", "127.0.0.1"}


def test_all_of_it_weighs_at_most_40_kb(new_page, ent_site, live_server):
    page = new_page()
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.goto(ent_site.embed())
    page.get_by_role("button", name=re.compile("Besoin d’aide")).click()
    expect(page.frame_locator("iframe").locator(".msg.bot").first).to_be_visible()
    paths = {urllib.parse.urlsplit(one.url).path: one for one in responses if one.url.startswith(live_server.frame_url)}
    weights = {path: len(gzip.compress(one.body(), 9)) for path, one in paths.items() if not path.startswith("/api/")}
    assert {"/widget/loader.js", "/widget/frame"} <= set(weights)
    for file in [*WIDGET.glob("*.js"), *WIDGET.glob("*.css")]:  # also what this opening did not need
        weights.setdefault(f"/widget/static/{file.name}", len(gzip.compress(file.read_bytes(), 9)))
    weights.pop("/widget/static/loader.js", None)
    assert sum(weights.values()) <= MOST_BYTES, weights


def test_the_page_gets_one_global_and_one_element(embedded):
    chat = embedded()
    page = chat.page
    added = page.evaluate("""() => {
      const bare = document.body.appendChild(document.createElement('iframe')).contentWindow;
      return Object.getOwnPropertyNames(window).filter((name) => !(name in bare) && !/^\\d+$/.test(name));
    }""")
    assert [name for name in added if not name.startswith("__")] == ["AssistENT"]
    assert page.locator("assistent-widget").count() == 1


def test_a_second_tag_adds_nothing(new_page, ent_site, live_server):
    tag = f'<script src="{live_server.frame_url}/widget/loader.js" defer></script>'
    page = new_page()
    page.goto(ent_site.add("/twice", f"<!doctype html><title>Deux fois</title><link rel=icon href=data:,>{tag}{tag}"))
    expect(page.get_by_role("button", name=re.compile("Besoin d’aide"))).to_have_count(1)


def test_the_page_may_forbid_all_inline_code(new_page, ent_site, live_server):
    page = new_page()
    policy = (
        f"default-src 'none'; script-src {live_server.frame_url}; frame-src {live_server.frame_url}; img-src data:; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    body = f'<!doctype html><html lang="fr"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    tag = f'<script src="{live_server.frame_url}/widget/loader.js" data-profile="parent" defer></script>'
    page.goto(ent_site.add("/strict", f"{body}<title>Strict</title><link rel=icon href=data:,><body><p>Page</p>{tag}"))
    launcher = page.get_by_role("button", name=re.compile("Besoin d’aide"))
    assert page.evaluate("document.querySelector('assistent-widget').shadowRoot.adoptedStyleSheets.length") == 1
    launcher.click()
    expect(page.frame_locator("iframe").locator(".msg.bot").first).to_be_visible()


def test_the_pages_colour_becomes_the_widgets_and_stays_readable(new_page, ent_site, live_server):
    page = new_page()
    style = "<style>:root { --assistent-accent: #ffd54a }</style>"
    tag = f'<script src="{live_server.frame_url}/widget/loader.js" defer></script>'
    page.goto(
        ent_site.add("/colour", f"<!doctype html><title>Couleur</title><link rel=icon href=data:,>{style}<body>{tag}")
    )
    page.get_by_role("button", name=re.compile("Besoin d’aide")).click()
    header = page.frame_locator("iframe").locator(".top")
    expect(header).to_have_css("background-color", "rgb(255, 213, 74)")
    expect(header).to_have_css("color", "rgb(16, 21, 27)")


def test_a_strangers_messages_are_not_heard(embedded, ent_site):
    chat = embedded().open()
    stranger = ent_site.add(
        "/stranger",
        "<!doctype html><script>for (const type of ['close', 'jwt-request', 'unread'])"
        " parent.postMessage({ assistent: 1, type, count: 3 }, '*')</script>",
    )
    chat.page.evaluate(
        """(url) => new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.onload = resolve; frame.src = url; document.body.append(frame);
    })""",
        stranger,
    )
    chat.frame.evaluate("window.postMessage({ assistent: 1, type: 'question', text: 'intrus' }, '*')")
    chat.page.wait_for_timeout(300)
    expect(chat.launcher).to_have_attribute("aria-expanded", "true")
    expect(chat.field).to_have_value("")


def test_an_ent_that_signs_is_believed_without_anything_stored(embedded, ent_site, said):
    ent_site.add("/jwt", "aaa.bbb.ccc", "text/plain")
    chat = embedded('data-profile="parent" data-jwt-url="/jwt"')
    asked = []

    def sessions(route):
        asked.append(route.request.headers.get("authorization"))
        route.fulfill(
            status=201,
            json={"token": "t1", "conversation": "c1", "profile": "parent", "messages": [said()], "announcements": []},
        )

    chat.page.route("**/api/v1/sessions", sessions)
    chat.page.route(
        "**/api/v1/messages",
        lambda route: route.fulfill(json={"messages": [said(), said("<p>Ma demande</p>", **{"from": "agent"})]}),
    )
    chat.page.route("**/api/v1/events", lambda route: route.abort())
    chat.open()
    expect(chat.root.locator(".msg.agent")).to_contain_text("Ma demande")
    assert asked == ["Bearer aaa.bbb.ccc"]
    stored = "() => { try { return JSON.stringify(localStorage) } catch { return 'refused' } }"
    assert "t1" not in chat.frame.evaluate(stored)
    chat.root.get_by_role("button", name="Mes données").first.click()
    expect(chat.root.get_by_role("button", name="Quitter sur cet appareil")).to_have_count(0)


def test_an_ent_that_is_not_believed_leaves_a_visitor(embedded, ent_site):
    ent_site.add("/jwt", '{"jwt": "bad.bbb.ccc"}', "application/json")
    chat = embedded('data-profile="parent" data-jwt-url="/jwt"').open()
    expect(chat.root.locator(".line")).to_contain_text("n’a pas confirmé votre compte")
    chat.ask("j'ai oublié mon mot de passe")


def test_a_browser_that_refuses_the_frames_storage_finds_the_conversation_again(embedded):
    chat = embedded()
    chat.page.context.add_init_script("""if (location.pathname === '/widget/frame') {
      Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('refused', 'SecurityError'); } });
    }""")
    chat.page.reload()
    chat.open()
    chat.ask("bonjour, une question")
    chat.page.reload()
    expect(chat.root.locator(".msg.user")).to_contain_text("bonjour, une question")
    chat.root.get_by_role("button", name="Mes données").first.click()
    chat.root.get_by_role("button", name="Quitter sur cet appareil").click()
    expect(chat.root.locator(".msg.user")).to_have_count(0)
    chat.page.reload()
    expect(chat.answers.first).to_be_visible()
    expect(chat.root.locator(".msg.user")).to_have_count(0)


def test_a_frame_that_does_not_come_is_told(new_page, ent_site, live_server):
    page = new_page()
    page.route("**/widget/frame*", lambda route: route.abort())
    page.clock.install()
    page.goto(ent_site.embed())
    page.get_by_role("button", name=re.compile("Besoin d’aide")).click()
    page.clock.run_for(13_000)
    expect(page.get_by_role("status")).to_contain_text("ne répond pas ici")
    expect(page.get_by_role("link", name="Ouvrir l’assistant dans une nouvelle fenêtre")).to_have_attribute(
        "href", f"{live_server.frame_url}/"
    )


def test_the_former_platforms_address_and_call_still_serve(new_page, ent_site, live_server):
    page = new_page()
    body = ENT_OF_BEFORE.replace("BOT", live_server.frame_url)
    ent_site.add("/module.js", MODULE.replace("BOT", live_server.frame_url), "text/javascript")
    page.goto(ent_site.add("/before", body))
    launcher = page.get_by_role("button", name=re.compile("Besoin d’aide"))
    expect(launcher).to_be_visible()
    assert page.locator("#webchat #iframe-bot").count() == 1
    assert page.evaluate("window.styled")  # at once, as the ENT's module expects
    box = launcher.bounding_box()
    assert (box["width"], box["height"]) == (60, 60)
    expect(launcher).to_have_css("background-color", "rgb(226, 0, 55)")
    launcher.click()
    expect(page.frame_locator("iframe").locator(".msg.bot").first).to_be_visible()
    panel = page.locator("iframe").bounding_box()
    assert abs(panel["width"] - 300) <= 2
    assert abs(panel["height"] - 500) <= 2


ENT_OF_BEFORE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Un ENT d'avant</title><link rel=icon href=data:,>
<body><main><h1>Un ENT d'avant</h1></main><script src="/module.js"></script></body></html>"""

MODULE = """
const holder = document.body.appendChild(document.createElement('div'));
const place = holder.appendChild(document.createElement('div'));
place.id = 'webchat';
place.style.zIndex = '999999';
const script = document.createElement('script');
script.src = 'BOT/backoffice/assets/scripts/embbed-chatbot.min.js';
script.onload = () => {
  Webchat.init({ botURL: 'BOT/chatbot', chatWidth: '300px', chatHeight: '500px', buttonSize: '60px', buttonColor: '#e20037', iconSize: '30px', iconColor: '#ffffff' });
  const box = document.getElementById('iframe-bot');
  box.style.background = '#fff';
  window.styled = box !== null;
};
holder.append(script);
"""
