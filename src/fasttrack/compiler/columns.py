"""The columns between two lowered steps. They stay symbolic for as long as possible and become operators late.

A NumberColumn is a column of a block (the input matrix, or the output of an operator) with elementwise steps that are
not applied yet. A CodedColumn is a table with the column's value for each category code. Scaling a one-hot column
therefore only changes a table, and a tree behind encoders and scalers can split on the raw input.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.compiler.elementwise import ElementwiseStep, append_step, evaluate_steps
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.text_features import TextParts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray
    from spox import Var

    from fasttrack.compiler.extraction import EnsembleExtraction
    from fasttrack.compiler.text_features import TextBlock
    from fasttrack.contract import Contract

__all__ = [
    "SAFE_MAGNITUDE",
    "Block",
    "CodedColumn",
    "Columns",
    "CompilationState",
    "DatetimeColumn",
    "Feature",
    "NumberColumn",
    "TextInput",
]


SAFE_MAGNITUDE = 1e15
"""Far below the float64 maximum: no step of a reasonable pipeline makes such a number infinite."""

_JOINED_TO_FLOAT32 = {"float32", "int8", "uint8", "int16", "uint16", "bool"}
"""NumPy joins columns of these dtypes to float32 if one is float32; wider integers would give float64."""


@dataclass(frozen=True, eq=False)
class Block:
    """A float64[n, width] value of the graph. `bounded`: it holds only NaN and magnitudes up to SAFE_MAGNITUDE."""

    var: Var
    width: int
    bounded: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class NumberColumn:
    """Column `index` of `block`, followed by elementwise `steps`.

    `origin`: the contract's column that this one is computed from, if from a single one. `dtype`: what the fitted
    pipeline has here.
    """

    block: Block | TextBlock
    index: int
    steps: tuple[ElementwiseStep, ...] = ()
    origin: int | None = None
    dtype: str = "float64"

    def apply(self, step: ElementwiseStep) -> NumberColumn:
        """This column with one more step."""
        return replace(self, steps=append_step(self.steps, step))

    def evaluate(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """This column's values where the block's column holds `x`."""
        return evaluate_steps(self.steps, x)


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column that depends on a category: `cells` for the codes 0, 1, …, then for −1 (unseen) and NaN (missing).

    Column `index` of `block` holds the codes. The cells are what the fitted pipeline would see, a pandas Series or an
    array; they are of any type until an encoder makes them numbers.
    """

    block: Block
    index: int
    cells: Any
    origin: int | None = None
    keys: tuple[float, ...] = ()
    """If numbers were encoded: the numbers that the codes 0, 1, … stand for."""

    @property
    def code_count(self) -> int:
        """How many codes there are from 0 on."""
        return len(self.cells) - 2

    @property
    def dtype(self) -> str:
        """The NumPy or pandas dtype of the cells."""
        return str(self.cells.dtype)

    def numeric_cells(self) -> NDArray[np.float64]:
        """The cells as float64. Raises NotCompilable if they are text."""
        try:
            return np.asarray(self.cells, dtype=np.float64)
        except (TypeError, ValueError):
            raise NotCompilable(
                "its input contains text, but it computes with numbers; encode the text first"
            ) from None

    def apply(self, step: ElementwiseStep) -> CodedColumn:
        """This column with one more step, applied to the cells."""
        return replace(self, cells=evaluate_steps([step], self.numeric_cells()))


@dataclass(frozen=True, eq=False)
class DatetimeColumn:
    """A date and time: column `index` of the input, in seconds since 1970 UTC.

    The pipeline sees it rounded down to multiples of `unit` microseconds.
    """

    block: Block
    index: int
    unit: int
    origin: int


@dataclass(frozen=True)
class TextInput:
    """A column of words as they are: column `origin` of the contract. `filled`: a missing text is an empty one."""

    origin: int
    filled: bool = False


Feature = NumberColumn | CodedColumn | DatetimeColumn | TextInput


