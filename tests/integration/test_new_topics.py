"""Topics that a formateur adds: written, published, found and answered at once, tended, carried out and back in as files."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.chat.views import KNOWLEDGE
from bot.clock import FixedClock
from bot.conversations.models import Result
from bot.db import Database
from bot.escalation.models import Group, Route
from bot.escalation.setup import group_for
from bot.knowledge.article import KNOWLEDGE_DIR, article_files, parse_article
from bot.knowledge.exchange import export_knowledge, import_knowledge
from bot.knowledge.models import AddedTopic, Article, ArticleVersion
from bot.knowledge.service import FROM_TRAINER, KnowledgeBase, add_version
from bot.learning.models import Utterance
from bot.learning.teaching import Taught
from bot.learning.utterances import add_utterance, withdraw_utterances
from bot.topics import Topic, load_topics
from tests.integration.conftest import Start
from tests.integration.console import COLLEGE, Browser, Open
from tests.integration.gateway import PREFIX, Api, ScriptedEngine
from tests.integration.training import until
from tests.integration.workshop import (
    ARTICLES,
    DRAFTS,
    NEW,
    NEW_TOPIC,
    SAID,
    accept,
    article_of,
    number_in,
    revision_in,
    source_of,
)
from tests.unit.language.small_model import TAUGHT, small_model, write_archive

ID = NEW["id"]


async def add(writer: Browser, reader: Browser, **changes: str) -> int:
    """Add a topic with its article, accepted; return the draft's number."""
    page = await writer.post(NEW_TOPIC, **{**NEW, **changes})
    assert page.status == 303, page.words
    draft = number_in(page.location)
    place = f"{DRAFTS}/{draft}"
    done = await writer.post(
        place, source=article_of(), reason="Nouveau", revision=revision_in(await writer.get(place)), then="proposer"
    )
    assert "brouillon-propose" in done.location, done.words
    assert (await accept(reader, draft)).status == 303
    return draft


