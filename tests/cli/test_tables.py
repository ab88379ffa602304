"""Tables fit the width of a terminal and lose nothing; without a width each record is one line."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given
from rich.cells import cell_len

from fasttrack.cli.tables import Table, TableColumn

CELLS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(1, 6))
    columns = [
        TableColumn(draw(st.sampled_from(["", "name", "version", "95 % interval"])), draw(st.booleans()), least)
        for least in draw(st.lists(st.sampled_from([0, 8, 16]), min_size=count, max_size=count))
    ]
    table = Table(columns, title_columns=draw(st.integers(1, count)))
    for cells in draw(st.lists(st.lists(CELLS, min_size=count, max_size=count), max_size=5)):
        if draw(st.booleans()):
            table.add_heading(draw(CELLS))
        table.add(*cells)
    return table


def letters(text: str) -> list[str]:
    return sorted("".join(text.split()))


@given(tables(), st.integers(40, 100))
def test_no_line_is_wider_than_the_terminal_and_no_letter_is_lost(table: Table, width: int) -> None:
    lines = [line.plain for line in table.lines(width)]
    assert max((cell_len(line) for line in lines), default=0) <= width
    shown = letters("".join(lines))
    for row in table.rows:
        for cell in (row.text,) if hasattr(row, "text") else row.cells:
            for letter in set(letters(cell)):
                assert shown.count(letter) >= letters(cell).count(letter)


@given(tables())
def test_without_a_width_each_record_is_one_line(table: Table) -> None:
    assert len(list(table.lines(None))) == 1 + len(table.rows)


def example() -> Table:
    table = Table(
        [
            TableColumn(""),
            TableColumn("version"),
            TableColumn("estimator", narrowest=9),
            TableColumn("rows", right=True),
        ],
        [],
        2,
    )
    table.add_heading("flights")
    table.add("*", "9bd79a5012bf", "sklearn.dummy:Dummy", "1,234", style="red")
    table.add("", "c7bd545c20bc", "linear", "7")
    return table


def test_a_table_that_fits_is_aligned() -> None:
    lines = list(example().lines(60))
    assert [line.plain for line in lines] == [
        "   version       estimator             rows",
        "flights",
        "*  9bd79a5012bf  sklearn.dummy:Dummy  1,234",
        "   c7bd545c20bc  linear                   7",
    ]
    assert lines[2].style == "red"


def test_a_table_that_is_too_wide_wraps_the_columns_that_may_be() -> None:
    assert [line.plain for line in example().lines(34)] == [
        "   version       estimator    rows",
        "flights",
        "*  9bd79a5012bf  sklearn.    1,234",
        "                 dummy:",
        "                 Dummy",
        "   c7bd545c20bc  linear          7",
    ]


def test_where_wrapping_is_not_enough_the_records_are_stacked() -> None:
    assert [line.plain for line in example().lines(30)] == [
        "flights",
        "* 9bd79a5012bf",
        "    estimator sklearn.dummy:",
        "    Dummy  rows 1,234",
        "c7bd545c20bc",
        "    estimator linear  rows 7",
    ]
