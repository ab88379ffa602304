"""Requests → a float64 matrix: JSON, query strings and columns of any origin, with every refused cell named.

A JSON request takes a typed decoder first; only a body that it does not accept is walked cell by cell, to say what is
wrong where. All ways encode the matrix with the same code, so that they agree on every value and warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.arrays import ColumnArray, column_array, named_columns
from fasttrack.contract.cell import check, from_query, missing_message, type_name
from fasttrack.contract.column_input import decode_column
from fasttrack.contract.encoding import MatrixEncoder
from fasttrack.contract.json_body import parse_json
from fasttrack.contract.refusal import MAX_LISTED, CellIssue, Issues, RefusedRequest, shorten
from fasttrack.contract.schema import WORDED, Contract
from fasttrack.contract.typed import typed_decoders

__all__ = ["MAX_LISTED", "Batch", "CellIssue", "Decoder", "Gathered", "RefusedRequest"]

_SHAPES = 'expected one row (an object), rows (an array of objects), or {"columns": {name: [values]}}'
_ROWS_AT_ONCE = 512


class Batch(msgspec.Struct, frozen=True, eq=False):
    """Decoded rows.

    `matrix`: float64[n, f] in the contract's column order: numbers as the training dtype holds them, booleans 0/1,
    missing NaN, a category as its code (−1 unseen), free text as its number of characters, datetimes as seconds since
    1970 UTC. `text`: the words of each column of categories or text, by column index. `single`: whether the request was
    one row, not an array of rows. `unusual`: whether a cell is an unseen category or a number outside the training
    range.
    """

    matrix: NDArray[np.float64]
    text: Mapping[int, Sequence[str | None]]
    single: bool
    unusual: bool
    warnings: list[CellIssue] = []

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def part(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`, without warnings."""
        text = {index: words[start:stop] for index, words in self.text.items()}
        return Batch(self.matrix[start:stop], text, single=False, unusual=self.unusual)


class Gathered(msgspec.Struct, frozen=True, eq=False):
    """The rows of several requests as one batch, whose own warnings are left empty."""

    batch: Batch
    unfit: frozenset[int]
    """Rows that cannot be scored as they are: decoding each by itself says what is wrong with it."""
    warnings: Mapping[int, list[CellIssue]]
    """By row, the warnings that its own request gets."""


