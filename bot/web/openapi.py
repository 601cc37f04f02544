"""The OpenAPI document, generated from the operations and the types that they name."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from bot.chat.payloads import Problem
from bot.connectors.signing import SIGNATURE, TIMESTAMP
from bot.web.operations import Operation, operation_id

_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_SENTENCES = {
    400: "La demande n’est pas lisible", 401: "Session ou jeton refusé", 403: "Interdit", 404: "Introuvable",
    409: "L’état ne le permet plus", 413: "Trop long", 415: "Ce n’est pas le type attendu", 422: "Valeur refusée",
    429: "Trop de demandes : attendre Retry-After secondes", 503: "Base de données indisponible : renvoyer plus tard",
}  # fmt: skip


def build_openapi(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """Return the document."""
    types = {kind for operation in operations for kind in (operation.body, operation.answers) if kind} | {Problem}
    ordered = sorted(types, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AssistENT : API de conversation",
            "version": "1.0.0",
            "description": "Poser une question à l’assistant de l’ENT, lire les réponses, suivre ses demandes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Le jeton rendu par POST /sessions"},
                "ent": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Le JWT de l’ENT"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": SIGNATURE,
                    "description": f"v1= puis HMAC-SHA256, en hexadécimal, de « {TIMESTAMP}.corps » avec le secret partagé",
                },
            },
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation_id(operation), "summary": operation.summary,
        "responses": {
            str(operation.status): _answer(operation, operation.summary),
            **{str(code): _answer(operation, sense) for code, sense in operation.also.items()},
            **{str(code): _problem(code) for code in operation.errors},
        },
    }  # fmt: skip
    parameters = (
        [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(operation.path)
        ]
        + [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": sense}
            for name, sense in operation.query.items()
        ]
        + [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": sense}
            for name, sense in operation.headers.items()
        ]
    )
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        schema = {"$ref": _REF.format(name=operation.body.__name__)}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.file:
        binary = {"type": "string", "format": "binary"}
        schema = {"type": "object", "required": [operation.file], "properties": {operation.file: binary}}
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    security = {
        "bearer": [{"bearer": []}], "optional": [{}, {"bearer": []}, {"ent": []}], "signature": [{"signature": []}],
        "none": [],
    }  # fmt: skip
    described["security"] = security[operation.auth]
    return described


def _answer(operation: Operation, sense: str) -> dict[str, Any]:
    if operation.status == 204:
        return {"description": "Fait"}
    schema = {"$ref": _REF.format(name=operation.answers.__name__)} if operation.answers else {}
    return {"description": sense, "content": {operation.content_type: {"schema": schema}}}


def _problem(code: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _SENTENCES[code],
        "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    if code in (429, 503):
        answer["headers"] = {"Retry-After": {"description": "Secondes à attendre", "schema": {"type": "integer"}}}
    return answer
