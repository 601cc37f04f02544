"""Two workers for the tests (pytest-xdist): most are dealt out one by one; those of the whole assistant are kept together.

The real assistant takes long to start, so that what needs it shares a worker. The pages in a browser come first, beside the other
tests: they wait more than they compute. What measures times comes last, when nothing else is left to do.
"""

from __future__ import annotations

import pytest

# Where the tests of the whole assistant are: what pytest-xdist deals out is known to it by address only.
TIMED = (
    "tests/browser/test_escalation.py",
    "tests/browser/test_story.py",
    "tests/integration/test_faults.py",
    "tests/integration/test_measured.py",
    "tests/integration/test_production.py",
    "tests/integration/test_swaps.py",
    "tests/integration/test_training_real.py",
)
PAGES = "tests/browser/"


def group_of(address: str) -> str | None:
    """Return the group that the test at this address runs in, None for one of the many that are dealt out one by one."""
    if address.startswith(TIMED):
        return "timed"
    return "pages" if address.startswith(PAGES) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the pages first and what is timed last, and refuse a test of the whole assistant that is not listed here."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and not group_of(item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} uses the whole assistant: name its file in tests/parallel.py.")
    items.sort(key=lambda item: ("pages", None, "timed").index(group_of(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal tests out one by one, those of a group together."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupsTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid) or nodeid

    # In the order in which they were collected, not the largest scope first.
    config.option.loadscopereorder = False
    return GroupsTogether(config, log)
