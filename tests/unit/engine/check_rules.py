"""Our rule policy decides as Rasa's own does, on every intent of the trained model (see test_engine.py)."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.engine.components.rules import IndexedRulePolicy  # noqa: E402


def predicted(policy: RulePolicy, domain: Domain, intents: list[str], *, answered: bool) -> str:
    """Return the action that follows the last of these intents, or its answer."""
    tracker = DialogueStateTracker.from_events("essai", [ActionExecuted("action_listen")], domain.slots)
    for place, intent in enumerate(intents):
        tracker.update(UserUttered(intent, {"name": intent, "confidence": 1.0}))
        if place < len(intents) - 1 or answered:
            tracker.update(
                ActionExecuted(
                    f"utter_{intent}" if f"utter_{intent}" in domain.action_names_or_texts else "utter_repondre"
                )
            )
        if place < len(intents) - 1:
            tracker.update(ActionExecuted("action_listen"))
    found = policy.predict_action_probabilities(tracker, domain)
    return f"{domain.action_names_or_texts[max(range(len(found.probabilities)), key=found.probabilities.__getitem__)]} {found.max_confidence}"


def check_decides_as_rasas() -> None:
    with tarfile.open(ROOT / "models/assistent.tar.gz") as archive:
        name = next(name for name in archive.getnames() if name.endswith("/rule_policy.json"))
        lookup = json.load(archive.extractfile(name))["lookup"]
    domain = Domain.load(ROOT / "domain.yml")
    context = ExecutionContext(GraphSchema({}))
    theirs, ours = (
        kind(kind.get_default_config(), None, Resource("rules"), context, lookup=lookup)
        for kind in (RulePolicy, IndexedRulePolicy)
    )
    seen = set()
    for intent in sorted(domain.intents):
        for before in ([], ["salutation"], ["decision_choisir", "connexion_erreur"]):
            for answered in (False, True):
                expected = predicted(theirs, domain, [*before, intent], answered=answered)
                assert predicted(ours, domain, [*before, intent], answered=answered) == expected, (
                    before,
                    intent,
                    answered,
                )
                seen.add(expected)
    assert len(seen) > 20, seen


if __name__ == "__main__":
    globals()[sys.argv[1]]()
