"""Every state of the widget, for axe and for what axe cannot see: focus, voice, zoom, targets, motion."""

import pytest
from playwright.sync_api import expect

INCIDENT = {"id": "i1", "level": "incident", "title": "Messagerie indisponible", "text": "Retour prévu à 11 h."}
INFORMATION = {
    "id": "a1",
    "level": "info",
    "title": "Réunion",
    "html": "<p>Jeudi. <a href='https://example.org/'>En savoir plus</a></p>",
}
TICKET = {"number": "ENT-2026-004217", "level": 2, "status": "nouveau", "topic": "connexion_erreur"}
CHOICES = [{"title": "Mot de passe oublié", "choice": "t1", "topic": "x"}, {"title": "Autre chose", "choice": "autre"}]
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
LOOKS = {
    "desktop": {},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "zoom 400 %": {"viewport": {"width": 320, "height": 256}},
    "forced colours": {"forced_colors": "active"},
}


@pytest.fixture(params=LOOKS, ids=str)
def look(request):
    return LOOKS[request.param]


def test_axe_finds_nothing_in_any_state(demo, axe, said, article, look):
    chat = demo(**look)
    page = chat.page
    chat.announce(INCIDENT, INFORMATION)
    axe(page)  # closed
    chat.open()
    expect(chat.root.locator(".banner")).to_have_count(2)
    axe(page)  # open, banners
    chat.answer(article)
    chat.ask("mot de passe")
    axe(page)  # answer
    chat.answers.last.get_by_role("button", name="Pas utile").click()
    axe(page)  # opinion
    chat.answer(said("<p>Vouliez-vous dire :</p>", buttons=CHOICES), outcome="choices")
    chat.ask("connexion")
    axe(page)  # choices
    chat.answer(
        said("<p>Quel est le problème ?</p>", buttons=[{"title": "Annuler", "choice": "annuler"}]), outcome="form"
    )
    chat.ask("parler à quelqu'un")
    axe(page)  # form
    chat.answer(said("<p>Votre demande est enregistrée.</p>", ticket=TICKET), outcome="ticket")
    chat.ask("oui")
    axe(page)  # request
    chat.refuse(422, "Ce message ne peut pas être lu.")
    chat.field.fill("illisible")
    chat.field.press("Enter")
    expect(chat.messages.last).to_contain_text("Non envoyé")
    axe(page)  # error
    chat.field.fill("a" * 1001)
    expect(chat.root.locator("#counter")).to_be_visible()
    axe(page)  # long text
    chat.root.get_by_role("button", name="Mes données").first.click()
    expect(chat.root.get_by_role("dialog")).to_be_visible()
    axe(page)  # data
    chat.root.get_by_role("button", name="Effacer cette conversation").click()
    axe(page)  # confirmation


def test_axe_finds_nothing_in_suggestions(demo, axe):
    chat = demo().open()
    chat.page.route(
        "**/api/v1/search?*",
        lambda route: route.fulfill(json={"results": [{"topic": "t", "title": "Mot de passe oublié"}]}),
    )
    chat.field.press_sequentially("mot")
    expect(chat.root.get_by_role("option")).to_be_visible()
    chat.field.press("ArrowDown")
    axe(chat.page)


@pytest.mark.parametrize("profile", ["parent", "eleve", "enseignant", "directeur", "personnel", "intervenant"])
def test_axe_finds_nothing_in_the_demonstration_pages(demo, axe, profile):
    axe(demo(profile).page)


def test_axe_finds_nothing_in_the_pages_that_stand_alone(new_page, alone, axe, live_server, look):
    axe(alone(**look).page)
    page = new_page(**look)
    page.goto(f"{live_server.url}/demo/")
    axe(page)


def test_opening_moves_the_focus_in_and_escape_gives_it_back(embedded):
    chat = embedded().open()
    expect(chat.field).to_be_focused()
    expect(chat.launcher).to_have_attribute("aria-expanded", "true")
    chat.page.keyboard.press("Escape")
    expect(chat.page.locator("iframe")).to_be_hidden()
    expect(chat.launcher).to_be_focused()
    expect(chat.launcher).to_have_attribute("aria-expanded", "false")
    chat.page.keyboard.press("Enter")
    expect(chat.field).to_be_focused()


def test_escape_closes_what_is_innermost(demo):
    chat = demo().open()
    chat.root.get_by_role("button", name="Mes données").first.click()
    chat.page.keyboard.press("Escape")
    expect(chat.root.get_by_role("dialog")).to_be_hidden()
    expect(chat.page.locator("iframe")).to_be_visible()


