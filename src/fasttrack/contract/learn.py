"""Learning a contract from a training frame and the pipeline fitted on it. For training only; needs pandas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from fasttrack.contract.datetime_text import format_datetime
from fasttrack.contract.disclosure import frequent_codes, frequent_range
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.reading import Reading
from fasttrack.contract.schema import Column, Contract, Kind, Label, Privacy, Scalar, Target, Task
from fasttrack.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["MAX_CATEGORIES", "learn_columns", "learn_contract"]

MAX_CATEGORIES = 10_000
"""A column with more distinct words is free text: its values are not listed, and none counts as unseen."""
TEXT_EXAMPLE = "some text"
"""The example of every column of free text, because a training text may be personal."""

_WITH_THRESHOLD = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")
"""scikit-learn's classifiers with a threshold, by name: nothing here imports scikit-learn."""
_QUANTILES = np.linspace(0, 1, 21)


def learn_contract(
    X: pd.DataFrame,
    pipeline: Any,
    *,
    target: str,
    task: Task,
    kinds: Mapping[str, Kind] | None = None,
    readings: Mapping[str, Reading] | None = None,
    array: bool = False,
    privacy: Privacy | None = None,
    positive: Label | None = None,
    imbalanced: bool = False,
) -> Contract:
    """The contract of a fitted `pipeline` and the frame `X` [n, f] it was fitted on.

    `kinds`: the kinds of columns whose dtype does not tell (whole numbers with missing values are floats). `readings`:
    how the texts of columns, and of the target, were read. `array`: whether the pipeline was fitted on the bare values.
    `privacy`: which values may be published. `positive`: of two classes, the one that a rare class or a threshold makes
    the positive one; `imbalanced`: whether models are compared by it. Raises DataError for a column of a type that
    cannot be sent as JSON.
    """
    privacy = privacy or Privacy()
    learned = encoder_categories(pipeline, list(X.columns))
    read_as_text: dict[str, Kind] = dict.fromkeys(_vectorized(pipeline, X) - learned.keys(), "text")
    columns = learn_columns(X, {**(kinds or {}), **read_as_text}, privacy)
    readings = readings or {}
    series = [X.iloc[:, j] for j in range(X.shape[1])]
    columns = [
        _with_encoder(column, learned.get(column.name), cells, privacy)
        for column, cells in zip(columns, series, strict=True)
    ]
    columns = [
        _column(column.name, cells, "text", privacy) if _has_too_many(column) else column
        for column, cells in zip(columns, series, strict=True)
    ]
    columns = [_replace(column, reading=readings.get(column.name, Reading())) for column in columns]
    classes = None
    if task != "regression":
        classes = [_plain(label) for label in pipeline.classes_]
    probabilities = classes is not None and callable(getattr(pipeline, "predict_proba", None))
    own_positive, threshold = _threshold(pipeline, classes)
    return Contract(
        columns=columns,
        target=Target(
            name=target,
            task=task,
            classes=classes,
            probabilities=probabilities,
            positive=own_positive if positive is None else positive,
            threshold=threshold if positive in (None, own_positive) else None,
            imbalanced=imbalanced,
            reading=readings.get(target, Reading()),
        ),
        input="array" if array else "frame",
        min_rows=privacy.min_rows,
    )


def _threshold(pipeline: Any, classes: Sequence[Label] | None) -> tuple[Label | None, float | None]:
    """The label that a fitted pipeline of two classes predicts from a probability on, and that probability."""
    for _, step in getattr(pipeline, "steps", [])[-1:]:
        pipeline = step
    if type(pipeline).__name__ not in _WITH_THRESHOLD or classes is None:
        return None, None
    value = getattr(pipeline, "best_threshold_", getattr(pipeline, "threshold", None))
    method = pipeline.response_method
    by_probability = method == "predict_proba" or (method == "auto" and hasattr(pipeline, "predict_proba"))
    if not isinstance(value, float) or not by_probability:
        return None, None
    label = getattr(pipeline, "pos_label", None)
    return (classes[1] if label is None else _plain(label)), float(value)


def learn_columns(
    X: pd.DataFrame, kinds: Mapping[str, Kind] | None = None, privacy: Privacy | None = None
) -> list[Column]:
    """A Column for each column of `X`; of more words than MAX_CATEGORIES, the categories are not listed.

    Raises DataError for a column of a type that cannot be sent as JSON.
    """
    privacy = privacy or Privacy()
    return [_column(str(name), X.iloc[:, j], (kinds or {}).get(str(name)), privacy) for j, name in enumerate(X.columns)]


