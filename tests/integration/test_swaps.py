"""A model in place of another under the real assistant, Rasa and supervisor included, while people write without end."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
import pytest

from bot.operations.model_files import model_path
from bot.operations.preparation import PASSWORDS
from bot.settings import ROOT
from tests.integration.steady_load import SteadyLoad
from tests.soak import LONG
from tests.stack import Stack, without_settings
from tests.unit.learning.models_made import write_record

SWAPS = 10 if LONG else 2
# One message a second each.
PEOPLE = 20
QUIET_S = 3.0
# From the gesture to the turn, the model loaded anew.
BACK_WITHIN_S = 30.0
SWAP_S = 150
PROMISED_S = 4.0

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240 + SWAPS * SWAP_S)]


def copy_model(name: str) -> Path:
    """Copy the trained model under another name, and with an identifier of its own, which each answer then carries."""
    target = ROOT / "models" / f"{name}.tar.gz"
    with tarfile.open(model_path(ROOT)) as source, tarfile.open(target, "w:gz", compresslevel=1) as copy:
        for member in source:
            content = source.extractfile(member)
            data = content.read() if content else b""
            if member.name.removeprefix("./") == "metadata.json":
                data = json.dumps({**json.loads(data), "model_id": name}).encode()
                member.size = len(data)
            copy.addfile(member, io.BytesIO(data) if content else None)
    write_record(target)
    return target


@pytest.fixture(scope="module")
def models(stack: Stack) -> Iterator[tuple[str, str]]:
    """Two models that can be told apart by what answers."""
    made = [copy_model(f"essai-{letter}") for letter in "ab"]
    yield made[0].name, made[1].name
    for path in made:
        path.unlink()
        path.with_name(path.name.replace(".tar.gz", ".json")).unlink()


@pytest.fixture(autouse=True)
def _whole_again(stack: Stack) -> Iterator[None]:
    """Each test begins and ends with the engine of slot a, as the other tests of the assistant know it."""
    yield
    if len(running(stack)) != 1 or "rasa-a" not in running(stack):
        Workshop(stack).serve(model_path(ROOT).name)
    stack.wait_until(lambda: running(stack) == ["rasa-a"], SWAP_S, "slot a serves alone")
    stack.wait_until(stack.engine_answers, SWAP_S, "the engine answers again")


def running(stack: Stack) -> list[str]:
    """The engines that run or start."""
    states = stack.control.list_states()
    return [name for name in ("rasa-a", "rasa-b") if states[name].state in ("RUNNING", "STARTING")]


class Workshop:
    """A formateur at the page « Modèle en service »."""

    path = "/workshop/service"

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._http = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        passwords = json.loads((stack.settings.var_dir / PASSWORDS).read_text("utf-8"))
        login = next(login for login in passwords if login.startswith("formateur"))
        self._read("/console/connexion")
        self._post("/console/connexion", login=login, password=passwords[login])

    def _read(self, path: str) -> str:
        page = self._http.open(self.stack.frame_url + path, timeout=15).read().decode()
        if found := re.search('name="csrf" value="([^"]+)"', page):
            self._csrf = found[1]
        return page

    def _post(self, path: str, **fields: str) -> str:
        data = urllib.parse.urlencode({"csrf": self._csrf, **fields}).encode()
        request = urllib.request.Request(
            self.stack.frame_url + path, data, {"Origin": self.stack.frame_url, "Sec-Fetch-Site": "same-origin"}
        )
        return self._http.open(request, timeout=15).read().decode()

    def look(self) -> str:
        """Read the page, again when the site asks to come back in a moment."""
        while True:
            try:
                return self._read(self.path)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(1)

    def begin(self, model: str) -> None:
        """Ask for a model."""
        self._read(self.path)
        self._post(self.path, model=model)

    def back(self) -> None:
        """Ask for the former one."""
        self._read(self.path)
        self._post(f"{self.path}/retour")

    def wait(self) -> tuple[float, float]:
        """Wait for the swap to end; return the seconds until the turn and until the end, and fail with what the page says."""
        began, turned = time.monotonic(), 0.0
        while "En cours : " in (page := self.look()):
            if not turned and "Le nouveau modèle répond." in page:
                turned = time.monotonic() - began
            assert time.monotonic() - began < SWAP_S, page
            time.sleep(0.2)
        assert "n’a pas été mis en service" not in page, page
        return turned, time.monotonic() - began

    def serve(self, model: str) -> tuple[float, float]:
        """Put a model in service; return what `wait` does."""
        self.begin(model)
        return self.wait()


def answering(stack: Stack) -> str | None:
    """The identifier of the model that answers."""
    return stack.say(stack.open(), "comment voir les devoirs de ma fille ?")["result"]["model"]


def test_swaps_under_twenty_messages_a_second_fail_lose_and_degrade_none(stack: Stack, models: tuple[str, str]) -> None:
    workshop = Workshop(stack)
    turned, ended = [], []
    with SteadyLoad(stack, PEOPLE) as load:
        time.sleep(QUIET_S)
        for model in itertools.islice(itertools.cycle(models), SWAPS):
            before, after = workshop.serve(model)
            turned.append(before)
            ended.append(after)
            time.sleep(QUIET_S)
        seconds = time.monotonic() - min(exchange.sent for exchange in load.exchanges)
    answered = Counter(exchange.reply["result"]["model"] for exchange in load.exchanges)
    figures = {
        "swaps": SWAPS,
        "messages a second": round(len(load.exchanges) / seconds, 1),
        **load.figures(),
        "answered by": {str(name): count for name, count in answered.items()},
        "until the turn (s)": [round(one, 1) for one in turned],
        "until the end (s)": [round(one, 1) for one in ended],
    }
    print(json.dumps(figures, indent=2))
    load.check()
    assert load.refusals == []
    assert all(exchange.tries == 1 for exchange in load.exchanges)
    # What is certainly urgent is answered before the engine is asked; everything else must have been understood by it.
    without = [exchange for exchange in load.exchanges if exchange.reply["result"]["model"] is None]
    assert all(exchange.reply["result"]["outcome"] == "urgent" for exchange in without)
    assert {"essai-a", "essai-b"} <= set(answered)
    assert figures["slowest (s)"] <= PROMISED_S


def test_the_former_model_is_back_in_one_gesture_within_half_a_minute(stack: Stack, models: tuple[str, str]) -> None:
    workshop = Workshop(stack)
    former = answering(stack)
    workshop.serve(models[0] if former != "essai-a" else models[1])
    token = stack.open()
    assert stack.say(token, "où sont les menus ?")["result"]["model"].startswith("essai-")
    workshop.back()
    turned, ended = workshop.wait()
    print(json.dumps({"until the turn (s)": round(turned, 1), "until the end (s)": round(ended, 1)}))
    assert turned <= BACK_WITHIN_S
    reply = stack.say(token, "et les devoirs ?")
    assert reply["result"]["model"] == former
    assert running(stack) == ["rasa-a"]


def test_the_site_killed_in_the_middle_of_a_swap_comes_back_on_the_model_that_served(
    stack: Stack, models: tuple[str, str]
) -> None:
    workshop = Workshop(stack)
    served = answering(stack)
    workshop.begin(next(model for model in models if not model.startswith(str(served))))
    stack.wait_until(lambda: "rasa-b" in running(stack), SWAP_S, "the second engine starts")
    stack.signal("web", signal.SIGKILL)
    stack.wait_until(lambda: stack.call("GET", "/healthz")[0] == 200, 60, "the site is back")
    assert answering(stack) == served
    workshop = Workshop(stack)
    # The second engine is stopped first, then the row is closed.
    cut = "Le processus qui changeait de modèle a été arrêté."
    stack.wait_until(lambda: cut in workshop.look(), 60, "the swap is told to have been cut")
    stack.wait_until(lambda: running(stack) == ["rasa-a"], 60, "the second engine is stopped")
    assert answering(stack) == served


def test_a_command_puts_a_model_in_service_and_the_site_follows(stack: Stack, models: tuple[str, str]) -> None:
    environment = {
        **without_settings(os.environ),
        "ASSISTENT_VAR_DIR": str(stack.settings.var_dir), "ASSISTENT_PORT": str(stack.settings.port),
        "ASSISTENT_RASA_PORT": str(stack.settings.rasa_port), "ASSISTENT_RASA_B_PORT": str(stack.settings.rasa_b_port),
        "ASSISTENT_ACTIONS_PORT": str(stack.settings.actions_port),
    }  # fmt: skip

    def command(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "bot", *words], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=SWAP_S,
        )  # fmt: skip

    served = answering(stack)
    chosen = next(model for model in models if not model.startswith(str(served)))
    done = command("serve", chosen.removesuffix(".tar.gz"))
    assert done.returncode == 0, done.stderr
    assert "Le modèle est en service." in done.stdout
    assert answering(stack) == chosen.removesuffix(".tar.gz")
    assert f"{chosen}, appris le 20 novembre 2026" in command("models").stdout
    refused = command("serve", "absent")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Choisissez-en un dans la liste" in refused.stderr
    # A half-written archive, under the real engine.
    half = ROOT / "models" / f"essai-{uuid.uuid4().hex[:8]}.tar.gz"
    try:
        half.write_bytes(model_path(ROOT).read_bytes()[:5_000_000])
        write_record(half)
        refused = command("serve", half.name)
        assert refused.returncode == 1
        assert "abîmée ou incomplète" in refused.stderr
    finally:
        half.unlink()
        half.with_name(half.name.replace(".tar.gz", ".json")).unlink()
    assert answering(stack) == chosen.removesuffix(".tar.gz")
    back = command("serve", "--back")
    assert back.returncode == 0, back.stderr
    assert answering(stack) == served
    engines = [
        process for process in psutil.Process(stack.process.pid).children(recursive=True) if "rasa" in process.cmdline()
    ]
    assert len(engines) == 1
