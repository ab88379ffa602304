"""The many-rows program: leaf masks give the same sums as the graph, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from fasttrack.compiler import compile_pipeline, prove, try_to_compile
from fasttrack.contract.frame import pipeline_input
from fasttrack.contract.learn import learn_columns
from fasttrack.graph import ColumnMasks, LeafMasks, ManyRowsProgram, ManyRowsSession, Program, open_session, run
from fasttrack.graph.leaf_masks import MaskedTrees
from fasttrack.training.families import build
from tests.budget import budget
from tests.compiler.cases import Case, check_predictor, make_target, mixed_table, number_table


def decode_program(case: Case) -> ManyRowsProgram:
    assert case.compiled.many_rows is not None
    return msgspec.msgpack.decode(case.compiled.many_rows, type=ManyRowsProgram)


@pytest.mark.parametrize("leaves", [2, 8, 9, 16, 31, 32, 33, 64])
def test_trees_of_up_to_64_leaves(leaves: int) -> None:
    frame = number_table(600, missing=0.1)
    trees = HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=leaves, min_samples_leaf=1, early_stopping=False)
    case = check_predictor(trees, frame, make_target(frame, "regression"))
    (stage,) = decode_program(case).stages
    assert stage.trees.leaves == leaves
    assert stage.trees.bits == next(bits for bits in (8, 16, 32, 64) if leaves <= bits)


def test_larger_trees_stay_in_the_graph() -> None:
    frame = number_table(600)
    target = make_target(frame, "regression")
    large = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=65, min_samples_leaf=1, early_stopping=False)
    assert check_predictor(large, frame, target).compiled.many_rows is None
    small = GradientBoostingRegressor(n_estimators=40)
    both = VotingRegressor([("large", RandomForestRegressor(40, random_state=0)), ("small", small)])
    case = check_predictor(both, frame, target)
    assert [len(stage.trees.ends) for stage in decode_program(case).stages] == [1]
    assert case.operators.count("TreeEnsemble") == 2


def test_small_ensembles_stay_in_the_graph() -> None:
    frame = number_table(200)
    target = make_target(frame, "regression")
    case = check_predictor(GradientBoostingRegressor(n_estimators=30), frame, target)
    assert case.compiled.many_rows is not None  # the tests compile with min_trees=1
    assert compile_pipeline(case.pipeline, case.contract).many_rows is None
    more = check_predictor(GradientBoostingRegressor(n_estimators=40), frame, target)
    assert compile_pipeline(more.pipeline, more.contract).many_rows is not None


def test_all_columns_encoded_from_a_category_are_one_lookup() -> None:
    frame = mixed_table(400)[["text", "words"]]
    encoded = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        StandardScaler(),
        GradientBoostingRegressor(n_estimators=60),
    )
    target = frame["words"].str[-1:].astype(float) + (frame["text"] == "x")
    (stage,) = decode_program(check_predictor(encoded, frame, target)).stages
    assert [lookup.column for lookup in stage.trees.lookups] == [0, 1]
    assert all(lookup.bounds is None for lookup in stage.trees.lookups)


@pytest.mark.parametrize(("name", "limit"), [("_MAX_CODE_BYTES", 60), ("_MAX_BYTES", 90 * 40), ("_MAX_BYTES", 10 * 40)])
def test_masks_that_would_be_too_large_are_not_built(name: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = mixed_table(300)[["text", "number"]]
    pipeline = build("boosting", learn_columns(frame), "regression", rows=len(frame))
    pipeline.set_params(model__max_iter=60, model__early_stopping=False)
    target = frame["text"].map({"x": 0.0, "y": 9.0, "ž": 4.0, "rare": 5.0}) + frame["number"]
    case = check_predictor(pipeline, frame, target)
    assert {lookup.bounds is None for lookup in decode_program(case).stages[0].trees.lookups} == {True, False}
    monkeypatch.setattr(f"fasttrack.compiler.leaf_mask_builder.{name}", limit)
    assert compile_pipeline(case.pipeline, case.contract).many_rows is None


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("trees", [GradientBoostingClassifier(), HistGradientBoostingClassifier(max_iter=40)])
def test_classes(trees: Any, task: Any) -> None:
    frame = number_table(300)
    trees.set_params(random_state=0)
    case = check_predictor(trees, frame, make_target(frame, task))
    (stage,) = decode_program(case).stages
    assert len(stage.trees.ends) == (1 if task == "binary" else 3)


def test_an_ensemble_whose_input_is_another_ensemble() -> None:
    frame = number_table(300, missing=0.1)
    first = HistGradientBoostingRegressor(max_iter=33, early_stopping=False)
    behind = StackingRegressor([("first", first)], HistGradientBoostingRegressor(max_iter=34), cv=2, passthrough=True)
    case = check_predictor(behind, frame, make_target(frame, "regression"))
    assert len(decode_program(case).stages) == 2


def test_inputs_that_must_be_computed() -> None:
    frame = number_table(300)
    squared = make_pipeline(FunctionTransformer(np.square), GradientBoostingRegressor(n_estimators=40))
    case = check_predictor(squared, frame, make_target(frame, "regression"))
    assert decode_program(case).stages


@pytest.mark.parametrize("family", ["boosting", "forest"])
def test_predictions_do_not_depend_on_the_number_of_rows(family: Any) -> None:
    frame = mixed_table(500)
    target = make_target(frame, "regression")
    case = check_predictor(build(family, learn_columns(frame), "regression", rows=len(frame)), frame, target)
    session = open_session(case.compiled.program)
    expected = run(session, case.matrix)["prediction"]
    for rows in (1, 63, 64, 65, 200):
        parts = [run(session, case.matrix[i : i + rows])["prediction"] for i in range(0, len(expected), rows)]
        assert (np.concatenate(parts) == expected).all()
    many = np.tile(case.matrix, (70, 1))  # more than one chunk
    for threads in (1, 3):
        assert (run(session, many, threads=threads)["prediction"] == np.tile(expected, 70)).all()


@settings(max_examples=budget(30), deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([8, 16, 32, 64]),
    st.integers(1, 400) | st.just(400),
    st.integers(0, 3),
    st.sampled_from([1, 2, 129, 150]),  # with 400 trees, a chunk has 128 rows: 129 leaves one row for the second chunk
)
def test_sums_are_the_values_of_the_lowest_common_leaf(
    seed: int, bits: int, trees: int, outputs: int, rows: int
) -> None:
    random = np.random.default_rng(seed)
    dtype = np.dtype(f"<u{bits // 8}")
    bounds = np.unique(random.normal(size=9))
    tables = [random.integers(0, 1 << bits, (size, trees), dtype=dtype) for size in (len(bounds) + 2, 5)]
    for table in tables:
        table |= dtype.type(1) << dtype.type(bits - 1)  # one leaf is always reachable
    values = random.normal(size=(trees, bits))
    outputs = outputs or trees
    ends = [*np.sort(random.integers(0, trees + 1, outputs - 1)).tolist(), trees]
    if outputs == trees and seed % 2:
        ends = list(range(1, trees + 1))
    x = np.column_stack([random.choice([*bounds, *(bounds + 0.1), np.nan, -9], rows), random.integers(-1, 3, rows)])
    x[random.random(rows) < 0.1, 1] = np.nan
    masks = MaskedTrees(
        LeafMasks(
            bits=bits,
            leaves=bits,
            values=values.tobytes(),
            ends=ends,
            lookups=[
                ColumnMasks(column=0, bounds=bounds.tobytes(), masks=tables[0].tobytes()),
                ColumnMasks(column=1, cells=np.arange(5, dtype="<i4")[::-1].tobytes(), masks=tables[1].tobytes()),
            ],
        )
    )
    sums = masks.sums(x)
    assert sums.shape == (rows, outputs)
    for row, (number, code) in zip(sums, x.tolist(), strict=True):
        first = len(bounds) + 1 if np.isnan(number) else sum(number > bound for bound in bounds)
        second = 4 if np.isnan(code) else 4 - (int(code) + 2)
        start = 0
        for output, end in enumerate(ends):
            total = 0.0
            for tree in range(start, end):
                reachable = int(tables[0][first, tree]) & int(tables[1][second, tree])
                total += values[tree, (reachable & -reachable).bit_length() - 1]
            assert row[output] == total
            start = end


def test_a_wrong_many_rows_program_fails_the_proof() -> None:
    frame = number_table(300)
    case = check_predictor(GradientBoostingRegressor(n_estimators=40), frame, make_target(frame, "regression"))
    program = decode_program(case)
    (stage,) = program.stages
    values = np.frombuffer(stage.trees.values).copy()
    values[np.flatnonzero(values)[0]] += 1e-9
    trees = msgspec.structs.replace(stage.trees, values=values.tobytes())
    wrong = msgspec.msgpack.encode(
        msgspec.structs.replace(program, stages=[msgspec.structs.replace(stage, trees=trees)])
    )
    damaged = replace(case.compiled, many_rows=wrong)
    proof = prove(damaged, case.pipeline, case.contract, frame, case.matrix)
    assert not proof.passed
    assert "the many-rows program differs from the graph at " in proof.reason
    assert prove(replace(damaged, many_rows=None), case.pipeline, case.contract, frame, case.matrix).passed


def test_a_pipeline_whose_many_rows_program_fails_keeps_its_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = number_table(300)
    pipeline = GradientBoostingRegressor(n_estimators=40).fit(frame, make_target(frame, "regression"))
    case = check_predictor(pipeline, frame, make_target(frame, "regression"))
    complete = try_to_compile(case.pipeline, case.contract, frame, case.matrix, threads=1)
    assert complete.program is not None
    assert complete.program.many_rows is not None

    run_many_rows = ManyRowsSession.run
    monkeypatch.setattr(
        ManyRowsSession, "run", lambda self, names, inputs: [x + 1 for x in run_many_rows(self, names, inputs)]
    )
    result = try_to_compile(case.pipeline, case.contract, frame, case.matrix, threads=1)
    assert result.program == Program(complete.program.graph)
    assert result.proof is not None
    assert result.proof.passed


def test_the_many_rows_program_predicts_as_scikit_learn() -> None:
    frame = mixed_table(300)
    case = check_predictor(
        build("boosting", learn_columns(frame), "regression", rows=len(frame)), frame, make_target(frame, "regression")
    )
    session = ManyRowsSession(case.compiled.many_rows or b"")
    (prediction,) = session.run(["prediction"], {"rows": case.matrix})
    expected = case.pipeline.predict(pipeline_input(case.contract, case.matrix))
    assert np.allclose(prediction.astype(float), expected, rtol=1e-9)