def test_the_keyboard_goes_through_the_frame_and_out_of_it(embedded):
    chat = embedded().open()
    seen = set()
    for _ in range(20):
        chat.page.keyboard.press("Tab")
        seen.add(chat.page.evaluate("document.activeElement.tagName"))
    assert "BODY" in seen or "A" in seen  # the focus left the widget, for the page or the browser


def test_the_log_is_live_and_named(demo, article):
    chat = demo().open()
    log = chat.root.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "polite")
    chat.answer(article)
    chat.ask("mot de passe")
    expect(log).to_contain_text("Mis à jour le 20 novembre 2026")
    expect(chat.answers.last.get_by_role("group", name="Votre avis sur cette réponse")).to_be_visible()


def test_a_requests_number_can_be_read_aloud(demo, said):
    chat = demo().open()
    chat.answer(said("<p>Enregistré.</p>", ticket=TICKET), outcome="ticket")
    chat.ask("oui")
    card = chat.answers.last.locator(".ticket")
    expect(card).to_contain_text("E N T, 2 0 2 6, 0 0 4 2 1 7")
    expect(card).to_contain_text("L’assistance de l’académie (niveau 2)")
    expect(card).to_contain_text("Nouvelle")


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_an_emergency_number_is_a_link_that_a_telephone_dials(demo, axe, options):
    chat = demo("eleve", **options).open()
    chat.ask("on me frappe tous les jours à la récré")
    answer = chat.answers.last
    for number in ("3018", "119", "17", "15", "112", "3114"):
        call = answer.get_by_role("link", name=f"Appeler le {number}", exact=True).first
        expect(call).to_have_attribute("href", f"tel:{number}")
        expect(call).to_have_text(number)
    message = answer.get_by_role("link", name="Envoyer un SMS au 114")
    expect(message).to_have_attribute("href", "sms:114")
    # In no other window, which would stay empty; underlined as every link; as large as a thumb needs.
    dialled = answer.locator("a:is([href^='tel:'], [href^='sms:'])")
    assert dialled.evaluate_all("links => links.every((one) => !one.target)")
    assert dialled.evaluate_all(
        "links => links.every((one) => getComputedStyle(one).textDecorationLine === 'underline')"
    )
    for box in dialled.evaluate_all("links => links.map((one) => one.getBoundingClientRect().toJSON())"):
        assert min(box["width"], box["height"]) >= 24
    message.focus()
    chat.page.keyboard.press("Tab")
    expect(answer.get_by_role("link", name="Appeler le 3018", exact=True).first).to_be_focused()
    axe(chat.page)


def test_nothing_is_cut_at_320_pixels(demo, article):
    chat = demo(viewport={"width": 320, "height": 256}).open()
    chat.answer(article)
    chat.ask("mot de passe")
    wider = "() => document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
    assert not chat.frame.evaluate(wider)
    assert not chat.page.evaluate(wider)
    chat.field.scroll_into_view_if_needed()
    expect(chat.field).to_be_in_viewport()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_what_can_be_pressed_is_large_enough(demo, said, article, options):
    chat = demo(**options)
    chat.announce(INCIDENT)
    chat.open()
    chat.answer(article, said("<p>Ou bien :</p>", buttons=CHOICES))
    chat.ask("mot de passe")
    small = """() => [...document.querySelectorAll('button, textarea')].filter((one) => one.checkVisibility())
      .map((one) => [one.textContent.trim() || one.ariaLabel || one.id, one.getBoundingClientRect()])
      .filter(([, box]) => box.width < 43.9 || box.height < 43.9).map(([name]) => name)"""
    assert chat.frame.evaluate(small) == []
    if not options:
        box = chat.launcher.bounding_box()
        assert min(box["width"], box["height"]) >= 44


def test_on_a_phone_the_chat_covers_the_page_and_the_page_is_out_of_reach(demo):
    chat = demo(**PHONE).open()
    box = chat.page.locator("iframe").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 740)
    assert chat.page.evaluate("document.querySelector('main').closest('[inert]') !== null")
    chat.root.get_by_role("button", name="Fermer l’assistant").click()
    expect(chat.launcher).to_be_focused()
    assert chat.page.evaluate("document.querySelector('[inert]') === null")


def test_motion_stops_where_it_is_not_wanted(demo):
    chat = demo(reduced_motion="reduce").open()
    assert chat.frame.evaluate("getComputedStyle(document.querySelector('.typing i')).animationName") == "none"


def test_a_pupil_is_told_tu(demo):
    chat = demo("eleve").open()
    expect(chat.field).to_have_attribute("placeholder", "Écris ta question")
    expect(chat.root.locator("#notice-text")).to_contain_text("N’écris pas ton mot de passe")
