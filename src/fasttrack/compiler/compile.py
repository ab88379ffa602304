"""A fitted pipeline and its contract → one ONNX graph over the contract's matrix, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import spox.opset.ai.onnx.v21 as op
from spox import Tensor, argument, build

import fasttrack.compiler.lowerings  # noqa: F401  # registers them
from fasttrack.compiler.apart import LEAST_TREES, Apart
from fasttrack.compiler.columns import Block, Columns, Feature, Moment, Number, Scope, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import Regression, predicted
from fasttrack.compiler.steps import Step
from fasttrack.compiler.tabulate import first_cells
from fasttrack.graph import Batch, Bound, Program, Refusals, Stage, sums_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.contract import Contract

__all__ = ["Compiled", "compile_pipeline"]

_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}


@dataclass(frozen=True, eq=False)
class Compiled:
    """A graph from `rows`, float64[n, f] in the order of the contract's columns, to what the pipeline answers.

    Outputs: `prediction`, float64[n] (float64[n, k] for k targets), or for a classifier int64[n], an index into the
    target's classes; `probabilities`, float64[n, c], if the target has them; `refused`, bool[n], if `refusals` cannot
    tell from a row alone that scikit-learn would not take it.
    """

    model: onnx.ModelProto
    batch: bytes | None
    """The form for many rows."""
    outputs: tuple[str, ...]
    refusals: Refusals
    splits: Mapping[int, NDArray[np.float64]]
    """By column, the input values at which a tree's answer may jump."""

    @property
    def program(self) -> Program:
        """What is stored of it, and run."""
        return Program(self.model.SerializeToString(deterministic=True), self.batch)

    @property
    def must_be_known(self) -> tuple[int, ...]:
        """The columns whose value must be among their categories; scikit-learn refuses any other."""
        return self.refusals.must_be_known


def compile_pipeline(pipeline: Any, contract: Contract, *, least_trees: int = LEAST_TREES) -> Compiled:
    """Compile a fitted pipeline or estimator. Raises NotCompilable, naming the step and what is in the way.

    Ensembles of at least `least_trees` trees get a form for many rows, where they are small enough for it.
    """
    apart = Apart(least_trees)
    traced = _traced(pipeline, contract, None)
    scope = traced.scope
    refusals = Refusals(
        must_be_known=tuple(sorted(scope.must_be_known)),
        must_be_present=tuple(sorted(scope.must_be_present)),
        bounds=tuple(Bound(column, low, high) for column, (low, high) in sorted(scope.bounds.items())),
    )
    splits = {column: np.array(sorted(values)) for column, values in sorted(scope.splits.items())}
    graph = build({"rows": traced.rows}, traced.outputs)
    batch = None
    if scope.largest_ensemble >= least_trees:
        batch = _batch(_traced(pipeline, contract, apart), apart)
    return Compiled(graph, batch, tuple(traced.outputs), refusals, splits)


@dataclass(frozen=True, eq=False)
class _Traced:
    rows: Var
    outputs: dict[str, Var]
    scope: Scope


def _traced(pipeline: Any, contract: Contract, apart: Apart | None) -> _Traced:
    """What the pipeline computes, as operators from the rows on; ensembles that go into `apart` are left out."""
    rows = argument(Tensor(np.float64, ("rows", len(contract.columns))))
    scope = Scope(contract, Block(rows, len(contract.columns)), apart=apart)
    found = predicted(pipeline, Columns(tuple(_first(scope, j) for j in range(len(contract.columns))), scope))
    outputs = {}
    if isinstance(found, Regression):
        if contract.target.classes is not None:
            raise NotCompilable("it is a regressor, but the contract's target has classes")
        outputs["prediction"] = found.values
    else:
        if found.classes.tolist() != contract.target.classes:
            raise NotCompilable("its classes are not those of the contract, in their order")
        outputs["prediction"] = found.label
        if contract.target.probabilities:
            if found.probabilities is None:
                raise NotCompilable("its probabilities have no lowering")
            outputs["probabilities"] = found.probabilities
    if scope.guards:
        refused = scope.guards[0]
        for guard in scope.guards[1:]:
            refused = op.or_(refused, guard)
        outputs["refused"] = refused
    return _Traced(rows, outputs, scope)


def _batch(traced: _Traced, apart: Apart) -> bytes | None:
    """The form for many rows, if an ensemble was left out."""
    if not apart.ensembles:
        return None
    given = {"rows": traced.rows}
    stages = []
    for number, (ensemble, sums) in enumerate(zip(apart.ensembles, apart.sums, strict=True)):
        stages.append(Stage(before=_serialised(given, {"x": op.identity(ensemble.x)}), trees=ensemble.masks))
        given = given | {sums_name(number): sums}
    return msgspec.msgpack.encode(Batch(stages=stages, after=_serialised(given, traced.outputs)))


def _serialised(inputs: dict[str, Var], outputs: dict[str, Var]) -> bytes:
    model: onnx.ModelProto = build(inputs, outputs)
    return bytes(model.SerializeToString(deterministic=True))


def _first(scope: Scope, index: int) -> Feature:
    """What the pipeline's input holds in one column."""
    column = scope.contract.columns[index]
    if scope.contract.input == "array":
        single = all(one.dtype == "float32" for one in scope.contract.columns)
        return _number(scope, index, "float32" if single else "float64")
    if column.kind == "category":
        known = np.arange(len(column.categories or ()), dtype=np.float64)
        # a missing cell that cannot come must not widen the dtype of the others
        missing = np.nan if column.nullable else -1.0
        return Table(scope.matrix, index, first_cells(scope.contract, index, np.append(known, [-1.0, missing])), index)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if column.kind == "datetime":
        unit = getattr(dtype, "unit", None) or np.datetime_data(getattr(dtype, "numpy_dtype", dtype))[0]
        return Moment(scope.matrix, index, _UNITS[unit], index)
    plain = getattr(dtype, "numpy_dtype", dtype)
    return _number(scope, index, str(plain).lower())


def _number(scope: Scope, index: int, dtype: str) -> Number:
    if dtype == "float16":
        raise NotCompilable(f"column {scope.name(index)} is float16; convert it to float64 before fitting")
    steps = (Step("narrow"),) if dtype == "float32" else ()
    return Number(scope.matrix, index, steps, index, dtype)
