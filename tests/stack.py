"""The whole assistant as `make run` starts it, on ports and in a folder of the tests' own, for what only it can show."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.operations.processes import Control
from bot.settings import ROOT, Settings, read_settings

START_S = 240
# The name under which a test may connect a group to a Redmine of its own.
REDMINE_KEY = "ASSISTENT_CONNECTOR_REDMINE"


@dataclass
class Site:
    """A running assistant, as its callers see it."""

    settings: Settings

    @property
    def url(self) -> str:
        """Where an ENT's page is, in the tests."""
        return f"http://localhost:{self.settings.port}"

    @property
    def frame_url(self) -> str:
        """Another origin of the same server: where the widget comes from."""
        return f"http://127.0.0.1:{self.settings.port}"

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, timeout: float = 15
    ) -> tuple[int, Any]:
        """Call the API; return (status, decoded body)."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.frame_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                content = reply.read()
                return reply.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def open(self, profile: str | None = "parent", **more: Any) -> str:
        """Open a conversation; return its token."""
        status, opened = self.call("POST", "/api/v1/sessions", {"profile": profile, **more} if profile else more)
        assert status == 201, opened
        return opened["token"]

    def say(self, token: str, text: str | None = None, *, choice: str | None = None, id: str | None = None) -> Any:
        """Send a message; return the reply, with the seconds that it took as `seconds`."""
        message = {"id": id or str(uuid.uuid4()), **({"text": text} if choice is None else {"choice": choice})}
        started = time.monotonic()
        status, reply = self.call("POST", "/api/v1/messages", message, token)
        assert status == 200, reply
        return {**reply, "seconds": time.monotonic() - started}

    def is_ready(self) -> bool:
        """Tell whether everything has been ready once; False when nobody answers."""
        try:
            return self.call("GET", "/readyz")[0] == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_until(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Wait for something to become true, or fail saying what."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.2)
        raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Stack(Site):
    """A running assistant, its processes under supervisor."""

    control: Control
    process: subprocess.Popen

    def pid(self, program: str) -> int | None:
        """The process number of a program, None when it is not running."""
        return self.control.list_states()[program].pid

    def signal(self, program: str, number: signal.Signals) -> None:
        """Send a signal to a program."""
        pid = self.pid(program)
        assert pid, f"{program} is not running"
        os.kill(pid, number)

    def engine_answers(self) -> bool:
        """Tell whether a question is understood by the engine; not when the assistant asks to come back in a moment."""
        status, opened = self.call("POST", "/api/v1/sessions", {"profile": "parent"})
        if status != 201:
            return False
        message = {"id": str(uuid.uuid4()), "text": "comment changer mon adresse mail ?"}
        status, reply = self.call("POST", "/api/v1/messages", message, opened["token"])
        return status == 200 and reply["result"]["model"] is not None


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment where nothing of AssistENT is set."""
    return {name: value for name, value in environment.items() if not name.startswith("ASSISTENT_")}


PORTS = ("ASSISTENT_PORT", "ASSISTENT_RASA_PORT", "ASSISTENT_RASA_B_PORT", "ASSISTENT_ACTIONS_PORT")


def choose_ports() -> dict[str, str]:
    """Return the settings of four free ports."""
    return {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The assistant on the project's own files."""
    with run_stack(tmp_path_factory.mktemp("stack"), ROOT) as stack:
        yield stack


@contextlib.contextmanager
def run_stack(folder: Path, root: Path) -> Iterator[Stack]:
    """Start the assistant of a project as `make run` does, and end it as Ctrl-C does; `folder` holds what it writes."""
    environment = {
        **without_settings(os.environ), **choose_ports(),
        "ASSISTENT_ROOT": str(root), "ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off",
        "ASSISTENT_FRAME_ANCESTORS": "http://localhost:*", REDMINE_KEY: "assistentkey",
    }  # fmt: skip
    settings = read_settings(environment)
    output = folder / "run.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"], cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    stack = Stack(settings, Control.of(settings), process)
    try:
        _wait_until_ready(stack, output)
        yield stack
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(stack: Stack, output: Path) -> None:
    limit = time.monotonic() + START_S
    while time.monotonic() < limit and stack.process.poll() is None:
        if stack.is_ready():
            return
        time.sleep(0.5)
    raise AssertionError(f"the assistant did not start:\n{output.read_text(encoding='utf-8')[-4000:]}")
