"""The last component: it decides once, with the rules of bot.dialogue, and leaves the decision in the parse data."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.dialogue import decision as kinds
from bot.dialogue.decision import Context, Decision, Part, Ranking, decide
from bot.language.normalise import clean

# Decisions on which the topic itself is the intent that the rules see.
_BY_TOPIC = (kinds.ANSWER, kinds.URGENT, kinds.OUT_OF_SCOPE, kinds.DIALOGUE, kinds.FORM, kinds.FOLLOW)
# Decisions that an intent beside the topics names.
_BY_INTENT = {
    kinds.DROPPED: kinds.INTENT_CANCEL, kinds.TAKE_PROFILE: kinds.INTENT_PROFILE, kinds.FOREIGN: kinds.INTENT_FOREIGN,
}  # fmt: skip


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class DecisionMaker(GraphComponent):
    """Replaces the first intent by what was decided, as Rasa's own FallbackClassifier does."""

    @classmethod
    def required_components(cls) -> list[type]:
        """It needs a ranking."""
        from bot.engine.components.topic_classifier import TopicClassifier

        return [TopicClassifier]

    @classmethod
    def create(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
               execution_context: ExecutionContext) -> DecisionMaker:  # fmt: skip
        """Nothing is learnt: the classifier hands over the topics and the thresholds of the model."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Decide on each message."""
        for message in messages:
            context = Context.from_metadata(message.get(METADATA) or {})
            ranking = Ranking(tuple((pair["name"], pair["confidence"]) for pair in message.get(INTENT_RANKING_KEY)))
            text = clean(message.get(TEXT) or "")
            parts = Part.of(message.get("parts") or ())
            decided = decide(
                ranking, text, context, topics=message.get("topics"), thresholds=message.get("thresholds"), parts=parts
            )
            message.set("decision", decided.to_json(), add_to_output=True)
            message.set(INTENT, {"name": intent_of(decided), "confidence": decided.confidence}, add_to_output=True)
            message.set(ENTITIES, entities_of(decided, context), add_to_output=True)
        return messages


def intent_of(decided: Decision) -> str:
    """Return the intent that the rules of data/stories see."""
    if decided.kind in _BY_TOPIC and decided.topic:
        return decided.topic
    if decided.kind == kinds.CHOICES and decided.command:
        return decided.command
    return _BY_INTENT.get(decided.kind, f"decision_{decided.kind}")


def entities_of(decided: Decision, context: Context) -> list[dict[str, Any]]:
    """Hand the topic and the profile to the responses' conditions, as slots filled from entities."""
    values = {"sujet": decided.topic, "profil": decided.profile or context.profile}
    return [{"entity": name, "value": value, "start": 0, "end": 0} for name, value in values.items() if value]
