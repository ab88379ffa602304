"""Which columns are free text, and whether it helps the built-in pipelines."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.learn import MAX_CATEGORIES
from fasttrack.evaluation import primary_metric
from fasttrack.training.families import build
from fasttrack.training.validation import folds, measure
from fasttrack.understanding.identifiers import MIN_DISTINCT, is_free_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Column, Kind, Task
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable

__all__ = ["TextChoice", "choose_text", "is_text_column", "vectorized_columns", "without_columns"]

_DISTINCT = 0.5
"""Texts that are repeated more often than this are categories."""
_SAMPLE = 5_000
_JUDGE = "linear"
"""The family that `auto` is judged by, because no other uses all terms of a text."""


@dataclass(frozen=True)
class TextChoice:
    """The columns to use, those of free text that are left out with the reason, and what was measured."""

    columns: Sequence[Column]
    unused: dict[str, str]
    notes: list[str]


def is_text_column(column: pa.ChunkedArray) -> bool:
    """Whether a column of strings is free text: sentences that hardly repeat, or more texts than can be categories."""
    distinct = pc.unique(column.drop_null())
    if len(distinct) > MAX_CATEGORIES:
        return True
    valid = len(column) - column.null_count
    return len(distinct) >= max(MIN_DISTINCT, _DISTINCT * valid) and is_free_text(distinct.to_pylist())


def vectorized_columns(estimator: Any) -> dict[str, Kind]:
    """The columns that a ColumnTransformer in an unfitted `estimator` gives to a vectorizer of text, as kind `text`."""
    found: dict[str, Kind] = {}
    parameters = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    for part in [estimator, *parameters.values()]:
        for entry in getattr(part, "transformers", None) or ():
            if len(entry) == 3 and isinstance(entry[2], str) and _has_vectorizer(entry[1]):
                found[entry[2]] = "text"
    return found


def choose_text(
    family: str, columns: Sequence[Column], task: Task, rows: SplitTable, config: TrainConfig
) -> TextChoice:
    """Cross-validate `family` with the columns of free text and without them; they are used if they help.

    They help if the primary metric gets better by more than one standard error of the difference between the folds, on
    at most 5,000 of the training rows. Columns that were asked for as text are used in any case, and so are all without
    any other column, or with too few rows to compare.
    """
    asked = {name for name, kind in config.data.kinds.items() if kind == "text"}
    texts = [column.name for column in columns if column.kind == "text" and column.name not in asked]
    others = [column for column in columns if column.name not in texts]
    if not texts or not others:
        return TextChoice(columns, {}, [])
    judge = _JUDGE if family == "auto" else family
    metric = primary_metric(task, probabilities=True).name
    seed = config.model.seed
    numbers = np.sort(np.random.default_rng(seed).permutation(len(rows.X_train))[:_SAMPLE])
    X, y = rows.X_train.iloc[numbers], rows.y_train.to_numpy()[numbers]
    weights = None if rows.w_train is None else rows.w_train[numbers]
    by = None if rows.by_train is None else rows.by_train[numbers]
    parts = folds(len(X), method=config.split.decided, seed=seed, classes=None if task == "regression" else y, by=by)
    losses = []
    try:
        for used in (columns, others):
            pipeline = build(judge, used, task, rows=len(X), seed=seed)
            measured = [measure(pipeline, X, y, fold, task, metric, weights=weights) for fold in parts]
            losses.append(np.array(measured))
    except Exception:  # noqa: BLE001  # what cannot be fitted fails later, with its own message
        return TextChoice(columns, {}, [])
    if len(parts) < 2:
        return TextChoice(columns, {}, [])
    gain = losses[1] - losses[0]
    named = ", ".join(map(repr, texts))
    figures = f"cross-validated {metric} of {judge} {losses[0].mean():.4g} with it, {losses[1].mean():.4g} without"
    if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
        return TextChoice(columns, {}, [f"free text is used: {named} ({figures})"])
    return TextChoice(others, dict.fromkeys(texts, f"free text that does not help ({figures})"), [])


def without_columns(
    ready: TrainingTable, rows: SplitTable, unused: Mapping[str, str]
) -> tuple[TrainingTable, SplitTable]:
    """The table and its split without the columns `unused`, which are recorded as left out with their reasons."""
    if not unused:
        return ready, rows
    names = list(unused)
    ready = dataclasses.replace(ready, X=ready.X.drop(columns=names), left_out={**ready.left_out, **unused})
    return ready, dataclasses.replace(
        rows, X_train=rows.X_train.drop(columns=names), X_test=rows.X_test.drop(columns=names)
    )


def _has_vectorizer(step: Any) -> bool:
    parts = [step, *(step.get_params(deep=True).values() if hasattr(step, "get_params") else ())]
    return any(callable(getattr(part, "build_analyzer", None)) for part in parts)
