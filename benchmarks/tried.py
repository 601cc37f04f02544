#!/usr/bin/env python3
"""Re-make the second table of docs/understanding.md: what was tried beside the pipeline, each on the same frozen data.

    OMP_NUM_THREADS=1 .venv-rasa/bin/python benchmarks/tried.py [noise spelling texts pieces nbsvm bayes nearest families ...] [--json FILE]

One third of data/nlu is held out by blocks (a topic, a writer, a voice, a profile), as the calibration's folds are. Every
configuration is fitted once, on the two other thirds, and asked for the first rank on the third and on dev: the figures are lower
than a whole training's, and comparable. Committees are weighed on one half of the third's blocks and measured on the other, both ways.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import yaml  # noqa: E402
from scipy import sparse  # noqa: E402
from scipy.optimize import minimize  # noqa: E402
from sklearn.naive_bayes import ComplementNB  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from understanding import NOISY, RANKED, accepted, read_lines, read_utterances  # noqa: E402

from bot.dialogue.decision import (  # noqa: E402
    ANSWER,
    CHOICES,
    CLARIFY,
    SEARCH,
    URGENT,
    Context,
    Decision,
    Part,
    Ranking,
    decide,
)  # fmt: skip
from bot.dialogue.state import DialogueState  # noqa: E402
from bot.engine import model as engine  # noqa: E402
from bot.engine.features import Features, FeatureSettings, Featuriser, Sample  # noqa: E402
from bot.engine.model import SEED, TrainSettings  # noqa: E402
from bot.language.calibration import softmax  # noqa: E402
from bot.language.normalise import SHORTHAND, clean, fold, normalise  # noqa: E402
from bot.language.sentences import sentences_of  # noqa: E402
from bot.topics import load_topics  # noqa: E402

# Of the training copies: how many utterances get one, and how many words of it are changed.
COPIED, CHANGED = 0.3, 0.25
NEIGHBOURS = 15
# Pairs of held-out utterances made into one message; half as many with an emergency.
PAIRS = 1500
# Pairs confused more often than this share of the texts of the smaller make a family.
CONFUSED = 0.06
NEAR_KEYS = {
    "a": "zq", "z": "aes", "e": "zrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "om",
    "q": "sa", "s": "qdz", "d": "sfe", "f": "dgr", "g": "fht", "h": "gjy", "j": "hku", "k": "jli", "l": "kmo", "m": "lp",
    "c": "xv", "v": "cb", "b": "vn", "n": "b",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")


class Bench:
    """The frozen data: two thirds to learn, the third and dev to be asked."""

    def __init__(self) -> None:
        self.utterances, self.lines = read_utterances(), read_lines()
        self.samples = [one.sample for one in self.utterances]
        self.labels = sorted({one.intent for one in self.utterances})
        place = {label: number for number, label in enumerate(self.labels)}
        self.targets = np.array([place[one.intent] for one in self.utterances])
        hands = [f"{one.hand} {one.voice}" for one in self.utterances]
        self.asked, *others = engine._folds(self.targets, self.samples, hands, 3)
        self.taught = np.sort(np.concatenate(others))
        self.second = others[0]
        blocks = [f"{t} {hand} {s.profile}" for t, hand, s in zip(self.targets, hands, self.samples)]
        draw = random.Random(SEED)
        side = {block: draw.random() < 0.5 for block in sorted(set(blocks))}
        self.half = np.array([side[blocks[row]] for row in self.asked])
        self.dev = [Sample(clean(line["text"]), line["profil"]) for line in self.lines]
        self.featuriser = Featuriser.fit([self.samples[row] for row in self.taught], FeatureSettings())
        self.learnt = self.featuriser.transform([self.samples[row] for row in self.taught])
        self.wanted = self.targets[self.taught]
        self.rows = self.featuriser.transform([self.samples[row] for row in self.asked])
        self.dev_rows = self.featuriser.transform(self.dev)
        self.settings = TrainSettings()
        started = time.process_time()
        self.machine, self.meaning = engine._fit(self.learnt, self.wanted, len(self.labels), self.settings)
        self.spent = time.process_time() - started
        self.base = (self.written(self.rows), self.written(self.dev_rows))
        self.meant = tuple(engine._with_one(rows.meant) @ self.meaning for rows in (self.rows, self.dev_rows))

    def written(self, rows: Features) -> np.ndarray:
        """Score rows by the words as written."""
        weights, bias = self.machine
        return rows.written @ weights + bias

    def again(self, texts: list[Sample], targets: np.ndarray, **settings: float) -> tuple[np.ndarray, np.ndarray]:
        """Fit the words as written with further texts, and score."""
        more = self.featuriser.transform(texts).written
        both = sparse.vstack([self.learnt.written, more], format="csr")
        rows = Features(both, np.zeros((both.shape[0], 0), dtype=np.float32))
        wanted = np.concatenate([self.wanted, targets])
        (weights, bias), _ = engine._fit(rows, wanted, len(self.labels), TrainSettings(**settings))
        return self.rows.written @ weights + bias, self.dev_rows.written @ weights + bias

    def open_to(self, samples: list[Sample]) -> np.ndarray:
        """Return what the taxonomy opens to who speaks."""
        return engine._open_to(samples, self.labels)

    def ranked(self, row: np.ndarray) -> list[tuple[str, float]]:
        """Return the labels with their chances, most likely first, as many as the engine tells."""
        return [(self.labels[place], float(row[place])) for place in np.argsort(-row)[:RANKED]]

    def pairs(self) -> tuple[list[Sample], list[tuple[str, str]], list[Sample]]:
        """Return held-out utterances two by two: of two topics with these, of one and an emergency, in each order."""
        draw, topics = random.Random(SEED), load_topics()
        alone = [
            row
            for row in self.asked
            if len(self.samples[row].text.split()) >= 4 and not sentences_of(self.samples[row].text)
        ]
        kinds = {}
        for row in alone:
            topic = topics.get(self.utterances[row].intent)
            if topic and not topic.is_dialogue and topic.allows(self.samples[row].profile):
                kinds.setdefault((self.samples[row].profile, topic.is_urgent), []).append(row)
        calm = [row for (_, urgent), rows in kinds.items() if not urgent for row in rows]

        def join(first: int, second: int) -> Sample:
            text = self.samples[first].text.rstrip()
            end = "" if text[-1] in ".!?…" else "."
            return Sample(f"{text}{end} {self.samples[second].text}", self.samples[first].profile)

        two, topics_of_two, alarms = [], [], []
        while len(two) < PAIRS:
            first = draw.choice(calm)
            second = draw.choice(kinds[self.samples[first].profile, False])
            if self.targets[first] != self.targets[second]:
                two.append(join(first, second))
                topics_of_two.append((self.utterances[first].intent, self.utterances[second].intent))
        while len(alarms) < PAIRS // 2:
            first = draw.choice(calm)
            found = kinds.get((self.samples[first].profile, True))
            if found:
                second = draw.choice(found)
                alarms.append(join(first, second) if len(alarms) % 2 else join(second, first))
        return two, topics_of_two, alarms

    def figures(self, name: str, blocks: np.ndarray, dev: np.ndarray, spent: float) -> dict:
        """Return what the first rank is worth."""
        wanted = self.targets[self.asked]
        first = blocks.argmax(axis=1)
        off = wanted == self.labels.index("hors_sujet")
        guesses = [self.labels[place] for place in dev.argmax(axis=1)]
        right = np.array([guess in accepted(line) for guess, line in zip(guesses, self.lines)])
        noisy = np.array([line["style"] in NOISY for line in self.lines])
        return {
            "configuration": name, "blocks": round(float((first == wanted).mean()), 4),
            "hs": round(float((first[off] == wanted[off]).mean()), 3), "dev": round(float(right.mean()), 4),
            "dev_noisy": round(float(right[noisy].mean()), 4), "fit_s": round(spent, 1),
        }  # fmt: skip

    def committee(self, name: str, parts: list[tuple[np.ndarray, np.ndarray]], spent: float) -> dict:
        """Weigh several experts on one half of the third, and measure on the other; dev is asked with the weights of both."""
        wanted = self.targets[self.asked]
        blocks, dev, surprise = np.zeros_like(parts[0][0]), 0.0, 0.0
        for side in (True, False):
            known = self.half == side
            weights = weigh([part[known] for part, _ in parts], wanted[known])
            mixed = sum(w * part[~known] for w, (part, _) in zip(weights, parts))
            blocks[~known] = softmax(mixed)
            surprise -= np.log(blocks[~known, wanted[~known]] + 1e-12).sum()
            dev = dev + softmax(sum(w * part for w, (_, part) in zip(weights, parts)))
        return {**self.figures(name, blocks, dev, spent), "nll": round(float(surprise / len(wanted)), 4)}


def weigh(parts: list[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Return the weights under which the labels surprise least."""
    rows = np.arange(len(wanted))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        chances = softmax(sum(w * part for w, part in zip(weights, parts)))
        surprise = -np.log(chances[rows, wanted] + 1e-12).mean()
        chances[rows, wanted] -= 1.0
        return float(surprise), np.array([float((chances * part).sum()) / len(rows) for part in parts])

    start = np.array([6.0] + [1.0] * (len(parts) - 1))
    return minimize(loss, start, jac=True, bounds=[(0.0, 60.0)] * len(parts), method="L-BFGS-B").x


