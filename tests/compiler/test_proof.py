"""The proof fails for every error in a graph and says where it is; it tolerates rounding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fasttrack.compiler import CompiledPipeline, Proof, prove
from fasttrack.graph import Bound, InputRules
from tests.compiler.cases import Case, check_predictor, make_target, mixed_table, number_table


def prove_again(case: Case, compiled: CompiledPipeline, X: Any, **options: Any) -> Proof:
    return prove(compiled, case.pipeline, case.contract, X, case.matrix, **options)


def damage_constant(compiled: CompiledPipeline, by: float, *, like: float) -> CompiledPipeline:
    """The same graph with `by` added to the numbers near `like`, in the first constant that has one."""
    model = onnx.ModelProto()
    model.CopyFrom(compiled.model)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type != onnx.AttributeProto.TENSOR:
                continue
            values = numpy_helper.to_array(attribute.t).copy()
            if values.dtype == np.float64 and np.isclose(values, like, rtol=1e-12).any():
                values[np.isclose(values, like, rtol=1e-12)] += by
                attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))
                return replace(compiled, model=model)
    raise AssertionError(f"no constant is {like}")


def linear_case() -> tuple[Case, pd.DataFrame]:
    frame = number_table(60)
    return check_predictor(LinearRegression(), frame, make_target(frame, "regression")), frame


def test_a_proof_prints_as_one_line() -> None:
    case, frame = linear_case()
    proof = prove_again(case, case.compiled, frame)
    assert proof.passed
    assert (proof.rows, proof.reason, proof.labels_equal) == (60, "", True)
    assert str(proof).startswith("60 + 1,0")
    assert " edge rows, worst difference " in str(proof)


@pytest.mark.parametrize("by", [1e-8, -1e-3, np.nan, np.inf])
def test_a_wrong_coefficient_fails(by: float) -> None:
    case, frame = linear_case()
    proof = prove_again(case, damage_constant(case.compiled, by, like=case.pipeline.coef_[0]), frame)
    assert not proof.passed
    assert proof.worst > 1e-9
    assert "the predictions differ by " in proof.reason
    assert " at edge row: " in proof.reason or " at training row " in proof.reason


def test_a_difference_below_the_tolerance_passes() -> None:
    case, frame = linear_case()
    scale = float(np.abs(case.pipeline.predict(frame)).max())
    proof = prove_again(case, damage_constant(case.compiled, scale * 1e-13, like=case.pipeline.intercept_), frame)
    assert proof.passed
    assert 0 < proof.worst < 1e-9


def test_a_different_label_fails() -> None:
    frame = number_table(80)
    scaled = StandardScaler().set_output(transform="pandas").fit_transform(frame)
    case = check_predictor(LogisticRegression(), scaled, make_target(frame, "binary"))
    proof = prove_again(case, damage_constant(case.compiled, 0.5, like=case.pipeline.intercept_[0]), scaled)
    assert not proof.labels_equal
    assert proof.reason.startswith("the labels differ at ")


def test_a_threshold_that_is_off_by_one_float_fails_on_edge_rows() -> None:
    frame = number_table(80)
    case = check_predictor(
        HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5), frame, make_target(frame, "regression")
    )
    model = onnx.ModelProto()
    model.CopyFrom(case.compiled.model)
    (node,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (splits,) = (attribute for attribute in node.attribute if attribute.name == "nodes_splits")
    values = numpy_helper.to_array(splits.t)
    splits.t.CopyFrom(numpy_helper.from_array(np.nextafter(values, np.inf), "nodes_splits"))
    proof = prove_again(case, replace(case.compiled, model=model), frame)
    assert not proof.passed
    assert " at edge row: " in proof.reason


def test_a_row_that_only_the_graph_refuses_fails() -> None:
    case, frame = linear_case()
    narrow = replace(case.compiled, input_rules=InputRules(bounds=(Bound(0, -1.0, 1.0),)))
    proof = prove_again(case, narrow, frame)
    assert not proof.passed
    assert proof.reason.startswith("the graph refuses row ")
    assert proof.reason.endswith(", which scikit-learn accepts")


def test_a_row_that_only_scikit_learn_refuses_fails() -> None:
    frame = mixed_table()[["text", "number"]]
    parts = make_column_transformer((OneHotEncoder(), ["text"]), remainder="passthrough")
    case = check_predictor(make_pipeline(parts, Ridge()), frame, make_target(frame, "regression"))
    assert case.compiled.input_rules.must_be_known == (0,)
    proof = prove_again(case, replace(case.compiled, input_rules=InputRules()), frame)
    assert not proof.passed
    assert proof.reason == "scikit-learn refuses a row that the graph accepts: ValueError"


def test_a_graph_that_does_not_run_fails_without_an_exception() -> None:
    case, frame = linear_case()
    model = onnx.ModelProto()
    model.CopyFrom(case.compiled.model)
    model.graph.node[-1].op_type = "NoSuchOperator"
    proof = prove_again(case, replace(case.compiled, model=model), frame)
    assert not proof.passed
    assert proof.reason.startswith("onnxruntime does not run the graph: ")
    assert "\n" not in proof.reason


def test_edge_rows_are_limited_and_reproducible() -> None:
    frame = number_table(80)
    case = check_predictor(
        HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=2), frame, make_target(frame, "regression")
    )
    few = prove_again(case, case.compiled, frame, max_edge_rows=100)
    many = prove_again(case, case.compiled, frame, max_edge_rows=10**6)
    assert few.edge_rows < many.edge_rows
    assert prove_again(case, case.compiled, frame, max_edge_rows=100) == few


def test_max_rows_compares_evenly_spaced_rows_and_reports_their_numbers() -> None:
    case, frame = linear_case()
    seven = prove_again(case, case.compiled, frame, max_rows=7)
    assert (seven.rows, seven.of, seven.passed) == (7, 60, True)
    assert str(seven).startswith("7 of 60 + ")
    assert prove_again(case, case.compiled, frame, max_rows=60).rows == 60
    predict, last = case.pipeline.predict, frame.iloc[59]
    # edge rows may contain this row; with seven rows, which are training rows, the error is larger
    case.pipeline.predict = lambda X: predict(X) + X.eq(last).all(axis=1).to_numpy() * (2.0 if len(X) == 7 else 1.0)
    proof = prove_again(case, case.compiled, frame, max_rows=7, max_edge_rows=0)
    assert proof.where == "training row 59"


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_result(threads: int) -> None:
    frame = number_table(100)
    case = check_predictor(
        RandomForestClassifier(n_estimators=9, random_state=0, n_jobs=2), frame, make_target(frame, "multiclass")
    )
    proof = prove_again(case, case.compiled, frame, threads=threads)
    assert proof.passed
    assert proof.worst == 0.0
    few = frame.iloc[:2]  # fewer rows than threads
    proof = prove(case.compiled, case.pipeline, case.contract, few, case.matrix[:2], threads=threads)
    assert proof.passed
