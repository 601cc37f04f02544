"""Logs: one JSON object a line, and no words of anybody's."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from bot.settings import ROOT
from bot.web.logs import drop_words


def log(code: str, level: str = "DEBUG") -> list[dict]:
    """Run `code` in a process that logs as in production; return its lines."""
    prelude = f"import logging, structlog\nfrom bot.web.logs import configure_logs\nconfigure_logs({level!r})\nlog = structlog.get_logger()\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_a_json_object_with_level_and_time() -> None:
    [line] = log("log.info('engine_ready', model='été', count=3)")
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "engine_ready", "level": "info", "model": "été", "count": 3}


@pytest.mark.parametrize("key", ["text", "message", "comment", "problem", "token", "authorization", "body"])
def test_what_may_hold_words_is_dropped_whoever_adds_it(key: str) -> None:
    assert drop_words(None, "info", {"event": "x", key: "mes parents divorcent"}) == {"event": "x"}
    assert "divorcent" not in str(log(f"log.info('x', {key}='mes parents divorcent')"))


def test_a_failure_is_one_line_too() -> None:
    [line] = log(
        """
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception('unforeseen', number='abc')
        """
    )
    assert "ZeroDivisionError" in line["exception"]


def test_libraries_are_heard_when_they_warn_and_in_the_same_shape() -> None:
    lines = log(
        """
        for name in ("aiosqlite", "sqlalchemy.engine", "aiohttp.access", "asyncio"):
            logging.getLogger(name).debug("INSERT %s", "mes parents divorcent")
            logging.getLogger(name).info("INSERT %s", "mes parents divorcent")
        logging.getLogger("aiohttp.server").error("Error handling request")
        """
    )
    assert [(line["event"], line["level"]) for line in lines] == [("Error handling request", "error")]


@pytest.mark.parametrize(("level", "heard"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_the_level_is_ours(level: str, heard: int) -> None:
    assert len(log("log.debug('a'); log.info('b'); log.warning('c'); log.error('d')", level)) == heard
