"""What comes into the chat API: shapes, lengths, and one thing said at a time."""

from __future__ import annotations

import msgspec
import pytest

from bot.chat.payloads import (
    MAX_BODY_BYTES,
    MAX_TEXT_CHARS,
    MessageOut,
    MessageRequest,
    SessionRequest,
    check_message,
)
from bot.errors import InvalidInput, TooLarge

# The same in every run: it names the tests.
ID = "7f5f7b3e-0c55-4c8e-9a0b-3d6a1f2b4c5d"


def decode(kind: type, **fields: object) -> msgspec.Struct:
    return msgspec.json.decode(msgspec.json.encode(fields), type=kind)


@pytest.mark.parametrize("identifier", [ID, ID.upper(), "0" * 8 + "-0000" * 3 + "-" + "0" * 12])
def test_an_id_is_a_uuid(identifier: str) -> None:
    assert decode(MessageRequest, id=identifier, text="a").id == identifier


@pytest.mark.parametrize(
    "identifier", ["", "1", ID[:-1], ID + "0", ID + "\n", "\n" + ID, ID.replace("-", ""), f"{{{ID}}}", 3, None]
)
def test_anything_else_is_not(identifier: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(MessageRequest, id=identifier, text="a")


@pytest.mark.parametrize("uai", ["0750001u", "750001U", "0750001U\n", "٠٧٥٠٠٠١U", "0750001UU", 750001, ""])
def test_a_school_code_is_seven_digits_and_a_capital(uai: object) -> None:
    assert decode(SessionRequest, uai="0750001U").uai == "0750001U"
    with pytest.raises(msgspec.ValidationError):
        decode(SessionRequest, uai=uai)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b", "\u202e\u2066", "\x00\x1b", "\ufeff", "\u00ad", "\u3000"])
def test_a_text_that_shows_nothing_is_empty(text: str) -> None:
    with pytest.raises(InvalidInput, match="vide"):
        check_message(MessageRequest(id=ID, text=text))


@pytest.mark.parametrize("text", ["a", "?", "🙂", "\u200b?", ".", "0", "\u0301"])
def test_a_text_that_shows_anything_is_one(text: str) -> None:
    check_message(MessageRequest(id=ID, text=text))


@pytest.mark.parametrize("fields", [{}, {"text": "a", "choice": "b"}, {"page": "a"}])
def test_a_message_says_one_thing(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="soit un texte, soit un choix"):
        check_message(MessageRequest(id=ID, **fields))


def test_a_text_has_a_length() -> None:
    check_message(MessageRequest(id=ID, text="x" * MAX_TEXT_CHARS))
    with pytest.raises(TooLarge):
        check_message(MessageRequest(id=ID, text="x" * (MAX_TEXT_CHARS + 1)))


def test_the_longest_text_fits_in_a_body_however_it_is_written() -> None:
    import json

    for text in ("🙂" * MAX_TEXT_CHARS, "\\" * MAX_TEXT_CHARS, "é" * MAX_TEXT_CHARS):
        assert len(json.dumps({"id": ID, "text": text, "page": "🙂" * 200})) < MAX_BODY_BYTES


def test_who_speaks_is_called_from() -> None:
    from datetime import UTC, datetime

    out = MessageOut(id=ID, sender="bot", text="a", html="<p>a</p>", at=datetime(2026, 11, 23, tzinfo=UTC))
    assert msgspec.json.decode(msgspec.json.encode(out)) == {
        "id": ID, "from": "bot", "text": "a", "html": "<p>a</p>", "at": "2026-11-23T00:00:00Z",
    }  # fmt: skip
