"""One cell of a request: what each kind of column accepts, how text is read, and what a refusal says."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.contract.refusal import Issues
    from fasttrack.contract.schema import Column

__all__ = [
    "check",
    "expected_kind",
    "format_datetime",
    "from_query",
    "missing_message",
    "parse_datetime",
    "type_name",
    "within_years",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# Python's own reader takes any character between date and time, and so would read the zone of a date as its time.
_DATETIME = re.compile(r"[0-9]{4}-?([0-9]{2}-?[0-9]{2}|W[0-9]{2}(-?[0-9])?)([T ][0-9:.,]+(Z|[+-][0-9:.]+)?)?")
_EXPECTED = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "category": "text",
    "datetime": "an ISO 8601 date and time as text",
    "text": "text",
}


def check(issues: Issues, row: int, column: Column, value: Any, *, present: bool) -> Any:
    """The cell's value as the typed decoder would give it; `None` if it is missing or refused.

    Each refusal is added to `issues`. `present`: whether the request has the cell at all.
    """
    if value is None or value != value:  # NaN, which JSON does not have but Python callers do
        if not column.nullable:
            issues.add(row, column.name, _null_message(column) if present else missing_message(column), "missing")
        return None
    match column.kind:
        case "number" | "integer":
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _number(issues, row, column, value)
        case "boolean":
            if isinstance(value, bool):
                return value
        case "category" | "text":
            if isinstance(value, str):
                return value
        case "datetime":
            if isinstance(value, str):
                try:
                    parse_datetime(value)
                except ValueError:
                    message = "expected an ISO 8601 date and time, such as 2013-01-31T17:05:00Z"
                    issues.add(row, column.name, message, "type")
                    return None
                return value
    issues.add(row, column.name, f"expected {_EXPECTED[column.kind]}, got {type_name(value)}", "type")
    return None


def _number(issues: Issues, row: int, column: Column, value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        issues.add(row, column.name, "the number is too large for a 64-bit float", "range")
        return None
    if column.kind == "integer" and not number.is_integer():
        issues.add(row, column.name, "expected a whole number, got a number with a fraction", "type")
        return None
    return number


def from_query(column: Column, text: str) -> Any:
    """A query parameter as the JSON value it stands for; other text stays as it is, and is refused later.

    A plus sign that the caller did not encode arrives as a space, and is read as a plus where only that makes sense.
    """
    if text == "" and column.kind == "text":
        return None if column.nullable else ""
    if text == "":
        means_text = column.kind == "category" and not column.nullable and "" in (column.categories or ())
        return "" if means_text else None
    if column.kind in ("number", "integer"):
        plain = text.strip(" ")
        return float(plain) if _NUMBER.fullmatch(plain) else text
    if column.kind == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    if column.kind == "datetime" and " " in text:
        try:
            parse_datetime(text)
        except ValueError:
            return "+".join(text.rsplit(" ", 1))
    return text


def parse_datetime(text: str) -> float:
    """Seconds since 1970 UTC of an ISO 8601 date, or date and time; without a zone it is UTC.

    Raises ValueError for other text, and outside the years 1 to 9999.
    """
    upper = text.upper()
    if not _DATETIME.fullmatch(upper):
        raise ValueError("not ISO 8601")
    moment = datetime.fromisoformat(upper)
    since = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
    if not _FIRST <= since <= _LAST:
        raise ValueError("outside the years 1 to 9999")
    return since


def within_years(since: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which seconds since 1970 UTC lie in the years 1 to 9999."""
    within: NDArray[np.bool_] = (since >= _FIRST) & (since <= _LAST)
    return within


def format_datetime(since: float) -> str:
    """Seconds since 1970 UTC as ISO 8601 text. Raises OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(seconds=since)).isoformat().replace("+00:00", "Z")


def expected_kind(column: Column) -> str:
    """The kind of the column's cells in words, such as `a whole number`."""
    return _EXPECTED[column.kind]


def missing_message(column: Column) -> str:
    """The refusal of a request without a required column."""
    return f"missing; expected {_EXPECTED[column.kind]}"


def _null_message(column: Column) -> str:
    return f"null, but the training data always had a value here; expected {_EXPECTED[column.kind]}"


def type_name(value: Any) -> str:
    """A JSON value's type in words."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "an array" if isinstance(value, list) else "an object"
