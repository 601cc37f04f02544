"""The waves: their pages, their schools, what the assistant says of them, their closing and its balance."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from bot.chat.views import KNOWLEDGE
from bot.clock import FixedClock
from bot.conversations.models import Conversation
from bot.db import Database
from bot.knowledge.models import Article, ArticleVersion
from bot.learning.models import Swap
from bot.learning.utterances import add_utterance
from bot.people.accounts import NewGrant
from bot.people.models import AuditEntry
from bot.privacy.service import Retention
from bot.rollout.models import Wave, WaveArticle, WaveBalance, WaveSchool
from bot.web.lease import Lease
from bot.workshop.routes import ROUTES
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, Page
from tests.integration.gateway import Api
from tests.integration.talks import column, count_all, crowd, rows_of

PATH = "/workshop/vagues"
LYCEE = "0750003W"
FORGOTTEN, DUTIES = "connexion_mot_de_passe_oublie", "cdt_consulter_devoirs"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _job_at_rest(own_database: Database, clock: FixedClock) -> None:
    """Tests write what was said in the past, and count it themselves: the job would have gone by."""
    assert await Lease(own_database, clock).take("questions", clock.now() + 1000 * DAY)


@pytest.fixture
async def trainer(browser_of: Open) -> Browser:
    """A formateur of the académie."""
    return await browser_of("formateur", name="Dominique Formateur")


async def add(browser: Browser, name: str = "vague 2", starts_on: str = "2027-01-04", **fields: str) -> str:
    """Add a wave; return its page."""
    page = await browser.post(f"{PATH}/nouvelle", name=name, starts_on=starts_on, **fields)
    assert page.status == 303, page.words
    return page.location.partition("?")[0]


async def place(browser: Browser, wave: str, *codes: str) -> Page:
    """Put schools in a wave."""
    page = await browser.post(f"{wave}/ecoles", codes="\n".join(codes))
    assert page.status == 200, page.words
    return page


async def move(browser: Browser, wave: str, to: str) -> Page:
    return await browser.post(f"{wave}/etat", to=to)


async def rows(database: Database, query: sa.Select) -> list:
    async with database.reading() as session:
        return list((await session.execute(query)).all())


async def known(site: Api, uai: str, words: str) -> str:
    """Wait until the assistant knows these words of a school's opening; return all it says."""
    for _ in range(100):
        said = site.app[KNOWLEDGE].values(uai).get("vagues", "")
        if words in said:
            return said
        await asyncio.sleep(0.05)
    raise AssertionError(said)


# --- who --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["referent", "agent_n2", "agent_n3"])
async def test_waves_are_for_those_who_manage_them(browser_of: Open, trainer: Browser, role: str) -> None:
    wave = await add(trainer)
    other = await browser_of(role)
    assert "Vagues" not in (await other.get("/console/mon-compte")).navigation
    for route in ROUTES:
        if not route.path.startswith(PATH):
            continue
        path = route.path.format(wave=wave.rpartition("/")[2], uai=ECOLE, sheet="sujets")
        page = await (other.get(path) if route.method == "GET" else other.post(path))
        assert page.status == 403, path


async def test_the_administrator_manages_them_too(browser: Browser) -> None:
    assert "Vagues" in (await browser.get(PATH)).navigation


async def test_nobody_gets_in_without_signing_in(site: Api, trainer: Browser) -> None:
    wave = await add(trainer)
    trainer.http.cookie_jar.clear()
    assert (await trainer.get(wave)).location.startswith("/console/connexion")


async def test_a_form_of_another_site_is_refused(trainer: Browser) -> None:
    page = await trainer.post(f"{PATH}/nouvelle", headers={"Origin": "https://ailleurs.example"}, name="x")
    assert page.status == 403


# --- a wave -----------------------------------------------------------------------------------


