"""Articles in the workshop: found, read as each profile reads them, written, reviewed by another, published, withdrawn."""

from __future__ import annotations

import asyncio
import io
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.chat.views import KNOWLEDGE
from bot.clock import FixedClock
from bot.db import Database
from bot.knowledge.models import Article, ArticleDraft, ArticleVersion
from bot.people.models import AuditEntry
from bot.workshop.views.drafts import PUBLISHER
from tests.integration.console import COLLEGE, GRANTS, Open, ask
from tests.integration.gateway import ONE_KIND, Api
from tests.integration.workshop import (
    ARTICLES,
    DRAFTS,
    TOPIC,
    accept,
    begin,
    number_in,
    propose,
    revision_in,
    source_of,
)

URGENT = "urgence_harcelement"


def retitled(source: str, title: str = "Retrouver son mot de passe") -> str:
    return source.replace("title: Mot de passe oublié", f"title: {title}")


# --- reading ----------------------------------------------------------------------------------


async def test_the_workshop_opens_on_the_articles(browser_of: Open) -> None:
    browser = await browser_of("formateur")
    home = await browser.get("/workshop/")
    assert (home.status, home.location) == (303, ARTICLES)
    assert (await browser.get("/workshop")).location == "/workshop/"
    page = await browser.get(ARTICLES)
    assert {"Articles", "Brouillons"} <= set(page.navigation)
    assert "Mot de passe oublié" in page.words
    # A référent has no page there: he is led to his own.
    assert (await (await browser_of("referent")).get("/workshop/")).location == "/console/"


async def test_articles_are_searched_and_filtered(browser_of: Open, own_database: Database, clock: FixedClock) -> None:
    browser = await browser_of("formateur")
    found = await browser.get(f"{ARTICLES}?text=EDUCONNECT oublie&theme=connexion&state=publie&owner=equipe_projet")
    assert "Mot de passe oublié" in found.words
    assert "harcel" not in found.words
    assert "Aucun article" in (await browser.get(f"{ARTICLES}?text=girafe")).words
    assert "Pas encore écrit" in (await browser.get(f"{ARTICLES}?state=absent")).words
    assert "Aucun article" in (await browser.get(f"{ARTICLES}?due=True")).words
    clock.advance(timedelta(days=400))
    browser = await browser_of("formateur")
    assert "à relire" in (await browser.get(f"{ARTICLES}?due=True")).words
    for wrong in ("page=0", "page=9999", "page=x", "theme=<b>", "state=1", "text=%00%ff", "text=" + "a" * 3000):
        assert (await browser.get(f"{ARTICLES}?{wrong}")).status == 200


async def test_each_profile_s_reading_shows_the_values_of_the_school_and_its_gaps(browser_of: Open) -> None:
    browser = await browser_of("formateur")
    anywhere = await browser.get(f"{ARTICLES}/{TOPIC}")
    assert "{adresse_ent}" in anywhere.text
    assert "Phrases qui disparaissent" in anywhere.words
    assert "https://ent.valmont.example" not in anywhere.text
    there = await browser.get(f"{ARTICLES}/{TOPIC}?ecole=0750001U")
    assert "https://ent.valmont.example" in there.text
    assert "{adresse_ent}" not in there.text
    assert "aucune école" in (await browser.get(f"{ARTICLES}/{TOPIC}?ecole=nulle part")).words.lower()
    # Who may not act reads who can.
    assert "qui peut aider" in (await browser.get(f"{ARTICLES}/admin_creer_compte")).words


@pytest.mark.parametrize("path", [
    "rien", "salutation", f"{TOPIC}/versions/9", f"{TOPIC}/versions/0", f"{TOPIC}/versions/99999999999999999999",
    f"{TOPIC}/versions/x", "%3Cscript%3E",
])  # fmt: skip
async def test_what_does_not_exist_is_said_not_to(browser_of: Open, path: str) -> None:
    assert (await (await browser_of("formateur")).get(f"{ARTICLES}/{path}")).status == 404


