"""Testing a lowering: fit, compile, and compare with scikit-learn on training rows, generated rows and edge rows.

`check_predictor` tests a predictor, `check_transformer` a transformer; `compile_error` returns the message of a
NotCompilable. The comparison here is independent of the product's own proof, which every case has to pass as well.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, is_classifier
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from fasttrack.compiler import Columns, CompiledPipeline, NotCompilable, compile_pipeline, prove, register
from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.lowering_registry import Regression
from fasttrack.contract.frame import matrix_from_frame, pipeline_input
from fasttrack.contract.learn import learn_contract
from fasttrack.graph import Session, open_session, refused_rows, run
from tests.budget import THOROUGH, budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fasttrack.compiler import Proof
    from fasttrack.contract import Contract, Kind, Task

    Floats = NDArray[np.float64]

__all__ = [
    "Case",
    "Reveal",
    "check_predictor",
    "check_transformer",
    "compile_error",
    "make_target",
    "mixed_table",
    "number_table",
]

_EDGE_ROWS = budget(800, 150)
_GENERATED_ROWS = budget(300, 80)


@dataclass(frozen=True, eq=False)
class Case:
    """A fitted pipeline and its compiled form. `matrix`: the training rows, float64[n, f]."""

    pipeline: Any
    contract: Contract
    compiled: CompiledPipeline
    matrix: Floats
    proof: Proof

    def predict(self, matrix: Floats) -> dict[str, NDArray[Any]]:
        """The graph's outputs for the rows of `matrix`, float64[n, f]."""
        return run(self._session, matrix)

    def refused_rows(self, matrix: Floats) -> NDArray[np.bool_]:
        """bool[n]: the rows that the compiled pipeline refuses."""
        refused = refused_rows(self.compiled.input_rules, self.contract, matrix)
        by_graph = self.predict(matrix).get("refused")
        return refused if by_graph is None else refused | by_graph.astype(bool)

    @cached_property
    def _session(self) -> Session:
        return open_session(self.compiled.program)

    @cached_property
    def scale(self) -> Any:
        """The median magnitude of scikit-learn's predictions for the training rows, by target."""
        predictions = _predict(self, self.matrix)
        if predictions is None:
            return 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all predictions of a target may be missing
            return np.nan_to_num(
                np.nanmedian(np.where(np.isfinite(predictions[0]), np.abs(predictions[0]), np.nan), axis=0)
            )

    @property
    def operators(self) -> list[str]:
        """The types of the graph's operators in order, without constants."""
        return [node.op_type for node in self.compiled.model.graph.node if node.op_type != "Constant"]


class Reveal(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Predicts its input, so that a transformer's output can be compared number by number."""

    def fit(self, X: Any, y: Any = None) -> Reveal:
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Floats:
        return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)


@register(Reveal)
def _reveal(_: Reveal, x: Columns) -> Regression:
    return Regression(as_matrix(x))


# nine parameters, of which most tests set none: what is fitted (three), and independent options set by name
def check_predictor(
    estimator: Any,
    X: pd.DataFrame | NDArray[Any],
    y: Any = None,
    *,
    fresh: pd.DataFrame | None = None,
    tolerance: float = 1e-9,
    kinds: Mapping[str, Kind] | None = None,
    fit: Mapping[str, Any] | None = None,
    edges: int = _EDGE_ROWS,
    seed: int = 0,
) -> Case:
    """Fit `estimator` (with the arguments `fit`), compile it, and assert that both predict the same values.

    They are compared on the rows of `X`, on generated rows with recombined, changed, missing and unseen values, on the
    rows of `fresh`, and in the product's proof with about `edges` edge rows. `tolerance`: relative to the magnitude of
    a prediction, or to the target's median magnitude in training if that is larger; of probabilities absolute.
    """
    case = _compile(_fit(estimator, X, y, fit), X, kinds, edges, seed)
    assert case.proof.passed or case.proof.worst <= tolerance, case.proof
    _compare(case, case.matrix, tolerance, "training")
    _compare(case, _generate_rows(case.contract, case.matrix, np.random.default_rng(seed)), tolerance, "generated")
    if fresh is not None:
        _compare(case, matrix_from_frame(case.contract, fresh), tolerance, "fresh")
    return case


