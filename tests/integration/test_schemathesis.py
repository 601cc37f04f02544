"""The running application held to its own OpenAPI document by schemathesis: what it generates, valid or not, never
makes the server fail, and every answer is one that the document declares.
"""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.gateway import DOCUMENT, PREFIX, GatewayThread
from tests.soak import TIMES

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
# The stream of events has no end: tests/integration/test_events.py reads it.
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex="/events$")
BOUNDED = settings(
    max_examples=60 * TIMES, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def token(gateway: GatewayThread) -> str:
    """The bearer of a conversation."""
    return requests.post(f"{gateway.base}{PREFIX}/sessions", json={"profile": "parent"}, timeout=10).json()["token"]


@schema.parametrize()
@BOUNDED
def test_no_answer_is_a_failure_or_undeclared(case: schemathesis.Case, gateway: GatewayThread, token: str) -> None:
    case.call_and_validate(
        base_url=str(gateway.base), headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=20
    )
