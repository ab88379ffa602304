"""The task: regression, binary or multiclass classification, chosen by the values of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from fasttrack.errors import TrainingError

if TYPE_CHECKING:
    from fasttrack.contract.schema import Task

__all__ = ["TaskChoice", "check_task", "choose_task"]

MAX_CLASSES = 1000
_FEW = 10
_ROWS_A_CLASS = 20


@dataclass(frozen=True)
class TaskChoice:
    """The task and, for a user who wants another, the reason."""

    task: Task
    reason: str


def choose_task(y: pd.Series[Any], configured: Task | None = None) -> TaskChoice:
    """The task for the target `y` [n], which has no missing values: the configured one, else by its values.

    Raises TrainingError when `y` has only one value or too many classes, or does not suit the configured task.
    """
    if configured is not None:
        check_task(y, configured)
        return TaskChoice(configured, "as configured")
    distinct = y.nunique()
    if distinct < 2:
        raise TrainingError(
            f"the target{_name_of(y)} has the same value in all {len(y):,} rows, so there is nothing to learn; "
            "check the column, or the rows"
        )
    if pd.api.types.is_bool_dtype(y.dtype):
        return TaskChoice("binary", "true or false")
    if not pd.api.types.is_numeric_dtype(y.dtype):
        _check_classes(y, distinct)
        return TaskChoice("binary" if distinct == 2 else "multiclass", f"{distinct} distinct texts")
    if pd.api.types.is_float_dtype(y.dtype):
        if set(y.unique()) == {0.0, 1.0}:
            return TaskChoice("binary", "only 0 and 1")
        return TaskChoice("regression", f"{distinct:,} distinct numbers")
    if distinct == 2:
        return TaskChoice("binary", "2 distinct whole numbers")
    if distinct <= _FEW and len(y) >= _ROWS_A_CLASS * distinct:
        return TaskChoice("multiclass", f"{distinct} distinct whole numbers; --task regression if they are quantities")
    return TaskChoice("regression", f"{distinct:,} distinct whole numbers")


def check_task(y: pd.Series[Any], task: Task) -> None:
    """Raise TrainingError when the target `y` [n] does not suit `task`."""
    distinct = y.nunique()
    choose_task(y)
    if task == "regression" and not pd.api.types.is_numeric_dtype(y.dtype):
        raise TrainingError(f"the target{_name_of(y)} is text, but regression needs numbers; choose another --task")
    if task == "binary" and distinct != 2:
        raise TrainingError(
            f"the target{_name_of(y)} has {distinct:,} values, but binary needs 2; choose another --task"
        )
    if task != "regression":
        _check_classes(y, distinct)


def _check_classes(y: pd.Series[Any], distinct: int) -> None:
    if distinct > MAX_CLASSES or distinct > len(y) / 2:
        raise TrainingError(
            f"the target{_name_of(y)} has {distinct:,} different values in {len(y):,} rows, too many to be classes; "
            "if it should be a number, check the cells that are not numbers"
        )


def _name_of(y: pd.Series[Any]) -> str:
    return f" {y.name!r}" if y.name else ""