@dataclass(eq=False)
class CompilationState:
    """One compilation: the contract, the input matrix, and the conditions under which scikit-learn refuses a row.

    Columns are given by their index in the contract.
    """

    contract: Contract
    matrix: Block
    text: TextParts = field(default_factory=TextParts)
    inputs: tuple[Feature, ...] = ()
    """The columns of the contract, as the pipeline gets them."""
    must_be_known: set[int] = field(default_factory=set)
    must_be_present: set[int] = field(default_factory=set)
    bounds: dict[int, tuple[float, float]] = field(default_factory=dict)
    guards: list[Var] = field(default_factory=list)
    """Each is bool[n]: the rows that scikit-learn refuses because of a computed value."""
    thresholds: dict[int, set[float]] = field(default_factory=dict)
    """By column, the input values at which the prediction may change."""
    extraction: EnsembleExtraction | None = None
    """If present, it takes large tree ensembles out of the graph."""
    largest_ensemble: int = 0
    """Number of trees of the largest ensemble in the graph that could be extracted."""

    def column_name(self, origin: int) -> str:
        """The quoted name of the contract's column, for messages."""
        return repr(self.contract.columns[origin].name)


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns between two steps, in order.

    `sparse`: the fitted pipeline has them as a sparse matrix. `vector`: it has them as a single column without a
    second dimension.
    """

    features: tuple[Feature, ...]
    state: CompilationState
    sparse: bool = False
    vector: bool = False

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def select(self, indices: Iterable[int]) -> Columns:
        """The columns at `indices`, in that order."""
        return self.with_features(self.features[int(i)] for i in indices)

    def as_vector(self) -> Columns:
        """The single column without its second dimension, as vectorizers of text take it."""
        return replace(self, vector=True)

    def with_features(
        self, features: Iterable[Feature], *, sparse: bool | None = None, vector: bool | None = None
    ) -> Columns:
        """Other columns of the same compilation. `sparse` and `vector`: by default as these columns."""
        return Columns(
            tuple(features),
            self.state,
            self.sparse if sparse is None else sparse,
            self.vector if vector is None else vector,
        )

    def with_matrix(self, var: Var, width: int, *, bounded: bool = False) -> Columns:
        """The columns of `var`, a float64[n, width] value of the graph. `bounded`: as in Block."""
        block = Block(var, width, bounded)
        return self.with_features((NumberColumn(block, i) for i in range(width)), sparse=False, vector=False)

    def numeric_features(self) -> tuple[NumberColumn | CodedColumn, ...]:
        """The columns as numbers. Raises NotCompilable if a column is text, or a date and time."""
        return tuple(self._as_numeric(feature) for feature in self.features)

    def _as_numeric(self, feature: Feature) -> NumberColumn | CodedColumn:
        if isinstance(feature, DatetimeColumn):
            name = self.state.column_name(feature.origin)
            raise NotCompilable(
                f"column {name} is a date and time, but it computes with numbers; extract calendar features first"
            )
        if isinstance(feature, TextInput):
            raise NotCompilable(
                f"column {self.state.column_name(feature.origin)} is text, but it computes with numbers; "
                "put a vectorizer such as TfidfVectorizer before it"
            )
        return replace(feature, cells=feature.numeric_cells()) if isinstance(feature, CodedColumn) else feature

    def is_float32(self) -> bool:
        """Whether scikit-learn would convert these columns to a float32 array, and compute in float32."""
        dtypes = {
            feature.dtype if isinstance(feature, (NumberColumn, CodedColumn)) else type(feature).__name__
            for feature in self
        }
        return "float32" in dtypes and dtypes <= _JOINED_TO_FLOAT32

    def each(self, operation: str, *constants: ArrayLike) -> Columns:
        """Apply the elementwise `operation` to every column. Each of `constants` has one value, or one per column."""
        rows = np.column_stack([np.broadcast_to(c, len(self)) for c in constants]) if constants else [()] * len(self)
        return self.with_features(
            feature.apply(ElementwiseStep(operation, tuple(map(float, row))))
            for feature, row in zip(self.numeric_features(), rows, strict=True)
        )
