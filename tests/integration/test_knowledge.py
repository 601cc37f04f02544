"""The knowledge base in a real database, of each kind: import, export, versions, values, and what is served from memory."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import KnowledgeError
from bot.knowledge import service as knowledge
from bot.knowledge.article import KNOWLEDGE_DIR, article_files, parse_article
from bot.knowledge.models import Article, ArticleVersion
from bot.knowledge.service import FROM_FILE, FROM_TRAINER, KnowledgeBase, add_version, export_articles, import_articles
from bot.topics import load_topics

TOPIC = "connexion_adresse"
ECOLE, COLLEGE = "0750001U", "0750002V"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's articles, to be changed."""
    shutil.copytree(KNOWLEDGE_DIR, tmp_path / "knowledge")
    return tmp_path / "knowledge"


@pytest.fixture
async def base(loaded) -> KnowledgeBase:
    """The knowledge base of the demonstration, in memory."""
    base = KnowledgeBase(loaded, load_topics(), {"salutation": ["bonjour"]})
    assert await base.refresh()
    return base


def path_of(folder: Path, topic: str = TOPIC) -> Path:
    return folder / load_topics()[topic].theme / f"{topic}.md"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in article_files(folder)}


def retitled(source: str, title: str) -> str:
    lines = source.split("\n")
    return "\n".join([lines[0], lines[1], f"title: {title}", *lines[3:]])


async def change_as_trainer(database, clock, source: str) -> None:
    async with database.transaction() as session:
        await add_version(
            session, parse_article(source), clock, origin=FROM_TRAINER, author="formatrice", reason="Nom du bouton"
        )


async def import_again(database, folder, clock, **options):
    return await import_articles(database, folder, load_topics(), clock, author="essai", **options)


async def versions(database, topic: str = TOPIC) -> list[ArticleVersion]:
    async with database.transaction() as session:
        found = sa.select(ArticleVersion).where(ArticleVersion.topic == topic).order_by(ArticleVersion.number)
        return list((await session.scalars(found)).all())


# --- import and export ----------------------------------------------------------------------------


async def test_what_is_exported_is_what_was_imported_to_the_letter(loaded, tmp_path):
    paths = await export_articles(loaded, tmp_path / "export", load_topics())
    assert len(paths) == len(load_topics().answerable)
    assert contents(tmp_path / "export") == contents(KNOWLEDGE_DIR)


async def test_an_export_is_imported_without_a_change(loaded, clock, tmp_path):
    await export_articles(loaded, tmp_path / "export", load_topics())
    report = await import_again(loaded, tmp_path / "export", clock)
    assert len(report.unchanged) == len(load_topics().answerable)
    assert [*report.created, *report.updated, *report.kept, *report.refused] == []


