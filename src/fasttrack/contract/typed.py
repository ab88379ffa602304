"""JSON decoders made from a contract, which accept a request only if every cell has the right type."""

from __future__ import annotations

from dataclasses import dataclass
from types import GenericAlias
from typing import Any

import msgspec

from fasttrack.contract.schema import Column, Contract

__all__ = ["TypedDecoders", "typed_decoders"]

_TYPES: dict[str, Any] = {"number": float, "integer": float, "boolean": bool, "category": str}
_TYPES |= {"datetime": str, "text": str}


@dataclass(frozen=True, slots=True)
class TypedDecoders:
    """One decoder for each shape of request."""

    row: msgspec.json.Decoder[Any]
    rows: msgspec.json.Decoder[Any]
    columns: msgspec.json.Decoder[Any]


def typed_decoders(contract: Contract) -> TypedDecoders | None:
    """The decoders of a contract, or `None` if msgspec cannot take a column's name."""
    row: list[Any] = []
    columns: list[Any] = []
    for i, column in enumerate(contract.columns):
        cell = _cell_type(column)
        if column.nullable:
            row.append((f"f{i}", cell | None, None))
            columns.append((f"f{i}", GenericAlias(list, cell | None) | msgspec.UnsetType, msgspec.UNSET))
        else:
            row.append((f"f{i}", cell))
            columns.append((f"f{i}", GenericAlias(list, cell)))
    names = {f"f{i}": column.name for i, column in enumerate(contract.columns)}
    try:
        row_type = msgspec.defstruct("Row", row, kw_only=True, rename=names, forbid_unknown_fields=True, gc=False)
        columns_type = msgspec.defstruct("Inner", columns, kw_only=True, rename=names, forbid_unknown_fields=True)
    except ValueError:  # msgspec takes no quote, backslash or control character in a field's name
        return None
    body_type = msgspec.defstruct("Columns", [("columns", columns_type)], forbid_unknown_fields=True)
    decoder = msgspec.json.Decoder
    return TypedDecoders(decoder(row_type), decoder(GenericAlias(list, row_type)), decoder(body_type))


def _cell_type(column: Column) -> Any:
    """The JSON values that a column takes. Missing values by another name are not among them: a closer look finds them.

    Text of a column of numbers or dates may still be none of its notation.
    """
    if column.kind in ("number", "integer") and column.reading.number is not None:
        return float | str
    if column.reading.takes_compact_dates(0):
        return int | str
    return _TYPES[column.kind]
