"""Words in a column of numbers are named with the model, so rare ones are only counted."""

from __future__ import annotations

import pytest

from fasttrack.data.text_columns import TextRules, infer_text

NUMBERS = {f"{i}.5": 1 for i in range(200)}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"n/k": 14}, 'missing: "n/k" (14); to confirm this: --null n/k; to keep'),
        (
            {"n/k": 5, "ask Mr Kestrel": 2},
            'missing: "n/k" (5), 1 word that fewer than 5 rows have; to confirm this: --null n/k;',
        ),
        ({"ask Mr Kestrel": 2, "Bo Doe": 1}, "missing: 2 words that fewer than 5 rows have; to keep"),
    ],
)
def test_only_words_of_several_rows_are_named(words: dict[str, int], named: str) -> None:
    column = infer_text("size", NUMBERS | words, TextRules(untyped=True))
    (finding,) = column.findings
    assert finding.code == "FT108"
    assert named in finding.message
    assert set(column.reading.nulls) == set(words)