async def test_a_new_topic_is_found_and_answered_at_once_before_any_training(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    knowledge = site.app[KNOWLEDGE]
    assert knowledge.search.find("gymnase") == []
    await add(await browser_of("formateur", name="Ada Plume"), await browser_of("formateur"))
    # By a suggestion, which says the title word for word.
    chat = await site.open("enseignant", COLLEGE)
    found = (await site.get(f"{PREFIX}/search?q=gymna&profile=enseignant")).json["results"]
    assert [one["title"] for one in found] == ["Réserver le gymnase"]
    reply = await chat.say(found[0]["title"])
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("answer", ID)
    assert "Choisissez « Gymnase »" in reply["messages"][0]["text"]
    # By what it was taught with.
    assert (await chat.say("qui a pris le gymnase mardi matin ?"))["result"]["topic"] == ID
    # By other words, that the engine does not know: the search offers it, and its button answers.
    other = await site.open("enseignant", COLLEGE)
    offered = await other.say("une reservation du gymnaze ou de la sale de sport")
    assert offered["result"]["outcome"] == "choices"
    assert f"sujet:{ID}" in [button["choice"] for button in offered["messages"][0]["buttons"]]
    answer = await other.choose(f"sujet:{ID}")
    assert (answer["result"]["outcome"], answer["result"]["topic"]) == ("answer", ID)
    # Who may not act is told who can.
    pupil = await site.open("eleve", COLLEGE)
    told = await pupil.say("Réserver le gymnase")
    assert (told["result"]["outcome"], told["result"]["topic"]) == ("other_profile", ID)
    # What people say of it is kept for the next training.
    async with own_database.reading() as session:
        kept = (await session.scalars(sa.select(Utterance).order_by(Utterance.id))).all()
        row = await session.get_one(AddedTopic, ID)
    assert len(kept) == len(SAID.split("\n"))
    assert {(one.topic, one.origin) for one in kept} == {(ID, "formateur")}
    assert (kept[2].speaker, kept[2].text) == ("parent", "où voir quand le gymnase est libre")
    assert (row.theme, row.profiles, row.neighbours, row.author) == (
        "vie_de_classe", ["enseignant"], ["cdt_consulter_devoirs"], "Ada Plume",
    )  # fmt: skip


async def test_what_the_engine_finds_out_of_scope_is_offered_when_it_is_of_a_topic_added_since(
    site: Api, browser_of: Open
) -> None:
    # The script takes « météo » for out of scope.
    asked = "réserver le gymnase, ou bien la météo annule tout"
    before = await (await site.open("enseignant", COLLEGE)).say(asked)
    assert before["result"]["outcome"] == "out_of_scope"
    await add(await browser_of("formateur"), await browser_of("formateur"))
    after = await (await site.open("enseignant", COLLEGE)).say(asked)
    assert (after["result"]["outcome"], after["result"]["topic"]) == ("choices", ID)
    other = await (await site.open("enseignant", COLLEGE)).say("la météo de demain")
    assert other["result"]["outcome"] == "out_of_scope"


async def test_the_engine_is_asked_as_long_as_the_model_that_serves_knows_the_topic(
    start: Start, site: Api, browser_of: Open, tmp_path: Path
) -> None:
    new = Topic(ID, NEW["theme"], (NEW["profiles"],), NEW["meaning"])
    model, former = tmp_path / "assistent.tar.gz", tmp_path / "former.tar.gz"
    write_archive(model, small_model(taught={**TAUGHT, ID: SAID.split("\n")}, added=[new]))
    write_archive(former, small_model())
    await add(await browser_of("formateur"), await browser_of("formateur"))
    engine = ScriptedEngine()
    chat = await (await start(engine=engine, model=model)).open("enseignant", COLLEGE)

    async def reaches_the_engine() -> bool:
        before = len(engine.texts())
        await chat.say("Réserver le gymnase")
        return len(engine.texts()) > before

    async def stops_at_the_gateway() -> bool:
        return not await reaches_the_engine()

    await until(reaches_the_engine)
    other_words = "une reservation du gymnaze ou de la sale de sport"
    await chat.say(other_words)
    heard = len(engine.texts())
    await chat.choose(f"sujet:{ID}")
    assert len(engine.texts()) == heard + 1
    # Back to the former model: the gateway answers what that one does not know.
    os.replace(former, model)
    await until(stops_at_the_gateway)
    await chat.say(other_words)
    heard = len(engine.texts())
    for reply in (await chat.choose(f"sujet:{ID}"), await chat.say("Réserver le gymnase")):
        assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("answer", ID)
    assert len(engine.texts()) == heard


async def test_it_is_among_the_topics_everywhere(site: Api, browser_of: Open, own_database: Database) -> None:
    await add(await browser_of("formateur"), await browser_of("formateur"))
    chef = await browser_of("administrateur", "agent_n2")
    for path in ("/console/demandes", "/console/repartition", "/console/incidents/nouveau", "/console/reponses-types/nouvelle",
                 "/console/indicateurs"):  # fmt: skip
        page = await chef.get(path)
        assert page.status == 200, path
        assert f'value="{ID}"' in page.text or f'value="topic:{ID}"' in page.text, path
    # What is told of it in a request is of it, whoever deals with it: by its row of the routing table.
    async with own_database.transaction() as session:
        before, _ = await group_for(session, topic=ID, profile="enseignant", uai=COLLEGE)
        other = await session.scalar(sa.select(Group).where(Group.id != before.id).limit(1))
        session.add(Route(theme=NEW["theme"], group_id=other.id))
    async with own_database.reading() as session:
        found, _ = await group_for(session, topic=ID, profile="enseignant", uai=COLLEGE)
    assert found.id == other.id


async def test_an_emergency_in_its_words_stays_one(site: Api, browser_of: Open) -> None:
    await add(await browser_of("formateur"), await browser_of("formateur"),
              utterances=SAID + "\non me harcèle et on me frappe au gymnase")  # fmt: skip
    chat = await site.open("eleve", COLLEGE)
    assert (await chat.say("on me harcèle et on me frappe au gymnase"))["result"]["outcome"] == "urgent"


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("id", "connexion_adresse", "existe déjà"), ("id", "Salle de sport", "identifiant"), ("id", "<script>", "identifiant"),
    ("id", "", "identifiant"), ("id", "a" * 3000, "identifiant"), ("id", "urgence_gymnase", "urgence_"),
    ("theme", "protection", "thème"), ("profiles", "inspecteur", "profil"), ("meaning", " ", "en une phrase"),
    ("neighbours", "rien", "voisin"), ("utterances", "une seule", "au moins 10"), ("utterances", "", "au moins 10"),
    ("utterances", SAID + "\nécrivez à a.b@c.fr pour le gymnase", "coordonnée"), ("demande", "12", "numéro de demande"),
])  # fmt: skip
async def test_what_cannot_be_added_is_told_what_to_change_and_stays_in_the_form(
    browser_of: Open, own_database: Database, field: str, value: str, sentence: str
) -> None:
    browser = await browser_of("formateur")
    page = await browser.post(NEW_TOPIC, **{**NEW, field: value})
    assert page.status == 422
    assert sentence in page.words
    assert "le planning du gymnase" in page.text or field == "utterances"
    assert "<script>" not in page.text
    assert "Aucun brouillon" in (await browser.get(DRAFTS)).words


