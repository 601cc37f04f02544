"""The component that ranks intents, knowing the profile."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.engine.features import FeatureSettings, Sample
from bot.engine.model import TopicModel, TrainSettings
from bot.language.grams import settings_from
from bot.language.normalise import clean

RANKED = 12
HELD_OUT = "held_out.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TopicClassifier(GraphComponent):
    """Trains and applies a TopicModel."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The settings of the features, of the experts and of the calibration, by name."""
        return {**asdict(FeatureSettings()), **asdict(TrainSettings())}

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._model: TopicModel | None = None

    @classmethod
    def create(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
               execution_context: ExecutionContext) -> TopicClassifier:  # fmt: skip
        """Make an untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
             execution_context: ExecutionContext, **_: Any) -> TopicClassifier:  # fmt: skip
        """Read a trained component; whatever is missing raises: a model that fails to load must fail loudly."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            component._model = TopicModel.load(folder)
        component._model.rank(Sample("bonjour"))
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on the utterances that have an intent, each with the profile its block names."""
        messages = [message for message in training_data.intent_examples if message.get(TEXT)]
        samples = [Sample(clean(message.get(TEXT)), training_metadata(message).get("profil")) for message in messages]
        self._model = TopicModel.train(
            samples, [message.get(INTENT) for message in messages],
            settings_from(FeatureSettings, self._config), settings_from(TrainSettings, self._config),
            hands=[hand_of(training_metadata(message)) for message in messages],
        )  # fmt: skip
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
            self._save_held_out(messages, folder)
        return self._resource

    def _save_held_out(self, messages: list[Message], folder: Path) -> None:
        """Write what models that had not seen them made of the utterances marked `garde`: real messages, to measure on."""
        assert self._model is not None
        if self._model.held_out is None:
            return
        labels, found = self._model.labels, {}
        for message, row in zip(messages, self._model.held_out):
            if identifier := training_metadata(message).get("garde"):
                best = np.argsort(-row)[:RANKED]
                found[str(identifier)] = [[labels[place], float(row[place])] for place in best]
        (folder / HELD_OUT).write_text(json.dumps(found), encoding="utf-8")

    def process(self, messages: list[Message]) -> list[Message]:
        """Rank the intents of each message."""
        assert self._model is not None, "loaded or trained before it processes"
        for message in messages:
            profile = (message.get(METADATA) or {}).get("profil")
            read = self._model.read(Sample(clean(message.get(TEXT) or ""), profile))
            pairs = [{"name": name, "confidence": confidence} for name, confidence in read.ranking[:RANKED]]
            message.set(INTENT, pairs[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, pairs, add_to_output=True)
            message.set("thresholds", self._model.thresholds)
            message.set("parts", [(text, ranking[:RANKED]) for text, ranking in read.parts])
            message.set("topics", self._model.topics)
        return messages


def training_metadata(message: Message) -> dict[str, Any]:
    """Return what the utterance's block says in its YAML metadata: whose words (`profil`), in which voice (`voix`), by whom (`main`)."""
    return (message.get(METADATA) or {}).get(METADATA_INTENT) or {}


def hand_of(metadata: dict[str, Any]) -> str:
    """Return whose hand an utterance is of: what one writer wrote in one voice is held out together."""
    return f"{metadata.get('main')} {metadata.get('voix')}"
