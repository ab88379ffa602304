"""JSON and query strings → one float64 matrix, with every refused cell named.

A request takes a typed decoder first; only a body that it does not accept is walked cell by cell, to say what is wrong
where. No message ever repeats a value that came in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.schema import Column, Contract, Kind

__all__ = ["MAX_LISTED", "Batch", "CellIssue", "Decoder", "RefusedRequest", "iso"]

MAX_LISTED = 100
"""How many bad cells, or warnings, a reply lists before it only counts."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXPECTED = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "category": "text",
    "datetime": "an ISO 8601 date and time as text",
}


class CellIssue(msgspec.Struct, frozen=True):
    """What is wrong with, or worth knowing about, one cell; `row` counts from 0, `None` means every row."""

    row: int | None
    column: str | None
    message: str


class RefusedRequest(Exception):
    """A request that cannot be scored: it is not JSON, has bad cells, or too many rows."""

    def __init__(
        self,
        reason: Literal["malformed", "invalid", "too-many-rows"],
        detail: str,
        issues: Sequence[CellIssue] = (),
        total: int = 0,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.issues = list(issues)
        self.total = total


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded rows.

    `matrix`: float64[n, f] in the contract's column order: numbers as they are, booleans 0/1, missing NaN, text as its
    code (−1 unseen), datetimes as seconds since 1970 UTC. `text` keeps the words of each text column, by column index,
    for pipelines that are served as they are.
    """

    matrix: NDArray[np.float64]
    text: Mapping[int, Sequence[str | None]]
    single: bool
    warnings: list[CellIssue] = field(default_factory=list)

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def part(self, start: int, stop: int) -> Batch:
        """The rows from `start` up to `stop`, without warnings."""
        text = {index: words[start:stop] for index, words in self.text.items()}
        return Batch(self.matrix[start:stop], text, single=False)


class Decoder:
    """Decodes the requests of one contract. Built once a model; stateless after that, so threads may share it."""

    def __init__(self, contract: Contract, *, max_rows: int = 100_000) -> None:
        self.contract = contract
        self.max_rows = max_rows
        self._index = {column.name: i for i, column in enumerate(contract.columns)}
        self._codes: dict[int, dict[Any, float]] = {
            i: {label: float(code) for code, label in enumerate(column.categories or ())}
            for i, column in enumerate(contract.columns)
            if column.kind == "category"
        }
        self._row_decoder, self._rows_decoder = _typed_decoders(contract)

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
        return _refuse_shape()

    def row(self, cells: Mapping[str, Any]) -> Batch:
        """One row of values as JSON carries them. Raises RefusedRequest as `rows` does."""
        return self._from_objects([dict(cells)], single=True)

    def query(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        """One row from query parameters, as `?x=5&origin=JFK`; an empty value is a missing one.

        Raises RefusedRequest as `rows` does.
        """
        issues: list[CellIssue] = []
        row: dict[str, Any] = {}
        for name, text in pairs:
            if name in row:
                issues.append(CellIssue(0, _short(name), "given twice; give each column once"))
            index = self._index.get(name)
            row[name] = text if index is None else _from_text(self.contract.columns[index], text)
        if issues:
            _refuse_cells(issues, len(issues), 1)
        return self._from_objects([row], single=True)

    def _typed(self, body: bytes) -> Batch | None:
        """The rows of a body that is right in every type, or `None` where a closer look is needed."""
        if self._row_decoder is None or self._rows_decoder is None:
            return None
        try:
            if body.lstrip(b" \t\r\n")[:1] == b"[":
                structs = self._rows_decoder.decode(body)
                single = False
            else:
                structs = [self._row_decoder.decode(body)]
                single = True
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None
        self._check_length(len(structs))
        if not structs:
            return self._batch([[] for _ in self.contract.columns], 0, single=False)
        values = list(zip(*map(msgspec.structs.astuple, structs), strict=True))
        try:
            return self._batch(values, len(structs), single=single)
        except _CloserLook:
            return None

    def _from_objects(self, rows: list[Any], *, single: bool) -> Batch:
        self._check_length(len(rows))
        found = _Issues()
        columns = self.contract.columns
        values: list[list[Any]] = [[] for _ in columns]
        unknown: dict[str, int] = {}
        for i, row in enumerate(rows):
            if not isinstance(row, dict):
                found.add(i, None, f"expected an object of column values, got {_type_name(row)}")
                continue
            for j, column in enumerate(columns):
                values[j].append(_check(found, i, column, row.get(column.name), column.name in row))
            if len(row) > len(columns) or any(name not in self._index for name in row):
                for name in row:
                    if name not in self._index:
                        unknown.setdefault(name, i)
        found.refuse(len(rows))
        return self._batch(values, len(rows), single=single, warnings=self._unknown(unknown))

    def _from_columns(self, given: dict[str, Any]) -> Batch:
        found = _Issues()
        columns = self.contract.columns
        lengths: dict[str, int] = {}
        for name, cells in given.items():
            if name not in self._index:
                continue
            if isinstance(cells, list):
                lengths[name] = len(cells)
            else:
                found.add(None, name, f"expected an array of values, got {_type_name(cells)}")
        n = max(lengths.values(), default=0)
        self._check_length(n)
        for name, length in lengths.items():
            if length != n:
                found.add(None, name, f"has {length:,} values where the longest column has {n:,}")
        for column in columns:
            if column.name not in given and not column.nullable:
                found.add(None, column.name, _missing_column(column))
        found.refuse(n, "columns")
        values: list[list[Any]] = []
        for column in columns:
            cells = given.get(column.name)
            if cells is None:
                values.append([None] * n)
            else:
                values.append([_check(found, i, column, cell, True) for i, cell in enumerate(cells)])
        found.refuse(n)
        unknown = {name: None for name in given if name not in self._index}
        return self._batch(values, n, single=False, warnings=self._unknown(unknown))

    def _check_length(self, n: int) -> None:
        if n > self.max_rows:
            detail = f"the request has {n:,} rows, the limit is {self.max_rows:,}; send it in smaller parts"
            raise RefusedRequest("too-many-rows", detail)

    def _unknown(self, names: Mapping[str, int | None]) -> list[CellIssue]:
        message = f"not a column of this model and ignored; its columns are {_some(self.contract.names)}"
        return [CellIssue(row, _short(name), message) for name, row in names.items()]

    def _batch(
        self,
        values: Sequence[Sequence[Any]],
        n: int,
        *,
        single: bool,
        warnings: Sequence[CellIssue] = (),
    ) -> Batch:
        """Fill the matrix from one sequence of decoded values a column; `None` is missing."""
        columns = self.contract.columns
        matrix = np.empty((n, len(columns)), dtype=np.float64)
        text: dict[int, Sequence[str | None]] = {}
        found = _Issues()
        for j, column in enumerate(columns):
            cells = values[j]
            if column.kind == "category":
                codes = self._codes[j]
                matrix[:, j] = [math.nan if cell is None else codes.get(cell, -1.0) for cell in cells]
                text[j] = cells
            elif column.kind == "datetime":
                matrix[:, j] = [math.nan if cell is None else _seconds(cell) for cell in cells]
            else:
                matrix[:, j] = np.array(cells, dtype=np.float64)  # None becomes NaN
                if column.kind == "integer":
                    for i in np.flatnonzero(np.trunc(matrix[:, j]) != matrix[:, j]):
                        if not math.isnan(matrix[i, j]):
                            found.add(int(i), column.name, "expected a whole number, got a number with a fraction")
        found.refuse(n)
        noted = _Issues()
        noted.extend(warnings)
        self._note(matrix, noted)
        return Batch(matrix, text, single, noted.listed("and {:,} more such warnings"))

    def _note(self, matrix: NDArray[np.float64], noted: _Issues) -> None:
        """Name unseen categories and out-of-range numbers."""
        for j, column in enumerate(self.contract.columns):
            cells = matrix[:, j]
            if column.kind == "category":
                if column.categories is not None:
                    message = f"not among the {len(column.categories):,} categories of the training data"
                    noted.extend(CellIssue(int(i), column.name, message) for i in np.flatnonzero(cells == -1.0))
            elif column.categories is not None:
                known = np.isin(cells, np.asarray(column.categories, dtype=np.float64)) | np.isnan(cells)
                message = f"not among the {len(column.categories):,} values that the model knows"
                noted.extend(CellIssue(int(i), column.name, message) for i in np.flatnonzero(~known))
            elif column.minimum is not None and column.maximum is not None and column.kind != "boolean":
                outside = (cells < column.minimum) | (cells > column.maximum)
                if outside.any():
                    message = f"outside the training range {_range(column.kind, column.minimum, column.maximum)}"
                    noted.extend(CellIssue(int(i), column.name, message) for i in np.flatnonzero(outside))


class _CloserLook(Exception):
    """A value passed its type but not its meaning; the cell-by-cell walk will say which."""


class _Issues:
    """Collects issues, keeps the first MAX_LISTED, counts the rest."""

    def __init__(self) -> None:
        self.kept: list[CellIssue] = []
        self.total = 0

    def add(self, row: int | None, column: str | None, message: str) -> None:
        self.total += 1
        if self.total <= MAX_LISTED:
            self.kept.append(CellIssue(row, column, message))

    def extend(self, issues: Any) -> None:
        for issue in issues:
            self.add(issue.row, issue.column, issue.message)

    def listed(self, more: str) -> list[CellIssue]:
        if self.total <= MAX_LISTED:
            return self.kept
        return [*self.kept, CellIssue(None, None, more.format(self.total - MAX_LISTED))]

    def refuse(self, n: int, unit: str = "rows") -> None:
        if self.total:
            _refuse_cells(self.kept, self.total, n, unit)


def _refuse_cells(issues: Sequence[CellIssue], total: int, n: int, unit: str = "rows") -> NoReturn:
    first = issues[0]
    where = ", ".join(
        part
        for part in (
            None if first.row is None else f"row {first.row}",
            None if first.column is None else f"column {first.column!r}",
        )
        if part
    )
    more = f" (and {total - 1:,} more, listed in errors)" if total > 1 else ""
    detail = f"{where}: {first.message}{more}" if where else first.message + more
    raise RefusedRequest("invalid", detail, issues, total)


def _refuse_shape() -> NoReturn:
    issue = CellIssue(
        None,
        None,
        'expected one row (an object), rows (an array of objects), or {"columns": {name: [values]}}',
    )
    raise RefusedRequest("invalid", issue.message, [issue], 1)


def _typed_decoders(
    contract: Contract,
) -> tuple[msgspec.json.Decoder[Any] | None, msgspec.json.Decoder[Any] | None]:
    types = {"number": float, "integer": float, "boolean": bool, "category": str, "datetime": str}
    fields: list[Any] = []
    for i, column in enumerate(contract.columns):
        kind = types[column.kind]
        fields.append((f"f{i}", kind | None, None) if column.nullable else (f"f{i}", kind))
    names = {f"f{i}": column.name for i, column in enumerate(contract.columns)}
    try:
        row = msgspec.defstruct("Row", fields, kw_only=True, rename=names, forbid_unknown_fields=True, gc=False)
    except ValueError:  # msgspec takes no quote, backslash or control character in a field's name
        return None, None
    return msgspec.json.Decoder(row), msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # made at run time


def _loads(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # well-formed, with a number past float64: the standard library reads it, the cell check names it
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RefusedRequest("malformed", _malformed(body, error)) from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedRequest("malformed", _malformed(body, error)) from None


def _malformed(body: bytes, error: Exception) -> str:
    if not body.strip():
        return 'the body is empty; send JSON such as {"column": value}'
    where = re.search(r"byte (\d+)|char (\d+)", str(error))
    place = f" near byte {where.group(1) or where.group(2)}" if where else ""
    return f"the body is not valid JSON{place}; numbers must be finite, names and text in double quotes"


def _check(found: _Issues, row: int, column: Column, value: Any, given: bool) -> Any:
    """The cell's value as the typed decoder would give it; `None` and an entry in `found` where it cannot be."""
    if value is None:
        if not column.nullable:
            found.add(row, column.name, _missing_value(column) if given else _missing_column(column))
        return None
    match column.kind:
        case "number" | "integer":
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                try:
                    number = float(value)
                except OverflowError:
                    number = math.inf
                if not math.isfinite(number):
                    found.add(row, column.name, "the number is too large for a 64-bit float")
                    return None
                if column.kind == "integer" and not number.is_integer():
                    found.add(row, column.name, "expected a whole number, got a number with a fraction")
                    return None
                return number
        case "boolean":
            if isinstance(value, bool):
                return value
        case "category":
            if isinstance(value, str):
                return value
        case "datetime":
            if isinstance(value, str):
                try:
                    _seconds(value)
                except _CloserLook:
                    found.add(row, column.name, "expected an ISO 8601 date and time, such as 2013-01-31T17:05:00Z")
                    return None
                return value
    found.add(row, column.name, f"expected {_EXPECTED[column.kind]}, got {_type_name(value)}")
    return None


def _from_text(column: Column, text: str) -> Any:
    """A query parameter as the JSON value it stands for; text that is no such value stays text and is refused later."""
    if text == "":
        return None
    if column.kind in ("number", "integer") and _NUMBER.fullmatch(text):
        return float(text)
    if column.kind == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    return text


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        raise _CloserLook from None


def _missing_column(column: Column) -> str:
    return f"missing; expected {_EXPECTED[column.kind]}"


def _missing_value(column: Column) -> str:
    return f"null, but the training data always had a value here; expected {_EXPECTED[column.kind]}"


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "an array" if isinstance(value, list) else "an object"


def _short(name: str) -> str:
    return name if len(name) <= 100 else name[:99] + "…"


def _some(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(map(repr, names[:most]))
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"


def _range(kind: Kind, low: float, high: float) -> str:
    return f"{iso(low)} to {iso(high)}" if kind == "datetime" else f"{low:g} to {high:g}"


def iso(seconds: float) -> str:
    """Seconds since 1970 UTC as ISO 8601 text."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")
