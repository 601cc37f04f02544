"""The indicators: what is counted, who sees what of it, in which period, and that nobody can be told by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.console.views.indicators import SHEETS
from bot.conversations.models import Conversation
from bot.db import Database
from bot.escalation.models import Ticket
from bot.people.accounts import NewGrant
from bot.rollout.models import Question
from bot.rollout.tally import asker_of
from bot.web.lease import Lease
from tests.integration.console import COLLEGE, ECOLE, Browser, Open
from tests.integration.gateway import PREFIX, Api
from tests.integration.talks import column, count_all, crowd, rows_of, talk

PATH = "/console/indicateurs"
FORGOTTEN, DUTIES = "connexion_mot_de_passe_oublie", "cdt_consulter_devoirs"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _job_at_rest(own_database: Database, clock: FixedClock) -> None:
    """Tests write what was said in the past, and count it themselves: the job would have gone by."""
    assert await Lease(own_database, clock).take("questions", clock.now() + 1000 * DAY)


async def sheet(browser: Browser, name: str, **asked: str) -> tuple[int, list[list[str]]]:
    """Return a table as its file has it, with the status."""
    url = browser.base.join(browser.base.with_path(f"{PATH}/{name}.csv").with_query(asked))
    async with browser.http.get(url, allow_redirects=False) as reply:
        text = (await reply.read()).decode()
        if reply.status != 200:
            return reply.status, []
        assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in reply.headers["Content-Disposition"]
        return reply.status, rows_of(text)


async def questions(database: Database) -> list[Question]:
    async with database.reading() as session:
        return list((await session.scalars(sa.select(Question).order_by(Question.at, Question.id))).all())


# --- counting ---------------------------------------------------------------------------------


async def test_what_is_said_in_the_chat_becomes_a_question_and_what_became_of_it(
    site: Api, own_database: Database, clock: FixedClock
) -> None:
    chat = await site.open("parent", COLLEGE)
    await chat.say("bonjour")
    await chat.say("J'ai oublié mon mot de passe")
    assert await count_all(own_database, clock) == 1
    [one] = await questions(own_database)
    assert (one.topic, one.profile, one.uai, one.verdict) == (FORGOTTEN, "parent", COLLEGE, "sans_avis")
    await chat.choose("aide:oui")
    assert await count_all(own_database, clock) == 1
    [one] = await questions(own_database)
    assert (one.verdict, one.returned) == ("resolue", False)
    # What did not go on is not looked at again.
    assert await count_all(own_database, clock) == 0


async def test_a_button_under_the_answer_is_heard_although_nothing_was_written(
    site: Api, own_database: Database, clock: FixedClock
) -> None:
    chat = await site.open("parent", COLLEGE)
    reply = await chat.say("J'ai oublié mon mot de passe")
    await count_all(own_database, clock)
    url = f"{PREFIX}/messages/{reply['messages'][0]['id']}/feedback"
    assert (await site.post(url, {"helpful": False}, token=chat.token)).status == 204
    await count_all(own_database, clock)
    [one] = await questions(own_database)
    assert one.verdict == "non_resolue"


async def test_a_request_told_is_a_question_handed_to_a_person(
    site: Api, own_database: Database, clock: FixedClock
) -> None:
    chat = await site.open("parent", COLLEGE)
    await chat.open_ticket()
    await count_all(own_database, clock)
    [one] = await questions(own_database)
    assert one.verdict == "confiee"


async def test_coming_back_within_a_week_undoes_a_lasting_solution(own_database: Database, clock: FixedClock) -> None:
    start = clock.now() - 20 * DAY
    person, _ = await talk(own_database, start, ("answer", FORGOTTEN, True))
    other, _ = await talk(own_database, start, ("answer", FORGOTTEN, True))
    await count_all(own_database, clock)
    assert [one.returned for one in await questions(own_database)] == [False, False]
    # Counted long after the first: it is marked all the same.
    await talk(own_database, start + 7 * DAY, ("answer", FORGOTTEN), person=person)
    await talk(own_database, start + 8 * DAY, ("answer", FORGOTTEN), person=other)
    await talk(own_database, clock.now(), ("dialogue", "salutation"))
    async with own_database.transaction() as session:
        await session.execute(sa.update(Conversation).where(Conversation.opened_at > start).values(last_at=clock.now()))
    await count_all(own_database, clock)
    found = {(one.asker, one.at): one.returned for one in await questions(own_database)}
    assert found[asker_of(person), start] is True
    assert found[asker_of(other), start] is False


async def test_an_erased_conversation_leaves_no_question(site: Api, own_database: Database, clock: FixedClock) -> None:
    chat = await site.open("parent", COLLEGE)
    await chat.say("J'ai oublié mon mot de passe")
    await count_all(own_database, clock)
    assert await questions(own_database)
    assert (await site.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    assert await questions(own_database) == []
    await count_all(own_database, clock)
    assert await questions(own_database) == []


async def test_more_than_a_batch_is_counted_once_each(own_database: Database, clock: FixedClock) -> None:
    at = clock.now() - DAY
    # All at one instant: the batch is cut inside it.
    await crowd(own_database, at, 230, ("answer", FORGOTTEN))
    assert await count_all(own_database, clock) == 230
    assert len(await questions(own_database)) == 230


# --- the page ---------------------------------------------------------------------------------


@pytest.fixture
async def asked(own_database: Database, clock: FixedClock) -> None:
    """Ten parents of the collège (six helped, two not, two silent), eight pupils of the école, five of nowhere."""
    at = clock.now() - 10 * DAY
    for count, helped in ((6, True), (2, False), (2, None)):
        await crowd(own_database, at, count, ("answer", FORGOTTEN, helped))
    await crowd(own_database, at, 8, ("clarify", None, None, "ecrans"), profile="eleve", uai=ECOLE)
    await crowd(own_database, at, 5, ("answer", DUTIES), profile=None, uai=None)
    await count_all(own_database, clock)


async def test_the_page_tells_what_became_of_the_questions(browser: Browser, asked: None) -> None:
    page = await browser.get(PATH)
    assert page.status == 200
    assert "Questions 23, de 23 personnes" in page.words
    assert "Résolues sans personne 6, soit 26 %" in page.words
    assert "6 sur 23 posées il y a plus de 7 jours, soit 26 %" in page.words
    assert page.text.count('class="chart"') >= 5
    assert page.text.count("<table") == len(SHEETS) - 1, "no request: nothing to tell of delays"
    _, rows = await sheet(browser, "sujets")
    told = dict(zip((row[0] for row in rows[1:]), rows[1:]))
    assert [row[1] for row in rows[1:]] == ["10", "8", "5"]
    assert told["Sans sujet reconnu"][8] == "8"
    assert column(rows, "% résolues") == ["60", "0", "0"]
    _, rows = await sheet(browser, "sans-reponse")
    assert rows[1:] == [["Sans sujet reconnu", "8"]]
    _, rows = await sheet(browser, "inquietudes")
    assert rows[1:] == [["Temps d’écran – Élève", "8"]]
    _, rows = await sheet(browser, "satisfaction")
    assert rows[1:] == [["Réponses de l’assistant", "6", "2", "75"]]


REFERENT = NewGrant("referent", "etablissement", COLLEGE)


@pytest.mark.parametrize(("grants", "seen"), [
    ([REFERENT], {"10"}),
    ([NewGrant("referent", "etablissement", ECOLE)], {"8"}),
    ([NewGrant("agent_n2", "academie", "Valmont")], {"10", "8"}),
    ([NewGrant("formateur", "academie", "Valmont")], {"10", "8"}),
    ([NewGrant("administrateur", "tout")], {"10", "8", "5"}),
    # A role that reads no indicator adds no territory to one that does; here both do.
    ([REFERENT, NewGrant("formateur", "etablissement", ECOLE)], {"10", "8"}),
], ids=lambda one: one[0].scope if isinstance(one, list) else "")  # fmt: skip
async def test_one_sees_one_s_territory_and_nothing_else(browser_of: Open, asked: None, grants, seen) -> None:
    browser = await browser_of(grants=grants)
    for name in ("sujets", "profils", "ecoles"):
        status, rows = await sheet(browser, name)
        assert status == 200
        assert set(column(rows, "Questions")) == seen, name
    page = await browser.get(PATH)
    assert f"Questions {sum(map(int, seen))}, de" in page.words


async def test_a_referent_cannot_ask_for_another_school(browser_of: Open, asked: None, own_database: Database,
                                                         clock: FixedClock) -> None:  # fmt: skip
    referent = await browser_of(grants=[REFERENT])
    page = await referent.get(f"{PATH}?uai={ECOLE}")
    assert "Aucune question ne répond" in page.words
    assert "Les Tilleuls" not in page.text
    for name in SHEETS:
        assert (await sheet(referent, name, uai=ECOLE))[0] == 404
    everything = await referent.get(PATH)
    assert "Les Tilleuls" not in everything.text
    assert "Élève</th>" not in everything.text


async def test_requests_of_other_territories_are_not_in_the_delays(site: Api, browser_of: Open, asked: None,
                                                                   own_database: Database, clock: FixedClock) -> None:  # fmt: skip
    for uai, count in ((COLLEGE, 5), (ECOLE, 6)):
        for _ in range(count):
            chat = await site.open("parent", uai)
            await chat.open_ticket()
    async with own_database.transaction() as session:
        opened = clock.now()
        await session.execute(
            sa.update(Ticket).values(answered_at=opened + timedelta(hours=2), resolved_at=opened + timedelta(days=1))
        )
    await count_all(own_database, clock)
    for grants, count in (([REFERENT], "5"), ([NewGrant("agent_n2", "academie", "Valmont")], "11")):
        browser = await browser_of(grants=grants)
        _, rows = await sheet(browser, "delais")
        assert [row[:2] for row in rows[1:3]] == [
            ["Niveau 2, première réponse", count], ["Niveau 2, solution", count],
        ]  # fmt: skip
        assert "heures ouvrées" in (await browser.get(PATH)).words


async def test_few_persons_are_told_of_neither_by_page_nor_by_file(browser: Browser, asked: None) -> None:
    page = await browser.get(f"{PATH}?profile=eleve&topic={FORGOTTEN}")
    assert "Aucune question" in page.words
    page = await browser.get(f"{PATH}?topic={DUTIES}")
    assert "Questions 5" in page.words


async def test_four_persons_have_no_figures(browser: Browser, own_database: Database, clock: FixedClock) -> None:
    await crowd(own_database, clock.now() - DAY, 4, ("answer", FORGOTTEN, True), profile="eleve")
    await count_all(own_database, clock)
    page = await browser.get(PATH)
    assert "Moins de 5 personnes" in page.words
    assert "<table" not in page.text
    for name in SHEETS:
        assert (await sheet(browser, name))[0] == 404


async def test_filters_stay_in_the_address_and_narrow_the_figures(browser: Browser, asked: None) -> None:
    page = await browser.get(f"{PATH}?profile=parent&since=2026-11-01&until=2026-11-30")
    assert "Questions 10," in page.words
    assert "sujets.csv?since=2026-11-01&amp;until=2026-11-30&amp;profile=parent" in page.text
    assert '<option value="parent" selected>' in page.text
    _, rows = await sheet(browser, "sujets", profile="parent", since="2026-11-01", until="2026-11-30")
    assert column(rows, "Questions") == ["10"]
    page = await browser.get(f"{PATH}?since=2026-11-20&until=2026-11-30")
    assert "Aucune question ne répond" in page.words


@pytest.mark.parametrize(("query", "sentence"), [
    ("since=2026-11-30&until=2026-11-01", "avant son début"),
    ("since=2020-01-01&until=2026-11-01", "un an"),
    ("since=hier&until=2026-11-01", "deux dates"),
    ("since=2026-11-01", "deux dates"),
    ("since=0001-01-01&until=9999-12-31", "deux dates"),
    ("profile=roi", "profil"), ("topic=<b>", "sujet"), ("wave=x", "vague"),
])  # fmt: skip
async def test_what_makes_no_sense_is_told(browser: Browser, query: str, sentence: str) -> None:
    page = await browser.get(f"{PATH}?{query}")
    assert page.status == 422
    assert page.title.startswith("Erreur")
    assert sentence in page.words
    assert (await browser.get(f"{PATH}/sujets.csv?{query}")).status in (400, 422)


@pytest.mark.parametrize(
    "query", ["wave=9999999999999999999999", "wave=99999999999", "uai=%00%27;--", "uai=" + "é" * 300]
)
async def test_nothing_odd_in_the_address_breaks_the_page(browser: Browser, query: str) -> None:
    assert (await browser.get(f"{PATH}?{query}")).status in (200, 422)


async def test_a_table_that_does_not_exist(browser: Browser, asked: None) -> None:
    assert (await browser.get(f"{PATH}/rien.csv")).status == 404


async def test_who_has_no_role_sees_no_figure(browser_of: Open, asked: None) -> None:
    browser = await browser_of()
    assert (await browser.get(PATH)).status == 403
    assert (await browser.get(f"{PATH}/sujets.csv")).status == 403
