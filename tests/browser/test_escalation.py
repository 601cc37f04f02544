"""From a parent's unsolved question to the vendor's tool and back: the widget, the consoles of the référent and of the agent, a real Redmine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request

import pytest
import yaml
from playwright.sync_api import expect

from bot.settings import ROOT
from tests.redmine import Redmine, run_redmine
from tests.stack import REDMINE_KEY, Stack, without_settings

pytestmark = pytest.mark.timeout(600)

# The référent of the parent's school, who is told and handles nobody's queue; the agent of level 2, who does.
REFERENT, AGENT = "referent@college.example", "agent@academie.example"
# The web process asks the tools what changed every so often; the rest is seconds.
PATIENCE_MS = 120_000
# What an open page of the console is told shows within seconds, without a reload.
LIVE_MS = 5_000


def save_connectors(stack: Stack, entries: list[dict], folder) -> None:
    file = folder / "connectors.yml"
    file.write_text(yaml.safe_dump({"connectors": entries}), encoding="utf-8")
    environment = {
        **without_settings(os.environ), "ASSISTENT_VAR_DIR": str(stack.settings.var_dir), REDMINE_KEY: "assistentkey",
    }  # fmt: skip
    command = [sys.executable, "-m", "bot", "connectors", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def redmine(stack: Stack, tmp_path_factory: pytest.TempPathFactory):
    """The vendor's Redmine, to which the group of level 3 is connected."""
    folder = tmp_path_factory.mktemp("redmine")
    with run_redmine(folder) as running:
        entry = {
            "group": "editeur", "kind": "redmine", "address": running.address, "secrets": {"api_key": REDMINE_KEY},
            "options": {"project": "ent"},
        }  # fmt: skip
        save_connectors(stack, [entry], folder)
        yield running
        save_connectors(stack, [], folder)


def call(redmine: Redmine, method: str, path: str, changes: dict | None = None) -> dict:
    """Call Redmine as somebody of the vendor's team."""
    data = json.dumps({"issue": changes}).encode() if changes else None
    headers = {"X-Redmine-API-Key": "agentkey", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{redmine.address}/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
        return json.loads(content) if content else {}


def issue_of(redmine: Redmine, number: str) -> int:
    """Wait for the request to be in Redmine; return its issue's number."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for issue in call(redmine, "GET", "issues.json?status_id=*&limit=100")["issues"]:
            if number in issue["subject"]:
                return issue["id"]
        time.sleep(1)
    raise AssertionError(f"{number} never came to Redmine")


class ByMouse:
    """What a hand on the mouse does."""

    def press(self, page, target) -> None:
        target.click()

    def write(self, page, target, text: str) -> None:
        target.fill(text)


class ByKeyboard:
    """Tab to what is wanted, then Enter, or type: the mouse is not touched."""

    def press(self, page, target) -> None:
        self.reach(page, target)
        page.keyboard.press("Enter")

    def write(self, page, target, text: str) -> None:
        self.reach(page, target)
        page.keyboard.insert_text(text)

    def reach(self, page, target) -> None:
        for _ in range(200):
            if target.evaluate("(element) => element === element.getRootNode().activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{target} is not reached by Tab")


def tell(way, chat, text: str) -> dict:
    """Write in the chat and send; give back the server's answer."""
    way.write(chat.page, chat.field, text)
    return chat.sent(lambda: chat.page.keyboard.press("Enter"))


def open_queue(way, new_page, stack: Stack, login: str):
    """Sign somebody of the demonstration in; give back the page, on the queue."""
    console = new_page()
    console.goto(f"{stack.url}/console/connexion")
    passwords = json.loads((stack.settings.var_dir / "demonstration-accounts.json").read_text(encoding="utf-8"))
    way.write(console, console.get_by_label("Adresse e-mail"), login)
    way.write(console, console.get_by_label("Mot de passe"), passwords[login])
    way.press(console, console.get_by_role("button", name="Se connecter"))
    expect(console.get_by_role("heading", name="File des demandes")).to_be_visible()
    return console


@pytest.mark.parametrize("way", [ByMouse(), ByKeyboard()], ids=["mouse", "keyboard"])
def test_unsolved_escalated_answered_in_redmine_resolved_and_rated(
    way, demo, new_page, axe, stack: Stack, redmine: Redmine
) -> None:
    referent, console = [open_queue(way, new_page, stack, login) for login in (REFERENT, AGENT)]

    # The parent: a question, an answer that does not help, a request.
    chat = demo("parent")
    way.press(chat.page, chat.launcher)
    chat.wait()
    assert tell(way, chat, "Le blog de la classe de ma fille est vide")["result"]["outcome"] == "answer"
    tell(way, chat, "non")
    assert tell(way, chat, "je veux parler à quelqu'un")["result"]["outcome"] == "form"
    told = tell(way, chat, f"Le blog du CE1 est vide depuis la rentrée ({way.__class__.__name__})")
    assert "Réponse : " in told["messages"][0]["text"]
    axe(chat.page)
    send = chat.root.get_by_role("button", name="Oui, envoyer").last
    sent = chat.sent(lambda: way.press(chat.page, send))
    number = sent["messages"][0]["ticket"]["number"]

    # The référent: it comes into his open queue by itself. He may answer it; sending it on is not his.
    line = referent.get_by_role("link", name=number)
    expect(line).to_be_visible(timeout=LIVE_MS)
    axe(referent)
    way.press(referent, line)
    expect(referent.locator("#entete")).to_contain_text("niveau 2")
    expect(referent.get_by_role("button", name="Répondre à l’usager")).to_have_count(1)
    expect(referent.get_by_text("Escalader au niveau 3")).to_have_count(0)

    # The agent: it came into his too, and he sends it to the vendor with a reason.
    line = console.get_by_role("link", name=number)
    expect(line).to_be_visible(timeout=LIVE_MS)
    way.press(console, line)
    way.press(console, console.get_by_text("Escalader au niveau 3").first)
    way.write(
        console, console.get_by_label("Pourquoi l’éditeur doit s’en occuper"), "Le service du blog ne répond plus."
    )
    way.press(console, console.get_by_role("button", name="Escalader au niveau 3"))
    expect(console.get_by_text("La demande est au niveau 3.")).to_be_visible()
    axe(console)
    expect(referent.locator("#entete")).to_contain_text("niveau 3", timeout=LIVE_MS)

    # The vendor: in his own tool.
    issue = issue_of(redmine, number)
    closed = next(
        one["id"] for one in call(redmine, "GET", "issue_statuses.json")["issue_statuses"] if one["is_closed"]
    )
    call(
        redmine,
        "PUT",
        f"issues/{issue}.json",
        {"notes": "Le blog est republié, rechargez la page.", "status_id": closed},
    )

    # Back in the parent's open chat, then rated.
    expect(chat.root.get_by_text("Le blog est republié, rechargez la page.")).to_be_visible(timeout=PATIENCE_MS)
    settled = chat.root.get_by_role("button", name="Oui, c’est réglé").last
    expect(settled).to_be_visible(timeout=PATIENCE_MS)
    axe(chat.page)
    rated = chat.sent(lambda: way.press(chat.page, settled))
    assert rated["messages"][0]["ticket"] == {**sent["messages"][0]["ticket"], "level": 3, "status": "resolu"}

    # And in the open pages of the référent and of the agent, without reloading them.
    for page in (referent, console):
        expect(page.locator("#entete")).to_contain_text("Résolue", timeout=LIVE_MS)
        expect(page.locator("#historique")).to_contain_text("Avis de l’usager")
