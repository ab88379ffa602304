"""Names and labels are shortened to what tells them apart, and break where a reader expects it."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from fasttrack.report.labels import allow_breaks, isolate, letters, shorten, shorten_all
from fasttrack.report.svg import Axes, Axis, draw


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("n_of_items", ["n_", "of_", "items"]),
        ("__private", ["__", "private"]),
        ("administrative-and-support/other", ["administrative-", "and-", "support/", "other"]),
        ("two words", ["two words"]),
        ("over 2024-01-31 10:30 to 1,234.5", ["over 2024-01-31 10:30 to 1,234.5"]),
        ("−1.2e-15", ["−1.2e-15"]),
        ("x" * 50, ["x" * 24, "x" * 24, "xx"]),
        ("e\u0301" * 13, ["e\u0301" * 12, "e\u0301"]),
        ("x" * 23 + "e\u0301" * 2, ["x" * 23 + "e\u0301", "e\u0301"]),
        ("", [""]),
    ],
)
def test_a_name_breaks_after_separators_and_not_within_words_and_numbers(name: str, pieces: list[str]) -> None:
    assert allow_breaks(name).split("<wbr>") == pieces


def test_a_name_is_only_ever_text() -> None:
    assert allow_breaks("<b>_&amp;") == Markup("&lt;b&gt;_&amp;<wbr>amp;")


@pytest.mark.parametrize("text", ["a service without any other name", "東京都千代田区丸の内一丁目", "🙂" * 30, "x" * 9])
@pytest.mark.parametrize("most", [8, 15, 28])
def test_a_short_form_keeps_the_beginning_and_the_end_and_fits(text: str, most: int) -> None:
    short = shorten(text, most)
    assert letters(short) <= most
    begin, _, end = short.partition("…")
    assert text.startswith(begin)
    assert text.endswith(end)
    assert (short == text) == (letters(text) <= most)


def test_short_forms_that_look_alike_are_numbered() -> None:
    texts = [f"the same beginning {middle} and the same end" for middle in "ab"]
    assert shorten_all([*texts, "other"], 12) == ["the s…e end (1)", "the s…e end (2)", "other"]


def test_a_name_from_right_to_left_does_not_turn_the_sentence_around() -> None:
    name = "\u05d9\u05e8"
    assert isolate(name) == f"\u2068{name}\u2069"
    assert isolate("Ελληνικά 1") == "Ελληνικά 1"


def test_names_in_a_drawing_fit_it() -> None:
    axes = Axes(Axis(0, 1, "x" * 300), Axis(0, 1, "y" * 300))
    svg = draw(axes, legend=[("c1", "z" * 300), ("c2", "short")])
    texts = re.findall(r">([^<]*…[^<]*)</text>", svg)
    assert sorted(text[0] for text in texts) == ["x", "y", "z"]
    assert all(20 < len(text) * 6.3 <= axes.width for text in texts)
    assert ">short</text>" in svg
