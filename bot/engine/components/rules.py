"""Rasa's RulePolicy, that looks for the rule of a message among those of its intent.

RulePolicy tries every rule it knows against every message, four times a message: a third of the time Rasa takes.
What it decides is unchanged: a rule that asks for another intent cannot match.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.constants import USER
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, TEXT


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class IndexedRulePolicy(RulePolicy):
    """RulePolicy with its rules sorted by the intent that their last state asks for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sorted: dict[str, str] | None = None
        # While it learns, the rules are not all there yet: only those it was loaded with are sorted.
        if RULES in self.lookup:
            self._sort()

    def _sort(self) -> None:
        self._sorted = self.lookup[RULES]
        self._of_intent: dict[str | None, dict[str, str]] = defaultdict(dict)
        self._told_by_text = False
        for key, action in self._sorted.items():
            states = self._rule_key_to_state(key)
            self._of_intent[states[-1].get(USER, {}).get(INTENT)][key] = action
            self._told_by_text |= any(TEXT in state.get(USER, {}) for state in states)

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> tuple[str | None, str | None, bool]:
        if use_text_for_last_user_input and self._sorted is not None and not self._told_by_text:
            return None, None, False
        return super()._find_action_from_rules(tracker, domain, use_text_for_last_user_input)

    def _get_possible_keys(self, lookup: dict[str, str], states: list[State]) -> set[str]:
        if lookup is self._sorted and states:
            intent = states[-1].get(USER, {}).get(INTENT)
            lookup = {**self._of_intent.get(None, {}), **(self._of_intent.get(intent, {}) if intent else {})}
        return super()._get_possible_keys(lookup, states)
