"""What others may see of a contract: the only way by which categories, ranges and examples leave it.

Whatever is shown to people or sent to callers goes through this module: OpenAPI, `/contract`, the report, the console,
metric labels, MLflow's files, warnings. A category is shown if enough training rows have it. The lowest and highest
numbers are not shown, because a single row may have them. The encoders and the compiler use the contract itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.contract.datetime_text import format_datetime

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column, Contract, Label, Scalar

__all__ = [
    "bounds_text",
    "category_count",
    "published_categories",
    "published_contract",
    "published_example",
    "published_labels",
    "published_quantiles",
    "published_range",
    "range_text",
]

_NEUTRAL: dict[str, Scalar] = {"number": 0.0, "integer": 0, "boolean": False, "datetime": "2000-01-01T00:00:00Z"}
"""By kind, the example of a required column of which no value may be shown; of all other kinds it is a word."""
_NEUTRAL_WORD = "some text"
_PRIVATE = ("shown", "shown_range")


def category_count(column: Column) -> int | None:
    """How many values the model knows; `None` for a column whose values are not listed, such as free text."""
    return None if column.categories is None else len(column.categories)


def published_categories(column: Column) -> list[Label]:
    """The known values that may be shown, the most frequent first.

    A contract of a version that did not count how often a value occurs shows none, except of booleans.
    """
    return list(published_labels(column).values())


def published_labels(column: Column) -> dict[int, Label]:
    """By code, the known values that may be shown."""
    if column.categories is None or column.hidden:
        return {}
    codes = range(len(column.categories)) if column.kind == "boolean" else column.shown or ()
    return {code: column.categories[code] for code in codes}


def published_range(column: Column) -> tuple[float, float] | None:
    """The training range that may be shown, on the matrix scale; `None` if there is none.

    A contract of a version that did not learn it shows the 5 % and 95 % quantiles.
    """
    if column.hidden or column.kind in ("boolean", "category"):
        return None
    if column.shown is None and len(column.quantiles) == 21:
        return column.quantiles[1], column.quantiles[-2]
    return column.shown_range


def range_text(column: Column) -> str:
    """The published range in words, such as `1 to 12` or `about 20 to 4,000`; empty if there is none.

    Of free text it is the range of the lengths.
    """
    bounds = published_range(column)
    if bounds is None:
        return ""
    exact = bounds == (column.minimum, column.maximum)
    low, high = map(format_datetime, bounds) if column.kind == "datetime" else (f"{bound:g}" for bound in bounds)
    return f"{'' if exact else 'about '}{low} to {high}{' characters' if column.kind == 'text' else ''}"


def bounds_text(column: Column, low: float, high: float) -> str:
    """The numbers that a model accepts, as `range_text`.

    A model that refuses whatever lies outside of its training rows has their exact range as bounds.
    """
    training = {f"{end:g}" for end in (column.minimum, column.maximum) if end is not None}
    return range_text(column) if training & {f"{low:g}", f"{high:g}"} else f"{low:g} to {high:g}"


def published_quantiles(column: Column) -> list[float]:
    """The 0, 5, … 100 % quantiles, none of them outside of the published range; empty if there is none."""
    bounds = published_range(column)
    if bounds is None:
        return []
    return [min(max(quantile, bounds[0]), bounds[1]) for quantile in column.quantiles]


def published_example(column: Column) -> Scalar:
    """A typical value that may be shown; else null, or a neutral value where the column must have one.

    For numbers and times it is the median, which does not tell whose value it is.
    """
    if column.kind == "text":  # its example is none of the table's texts
        return column.example
    if not column.hidden and (column.kind in _NEUTRAL or column.example in published_categories(column)):
        return column.example
    return None if column.nullable else _NEUTRAL.get(column.kind, _NEUTRAL_WORD)


def published_contract(contract: Contract) -> dict[str, Any]:
    """The contract as plain data for JSON, each column with an `example` that the decoder accepts.

    `categories` are those that may be shown, `category_count` says how many there are. `minimum`, `maximum` and
    `quantiles` are those of the published range.
    """
    content: dict[str, Any] = msgspec.to_builtins(contract)
    target = contract.target  # as with the columns, a word that means a missing value may be a remark of one row
    public = msgspec.structs.replace(target, reading=msgspec.structs.replace(target.reading, nulls=()))
    content["target"] = msgspec.to_builtins(public)
    content["columns"] = [_published_column(column) for column in contract.columns]
    return content


def _published_column(column: Column) -> dict[str, Any]:
    low, high = published_range(column) or (None, None)
    if column.kind == "boolean" and not column.hidden:
        low, high = column.minimum, column.maximum
    public = msgspec.structs.replace(
        column,
        categories=None if column.categories is None else published_categories(column),
        minimum=low,
        maximum=high,
        quantiles=published_quantiles(column),
        example=published_example(column),
        # a word that means a missing value may be a remark of one row
        reading=msgspec.structs.replace(column.reading, nulls=()),
    )
    content: dict[str, Any] = {**msgspec.to_builtins(public), "example": public.example}  # always: clients take it
    for name in _PRIVATE:
        content.pop(name, None)
    if column.categories is not None:
        content["category_count"] = len(column.categories)
    return content
