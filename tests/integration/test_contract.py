"""The contract of the chat API, route by route: the client of these tests holds every answer to the OpenAPI document."""

from __future__ import annotations

import gzip
import io
import uuid

import pytest

from bot.chat.payloads import MAX_BODY_BYTES
from bot.clock import FixedClock
from bot.conversations.service import Said, announce_late
from bot.db import Database
from bot.web.operations import Operation, operation_id
from tests.integration.conftest import MONDAY
from tests.integration.gateway import DOCUMENT, ONE_KIND, OPERATIONS, PREFIX, Api

API_OPERATIONS = [operation for operation in OPERATIONS if operation.path.startswith("/api/")]
WITH_BODY = [operation for operation in API_OPERATIONS if operation.body]
WITH_BEARER = [operation for operation in API_OPERATIONS if operation.auth == "bearer"]


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=operation_id)


def path_of(operation: Operation) -> str:
    return operation.path.replace("{id}", str(uuid.uuid4())).replace("{number}", "26-00001-0").replace("{group}", "dan")


# --- what each route answers when all is well -------------------------------------------------


async def test_opening_gives_a_bearer_a_conversation_and_the_first_words(api: Api) -> None:
    chat = await api.open("parent", "0750001U")
    assert chat.opened["profile"] == "parent"
    assert uuid.UUID(chat.conversation)
    assert len(chat.token) >= 40
    [welcome] = chat.opened["messages"]
    assert "programme, pas une personne" in welcome["text"]
    assert welcome["html"].startswith("<p>")
    assert welcome["from"] == "bot"


async def test_an_answer_carries_its_article_and_what_was_understood(api: Api) -> None:
    chat = await api.open("parent")
    reply = await chat.say("J'ai oublié mon mot de passe")
    result = reply["result"]
    assert (result["outcome"], result["topic"]) == ("answer", "connexion_mot_de_passe_oublie")
    assert result["confidence"] == pytest.approx(0.93)
    assert result["model"] == "modele-d-essai"
    assert result["took_ms"] >= 0
    article, helped = reply["messages"]
    assert article["article"]["topic"] == "connexion_mot_de_passe_oublie"
    assert article["article"]["updated"].endswith("Z")
    assert [button["choice"] for button in helped["buttons"]] == ["aide:oui", "aide:non"]


async def test_two_likely_topics_are_offered_as_buttons_that_name_them(api: Api) -> None:
    chat = await api.open("parent")
    reply = await chat.say("devoirs ou notes")
    assert reply["result"]["outcome"] == "choices"
    assert reply["result"]["choices"] == ["cdt_consulter_devoirs", "evaluation_consulter"]
    *topics, other = reply["messages"][0]["buttons"]
    assert [button["topic"] for button in topics] == reply["result"]["choices"]
    assert other["choice"] == "autre"
    chosen = await chat.choose(topics[1]["choice"])
    assert (chosen["result"]["outcome"], chosen["result"]["topic"]) == ("answer", "evaluation_consulter")


async def test_a_topic_of_another_profile_says_who_can(api: Api) -> None:
    chat = await api.open("parent")
    reply = await chat.say("je veux créer un compte")
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("other_profile", "admin_creer_compte")
    assert reply["messages"][0]["text"]


@pytest.mark.parametrize(
    ("text", "outcome", "topic"),
    [
        ("quelle météo demain", "out_of_scope", "hors_sujet"),
        ("bonjour", "dialogue", "salutation"),
        ("merci beaucoup", "dialogue", "remerciement"),
        ("je veux parler à une personne", "form", "parler_humain"),
        ("où en est ma demande", "dialogue", "suivre_ticket"),
        ("on me frappe tous les jours à la récré", "urgent", "urgence_harcelement"),
        ("zzz yyy xxx", "clarify", None),
    ],
)
async def test_each_outcome_has_its_topic(api: Api, text: str, outcome: str, topic: str | None) -> None:
    chat = await api.open("eleve")
    result = (await chat.say(text))["result"]
    assert (result["outcome"], result["topic"]) == (outcome, topic)


async def test_the_history_is_what_was_said_in_order_and_can_be_read_on(api: Api) -> None:
    chat = await api.open("parent")
    replies = [await chat.say(text) for text in ("bonjour", "où sont les devoirs", "merci")]
    history = await chat.history()
    assert [message["text"] for message in history if message["from"] == "user"] == [
        "bonjour", "où sont les devoirs", "merci",
    ]  # fmt: skip
    answered = [message["id"] for reply in replies for message in reply["messages"]]
    assert [message["id"] for message in history if message["from"] == "bot"][1:] == answered
    after = await chat.history(after=history[3]["id"])
    assert after == history[4:]


async def test_a_long_history_is_read_page_by_page(api: Api, shared_database: Database) -> None:
    chat = await api.open("parent")
    said = [Said(f"ligne {index}", {}, sender="agent") for index in range(220)]
    await announce_late(shared_database, FixedClock(MONDAY), chat.conversation, said)
    last_page = await chat.history()
    assert len(last_page) == 200
    assert last_page[-1]["text"] == "ligne 219"
    first = chat.opened["messages"][0]["id"]
    page = await chat.history(after=first)
    rest = await chat.history(after=page[-1]["id"])
    assert len(page) == 200
    assert len(rest) == 20
    assert (page + rest)[-200:] == last_page