# --- what the words are learnt from ------------------------------------------------------------


def noisy_copy(text: str, draw: random.Random) -> str:
    """Return `text` as it may come: keys hit beside, letters lost or swapped, shorthand, no mark (dictation)."""
    short = defaultdict(list)
    for brief, full in SHORTHAND.items():
        if " " not in full and brief != full:
            short[full].append(brief)

    def change(found: re.Match) -> str:
        word = found[0]
        if draw.random() > CHANGED:
            return word
        if fold(word) in short:
            return draw.choice(short[fold(word)])
        if len(word) < 4:
            return word
        at = draw.randrange(1, len(word) - 1)
        return draw.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + draw.choice(NEAR_KEYS.get(word[at].lower(), word[at])) + word[at + 1 :],
            )
        )

    changed = _WORD.sub(change, text)
    return re.sub(r"[.,;:!?'’]", " ", changed) if draw.random() < 0.3 else changed


def noise(bench: Bench) -> list[dict]:
    draw, started = random.Random(SEED), time.process_time()
    chosen = [place for place in range(len(bench.taught)) if draw.random() < COPIED]
    copies = [bench.samples[bench.taught[place]] for place in chosen]
    texts = [Sample(noisy_copy(sample.text, draw), sample.profile) for sample in copies]
    scores = bench.again(texts, bench.wanted[chosen])
    return [bench.figures(f"noisy copies of {len(texts)} utterances", *scores, time.process_time() - started)]


