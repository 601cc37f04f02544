"""Structured logs, a JSON object a line, without anything that a person wrote."""

from __future__ import annotations

import logging
import sys

import structlog

# Keys that must never carry a person's words, whoever adds them.
_FORBIDDEN = frozenset({"text", "message", "comment", "problem", "token", "authorization", "body"})


def configure_logs(level: str) -> None:
    """Send every log to standard output as JSON; `level` is ours.

    Libraries are heard from WARNING on, whatever our level: below, aiosqlite and others tell each statement with its
    values, which are what people wrote.
    """
    shared = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_words,
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


def drop_words(_: object, __: str, event: dict) -> dict:
    """Remove what could hold a person's words."""
    return {key: value for key, value in event.items() if key not in _FORBIDDEN}
