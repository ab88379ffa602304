"""The contract for callers: an example row, and the JSON Schema of a row, a request, a reply and feedback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fasttrack.contract.published import category_count, published_categories, published_example, range_text

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Contract, Scalar

__all__ = ["beginning_of_row", "example_row", "is_wide", "reply_schema", "request_schema", "row_schema"]

_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "category": "string"} | dict.fromkeys(
    ("datetime", "text"), "string"
)
_MOST_COLUMNS, _MOST_CHARACTERS = 20, 2_000
"""An example row of more, written with one column a line or on one line, does not fit a screen."""
_FIRST = 3


def example_row(contract: Contract) -> dict[str, Scalar]:
    """A row of typical training values, which the decoder accepts.

    It gets no warning, unless no value of a required column may be published: a neutral one is in its place.
    """
    return {column.name: published_example(column) for column in contract.columns}


def is_wide(contract: Contract) -> bool:
    """Whether the example row is too long for a screen, so that readers are told where to get it instead."""
    return len(contract.columns) > _MOST_COLUMNS or len(json.dumps(example_row(contract))) > _MOST_CHARACTERS


def beginning_of_row(contract: Contract) -> str:
    """The first columns of the example row as JSON, and how many follow: `{"a": 1, "b": 2, "c": 3, … 97 more}`."""
    row = list(example_row(contract).items())
    first = json.dumps(dict(row[:_FIRST]), ensure_ascii=False)
    return f"{first[:-1]}, … {len(row) - _FIRST:,} more}}" if len(row) > _FIRST else first


def row_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of one row; without an example of the whole row if that is long."""
    schema: dict[str, Any] = {
        "type": "object",
        "title": "Row",
        "properties": {column.name: column_schema(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
    }
    return schema if is_wide(contract) else schema | {"example": example_row(contract)}


def column_schema(column: Column) -> dict[str, Any]:
    """JSON Schema of one cell; its description gives the categories or the range of the training data."""
    kind = _TYPES[column.kind]
    schema: dict[str, Any] = {"type": [kind, "null"] if column.nullable else kind}
    if column.kind == "datetime":
        schema["format"] = "date-time"
    schema["description"] = _description(column)
    example = published_example(column)
    if example is not None:
        schema["examples"] = [example]
    return schema


def request_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a body of `POST /predict`: one row, rows, or columns."""
    row = row_schema(contract)
    one_row = {**row, "title": "One row"}
    if not row["required"]:  # nothing else distinguishes a row from columns
        one_row["not"] = {
            "properties": {"columns": {"type": "object"}},
            "required": ["columns"],
            "maxProperties": 1,
        }
    columns = {
        name: {"type": "array", "items": {key: value for key, value in cell.items() if key != "examples"}}
        for name, cell in row["properties"].items()
    }
    return {
        "anyOf": [
            one_row,
            {"type": "array", "title": "Rows", "items": row},
            {
                "type": "object",
                "title": "Columns",
                "properties": {
                    "columns": {
                        "type": "object",
                        "description": "The values of each column; all columns have the same length.",
                        "properties": columns,
                        "required": row["required"],
                    }
                },
                "required": ["columns"],
                "additionalProperties": False,
            },
        ]
    }


def request_examples(contract: Contract) -> dict[str, Any]:
    """The same row as one row, as rows and as columns, each ready to send; only as one row if it is long."""
    row = example_row(contract)
    one = {"row": {"summary": "One row", "value": row}}
    if is_wide(contract):
        return one
    return {
        **one,
        "rows": {"summary": "Two rows", "value": [row, row]},
        "columns": {"summary": "Columns", "value": {"columns": {name: [value] for name, value in row.items()}}},
    }


def reply_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a reply of `POST /predict`, to one row or to several."""
    value = _prediction_schema(contract)
    row: dict[str, Any] = {"prediction": value}
    rows: dict[str, Any] = {"predictions": {"type": "array", "items": value}}
    if contract.target.probabilities:
        probability = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
        labels = [label_key(label) for label in contract.target.classes or ()]
        row["probabilities"] = {
            "type": "object",
            "properties": dict.fromkeys(labels, probability),
            "required": labels,
        }
        rows["probabilities"] = {
            "type": "object",
            "properties": {label: {"type": "array", "items": probability} for label in labels},
            "required": labels,
        }
    row["id"] = {"type": "string", "description": "The id for POST /feedback, if the server keeps a journal."}
    rows["ids"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "The ids for POST /feedback, by row.",
    }
    shared = {
        "model": {"type": "string", "description": "name@version of the model that predicted."},
        "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/CellIssue"}},
    }
    required = ["probabilities", "model"] if contract.target.probabilities else ["model"]
    return {
        "anyOf": [
            {
                "title": "One prediction",
                "type": "object",
                "properties": row | shared,
                "required": ["prediction", *required],
            },
            {
                "title": "Predictions",
                "type": "object",
                "properties": rows | shared,
                "required": ["predictions", *required],
            },
        ]
    }


