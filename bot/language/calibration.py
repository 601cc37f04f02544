"""From scores to probabilities that mean what they say; fitted at training, applied in the engine and in `web`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.topics import Topics


@dataclass(frozen=True)
class Calibration:
    """How much each expert weighs, what it counts that the taxonomy opens a topic to the profile, the bias of each label."""

    written: float = 6.0
    meant: float = 0.0
    open_to: float = 0.0
    bias: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Calibration:
        """Build from plain data; TypeError when it is not one."""
        return cls(**{**data, "bias": tuple(data["bias"])})

    def chances(self, written: np.ndarray, meant: np.ndarray | float, open_to: np.ndarray) -> np.ndarray:
        """Return probabilities, a row a text and a column a label."""
        mixed = self.written * written + self.meant * meant + self.open_to * open_to
        return softmax(mixed + np.array(self.bias, dtype=np.float32) if self.bias else mixed)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return rows of positive numbers that sum to 1."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def open_to(profile: str | None, labels: Sequence[str], topics: Topics) -> np.ndarray:
    """Return 1 where the label is a topic that `profile` may be answered on, or is no topic."""
    return np.array(
        [1.0 if (topic := topics.get(label)) is None else float(topic.allows(profile)) for label in labels],
        dtype=np.float32,
    )
