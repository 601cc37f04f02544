"""A screenshot is joined to a request: chosen or pasted, taken back, refused with a sentence, sent."""

import io
import json

from PIL import Image
from playwright.sync_api import expect

PASTE = """([field, content]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
  field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="


def capture(name="capture.png"):
    out = io.BytesIO()
    Image.new("RGB", (1_200, 800), "navy").save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


def tell(chat):
    """Begin a request; give back what a person finds there to join images."""
    expect(chat.root.get_by_role("button", name="Joindre une capture d’écran")).to_be_hidden()
    chat.ask("je veux parler à quelqu'un")
    return chat.root.get_by_role("button", name="Joindre une capture d’écran"), chat.root.locator("#join-said")


def joined(chat):
    """What the server holds for the request."""
    answer = chat.page.request.get(f"{chat.origin}/api/v1/attachments", headers={"Authorization": chat.bearer})
    return answer.json()["attachments"]


def paste(chat, content=PIXEL):
    chat.field.evaluate("(field, content) => (" + PASTE + ")([field, content])", content)


def test_a_screenshot_is_joined_taken_back_and_sent(demo, axe):
    chat = demo().open()
    button, said = tell(chat)
    with chat.page.expect_file_chooser() as chooser:
        button.focus()
        chat.page.keyboard.press("Enter")
    chooser.value.set_files([capture("une.png"), capture("deux.png")])
    expect(said).to_have_text("Captures jointes\u00a0: 2.")
    paste(chat)
    expect(said).to_have_text("Captures jointes\u00a0: 3.")
    axe(chat.page)
    chat.root.get_by_role("button", name="Retirer la capture 2").press("Enter")
    expect(said).to_have_text("Captures jointes\u00a0: 2.")
    expect(button).to_be_focused()
    assert len(joined(chat)) == 2
    reply = chat.ask("Le blog de la classe est vide")
    assert "Captures d’écran jointes : 2" in reply["messages"][0]["text"]
    expect(chat.root.get_by_role("button", name="Retirer la capture 2")).to_be_visible()
    reply = chat.sent(lambda: chat.root.get_by_role("button", name="Oui, envoyer").last.click())
    assert reply["result"]["outcome"] == "ticket"
    expect(button).to_be_hidden()


def test_what_is_refused_is_said_and_what_was_joined_stays(demo):
    chat = demo().open()
    _, said = tell(chat)
    file = chat.root.locator("#file")
    file.set_input_files(capture())
    expect(said).to_have_text("Captures jointes\u00a0: 1.")
    svg = {"name": "capture.png", "mimeType": "image/png", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}
    file.set_input_files(svg)
    expect(said).to_contain_text("Ce fichier n’est pas une image PNG, JPEG ou WebP.")
    expect(chat.root.get_by_role("button", name="Retirer la capture 1")).to_be_visible()
    chat.page.route("**/api/v1/attachments", lambda route: route.abort())
    file.set_input_files(capture())
    expect(said).to_have_text("Cela n’a pas marché. Essayez à nouveau.")
    chat.page.unroute("**/api/v1/attachments")
    file.set_input_files(capture())
    expect(said).to_have_text("Captures jointes\u00a0: 2.")


def test_while_it_is_on_its_way_the_request_waits_for_it(demo):
    chat = demo().open()
    _, said = tell(chat)
    chat.ask("Le blog de la classe est vide")
    waiting = []
    chat.page.route(
        "**/api/v1/attachments",
        lambda route: waiting.append(route) if route.request.method == "POST" else route.fallback(),
    )
    chat.root.locator("#file").set_input_files(capture())
    expect(said).to_contain_text("Envoi de la capture")
    posted = []
    chat.page.on("request", lambda request: posted.append(request) if request.method == "POST" else None)
    chat.root.get_by_role("button", name="Oui, envoyer").click()
    chat.page.wait_for_timeout(300)
    assert not [request for request in posted if request.url.endswith("/messages")]
    with chat.page.expect_response(lambda response: response.url.endswith("/messages")) as caught:
        waiting.pop().continue_()
    assert caught.value.json()["result"]["outcome"] == "ticket"
    answer = chat.page.request.get(f"{chat.origin}/api/v1/conversation/export", headers={"Authorization": chat.bearer})
    [image] = json.loads(answer.text())["attachments"]
    assert image["request"]


def test_on_the_next_page_what_was_joined_is_found_again(demo):
    chat = demo().open()
    _, said = tell(chat)
    paste(chat)
    expect(said).to_have_text("Captures jointes\u00a0: 1.")
    chat.page.reload()
    expect(said).to_have_text("Captures jointes\u00a0: 1.")
    chat.sent(lambda: chat.root.get_by_role("button", name="Annuler la demande").last.click())
    expect(said).to_be_hidden()
    assert joined(chat) == []


def test_outside_a_request_a_pasted_image_goes_nowhere(demo):
    chat = demo().open()
    chat.ask("j'ai oublié mon mot de passe")
    sent = []
    chat.page.on("request", lambda request: sent.append(request.url))
    paste(chat)
    chat.page.wait_for_timeout(200)
    assert not [url for url in sent if "attachments" in url]
