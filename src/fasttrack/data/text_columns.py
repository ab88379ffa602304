"""The kind of each text column of a table: numbers or times as people write them, codes, or text.

Each column is decided from all its distinct texts. The decision is kept as the column's `Reading`, in the metadata of
its field, so that it travels with the table to the contract.
"""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.dates import DateNotation, DateOrder, infer_dates, is_date_like
from fasttrack.contract.disclosure import frequent_values
from fasttrack.contract.finding import TableFinding
from fasttrack.contract.numbers import (
    PLAIN_NUMBER,
    DecimalMark,
    InferredNumbers,
    NumberNotation,
    are_amounts,
    are_few_words,
    first_misfit,
    infer_numbers,
    is_number_like,
)
from fasttrack.contract.reading import DEFAULT_NULLS, Reading
from fasttrack.contract.schema import Privacy, base_kind
from fasttrack.data.column_kinds import PATTERNS
from fasttrack.quoting import column_label, quote_cell

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fasttrack.contract.schema import Kind, KindChoice

__all__ = [
    "MOSTLY",
    "ColumnText",
    "FaultyText",
    "TextRules",
    "are_compact_dates",
    "dates_finding",
    "field_findings",
    "field_reading",
    "infer_text",
    "with_reading",
]

MOSTLY = 0.95
"""A text column counts as numbers or times from this share of its cells on; its other cells count as mistakes."""
_KEY = b"fasttrack.reading"
_LEAST_COMPACT = 10
"""Fewer different whole numbers than this may look like dates by chance."""
_MOST_OTHERS = 5
_SAMPLE = 1000
_MOST_DIGITS = 18
"""Characters of a text that is surely a whole number of 64 bits; longer ones are read as fractions."""
_SHORT = 3
"""Codes such as those of countries have up to this many letters."""
_INFINITE = frozenset(["inf", "infinity", "+inf", "-inf", "+infinity", "-infinity"])


@dataclass(frozen=True)
class TextRules:
    """The user's options for the texts of a table, and whether its format has no types, as CSV."""

    nulls: tuple[str, ...] = ()
    default_nulls: bool = True
    dates: DateOrder | None = None
    untyped: bool = False
    privacy: Privacy = field(default_factory=Privacy)
    """Which words a finding may name."""

    def reading(self) -> Reading:
        """How any column is read before its texts are looked at."""
        nulls = self.nulls if not self.untyped or self.default_nulls else ("", *self.nulls)
        return Reading(nulls=nulls, default_nulls=self.untyped and self.default_nulls)


@dataclass(frozen=True)
class ColumnText:
    """The kind of a text column, how its texts are read, and what a user should know of that."""

    kind: Kind
    reading: Reading
    findings: list[TableFinding] = field(default_factory=list)
    ambiguous_mark: bool = False
    """Whether its numbers can be read with either decimal mark."""


class FaultyText(Exception):
    """One text of a column keeps it from being what nearly all its others are."""

    def __init__(self, text: str, kind: Kind) -> None:
        super().__init__(text)
        self.text, self.kind = text, kind


class _Stored(msgspec.Struct, frozen=True):
    reading: Reading
    findings: list[TableFinding] = []


def with_reading(column: pa.Field, reading: Reading, findings: list[TableFinding]) -> pa.Field:
    """The field of a column, with its reading and findings."""
    return column.with_metadata({_KEY: msgspec.json.encode(_Stored(reading, findings))})


def field_reading(column: pa.Field) -> Reading:
    """How the texts of a column were read."""
    return _stored(column).reading


def field_findings(column: pa.Field) -> list[TableFinding]:
    """What a user should know of the reading of a column."""
    return _stored(column).findings


def _stored(column: pa.Field) -> _Stored:
    content = (column.metadata or {}).get(_KEY)
    return _Stored(Reading()) if content is None else msgspec.json.decode(content, type=_Stored)


