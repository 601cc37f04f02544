"""Search over the articles without Rasa: suggestions while typing, after a doubt, topics the model does not know yet.

BM25 (bm25s) over French stems; every article is indexed by its title, keywords and text, and by what people say of its
topic. A word that the index does not know is brought to its nearest neighbour, for typos.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import bm25s
import numpy as np
import snowballstemmer
from rapidfuzz import fuzz, process

from bot.knowledge.article import ArticleText
from bot.language.normalise import normalise

_STEMMER = snowballstemmer.stemmer("french")
# The stemmer keeps the word that it is at work on: the index is made in one thread while another answers.
_STEMMER_TURN = threading.Lock()
_STOP = frozenset(
    [
        "a",
        "ai",
        "au",
        "aux",
        "avec",
        "c",
        "ce",
        "ca",
        "ces",
        "cet",
        "cette",
        "d",
        "de",
        "des",
        "du",
        "elle",
        "en",
        "est",
        "et",
        "etre",
        "eu",
        "il",
        "ils",
        "j",
        "je",
        "l",
        "la",
        "le",
        "les",
        "leur",
        "lui",
        "m",
        "ma",
        "mais",
        "me",
        "mes",
        "moi",
        "mon",
        "n",
        "ne",
        "nos",
        "notre",
        "on",
        "ou",
        "par",
        "pas",
        "pour",
        "qu",
        "que",
        "qui",
        "s",
        "sa",
        "se",
        "ses",
        "si",
        "son",
        "sur",
        "t",
        "ta",
        "te",
        "tes",
        "toi",
        "ton",
        "tu",
        "un",
        "une",
        "vos",
        "votre",
        "vous",
        "y",
        "nous",
        "suis",
        "sont",
        "ont",
        "fait",
        "faire",
        "comment",
        "est",
        "peut",
        "peux",
        "puis",
        "dois",
        "bonjour",
        "svp",
        "plait",
        "merci",
    ]
)
# A typo is brought to a known word only when it looks this much like it (0–100) and is not too short to tell.
_LIKE = 80
_SHORT = 4
# How many utterances of a topic speak for it, and how sharply a better score wins in a ranking.
_VOICES = 3
_SHARPNESS = 1.4
_CANDIDATES = 60


@dataclass(frozen=True)
class Found:
    """A topic found, with its score (BM25, no unit: only its order and distance matter)."""

    topic: str
    score: float


class KnowledgeSearch:
    """An index in memory, built in one go and replaced whole."""

    def __init__(self, articles: Iterable[ArticleText], utterances: Mapping[str, Iterable[str]]) -> None:
        articles = list(articles)
        self._known = {article.topic for article in articles}
        self._owners: list[str] = []
        corpus: list[list[str]] = []
        for article in articles:
            for text in (article.title, *article.keywords):
                self._owners.append(article.topic)
                corpus.append(_stems(f"{article.title} {text}"))
            for section in article.sections:
                self._owners.append(article.topic)
                corpus.append(_stems(f"{article.title} {section.text}"))
        for topic, texts in utterances.items():
            for text in texts:
                self._owners.append(topic)
                corpus.append(_stems(text))
        self._vocabulary = sorted({word for words in corpus for word in words})
        self._words = set(self._vocabulary)
        self._index = bm25s.BM25(method="lucene")
        # An index of nothing cannot be made: a blank document, that no word finds, stands in.
        self._index.index([words or ["·"] for words in corpus or [[]]], show_progress=False)

    def suggest(self, text: str, limit: int = 5) -> list[Found]:
        """Return the articles nearest to what is being typed; the last word may be unfinished."""
        words = _stems(text)
        if words and text and not text[-1].isspace():
            start = normalise(text).split()[-1:]
            ends = [word for word in self._vocabulary if start and word.startswith(start[0])][:6]
            words = words + ends
        found = [item for item in self._score(words) if item.topic in self._known]
        return found[:limit]

    def find(self, text: str, limit: int = 4) -> list[Found]:
        """Return the articles that speak of `text`, best first; none when no word of it is known."""
        return [item for item in self._score(_stems(text)) if item.topic in self._known][:limit]

    def rank(self, text: str) -> list[tuple[str, float]]:
        """Return topics (dialogue included) with weights that sum to 1, for the decision while there is no model."""
        found = self._score(_stems(text))
        if not found:
            return []
        scores = np.array([item.score for item in found])
        weights = np.exp((scores - scores.max()) * _SHARPNESS)
        weights /= weights.sum()
        return [(item.topic, float(weight)) for item, weight in zip(found, weights, strict=True)]

    def _score(self, words: list[str]) -> list[Found]:
        known = [word for word in map(self._nearest, words) if word]
        if not known:
            return []
        scores = self._index.get_scores(known)
        best = np.argsort(-scores)[:_CANDIDATES]
        by_topic: dict[str, list[float]] = defaultdict(list)
        for position in best:
            if scores[position] > 0:
                by_topic[self._owners[position]].append(float(scores[position]))
        found = [Found(topic, sum(sorted(values)[-_VOICES:]) / _VOICES) for topic, values in by_topic.items()]
        return sorted(found, key=lambda item: -item.score)

    def _nearest(self, word: str) -> str | None:
        if word in self._words:
            return word
        if len(word) < _SHORT:
            return None
        match = process.extractOne(word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=_LIKE)
        return match[0] if match else None


def _stems(text: str) -> list[str]:
    words = [word for word in normalise(text).split() if word not in _STOP and (len(word) > 1 or word.isdigit())]
    return [_stem(word) for word in words if word.isalnum()]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    with _STEMMER_TURN:
        return _STEMMER.stemWord(word)