async def test_five_thousand_versions_do_not_slow_the_pages(browser_of: Open, own_database: Database,
                                                            clock: FixedClock) -> None:  # fmt: skip
    _, source = await source_of(own_database)
    async with own_database.transaction() as session:
        rows = [
            {"topic": TOPIC, "number": number, "source": source, "digest": "x", "origin": "formateur",
             "author": "Ada", "reason": f"Essai {number}", "at": clock.now()}
            for number in range(2, 5001)
        ]  # fmt: skip
        await session.execute(sa.insert(ArticleVersion), rows)
        await session.execute(sa.update(Article).where(Article.topic == TOPIC).values(version=5000))
    browser = await browser_of("formateur")
    await browser.get(ARTICLES)
    started = time.perf_counter()
    page = await browser.get(ARTICLES)
    listed, started = time.perf_counter() - started, time.perf_counter()
    article = await browser.get(f"{ARTICLES}/{TOPIC}?page=2")
    # Both take some 20 ms: the bound is what a person would notice on a machine that is busy.
    assert listed < 1
    assert time.perf_counter() - started < 1
    assert "5000" in page.words
    assert "Version 4980" in article.words
    assert "Version 4960" not in article.words
    assert "Page suivante" in article.words


# --- writing ----------------------------------------------------------------------------------


async def test_written_reviewed_by_another_and_said_at_once(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    writer, reader = await browser_of("formateur", name="Ada Plume"), await browser_of("formateur", name="Bel Œil")
    _, source = await source_of(own_database)
    editor = await writer.get(f"{ARTICLES}/{TOPIC}/modifier")
    assert "Mot de passe oublié" in editor.text
    new = retitled(source).replace("1. Ouvrez https://educonnect.education.gouv.fr", "1. Cherchez la girafe bleue.")
    page = await begin(writer, new)
    place = page.location.partition("?")[0]
    shown = await writer.get(place)
    assert "girafe bleue" in shown.words
    assert "Ajouté" in shown.words
    assert "Retiré" in shown.words
    # Nothing is published before another person has read it.
    assert site.app[KNOWLEDGE].title(TOPIC) == "Mot de passe oublié"
    proposed = await writer.post(place, source=new, reason="Bouton", revision=revision_in(shown), then="proposer")
    assert "brouillon-propose" in proposed.location
    draft = number_in(place)
    own = await writer.post(f"{place}/accepter", revision="3", when="now")
    assert own.status == 422
    assert "autre personne doit relire" in own.words
    assert "Votre relecture" not in (await writer.get(place)).words
    done = await accept(reader, draft)
    assert (done.status, done.location) == (303, f"{place}?fait=article-publie")
    # At once: search, suggestion and answer.
    knowledge = site.app[KNOWLEDGE]
    assert knowledge.title(TOPIC) == "Retrouver son mot de passe"
    assert knowledge.search.find("girafe")[0].topic == TOPIC
    chat = await site.open("parent", COLLEGE)
    reply = await chat.say("J'ai oublié mon mot de passe")
    assert "girafe bleue" in reply["messages"][0]["text"]
    article = await reader.get(f"{ARTICLES}/{TOPIC}")
    assert "Version 2" in article.words
    assert "Ada Plume" in article.words
    async with own_database.reading() as session:
        actions = (await session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id))).all()
    assert [one for one in actions if one.startswith(("draft", "article"))] == [
        "draft_begun", "draft_saved", "draft_proposed", "article_published",
    ]  # fmt: skip


async def test_returned_with_a_reason_corrected_and_proposed_again(browser_of: Open, own_database: Database) -> None:
    writer, reader = await browser_of("formateur"), await browser_of("formateur")
    _, source = await source_of(own_database)
    draft = await propose(writer, retitled(source))
    place = f"{DRAFTS}/{draft}"
    silent = await reader.post(f"{place}/rendre", note=" ")
    assert silent.status == 422
    assert "Dites ce qui est à reprendre" in silent.words
    assert (await reader.post(f"{place}/rendre", note="Le titre <b>est</b> trop vague.")).status == 303
    shown = await writer.get(place)
    assert "Le titre <b>est</b> trop vague." in shown.words
    assert "<b>est</b>" not in shown.text
    again = await writer.post(place, source=retitled(source, "Mot de passe perdu"), reason="Titre", then="proposer",
                              revision=revision_in(shown))  # fmt: skip
    assert "brouillon-propose" in again.location
    assert (await accept(reader, draft)).status == 303
    assert "title: Mot de passe perdu" in (await source_of(own_database))[1]


