"""The input and output of a model: columns, kinds, categories, ranges, and the target.

A contract is learned once, at training, and stored in the bundle. It is plain data: nothing here needs pandas or
scikit-learn, so a server can read it without either.
"""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from fasttrack.contract.reading import Reading

__all__ = [
    "WORDED",
    "Column",
    "Contract",
    "Kind",
    "KindChoice",
    "Label",
    "Privacy",
    "Scalar",
    "Target",
    "Task",
    "base_kind",
]

Kind = Literal["number", "integer", "boolean", "category", "datetime", "text"]
WORDED = ("category", "text")
"""The kinds of columns whose cells are words."""
KindChoice = Literal[
    "number",
    "number:decimal-comma",
    "number:decimal-point",
    "integer",
    "boolean",
    "category",
    "datetime",
    "datetime:dayfirst",
    "datetime:monthfirst",
    "text",
]
"""What a user may set as a column's kind: a kind, or one with the notation that its texts leave open."""
Task = Literal["regression", "binary", "multiclass"]
Label = bool | int | float | str
Scalar = bool | int | float | str | None


def base_kind(choice: KindChoice) -> Kind:
    """The kind of a choice, without the notation."""
    return cast("Kind", choice.partition(":")[0])


class Privacy(msgspec.Struct, frozen=True, kw_only=True):
    """Which values of a training table may be published. `contract/published.py` says where it applies."""

    min_rows: int = 5
    """A value is published only if at least this many training rows have it."""
    max_values: int = 50
    """At most this many values of a column are published."""
    hide: tuple[str, ...] = ()
    """Columns of which neither values nor ranges are published."""


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One feature column, as the training table and the fitted pipeline have it.

    `minimum`, `maximum` and `quantiles` are on the matrix scale: numbers as they are, booleans 0 and 1, datetimes as
    seconds since 1970 UTC, free text (`text`) as its number of characters; a `category` column has none. `categories`
    lists the values that the model knows, in the order of their codes; an `integer`, `number` or `boolean` column has
    it only if an encoder learned its values, and a `text` column never: no text is shown by value, and none is unseen.
    """

    name: str
    kind: Kind
    nullable: bool
    dtype: str
    """pandas dtype of the column in the frame that the pipeline was fitted on, such as `float64`, `str`, `category`."""
    categories: list[Label] | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: list[float] = []
    """The 0, 5, 10, … 100 % quantiles of the training values."""
    missing_share: float = 0.0
    """Share of the training rows without a value, 0 to 1."""
    example: Scalar = None
    """A typical training value, as JSON carries it (a datetime as ISO 8601 text)."""
    null: Literal["nan", "none", "na"] = "nan"
    """The missing value of a column of Python objects in that frame: NaN, `None` or `pandas.NA`."""
    labels: str = ""
    """Of a pandas category: the dtype of its categories, where pandas would not infer it from them."""
    ordered: bool = False
    """Of a pandas category: whether its categories have an order."""
    reading: Reading = Reading()
    """How text is read: notations of numbers and dates, and the spellings of a missing value."""
    shown: list[int] | None = None
    """The indices of the categories that may be published, the most frequent first; `None` in contracts of versions
    that did not count."""
    shown_range: tuple[float, float] | None = None
    """The range that may be published, on the matrix scale: rounded, and without the few lowest and highest values."""
    hidden: bool = False
    """Whether neither values nor ranges of the column may be published."""


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The column that the model predicts."""

    name: str
    task: Task
    classes: list[Label] | None = None
    """The labels in the order of the probability columns; `None` for regression."""
    probabilities: bool = False
    """Whether the model gives a probability for each class."""
    positive: Label | None = None
    """The positive class of two, for average precision, F1 and the threshold. `None`: no class was chosen for these."""
    threshold: float | None = None
    """The probability of the positive class from which on it is predicted; `None`: the most probable class is."""
    imbalanced: bool = False
    """Whether models are compared by a metric for imbalanced classes: one is rare, or the classes were weighted."""
    reading: Reading = Reading()
    """How labels that are text are read."""

    @property
    def kind(self) -> Kind:
        """The kind of its values in a table: the same cells are different labels as another kind."""
        label = None if self.classes is None else self.classes[0]
        if isinstance(label, str):
            return "category"
        if isinstance(label, bool):
            return "boolean"
        return "integer" if isinstance(label, int) else "number"

    @property
    def positive_code(self) -> int | None:
        """The index of the positive class; `None` where there is none."""
        return None if self.positive is None or self.classes is None else self.classes.index(self.positive)


class Contract(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns in the order of the pipeline's input, and the target."""

    columns: list[Column]
    target: Target
    input: Literal["frame", "array"] = "frame"
    """Whether the pipeline was fitted on a DataFrame with named columns or on a bare array."""
    min_rows: int = 5
    """A value is published only if at least this many training rows have it."""

    @property
    def names(self) -> list[str]:
        """The column names, in the pipeline's order."""
        return [column.name for column in self.columns]
