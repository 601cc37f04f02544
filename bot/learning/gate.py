"""May this candidate serve? Pure rules on what it and the model in service made of the same messages.

A candidate is refused when it does not load, when it no longer sees an emergency that the other saw, or when it is worse beyond what
chance explains. Each rule says a sentence with its figures, kept or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb, sqrt
from typing import Any

# Of two models that are worth the same, one in forty is refused by a rule that looks at one figure.
CHANCE = 0.025
# Six profiles are looked at one by one: each may be wrong six times less.
CHANCE_BY_PROFILE = CHANCE / 6
# A figure's interval holds the true share 95 times of 100.
_Z = 1.96
URGENT = "urgence_"
RIGHT, OFFERED, WRONG, MISSED = "right", "offered", "wrong", "missed"
SET_NAMES: Mapping[str, str] = {"reference": "le jeu de référence", "heard": "les messages reçus"}
# What is better of each: which verdicts count, and how it is called.
_FIGURES: tuple[tuple[str, frozenset[str]], ...] = (
    ("réponses justes", frozenset({RIGHT})),
    ("réponses justes ou proposées", frozenset({RIGHT, OFFERED})),
    ("messages sans réponse fausse", frozenset({RIGHT, OFFERED, MISSED})),
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What one rule found: `text` is a sentence; `against` when it speaks against the candidate."""

    text: str
    against: bool = False


@dataclass(frozen=True)
class Verdict:
    """What the gate says."""

    accepted: bool
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"accepted": self.accepted, "findings": [asdict(one) for one in self.findings]}


def judge(loads: bool, why: str, sets: Mapping[str, Sequence[Row]], *, compared: bool) -> Verdict:
    """Say whether a candidate may serve. `compared`: there is a model in service to hold it against, and it could be read."""
    if not loads:
        return Verdict(False, (Finding(f"Le modèle appris ne se charge pas : {why}", True),))
    findings = [Finding("Le modèle appris se charge et répond.")]
    if not compared:
        findings.append(Finding("Il n’y a pas de modèle en service auquel le comparer : rien ne peut être perdu."))
        return Verdict(True, tuple(findings))
    for name, rows in sets.items():
        where = SET_NAMES[name]
        if not rows:
            continue
        findings.append(_urgent(rows, where))
        findings += [_figure(rows, where, label, good) for label, good in _FIGURES]
        findings += _profiles(rows, where)
    return Verdict(not any(one.against for one in findings), tuple(findings))


def _urgent(rows: Sequence[Row], where: str) -> Finding:
    urgent = [row for row in rows if row["topic"].startswith(URGENT)]
    lost = [row for row in urgent if row["served"]["verdict"] == RIGHT and row["candidate"]["verdict"] != RIGHT]
    seen = sum(row["candidate"]["verdict"] == RIGHT for row in urgent)
    told = f"Sur {where}, {seen} urgence(s) reconnue(s) sur {len(urgent)}"
    if lost:
        return Finding(f"{told} ; {len(lost)} que le modèle en service reconnaît ne le sont plus.", True)
    return Finding(f"{told} ; aucune n’est perdue.")


def _figure(rows: Sequence[Row], where: str, label: str, good: frozenset[str], chance: float = CHANCE) -> Finding:
    before, after, lost, won = changes(rows, good)
    told = f"Sur {where}, {label} : {after} sur {len(rows)}, contre {before} pour le modèle en service"
    if lost > won and chance_of(lost, won) < chance:
        return Finding(f"{told} ; {lost} perdues et {won} gagnées, ce que le hasard n’explique pas.", True)
    if lost or won:
        return Finding(f"{told} ; {lost} perdues et {won} gagnées.")
    return Finding(f"{told} ; rien ne change.")


def _profiles(rows: Sequence[Row], where: str) -> Iterable[Finding]:
    """Yield what speaks against the candidate for one profile alone: others' gains must not hide it."""
    for profile in sorted({row["profile"] for row in rows if row["profile"]}):
        mine = [row for row in rows if row["profile"] == profile]
        label = f"réponses justes au profil {profile}"
        found = _figure(mine, where, label, frozenset({RIGHT}), CHANCE_BY_PROFILE)
        if found.against:
            yield found


def changes(rows: Iterable[Row], good: frozenset[str]) -> tuple[int, int, int, int]:
    """Return how many are good before, after, how many were and are no longer, how many have become so."""
    pairs = [(row["served"]["verdict"] in good, row["candidate"]["verdict"] in good) for row in rows]
    lost, won = sum(was and not now for was, now in pairs), sum(now and not was for was, now in pairs)
    return sum(was for was, _ in pairs), sum(now for _, now in pairs), lost, won


def chance_of(lost: int, won: int) -> float:
    """Return how often chance alone loses so many or more of those that change (McNemar's exact test, one-sided)."""
    total = lost + won
    return sum(comb(total, count) for count in range(lost, total + 1)) / 2**total


def interval(count: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; nothing measured is known of an empty one."""
    if not total:
        return 0.0, 1.0
    share, weight = count / total, _Z**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
