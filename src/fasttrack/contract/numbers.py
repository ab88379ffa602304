"""Numbers as people write them: `$1,234.50`, `€4.123,00`, `13.2%`, `1 234,5`, `(1,234)`, `1,234-`, `12 kg`.

`infer_numbers` decides the notation from all distinct texts of a column. `NumberNotation.parse` reads one text in this
notation, so tables, requests and labels are read in the same way.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = [
    "PLAIN_NUMBER",
    "DecimalMark",
    "InferredNumbers",
    "NumberNotation",
    "ThousandsMark",
    "are_amounts",
    "are_few_words",
    "first_misfit",
    "infer_numbers",
    "is_number_like",
]

DecimalMark = Literal[".", ","]
ThousandsMark = Literal["", ",", ".", " ", "'"]

_APOSTROPHES = "'\u2019"
_MINUS = "\u2212\u2013-"
_CURRENCY_SIGNS = """
$ € £ ¥ ₹ ₽ ₩ ₺ ₫ ₪ ฿ ₴ ₦ ₱ ¢ zł Kč kr kr. Ft lei R$ US$ CA$ C$ A$ AU$ NZ$ HK$ S$ Rs Rs. RM Fr Fr. SFr.
USD EUR GBP JPY CHF CAD AUD NZD CNY INR SEK NOK DKK PLN CZK HUF BRL MXN ZAR TRY RUB KRW SGD HKD ILS AED SAR THB IDR MYR
PHP RON
"""
_CURRENCIES = frozenset(_CURRENCY_SIGNS.split())
_SHARES = frozenset(["%", "‰"])
_SHORT_UNITS = frozenset("mglhst")
"""Letters that are a unit at the end of `12m`. Any other single letter there makes a code, such as seat 12B."""
_UNIT = r"[^\W\d_]+(?:[/·.^][^\W\d_]+)*[²³]?|°[CFK]?|[%‰$€£¥₹₽₩₺₫₪฿₴₦₱¢]|[^\W\d_]+[$.]|[^\W\d_]+/[^\W\d_]+[²³]?"
_SHAPE = re.compile(
    rf"(?P<open>\()? ?(?P<sign>[+-])? ?(?P<before>{_UNIT})? ?(?P<inner>[+-])?(?P<open2> ?\()? ?"
    r"(?P<core>[.,]?[0-9](?:[0-9.,' ]*[0-9])?[.,]?(?:[eE][+-]?[0-9]+)?)"
    rf"(?P<gap> ?)(?P<trailing>-)?(?P<gap2> ?)(?P<after>{_UNIT})? ?(?P<close>\))?"
)
"""Matches texts with unified spaces, minus signs and apostrophes; a run of spaces is one, so no text takes long."""
_UNIFIED = str.maketrans(dict.fromkeys(_MINUS, "-") | dict.fromkeys(_APOSTROPHES, "'"))
_ANY_SPACES = re.compile(r"\s+")
"""Also no-break, figure, thin and narrow no-break spaces: all group digits in some country."""
PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as programs write it."""
_ZERO_PADDED = re.compile(r"0[0-9]+")
_FEW_WORDS = 0.1
"""Up to this share of a column's cells may be words in place of numbers, such as `n/k`."""
_MOST_WORDS = 5
_LONGEST = 64
"""Characters of the longest number in a notation of people, with its unit."""


class NumberNotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a column writes its numbers. The default is the notation of programs: `-1234.5`, `1e6`.

    Signs, spaces, and whether the unit and the thousands separators are written may differ from cell to cell. The marks
    and the unit may not.
    """

    decimal: DecimalMark = "."
    thousands: ThousandsMark = ""
    """The separator of thousands; a space stands for any kind of space, `'` for both apostrophes."""
    unit: str = ""
    """A currency sign, `%`, or a unit of measure, which every cell may have. `13.2%` is 13.2."""

    @property
    def plain(self) -> bool:
        """Whether this is the notation of programs."""
        return self == NumberNotation()

    def parse(self, text: str) -> float:
        """The number that `text` stands for. Raises ValueError when it is not one in this notation."""
        stripped = text.strip()
        if PLAIN_NUMBER.fullmatch(stripped) and (self.decimal == "." or "." not in stripped):
            return _finite(float(stripped))
        shape = _shape(stripped)
        if shape is None:
            raise ValueError("not a number")
        for unit in (shape["before"], shape["after"]):
            if unit is not None and unit != self.unit:
                raise ValueError("another unit")
        core = shape["core"]
        if not _grammar(self.decimal, self.thousands).fullmatch(core):
            raise ValueError("not a number in this notation")
        if self.thousands:
            core = core.replace(self.thousands, "")
        value = _finite(float(core.replace(",", ".") if self.decimal == "," else core))
        return -value if _is_negative(shape) else value

    def fits(self, text: str) -> bool:
        """Whether `text` is a number in this notation."""
        try:
            self.parse(text)
        except ValueError:
            return False
        return True

    def describe(self) -> str:
        """The notation in words, such as `decimal comma, thousands point, unit €`."""
        names = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}
        words = [f"decimal {names[self.decimal]}"] if self.decimal == "," or self.thousands else []
        words += [f"thousands {names[self.thousands]}"] if self.thousands else []
        words += [f"unit {self.unit}"] if self.unit else []
        return ", ".join(words) or "plain numbers"


def are_few_words(words: Mapping[str, int], total: int) -> bool:
    """Whether texts may be missing values by other names: few of `total` cells, and none with a digit."""
    return (
        len(words) <= _MOST_WORDS
        and sum(words.values()) <= _FEW_WORDS * total
        and not any(sign.isdigit() for word in words for sign in word)
    )


def is_number_like(text: str) -> bool:
    """Whether `text` has the shape of a number in some notation."""
    return _shape(text) is not None


_POINT_GROUPS: tuple[ThousandsMark, ...] = ("", ",", " ", "'")
_COMMA_GROUPS: tuple[ThousandsMark, ...] = (".", " ", "'", "")
_MARKS = (
    *(NumberNotation(decimal=".", thousands=group) for group in _POINT_GROUPS),
    *(NumberNotation(decimal=",", thousands=group) for group in _COMMA_GROUPS),
)
"""Every pair of marks; of two that fit, the earlier is taken unless something else decides."""


@dataclass(frozen=True)
class InferredNumbers:
    """What the texts of a column are, when they are numbers.

    `words` are the few texts that are not numbers, with how often they occur: missing values by another name.
    `ambiguous`: the texts can also be read with the other decimal mark, which would give other numbers.
    `codes`: the texts are digits with leading zeros, so they name things instead of measuring; `notation` is `None`.
    """

    notation: NumberNotation | None
    words: Mapping[str, int]
    ambiguous: bool = False
    codes: bool = False


def infer_numbers(counts: Mapping[str, int], *, prefer: DecimalMark | None = None) -> InferredNumbers | None:
    """The notation of a column whose distinct texts occur so often, or `None` when it is not a column of numbers.

    Every text must be a number in one and the same notation, but for a few words without digits (at most a tenth of the
    cells, at most five words). When both decimal marks fit and give different numbers, `prefer` decides, which other
    columns of the table may set; without it `.` is the decimal mark of `1.234` and `,` separates thousands in `1,234`.
    """
    texts = {text: number for text, number in counts.items() if text.strip()}
    words = {text: number for text, number in texts.items() if not any(sign.isdigit() for sign in text)}
    numbers = [text for text in texts if text not in words]
    if not numbers or not are_few_words(words, sum(texts.values())):
        return None
    shapes = []
    for text in numbers:
        shape = _shape(text)
        if shape is None:
            return None
        shapes.append(shape)
    unit = _common_unit(shapes)
    if unit is None:
        return None
    cores = {shape["core"] for shape in shapes}
    if not unit and any(_ZERO_PADDED.fullmatch(core) for core in cores):
        return InferredNumbers(None, words, codes=True) if all(core.isdigit() for core in cores) else None
    fitting = _fitting(cores)
    if not fitting:
        return None
    try:
        readings = {candidate: tuple(map(candidate.parse, cores)) for candidate in fitting}
    except ValueError:  # too large for a 64-bit float
        return None
    ambiguous = len(set(readings.values())) > 1
    chosen = fitting[0]
    if ambiguous and prefer is not None:
        chosen = next((candidate for candidate in fitting if candidate.decimal == prefer), chosen)
    return InferredNumbers(msgspec.structs.replace(chosen, unit=unit), words, ambiguous=ambiguous)


def are_amounts(counts: Mapping[str, int], share: float) -> bool:
    """Whether at least `share` of the cells are amounts or numbers with a mark, in whatever notations."""
    amounts = 0
    for text, count in counts.items():
        shape = _shape(text)
        if shape is not None:
            units = {shape["before"], shape["after"]} - {None}
            amounts += count * bool(units <= _CURRENCIES | _SHARES and (units or re.search("[.,]", shape["core"])))
    return amounts >= share * sum(counts.values()) > 0


def first_misfit(counts: Mapping[str, int], share: float) -> str | None:
    """The first text that is not a number in the notation of at least `share` of the cells; `None` if there is none.

    Also `None` when no notation fits so many cells.
    """
    total = sum(counts.values())
    units = Counter(shape["before"] or shape["after"] or "" for shape in map(_shape, counts) if shape is not None)
    for unit, _ in units.most_common(1):
        for marks in _MARKS:
            notation = msgspec.structs.replace(marks, unit=unit)
            misfits = {text: count for text, count in counts.items() if not notation.fits(text)}
            if sum(misfits.values()) <= (1 - share) * total:
                return next(iter(misfits), None)
    return None


def _shape(text: str) -> re.Match[str] | None:
    if len(text) > _LONGEST and len(text := text.strip()) > _LONGEST:
        return None
    shape = _SHAPE.fullmatch(_ANY_SPACES.sub(" ", text.translate(_UNIFIED)).strip())
    return shape if shape is not None and _is_balanced(shape) else None


def _fitting(cores: Iterable[str]) -> list[NumberNotation]:
    """The notations in which every core is a number, the one to take by default first; none has a mark to spare."""
    cores = list(cores)
    joined = "".join(cores)
    fitting = []
    for notation in _MARKS:
        group = notation.thousands
        if group not in joined:
            continue
        if notation.decimal == "," and not group and "," not in joined:
            continue
        if all(_grammar(notation.decimal, group).fullmatch(core) for core in cores):
            fitting.append(notation)
    return fitting


@functools.cache
def _grammar(decimal: DecimalMark, thousands: str) -> re.Pattern[str]:
    """Digits, grouped or not, with a fraction and an exponent if any. Groups may be India's: 12,34,567."""
    mark = re.escape(decimal)
    fraction = rf"(?:{mark}[0-9]*)?"
    exponent = r"(?:[eE][+-]?[0-9]+)?"
    plain = rf"[0-9]+{fraction}{exponent}|{mark}[0-9]+{exponent}"
    if not thousands:
        return re.compile(plain)
    sign = re.escape(thousands)
    return re.compile(rf"[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}{fraction}|{plain}")


