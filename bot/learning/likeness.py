"""How much two messages are alike, by what the project's own model reads a text with (bot.language.grams). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.language.grams import Grams
from bot.language.normalise import normalise

# Above this likeness (a cosine), what is said of one topic is too close to what is said of another. Of the 25,000 utterances
# of data/nlu, one in a hundred is as close to one of another topic: a formateur is not warned for nothing.
CLOSE = 0.55


@dataclass(frozen=True)
class Neighbour:
    """The utterance of another topic that is most alike."""

    text: str
    topic: str
    likeness: float


@dataclass(frozen=True)
class Warned:
    """What is to be known before a sentence is kept under a topic; nothing, and it may be."""

    # Said already: under the topic itself, or under another, which it then contradicts.
    already: str | None = None
    contradicts: str | None = None
    neighbour: Neighbour | None = None
    # It may not be kept, whatever one insists: it is kept already, by a formateur.
    refused: bool = False

    def __bool__(self) -> bool:
        return bool(self.already or self.contradicts or self.neighbour)


def unit_row(grams: Grams, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of `text` and their values, brought to the length one; the speaker does not count."""
    columns, values = grams.read(text, None)
    length = float(np.sqrt(values @ values))
    return columns, values / length if length else values


class Neighbourhood:
    """What is said of topics, ready to be compared with: `add` all of it, then `index` once."""

    def __init__(self, grams: Grams) -> None:
        self._grams = grams
        self._said: list[tuple[str, str]] = []
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, said: Iterable[tuple[str, str]]) -> None:
        """Add (text, topic) pairs."""
        for text, topic in said:
            self._said.append((text, topic))
            self._rows.append(unit_row(self._grams, text))

    def index(self) -> Neighbourhood:
        """Put what was added by column, so that a text is compared only with those that share something with it."""
        nothing = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        columns = np.concatenate([nothing[0], *(row[0] for row in self._rows)])
        values = np.concatenate([nothing[1], *(row[1] for row in self._rows)])
        order = np.argsort(columns, kind="stable")
        self._holders = np.repeat(np.arange(len(self._rows), dtype=np.int32), [len(row[0]) for row in self._rows])[
            order
        ]
        self._values = values[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=self._grams.width))])
        self._rows = []
        return self

    def nearest(self, text: str, besides: str) -> Neighbour | None:
        """Return what is most like `text` among what is said of the topics other than `besides`; None when nothing is."""
        likeness = np.zeros(len(self._said), dtype=np.float32)
        for column, value in zip(*unit_row(self._grams, text)):
            start, end = self._starts[column], self._starts[column + 1]
            likeness[self._holders[start:end]] += value * self._values[start:end]
        for place in np.argsort(-likeness):
            if likeness[place] <= 0:
                break
            said, topic = self._said[place]
            if topic != besides:
                return Neighbour(said, topic, float(likeness[place]))
        return None


def warn(
    text: str,
    topic: str,
    *,
    files: Mapping[str, str],
    kept: Mapping[str, str],
    neighbours: Iterable[Neighbourhood] = (),
) -> Warned:
    """Return what is to be known before `text` is kept under `topic`.

    `files` and `kept` give the topic of each form that is said already (bot.language.normalise): in data/nlu, and by a formateur.
    """
    form = normalise(text)
    if form in kept:
        other = kept[form]
        return Warned(refused=True, **({"already": other} if other == topic else {"contradicts": other}))
    if form in files:
        other = files[form]
        return Warned(already=other, refused=True) if other == topic else Warned(contradicts=other)
    found = filter(None, (neighbourhood.nearest(text, topic) for neighbourhood in neighbours))
    nearest = max(found, key=lambda neighbour: neighbour.likeness, default=None)
    return Warned(neighbour=nearest) if nearest and nearest.likeness >= CLOSE else Warned()


def keep_names(before: Sequence[int | None], labels: Sequence[int]) -> dict[int, int]:
    """Return, for new groups (`labels`, by line), the number of the former group that most of each is of (`before`).

    A former number goes to one new group, the one that has most of it; a group without one is not in the result.
    """
    shared = Counter((old, label) for old, label in zip(before, labels) if old is not None)
    named: dict[int, int] = {}
    taken: set[int] = set()
    for (old, label), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if label not in named and old not in taken:
            named[label] = old
            taken.add(old)
    return named


def faces(labels: Sequence[int], nearness: Sequence[float]) -> dict[int, int]:
    """Return, for each group, the place of the line nearest to its middle; the earliest of several."""
    best: dict[int, int] = {}
    for place, label in enumerate(labels):
        if label not in best or nearness[place] > nearness[best[label]]:
            best[label] = place
    return best
