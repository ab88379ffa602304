"""Numeric features of text, exactly as scikit-learn's CountVectorizer, TfidfVectorizer and HashingVectorizer make them.

The tokenizer is Python's own: the same regular expressions, lower case and Unicode tables that scikit-learn uses. A
missing text has the features of an empty one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["TextColumn", "TextFeatures", "TextPart", "TextProgram", "text_input_name"]

Analyzer = Literal["word", "char", "char_wb"]
_SPACES = re.compile(r"\s\s+")
_MASK = 0xFFFFFFFF
_MOST_CELLS = 1 << 23
_TOGETHER = 4
"""From so many texts on, counting the terms of all at once is faster."""


class TextColumn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fitted vectorizer: from the texts of one column to `width` features, of which a text has few."""

    column: int
    """The index of the column in the contract."""
    analyzer: Analyzer = "word"
    lowercase: bool = True
    accents: Literal["", "ascii", "unicode"] = ""
    token_pattern: str = r"(?u)\b\w\w+\b"  # noqa: S105  # not a password
    ngrams: tuple[int, int] = (1, 1)
    stop_words: list[str] = []
    vocabulary: list[str] = []
    """The terms in the order of their columns; empty for a hashing vectorizer."""
    hashed: int = 0
    """The number of columns of a hashing vectorizer."""
    signed: bool = False
    """Whether a hash also decides the sign of a count."""
    binary: bool = False
    sublinear: bool = False
    idf: list[float] = []
    norm: Literal["", "l1", "l2"] = ""

    @property
    def width(self) -> int:
        """The number of features."""
        return self.hashed or len(self.vocabulary)


class TextPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some features of one vectorizer as an input of the graph: as they are, or multiplied by weights."""

    vectorizer: int
    """Its index in the program."""
    columns: bytes = b""
    """int32: the features that are used; empty for all of them."""
    outputs: int = 0
    """The number of columns of `weights`."""
    weights: bytes | None = None
    """float64[k, outputs] for the k used features; without them, the features themselves are the input."""


class TextProgram(msgspec.Struct, frozen=True, kw_only=True):
    """How a compiled model reads text: part number i is the graph's input `text<i>`, float64[n, k]."""

    vectorizers: list[TextColumn]
    parts: list[TextPart]


def text_input_name(part: int) -> str:
    """The graph input that holds part number `part`."""
    return f"text{part}"


