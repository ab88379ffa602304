"""Dates and times as people write them: `31.01.2012`, `01/31/2012 5:07 PM`, `20120131`, `3-Feb-21`, `Feb 2021`.

`infer_dates` decides the order of day, month and year from all distinct texts of a column. `DateNotation.parse` reads
one text in this order, so tables, requests and labels are read in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

import msgspec

__all__ = ["DateNotation", "DateOrder", "InferredDates", "infer_dates", "is_date_like"]

DateOrder = Literal["dayfirst", "monthfirst"]

_MONTH_NAMES = """
jan january, feb february, mar march, apr april, may, jun june, jul july, aug august, sep sept september, oct october,
nov november, dec december
"""
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(","), start=1) for name in names.split()}
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_MONTH = rf"(?P<name>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_SEPARATOR = r"[-/.\s]"
_FORMS = {
    "year first": r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})",
    "year and month": r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})",
    "compact": r"(?P<year>(?:1[5-9]|2[0-2])[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    "year last": r"(?P<first>[0-9]{1,2})(?P<mark>[-/.]|\s)(?P<second>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4}|[0-9]{2})",
    "month and year": r"(?P<month>[0-9]{1,2})[-/](?P<year>[0-9]{4})",
    "day, month name": rf"{_WEEKDAY}{_DAY}{_SEPARATOR}*{_MONTH}(?:{_SEPARATOR}|,)*"
    r"(?P<year>[0-9]{4}|(?<=[-/\s.])[0-9]{2})",
    "month name, day": rf"{_WEEKDAY}{_MONTH}{_SEPARATOR}*{_DAY},?{_SEPARATOR}+(?P<year>[0-9]{{4}})",
    "month name": rf"{_MONTH}(?:{_SEPARATOR}|,)*(?P<year>[0-9]{{4}})",
    "year, month name": rf"(?P<year>[0-9]{{4}}){_SEPARATOR}{_MONTH}(?:{_SEPARATOR}{_DAY})?",
}
_TIME = (
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))?(?::(?P<second_of_minute>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?\s*(?P<zone>z|utc|gmt|[+-][0-9]{2}:?(?:[0-9]{2})?)?"
)
_BETWEEN = r"(?:\s*,?\s+|\s*t\s*(?=[0-9]))(?:at\s+)?"
_PATTERNS = {
    form: re.compile(rf"{pattern}(?:{_BETWEEN}{_TIME})?", re.IGNORECASE | re.ASCII) for form, pattern in _FORMS.items()
}
_SPACES = re.compile(r"[\s\u00a0\u202f]+")
_PIVOT = 69
"""Years of two digits are 1969 to 2068, as POSIX's strptime reads them."""
_LONGEST = 64
"""Characters of the longest date."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_FEW_COMPACT = 3
"""Fewer different numbers than this may look like dates by chance."""


class DateNotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a column writes its dates. ISO 8601 is read whatever the notation; times without a zone are UTC."""

    order: DateOrder | None = None
    """Which of two numbers before the year is the day; `None` where no date of the column is written so."""
    compact: bool = False
    """Whether `20120131`, as text or as a number, is a date."""

    def parse(self, text: str) -> float:
        """Seconds since 1970 UTC. Raises ValueError for what is not a date in this notation, or not in the calendar."""
        match = _match(text)
        if match is None:
            raise ValueError("not a date")
        form, parts = match
        if (form == "compact" and not self.compact) or (form == "year last" and self.order is None):
            raise ValueError("not a date in this notation")
        since = _seconds(form, parts, self.order or "dayfirst")
        if not _FIRST <= since <= _LAST:  # by its zone
            raise ValueError("outside the years 1 to 9999")
        return since

    def fits(self, text: str) -> bool:
        """Whether `text` is a date in this notation."""
        try:
            self.parse(text)
        except ValueError:
            return False
        return True

    def describe(self) -> str:
        """The notation in words, such as `day first`."""
        words = {"dayfirst": "day first", "monthfirst": "month first"}
        return words[self.order] if self.order else "compact, as 20120131" if self.compact else "year or month name"


