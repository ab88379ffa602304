"""Texts where a tokenizer is most likely wrong, and the texts of rows as numbers while edge rows are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["EDGE_TEXTS", "TextCodes"]

_LONG = 5_000
_MOST_MIXED = 200
"""Training texts that are changed and joined."""

EDGE_TEXTS: dict[str, tuple[str, ...]] = {
    "empty text": ("", " ", "\t\r\n", "\u00a0\u2003\u3000", ".", "!?;,…—()", "\x00\x01", "\ufeff", "\ufffd"),
    "digits": (
        "0",
        "7",
        "42",
        "007",
        "3.14",
        "1,000",
        "12:30",
        "x1",
        "1x",
        "_",
        "__",
        "a_b",
        "٣٤",
        "Ⅳ",
        "½",
        "x²",
        "①",
    ),
    "unseen text": (
        "zzyzx qqfjw",
        "zzyzx",
        "ZZYZX ZzYzX",
        "a",
        "a b c",
        "I",
        "an",
        "-ab-",
        "don't",
        "e-mail",
        "C++ c#",
    ),
    "accents": (
        *("Crème BRÛLÉE à la carte", "cre\u0300me bru\u0302le\u0301e", "naïve café", "Ærøskøbing straße STRASSE"),
        *(
            "İstanbul \u0131ç",
            "ΣΊΣΥΦΟΣ σίσυφος ΣΑΣ",
            "ﬁne oﬃce ǅ",
            "\U0001d400\U0001d41b \uff21\uff22\uff43",
            "K\u212a \u00c5\u212b",
        ),
    ),
    "other scripts": (
        *("数据 科学 データ サイエンス 데이터", "привет мир", "שלום עולם", "مرحبا بالعالم", "ภาษาไทย", "हिन्दी में"),
        *("😀 👩\u200d🔬 🇩🇪", "a\u200bb a\u00adb", "\U0010fffd", "e\u0301 é"),
    ),
    "long text": ("word " * _LONG, "x" * _LONG, "ab " * _LONG, "é" * _LONG),
}
"""By kind. A vectorizer must give each of them the features that scikit-learn gives it."""


class TextCodes:
    """The texts of a column by number: those of the training rows, then the edge texts; a missing one is NaN."""

    def __init__(self, words: Sequence[str | None]) -> None:
        self.of_rows: Floats = np.array(
            [np.nan if word is None else row for row, word in enumerate(words)], dtype=float
        )
        self._words: list[str | None] = list(words)

    def edges(self, *, nullable: bool) -> dict[str, Floats]:
        """The numbers of the texts to try, by kind."""
        known = [word for word in dict.fromkeys(self._words) if word is not None]
        some = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, min(len(known), _MOST_MIXED)).astype(int))]
        changed = {
            "changed case": [text.upper() for text in some] + [text.swapcase() for text in some],
            "reversed text": [text[::-1] for text in some] + [" ".join(reversed(text.split())) for text in some],
            "texts joined": [f"{text} {other}" for text, other in zip(some, reversed(some), strict=True)],
            "texts cut": [text[: len(text) // 2] for text in some] + [text[len(text) // 3 :] for text in some],
        }
        pool = {kind: self._add(texts) for kind, texts in {**EDGE_TEXTS, **changed}.items() if texts}
        return pool | {"missing": np.array([np.nan])} if nullable else pool

    def decode(self, codes: Floats) -> tuple[list[str | None], Floats]:
        """The words of float64[n] numbers, and their lengths as the contract's matrix has them."""
        words = [None if code != code else self._words[int(code)] for code in codes.tolist()]
        return words, np.array([np.nan if word is None else len(word) for word in words], dtype=float)

    def _add(self, texts: Sequence[str]) -> Floats:
        start = len(self._words)
        self._words += texts
        return np.arange(start, len(self._words), dtype=np.float64)
