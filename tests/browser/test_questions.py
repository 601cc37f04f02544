"""A question is asked in an ENT's page and answered: by mouse, by keyboard alone, and from another site."""

import pytest
from playwright.sync_api import expect

BY_MOUSE = [
    ("parent", "mot de passe", "connexion_mot_de_passe_oublie"),
    ("enseignant", "donner un devoir", "cdt_donner_devoirs"),
    ("directeur", "remplaçante", "admin_acces_remplacant"),
]
BY_KEYBOARD = [
    ("parent", "j'ai oublié mon mot de passe", "connexion_mot_de_passe_oublie"),
    ("enseignant", "comment donner des devoirs à mes élèves", "cdt_donner_devoirs"),
    ("directeur", "comment donner un accès à un remplaçant", "admin_acces_remplacant"),
]
MOST_TABS = 60


def expect_article(chat, reply, topic):
    assert reply["result"]["outcome"] == "answer"
    assert reply["result"]["topic"] == topic
    article = next(message["article"] for message in reply["messages"] if message.get("article"))
    # A long reply is shown from its beginning: it is read downwards.
    expect(chat.answers.get_by_role("heading", name=article["title"], exact=True)).to_be_in_viewport()


@pytest.mark.parametrize(("profile", "words", "topic"), BY_MOUSE)
def test_a_sample_question_is_answered_by_mouse(demo, profile, words, topic):
    chat = demo(profile)
    chat.page.locator("[data-question]", has_text=words).click()
    chat.wait()
    expect(chat.field).not_to_be_empty()
    reply = chat.sent(lambda: chat.root.get_by_role("button", name="Envoyer").click())
    expect_article(chat, reply, topic)


@pytest.mark.parametrize(("profile", "question", "topic"), BY_KEYBOARD)
def test_a_question_is_answered_by_keyboard_alone(demo, profile, question, topic):
    chat = demo(profile)
    keyboard = chat.page.keyboard
    for _ in range(MOST_TABS):
        keyboard.press("Tab")
        if launcher_has_focus(chat.page):
            break
    assert launcher_has_focus(chat.page)
    keyboard.press("Enter")
    chat.wait()
    expect(chat.field).to_be_focused()

    def write():
        keyboard.type(question)
        keyboard.press("Enter")

    expect_article(chat, chat.sent(write), topic)
    expect(chat.field).to_be_focused()
    keyboard.press("Escape")
    expect(chat.launcher).to_be_focused()
    assert launcher_has_focus(chat.page)


@pytest.mark.parametrize(("profile", "question", "topic"), BY_KEYBOARD)
def test_a_question_is_answered_in_another_sites_page(embedded, live_server, profile, question, topic):
    chat = embedded(f'data-profile="{profile}" data-uai="0750001U" data-page="Messagerie"').open()
    assert chat.page.url.startswith("http://localhost:")
    assert chat.frame.url.startswith(live_server.frame_url)
    chat.field.fill(question)
    with chat.posting() as caught:
        reply = chat.sent(lambda: chat.field.press("Enter"))
    assert caught.value.post_data_json["page"] == "Messagerie"
    expect_article(chat, reply, topic)


def test_the_chat_alone_asks_who_one_is_and_answers(alone):
    chat = alone(query="")
    expect(chat.page).to_have_title("Assistant de l’ENT : poser une question")
    expect(chat.root.get_by_role("button", name="Fermer l’assistant")).to_be_hidden()
    choices = chat.answers.last.get_by_role("button")
    expect(choices.first).to_be_visible()
    chat.sent(lambda: choices.get_by_text("Parent", exact=False).first.click())
    expect(chat.messages.last).to_be_in_viewport()


def launcher_has_focus(page):
    return page.evaluate("document.activeElement?.shadowRoot?.activeElement?.className.includes('launcher') ?? false")