async def test_feedback_is_taken_and_replaced(api: Api) -> None:
    chat = await api.open("parent")
    reply = await chat.say("mot de passe oublié")
    path = f"{PREFIX}/messages/{reply['messages'][0]['id']}/feedback"
    assert (await api.post(path, {"helpful": False, "comment": "trop long"}, token=chat.token)).status == 204
    assert (await api.post(path, {"helpful": True}, token=chat.token)).status == 204
    export = (await api.get(f"{PREFIX}/conversation/export", token=chat.token)).json
    assert [(row["helpful"], row["comment"]) for row in export["feedback"]] == [(True, "")]


async def test_search_suggests_articles_of_the_profile(api: Api) -> None:
    answer = await api.get(f"{PREFIX}/search", params={"q": "créer un compt", "profile": "directeur"})
    assert "admin_creer_compte" in [item["topic"] for item in answer.json["results"]]
    answer = await api.get(f"{PREFIX}/search", params={"q": "créer un compt", "profile": "parent"})
    assert "admin_creer_compte" not in [item["topic"] for item in answer.json["results"]]
    assert len(answer.json["results"]) <= 5


async def test_search_without_a_word_suggests_nothing(api: Api) -> None:
    assert (await api.get(f"{PREFIX}/search")).json == {"results": []}


async def test_the_document_is_served_as_it_is_generated(api: Api) -> None:
    assert (await api.get(f"{PREFIX}/openapi.json")).json == DOCUMENT


async def test_health_readiness_and_figures(api: Api) -> None:
    assert (await api.get("/healthz")).json == {"status": "ok"}
    ready = (await api.get("/readyz")).json
    assert ready["ready"] is True
    assert ready["parts"]["engine"]["warm"] is True
    assert ready["parts"]["knowledge"]["articles"] > 60
    chat = await api.open("parent")
    await chat.say("quelle météo demain")
    figures = (await api.get("/metrics")).body.decode()
    assert 'assistent_messages_total{outcome="out_of_scope",topic="hors_sujet"}' in figures
    assert 'route="/api/v1/messages",status="200"' in figures
    assert "météo" not in figures


async def test_the_figures_are_not_swollen_by_made_up_methods_and_addresses(api: Api) -> None:
    for method in ("PROPFIND", "MKCOL", "REPORT"):
        await api.call(method, f"/nulle/part/{method}")
    figures = (await api.get("/metrics")).body.decode()
    assert "PROPFIND" not in figures
    assert "nulle" not in figures
    assert 'method="other",route="none"' in figures


# --- what each route refuses ------------------------------------------------------------------


@ONE_KIND
@each(WITH_BEARER)
@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer inconnu", "inconnu",
        "Bearer " + "x" * 7_000, "Bearer un.jeton.jwt", "Bearer jeton\u00e9",
    ],
)  # fmt: skip
async def test_without_a_bearer_that_is_known_nothing_is_shown(
    api: Api, operation: Operation, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    body = {"id": str(uuid.uuid4()), "text": "bonjour"} if operation.path.endswith("/messages") else {"helpful": True}
    answer = await api.call(
        operation.method, path_of(operation), json=body if operation.body else None, headers=headers
    )
    assert (answer.status, answer.code) == (401, "non_authentifie")


@ONE_KIND
@each(API_OPERATIONS)
async def test_another_method_is_refused_and_told_which_are_taken(api: Api, operation: Operation) -> None:
    answer = await api.call("PATCH", path_of(operation))
    assert (answer.status, answer.code) == (405, "methode_refusee")
    assert operation.method in answer.headers["Allow"].split(",")


@ONE_KIND
@each(WITH_BODY)
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_body_that_is_not_said_to_be_json_is_refused(api: Api, operation: Operation, content_type: str) -> None:
    chat = await api.open()
    answer = await api.call(
        "POST", path_of(operation), data=b"{}", token=chat.token, headers={"Content-Type": content_type}
    )
    assert (answer.status, answer.code) == (415, "type_refuse")


BROKEN = {
    "nothing": b"",
    "half": b'{"id": ',
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "UTF-16": '{"text": "bonjour"}'.encode("utf-16"),
    "half a surrogate pair": b'{"text": "\\ud800"}',
    "two first halves": b'{"text": "\\ud800\\ud800"}',
    "a raw control character": b'{"text": "a\x00b"}',
    "an unknown field": b'{"inconnu": 1}',
    "a deep unknown field": b'{"inconnu": ' + b"[" * 60_000,
    "a huge number": b'{"id": 1e999999}',
    "not a number": b'{"id": NaN}',
}


@ONE_KIND
@each(WITH_BODY)
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_body_that_is_not_the_expected_json_is_refused(api: Api, operation: Operation, body: bytes) -> None:
    chat = await api.open()
    answer = await api.call(
        "POST", path_of(operation), data=body, token=chat.token, headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.code) == (400, "requete_invalide")


@ONE_KIND
@each(WITH_BODY)
@pytest.mark.parametrize("body", [gzip.compress(b"{}"), b"pas du tout"], ids=["packed", "broken"])
async def test_a_compressed_body_is_refused(api: Api, operation: Operation, body: bytes) -> None:
    chat = await api.open()
    answer = await api.call(
        "POST", path_of(operation), data=body, token=chat.token,
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )  # fmt: skip
    assert (answer.status, answer.code) == (415, "type_refuse")


@ONE_KIND
@each(WITH_BODY)
@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 10_000_000])
async def test_a_body_too_large_is_refused_before_it_is_read(api: Api, operation: Operation, size: int) -> None:
    answer = await api.call(
        "POST",
        path_of(operation),
        data=io.BytesIO(b" " * size),
        headers={"Content-Type": "application/json"},
        token="inconnu",
    )
    assert (answer.status, answer.code) == (413, "trop_long")