async def test_of_two_who_write_the_second_is_told_and_nothing_is_overwritten(
    browser_of: Open, own_database: Database
) -> None:
    one, two, reader = (
        await browser_of("formateur", name="Une"),
        await browser_of("formateur", name="Deux"),
        await browser_of("formateur"),
    )
    _, source = await source_of(own_database)
    mine = source.replace("4. Suivez le message", "4. Lisez le message")
    first = await propose(one, retitled(source))
    assert "Brouillon de Une" in (await two.get(f"{ARTICLES}/{TOPIC}/modifier")).words
    second = number_in((await begin(two, mine)).location)
    assert (await accept(reader, first)).status == 303
    place = f"{DRAFTS}/{second}"
    told = await two.get(place)
    assert "La version 2 est parue depuis" in told.words
    assert "title: Retrouver son mot de passe" in told.words
    refused = await two.post(place, source=mine, reason="Verbe", revision=revision_in(told), then="proposer")
    assert refused.status == 422
    assert "La version 2 est parue depuis" in refused.words
    assert "Lisez le message" in refused.text
    assert (await source_of(own_database))[0] == 2
    # He takes it into account, then his own can be published.
    assert (await two.post(f"{place}/a-jour", version="1")).status == 422
    assert (await two.post(f"{place}/a-jour", version="2")).status == 303
    both = retitled(mine)
    done = await two.post(
        place, source=both, reason="Verbe", revision=revision_in(await two.get(place)), then="proposer"
    )
    assert "brouillon-propose" in done.location
    assert (await accept(reader, second)).status == 303
    assert await source_of(own_database) == (3, both)


async def test_a_proposal_overtaken_meanwhile_is_not_published(browser_of: Open, own_database: Database) -> None:
    one, two = await browser_of("formateur"), await browser_of("formateur")
    _, source = await source_of(own_database)
    first, second = await propose(one, retitled(source)), await propose(two, retitled(source, "Autre titre"))
    assert (await accept(two, first)).status == 303
    late = await accept(one, second)
    assert late.status == 422
    assert "La version 2 est parue depuis" in late.words
    assert (await source_of(own_database))[0] == 2


