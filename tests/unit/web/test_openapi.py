"""The OpenAPI document: valid, and one with the router."""

from __future__ import annotations

from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from bot import errors
from bot.settings import Settings
from bot.web.app import OPERATIONS, create_app
from bot.web.openapi import build_openapi
from bot.web.operations import operation_id
from bot.web.problems import STATUSES

DOCUMENT = build_openapi(OPERATIONS)
# Served, and no operation of the API: the document itself.
APART = {("GET", "/api/v1/openapi.json")}


@pytest.fixture
def routed(tmp_path: Path) -> set[tuple[str, str]]:
    """Every (method, path) of the router, but for HEAD, which goes with GET."""
    app = create_app(Settings(var_dir=tmp_path, secret_key="x" * 32), utterances={})
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }


def documented() -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_the_document_is_valid() -> None:
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


def test_every_operation_of_the_document_is_routed(routed: set[tuple[str, str]]) -> None:
    assert documented() - routed == set()


def test_every_route_of_the_api_is_in_the_document(routed: set[tuple[str, str]]) -> None:
    api = {(method, path) for method, path in routed if path.startswith("/api/")}
    assert api - documented() == APART


def test_operations_have_names_of_their_own() -> None:
    names = [operation_id(operation) for operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_error_of_the_document_is_a_problem() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            for status, answer in described["responses"].items():
                if status >= "400" and path != "/readyz":
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
                    assert ("headers" in answer) == (status in ("429", "503"))


def test_what_needs_a_bearer_says_so() -> None:
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]
        declares_401 = "401" in described["responses"]
        assert declares_401 == (operation.auth != "none"), operation.path
        assert described["security"] == {"bearer": [{"bearer": []}], "signature": [{"signature": []}], "none": []}.get(
            operation.auth, [{}, {"bearer": []}, {"ent": []}]
        )


def test_what_has_a_body_refuses_the_wrong_ones() -> None:
    for operation in OPERATIONS:
        if operation.body:
            assert {400, 413, 415} <= set(operation.errors), operation.path


def classes(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() for below in classes(child))]


@pytest.mark.parametrize("kind", [kind for kind in classes(errors.AssistentError) if kind.__module__ == "bot.errors"])
def test_every_exception_has_a_code_of_its_own_and_a_place_in_the_tree(kind: type[errors.AssistentError]) -> None:
    assert kind.__name__ in errors.__doc__
    same = [other for other in classes(errors.AssistentError) if other.__dict__.get("code") == kind.code]
    assert kind in same or kind.__base__ in same or kind.code == kind.__base__.code
    assert len(same) == 1
    assert kind.sentence.endswith(".")


def test_every_exception_that_a_request_may_meet_has_a_status() -> None:
    inside = {
        errors.AssistentError, errors.SettingsError, errors.OperationError, errors.KnowledgeError, errors.ModelError,
    }  # fmt: skip
    engine = {*classes(errors.EngineError), *classes(errors.ToolError)}
    for kind in classes(errors.AssistentError):
        if kind not in inside | engine:
            assert any(issubclass(kind, listed) for listed, _ in STATUSES), kind