async def test_a_wave_is_added_listed_and_corrected(trainer: Browser, own_database: Database) -> None:
    assert "pas encore de vague" in (await trainer.get(PATH)).words
    wave = await add(trainer, before="Formation\nen décembre")
    listed = await trainer.get(PATH)
    assert "vague 2 Prévue 4 janvier 2027" in listed.words
    page = await trainer.get(wave)
    assert "« Votre école : vague 2, ouverture prévue le 4 janvier 2027. »" in page.words
    assert "Formation en décembre" in page.words
    changed = await trainer.post(wave, name="vague 2 bis", starts_on="2027-02-01", ends_on="2027-06-30", edition="1")
    assert changed.status == 303
    assert "vague 2 bis Prévue 1er février 2027 30 juin 2027" in (await trainer.get(PATH)).words
    actions = [row[0] for row in await rows(own_database, sa.select(AuditEntry.action).order_by(AuditEntry.id))]
    assert actions[-2:] == ["wave_added", "wave_changed"]


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"name": "", "starts_on": "2027-01-04"}, "Donnez un nom"),
    ({"name": "vague 2", "starts_on": "2027-01-04"}, "déjà ce nom"),
    ({"name": "<b>x</b>", "starts_on": "demain"}, "Cette date"),
    ({"name": "x" * 121, "starts_on": "2027-01-04"}, "120 caractères"),
    ({"name": "v", "starts_on": "2027-01-04", "before": "y" * 601}, "600 caractères"),
])  # fmt: skip
async def test_what_is_wrong_is_told_and_what_was_written_stays(trainer: Browser, fields, sentence) -> None:
    await add(trainer)
    page = await trainer.post(f"{PATH}/nouvelle", **fields)
    assert page.status == 422
    assert sentence in page.words
    assert "<b>x" not in page.text
    if fields.get("before"):
        assert "y" * 601 in page.text


async def test_two_who_edit_at_once_find_out(trainer: Browser, browser: Browser) -> None:
    wave = await add(trainer)
    assert (await browser.post(wave, name="vague deux", starts_on="2027-01-04", edition="1")).status == 303
    late = await trainer.post(wave, name="vague II", starts_on="2027-01-04", edition="1")
    assert late.status == 409
    assert "Quelqu’un a modifié cette vague" in late.words
    assert 'value="vague deux"' in late.text


async def test_states_follow_each_other(trainer: Browser) -> None:
    wave = await add(trainer)
    assert (await move(trainer, wave, "pilote")).status == 303
    assert (await move(trainer, wave, "prevue")).status == 303
    assert (await move(trainer, wave, "ouverte")).status == 303
    for wrong in ("prevue", "close", "inconnu", ""):
        page = await move(trainer, wave, wrong)
        assert page.status == 409, wrong
        assert page.words.count("vague") > 1


@pytest.mark.parametrize("path", [f"{PATH}/0", f"{PATH}/abc", f"{PATH}/99999999999999999999", f"{PATH}/7/bilan",
                                  f"{PATH}/7/cloture"])  # fmt: skip
async def test_a_wave_that_does_not_exist(trainer: Browser, path: str) -> None:
    assert (await trainer.get(path)).status == 404


# --- schools ----------------------------------------------------------------------------------


async def test_a_list_is_pasted_and_what_is_refused_is_told(trainer: Browser) -> None:
    wave = await add(trainer)
    page = await place(
        trainer, wave, f"{ECOLE} École Les Tilleuls", COLLEGE.lower(), "0750001A", "9990001B", "n'importe"
    )
    assert "Inscrites 2 Venues d’une autre vague 0 Refusées 3" in page.words
    assert "La lettre finale ne va pas" in page.words
    again = await place(trainer, wave, ECOLE)
    assert "Déjà dans cette vague." in again.words
    assert ECOLE in (await trainer.get(wave)).words
    assert "vague 2 Prévue 4 janvier 2027 – 2" in (await trainer.get(PATH)).words


async def test_a_school_that_nobody_knows_is_refused(trainer: Browser) -> None:
    page = await place(trainer, await add(trainer), "0010001W")
    assert "Aucune école n’a ce code." in page.words


async def test_a_school_moves_and_its_past_is_kept(trainer: Browser, own_database: Database, clock: FixedClock) -> None:
    first, second = await add(trainer), await add(trainer, "vague 3")
    await place(trainer, first, ECOLE)
    clock.advance(timedelta(minutes=5))
    page = await place(trainer, second, ECOLE)
    assert "0750001U, de « vague 2 »" in page.words
    found = await rows(
        own_database, sa.select(WaveSchool.wave_id, WaveSchool.since, WaveSchool.until).order_by(WaveSchool.id)
    )
    assert found[0].until == found[1].since == clock.now()
    assert found[1].until is None
    left = await trainer.get(f"{first}?parties=oui")
    assert f"{ECOLE}" in left.words
    assert "vague 3" in left.words
    assert (await trainer.post(f"{second}/ecoles/{ECOLE}/retirer")).status == 303
    assert "Dans aucune vague" in (await trainer.get(f"{first}?parties=oui")).words
    assert (await trainer.post(f"{second}/ecoles/{ECOLE}/retirer")).status == 404


