"""LightGBM through its scikit-learn classes: float64 trees as its own dump tells them, and each objective's link."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Columns, Feature, Number, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, both, flat
from fasttrack.compiler.lower import Classification, Regression, register
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

__all__: list[str] = []

_IDENTITY = {"regression", "regression_l1", "huber", "fair", "quantile", "mape"}
_LARGEST = 1e300
"""What LightGBM takes infinity for."""
_LEAST = float(np.float32(1e-35))
_EXPONENTIAL = {"poisson", "gamma", "tweedie"}


@register("lightgbm.sklearn.LGBMRegressor")
def _regressor(estimator: Any, x: Columns) -> Regression:
    model = estimator.booster_.dump_model()  # up to its best iteration
    raw = flat(_raw(model, x))
    name, *options = _objective(model)
    if name in _IDENTITY and "sqrt" in options:
        return Regression(op.mul(op.sign(raw), op.mul(raw, raw)))
    if name in _IDENTITY:
        return Regression(raw)
    if name in _EXPONENTIAL:
        return Regression(op.exp(raw))
    raise NotCompilable(f"its objective {name!r} has no lowering")


@register("lightgbm.sklearn.LGBMClassifier")
def _classifier(estimator: Any, x: Columns) -> Classification:
    model = estimator.booster_.dump_model()
    name, *options = _objective(model)
    raw = _raw(model, x)
    steep = next((float(one.partition(":")[2]) for one in options if one.startswith("sigmoid:")), 1.0)
    match name:
        case "binary" if len(estimator.classes_) == 2:
            shares = both(expit(op.mul(op.const(steep), raw)))
        case "multiclass":
            shares = softmax(raw)
        case "multiclassova":
            shares = expit(op.mul(op.const(steep), raw))
        case _:
            raise NotCompilable(f"its objective {name!r} has no lowering for {len(estimator.classes_)} classes")
    return Classification(estimator.classes_, argmax(shares), shares)


def _objective(model: dict[str, Any]) -> list[str]:
    found = model.get("objective")
    if not found:
        raise NotCompilable("an objective of one's own has no lowering")
    return str(found).split(" ")


def _raw(model: dict[str, Any], x: Columns) -> Var:
    """float64[n, k]: the trees of each of the k outputs, added up in their order."""
    outputs = model["num_tree_per_iteration"]
    x = _inputs(model, x)
    trees = [_tree(one["tree_structure"], i % outputs, x) for i, one in enumerate(model["tree_info"])]
    sums = tree_sums([*(Tree.constant(0.0, k) for k in range(outputs)), *trees], x, outputs)
    return op.div(sums, op.const(len(trees) / outputs)) if model["average_output"] else sums


def _inputs(model: dict[str, Any], x: Columns) -> Columns:
    """Categories as the codes that LightGBM has for them, and other columns as it reads them."""
    known = iter(model["pandas_categorical"] or ())
    features: list[Feature] = []
    for feature in x:
        if isinstance(feature, Table) and isinstance(feature.cells, pd.Series) and feature.cells.dtype == "category":
            codes = feature.cells.cat.set_categories(next(known)).cat.codes.to_numpy(dtype=np.float64)
            features.append(replace(feature, cells=np.where(codes < 0, np.nan, codes)))
        else:
            features.extend(x.of([feature]).each("flush", _LEAST))
    return x.of(features)


def _tree(root: dict[str, Any], target: int, x: Columns) -> Tree:
    nodes: list[tuple[int, float, int, int, bool, float]] = []
    members: dict[int, NDArray[np.float64]] = {}

    def grow(node: dict[str, Any]) -> int:
        here = len(nodes)
        if "leaf_value" in node:
            if "leaf_coeff" in node:
                raise NotCompilable("linear trees have no lowering")
            nodes.append((-1, 0.0, -1, -1, False, float(node["leaf_value"])))
            return here
        nodes.append((0, 0.0, 0, 0, False, 0.0))
        column = int(node["split_feature"])
        threshold, missing_left = 0.0, False
        if node["decision_type"] == "==":
            if isinstance(x.features[column], Number):
                raise NotCompilable("categorical_feature names a column of numbers; make it a pandas category")
            members[here] = np.array([float(code) for code in str(node["threshold"]).split("||")])
        else:
            threshold = float(node["threshold"])
            missing_left = _missing_left(node, threshold)
            threshold = np.inf if threshold >= _LARGEST else threshold
        left, right = grow(node["left_child"]), grow(node["right_child"])
        nodes[here] = (column, threshold, left, right, missing_left, 0.0)
        return here

    grow(root)
    feature, threshold, left, right, missing, value = map(np.array, zip(*nodes, strict=True))
    return Tree(feature.astype(np.int64), threshold, left, right, missing.astype(bool), value, target, members)


def _missing_left(node: dict[str, Any], threshold: float) -> bool:
    match node["missing_type"]:
        case "NaN":
            return bool(node["default_left"])
        case "None":  # a missing value counts as zero
            return threshold >= 0
    raise NotCompilable("zero_as_missing=True has no lowering")
