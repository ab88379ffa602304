"""Which columns are free text, and whether it helps the built-in pipelines."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.learn import MAX_CATEGORIES
from fasttrack.errors import TrainingError
from fasttrack.training.families import build
from fasttrack.training.validation import folds, measure
from fasttrack.training.weights import request_weights
from fasttrack.understanding.identifiers import MIN_DISTINCT, is_free_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Column, Kind
    from fasttrack.training.imbalance import ClassBalance
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable
    from fasttrack.training.validation import Fold

__all__ = ["TextChoice", "check_vectorizer", "choose_text", "is_text_column", "vectorized_columns", "without_columns"]

_DISTINCT = 0.5
"""Texts that are repeated more often than this are categories."""
_SAMPLE = 5_000
_JUDGE = "linear"
"""The family that decides for `auto`, because no other uses all terms of a text."""


@dataclass(frozen=True)
class TextChoice:
    """The columns to use, those of free text that are left out with the reason, and what was measured."""

    columns: Sequence[Column]
    unused: dict[str, str]
    notes: list[str]


@dataclass(frozen=True)
class _Sample:
    """At most 5,000 of the training rows, and their folds."""

    X: pd.DataFrame
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    folds: list[Fold]
    seed: int

    @classmethod
    def of(cls, rows: SplitTable, balance: ClassBalance, config: TrainConfig) -> _Sample:
        seed = config.model.seed
        numbers = np.sort(np.random.default_rng(seed).permutation(len(rows.X_train))[:_SAMPLE])
        y = rows.y_train.to_numpy()[numbers]
        by, weights = (None if values is None else values[numbers] for values in (rows.by_train, rows.w_train))
        classes = None if balance.task == "regression" else y
        parts = folds(len(y), method=config.split.decided, seed=seed, classes=classes, by=by)
        return cls(rows.X_train.iloc[numbers], y, weights, parts, seed)

    def scores(self, family: str, columns: Sequence[Column], balance: ClassBalance, metric: str) -> NDArray[np.float64]:
        """The metric of a built-in pipeline over `columns` in each fold."""
        pipeline = build(family, columns, balance.task, rows=len(self.X), seed=self.seed)
        if self.weights is not None:
            request_weights(pipeline)
        options: dict[str, Any] = {"weights": self.weights, "positive": balance.positive}
        return np.array(
            [measure(pipeline, self.X, self.y, fold, balance.task, metric, **options) for fold in self.folds]
        )


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


def check_vectorizer(estimator: Any, label: str, kinds: Mapping[str, Kind]) -> None:
    """Raise TrainingError for a pipeline that begins with a vectorizer: a table is no column."""
    steps = getattr(estimator, "steps", None) or [("", estimator)]
    first = steps[0][1]
    if callable(getattr(first, "build_analyzer", None)):
        name = type(first).__name__
        column = next((column for column, kind in kinds.items() if kind == "text"), next(iter(kinds)))
        raise TrainingError(
            f"{label} begins with {name}, which takes one column and not a table; give it its column: "
            f"make_column_transformer(({name}(), {column!r}))"
        )


def choose_text(
    family: str, columns: Sequence[Column], balance: ClassBalance, rows: SplitTable, config: TrainConfig
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
    sample = _Sample.of(rows, balance, config)
    metric = balance.metric(sample.y, sample.folds, probabilities=True)
    try:
        with_text, without = (sample.scores(judge, used, balance, metric.name) for used in (columns, others))
    except Exception:  # noqa: BLE001  # what cannot be fitted fails later, with its own message
        return TextChoice(columns, {}, [])
    if len(with_text) < 2:
        return TextChoice(columns, {}, [])
    gain = with_text - without if metric.greater_is_better else without - with_text
    figures = f"cross-validated {metric.name} of {judge} {with_text.mean():.4g} with it, {without.mean():.4g} without"
    if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
        return TextChoice(columns, {}, [f"free text is used: {', '.join(map(repr, texts))} ({figures})"])
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
