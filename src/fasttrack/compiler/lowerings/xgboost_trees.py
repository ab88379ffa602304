"""XGBoost's scikit-learn classes, which compute in float32 and add the trees one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import squeeze_column, take_column
from fasttrack.compiler.lowering_registry import Classification, Regression, register
from fasttrack.compiler.lowerings.dummy import repeat_row
from fasttrack.compiler.mathematics import expf
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_IDENTITY_LINK = {
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
}
_LOGIT_LINK = {"binary:logistic", "reg:logistic"}
_LOG_LINK = {"count:poisson", "reg:gamma", "reg:tweedie"}


@dataclass(frozen=True, eq=False)
class _Model:
    """A booster, up to its best iteration. `output_of`: the output that each tree adds to."""

    objective: str
    outputs: int
    base: NDArray[np.float32]
    """The initial margin of each output."""
    trees: list[dict[str, Any]]
    output_of: list[int]


@register("xgboost.sklearn.XGBRegressor", "xgboost.sklearn.XGBRFRegressor")
def _regressor(estimator: Any, x: Columns) -> Regression:
    model = _load_model(estimator)
    (margin,) = _margins(estimator, model, x)
    return Regression(op.cast(squeeze_column(_apply_link(model, margin)), to=np.float64))


@register("xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRFClassifier")
def _classifier(estimator: Any, x: Columns) -> Classification:
    model = _load_model(estimator)
    margins = _margins(estimator, model, x)
    if model.objective == "multi:softprob":
        probabilities = _softmax(op.concat(margins, axis=1))
        return Classification(estimator.classes_, argmax(probabilities), op.cast(probabilities, to=np.float64))
    second = _apply_link(model, margins[0])
    label = op.cast(op.greater(squeeze_column(second), op.const(np.float32(0.5))), to=np.int64)
    probabilities = op.concat([op.sub(op.const(np.float32(1.0)), second), second], axis=1)
    return Classification(estimator.classes_, label, op.cast(probabilities, to=np.float64))


def _load_model(estimator: Any) -> _Model:
    learner = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise NotCompilable(f"booster={booster['name']!r} has no lowering")
    if int(parameters["num_target"]) > 1:
        raise NotCompilable("it predicts several targets at once")
    objective = learner["objective"]["name"]
    outputs = max(1, int(parameters["num_class"]))
    base_score = np.asarray(json.loads(f"[{parameters['base_score'].strip('[]')}]"), dtype=np.float32)
    model = booster["model"]
    end = model["iteration_indptr"][_used_iterations(estimator, len(model["iteration_indptr"]) - 1)]
    base = np.broadcast_to(_base_margin(objective, base_score), (outputs,))
    return _Model(objective, outputs, base, model["trees"][:end], model["tree_info"][:end])


def _used_iterations(estimator: Any, trained: int) -> int:
    """How many iterations are used to predict: after early stopping, up to the best one."""
    return int(estimator._get_iteration_range(None)[1]) or trained


def _base_margin(objective: str, score: NDArray[np.float32]) -> NDArray[np.float32]:
    """The base score, which is on the scale of the predictions, as a margin."""
    with np.errstate(all="ignore"):
        if objective in _LOGIT_LINK:
            odds = np.float32(1) / score - np.float32(1)
            return (-np.log(odds.astype(np.float64))).astype(np.float32)
        if objective in _LOG_LINK:
            return np.log(score.astype(np.float64)).astype(np.float32)
    if objective in _IDENTITY_LINK or objective == "multi:softprob":
        return score
    raise NotCompilable(f"its objective {objective!r} has no lowering")


def _margins(estimator: Any, model: _Model, x: Columns) -> list[Var]:
    """float32[n, 1] for each output: the initial margin plus every tree's leaf value, added one by one."""
    if not np.isnan(estimator.missing):
        raise NotCompilable(f"missing={estimator.missing} has no lowering; use NaN for missing values")
    x = x.with_features(x.numeric_features()).each("float32")
    if not model.trees:
        return [op.cast(repeat_row(np.array([float(base)]), x), to=np.float32) for base in model.base]
    leaves = tree_sums([_convert_tree(tree, i) for i, tree in enumerate(model.trees)], x, len(model.trees))
    margins = []
    for k, base in enumerate(model.base):
        trees = np.flatnonzero(np.asarray(model.output_of) == k)
        tree_values = op.gather(leaves, op.const(trees), axis=1)
        terms = op.concat([repeat_row(np.array([float(base)]), x), tree_values], axis=1)
        cumulated = op.cum_sum(op.cast(terms, to=np.float32), op.const(np.int64(1)))
        margins.append(take_column(cumulated, len(trees)))
    return margins


def _convert_tree(tree: dict[str, Any], target: int) -> DecisionTree:
    if any(tree["split_type"]):
        raise NotCompilable("its native categories have no lowering; encode them in an earlier step")
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NotCompilable("trees with several values for each leaf have no lowering")
    left = np.asarray(tree["left_children"], dtype=np.int64)
    condition = np.asarray(tree["split_conditions"], dtype=np.float32)
    leaf = left < 0
    return DecisionTree(
        feature=np.where(leaf, -1, np.asarray(tree["split_indices"], dtype=np.int64)),
        # XGBoost goes left below the threshold, which is up to the preceding float32
        threshold=np.nextafter(condition, np.float32(-np.inf)).astype(np.float64),
        left=left,
        right=np.asarray(tree["right_children"], dtype=np.int64),
        missing_left=np.asarray(tree["default_left"], dtype=bool),
        value=np.where(leaf, condition, 0).astype(np.float64),
        target=target,
    )


def _apply_link(model: _Model, margin: Var) -> Var:
    """float32[n, 1]: the prediction, or the probability of the second class."""
    if model.objective in _LOG_LINK:
        return expf(margin)
    if model.objective in _LOGIT_LINK:
        one = op.const(np.float32(1.0))
        return op.div(one, op.add(expf(op.min([op.neg(margin), op.const(np.float32(88.7))])), one))
    return margin


def _softmax(margins: Var) -> Var:
    """float32[n, c]: exp(x) / Σ exp(x) in each row, where XGBoost computes the sum in float64."""
    axis = op.const(np.array([1]))
    e = expf(op.sub(margins, op.reduce_max(margins, axis)))
    total = op.reduce_sum(op.cast(e, to=np.float64), axis)
    return op.div(e, op.cast(total, to=np.float32))
