"""Visitors: opening a conversation without being signed in, and going on in it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.conversations.models import AccessToken
from bot.conversations.service import TOKEN_LIFE
from bot.db import Database
from bot.rollout.service import publish, withdraw
from bot.topics import PROFILES
from tests.integration.gateway import ONE_KIND, PREFIX, Api


@pytest.mark.parametrize("profile", PROFILES)
async def test_each_profile_is_greeted_as_it_is_spoken_to(api: Api, profile: str) -> None:
    chat = await api.open(profile)
    text = chat.opened["messages"][0]["text"]
    assert ("Écris ta question" if profile == "eleve" else "Écrivez votre question") in text


async def test_without_a_profile_the_first_reply_asks_for_it_by_buttons(api: Api) -> None:
    chat = await api.open(None, None)
    assert chat.opened["profile"] is None
    buttons = chat.opened["messages"][-1]["buttons"]
    assert [button["choice"] for button in buttons] == [f"profil:{profile}" for profile in PROFILES]
    await chat.choose("profil:directeur")
    assert (await api.get(f"{PREFIX}/messages", token=chat.token)).json["profile"] == "directeur"
    assert (await chat.say("créer un compte"))["result"]["outcome"] == "answer"


async def test_a_question_asked_before_the_profile_is_answered_once_it_is_known(api: Api) -> None:
    chat = await api.open(None, None)
    asked = await chat.say("où sont les devoirs ?")
    assert asked["messages"][-1]["buttons"][0]["choice"] == "profil:parent"
    answered = await chat.choose("profil:parent")
    assert (answered["result"]["outcome"], answered["result"]["topic"]) == ("answer", "cdt_consulter_devoirs")


async def test_somebody_in_danger_is_not_asked_for_a_profile(api: Api) -> None:
    chat = await api.open(None, None)
    assert (await chat.say("je veux mourir"))["result"]["outcome"] == "urgent"


@ONE_KIND
@pytest.mark.parametrize(
    "body",
    [
        {"profile": "inconnu"}, {"profile": "Parent"}, {"profile": ""}, {"profile": 3}, {"profile": ["parent"]},
        {"uai": "0750001"}, {"uai": "0750001u"}, {"uai": "0750001U\n"}, {"uai": " 0750001U"}, {"uai": "٠٧٥٠٠٠١U"},
        {"uai": 750001}, {"uai": ""}, {"profile": "parent", "uai": {"code": "0750001U"}}, {"inconnu": 1},
        {"profile": "parent", "signed": True}, {"person": "quelqu'un"},
    ],
)  # fmt: skip
async def test_what_a_visitor_says_of_himself_is_checked(api: Api, body: dict) -> None:
    answer = await api.post(f"{PREFIX}/sessions", body)
    assert (answer.status, answer.code) == (400, "requete_invalide")


async def test_a_school_that_is_not_known_here_is_taken_all_the_same(api: Api) -> None:
    chat = await api.open("parent", "9999999Z")
    assert (await chat.say("mot de passe oublié"))["result"]["outcome"] == "answer"


async def test_visitors_may_be_refused(start) -> None:
    api = await start(visitors=False)
    answer = await api.post(f"{PREFIX}/sessions", {"profile": "parent"})
    assert (answer.status, answer.code) == (401, "non_authentifie")
    assert "ENT" in answer.json["detail"]


async def test_the_bearer_is_stored_as_a_digest_only(start, own_database: Database) -> None:
    api = await start()
    chat = await api.open()
    async with own_database.transaction() as session:
        [digest] = (await session.scalars(sa.select(AccessToken.digest))).all()
    assert len(digest) == 64
    assert chat.token not in digest


async def test_the_bearer_expires(start, clock: FixedClock) -> None:
    api = await start()
    chat = await api.open()
    clock.advance(TOKEN_LIFE - timedelta(seconds=1))
    assert await chat.history()
    clock.advance(timedelta(seconds=2))
    for method, path in (("GET", "messages"), ("GET", "tickets"), ("DELETE", "conversation")):
        assert (await api.call(method, f"{PREFIX}/{path}", token=chat.token)).status == 401
    assert (await api.post(f"{PREFIX}/sessions", {}, token=chat.token)).status == 401


async def test_two_visitors_never_share_anything(api: Api) -> None:
    first, second = await api.open(), await api.open()
    assert first.token != second.token
    assert first.conversation != second.conversation
    await first.say("bonjour")
    assert await second.said() == []


async def test_our_own_bearer_begins_a_new_conversation_of_the_same_person(api: Api) -> None:
    first = await api.open("enseignant", "0750001U")
    ticket = await first.open_ticket()
    second = await api.open(token=first.token)
    assert second.conversation != first.conversation
    assert second.token != first.token
    assert second.opened["profile"] == "enseignant"
    assert await second.said() == []
    for chat in (first, second):
        tickets = (await api.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
        assert [row["number"] for row in tickets] == [ticket["number"]]
    assert ticket["number"] in (await second.say("où en est ma demande"))["messages"][0]["text"]


@pytest.mark.parametrize("token", ["inconnu", "x" * 8_000, "x" * 9_000])
@ONE_KIND
async def test_a_bearer_that_is_not_known_opens_nothing(api: Api, token: str) -> None:
    assert (await api.post(f"{PREFIX}/sessions", {}, token=token[:8_100])).status == 401


async def test_announcements_are_shown_to_their_profiles_until_they_end(
    start, own_database: Database, clock: FixedClock
) -> None:
    api = await start()
    await publish(own_database, clock, level="info", title="Réunion", text="Jeudi à **18 h**.")
    await publish(
        own_database, clock, level="info", title="Conseil", text="Notes avant jeudi.", profiles=("enseignant",)
    )
    incident = await publish(own_database, clock, level="incident", title="Panne", text="<b>On</b> y travaille.")
    parent, teacher = await api.open("parent"), await api.open("enseignant")
    assert [row["title"] for row in parent.opened["announcements"]] == ["Panne", "Réunion"]
    assert {row["title"] for row in teacher.opened["announcements"]} == {"Panne", "Réunion", "Conseil"}
    panne, reunion = parent.opened["announcements"]
    assert "<strong>18&nbsp;h</strong>" in reunion["html"]
    assert "<b>" not in panne["html"]
    clock.advance(timedelta(minutes=1))
    assert await withdraw(own_database, clock, incident)
    shown = (await api.get(f"{PREFIX}/messages", token=parent.token)).json["announcements"]
    assert [row["title"] for row in shown] == ["Réunion"]
