"""JSON and query strings → one float64 matrix, with every refused cell named.

A request takes a typed decoder first; only a body that it does not accept is walked cell by cell, to say what is wrong
where. Both fill the matrix by the same code, so that they agree on every value and warning.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.cell import check, from_query, iso, missing_column, type_name
from fasttrack.contract.matrix import MatrixFiller
from fasttrack.contract.refusal import MAX_LISTED, CellIssue, Findings, RefusedRequest, short
from fasttrack.contract.schema import Contract
from fasttrack.contract.typed import typed_decoders

__all__ = ["MAX_LISTED", "Batch", "CellIssue", "Decoder", "Gathered", "RefusedRequest", "iso"]

_SHAPES = 'expected one row (an object), rows (an array of objects), or {"columns": {name: [values]}}'
_ROWS_AT_ONCE = 512
_DIGITS = 400
"""A number with more digits than this is past float64, whatever they are."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded rows.

    `matrix`: float64[n, f] in the contract's column order: numbers as the training dtype holds them, booleans 0/1,
    missing NaN, text as its code (−1 unseen), datetimes as seconds since 1970 UTC. `text` keeps the words of each text
    column, by column index, for pipelines that are served as they are. `odd`: whether a cell is not as in training, an
    unseen category or a number out of range.
    """

    matrix: NDArray[np.float64]
    text: Mapping[int, Sequence[str | None]]
    single: bool
    odd: bool
    warnings: list[CellIssue] = field(default_factory=list)

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def part(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`, without warnings."""
        text = {index: words[start:stop] for index, words in self.text.items()}
        return Batch(self.matrix[start:stop], text, single=False, odd=self.odd)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows of several requests as one batch, whose own warnings are left empty."""

    batch: Batch
    unfit: frozenset[int]
    """Rows that must be decoded by themselves, which says what is wrong with them."""
    warnings: Mapping[int, list[CellIssue]]
    """By row, as its own request would be warned."""


class Decoder:
    """Decodes the requests of one contract. Built once a model; stateless after that, so threads may share it."""

    def __init__(self, contract: Contract, *, max_rows: int = 100_000) -> None:
        self.contract = contract
        self.max_rows = max_rows
        self._columns = {column.name: column for column in contract.columns}
        self._decoders = typed_decoders(contract)
        self._matrix = MatrixFiller(contract)

    def rows(self, body: bytes) -> Batch:
        """The rows of a JSON body: one row (object), rows (array of objects), or `{"columns": {name: [values]}}`.

        Raises RefusedRequest, naming each bad row and column, when any of it cannot be scored.
        """
        typed = self._typed(body)
        if typed is not None:
            return typed
        value = _loads(body)
        if isinstance(value, dict):
            inner = value.get("columns")
            if len(value) == 1 and isinstance(inner, dict):
                return self._from_columns(inner)
            return self._from_objects([value], single=True)
        if isinstance(value, list):
            return self._from_objects(value, single=False)
        raise RefusedRequest("invalid", _SHAPES, [CellIssue(None, None, _SHAPES)], 1)

    def cells(self, body: bytes) -> tuple[Any, ...] | None:
        """The cells of a JSON body that is one row, right in every type; `None` for any other body."""
        if self._decoders is None:
            return None
        try:
            return msgspec.structs.astuple(self._decoders.row.decode(body))
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None

    def gather(self, rows: Sequence[tuple[Any, ...]]) -> Gathered:
        """The rows that `cells` found in several bodies. Raises ValueError when one has text that is no date and time.

        What `rows` would say of a body alone is the same for each row here.
        """
        values = list(zip(*rows, strict=True))
        matrix = self._matrix.fill(values, len(rows))
        odd = self._matrix.odd(matrix)
        any_odd = bool(odd.any())
        warnings = {}
        for row in np.flatnonzero(odd.any(axis=1)).tolist() if any_odd else ():
            noted = Findings()
            self._matrix.note(matrix[row : row + 1], noted)
            warnings[row] = noted.as_warnings()
        text = {j: values[j] for j in self._matrix.text}
        return Gathered(Batch(matrix, text, single=False, odd=any_odd), self._matrix.fractions(matrix), warnings)

    def row(self, cells: Mapping[str, Any]) -> Batch:
        """One row of values as JSON carries them. Raises RefusedRequest as `rows` does."""
        return self._from_objects([dict(cells)], single=True)

    def query(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        """One row from query parameters, as `?x=5&origin=JFK`; an empty value is a missing one.

        Raises RefusedRequest as `rows` does.
        """
        found = Findings()
        row: dict[str, Any] = {}
        for name, text in pairs:
            if name in row:
                found.add(0, short(name), "given twice; give each column once")
            row[name] = from_query(self._columns[name], text) if name in self._columns else text
        found.refuse()
        return self._from_objects([row], single=True)

    def _typed(self, body: bytes) -> Batch | None:
        """The rows of a body that is right in every type, or `None` where a closer look is needed."""
        if self._decoders is None:
            return None
        values: Sequence[Sequence[Any]]
        single = False
        try:
            if body.lstrip(b" \t\r\n")[:1] == b"[":
                rows = self._decoders.rows.decode(body)
                self._check_length(len(rows))
                return self._typed_rows(rows)
            try:
                values = [(cell,) for cell in msgspec.structs.astuple(self._decoders.row.decode(body))]
                n, single = 1, True
            except msgspec.ValidationError:
                given = msgspec.structs.astuple(self._decoders.columns.decode(body).columns)
                n = max((len(cells) for cells in given if cells is not msgspec.UNSET), default=0)
                self._check_length(n)
                values = [(None,) * n if cells is msgspec.UNSET else cells for cells in given]
                if any(len(cells) != n for cells in values):
                    return None
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None
        try:
            matrix = self._matrix.fill(values, n)
        except ValueError:  # text that is no date and time
            return None
        if self._matrix.fractions(matrix):
            return None
        return self._batch(matrix, values, Findings(), single=single)

    def _typed_rows(self, rows: Sequence[Any]) -> Batch | None:
        """As `_typed`; some rows at a time, so that their cells are still in the cache when they are put in place."""
        matrix = np.empty((len(rows), len(self.contract.columns)))
        text: dict[int, list[str | None]] = {j: [] for j in self._matrix.text}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            values = list(zip(*map(msgspec.structs.astuple, part), strict=True))
            try:
                matrix[start : start + len(part)] = self._matrix.fill(values, len(part))
            except ValueError:  # text that is no date and time
                return None
            for j, words in text.items():
                words.extend(values[j])
        if self._matrix.fractions(matrix):
            return None
        noted = Findings()
        odd = self._matrix.note(matrix, noted)
        return Batch(matrix, text, single=False, odd=odd, warnings=noted.as_warnings())

    def _from_objects(self, rows: list[Any], *, single: bool) -> Batch:
        self._check_length(len(rows))
        found = Findings()
        columns = self.contract.columns
        values: list[list[Any]] = [[] for _ in columns]
        unknown: dict[str, int | None] = {}
        for i, row in enumerate(rows):
            if not isinstance(row, dict):
                found.add(i, None, f"expected an object of column values, got {type_name(row)}")
                continue
            for j, column in enumerate(columns):
                values[j].append(check(found, i, column, row.get(column.name), given=column.name in row))
            for name in row.keys() - self._columns.keys():
                unknown.setdefault(name, i)
        if found.total:  # what is missing may be there under a misspelt name
            self._name_strangers(unknown, found)
        found.refuse()
        return self._batch(self._matrix.fill(values, len(rows)), values, self._strangers(unknown), single=single)

    def _from_columns(self, given: dict[str, Any]) -> Batch:
        found = Findings()
        lengths: dict[str, int] = {}
        for name, cells in given.items():
            if name in self._columns:
                if isinstance(cells, list):
                    lengths[name] = len(cells)
                else:
                    found.add(None, name, f"expected an array of values, got {type_name(cells)}")
        n = max(lengths.values(), default=0)
        self._check_length(n)
        for name, length in lengths.items():
            if length != n:
                found.add(None, name, f"has {length:,} values where the longest column has {n:,}")
        for column in self.contract.columns:
            if column.name not in given and not column.nullable:
                found.add(None, column.name, missing_column(column), "missing")
        found.refuse()
        values: list[list[Any]] = []
        for column in self.contract.columns:
            cells = given.get(column.name, [None] * n if column.nullable else [])
            values.append([check(found, i, column, cell, given=True) for i, cell in enumerate(cells)])
        found.refuse()
        unknown: dict[str, int | None] = dict.fromkeys(given.keys() - self._columns.keys())
        return self._batch(self._matrix.fill(values, n), values, self._strangers(unknown), single=False)

    def _batch(
        self, matrix: NDArray[np.float64], values: Sequence[Sequence[Any]], noted: Findings, *, single: bool
    ) -> Batch:
        odd = self._matrix.note(matrix, noted)
        text = {j: values[j] if values else () for j in self._matrix.text}
        return Batch(matrix, text, single, odd, noted.as_warnings())

    def _check_length(self, n: int) -> None:
        if n > self.max_rows:
            detail = f"the request has {n:,} rows, the limit is {self.max_rows:,}; send it in smaller parts"
            raise RefusedRequest("too-many-rows", detail)

    def _strangers(self, names: Mapping[str, int | None]) -> Findings:
        noted = Findings()
        self._name_strangers(names, noted)
        return noted

    def _name_strangers(self, names: Mapping[str, int | None], noted: Findings) -> None:
        if names:
            message = f"not a column of this model and ignored; its columns are {_some(self.contract.names)}"
            noted.add_names(sorted(names.items(), key=lambda one: (one[1] or 0, one[0])), message)


def _loads(body: bytes) -> Any:
    """The JSON value of `body`; a number past float64 becomes infinite. Raises RefusedRequest."""
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # well-formed so far, with a number past float64: the standard library reads it, the cell check names it
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _malformed(body, error) from None
    try:
        value = json.loads(body.decode(), parse_constant=_no_constant, parse_int=_whole_number)
        msgspec.json.encode(value)  # finds half a character (a lone surrogate), which the standard library lets pass
    except (ValueError, RecursionError) as error:
        raise _malformed(body, error) from None
    return value


def _whole_number(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _malformed(body: bytes, error: Exception) -> RefusedRequest:
    if not body.strip():
        return RefusedRequest("malformed", 'the body is empty; send JSON such as {"column": value}')
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        detail = f"the body is not UTF-8 text at byte {wrong.start}; encode it as UTF-8"
        return RefusedRequest("malformed", detail)
    if body.startswith(b"\xef\xbb\xbf"):
        return RefusedRequest("malformed", "the body begins with a byte order mark; send the JSON without it")
    if isinstance(error, RecursionError):
        return RefusedRequest("malformed", "the body is nested too deeply; a row is an object of plain values")
    if "truncated" in str(error):
        return RefusedRequest("malformed", "the body ends before its JSON does; send all of it")
    where = re.search(r"byte (\d+)|char (\d+)", str(error))
    place = f" near byte {where.group(1) or where.group(2)}" if where else ""
    detail = f"the body is not valid JSON{place}; put names and text in double quotes, write null for NaN"
    return RefusedRequest("malformed", detail)


def _some(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(map(repr, names[:most]))
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"
