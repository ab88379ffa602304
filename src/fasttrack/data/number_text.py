"""Numbers of a format with types as text beside the texts of people, which a notation must not read anew."""

from __future__ import annotations

import re

__all__ = ["without_mark"]

_DECIMAL = re.compile(r"([+-]?)([0-9]*)\.([0-9]*)(?:[eE]([+-]?[0-9]+))?")


def without_mark(number: str) -> str:
    """The same number without a decimal mark: `1.25` as `125e-2`, `3.0` as `3`, other text as it is.

    A point may separate thousands in the notation of the column. Both texts are the same float64.
    """
    match = _DECIMAL.fullmatch(number)
    if match is None or not match[2] + match[3]:
        return number
    sign, whole, fraction, exponent = match.groups()
    fraction = fraction.rstrip("0")
    power = int(exponent or 0) - len(fraction)
    digits = (whole + fraction).lstrip("0") or "0"
    return f"{sign}{digits}e{power}" if power else f"{sign}{digits}"