async def test_two_do_not_add_the_same_topic(browser_of: Open) -> None:
    one, two = await browser_of("formateur", name="Une"), await browser_of("formateur")
    first = await one.post(NEW_TOPIC, **NEW)
    taken = await two.post(NEW_TOPIC, **NEW)
    assert taken.status == 422
    assert "Une écrit déjà un sujet de ce nom" in taken.words
    place = first.location.partition("?")[0]
    shown = await one.get(f"{place}/sujet")
    assert "parent : où voir quand le gymnase est libre" in shown.text
    revision = revision_in(shown)
    changed = {**NEW, "meaning": "Réserver une salle", "revision": revision}
    assert (await two.post(f"{place}/sujet", **changed)).status == 422
    assert (await one.post(f"{place}/sujet", **{**changed, "id": "autre_chose"})).status == 422
    assert (await one.post(f"{place}/sujet", **changed)).status == 303
    assert (await one.post(f"{place}/sujet", **changed)).status == 422
    assert "Réserver une salle" in (await one.get(place)).words


async def test_an_utterance_already_kept_stops_the_proposal_and_leaves_nothing(
    browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    async with own_database.transaction() as session:
        await add_utterance(session, clock.now(), topic="connexion_adresse", text="Le planning du gymnase s’il vous plaît",
                            speaker="commun", origin="formateur", author_id=None)  # fmt: skip
    writer = await browser_of("formateur")
    place = (await writer.post(NEW_TOPIC, **NEW)).location.partition("?")[0]
    page = await writer.post(place, source=article_of(), reason="Nouveau", then="proposer",
                             revision=revision_in(await writer.get(place)))  # fmt: skip
    assert page.status == 422
    assert "est déjà gardé, sous le sujet connexion_adresse" in page.words
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Utterance)) == 1


async def test_what_is_taught_to_any_topic_is_searched_at_the_next_refresh(
    own_database: Database, clock: FixedClock
) -> None:
    base = KnowledgeBase(own_database, load_topics(), dict, teaching=Taught())
    await base.refresh()
    assert base.search.find("brouzouf") == []
    async with own_database.transaction() as session:
        kept = await add_utterance(session, clock.now(), topic="cdt_consulter_devoirs", text="où est mon brouzouf",
                                   speaker="eleve", origin="formateur", author_id=None)  # fmt: skip
    assert await base.refresh()
    assert [one.topic for one in base.search.find("brouzouf")] == ["cdt_consulter_devoirs"]
    async with own_database.transaction() as session:
        await withdraw_utterances(session, clock.now(), [kept.id])
    assert await base.refresh()
    assert base.search.find("brouzouf") == []
    assert not await base.refresh()


# --- out as files and back in -----------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


