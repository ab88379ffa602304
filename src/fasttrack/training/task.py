"""Which kind of question the target asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from fasttrack.errors import TrainingError

if TYPE_CHECKING:
    from fasttrack.contract.schema import Task

__all__ = ["PickedTask", "check_task", "pick_task"]

MAX_CLASSES = 1000
_FEW = 10
_ROWS_A_CLASS = 20


@dataclass(frozen=True)
class PickedTask:
    """The task and, for the user who wants another, why it was picked."""

    task: Task
    reason: str


def pick_task(y: pd.Series[Any]) -> PickedTask:
    """The task that the target `y` [n], without missing values, asks for.

    Raises TrainingError when there is one value only, or too many classes to learn.
    """
    distinct = y.nunique()
    if distinct < 2:
        raise TrainingError(
            f"the target{_called(y)} has one value in all {len(y):,} rows, so there is nothing to tell apart; "
            "check the column, or the rows"
        )
    if pd.api.types.is_bool_dtype(y.dtype):
        return PickedTask("binary", "true or false")
    if not pd.api.types.is_numeric_dtype(y.dtype):
        _check_classes(y, distinct)
        return PickedTask("binary" if distinct == 2 else "multiclass", f"{distinct} distinct words")
    if pd.api.types.is_float_dtype(y.dtype):
        if set(y.unique()) == {0.0, 1.0}:
            return PickedTask("binary", "only 0 and 1")
        return PickedTask("regression", f"{distinct:,} distinct numbers")
    if distinct == 2:
        return PickedTask("binary", "2 distinct whole numbers")
    if distinct <= _FEW and len(y) >= _ROWS_A_CLASS * distinct:
        return PickedTask("multiclass", f"{distinct} distinct whole numbers; for regression say so with --task")
    return PickedTask("regression", f"{distinct:,} distinct whole numbers")


def check_task(y: pd.Series[Any], task: Task) -> None:
    """Raise TrainingError when the target `y` [n] cannot be asked for `task`."""
    distinct = y.nunique()
    pick_task(y)
    if task == "regression" and not pd.api.types.is_numeric_dtype(y.dtype):
        raise TrainingError(f"the target{_called(y)} is text, regression needs numbers; choose another --task")
    if task == "binary" and distinct != 2:
        raise TrainingError(f"the target{_called(y)} has {distinct:,} values, binary needs 2; choose another --task")
    if task != "regression":
        _check_classes(y, distinct)


def _check_classes(y: pd.Series[Any], distinct: int) -> None:
    if distinct > MAX_CLASSES or distinct > len(y) / 2:
        raise TrainingError(
            f"the target{_called(y)} has {distinct:,} different values in {len(y):,} rows, too many to be classes; "
            "if it is a number, check the cells that are not"
        )


def _called(y: pd.Series[Any]) -> str:
    return f" {y.name!r}" if y.name else ""
