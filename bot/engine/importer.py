"""Reads the training data: Rasa's own importer parses every file of utterances four times with a slow reader.

What is only utterances (intent, metadata, examples) is read once, by libyaml; any other file is left to Rasa. Each importer that Rasa wraps
around this one merges the data: it copies every message in depth and takes its fingerprint anew, which took a third of a training.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import rasa.shared.data
import yaml
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.importers.utils import training_data_from_paths
from rasa.shared.nlu.training_data.entities_parser import find_entities_in_training_example, replace_entities
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

_NLU = re.compile(r"^nlu:", re.MULTILINE)
_STORIES = re.compile(r"^(?:rules|stories):", re.MULTILINE)
_PLAIN = {"intent", "metadata", "examples"}


class Utterance(Message):
    """A message that is cheap to merge: its values are shared by its copies, and its fingerprint is kept while they are the same.

    Nothing changes a value in place: components add their own under names of their own.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Utterance:
        copy = Utterance(self.data, set(self.output_properties), self.time, list(self.features))
        copy._cached_fingerprint = self._cached_fingerprint
        return copy

    def set(self, prop: str, info: Any, add_to_output: bool = False) -> None:
        """Set a value; one that it has already changes nothing."""
        if add_to_output or prop not in self.data or self.data[prop] != info:
            super().set(prop, info, add_to_output)


class UtteranceImporter(RasaFileImporter):
    """RasaFileImporter, faster on files of utterances."""

    def __init__(
        self, config_file: str | None = None, domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config_file, domain_path, None)
        files = rasa.shared.data.get_data_files(training_data_paths, rasa.shared.data.is_likely_yaml_file)
        texts = {file: Path(file).read_text(encoding="utf-8") for file in files}
        self._nlu_files = sorted(file for file, text in texts.items() if _NLU.search(text))
        stories = [file for file, text in texts.items() if _STORIES.search(text)]
        self._story_files = [file for file in stories if YAMLStoryReader.is_stories_file(file)]
        self._conversation_test_files = [file for file in stories if YAMLStoryReader.is_test_stories_file(file)]

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """Return the utterances, with what their blocks say of whose words they are."""
        messages: list[Message] = []
        others: list[str] = []
        for file in self._nlu_files:
            blocks = _read_blocks(file)
            if blocks is None:
                others.append(file)
            else:
                messages += [message for block in blocks for message in _messages_of(block)]
        return TrainingData(messages).merge(training_data_from_paths(others, language))


def _read_blocks(file: str) -> list[dict[str, Any]] | None:
    """Return the blocks of a file that holds utterances alone; None when there is anything else in it."""
    content = yaml.load(Path(file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    blocks = content.get("nlu") if isinstance(content, dict) and set(content) <= {"version", "nlu"} else None
    if not isinstance(blocks, list):
        return None
    plain = all(
        isinstance(block, dict)
        and "intent" in block
        and set(block) <= _PLAIN
        and isinstance(block.get("examples"), str)
        for block in blocks
    )
    return blocks if plain else None


def _messages_of(block: dict[str, Any]) -> list[Message]:
    lines = [line.strip() for line in block["examples"].splitlines()]
    return [
        Utterance.build(
            replace_entities(text), block["intent"], find_entities_in_training_example(text), block.get("metadata")
        )
        for text in (line[1:].strip() for line in lines if line.startswith("-"))
        if text
    ]
