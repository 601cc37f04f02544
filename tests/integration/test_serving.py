"""A model in place of another: nothing lost on the way, nothing changed by what goes wrong, undone when it is cut.

The engines are small ones that answer as Rasa does; tests/integration/test_swaps.py does it with Rasa itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from bot.chat.engine import SlotEngine
from bot.clock import FixedClock
from bot.db import Database
from bot.errors import Conflict, InvalidField, ModelError, OperationError
from bot.learning import serving as rules
from bot.learning.archives import digest_of
from bot.learning.models import Swap, TrainingRun
from bot.learning.serving import CUT_AFTER, InService, Serving, place_at_start, read_former, read_in_service
from bot.operations.configuration import slot_path
from bot.people.models import AuditEntry
from bot.settings import ROOT, Settings
from bot.web.app import create_app
from bot.workshop.views.serving import PATH
from tests.integration.conftest import demonstration
from tests.integration.console import Browser, add_account, signed_in
from tests.integration.gateway import ONE_KIND, Api
from tests.integration.slot_engines import SmallSlots
from tests.stack import free_ports
from tests.unit.language.small_model import small_model
from tests.unit.learning.models_made import make_model, write_record

OLD, NEW = "assistent-1.tar.gz", "assistent-2.tar.gz"


@pytest.fixture
def settings(own_url: str, tmp_path: Path) -> Settings:
    """A project whose models are the test's own, on ports that nobody has."""
    root = tmp_path / "root"
    root.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("var", "models", ".git"):
            (root / path.name).symlink_to(path)
    make_model(root / "models", "assistent-1", hint=0.4)
    make_model(root / "models", "assistent-2", hint=0.6, trained_at="2026-11-22T08:00:00+00:00")
    (root / "models" / "assistent.tar.gz").hardlink_to(root / "models" / NEW)
    rasa, other = free_ports(2)
    return demonstration(tmp_path / "var", own_url, root=root, rasa_port=rasa, rasa_b_port=other)


@pytest.fixture
async def slots(settings: Settings) -> AsyncIterator[SmallSlots]:
    """The two slots; none runs."""
    slots = SmallSlots({"a": settings.rasa_port, "b": settings.rasa_b_port}, asyncio.get_running_loop())
    yield slots
    if slots.hold:
        slots.hold.set()
    await slots.close()


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[SlotEngine]:
    """What leads messages to them."""
    async with aiohttp.ClientSession() as http:
        engine = SlotEngine(settings.engine_urls, http, InService().slot)
        yield engine
        await engine.close()


@pytest.fixture
async def serving(own_database: Database, clock: FixedClock, settings: Settings, slots: SmallSlots, engine: SlotEngine
                  ) -> Serving:  # fmt: skip
    """A process of the site where OLD serves, in slot a."""
    serving = Serving(own_database, clock, settings, slots, engine, ready_s=0.5, settled_s=0.05)
    await asyncio.to_thread(slots.start, "a")
    await serving.run(await serving.ask(OLD, None))
    await serving.run(await serving.ask(NEW, None))
    await serving.run(await serving.ask(OLD, None))
    # Three turns: OLD is in b; what came before OLD is NEW, in a.
    return serving


async def state(database: Database) -> InService:
    """What the rows say that serves."""
    async with database.reading() as session:
        return await read_in_service(session)


async def last(database: Database) -> Swap:
    """The last swap."""
    async with database.reading() as session:
        return await session.scalar(sa.select(Swap).order_by(Swap.id.desc()).limit(1))


async def hear(engine: SlotEngine, text: str = "où sont les devoirs") -> str:
    """Send a message; return the model that answered."""
    return (await engine.understand("conversation", text, {"message": "1"})).model


async def test_the_other_slot_takes_the_model_and_the_former_one_is_stopped(
    serving: Serving, slots: SmallSlots, engine: SlotEngine, own_database: Database, settings: Settings
) -> None:
    assert await hear(engine) == "modele-b"
    await serving.run(await serving.ask(NEW, None))
    assert await hear(engine) == "modele-a"
    assert list(slots.running) == ["a"]
    now, swap = await state(own_database), await last(own_database)
    assert (now.slot, now.model) == ("a", NEW)
    assert now.digest == digest_of(settings.root / "models" / NEW) == digest_of(slot_path(settings, "a"))
    assert (swap.former, swap.failure, swap.under_way) == (OLD, "", None)
    assert swap.turned_at
    assert swap.ended_at


