"""A contract held against a table that comes in batches: counted as it goes, in the memory of one batch."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.config import CheckReason
from fasttrack.contract.cell import expected, iso
from fasttrack.contract.matrix import oddity
from fasttrack.expectations.cells import CellReader
from fasttrack.expectations.findings import Example, Finding, Findings
from fasttrack.graph.refusals import Refusals, breaches
from fasttrack.metrics.psi import LEAST_ROWS, stability_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Contract
    from fasttrack.metrics.reference import Bins, Reference

    Mask = NDArray[np.bool_]

__all__ = ["check"]

_EXAMPLES = 3
_NEW = "not a column of this model and ignored"
_SIGMAS = 3.0
_MORE = 0.01
"""Of a column that may be missing, so many more rows than in training, as a share, are worth a word; as are half as
many again, beyond what chance explains."""


def check(
    contract: Contract,
    batches: Iterable[pa.Table],
    *,
    refusals: Refusals | None = None,
    reference: Reference | None = None,
    known: Collection[str] = (),
    written: Collection[str] = (),
    others: Sequence[str] = (),
) -> Findings:
    """What in a table, given in parts of the same columns, is not as the training data was.

    A row counts as broken exactly when the decoder would refuse it as a request, or the model would by its `refusals`,
    and as warned when the reply would name an unseen category or a number outside the training range. `reference`: the
    bundle's, for drift. `known`: further columns that are not news, beside the contract's and its target. `written`:
    columns of a text file, which have no type: their cells are what they spell. `others`: columns of the table that
    were not read.
    """
    rows = broken = warned = 0
    schema: pa.Schema | None = None
    bins = {one.name: one for one in reference.features} if reference is not None else {}
    columns = [
        _Tally(column, j, refusals, bins.get(column.name), written=column.name in written)
        for j, column in enumerate(contract.columns)
    ]
    for batch in batches:
        schema = schema or batch.schema
        refused, odd = np.zeros(len(batch), dtype=bool), np.zeros(len(batch), dtype=bool)
        for column in columns:
            column.count(batch, rows, refused, odd)
        rows += len(batch)
        broken += int(refused.sum())
        warned += int((odd & ~refused).sum())
    findings = [finding for column in columns for finding in column.findings(rows)]
    expected_names = {*contract.names, contract.target.name, *known}
    names = dict.fromkeys([*(schema.names if schema is not None else ()), *others])
    findings += [
        Finding(column=name, reason="new", breaks=False, rows=rows, share=1.0, message=_NEW)
        for name in names
        if name not in expected_names
    ]
    psi = {column.name: found for column in columns if (found := column.psi(rows)) is not None}
    return Findings(rows=rows, broken=broken, warned=warned, findings=findings, psi=psi)


class _Tally:
    """What is counted of one column."""

    def __init__(
        self, column: Column, place: int, refusals: Refusals | None, bins: Bins | None, *, written: bool
    ) -> None:
        self.name = column.name
        self._column, self._bins, self._written = column, bins, written
        self._reader = CellReader(column)
        self._rules = None if refusals is None else _of(refusals, place)
        self._type: pa.DataType | None = None
        self._rows: dict[tuple[CheckReason, bool, str], int] = {}
        self._examples: dict[tuple[CheckReason, bool, str], list[Example]] = {}
        self._binned = np.zeros(len(bins.names) if bins is not None else 0, dtype=np.int64)

    def count(self, batch: pa.Table, before: int, refused: Mask, odd: Mask) -> None:
        """Take the column of a batch that has `before` rows before it; mark its rows in bool[n] `refused` and `odd`."""
        column, nullable = self._column, self._column.nullable
        absent = column.name not in batch.column_names
        cells = pa.chunked_array([pa.nulls(len(batch))]) if absent else batch.column(column.name)
        if not absent and self._type is None:
            self._type = cells.type
        read = self._reader.read(cells, written=self._written)

        def note(reason: CheckReason, rows: Mask, message: str, *, breaks: bool) -> None:
            if not rows.any():
                return
            if breaks:
                np.logical_or(refused, rows, out=refused)
            self._note(reason, breaks, message, np.flatnonzero(rows), cells, before, bare=absent)

        if absent:
            note("missing", read.missing, f"no such column; expected {expected(column)}", breaks=not nullable)
        elif not nullable:
            note("missing", read.missing, "no value, but the training data always had one", breaks=True)
        else:
            note("missing", read.missing, f"no value; in training {column.missing_share:.2%} had none", breaks=False)
        note("type", read.wrong, f"expected {expected(column)}{self._instead(cells.type)}", breaks=True)
        note("range", read.infinite, "too large for a 64-bit float", breaks=True)
        fine = ~(read.wrong | read.infinite | (read.missing if not nullable else False))
        told = np.zeros(len(batch), dtype=bool)
        if self._rules is not None:
            for _, breach, reason, message in breaches(self._rules, self._reader.alone, read.values.reshape(-1, 1)):
                rows = breach & fine
                note(reason, rows & ~told, message, breaks=True)
                told |= rows
        uncommon = read.odd & ~told
        categorical = column.categories is not None
        note("unseen" if categorical else "range", uncommon, oddity(column), breaks=False)
        np.logical_or(odd, uncommon, out=odd)
        if self._bins is not None and not absent:
            self._binned += self._bins.count(read.values[~(read.wrong | read.infinite)])

    def findings(self, rows: int) -> list[Finding]:
        """What is worth telling of `rows` rows in all."""
        return [
            Finding(
                column=self.name,
                reason=reason,
                breaks=breaks,
                rows=count,
                share=count / rows,
                message=message,
                examples=self._examples[reason, breaks, message],
            )
            for (reason, breaks, message), count in sorted(self._rows.items(), key=_rank)
            if breaks or reason != "missing" or self._type is None or self._many(count, rows)
        ]

    def psi(self, rows: int) -> float | None:
        """Population stability index against the training rows, or `None` where there is nothing to tell."""
        counted = int(self._binned.sum())
        if self._bins is None or rows < LEAST_ROWS or not counted:
            return None
        return stability_index(self._binned / counted, self._bins.shares)

    def _note(
        self,
        reason: CheckReason,
        breaks: bool,
        message: str,
        rows: NDArray[np.intp],
        cells: pa.ChunkedArray,
        before: int,
        *,
        bare: bool,
    ) -> None:
        key = (reason, breaks, message)
        self._rows[key] = self._rows.get(key, 0) + len(rows)
        examples = self._examples.setdefault(key, [])
        if bare or len(examples) >= _EXAMPLES:
            return
        if reason == "missing":
            examples += [Example(before + int(row) + 1, None) for row in rows[: _EXAMPLES - len(examples)]]
            return
        told = {example.cell for example in examples}
        for row, cell in _distinct(cells, rows):
            if len(examples) < _EXAMPLES and cell not in told:
                examples.append(Example(before + row + 1, cell))

    def _instead(self, type_: pa.DataType) -> str:
        """What the column is, where its type and not single cells are at fault, and how it may be read otherwise."""
        kind = self._column.kind
        numbers = pa.types.is_integer(type_) or pa.types.is_floating(type_)
        text, moments = pa.types.is_string(type_), pa.types.is_timestamp(type_)
        if self._written or (kind in ("number", "integer") and numbers) or (kind == "datetime" and (moments or text)):
            return ""
        readable = text or kind == "category" or (kind == "boolean" and numbers)
        way_out = f"; to read it so: --kind {shlex.quote(f'{self.name}={kind}')}" if readable else ""
        return f", the column is {_named(type_)}{way_out}"

    def _many(self, missing: int, rows: int) -> bool:
        """Whether so many are noticeably more than were missing in training."""
        before = self._column.missing_share
        chance = _SIGMAS * np.sqrt(before * (1 - before) / rows)
        return bool(missing / rows > before + max(_MORE, before / 2, chance))


def _distinct(cells: pa.ChunkedArray, rows: NDArray[np.intp]) -> list[tuple[int, str | bool | int | float]]:
    """The first cells among `rows` that differ from each other, each with its row."""
    taken = cells.take(pa.array(rows))
    try:
        words = pc.unique(taken).slice(0, _EXAMPLES * 2)
        return [(int(rows[pc.index(taken, word).as_py()]), _shown(word)) for word in words]
    except pa.ArrowNotImplementedError:  # nested cells
        return [(int(row), str(cells[row].as_py())) for row in rows[:_EXAMPLES].tolist()]


def _shown(cell: pa.Scalar) -> str | bool | int | float:
    if pa.types.is_timestamp(cell.type):
        try:
            return iso(cell.value / 1e6)
        except OverflowError:  # Python has no such year
            return f"{cell.value / 1e6:.0f} s since 1970"
    value = cell.as_py()
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _of(refusals: Refusals, place: int) -> Refusals | None:
    """The rules of one column, which is the first of its own matrix then."""
    return Refusals(
        must_be_known=(0,) if place in refusals.must_be_known else (),
        must_be_present=(0,) if place in refusals.must_be_present else (),
        bounds=tuple(msgspec.structs.replace(one, column=0) for one in refusals.bounds if one.column == place),
    )


def _rank(counted: tuple[tuple[CheckReason, bool, str], int]) -> tuple[bool, int, str]:
    """The same order, in whichever row a thing is met first: what breaks comes before what warns."""
    (reason, breaks, message), _ = counted
    return not breaks, get_args(CheckReason).index(reason), message


def _named(type_: pa.DataType) -> str:
    """An Arrow type in the words of the kinds."""
    for is_, words in (
        (pa.types.is_boolean, "true or false"),
        (pa.types.is_integer, "whole numbers"),
        (pa.types.is_floating, "numbers"),
        (pa.types.is_string, "text"),
        (pa.types.is_timestamp, "dates and times"),
        (pa.types.is_null, "empty"),
    ):
        if is_(type_):
            return words
    return f"of type {type_}"