async def test_every_article_and_added_topic_goes_out_and_comes_back_without_loss(
    loaded: Database, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    async with loaded.transaction() as session:
        session.add(
            AddedTopic(id=ID, theme="vie_de_classe", profiles=["enseignant"], meaning="Réserver : le « gymnase »", limits="",
                       neighbours=["cdt_consulter_devoirs"], author="Ada", at=clock.now())
        )  # fmt: skip
        await Taught().teach(
            session, clock.now(), ID, [("commun", "réserver le gymnase"), ("parent", "- « le gym » : où")], None
        )
        session.add(Article(topic=ID, version=0, updated_at=clock.now()))
        await session.flush()
        await add_version(
            session, parse_article(article_of()), clock, origin=FROM_TRAINER, author="Ada", reason="Nouveau"
        )
    out, again = tmp_path / "out", tmp_path / "again"
    written = await export_knowledge(loaded, out, load_topics(), Taught())
    exported = files(out)
    assert len(written) == len(exported) == len(load_topics().answerable) + 2
    assert f"vie_de_classe/{ID}.md" in exported
    for path in article_files():
        assert exported[path.relative_to(KNOWLEDGE_DIR).as_posix()] == path.read_bytes()
    # Into the same database: nothing changes. Into an empty one: all of it, to the letter.
    report = await import_knowledge(loaded, out, load_topics(), Taught(), clock, author="essai")
    assert (report.created, report.updated, report.kept, report.refused) == ([], [], [], {})
    async with loaded.transaction() as session:
        for table in (Utterance, ArticleVersion, Article, AddedTopic):
            await session.execute(sa.delete(table))
    report = await import_knowledge(loaded, out, load_topics(), Taught(), clock, author="essai")
    assert len(report.created) == len(load_topics().answerable) + 1
    assert not report.refused
    await export_knowledge(loaded, again, load_topics(), Taught())
    assert files(again) == exported
    async with loaded.reading() as session:
        row = await session.get_one(AddedTopic, ID)
        assert (row.meaning, row.neighbours) == ("Réserver : le « gymnase »", ["cdt_consulter_devoirs"])
        assert (await Taught().said(session))[ID] == [
            ("commun", "réserver le gymnase"),
            ("parent", "- « le gym » : où"),
        ]


@pytest.mark.parametrize(("text", "sentence"), [
    ("[", "illisible"), ("topics: 3", "illisible"), ("topics:\n- id: x", "illisible"), ("\udcff", "illisible"),
    ("topics:\n- {id: connexion_adresse, theme: compte, profils: tous, sens: a, limites: '', voisins: [], phrases: []}", "existe déjà"),
    ("topics:\n- {id: urgence_x, theme: compte, profils: tous, sens: a, limites: '', voisins: [], phrases: []}", "urgence_"),
    ("topics:\n- {id: ok_ok, theme: compte, profils: 7, sens: a, limites: '', voisins: [], phrases: []}", "illisible"),
])  # fmt: skip
async def test_a_file_of_topics_that_is_wrong_is_refused_and_stops_no_article(
    loaded: Database, clock: FixedClock, tmp_path: Path, text: str, sentence: str
) -> None:
    await export_knowledge(loaded, tmp_path, load_topics(), Taught())
    (tmp_path / "added_topics.yml").write_bytes(text.encode("utf-8", "surrogateescape"))
    report = await import_knowledge(loaded, tmp_path, load_topics(), Taught(), clock, author="essai")
    assert sentence in report.refused["added_topics.yml"]
    assert len(report.unchanged) == len(load_topics().answerable)


# --- what asks for care -----------------------------------------------------------------------


async def test_what_asks_for_care_is_listed(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    browser = await browser_of("formateur")
    page = await browser.get("/workshop/entretien")
    assert page.status == 200
    assert "Jamais lus depuis 90 jours (0)" in page.words
    chat = await site.open("parent", COLLEGE)
    await chat.say("J'ai oublié mon mot de passe")
    _, source = await source_of(own_database, "cdt_consulter_devoirs")
    broken = source.replace("\n1. ", "\n1. Voyez [ici](ftp://ent) {adresse_ent}. ", 1)
    async with own_database.transaction() as session:
        await session.execute(
            sa.update(ArticleVersion).where(ArticleVersion.topic == "cdt_consulter_devoirs").values(source=broken)
        )
        await session.execute(
            sa.update(ArticleVersion).where(ArticleVersion.topic == "connexion_changer_mot_de_passe")
            .values(source="n’importe quoi")
        )  # fmt: skip
    links = await browser.get("/workshop/entretien?quoi=liens")
    assert "Lien « ftp://ent »" in links.words
    assert "Modifier" not in links.words
    unread = await browser.get("/workshop/entretien?quoi=illisibles")
    assert "ne peut plus être lu" in unread.words
    clock.advance(timedelta(days=89))
    browser = await browser_of("formateur")
    assert "Jamais lus depuis 90 jours (0)" in (await browser.get("/workshop/entretien")).words
    clock.advance(timedelta(days=2))
    browser = await browser_of("formateur")
    late = await browser.get("/workshop/entretien?quoi=jamais-lus")
    assert "Personne n’a reçu cet article" in late.words
    async with own_database.transaction() as session:
        assert (await session.scalars(sa.select(Result.topic))).all() == ["connexion_mot_de_passe_oublie"]
    clock.advance(timedelta(days=300))
    browser = await browser_of("formateur")
    assert "À relire depuis le" in (await browser.get("/workshop/entretien?quoi=relecture")).words


async def test_a_value_that_schools_lack_is_listed_with_one_of_them(
    browser_of: Open, own_database: Database, site: Api
) -> None:
    from bot.knowledge.models import VariableValue

    async with own_database.transaction() as session:
        await session.execute(sa.delete(VariableValue).where(VariableValue.name == "adresse_ent"))
    await site.app[KNOWLEDGE].refresh()
    page = await (await browser_of("formateur")).get("/workshop/entretien?quoi=variables")
    assert "{adresse_ent}" in page.words
    assert "par exemple" in page.words
    assert "sa phrase y disparaît" in page.words


async def test_audiences_that_the_topic_no_longer_has_are_listed(browser_of: Open, own_database: Database) -> None:
    await add(await browser_of("formateur"), await browser_of("formateur"))
    async with own_database.transaction() as session:
        await session.execute(sa.update(AddedTopic).values(profiles=["parent"]))
    page = await (await browser_of("formateur")).get("/workshop/entretien?quoi=audiences")
    assert "Le sujet n’admet plus : Enseignant" in page.words
    assert (await (await browser_of("formateur")).get(f"{ARTICLES}/{ID}")).status == 200