async def test_messages_under_way_end_on_the_former_engine_and_new_ones_go_to_the_new(
    serving: Serving, slots: SmallSlots, engine: SlotEngine
) -> None:
    slots.hold = asyncio.Event()
    before = [asyncio.create_task(hear(engine, f"avant {number}")) for number in range(5)]
    while len(slots.heard) < 5:
        await asyncio.sleep(0.01)
    swap = asyncio.create_task(serving.run(await serving.ask(NEW, None)))
    while engine.serving != "a":
        await asyncio.sleep(0.01)
    after = asyncio.create_task(hear(engine, "après"))
    await asyncio.sleep(0.3)
    assert sorted(slots.running) == ["a", "b"], "the former engine is not stopped while a message is under way there"
    slots.hold.set()
    assert await asyncio.gather(*before) == ["modele-b"] * 5
    assert await after == "modele-a"
    await swap
    assert list(slots.running) == ["a"]


FAULTS = {
    "refused": (OperationError, "SPAWN_ERROR"),
    "ends": (ModelError, "s’est arrêté en démarrant"),
    "no model": (ModelError, "n’a pas pu charger ce modèle"),
    "untaught": (ModelError, "ne comprend pas"),
    "never ready": (ModelError, "n’était pas prêt après"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_engine_that_fails_leaves_the_former_one_serving_and_says_why(
    serving: Serving, slots: SmallSlots, engine: SlotEngine, own_database: Database, fault: str
) -> None:
    kind, sentence = FAULTS[fault]
    slots.fault = fault
    with pytest.raises(kind, match=sentence):
        await serving.run(await serving.ask(NEW, None))
    slots.fault = ""
    assert await hear(engine) == "modele-b"
    assert list(slots.running) == ["b"]
    swap = await last(own_database)
    assert swap.turned_at is None
    assert sentence in swap.failure
    assert (await state(own_database)).model == OLD
    await serving.run(await serving.ask(NEW, None))
    assert await hear(engine) == "modele-a"


def half(path: Path) -> None:
    """Leave the first half of an archive, with a record that says so."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    write_record(path)


@ONE_KIND
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (half, "abîmée ou incomplète"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "la taille que dit sa fiche"),
        (lambda path: path.with_name("assistent-2.json").unlink(), "Sa fiche"),
        (lambda path: make_model(path.parent, "assistent-2", files=small_model()), "n’a pas été appris"),
    ],
    ids=["half", "longer", "no record", "untaught"],
)
async def test_an_archive_that_is_not_good_is_refused_before_anything_is_started(
    serving: Serving,
    slots: SmallSlots,
    engine: SlotEngine,
    own_database: Database,
    settings: Settings,
    spoil,
    sentence: str,
) -> None:
    kept = digest_of(slot_path(settings, "a"))
    spoil(settings.root / "models" / NEW)
    slots.fault = "refused"  # nothing is started
    with pytest.raises(ModelError, match=sentence):
        await serving.run(await serving.ask(NEW, None))
    assert sentence in (await last(own_database)).failure
    assert await hear(engine) == "modele-b"
    assert digest_of(slot_path(settings, "a")) == kept
    assert {path.name for path in slot_path(settings, "a").parent.iterdir()} == {"a.tar.gz", "b.tar.gz"}


async def test_what_the_gate_refused_is_not_put_in_service_unless_overruled(
    serving: Serving, own_database: Database, clock: FixedClock, slots: SmallSlots
) -> None:
    run = TrainingRun(
        state="termine", scheduled=False, asked_at=clock.now(), seen_at=clock.now(), step="", archive=NEW.removesuffix(".tar.gz"),
        verdict={"accepted": False, "reasons": ["Une urgence n’est plus reconnue."]},
    )  # fmt: skip
    async with own_database.transaction() as session:
        session.add(run)
    with pytest.raises(Conflict, match="Le contrôle de l’apprentissage 1 a refusé ce modèle"):
        await serving.run(await serving.ask(NEW, None))
    assert set(slots.running) == {"b"}
    async with own_database.transaction() as session:
        (await session.get(TrainingRun, run.id)).overruled_at = clock.now()
    await serving.run(await serving.ask(NEW, None))
    assert set(slots.running) == {"a"}


async def test_one_swap_at_a_time_whoever_asks(serving: Serving, own_database: Database) -> None:
    first = await serving.ask(NEW, None)
    for ask in (serving.ask(NEW, None), serving.ask(OLD, None), serving.ask_back(None)):
        with pytest.raises(Conflict, match="Un autre changement de modèle est en cours"):
            await ask
    await serving.run(first)
    assert (await last(own_database)).id == first


async def test_going_back_takes_the_very_model_that_served(
    serving: Serving, engine: SlotEngine, own_database: Database, settings: Settings
) -> None:
    served = digest_of(settings.root / "models" / NEW)
    # Another model has its name now, as when one trains again; the slot kept the one that served.
    (settings.root / "models" / "assistent.tar.gz").unlink()
    make_model(settings.root / "models", "assistent-2", hint=0.9)
    await serving.run(await serving.ask_back(None))
    now = await state(own_database)
    assert (now.model, now.digest) == (NEW, served)
    assert digest_of(slot_path(settings, "a")) == served
    async with own_database.reading() as session:
        assert (await read_former(session, now)).model == OLD
    await serving.run(await serving.ask_back(None))
    assert (await state(own_database)).model == OLD


@ONE_KIND
async def test_a_former_model_that_is_nowhere_any_more_is_told(
    serving: Serving, engine: SlotEngine, settings: Settings
) -> None:
    slot_path(settings, "a").unlink()
    for name in (NEW, "assistent.tar.gz"):
        (settings.root / "models" / name).unlink()
    with pytest.raises(ModelError, match="n’est plus là"):
        await serving.run(await serving.ask_back(None))
    assert await hear(engine) == "modele-b"


@ONE_KIND
async def test_before_anything_served_there_is_nothing_to_go_back_to(
    own_database: Database, clock: FixedClock, settings: Settings, slots: SmallSlots, engine: SlotEngine
) -> None:
    serving = Serving(own_database, clock, settings, slots, engine)
    with pytest.raises(Conflict, match="rien à quoi revenir"):
        await serving.ask_back(None)
    with pytest.raises(InvalidField):
        await serving.ask("absent", None)
    elsewhere = Serving(own_database, clock, replace(settings, rasa_url="http://autre:5005"), slots, engine)
    with pytest.raises(Conflict, match="autre machine"):
        await elsewhere.ask(NEW, None)


# --- cut --------------------------------------------------------------------------------------


async def cut(serving: Serving, step: str) -> int:
    """Leave a swap as a killed process does: half done, and nobody left to say anything of it."""
    serving._step_was = serving._step

    class Killed(BaseException):
        pass

    async def up_to(swap, name, say) -> None:
        await serving._step_was(swap, name, say)
        if name == step:
            raise Killed

    async def nothing(*_) -> None:
        pass

    serving._step, serving._give_up = up_to, nothing
    number = await serving.ask(NEW, None)
    with pytest.raises(Killed):
        await serving.run(number)
    return number


@pytest.mark.parametrize(
    ("step", "slot"), [("checking", "b"), ("starting", "b"), ("warming", "b"), ("turning", "b"), ("stopping", "a")]
)
async def test_a_swap_that_was_cut_is_undone_by_whoever_follows(
    serving: Serving, own_database: Database, clock: FixedClock, settings: Settings, slots: SmallSlots, engine: SlotEngine,
    step: str, slot: str,
) -> None:  # fmt: skip
    number = await cut(serving, step)
    other = Serving(own_database, clock, settings, slots, engine, settled_s=0.05, ready_s=0.5)
    await other.start()
    try:
        await asyncio.sleep(1.3)
        assert (await last(own_database)).under_way, "it may still be dealt with"
        clock.advance(CUT_AFTER + timedelta(seconds=1))
        async with asyncio.timeout(10):
            while (await last(own_database)).under_way:
                await asyncio.sleep(0.05)
    finally:
        await other.stop()
    swap = await last(own_database)
    assert swap.id == number
    assert swap.failure == ("" if slot == "a" else rules._CUT)
    assert list(slots.running) == [slot]
    assert (await state(own_database)).slot == engine.serving == slot
    assert await hear(engine) == f"modele-{slot}"
    again = OLD if slot == "a" else NEW
    await other.run(await other.ask(again, None))


async def test_a_site_that_ends_in_the_middle_of_a_swap_undoes_it(
    serving: Serving, slots: SmallSlots, engine: SlotEngine, own_database: Database
) -> None:
    slots.fault = "never ready"
    serving._ready_s = 30
    serving.carry_on(await serving.ask(NEW, None))
    while (await last(own_database)).step != "starting":
        await asyncio.sleep(0.02)
    await serving.stop()
    swap = await last(own_database)
    assert (swap.under_way, swap.turned_at, swap.failure) == (None, None, rules._CUT)
    assert list(slots.running) == ["b"]


async def test_every_process_of_the_site_turns_within_two_seconds(
    serving: Serving, own_database: Database, clock: FixedClock, settings: Settings, slots: SmallSlots
) -> None:
    read: list[Path] = []
    async with aiohttp.ClientSession() as http:
        theirs = SlotEngine(settings.engine_urls, http, "a")
        other = Serving(own_database, clock, settings, slots, theirs, read_from=read.append)
        await other.start()
        assert theirs.serving == "b"
        await serving.run(await serving.ask(NEW, None))
        async with asyncio.timeout(2):
            while theirs.serving != "a":
                await asyncio.sleep(0.02)
        assert read[0] == slot_path(settings, "b")
        assert read[-1] == slot_path(settings, "a")
        await other.stop()


# --- at the start -----------------------------------------------------------------------------


async def test_at_the_start_the_newest_model_serves_until_somebody_chooses(
    own_database: Database, clock: FixedClock, settings: Settings, slots: SmallSlots, engine: SlotEngine
) -> None:
    said: list[str] = []
    models = settings.root / "models"
    assert await place_at_start(own_database, clock, settings, said.append) == "a"
    assert digest_of(slot_path(settings, "a")) == digest_of(models / NEW)
    assert (await state(own_database)).model == NEW
    make_model(models, "assistent-3", hint=0.7, trained_at="2026-11-23T08:00:00+00:00")
    (models / "assistent.tar.gz").unlink()
    (models / "assistent.tar.gz").hardlink_to(models / "assistent-3.tar.gz")
    assert await place_at_start(own_database, clock, settings, said.append) == "a"
    assert (await state(own_database)).model == "assistent-3.tar.gz"

    serving = Serving(own_database, clock, settings, slots, engine, settled_s=0.05)
    await asyncio.to_thread(slots.start, "a")
    await serving.run(await serving.ask(OLD, None))
    for path in (models / OLD, slot_path(settings, "a")):
        path.unlink()  # the slot has its own
    assert not said
    assert await place_at_start(own_database, clock, settings, said.append) == "b"
    assert (await state(own_database)).model == OLD
    assert "Un plus récent attend : assistent-3.tar.gz" in said[0]
    slot_path(settings, "b").unlink()
    assert await place_at_start(own_database, clock, settings, said.append) == "b"
    assert digest_of(slot_path(settings, "b")) == digest_of(models / "assistent-3.tar.gz")
    assert "n’est plus là" in said[1]


async def test_at_the_start_a_swap_that_the_last_end_cut_is_written_off(
    serving: Serving, own_database: Database, clock: FixedClock, settings: Settings
) -> None:
    await cut(serving, "starting")
    assert await place_at_start(own_database, clock, settings, print) == "b"
    swap = await last(own_database)
    assert (swap.under_way, swap.failure) == (None, rules._CUT)


# --- the page ---------------------------------------------------------------------------------


@pytest.fixture
async def site(settings: Settings, clock: FixedClock, slots: SmallSlots, aiohttp_client, monkeypatch) -> Api:
    """The site, its engines and models the test's own."""
    monkeypatch.setattr(
        rules.Serving.__init__, "__kwdefaults__", {**rules.Serving.__init__.__kwdefaults__, "settled_s": 0.1}
    )
    app = create_app(settings, clock=clock, utterances={}, slots=slots)
    client = await aiohttp_client(app)
    await asyncio.to_thread(slots.start, "a")
    return Api(client.session, client.make_url("/"), app=app, server=client.server)


@pytest.fixture
async def formateur(site: Api, own_database: Database, clock: FixedClock) -> AsyncIterator[Browser]:
    """A formateur's browser."""
    account = await add_account(own_database, clock, "formateur", name="Maud Formatrice")
    async with signed_in(site.base, own_database, clock, account) as opened:
        yield opened


async def settle(database: Database) -> Swap:
    """Wait for the swap under way to end."""
    async with asyncio.timeout(20):
        while (swap := await last(database)).under_way:
            await asyncio.sleep(0.05)
    return swap


async def test_a_formateur_puts_a_model_in_service_and_goes_back(
    site: Api, formateur: Browser, own_database: Database, slots: SmallSlots
) -> None:
    page = await formateur.get(f"{PATH}?modele={OLD}")
    assert "Modèle en service" in page.navigation
    assert "Le modèle n’a pas encore été changé." in page.words
    assert re.search(f'<option value="{OLD}" selected>', page.text)
    sent = await formateur.post(PATH, model=OLD)
    assert (sent.status, sent.location) == (303, f"{PATH}?fait=modele-demande")
    shown = await formateur.get(sent.location)
    assert "Mise en service : assistent-1" in shown.words
    assert 'aria-current="step"' in shown.text
    refused = await formateur.post(PATH, model=NEW)
    assert refused.status == 422
    assert "Un autre changement de modèle est en cours" in refused.words
    assert (await settle(own_database)).failure == ""
    await formateur.post(PATH, model=NEW)
    await settle(own_database)
    page = await formateur.get(PATH)
    assert "Revenir à assistent-1" in page.words
    assert "Maud Formatrice" in page.words
    assert (await formateur.post(f"{PATH}/retour")).status == 303
    await settle(own_database)
    assert (await state(own_database)).model == OLD
    chat = await site.open("parent")
    assert (await chat.say("où sont les devoirs ?"))["result"]["model"] == "modele-b"
    async with own_database.reading() as session:
        actions = (await session.scalars(sa.select(AuditEntry.action).where(AuditEntry.kind == "model"))).all()
    assert actions == ["model_asked", "model_served"] * 3


async def test_what_went_wrong_is_told_on_the_page(
    formateur: Browser, own_database: Database, slots: SmallSlots, settings: Settings
) -> None:
    slots.fault = "no model"
    await formateur.post(PATH, model=OLD)
    await settle(own_database)
    page = await formateur.get(PATH)
    assert "assistent-1 n’a pas été mis en service. Rasa n’a pas pu charger ce modèle." in page.words
    assert "assistent continue de répondre" in page.words
    (settings.root / "models" / "assistent-1.json").unlink()
    page = await formateur.get(PATH)
    assert "Sa fiche (.json) manque" in page.words
    assert not re.search(f'<option value="{OLD}"', page.text)


@ONE_KIND
@pytest.mark.parametrize(
    "name", ["", "absent", "../../etc/passwd", "<script>alert(1)</script>", "é" * 5000],
    ids=["nothing", "absent", "path", "HTML", "long"],
)  # fmt: skip
async def test_a_name_of_nothing_gets_a_sentence(formateur: Browser, name: str) -> None:
    page = await formateur.post(PATH, model=name)
    assert page.status == 422
    assert "Choisissez-en un dans la liste" in page.words
    assert "<script>alert" not in page.text
    assert (await formateur.get(PATH, params={"modele": name[:500]})).status == 200


@ONE_KIND
async def test_the_history_is_cut_in_pages(formateur: Browser, own_database: Database, clock: FixedClock) -> None:
    async with own_database.transaction() as session:
        session.add_all(
            Swap(model=f"modele-{number:04}", slot="b", former="x", origin="commande", step="checking", asked_at=clock.now(),
                 ended_at=clock.now(), alive_at=clock.now(), failure="Essai.")
            for number in range(50)
        )  # fmt: skip
    page = await formateur.get(PATH)
    assert page.text.count("La ligne de commande") == rules.PAGE
    assert "modele-0049" in page.words
    page = await formateur.get(f"{PATH}?page=3")
    assert page.text.count("La ligne de commande") == 10
    assert "modele-0000" in page.words


@ONE_KIND
async def test_an_open_page_is_told_of_each_step(site: Api, formateur: Browser, own_database: Database) -> None:
    url = formateur.base.with_path(f"{PATH}/flux")
    async with formateur.http.get(url, timeout=aiohttp.ClientTimeout(total=20)) as stream:
        assert await asyncio.wait_for(event(stream), 5) == "pret"
        await asyncio.sleep(1)
        await formateur.post(PATH, model=OLD)
        assert await asyncio.wait_for(event(stream), 5) == "change"
    await settle(own_database)


async def event(stream: aiohttp.ClientResponse) -> str:
    """Return the name of the next event."""
    async for line in stream.content:
        if line.startswith(b"event: "):
            return line.decode().removeprefix("event: ").strip()
    return ""


@ONE_KIND
async def test_without_a_model_the_page_says_so(formateur: Browser, settings: Settings) -> None:
    for path in (settings.root / "models").iterdir():
        path.unlink()
    assert "Aucun modèle n’a encore été appris." in (await formateur.get(PATH)).words
    assert (await formateur.post(PATH, model=OLD)).status == 422
    make_model(settings.root / "models", "seul").with_name("seul.json").write_text(json.dumps({}), "utf-8")
    assert "Aucun modèle n’est en état de servir." in (await formateur.get(PATH)).words


@ONE_KIND
async def test_a_site_that_starts_the_engine_starts_the_one_that_serves(
    serving: Serving,
    own_database: Database,
    clock: FixedClock,
    settings: Settings,
    slots: SmallSlots,
    engine: SlotEngine,
) -> None:
    await asyncio.to_thread(slots.stop, "b")
    await asyncio.to_thread(slots.start, "a")
    slots.started_by_the_site = True
    other = Serving(own_database, clock, settings, slots, engine)
    await other.start()
    async with asyncio.timeout(5):
        while list(slots.running) != ["b"]:
            await asyncio.sleep(0.02)
    await other.stop()
