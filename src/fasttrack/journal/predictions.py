"""Many predictions as a few columns, and back: what the journal stores.

A column of numbers takes as few bytes a cell as hold its values exactly. A chunk is one row of a database: writing it
costs a fraction of a microsecond a prediction, which rows of their own would not.
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
    "IDENTIFIER",
    "IDENTIFIER_FORMAT",
    "Chunk",
    "Entries",
    "Identifiers",
    "JournalModel",
    "identifier",
    "joined",
    "joined_words",
    "pack",
    "parse_identifier",
    "unpack",
]

IDENTIFIER = "[0-9a-z]{1,40}-[0-9a-f]{8,15}"
"""What an id looks like, as a regular expression."""
IDENTIFIER_FORMAT = "%s-%08x"
"""How it is made of a process and a number."""
_IDENTIFIER = re.compile(IDENTIFIER)


class JournalModel(msgspec.Struct, frozen=True):
    """What is known of a version that predicted: enough to read its predictions without its bundle."""

    model: str
    version: str
    target: Target
    columns: list[Column]
    """Those that are stored, in the order of the contract."""

    @classmethod
    def of(cls, model: str, version: str, contract: Contract, omit: Sequence[str]) -> JournalModel:
        """Without the columns named in `omit`."""
        return cls(model, version, contract.target, [one for one in contract.columns if one.name not in omit])


@dataclass(frozen=True)
class Entries:
    """n predictions of one version.

    `at`: float64[n], seconds since 1970 UTC. `matrix`: float64[n, f] of the stored columns, as the contract decodes
    them. `output`: float64[n], the number or the index of the class. `probabilities`: float64[n, c]. `words`: by place
    among the stored columns and row, the text of a category that the model does not know.
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
            place: {row - start: word for row, word in found.items() if start <= row < stop}
            for place, found in self.words.items()
        }
        shares = None if self.probabilities is None else self.probabilities[start:stop]
        return Entries(self.at[start:stop], self.matrix[start:stop], self.output[start:stop], shares, words)


@dataclass(frozen=True)
class Chunk:
    """Entries as they are stored. `process` and `start` number the predictions: the ids are made of them."""

    process: str
    start: int
    rows: int
    first: float
    last: float
    """Times of the first and the last prediction, seconds since 1970 UTC."""
    model: str
    version: str
    content: bytes


class Identifiers(msgspec.Struct, frozen=True, gc=False):
    """The ids of predictions that follow one another. They are written out where they are needed."""

    process: str
    start: int
    rows: int

    def __getitem__(self, row: int) -> str:
        """The id of a row."""
        return identifier(self.process, self.start + row)

    def all(self) -> list[str]:
        """Every row's id."""
        return [identifier(self.process, number) for number in self.numbers]

    @property
    def numbers(self) -> range:
        """Every row's number."""
        return range(self.start, self.start + self.rows)


class _Head(msgspec.Struct):
    rows: int
    types: list[str]
    probabilities: int
    words: dict[int, dict[int, str]]


def identifier(process: str, number: int) -> str:
    """The id of a prediction."""
    return IDENTIFIER_FORMAT % (process, number)


def parse_identifier(text: object) -> tuple[str, int] | None:
    """`(process, number)` of an id, or `None` if no prediction can have it."""
    if not isinstance(text, str) or _IDENTIFIER.fullmatch(text) is None:
        return None
    process, _, number = text.partition("-")
    return process, int(number, 16)


def pack(entries: Entries) -> bytes:
    """The columns of `entries`, one behind the other, behind a description of them."""
    shares = entries.probabilities
    columns = [entries.at, entries.output, *entries.matrix.T, *(shares.T if shares is not None else ())]
    narrow = [_narrowed(np.ascontiguousarray(column)) for column in columns]
    words = {column: dict(found) for column, found in entries.words.items() if found}
    width = 0 if shares is None else shares.shape[1]
    head = msgspec.json.encode(_Head(len(entries), [one.dtype.str for one in narrow], width, words))
    return b"".join([struct.pack("<I", len(head)), head, *(one.tobytes() for one in narrow)])


def unpack(content: bytes, *, only_answers: bool = False) -> Entries:
    """The entries that were packed; with `only_answers` their matrix is left empty, which is quicker.

    Raises DataError for content that is none.
    """
    try:
        (length,) = struct.unpack_from("<I", content)
        head = msgspec.json.decode(content[4 : 4 + length], type=_Head)
        place = 4 + length
        columns: list[Floats] = []
        features = len(head.types) - 2 - head.probabilities
        for number, kind in enumerate(head.types):
            dtype = np.dtype(kind)
            if not (only_answers and 2 <= number < 2 + features):
                columns.append(np.frombuffer(content, dtype, head.rows, place).astype(np.float64))
            place += dtype.itemsize * head.rows
    except (struct.error, ValueError, TypeError, msgspec.MsgspecError) as error:
        raise DataError(f"the journal holds predictions that cannot be read: {error}; restore it from a copy") from None
    kept = 0 if only_answers else features
    matrix = np.column_stack(columns[2 : 2 + kept]) if kept else np.empty((head.rows, 0))
    shares = np.column_stack(columns[2 + kept :]) if head.probabilities else None
    return Entries(columns[0], matrix, columns[1], shares, {} if only_answers else head.words)


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks of one process and version that follow one another as one. Raises DataError as `unpack`."""
    parts = [unpack(chunk.content) for chunk in chunks]
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    entries = Entries(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.matrix for part in parts]),
        np.concatenate([part.output for part in parts]),
        np.concatenate(shares) if shares else None,
        joined_words([part.words for part in parts], [len(part) for part in parts]),
    )
    first, last = min(chunk.first for chunk in chunks), max(chunk.last for chunk in chunks)
    return replace(chunks[0], rows=len(entries), first=first, last=last, content=pack(entries))


def joined_words(parts: Sequence[Mapping[int, Mapping[int, str]]], lengths: Sequence[int]) -> dict[int, dict[int, str]]:
    """The words of parts of so many rows each, by place and row in all of them together."""
    found: dict[int, dict[int, str]] = {}
    start = 0
    for part, length in zip(parts, lengths, strict=True):
        for place, words in part.items():
            found.setdefault(place, {}).update({start + row: word for row, word in words.items()})
        start += length
    return found


def _narrowed(values: Floats) -> NDArray[np.generic]:
    """The same values in the smallest type that holds each of them exactly."""
    for dtype in ("<i1", "<i2", "<i4", "<f4"):
        with np.errstate(all="ignore"):
            small = values.astype(dtype)
        back = small.astype(np.float64)
        # bit for bit, so that −0 stays what it is; any NaN is as good as another
        if np.array_equal(back, values, equal_nan=dtype == "<f4") and (
            dtype == "<f4" or not np.signbit(values[values == 0]).any()
        ):
            return small
    return values.astype("<f8")