def check_transformer(
    transformer: Any,
    X: pd.DataFrame | NDArray[Any],
    y: Any = None,
    *,
    trees: bool = True,
    **options: Any,
) -> Case:
    """As `check_predictor`, for each number that `transformer` makes; with `trees`, also for trees that split on them.

    Trees reveal a difference in the last bit: pass `trees=False` if the arithmetic cannot agree to the last bit.
    """
    case = check_predictor(make_pipeline(transformer, Reveal()), X, y, **options)
    if trees:
        target = y if y is not None else np.random.default_rng(1).normal(size=len(X)).round(1)
        check_predictor(
            make_pipeline(transformer, DecisionTreeRegressor(max_depth=5, random_state=0)), X, target, **options
        )
        if THOROUGH:  # the same thresholds in another operator
            boosted = HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=2, early_stopping=False)
            check_predictor(make_pipeline(transformer, boosted), X, target, **options)
    return case


def compile_error(estimator: Any, X: Any, y: Any = None, *, fit: Mapping[str, Any] | None = None) -> str:
    """The message of the NotCompilable that the fitted `estimator` raises."""
    fitted = _fit(estimator, X, y, fit)
    with pytest.raises(NotCompilable) as caught:
        compile_pipeline(fitted, _learn_contract(fitted, X, None)[0])
    return str(caught.value)


