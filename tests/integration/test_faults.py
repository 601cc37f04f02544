"""What the assistant survives: each process killed, frozen or away, under the real one."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import time
import urllib.error
import uuid
from collections.abc import Iterator

import psutil
import pytest

from bot.settings import ROOT
from tests.integration.steady_load import SteadyLoad
from tests.soak import TIMES
from tests.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

# A useful reply is promised within this long, whatever is out.
PROMISED_S = 4.0
BACK_S = 90

USEFUL = {"answer", "choices", "degraded", "clarify", "dialogue", "form", "ticket", "urgent", "out_of_scope"}


@contextlib.contextmanager
def frozen(stack: Stack, program: str) -> Iterator[None]:
    """Stop a process without ending it: it keeps its sockets and answers nothing."""
    pid = stack.pid(program)
    stack.signal(program, signal.SIGSTOP)
    try:
        yield
    finally:
        if stack.pid(program) == pid:
            stack.signal(program, signal.SIGCONT)


@contextlib.contextmanager
def stopped(stack: Stack, program: str) -> Iterator[None]:
    """Keep a program down for the time of the block."""
    stack.control.stop(program)
    try:
        yield
    finally:
        stack.control.start(program)


@pytest.fixture(autouse=True)
def _whole_again(stack: Stack) -> Iterator[None]:
    """Each test begins and ends with everything up."""
    stack.wait_until(stack.engine_answers, BACK_S, "the engine answers before the test")
    yield
    stack.wait_until(stack.engine_answers, BACK_S, "the engine answers again")


def wait_until_up(stack: Stack, program: str) -> None:
    """Wait for a program to be what supervisor calls running: it stayed up for some seconds."""
    stack.wait_until(lambda: stack.control.list_states()[program].state == "RUNNING", BACK_S, f"{program} is up")


def listens(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def leave_a_request(stack: Stack, token: str) -> dict:
    """Tell a request to its end; return the last reply."""
    stack.say(token, "je veux parler à quelqu'un")
    reply = stack.say(token, "Le cahier de vie de ma fille est vide depuis un mois")
    assert reply["result"]["outcome"] == "form", reply
    return stack.say(token, "oui")


def test_only_the_loopback_is_listened_on(stack: Stack) -> None:
    family = psutil.Process(stack.process.pid).children(recursive=True)
    listening = [
        connection.laddr.ip for process in family for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]  # fmt: skip
    assert len(listening) >= 3, "web, actions and rasa-a"
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_rasa_killed_every_message_gets_a_useful_reply_and_a_request_can_be_left(stack: Stack) -> None:
    token = stack.open(uai="0750001U")
    stack.signal("rasa-a", signal.SIGKILL)
    reply = stack.say(token, "J'ai oublié mon mot de passe")
    assert reply["seconds"] <= PROMISED_S
    assert reply["result"]["outcome"] == "degraded"
    assert any(message.get("article") or message.get("buttons") for message in reply["messages"])
    assert leave_a_request(stack, token)["messages"][0]["ticket"]["level"] == 2
    # supervisor brings it back by itself: the fixture waits for it.


def test_rasa_frozen_is_given_up_then_found_again(stack: Stack) -> None:
    token = stack.open(uai="0750001U")
    with frozen(stack, "rasa-a"):
        waits = [stack.say(token, "comment voir les devoirs ?") for _ in range(3)]
        assert all(reply["seconds"] <= PROMISED_S for reply in waits)
        assert all(reply["result"]["outcome"] in USEFUL for reply in waits)
        assert waits[2]["seconds"] < 1, "after two time-outs it is taken for dead and nobody waits for it"
        assert leave_a_request(stack, token)["result"]["outcome"] == "ticket"


@pytest.mark.parametrize("fault", ["killed", "frozen", "stopped"])
def test_actions_out_a_request_is_taken_all_the_same(stack: Stack, fault: str) -> None:
    token = stack.open(uai="0750001U")
    with contextlib.ExitStack() as away:
        if fault == "killed":
            stack.signal("actions", signal.SIGKILL)
        elif fault == "frozen":
            away.enter_context(frozen(stack, "actions"))
        else:
            away.enter_context(stopped(stack, "actions"))
        first = stack.say(token, "je veux parler à quelqu'un")
        assert first["seconds"] <= PROMISED_S
        assert first["result"]["outcome"] == "form"
        assert stack.say(token, "comment changer de mot de passe ?")["seconds"] <= PROMISED_S
        ticket = stack.say(token, "oui")["messages"][0]["ticket"]
    status, tickets = stack.call("GET", "/api/v1/tickets", token=token)
    assert status == 200
    assert [one["number"] for one in tickets["tickets"]] == [ticket["number"]], "one request, not two"


def handed_over(stack: Stack) -> int:
    """How many replies of the actions Rasa has handed to the gateway, which does their work when they do not."""
    with contextlib.closing(sqlite3.connect(stack.settings.var_dir / "rasa-tracker.db")) as tracker:
        query = "SELECT count(*) FROM events WHERE type_name = 'bot' AND data LIKE '%\"request\"%'"
        return tracker.execute(query).fetchone()[0]


def test_actions_take_the_request_and_do_so_again_after_a_kill(stack: Stack) -> None:
    for _ in range(2):
        wait_until_up(stack, "actions")
        stack.wait_until(lambda: listens(stack.settings.actions_port), BACK_S, "actions listen")
        count = handed_over(stack)
        assert leave_a_request(stack, stack.open(uai="0750001U"))["result"]["outcome"] == "ticket"
        assert handed_over(stack) >= count + 2, "told and sent"
        stack.signal("actions", signal.SIGKILL)
        # supervisor is told of the end a moment later.
        stack.wait_until(lambda: stack.control.list_states()["actions"].state != "RUNNING", BACK_S, "actions are out")


def test_rasa_stopped_urgent_messages_are_still_recognised(stack: Stack) -> None:
    lines = [json.loads(line) for line in (ROOT / "benchmarks/eval/dev.jsonl").read_text("utf-8").splitlines()]
    urgent = [line for line in lines if line["topic"].startswith("urgence_")]
    calm = [line for line in lines if not any(topic.startswith("urgence_") for topic in [line["topic"], *line["ok"]])]
    with stopped(stack, "rasa-a"):
        found = [outcome_of(stack, line) == "urgent" for line in urgent]
        false = [line["text"] for line in calm if outcome_of(stack, line) == "urgent"]
    assert sum(found) >= 0.9 * len(urgent), f"{sum(found)} of {len(urgent)}"
    assert len(false) <= 0.02 * len(calm), f"{len(false)} of {len(calm)}"


def outcome_of(stack: Stack, line: dict) -> str:
    """What one line of the measuring set is answered with, in a conversation of its own."""
    return stack.say(stack.open(line["profil"]), line["text"])["result"]["outcome"]


def test_web_killed_between_a_question_and_its_answer_answers_it_once(stack: Stack) -> None:
    token = stack.open()
    identifier = str(uuid.uuid4())
    with frozen(stack, "rasa-a"):
        with contextlib.suppress(OSError, urllib.error.URLError):
            # The question is stored; its answer waits for the frozen engine while the process is killed.
            stack.call(
                "POST", "/api/v1/messages", {"id": identifier, "text": "où sont les menus ?"}, token, timeout=0.7
            )
        stack.signal("web", signal.SIGKILL)
    stack.wait_until(lambda: stack.call("GET", "/healthz")[0] == 200, 60, "web is back")
    replies = [stack.say(token, "où sont les menus ?", id=identifier) for _ in range(2)]
    assert replies[0]["messages"] == replies[1]["messages"]
    _, history = stack.call("GET", "/api/v1/messages", token=token)
    asked = [message for message in history["messages"] if message["from"] == "user"]
    assert [message["text"] for message in asked] == ["où sont les menus ?"]


def test_database_locked_gets_a_clear_answer_and_nothing_half_written(stack: Stack) -> None:
    token = stack.open()
    path = stack.settings.storage_url.partition(":///")[2]
    message = {"id": str(uuid.uuid4()), "text": "où sont les devoirs ?"}
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        status, problem = stack.call("POST", "/api/v1/messages", message, token)
        assert time.monotonic() - started <= PROMISED_S + 1
        other.execute("ROLLBACK")
    assert (status, problem["code"]) == (503, "stockage_indisponible")
    _, history = stack.call("GET", "/api/v1/messages", token=token)
    assert all(one["from"] != "user" for one in history["messages"])
    assert stack.say(token, message["text"], id=message["id"])["result"]["outcome"] in USEFUL


# In this order the engine is back before it is touched again. A site that is frozen answers nobody: it is short. Actions
# frozen while they write keep SQLite's only turn to write, and what is promised begins when they thaw: longer than what Rasa
# waits for them, shorter than the promise.
FAULTS = [
    ("web", "killed", 0), ("actions", "killed", 0), ("rasa-a", "killed", 0), ("actions", "frozen", 3), ("rasa-a", "frozen", 6),
    ("web", "frozen", 2),
]  # fmt: skip
QUIET_S = 2.0


def inflict(stack: Stack, load: SteadyLoad, program: str, fault: str, seconds: float) -> None:
    """Kill or freeze a program that was up, and see the assistant come back."""
    # supervisor gives up on a program that ends several times before it was up: that would be another test.
    wait_until_up(stack, program)
    with load.site_out() if program == "web" else contextlib.nullcontext():
        if fault == "killed":
            stack.signal(program, signal.SIGKILL)
        else:
            with frozen(stack, program):
                time.sleep(seconds)
    if program == "rasa-a":
        stack.wait_until(stack.engine_answers, BACK_S, "the engine answers again")
    time.sleep(QUIET_S)


@pytest.mark.timeout(300 + 70 * TIMES)
def test_under_a_steady_load_no_fault_loses_a_message_or_answers_it_twice(stack: Stack) -> None:
    with SteadyLoad(stack) as load:
        time.sleep(QUIET_S)
        for program, fault, seconds in FAULTS * TIMES:
            inflict(stack, load, program, fault, seconds)
    print(f"{len(FAULTS) * TIMES} faults ({TIMES} of each):", json.dumps(load.figures(), indent=2))
    load.check()
    assert load.figures()["slowest (s)"] <= PROMISED_S