async def test_a_file_is_taken_and_one_that_is_none_is_refused(trainer: Browser) -> None:
    wave = await add(trainer)

    async def send(content: bytes) -> Page:
        form = FormData()
        form.add_field("csrf", trainer.csrf)
        form.add_field("wave", wave.rpartition("/")[2])
        form.add_field("file", io.BytesIO(content), filename="liste.csv", content_type="text/csv")
        return await trainer.call("POST", f"{PATH}/liste", data=form, headers={"Origin": str(trainer.base.origin())})

    done = await send(f"\ufeffUAI;Nom\r\n{ECOLE};École\r\n{COLLEGE};Collège\r\n".encode())
    assert "Inscrites 2 Venues d’une autre vague 0 Refusées 0" in done.words
    assert "Inscrites 1" in (await send(f"{LYCEE};Lycée é".encode("cp1252"))).words
    assert "n’est pas un texte" in (await send(b"PK\x03\x04\x00\x00")).words
    assert "plus d’un mégaoctet" in (await send(b"x" * (1024 * 1024 + 1))).words
    assert (await send(b"")).status == 422


async def test_an_empty_or_a_huge_paste_is_answered_with_a_sentence(trainer: Browser) -> None:
    wave = await add(trainer)
    page = await trainer.post(f"{wave}/ecoles", codes="  \n ")
    assert page.status == 422
    assert "Collez au moins un code UAI" in page.words
    assert (await trainer.post(f"{wave}/ecoles", codes="x" * 300_000)).status == 413


async def test_one_puts_one_s_own_schools_in_a_wave_and_no_other(browser_of: Open, trainer: Browser) -> None:
    wave = await add(trainer)
    near = await browser_of(grants=[NewGrant("formateur", "etablissement", ECOLE)])
    page = await place(near, wave, ECOLE, COLLEGE)
    assert "Inscrites 1" in page.words
    assert "pas dans votre territoire" in page.words
    await place(trainer, wave, COLLEGE)
    shown = (await near.get(wave)).words
    assert ECOLE in shown
    assert COLLEGE not in shown
    # What is done to the wave is done to every school of it.
    assert (await move(near, wave, "ouverte")).status == 403
    assert (await near.post(wave, name="x", starts_on="2027-01-04", edition="3")).status == 403
    assert (await near.post(f"{wave}/ecoles/{COLLEGE}/retirer")).status == 404
    await move(trainer, wave, "ouverte")
    for path in ("bilan", "bilan/sujets.csv", "cloture"):
        assert (await near.get(f"{wave}/{path}")).status == 403, path
    assert (await near.post(f"{wave}/cloture")).status == 403


# --- what the assistant says ------------------------------------------------------------------


async def test_the_assistant_tells_each_school_its_own_opening(start, store, clock: FixedClock, browser_of: Open,
                                                              own_database: Database, site: Api) -> None:  # fmt: skip
    trainer = await browser_of("formateur")
    wave = await add(trainer, before="Formation des enseignants en décembre.")
    await place(trainer, wave, ECOLE)
    said = await known(site, ECOLE, "prévue le 4 janvier 2027")
    assert said == "vague 2, ouverture prévue le 4 janvier 2027"
    assert site.app[KNOWLEDGE].values(ECOLE)["avant_ouverture"] == "Formation des enseignants en décembre"
    await known(site, COLLEGE, "dans aucune vague")
    await move(trainer, wave, "pilote")
    await known(site, ECOLE, "en phase pilote")
    await move(trainer, wave, "ouverte")
    await known(site, ECOLE, "ENT ouvert depuis le 23 novembre 2026")
    assert not site.app[KNOWLEDGE].values(ECOLE).get("avant_ouverture")
    await trainer.post(f"{wave}/cloture")
    await known(site, ECOLE, "déploiement terminé")


async def test_a_parent_reads_the_date_in_the_chat(start, store, clock: FixedClock) -> None:
    url = await store.copy("every")
    site = await start(url=url)
    database = Database(url)
    async with database.transaction() as session:
        wave = Wave(
            name="vague 2", state="prevue", starts_on=clock.now().date() + 42 * DAY, before="une lettre aux familles"
        )
        session.add(wave)
        await session.flush()
        session.add(WaveSchool(wave_id=wave.id, uai=ECOLE, since=clock.now()))
    await known(site, ECOLE, "prévue")
    chat = await site.open("parent", ECOLE)
    text = (await chat.say("Quand ouvre l'ENT dans notre école"))["messages"][0]["text"]
    assert "Votre école : vague 2, ouverture prévue le 4 janvier 2027." in text
    assert "Ce qui précède l'ouverture : une lettre aux familles." in text
    # A school in no wave.
    text = (await (await site.open("parent", COLLEGE)).say("Quand ouvre l'ENT"))["messages"][0]["text"]
    assert "Votre école : elle n’est encore inscrite dans aucune vague, et sa date n’est pas fixée." in text
    assert "une lettre aux familles" not in text
    await database.close()