def _column(name: str, series: pd.Series[Any], kind: Kind | None, privacy: Privacy) -> Column:
    kind = kind or _kind(name, series)
    missing = series.isna()
    bare = Column(
        name=name,
        kind=kind,
        nullable=bool(missing.any()),
        dtype=_dtype(name, series),
        categories=_categories(kind, series),
        missing_share=float(missing.mean()) if len(series) else 0.0,
        null=_null(series[missing]),
        labels=_labels_dtype(series),
        ordered=bool(getattr(series.dtype, "ordered", False)),
        hidden=name in privacy.hide,
    )
    values = series[~missing]
    counts = _count(values) if kind == "category" or bare.categories is not None else {}
    bare = _replace(bare, shown=frequent_codes(bare.categories or (), counts, privacy))
    if kind == "category":
        # of equally frequent words the first in alphabetical order, so that a table always gives the same contract
        most = max(counts.values(), default=0)
        return _replace(bare, example=min((word for word, rows in counts.items() if rows == most), default=None))
    numbers = _numbers(bare, values)
    if not len(numbers):
        return bare
    quantiles = np.quantile(numbers, _QUANTILES, method="inverted_cdf")
    return _replace(
        bare,
        minimum=float(quantiles[0]),
        maximum=float(quantiles[-1]),
        quantiles=[float(q) for q in quantiles],
        shown_range=frequent_range(numbers, kind, privacy.min_rows),
        example=_example(kind, float(quantiles[10])),
    )


def _has_too_many(column: Column) -> bool:
    return column.kind == "category" and column.categories is None


def _count(values: pd.Series[Any]) -> dict[Any, int]:
    """How many rows have each value."""
    counts = values.astype(object).value_counts()
    return dict(zip(counts.index, counts.tolist(), strict=True))


def _numbers(column: Column, values: pd.Series[Any]) -> NDArray[np.float64]:
    """The values on the matrix scale. Raises DataError for those that cannot be sent as JSON."""
    import pandas as pd

    try:
        numbers = matrix_from_frame(_one_column_contract(column), values.to_frame())[:, 0]
        if column.kind == "datetime" and len(numbers):
            format_datetime(float(numbers.min()))
            format_datetime(float(numbers.max()))
    except (OverflowError, pd.errors.OutOfBoundsDatetime):
        raise DataError(
            f"column {column.name!r} holds times outside the years 1 to 9999; correct them, or leave the column out"
        ) from None
    if not np.isfinite(numbers).all():
        raise DataError(
            f"column {column.name!r} holds infinite values, which cannot be sent as JSON; "
            "replace them by finite numbers or by missing values, or leave the column out"
        )
    return numbers


def _dtype(name: str, series: pd.Series[Any]) -> str:
    """The name of the dtype, from which pandas can make it again."""
    import pandas as pd

    try:
        pd.api.types.pandas_dtype(str(series.dtype))
    except (TypeError, NotImplementedError):
        raise DataError(
            f"column {name!r} has the dtype {series.dtype}, which pandas cannot make from its name; "
            "convert it to numbers, true/false, text or timestamps before fitting"
        ) from None
    return str(series.dtype)


def _null(missing: pd.Series[Any]) -> Literal["nan", "none", "na"]:
    """The missing value of a column of Python objects; the first decides."""
    import pandas as pd

    if missing.dtype != object or not len(missing):
        return "nan"
    first = missing.iloc[0]
    return "none" if first is None else "na" if first is pd.NA else "nan"


def _labels_dtype(series: pd.Series[Any]) -> str:
    import pandas as pd

    if not isinstance(series.dtype, pd.CategoricalDtype):
        return ""
    categories = series.dtype.categories
    return "" if pd.Index(categories.tolist()).dtype == categories.dtype else str(categories.dtype)


def _kind(name: str, series: pd.Series[Any]) -> Kind:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind(name, pd.Series(dtype.categories))
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "integer"
    if pd.api.types.is_float_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    kinds: dict[str, Kind] = {
        "string": "category",
        "boolean": "boolean",
        "integer": "integer",
        "floating": "number",
        "mixed-integer-float": "number",
        "decimal": "number",
        "empty": "category",
    }
    if inferred not in kinds:
        raise DataError(
            f"column {name!r} holds {inferred} values, which cannot be sent as JSON; "
            "convert it to numbers, true/false, text or timestamps, or leave it out"
        )
    return kinds[inferred]


def _categories(kind: Kind, series: pd.Series[Any]) -> list[Label] | None:
    """The known values of a text column, or of one with a categorical dtype, in a reproducible order."""
    if hasattr(series, "cat"):
        return [_plain(value) for value in series.cat.categories]
    if kind != "category":
        return None
    distinct = series.dropna().astype(object).unique()
    return None if len(distinct) > MAX_CATEGORIES else sorted(map(str, distinct))


