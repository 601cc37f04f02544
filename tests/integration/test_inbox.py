"""The formateurs' inbox: what comes in, what is masked, groups, what is done with messages and undone, what is erased."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE, PERSONAL_DATA
from bot.clock import FixedClock
from bot.conversations.models import Conversation, Message, Person
from bot.db import Database
from bot.learning.collecting import DECLINED, ESCALATED, LOST, OFF, OPEN, UNHELPFUL
from bot.learning.grouper import regroup
from bot.learning.inbox import GIVEN
from bot.learning.models import InboxGesture, InboxGroup, InboxLine, InboxMark, Utterance
from bot.learning.utterances import HEARD
from bot.people.accounts import NewGrant
from bot.rollout.models import Wave, WaveSchool
from bot.web.lease import Lease, LeaseRow
from bot.workshop.views.inbox import GESTURES, LEARNING, PATH
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, add_account, signed_in
from tests.integration.gateway import ONE_KIND, PREFIX, Api
from tests.integration.workshop import DRAFTS, NEW, NEW_TOPIC, accept, article_of, number_in, revision_in

HOMEWORK, PASSWORD = "cdt_consulter_devoirs", "connexion_mot_de_passe_oublie"
SAID = {
    HOMEWORK: [
        "où sont les devoirs",
        "le travail du soir est où",
        "je ne vois pas les devoirs de ma fille sur la tablette",
    ],
    PASSWORD: ["mdp oublié", "le code du portail ne passe plus"],
}


@pytest.fixture
async def site(start) -> Api:
    """A gateway where messages may teach, and that knows what is said of two topics."""
    return await ready(await start(utterances=SAID))


async def ready(api: Api) -> Api:
    """Let a gateway read what its jobs read in their own time, and begin to collect; then the test does what they do."""
    far = datetime(2036, 1, 1, tzinfo=UTC)
    for name in ("inbox", "inbox_groups"):
        # Taken, or held already by a job that began at once: either way nobody takes it again.
        await Lease(api.app[DATABASE], api.app[CLOCK]).take(name, far)
        async with api.app[DATABASE].transaction() as session:
            await session.execute(sa.update(LeaseRow).where(LeaseRow.name == name).values(until=far))
    await api.app[KNOWLEDGE].add_voices()
    await api.app[LEARNING].prepare()
    assert await api.app[LEARNING].collect() == 0
    return api


async def lines_in(database: Database) -> list[InboxLine]:
    async with database.reading() as session:
        return list(await session.scalars(sa.select(InboxLine).order_by(InboxLine.text, InboxLine.id)))


async def utterances_in(database: Database) -> list[Utterance]:
    async with database.reading() as session:
        return list(await session.scalars(sa.select(Utterance).order_by(Utterance.id)))


async def in_a_group(database: Database) -> int:
    """Put every line in one group, as the process apart would."""
    async with database.transaction() as session:
        line = await session.scalar(sa.select(sa.func.max(InboxLine.id)))
        group = InboxGroup(face_id=line)
        session.add(group)
        await session.flush()
        await session.execute(sa.update(InboxLine).values(group_id=group.id))
        return group.id


async def say(site: Api, *texts: str, profile: str = "parent", uai: str | None = ECOLE) -> None:
    """Say what is not understood, each in a conversation of its own, and collect it."""
    for text in texts:
        chat = await site.open(profile, uai)
        assert (await chat.say(text))["result"]["outcome"] == "clarify", text
    await site.app[LEARNING].collect()


async def test_what_is_taken_for_out_of_scope_comes_in_until_a_formateur_says_that_it_is(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await (await site.open("parent", ECOLE)).say("quelle météo à la kermesse")
    await site.app[LEARNING].collect()
    [line] = await lines_in(own_database)
    assert (line.kind, line.text) == (OFF, "quelle météo à la kermesse")
    group = await in_a_group(own_database)
    formateur = await browser_of("formateur")
    assert "Jugé hors sujet" in (await formateur.get(PATH)).words
    given = await formateur.post(f"{PATH}/groupes/{group}", gesture="hors-sujet", line=str(line.id), confirmed="oui")
    assert given.status == 303
    for said in ("Quelle MÉTÉO à la kermesse", "quelle météo demain"):
        await (await site.open("parent", ECOLE)).say(said)
    await site.app[LEARNING].collect()
    assert [line.text for line in await lines_in(own_database) if line.state == OPEN] == ["quelle météo demain"]


# --- a new topic -----------------------------------------------------------------------------


CANTEEN = ("la cantine ferme lundi", "zorglub de la cantine", "combien coute le repas de midi")


async def test_a_group_becomes_a_topic_and_is_given_to_it_as_it_is_published(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await say(site, *CANTEEN, CANTEEN[0])
    group = await in_a_group(own_database)
    writer, reader = await browser_of("formateur", name="Ada Plume"), await browser_of("formateur")
    page = await writer.get(f"{PATH}/groupes/{group}")
    opened = re.search(r'href="([^"]+[?]groupe=\d+)"', page.text)[1]
    form = await writer.get(opened)
    shown = re.findall(r'name="line" value="(\d+)" checked', form.text)
    assert len(shown) == len(CANTEEN)
    assert f"{CANTEEN[0]}</span> (Parent, 2 fois)" in form.text
    assert re.search(r'name="profiles" value="parent" checked', form.text)
    # Two are kept of it: with eight more written, there are ten.
    said = "\n".join(
        f"la cantine du {day} est-elle ouverte" for day in "lundi mardi jeudi vendredi midi soir matin".split()
    )
    new = {**NEW, "id": "cantine_ferme", "profiles": "parent", "groupe": str(group), "line": shown[:2]}
    refused = await writer.post(NEW_TOPIC, **{**new, "utterances": said})
    assert refused.status == 422
    assert "il y en a 9" in refused.words
    assert len(re.findall(r'name="line" value="\d+" checked', refused.text)) == 2
    assert len(re.findall(r'name="line" value="\d+"', refused.text)) == len(CANTEEN)
    begun = await writer.post(NEW_TOPIC, **{**new, "utterances": said + "\nla cantine est fermée"})
    draft = number_in(begun.location)
    place = f"{DRAFTS}/{draft}"
    # Nothing is given as long as it is not published; the reviewer reads what was heard.
    assert {line.state for line in await lines_in(own_database)} == {OPEN}
    assert "dont 2 reçues par l’assistant" in (await reader.get(place)).words
    assert re.findall(r'name="line" value="(\d+)" checked', (await writer.get(f"{place}/sujet")).text) == shown[:2]
    source = article_of("cantine_ferme", "Savoir si la cantine est ouverte", "parent")
    await writer.post(
        place, source=source, reason="Nouveau", then="proposer", revision=revision_in(await writer.get(place))
    )
    assert {line.state for line in await lines_in(own_database)} == {OPEN}
    assert (await accept(reader, draft)).status == 303
    lines = await lines_in(own_database)
    assert sorted(line.state for line in lines) == sorted([OPEN, *[GIVEN] * (len(lines) - 1)])
    heard = [one for one in await utterances_in(own_database) if one.origin == HEARD]
    assert {(one.topic, one.speaker) for one in heard} == {("cantine_ferme", "parent")}
    assert {one.message_id for one in heard} <= {line.message_id for line in lines}
    assert len(heard) == 2
    # A gesture like any other: undone, its messages wait again and nothing of them is learnt.
    gestures = await writer.get(GESTURES)
    assert (await writer.post(re.search(r'action="(/workshop/gestes/\d+/annuler)"', gestures.text)[1])).status == 303
    assert {line.state for line in await lines_in(own_database)} == {OPEN}


async def test_what_was_settled_meanwhile_is_left_and_a_group_that_is_gone_is_told(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await say(site, *CANTEEN)
    group = await in_a_group(own_database)
    writer = await browser_of("formateur")
    lines = [str(line.id) for line in await lines_in(own_database)]
    new = {**NEW, "id": "cantine_ferme", "groupe": str(group), "line": lines}
    draft = number_in((await writer.post(NEW_TOPIC, **new)).location)
    await (await browser_of("formateur")).post(f"{PATH}/groupes/{group}", line=lines, gesture="ecarter")
    assert 'name="line"' not in (await writer.get(f"{DRAFTS}/{draft}/sujet")).text
    assert (await writer.get(f"{NEW_TOPIC}?groupe={group}")).status == 404
    assert (await writer.get(f"{NEW_TOPIC}?groupe=<b>")).status == 200
    # Whoever filled the form keeps what he wrote.
    page = await writer.post(NEW_TOPIC, **{**new, "id": "Pas un identifiant"})
    assert page.status == 422
    assert "le planning du gymnase" in page.text


# --- what comes in ----------------------------------------------------------------------------


async def test_each_reason_brings_the_question_that_it_is_about(site: Api, own_database: Database) -> None:
    lost = await site.open("parent", ECOLE)
    await lost.say("zorglub du portail")
    declined = await site.open("eleve", COLLEGE)
    await declined.say("voir les devoirs ou notes de maths")
    await declined.choose("autre")
    unhelpful = await site.open("parent", COLLEGE)
    reply = await unhelpful.say("Où sont les devoirs de ma fille")
    await unhelpful.say("non")
    escalated = await site.open("parent", ECOLE)
    await escalated.say("les devoirs de lundi ne s'ouvrent pas")
    await escalated.open_ticket("rien ne s'ouvre sur la page des devoirs")
    told = await site.open("parent", ECOLE)
    await told.open_ticket("Le blog de la classe reste vide depuis un mois")
    await site.app[LEARNING].collect()
    lines = {line.text: line for line in await lines_in(own_database)}
    assert {text: line.kind for text, line in lines.items()} == {
        "zorglub du portail": LOST,
        "voir les devoirs ou notes de maths": DECLINED,
        "Où sont les devoirs de ma fille": UNHELPFUL,
        "les devoirs de lundi ne s'ouvrent pas": ESCALATED,
        "Le blog de la classe reste vide depuis un mois": ESCALATED,
    }
    homework = lines["Où sont les devoirs de ma fille"]
    assert (homework.profile, homework.uai, homework.state) == ("parent", COLLEGE, OPEN)
    assert homework.ranking[0] == [HOMEWORK, 0.91]
    assert reply["result"]["outcome"] == "answer"
    # Nothing comes in twice.
    assert await site.app[LEARNING].collect() == 0


async def test_an_opinion_given_days_later_brings_the_question(
    site: Api, own_database: Database, clock: FixedClock
) -> None:
    chat = await site.open("parent", ECOLE)
    reply = await chat.say("Où sont les devoirs de ma fille")
    clock.advance(timedelta(days=3))
    assert await site.app[LEARNING].collect() == 0
    path = f"{PREFIX}/messages/{reply['messages'][0]['id']}/feedback"
    await site.post(path, {"helpful": False}, token=chat.token)
    clock.advance(timedelta(minutes=1))
    assert await site.app[LEARNING].collect() == 1
    assert [line.kind for line in await lines_in(own_database)] == [UNHELPFUL]


async def test_names_and_contacts_are_masked_before_they_are_kept(site: Api, own_database: Database) -> None:
    await say(site, "ma fille Kimberley Dugenou zorglub au 06 12 34 56 78")
    [line] = await lines_in(own_database)
    assert line.text == "ma fille [nom] zorglub au [téléphone]"


async def test_what_was_said_before_it_was_allowed_is_not_collected(
    start, own_database: Database, clock: FixedClock
) -> None:
    closed = await start(utterances=SAID, learn_from_messages=False)
    await (await closed.open()).say("zorglub d'avant")
    await closed.app[KNOWLEDGE].add_voices()
    assert await closed.app[LEARNING].collect() == 0
    clock.advance(timedelta(seconds=1))
    opened = await ready(await start(utterances=SAID))
    await say(opened, "zorglub d'après")
    assert [line.text for line in await lines_in(own_database)] == ["zorglub d'après"]
    # And what waited is cleared once it is not allowed any more.
    await closed.app[LEARNING].collect()
    assert await lines_in(own_database) == []
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(InboxMark)) is None


async def test_where_it_is_not_allowed_the_page_says_so(start, own_database: Database, clock: FixedClock) -> None:
    closed = await start(learn_from_messages=False)
    account = await add_account(own_database, clock, "formateur")
    async with signed_in(closed.base, own_database, clock, account) as browser:
        for path in (PATH, f"{PATH}/groupes/1", f"{PATH}/lignes/1", "/workshop/demandes-resolues"):
            page = await browser.get(path)
            assert page.status == 200
            assert "aucun message n’est recueilli" in page.words


# --- groups -----------------------------------------------------------------------------------


async def test_what_is_alike_is_grouped_and_keeps_its_group(site: Api, own_database: Database, tmp_path) -> None:
    await say(
        site, "zorglub de la cantine", "zorglub de la cantine !", "les zorglubs de cantine", "tout autre chose ici"
    )
    assert await regroup(own_database, tmp_path / "no-model") == 4
    before = {line.text: line.group_id for line in await lines_in(own_database)}
    assert before["zorglub de la cantine"] == before["zorglub de la cantine !"]
    assert before["tout autre chose ici"] != before["zorglub de la cantine"]
    # Nothing new: nothing is done again.
    assert await regroup(own_database, tmp_path / "no-model") == 0
    await say(site, "zorglub de la cantine du midi")
    assert await regroup(own_database, tmp_path / "no-model") == 5
    after = {line.text: line.group_id for line in await lines_in(own_database)}
    assert {text: after[text] for text in before} == before


async def test_groups_are_listed_most_frequent_first_and_filtered(site: Api, own_database: Database, browser_of: Open,
                                                                  clock: FixedClock) -> None:  # fmt: skip
    await say(site, "zorglub un", "zorglub deux", uai=ECOLE)
    often = await in_a_group(own_database)
    await say(site, "portail", profile="eleve", uai=COLLEGE)
    async with own_database.transaction() as session:
        group = InboxGroup(face_id=999_999)
        session.add(group)
        await session.flush()
        await session.execute(sa.update(InboxLine).where(InboxLine.text == "portail").values(group_id=group.id))
        wave = Wave(name="Première", state="ouverte", starts_on=clock.now().date())
        session.add(wave)
        await session.flush()
        session.add(WaveSchool(wave_id=wave.id, uai=COLLEGE, since=clock.now()))
        rare, wave_id = group.id, wave.id
    browser = await browser_of("formateur")

    async def shown(query: str = "") -> list[int]:
        page = await browser.get(PATH + query)
        assert page.status == 200
        return [int(found) for found in re.findall(rf'href="{PATH}/groupes/(\d+)"', page.text)]

    assert await shown() == [often, rare]
    assert await shown("?profile=eleve") == [rare]
    assert await shown(f"?uai={ECOLE.lower()}") == [often]
    assert await shown(f"?wave={wave_id}") == [rare]
    assert await shown("?wave=12345") == []
    assert await shown("?kind=demande") == []
    assert await shown("?kind=inconnu&wave=abc&page=-1") == [often, rare]
    assert await shown("?page=2") == []


@ONE_KIND
async def test_a_formateur_sees_his_territory_only(site: Api, own_database: Database, browser_of: Open) -> None:
    await say(site, "zorglub un", uai=ECOLE)
    await say(site, "zorglub deux", uai=COLLEGE)
    await say(site, "zorglub trois", uai=None)
    group = await in_a_group(own_database)
    one = next(line for line in await lines_in(own_database) if line.text == "zorglub un")
    school = await browser_of(grants=[NewGrant("formateur", "etablissement", COLLEGE)])
    page = await school.get(f"{PATH}/groupes/{group}")
    assert "zorglub deux" in page.words
    assert "zorglub un" not in page.words
    assert "zorglub trois" not in page.words
    assert "zorglub trois" not in (await school.get(PATH)).words
    assert (await school.get(f"{PATH}/lignes/{one.id}")).status == 404
    # A forged form moves nothing of elsewhere.
    page = await school.post(f"{PATH}/groupes/{group}", gesture="ecarter", line=str(one.id))
    assert page.status == 422
    assert [line.state for line in await lines_in(own_database)] == [OPEN] * 3
    academy = await browser_of("formateur")
    words = (await academy.get(f"{PATH}/groupes/{group}")).words
    assert all(text in words for text in ("zorglub un", "zorglub deux", "zorglub trois"))
    for role in ("referent", "agent_n2", "administrateur"):
        assert (await (await browser_of(role)).get(PATH)).status == 403


# --- what is done with messages ---------------------------------------------------------------


async def post(browser: Browser, group: int, lines: list[InboxLine], gesture: str, **fields):
    data = [("csrf", browser.csrf), ("gesture", gesture), *fields.items(), *(("line", str(line.id)) for line in lines)]
    headers = {"Origin": str(browser.base.origin())}
    return await browser.call("POST", f"{PATH}/groupes/{group}", data=data, headers=headers)


async def test_given_to_a_topic_a_sentence_is_kept_for_who_says_it_then_undone(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await say(site, "zorglub du soir", "Zorglub DU soir", "zorglub du matin")
    group = await in_a_group(own_database)
    lines = await lines_in(own_database)
    browser = await browser_of("formateur")
    page = await browser.get(f"{PATH}/groupes/{group}")
    assert "Parent" in page.words
    # The two that say the same are one sentence; the second stands for both.
    done = await post(
        browser, group, [line for line in lines if line.text == "Zorglub DU soir"], "donner", topic=HOMEWORK
    )
    assert (done.status, "messages-donnes" in done.location) == (303, True)
    kept = await utterances_in(own_database)
    assert [(one.topic, one.speaker, one.origin) for one in kept] == [(HOMEWORK, "parent", HEARD)]
    assert sorted(line.state for line in await lines_in(own_database)) == [GIVEN, GIVEN, OPEN]
    page = await browser.get(done.location)
    assert "Annuler ce geste" in page.words
    assert "zorglub du matin" in page.words
    gesture = re.search(r"geste=(\d+)", done.location)[1]
    assert "Annuler" in (await browser.get(GESTURES)).words
    back = await browser.post(f"{GESTURES}/{gesture}/annuler")
    assert back.status == 303
    assert {line.state for line in await lines_in(own_database)} == {OPEN}
    assert [one.withdrawn_at is not None for one in await utterances_in(own_database)] == [True]
    # Once is enough, and the page that came after it no longer offers it.
    assert (await browser.post(f"{GESTURES}/{gesture}/annuler")).status == 409
    assert "Annuler ce geste" not in (await browser.get(done.location)).words


async def test_off_topic_and_put_aside(site: Api, own_database: Database, browser_of: Open) -> None:
    await say(site, "zorglub du soir", "recette de crêpes zorglub")
    group = await in_a_group(own_database)
    pancakes, evening = await lines_in(own_database)
    browser = await browser_of("formateur")
    assert (await post(browser, group, [pancakes], "hors-sujet")).status == 303
    assert [(one.text, one.topic) for one in await utterances_in(own_database)] == [(pancakes.text, "hors_sujet")]
    last = await post(browser, group, [evening], "ecarter")
    assert last.location.startswith(f"{PATH}?")
    assert len(await utterances_in(own_database)) == 1
    assert (await browser.get(f"{PATH}/groupes/{group}")).status == 404


async def test_warned_before_it_is_kept(site: Api, own_database: Database, browser_of: Open) -> None:
    # Said in the files under another topic, under this one, by nobody yet, and at a length that no utterance has.
    long = "zorglub " * 60
    said = ("Le TRAVAIL du soir est où", "le code du portail ne passe plus", "zorglub nouveau", long.strip())
    await say(site, *said)
    group = await in_a_group(own_database)
    lines = {line.text: line for line in sorted(await lines_in(own_database), key=lambda line: line.text.lower())}
    already, contradicting, new, too_long = (lines[text] for text in said)
    browser = await browser_of("formateur")
    page = await post(browser, group, list(lines.values()), "donner", topic=HOMEWORK)
    assert page.status == 200
    assert "Contredit" in page.words
    assert "Déjà dite sous ce sujet" in page.words
    assert "Trop longue" in page.words
    assert await utterances_in(own_database) == []
    assert f'value="{contradicting.id}" aria' in page.text
    assert f'value="{new.id}" checked' in page.text
    assert f'value="{too_long.id}"' not in page.text
    done = await post(browser, group, [already, new], "donner", topic=HOMEWORK, confirmed="oui")
    assert done.status == 303
    assert [one.text for one in await utterances_in(own_database)] == ["zorglub nouveau"]
    assert {line.text for line in await lines_in(own_database) if line.state == OPEN} == {
        contradicting.text,
        too_long.text,
    }
    # What a formateur keeps contradicts for good.
    await say(site, "Zorglub NOUVEAU")
    again = await in_a_group(own_database)
    [line] = [line for line in await lines_in(own_database) if line.text == "Zorglub NOUVEAU"]
    page = await post(browser, again, [line], "donner", topic=PASSWORD)
    assert "Retirez-la d’abord de ce sujet" in page.words
    assert f'name="line" value="{line.id}"' not in page.text


async def test_two_formateurs_at_the_same_messages(site: Api, own_database: Database, browser_of: Open) -> None:
    await say(site, "zorglub du soir")
    group = await in_a_group(own_database)
    lines = await lines_in(own_database)
    one, other = await browser_of("formateur"), await browser_of("formateur")
    done = await asyncio.gather(*(post(browser, group, lines, "donner", topic=HOMEWORK) for browser in (one, other)))
    assert sorted(page.status for page in done)[0] == 303
    assert len(await utterances_in(own_database)) == 1
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.sum(InboxGesture.count))) == 1
    gesture = re.search(r"geste=(\d+)", next(page.location for page in done if page.status == 303))[1]
    # Whoever did not make it neither sees nor undoes it.
    statuses = [(await browser.post(f"{GESTURES}/{gesture}/annuler")).status for browser in (one, other)]
    assert sorted(statuses) == [303, 404]


@ONE_KIND
async def test_bad_forms_say_what_to_change_and_lose_nothing(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await say(site, "zorglub <b>du</b> soir", "zorglub du matin")
    group = await in_a_group(own_database)
    lines = await lines_in(own_database)
    browser = await browser_of("formateur")
    page = await browser.get(f"{PATH}/groupes/{group}")
    assert "<b>" not in page.text
    page = await post(browser, group, [], "donner", topic=HOMEWORK)
    assert (page.status, "Cochez au moins un message" in page.words) == (422, True)
    page = await post(browser, group, [lines[0]], "donner", topic="<script>")
    assert (page.status, "Choisissez un sujet" in page.words) == (422, True)
    # What was chosen is chosen still.
    assert f'value="{lines[0].id}" checked' in page.text
    assert f'value="{lines[1].id}" checked' not in page.text
    for gesture in ("", "autre"):
        assert (await post(browser, group, lines, gesture)).status == 422
    for wrong in ("0", "abc", "9" * 30, "%00"):
        assert (await browser.get(f"{PATH}/groupes/{wrong}")).status == 404
        assert (await browser.get(f"{PATH}/lignes/{wrong}")).status == 404
        assert (await browser.post(f"{GESTURES}/{wrong}/annuler")).status == 404
    assert (await browser.get(f"{PATH}/groupes/{group}?page=7")).status == 200
    assert (await browser.get(f"{PATH}?geste=abc&fait=rien")).status == 200
    assert {line.state for line in await lines_in(own_database)} == {OPEN}


async def test_words_are_struck_out_for_good(site: Api, own_database: Database, browser_of: Open) -> None:
    await say(site, "zorglub pour kimberley dugenou du CM1", "zorglub pour kimberley dugenou du CM1")
    group = await in_a_group(own_database)
    line, _ = await lines_in(own_database)
    browser = await browser_of("formateur")
    place = f"{PATH}/lignes/{line.id}"
    page = await browser.get(place)
    words = line.text.split()
    headers = {"Origin": str(browser.base.origin())}

    async def strike(text: str, *places: int):
        data = [("csrf", browser.csrf), ("text", text), *(("word", str(one)) for one in places)]
        return await browser.call("POST", place, data=data, headers=headers)

    assert page.status == 200
    assert (await strike(line.text)).status == 422
    assert (await strike("autre chose", 0)).status == 422
    done = await strike(line.text, words.index("kimberley"), words.index("dugenou"), 99)
    assert (done.status, done.location) == (303, f"{PATH}/groupes/{group}?fait=message-masque")
    # All who wrote the very same.
    assert {line.text for line in await lines_in(own_database)} == {"zorglub pour [masqué] du CM1"}
    done = await post(browser, group, [line], "donner", topic=HOMEWORK)
    [kept] = await utterances_in(own_database)
    assert "kimberley" not in kept.text + kept.form


# --- erasure and time -------------------------------------------------------------------------


async def test_erasing_a_conversation_takes_its_messages_and_what_was_kept_of_them(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    await say(site, "zorglub d'un autre")
    chat = await site.open("parent", ECOLE)
    for text in ("zorglub de tante Ursule", "zorglub encore"):
        await chat.say(text)
    await site.app[LEARNING].collect()
    group = await in_a_group(own_database)
    lines = await lines_in(own_database)
    mine = [line for line in lines if line.conversation_id == chat.conversation]
    assert len(mine) == 2
    browser = await browser_of("formateur")
    await post(browser, group, [lines[0], mine[0]], "donner", topic=HOMEWORK)
    export = (await site.get(f"{PREFIX}/conversation/export", token=chat.token)).json
    assert sorted(line["text"] for line in export["learning"]) == sorted(line.text for line in mine)
    assert [one["text"] for one in export["utterances"]] == [mine[0].text]
    assert (await site.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    assert [line.text for line in await lines_in(own_database)] == ["zorglub d'un autre"]
    assert [one.text for one in await utterances_in(own_database)] == ["zorglub d'un autre"]
    # The gesture is undone all the same, for what is left of it.
    async with own_database.reading() as session:
        gesture = await session.scalar(sa.select(InboxGesture.id))
    assert (await browser.post(f"{GESTURES}/{gesture}/annuler")).status == 303
    assert (await browser.get(PATH)).status == 200


async def test_time_takes_what_was_settled_then_the_rest_and_unties_what_was_kept(
    site: Api, own_database: Database, browser_of: Open, clock: FixedClock
) -> None:
    await say(site, "zorglub du soir", "zorglub du matin")
    group = await in_a_group(own_database)
    browser = await browser_of("formateur")
    await post(browser, group, (await lines_in(own_database))[1:], "donner", topic=HOMEWORK)
    data = site.app[PERSONAL_DATA]
    clock.advance(data.retention.settled_lines)
    await data.purge()
    assert len(await lines_in(own_database)) == 2
    clock.advance(timedelta(seconds=1))
    await data.purge()
    assert [line.text for line in await lines_in(own_database)] == ["zorglub du matin"]
    assert (await utterances_in(own_database))[0].message_id is not None
    clock.advance(data.retention.conversations)
    await data.purge()
    assert await lines_in(own_database) == []
    [kept] = await utterances_in(own_database)
    assert (kept.text, kept.message_id) == ("zorglub du soir", None)


async def test_a_conversation_erased_while_it_is_collected_leaves_nothing(site: Api, own_database: Database) -> None:
    """A line cannot outlive its message, whoever wrote first."""
    chat = await site.open("parent", ECOLE)
    await chat.say("zorglub du soir")
    await asyncio.gather(
        site.app[LEARNING].collect(),
        site.call("DELETE", f"{PREFIX}/conversation", token=chat.token),
        return_exceptions=True,
    )
    assert await lines_in(own_database) == []


# --- very many --------------------------------------------------------------------------------


@ONE_KIND
async def test_the_pages_read_no_more_with_many_lines(
    site: Api, own_database: Database, browser_of: Open, clock: FixedClock
) -> None:
    """What a page costs is measured by benchmarks/workshop.py; here, that it is bounded."""
    async with own_database.transaction() as session:
        session.add(Person(id="p", created_at=clock.now()))
        await session.flush()
        session.add(Conversation(id="c", person_id="p", state={}, opened_at=clock.now(), last_at=clock.now()))
        session.add_all([InboxGroup(face_id=place) for place in range(1, 31)])
        await session.flush()
        for place in range(3_000):
            session.add(
                Message(id=f"m{place}", conversation_id="c", position=place, sender="user", text="x", at=clock.now())
            )
        await session.flush()
        for place in range(3_000):
            session.add(
                InboxLine(message_id=f"m{place}", conversation_id="c", kind=LOST, state=OPEN, text=f"zorglub {place}",
                          form=f"zorglub {place}", uai=ECOLE, at=clock.now(), group_id=place % 30 + 1)
            )  # fmt: skip
    browser = await browser_of("formateur")
    page = await browser.get(PATH)
    assert page.text.count("<tr>") == 21
    assert "Page suivante" in page.words
    assert (await browser.get(f"{PATH}?page=2")).text.count("<tr>") == 11
    group = await browser.get(f"{PATH}/groupes/1")
    assert group.text.count("<tr>") == 51
    assert (await browser.get(f"{PATH}/groupes/1?page=2")).text.count("<tr>") == 51
