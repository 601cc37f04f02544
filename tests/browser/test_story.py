"""A Wednesday of the workshop, in real browsers, with a real training: from what nobody could answer to a better model in service.

The project is a copy of its own, with all its topics and articles and an utterance in SHARE: a training takes a minute instead of three,
and nothing of what it makes is left among the project's models.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import yaml
from playwright.sync_api import Page, expect

from bot.clock import SystemClock
from bot.db import Database
from bot.learning.gate import URGENT
from bot.settings import ROOT
from bot.web.lease import LeaseRow
from tests.browser.conftest import Chat
from tests.browser.test_console import sign_in
from tests.integration.console import ECOLE, PASSWORD, add_account
from tests.integration.gateway import run_apart
from tests.integration.steady_load import SteadyLoad
from tests.integration.workshop import HEADER
from tests.stack import Stack, run_stack

SHARE = 4
FOLDERS = ("actions", "benchmarks", "bot", "data", "deploy", "knowledge", "migrations", "requirements")
FILES = ("alembic.ini", "config.yml", "credentials.yml", "domain.yml", "endpoints.yml", "pyproject.toml")
WRITER, READER = "ada@academie.example", "noor@academie.example"
# As long as a machine that does much else may take; an idle one takes a fraction of it.
TRAIN_S, SWAP_S, INBOX_S = 480, 120, 240

TOPIC, TITLE, MEANING = (
    "certificat_scolarite",
    "Obtenir un certificat de scolarité",
    "Obtenir un certificat de scolarité",
)
# Ten persons, each in his own words.
ASKED = (
    "où télécharger le certificat de scolarité de ma fille", "je voudrais un certificat de scolarité pour mon fils",
    "comment imprimer le certificat de scolarité sur l'ENT", "la CAF me demande un certificat de scolarité",
    "certificat de scolarité pour les impôts svp", "où trouver le certificat de scolarité sur le site",
    "il me faut un certificat de scolarité pour la mutuelle", "le certificat de scolarité de cette année je le prends où",
    "peut-on avoir le certificat de scolarité en pdf", "bonjour je cherche le certificat de scolarité de mes enfants",
)  # fmt: skip
WRITTEN = """parent : mon employeur veut un certificat de scolarité
parent : attestation de scolarité à fournir à la banque
parent : obtenir une attestation de scolarité
certificat de scolarité introuvable
qui délivre le certificat de scolarité
parent : le certificat de scolarité du petit pour la carte de bus
demander un certificat de scolarité à l’école
parent : justificatif de scolarité pour la cantine"""
# The next persons, in words that nobody has used yet.
LATER = (
    "la mairie réclame le certificat de scolarité de mon aîné, je fais comment",
    "faut-il passer à l'école pour le certificat de scolarité ?", "comment avoir une attestation de scolarité récente",
)  # fmt: skip
ARTICLE = HEADER.replace("[gymnase, réservation, salle de sport]", "[certificat, attestation, scolarité]").format(
    topic=TOPIC, title=TITLE, audiences="parent"
) + (
    "\n## parent\n\n1. Écrivez à l'école par la messagerie de l'ENT.\n2. Demandez un certificat de scolarité.\n\n"
    "**Si cela ne marche pas :** passez au secrétariat de l'école.\n\n## autres\n\nIl faut s'adresser aux parents de l'élève.\n"
)

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The assistant on a small copy of the project."""
    root = tmp_path_factory.mktemp("projet")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, root)
    for name in (".venv", ".venv-rasa"):
        (root / name).symlink_to(ROOT / name)
    thin(root / "data" / "nlu")
    with run_stack(tmp_path_factory.mktemp("var"), root) as stack:
        run_apart(add_formateurs(stack))
        yield stack


def thin(folder: Path) -> None:
    """Leave one block in SHARE of each topic, and the emergencies whole: a model that loses a single one is refused."""
    places: dict[str, itertools.count] = {}
    for path in sorted(folder.rglob("*.yml")):
        blocks = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["nlu"]
        kept = [
            one
            for one in blocks
            if next(places.setdefault(one["intent"], itertools.count())) % SHARE == 0
            or one["intent"].startswith(URGENT)
        ]
        if kept:
            path.write_text(yaml.safe_dump({"version": "3.1", "nlu": kept}, allow_unicode=True), encoding="utf-8")
        else:
            path.unlink()


async def add_formateurs(stack: Stack) -> None:
    database = Database(stack.settings.storage_url)
    for login, name in ((WRITER, "Ada Plume"), (READER, "Noor Relectrice")):
        await add_account(database, SystemClock(), "formateur", login=login, name=name, password=PASSWORD)
    await database.close()


