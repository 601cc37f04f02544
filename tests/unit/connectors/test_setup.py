"""Which tools a deployment's file may name."""

from __future__ import annotations

import pytest

from bot.connectors.models import Connector
from bot.connectors.setup import check_entry, secrets_of
from bot.errors import InvalidInput, ToolUnavailable

NAME = "ASSISTENT_CONNECTOR_DSI"
GOOD = {
    "group": "dsi", "kind": "redmine", "address": "https://redmine.example/suivi", "secrets": {"api_key": NAME},
    "options": {"project": "ent", "tracker": 2},
}  # fmt: skip


def test_what_is_right_is_taken() -> None:
    check_entry(GOOD, {"dsi"})
    check_entry({**GOOD, "options": {"project": "ent"}}, {"dsi"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "jira"}, "redmine"),
        ({"group": "inconnu"}, "n’existe pas"),
        ({"address": "ftp://redmine.example"}, "http"),
        ({"address": "https://"}, "http"),
        ({"address": "https://compte:clé@redmine.example"}, "compte"),
        ({"address": "https://redmine.example/?a=b"}, "?"),
        ({"address": None}, "http"),
        ({"secrets": {}}, "api_key"),
        ({"secrets": {"api_key": NAME, "autre": NAME}}, "api_key"),
        ({"secrets": {"api_key": "une clé en clair"}}, "une clé en clair"),
        ({"secrets": {"api_key": "PATH"}}, "PATH"),
        ({"options": {}}, "project"),
        ({"options": {"project": 3}}, "project"),
        ({"options": {"project": "ent", "tracker": "2"}}, "tracker"),
        ({"options": {"project": "ent", "tracker": True}}, "tracker"),
        ({"options": {"project": "ent", "autre": 1}}, "project"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(changes: dict, said: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_entry({**GOOD, **changes}, {"dsi"})
    assert said in refusal.value.sentence


def test_secrets_come_from_the_environment_alone() -> None:
    connector = Connector(group_id="dsi", kind="redmine", secrets={"api_key": NAME})
    assert secrets_of(connector, {NAME: "clé"}) == {"api_key": "clé"}
    with pytest.raises(ToolUnavailable, match=NAME):
        secrets_of(connector, {NAME: ""})


def test_a_short_signing_secret_is_refused() -> None:
    connector = Connector(group_id="dsi", kind="webhook", secrets={"signing": NAME})
    with pytest.raises(ToolUnavailable, match="32"):
        secrets_of(connector, {NAME: "x" * 31})