# --- closing ----------------------------------------------------------------------------------


@pytest.fixture
async def opened(trainer: Browser, own_database: Database, clock: FixedClock) -> str:
    """A wave of the école and the collège, open for twenty days, where things were asked before and after."""
    wave = await add(trainer)
    clock.advance(-40 * DAY)
    await place(trainer, wave, ECOLE, COLLEGE)
    clock.advance(20 * DAY)
    await move(trainer, wave, "ouverte")
    clock.advance(20 * DAY)
    at = clock.now()
    await crowd(own_database, at - 30 * DAY, 6, ("answer", FORGOTTEN, False, "ecrans"), uai=ECOLE)
    await crowd(own_database, at - 10 * DAY, 8, ("answer", FORGOTTEN, True), uai=ECOLE)
    await crowd(own_database, at - 9 * DAY, 6, ("answer", DUTIES, None, "refus"), profile="enseignant")
    await crowd(own_database, at - 9 * DAY, 5, ("clarify", None), profile="enseignant")
    # Not of the wave.
    await crowd(own_database, at - 9 * DAY, 7, ("answer", DUTIES), uai=LYCEE)
    async with own_database.transaction() as session:
        await session.execute(sa.update(ArticleVersion).values(at=at - 60 * DAY))
        article = await session.get_one(Article, FORGOTTEN)
        article.version += 1
        # What serves is the model turned to last; a later change was given up.
        for model, turned_at in (("modele-6", at - 9 * DAY), ("modele-7", at - 8 * DAY), ("modele-8", None)):
            session.add(
                Swap(model=f"{model}.tar.gz", slot="a", origin="console", step="stopping", asked_at=at - 9 * DAY,
                     turned_at=turned_at, ended_at=at, alive_at=at)
            )  # fmt: skip
        session.add(
            ArticleVersion(topic=FORGOTTEN, number=article.version, source="x", digest="x", origin="formateur", author="D",
                           reason="mieux", at=at - 15 * DAY)
        )  # fmt: skip
        await add_utterance(
            session,
            at - 5 * DAY,
            topic=DUTIES,
            text="les devoirs de Zoé",
            speaker="parent",
            origin="formateur",
            author_id=None,
        )
    await count_all(own_database, clock)
    return wave


async def balance(browser: Browser, wave: str, name: str) -> list[list[str]]:
    url = browser.base.join(browser.base.with_path(f"{wave}/bilan/{name}.csv"))
    async with browser.http.get(url) as reply:
        assert reply.status == 200
        return rows_of((await reply.read()).decode())


async def test_closing_says_what_it_does_then_freezes_and_writes(
    trainer: Browser, opened: str, own_database: Database, clock: FixedClock
) -> None:
    following = await add(trainer, "vague 3", "2027-03-01")
    asked = await trainer.get(f"{opened}/cloture")
    assert "Les 2 écoles de la vague" in asked.words
    assert "« modele-7 »" in asked.words
    assert '">vague 3 (prévue)</option>' in asked.text
    done = await trainer.post(f"{opened}/cloture", then=following.rpartition("/")[2])
    assert done.location == f"{opened}/bilan?fait=vague-close"
    number = int(opened.rpartition("/")[2])
    [row] = await rows(own_database, sa.select(WaveBalance))
    assert (row[0].wave_id, row[0].model, row[0].schools, row[0].author) == (
        number,
        "modele-7",
        2,
        "Dominique Formateur",
    )
    frozen = await rows(own_database, sa.select(WaveArticle.topic, WaveArticle.version))
    assert set(frozen) == set(await rows(own_database, sa.select(Article.topic, Article.version)))
    assert dict(frozen)[FORGOTTEN] == 2
    states = dict(await rows(own_database, sa.select(Wave.name, Wave.state)))
    assert states == {"vague 2": "close", "vague 3": "ouverte"}
    page = await trainer.get(f"{opened}/bilan")
    assert "Bilan de vague 2" in page.words
    assert page.text.count('class="chart"') >= 5
    # A closed wave changes no more.
    assert (await trainer.post(f"{opened}/ecoles", codes=LYCEE)).status == 422
    assert (await trainer.post(opened, name="x", starts_on="2027-01-04", edition="9")).status == 409
    assert (await trainer.post(f"{opened}/ecoles/{ECOLE}/retirer")).status == 409
    refused = await place(trainer, following, ECOLE)
    assert "qui est close" in refused.words
    assert (await trainer.post(f"{opened}/cloture")).status == 409


