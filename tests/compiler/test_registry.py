"""A lowering of one's own is registered like those that come along; what has none says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import spox.opset.ai.onnx.v21 as op
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fasttrack.compiler import Columns, NotCompilable, compile_pipeline, register, try_to_compile
from fasttrack.compiler.lower import Regression
from fasttrack.compiler.matrix import as_matrix
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.learn import learn_contract
from tests.compiler.cases import check, check_transformer, labels, mixed_table, numbers, refusal


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """The example of the documentation."""

    def fit(self, X: Any, y: Any = None) -> Doubler:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X, dtype=np.float64) * 2.0


class Rescaled(StandardScaler):  # type: ignore[misc]  # scikit-learn ships no types
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


def test_a_transformer_of_ones_own() -> None:
    check_transformer(Doubler(), numbers(missing=0.1))
    frame = numbers()
    case = check(make_pipeline(Doubler(), StandardScaler(), Ridge()), frame, labels(frame, "regression"))
    assert case.operators[:3] == ["Mul", "Sub", "Div"]


def test_a_regressor_of_ones_own_named_by_its_module() -> None:
    check(make_pipeline(StandardScaler(), Largest()), numbers())


def test_a_subclass_is_not_taken_for_its_parent() -> None:
    assert refusal(make_pipeline(Rescaled(), LinearRegression()), numbers()) == (
        "Pipeline → step 'rescaled' → Rescaled: "
        "no lowering is registered for this class; see fasttrack.compiler.register"
    )


def test_a_transformer_where_a_model_should_be_and_the_reverse() -> None:
    assert refusal(StandardScaler(), numbers()) == (
        "StandardScaler transforms, where a regressor or classifier was expected"
    )


def test_a_wrong_lowering_fails_the_proof_and_costs_nothing_else() -> None:
    class Tripler(Doubler):
        def transform(self, X: Any) -> Any:
            return np.asarray(X, dtype=np.float64) * 3.0

    register(Tripler)(_doubler)
    found = attempt(make_pipeline(Tripler(), LinearRegression()))
    assert found.program is None
    assert found.proof is not None
    assert found.reason.startswith("the proof failed: the answers differ by ")


def test_a_lowering_that_raises_costs_nothing_else() -> None:
    class Broken(Doubler):
        pass

    @register(Broken)
    def _broken(estimator: Any, x: Columns) -> Columns:
        raise KeyError("too bad")

    found = attempt(make_pipeline(Broken(), LinearRegression()))
    assert (found.program, found.proof) == (None, None)
    assert found.reason == "compiling failed: KeyError: 'too bad'"


def test_what_is_not_compiled_says_the_step_in_one_line() -> None:
    found = attempt(make_pipeline(StandardScaler(), Rescaled(), LinearRegression()))
    assert found.reason.startswith("Pipeline → step 'rescaled' → Rescaled: no lowering is registered")


def test_a_compiled_model_is_bytes_with_its_evidence() -> None:
    found = attempt(make_pipeline(StandardScaler(), LinearRegression()))
    assert found.program
    assert found.proof is not None
    assert found.refusals is not None
    assert found.reason == ""
    again = attempt(make_pipeline(StandardScaler(), LinearRegression()))
    assert again.program == found.program  # the same pipeline gives the same bytes


def test_the_task_must_be_the_contract_s() -> None:
    frame = numbers(40)
    pipeline = LinearRegression().fit(frame, labels(frame, "regression"))
    contract = learn_contract(frame, pipeline, target="y", task="regression")
    classes = learn_contract(frame, Classes(), target="y", task="binary")
    compile_pipeline(pipeline, contract)
    with pytest.raises(NotCompilable, match="it is a regressor, but the contract's target has classes"):
        compile_pipeline(pipeline, classes)


class Classes:
    classes_ = np.array([0, 1])


def attempt(pipeline: Any) -> Any:
    frame: pd.DataFrame = numbers(60)
    pipeline.fit(frame, labels(frame, "regression"))
    contract = learn_contract(frame, pipeline, target="y", task="regression")
    return try_to_compile(pipeline, contract, frame, matrix_from_frame(contract, frame), threads=1)


def test_half_floats_are_told() -> None:
    frame = mixed_table()[["number"]].astype("float16")
    assert "column 'number' is float16; convert it to float64 before fitting" in refusal(
        LinearRegression(), frame, labels(frame.astype(float), "regression")
    )
