"""Dates in the notations that people use: what is written in one is read back exactly, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasttrack.contract.dates import DateNotation, infer_dates

FORMATS = {
    "%Y-%m-%d": None, "%Y/%m/%d": None, "%Y.%m.%d": None, "%Y%m%d": None, "%d-%b-%Y": None, "%d %B %Y": None,
    "%b %d, %Y": None, "%a, %d %b %Y": None, "%d.%m.%Y": "dayfirst", "%d/%m/%Y": "dayfirst", "%d-%m-%Y": "dayfirst",
    "%m/%d/%Y": "monthfirst", "%m-%d-%Y": "monthfirst", "%d/%m/%y": "dayfirst", "%m/%d/%y": "monthfirst",
    "%d-%b-%y": None,
}  # fmt: skip
TIMES = ["", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S%p", ", %H:%M:%S.%f", " %H:%M:%SZ"]
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2067, 12, 31, 23, 59, 59))


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from(TIMES), st.lists(moments, min_size=3, max_size=20))
def test_a_column_in_one_notation_is_read_back_exactly(date: str, time: str, column: list[datetime]) -> None:
    column = [datetime(2021, 12, 31, 17, 5), datetime(2021, 1, 13, 7, 30), datetime(2021, 1, 14), *column]
    texts = [moment.strftime(date + time) for moment in column]
    inferred = infer_dates(texts)
    assert inferred is not None and not inferred.ambiguous and inferred.notation.order == FORMATS[date]
    exact = [datetime.strptime(text, date + time).replace(tzinfo=UTC).timestamp() for text in texts]
    assert [inferred.notation.parse(text) for text in texts] == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Feb 2021", "2021-02-01T00:00:00"), ("12/2020", "2020-12-01T00:00:00"), ("2012-01", "2012-01-01T00:00:00"),
        ("February 3rd, 2021", "2021-02-03T00:00:00"), ("3-Feb-21", "2021-02-03T00:00:00"),
        ("3-Feb-99", "1999-02-03T00:00:00"), ("2012-01-31 17:05+02:00", "2012-01-31T15:05:00"),
        ("2012/01/31 5:07 p.m.", "2012-01-31T17:07:00"), ("Mon, 1 Feb 2021 14:00:00 GMT", "2021-02-01T14:00:00"),
        ("2012-01-31T00:00:00.5-0330", "2012-01-31T03:30:00.500000"), ("31.12.2012, 12:00 AM", "2012-12-31T00:00:00"),
    ],
)  # fmt: skip
def test_notations_of_real_tables(text: str, iso: str) -> None:
    inferred = infer_dates([text])
    assert inferred is not None
    assert datetime.fromtimestamp(inferred.notation.parse(text), UTC).replace(tzinfo=None).isoformat() == iso


@pytest.mark.parametrize(
    "texts",
    [
        ["31/12/2020", "12/31/2020"], ["2013-02-30"], ["12345678", "20120131", "20120201"], ["2012", "2013"], ["may"],
        ["May 5"], ["1-2-3"], ["10.5.20", "1.2.10"], ["10.5.2"], ["Jan-21"], ["5/6"], ["10:30"], ["192.168.0.1"],
        ["1/1/2020 25:00"], ["A 2020"], ["red"], [""], [], ["20120131"], ["01/31/2012", "31.1.12"], ["2020-13-01"],
        ["555-123-4567"], ["12-34-56"], ["1.5"], ["3 kg"], ["Q1 2020"], ["week 3 2020"], ["1/1/2020 13:00 PM"],
    ],
)  # fmt: skip
def test_words_codes_and_numbers_are_not_dates(texts: list[str]) -> None:
    assert infer_dates(texts) is None


@given(st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöü -/.", min_size=1), min_size=1))
def test_plain_words_are_never_dates(texts: list[str]) -> None:
    assert infer_dates(texts) is None


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=2), min_size=1))
def test_decimal_numbers_are_never_dates(numbers: list[object]) -> None:
    assert infer_dates([f"{number}" for number in numbers]) is None


def test_an_order_that_nothing_decides_is_reported() -> None:
    inferred = infer_dates(["01/02/2024", "03/04/2024"])
    assert inferred is not None and inferred.ambiguous
    for order, iso in (("dayfirst", "2024-02-01"), ("monthfirst", "2024-01-02")):
        told = infer_dates(["01/02/2024", "03/04/2024"], prefer=order)  # type: ignore[arg-type]  # a literal of two
        assert told is not None and not told.ambiguous
        assert datetime.fromtimestamp(told.notation.parse("01/02/2024"), UTC).date().isoformat() == iso
    pointed = infer_dates(["01.02.2024", "03.04.2024"])
    assert pointed is not None and not pointed.ambiguous and pointed.notation.order == "dayfirst"


@pytest.mark.parametrize("text", ["01/13/2024", "20240101", "yesterday", "31/02/2024", "1/1/2024 25:00", ""])
def test_a_text_of_another_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        DateNotation(order="dayfirst").parse(text)


def test_iso_dates_are_read_in_any_notation() -> None:
    for notation in (DateNotation(), DateNotation(order="dayfirst"), DateNotation(compact=True)):
        assert notation.parse("2024-02-01T00:00:00Z") == datetime(2024, 2, 1, tzinfo=UTC).timestamp()
