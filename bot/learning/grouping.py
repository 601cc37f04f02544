"""Groups messages that are alike: run as a process of its own, at the lowest priority, for it takes a core for a minute.

    python -m bot.learning.grouping < request > answer

The request is JSON: `texts`, and `model`, the archive whose representation is used (none yet: one made of the texts themselves).
The answer is JSON: for each text its group and how near it is to the middle of the group. scikit-learn is imported here and
nowhere else: the site does not carry it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.cluster import AgglomerativeClustering, Birch
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from bot.errors import ModelError
from bot.language.grams import Grams, GramSettings
from bot.language.normalise import normalise
from bot.language.reader import Reader

# Enough to tell words apart, few enough to compare thousands of messages with each other.
DIMENSIONS = 100
# Below the first distance messages are one before groups are made; groups are then joined while what they hold is nearer
# than the second on average. Chosen, with the share below, on six matters among 0 to 140 other messages that no topic covers:
# pairs rightly together 100, 88 and 47 %, where the whole of what the model thinks and the farthest pair gave 80, 54 and 7.
SAME, ALIKE = 0.4, 0.95
# What the model makes of a text, beside what it is written with: of a matter that no topic covers it knows little.
THOUGHT = 0.3
# Groups are joined by comparing each with each: 6,000 take half a gigabyte. More are first made fewer.
MAX_JOINED = 6_000
_WIDER = 1.15


def group(texts: list[str], reader: Reader | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each text, and its likeness to the middle of the group.

    A text is what it is written with, and what the model makes of it if there is one: of words that are not known the first
    tells more, of known ones put otherwise the second. That it is no topic's says nothing of its matter: not counted.
    """
    grams = reader.grams if reader else Grams.fit(texts, GramSettings())
    rows = [grams.read(text, None) for text in texts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    matrix = csr_matrix(
        (np.concatenate([row[1] for row in rows]), np.concatenate([row[0] for row in rows]), starts),
        shape=(len(texts), grams.width),
    )
    points = normalize(_shorten(normalize(matrix)))
    if reader:
        matters = {topic.id for topic in reader.topics.answerable}
        thought = np.array([reader.weigh(columns, values, None) for columns, values in rows])
        thought[:, [label not in matters for label in reader.labels]] = 0
        points = np.hstack([points * np.sqrt(1 - THOUGHT), np.sqrt(thought * THOUGHT)])
    points = points.astype(np.float32)
    same = SAME
    while len((tree := Birch(threshold=same, n_clusters=None).fit(points)).subcluster_centers_) > MAX_JOINED:
        same *= _WIDER
    centres = tree.subcluster_centers_.astype(np.float32)
    joined = AgglomerativeClustering(n_clusters=None, distance_threshold=ALIKE, linkage="average")
    labels = joined.fit_predict(centres)[tree.labels_] if len(centres) > 1 else np.zeros(len(texts), dtype=int)
    middles = np.zeros((labels.max() + 1, points.shape[1]), dtype=np.float32)
    np.add.at(middles, labels, points)
    nearness = np.einsum("ij,ij->i", points, normalize(middles)[labels])
    return labels, nearness


def _shorten(matrix: csr_matrix) -> np.ndarray:
    """Return the rows along the directions in which they differ most; as they are when there are no more rows than that."""
    if min(matrix.shape) <= DIMENSIONS:
        # As many directions as rows hold all of them: the likeness of each to each says the same.
        return (matrix @ matrix.T).toarray() if matrix.shape[0] <= DIMENSIONS else matrix.toarray()
    return TruncatedSVD(DIMENSIONS, n_iter=2, random_state=0).fit_transform(matrix)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Group the texts of a request; the same text written twice counts once."""
    texts = request["texts"]
    places: dict[str, int] = {}
    forms = [places.setdefault(normalise(text), len(places)) for text in texts]
    first = {form: text for text, form in zip(reversed(texts), reversed(forms))}
    apart = [first[form] for form in range(len(places))]
    if len(apart) < 2:
        return {"groups": [0] * len(texts), "nearness": [1.0] * len(texts)}
    labels, nearness = group(apart, _reader(request.get("model")))
    return {"groups": labels[forms].tolist(), "nearness": [round(float(near), 4) for near in nearness[forms]]}


def _reader(model: str | None) -> Reader | None:
    try:
        return Reader.load(Path(model)) if model else None
    except ModelError:
        # Not trained yet, or being replaced: what the texts share is enough to group them.
        return None


def main() -> None:
    """Read a request, write the answer."""
    os.nice(19)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