class TextFeatures:
    """A text program at work, given in msgpack. Threads may share it."""

    def __init__(self, content: bytes) -> None:
        program = msgspec.msgpack.decode(content, type=TextProgram)
        self.columns = sorted({vectorizer.column for vectorizer in program.vectorizers})
        """The columns of the contract that are read."""
        self._vectorizers = [_Vectorizer(options) for options in program.vectorizers]
        parts = [_Part(part, program.vectorizers[part.vectorizer].width) for part in program.parts]
        self._parts: list[list[tuple[str, _Part]]] = [[] for _ in program.vectorizers]
        for number, (stored, part) in enumerate(zip(program.parts, parts, strict=True)):
            self._parts[stored.vectorizer].append((text_input_name(number), part))
        self.rows_at_once = max(1, _MOST_CELLS // max(1, sum(part.width for part in parts)))
        """Of so many rows, the inputs fit into 64 MB."""

    def inputs(self, text: Mapping[int, Sequence[str | None]], start: int, stop: int) -> dict[str, Floats]:
        """The graph's inputs for the rows from `start` up to `stop`: by name float64[n, k].

        `text` has the texts of each column by its index; `None` is a missing text.
        """
        inputs: dict[str, Floats] = {}
        for vectorizer, parts in zip(self._vectorizers, self._parts, strict=True):
            features = vectorizer.features(text[vectorizer.column][start:stop])
            for name, part in parts:
                inputs[name] = part.matrix(features, stop - start)
        return inputs


class _Features(NamedTuple):
    """The features of n texts that are not zero, row by row, in each in the order of the columns."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: Floats
    ends: list[int]
    """Of each row: the number of features up to its end."""


class _Part:
    def __init__(self, part: TextPart, features: int) -> None:
        self._weights: Floats | None = None
        used = np.frombuffer(part.columns, "<i4")
        if part.weights is not None:
            self._weights = np.frombuffer(part.weights, "<f8").reshape(-1, part.outputs)
        self.width = part.outputs if part.weights is not None else len(used) or features
        self._places: NDArray[np.intp] | None = None
        if len(used):
            self._places = np.full(features, -1, dtype=np.intp)
            self._places[used] = np.arange(len(used))

    def matrix(self, features: _Features, n: int) -> Floats:
        """float64[n, width]: the input of the graph for n texts."""
        rows, columns, values, ends = features
        if self._places is not None:
            columns = self._places[columns]
            used = columns >= 0
            ends = [0, *np.cumsum(used).tolist()]
            ends = [ends[end] for end in features.ends]
            rows, columns, values = rows[used], columns[used], values[used]
        if self._weights is None:
            matrix = np.zeros((n, self.width))
            matrix[rows, columns] = values
            return matrix
        if self.width == 1:
            sums = np.bincount(rows, values * self._weights[columns, 0], n)
            return sums.astype(np.float64, copy=False)[:, None]  # without any weight they are integers
        matrix = np.empty((n, self.width))
        for row, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            products = self._weights[columns[start:end]]
            products *= values[start:end, None]
            np.add.reduce(products, axis=0, out=matrix[row])
        return matrix


class _Vectorizer:
    def __init__(self, options: TextColumn) -> None:
        self.column = options.column
        self._options = options
        self._places = {term: place for place, term in enumerate(options.vocabulary)}
        self._stop_words = frozenset(options.stop_words)
        self._pattern = re.compile(options.token_pattern)
        self._idf = np.array(options.idf)

    def features(self, texts: Sequence[str | None]) -> _Features:
        """The features of each text. NumPy's `bincount` adds one after the other, as scikit-learn does."""
        together = len(texts) >= _TOGETHER and not self._options.hashed
        rows, places, values, ends = self._counted_together(texts) if together else self._counted(texts)
        n = len(ends)
        if self._options.sublinear:
            values = np.log(values) + 1.0
        if len(self._idf):
            values *= self._idf[places]
        if self._options.norm:
            is_l1 = self._options.norm == "l1"
            sizes = np.bincount(rows, np.abs(values) if is_l1 else values * values, n)
            if not is_l1:
                sizes = np.sqrt(sizes)
            sizes[sizes == 0] = 1.0
            values /= sizes[rows]
        return _Features(rows, places, values, ends)

    def _counted(self, texts: Sequence[str | None]) -> _Features:
        """How often each text has each term, text by text."""
        columns: list[int] = []
        counted: list[float] = []
        ends: list[int] = []
        for text in texts:
            if text:
                counts = self._counts(text)
                ordered = sorted(counts)
                columns += ordered
                counted += [counts[column] for column in ordered]
            ends.append(len(columns))
        places, values = np.array(columns, dtype=np.intp), np.array(counted, dtype=np.float64)
        n = len(ends)
        rows = np.repeat(np.arange(n), np.diff(ends, prepend=0)) if n > 1 else np.zeros(len(places), dtype=np.intp)
        return _Features(rows, places, values, ends)

    def _counted_together(self, texts: Sequence[str | None]) -> _Features:
        """As `_counted`, with the terms of all texts in one array, for a vocabulary."""
        find = self._places.get
        found: list[int] = []
        ends = [0]
        for text in texts:
            if text:
                found += [known for term in self._terms(text) if (known := find(term)) is not None]
            ends.append(len(found))
        n, width = len(texts), max(1, self._options.width)
        cells = np.repeat(np.arange(n) * width, np.diff(ends)) + np.array(found, dtype=np.intp)
        distinct, counts = np.unique(cells, return_counts=True)
        rows, places = np.divmod(distinct, width)
        values = np.ones(len(places)) if self._options.binary else counts.astype(np.float64)
        return _Features(rows, places, values, np.searchsorted(rows, np.arange(n), side="right").tolist())

    def _counts(self, text: str) -> Mapping[int, float]:
        """How often the text has each term, by the term's column."""
        terms = self._terms(text)
        counts: Mapping[int, float]
        if self._options.hashed:
            sums: dict[int, float] = {}
            for term in terms:
                place, sign = _hashed(term, self._options.hashed, signed=self._options.signed)
                sums[place] = sums.get(place, 0.0) + sign
            counts = sums
        else:
            find = self._places.get
            counts = Counter([known for term in terms if (known := find(term)) is not None])
        return dict.fromkeys(counts, 1.0) if self._options.binary else counts

    def _terms(self, text: str) -> list[str]:
        if self._options.lowercase:  # first: a capital letter that only the accents' normal form gives stays one
            text = text.lower()
        if self._options.accents:
            text = _without_accents(text, self._options.accents)
        shortest, longest = self._options.ngrams
        if self._options.analyzer == "char":
            return _char_ngrams(_SPACES.sub(" ", text), shortest, longest)
        if self._options.analyzer == "char_wb":
            return _padded_ngrams(_SPACES.sub(" ", text), shortest, longest)
        tokens: list[str] = self._pattern.findall(text)
        if self._stop_words:
            tokens = [token for token in tokens if token not in self._stop_words]
        return tokens if longest == 1 else _word_ngrams(tokens, shortest, longest)


def _without_accents(text: str, way: str) -> str:
    if way == "ascii":
        return "".join(map(_normal_form, text)).encode("ASCII", "ignore").decode("ASCII")
    if text.isascii():
        return text
    # sign by sign: normalizing a long run of accents together takes quadratic time, and their order is not needed
    parts = map(_normal_form, text)
    return "".join(sign for part in parts for sign in part if not unicodedata.combining(sign))


@functools.lru_cache(maxsize=4096)
def _normal_form(sign: str) -> str:
    return unicodedata.normalize("NFKD", sign)


def _word_ngrams(tokens: list[str], shortest: int, longest: int) -> list[str]:
    terms = list(tokens) if shortest == 1 else []
    for length in range(max(shortest, 2), min(longest, len(tokens)) + 1):
        terms += [" ".join(tokens[start : start + length]) for start in range(len(tokens) - length + 1)]
    return terms


def _char_ngrams(text: str, shortest: int, longest: int) -> list[str]:
    terms = list(text) if shortest == 1 else []
    for length in range(max(shortest, 2), min(longest, len(text)) + 1):
        terms += [text[start : start + length] for start in range(len(text) - length + 1)]
    return terms


def _padded_ngrams(text: str, shortest: int, longest: int) -> list[str]:
    terms: list[str] = []
    for word in text.split():
        padded = f" {word} "
        for length in range(shortest, longest + 1):
            terms += [padded[start : start + length] for start in range(max(len(padded) - length, 0) + 1)]
            if len(padded) <= length:  # a word shorter than the n-gram is counted once
                break
    return terms


def _hashed(term: str, width: int, *, signed: bool) -> tuple[int, float]:
    """The column and the sign of a term: MurmurHash3 (Austin Appleby), 32 bits, seed 0, of its UTF-8 bytes."""
    value = _murmur(term.encode())
    whole = value - (1 << 32) if value & 0x80000000 else value
    # abs(INT_MIN) does not fit into 32 bits; scikit-learn takes this place for it
    place = (2**31 - 1 - (width - 1)) % width if whole == -(2**31) else abs(whole) % width
    return place, -1.0 if signed and whole < 0 else 1.0


def _murmur(data: bytes) -> int:
    value = 0
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        block = int.from_bytes(data[start : start + 4], "little") * 0xCC9E2D51 & _MASK
        block = ((block << 15 | block >> 17) & _MASK) * 0x1B873593 & _MASK
        value ^= block
        value = ((value << 13 | value >> 19) & _MASK) * 5 + 0xE6546B64 & _MASK
    if len(data) > whole:
        block = int.from_bytes(data[whole:], "little") * 0xCC9E2D51 & _MASK
        value ^= ((block << 15 | block >> 17) & _MASK) * 0x1B873593 & _MASK
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
    return value ^ value >> 16
