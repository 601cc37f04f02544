"""Who may frame what: the policy of each page."""

from __future__ import annotations

import pytest

from bot.settings import DEMONSTRATION, PRODUCTION, Settings
from bot.web.security import FRAME_PATH, policy

ENTS = ("https://ent.exemple.fr", "https://*.academie.exemple.fr")


def directive(text: str, name: str) -> list[str]:
    found = {head: rest for head, *rest in (part.split() for part in text.split(";"))}
    return found[name]


@pytest.mark.parametrize("mode", [DEMONSTRATION, PRODUCTION])
@pytest.mark.parametrize(
    "path", ["/", "/demo/parent", "/api/v1/messages", "/widget/loader.js", "/widget/frame/", "/WIDGET/FRAME"]
)
def test_nothing_but_the_frame_may_be_framed(mode: str, path: str) -> None:
    text = policy(path, Settings(mode=mode, frame_ancestors=ENTS))
    assert directive(text, "frame-ancestors") == ["'none'"]


def test_in_production_the_listed_ents_alone_may_frame() -> None:
    assert directive(policy(FRAME_PATH, Settings(mode=PRODUCTION, frame_ancestors=ENTS)), "frame-ancestors") == list(
        ENTS
    )
    assert directive(policy(FRAME_PATH, Settings(mode=PRODUCTION)), "frame-ancestors") == ["'none'"]


def test_the_demonstration_frames_under_both_names_of_the_machine() -> None:
    text = policy(FRAME_PATH, Settings(port=8123))
    assert directive(text, "frame-ancestors") == ["http://localhost:8123", "http://127.0.0.1:8123"]


def test_only_the_demonstration_s_pages_hold_a_frame() -> None:
    settings = Settings(port=8123)
    assert "http://127.0.0.1:8123" in directive(policy("/demo/parent", settings), "frame-src")
    for path in ("/", FRAME_PATH, "/widget/loader.js"):
        assert directive(policy(path, settings), "frame-src") == ["'none'"]


@pytest.mark.parametrize("mode", [DEMONSTRATION, PRODUCTION])
def test_only_the_console_sends_forms_and_to_itself(mode: str) -> None:
    settings = Settings(mode=mode, frame_ancestors=ENTS)
    for path in ("/console/", "/console/connexion"):
        assert directive(policy(path, settings), "form-action") == ["'self'"]
        assert directive(policy(path, settings), "frame-ancestors") == ["'none'"]
    for path in ("/", FRAME_PATH, "/demo/parent", "/api/v1/messages"):
        assert directive(policy(path, settings), "form-action") == ["'none'"]
