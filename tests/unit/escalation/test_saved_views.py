"""What a saved view keeps of a filter, and what is left of it when something that it names is gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.escalation.desk import FILTER_STATES, SORTS, QueueFilter
from bot.escalation.saved_views import fields_of, filter_of
from bot.topics import PROFILES

GROUPS, TOPICS = ("dan", "dsi"), ("a", "b")
FILTERS = st.builds(
    QueueFilter, state=st.sampled_from(FILTER_STATES), level=st.sampled_from((None, 2, 3)),
    group=st.sampled_from(("", *GROUPS)), topic=st.sampled_from(("", *TOPICS)), profile=st.sampled_from(("", *PROFILES)),
    mine=st.booleans(), unassigned=st.booleans(), late=st.booleans(), text=st.text(max_size=20),
    sort=st.sampled_from(tuple(SORTS)),
)  # fmt: skip


@given(FILTERS, st.integers(1, 50))
def test_what_is_kept_comes_back_but_for_the_page(wanted: QueueFilter, page: int) -> None:
    paged = QueueFilter(**{**wanted.__dict__, "page": page})
    assert fields_of(paged) == fields_of(wanted)
    assert filter_of(fields_of(paged), GROUPS, TOPICS) == (wanted, ())


@given(FILTERS, st.sets(st.sampled_from(GROUPS)), st.sets(st.sampled_from(TOPICS)))
def test_what_no_longer_exists_is_left_out_and_named(wanted: QueueFilter, groups: set, topics: set) -> None:
    found, lost = filter_of(fields_of(wanted), groups, topics)
    gone = {name for name, known in (("group", groups), ("topic", topics)) if getattr(wanted, name) not in {"", *known}}
    assert set(lost) == gone
    assert found == QueueFilter(**{**wanted.__dict__, **dict.fromkeys(gone, "")})


def test_the_plain_queue_keeps_nothing() -> None:
    assert fields_of(QueueFilter(page=7)) == {}


def test_what_an_older_version_kept_is_read_without_what_is_unknown() -> None:
    stored = {"state": "oublie", "sort": "couleur", "couleur": "bleu", "page": 3, "text": "blog"}
    assert filter_of(stored, GROUPS, TOPICS) == (QueueFilter(text="blog"), ("state", "sort"))
