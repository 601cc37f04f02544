"""Letters to the persons: which addresses they go to, and what they say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.markup import to_html
from bot.escalation.letters import ANSWERED, ASKED, LETTER_NAMES, OPENED, RESOLVED, Envelope, read_address, write_letter
from bot.privacy.masking import EMAIL, mask

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = "123e4567-e89b-42d3-a456-426614174000"
CHAT, STOP = "https://assistant.ent.example/", "https://assistant.ent.example/courriels/jeton"


def write(kind: str, content: str = "", *, pupil: bool = False) -> EmailMessage:
    """Write a letter, and read it again as a mailbox does."""
    envelope = Envelope("26-00012-3", pupil, kind, content, KEY)
    letter = write_letter(
        envelope, sender="assistant@ent.example", to="ada@exemple.fr", now=NOW, chat=CHAT, stop=STOP, to_html=to_html
    )
    return message_from_bytes(letter.as_bytes(), policy=policy.default)


def plain(letter: EmailMessage) -> str:
    return letter.get_body(("plain",)).get_content()


def rich(letter: EmailMessage) -> str:
    return letter.get_body(("html",)).get_content()


@pytest.mark.parametrize("kind", LETTER_NAMES)
@pytest.mark.parametrize("pupil", [False, True])
def test_each_says_the_number_where_to_go_and_how_to_stop(kind: str, pupil: bool) -> None:
    letter = write(kind, "" if kind == OPENED else "C’est réparé.", pupil=pupil)
    for text in (plain(letter), rich(letter)):
        assert "26-00012-3" in text
        assert CHAT in text
        assert STOP in text
        assert ("C’est réparé." in text) == (kind != OPENED)
        assert bool(re.search(r"\bta demande", text, re.IGNORECASE)) == pupil
        assert bool(re.search(r"\bvotre demande", text, re.IGNORECASE)) == (not pupil)
    assert "26-00012-3" in letter["Subject"]
    assert letter["List-Unsubscribe"] == f"<{STOP}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Message-ID"] == f"<{KEY}@ent.example>"
    assert letter["Auto-Submitted"] == "auto-generated"


def test_the_solution_asks_whether_it_is_one() -> None:
    assert "Est-ce réglé pour vous ?" in plain(write(RESOLVED))
    assert "Est-ce réglé pour toi ?" in plain(write(RESOLVED, pupil=True))


def test_an_answer_is_harmless_in_html_and_as_written_in_text() -> None:
    letter = write(ANSWERED, "Voyez **ici** <script>alert(1)</script>\n\nÀ bientôt")
    assert "<strong>ici</strong>" in rich(letter)
    assert "<script" not in rich(letter)
    assert "Voyez **ici** <script>" in plain(letter)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_whatever_is_answered_a_letter_can_be_sent(content: str) -> None:
    letter = write(ASKED, content)
    assert not letter.defects
    assert letter["To"] == "ada@exemple.fr"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("ada.martin@exemple.fr", "ada.martin@exemple.fr"), (" ada@exemple.fr ", "ada@exemple.fr"),
        ("ada (at) exemple (dot) fr", "ada@exemple.fr"), ("ada arobase exemple point fr", "ada@exemple.fr"),
        ("ada+ent@mail.exemple.co.uk", "ada+ent@mail.exemple.co.uk"), ("ada@exemple", None), ("", None),
        ("ada@exemple.fr\r\nBcc: tous@exemple.fr", None), ("é@exemple.fr", None), ("06 12 34 56 78", None),
    ],
)  # fmt: skip
def test_an_address_is_read_as_people_type_it(typed: str, address: str | None) -> None:
    assert read_address(typed) == address


@pytest.mark.parametrize("typed", ["ada@exemple.fr", "ada arobase exemple point fr", "ada [at] exemple.fr"])
def test_what_is_masked_as_an_address_can_be_written_to(typed: str) -> None:
    [(kind, value)] = mask(f"Répondez à {typed} svp").found
    assert kind == EMAIL
    assert read_address(value) == "ada@" + "exemple.fr"


@given(st.text(max_size=80))
def test_an_address_never_carries_a_line_of_its_own(text: str) -> None:
    address = read_address(text)
    assert address is None or (address.isascii() and address.isprintable() and " " not in address)
