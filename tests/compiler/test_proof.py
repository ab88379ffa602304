"""The proof finds what is wrong with a graph, says where, and takes no difference of taste for one."""

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

from fasttrack.compiler import Compiled, Proof, prove
from fasttrack.graph import Bound, Refusals
from tests.compiler.cases import Case, check, labels, mixed_table, numbers


def again(case: Case, compiled: Compiled, X: Any, **options: Any) -> Proof:
    return prove(compiled, case.pipeline, case.contract, X, case.matrix, **options)


def damaged(compiled: Compiled, by: float, *, like: float) -> Compiled:
    """The same graph, in which the first constant that holds a number near `like` is off by `by`."""
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


def straight() -> tuple[Case, pd.DataFrame]:
    frame = numbers(60)
    return check(LinearRegression(), frame, labels(frame, "regression")), frame


def test_evidence_is_told_in_one_line() -> None:
    case, frame = straight()
    proof = again(case, case.compiled, frame)
    assert proof.passed
    assert (proof.rows, proof.reason, proof.labels_equal) == (60, "", True)
    assert str(proof).startswith("60 + 1,0")
    assert " edge rows, worst difference " in str(proof)


@pytest.mark.parametrize("by", [1e-8, -1e-3, np.nan, np.inf])
def test_a_coefficient_that_is_off_is_found(by: float) -> None:
    case, frame = straight()
    proof = again(case, damaged(case.compiled, by, like=case.pipeline.coef_[0]), frame)
    assert not proof.passed
    assert proof.worst > 1e-9
    assert "the answers differ by " in proof.reason
    assert " at edge row: " in proof.reason or " at training row " in proof.reason


def test_a_difference_below_the_tolerance_is_no_difference() -> None:
    case, frame = straight()
    scale = float(np.abs(case.pipeline.predict(frame)).max())
    proof = again(case, damaged(case.compiled, scale * 1e-13, like=case.pipeline.intercept_), frame)
    assert proof.passed
    assert 0 < proof.worst < 1e-9


def test_a_label_that_differs_is_found() -> None:
    frame = numbers(80)
    scaled = StandardScaler().set_output(transform="pandas").fit_transform(frame)
    case = check(LogisticRegression(), scaled, labels(frame, "binary"))
    proof = again(case, damaged(case.compiled, 0.5, like=case.pipeline.intercept_[0]), scaled)
    assert not proof.labels_equal
    assert proof.reason.startswith("the labels differ at ")


def test_a_threshold_that_is_off_by_one_float_is_found_on_the_edge_rows_alone() -> None:
    frame = numbers(80)
    case = check(HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5), frame, labels(frame, "regression"))
    model = onnx.ModelProto()
    model.CopyFrom(case.compiled.model)
    (node,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (splits,) = (attribute for attribute in node.attribute if attribute.name == "nodes_splits")
    values = numpy_helper.to_array(splits.t)
    splits.t.CopyFrom(numpy_helper.from_array(np.nextafter(values, np.inf), "nodes_splits"))
    proof = again(case, replace(case.compiled, model=model), frame)
    assert not proof.passed
    assert " at edge row: " in proof.reason


def test_a_row_that_the_graph_alone_refuses_is_found() -> None:
    case, frame = straight()
    narrow = replace(case.compiled, refusals=Refusals(bounds=(Bound(0, -1.0, 1.0),)))
    proof = again(case, narrow, frame)
    assert not proof.passed
    assert proof.reason.startswith("the graph refuses row ")
    assert proof.reason.endswith(", which scikit-learn takes")


def test_a_row_that_scikit_learn_alone_refuses_is_found() -> None:
    frame = mixed_table()[["text", "number"]]
    parts = make_column_transformer((OneHotEncoder(), ["text"]), remainder="passthrough")
    case = check(make_pipeline(parts, Ridge()), frame, labels(frame, "regression"))
    assert case.compiled.refusals.must_be_known == (0,)
    proof = again(case, replace(case.compiled, refusals=Refusals()), frame)
    assert not proof.passed
    assert proof.reason.startswith("scikit-learn refuses a row that the graph takes: Found unknown categories")


def test_a_graph_that_does_not_run_fails_the_proof_and_not_the_training() -> None:
    case, frame = straight()
    model = onnx.ModelProto()
    model.CopyFrom(case.compiled.model)
    model.graph.node[-1].op_type = "NoSuchOperator"
    proof = again(case, replace(case.compiled, model=model), frame)
    assert not proof.passed
    assert proof.reason.startswith("onnxruntime does not run the graph: ")
    assert "\n" not in proof.reason


def test_edge_rows_are_as_many_as_asked_for_and_the_same_each_time() -> None:
    frame = numbers(80)
    case = check(HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=2), frame, labels(frame, "regression"))
    few, many = again(case, case.compiled, frame, edges=100), again(case, case.compiled, frame, edges=10**6)
    assert few.edge_rows < many.edge_rows
    assert again(case, case.compiled, frame, edges=100) == few


def test_of_many_rows_some_are_compared_spread_over_all_and_the_row_that_differs_is_named_by_its_place() -> None:
    case, frame = straight()
    some = again(case, case.compiled, frame, at_most=7)
    assert (some.rows, some.of, some.passed) == (7, 60, True)
    assert str(some).startswith("7 of 60 + ")
    assert again(case, case.compiled, frame, at_most=60).rows == 60
    honest, last = case.pipeline.predict, frame.iloc[59]
    # an edge row may be that very row; among those of the training it is off by more
    case.pipeline.predict = lambda X: honest(X) + X.eq(last).all(axis=1).to_numpy() * (2.0 if len(X) == 7 else 1.0)
    found = again(case, case.compiled, frame, at_most=7, edges=0)
    assert found.where == "training row 59"


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_neither_order_nor_answers(threads: int) -> None:
    frame = numbers(100)
    case = check(RandomForestClassifier(n_estimators=9, random_state=0, n_jobs=2), frame, labels(frame, "multiclass"))
    proof = again(case, case.compiled, frame, threads=threads)
    assert proof.passed
    assert proof.worst == 0.0
    few = frame.iloc[:2]  # fewer rows than threads
    lone = prove(case.compiled, case.pipeline, case.contract, few, case.matrix[:2], threads=threads)
    assert lone.passed
