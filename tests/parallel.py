"""Two workers for the tests (pytest-xdist): most are dealt out one by one; those of the whole assistant are kept for the end.

The real assistant takes the machine's two cores, and some of its tests measure times: they share one worker, and come last, so
that the other has nothing left to do beside them.
"""

from __future__ import annotations

import pytest

# Where the tests of the whole assistant are: what pytest-xdist deals out is known to it by address only.
WHOLE = (
    "tests/browser/",
    "tests/integration/test_faults.py",
    "tests/integration/test_measured.py",
    "tests/integration/test_production.py",
    "tests/integration/test_swaps.py",
    "tests/integration/test_training_real.py",
)


def is_whole(address: str) -> bool:
    """Tell whether the test at this address is one of the whole assistant."""
    return address.startswith(WHOLE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the whole assistant last, and refuse one that is not listed here."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and not is_whole(item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} uses the whole assistant: name its file in tests/parallel.py.")
    items.sort(key=lambda item: is_whole(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal tests out one by one, those of the whole assistant together."""
    from xdist.scheduler import LoadScopeScheduling

    class WholeTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "whole" if is_whole(nodeid) else nodeid

    # In the order in which they were collected, not the largest scope first.
    config.option.loadscopereorder = False
    return WholeTogether(config, log)
