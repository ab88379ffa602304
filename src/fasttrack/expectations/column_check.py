"""One column of a checked table: what is wrong with its cells, counted batch by batch, and its drift."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.config import CheckReason
from fasttrack.contract.cell import expected_kind
from fasttrack.contract.datetime_text import format_datetime
from fasttrack.contract.encoding import unusual_message
from fasttrack.contract.published import category_count
from fasttrack.contract.schema import WORDED
from fasttrack.expectations.cells import CellReader
from fasttrack.expectations.result import Example, Finding
from fasttrack.graph.input_rules import InputRules, violations
from fasttrack.metrics.drift_thresholds import LEAST_ROWS, stability_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column
    from fasttrack.metrics.reference import Bins

    Mask = NDArray[np.bool_]

__all__ = ["ColumnCheck"]

_EXAMPLES = 3
_SIGMAS = 3.0
_NOTABLE_INCREASE = 0.01
"""More missing cells than in training are reported if their share grew by more than this, by half, and by chance."""


class _Problem(NamedTuple):
    """What can be wrong with a cell."""

    reason: CheckReason
    breaks: bool
    message: str

    @property
    def rank(self) -> tuple[bool, int, str]:
        """A fixed order, in whichever row a problem is met first: what breaks comes before what warns."""
        return not self.breaks, get_args(CheckReason).index(self.reason), self.message


@dataclass
class _Occurrences:
    """How many rows have a problem, and the first of them."""

    rows: int = 0
    examples: list[Example] = field(default_factory=list)


class ColumnCheck:
    """What is counted of one column: `place` is its index in the contract."""

    def __init__(
        self, column: Column, place: int, refusals: InputRules | None, bins: Bins | None, *, untyped: bool
    ) -> None:
        self.name = column.name
        self._column, self._bins, self._untyped = column, bins, untyped
        self._reader = CellReader(column)
        self._rules = None if refusals is None else _column_rules(refusals, place)
        self._type: pa.DataType | None = None
        self._problems: dict[_Problem, _Occurrences] = {}
        self._bin_counts = np.zeros(len(bins.names) if bins is not None else 0, dtype=np.int64)

    def add(self, batch: pa.Table, first_row: int, refused: Mask, odd: Mask) -> None:
        """Count the column's cells of a batch that begins at row `first_row`, counted from 0.

        Sets the rows to refuse in bool[n] `refused`, and those to warn of in `odd`.
        """
        column = self._column
        is_absent = column.name not in batch.column_names
        cells = pa.chunked_array([pa.nulls(len(batch))]) if is_absent else batch.column(column.name)
        if not is_absent and self._type is None:
            self._type = cells.type
        read = self._reader.read(cells, untyped=self._untyped)

        def note(reason: CheckReason, rows: Mask, message: str, *, breaks: bool) -> None:
            if not rows.any():
                return
            if breaks:
                np.logical_or(refused, rows, out=refused)
            problem = _Problem(reason, breaks, message)
            self._count(problem, np.flatnonzero(rows), None if is_absent else cells, first_row)

        if is_absent:
            note(
                "missing", read.missing, f"no such column; expected {expected_kind(column)}", breaks=not column.nullable
            )
        elif not column.nullable:
            note("missing", read.missing, "no value, but the training data always had one", breaks=True)
        else:
            note("missing", read.missing, f"no value; in training {column.missing_share:.2%} had none", breaks=False)
        note("type", read.wrong, f"expected {expected_kind(column)}{self._actual_type(cells.type)}", breaks=True)
        note("range", read.infinite, "too large for a 64-bit float", breaks=True)
        usable = ~(read.wrong | read.infinite | (read.missing if not column.nullable else False))
        forbidden = np.zeros(len(batch), dtype=bool)
        if self._rules is not None:
            for _, breach, reason, message in violations(
                self._rules, self._reader.contract, read.values.reshape(-1, 1)
            ):
                rows = breach & usable
                note(reason, rows & ~forbidden, message, breaks=True)
                forbidden |= rows
        unusual = read.odd & ~forbidden
        note("range" if category_count(column) is None else "unseen", unusual, unusual_message(column), breaks=False)
        np.logical_or(odd, unusual, out=odd)
        if self._bins is not None and not is_absent:
            self._bin_counts += self._bins.count(read.values[~(read.wrong | read.infinite)])

    def findings(self, rows: int) -> list[Finding]:
        """What is worth reporting, of a table with `rows` rows."""
        return [
            Finding(
                column=self.name,
                reason=problem.reason,
                breaks=problem.breaks,
                rows=occurrences.rows,
                share=occurrences.rows / rows,
                message=problem.message,
                examples=occurrences.examples,
            )
            for problem, occurrences in sorted(self._problems.items(), key=lambda item: item[0].rank)
            if problem.breaks
            or problem.reason != "missing"
            or self._type is None
            or self._is_notable(occurrences.rows, rows)
        ]

    def psi(self, rows: int) -> float | None:
        """Population stability index against the training rows; `None` if it is not watched or has too few rows."""
        total = int(self._bin_counts.sum())
        if self._bins is None or rows < LEAST_ROWS or not total:
            return None
        return stability_index(self._bin_counts / total, self._bins.shares)

    def _count(self, problem: _Problem, rows: NDArray[np.intp], cells: pa.ChunkedArray | None, first_row: int) -> None:
        """Count `rows` of a batch; without `cells`, where the column is absent, no row is an example."""
        occurrences = self._problems.setdefault(problem, _Occurrences())
        occurrences.rows += len(rows)
        examples = occurrences.examples
        if cells is None or len(examples) >= _EXAMPLES:
            return
        if problem.reason == "missing":
            examples += [Example(first_row + int(row) + 1, None) for row in rows[: _EXAMPLES - len(examples)]]
            return
        known = {example.cell for example in examples}
        for row, cell in _distinct_cells(cells, rows):
            if len(examples) < _EXAMPLES and cell not in known:
                examples.append(Example(first_row + row + 1, cell))

    def _actual_type(self, type_: pa.DataType) -> str:
        """The column's type, if that and not single cells is wrong, and how to convert it."""
        kind = self._column.kind
        is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
        is_text, is_timestamp = pa.types.is_string(type_), pa.types.is_timestamp(type_)
        is_right_type = (kind in ("number", "integer") and is_number) or (
            kind == "datetime" and (is_timestamp or is_text)
        )
        if self._untyped or is_right_type:
            return ""
        is_convertible = is_text or kind in WORDED or (kind == "boolean" and is_number)
        hint = f"; to convert it: --kind {shlex.quote(f'{self.name}={kind}')}" if is_convertible else ""
        return f", the column is {_type_words(type_)}{hint}"

    def _is_notable(self, missing: int, rows: int) -> bool:
        """Whether noticeably more cells are missing than in training."""
        before = self._column.missing_share
        chance = _SIGMAS * np.sqrt(before * (1 - before) / rows)
        return bool(missing / rows > before + max(_NOTABLE_INCREASE, before / 2, chance))


