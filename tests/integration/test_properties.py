"""Whatever is sent, in whatever order: never a failure, never a broken conversation, nothing lost, nothing twice.

One state machine plays a person (or several windows of one) against the real gateway; it keeps what it was told was
taken, and compares with the history. tests/soak.py says how many examples are drawn.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.language.normalise import clean
from bot.privacy.masking import mask
from bot.topics import PROFILES
from tests.integration.gateway import PREFIX, Answer, GatewayThread, check_answer
from tests.soak import TIMES

PATIENT = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
)

# Any character but half of one, which JSON in UTF-8 cannot carry; and the words that lead somewhere.
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
STEERING = st.sampled_from(
    [
        "mot de passe oublié", "où sont les devoirs", "devoirs ou notes", "je veux parler à quelqu'un", "annuler", "oui",
        "non", "merci", "bonjour", "où en est ma demande", "je suis enseignant", "créer un compte", "avant ça, mot de passe",
        "on me frappe tous les jours", "mon compte est piraté", "École Les Tilleuls, Valmont", "/restart", " /intent{\"a\":1}",
        "mon mot de passe est Azerty12!", "06 12 34 56 78", "marie@exemple.fr", "x" * 1_500, "🙂", "?", "مرحبا",
    ]
)  # fmt: skip
TEXTS = st.one_of(STEERING, ANYTHING, st.builds("{} {}".format, STEERING, ANYTHING))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANYTHING,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANYTHING, inner, max_size=4),
    max_leaves=8,
)


class Client:
    """A plain client of the shared gateway, every answer checked."""

    def __init__(self, base: Any) -> None:
        self._base = str(base).rstrip("/")
        self._http = requests.Session()
        self._http.trust_env = False

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, raw: bytes | None = None
    ) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None or raw is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = raw if raw is not None else None if body is None else json.dumps(body, allow_nan=True).encode()
        reply = self._http.request(method, f"{self._base}{PREFIX}{path}", data=data, headers=headers, timeout=30)
        answer = Answer(reply.status_code, reply.headers, reply.content)
        check_answer(method, f"{PREFIX}{path.partition('?')[0]}", answer)
        assert answer.status != 503
        return answer

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def client(gateway: GatewayThread) -> Iterator[Client]:
    client = Client(gateway.base)
    yield client
    client.close()


# --- one request ------------------------------------------------------------------------------


@given(body=st.dictionaries(st.sampled_from(["profile", "uai", "id", "text"]) | ANYTHING, JSON, max_size=4))
@settings(PATIENT, max_examples=60 * TIMES)
def test_any_json_to_open_a_conversation(client: Client, body: dict) -> None:
    assert client.call("POST", "/sessions", body).status in (201, 400)


@given(
    body=st.fixed_dictionaries(
        {"id": st.uuids().map(str) | JSON},
        optional={"text": TEXTS | JSON, "choice": TEXTS | JSON, "page": TEXTS | JSON, "extra": JSON},
    )
)
@settings(PATIENT, max_examples=80 * TIMES)
def test_any_json_as_a_message(client: Client, body: dict) -> None:
    token = client.call("POST", "/sessions", {"profile": "parent"}).json["token"]
    assert client.call("POST", "/messages", body, token).status in (200, 400, 413, 422)
    assert client.call("GET", "/messages", token=token).status == 200


@given(raw=st.binary(max_size=300))
@settings(PATIENT, max_examples=60 * TIMES)
def test_any_bytes_as_a_body(client: Client, raw: bytes) -> None:
    token = client.call("POST", "/sessions", {}).json["token"]
    for path in ("/sessions", "/messages", f"/messages/{uuid.uuid4()}/feedback"):
        assert client.call("POST", path, raw=raw, token=token).status in (400, 404, 201)


@given(
    token=st.text(
        st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), min_size=1, max_size=100
    )
)
@settings(PATIENT, max_examples=60 * TIMES)
def test_any_bearer(client: Client, token: str) -> None:
    for method, path in (("POST", "/sessions"), ("GET", "/messages"), ("DELETE", "/conversation")):
        assert client.call(method, path, {} if method == "POST" else None, token).status == 401


@given(head=st.dictionaries(ANYTHING, JSON, max_size=3), claims=st.dictionaries(ANYTHING, JSON, max_size=5))
@settings(PATIENT, max_examples=60 * TIMES)
def test_any_jwt(client: Client, head: dict, claims: dict) -> None:
    from tests.integration.jwts import BY_KEYS, forge

    token = forge({"alg": "RS256", "typ": "JWT", **head}, {"iss": BY_KEYS, **claims}, b"signature")
    assert client.call("POST", "/sessions", {}, token[:7_000]).status == 401


@given(query=ANYTHING, profile=st.sampled_from(PROFILES) | ANYTHING)
@settings(PATIENT, max_examples=60 * TIMES)
def test_any_search(client: Client, query: str, profile: str) -> None:
    path = f"/search?{requests.compat.urlencode({'q': query, 'profile': profile})}"
    assert client.call("GET", path).status in (200, 400, 422)


# --- a conversation ---------------------------------------------------------------------------


class Person(RuleBasedStateMachine):
    """Somebody who writes, presses, sends again, reads, gives an opinion, begins anew and erases."""

    base: Any = None
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(self.base)
        self.token = ""
        self.taken: list[tuple[str, str]] = []  # (client id, what is kept of it)
        self.answers: dict[str, Any] = {}
        self.buttons: list[dict[str, str]] = []
        self.said: list[str] = []

    @initialize(
        profile=st.sampled_from(PROFILES) | st.none(), uai=st.sampled_from(["0750001U", "0750002V"]) | st.none()
    )
    def open(self, profile: str | None, uai: str | None) -> None:
        body = {name: value for name, value in (("profile", profile), ("uai", uai)) if value}
        self.begin(self.client.call("POST", "/sessions", body))

    def begin(self, answer: Answer) -> None:
        assert answer.status == 201
        self.token = answer.json["token"]
        self.taken, self.answers, self.buttons = [], {}, []
        self.said = [message["id"] for message in answer.json["messages"]]
        self.see(answer.json["messages"])

    def see(self, messages: list[dict]) -> None:
        for message in messages:
            self.buttons = [*message.get("buttons", []), *self.buttons][:20]

    def take(self, body: dict[str, str], kept: str) -> dict[str, str]:
        answer = self.client.call("POST", "/messages", body, self.token)
        assert answer.status == 200, answer
        self.taken.append((body["id"], kept))
        self.answers[body["id"]] = answer.json
        assert answer.json["messages"]
        self.said += [message["id"] for message in answer.json["messages"]]
        self.see(answer.json["messages"])
        return body

    @rule(target=sent, text=TEXTS, identifier=st.uuids())
    def write(self, text: str, identifier: uuid.UUID) -> dict[str, str]:
        body = {"id": str(identifier), "text": text}
        if body["id"] in self.answers:
            return body
        if not clean(text):
            assert self.client.call("POST", "/messages", body, self.token).status == 400
            return body
        return self.take(body, mask(clean(text)).text)

    @rule(target=sent, data=st.data(), identifier=st.uuids())
    def press(self, data: st.DataObject, identifier: uuid.UUID) -> dict[str, str]:
        if not self.buttons or str(identifier) in self.answers:
            return {}
        button = data.draw(st.sampled_from(self.buttons), label="button")
        return self.take({"id": str(identifier), "choice": button["choice"]}, "")

    @rule(choice=st.sampled_from(["sujet:invente", "aide:peut-être", "demande:", "", "::"]) | ANYTHING)
    def invent_a_choice(self, choice: str) -> None:
        if choice.startswith("profil:") or choice in {button["choice"] for button in self.buttons}:
            return
        body = {"id": str(uuid.uuid4()), "choice": choice}
        assert self.client.call("POST", "/messages", body, self.token).status in (400, 422)

    @rule(body=sent)
    def send_again(self, body: dict[str, str]) -> None:
        if body.get("id") not in self.answers:
            return
        answer = self.client.call("POST", "/messages", body, self.token)
        assert answer.json == self.answers[body["id"]]

    @rule(body=sent, text=TEXTS)
    def reuse_an_id(self, body: dict[str, str], text: str) -> None:
        if body.get("id") not in self.answers or body.get("text") == text or not clean(text):
            return
        assert self.client.call("POST", "/messages", {"id": body["id"], "text": text}, self.token).status == 409

    @rule(helpful=st.booleans(), comment=ANYTHING)
    def judge(self, helpful: bool, comment: str) -> None:
        body = {"helpful": helpful, "comment": comment}
        assert self.client.call("POST", f"/messages/{self.said[-1]}/feedback", body, self.token).status == 204

    @rule()
    def read_the_rest(self) -> None:
        for path in ("/tickets", "/conversation/export", f"/messages?after={self.said[0]}"):
            assert self.client.call("GET", path, token=self.token).status == 200

    @rule()
    def begin_anew(self) -> None:
        self.begin(self.client.call("POST", "/sessions", {}, self.token))

    @rule()
    def erase(self) -> None:
        assert self.client.call("DELETE", "/conversation", token=self.token).status == 204
        assert self.client.call("GET", "/messages", token=self.token).status == 401
        self.begin(self.client.call("POST", "/sessions", {"profile": "parent", "uai": "0750001U"}))

    @invariant()
    def nothing_is_lost_or_said_twice(self) -> None:
        if not self.token:
            return
        history = self.client.call("GET", "/messages", token=self.token).json["messages"]
        mine = [message["text"] for message in history if message["from"] == "user"]
        assert len(mine) == len(self.taken)
        for written, (_, kept) in zip(mine, self.taken):
            assert not kept or written == kept
        assert [message["id"] for message in history if message["from"] == "bot"] == self.said

    def teardown(self) -> None:
        self.client.close()


def test_a_person_cannot_break_a_conversation(gateway: GatewayThread) -> None:
    person = type("PersonHere", (Person,), {"base": gateway.base})
    run_state_machine_as_test(person, settings=settings(PATIENT, max_examples=12 * TIMES, stateful_step_count=20))
