"""Random tables of every dtype that a contract can carry, and their cells as a caller would send them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from hypothesis import strategies as st

from fasttrack.contract import Column, Contract, Kind, Target

if TYPE_CHECKING:
    from collections.abc import Callable

ODD_NAMES = [
    "",
    "0",
    "a",
    'q"uote',
    "back\\slash",
    "tab\t",
    "ü λ 😀",
    "class",
    "columns",
    "prediction",
    "f0",
    "\u2028",
    "x y",
]
TEXTS = st.sampled_from(["", " ", "JFK", "LGA", "ü", "a,b", '"', "\\", "null", "nan", "😀", "12", "true", "\u2047"])
MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2240, 1, 1))  # naive on purpose
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**53), 2**53)


@dataclass(frozen=True)
class Table:
    """A frame, and the kinds that its dtypes cannot tell."""

    frame: pd.DataFrame
    kinds: dict[str, Kind]


def _series(dtype: str) -> Callable[[list[Any]], pd.Series[Any]]:
    return lambda cells: pd.Series(cells, dtype=dtype)


def _category(cells: list[Any], *, ordered: bool = False) -> pd.Series[Any]:
    known = sorted({cell for cell in cells if cell is not None} | {next((c for c in cells if c is not None), 0)})
    return pd.Series(pd.Categorical(cells, categories=known[::-1], ordered=ordered))


def _zoned(unit: str, zone: str) -> Callable[[list[Any]], pd.Series[Any]]:
    return lambda cells: (
        pd.Series(cells, dtype="datetime64[us]").dt.tz_localize("UTC").astype(f"datetime64[{unit}, {zone}]")
    )


def _named_object(null: Any) -> Callable[[list[Any]], pd.Series[Any]]:
    return lambda cells: pd.Series([null if cell is None else cell for cell in cells], dtype=object)


# dtype → values without a missing one, whether one may be missing, how to make the column
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], bool, Callable[[list[Any]], pd.Series[Any]]]] = {
    "float64": (DOUBLES, True, _series("float64")),
    "float32": (SINGLES, True, _series("float32")),
    "Float32": (SINGLES, True, _series("Float32")),
    "double[pyarrow]": (DOUBLES, True, _series("double[pyarrow]")),
    "int64": (WHOLE, False, _series("int64")),
    "int8": (st.integers(-128, 127), False, _series("int8")),
    "uint8": (st.integers(0, 255), False, _series("uint8")),
    "Int64": (WHOLE, True, _series("Int64")),
    "int8[pyarrow]": (st.integers(-128, 127), True, _series("int8[pyarrow]")),
    "whole float64": (st.integers(-(2**53), 2**53).map(float), True, _series("float64")),
    "bool": (st.booleans(), False, _series("bool")),
    "boolean": (st.booleans(), True, _series("boolean")),
    "bool[pyarrow]": (st.booleans(), True, _series("bool[pyarrow]")),
    "object of booleans": (st.booleans(), True, _series("object")),
    "str": (TEXTS, True, _series("str")),
    "string": (TEXTS, True, _series("string")),
    "free text": (TEXTS, True, _series("str")),
    "object with None": (TEXTS, True, _named_object(None)),
    "object with NaN": (TEXTS, True, _named_object(float("nan"))),
    "object with NA": (TEXTS, True, _named_object(pd.NA)),
    "category": (TEXTS, True, _category),
    "ordered category": (TEXTS, True, lambda cells: _category(cells, ordered=True)),
    "category of numbers": (st.integers(-5, 5), True, _category),
    "datetime64[us]": (MOMENTS, True, _series("datetime64[us]")),
    "datetime64[ns]": (MOMENTS, True, _series("datetime64[ns]")),
    "datetime64[s]": (MOMENTS.map(lambda moment: moment.replace(microsecond=0)), True, _series("datetime64[s]")),
    "datetime64[us, UTC]": (MOMENTS, True, _zoned("us", "UTC")),
    "datetime64[ns, Europe/Berlin]": (MOMENTS, True, _zoned("ns", "Europe/Berlin")),
    "timestamp[us][pyarrow]": (MOMENTS, True, _series("timestamp[us][pyarrow]")),
}
PLAIN = [
    "float64",
    "float32",
    "int64",
    "bool",
    "str",
    "free text",
    "object with NaN",
    "category",
    "datetime64[us, UTC]",
]


@st.composite
def tables(draw: st.DrawFn, dtypes: list[str] | None = None, *, rows: int = 8) -> Table:
    names = draw(st.lists(st.sampled_from(ODD_NAMES), min_size=1, max_size=5, unique=True))
    n = draw(st.integers(1, rows))
    columns: list[pd.Series[Any]] = []
    kinds: dict[str, Kind] = {}
    for name in names:
        dtype = draw(st.sampled_from(dtypes or sorted(COLUMNS)))
        values, holes, make = COLUMNS[dtype]
        cells = draw(st.lists(st.none() | values if holes else values, min_size=n, max_size=n))
        if all(cell is None for cell in cells):
            cells[0] = draw(values)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas, on building some of them
            columns.append(make(cells))
        if dtype == "whole float64":
            kinds[name] = "integer"
        if dtype == "free text":
            kinds[name] = "text"
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.columns = pd.Index(names)
    return Table(frame, kinds)


def as_sent(contract: Contract, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of `frame` as JSON carries them."""
    rows: list[dict[str, Any]] = []
    for i in range(len(frame)):
        row = {}
        for j, column in enumerate(contract.columns):
            cell = frame.iloc[i, j]
            row[column.name] = None if pd.isna(cell) else _JSON[column.kind](cell)
        rows.append(row)
    return rows


_JSON: dict[str, Callable[[Any], Any]] = {
    "number": float,
    "integer": int,
    "boolean": bool,
    "category": str,
    "text": str,
    "datetime": lambda cell: cell.isoformat(),
}


def column(name: str, kind: Kind, *, nullable: bool = False, **more: Any) -> Column:
    """A column; unless `more` says otherwise, its categories and its range may be published."""
    dtype = {
        "number": "float64",
        "integer": "int64",
        "boolean": "bool",
        "category": "str",
        "datetime": "datetime64[us]",
        "text": "str",
    }
    public: dict[str, Any] = {"dtype": dtype[kind], "shown": list(range(len(more.get("categories") or ())))}
    if "minimum" in more:
        public["shown_range"] = (more["minimum"], more["maximum"])
    return Column(name=name, kind=kind, nullable=nullable, **public | more)


def contract_of(*columns: Column) -> Contract:
    return Contract(columns=list(columns), target=Target(name="y", task="regression"))
