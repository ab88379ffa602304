"""Text columns are read by all their cells: as numbers, dates, codes or text, and with one rule for missing values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.contract.numbers import NumberNotation
from fasttrack.contract.reading import Reading
from fasttrack.data import Source, TextRules, field_findings, field_reading, read_table, scan_table, table_from_frame
from fasttrack.data.number_text import without_mark
from fasttrack.data.text_columns import infer_text
from fasttrack.errors import DataError
from tests.budget import budget
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.contract.schema import KindChoice


def column_file(folder: Path, cells: list[str], name: str = "t.csv") -> str:
    return write(folder, name, "a\tb\n" + "".join(f"{cell}\t{row}.5\n" for row, cell in enumerate(cells)))


def codes(table: pa.Table, column: str = "a") -> list[str]:
    return [finding.code for finding in field_findings(table.schema.field(column))]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$1,234.50", "$90,000.00", "-$3.00"], [1234.5, 90000.0, -3.0]),
        (["€4.123,00", "€12,50"], [4123.0, 12.5]),
        (["13.20%", "5%"], [13.2, 5.0]),
        (["1\u00a0234,5", "12,25"], [1234.5, 12.25]),
        (["1'234.50", "12.00"], [1234.5, 12.0]),
        (["(1,234.00)", "99.50-"], [-1234.0, -99.5]),
        (["12 kg", "7 kg"], [12.0, 7.0]),
        (["1,234", "12,345,678"], [1234, 12345678]),
    ],
)
@pytest.mark.parametrize("ending", ["tsv", "jsonl", "parquet", "pandas"])
def test_numbers_of_people_are_numbers_in_every_format(
    tmp_path: Path, cells: list[str], numbers: list[float], ending: str
) -> None:
    cells, numbers = cells * 4, numbers * 4
    match ending:
        case "tsv":
            read = read_table(column_file(tmp_path, cells, "t.tsv"))
        case "jsonl":
            read = read_table(write(tmp_path, "t.jsonl", "\n".join(json.dumps({"a": cell}) for cell in cells)))
        case "parquet":
            pq.write_table(pa.table({"a": cells}), tmp_path / "t.parquet")
            read = read_table(tmp_path / "t.parquet")
        case _:
            read = table_from_frame(pa.table({"a": cells}).to_pandas())
    assert read.column("a").to_pylist() == numbers
    assert codes(read) == ["FT101"]
    assert field_reading(read.schema.field("a")).number is not None


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["2012/01/31", "2012/02/01"], datetime(2012, 1, 31, tzinfo=UTC)),
        (["31.01.2012", "01.02.2012"], datetime(2012, 1, 31, tzinfo=UTC)),
        (["01/31/2012", "02/01/2012"], datetime(2012, 1, 31, tzinfo=UTC)),
        (["31/01/2012", "01/02/2012"], datetime(2012, 1, 31, tzinfo=UTC)),
        ([f"201201{day}" for day in range(10, 22)], datetime(2012, 1, 10, tzinfo=UTC)),
        (["3-Feb-21", "28-Mar-21"], datetime(2021, 2, 3, tzinfo=UTC)),
        (["Feb 2021", "Mar 2021"], datetime(2021, 2, 1, tzinfo=UTC)),
        (["1/31/2012 5:07 PM", "2/1/2012 12:00 AM"], datetime(2012, 1, 31, 17, 7, tzinfo=UTC)),
        (["31.01.2012 17:07:01.250", "01.02.2012 00:00:00.5"], datetime(2012, 1, 31, 17, 7, 1, 250_000, tzinfo=UTC)),
        (["2012/01/31 17:07+02:00", "2012/01/31 17:07Z"], datetime(2012, 1, 31, 15, 7, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("kind", [None, "datetime"])
def test_dates_of_people_are_times(tmp_path: Path, cells: list[str], first: datetime, kind: KindChoice | None) -> None:
    read = read_table(column_file(tmp_path, cells), kinds={} if kind is None else {"a": kind})
    assert types(read)["a"] == "timestamp[us, tz=UTC]"
    assert read.column("a")[0].as_py() == first


def test_the_order_of_day_and_month_is_asked_for_where_nothing_tells_it(tmp_path: Path) -> None:
    name = column_file(tmp_path, ["01/02/2012", "03/04/2012"])
    assert codes(read_table(name)) == ["FT120"]
    march = Source(name, dates="monthfirst").read()
    assert [moment.month for moment in march.column("a").to_pylist()] == [1, 3] and codes(march) == ["FT101"]
    april = read_table(name, kinds={"a": "datetime:dayfirst"})
    assert [moment.month for moment in april.column("a").to_pylist()] == [2, 4]


def test_points_before_three_digits_are_read_as_the_other_columns_are(tmp_path: Path) -> None:
    rows = [("1.234", "1,5"), ("5.678", "2,25")]
    alone = column_file(tmp_path, [cell for cell, _ in rows])
    read = read_table(alone)
    assert read.column("a").to_pylist() == [1.234, 5.678]
    (finding,) = field_findings(read.schema.field("a"))
    assert finding.level == "note" and "--kind a=number:decimal-comma" in finding.message
    assert read_table(alone, kinds={"a": "number:decimal-comma"}).column("a").to_pylist() == [1234, 5678]
    beside = write(tmp_path, "c.csv", "a;b\n" + "".join(f"{a};{b}\n" for a, b in rows))
    assert read_table(beside).column("a").to_pylist() == [1234, 5678]


def test_leading_zeros_make_codes_in_every_file_of_a_set(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "zip,n\n90210,1\n10001,2\n")
    write(tmp_path, "2.csv", "zip,n\n01234,3\n00501,4\n")
    read = read_table(tmp_path)
    assert read.column("zip").to_pylist() == ["90210", "10001", "01234", "00501"]
    assert codes(read, "zip") == ["FT101"] and read.column("n").to_pylist() == [1, 2, 3, 4]
    assert read_table(tmp_path, kinds={"zip": "integer"}).column("zip").to_pylist() == [90210, 10001, 1234, 501]
    assert read_table(tmp_path, rows=4).column("zip").to_pylist() == read.column("zip").to_pylist()
    assert scan_table(tmp_path).columns["zip"] == pa.string()


def test_money_in_one_file_and_plain_numbers_in_another_are_one_column(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "price\n1234.5\n2\n")
    write(tmp_path, "2.csv", 'price\n"$1,234.50"\n$3.00\n')
    for read in (read_table(tmp_path), pa.concat_tables(scan_table(tmp_path).batches())):
        assert read.column("price").to_pylist() == [1234.5, 2.0, 1234.5, 3.0]


def test_few_words_are_named_and_missing_and_many_make_text(tmp_path: Path) -> None:
    few = read_table(column_file(tmp_path, [*map(str, range(90)), *["n/k", "unknown"] * 5]))
    assert few.column("a").to_pylist() == [*range(90), *[None] * 10]
    (finding,) = field_findings(few.schema.field("a"))
    assert finding.code == "FT108" and "--null n/k --null unknown" in finding.message
    assert field_reading(few.schema.field("a")).is_missing(" n/k ")
    rare = read_table(column_file(tmp_path, [*map(str, range(30)), "a remark"], "rare.csv"))
    (finding,) = field_findings(rare.schema.field("a"))
    assert "a remark" not in finding.message and rare.column("a").null_count == 1
    many = read_table(column_file(tmp_path, [*map(str, range(30)), *["n/k"] * 9]))
    assert types(many)["a"] == "string" and codes(many) == ["FT122"]


def test_a_null_word_among_codes_is_a_value_unless_it_is_rare_or_set(tmp_path: Path) -> None:
    name = column_file(tmp_path, ["NA", "DE", "FR"] * 9)
    read = read_table(name)
    assert read.column("a").to_pylist()[:3] == ["NA", "DE", "FR"] and codes(read) == ["FT121"]
    assert Source(name, nulls=["NA"]).read().column("a").null_count == 9
    rare = read_table(column_file(tmp_path, ["NA", *["DE", "FR"] * 9], "rare.csv"))
    assert rare.column("a").null_count == 1 and codes(rare) == ["FT121"]
    kept = Source(str(tmp_path / "rare.csv"), default_nulls=False).read()
    assert kept.column("a")[0].as_py() == "NA" and not codes(kept)
    words = read_table(column_file(tmp_path, ["NA", "red", "green"] * 9, "words.csv"))
    assert words.column("a").null_count == 9 and not codes(words)


def test_without_default_nulls_only_the_empty_cell_is_missing(tmp_path: Path) -> None:
    name = column_file(tmp_path, ["null", "", "x", "NaN"] * 5)
    assert read_table(name).column("a").to_pylist()[:4] == [None, None, "x", None]
    assert Source(name, default_nulls=False).read().column("a").to_pylist()[:4] == ["null", None, "x", "NaN"]


def test_text_in_a_format_with_types_stays_text_if_it_spells_plain_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["12", "7"], "b": ["NA", ""]}), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert read.to_pydict() == {"a": ["12", "7"], "b": ["NA", ""]}


def test_a_number_in_no_notation_among_numbers_is_refused_with_its_row(tmp_path: Path) -> None:
    name = column_file(tmp_path, [*[f"${number},000.50" for number in range(1, 60)], "$1.234,50"])
    assert refusal(name).startswith(f'{name} row 60: a is "$1.234,50", expected a number; fix the cell')


@settings(max_examples=budget(100), deadline=None)
@given(
    st.lists(
        st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüß &/-", min_size=1, max_size=12)
        | st.sampled_from(
            ["12A", "13B", "10-20", "1st", "A-1", "3 of 5", "192.168.0.1", "1.2.3", "12:30", "5 kg", "6 lb"]
        ),
        min_size=3,
        max_size=20,
        unique=True,
    )
)
def test_words_and_codes_are_never_numbers_or_times(words: list[str]) -> None:
    if sum(word.strip() == "5 kg" for word in words) == len(words):
        return
    counts: dict[str, Any] = dict.fromkeys([*words, "plain word"], 3)
    column = infer_text("a", counts, TextRules(untyped=True))
    assert column.kind == "category"


def test_numbers_of_json_are_not_read_in_the_notation_of_texts(tmp_path: Path) -> None:
    reading = Reading(number=NumberNotation(decimal=",", thousands="."))
    name = write(tmp_path, "t.jsonl", '{"p": 1.234}\n{"p": 12.5}\n{"p": "1.234,5"}\n{"p": 3}\n{"p": -1.5e2}')
    read = Source(name).read(known={"p": ("number", reading)})
    assert read.column("p").to_pylist() == [1.234, 12.5, 1234.5, 3.0, -150.0]


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_number_without_its_mark_is_the_same_number(number: float) -> None:
    assert float(without_mark(repr(number))) == number
    assert "." not in without_mark(repr(number))


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [(["(5)", "3", "12"], [-5, 3, 12]), (["5-", "3"], [-5, 3]), (["\u22125", "3.5"], [-5.0, 3.5])],
)
def test_negative_numbers_of_people_are_read_beside_plain_ones(
    tmp_path: Path, cells: list[str], numbers: list[float]
) -> None:
    read = read_table(column_file(tmp_path, cells))
    assert read.column("a").to_pylist() == numbers
    assert field_reading(read.schema.field("a")).number is not None


def test_numbers_that_no_type_holds_are_said_or_rounded(tmp_path: Path) -> None:
    long = read_table(column_file(tmp_path, ["12,345,678,901,234,567,890", "1,234"]))
    assert long.column("a").to_pylist() == [12345678901234567890.0, 1234.0]
    assert types(read_table(column_file(tmp_path, ["$1e999", "$2"], "b.csv")))["a"] == "string"


def test_whole_numbers_that_are_dates_are_read_again_by_a_contract(tmp_path: Path) -> None:
    days = [20230101 + day for day in range(28)]
    pq.write_table(pa.table({"d": days}), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert types(read)["d"] == "timestamp[us, tz=UTC]"
    again = Source(tmp_path / "t.parquet").read(known={"d": ("datetime", field_reading(read.schema.field("d")))})
    assert again.column("d").equals(read.column("d"))


def test_a_notation_that_is_set_holds_for_a_scan_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["1.234,5", "2"]}), tmp_path / "t.parquet")
    scan = scan_table(tmp_path / "t.parquet", kinds={"a": "number:decimal-comma"})
    assert pa.concat_tables(scan.batches()).column("a").to_pylist() == [1234.5, 2.0]


@pytest.mark.parametrize(
    "cells",
    [["$5.00", "€6.50"], ["1,234.56", "1.234,56"], ["5.00 CR", "7.25 DR"], ["$1.2", "12.5"] * 2 + ["£3.5"] * 2],
)
def test_amounts_in_several_notations_are_text_with_a_caution(tmp_path: Path, cells: list[str]) -> None:
    read = read_table(column_file(tmp_path, [cell.replace("5", str(5 + n)) for n in range(4) for cell in cells]))
    if "CR" not in cells[0]:
        assert codes(read) == ["FT122"]
    assert types(read)["a"] == "string"


def test_too_many_words_among_numbers_are_said(tmp_path: Path) -> None:
    read = read_table(column_file(tmp_path, [*map(str, range(30)), *["?"] * 9]))
    (finding,) = field_findings(read.schema.field("a"))
    assert finding.code == "FT122" and "77% of its cells are numbers" in finding.message


def test_an_amount_with_its_parenthesis_behind_the_sign_is_negative(tmp_path: Path) -> None:
    read = read_table(column_file(tmp_path, ["$(1,234.50)", "$3,864.55"]))
    assert read.column("a").to_pylist() == [-1234.5, 3864.55]


@pytest.mark.parametrize(
    ("cells", "kind", "cell"),
    [
        (["$1,234.50", "$7.00"], "number:decimal-comma", "$1,234.50"),
        (["31/01/2021", "01/02/2021"], "datetime:monthfirst", "31/01/2021"),
    ],
)
def test_a_notation_that_the_cells_contradict_is_refused(
    tmp_path: Path, cells: list[str], kind: KindChoice, cell: str
) -> None:
    assert f'a is "{cell}", expected' in refusal(column_file(tmp_path, cells), kinds={"a": kind})


def test_whole_numbers_of_a_frame_are_dates_where_their_kind_says_so() -> None:
    frame = pa.table({"d": [20120131, 20120201]}).to_pandas()
    read = table_from_frame(frame, kinds={"d": "datetime"})
    assert read.column("d").to_pylist() == [datetime(2012, 1, 31, tzinfo=UTC), datetime(2012, 2, 1, tzinfo=UTC)]
    with pytest.raises(DataError, match='row 2: d is "1357002000", expected a date or time'):
        table_from_frame(pa.table({"d": [20120131, 1357002000]}).to_pandas(), kinds={"d": "datetime"})