async def wait_for_collection(stack: Stack) -> None:
    """Return as the inbox has just been collected: what is asked in the next seconds comes in together."""
    database = Database(stack.settings.storage_url)

    async def held_until():
        async with database.reading() as session:
            return await session.scalar(sa.select(LeaseRow.until).where(LeaseRow.name == "inbox"))

    before = await held_until()
    deadline = time.monotonic() + INBOX_S
    while await held_until() == before:
        assert time.monotonic() < deadline, "the inbox is not collected"
        await asyncio.sleep(0.2)
    await database.close()


class Workshop:
    """The story's places and persons."""

    def __init__(self, stack: Stack, new_page) -> None:
        self.stack = stack
        self.new_page = new_page
        self.formateur = self.signed_in(WRITER)

    def signed_in(self, login: str) -> Page:
        page = self.new_page()
        sign_in(page, self.stack, login, quote("/workshop/articles"))
        expect(page.get_by_role("heading", name="Articles", exact=True)).to_be_visible()
        return page

    def go(self, path: str) -> Page:
        assert self.formateur.goto(f"{self.stack.url}/workshop/{path}").status == 200
        return self.formateur

    def parent(self) -> Chat:
        page = self.new_page()
        page.goto(f"{self.stack.url}/?profile=parent&uai={ECOLE}")
        return Chat(page, page).wait()

    def ask(self, text: str) -> dict:
        """Ask as somebody who has just arrived; return what came of it."""
        chat = self.parent()
        result = chat.ask(text)["result"]
        chat.page.context.close()
        return result

    def follow(self, words: str, seconds: float) -> None:
        """Wait for the page of the model in service to say what serves now, by itself."""
        now = self.formateur.locator("section[aria-labelledby=t-actuel]")
        expect(now).to_contain_text(words, timeout=seconds * 1000)
        expect(self.formateur.get_by_text("Cette partie se met à jour seule")).to_be_hidden(timeout=seconds * 1000)


