"""What a CAS server answers, read: whose the ticket is, and nothing that would harm."""

from __future__ import annotations

import pytest

from bot.console.cas import read_answer
from bot.errors import IdentityRefused
from bot.people.federation import Proof
from bot.providers import IdentityProvider

URL = "https://cas.example/cas"
ANSWER = '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">{}</cas:serviceResponse>'
SUCCESS = ANSWER.format("<cas:authenticationSuccess>{}</cas:authenticationSuccess>")
ADA = "<cas:user>ada</cas:user><cas:attributes><cas:mail> ada@b.example </cas:mail>{}</cas:attributes>"


def server(**changes: str) -> IdentityProvider:
    return IdentityProvider(
        "cas", "le guichet", "cas", URL, **{"login_claim": "mail", "trust_email": "always", **changes}
    )


@pytest.mark.parametrize(
    ("body", "changes", "login"),
    [
        (ADA.format(""), {}, "ada@b.example"),
        (ADA.format(""), {"trust_email": "never"}, None),
        (ADA.format(""), {"login_claim": "email"}, None),
        (ADA.format(""), {"login_claim": "user"}, "ada"),
        (ADA.format("<cas:mail>autre@b.example</cas:mail>"), {}, None),
        ("<cas:user>ada</cas:user>", {}, None),
    ],
)
def test_the_user_and_his_one_address_are_read(body: str, changes: dict[str, str], login: str | None) -> None:
    assert read_answer(SUCCESS.format(body).encode(), server(**changes)) == Proof(URL, "ada", login)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "invalid"),
        ("<html>", "invalid"),
        (ANSWER.format(""), "invalid"),
        (SUCCESS.format("<cas:user> </cas:user>"), "invalid"),
        (SUCCESS.format(f"<cas:user>{'a' * 256}</cas:user>"), "invalid"),
        (SUCCESS.replace("www.yale.edu", "ailleurs.example").format("<cas:user>ada</cas:user>"), "invalid"),
        ('<!DOCTYPE a [<!ENTITY x "ada">]>' + SUCCESS.format("<cas:user>&x;</cas:user>"), "invalid"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + SUCCESS.format(ADA.format("")), "invalid"),
        (
            ANSWER.format('<cas:authenticationFailure code="INVALID_TICKET">non</cas:authenticationFailure>'),
            "abandoned",
        ),
    ],
)
def test_what_names_nobody_or_could_harm_is_refused(body: str, reason: str) -> None:
    with pytest.raises(IdentityRefused) as refused:
        read_answer(body.encode(), server())
    assert refused.value.reason == reason