def _distinct_cells(cells: pa.ChunkedArray, rows: NDArray[np.intp]) -> list[tuple[int, str | bool | int | float]]:
    """The first cells among `rows` that differ from each other, each with its row."""
    taken = cells.take(pa.array(rows))
    try:
        distinct = pc.unique(taken).slice(0, _EXAMPLES * 2)
        return [(int(rows[pc.index(taken, cell).as_py()]), _plain_value(cell)) for cell in distinct]
    except pa.ArrowNotImplementedError:  # nested cells
        return [(int(row), str(cells[row].as_py())) for row in rows[:_EXAMPLES].tolist()]


def _plain_value(cell: pa.Scalar) -> str | bool | int | float:
    if pa.types.is_timestamp(cell.type):
        try:
            return format_datetime(cell.value / 1e6)
        except OverflowError:  # a year that Python does not have
            return f"{cell.value / 1e6:.0f} s since 1970"
    value = cell.as_py()
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _column_rules(refusals: InputRules, place: int) -> InputRules:
    """The rules of one column, for a matrix of this column only."""
    return InputRules(
        must_be_known=(0,) if place in refusals.must_be_known else (),
        must_be_present=(0,) if place in refusals.must_be_present else (),
        bounds=tuple(msgspec.structs.replace(bound, column=0) for bound in refusals.bounds if bound.column == place),
    )


def _type_words(type_: pa.DataType) -> str:
    """An Arrow type in plain words."""
    for is_type, words in (
        (pa.types.is_boolean, "true or false"),
        (pa.types.is_integer, "whole numbers"),
        (pa.types.is_floating, "numbers"),
        (pa.types.is_string, "text"),
        (pa.types.is_timestamp, "dates and times"),
        (pa.types.is_null, "empty"),
    ):
        if is_type(type_):
            return words
    return f"of type {type_}"
