"""A worry voiced beside a question: answered calmly before the article, and counted."""

from __future__ import annotations

import sqlalchemy as sa

from bot.conversations.models import Result
from bot.db import Database
from tests.integration.console import COLLEGE
from tests.integration.gateway import Api


async def worries(database: Database) -> list[str | None]:
    async with database.reading() as session:
        return list((await session.scalars(sa.select(Result.worry).order_by(Result.message_id))).all())


async def test_a_calm_word_then_the_article(site: Api, own_database: Database) -> None:
    chat = await site.open("parent", COLLEGE)
    reply = await chat.say("Encore un outil de plus ! Où sont les devoirs de ma fille ?")
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("answer", "cdt_consulter_devoirs")
    assert reply["messages"][0]["text"].startswith("Un outil de plus prend du temps")
    assert reply["messages"][1]["article"]["topic"] == "cdt_consulter_devoirs"
    assert await worries(own_database) == ["charge"]
    assert 'assistent_worries_total{worry="charge"} 1.0' in (await site.get("/metrics")).body.decode()


async def test_a_pupil_is_spoken_to_as_one(site: Api) -> None:
    chat = await site.open("eleve", COLLEGE)
    reply = await chat.say("on est fliqués ou quoi, où sont les devoirs")
    assert reply["messages"][0]["text"].startswith("Tu as le droit")


async def test_an_ordinary_question_has_the_article_alone(site: Api, own_database: Database) -> None:
    chat = await site.open("parent", COLLEGE)
    reply = await chat.say("Où sont les devoirs de ma fille ?")
    assert reply["messages"][0]["article"]["topic"] == "cdt_consulter_devoirs"
    assert await worries(own_database) == [None]


async def test_in_a_request_nothing_is_added(site: Api) -> None:
    chat = await site.open("parent", COLLEGE)
    await chat.say("je veux parler à quelqu'un")
    reply = await chat.say("On n'a pas d'ordinateur à la maison et le site ne marche pas sur mon téléphone")
    assert reply["result"]["outcome"] == "form"
    assert len(reply["messages"]) == 1
