"""What flows between lowered steps: columns that are known rather than computed for as long as possible.

A number is a column of a block (the input matrix, or what an operator computed) and the steps still to be taken on it.
A category is never computed at all: its table lists what it is worth for every code. So scaling a one-hot column
changes a table, and a tree can split on the raw input in place of what was made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.compiler import steps as elementwise
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray
    from spox import Var

    from fasttrack.compiler.apart import Apart
    from fasttrack.contract import Contract

__all__ = ["SMALL", "Block", "Columns", "Feature", "Moment", "Number", "Scope", "Table"]


SMALL = 1e15
"""Far from where float64 ends; no step of a sane pipeline brings such a number to infinity."""

_WITHIN_SINGLE = {"float32", "int8", "uint8", "int16", "uint16", "bool"}
"""NumPy joins these beside a float32 to float32, wider whole numbers to float64."""


@dataclass(frozen=True, eq=False)
class Block:
    """A float64[n, width] of the graph. `small`: it holds NaN and numbers of a magnitude up to SMALL."""

    var: Var
    width: int
    small: bool = False


@dataclass(frozen=True, eq=False)
class Number:
    """Column `index` of `block` after `steps`. `origin`: the contract's column that it is made of, if of one alone."""

    block: Block
    index: int
    steps: tuple[Step, ...] = ()
    origin: int | None = None
    dtype: str = "float64"

    def then(self, step: Step) -> Number:
        """This number after one more step."""
        return replace(self, steps=elementwise.then(self.steps, step))

    def values(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """What it is where the block's column holds `x`."""
        return elementwise.run(self.steps, x)


@dataclass(frozen=True, eq=False)
class Table:
    """What a category is worth: `cells` for the codes 0, 1, …, then for the code −1 (unseen), then for NaN (missing).

    Column `index` of `block` holds the codes. Cells are of any type until an encoder makes them numbers: a pandas
    Series or an array, as the fitted pipeline would see them.
    """

    block: Block
    index: int
    cells: Any
    origin: int | None = None
    keys: tuple[float, ...] = ()
    """Of an encoded number: the numbers that the codes from 0 on stand for."""

    @property
    def known(self) -> int:
        """How many codes there are from 0 on."""
        return len(self.cells) - 2

    @property
    def dtype(self) -> str:
        """The NumPy or pandas dtype of the cells."""
        return str(self.cells.dtype)

    def numbers(self) -> NDArray[np.float64]:
        """The cells as float64. Raises NotCompilable where they are text."""
        try:
            return np.asarray(self.cells, dtype=np.float64)
        except (TypeError, ValueError):
            raise NotCompilable("text reaches a step that computes with numbers; encode it before") from None

    def then(self, step: Step) -> Table:
        """The table after one more step on its cells."""
        return replace(self, cells=elementwise.run([step], self.numbers()))


@dataclass(frozen=True, eq=False)
class Moment:
    """A date and time: column `index` of the input holds seconds since 1970 UTC, kept in whole `unit` microseconds."""

    block: Block
    index: int
    unit: int
    origin: int


Feature = Number | Table | Moment


@dataclass(eq=False)
class Scope:
    """One compilation: the contract, the input matrix, and what must hold for scikit-learn not to refuse a row."""

    contract: Contract
    matrix: Block
    must_be_known: set[int] = field(default_factory=set)
    must_be_present: set[int] = field(default_factory=set)
    bounds: dict[int, tuple[float, float]] = field(default_factory=dict)
    guards: list[Var] = field(default_factory=list)
    """bool[n] each: rows that scikit-learn refuses for what was computed from them."""
    splits: dict[int, set[float]] = field(default_factory=dict)
    """By input column: where the answer may jump."""
    apart: Apart | None = None
    """Takes the ensembles of trees out of the graph, where they can be computed apart from it."""
    largest_ensemble: int = 0
    """Trees of the largest ensemble in the graph that could be."""

    def name(self, origin: int) -> str:
        """How a message calls the contract's column."""
        return repr(self.contract.columns[origin].name)


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns between two steps, in order. `sparse`: scikit-learn has them as a sparse matrix."""

    features: tuple[Feature, ...]
    scope: Scope
    sparse: bool = False

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def select(self, indices: Iterable[int]) -> Columns:
        """Only the columns at `indices`, in their order."""
        return self.of(self.features[int(i)] for i in indices)

    def of(self, features: Iterable[Feature], *, sparse: bool | None = None) -> Columns:
        """Other columns of the same compilation, sparse if these are or as it is said."""
        return Columns(tuple(features), self.scope, self.sparse if sparse is None else sparse)

    def computed(self, var: Var, width: int, *, small: bool = False) -> Columns:
        """The columns of a float64[n, width] that operators computed."""
        block = Block(var, width, small)
        return self.of((Number(block, i) for i in range(width)), sparse=False)

    def numeric(self) -> tuple[Number | Table, ...]:
        """The columns as numbers. Raises NotCompilable where one is text, or a date and time."""
        return tuple(self._number(feature) for feature in self.features)

    def _number(self, feature: Feature) -> Number | Table:
        if isinstance(feature, Moment):
            name = self.scope.name(feature.origin)
            raise NotCompilable(f"column {name} is a date and time, and reaches a step that computes with numbers")
        return replace(feature, cells=feature.numbers()) if isinstance(feature, Table) else feature

    def single(self) -> bool:
        """Whether scikit-learn makes a float32 array of these columns, and computes in that."""
        dtypes = {"datetime" if isinstance(one, Moment) else one.dtype for one in self}
        return "float32" in dtypes and dtypes <= _WITHIN_SINGLE

    def each(self, operation: str, *constants: ArrayLike) -> Columns:
        """Every column after the elementwise `operation`, each of whose constants is given column by column."""
        rows = np.column_stack([np.broadcast_to(c, len(self)) for c in constants]) if constants else [()] * len(self)
        return self.of(
            feature.then(Step(operation, tuple(map(float, row))))
            for feature, row in zip(self.numeric(), rows, strict=True)
        )