def number_table(rows: int = 120, columns: int = 4, *, missing: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Columns `a`, `b`, … of floats on several scales, with ties. `missing`: the fraction of missing cells."""
    random = np.random.default_rng(seed)
    scales = np.resize([1.0, 50.0, 1e-3, 2e4], columns)
    values = random.normal(size=(rows, columns)) * scales + np.resize([0.0, 20.0, 1e-3, -3e4], columns)
    values[:, ::2] = values[:, ::2].round(2)
    values[random.random(values.shape) < missing] = np.nan
    return pd.DataFrame(values, columns=[chr(97 + j) for j in range(columns)])


def mixed_table(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Every kind of column; those with 'missing' in their name have missing values."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": random.normal(size=rows) * 10,
            "number missing": random.normal(size=rows).round(1),
            "whole": random.integers(-5, 60, rows),
            "flag": random.random(rows) < 0.4,
            "flag missing": np.where(random.random(rows) < 0.5, 1.0, 0.0),
            "single": random.normal(size=rows).astype(np.float32),
            "text": pd.Series(random.choice(["x", "y", "ž", "rare"], rows, p=[0.5, 0.3, 0.18, 0.02]), dtype="str"),
            "text missing": pd.Series(random.choice(["JFK", "LGA", "", "null"], rows), dtype="str"),
            "words": pd.Series([f"word {i}" for i in random.integers(0, 90, rows)], dtype="str"),
            "when missing": pd.Series(
                pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s")
            ).dt.as_unit("us"),
        }
    )
    for name in frame.columns[frame.columns.str.endswith("missing")]:
        frame.loc[random.random(rows) < 0.15, name] = None
    return frame


def make_target(X: pd.DataFrame | NDArray[Any], task: Task, *, seed: int = 0) -> NDArray[Any]:
    """A target that depends on the numbers of `X`: floats, two classes of whole numbers, or three of text."""
    values = X.select_dtypes("number").to_numpy(dtype=float) if isinstance(X, pd.DataFrame) else np.asarray(X, float)
    values = np.nan_to_num(values)
    spread = values.std(axis=0)
    score: Floats = ((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1))[:, :3].sum(axis=1)
    score = score + np.random.default_rng(seed).normal(scale=0.3, size=len(score))
    if task == "regression":
        return score * 3 + 1
    if task == "binary":
        return (score > np.median(score)).astype(np.int64)
    return np.array(["low", "mid", "top"])[np.digitize(score, np.quantile(score, [0.3, 0.7]))]


def _fit(estimator: Any, X: Any, y: Any, fit_params: Mapping[str, Any] | None) -> Any:
    return estimator.fit(X, np.zeros(len(X)) if y is None else y, **(fit_params or {}))


def _learn_contract(
    pipeline: Any, X: pd.DataFrame | NDArray[Any], kinds: Mapping[str, Kind] | None
) -> tuple[Contract, Floats]:
    array = not isinstance(X, pd.DataFrame)
    frame = pd.DataFrame(X, columns=[f"column {j}" for j in range(X.shape[1])]) if array else X
    task: Task = "regression"
    if is_classifier(pipeline):
        task = "binary" if len(pipeline.classes_) == 2 else "multiclass"
    contract = learn_contract(frame, pipeline, target="target", task=task, kinds=kinds, array=array)
    return contract, matrix_from_frame(contract, frame)


def _compile(pipeline: Any, X: Any, kinds: Mapping[str, Kind] | None, edges: int, seed: int) -> Case:
    contract, matrix = _learn_contract(pipeline, X, kinds)
    compiled = compile_pipeline(pipeline, contract, min_trees=1)
    proof = prove(compiled, pipeline, contract, X, matrix, max_edge_rows=edges, seed=seed)
    return Case(pipeline, contract, compiled, matrix, proof)


def _generate_rows(contract: Contract, matrix: Floats, random: np.random.Generator) -> Floats:
    """Rows with cells from different training rows, some of them changed, missing or unseen."""
    n = _GENERATED_ROWS
    rows = np.column_stack([random.choice(matrix[:, j], n) for j in range(matrix.shape[1])])
    for j, column in enumerate(contract.columns):
        cells, draw = rows[:, j], random.random(n)
        if column.kind == "category":
            cells[draw < 0.15] = -1.0
        elif column.kind in ("number", "integer", "datetime"):
            spread = np.nanstd(matrix[:, j]) if np.isfinite(matrix[:, j]).any() else 1.0
            changed = np.nan_to_num(cells) + random.normal(size=n) * (spread if spread > 0 else 1.0)
            if column.kind == "integer":
                changed = np.rint(changed)
            if column.dtype in ("float32", "Float32"):
                changed = changed.astype(np.float32).astype(np.float64)
            if column.kind == "datetime":
                changed = np.round(changed)
            rows[:, j] = cells = np.where(draw < 0.4, changed, cells)
        if column.nullable:
            cells[random.random(n) < 0.1] = np.nan
    return rows


def _compare(case: Case, matrix: Floats, tolerance: float, kind: str) -> None:
    refused = case.refused_rows(matrix)
    for row in np.flatnonzero(refused)[::7][:6]:
        assert _predict(case, matrix[[row]]) is None, f"{kind} row {row} {matrix[row]} is refused, but not by sklearn"
    accepted = matrix[~refused]
    if not len(accepted):
        return
    expected = _predict(case, accepted)
    if expected is None:
        first = next(row for row in accepted if _predict(case, row[None]) is None)
        raise AssertionError(f"{kind} row {first} is accepted, but scikit-learn refuses it")
    outputs = case.predict(accepted)
    ours, (prediction, probabilities) = outputs["prediction"], expected
    if case.contract.target.classes is None:
        assert ours.shape == prediction.shape, (ours.shape, prediction.shape)
        _assert_close(ours, prediction, accepted, case.scale, tolerance, kind)
        return
    codes = pd.Index(case.pipeline.classes_).get_indexer(pd.Index(prediction))
    undefined = False if probabilities is None else np.isnan(probabilities).any(axis=1)
    wrong = np.flatnonzero((ours != codes) & ~undefined)
    assert not len(wrong), f"{kind} row {accepted[wrong[0]]}: label {ours[wrong[0]]}, expected {codes[wrong[0]]}"
    assert ("probabilities" in outputs) == (probabilities is not None)
    if probabilities is not None:
        _assert_close(outputs["probabilities"], probabilities, accepted, 1.0, tolerance, kind)


def _assert_close(ours: Floats, theirs: Floats, rows: Floats, scale: Any, tolerance: float, kind: str) -> None:
    theirs = np.asarray(theirs, dtype=np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(all="ignore"):
        near = np.abs(ours - theirs) <= tolerance * np.maximum(np.abs(theirs), scale)
    wrong = np.flatnonzero(~(same | near).reshape(len(ours), -1).all(axis=1))
    assert not len(wrong), f"{kind} row {rows[wrong[0]]}: {ours[wrong[0]]}, expected {theirs[wrong[0]]}"


def _predict(case: Case, matrix: Floats) -> tuple[NDArray[Any], NDArray[Any] | None] | None:
    """scikit-learn's prediction and probabilities; `None` if it refuses the rows."""
    rows = pipeline_input(case.contract, matrix)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            prediction: NDArray[Any] = np.asarray(case.pipeline.predict(rows))
            if not case.contract.target.probabilities:
                return prediction, None
            return prediction, np.asarray(case.pipeline.predict_proba(rows))
        except (ValueError, TypeError, OverflowError):
            return None
