"""What the console reads from forms and addresses, and how it tells a few things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.console.payloads import clean_field, describe_browser, describe_details, local_path, read_day, start_of


@pytest.mark.parametrize("path", ["/console/", "/console/journal?who=a&page=2", "/console/comptes/nouveau"])
def test_a_path_of_the_console_is_followed(path: str) -> None:
    assert local_path(path, "/console") == path


@pytest.mark.parametrize(
    "path",
    ["", "https://ailleurs.example/console/", "//ailleurs.example/console/", "/console", "/consolex/", "/", "console/",
     "/\\ailleurs.example", "/console/\\..", "/console/\nLocation: x", "javascript:alert(1)", "http://[x/console/"],
)  # fmt: skip
def test_nothing_else_is(path: str) -> None:
    assert local_path(path, "/console") == "/console/"


def test_a_field_loses_what_no_keyboard_types() -> None:
    assert clean_field("a\x00b\r\nc\rd\te\u0301\ud800") == "ab\nc\nd\té"


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8.0", "Navigateur inconnu"),
        ("", "Navigateur inconnu"),
    ],
)
def test_a_browser_is_told_in_two_words(agent: str, told: str) -> None:
    assert describe_browser(agent) == told


def test_a_day_begins_and_ends_in_paris() -> None:
    assert start_of(read_day("2026-07-01")).astimezone(UTC) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert start_of(read_day("2026-03-28"), days_later=1).astimezone(UTC) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert start_of(read_day("2026-03-29"), days_later=1).astimezone(UTC) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    # In Paris these days exist; as instants that a database keeps, they do not.
    assert start_of(read_day("0001-01-01")) is None
    assert start_of(read_day("9999-12-31"), days_later=1) is None


@pytest.mark.parametrize("text", ["", "hier", "2026-13-01", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_limits_nothing(text: str) -> None:
    assert start_of(read_day(text), days_later=1) is None or read_day(text) is not None


def test_details_are_told_with_the_names_of_roles_and_scopes() -> None:
    details = {"role": "agent_n2", "scope": "tout", "territory": ""}
    assert describe_details(details) == "rôle : Agent de niveau 2, portée : Tout"


def test_details_tell_what_there_was_before_and_after() -> None:
    details = {"before": {"name": "DSI", "level": 2}, "after": {"name": None, "level": 3}}
    assert describe_details(details) == "avant : (nom : DSI, niveau : 2), après : (nom : rien, niveau : 3)"
    rows = {"before": [{"group": "dsi", "scope": "academie"}, {"group": "dan"}], "after": []}
    assert describe_details(rows) == "avant : (groupe : dsi, portée : Académie) ; (groupe : dan), après : rien"