def texts(bench: Bench) -> list[dict]:
    """The taxonomy's meanings, and the titles and keywords of the articles, as utterances of nobody."""
    started, added, wanted = time.process_time(), [], []
    for topic in load_topics():
        if topic.id in bench.labels:
            added.append(topic.meaning)
            wanted.append(topic.id)
    for path in sorted((ROOT / "knowledge").glob("*/*.md")):
        head = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
        if head.get("topic") in bench.labels:
            found = [head.get("title"), *(head.get("keywords") or [])]
            added += [text for text in found if text]
            wanted += [head["topic"]] * len([text for text in found if text])
    scores = bench.again(
        [Sample(str(text)) for text in added], np.array([bench.labels.index(label) for label in wanted])
    )
    name = f"{len(added)} texts of the taxonomy, titles, keywords"
    return [bench.figures(name, *scores, time.process_time() - started)]


def pieces(bench: Bench) -> list[dict]:
    """The sentences of long utterances, each as an utterance more."""
    started, added, wanted = time.process_time(), [], []
    for row, target in zip(bench.taught, bench.wanted):
        sample = bench.samples[row]
        found = sentences_of(sample.text)
        added += [Sample(text, sample.profile) for text in found]
        wanted += [target] * len(found)
    scores = bench.again(added, np.array(wanted))
    return [bench.figures(f"{len(added)} sentences of utterances", *scores, time.process_time() - started)]


