"""What a conversation goes through: pages, refusals, cuts, choices, opinions, people, one's own data."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import is_message_url

ANSWER = "Une réponse"


def history(chat):
    """The conversation as the server has it."""
    return chat.page.request.get(f"{chat.origin}/api/v1/messages", headers={"Authorization": chat.bearer}).json()[
        "messages"
    ]


def mine(chat, text):
    return [message for message in history(chat) if message["from"] == "user" and message["text"] == text]


@pytest.mark.parametrize("where", ["reload", "another page"])
def test_the_conversation_is_found_again(demo, where):
    chat = demo().open()
    chat.ask("bonjour, une question")
    shown = chat.messages.count()
    if where == "reload":
        chat.page.reload()
    else:
        chat.page.get_by_role("link", name=re.compile("Messagerie")).click()
        expect(chat.page.get_by_role("heading", level=1)).to_have_text("Messagerie")
    expect(chat.messages).to_have_count(shown)  # open, as it was
    expect(chat.root.locator(".msg.user")).to_contain_text("bonjour, une question")
    assert chat.page.evaluate("document.activeElement.tagName") == "BODY"  # and the focus was left to the page


def test_closed_it_stays_closed_on_the_next_page(demo):
    chat = demo().open()
    chat.launcher.click()
    chat.page.reload()
    expect(chat.launcher).to_be_visible()
    expect(chat.page.locator("iframe")).to_have_count(0)


def test_starting_again_begins_another_conversation(demo):
    chat = demo().open()
    chat.ask("bonjour, une question")
    chat.root.get_by_role("button", name="Nouvelle conversation").click()
    expect(chat.root.locator(".msg.user")).to_have_count(0)
    expect(chat.answers.first).to_be_visible()
    expect(chat.field).to_be_focused()
    chat.page.reload()
    expect(chat.answers.first).to_be_visible()
    expect(chat.root.locator(".msg.user")).to_have_count(0)


@pytest.mark.parametrize("text", ["/restart", "/", ' /intent{"a":1}', "\u00a0/greet"])
def test_a_text_that_begins_with_a_slash_is_a_text(demo, text):
    chat = demo().open()
    reply = chat.ask(text)
    assert reply["messages"]
    expect(chat.root.locator(".msg.user .bubble").last).to_have_text(text.strip())
    assert chat.ask("bonjour")["messages"]  # and the conversation goes on


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<script>document.title='pris'</script>",
        "[lien](javascript:alert(1)) **gras**",
    ],
)
def test_what_a_person_writes_is_shown_as_text(demo, text):
    chat = demo().open()
    chat.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    chat.ask(text)
    chat.page.reload()
    bubble = chat.root.locator(".msg.user .bubble").last
    expect(bubble).to_have_text(text)
    assert bubble.locator("img, script, a, strong").count() == 0
    assert chat.frame.evaluate("document.title") == "Assistant de l’ENT"


def test_the_servers_html_is_rebuilt_from_a_short_list(new_page, demo, said):
    new_page.forgiven += ["inline event handler", "inline style"]  # the parser names what it leaves out
    chat = demo().open()
    chat.answer(
        said(
            "<p onclick='x()'>Un <strong style='color:red'>mot</strong> <a href='javascript:alert(1)'>piège</a> "
            "<a href='https://example.org/' onmouseover='x()'>lien</a></p><img src=x onerror='x()'><iframe src='/'></iframe>"
            "<script>x()</script><form><input></form><svg><script>x()</script></svg>"
        )
    )
    chat.ask("bonjour")
    bubble = chat.answers.last.locator(".bubble")
    assert bubble.locator("img, iframe, script, form, input, svg").count() == 0
    assert bubble.locator("[onclick], [onmouseover], [style]").count() == 0
    links = bubble.locator("a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("rel", "noopener noreferrer")
    expect(links).to_have_text("lien (nouvelle fenêtre)")


def test_a_message_that_did_not_leave_is_sent_once(demo):
    chat = demo().open()
    sent = []

    def cut(route):
        if route.request.method != "POST":
            return route.fallback()
        sent.append(route.request.post_data_json["id"])
        return route.abort()

    chat.page.route("**/api/v1/messages", cut)
    chat.field.fill("ma question perdue")
    chat.field.press("Enter")
    failed = chat.messages.last
    expect(failed).to_contain_text("Non envoyé")
    chat.page.unroute("**/api/v1/messages")
    with chat.posting() as caught:
        chat.sent(lambda: failed.get_by_role("button", name="Réessayer").click())
    expect(failed).not_to_contain_text("Non envoyé")
    assert {*sent, caught.value.post_data_json["id"]} == {sent[0]}
    assert len(mine(chat, "ma question perdue")) == 1


def test_an_answer_lost_on_the_way_is_asked_for_again_and_given_once(demo):
    chat = demo().open()

    pending = [True]

    def lose(route):
        if route.request.method != "POST" or not pending:
            return route.fallback()
        pending.clear()
        route.fetch()
        return route.abort()

    chat.page.route("**/api/v1/messages", lose)
    chat.field.fill("ma question coupée")
    chat.field.press("Enter")
    expect(chat.answers.nth(1)).to_be_visible()
    assert len(mine(chat, "ma question coupée")) == 1
    assert len([message for message in history(chat) if message["from"] == "bot"]) == chat.answers.count()


def test_too_many_messages_wait_as_told(demo):
    chat = demo().open()
    chat.refuse(429, "Trop de messages.", **{"Retry-After": "2"})
    chat.field.fill("encore une question")
    chat.field.press("Enter")
    expect(chat.messages.last).to_contain_text(re.compile(r"Nouvel envoi dans [12]"))
    expect(chat.answers).not_to_have_count(1)  # then it goes by itself
    assert len(mine(chat, "encore une question")) == 1


def test_a_refusal_is_told_in_the_servers_words_and_the_text_can_be_changed(demo):
    chat = demo().open()
    chat.refuse(413, "Votre message est trop long pour être lu.")
    chat.field.fill("un texte refusé")
    chat.field.press("Enter")
    expect(chat.messages.last).to_contain_text("Votre message est trop long pour être lu.")
    chat.messages.last.get_by_role("button", name="Modifier").click()
    expect(chat.field).to_have_value("un texte refusé")
    expect(chat.field).to_be_focused()


def test_a_session_that_ended_is_opened_again(demo):
    chat = demo().open()
    chat.refuse(401, "Session expirée.")
    chat.field.fill("toujours là")
    chat.field.press("Enter")
    expect(chat.root.locator(".line")).to_contain_text("nouvelle conversation")
    expect(chat.answers).not_to_have_count(1)
    assert len(mine(chat, "toujours là")) == 1


def test_without_a_server_the_person_is_told_and_can_try_again(new_page, live_server):
    page = new_page()
    page.route("**/api/v1/sessions", lambda route: route.abort())
    page.goto(f"{live_server.url}/?profile=parent")
    expect(page.locator(".line")).to_contain_text("ne répond pas")
    page.unroute("**/api/v1/sessions")
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator(".msg.bot").first).to_be_visible()


def test_choices_serve_once(demo, said):
    chat = demo().open()
    buttons = [{"title": "Mot de passe", "choice": "v1", "topic": "t"}, {"title": "Autre chose", "choice": "v2"}]
    chat.answer(said("<p>Vouliez-vous dire :</p>", buttons=buttons), outcome="choices")
    chat.ask("connexion")
    choices = chat.root.locator(".choice")
    expect(choices.first).to_be_enabled()
    chat.answer(said())
    with chat.posting() as caught:
        choices.first.click()
    assert caught.value.post_data_json["choice"] == "v1"
    assert "text" not in caught.value.post_data_json
    expect(chat.root.locator(".msg.user").last).to_contain_text("Mot de passe")
    expect(choices.first).to_be_disabled()
    expect(choices.last).to_be_disabled()
    expect(chat.field).to_be_focused()


def test_choices_end_with_the_next_message(demo, said):
    chat = demo().open()
    chat.answer(said(buttons=[{"title": "Une voie", "choice": "v1"}]), outcome="choices")
    chat.ask("connexion")
    choice = chat.root.get_by_role("button", name="Une voie")
    expect(choice).to_be_enabled()
    chat.answer(said())
    chat.ask("autre question")
    expect(choice).to_be_disabled()


def test_an_opinion_is_given_changed_and_explained(demo):
    chat = demo().open()
    chat.ask("j'ai oublié mon mot de passe")
    bar = chat.root.locator(".feedback").last
    yes, no = bar.get_by_role("button", name="Utile", exact=True), bar.get_by_role("button", name="Pas utile")
    is_feedback = lambda response: response.url.endswith("/feedback")  # noqa: E731
    with chat.page.expect_response(is_feedback) as caught:
        yes.click()
    assert caught.value.ok
    assert caught.value.request.post_data_json == {"helpful": True}
    expect(yes).to_have_attribute("aria-pressed", "true")
    with chat.page.expect_response(is_feedback):
        no.click()
    expect(yes).to_have_attribute("aria-pressed", "false")
    expect(no).to_have_attribute("aria-pressed", "true")
    bar.get_by_label("Que manque-t-il").fill("le lien ne marche pas")
    with chat.page.expect_response(is_feedback) as caught:
        bar.get_by_role("button", name="Envoyer l’avis").click()
    assert caught.value.ok
    assert caught.value.request.post_data_json == {"helpful": False, "comment": "le lien ne marche pas"}
    expect(bar).to_contain_text("Merci")


def test_no_opinion_is_asked_for_in_an_urgency(demo, said):
    chat = demo().open()
    about = {"id": "u", "title": "Harcèlement", "topic": "urgence_harcelement", "updated": "2026-11-01"}
    chat.answer(said("<p>Appelle le <a href='tel:3018'>3018</a>.</p>", article=about), outcome="urgent")
    chat.ask("on m'embête")
    expect(chat.answers.last.locator("a")).to_have_attribute("href", "tel:3018")
    expect(chat.root.locator(".feedback")).to_have_count(0)


def test_suggestions_are_chosen_by_keyboard(demo):
    chat = demo().open()
    results = [{"topic": "a", "title": "Mot de passe oublié"}, {"topic": "b", "title": "Changer de mot de passe"}]
    asked = []

    def search(route):
        asked.append(route.request.url)
        route.fulfill(json={"results": results})

    chat.page.route("**/api/v1/search?*", search)
    chat.field.press_sequentially("mo")
    chat.page.wait_for_timeout(400)
    assert asked == []  # from three letters
    chat.field.press_sequentially("t de")
    options = chat.root.get_by_role("option")
    expect(options).to_have_count(2)
    assert len(asked) == 1  # once the person pauses
    chat.field.press("ArrowDown")
    chat.field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(chat.field).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id"))
    with chat.posting() as caught:
        chat.field.press("Enter")
    assert caught.value.post_data_json["text"] == "Changer de mot de passe"
    expect(chat.field).to_have_value("")


def test_escape_closes_the_suggestions_alone(demo):
    chat = demo().open()
    chat.page.route(
        "**/api/v1/search?*",
        lambda route: route.fulfill(json={"results": [{"topic": "a", "title": "Mot de passe oublié"}]}),
    )
    chat.field.press_sequentially("mot")
    expect(chat.root.get_by_role("option")).to_be_visible()
    chat.field.press("Escape")
    expect(chat.root.get_by_role("option")).to_have_count(0)
    expect(chat.field).to_be_visible()
    expect(chat.field).to_have_value("mot")


def test_the_server_proposes_questions(demo):
    chat = demo().open()
    chat.field.press_sequentially("mot de pas")
    expect(chat.root.get_by_role("option").first).to_be_visible()


def test_enter_sends_and_shift_enter_makes_a_line(demo):
    chat = demo().open()
    chat.field.press_sequentially("première ligne")
    chat.field.press("Shift+Enter")
    chat.field.press_sequentially("seconde ligne")
    chat.sent(lambda: chat.field.press("Enter"))
    expect(chat.root.locator(".msg.user .said-text")).to_have_text(re.compile("première ligne\nseconde ligne"))


def test_a_long_text_is_counted_and_still_sent(demo):
    chat = demo().open()
    counter = chat.root.locator("#counter")
    chat.field.fill("a " * 440)
    expect(counter).to_be_hidden()
    chat.field.fill("mot " * 230)
    expect(counter).to_be_visible()
    chat.field.fill("mot " * 300)
    expect(counter).to_contain_text("1 000 caractères")
    assert chat.sent(lambda: chat.field.press("Enter"))["messages"]


def stream(*events):
    return "".join(
        f"id: {at}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for at, (name, data) in enumerate(events, 1)
    )


def test_a_persons_reply_comes_by_itself_and_is_told_from_the_programs(demo, said):
    chat = demo()
    reply = said("<p>Je regarde votre dossier.</p>", **{"from": "agent"})
    resumed = []

    def serve(route):
        resumed.append(route.request.headers.get("last-event-id"))
        route.fulfill(headers={"Content-Type": "text/event-stream"}, body=stream(("message", reply)))

    chat.page.route("**/api/v1/events", serve)
    chat.open()
    agent = chat.root.locator(".msg.agent")
    expect(agent).to_contain_text("Une personne de l’assistance")
    expect(agent).to_contain_text("Je regarde votre dossier.")
    chat.page.wait_for_timeout(2500)
    expect(agent).to_have_count(1)  # the same event again shows nothing twice
    assert resumed[:2] == [None, "1"]


def test_without_a_stream_the_reply_is_looked_up(demo, said):
    chat = demo()
    reply = said("<p>Je regarde votre dossier.</p>", **{"from": "agent"})
    chat.page.route("**/api/v1/events", lambda route: route.abort())
    chat.page.route(re.compile(r"/api/v1/messages\?after="), lambda route: route.fulfill(json={"messages": [reply]}))
    chat.open()
    expect(chat.root.locator(".msg.agent")).to_have_count(1)


def test_a_reply_that_comes_while_closed_is_counted_on_the_button(demo, said):
    chat = demo()
    reply = said(**{"from": "agent"})
    closed = []

    def serve(route):
        if not closed:
            return route.abort()
        return route.fulfill(headers={"Content-Type": "text/event-stream"}, body=stream(("message", reply)))

    chat.page.route("**/api/v1/events", serve)
    chat.open()
    chat.launcher.click()
    closed.append(True)
    expect(chat.launcher).to_have_accessible_name(re.compile("1 nouveau message"))
    chat.launcher.click()
    expect(chat.launcher).not_to_have_accessible_name(re.compile("nouveau message"))


def test_a_requests_change_reaches_its_card(demo, said):
    chat = demo().open()
    ticket = {"number": "ENT-7", "level": 2, "status": "nouveau"}
    chat.answer(said(ticket=ticket), outcome="ticket")
    chat.ask("oui")
    chat.page.route(
        "**/api/v1/events",
        lambda route: route.fulfill(
            headers={"Content-Type": "text/event-stream"},
            body=stream(("ticket", {"ticket": {**ticket, "level": 3, "status": "resolu"}})),
        ),
    )
    chat.root.get_by_role("button", name="Nouvelle conversation").click()
    expect(chat.root.locator(".msg.user")).to_have_count(0)
    chat.answer(said(ticket=ticket), outcome="ticket")
    chat.ask("oui")
    expect(chat.root.locator(".ticket")).to_contain_text("Résolue")
    expect(chat.root.locator(".ticket")).to_contain_text("niveau 3")


def test_announcements_are_shown_and_put_away(demo):
    chat = demo()
    chat.announce(
        {"id": "i", "level": "incident", "title": "Panne", "text": "En cours."},
        {"id": "a", "level": "info", "title": "Réunion", "text": "Jeudi."},
    )
    chat.open()
    banners = chat.root.locator(".banner")
    expect(banners).to_have_count(2)
    expect(banners.first).to_contain_text("Panne")
    chat.root.get_by_role("button", name="Masquer l’annonce Réunion").click()
    expect(banners).to_have_count(1)
    expect(chat.field).to_be_focused()


def test_ones_own_data_are_downloaded(demo):
    chat = demo().open()
    chat.ask("bonjour, une question")
    chat.root.get_by_role("button", name="Mes données").first.click()
    with chat.page.expect_download() as caught:
        chat.root.get_by_role("button", name="Télécharger mes données").click()
    with open(caught.value.path(), encoding="utf-8") as file:
        assert "bonjour, une question" in file.read()


def test_ones_own_data_are_erased_after_a_question(demo):
    chat = demo().open()
    chat.ask("bonjour, une question")
    chat.root.get_by_role("button", name="Mes données").first.click()
    chat.root.get_by_role("button", name="Effacer cette conversation").click()
    expect(chat.root.get_by_role("button", name="Non, garder")).to_be_focused()
    erased = chat.bearer

    # The session has a token before its first message is read: `chat.bearer` is of the messages alone.
    def is_of_the_new_conversation(request):
        return is_message_url(request.url) and request.headers.get("authorization", erased) != erased

    with (
        chat.page.expect_request(is_of_the_new_conversation),
        chat.page.expect_response(lambda response: response.request.method == "DELETE") as caught,
    ):
        chat.root.get_by_role("button", name="Oui, effacer").click()
    assert caught.value.ok
    expect(chat.root.locator(".msg.user")).to_have_count(0)
    expect(chat.answers.first).to_be_visible()
    assert mine(chat, "bonjour, une question") == []


def test_a_shared_computer_can_be_left(demo):
    chat = demo().open()
    chat.ask("bonjour, une question")
    chat.root.get_by_role("button", name="Mes données").first.click()
    chat.root.get_by_role("button", name="Quitter sur cet appareil").click()
    expect(chat.root.locator(".msg.user")).to_have_count(0)
    chat.page.reload()
    expect(chat.answers.first).to_be_visible()
    expect(chat.root.locator(".msg.user")).to_have_count(0)
