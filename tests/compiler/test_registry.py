"""Registering lowerings, custom ones included, and the errors for classes without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import spox.opset.ai.onnx.v21 as op
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fasttrack.compiler import Columns, NotCompilable, compile_pipeline, lowerings, register, try_to_compile
from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.lowering_registry import Regression, registered_lowerings
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.learn import learn_contract
from tests.compiler.cases import (
    check_predictor,
    check_transformer,
    compile_error,
    make_target,
    mixed_table,
    number_table,
)


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """The example in the documentation."""

    def fit(self, X: Any, y: Any = None) -> Doubler:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X, dtype=np.float64) * 2.0


class Unregistered(StandardScaler):  # type: ignore[misc]  # scikit-learn ships no types
    def transform(self, X: Any, copy: bool | None = None) -> Any:
        return super().transform(X) + 1.0


class Largest(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Predicts the largest number of a row."""

    def fit(self, X: Any, y: Any = None) -> Largest:
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Any:
        return np.asarray(X, dtype=np.float64).max(axis=1)


@register(Doubler)
def _doubler(estimator: Doubler, x: Columns) -> Columns:
    return x.each("*", 2.0)


@register(f"{__name__}.Largest")
def _largest(estimator: Any, x: Columns) -> Regression:
    return Regression(op.reduce_max(as_matrix(x), op.const(np.array([1])), keepdims=False))


def test_a_lowering_for_a_custom_transformer() -> None:
    check_transformer(Doubler(), number_table(missing=0.1))
    frame = number_table()
    case = check_predictor(make_pipeline(Doubler(), StandardScaler(), Ridge()), frame, make_target(frame, "regression"))
    assert case.operators[:3] == ["Mul", "Sub", "Div"]


def test_a_lowering_registered_by_module_and_class_name() -> None:
    check_predictor(make_pipeline(StandardScaler(), Largest()), number_table())


def test_a_subclass_does_not_inherit_the_lowering() -> None:
    assert compile_error(make_pipeline(Unregistered(), LinearRegression()), number_table()) == (
        "Pipeline → step 'unregistered' → Unregistered: "
        "no lowering is registered for this class; see fasttrack.compiler.register"
    )


def test_a_transformer_where_a_predictor_is_expected() -> None:
    assert compile_error(StandardScaler(), number_table()) == (
        "StandardScaler is a transformer, where a regressor or classifier was expected"
    )


def test_a_wrong_lowering_fails_the_proof() -> None:
    class Tripler(Doubler):
        def transform(self, X: Any) -> Any:
            return np.asarray(X, dtype=np.float64) * 3.0

    register(Tripler)(_doubler)
    result = fit_and_compile(make_pipeline(Tripler(), LinearRegression()))
    assert result.program is None
    assert result.proof is not None
    assert result.reason.startswith("the proof failed: the predictions differ by ")


def test_an_exception_in_a_lowering_becomes_the_reason() -> None:
    class Broken(Doubler):
        pass

    @register(Broken)
    def _broken(estimator: Any, x: Columns) -> Columns:
        raise KeyError("too bad")

    result = fit_and_compile(make_pipeline(Broken(), LinearRegression()))
    assert (result.program, result.proof) == (None, None)
    assert result.reason == "compiling failed: KeyError"


def test_the_reason_names_the_step_without_a_lowering() -> None:
    result = fit_and_compile(make_pipeline(StandardScaler(), Unregistered(), LinearRegression()))
    assert result.reason.startswith("Pipeline → step 'unregistered' → Unregistered: no lowering is registered")


def test_the_same_pipeline_compiles_to_the_same_bytes() -> None:
    result = fit_and_compile(make_pipeline(StandardScaler(), LinearRegression()))
    assert result.program
    assert result.proof is not None
    assert result.input_rules is not None
    assert result.reason == ""
    again = fit_and_compile(make_pipeline(StandardScaler(), LinearRegression()))
    assert again.program == result.program  # the same pipeline gives the same bytes


def test_the_task_must_match_the_contract() -> None:
    frame = number_table(40)
    pipeline = LinearRegression().fit(frame, make_target(frame, "regression"))
    contract = learn_contract(frame, pipeline, target="y", task="regression")
    classes = learn_contract(frame, Classes(), target="y", task="binary")
    compile_pipeline(pipeline, contract)
    with pytest.raises(NotCompilable, match="it is a regressor, but the contract's target has classes"):
        compile_pipeline(pipeline, classes)


class Classes:
    classes_ = np.array([0, 1])


def fit_and_compile(pipeline: Any) -> Any:
    frame: pd.DataFrame = number_table(60)
    pipeline.fit(frame, make_target(frame, "regression"))
    contract = learn_contract(frame, pipeline, target="y", task="regression")
    return try_to_compile(pipeline, contract, frame, matrix_from_frame(contract, frame), threads=1)


def test_float16_does_not_compile() -> None:
    frame = mixed_table()[["number"]].astype("float16")
    assert "column 'number' is float16; convert it to float64 before fitting" in compile_error(
        LinearRegression(), frame, make_target(frame.astype(float), "regression")
    )


def lowering_modules() -> list[str]:
    return [path.stem for path in sorted(Path(lowerings.__file__).parent.glob("*.py")) if path.stem != "__init__"]


def test_every_lowering_module_is_listed_and_listed_once() -> None:
    assert lowerings.__all__ == lowering_modules()


@pytest.mark.parametrize("module", lowering_modules())
def test_every_lowering_module_registers_a_class_and_has_tests(module: str) -> None:
    modules = {function.__module__ for function in registered_lowerings().values()}
    assert f"fasttrack.compiler.lowerings.{module}" in modules
    assert (Path(__file__).parent / f"test_{module}.py").is_file()