def infer_text(
    name: str,
    counts: Mapping[str, int],
    rules: TextRules,
    choice: KindChoice | None = None,
    prefer: DecimalMark | None = None,
) -> ColumnText:
    """What the column called `name` is, by how often each of its texts occurs.

    `choice` is the kind that a user set. `prefer` is the decimal mark of the table's other columns. Raises FaultyText
    when nearly all texts, or all that a user's kind allows, are numbers or times, and one is not.
    """
    reading = rules.reading()
    missing = reading.missing_texts
    present = {text: count for text, count in counts.items() if text.strip() not in missing}
    kind = None if choice is None else base_kind(choice)
    may_be = _likely_kinds(list(present)) if kind is None else {kind}
    if may_be & {"number", "integer"}:
        numbers = _numbers(name, present, rules, reading, choice, prefer)
        if numbers is not None:
            return numbers
    if "datetime" in may_be:
        dates = _dates(name, present, rules, reading, choice)
        if dates is not None:
            return dates
    if kind in ("number", "integer"):
        misfit = first_misfit(present, 0.5)
        if misfit is not None:
            raise FaultyText(misfit, kind)
    if kind is None:
        _refuse_faults(present, may_be if rules.untyped else may_be & {"datetime"})
    if kind in (None, "category"):
        findings = _unread_numbers(name, present) if kind is None and "number" in may_be else []
        text = _category(name, counts, rules, reading)
        return ColumnText(text.kind, text.reading, [*findings, *text.findings])
    return ColumnText(kind, reading)


def _unread_numbers(name: str, present: Mapping[str, int]) -> list[TableFinding]:
    """FT122, for a column whose cells are mostly numbers, but not in one notation, or with too many words."""
    label, as_text = column_label(name), f"to keep it as text: --kind {shlex.quote(f'{name}=category')}"
    numbers = {text: count for text, count in present.items() if is_number_like(text)}
    words = {text: count for text, count in present.items() if text not in numbers}
    inferred = infer_numbers(numbers)
    if inferred is not None and not inferred.codes and 0 < len(words) <= _MOST_OTHERS:
        share = sum(numbers.values()) / sum(present.values())
        message = (
            f"{label} is read as text: {share:.0%} of its cells are numbers, and more than a tenth are words; if the "
            f"words mean missing values, name each with --null; {as_text}"
        )
    elif are_amounts(present, MOSTLY):
        message = (
            f"{label} is read as text, although its cells look like numbers: they have several notations or units; "
            f"write all cells in one notation; {as_text}"
        )
    else:
        return []
    return [TableFinding(code="FT122", level="caution", message=message, columns=[name])]