def edits(word: str) -> set[str]:
    """Return `word` and what is left of it without one letter."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def spelling(bench: Bench) -> list[dict]:
    """Words that no training text holds become the most frequent known word one letter away."""
    started = time.process_time()
    known = Counter(word for row in bench.taught for word in set(normalise(bench.samples[row].text).split()))
    near = defaultdict(set)
    for word, count in known.items():
        if count >= 5 and len(word) >= 5:
            for left in edits(word):
                near[left].add(word)

    def mended(sample: Sample) -> Sample:
        said = []
        for word in normalise(sample.text).split():
            found = set().union(*(near.get(left, ()) for left in edits(word))) if len(word) >= 5 else ()
            said.append(max(found, key=lambda one: known[one]) if found and known[word] < 2 else word)
        return Sample(" ".join(said), sample.profile)

    rows = bench.featuriser.transform([mended(bench.samples[row]) for row in bench.asked])
    dev = bench.featuriser.transform([mended(sample) for sample in bench.dev])
    spent = time.process_time() - started
    return [bench.figures("unknown words spelt towards the vocabulary", bench.written(rows), bench.written(dev), spent)]


# --- other experts -----------------------------------------------------------------------------


def nbsvm(bench: Bench) -> list[dict]:
    """The columns weighed, topic by topic, by how much oftener they come in it (Wang and Manning, 2012)."""
    started, size = time.process_time(), len(bench.labels)
    held = (bench.learnt.written > 0).astype(np.float32)
    hot = sparse.csr_matrix(
        (np.ones(len(bench.wanted), np.float32), (np.arange(len(bench.wanted)), bench.wanted)),
        shape=(len(bench.wanted), size),
    )
    inside = np.asarray((hot.T @ held).todense()) + 1.0
    outside = np.asarray(held.sum(axis=0)) + 2.0 - inside
    ratios = np.log((inside / inside.sum(axis=1, keepdims=True)) / (outside / outside.sum(axis=1, keepdims=True)))
    ratios = 0.25 * ratios / np.abs(ratios).mean() + 0.75
    blocks, dev = np.zeros((len(bench.asked), size), np.float32), np.zeros((len(bench.dev), size), np.float32)
    for label in range(size):
        scale = sparse.diags(ratios[label].astype(np.float32))
        machine = LinearSVC(C=1.0, random_state=SEED, tol=engine._TOLERANCE, max_iter=engine._ROUNDS)
        machine.fit(bench.learnt.written @ scale, bench.wanted == label)
        weights = machine.coef_[0] * ratios[label]
        blocks[:, label] = bench.rows.written @ weights + machine.intercept_[0]
        dev[:, label] = bench.dev_rows.written @ weights + machine.intercept_[0]
    return [bench.figures("NB-SVM weighting (interpolated by a quarter)", blocks, dev, time.process_time() - started)]


def bayes(bench: Bench) -> list[dict]:
    started = time.process_time()
    machine = ComplementNB(alpha=0.1).fit(bench.learnt.written, bench.wanted)
    scores = tuple(machine.predict_log_proba(rows.written) for rows in (bench.rows, bench.dev_rows))
    scores = tuple(part - part.mean(axis=1, keepdims=True) for part in scores)
    spent = time.process_time() - started
    return [
        bench.figures("complement naive Bayes alone", *scores, spent),
        bench.committee("committee + complement naive Bayes", [bench.base, bench.meant, scores], spent),
    ]


def nearest(bench: Bench) -> list[dict]:
    """The labels of the nearest texts, each counting by its likeness."""
    started = time.process_time()
    hot = np.eye(len(bench.labels), dtype=np.float32)

    def votes(rows: sparse.csr_matrix) -> np.ndarray:
        found = np.zeros((rows.shape[0], len(bench.labels)), np.float32)
        across = bench.learnt.written.T.tocsr()
        for start in range(0, rows.shape[0], 500):
            like = (rows[start : start + 500] @ across).toarray()
            best = np.argpartition(-like, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            near = np.take_along_axis(like, best, axis=1)
            near = np.exp(4 * (near - near.max(axis=1, keepdims=True)))
            found[start : start + 500] = np.einsum("rn,rnl->rl", near, hot[bench.wanted[best]])
        return np.log(found / found.sum(axis=1, keepdims=True) + 1e-3)

    scores = (votes(bench.rows.written), votes(bench.dev_rows.written))
    spent = time.process_time() - started
    return [
        bench.figures(f"vote of the {NEIGHBOURS} nearest alone", *scores, spent),
        bench.committee(f"committee + vote of the {NEIGHBOURS} nearest", [bench.base, bench.meant, scores], spent),
    ]


def families(bench: Bench) -> list[dict]:
    """A second machine inside each family of topics that are taken for one another, told apart among themselves alone."""
    started, size = time.process_time(), len(bench.labels)
    own = np.isin(bench.taught, bench.second)
    rest = np.flatnonzero(~own)
    (weights, bias), _ = engine._fit(bench.learnt.rows(rest), bench.wanted[rest], size, bench.settings)
    guessed = (bench.learnt.written[np.flatnonzero(own)] @ weights + bias).argmax(axis=1)
    truth = bench.wanted[own]
    taken = np.zeros((size, size))
    np.add.at(taken, (truth, guessed), 1)
    counts = np.bincount(truth, minlength=size)
    family = list(range(size))
    off = bench.labels.index("hors_sujet")
    for a in range(size):
        for b in range(a):
            if off not in (a, b) and taken[a, b] + taken[b, a] > CONFUSED * min(counts[a], counts[b]):
                old, new = family[a], family[b]
                family = [new if one == old else one for one in family]
    scores = [part.copy() for part in bench.base]
    found = 0
    for name in set(family):
        members = np.array([label for label in range(size) if family[label] == name])
        if not 2 <= len(members) <= 20:
            continue
        found += 1
        chosen = np.flatnonzero(np.isin(bench.wanted, members))
        machine = LinearSVC(C=1.0, random_state=SEED, tol=engine._TOLERANCE, max_iter=engine._ROUNDS)
        machine.fit(bench.learnt.written[chosen], bench.wanted[chosen])
        for part, rows in zip(scores, (bench.rows, bench.dev_rows)):
            first = np.flatnonzero(np.isin(part.argmax(axis=1), members))
            told = machine.decision_function(rows.written[first])
            told = np.stack([-told, told], axis=1) if len(members) == 2 else told
            part[np.ix_(first, members)] = part[first].max(axis=1)[:, None] + 0.01 * (
                told - told.min(axis=1, keepdims=True)
            )
    spent = time.process_time() - started
    return [bench.figures(f"a second machine inside {found} families", *scores, spent)]


# --- by its sentences --------------------------------------------------------------------------


def by_sentences(bench: Bench) -> list[dict]:
    """What reading by sentences changes: for messages of several, for two topics in one, for an emergency beside something else."""
    held = engine._Scores(
        *(part[0] for part in (bench.base, bench.meant)), bench.open_to([bench.samples[row] for row in bench.asked])
    )
    wanted = bench.targets[bench.asked]
    calibration = engine._calibrate(held, wanted, by_meaning=True)
    chances = engine._probabilities(held, calibration)
    thresholds = engine.choose_thresholds(chances, wanted, bench.labels)

    def ask(samples: list[Sample]) -> np.ndarray:
        rows = bench.featuriser.transform(samples)
        meant = engine._with_one(rows.meant) @ bench.meaning
        return engine._probabilities(engine._Scores(bench.written(rows), meant, bench.open_to(samples)), calibration)

    def parts_of(samples: list[Sample]) -> list[np.ndarray]:
        pieces = [sentences_of(sample.text) for sample in samples]
        rows = ask([Sample(piece, sample.profile) for sample, found in zip(samples, pieces) for piece in found])
        return np.split(rows, np.cumsum([len(found) for found in pieces])[:-1])

    def decided(samples: list[Sample], whole: np.ndarray, parts: list[np.ndarray] | None) -> list[Decision]:
        found = []
        for place, sample in enumerate(samples):
            pieces = sentences_of(sample.text) if parts else []
            each = Part.of((piece, bench.ranked(row)) for piece, row in zip(pieces, parts[place] if parts else ()))
            context = Context(profile=sample.profile, state=DialogueState())
            ranking = Ranking(tuple(bench.ranked(whole[place])))
            found.append(decide(ranking, sample.text, context, topics=load_topics(), thresholds=thresholds, parts=each))
        return found

    several = np.array([place for place, row in enumerate(bench.asked) if sentences_of(bench.samples[row].text)])
    samples, truth = [bench.samples[bench.asked[place]] for place in several], wanted[several]
    parts, mixed = parts_of(samples), chances[several].copy()
    last = np.stack([part[-1] for part in parts])
    for side in (True, False):
        known = np.flatnonzero(bench.half[several] == side)
        weight = engine._weigh_last(chances[several][known], last[known], truth[known])
        other = np.flatnonzero(bench.half[several] != side)
        mixed[other] = engine.with_last(mixed[other], last[other], weight)
    weight = engine._weigh_last(chances[several], last, truth)

    def mix(whole: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
        return np.stack(
            [engine.with_last(row, part[-1], weight) if len(part) else row for row, part in zip(whole, parts)]
        )

    pairs, pair_topics, alarms = bench.pairs()
    two, two_parts, alarm, alarm_parts = ask(pairs), parts_of(pairs), ask(alarms), parts_of(alarms)
    rows = []
    for name, with_parts in (("whole", False), ("and by sentences", True)):
        ranks = mixed if with_parts else chances[several]
        one = decided(samples, ranks, parts if with_parts else None)
        pair = decided(pairs, mix(two, two_parts) if with_parts else two, two_parts if with_parts else None)
        urgent = decided(alarms, mix(alarm, alarm_parts) if with_parts else alarm, alarm_parts if with_parts else None)
        labels = [bench.labels[target] for target in truth]
        calm = [place for place, label in enumerate(labels) if not label.startswith("urgence_")]
        share = lambda found, of: round(sum(found) / max(1, len(of)), 4)  # noqa: E731
        answers = list(zip(pair, pair_topics))
        rows.append({
            "read": name, "several": len(several), "first": round(float((ranks.argmax(axis=1) == truth).mean()), 4),
            "sure_right": share([d.topic == label and d.kind not in (CHOICES, SEARCH) for d, label in zip(one, labels)], labels),
            "sure_wrong": share([d.topic != label and d.kind not in (CHOICES, SEARCH, CLARIFY) for d, label in zip(one, labels)], labels),
            "second_offered": share([d.second is not None for d in one], one),
            "pairs_in_order": share([d.kind == ANSWER and (d.topic, d.second) == both for d, both in answers], pair),
            "pairs_reversed": share([d.kind == ANSWER and (d.second, d.topic) == both for d, both in answers], pair),
            "pairs_one": share([d.kind == ANSWER and d.topic in both and d.second not in both for d, both in answers], pair),
            "pairs_among_choices": share([d.kind == CHOICES and set(both) <= set(d.choices) for d, both in answers], pair),
            "alarms": share([d.kind == URGENT for d in urgent], urgent),
            "alarms_false": [sum(one[place].kind == URGENT for place in calm), len(calm), sum(d.kind == URGENT for d in pair), len(pair)],
        })  # fmt: skip
    return rows


WAYS: dict[str, Callable[[Bench], list[dict]]] = {
    "noise": noise, "spelling": spelling, "texts": texts, "pieces": pieces, "nbsvm": nbsvm, "bayes": bayes,
    "nearest": nearest, "families": families, "sentences": by_sentences,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[[], *WAYS], default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bench = Bench()
    found = [
        bench.figures("words as written (configuration 17)", *bench.base, bench.spent),
        bench.committee("committee: words and vectors", [bench.base, bench.meant], bench.spent),
    ]
    for name in options.what or WAYS:
        found += WAYS[name](bench)
        print(*map(json.dumps, found), sep="\n", flush=True)
        found, done = [], found
        if options.json:
            with options.json.open("a", encoding="utf-8") as out:
                out.writelines(json.dumps(row) + "\n" for row in done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
