"""The hold-out: which rows a model is measured on and never sees."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from fasttrack.errors import DataError, TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Split", "check_labels", "check_times", "split"]


@dataclass(frozen=True)
class Split:
    """Row numbers, sorted; together all rows, each once."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    note: str


def split(
    n: int,
    *,
    method: Literal["random", "group", "time"],
    share: float,
    seed: int,
    y: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
) -> Split:
    """Split `n` rows, `share` of them for the hold-out.

    `random` keeps the shares of the classes in `y` [n] where every class has enough rows; `group` puts all rows of a
    value in `groups` [n] to one side; `time` holds the latest of `times` [n] out, and never splits rows of one moment.
    Raises TrainingError when a row has no group or time, or a side would have fewer than two rows.
    """
    match method:
        case "random":
            test, note = _random(n, share, np.random.default_rng(seed), y)
        case "group":
            test, note = _by_group(_complete(groups, "group"), share, np.random.default_rng(seed))
        case "time":
            test, note = _by_time(_complete(times, "time"), share)
    held = int(test.sum())
    if held < 2 or n - held < 2:
        raise TrainingError(
            f"{n:,} rows split into {n - held:,} for training and {held:,} for the hold-out ({note}); each needs at "
            "least 2: bring more rows, or another split"
        )
    return Split(np.flatnonzero(~test), np.flatnonzero(test), note)


def check_times(column: pa.ChunkedArray, column_name: str, name: str) -> None:
    """Raises DataError when the column of the table called `name` has no order in time, as text has not."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        raise DataError(
            f"{name}: {column_name!r} is text, which a split by time would order by the alphabet; write its cells as "
            "ISO 8601, such as 2024-03-17 or 2024-03-17T08:30:00Z, and where they are, read them as times: --kind "
            + shlex.quote(f"{column_name}=datetime")
        )
    raise DataError(f"{name}: {column_name!r} is of type {kind}, a split by time needs times or numbers")


def check_labels(y: pd.Series[Any], note: str) -> None:
    """Raises TrainingError when the training part `y` [n] of the split described by `note` has one label only."""
    if y.nunique() < 2:
        label = y.iloc[0].item() if isinstance(y.iloc[0], np.generic) else y.iloc[0]
        raise TrainingError(
            f"all {len(y):,} training rows have the label {label!r}, the others are only in the hold-out ({note}), so "
            "there is nothing to tell apart: bring more rows of the other labels, or another split"
        )


def _random(n: int, share: float, random: np.random.Generator, y: NDArray[Any] | None) -> tuple[NDArray[np.bool_], str]:
    test = np.zeros(n, dtype=bool)
    if y is not None:
        codes, classes = pd.factorize(y, sort=True)
        sizes = np.bincount(codes)
        if sizes.min() >= 2:
            for code in range(len(classes)):
                rows = np.flatnonzero(codes == code)
                # of each class at least one row on each side
                held = min(max(round(share * len(rows)), 1), len(rows) - 1)
                test[random.permutation(rows)[:held]] = True
            return test, f"random {share:.0%}, the same class shares on both sides"
    test[random.permutation(n)[: round(share * n)]] = True
    return test, f"random {share:.0%}"


def _by_group(groups: NDArray[Any], share: float, random: np.random.Generator) -> tuple[NDArray[np.bool_], str]:
    codes, names = pd.factorize(groups)
    sizes = np.bincount(codes)
    wanted = share * len(codes)
    held: list[int] = []
    size = 0
    for code in random.permutation(len(names)):
        # take a group when that brings the hold-out nearer to its share
        if abs(size + sizes[code] - wanted) < abs(size - wanted):
            held.append(int(code))
            size += int(sizes[code])
    return np.isin(codes, held), f"{len(held):,} of {len(names):,} groups held out"


def _by_time(times: NDArray[Any], share: float) -> tuple[NDArray[np.bool_], str]:
    ordered = np.sort(times)
    cut = ordered[min(max(round((1 - share) * len(times)), 0), len(times) - 1)]
    later = times >= cut
    if later.all():  # the cut fell on the first moment: hold out what comes after it
        later = times > cut
    first = times[later].min() if later.any() else cut
    return later, f"from {pd.Timestamp(first) if np.issubdtype(times.dtype, np.datetime64) else first} on held out"


def _complete(values: NDArray[Any] | None, what: str) -> NDArray[Any]:
    if values is None:
        raise TrainingError(f"a split by {what} needs the column that holds it")
    missing = int(pd.isna(values).sum())
    if missing:
        raise TrainingError(f"{missing:,} rows have no {what} to split by; fill the column, or split at random")
    return values