def _likely_kinds(texts: Sequence[str]) -> set[Kind]:
    """What a column may be, by a sample of its distinct texts: examining a million of them would take long."""
    sample = texts[:: 1 + len(texts) // _SAMPLE]
    likely: set[Kind] = set()
    if sum(map(is_number_like, sample)) >= len(sample) / 2:
        likely.add("number")
    if sum(map(is_date_like, sample)) >= len(sample) / 2:
        likely.add("datetime")
    return likely


def _numbers(
    name: str,
    present: Mapping[str, int],
    rules: TextRules,
    reading: Reading,
    choice: KindChoice | None,
    prefer: DecimalMark | None,
) -> ColumnText | None:
    decimals: dict[str, DecimalMark] = {"number:decimal-comma": ",", "number:decimal-point": "."}
    decided = decimals.get(choice or "")
    if choice is None and are_compact_dates(present):
        return None
    inferred = _plain_numbers(present) or infer_numbers(present, prefer=decided or prefer)
    if decided is not None and inferred is not None and inferred.notation and inferred.notation.decimal != decided:
        contradiction = next((text for text in present if inferred.notation.decimal in text), None)
        if contradiction is not None and not inferred.ambiguous:
            raise FaultyText(contradiction, "number")
    if inferred is None or any(word.strip().lower() in _INFINITE for word in inferred.words):
        return None
    if choice is not None and inferred.words:
        return None  # all cells are to be numbers: conversion names the first that is not
    if inferred.codes or inferred.notation is None:
        return _codes(name, reading) if choice is None and rules.untyped else None
    notation = inferred.notation
    if choice is None and not rules.untyped and notation.plain and not inferred.ambiguous:
        return None  # text in a format with types is meant to be text
    reading = msgspec.structs.replace(reading, nulls=(*reading.nulls, *map(str.strip, inferred.words)))
    findings = _number_findings(name, inferred, rules.privacy, is_undecided=decided is None)
    others = (text for text in present if text not in inferred.words)
    if not notation.plain or not all(PLAIN_NUMBER.fullmatch(text.strip()) for text in others):
        reading = msgspec.structs.replace(reading, number=notation)
    whole = not notation.unit and not any(
        notation.decimal in text or "e" in text.lower() or len(text) > _MOST_DIGITS
        for text in present
        if text not in inferred.words
    )
    kind: Kind = base_kind(choice) if choice is not None else "integer" if whole else "number"
    return ColumnText(kind, reading, findings, ambiguous_mark=inferred.ambiguous and decided is None)


def _plain_numbers(present: Mapping[str, int]) -> InferredNumbers | None:
    """As `infer_numbers`, for a column in the notation of programs; `None` where a closer look is needed."""
    texts = pa.array(list(present), pa.string())
    trimmed = pc.utf8_trim_whitespace(texts)
    plain = pc.match_substring_regex(trimmed, PATTERNS["number"])
    if not pc.any(plain).as_py() or pc.any(pc.match_substring_regex(trimmed, r"^[+-]?0[0-9]")).as_py():
        return None
    words = {text: present[text] for text in texts.filter(pc.invert(plain)).to_pylist()}
    if not are_few_words(words, sum(present.values())):
        return None
    if pc.all(pc.match_substring_regex(trimmed.filter(plain), r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$")).as_py():
        return None  # may be thousands
    return InferredNumbers(NumberNotation(), words)


def _number_findings(
    name: str, inferred: InferredNumbers, privacy: Privacy, *, is_undecided: bool
) -> list[TableFinding]:
    notation, label = inferred.notation, column_label(name)
    assert notation is not None  # noqa: S101  # the caller checked
    findings = []
    if inferred.ambiguous and is_undecided:
        other = "point" if notation.decimal == "," else "comma"
        message = (
            f"{label} can be read with a decimal comma or a decimal point; it is read as {_mark(notation.decimal)}; "
            f"if that is wrong: --kind {shlex.quote(f'{name}=number:decimal-{other}')}"
        )
        findings.append(TableFinding(code="FT101", level="note", message=message, columns=[name]))
    elif not notation.plain:
        message = f"{label} is read as numbers: {notation.describe()}"
        findings.append(TableFinding(code="FT101", level="note", message=message, columns=[name]))
    if inferred.words:
        findings.append(_words_finding(name, inferred.words, privacy))
    return findings


def _words_finding(name: str, words: Mapping[str, int], privacy: Privacy) -> TableFinding:
    """FT108; it is published with the model, so it does not name words that only few rows have."""
    named = [] if name in privacy.hide else frequent_values(words, privacy)
    listed = [f"{quote_cell(word)} ({words[word]:,})" for word in named]
    rest = len(words) - len(named)
    if rest:
        listed.append(f"{rest:,} word{'s' * (rest != 1)} that fewer than {privacy.min_rows} rows have")
    nulls = " ".join(f"--null {shlex.quote(word.strip())}" for word in named)
    message = (
        f"{column_label(name)} is read as numbers; its words are read as missing: {', '.join(listed)}; "
        + f"to confirm this: {nulls}; " * bool(nulls)
        + f"to keep the column as text: --kind {shlex.quote(f'{name}=category')}"
    )
    return TableFinding(code="FT108", level="note", message=message, columns=[name])


def _mark(decimal: str) -> str:
    return "a decimal comma" if decimal == "," else "a decimal point"


def _codes(name: str, reading: Reading) -> ColumnText:
    message = (
        f"{column_label(name)} has leading zeros, so it is read as codes, not as numbers; if they are numbers: "
        f"--kind {shlex.quote(f'{name}=number')}"
    )
    return ColumnText("category", reading, [TableFinding(code="FT101", level="note", message=message, columns=[name])])


def are_compact_dates(texts: Collection[str]) -> bool:
    """Whether distinct texts are dates such as 20120131, enough of them for that to be no accident."""
    if len(texts) < _LEAST_COMPACT or not all(len(text.strip()) == 8 and text.strip().isdigit() for text in texts):
        return False
    return infer_dates(texts) is not None


def dates_finding(name: str, notation: DateNotation) -> TableFinding:
    """FT101, for a column of dates that are not ISO 8601."""
    message = f"{column_label(name)} is read as dates: {notation.describe()}"
    return TableFinding(code="FT101", level="note", message=message, columns=[name])


def _dates(
    name: str, present: Mapping[str, int], rules: TextRules, reading: Reading, choice: KindChoice | None
) -> ColumnText | None:
    if not present:
        return None
    orders: dict[str, DateOrder] = {"datetime:dayfirst": "dayfirst", "datetime:monthfirst": "monthfirst"}
    texts = pc.utf8_trim_whitespace(pa.array(list(present), pa.string()))
    if pc.all(pc.match_substring_regex(texts, PATTERNS["datetime"])).as_py():
        return ColumnText("datetime", reading)
    inferred = infer_dates(present, prefer=orders.get(choice or "") or rules.dates)
    if inferred is None or (choice is None and inferred.notation.compact and not are_compact_dates(present)):
        return None
    notation = inferred.notation
    decided = orders.get(choice or "")
    if decided is not None and notation.order not in (None, decided):
        other = DateNotation(order=decided, compact=notation.compact)
        raise FaultyText(next(text for text in present if not other.fits(text)), "datetime")
    reading = msgspec.structs.replace(reading, dates=notation)
    label = column_label(name)
    if inferred.ambiguous:
        message = (
            f"{label} has dates of which the day and the month cannot be told apart; say which comes first: "
            "--dates dayfirst or --dates monthfirst, or for this column only: "
            f"--kind {shlex.quote(f'{name}=datetime:dayfirst')}"
        )
        finding = TableFinding(code="FT120", level="caution", message=message, columns=[name])
    else:
        finding = dates_finding(name, notation)
    return ColumnText("datetime", reading, [finding])


def _refuse_faults(present: Mapping[str, int], kinds: Collection[Kind]) -> None:
    """Raise FaultyText where nearly all cells are of one of `kinds` in one notation, and few are not."""
    misfit = first_misfit(present, MOSTLY) if "number" in kinds else None
    if misfit is not None:
        raise FaultyText(misfit, "number")
    if "datetime" in kinds:
        dates = {text: count for text, count in present.items() if is_date_like(text)}
        is_most = MOSTLY * sum(present.values()) <= sum(dates.values()) and len(dates) < len(present)
        if is_most and infer_dates(dates) is not None:
            raise FaultyText(next(text for text in present if text not in dates), "datetime")


def _category(name: str, counts: Mapping[str, int], rules: TextRules, reading: Reading) -> ColumnText:
    """Text; a default spelling of a missing value may be a value of it, as NA among the codes of countries is."""
    if not reading.default_nulls:
        return ColumnText("category", reading)
    missing = reading.missing_texts
    words = Counter[str]()
    for text, count in counts.items():
        if text.strip() in missing:
            words[text.strip()] += count
    others = {text.strip(): count for text, count in counts.items() if text.strip() not in missing} if words else {}
    given = {null.strip() for null in rules.nulls}
    values, findings = [], []
    for word in DEFAULT_NULLS:
        count = words[word]
        if not count or word in given or not _is_like_codes(word, others):
            continue
        label, rows = column_label(name), f"{count:,} row{'s' * (count != 1)}"
        if 3 * count >= sum(others.values()) / len(others):
            values.append(word)
            message = (
                f"{label}: {word} ({rows}) is read as a value, because it is as frequent as other codes of "
                f"{len(word)} letters; if it means missing: --null {word}"
            )
        else:
            message = (
                f"{label}: {word} ({rows}) is read as a missing value, though the column has codes of {len(word)} "
                "letters; if it is a value: --no-default-nulls"
            )
        findings.append(TableFinding(code="FT121", level="note", message=message, columns=[name]))
    return ColumnText("category", msgspec.structs.replace(reading, values=tuple(values)), findings)


def _is_like_codes(word: str, others: Mapping[str, int]) -> bool:
    """Whether at least two other texts, and nearly all, are codes of as many letters, in the same case."""
    if not word.isalpha() or len(word) > _SHORT or len(others) < 2:
        return False
    alike = Counter[bool]()
    for text, count in others.items():
        alike[text.isalpha() and len(text) == len(word) and text.isupper() == word.isupper()] += count
    return alike[True] >= MOSTLY * alike.total()
