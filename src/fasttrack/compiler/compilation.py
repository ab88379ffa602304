"""Compile a fitted pipeline to one float64 ONNX graph, whose input is the contract's matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import spox.opset.ai.onnx.v21 as op
from spox import Tensor, argument, build

import fasttrack.compiler.lowerings  # noqa: F401  # registers them
from fasttrack.compiler.category_tables import input_cells
from fasttrack.compiler.columns import (
    Block,
    CodedColumn,
    Columns,
    CompilationState,
    DatetimeColumn,
    Feature,
    NumberColumn,
    TextInput,
)
from fasttrack.compiler.elementwise import ElementwiseStep
from fasttrack.compiler.extraction import MIN_TREES, EnsembleExtraction
from fasttrack.compiler.lowering_registry import Regression, lower_predictor
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.graph import Bound, InputRules, ManyRowsProgram, Program, Stage, stage_sums_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.contract import Contract

__all__ = ["CompiledPipeline", "compile_pipeline"]

_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}
"""By the unit of a pandas datetime column. Nanoseconds are read as microseconds."""


@dataclass(frozen=True, eq=False)
class CompiledPipeline:
    """A graph from `rows`, float64[n, f] in the order of the contract's columns, to the pipeline's predictions.

    If the pipeline reads text, the graph has further inputs, which `text` computes.

    Its outputs:

    - `prediction`: float64[n], or float64[n, k] for k targets; of a classifier int64[n], indices into the target's
      classes;
    - `probabilities`: float64[n, c], if the target has them;
    - `refused`: bool[n], the rows that scikit-learn would refuse, if `input_rules` cannot find all of them.
    """

    model: onnx.ModelProto
    many_rows: bytes | None
    """The serialised ManyRowsProgram, if there is one."""
    outputs: tuple[str, ...]
    input_rules: InputRules
    text: bytes | None
    """The serialised TextProgram, if the pipeline reads text."""
    thresholds: Mapping[int, NDArray[np.float64]]
    """By column, the input values at which a tree's prediction may change."""

    @property
    def program(self) -> Program:
        """The part that is stored and run."""
        return Program(self.model.SerializeToString(deterministic=True), self.many_rows, self.text)

    @property
    def must_be_known(self) -> tuple[int, ...]:
        """The columns whose value must be one of their categories; scikit-learn refuses any other."""
        return self.input_rules.must_be_known


def compile_pipeline(pipeline: Any, contract: Contract, *, min_trees: int = MIN_TREES) -> CompiledPipeline:
    """Compile a fitted pipeline or estimator. Raises NotCompilable with the step and the reason.

    If an ensemble has at least `min_trees` trees and they are small enough, the result has a many-rows program, too.
    """
    trace = _trace(pipeline, contract, None)
    state = trace.state
    rules = InputRules(
        must_be_known=tuple(sorted(state.must_be_known)),
        must_be_present=tuple(sorted(state.must_be_present)),
        bounds=tuple(Bound(column, low, high) for column, (low, high) in sorted(state.bounds.items())),
    )
    thresholds = {column: np.array(sorted(values)) for column, values in sorted(state.thresholds.items())}
    graph = build(trace.inputs, trace.outputs)
    many_rows = None
    if state.largest_ensemble >= min_trees:
        extraction = EnsembleExtraction(min_trees)
        again = _trace(pipeline, contract, extraction)
        if again.state.text.program() == state.text.program():  # both take the same inputs
            many_rows = _many_rows_program(again, extraction)
    return CompiledPipeline(graph, many_rows, tuple(trace.outputs), rules, state.text.program(), thresholds)


@dataclass(frozen=True, eq=False)
class _Trace:
    """The pipeline as operators, from the graph's `inputs` to its `outputs`."""

    inputs: dict[str, Var]
    outputs: dict[str, Var]
    state: CompilationState


def _trace(pipeline: Any, contract: Contract, extraction: EnsembleExtraction | None) -> _Trace:
    """Translate the pipeline to operators. With an `extraction`, large ensembles become graph inputs."""
    rows = argument(Tensor(np.float64, ("rows", len(contract.columns))))
    state = CompilationState(contract, Block(rows, len(contract.columns)), extraction=extraction)
    state.inputs = tuple(_input_column(state, j) for j in range(len(contract.columns)))
    inputs = Columns(state.inputs, state)
    prediction = lower_predictor(pipeline, inputs)
    outputs = {}
    if isinstance(prediction, Regression):
        if contract.target.classes is not None:
            raise NotCompilable("it is a regressor, but the contract's target has classes")
        outputs["prediction"] = prediction.values
    else:
        if prediction.classes.tolist() != contract.target.classes:
            raise NotCompilable("its classes differ from the contract's, or are in another order")
        outputs["prediction"] = prediction.label
        if contract.target.probabilities:
            if prediction.probabilities is None:
                raise NotCompilable("its probabilities have no lowering")
            outputs["probabilities"] = prediction.probabilities
    if state.guards:
        refused = state.guards[0]
        for guard in state.guards[1:]:
            refused = op.or_(refused, guard)
        outputs["refused"] = refused
    return _Trace({"rows": rows, **state.text.inputs}, outputs, state)


def _many_rows_program(trace: _Trace, extraction: EnsembleExtraction) -> bytes | None:
    """The serialised ManyRowsProgram, or `None` if no ensemble was extracted."""
    if not extraction.ensembles:
        return None
    inputs = dict(trace.inputs)
    stages = []
    for number, (ensemble, sums) in enumerate(zip(extraction.ensembles, extraction.sums, strict=True)):
        stages.append(Stage(before=_serialise(inputs, {"x": op.identity(ensemble.x)}), trees=ensemble.masks))
        inputs = inputs | {stage_sums_name(number): sums}
    return msgspec.msgpack.encode(ManyRowsProgram(stages=stages, after=_serialise(inputs, trace.outputs)))


def _serialise(inputs: dict[str, Var], outputs: dict[str, Var]) -> bytes:
    model: onnx.ModelProto = build(inputs, outputs)
    return bytes(model.SerializeToString(deterministic=True))


def _input_column(state: CompilationState, index: int) -> Feature:
    """Column `index` of the pipeline's input."""
    column = state.contract.columns[index]
    if state.contract.input == "array":
        all_float32 = all(column.dtype == "float32" for column in state.contract.columns)
        return _number_column(state, index, "float32" if all_float32 else "float64")
    if column.kind == "text":
        return TextInput(index)
    if column.kind == "category":
        codes = np.arange(len(column.categories or ()), dtype=np.float64)
        # if no cell can be missing, none is tabulated: it could widen the dtype of the others
        missing = np.nan if column.nullable else -1.0
        cells = input_cells(state.contract, index, np.append(codes, [-1.0, missing]))
        return CodedColumn(state.matrix, index, cells, index)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if column.kind == "datetime":
        unit = getattr(dtype, "unit", None) or np.datetime_data(getattr(dtype, "numpy_dtype", dtype))[0]
        return DatetimeColumn(state.matrix, index, _MICROSECONDS[unit], index)
    numpy_dtype = getattr(dtype, "numpy_dtype", dtype)
    return _number_column(state, index, str(numpy_dtype).lower())


def _number_column(state: CompilationState, index: int, dtype: str) -> NumberColumn:
    if dtype == "float16":
        raise NotCompilable(f"column {state.column_name(index)} is float16; convert it to float64 before fitting")
    steps = (ElementwiseStep("narrow"),) if dtype == "float32" else ()
    return NumberColumn(state.matrix, index, steps, index, dtype)
