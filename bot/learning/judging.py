"""The program that judges models, run in Rasa's environment (benchmarks/compare.py): once for a report, or asked sentence by sentence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.errors import Conflict, EngineError, EngineTimeout, OperationError

_PROGRAM = Path("benchmarks") / "compare.py"
# Reading two models takes 5 to 10 seconds on two free cores; a browser waits longer than that, a person hardly.
LOAD_S, ANSWER_S = 45.0, 15.0
_LINES_SHOWN = 15


def judge_command(root: Path, inputs: Path, candidate: Path, served: Path | None) -> list[str]:
    """Return the command that judges a model, with the code and topics it was made with, beside the one in service if any."""
    return [
        *("env", "OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1", "nice", "-n", "10"),
        str(root / ".venv-rasa" / "bin" / "python"),
        *(str(root / _PROGRAM), "--inputs", str(inputs), "--candidate", str(candidate)),
        *(("--served", str(served)) if served else ()),
    ]


def judge_models(root: Path, inputs: Path, candidate: Path, served: Path | None, heard: list[dict[str, Any]], log: Path,
                 stop: threading.Event) -> dict[str, Any]:  # fmt: skip
    """Measure a model beside the one in service, on the reference set and on the messages `heard`; it is ended when `stop` is set."""
    lines, out = candidate.with_name("heard.jsonl"), candidate.with_name("judged.json")
    lines.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in heard), encoding="utf-8")
    command = [*judge_command(root, inputs, candidate, served), "--heard", str(lines), "--json", str(out)]
    with log.open("ab") as kept:
        process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=kept, stderr=kept, start_new_session=True
        )
        status = None
        try:
            while status is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(0.2)
                if stop.is_set():
                    break
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if status or not out.is_file():
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_SHOWN:]
        raise OperationError("\n".join(["La mesure du modèle a échoué. Les dernières lignes du journal :", *last]))
    return json.loads(out.read_text(encoding="utf-8"))


class Trials:
    """A candidate and the model in service, asked sentence by sentence; one pair at a time, which ends by itself when left alone."""

    def __init__(self, root: Path, served: Callable[[], Path]) -> None:
        self._root = root
        # Where the archive of the model in service is, at this instant.
        self._served = served
        self._process: asyncio.subprocess.Process | None = None
        self._of: tuple[Any, ...] = ()
        self._told: dict[str, str] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, archive: str, text: str, profile: str | None) -> dict[str, Any]:
        """Return what each model would decide of a first message, and under `failed` why one could not be read.

        Conflict: the candidate is no longer kept. EngineTimeout: the models are still being read, or busy. EngineError: they died.
        """
        question = json.dumps({"id": "", "text": text, "profil": profile}).encode() + b"\n"
        async with self._turn:
            try:
                await self._open(archive)
                assert self._process is not None
                assert self._process.stdin is not None
                if self._told is None:
                    self._told = await self._read(LOAD_S)
                self._process.stdin.write(question)
                await self._process.stdin.drain()
                try:
                    said = await self._read(ANSWER_S)
                except EngineTimeout:
                    # What it says later would be taken for the answer to the next question.
                    await self._close()
                    raise
            except (ConnectionError, ValueError) as error:
                await self._close()
                raise EngineError("Les modèles à essayer se sont arrêtés. Envoyez la phrase de nouveau.") from error
            return {**said, "failed": {name: why for name, why in self._told.items() if why}}

    async def stop(self) -> None:
        """End what is open."""
        async with self._turn:
            await self._close()

    async def _open(self, archive: str) -> None:
        models = self._root / "models"
        candidate, inputs = models / f"{archive}.tar.gz", models / f"{archive}.inputs.tgz"
        if not candidate.is_file() or not inputs.is_file():
            raise Conflict("Ce modèle n’est plus gardé : relancez un apprentissage pour en essayer un.")
        served = found if (found := self._served()).exists() else None
        of = (archive, served, served and served.stat().st_mtime_ns)
        if self._process is not None and self._process.returncode is None and self._of == of:
            return
        await self._close()
        self._process = await asyncio.create_subprocess_exec(
            *judge_command(self._root, inputs, candidate, served), "--ask", cwd=self._root, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._of, self._told = of, None

    async def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise EngineTimeout(
                "Les modèles se chargent encore. Envoyez la phrase de nouveau dans un instant."
            ) from error
        if not line:
            raise ConnectionError
        return json.loads(line)

    async def _close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        self._process = None
