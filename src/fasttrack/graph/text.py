"""Numeric features of text, exactly as scikit-learn's CountVectorizer, TfidfVectorizer and HashingVectorizer make them.

The tokenizer is Python's own: the same regular expressions, lower case and Unicode tables that scikit-learn uses. A
missing text has the features of an empty one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["TextBlock", "TextColumn", "TextFeatures"]

Analyzer = Literal["word", "char", "char_wb"]
_SPACES = re.compile(r"\s\s+")
_MASK = 0xFFFFFFFF


class TextColumn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fitted vectorizer: from the texts of one column to float64[n, width]."""

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


class TextBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The text features of a compiled model, block by block, behind the columns of the contract."""

    columns: list[TextColumn]


class TextFeatures:
    """A text block at work. Threads may share it."""

    def __init__(self, block: TextBlock) -> None:
        self._vectorizers = [_Vectorizer(column) for column in block.columns]
        self.width = sum(column.width for column in block.columns)

    def extend(self, matrix: NDArray[np.float64], text: Callable[[int], Sequence[str | None]]) -> NDArray[np.float64]:
        """`matrix` float64[n, f] with the text features behind it: float64[n, f + width].

        `text` gives the n texts of a column by its index; `None` is a missing text.
        """
        extended = np.zeros((len(matrix), matrix.shape[1] + self.width))
        extended[:, : matrix.shape[1]] = matrix
        start = matrix.shape[1]
        for vectorizer in self._vectorizers:
            stop = start + vectorizer.width
            vectorizer.fill(extended[:, start:stop], text(vectorizer.column))
            start = stop
        return extended


class _Vectorizer:
    def __init__(self, options: TextColumn) -> None:
        self.column = options.column
        self.width = options.width
        self._options = options
        self._places = {term: place for place, term in enumerate(options.vocabulary)}
        self._stop_words = frozenset(options.stop_words)
        self._pattern = re.compile(options.token_pattern)
        self._idf = np.array(options.idf)

    def fill(self, out: NDArray[np.float64], texts: Iterable[str | None]) -> None:
        """Write the features of each text into its row of `out`, which holds zeros."""
        for row, text in zip(out, texts, strict=True):
            counts = self._counts(text or "")
            if counts:
                places = sorted(counts)  # scikit-learn adds up in the order of the columns
                row[places] = self._weighted(places, counts)

    def _counts(self, text: str) -> dict[int, float]:
        counts: dict[int, float] = {}
        if self._options.hashed:
            for term in self._terms(text):
                place, sign = _hashed(term, self._options.hashed, signed=self._options.signed)
                counts[place] = counts.get(place, 0.0) + sign
        else:
            find = self._places.get
            for term in self._terms(text):
                known = find(term)
                if known is not None:
                    counts[known] = counts.get(known, 0.0) + 1.0
        if self._options.binary:
            return dict.fromkeys(counts, 1.0)
        return counts

    def _weighted(self, places: list[int], counts: dict[int, float]) -> NDArray[np.float64]:
        values = np.array([counts[place] for place in places])
        if self._options.sublinear:
            values = np.log(values) + 1.0
        if len(self._idf):
            values = values * self._idf[places]
        if self._options.norm:
            sizes = abs(values) if self._options.norm == "l1" else values * values
            total = sum(sizes.tolist())  # one after the other, as scikit-learn adds
            size = total if self._options.norm == "l1" else math.sqrt(total)
            if size:
                values = values / size
        return values

    def _terms(self, text: str) -> list[str]:
        if self._options.accents:
            text = _without_accents(text, self._options.accents)
        if self._options.lowercase:
            text = text.lower()
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
        return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")
    if text.isascii():
        return text
    normalized = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in normalized if not unicodedata.combining(sign))


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
