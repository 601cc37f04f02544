"""Signed sessions: the ENT's JWT, every claim checked, keys that rotate, used once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.clock import FixedClock
from bot.settings import Issuer
from tests.integration.gateway import ONE_KIND, PREFIX, Answer, Api
from tests.integration.jwts import (
    ALGORITHMS,
    AUDIENCE,
    BY_KEYS,
    BY_OTHER_SECRET,
    BY_SECRET,
    NOW,
    claims,
    forge,
    jwks,
    private_key,
    sign,
    sign_with,
)


async def present(api: Api, token: str) -> Answer:
    return await api.post(f"{PREFIX}/sessions", {}, token=token)


async def refused(api: Api, token: str) -> Answer:
    answer = await present(api, token)
    assert (answer.status, answer.code) == (401, "non_authentifie"), answer
    return answer


# --- what is taken ----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_jwt_signed_with_a_key_of_the_file_is_taken(api: Api, algorithm: str) -> None:
    chat = await api.open(token=sign_with(algorithm, profile="enseignant"))
    assert chat.opened["profile"] == "enseignant"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_jwt_signed_with_the_shared_secret_is_taken(api: Api, algorithm: str) -> None:
    assert (await present(api, sign(algorithm=algorithm))).status == 201


async def test_several_ents_sign_at_once(api: Api) -> None:
    other = sign(BY_OTHER_SECRET.secret, issuer=BY_OTHER_SECRET.name, aud=BY_OTHER_SECRET.audience)
    assert (await present(api, other)).status == 201
    assert (await present(api, sign())).status == 201
    assert (await present(api, sign_with("ES256"))).status == 201


async def test_the_audience_may_be_one_of_several(api: Api) -> None:
    assert (await present(api, sign(aud=["autre", AUDIENCE]))).status == 201


@pytest.mark.parametrize("absent", ["uai", "iat"])
async def test_a_claim_that_is_optional_may_be_missing(api: Api, absent: str) -> None:
    assert (await present(api, sign(**{absent: None}))).status == 201


@pytest.mark.parametrize(
    "times", [{"iat": NOW + 9}, {"exp": NOW - 9}, {"nbf": NOW + 9}, {"iat": NOW, "exp": NOW + 300}]
)
async def test_clocks_may_differ_a_little(api: Api, times: dict[str, int]) -> None:
    assert (await present(api, sign(**times))).status == 201


async def test_what_a_visitor_would_say_does_not_count(api: Api) -> None:
    answer = await api.post(f"{PREFIX}/sessions", {"profile": "directeur", "uai": "0750002V"}, token=sign())
    assert answer.json["profile"] == "parent"


# --- what is refused --------------------------------------------------------------------------


@ONE_KIND
@pytest.mark.parametrize(
    "changes",
    [{name: None} for name in ("iss", "aud", "sub", "exp", "jti", "profile")],
    ids=lambda changes: next(iter(changes)),
)
async def test_each_claim_is_required(api: Api, changes: dict[str, Any]) -> None:
    await refused(api, sign(**changes))


@ONE_KIND
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://inconnu.example"}, {"iss": BY_OTHER_SECRET.name}, {"iss": [BY_SECRET.name]}, {"iss": 3},
        {"aud": "autre"}, {"aud": []}, {"aud": ""}, {"aud": {"a": 1}},
        {"profile": "inconnu"}, {"profile": ["parent"]}, {"profile": ""}, {"profile": {"nom": "parent"}},
        {"uai": "0750001"}, {"uai": 750001}, {"uai": "0750001u"}, {"uai": "0750001U\n"}, {"uai": ""},
        {"sub": ""}, {"sub": 12}, {"sub": "x" * 256}, {"sub": "a\x00b"}, {"sub": "a\nb"}, {"sub": ["a"]},
        {"jti": ""}, {"jti": 12}, {"jti": "x" * 256}, {"jti": "a\x00b"},
        {"exp": NOW - 11}, {"exp": 0}, {"exp": -1}, {"exp": "bientôt"}, {"exp": True}, {"exp": [NOW + 60]},
        {"exp": NOW + 301}, {"exp": NOW + 3600}, {"exp": 10**400}, {"exp": 1e308},
        {"iat": NOW + 11}, {"iat": NOW - 3600}, {"iat": "hier"}, {"iat": None, "exp": NOW + 301}, {"iat": True},
        {"nbf": NOW + 11}, {"nbf": "demain"}, {"nbf": NOW + 10**9},
    ],
    ids=lambda changes: "-".join(f"{name}={str(value)[:20]!r}" for name, value in changes.items()),
)  # fmt: skip
async def test_a_claim_that_is_wrong_is_refused(api: Api, changes: dict[str, Any]) -> None:
    await refused(api, sign(**changes))


@ONE_KIND
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_a_time_that_is_no_number_is_refused(api: Api, name: str, value: float) -> None:
    await refused(api, sign(**{name: value}))


async def test_a_key_of_somebody_else_is_refused(api: Api) -> None:
    await refused(api, sign("un secret qui n’est celui de personne ici"))
    await refused(api, sign(private_key("ES256-autre"), "ES256", kid="ES256", issuer=BY_KEYS))
    await refused(api, sign(private_key("RS256"), "RS256", kid="ES256", issuer=BY_KEYS))


async def test_one_ent_cannot_sign_for_another(api: Api) -> None:
    await refused(api, sign(BY_OTHER_SECRET.secret))
    await refused(api, sign(BY_SECRET.secret, issuer=BY_OTHER_SECRET.name, aud=BY_OTHER_SECRET.audience))
    await refused(api, sign_with("ES256", issuer=BY_SECRET.name))


async def test_a_key_that_is_not_named_among_several_or_not_known_is_refused(api: Api) -> None:
    await refused(api, sign(private_key("ES256"), "ES256", issuer=BY_KEYS))
    await refused(api, sign(private_key("ES256"), "ES256", issuer=BY_KEYS, kid="inconnue"))


async def test_an_algorithm_of_another_family_is_refused(api: Api) -> None:
    await refused(api, sign(private_key("RS256"), "PS384", kid="RS256", issuer=BY_KEYS))
    await refused(api, sign(private_key("RS256"), "PS256", kid="RS256", issuer=BY_KEYS))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS256x"])
@pytest.mark.parametrize("issuer", [BY_SECRET.name, BY_KEYS])
@ONE_KIND
async def test_an_unsigned_jwt_is_refused(api: Api, algorithm: str, issuer: str) -> None:
    await refused(api, forge({"alg": algorithm, "typ": "JWT", "kid": "RS256"}, claims(issuer)))
    await refused(api, forge({"typ": "JWT"}, claims(issuer)))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_the_public_key_is_not_a_secret_to_sign_with(api: Api, encoding: Encoding) -> None:
    public = private_key("RS256").public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": "RS256"}
    unsigned = forge(header, claims(BY_KEYS)).rpartition(".")[0]
    signature = jwt.get_algorithm_by_name("HS256").sign(unsigned.encode(), public)
    await refused(api, forge(header, claims(BY_KEYS), signature))


@ONE_KIND
async def test_a_signature_that_was_touched_is_refused(api: Api) -> None:
    head, body, signature = sign().split(".")
    for broken in (f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{signature}.{body}", "..", "a.b.c",
                   f"{head}.{body[:-3]}.{signature}", f".{body}.{signature}", f"{head}..{signature}"):  # fmt: skip
        await refused(api, broken)


@ONE_KIND
@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b'"texte"', b"\xff", b"{", b'{"iss": ' + b"[" * 900, b'{"sub":"\\ud800"}']
)
async def test_a_payload_that_is_not_one_is_refused(api: Api, payload: bytes) -> None:
    header = {"alg": "HS256", "typ": "JWT"}
    unsigned = forge(header, payload).rpartition(".")[0]
    signature = jwt.get_algorithm_by_name("HS256").sign(unsigned.encode(), BY_SECRET.secret.encode())
    await refused(api, forge(header, payload, signature))


@ONE_KIND
async def test_a_subject_of_half_a_character_is_refused(api: Api) -> None:
    await refused(api, sign(sub="a\ud800b"))


@ONE_KIND
@pytest.mark.parametrize(
    "header", [{"kid": 3}, {"kid": ["a"]}, {"crit": ["exp"]}, {"jwk": {"kty": "oct"}}, {"b64": False}]
)
async def test_a_header_that_asks_for_more_is_refused_or_ignored(api: Api, header: dict[str, Any]) -> None:
    answer = await present(api, forge({"alg": "HS256", "typ": "JWT", **header}, claims(), b"signature"))
    assert answer.status == 401


@ONE_KIND
async def test_a_jwt_too_long_is_refused(api: Api) -> None:
    await refused(api, sign(bavardage="x" * 4_000))


async def test_an_expired_jwt_is_refused_by_the_gateway_s_own_clock(start, clock: FixedClock) -> None:
    api = await start()
    token = sign()
    clock.advance(timedelta(seconds=131))
    await refused(api, token)


# --- used once --------------------------------------------------------------------------------


async def test_a_jwt_presented_again_is_refused(api: Api) -> None:
    token = sign()
    assert (await present(api, token)).status == 201
    assert "déjà servi" in (await refused(api, token)).json["detail"]


async def test_a_jti_used_again_in_another_jwt_is_refused(api: Api) -> None:
    jti = str(uuid.uuid4())
    assert (await present(api, sign(jti=jti))).status == 201
    await refused(api, sign(jti=jti))


async def test_two_ents_may_happen_to_use_the_same_jti(api: Api) -> None:
    jti = str(uuid.uuid4())
    other = sign(BY_OTHER_SECRET.secret, issuer=BY_OTHER_SECRET.name, aud=BY_OTHER_SECRET.audience, jti=jti)
    assert (await present(api, sign(jti=jti))).status == 201
    assert (await present(api, other)).status == 201


async def test_of_ten_replays_at_once_one_is_taken(api: Api) -> None:
    token = sign()
    answers = await asyncio.gather(*(present(api, token) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [401] * 9


async def test_a_jwt_that_was_refused_is_not_used_up(start, clock: FixedClock) -> None:
    api = await start()
    token = sign(nbf=NOW + 60)
    await refused(api, token)
    clock.advance(timedelta(seconds=61))
    assert (await present(api, token)).status == 201


# --- a person ---------------------------------------------------------------------------------


async def test_a_signed_person_s_conversation_goes_on_when_opened_again(api: Api) -> None:
    first = await api.open(token=sign(sub="marie"))
    await first.say("mot de passe oublié")
    again = await api.open(token=sign(sub="marie"))
    assert again.conversation == first.conversation
    assert again.token != first.token
    assert [message["text"] for message in again.opened["messages"]] == [
        message["text"] for message in await first.history()
    ]
    # Both bearers are good: the chat is open on two devices.
    await first.say("bonjour")
    await again.say("merci")
    assert await first.said() == ["mot de passe oublié", "bonjour", "merci"]


async def test_the_same_subject_of_another_ent_is_somebody_else(api: Api) -> None:
    first = await api.open(token=sign(sub="paul"))
    other = sign(BY_OTHER_SECRET.secret, issuer=BY_OTHER_SECRET.name, aud=BY_OTHER_SECRET.audience, sub="paul")
    second = await api.open(token=other)
    assert second.conversation != first.conversation
    await first.open_ticket()
    assert (await api.get(f"{PREFIX}/tickets", token=second.token)).json["tickets"] == []


async def test_the_ent_s_word_is_fresher_than_the_conversation(api: Api) -> None:
    first = await api.open(token=sign(sub="zoé", profile="eleve"))
    again = await api.open(token=sign(sub="zoé", profile="parent", uai="0750002V"))
    assert again.conversation == first.conversation
    assert again.opened["profile"] == "parent"


async def test_a_signed_person_cannot_say_to_be_somebody_else(api: Api) -> None:
    chat = await api.open(token=sign(profile="parent"))
    await chat.say("je suis directeur")
    assert (await api.get(f"{PREFIX}/messages", token=chat.token)).json["profile"] == "parent"


async def test_our_own_bearer_begins_a_new_conversation_of_a_signed_person(api: Api) -> None:
    first = await api.open(token=sign(sub="luc"))
    ticket = await first.open_ticket()
    second = await api.open(token=first.token)
    assert second.conversation != first.conversation
    third = await api.open(token=sign(sub="luc"))
    assert third.conversation in (first.conversation, second.conversation)
    for chat in (first, second, third):
        [row] = (await api.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
        assert row["number"] == ticket["number"]


async def test_after_a_week_of_silence_a_signed_person_begins_anew_and_keeps_his_tickets(
    start, clock: FixedClock
) -> None:
    api = await start()
    first = await api.open(token=sign(sub="inès"))
    ticket = await first.open_ticket()
    clock.advance(timedelta(days=8))
    later = NOW + 8 * 86_400
    second = await api.open(token=sign(sub="inès", iat=later, exp=later + 60))
    assert second.conversation != first.conversation
    [row] = (await api.get(f"{PREFIX}/tickets", token=second.token)).json["tickets"]
    assert row["number"] == ticket["number"]


async def test_two_tabs_opened_at_once_are_the_same_person_and_greeted_once(api: Api) -> None:
    for subject in (f"onglets-{index}" for index in range(8)):
        answers = await asyncio.gather(*(present(api, sign(sub=subject)) for _ in range(5)))
        assert [answer.status for answer in answers] == [201] * 5
        chats = [answer.json for answer in answers]
        assert len({chat["conversation"] for chat in chats}) == 1
        history = (await api.get(f"{PREFIX}/messages", token=chats[0]["token"])).json["messages"]
        assert len(history) == 1
    ticket = await (await api.open(token=chats[0]["token"])).open_ticket()
    for chat in chats:
        [row] = (await api.get(f"{PREFIX}/tickets", token=chat["token"])).json["tickets"]
        assert row["number"] == ticket["number"]


# --- keys that change -------------------------------------------------------------------------


class KeyServer:
    """The address where an ENT shows its public keys."""

    def __init__(self) -> None:
        self.shown: Any = jwks("RS256")
        self.status = 200
        self.asked = 0
        self.slow_s = 0.0

    async def show(self, request: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.slow_s)
        if isinstance(self.shown, bytes):
            return web.Response(body=self.shown, status=self.status)
        return web.json_response(self.shown, status=self.status)


@pytest.fixture
async def key_server(aiohttp_server) -> KeyServer:
    keys = KeyServer()
    app = web.Application()
    app.router.add_get("/jwks", keys.show)
    server = await aiohttp_server(app)
    keys.issuer = Issuer(BY_KEYS, AUDIENCE, jwks_url=str(server.make_url("/jwks")))
    return keys


@ONE_KIND
async def test_keys_are_read_from_an_address_and_kept(start, key_server: KeyServer) -> None:
    api = await start(issuers=(key_server.issuer,))
    for _ in range(5):
        assert (await present(api, sign_with("RS256"))).status == 201
    assert key_server.asked == 1


@ONE_KIND
async def test_whoever_comes_while_the_keys_are_being_read_waits_for_them(start, key_server: KeyServer) -> None:
    key_server.slow_s = 0.3
    api = await start(issuers=(key_server.issuer,))
    answers = await asyncio.gather(*(present(api, sign_with("RS256")) for _ in range(5)))
    assert [answer.status for answer in answers] == [201] * 5
    assert key_server.asked == 1


@ONE_KIND
async def test_a_new_key_is_taken_as_soon_as_it_signs_and_the_old_one_no_longer(
    start, clock: FixedClock, key_server: KeyServer
) -> None:
    api = await start(issuers=(key_server.issuer,))
    assert (await present(api, sign_with("RS256"))).status == 201
    key_server.shown = jwks("RS256", "ES256-nouvelle")
    clock.advance(timedelta(seconds=31))
    assert (await present(api, sign_with("ES256-nouvelle"))).status == 201
    assert (await present(api, sign_with("RS256"))).status == 201
    key_server.shown = jwks("ES256-nouvelle")
    clock.advance(timedelta(minutes=10))
    at = NOW + 631
    await refused(api, sign_with("RS256", iat=at, exp=at + 60))
    assert (await present(api, sign_with("ES256-nouvelle", iat=at, exp=at + 60))).status == 201


@ONE_KIND
async def test_unknown_keys_do_not_make_us_hammer_the_ent(start, clock: FixedClock, key_server: KeyServer) -> None:
    api = await start(issuers=(key_server.issuer,))
    for index in range(10):
        await refused(api, sign_with(f"ES256-{index}"))
    assert key_server.asked == 1
    clock.advance(timedelta(seconds=31))
    await refused(api, sign_with("ES256-0"))
    assert key_server.asked == 2


@ONE_KIND
async def test_keys_read_before_go_on_serving_when_the_address_is_down(
    start, clock: FixedClock, key_server: KeyServer
) -> None:
    api = await start(issuers=(key_server.issuer,))
    assert (await present(api, sign_with("RS256"))).status == 201
    key_server.status = 503
    clock.advance(timedelta(minutes=11))
    at = NOW + 660
    assert (await present(api, sign_with("RS256", iat=at, exp=at + 60))).status == 201


@ONE_KIND
@pytest.mark.parametrize(
    "shown", [[], {}, {"keys": []}, {"keys": "rien"}, {"keys": [1]}, "texte", b"<html>", b"\xff", None]
)
async def test_an_address_that_shows_anything_else_lets_nobody_in(start, key_server: KeyServer, shown: Any) -> None:
    key_server.shown = shown
    api = await start(issuers=(key_server.issuer,))
    await refused(api, sign_with("RS256"))


@ONE_KIND
async def test_the_only_key_needs_no_name(start, key_server: KeyServer) -> None:
    api = await start(issuers=(key_server.issuer,))
    assert (await present(api, sign(private_key("RS256"), "RS256", issuer=BY_KEYS))).status == 201


@ONE_KIND
async def test_an_address_that_does_not_answer_lets_nobody_in(start, unused_tcp_port: int) -> None:
    api = await start(issuers=(Issuer(BY_KEYS, AUDIENCE, jwks_url=f"http://127.0.0.1:{unused_tcp_port}/jwks"),))
    await refused(api, sign_with("RS256"))


@ONE_KIND
async def test_a_file_that_is_not_there_lets_nobody_in(start) -> None:
    api = await start(issuers=(Issuer(BY_KEYS, AUDIENCE, jwks_file="absent.json"),))
    await refused(api, sign_with("RS256"))
