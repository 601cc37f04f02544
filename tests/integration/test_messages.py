"""Messages: taken once, answered once, in order, in the conversation that they belong to."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.chat.engine import Engine, NullEngine
from bot.chat.views import ASSISTANT
from bot.conversations.models import Message, Result
from bot.db import Database
from tests.integration.gateway import ONE_KIND, PREFIX, Api, ScriptedEngine
from tests.unit.language.small_model import UNHEARD, small_model, write_archive


def new_id() -> str:
    return str(uuid.uuid4())


async def count(database: Database, table: type) -> int:
    async with database.transaction() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(table))


# --- sent twice -------------------------------------------------------------------------------


async def test_the_same_id_again_gets_the_same_answer_and_does_nothing_twice(
    api: Api, shared_engine: ScriptedEngine
) -> None:
    chat, identifier = await api.open(), new_id()
    first = await chat.say("mot de passe oublié", id=identifier)
    heard = len(shared_engine.heard)
    again = await chat.say("mot de passe oublié", id=identifier)
    assert again == first
    assert len(shared_engine.heard) == heard
    assert await chat.said() == ["mot de passe oublié"]


async def test_the_same_id_in_capitals_is_the_same(api: Api) -> None:
    chat, identifier = await api.open(), new_id()
    first = await chat.say("bonjour", id=identifier)
    assert await chat.say("bonjour", id=identifier.upper()) == first
    assert await chat.said() == ["bonjour"]


async def test_ten_times_the_same_id_at_once_is_one_message_and_one_answer(start, own_database: Database) -> None:
    async def think(_: str) -> None:
        await asyncio.sleep(0.05)

    engine = ScriptedEngine(before=think)
    api = await start(engine=engine)
    chat, identifier = await api.open(), new_id()
    answers = await asyncio.gather(*(chat.say("mot de passe oublié", id=identifier) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert engine.texts().count("mot de passe oublié") == 1
    assert await count(own_database, Result) == 1
    assert await chat.said() == ["mot de passe oublié"]


@pytest.mark.parametrize("other", [{"text": "Bonjour"}, {"text": "bonjour "}, {"choice": "aide:oui"}])
async def test_the_same_id_with_another_content_is_refused(api: Api, other: dict[str, str]) -> None:
    chat, identifier = await api.open(), new_id()
    first = await chat.say("bonjour", id=identifier)
    answer = await chat.send(id=identifier, **other)
    assert (answer.status, answer.code) == (409, "conflit")
    assert await chat.say("bonjour", id=identifier) == first


async def test_ten_times_the_same_id_at_once_with_ten_contents_takes_one(api: Api) -> None:
    chat, identifier = await api.open(), new_id()
    answers = await asyncio.gather(*(chat.send(text=f"bonjour {index}", id=identifier) for index in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    assert len(await chat.said()) == 1


async def test_an_id_is_a_conversation_s_own(api: Api) -> None:
    first, second, identifier = await api.open(), await api.open(), new_id()
    await first.say("bonjour", id=identifier)
    await second.say("mot de passe oublié", id=identifier)
    assert await first.said() == ["bonjour"]
    assert await second.said() == ["mot de passe oublié"]


async def test_a_message_stored_and_never_answered_is_answered_when_sent_again(start, own_database: Database) -> None:
    async def break_down(text: str) -> None:
        if text == "mot de passe oublié" and not broken.is_set():
            broken.set()
            raise RuntimeError("the process was killed here")

    broken = asyncio.Event()
    api = await start(engine=ScriptedEngine(before=break_down))
    chat, identifier = await api.open(), new_id()
    async with api.http.post(
        api.base.join(api.base.with_path(f"{PREFIX}/messages")), json={"id": identifier, "text": "mot de passe oublié"},
        headers={"Authorization": f"Bearer {chat.token}"},
    ) as reply:  # fmt: skip
        assert reply.status == 500
        problem = await reply.json()
    assert problem["code"] == "erreur_interne"
    assert "RuntimeError" not in str(problem)
    assert await chat.said() == ["mot de passe oublié"]
    again = await chat.say("mot de passe oublié", id=identifier)
    assert again["result"]["outcome"] == "answer"
    assert await chat.said() == ["mot de passe oublié"]
    assert await count(own_database, Result) == 1


async def test_a_request_sent_twice_opens_one_ticket(api: Api) -> None:
    chat, identifier = await api.open(), new_id()
    await chat.say("je veux parler à quelqu'un")
    await chat.say("Le blog de la classe reste vide")
    answers = await asyncio.gather(*(chat.send(choice="demande:envoyer", id=identifier) for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    numbers = {answer.json["messages"][0]["ticket"]["number"] for answer in answers}
    listed = (await api.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
    assert [row["number"] for row in listed] == list(numbers)


# --- order ------------------------------------------------------------------------------------


async def test_twenty_messages_of_one_conversation_keep_their_order(start) -> None:
    async def think(_: str) -> None:
        await asyncio.sleep(0.005)

    engine = ScriptedEngine(before=think)
    api = await start(engine=engine)
    chat = await api.open()
    texts = [f"bonjour {index}" for index in range(20)]
    sending = []
    for text in texts:
        sending.append(asyncio.create_task(chat.say(text)))
        await asyncio.sleep(0.03)
    await asyncio.gather(*sending)
    assert await chat.said() == texts
    assert [text for text in engine.texts() if text.startswith("bonjour ")] == texts


async def test_twenty_messages_at_once_are_each_answered_before_the_next(api: Api) -> None:
    chat = await api.open()
    texts = {f"bonjour {index}" for index in range(20)}
    replies = await asyncio.gather(*(chat.say(text) for text in texts))
    history = (await chat.history())[1:]
    assert {message["text"] for message in history if message["from"] == "user"} == texts
    assert [message["from"] for message in history] == ["user", "bot"] * 20
    assert {message["id"] for message in history if message["from"] == "bot"} == {
        message["id"] for reply in replies for message in reply["messages"]
    }


async def test_conversations_do_not_wait_for_each_other(start) -> None:
    async def think(text: str) -> None:
        if "lent" in text:
            await gate.wait()

    gate = asyncio.Event()
    api = await start(engine=ScriptedEngine(before=think))
    slow, quick = await api.open(), await api.open()
    waiting = asyncio.create_task(slow.say("mot de passe lent"))
    await quick.say("bonjour")
    assert not waiting.done()
    gate.set()
    assert (await waiting)["result"]["outcome"] == "answer"


async def test_forty_conversations_at_once_are_all_answered(api: Api) -> None:
    chats = await asyncio.gather(*(api.open() for _ in range(40)))
    replies = await asyncio.gather(*(chat.say("mot de passe oublié") for chat in chats))
    assert {reply["result"]["outcome"] for reply in replies} == {"answer"}


# --- somebody else's --------------------------------------------------------------------------


async def test_nothing_of_somebody_else_s_conversation_can_be_read_or_touched(api: Api) -> None:
    mine, theirs = await api.open(), await api.open()
    reply = await theirs.say("mot de passe oublié")
    message = reply["messages"][0]["id"]
    answer = await api.get(f"{PREFIX}/messages?after={message}", token=mine.token)
    assert (answer.status, answer.code) == (404, "introuvable")
    answer = await api.post(f"{PREFIX}/messages/{message}/feedback", {"helpful": False}, token=mine.token)
    assert (answer.status, answer.code) == (404, "introuvable")
    assert (await api.get(f"{PREFIX}/tickets", token=mine.token)).json["tickets"] == []
    export = (await api.get(f"{PREFIX}/conversation/export", token=mine.token)).json
    assert [row["from"] for row in export["messages"]] == ["bot"]
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=mine.token)).status == 204
    assert await theirs.said() == ["mot de passe oublié"]


# --- choices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        "sujet:invente", "sujet:", "aide", "autre", "demande:envoyer", "aide:oui", "profil:", "", ":", "::", "/restart",
        "\x00", "🙂", "\u202e", "<script>", "sujet:connexion_mot_de_passe_oublie\n", "profil:parent", "profil:inconnu",
    ],
)  # fmt: skip
async def test_a_choice_that_was_not_offered_is_refused(api: Api, choice: str) -> None:
    chat = await api.open()
    answer = await chat.send(choice=choice)
    assert (answer.status, answer.code) == (422, "choix_inconnu")
    assert await chat.said() == []
    await chat.say("bonjour")


async def test_a_choice_of_another_conversation_is_refused(api: Api) -> None:
    mine, theirs = await api.open(), await api.open()
    offered = await theirs.say("devoirs ou notes")
    choice = offered["messages"][0]["buttons"][0]["choice"]
    answer = await mine.send(choice=choice)
    assert (answer.status, answer.code) == (422, "choix_inconnu")
    await theirs.choose(choice)


async def test_a_choice_is_written_down_in_its_own_words(api: Api) -> None:
    chat = await api.open()
    offered = (await chat.say("devoirs ou notes"))["messages"][0]["buttons"]
    for button in offered:
        await chat.choose(button["choice"])
    assert (await chat.said())[1:] == [button["title"] for button in offered]


async def test_an_older_button_still_works(api: Api) -> None:
    chat = await api.open()
    await chat.say("devoirs ou notes")
    for _ in range(3):
        await chat.say("bonjour")
    assert (await chat.choose("sujet:evaluation_consulter"))["result"]["outcome"] == "answer"


# --- the shape of a message -------------------------------------------------------------------


# The same in every run: it names the tests.
ID = "7f5f7b3e-0c55-4c8e-9a0b-3d6a1f2b4c5d"


@ONE_KIND
@pytest.mark.parametrize(
    "body",
    [
        {"id": "1", "text": "bonjour"}, {"id": None, "text": "bonjour"}, {"id": 12, "text": "bonjour"},
        {"id": "0" * 32, "text": "bonjour"}, {"id": ID + "\n", "text": "bonjour"},
        {"id": " " + ID, "text": "bonjour"}, {"text": "bonjour"}, {"id": ID}, {"id": ID, "text": None},
        {"id": ID, "text": 3}, {"id": ID, "text": ["bonjour"]}, {"id": ID, "text": {"a": 1}},
        {"id": ID, "choice": 3}, {"id": ID, "choice": "x" * 201},
        {"id": ID, "text": "bonjour", "choice": "aide:oui"}, {"id": ID, "text": "bonjour", "page": "x" * 201},
        {"id": ID, "text": "bonjour", "page": 3}, {"id": ID, "text": "bonjour", "sender": "bot"},
        {"id": ID, "text": ""}, {"id": ID, "text": "   "}, {"id": ID, "text": "\n\t\r"},
        {"id": ID, "text": "\u200b\u200e\u202e\ufeff"}, {"id": ID, "text": "\x00\x01\x7f"},
        {"id": ID, "text": "\u00a0\u2003\u3000"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_message_of_the_wrong_shape_is_refused(api: Api, body: dict) -> None:
    chat = await api.open()
    answer = await api.post(f"{PREFIX}/messages", body, token=chat.token)
    assert (answer.status, answer.code) == (400, "requete_invalide")
    assert await chat.said() == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("bonjour\x00\x07 à vous", "bonjour à vous"),
        ("bon\u202ejour\u200f", "bonjour"),
        ("🙂🙂🙂", "🙂🙂🙂"),
        ("👨‍👩‍👧‍👦", "👨👩👧👦"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("<img src=x onerror=alert(1)> bonjour", "<img src=x onerror=alert(1)> bonjour"),
        ("[lien](javascript:alert(1))", "[lien](javascript:alert(1))"),
        ("e\u0301cole", "école"),
        ("  beaucoup   d'espaces\u00a0ici  ", "beaucoup d'espaces ici"),
        ("deux\r\nlignes", "deux\nlignes"),
        ("{{7*7}} ${7*7} %s %(a)s {0}", "{{7*7}} ${7*7} %s %(a)s {0}"),
        ("'; DROP TABLE messages; --", "'; DROP TABLE messages; --"),
        ("مرحبا كيف حالك", "مرحبا كيف حالك"),
        ("?", "?"),
        ("a", "a"),
    ],
)
async def test_whatever_is_typed_is_answered_and_kept(api: Api, text: str, kept: str) -> None:
    chat = await api.open()
    reply = await chat.say(text)
    assert reply["messages"]
    assert await chat.said() == [kept]
    for message in await chat.history():
        assert "<script" not in message["html"]
        assert "<img" not in message["html"]
        assert "javascript:" not in message["html"]


async def test_what_a_person_wrote_is_escaped_where_the_bot_repeats_it(api: Api) -> None:
    chat = await api.open("parent", None)
    await chat.say("je veux parler à quelqu'un")
    await chat.say("École <b>Les Tilleuls</b> & fils, Valmont")
    reply = await chat.say("<script>alert(1)</script> <a href='javascript:x'>ici</a> rien ne marche")
    [summary] = reply["messages"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in summary["html"]
    assert "<script" not in summary["html"]
    assert "<a href='javascript" not in summary["html"]
    assert "<b>Les" not in summary["html"]


@pytest.mark.parametrize("length", [1_000, 1_001, 5_000, 20_000])
async def test_a_long_message_is_taken_whole_and_said_to_be_read_in_part(api: Api, length: int) -> None:
    chat = await api.open()
    text = ("J'ai oublié mon mot de passe. " + "Et puis voilà. " * 2_000)[: length - 1] + "."
    reply = await chat.say(text)
    said = " ".join(message["text"] for message in reply["messages"])
    assert ("j’en ai lu le début et la fin" in said) == (length > 1_000)
    assert reply["result"]["topic"] == "connexion_mot_de_passe_oublie"
    [kept] = await chat.said()
    assert len(kept) == length


async def test_the_end_of_a_long_message_is_read(api: Api) -> None:
    chat = await api.open()
    reply = await chat.say("blabla " * 500 + "où sont les devoirs")
    assert reply["result"]["topic"] == "cdt_consulter_devoirs"


async def test_somebody_in_danger_is_heard_in_a_message_too_long(api: Api) -> None:
    chat = await api.open("eleve")
    reply = await chat.say("blabla " * 300 + "on me frappe tous les jours, je veux mourir " + "blabla " * 300)
    assert reply["result"]["outcome"] == "urgent"


@pytest.mark.parametrize("text", ["x" * 20_001, "é" * 20_001, "🙂" * 20_001])
async def test_a_message_over_twenty_thousand_characters_is_refused(api: Api, text: str) -> None:
    chat = await api.open()
    answer = await chat.send(text=text)
    assert (answer.status, answer.code) == (413, "trop_long")
    assert await chat.said() == []


@pytest.mark.parametrize("text", ["é" * 20_000, "🙂" * 20_000])
async def test_twenty_thousand_characters_are_taken_however_they_are_written(api: Api, text: str) -> None:
    chat = await api.open()
    assert (await chat.send(text=text)).status == 200


# --- never a command --------------------------------------------------------------------------

COMMANDS = [
    "/restart", " /restart", "\u00a0/restart", "\u2003\u3000/restart", "\u200b/restart", "\ufeff /restart", "\t\n/restart",
    "//restart", "/ /restart", "\u00a0/intent{\"a\":1}", "/parler_humain", "/session_start", "/\u00a0/back", "\x00/restart",
    "\u202f/restart", "\u2028/restart",
]  # fmt: skip


@pytest.mark.parametrize("text", COMMANDS, ids=ascii)
async def test_text_that_begins_with_a_slash_never_reaches_the_engine_as_a_command(
    api: Api, shared_engine: ScriptedEngine, text: str
) -> None:
    chat = await api.open()
    reply = await chat.say(text)
    assert reply["result"]["outcome"] in ("clarify", "choices", "form")
    heard, _ = shared_engine.heard[-1]
    assert heard
    assert not heard.strip().startswith("/")
    await chat.say("bonjour")
    assert len(await chat.said()) == 2


async def test_a_slash_alone_is_a_message_like_another(api: Api, shared_engine: ScriptedEngine) -> None:
    chat = await api.open()
    await chat.say("/")
    assert not shared_engine.heard[-1][0].startswith("/")


@pytest.mark.parametrize("text", ["EXTERNAL: x", "EXTERNAL: /restart", "@bot", "!help", "#x"])
async def test_other_marks_are_words_like_others(api: Api, text: str) -> None:
    chat = await api.open()
    assert (await chat.say(text))["messages"]
    assert await chat.said() == [text]


# --- what goes with a message -----------------------------------------------------------------


async def test_the_engine_is_told_who_where_and_what_was_asked(api: Api, shared_engine: ScriptedEngine) -> None:
    chat = await api.open("enseignant", "0750002V")
    await chat.say("où sont les devoirs", page="Cahier de textes <b>")
    _, metadata = shared_engine.heard[-1]
    assert (metadata["profil"], metadata["uai"]) == ("enseignant", "0750002V")
    assert metadata["page"] == "Cahier de textes <b>"
    assert uuid.UUID(metadata["message"])


@pytest.mark.parametrize("agent", ["", "Mozilla/5.0 \xe9\xff", "x" * 5_000])
async def test_any_browser_may_be_named(api: Api, agent: str) -> None:
    chat = await api.open()
    headers = {"Authorization": f"Bearer {chat.token}", "User-Agent": agent}
    for text in ("je veux parler à quelqu'un", "Le blog reste vide", "oui"):
        answer = await api.post(f"{PREFIX}/messages", {"id": new_id(), "text": text}, headers=headers)
        assert answer.status == 200
    assert answer.json["messages"][0]["ticket"]["number"]


@pytest.mark.parametrize("page", ["a@b.fr " * 28, "0612345678 " * 18, "\x00\u202e", "é" * 200])
async def test_any_page_may_be_named(api: Api, page: str) -> None:
    chat = await api.open()
    for text in ("je veux parler à quelqu'un", "Le blog reste vide", "oui"):
        reply = await chat.say(text, page=page)
    assert reply["result"]["outcome"] == "ticket"


# --- degraded ---------------------------------------------------------------------------------


@pytest.fixture
async def degraded(start) -> Api:
    return await start(
        engine=NullEngine(), utterances={"salutation": ["bonjour"], "cdt_consulter_devoirs": ["où sont les devoirs"]}
    )


async def test_without_the_engine_the_search_answers(degraded: Api) -> None:
    chat = await degraded.open("parent")
    reply = await chat.say("j'ai oublié mon mot de passe")
    assert reply["result"]["outcome"] == "degraded"
    assert reply["result"]["model"] is None
    assert "mode réduit" in reply["messages"][0]["text"]


@pytest.fixture
async def start_with_model(start, tmp_path: Path):
    """Start a gateway that has read a small model of its own."""

    async def start_and_read(*, engine: Engine, **limits: float) -> Api:
        model = write_archive(tmp_path / "assistent.tar.gz", small_model(**limits))
        api = await start(engine=engine, model=model)
        reader = api.app[ASSISTANT]._reader
        for _ in range(200):
            if reader.current:
                return api
            await asyncio.sleep(0.02)
        raise AssertionError("the model was not read")

    return start_and_read


async def test_without_the_engine_the_trained_words_answer(start_with_model) -> None:
    chat = await (await start_with_model(engine=NullEngine())).open("parent")
    reply = await chat.say("voir les devoirs de ma fille")
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("degraded", "cdt_consulter_devoirs")
    assert reply["messages"][1]["article"]["topic"] == "cdt_consulter_devoirs"
    assert (await chat.say("coucou"))["result"]["outcome"] == "dialogue"


async def test_what_the_words_trained_are_certain_of_does_not_wait_for_the_engine(start_with_model) -> None:
    engine = ScriptedEngine()
    chat = await (await start_with_model(engine=engine, hint=0.3, certain=0.5)).open("eleve")
    reply = await chat.say(UNHEARD)
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("urgent", "urgence_harcelement")
    assert engine.texts() == []


async def test_what_they_only_suspect_is_told_to_the_engine(start_with_model) -> None:
    engine = ScriptedEngine()
    chat = await (await start_with_model(engine=engine, hint=0.3, certain=1.0)).open("eleve")
    await chat.say(UNHEARD)
    await chat.say("où sont les devoirs")
    hints = [metadata["urgence"] for _, metadata in engine.heard if metadata]
    assert hints == ["urgence_harcelement", None]


async def test_without_the_engine_what_they_suspect_is_protected(start_with_model) -> None:
    chat = await (await start_with_model(engine=NullEngine(), hint=0.3, certain=1.0)).open("eleve")
    assert (await chat.say(UNHEARD))["result"]["outcome"] == "urgent"
    assert (await chat.say("on me harcèle à l'école"))["result"]["outcome"] == "urgent"


async def test_the_name_of_a_school_is_not_suspected(start_with_model) -> None:
    engine = ScriptedEngine()
    chat = await (await start_with_model(engine=engine, hint=0.3, certain=0.5)).open("parent", None)
    await chat.say("parler à une personne")
    reply = await chat.say(UNHEARD)
    assert reply["result"]["outcome"] == "form"
    assert engine.heard[-1][1]["urgence"] is None


async def test_a_damaged_model_leaves_the_search_to_answer(start, tmp_path: Path) -> None:
    model = tmp_path / "assistent.tar.gz"
    model.write_bytes(b"\x1f\x8b damaged")
    chat = await (await start(engine=NullEngine(), model=model)).open("parent")
    assert (await chat.say("j'ai oublié mon mot de passe"))["result"]["outcome"] == "degraded"


async def test_without_the_engine_a_request_can_be_left(degraded: Api) -> None:
    chat = await degraded.open("parent")
    ticket = await chat.open_ticket()
    assert (ticket["level"], ticket["status"]) == (2, "nouveau")


async def test_without_the_engine_danger_is_recognised(degraded: Api) -> None:
    chat = await degraded.open("eleve")
    assert (await chat.say("on me harcèle à l'école"))["result"]["outcome"] == "urgent"


async def test_without_the_engine_it_is_said_not_to_be_ready(degraded: Api) -> None:
    answer = await degraded.get("/readyz")
    assert answer.status == 503
    assert answer.json["reason"] == "Le moteur de compréhension démarre."


async def test_an_engine_that_breaks_in_any_way_is_not_felt(start, own_database: Database) -> None:
    from bot.errors import EngineTimeout, EngineUnavailable

    async def break_down(text: str) -> None:
        if "lent" in text:
            raise EngineTimeout
        if "mort" in text:
            raise EngineUnavailable

    api = await start(engine=ScriptedEngine(before=break_down))
    chat = await api.open("parent")
    for text in ("mot de passe lent", "mot de passe mort"):
        assert (await chat.say(text))["result"]["outcome"] == "degraded"
    assert (await chat.say("mot de passe"))["result"]["outcome"] == "answer"
    assert await count(own_database, Message) == 1 + 3 + 6 or len(await chat.said()) == 3


# --- « Cela vous a-t-il aidé ? » ---------------------------------------------------------------


async def test_a_no_offers_the_neighbours_once_then_a_person(api: Api) -> None:
    chat = await api.open()
    asked = await chat.say("quand ouvre l’ENT ?")
    assert asked["result"]["outcome"] == "answer"
    other = await chat.say("non")
    assert other["result"]["outcome"] == "choices"
    assert asked["result"]["topic"] not in other["result"]["choices"]
    assert other["messages"][-1]["buttons"][-1]["choice"] == "demande:ouvrir"
    last = await chat.say("non")
    assert (last["result"]["outcome"], last["result"]["topic"]) == ("dialogue", "nier")
    found = await chat.say("ah c'est bon, j'ai trouvé")
    assert (found["result"]["outcome"], found["result"]["topic"]) == ("dialogue", "affirmer")
