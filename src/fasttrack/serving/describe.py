"""The OpenAPI document: FastAPI's own, with the prediction routes described from the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from fasttrack.contract.openapi import (
    column_schema,
    feedback_schema,
    query_reply_schema,
    reply_schema,
    request_examples,
    request_schema,
)
from fasttrack.journal.predictions import ID_PATTERN
from fasttrack.serving.problems import PROBLEM_SCHEMA

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fasttrack.bundle import Manifest
    from fasttrack.contract.schema import Column

__all__ = ["describe"]

_CELL_ISSUE = {
    "type": "object",
    "title": "CellIssue",
    "properties": {
        "row": {"type": ["integer", "null"], "description": "The row, counted from 0; null means every row."},
        "column": {"type": ["string", "null"]},
        "message": {"type": "string"},
    },
    "required": ["row", "column", "message"],
}
_ACCEPTED = {
    "type": "object",
    "title": "Accepted",
    "properties": {"accepted": {"type": "integer", "minimum": 0}},
    "required": ["accepted"],
}


def describe(app: FastAPI, manifest: Manifest) -> dict[str, Any]:
    """The OpenAPI document of `app` while the model of `manifest` serves."""
    contract = manifest.contract
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags)
    document["info"]["description"] = (
        f"Serves **{manifest.name}@{manifest.version}**: predicts `{contract.target.name}` "
        f"({contract.target.task}) from {len(contract.columns)} columns."
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["CellIssue"] = _CELL_ISSUE
    schemas["Problem"] = PROBLEM_SCHEMA
    document["paths"]["/predict"]["get"] |= {
        "summary": "Predict one row",
        "description": "One query parameter for each column; an empty value means missing.",
        "parameters": [_parameter(column) for column in contract.columns],
        "responses": {
            "200": _json("The prediction.", query_reply_schema(contract)),
            "422": _problem("A value cannot be scored."),
        },
    }
    document["paths"]["/predict"]["post"] |= {
        "summary": "Predict one row or many",
        "description": "One row (an object), rows (an array of objects), or columns (an object of arrays).",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": request_schema(contract), "examples": request_examples(contract)}
            },
        },
        "responses": {
            "200": _json("The predictions.", reply_schema(contract)),
            "400": _problem("The body is not JSON."),
            "413": _problem("The body is too large."),
            "415": _problem("The body is compressed."),
            "422": _problem("Some values cannot be scored, listed by row and column; or there are too many rows."),
        },
    }
    document["paths"]["/feedback"]["post"] |= {
        "summary": "Send true outcomes as labels",
        "description": "One label or many, for predictions by their ids. The last label of a prediction counts.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": feedback_schema(contract, ID_PATTERN)}},
        },
        "responses": {
            "202": _json("Accepted; the labels are written within about a second.", _ACCEPTED),
            "400": _problem("The body is not JSON."),
            "404": _problem("The server keeps no journal."),
            "413": _problem("The body is too large."),
            "415": _problem("The body is compressed."),
            "422": _problem("No label is accepted: an id or a label cannot be right, or there are too many."),
            "503": _problem("The queue of labels is full; send them again later."),
        },
    }
    return document


def _parameter(column: Column) -> dict[str, Any]:
    schema = column_schema(column)
    parameter = {
        "name": column.name,
        "in": "query",
        "required": not column.nullable,
        "description": schema.pop("description"),
        "schema": schema,
    }
    if "examples" in schema:
        parameter["example"] = schema["examples"][0]
    return parameter


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
