"""The waves: what moves one, how a list is read, what a person is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Conflict, InvalidField
from bot.people.rules import is_uai
from bot.rollout.rules import (
    CLOSED,
    MAX_BEFORE,
    OPEN,
    PILOT,
    PLANNED,
    STATE_NAMES,
    UNDO,
    Stage,
    advance,
    read_codes,
    read_fields,
    say_wave,
    undo_closing,
)

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
DAY = date(2027, 1, 4)
STATES = st.sampled_from(tuple(STATE_NAMES))

# Written by hand, apart from the rules.
MOVES = {(PLANNED, PILOT), (PLANNED, OPEN), (PILOT, OPEN), (PILOT, PLANNED), (OPEN, CLOSED), (OPEN, PILOT)}


@st.composite
def stages(draw) -> Stage:
    state = draw(STATES)
    opened = NOW - timedelta(hours=draw(st.integers(1, 5000))) if state in (OPEN, CLOSED) else None
    closed = opened + timedelta(minutes=draw(st.integers(0, 60))) if state == CLOSED else None
    return Stage(state, opened, closed)


# --- states -----------------------------------------------------------------------------------


@given(stages(), STATES)
def test_a_wave_makes_the_written_moves_and_no_other(stage: Stage, to: str):
    if (stage.state, to) not in MOVES:
        with pytest.raises(Conflict):
            advance(stage, to, NOW)
        return
    after = advance(stage, to, NOW)
    assert after.state == to
    assert (after.opened_at is not None) == (to in (OPEN, CLOSED))
    assert (after.closed_at is not None) == (to == CLOSED)


@given(stages(), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_undoing_gives_back_what_was_closed_for_a_day(stage: Stage, later: timedelta):
    if stage.state != OPEN:
        return
    closed = advance(stage, CLOSED, NOW)
    if later <= UNDO:
        assert undo_closing(closed, NOW + later) == stage
    else:
        with pytest.raises(Conflict):
            undo_closing(closed, NOW + later)


@pytest.mark.parametrize("state", [PLANNED, PILOT, OPEN])
def test_what_is_not_closed_is_not_undone(state: str):
    with pytest.raises(Conflict):
        undo_closing(Stage(state), NOW)


# --- forms and lists --------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(["name", "starts_on", "ends_on", "before"]), st.text(max_size=700)))
def test_any_form_is_read_or_refused_with_the_field_to_correct(given_fields):
    try:
        fields = read_fields(given_fields)
    except InvalidField as error:
        assert error.field in ("name", "starts_on", "ends_on", "before")  # noqa: PT017 - refusing is one of two right answers
        return
    assert fields.name == fields.name.strip() != ""
    assert "\n" not in fields.before
    assert len(fields.before) <= MAX_BEFORE


@pytest.mark.parametrize(("fields", "wrong"), [
    ({"name": " ", "starts_on": "2027-01-04"}, "name"),
    ({"name": "V", "starts_on": ""}, "starts_on"),
    ({"name": "V", "starts_on": "4/1/2027"}, "starts_on"),
    ({"name": "V", "starts_on": "20270-01-04"}, "starts_on"),
    ({"name": "V", "starts_on": "0001-01-01"}, "starts_on"),
    ({"name": "V", "starts_on": "2027-01-04", "ends_on": "2027-01-03"}, "ends_on"),
    ({"name": "V", "starts_on": "2027-01-04", "before": "x" * 601}, "before"),
])  # fmt: skip
def test_what_is_wrong_in_a_form_is_named(fields, wrong):
    with pytest.raises(InvalidField) as refused:
        read_fields(fields)
    assert refused.value.field == wrong


def test_a_list_is_taken_as_it_is_pasted():
    read = read_codes(
        "UAI;Nom\n0750001U;École Les Tilleuls\n 0750002v ; \n0750003 W\t0750001U\n\n0750001A\nLes Tilleuls"
    )
    assert read.codes == ("0750001U", "0750002V", "0750003W")
    assert [(one.text, one.reason.partition(" ")[0]) for one in read.refused] == [
        ("0750001U", "Déjà"), ("0750001A", "La"), ("Les Tilleuls", "Aucun"),
    ]  # fmt: skip


@given(st.text())
def test_any_list_is_read_and_nothing_is_taken_twice(text: str):
    read = read_codes(text)
    assert all(map(is_uai, read.codes))
    assert len(set(read.codes)) == len(read.codes)
    assert all(one.reason and len(one.text) <= 61 for one in read.refused)


# --- what is said -----------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "starts_on", "opened_on", "said"), [
    (PLANNED, date(2027, 2, 1), None, "vague 2, ouverture prévue le 1er février 2027"),
    (PLANNED, DAY, None, "vague 2, ouverture prévue aujourd’hui"),
    (PLANNED, date(2026, 12, 1), None,
     "vague 2, ouverture prévue le 1er décembre 2026 et pas encore faite, la nouvelle date sera précisée"),
    (PILOT, date(2027, 2, 1), None, "vague 2, en phase pilote, ouverture à tous le 1er février 2027"),
    (PILOT, date(2026, 12, 1), None, "vague 2, en phase pilote, ouverture à tous à une date qui sera précisée"),
    (OPEN, date(2027, 2, 1), DAY, "vague 2, ENT ouvert depuis le 4 janvier 2027"),
    (CLOSED, date(2027, 2, 1), DAY, "vague 2, ENT ouvert depuis le 4 janvier 2027, déploiement terminé"),
])  # fmt: skip
def test_what_is_said_of_a_school_s_opening(state, starts_on, opened_on, said):
    assert say_wave("vague 2", state, starts_on, opened_on, DAY) == said


@given(STATES, st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_no_sentence_ends_in_the_middle(state, starts_on, today):
    said = say_wave("vague 2", state, starts_on, today if state in (OPEN, CLOSED) else None, today)
    assert not said.endswith((".", ",", " "))
    assert ". " not in said
