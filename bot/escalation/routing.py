"""Which group deals with a request: a table by topic, profile and territory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from bot.errors import InvalidInput
from bot.escalation.states import ACADEMIE_LEVEL, VENDOR_LEVEL
from bot.people.rules import Placed, Scope

# A scope and the code or name of the territory: (etablissement, 0750001U), (academie, …).
Territory = tuple[str, str]
EVERYWHERE: Territory = (Scope.TOUT, "")

_Key = tuple[Territory, str, str, str]


@dataclass(frozen=True)
class RoutingRow:
    """A row of the table; what is None or empty stands for any. `level` is the group's."""

    group: str
    level: int = ACADEMIE_LEVEL
    topic: str | None = None
    theme: str | None = None
    profile: str | None = None
    scope: str | None = None
    territory: str | None = None

    @property
    def is_default(self) -> bool:
        """Tell whether the row catches whatever no other does."""
        return self.key == _ANY

    @property
    def key(self) -> _Key:
        """What the row asks for, « any » written in one way only."""
        place = (self.scope, self.territory or "") if self.scope else EVERYWHERE
        return place, self.topic or "", self.theme or "", self.profile or ""


_ANY: _Key = (EVERYWHERE, "", "", "")


def chain_of(school: Placed | None) -> tuple[Territory, ...]:
    """Return the territories of a school, nearest first; nothing for a school that nobody recognised."""
    if school is None:
        return ()
    return tuple(
        (scope, value)
        for scope, value in (
            (Scope.ETABLISSEMENT, school.uai),
            (Scope.CIRCONSCRIPTION, school.circonscription),
            (Scope.DEPARTEMENT, school.departement),
            (Scope.ACADEMIE, school.academie),
        )
        if value
    )


def check_table(rows: Iterable[RoutingRow]) -> None:
    """Refuse, with a sentence for the administrator, a table that could leave a request without one group."""
    _index(rows)


def route(
    rows: Iterable[RoutingRow], *, topic: str | None, theme: str | None, profile: str | None, chain: tuple[Territory, ...]
) -> tuple[str, int]:  # fmt: skip
    """Return the group and the level of a request: those of the row that decides."""
    row = decide(rows, topic=topic, theme=theme, profile=profile, chain=chain)
    return row.group, row.level


def decide(
    rows: Iterable[RoutingRow], *, topic: str | None, theme: str | None, profile: str | None, chain: tuple[Territory, ...]
) -> RoutingRow:  # fmt: skip
    """Return the row that decides of a request.

    The nearest territory wins, then the topic over the theme, then the profile: no two rows can tie, and their order
    does not count. A table without a default raises InvalidInput.
    """
    index = _index(rows)
    return next(row for key in _from_the_nearest(topic, theme, profile, chain) if (row := index.get(key)))


def _from_the_nearest(
    topic: str | None, theme: str | None, profile: str | None, chain: tuple[Territory, ...]
) -> Iterator[_Key]:
    """Yield what a row could ask for and this request fits, the most precise first, the default last."""
    subjects = [(topic or "", ""), ("", theme or ""), ("", "")]
    for place, (of_topic, of_theme), of_profile in product((*chain, EVERYWHERE), subjects, (profile or "", "")):
        yield place, of_topic, of_theme, of_profile


def _index(rows: Iterable[RoutingRow]) -> dict[_Key, RoutingRow]:
    index: dict[_Key, RoutingRow] = {}
    for row in rows:
        _check_row(row)
        if row.key in index:
            raise InvalidInput(
                f"Deux lignes de la table disent la même chose, pour « {index[row.key].group} » et « {row.group} » : gardez-en une."
            )
        index[row.key] = row
    if _ANY not in index:
        raise InvalidInput(
            "La table n’a pas de ligne par défaut : ajoutez-en une sans sujet, ni thème, ni profil, ni territoire."
        )
    return index


def _check_row(row: RoutingRow) -> None:
    if not row.group:
        raise InvalidInput("Chaque ligne de la table désigne un groupe.")
    if row.level not in (ACADEMIE_LEVEL, VENDOR_LEVEL):
        raise InvalidInput(f"« {row.group} » : le niveau est 2 ou 3.")
    if row.topic and row.theme:
        raise InvalidInput(f"« {row.group} » : indiquez un sujet ou un thème, pas les deux.")
    if row.scope and row.scope not in list(Scope):
        raise InvalidInput(f"« {row.group} » : choisissez une portée dans la liste.")
    if bool(row.territory) == (not row.scope or row.scope == Scope.TOUT):
        raise InvalidInput(f"« {row.group} » : une portée et un territoire vont ensemble.")