@dataclass(frozen=True)
class InferredDates:
    """The notation of a column of dates. `ambiguous`: day first and month first both fit every text."""

    notation: DateNotation
    ambiguous: bool = False


def infer_dates(texts: Iterable[str], *, prefer: DateOrder | None = None) -> InferredDates | None:
    """The notation of a column by its distinct texts, or `None` when one of them is no date.

    A number over 12 decides which of two numbers is the day. If there is none, `prefer` decides, which the user or
    other columns may set. Without it, dates with points are day first, as in all countries that write them so.
    """
    forms: dict[str, list[Mapping[str, str]]] = {}
    for text in texts:
        match = _match(text)
        if match is None:
            return None
        forms.setdefault(match[0], []).append(match[1])
    if not forms:
        return None
    if "compact" in forms and (len(forms) > 1 or len(forms["compact"]) < _FEW_COMPACT):
        return None
    numeric = forms.get("year last", [])
    if len({len(parts["year"]) for parts in numeric}) > 1 or any(map(_is_version, numeric)):
        return None
    orders: list[DateOrder | None] = [None]
    if numeric:
        orders = [order for order in ("dayfirst", "monthfirst") if all(_fits(order, parts) for parts in numeric)]
        if not orders:
            return None
    ambiguous = len(orders) > 1
    order = orders[0]
    if ambiguous:
        points = all(parts["mark"] == "." for parts in numeric)
        order = prefer or "dayfirst"
        ambiguous = prefer is None and not points
    try:
        for form, matches in forms.items():
            for parts in matches:
                _seconds(form, parts, order or "dayfirst")
    except (ValueError, OverflowError):  # such as the 30th of February
        return None
    return InferredDates(DateNotation(order=order, compact="compact" in forms), ambiguous)


def is_date_like(text: str) -> bool:
    """Whether `text` has the shape of a date in some notation."""
    return _match(text) is not None


def _match(text: str) -> tuple[str, Mapping[str, str]] | None:
    if len(text) > _LONGEST:
        return None
    plain = _SPACES.sub(" ", text).strip()
    if not plain or not any(sign.isdigit() for sign in plain):
        return None
    for form, pattern in _PATTERNS.items():
        match = pattern.fullmatch(plain)
        if match is not None and not (match["hour"] and not match["minute"] and not match["half"]):
            return form, match.groupdict()
    return None


def _ordered(parts: Mapping[str, str], order: DateOrder) -> tuple[int, int]:
    first, second = int(parts["first"]), int(parts["second"])
    return (first, second) if order == "dayfirst" else (second, first)


def _is_version(parts: Mapping[str, str]) -> bool:
    """Whether a text such as 1.2.10 is more likely the number of a version than a date."""
    return parts["mark"] == "." and len(parts["year"]) == 2 and min(len(parts["first"]), len(parts["second"])) == 1


def _fits(order: DateOrder, parts: Mapping[str, str]) -> bool:
    day, month = _ordered(parts, order)
    return 1 <= month <= 12 and 1 <= day <= 31


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (1900 if year >= _PIVOT else 2000)


def _seconds(form: str, parts: Mapping[str, str], order: DateOrder) -> float:
    """Seconds since 1970 UTC of a text's parts. Raises ValueError when no calendar has such a day."""
    if form == "year last":
        day, month = _ordered(parts, order)
    else:
        month = _MONTHS[parts["name"].lower()] if parts.get("name") else int(parts["month"] or 1)
        day = int(parts.get("day") or 1)
    moment = datetime.combine(date(_year(parts["year"]), month, day), _time(parts), _zone(parts.get("zone")))
    return (moment - _EPOCH).total_seconds()


def _time(parts: Mapping[str, str]) -> time:
    if not parts.get("hour"):
        return time()
    hour = int(parts["hour"])
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a half day")
        hour = hour % 12 + (12 if half == "p" else 0)
    fraction = (parts.get("fraction") or "").ljust(6, "0")[:6]
    return time(hour, int(parts.get("minute") or 0), int(parts.get("second_of_minute") or 0), int(fraction))


def _zone(text: str | None) -> timezone:
    if not text or text.lower() in ("z", "utc", "gmt"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