def test_from_what_nobody_answered_to_a_better_model_in_service_and_the_balance_of_the_wave(
    stack: Stack, new_page, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    def tell(what: str) -> None:
        with capsys.disabled():
            print(f"  {time.monotonic() - began:5.0f} s  {what}")

    shop = Workshop(stack, new_page)
    page = open_wave(shop)

    # Ten persons ask what no article covers.
    people = [shop.parent() for _ in ASKED]
    run_apart(wait_for_collection(stack))
    for chat, text in zip(people, ASKED):
        result = chat.ask(text)["result"]
        assert result["topic"] != TOPIC
        if result["outcome"] == "choices":
            chat.sent(lambda chat=chat: chat.root.get_by_role("button", name="Autre chose").last.click())
        elif result["outcome"] == "answer":
            chat.sent(lambda chat=chat: chat.root.get_by_role("button", name="Non", exact=True).last.click())
    tell("ten persons have asked")

    # The inbox groups it; the formateur makes a topic of it.
    limit = time.monotonic() + INBOX_S
    shop.go("messages")
    while not page.get_by_role("link", name=re.compile("scolarité")).count():
        assert time.monotonic() < limit, page.inner_text("main")
        page.wait_for_timeout(1000)
        page.reload()
    row = page.get_by_role("row").nth(1)
    grouped = int(row.get_by_role("cell").first.inner_text())
    assert grouped >= len(ASKED) // 2, page.inner_text("main")
    row.get_by_role("link").click()
    page.get_by_role("link", name="Donner à un nouveau sujet").click()
    tell(f"{grouped} of them are one group")
    write_topic(shop)
    review(shop)
    tell("the article is published")

    # Search answers it at once.
    chat = shop.parent()
    chat.field.press_sequentially("certificat de sco", delay=20)
    chat.root.get_by_role("option", name=TITLE).click()
    reply = chat.sent(lambda: chat.field.press("Enter")) if chat.field.input_value() else None
    expect(chat.answers.get_by_role("heading", name=TITLE)).to_be_visible()
    assert reply is None or reply["result"]["topic"] == TOPIC
    offered = shop.ask(LATER[0])
    assert offered["model"], offered
    assert TOPIC in offered["choices"], offered

    # Training, with its progress; the report says that it improved and what it cost.
    number, archive = train(shop, tell)
    assert shop.ask(LATER[0])["outcome"] == "choices"
    try_candidate(shop, number)
    tell("the candidate was tried")

    # Put in service while others chat; back; forth.
    with SteadyLoad(stack, people=2) as load:
        page = shop.go("service")
        former = page.locator("section[aria-labelledby=t-actuel] dd").first.inner_text()
        page.get_by_label("Modèle", exact=True).select_option(f"{archive}.tar.gz")
        page.get_by_role("button", name="Mettre en service").click()
        shop.follow(archive, SWAP_S)
        tell("the new model serves")
        for text in LATER:
            told = shop.ask(text)
            assert (told["outcome"], told["topic"]) == ("answer", TOPIC), told
            assert told["model"], told
        page.get_by_role("button", name=f"Revenir à {former}").click()
        shop.follow(former, SWAP_S)
        tell("the former model serves")
        back = shop.ask(LATER[0])
        assert back["outcome"] == "choices", back
        assert TOPIC in back["choices"], back
        assert shop.ask(TITLE)["topic"] == TOPIC
        page.get_by_role("button", name=f"Revenir à {archive}").click()
        shop.follow(archive, SWAP_S)
        tell("the new model serves again")
        assert shop.ask(LATER[1])["topic"] == TOPIC
    load.check()
    told = load.figures()
    assert told["sent again"] == 0, told
    assert told["slowest (s)"] < 4, told
    tell(f"meanwhile: {told}")

    close_wave(shop, archive)
    tell("the balance is printed")


def open_wave(shop: Workshop) -> Page:
    page = shop.go("vagues/nouvelle")
    page.get_by_label("Nom").fill("vague 2")
    page.get_by_label("Ouverture", exact=True).fill("2026-09-01")
    page.get_by_role("button", name="Ajouter la vague").click()
    page.get_by_label("Codes UAI").fill(ECOLE)
    page.get_by_role("button", name="Inscrire", exact=True).click()
    page.goto(page.url.split("/ecoles")[0])
    page.get_by_role("button", name="Ouvrir la vague").click()
    expect(page.get_by_role("link", name="Clore la vague…")).to_be_visible()
    return page


def write_topic(shop: Workshop) -> None:
    page = shop.formateur
    expect(page.get_by_role("group", name="Ce que des gens ont écrit").get_by_role("checkbox").first).to_be_checked()
    page.get_by_label("Identifiant").fill(TOPIC)
    page.get_by_label("Thème").select_option("vie_de_classe")
    page.get_by_label("Sens").fill(MEANING)
    page.get_by_label("Ce que les gens disent").fill(WRITTEN)
    page.get_by_role("button", name="Écrire son article").click()
    page.get_by_label("Texte de l’article").fill(ARTICLE)
    page.get_by_label("Pourquoi ce changement").fill("Dix parents l’ont demandé")
    page.get_by_role("button", name="Enregistrer et proposer").click()
    expect(page.get_by_role("status").first).to_be_visible()


def review(shop: Workshop) -> None:
    """Another person reads it again and accepts it."""
    page = shop.signed_in(READER)
    page.goto(f"{shop.stack.url}/workshop/brouillons")
    page.get_by_role("link", name=re.compile(TOPIC)).first.click()
    page.get_by_role("button", name="Accepter").click()
    expect(page.get_by_text("Publié", exact=True)).to_be_visible()
    page.context.close()


def train(shop: Workshop, tell) -> tuple[int, str]:
    """Train, see it go on, read the report; return the run's number and its model's name."""
    page = shop.go("apprentissage")
    page.get_by_role("button", name="Lancer un apprentissage").click()
    expect(page.get_by_text("Cette page se tient à jour.")).to_be_visible()
    expect(page.locator("dd", has_text=re.compile("^Apprentissage$"))).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name=re.compile("^Ce modèle"))).to_be_visible(timeout=TRAIN_S * 1000)
    tell("trained and judged")
    verdict = page.locator("section[aria-labelledby=t-avis]")
    assert verdict.get_by_role("heading").inner_text() == "Ce modèle peut être mis en service", verdict.inner_text()
    expect(page.get_by_text(f"dont ajoutés : {TOPIC}")).to_be_visible()
    heard = page.locator("section[aria-labelledby=t-heard]")
    better = heard.get_by_role("heading", name=re.compile(r"^Ce qui s’améliore \(([1-9]\d*)\)"))
    expect(better).to_be_visible()
    tell(f"{better.inner_text()} ; {page.locator('section[aria-labelledby=t-reference] h3').first.inner_text()}")
    number = int(page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0])
    return number, page.get_by_text(re.compile(r"^assistent-\d")).first.inner_text()


def try_candidate(shop: Workshop, number: int) -> None:
    page = shop.formateur
    page.get_by_role("link", name="Essayer ce modèle").click()
    page.get_by_label("La phrase").fill(LATER[0])
    page.get_by_label("Qui la tape").select_option("Parent")
    page.set_default_timeout(60_000)
    page.get_by_role("button", name="Essayer").click()
    expect(page.get_by_text("Les deux modèles décident autrement.")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("row").nth(1)).to_contain_text(MEANING)


def close_wave(shop: Workshop, archive: str) -> None:
    page = shop.go("vagues")
    page.get_by_role("link", name="vague 2", exact=True).click()
    page.get_by_role("link", name="Clore la vague…").click()
    page.get_by_role("button", name="Clore la vague").click()
    expect(page.get_by_role("heading", name="Bilan de vague 2")).to_be_visible()
    expect(page.get_by_text(archive)).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("Pour la réunion, imprimez cette page")).to_be_hidden()
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000
