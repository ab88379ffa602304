"""Chunks: many predictions as one row of the database, packed column by column.

A column of numbers uses the smallest type that holds its values exactly. Writing a chunk takes a fraction of a
microsecond a prediction; a row for each prediction would take several.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "ID_FORMAT",
    "ID_PATTERN",
    "Chunk",
    "Entries",
    "JournalModel",
    "PredictionIds",
    "join_chunks",
    "join_words",
    "pack",
    "parse_id",
    "prediction_id",
    "unpack",
]

ID_PATTERN = "[0-9a-z]{1,40}-[0-9a-f]{8,15}"
"""The ids of predictions, as a regular expression."""
ID_FORMAT = "%s-%08x"
"""An id is formatted from a process and a number."""
_ID = re.compile(ID_PATTERN)


class JournalModel(msgspec.Struct, frozen=True):
    """A version that has predicted: what is needed to read its predictions without its bundle."""

    model: str
    version: str
    target: Target
    columns: list[Column]
    """The stored columns, in the order of the contract."""

    @classmethod
    def of(cls, model: str, version: str, contract: Contract, omit: Sequence[str]) -> JournalModel:
        """The version with a contract, without the columns in `omit`."""
        columns = [column for column in contract.columns if column.name not in omit]
        return cls(model, version, contract.target, columns)


@dataclass(frozen=True)
class Entries:
    """n predictions of one version.

    `at`: float64[n], seconds since 1970 UTC. `matrix`: float64[n, f] of the stored columns, as the contract decodes
    them. `output`: float64[n], the number or the index of the class. `probabilities`: float64[n, c]. `words`: the texts
    of unseen categories and all free text, by the index of the stored column and the row.
    """

    at: Floats
    matrix: Floats
    output: Floats
    probabilities: Floats | None
    words: Mapping[int, Mapping[int, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at)

    def part(self, start: int, stop: int) -> Entries:
        """The entries from `start` up to `stop`."""
        words = {
            column: {row - start: word for row, word in by_row.items() if start <= row < stop}
            for column, by_row in self.words.items()
        }
        shares = None if self.probabilities is None else self.probabilities[start:stop]
        return Entries(self.at[start:stop], self.matrix[start:stop], self.output[start:stop], shares, words)


@dataclass(frozen=True)
class Chunk:
    """Stored entries. The process and the number of the first prediction, `start`, give the ids of the predictions."""

    process: str
    start: int
    rows: int
    first: float
    last: float
    """The times of the first and the last prediction, in seconds since 1970 UTC."""
    model: str
    version: str
    content: bytes


class PredictionIds(msgspec.Struct, frozen=True, gc=False):
    """The ids of consecutive predictions, formatted only when they are needed."""

    process: str
    start: int
    rows: int

    def __getitem__(self, row: int) -> str:
        """The id of a row."""
        return prediction_id(self.process, self.start + row)

    def all(self) -> list[str]:
        """The ids of all rows."""
        return [prediction_id(self.process, number) for number in self.numbers]

    @property
    def numbers(self) -> range:
        """The numbers of all rows."""
        return range(self.start, self.start + self.rows)


class _ChunkHeader(msgspec.Struct):
    """The description at the beginning of a packed chunk. `types`: NumPy's names of the columns' types."""

    rows: int
    types: list[str]
    probabilities: int
    words: dict[int, dict[int, str]]


def prediction_id(process: str, number: int) -> str:
    """The id of a prediction."""
    return ID_FORMAT % (process, number)


def parse_id(text: object) -> tuple[str, int] | None:
    """`(process, number)` of an id, or `None` if no prediction can have it."""
    if not isinstance(text, str) or _ID.fullmatch(text) is None:
        return None
    process, _, number = text.partition("-")
    return process, int(number, 16)


def pack(entries: Entries) -> bytes:
    """The bytes of `entries`: the length of a header, the header, then the columns."""
    shares = entries.probabilities
    columns = [entries.at, entries.output, *entries.matrix.T, *(shares.T if shares is not None else ())]
    narrow = [_narrow(np.ascontiguousarray(column)) for column in columns]
    words = {column: dict(by_row) for column, by_row in entries.words.items() if by_row}
    width = 0 if shares is None else shares.shape[1]
    header = msgspec.json.encode(_ChunkHeader(len(entries), [column.dtype.str for column in narrow], width, words))
    return b"".join([struct.pack("<I", len(header)), header, *(column.tobytes() for column in narrow)])


def unpack(content: bytes, *, without_features: bool = False) -> Entries:
    """The entries of packed bytes. `without_features` leaves the matrix empty, which is faster.

    Raises DataError for damaged content.
    """
    try:
        (length,) = struct.unpack_from("<I", content)
        header = msgspec.json.decode(content[4 : 4 + length], type=_ChunkHeader)
        offset = 4 + length
        columns: list[Floats] = []
        features = len(header.types) - 2 - header.probabilities
        for number, type_name in enumerate(header.types):
            dtype = np.dtype(type_name)
            if not (without_features and 2 <= number < 2 + features):
                columns.append(np.frombuffer(content, dtype, header.rows, offset).astype(np.float64))
            offset += dtype.itemsize * header.rows
    except (struct.error, ValueError, TypeError, msgspec.MsgspecError) as error:
        raise DataError(f"the journal has damaged predictions: {error}; restore it from a backup") from None
    width = 0 if without_features else features
    matrix = np.column_stack(columns[2 : 2 + width]) if width else np.empty((header.rows, 0))
    shares = np.column_stack(columns[2 + width :]) if header.probabilities else None
    return Entries(columns[0], matrix, columns[1], shares, {} if without_features else header.words)


def join_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of consecutive chunks of a process and version. Raises DataError as `unpack`."""
    parts = [unpack(chunk.content) for chunk in chunks]
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    entries = Entries(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.output for part in parts]),
        np.concatenate(shares) if shares else None,
        join_words([part.words for part in parts], [len(part) for part in parts]),
    )
    first, last = min(chunk.first for chunk in chunks), max(chunk.last for chunk in chunks)
    return replace(chunks[0], rows=len(entries), first=first, last=last, content=pack(entries))


def join_words(parts: Sequence[Mapping[int, Mapping[int, str]]], lengths: Sequence[int]) -> dict[int, dict[int, str]]:
    """The words of consecutive parts with such numbers of rows, by column and by row in all parts together."""
    joined: dict[int, dict[int, str]] = {}
    start = 0
    for part, length in zip(parts, lengths, strict=True):
        for column, by_row in part.items():
            joined.setdefault(column, {}).update({start + row: word for row, word in by_row.items()})
        start += length
    return joined


def _narrow(values: Floats) -> NDArray[np.generic]:
    """The same values in the smallest type that holds each of them exactly."""
    for dtype in ("<i1", "<i2", "<i4", "<f4"):
        with np.errstate(all="ignore"):
            small = values.astype(dtype)
        back = small.astype(np.float64)
        # bit for bit, so that −0 is preserved; one NaN is as good as another
        if np.array_equal(back, values, equal_nan=dtype == "<f4") and (
            dtype == "<f4" or not np.signbit(values[values == 0]).any()
        ):
            return small
    return values.astype("<f8")