def query_reply_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a reply of `GET /predict`: the row as the server read it, and the prediction."""
    post_reply = reply_schema(contract)["anyOf"][0]
    properties = {name: value for name, value in post_reply["properties"].items() if name not in ("model", "id")}
    row: dict[str, Any] = {column.name: {"type": [_TYPES[column.kind], "null"]} for column in contract.columns}
    if query_reply_nests(contract):
        row = {"columns": {"type": "object", "properties": row}}
    return {
        "type": "object",
        "properties": row | properties,
        "required": [name for name in post_reply["required"] if name != "model"],
    }


def feedback_schema(contract: Contract, identifier: str) -> dict[str, Any]:
    """JSON Schema of a body of `POST /feedback`: one label or an array. `identifier`: regular expression of an id."""
    classes = contract.target.classes
    kinds = {bool: "boolean", int: "number", float: "number"}
    types = sorted({"number"} if classes is None else {kinds.get(type(value), "string") for value in classes})
    label: dict[str, Any] = {"type": types, "description": f"The true value of {contract.target.name}."}
    if classes is not None:
        label["examples"] = list(classes[:3])
    label_schema = {
        "type": "object",
        "title": "Label",
        "properties": {
            "id": {
                "type": "string",
                "pattern": f"^{identifier}$",
                "description": "The id in the reply to the prediction.",
            },
            "label": label,
        },
        "required": ["id", "label"],
        "additionalProperties": False,
    }
    return {"anyOf": [label_schema, {"type": "array", "title": "Labels", "items": label_schema}]}


def query_reply_nests(contract: Contract) -> bool:
    """Whether a reply of `GET /predict` has the row under `columns`: a column has the name of another member."""
    return not {"prediction", "probabilities", "warnings"}.isdisjoint(contract.names)


def label_key(label: object) -> str:
    """A class label as the name of a JSON member: text as it is, true as `true`, 1 as `1`."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def _prediction_schema(contract: Contract) -> dict[str, Any]:
    target = contract.target
    description = f"Predicted {target.name}."
    if target.threshold is not None:
        description += f" It is {label_key(target.positive)} from a probability of {target.threshold:g} on."
    if target.classes is None:
        return {"type": ["number", "null"], "description": f"{description} null if the answer is not a finite number."}
    return {"enum": list(target.classes), "description": description}


def _description(column: Column) -> str:
    parts = []
    count, bounds = category_count(column), range_text(column)
    if count is not None:
        listed = list(map(label_key, published_categories(column)))
        parts.append(f"{_known_values(listed, count)} Others are scored as unseen, with a warning.")
    elif column.kind == "text":
        parts.append("Free text.")
    elif bounds:
        parts.append(f"Training range {bounds}; values outside of the training data are scored, with a warning.")
    if column.kind == "datetime":
        parts.append("ISO 8601; UTC if it has no time zone.")
    if column.nullable:
        parts.append(f"May be missing (null or absent), as in {column.missing_share:.2%} of the training rows.")
    return " ".join(parts)


def _known_values(listed: list[str], count: int) -> str:
    if not listed:
        return f"{count:,} known values, none of which is listed."
    more = f" and {count - len(listed):,} more" if count > len(listed) else ""
    return f"Known values: {', '.join(listed)}{more}."
