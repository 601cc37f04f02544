"""The same sample of the utterances for every pipeline that is measured."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

One = TypeVar("One")
SEED = 971


def sample(by_intent: Mapping[str, Sequence[One]], count: int) -> list[tuple[str, One]]:
    """Return `count` (intent, utterance), spread evenly over the intents; fewer when there are not as many."""
    chooser = random.Random(SEED)
    left = {intent: chooser.sample(found, len(found)) for intent, found in sorted(by_intent.items())}
    chosen: list[tuple[str, One]] = []
    while len(chosen) < count and any(left.values()):
        for intent, found in left.items():
            if found and len(chosen) < count:
                chosen.append((intent, found.pop()))
    return chosen
