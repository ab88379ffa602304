"""The hold-out: the rows that a model is measured on and never fitted on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from fasttrack.errors import DataError, TrainingError
from fasttrack.training.weights import split_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.config import SplitConfig
    from fasttrack.contract.schema import Task
    from fasttrack.training.table import TrainingTable

__all__ = ["Split", "SplitTable", "check_labels", "check_times", "split", "split_table"]


@dataclass(frozen=True)
class Split:
    """Row numbers, sorted; each row is in one of the two. `note` says how they were chosen."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    note: str


@dataclass(frozen=True)
class SplitTable:
    """The rows of a table to fit on, and those of the hold-out. `note` says how they were chosen.

    `by_train` and `by_test`: the groups or times of the rows, of a split by group or time. For a random split, rows
    with the same number are identical; `None` if no row is a copy.
    """

    X_train: pd.DataFrame
    y_train: pd.Series[Any]
    X_test: pd.DataFrame
    y_test: pd.Series[Any]
    note: str
    by_train: NDArray[Any] | None
    by_test: NDArray[Any] | None
    w_train: NDArray[np.float64] | None = None
    w_test: NDArray[np.float64] | None = None
    """The weights of the rows, if they have any."""


def split_table(ready: TrainingTable, table: pa.Table, task: Task, config: SplitConfig, name: str) -> SplitTable:
    """Split the rows of `ready`, which was prepared from the table called `name`, as configured.

    Raises DataError for times that have no order, TrainingError when a side would have too few rows or labels.
    """
    by: NDArray[Any] | None = ready.copies if config.decided == "random" else None
    if config.column is not None:
        column = table.column(config.column)
        if config.method == "time":
            check_times(column, config.column, name)
        by = column.to_pandas().to_numpy()[ready.kept]
    rows = split(
        len(ready.X),
        method=config.decided,
        share=config.share,
        seed=config.seed,
        y=None if task == "regression" else ready.y.to_numpy(),
        by=by,
    )
    y_train = ready.y.iloc[rows.train]
    if task != "regression":
        check_labels(y_train, rows.note)
    return SplitTable(
        X_train=ready.X.iloc[rows.train],
        y_train=y_train,
        X_test=ready.X.iloc[rows.test],
        y_test=ready.y.iloc[rows.test],
        note=rows.note,
        by_train=None if by is None else by[rows.train],
        by_test=None if by is None else by[rows.test],
        **split_weights(ready.weight, rows.train, rows.test),
    )


def split(
    n: int,
    *,
    method: Literal["random", "group", "time"],
    share: float,
    seed: int,
    y: NDArray[Any] | None = None,
    by: NDArray[Any] | None = None,
) -> Split:
    """Split `n` rows, the fraction `share` of them for the hold-out.

    `random` keeps the fractions of the classes in `y` [n] if every class has enough rows, and puts rows of the same
    number, `by` [n], on one side: these are identical, and so of the same class; `group` puts all rows of a
    group, `by` [n], on one side; `time` holds out the latest rows by their times, `by` [n], and never splits rows of
    the same time. Raises TrainingError when a row has no group or time, or a side would have fewer than two rows.
    """
    match method:
        case "random":
            test, note = _random(n, share, np.random.default_rng(seed), y, by)
        case "group":
            test, note = _by_group(_complete(by, "group"), share, np.random.default_rng(seed))
        case "time":
            test, note = _by_time(_complete(by, "time"), share)
    held_out = int(test.sum())
    if held_out < 2 or n - held_out < 2:
        raise TrainingError(
            f"{n:,} rows split into {n - held_out:,} for training and {held_out:,} for the hold-out ({note}); each "
            "needs at least 2: use more rows, or another split"
        )
    return Split(np.flatnonzero(~test), np.flatnonzero(test), note)