def _example(kind: Kind, number: float) -> Scalar:
    match kind:
        case "integer":
            return int(number)
        case "boolean":
            return bool(number)
        case "datetime":
            return format_datetime(number)
        case "text":
            return TEXT_EXAMPLE
        case _:
            return number


def _with_encoder(column: Column, learned: Sequence[Any] | None, series: pd.Series[Any], privacy: Privacy) -> Column:
    """The column with the categories that an encoder learned, in place of those of the table.

    A pandas category keeps its own, because its frame cannot hold others.
    """
    if learned is None or column.kind == "datetime" or column.dtype == "category":
        return column
    labels = [value.item() if isinstance(value, np.generic) else value for value in learned if not _is_missing(value)]
    if column.kind == "text":
        column = _replace(column, kind="category", minimum=None, maximum=None, quantiles=[], shown_range=None)
    if column.kind == "category":
        labels = [label for label in labels if isinstance(label, str)]
    elif not all(isinstance(label, (bool, int, float)) for label in labels):
        return column
    if labels == column.categories:
        return column
    column = _replace(column, categories=labels)
    shown = frequent_codes(labels, _count(series.dropna()), privacy)
    example = column.example
    if example not in labels:
        example = next(iter([*(labels[code] for code in shown), *labels]), example)
    return _replace(column, shown=shown, example=example)


def encoder_categories(estimator: Any, names: list[str]) -> dict[str, Sequence[Any]]:
    """By input column that goes to encoders with learned categories, the categories of all these encoders."""
    known: dict[str, list[Any]] = {}
    for encoder, inputs in _encoders(estimator, names):
        categories = getattr(encoder, "categories_", None)
        if categories is None or len(categories) != len(inputs):
            continue
        for name, values in zip(inputs, categories, strict=True):
            listed = known.setdefault(name, [])
            before = set(listed)
            listed.extend(value for value in values if value not in before)
    return dict(known)


def _vectorized(pipeline: Any, X: pd.DataFrame) -> set[str]:
    """The columns of words in `X` that go to a vectorizer of texts, such as TfidfVectorizer."""
    import pandas as pd

    names = [
        name
        for step, inputs in _encoders(pipeline, list(X.columns))
        if callable(getattr(step, "build_analyzer", None))
        for name in inputs
    ]
    return {name for name in names if X[name].dtype == object or isinstance(X[name].dtype, pd.StringDtype)}


def _encoders(estimator: Any, names: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """The steps whose input columns are columns of the table, with the names of those columns."""
    for wrapped in ("best_estimator_", "regressor_"):  # a search, a transformed target
        estimator = getattr(estimator, wrapped, estimator)
    if type(estimator).__name__ in _WITH_THRESHOLD:
        estimator = getattr(estimator, "estimator_", estimator.estimator)  # a prefit estimator is not copied
    if hasattr(estimator, "transformers_"):  # ColumnTransformer
        for _, step, columns in estimator.transformers_:
            if not isinstance(step, str):
                yield from _encoders(step, _select_names(columns, names))
    elif hasattr(estimator, "steps"):  # Pipeline
        for _, step in estimator.steps:
            yield from _encoders(step, names)
            if not _keeps_columns(step, names):
                return
    elif hasattr(estimator, "transformer_list"):  # FeatureUnion
        for _, step in estimator.transformer_list:
            yield from _encoders(step, names)
    else:
        yield estimator, names


def _keeps_columns(step: Any, names: list[str]) -> bool:
    """Whether `step` gives the same columns with the same values, as an imputer or a pass-through does."""
    if step is None or isinstance(step, str):
        return True
    statistics = getattr(step, "statistics_", None)
    if statistics is None or len(statistics) != len(names) or getattr(step, "indicator_", None) is not None:
        return False
    return not any(_is_missing(value) for value in statistics)  # an imputer drops a column that was all missing


def _select_names(columns: Any, names: list[str]) -> list[str]:
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = names.index(columns.start) if columns.start is not None else None
            stop = names.index(columns.stop) + 1 if columns.stop is not None else None
            return names[start:stop]
        return names[columns]
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, (int, np.integer)):
        return [names[int(columns)]]
    listed = list(columns)
    if listed and all(isinstance(item, (bool, np.bool_)) for item in listed):
        return [name for name, kept in zip(names, listed, strict=True) if kept]
    return [item if isinstance(item, str) else names[int(item)] for item in listed]


def _one_column_contract(column: Column) -> Contract:
    return Contract(columns=[column], target=Target(name="", task="regression"))


def _replace(column: Column, **changes: Any) -> Column:
    return msgspec.structs.replace(column, **changes)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _plain(value: Any) -> Label:
    """A NumPy scalar as the Python value for JSON."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, (bool, int, float, str)):
        raise DataError(
            f"labels of type {type(plain).__name__} cannot be sent as JSON; use numbers, text or true/false"
        )
    return plain
