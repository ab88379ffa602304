"""Text cells parsed one by one give what converting the whole column gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.data.column_kinds import convert_kinds, parse_cells
from fasttrack.errors import DataError
from tests.budget import budget

if TYPE_CHECKING:
    from fasttrack.contract import Kind


SPELLINGS = st.sampled_from(
    [
        *("1", " 2.5", "1e3", "1e400", "-7.0", "+3", ".5", "5.", "inf", "nan", "NaN", "", " ", "1,5", "1abc", "late"),
        *("true", "FALSE", "0", "yes", "99999999999999999999", "0x1F", "1_000"),
        *("2013-01-31", "2013-02-30", "2013-01-31T17:05:00Z", "2013-01-31 17:05 +01", "2013-01-31T24:00"),
    ]
)


@settings(max_examples=budget(300), deadline=None)
@given(
    st.lists(st.none() | SPELLINGS | st.text(max_size=4), max_size=8),
    st.sampled_from(["number", "integer", "boolean", "datetime"]),
)
def test_cell_by_cell_parsing_agrees_with_conversion_of_the_column(cells: list[str | None], kind: Kind) -> None:
    column = pa.chunked_array([cells[:3], cells[3:]], pa.string())
    values, misfit = parse_cells(column, kind)
    one_by_one = [_converted(cell, kind) for cell in cells]
    assert misfit.tolist() == [one is _REFUSED for one in one_by_one]
    assert repr(values.to_pylist()) == repr([None if one is _REFUSED else one for one in one_by_one])


_REFUSED = object()


def _converted(cell: str | None, kind: Kind) -> object:
    try:
        return convert_kinds(pa.table({"x": pa.array([cell], pa.string())}), {"x": kind}, "t").column("x")[0].as_py()
    except DataError:
        return _REFUSED