def check_times(column: pa.ChunkedArray, column_name: str, name: str) -> None:
    """Raise DataError when the values of the column of the table called `name` have no order in time, as text."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        raise DataError(
            f"{name}: {column_name!r} is text, which a split by time would sort alphabetically; write its cells as "
            "ISO 8601, such as 2024-03-17 or 2024-03-17T08:30:00Z, or if they already are, read them as times: --kind "
            + shlex.quote(f"{column_name}=datetime")
        )
    raise DataError(f"{name}: {column_name!r} is of type {kind}, but a split by time needs times or numbers")


def check_labels(y: pd.Series[Any], note: str) -> None:
    """Raise TrainingError when the labels `y` [n] of the training rows are all the same. `note` describes the split."""
    if y.nunique() < 2:
        label = y.iloc[0].item() if isinstance(y.iloc[0], np.generic) else y.iloc[0]
        raise TrainingError(
            f"all {len(y):,} training rows have the label {label!r}, and the other labels are only in the hold-out "
            f"({note}), so there is nothing to learn: use more rows of the other labels, or another split"
        )


def _random(
    n: int, share: float, random: np.random.Generator, y: NDArray[Any] | None, identical: NDArray[Any] | None
) -> tuple[NDArray[np.bool_], str]:
    # of identical rows one stands for all
    codes, first, sizes = np.arange(n), np.arange(n), np.ones(n, dtype=np.int64)
    together = ""
    if identical is not None:
        codes = pd.factorize(identical)[0]
        first, sizes = np.unique(codes, return_index=True)[1], np.bincount(codes)
        together = "; identical rows on one side"
    test = np.zeros(len(first), dtype=bool)
    if y is not None:
        labels, classes = pd.factorize(y[first], sort=True)
        if np.bincount(labels).min() >= 2:
            for label in range(len(classes)):
                rows = np.flatnonzero(labels == label)
                # each class has at least one row on each side
                test[_hold_out(rows, sizes, share, random, least=1)] = True
            note = f"random {share:.0%}, with the same fractions of the classes on both sides{together}"
            return test[codes], note
    test[_hold_out(np.arange(len(first)), sizes, share, random, least=0)] = True
    return test[codes], f"random {share:.0%}{together}"


def _hold_out(
    rows: NDArray[np.int64], sizes: NDArray[np.int64], share: float, random: np.random.Generator, *, least: int
) -> NDArray[np.int64]:
    """Some of `rows`, at random, that have the fraction `share` of their `sizes`, and `least` rows on each side."""
    shuffled = random.permutation(rows)
    reached = np.concatenate([[0], np.cumsum(sizes[shuffled])])
    held_out = int(np.abs(reached - round(share * int(reached[-1]))).argmin())
    return shuffled[: min(max(held_out, least), len(rows) - least)]


def _by_group(groups: NDArray[Any], share: float, random: np.random.Generator) -> tuple[NDArray[np.bool_], str]:
    codes, names = pd.factorize(groups)
    sizes = np.bincount(codes)
    target_size = share * len(codes)
    held_out: list[int] = []
    size = 0
    for code in random.permutation(len(names)):
        # hold a group out if that brings the hold-out nearer to its size
        if abs(size + sizes[code] - target_size) < abs(size - target_size):
            held_out.append(int(code))
            size += int(sizes[code])
    return np.isin(codes, held_out), f"{len(held_out):,} of {len(names):,} groups held out"


def _by_time(times: NDArray[Any], share: float) -> tuple[NDArray[np.bool_], str]:
    ordered = np.sort(times)
    cut = ordered[min(max(round((1 - share) * len(times)), 0), len(times) - 1)]
    later = times >= cut
    if later.all():  # the cut fell on the first time: hold out the rows after it
        later = times > cut
    first = times[later].min() if later.any() else cut
    return later, f"from {pd.Timestamp(first) if np.issubdtype(times.dtype, np.datetime64) else first} on held out"


def _complete(values: NDArray[Any] | None, what: str) -> NDArray[Any]:
    if values is None:
        raise TrainingError(f"a split by {what} needs the column that holds it")
    missing = int(pd.isna(values).sum())
    if missing:
        raise TrainingError(f"{missing:,} rows have no {what} to split by; fill the column, or use a random split")
    return values
