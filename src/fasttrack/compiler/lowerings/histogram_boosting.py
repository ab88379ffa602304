"""HistGradientBoosting: float64 thresholds, native categories, missing values, and the links of all losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from fasttrack.compiler.class_scores import argmax, binary_label, binary_probabilities
from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import squeeze_column
from fasttrack.compiler.lowering_registry import Classification, Regression, lower_transformer, register
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(HistGradientBoostingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    raw = squeeze_column(_raw_predictions(estimator, x))
    link = type(estimator._loss.link).__name__  # the loss determines the link
    match link:
        case "IdentityLink":
            return Regression(raw)
        case "LogLink":
            return Regression(op.exp(raw))
    raise NotCompilable(f"the link function {link} of loss={estimator.loss!r} has no lowering")


@register(HistGradientBoostingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    raw = _raw_predictions(estimator, x)
    if estimator.n_trees_per_iteration_ == 1:
        return Classification(estimator.classes_, binary_label(raw), binary_probabilities(expit(raw)), raw)
    return Classification(estimator.classes_, argmax(raw), softmax(raw), raw)


def _raw_predictions(estimator: Any, x: Columns) -> Var:
    """float64[n, k]: the baseline plus every tree, added in scikit-learn's order."""
    baseline = np.atleast_1d(np.squeeze(estimator._baseline_prediction)).astype(np.float64)
    trees = [DecisionTree.constant(float(value), k) for k, value in enumerate(baseline)]
    for iteration in estimator._predictors:
        trees += [_convert_predictor(predictor, k) for k, predictor in enumerate(iteration)]
    return tree_sums(trees, _tree_inputs(estimator, x), len(baseline))


def _tree_inputs(estimator: Any, x: Columns) -> Columns:
    """The estimator's own preprocessing: the categorical columns as codes, then the numeric columns."""
    preprocessor = estimator._preprocessor
    if preprocessor is None:
        return x.with_features(x.numeric_features())
    categorical = estimator.is_categorical_
    codes = lower_transformer(preprocessor.named_transformers_["encoder"], x.select(np.flatnonzero(categorical)))
    return x.with_features((*codes, *x.select(np.flatnonzero(~categorical)).numeric_features()))


def _convert_predictor(predictor: Any, target: int) -> DecisionTree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    bitsets = predictor.raw_left_cat_bitsets
    return DecisionTree(
        feature=np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
        threshold=nodes["num_threshold"],
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"],
        target=target,
        members={
            int(node): _bitset_codes(bitsets[nodes["bitset_idx"][node]])
            for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
        },
    )


def _bitset_codes(bitset: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The codes whose bit is set in 8 words of 32 bits."""
    bits = (bitset[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.flatnonzero(bits.ravel()).astype(np.float64)
