"""LightGBM's scikit-learn classes: float64 trees from the booster's own dump, and the link of each objective."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.class_scores import argmax, binary_probabilities
from fasttrack.compiler.columns import CodedColumn, Columns, Feature, NumberColumn
from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import squeeze_column
from fasttrack.compiler.lowering_registry import Classification, Regression, register
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

__all__: list[str] = []

_IDENTITY_LINK = {"regression", "regression_l1", "huber", "fair", "quantile", "mape"}
_LOG_LINK = {"poisson", "gamma", "tweedie"}
_INFINITY = 1e300
"""LightGBM stores infinite thresholds as this number."""
_ZERO_MAGNITUDE = float(np.float32(1e-35))
"""LightGBM treats magnitudes up to this as zero."""


@register("lightgbm.sklearn.LGBMRegressor")
def _regressor(estimator: Any, x: Columns) -> Regression:
    model = estimator.booster_.dump_model()  # up to its best iteration
    raw = squeeze_column(_raw_predictions(model, x))
    name, *options = _objective(model)
    if name in _IDENTITY_LINK and "sqrt" in options:
        return Regression(op.mul(op.sign(raw), op.mul(raw, raw)))
    if name in _IDENTITY_LINK:
        return Regression(raw)
    if name in _LOG_LINK:
        return Regression(op.exp(raw))
    raise NotCompilable(f"its objective {name!r} has no lowering")


@register("lightgbm.sklearn.LGBMClassifier")
def _classifier(estimator: Any, x: Columns) -> Classification:
    model = estimator.booster_.dump_model()
    name, *options = _objective(model)
    raw = _raw_predictions(model, x)
    prefix = "sigmoid:"
    slope = next((float(option.removeprefix(prefix)) for option in options if option.startswith(prefix)), 1.0)
    match name:
        case "binary" if len(estimator.classes_) == 2:
            probabilities = binary_probabilities(expit(op.mul(op.const(slope), raw)))
        case "multiclass":
            probabilities = softmax(raw)
        case "multiclassova":
            probabilities = expit(op.mul(op.const(slope), raw))
        case _:
            raise NotCompilable(f"its objective {name!r} has no lowering for {len(estimator.classes_)} classes")
    return Classification(estimator.classes_, argmax(probabilities), probabilities)


def _objective(model: dict[str, Any]) -> list[str]:
    """The name of the objective, then its options."""
    objective = model.get("objective")
    if not objective:
        raise NotCompilable("a custom objective has no lowering")
    return str(objective).split(" ")


def _raw_predictions(model: dict[str, Any], x: Columns) -> Var:
    """float64[n, k]: the trees of each of the k outputs, added in order."""
    outputs = model["num_tree_per_iteration"]
    x = _tree_inputs(model, x)
    trees = [_convert_tree(tree["tree_structure"], i % outputs, x) for i, tree in enumerate(model["tree_info"])]
    sums = tree_sums([*(DecisionTree.constant(0.0, k) for k in range(outputs)), *trees], x, outputs)
    return op.div(sums, op.const(len(trees) / outputs)) if model["average_output"] else sums


def _tree_inputs(model: dict[str, Any], x: Columns) -> Columns:
    """The columns as LightGBM reads them: pandas categories as LightGBM's codes, tiny numbers as zero."""
    categories = iter(model["pandas_categorical"] or ())
    features: list[Feature] = []
    for feature in x:
        cells = feature.cells if isinstance(feature, CodedColumn) else None
        if isinstance(feature, CodedColumn) and isinstance(cells, pd.Series) and cells.dtype == "category":
            codes = cells.cat.set_categories(next(categories)).cat.codes.to_numpy(dtype=np.float64)
            features.append(replace(feature, cells=np.where(codes < 0, np.nan, codes)))
        else:
            features.extend(x.with_features([feature]).each("flush", _ZERO_MAGNITUDE))
    return x.with_features(features)


def _convert_tree(root: dict[str, Any], target: int, x: Columns) -> DecisionTree:
    nodes: list[tuple[int, float, int, int, bool, float]] = []
    members: dict[int, NDArray[np.float64]] = {}

    def grow(node: dict[str, Any]) -> int:
        index = len(nodes)
        if "leaf_value" in node:
            if "leaf_coeff" in node:
                raise NotCompilable("linear trees have no lowering")
            nodes.append((-1, 0.0, -1, -1, False, float(node["leaf_value"])))
            return index
        nodes.append((0, 0.0, 0, 0, False, 0.0))
        column = int(node["split_feature"])
        threshold, missing_left = 0.0, False
        if node["decision_type"] == "==":
            if isinstance(x.features[column], NumberColumn):
                raise NotCompilable("categorical_feature names a numeric column; convert it to a pandas category")
            members[index] = np.array([float(code) for code in str(node["threshold"]).split("||")])
        else:
            threshold = float(node["threshold"])
            missing_left = _missing_goes_left(node, threshold)
            threshold = np.inf if threshold >= _INFINITY else threshold
        left, right = grow(node["left_child"]), grow(node["right_child"])
        nodes[index] = (column, threshold, left, right, missing_left, 0.0)
        return index

    grow(root)
    feature, threshold, left, right, missing, value = map(np.array, zip(*nodes, strict=True))
    return DecisionTree(feature.astype(np.int64), threshold, left, right, missing.astype(bool), value, target, members)


def _missing_goes_left(node: dict[str, Any], threshold: float) -> bool:
    match node["missing_type"]:
        case "NaN":
            return bool(node["default_left"])
        case "None":  # a missing value counts as zero
            return threshold >= 0
    raise NotCompilable("zero_as_missing=True has no lowering")
