"""Which question a target asks, and which it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fasttrack.errors import TrainingError
from fasttrack.training.task import check_task, choose_task


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.linspace(0, 1, 50), "regression"),
        ([0.0, 1.0] * 20, "binary"),
        ([0.5, 1.0] * 20, "regression"),
        ([0, 1] * 20, "binary"),
        ([1, 2] * 20, "binary"),
        ([1, 2, 3] * 20, "multiclass"),
        ([1, 2, 3] * 5, "regression"),
        (range(50), "regression"),
        ([True, False] * 5, "binary"),
        (["no", "yes"] * 5, "binary"),
        (["a", "b", "c"] * 5, "multiclass"),
    ],
)
def test_the_task_is_picked_from_the_target(values: Any, task: str) -> None:
    picked = choose_task(pd.Series(values, name="y"))
    assert picked.task == task
    assert picked.reason


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0] * 9, "the target 'y' has the same value in all 9 rows"),
        (["a"] * 9, "the target 'y' has the same value"),
        ([f"id-{i}" for i in range(30)], "30 different values in 30 rows, too many to be classes"),
        ([f"id-{i % 1001}" for i in range(3003)], "1,001 different values"),
    ],
)
def test_a_target_without_a_question_is_refused(values: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        choose_task(pd.Series(values, name="y"))


def test_a_task_that_the_target_cannot_have_is_refused() -> None:
    text = pd.Series(["a", "b", "c"] * 5, name="y")
    with pytest.raises(TrainingError, match="is text, but regression needs numbers"):
        check_task(text, "regression")
    with pytest.raises(TrainingError, match="has 3 values, but binary needs 2"):
        check_task(text, "binary")
    with pytest.raises(TrainingError, match="too many to be classes"):
        check_task(pd.Series(np.arange(50.0), name="y"), "multiclass")
    check_task(pd.Series([1, 2, 3] * 20), "regression")
    check_task(pd.Series([1, 2, 3] * 5), "multiclass")