async def test_the_balance_counts_the_wave_s_schools_since_its_opening(trainer: Browser, opened: str) -> None:
    subjects = await balance(trainer, opened, "sujets")
    assert [row[1:4] for row in subjects[1:]] == [["8", "8", "100"], ["6", "0", "0"], ["5", "0", "0"]]
    assert column(await balance(trainer, opened, "profils"), "Questions") == ["11", "8"]
    assert [row[1] for row in (await balance(trainer, opened, "sujets-profils"))[1:]] == ["8", "6", "5"]
    assert [row[1:] for row in (await balance(trainer, opened, "enrichis"))[1:]] == [["1", "6", "0", "8", "100"]]
    new = {row[0]: row[1:] for row in (await balance(trainer, opened, "nouveautes"))[1:]}
    assert list(new.values()) == [["6", "1", ""]]
    assert [row[1] for row in (await balance(trainer, opened, "manques"))[1:]] == ["5"]
    worries = (await balance(trainer, opened, "inquietudes"))[1:]
    assert sorted(worries) == [["Refus de l’ENT – Enseignant", "0", "6"], ["Temps d’écran – Parent", "6", "0"]]
    together = await balance(trainer, opened, "tout")
    assert ["Questions par sujet"] in together
    assert ["Inquiétudes exprimées"] in together


async def test_a_written_balance_outlives_the_conversations(
    trainer: Browser, opened: str, own_database: Database
) -> None:
    await trainer.post(f"{opened}/cloture")
    before = await balance(trainer, opened, "tout")
    assert Retention().conversations
    async with own_database.transaction() as session:
        for table in ("feedback", "results", "messages", "conversations"):
            await session.execute(sa.text(f"DELETE FROM {table}"))
        assert await session.scalar(sa.text("SELECT count(*) FROM questions")) == 0
        assert await session.scalar(sa.select(sa.func.count()).select_from(Conversation)) == 0
    assert await balance(trainer, opened, "tout") == before


async def closed_for(database: Database, hours: int) -> None:
    """Make the closing as old: a session does not last a day."""
    async with database.transaction() as session:
        wave = await session.scalar(sa.select(Wave).where(Wave.state == "close"))
        wave.closed_at -= timedelta(hours=hours)


async def test_a_closing_is_undone_within_a_day(trainer: Browser, opened: str, own_database: Database) -> None:
    following = await add(trainer, "vague 3", "2027-03-01")
    await trainer.post(f"{opened}/cloture", then=following.rpartition("/")[2])
    await closed_for(own_database, 23)
    assert "Annuler la clôture" in (await trainer.get(opened)).words
    assert (await trainer.post(f"{opened}/rouvrir")).status == 303
    states = dict(await rows(own_database, sa.select(Wave.name, Wave.state)))
    assert states == {"vague 2": "ouverte", "vague 3": "prevue"}
    assert await rows(own_database, sa.select(WaveBalance)) == []
    assert await rows(own_database, sa.select(WaveArticle)) == []
    assert (await trainer.post(f"{opened}/rouvrir")).status == 409
    await trainer.post(f"{opened}/cloture")
    await closed_for(own_database, 25)
    page = await trainer.post(f"{opened}/rouvrir")
    assert page.status == 409
    assert "24 heures" in page.words


@pytest.mark.parametrize("then", ["x", "999", "99999999999999999999"])
async def test_a_wave_that_cannot_follow_is_refused_and_nothing_is_closed(
    trainer: Browser, opened: str, own_database: Database, then: str
) -> None:
    page = await trainer.post(f"{opened}/cloture", then=then)
    assert page.status == 422
    assert await rows(own_database, sa.select(WaveBalance)) == []
    assert (await rows(own_database, sa.select(Wave.state)))[0][0] == "ouverte"


async def test_only_an_open_wave_has_a_balance_or_is_closed(trainer: Browser) -> None:
    wave = await add(trainer)
    assert (await trainer.get(f"{wave}/bilan")).status == 404
    assert (await trainer.get(f"{wave}/cloture")).status == 409
    assert (await trainer.post(f"{wave}/cloture")).status in (404, 409)


async def test_the_indicators_are_narrowed_to_a_wave(trainer: Browser, opened: str) -> None:
    number = opened.rpartition("/")[2]
    page = await trainer.get(f"/console/indicateurs?wave={number}&since=2026-10-01&until=2026-11-23")
    # Since the schools are in it: before its opening too, and nothing of the lycée.
    assert "Questions 25, de" in page.words
    page = await trainer.get("/console/indicateurs?since=2026-10-01&until=2026-11-23")
    assert "Questions 32, de" in page.words
    assert "Dans aucune vague" in page.words