@ONE_KIND
@each(WITH_BODY)
async def test_a_body_too_large_is_refused_too_when_its_size_is_not_said(api: Api, operation: Operation) -> None:
    async def pour():
        for _ in range(40):
            yield b" " * 10_000

    chat = await api.open()
    answer = await api.call(
        "POST", path_of(operation), data=pour(), token=chat.token, headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.code) == (413, "trop_long")


@ONE_KIND
@pytest.mark.parametrize(
    "path",
    [
        "/nulle-part", "/api/v1/", "/api/v2/messages", "/api/v1/messages/x", "/widget/static/absent.js", "/widget/static/", "/widget/static",
        "/widget/static/../../app.py", "/widget/static/%2e%2e/%2e%2e/app.py", "/widget/static/..%2f..%2fapp.py", "/demo/inconnu", "/workshops/",
        "/api/v1/messages/%00/feedback/", "/%ff%fe",
    ],
)  # fmt: skip
async def test_an_address_that_does_not_exist_is_not_found(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.code) == (404, "introuvable")


@pytest.mark.parametrize("identifier", ["inconnu", "%00", "%ff", "a%2Fb", "%ED%A0%80", "x" * 3_000, "🙂"])
async def test_feedback_on_what_is_not_there_is_not_found(api: Api, identifier: str) -> None:
    chat = await api.open()
    answer = await api.post(f"{PREFIX}/messages/{identifier}/feedback", {"helpful": True}, token=chat.token)
    assert (answer.status, answer.code) == (404, "introuvable")


@pytest.mark.parametrize("after", ["inconnu", "%00x", "%ff", "%ED%A0%80", "x" * 3_000])
async def test_reading_on_from_an_unknown_message_is_not_found(api: Api, after: str) -> None:
    chat = await api.open()
    answer = await api.get(f"{PREFIX}/messages?after={after}", token=chat.token)
    assert (answer.status, answer.code) == (404, "introuvable")


@ONE_KIND
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("q=" + "x" * 201, 400, "requete_invalide"),
        ("q=blog&profile=inconnu", 422, "profil_inconnu"),
        ("q=%00", 200, None), ("q=%ff%fe", 200, None), ("q=%ED%A0%80", 200, None), ("q=%F0%9F%99%82", 200, None),
        ("q=" + "%20" * 200, 200, None), ("q[]=x&q=%C3%A9cole&inconnu=1", 200, None),
    ],
)  # fmt: skip
async def test_search_takes_whatever_is_typed(api: Api, query: str, status: int, code: str | None) -> None:
    answer = await api.get(f"{PREFIX}/search?{query}")
    assert answer.status == status
    assert code is None or answer.code == code


@ONE_KIND
@pytest.mark.parametrize(
    "body", [{"helpful": "oui"}, {"helpful": None}, {}, {"helpful": True, "comment": "x" * 1001}, {"helpful": 1}]
)
async def test_feedback_of_the_wrong_shape_is_refused(api: Api, body: dict) -> None:
    chat = await api.open()
    path = f"{PREFIX}/messages/{chat.opened['messages'][0]['id']}/feedback"
    answer = await api.post(path, body, token=chat.token)
    assert (answer.status, answer.code) == (400, "requete_invalide")


@pytest.mark.parametrize("comment", ["\x00\x01", "\u202e\u200b", "🙂" * 1000, "<script>alert(1)</script>", " "])
async def test_any_comment_is_taken(api: Api, comment: str) -> None:
    chat = await api.open()
    path = f"{PREFIX}/messages/{chat.opened['messages'][0]['id']}/feedback"
    assert (await api.post(path, {"helpful": True, "comment": comment}, token=chat.token)).status == 204


async def test_feedback_is_for_the_bot_s_words_only(api: Api) -> None:
    chat = await api.open()
    await chat.say("bonjour")
    mine = next(message for message in await chat.history() if message["from"] == "user")
    answer = await api.post(f"{PREFIX}/messages/{mine['id']}/feedback", {"helpful": True}, token=chat.token)
    assert answer.status == 404