def _common_unit(shapes: Iterable[re.Match[str]]) -> str | None:
    """The one unit of all texts, empty for none; `None` when they differ, or the letters make codes of the numbers."""
    units: Counter[str] = Counter()
    bare = 0
    for shape in shapes:
        before, after = shape["before"], shape["after"]
        if before is not None and (after is not None or before not in _CURRENCIES):
            return None
        unit = before or after
        if unit is None:
            bare += 1
            continue
        attached = after is not None and not shape["gap"] and not shape["gap2"]
        if attached and len(unit) == 1 and unit.isalpha() and unit not in _SHORT_UNITS:
            return None
        if unit in ("e", "E"):  # the beginning of an exponent
            return None
        units[unit] += 1
    if not units:
        return ""
    if len(units) > 1:
        return None
    (unit,) = units
    # an amount may lack its sign here and there, a measure that lacks its unit may have another one
    return unit if not bare or unit in _CURRENCIES | _SHARES else None


def _is_balanced(shape: re.Match[str]) -> bool:
    """Whether parentheses close, and there is one sign of a negative number at most."""
    opened = shape["open"] or shape["open2"]
    signs = [shape["sign"], shape["inner"], shape["trailing"], shape["open"], shape["open2"]]
    return bool(opened) == bool(shape["close"]) and sum(sign is not None for sign in signs) <= 1


def _is_negative(shape: re.Match[str]) -> bool:
    return bool(shape["open"] or shape["open2"] or shape["trailing"]) or "-" in (shape["sign"], shape["inner"])


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("too large for a 64-bit float")
    return value
