"""How the texts of a column are read: as which numbers and times, and which of them mean that there is no value.

A reading is decided once, from the whole training table, and kept in the contract. Requests, tables and labels are read
by it, so the same text means the same everywhere.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from fasttrack.contract.dates import DateNotation
from fasttrack.contract.datetime_text import parse_datetime
from fasttrack.contract.numbers import PLAIN_NUMBER, NumberNotation

__all__ = ["DEFAULT_NULLS", "Reading", "cell_reading", "read_text"]

DEFAULT_NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"),
)
"""What a cell of a CSV file without a value contains, as Arrow and pandas read it.

Another word needs another bundle format.
"""
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How texts of a column are read. The default reads text as text, and no text as a number."""

    number: NumberNotation | None = None
    """The notation of a column of numbers that the table had as text; `None` where only plain numbers are read."""
    dates: DateNotation | None = None
    """The notation of a column of dates that are not all ISO 8601; ISO 8601 is always read."""
    nulls: tuple[str, ...] = ()
    """Texts that mean a missing value; spaces around them do not count."""
    default_nulls: bool = False
    """Whether the texts in DEFAULT_NULLS mean a missing value too, as in a CSV file."""
    values: tuple[str, ...] = ()
    """Texts in DEFAULT_NULLS that are values of this column, such as NA for Namibia."""

    @property
    def missing_texts(self) -> frozenset[str]:
        """All texts that mean a missing value."""
        return _missing_texts(self)

    @property
    def missing_numbers(self) -> frozenset[float]:
        """The numbers that mean a missing value, such as -999, because a text in `nulls` spells them."""
        return _missing_numbers(self)

    def is_missing(self, text: str) -> bool:
        """Whether `text` means that there is no value."""
        return (self.default_nulls or bool(self.nulls)) and text.strip() in self.missing_texts

    def takes_compact_dates(self, value: object) -> bool:
        """Whether `value` is a whole number, and a whole number such as 20120131 is a date."""
        if self.dates is None or not self.dates.compact:
            return False
        return type(value) is int or (type(value) is float and value.is_integer())

    def parse_number(self, text: str) -> float:
        """The number that `text` stands for in the column's notation. Raises ValueError when it has none."""
        if self.number is None:
            raise ValueError("text is not accepted as a number")
        return self.number.parse(text)

    def parse_time(self, text: str) -> float:
        """Seconds since 1970 UTC of a time. Raises ValueError for other text, and outside the years 1 to 9999."""
        if self.dates is None:
            return parse_datetime(text)
        try:
            return parse_datetime(text)
        except ValueError:
            return self.dates.parse(text)


def cell_reading(kind: str, reading: Reading) -> Reading:
    """How a contract reads cells of a format without types, also if it was learned from a format with types.

    Such a format can only leave a cell empty, or write a word, where there is no value.
    """
    if reading.is_missing(""):
        return reading
    if kind in ("category", "text"):
        return msgspec.structs.replace(reading, nulls=(*reading.nulls, ""))
    return msgspec.structs.replace(reading, default_nulls=True)


@functools.cache
def _missing_texts(reading: Reading) -> frozenset[str]:
    default = DEFAULT_NULLS if reading.default_nulls else ()
    return frozenset({*default, *reading.nulls} - set(reading.values))


@functools.cache
def _missing_numbers(reading: Reading) -> frozenset[float]:
    return frozenset(float(null) for null in reading.nulls if PLAIN_NUMBER.fullmatch(null))


def read_text(kind: str, reading: Reading, text: str) -> Any:
    """The value of `text` in a column of `kind`, in a format that has only text: a CSV file, a query.

    A float for a number or a whole number, a bool, seconds since 1970 UTC for a time, the text itself for any other
    kind, and `None` for a missing value. Raises ValueError when it is none of these.
    """
    if reading.is_missing(text):
        return None
    plain = text.strip()
    match kind:
        case "number" | "integer":
            if reading.number is not None:
                return reading.number.parse(plain)
            if not PLAIN_NUMBER.fullmatch(plain):
                raise ValueError("not a number")
            return float(plain)
        case "boolean":
            try:
                return _BOOLEANS[plain.lower()]
            except KeyError:
                raise ValueError("not true or false") from None
        case "datetime":
            return reading.parse_time(plain)
    return text
