"""XGBoost through its scikit-learn classes: everything in float32, trees added up one after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, column, flat
from fasttrack.compiler.lower import Classification, Regression, register
from fasttrack.compiler.lowerings.dummy import repeated
from fasttrack.compiler.mathematics import expf
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_IDENTITY = {
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
}
_SIGMOID = {"binary:logistic", "reg:logistic"}
_EXPONENTIAL = {"count:poisson", "reg:gamma", "reg:tweedie"}


@dataclass(frozen=True, eq=False)
class _Model:
    objective: str
    outputs: int
    base: NDArray[np.float32]
    """The margin that each output begins with."""
    trees: list[dict[str, Any]]
    output_of: list[int]


@register("xgboost.sklearn.XGBRegressor", "xgboost.sklearn.XGBRFRegressor")
def _regressor(estimator: Any, x: Columns) -> Regression:
    model = _model(estimator)
    (margin,) = _margins(estimator, model, x)
    return Regression(op.cast(flat(_linked(model, margin)), to=np.float64))


@register("xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRFClassifier")
def _classifier(estimator: Any, x: Columns) -> Classification:
    model = _model(estimator)
    margins = _margins(estimator, model, x)
    if model.objective == "multi:softprob":
        shares = _softmax(op.concat(margins, axis=1))
        return Classification(estimator.classes_, argmax(shares), op.cast(shares, to=np.float64))
    second = _linked(model, margins[0])
    label = op.cast(op.greater(flat(second), op.const(np.float32(0.5))), to=np.int64)
    shares = op.concat([op.sub(op.const(np.float32(1.0)), second), second], axis=1)
    return Classification(estimator.classes_, label, op.cast(shares, to=np.float64))


def _model(estimator: Any) -> _Model:
    learner = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise NotCompilable(f"booster={booster['name']!r} has no lowering")
    if int(parameters["num_target"]) > 1:
        raise NotCompilable("it predicts several targets at once")
    objective = learner["objective"]["name"]
    outputs = max(1, int(parameters["num_class"]))
    first = np.asarray(json.loads(f"[{parameters['base_score'].strip('[]')}]"), dtype=np.float32)
    model = booster["model"]
    end = model["iteration_indptr"][_iterations(estimator, len(model["iteration_indptr"]) - 1)]
    base = np.broadcast_to(_margin_of(objective, first), (outputs,))
    return _Model(objective, outputs, base, model["trees"][:end], model["tree_info"][:end])


def _iterations(estimator: Any, trained: int) -> int:
    """How many rounds of trees predict: after early stopping, up to the best one."""
    return int(estimator._get_iteration_range(None)[1]) or trained


def _margin_of(objective: str, score: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        if objective in _SIGMOID:
            odds = np.float32(1) / score - np.float32(1)
            return (-np.log(odds.astype(np.float64))).astype(np.float32)
        if objective in _EXPONENTIAL:
            return np.log(score.astype(np.float64)).astype(np.float32)
    if objective in _IDENTITY or objective == "multi:softprob":
        return score
    raise NotCompilable(f"its objective {objective!r} has no lowering")


def _margins(estimator: Any, model: _Model, x: Columns) -> list[Var]:
    """float32[n, 1] for each output: its beginning, then every tree's leaf, one after the other."""
    if not np.isnan(estimator.missing):
        raise NotCompilable(f"missing={estimator.missing} has no lowering; use NaN for what is missing")
    x = x.of(x.numeric()).each("float32")
    if not model.trees:
        return [op.cast(repeated(np.array([float(base)]), x), to=np.float32) for base in model.base]
    leaves = tree_sums([_tree(one, i) for i, one in enumerate(model.trees)], x, len(model.trees))
    margins = []
    for k, base in enumerate(model.base):
        places = np.flatnonzero(np.asarray(model.output_of) == k)
        mine = op.gather(leaves, op.const(places), axis=1)
        row = op.concat([repeated(np.array([float(base)]), x), mine], axis=1)
        cumulated = op.cum_sum(op.cast(row, to=np.float32), op.const(np.int64(1)))
        margins.append(column(cumulated, len(places)))
    return margins


def _tree(tree: dict[str, Any], target: int) -> Tree:
    if any(tree["split_type"]):
        raise NotCompilable("its native categories have no lowering; encode them before")
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NotCompilable("trees with several values a leaf have no lowering")
    left = np.asarray(tree["left_children"], dtype=np.int64)
    condition = np.asarray(tree["split_conditions"], dtype=np.float32)
    leaf = left < 0
    return Tree(
        feature=np.where(leaf, -1, np.asarray(tree["split_indices"], dtype=np.int64)),
        # it goes left below the threshold: up to the float32 before it
        threshold=np.nextafter(condition, np.float32(-np.inf)).astype(np.float64),
        left=left,
        right=np.asarray(tree["right_children"], dtype=np.int64),
        missing_left=np.asarray(tree["default_left"], dtype=bool),
        value=np.where(leaf, condition, 0).astype(np.float64),
        target=target,
    )


def _linked(model: _Model, margin: Var) -> Var:
    if model.objective in _EXPONENTIAL:
        return expf(margin)
    if model.objective in _SIGMOID:
        one = op.const(np.float32(1.0))
        return op.div(one, op.add(expf(op.min([op.neg(margin), op.const(np.float32(88.7))])), one))
    return margin


def _softmax(margins: Var) -> Var:
    axis = op.const(np.array([1]))
    e = expf(op.sub(margins, op.reduce_max(margins, axis)))
    total = op.reduce_sum(op.cast(e, to=np.float64), axis)
    return op.div(e, op.cast(total, to=np.float32))