class Decoder:
    """Decodes the requests of one contract, and tables of rows. Stateless once built, so threads may share it."""

    def __init__(self, contract: Contract, *, max_rows: int | None = None) -> None:
        """`max_rows`: refuse a request of more rows; without it there is no limit."""
        self.contract = contract
        self.max_rows = max_rows
        self._columns = {column.name: column for column in contract.columns}
        self._decoders = typed_decoders(contract)
        self._encoder = MatrixEncoder(contract)

    def rows(self, body: bytes) -> Batch:
        """The rows of a JSON body: one row (object), rows (array of objects), or `{"columns": {name: [values]}}`.

        Raises RefusedRequest, naming each bad row and column, when any of it cannot be scored.
        """
        batch = self._typed(body)
        if batch is not None:
            return batch
        value = parse_json(body)
        if isinstance(value, dict):
            columns = value.get("columns")
            if len(value) == 1 and isinstance(columns, dict):
                return self.columns(columns)
            return self._from_objects([value], single=True)
        if isinstance(value, list):
            return self._from_objects(value, single=False)
        raise RefusedRequest("invalid", _SHAPES, [CellIssue(None, None, _SHAPES)], 1)

    def row(self, cells: Mapping[str, Any]) -> Batch:
        """One row of values as JSON carries them. Raises RefusedRequest as `rows` does."""
        return self._from_objects([dict(cells)], single=True)

    def query(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        """One row from query parameters, as `?x=5&origin=JFK`; an empty value is a missing one.

        Raises RefusedRequest as `rows` does.
        """
        issues = Issues()
        row: dict[str, Any] = {}
        for name, text in pairs:
            if name in row:
                issues.add(0, shorten(name), "given twice; give each column once")
            row[name] = from_query(self._columns[name], text) if name in self._columns else text
        issues.refuse()
        return self._from_objects([row], single=True)

    def columns(self, table: Any) -> Batch:
        """The rows of a table of any origin: `{name: cells}`, a DataFrame, an Arrow table, a structured NumPy array.

        The cells of a column are a list, or an array of NumPy, pandas or Arrow. Each cell is read as the JSON value
        that it would be sent as: None, NaN, NaT and masked cells are null; dates and times are ISO 8601 text, in UTC
        where they have no zone. Predictions, refusals and warnings are therefore those of the same rows sent as JSON.

        Raises RefusedRequest as `rows` does, DataError for what is not a table.
        """
        issues = Issues()
        columns = named_columns(table)
        arrays = self._arrays(columns, issues)
        n = max(map(len, arrays.values()), default=0)
        matrix = np.full((n, len(self.contract.columns)), np.nan)
        text: dict[int, Sequence[str | None]] = {}
        for j, column in enumerate(self.contract.columns):
            words: Sequence[str | None] = [None] * n
            if column.name in arrays:
                matrix[:, j], words = decode_column(j, column, arrays[column.name], self._encoder, issues)
            if column.kind in WORDED:
                text[j] = words
        issues.refuse()
        self._encoder.narrow(matrix)
        warnings = self._unknown_columns(dict.fromkeys(columns.keys() - self._columns.keys()))
        unusual = self._encoder.add_warnings(matrix, warnings)
        return Batch(matrix, text, single=False, unusual=unusual, warnings=warnings.as_warnings())

    def cells(self, body: bytes) -> tuple[Any, ...] | None:
        """The cells of a JSON body that is one row, right in every type; `None` for any other body."""
        if self._decoders is None:
            return None
        try:
            return msgspec.structs.astuple(self._decoders.row.decode(body))
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None

    def gather(self, rows: Sequence[tuple[Any, ...]]) -> Gathered:
        """The rows that `cells` gave for several bodies. Raises ValueError when one has text that is no date and time.

        Each row gets the values and warnings that `rows` gives its body alone.
        """
        values = list(zip(*rows, strict=True))
        matrix = self._encoder.encode(values, len(rows))
        unusual = self._encoder.unusual(matrix)
        any_unusual = bool(unusual.any())
        by_row = {}
        for row in np.flatnonzero(unusual.any(axis=1)).tolist() if any_unusual else ():
            warnings = Issues()
            self._encoder.add_warnings(matrix[row : row + 1], warnings)
            by_row[row] = warnings.as_warnings()
        text = {j: self._encoder.words(j, values[j]) for j in self._encoder.text}
        batch = Batch(matrix, text, single=False, unusual=any_unusual)
        return Gathered(batch, self._encoder.unfit_rows(matrix), by_row)

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
                columns = msgspec.structs.astuple(self._decoders.columns.decode(body).columns)
                n = max((len(cells) for cells in columns if cells is not msgspec.UNSET), default=0)
                self._check_length(n)
                values = [(None,) * n if cells is msgspec.UNSET else cells for cells in columns]
                if any(len(cells) != n for cells in values):
                    return None
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None
        try:
            matrix = self._encoder.encode(values, n)
        except ValueError:  # text that is not of the column's notation
            return None
        if self._encoder.unfit_rows(matrix):
            return None
        return self._batch(matrix, values, Issues(), single=single)

    def _typed_rows(self, rows: Sequence[Any]) -> Batch | None:
        """As `_typed`; some rows at a time, so that their cells are still in the cache when they are put in place."""
        matrix = np.empty((len(rows), len(self.contract.columns)))
        text: dict[int, list[str | None]] = {j: [] for j in self._encoder.text}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            values = list(zip(*map(msgspec.structs.astuple, part), strict=True))
            try:
                matrix[start : start + len(part)] = self._encoder.encode(values, len(part))
            except ValueError:  # text that is not of the column's notation
                return None
            for j, words in text.items():
                words.extend(self._encoder.words(j, values[j]))
        if self._encoder.unfit_rows(matrix):
            return None
        warnings = Issues()
        unusual = self._encoder.add_warnings(matrix, warnings)
        return Batch(matrix, text, single=False, unusual=unusual, warnings=warnings.as_warnings())

    def _from_objects(self, rows: list[Any], *, single: bool) -> Batch:
        self._check_length(len(rows))
        issues = Issues()
        columns = self.contract.columns
        values: list[list[Any]] = [[] for _ in columns]
        unknown: dict[str, int | None] = {}
        for i, row in enumerate(rows):
            if not isinstance(row, dict):
                issues.add(i, None, f"expected an object of column values, got {type_name(row)}")
                continue
            for j, column in enumerate(columns):
                values[j].append(check(issues, i, column, row.get(column.name), present=column.name in row))
            for name in row.keys() - self._columns.keys():
                unknown.setdefault(name, i)
        if issues.total:  # what is missing may be there under a misspelt name
            self._add_unknown_columns(unknown, issues)
        issues.refuse()
        matrix = self._encoder.encode(values, len(rows))
        return self._batch(matrix, values, self._unknown_columns(unknown), single=single)

    def _arrays(self, columns: Mapping[str, Any], issues: Issues) -> dict[str, ColumnArray]:
        """The contract's columns among `columns`, all of one length. Raises RefusedRequest."""
        arrays: dict[str, ColumnArray] = {}
        for name, cells in columns.items():
            if name in self._columns:
                array = column_array(cells)
                if array is None:
                    several = f"an array of {cells.ndim} dimensions" if isinstance(cells, np.ndarray) else None
                    issues.add(None, name, f"expected an array of values, got {several or type_name(cells)}")
                else:
                    arrays[name] = array
        n = max(map(len, arrays.values()), default=0)
        self._check_length(n)
        for name, array in arrays.items():
            if len(array) != n:
                issues.add(None, name, f"has {len(array):,} values where the longest column has {n:,}")
        for column in self.contract.columns:
            if column.name not in columns and not column.nullable:
                issues.add(None, column.name, missing_message(column), "missing")
        issues.refuse()
        return arrays

    def _batch(
        self, matrix: NDArray[np.float64], values: Sequence[Sequence[Any]], warnings: Issues, *, single: bool
    ) -> Batch:
        unusual = self._encoder.add_warnings(matrix, warnings)
        text = {j: self._encoder.words(j, values[j]) if values else () for j in self._encoder.text}
        return Batch(matrix, text, single, unusual, warnings.as_warnings())

    def _check_length(self, n: int) -> None:
        if self.max_rows is not None and n > self.max_rows:
            detail = f"the request has {n:,} rows, the limit is {self.max_rows:,}; send it in smaller parts"
            raise RefusedRequest("too-many-rows", detail)

    def _unknown_columns(self, names: Mapping[str, int | None]) -> Issues:
        """A warning for each of `names`, which are not columns, with the first row that has it."""
        warnings = Issues()
        self._add_unknown_columns(names, warnings)
        return warnings

    def _add_unknown_columns(self, names: Mapping[str, int | None], issues: Issues) -> None:
        if names:
            message = f"not a column of this model and ignored; its columns are {_listing(self.contract.names)}"
            issues.add_names(sorted(names.items(), key=lambda item: (item[1] or 0, item[0])), message)


def _listing(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(map(repr, names[:most]))
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"
