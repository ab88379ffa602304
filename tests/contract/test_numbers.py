"""Numbers in the notations that people use: what is written in one is read back exactly, and nothing else is."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasttrack.contract.numbers import NumberNotation, infer_numbers


def grouped(digits: str, sign: str) -> str:
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", sign, digits)


def written(value: Decimal, notation: NumberNotation, *, before: bool, negative: str) -> str:
    whole, _, fraction = f"{abs(value):f}".partition(".")
    text = grouped(whole, notation.thousands) + (notation.decimal + fraction if fraction else "")
    if notation.unit:
        text = f"{notation.unit}{text}" if before else f"{text} {notation.unit}"
    if value >= 0:
        return text
    return {"minus": f"-{text}", "parentheses": f"({text})", "trailing": f"{text}-"}[negative]


notations = st.sampled_from(
    [(".", ""), (".", ","), (".", " "), (".", "'"), (",", "."), (",", " "), (",", "\u00a0"), (",", "'")]
)
values = st.decimals(min_value=-(10**9), max_value=10**9, places=2).map(lambda value: value or Decimal("0.00"))


@given(notations, st.sampled_from([("", False), ("$", True), ("€", False), ("%", False), ("kg", False)]), st.data())
def test_a_column_in_one_notation_is_read_back_exactly(
    marks: tuple[str, str], unit: tuple[str, bool], data: st.DataObject
) -> None:
    decimal, thousands = marks
    notation = NumberNotation(decimal=decimal, thousands=thousands, unit=unit[0])  # type: ignore[arg-type]  # sampled
    column = [Decimal("1234567.89"), *data.draw(st.lists(values, min_size=3, max_size=30))]
    negative = data.draw(st.sampled_from(["minus", "parentheses", "trailing"]))
    if unit[0] and negative == "trailing":
        negative = "minus"
    texts = [written(value, notation, before=unit[1], negative=negative) for value in column]
    inferred = infer_numbers(Counter(texts))
    assert inferred is not None and inferred.notation is not None and not inferred.ambiguous and not inferred.words
    assert [inferred.notation.parse(text) for text in texts] == [float(value) for value in column]
    assert inferred.notation.unit == unit[0]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["$1,234.50", "$12.00", "-$3.5", "$0"], [1234.5, 12.0, -3.5, 0.0]),
        (["€4.123,00", "€12,5"], [4123.0, 12.5]),
        (["13.20%", "5%"], [13.2, 5.0]),
        (["5.623,72", "1.000"], [5623.72, 1000.0]),
        (["1\u00a0234,5", "12\u202f000"], [1234.5, 12000.0]),
        (["1\u2019234.50", "12"], [1234.5, 12.0]),
        (["(1,234.00)", "1,234.00-", "\u22125"], [-1234.0, -1234.0, -5.0]),
        (["12 kg", "5 kg"], [12.0, 5.0]),
        (["36 months", "60 months"], [36.0, 60.0]),
        (["12,34,567.5", "1,00,000"], [1234567.5, 100000.0]),
        (["-1,633", "-0,869"], [-1.633, -0.869]),
        (["1e5", "2.5E-3"], [100000.0, 0.0025]),
    ],
)
def test_notations_of_real_tables(texts: list[str], numbers: list[float]) -> None:
    inferred = infer_numbers(Counter(texts))
    assert inferred is not None and inferred.notation is not None
    assert [inferred.notation.parse(text) for text in texts] == numbers


@pytest.mark.parametrize(
    "texts",
    [
        ["12A", "13B"], ["12A", "13A"], ["A1", "A2"], ["Room 12", "Room 13"], ["10+ years", "2 years"], ["1-2", "3-4"],
        ["2012-01-31", "2012-02-01"], ["01/02/2020", "3/4/2020"], ["12:30", "13:30"], ["1.2.3", "1.2.4"],
        ["192.168.0.1", "10.0.0.1"], ["$5", "€6"], ["5 kg", "6 lb"], ["5 kg", "6"], ["5 ft 3 in", "6 ft 1 in"],
        ["red", "green"], ["", "  "], ["1,2,3", "4,5,6"], ["1st", "2nd"], ["(1", "2)"], ["--5", "6"], ["1 2", "3 4"],
        ["555 123 4567", "555 765 4321"], ["1st Street", "2nd Street"], ["3 of 5", "4 of 5"], ["12.5.", "3"],
    ],
)  # fmt: skip
def test_words_codes_dates_and_ranges_are_not_numbers(texts: list[str]) -> None:
    assert infer_numbers(Counter(texts)) is None


@given(st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöü -/&", min_size=1), min_size=1))
def test_plain_words_are_never_numbers(texts: list[str]) -> None:
    assert infer_numbers(Counter(texts)) is None


def test_leading_zeros_make_codes() -> None:
    inferred = infer_numbers(Counter(["01234", "90210", "2210"]))
    assert inferred is not None and inferred.codes and inferred.notation is None
    assert infer_numbers(Counter(["0.5", "0", "10"])) is not None


def test_a_few_words_are_named_and_many_make_text() -> None:
    numbers = {str(number): 1 for number in range(100)}
    few = infer_numbers({**numbers, "n/k": 5, "-": 3})
    assert few is not None and dict(few.words) == {"n/k": 5, "-": 3}
    assert infer_numbers({**numbers, "n/k": 12}) is None
    assert infer_numbers({**numbers, **dict.fromkeys(("a", "b", "c", "d", "e", "f"), 1)}) is None


def test_a_faulty_number_is_no_word() -> None:
    assert infer_numbers({**{str(number): 1 for number in range(100)}, "1l2": 1}) is None


@pytest.mark.parametrize(
    ("prefer", "numbers"), [(None, [1.234, 5.678]), (".", [1.234, 5.678]), (",", [1234.0, 5678.0])]
)
def test_points_before_three_digits_are_ambiguous(prefer: str | None, numbers: list[float]) -> None:
    inferred = infer_numbers(Counter(["1.234", "5.678"]), prefer=prefer)  # type: ignore[arg-type]  # parametrized
    assert inferred is not None and inferred.notation is not None and inferred.ambiguous
    assert [inferred.notation.parse(text) for text in ("1.234", "5.678")] == numbers


@pytest.mark.parametrize("text", ["€5", "1.234.5", "1,23.4", "5 kg", "five", "", "1e999", "(5", "5-6"])
def test_a_text_of_another_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        NumberNotation(thousands=",", unit="$").parse(text)


def test_signs_units_and_groups_may_be_left_out() -> None:
    notation = NumberNotation(decimal=",", thousands=".", unit="€")
    assert [notation.parse(text) for text in ("1.234,5", "1234,5 €", "€1.234,50", "-1234,5", "1e3")] == [
        1234.5, 1234.5, 1234.5, -1234.5, 1000.0,
    ]  # fmt: skip
    assert notation.describe() == "decimal comma, thousands point, unit €"
