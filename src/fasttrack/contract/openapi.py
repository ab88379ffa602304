"""The contract as callers read it: an example row, and the JSON Schema of a row, a request and a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasttrack.contract.cell import iso

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Contract, Scalar

__all__ = ["example_row", "reply_schema", "request_schema", "row_schema"]

_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "category": "string", "datetime": "string"}
_LISTED = 50
"""How many categories a description lists before it only counts."""


def example_row(contract: Contract) -> dict[str, Scalar]:
    """A row of typical training values; it is valid and scores without warnings."""
    return {column.name: column.example for column in contract.columns}


def row_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of one row."""
    return {
        "type": "object",
        "title": "Row",
        "properties": {column.name: column_schema(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
        "example": example_row(contract),
    }


def column_schema(column: Column) -> dict[str, Any]:
    """JSON Schema of one cell, with what training knew about the column as its description."""
    kind = _TYPES[column.kind]
    schema: dict[str, Any] = {"type": [kind, "null"] if column.nullable else kind}
    if column.kind == "datetime":
        schema["format"] = "date-time"
    schema["description"] = _description(column)
    if column.example is not None:
        schema["examples"] = [column.example]
    return schema


def request_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a body of `POST /predict`: one row, rows, or columns."""
    row = row_schema(contract)
    one = {**row, "title": "One row"}
    if not row["required"]:  # nothing else would tell a row from columns
        one["not"] = {
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
            one,
            {"type": "array", "title": "Rows", "items": row},
            {
                "type": "object",
                "title": "Columns",
                "properties": {
                    "columns": {
                        "type": "object",
                        "description": "The values of each column, all of one length.",
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
    """The same row as one row, as rows and as columns, each ready to send."""
    row = example_row(contract)
    return {
        "row": {"summary": "One row", "value": row},
        "rows": {"summary": "Two rows", "value": [row, row]},
        "columns": {"summary": "Columns", "value": {"columns": {name: [value] for name, value in row.items()}}},
    }


def reply_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a reply of `POST /predict`, to one row or to several."""
    value = _prediction_schema(contract)
    one: dict[str, Any] = {"prediction": value}
    many: dict[str, Any] = {"predictions": {"type": "array", "items": value}}
    if contract.target.probabilities:
        share = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
        labels = [label_key(label) for label in contract.target.classes or ()]
        one["probabilities"] = {
            "type": "object",
            "properties": dict.fromkeys(labels, share),
            "required": labels,
        }
        many["probabilities"] = {
            "type": "object",
            "properties": {label: {"type": "array", "items": share} for label in labels},
            "required": labels,
        }
    one["id"] = {"type": "string", "description": "For POST /feedback; where the server keeps a journal."}
    many["ids"] = {"type": "array", "items": {"type": "string"}, "description": "As id, one a row."}
    shared = {
        "model": {"type": "string", "description": "name@version of the model that answered."},
        "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/CellIssue"}},
    }
    required = ["probabilities", "model"] if contract.target.probabilities else ["model"]
    return {
        "anyOf": [
            {
                "title": "One prediction",
                "type": "object",
                "properties": one | shared,
                "required": ["prediction", *required],
            },
            {
                "title": "Predictions",
                "type": "object",
                "properties": many | shared,
                "required": ["predictions", *required],
            },
        ]
    }


def query_reply_schema(contract: Contract) -> dict[str, Any]:
    """JSON Schema of a reply of `GET /predict`: the row as it was read, and the prediction."""
    one = reply_schema(contract)["anyOf"][0]
    properties = {name: value for name, value in one["properties"].items() if name not in ("model", "id")}
    row: dict[str, Any] = {column.name: {"type": [_TYPES[column.kind], "null"]} for column in contract.columns}
    if query_reply_nests(contract):
        row = {"columns": {"type": "object", "properties": row}}
    return {
        "type": "object",
        "properties": row | properties,
        "required": [name for name in one["required"] if name != "model"],
    }


def feedback_schema(contract: Contract, identifier: str) -> dict[str, Any]:
    """JSON Schema of a body of `POST /feedback`: one label, or many. `identifier`: the pattern of an id."""
    classes = contract.target.classes
    kinds = {bool: "boolean", int: "number", float: "number"}
    types = sorted({"number"} if classes is None else {kinds.get(type(one), "string") for one in classes})
    label: dict[str, Any] = {"type": types, "description": f"What {contract.target.name} really was."}
    if classes is not None:
        label["examples"] = list(classes[:3])
    one = {
        "type": "object",
        "title": "Label",
        "properties": {
            "id": {
                "type": "string",
                "pattern": f"^{identifier}$",
                "description": "The id that a prediction came with.",
            },
            "label": label,
        },
        "required": ["id", "label"],
        "additionalProperties": False,
    }
    return {"anyOf": [one, {"type": "array", "title": "Labels", "items": one}]}


def query_reply_nests(contract: Contract) -> bool:
    """Whether the row stands under `columns` in a reply of `GET /predict`: a column has the name of another member."""
    return not {"prediction", "probabilities", "warnings"}.isdisjoint(contract.names)


def label_key(label: object) -> str:
    """A class label as the name of a JSON member: text as it is, true as `true`, 1 as `1`."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def _prediction_schema(contract: Contract) -> dict[str, Any]:
    target = contract.target
    description = f"Predicted {target.name}."
    if target.classes is None:
        return {"type": ["number", "null"], "description": f"{description} null when the answer is not finite."}
    return {"enum": list(target.classes), "description": description}


def _description(column: Column) -> str:
    parts = []
    if column.categories is not None:
        listed = ", ".join(map(label_key, column.categories[:_LISTED]))
        more = f" and {len(column.categories) - _LISTED:,} more" if len(column.categories) > _LISTED else ""
        parts.append(f"Known values: {listed}{more}. Others are scored as unseen and named in warnings.")
    elif column.minimum is not None and column.maximum is not None and column.kind != "boolean":
        low, high = (
            (iso(column.minimum), iso(column.maximum))
            if column.kind == "datetime"
            else (f"{column.minimum:g}", f"{column.maximum:g}")
        )
        parts.append(f"Training range {low} to {high}; values outside are scored and named in warnings.")
    if column.kind == "datetime":
        parts.append("ISO 8601; without a zone it is UTC.")
    if column.nullable:
        parts.append(f"May be missing (null or absent); {column.missing_share:.2%} of the training rows had none.")
    return " ".join(parts)
