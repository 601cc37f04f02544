"""The states of a request: what moves it, who may, and that nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.errors import AssistentError, Conflict, Forbidden, InvalidInput
from bot.escalation.states import (
    CLOSED,
    IN_PROGRESS,
    NEW,
    OPEN_STATES,
    PERSON,
    REOPEN_DAYS,
    RESOLVED,
    STATES,
    SYSTEM,
    WAITING,
    Command,
    Kind,
    TicketState,
    apply,
    event_data,
    is_too_late,
    possible_commands,
    reopen_until,
)
from bot.people.rules import Role

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ROLES = [PERSON, SYSTEM, *Role]

# Written by hand, apart from the rules: every change of state that a gesture may make.
MOVES = {
    Kind.TAKE: {(NEW, IN_PROGRESS), (IN_PROGRESS, IN_PROGRESS), (WAITING, WAITING)},
    Kind.ASSIGN: {
        (NEW, IN_PROGRESS), (IN_PROGRESS, IN_PROGRESS), (WAITING, WAITING),
        (NEW, NEW), (IN_PROGRESS, NEW), (WAITING, NEW),
    },
    Kind.REPLY: {
        (NEW, IN_PROGRESS), (IN_PROGRESS, IN_PROGRESS), (WAITING, IN_PROGRESS),
        (NEW, NEW), (WAITING, WAITING), (RESOLVED, RESOLVED),
    },
    Kind.ASK: {(NEW, WAITING), (IN_PROGRESS, WAITING), (WAITING, WAITING), (NEW, NEW), (IN_PROGRESS, IN_PROGRESS)},
    Kind.ANSWER: {(NEW, NEW), (IN_PROGRESS, IN_PROGRESS), (WAITING, IN_PROGRESS)},
    Kind.RESOLVE: {(state, RESOLVED) for state in OPEN_STATES},
    # From closed to closed: what follows another request follows it no more.
    Kind.CLOSE: {(state, CLOSED) for state in (*OPEN_STATES, RESOLVED, CLOSED)},
    Kind.REOPEN: {(before, after) for before in (RESOLVED, CLOSED) for after in (NEW, IN_PROGRESS)},
    Kind.ESCALATE: {(state, NEW) for state in OPEN_STATES},
    Kind.GIVE_BACK: {(state, NEW) for state in OPEN_STATES},
    Kind.JOIN: {(NEW, NEW), (IN_PROGRESS, IN_PROGRESS), (WAITING, IN_PROGRESS), (CLOSED, CLOSED)},
    Kind.MERGE: {(state, CLOSED) for state in OPEN_STATES},
    Kind.UNMERGE: {(CLOSED, NEW), (CLOSED, IN_PROGRESS)},
}  # fmt: skip


def ticket(**changes) -> TicketState:
    return replace(TicketState(2, START), **changes)


def gesture(
    kind: Kind, role: str, *, days: float = 0, by: str = "a1", reason: str = "", to: str | None = None
) -> Command:
    return Command(kind, role, START + timedelta(days=days), by, reason, to)


def play(start: TicketState, *commands: Command) -> TicketState:
    for command in commands:
        start = apply(start, command)
    return start


def outcome(start: TicketState, command: Command) -> TicketState | AssistentError:
    try:
        return apply(start, command)
    except AssistentError as refused:
        return refused


# --- one at a time ----------------------------------------------------------------------------


def test_a_request_goes_from_new_to_closed_by_the_levels_own_agents() -> None:
    taken = apply(ticket(), gesture(Kind.TAKE, Role.AGENT_N2))
    assert (taken.state, taken.assignee_id) == (IN_PROGRESS, "a1")
    asked = apply(taken, gesture(Kind.ASK, Role.AGENT_N2, days=1))
    assert asked.state == WAITING
    told = apply(asked, gesture(Kind.ANSWER, PERSON, days=2))
    assert told.state == IN_PROGRESS
    assert told.pauses == ((START + timedelta(days=1), START + timedelta(days=2)),)
    solved = apply(told, gesture(Kind.RESOLVE, Role.AGENT_N2, days=3))
    assert (solved.state, solved.resolved_at) == (RESOLVED, START + timedelta(days=3))
    closed = apply(solved, gesture(Kind.CLOSE, SYSTEM, days=20))
    assert (closed.state, closed.resolved_at) == (CLOSED, solved.resolved_at)


def test_escalated_it_is_new_at_level_3_with_deadlines_of_its_own() -> None:
    asked = play(ticket(), gesture(Kind.TAKE, Role.AGENT_N2), gesture(Kind.ASK, Role.AGENT_N2, days=1))
    escalated = apply(asked, gesture(Kind.ESCALATE, Role.AGENT_N2, days=2, reason="panne du service"))
    assert escalated == TicketState(3, START + timedelta(days=2))
    back = apply(escalated, gesture(Kind.GIVE_BACK, Role.AGENT_N3, days=3, reason="droits à corriger en académie"))
    assert back == TicketState(2, START + timedelta(days=3))


@pytest.mark.parametrize(
    ("kind", "role", "level"), [(Kind.ESCALATE, Role.AGENT_N2, 2), (Kind.GIVE_BACK, Role.AGENT_N3, 3)]
)
def test_a_change_of_level_needs_its_reason(kind: Kind, role: Role, level: int) -> None:
    with pytest.raises(InvalidInput, match="raison"):
        apply(ticket(level=level), gesture(kind, role, reason="  "))


def test_a_reply_takes_the_request_for_an_agent_of_its_level() -> None:
    replied = apply(ticket(), gesture(Kind.REPLY, Role.AGENT_N2, days=1))
    assert (replied.state, replied.assignee_id, replied.answered_at) == (IN_PROGRESS, "a1", START + timedelta(days=1))


@pytest.mark.parametrize(("role", "level"), [(Role.REFERENT, 2), (Role.REFERENT, 3), (Role.AGENT_N2, 3)])
@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.ASK])
def test_who_helps_from_outside_answers_without_taking_the_request_from_its_level(kind, role, level) -> None:
    after = apply(ticket(level=level), gesture(kind, role))
    assert after == ticket(level=level, answered_at=START)


def test_nothing_waits_for_a_referent() -> None:
    with pytest.raises(Forbidden):
        apply(ticket(), gesture(Kind.TAKE, Role.REFERENT))


def test_another_tool_works_on_a_request_without_an_account() -> None:
    asked = apply(ticket(level=3), gesture(Kind.ASK, SYSTEM))
    assert (asked.state, asked.assignee_id) == (WAITING, None)
    assert apply(asked, gesture(Kind.ANSWER, PERSON)).state == IN_PROGRESS


def test_what_one_agent_took_another_does_not_take_by_mistake() -> None:
    taken = apply(ticket(), gesture(Kind.TAKE, Role.AGENT_N2, by="a1"))
    with pytest.raises(Conflict, match="Une autre personne"):
        apply(taken, gesture(Kind.TAKE, Role.AGENT_N2, by="a2"))
    with pytest.raises(Conflict, match="déjà pris"):
        apply(taken, gesture(Kind.TAKE, Role.AGENT_N2, by="a1"))
    assert apply(taken, gesture(Kind.ASSIGN, Role.AGENT_N2, by="a2", to="a2")).assignee_id == "a2"


def test_put_back_in_the_queue_it_is_new_for_everybody() -> None:
    asked = play(ticket(), gesture(Kind.ASK, Role.AGENT_N2))
    free = apply(asked, gesture(Kind.ASSIGN, SYSTEM, days=1))
    assert (free.state, free.assignee_id, free.pauses) == (NEW, None, ((START, START + timedelta(days=1)),))


def test_the_person_closes_his_own_request_and_may_reopen_it() -> None:
    closed = play(ticket(), gesture(Kind.TAKE, Role.AGENT_N2), gesture(Kind.CLOSE, PERSON, days=1))
    assert closed.state == CLOSED
    again = apply(closed, gesture(Kind.REOPEN, PERSON, days=1 + REOPEN_DAYS))
    assert (again.state, again.assignee_id, again.since) == (IN_PROGRESS, "a1", START + timedelta(days=1 + REOPEN_DAYS))


def test_reopening_after_the_delay_opens_a_follow_up_instead() -> None:
    resolved = apply(ticket(), gesture(Kind.RESOLVE, Role.REFERENT))
    late = gesture(Kind.REOPEN, PERSON, days=REOPEN_DAYS + 0.01)
    assert reopen_until(resolved) == START + timedelta(days=REOPEN_DAYS)
    with pytest.raises(Conflict, match="nouvelle demande"):
        apply(resolved, late)
    assert Kind.REOPEN not in possible_commands(resolved, PERSON, "p1", late.at)


def test_a_word_more_after_the_solution_reopens_nothing() -> None:
    resolved = apply(ticket(), gesture(Kind.RESOLVE, Role.AGENT_N2))
    assert apply(resolved, gesture(Kind.REPLY, Role.AGENT_N2, days=1)) == resolved


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        (PERSON, {Kind.ANSWER, Kind.JOIN, Kind.CLOSE}),
        (Role.REFERENT, {Kind.REPLY, Kind.ASK, Kind.RESOLVE, Kind.CLOSE}),
        (Role.AGENT_N2, set(Kind) - {Kind.ANSWER, Kind.JOIN, Kind.REOPEN, Kind.GIVE_BACK, Kind.UNMERGE}),
        (Role.AGENT_N3, set()),
        (Role.ADMINISTRATEUR, {Kind.ASSIGN}),
        (Role.FORMATEUR, set()),
    ],
)
def test_on_a_new_request_of_level_2_each_role_may_do_its_own(role: str, kinds: set[Kind]) -> None:
    assert set(possible_commands(ticket(), role, "x", START)) == kinds


def test_level_3_does_not_act_on_what_it_gave_back() -> None:
    with pytest.raises(Conflict, match="niveau 2"):
        apply(ticket(), gesture(Kind.REPLY, Role.AGENT_N3))
    with pytest.raises(Conflict, match="niveau 2"):
        apply(ticket(), gesture(Kind.GIVE_BACK, SYSTEM, reason="rejeté"))


# --- merged into another ----------------------------------------------------------------------


def merged(main: str = NEW, **changes) -> TicketState:
    return ticket(**{"state": CLOSED, "resolved_at": START, "main": main, **changes})


def test_merged_it_is_closed_until_it_is_separated() -> None:
    taken = apply(ticket(), gesture(Kind.TAKE, Role.AGENT_N2))
    closed = apply(taken, Command(Kind.MERGE, Role.AGENT_N2, START + timedelta(days=1), "a1", main=WAITING))
    assert (closed.state, closed.main, closed.followed) == (CLOSED, WAITING, True)
    again = apply(closed, gesture(Kind.UNMERGE, Role.AGENT_N2, days=40))
    assert (again.state, again.assignee_id, again.main) == (IN_PROGRESS, "a1", None)


@pytest.mark.parametrize("state", [RESOLVED, CLOSED])
def test_nothing_is_merged_into_what_is_finished(state: str) -> None:
    with pytest.raises(Conflict, match="choisissez-en une autre"):
        apply(ticket(), Command(Kind.MERGE, Role.AGENT_N2, START, "a1", main=state))


@pytest.mark.parametrize("role", [PERSON, Role.REFERENT, Role.AGENT_N3, Role.ADMINISTRATEUR, SYSTEM])
def test_only_agents_of_its_level_merge_a_request(role: str) -> None:
    with pytest.raises(AssistentError):
        apply(ticket(), gesture(Kind.MERGE, role))


def test_while_the_main_one_is_open_it_is_dealt_with_there_and_only_there() -> None:
    for role in ROLES:
        offered = set(possible_commands(merged(), role, "a1", START))
        allowed = {PERSON: {Kind.JOIN, Kind.CLOSE}, SYSTEM: {Kind.UNMERGE}, Role.AGENT_N2: {Kind.UNMERGE}}
        assert offered <= allowed.get(role, {Kind.UNMERGE}), role
    assert apply(merged(), gesture(Kind.JOIN, PERSON)) == merged()


def test_the_person_may_leave_and_then_reopen_his_own() -> None:
    left = apply(merged(), gesture(Kind.CLOSE, PERSON, days=3))
    assert (left.state, left.main, left.resolved_at) == (CLOSED, None, START + timedelta(days=3))
    assert apply(left, gesture(Kind.REOPEN, PERSON, days=4)).state == NEW


@pytest.mark.parametrize("main", [RESOLVED, CLOSED])
def test_once_the_main_one_is_finished_it_is_reopened_by_itself(main: str) -> None:
    again = apply(merged(main), gesture(Kind.REOPEN, PERSON, days=1))
    assert (again.state, again.main) == (NEW, None)
    with pytest.raises(Conflict, match="rouvrez"):
        apply(merged(main), gesture(Kind.UNMERGE, Role.AGENT_N2))


# --- any sequence -----------------------------------------------------------------------------


class Requests(RuleBasedStateMachine):
    """Anybody does anything at any time to one request; what is accepted is kept as its history."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.ticket = TicketState(2, START)
        self.history: list[tuple[Command, TicketState, dict]] = []
        self.now = START

    def attempt(self, command: Command) -> None:
        before = self.ticket
        after = outcome(before, command)
        if isinstance(after, AssistentError):
            assert isinstance(after, Conflict | Forbidden | InvalidInput)
            assert self.ticket == before
            return
        assert (before.state, after.state) in MOVES[command.kind]
        if after.level != before.level:
            assert command.kind in (Kind.ESCALATE, Kind.GIVE_BACK)
            assert command.reason.strip()
        self.history.append((command, after, event_data(before, command, after)))
        self.ticket = after
        if self.main:
            # What the main one becomes meanwhile is not the doing of this one.
            self.first = self.ticket
            self.history.clear()

    @property
    def main(self) -> str | None:
        return self.ticket.main

    @rule(state=st.sampled_from(STATES))
    def the_main_one_goes_on(self, state: str) -> None:
        if self.main:
            self.first = self.ticket = replace(self.ticket, main=state)
            self.history.clear()

    @rule(
        kind=st.sampled_from(Kind), role=st.sampled_from(ROLES), by=st.sampled_from(["a1", "a2"]),
        reason=st.sampled_from(["", " ", "raison"]), to=st.sampled_from([None, "a1", "a2"]),
    )  # fmt: skip
    def anybody_tries_anything(self, kind: Kind, role: str, by: str, reason: str, to: str | None) -> None:
        self.attempt(Command(kind, role, self.now, by, reason, to))

    @rule(data=st.data(), role=st.sampled_from(ROLES), by=st.sampled_from(["a1", "a2"]))
    def somebody_does_what_is_offered(self, data, role: str, by: str) -> None:
        offered = possible_commands(self.ticket, role, by, self.now)
        assume(offered)
        command = Command(data.draw(st.sampled_from(offered)), role, self.now, by, "raison", by)
        assert isinstance(outcome(self.ticket, command), TicketState)
        self.attempt(command)

    @rule(hours=st.integers(1, 24 * 20))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def it_is_in_a_legal_state(self) -> None:
        now = self.ticket
        assert now.state in STATES
        assert now.level in (2, 3)
        assert now.state != NEW or now.assignee_id is None
        assert now.main is None or now.state == CLOSED
        assert (now.resolved_at is not None) == (now.state in (RESOLVED, CLOSED))
        assert START <= now.since <= self.now
        assert now.answered_at is None or now.since <= now.answered_at <= self.now

    @invariant()
    def pauses_are_in_order_and_last_as_long_as_the_person_is_waited_for(self) -> None:
        pauses = self.ticket.pauses
        assert bool(pauses and pauses[-1][1] is None) == (self.ticket.state == WAITING)
        ends = [instant for pause in pauses for instant in pause if instant]
        assert ends == sorted(ends)
        assert all(end is not None for _, end in pauses[:-1])
        assert not ends or ends[0] >= self.ticket.since

    @invariant()
    def somebody_can_always_go_on_with_it(self) -> None:
        if self.ticket.state in OPEN_STATES:
            assert Kind.RESOLVE in possible_commands(self.ticket, SYSTEM, "", self.now)
            for role in (Role.REFERENT, Role.AGENT_N2):
                assert {Kind.REPLY, Kind.RESOLVE} <= set(possible_commands(self.ticket, role, "a1", self.now))

    @invariant()
    def its_history_tells_it_all(self) -> None:
        assert play(self.first, *(command for command, _, _ in self.history)) == self.ticket
        told = [{"state": self.first.state, "level": self.first.level}, *(data for _, _, data in self.history)]
        for (before, after), (command, state, _) in zip(pairwise(told), self.history):
            assert (before["state"], after["state"]) in MOVES[command.kind]
            assert (after["state"], after["level"]) == (state.state, state.level)
        assignee = self.first.assignee_id
        for _, state, data in self.history:
            assignee = data.get("assignee", assignee)
            assert assignee == state.assignee_id


TestRequests = Requests.TestCase


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", STATES)
def test_whatever_is_refused_is_refused_with_a_sentence_of_its_own(kind: Kind, state: str) -> None:
    resolved_at = START if state in (RESOLVED, CLOSED) else None
    pauses = ((START, None),) if state == WAITING else ()
    for role in ROLES:
        after = outcome(ticket(state=state, resolved_at=resolved_at, pauses=pauses), gesture(kind, role))
        if isinstance(after, AssistentError):
            assert after.sentence.endswith(".")
            assert after.sentence != type(after).sentence


def test_a_follow_up_is_due_only_of_what_is_finished_for_too_long() -> None:
    late = START + timedelta(days=REOPEN_DAYS, seconds=1)
    resolved = ticket(state=RESOLVED, resolved_at=START)
    assert is_too_late(resolved, late)
    assert not is_too_late(resolved, late - timedelta(seconds=1))
    assert not is_too_late(ticket(), late)
    assert not is_too_late(merged(), late)
    assert is_too_late(merged(RESOLVED), late)