async def test_ends_of_lines_of_another_system_come_back_as_they_were(database, clock, folder, tmp_path):
    path = path_of(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    report = await import_again(database, folder, clock)
    assert TOPIC in report.created
    await export_articles(database, tmp_path / "export", load_topics())
    assert path_of(tmp_path / "export").read_bytes() == path.read_bytes()


async def test_an_article_outside_the_topics_is_exported_and_imported_too(loaded, clock, folder, tmp_path):
    new = folder / "nouveaux" / "salle_de_sport.md"
    new.parent.mkdir()
    source = path_of(folder).read_text(encoding="utf-8").replace(f"topic: {TOPIC}", "topic: salle_de_sport")
    new.write_text(retitled(source, "Réserver le gymnase"), encoding="utf-8")
    assert (await import_again(loaded, folder, clock)).created == ["salle_de_sport"]
    await export_articles(loaded, tmp_path / "export", load_topics())
    assert contents(tmp_path / "export") == contents(folder)


async def test_a_changed_file_makes_a_version_and_keeps_the_former(loaded, clock, folder):
    path = path_of(folder)
    path.write_text(retitled(path.read_text(encoding="utf-8"), "Entrer dans l'ENT"), encoding="utf-8")
    report = await import_again(loaded, folder, clock)
    assert report.updated == [TOPIC]
    first, second = await versions(loaded)
    assert (first.number, first.origin, second.number, second.origin) == (1, FROM_FILE, 2, FROM_FILE)
    assert parse_article(second.source).title == "Entrer dans l'ENT"
    assert first.digest != second.digest


async def test_a_trainer_s_later_change_is_kept(loaded, clock, folder):
    path = path_of(folder)
    source = path.read_text(encoding="utf-8")
    await change_as_trainer(loaded, clock, retitled(source, "Le bouton bleu"))
    path.write_text(retitled(source, "Autre titre"), encoding="utf-8")
    report = await import_again(loaded, folder, clock)
    assert report.kept == [TOPIC]
    assert report.updated == []
    assert [parse_article(one.source).title for one in await versions(loaded)][-1] == "Le bouton bleu"


async def test_a_trainer_s_change_is_replaced_only_on_purpose_and_not_lost(loaded, clock, folder):
    source = path_of(folder).read_text(encoding="utf-8")
    await change_as_trainer(loaded, clock, retitled(source, "Le bouton bleu"))
    report = await import_again(loaded, folder, clock, replace=True)
    assert report.updated == [TOPIC]
    titles = [parse_article(one.source).title for one in await versions(loaded)]
    assert titles == [titles[0], "Le bouton bleu", titles[0]]
    assert (await versions(loaded))[1].author == "formatrice"


async def test_a_trainer_who_wrote_what_the_file_says_is_not_in_its_way(loaded, clock, folder):
    await change_as_trainer(loaded, clock, path_of(folder).read_text(encoding="utf-8"))
    assert TOPIC in (await import_again(loaded, folder, clock)).unchanged


async def test_a_broken_file_is_refused_with_its_sentence_and_stops_no_other(database, clock, folder):
    path = path_of(folder)
    path.write_text(path.read_text(encoding="utf-8").replace("level: 2", "level: 7"), encoding="utf-8")
    report = await import_again(database, folder, clock)
    assert report.refused == {f"connexion/{TOPIC}.md": "En-tête, level : choisissez parmi 2, 3."}
    assert len(report.created) == len(load_topics().answerable) - 1


# --- values ---------------------------------------------------------------------------------------


async def test_the_nearest_value_wins_school_by_school(loaded, base):
    async def set_value(scope: str, territory: str, value: str) -> None:
        async with loaded.transaction() as session:
            await knowledge.set_values(session, scope, territory, {"contact_n1": value})
        await base.refresh()

    await set_value("projet", "", "le projet")
    assert base.values(None)["contact_n1"] == "le projet"
    assert base.values("0759999Z")["contact_n1"] == "le projet"
    assert base.values(ECOLE)["contact_n1"].startswith("le référent ENT")
    for scope, territory in (("departement", "Valmont"), ("circonscription", "Valmont Nord"), ("ecole", ECOLE)):
        await set_value(scope, territory, scope)
        assert base.values(ECOLE)["contact_n1"] == scope
        assert base.values(COLLEGE)["contact_n1"] == "departement"
    await set_value("ecole", ECOLE, " ")
    assert base.values(ECOLE)["contact_n1"] == "circonscription"


async def test_a_school_has_its_degree_and_an_unknown_one_none(base):
    assert base.values(ECOLE)["degre"] == "1er"
    assert base.values(COLLEGE)["degre"] == "2nd"
    assert "degre" not in base.values(None)


@pytest.mark.parametrize(("scope", "values", "sentence"), [
    ("planete", {"nom_ent": "X"}, "La portée « planete » n’existe pas"),
    ("projet", {"nom_du_chat": "X"}, "La variable « nom_du_chat » n’est pas dans"),
    ("projet", {"degre": "3e"}, "degre vaut « 3e » : choisissez parmi 1er, 2nd."),
])  # fmt: skip
async def test_a_value_that_means_nothing_is_refused(database, scope, values, sentence):
    with pytest.raises(KnowledgeError) as caught:
        async with database.transaction() as session:
            await knowledge.set_values(session, scope, "", values)
    assert sentence in caught.value.sentence


# --- what is served -------------------------------------------------------------------------------


async def test_each_profile_reads_its_own_text_with_the_values_of_its_school(base):
    assert "« Parent ou responsable »" in base.render(TOPIC, "parent", ECOLE).text
    assert "« Élève »" in base.render(TOPIC, "eleve", COLLEGE).text
    assert "https://ent.valmont.example" not in base.render(TOPIC, "parent", None).text
    assert base.render(TOPIC, "parent", None).missing >= {"adresse_ent"}


async def test_who_may_not_act_is_told_who_can_and_an_unknown_topic_nothing(base):
    told = base.render("admin_creer_compte", "parent", ECOLE).text
    assert "le directeur ou la directrice de l'école" in told
    assert base.render("salutation", "parent", ECOLE) is None
    assert base.title("salutation") is None
    assert base.title(TOPIC) == base.articles[TOPIC].title


async def test_what_is_published_is_found_at_once(loaded, base, clock, folder):
    assert await base.refresh() is False
    new = folder / "nouveaux" / "salle_de_sport.md"
    new.parent.mkdir()
    source = path_of(folder).read_text(encoding="utf-8").replace(f"topic: {TOPIC}", "topic: salle_de_sport")
    new.write_text(retitled(source, "Réserver le gymnase"), encoding="utf-8")
    assert [found.topic for found in base.search.find("gymnase")] == []
    clock.advance(timedelta(minutes=1))
    await import_again(loaded, folder, clock)
    assert await base.refresh() is True
    assert base.search.find("gymnaze")[0].topic == "salle_de_sport"
    assert base.title("salle_de_sport") == "Réserver le gymnase"


async def test_a_trainer_s_change_is_served_at_the_next_refresh(loaded, base, clock, folder):
    source = path_of(folder).read_text(encoding="utf-8")
    await change_as_trainer(loaded, clock, retitled(source, "Le bouton bleu"))
    assert await base.refresh() is True
    assert base.title(TOPIC) == "Le bouton bleu"


async def test_one_unreadable_article_does_not_silence_the_others(loaded, base, clock):
    async with loaded.transaction() as session:
        await session.execute(
            sa.update(ArticleVersion).where(ArticleVersion.topic == TOPIC).values(source="n’importe quoi")
        )
    fresh = KnowledgeBase(loaded, load_topics(), {})
    await fresh.refresh()
    assert TOPIC not in fresh.articles
    assert len(fresh.articles) == len(load_topics().answerable) - 1


async def test_a_withdrawn_article_is_neither_served_nor_exported(loaded, clock, tmp_path):
    async with loaded.transaction() as session:
        await session.execute(sa.update(Article).where(Article.topic == TOPIC).values(state="retire"))
    fresh = KnowledgeBase(loaded, load_topics(), {})
    await fresh.refresh()
    assert fresh.render(TOPIC, "parent", ECOLE) is None
    assert path_of(tmp_path) not in await export_articles(loaded, tmp_path, load_topics())