async def test_two_tabs_of_one_draft_do_not_overwrite_each_other(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("formateur")
    _, source = await source_of(own_database)
    place = f"{DRAFTS}/{number_in((await begin(browser, source)).location)}"
    revision = revision_in(await browser.get(place))
    assert (await browser.post(place, source=retitled(source), reason="Une", revision=revision)).status == 303
    clash = await browser.post(place, source=source + "\nPhrase perdue ?", reason="Deux", revision=revision)
    assert clash.status == 409
    assert "enregistré ailleurs" in clash.words
    assert "Phrase perdue ?" in clash.text
    assert "Retrouver son mot de passe" in clash.words
    # Somebody else's draft is read, not changed.
    other = await browser_of("formateur")
    assert (await other.post(place, source="x", reason="", revision="2")).status == 409
    assert (await other.post(f"{place}/abandonner")).status == 422
    # What was changed since it was read is not accepted.
    async with own_database.reading() as session:
        assert (await session.get_one(ArticleDraft, number_in(place))).source == retitled(source)


FAULTS = {
    "script": ("4. Suivez", "<script>alert(1)</script>", "L’article contient du HTML"),
    "html in the title": ("title: Mot de passe oublié", "title: <img src=x>", "L’en-tête contient du HTML"),
    "variable": ("{adresse_ent}", "{adresse_du_chat}", "Variables inconnues : adresse_du_chat"),
    "brace": ("{adresse_ent}", "{adresse", "Une accolade est seule"),
    "audience": ("directeur, personnel, intervenant]", "directeur]", "Les audiences doivent être celles du sujet"),
    "profile": ("## intervenant", "## inspecteur", "profil inconnu : inspecteur"),
    "topic": (f"topic: {TOPIC}", "topic: autre_sujet", "cet article est celui de connexion_mot_de_passe_oublie"),
    "format": ("level: 2", "level: 2\nformat: 2", "ces clés n’existent pas : format"),
    "no header": ("---\ntopic", "topic", "ne commence pas par un en-tête"),
    "yaml": ("title: Mot", "title: [Mot", "L’en-tête est illisible à la ligne"),
    "link": ("1. Ouvrez https://educonnect.education.gouv.fr", "1. Ouvrez [ceci](javascript:alert(1)).", "ne mène nulle part"),
    "date": ("reviewed_on: 2026-11-22", "reviewed_on: 2026-02-31", "reviewed_on"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_wrong_is_said_in_a_sentence_and_kept(
    browser_of: Open, own_database: Database, fault: str
) -> None:
    browser = await browser_of("formateur")
    _, source = await source_of(own_database)
    before, after, sentence = FAULTS[fault]
    assert before in source
    wrong = source.replace(before, after, 1)
    if fault == "audience":
        wrong += "\n## autres\n\nIl faut s'adresser à l'école.\n"
    page = await begin(browser, wrong, then="proposer")
    assert page.status == 422
    assert sentence in page.words
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    # Saved, in whatever state it is.
    listed = await browser.get(DRAFTS)
    assert TOPIC in listed.words
    async with own_database.reading() as session:
        row = (await session.scalars(sa.select(ArticleDraft))).one()
    assert (row.source, row.state) == (wrong, "brouillon")


async def test_a_paste_too_long_is_refused_and_stays_in_the_field(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("formateur")
    page = await begin(browser, "a" * 30_000)
    assert page.status == 422
    assert "raccourcissez-le" in page.words
    assert "a" * 30_000 in page.text
    form = {"Origin": str(browser.base.origin()), "Content-Type": "application/x-www-form-urlencoded"}
    huge = await browser.call(
        "POST", f"{ARTICLES}/{TOPIC}/modifier", data=io.BytesIO(b"source=" + b"a" * 5_000_000), headers=form
    )
    assert huge.status == 413
    assert "raccourcissez-le" in huge.words
    async with own_database.reading() as session:
        assert (await session.scalars(sa.select(ArticleDraft))).all() == []


@pytest.mark.parametrize("fields", [
    {}, {"source": "\x00\x07", "base": "x"}, {"source": "---\n---\n", "base": "-1"}, {"base": "9" * 40, "source": "é"},
    {"source": "\ud7ff\n" * 50, "reason": "r" * 500}, {"source": "x", "demande": "<script>"},
    {"source": "---\n" + "[" * 9000 + "]" * 9000 + "\n---\n", "base": "1"}, {"source": "---\n&a [*a]\n---\n", "base": "1"},
])  # fmt: skip
@pytest.mark.parametrize("then", ["", "proposer", "autre"])
async def test_whatever_is_sent_gets_a_page(browser_of: Open, fields: dict, then: str) -> None:
    browser = await browser_of("formateur")
    page = await browser.post(f"{ARTICLES}/{TOPIC}/modifier", then=then, **fields)
    assert page.status in (303, 422), page.words
    if page.status == 303:
        assert (await browser.get(page.location)).status == 200


async def test_an_unchanged_proposal_needs_a_reason_and_can_be_taken_back(
    browser_of: Open, own_database: Database
) -> None:
    browser = await browser_of("formateur")
    _, source = await source_of(own_database)
    page = await begin(browser, source, reason="", then="proposer")
    assert page.status == 422
    assert "pourquoi l’article change" in page.words
    place = f"{DRAFTS}/1"
    revision = revision_in(await browser.get(place))
    await browser.post(place, source=source, reason="Relu", revision=revision, then="proposer")
    assert "Enregistrer et voir" not in (await browser.get(place)).words
    assert (await browser.post(f"{place}/reprendre")).status == 303
    assert "Enregistrer et voir" in (await browser.get(place)).words
    assert (await browser.get(f"{ARTICLES}/{TOPIC}/modifier")).location.startswith(place)
    assert (await begin(browser, source)).status == 422
    assert (await browser.post(f"{place}/abandonner")).status == 303
    assert "Aucun brouillon" in (await browser.get(DRAFTS)).words
    assert TOPIC in (await browser.get(f"{DRAFTS}?termines=oui")).words
    assert (await browser.post(f"{place}/ressortir")).status == 303
    assert TOPIC in (await browser.get(DRAFTS)).words


# --- dates ------------------------------------------------------------------------------------


async def test_published_at_its_hour_and_withdrawn_after_its_last_day(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    writer, reader = await browser_of("formateur"), await browser_of("formateur")
    _, source = await source_of(own_database)
    draft = await propose(writer, retitled(source))
    for wrong in ({"publish_at": ""}, {"publish_at": "2020-01-01T08:00"}, {"publish_at": "9999-12-31T23:59"},
                  {"publish_at": "demain"}, {"publish_at": "2026-11-25T08:00", "expires_on": "2026-11-20"}):  # fmt: skip
        assert (await accept(reader, draft, when="date", **wrong)).status == 422, wrong
    page = await accept(reader, draft, when="date", publish_at="2026-11-25T08:00", expires_on="2026-11-30")
    assert "article-prevu" in page.location
    publisher, knowledge = site.app[PUBLISHER], site.app[KNOWLEDGE]
    assert not await publisher.has_due()
    assert (await publisher.do_due(), knowledge.title(TOPIC)) == (0, "Mot de passe oublié")
    clock.advance(timedelta(days=2))
    assert await publisher.has_due()
    assert await publisher.do_due() == 1
    assert knowledge.title(TOPIC) == "Retrouver son mot de passe"
    reader = await browser_of("formateur")
    assert "jusqu’au" in (await reader.get(ARTICLES)).words
    assert "Sera retiré le" in (await reader.get(f"{ARTICLES}/{TOPIC}")).words
    clock.advance(timedelta(days=5, hours=12))
    assert not await publisher.has_due()
    clock.advance(timedelta(hours=6))
    assert await publisher.do_due() == 1
    assert knowledge.title(TOPIC) is None
    assert await publisher.do_due() == 0
    reader = await browser_of("formateur")
    assert "Retiré" in (await reader.get(f"{ARTICLES}?state=retire")).words
    assert (await reader.post(f"{ARTICLES}/{TOPIC}/remettre")).status == 303
    assert knowledge.title(TOPIC) == "Retrouver son mot de passe"


async def test_the_job_publishes_what_is_due(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    writer, reader = await browser_of("formateur"), await browser_of("formateur")
    _, source = await source_of(own_database)
    draft = await propose(writer, retitled(source))
    assert (await accept(reader, draft, when="date", publish_at="2026-11-25T08:00")).status == 303
    clock.advance(timedelta(days=2))
    for _ in range(300):
        if site.app[KNOWLEDGE].title(TOPIC) == "Retrouver son mot de passe":
            break
        await asyncio.sleep(0.1)
    assert (await source_of(own_database))[0] == 2
    assert site.app[KNOWLEDGE].title(TOPIC) == "Retrouver son mot de passe"


async def test_a_planned_publication_that_can_no_longer_be_goes_back_to_its_author(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    one, two = await browser_of("formateur"), await browser_of("formateur")
    _, source = await source_of(own_database)
    planned, other = await propose(one, retitled(source)), await propose(two, retitled(source, "Passé devant"))
    assert (await accept(two, planned, when="date", publish_at="2026-11-25T08:00")).status == 303
    assert (await accept(one, other)).status == 303
    clock.advance(timedelta(days=3))
    await site.app[PUBLISHER].do_due()
    assert (await source_of(own_database))[0] == 2
    page = await (await browser_of("formateur")).get(f"{DRAFTS}/{planned}")
    assert "La publication prévue n’a pas pu se faire. La version 2 est parue" in page.words


async def test_the_last_day_is_set_changed_and_removed(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("formateur")
    place = f"{ARTICLES}/{TOPIC}"
    for wrong in ("2020-01-01", "2026-02-31", "9999-12-31", "x"):
        assert (await browser.post(f"{place}/echeance", expires_on=wrong)).status == 422
    assert (await browser.post(f"{place}/echeance", expires_on="2026-12-24")).status == 303
    assert 'value="2026-12-24"' in (await browser.get(place)).text
    assert (await browser.post(f"{place}/echeance", expires_on="")).status == 303
    assert "Sera retiré" not in (await browser.get(place)).words
    # An emergency is always answered.
    assert (await browser.post(f"{ARTICLES}/{URGENT}/echeance", expires_on="2026-12-24")).status == 422
    assert (await browser.post(f"{ARTICLES}/{URGENT}/retirer")).status == 422


async def test_a_former_version_is_restored_as_a_new_one(site: Api, browser_of: Open, own_database: Database) -> None:
    writer, reader = await browser_of("formateur"), await browser_of("formateur", name="Rémi Relit")
    _, source = await source_of(own_database)
    await accept(reader, await propose(writer, retitled(source)))
    version = await reader.get(f"{ARTICLES}/{TOPIC}/versions/1")
    assert "Ce qui a changé depuis, jusqu’à la version 2" in version.words
    assert (await reader.post(f"{ARTICLES}/{TOPIC}/versions/1/restaurer", current="1")).status == 422
    assert (await reader.post(f"{ARTICLES}/{TOPIC}/versions/2/restaurer", current="2")).status == 422
    assert (await reader.post(f"{ARTICLES}/{TOPIC}/versions/1/restaurer", current="2")).status == 303
    assert await source_of(own_database) == (3, source)
    assert site.app[KNOWLEDGE].title(TOPIC) == "Mot de passe oublié"
    assert "Retour à la version 1" in (await reader.get(f"{ARTICLES}/{TOPIC}")).words


# --- the request that prompted it -------------------------------------------------------------


async def test_the_request_that_prompted_it_is_shown_to_those_who_may_read_it(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    _, ticket = await ask(site)
    number = ticket["number"]
    agent = await browser_of("formateur", grants=[GRANTS["agent_n2"]])
    editor = await agent.get(f"{ARTICLES}/{TOPIC}/modifier?demande={number}")
    assert f'value="{number}"' in editor.text
    _, source = await source_of(own_database)
    wrong = await begin(agent, source, demande="26-00001-9")
    assert wrong.status == 422
    assert "numéro de demande" in wrong.words
    draft = await propose(agent, retitled(source), demande=number)
    link = f"/console/demandes/{number}"
    assert link in (await agent.get(f"{DRAFTS}/{draft}")).text
    reader = await browser_of("formateur")
    assert number not in (await reader.get(f"{DRAFTS}/{draft}")).text
    assert (await accept(reader, draft)).status == 303
    assert link in (await agent.get(f"{ARTICLES}/{TOPIC}")).text
    assert number not in (await reader.get(f"{ARTICLES}/{TOPIC}")).text


@ONE_KIND
async def test_gestures_on_a_draft_that_does_not_exist(browser_of: Open) -> None:
    browser = await browser_of("formateur")
    for draft in ("0", "7", "x", "9" * 30):
        assert (await browser.get(f"{DRAFTS}/{draft}")).status == 404
        for gesture in ("accepter", "rendre", "reprendre", "a-jour", "abandonner", "ressortir", "sujet"):
            page = await browser.post(f"{DRAFTS}/{draft}/{gesture}", note="x")
            assert page.status == 404, (draft, gesture, page.words)
