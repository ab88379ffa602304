"""One cell of a request: what each kind of column accepts, how text is read, and what a refusal says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fasttrack.contract.numbers import PLAIN_NUMBER

if TYPE_CHECKING:
    from fasttrack.contract.numbers import NumberNotation
    from fasttrack.contract.refusal import Issues
    from fasttrack.contract.schema import Column

__all__ = [
    "check",
    "expected_kind",
    "from_query",
    "missing_message",
    "type_name",
]

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
    reading = column.reading
    if isinstance(value, str):
        value = None if reading.is_missing(value) else value
    elif reading.missing_numbers and not isinstance(value, bool) and value in reading.missing_numbers:
        value = None
    if value is None or value != value:  # NaN, which JSON does not have but Python callers do
        if not column.nullable:
            issues.add(row, column.name, _null_message(column) if present else missing_message(column), "missing")
        return None
    match column.kind:
        case "number" | "integer":
            if isinstance(value, str) and reading.number is not None:
                return _number_in_text(issues, row, column, value, reading.number)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _number(issues, row, column, value)
        case "boolean":
            if isinstance(value, bool):
                return value
        case "category" | "text":
            if isinstance(value, str):
                return value
        case "datetime":
            if isinstance(value, str) or reading.takes_compact_dates(value):
                try:
                    reading.parse_time(value if isinstance(value, str) else str(int(value)))
                except ValueError:
                    issues.add(row, column.name, f"expected {_time_example(column)}", "type")
                    return None
                return value
    issues.add(row, column.name, f"expected {expected_kind(column)}, got {type_name(value)}", "type")
    return None


def _number_in_text(issues: Issues, row: int, column: Column, text: str, notation: NumberNotation) -> float | None:
    try:
        return _number(issues, row, column, notation.parse(text))
    except ValueError:
        issues.add(row, column.name, f"expected {expected_kind(column)}", "type")
        return None


def _time_example(column: Column) -> str:
    iso = "an ISO 8601 date and time, such as 2013-01-31T17:05:00Z"
    dates = column.reading.dates
    return iso if dates is None else f"{iso}, or a date as the training table has them: {dates.describe()}"


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
        return float(plain) if column.reading.number is None and PLAIN_NUMBER.fullmatch(plain) else text
    if column.kind == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    if column.kind == "datetime" and " " in text:
        try:
            column.reading.parse_time(text)
        except ValueError:
            return "+".join(text.rsplit(" ", 1))
    return text


def expected_kind(column: Column) -> str:
    """The kind of the column's cells in words, such as `a whole number`."""
    notation = column.reading.number
    words = _EXPECTED[column.kind]
    return words if notation is None else f"{words} (as text: {notation.describe()})"


def missing_message(column: Column) -> str:
    """The refusal of a request without a required column."""
    return f"missing; expected {expected_kind(column)}"


def _null_message(column: Column) -> str:
    return f"null, but the training data always had a value here; expected {expected_kind(column)}"


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
