"""Naive Bayes: Gaussian, multinomial, complement and Bernoulli."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB

from fasttrack.compiler.class_scores import argmax
from fasttrack.compiler.columns import CodedColumn, NumberColumn
from fasttrack.compiler.elementwise import ElementwiseStep
from fasttrack.compiler.graph_matrix import as_matrix, matrix_product, take_column
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import Classification, register
from fasttrack.compiler.mathematics import row_sum
from fasttrack.compiler.text_features import TextBlock

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(GaussianNB)
def _gaussian(estimator: Any, x: Columns) -> Classification:
    rows = as_matrix(validate_input(estimator, x))
    mean, variance = np.asarray(estimator.theta_, dtype=np.float64), estimator.var_
    terms = []
    for j in range(mean.shape[1]):
        deviation = op.sub(take_column(rows, j), op.const(mean[:, j]))
        terms.append(op.div(op.mul(deviation, deviation), op.const(variance[:, j])))
    distance = reduce(op.add, terms)  # column by column, in the order in which NumPy sums them
    with np.errstate(divide="ignore"):  # a class may have a prior of 0
        prior = np.log(estimator.class_prior_)
    normalization = -0.5 * np.array([np.sum(np.log(2.0 * np.pi * row)) for row in variance])
    joint = op.add(op.const(prior), op.sub(op.const(normalization), op.mul(op.const(0.5), distance)))
    return Classification(estimator.classes_, argmax(joint), _probabilities(joint))


@register(MultinomialNB, ComplementNB)
def _counts(estimator: Any, x: Columns) -> Classification:
    joint = matrix_product(validate_input(estimator, x), np.asarray(estimator.feature_log_prob_, dtype=np.float64).T)
    if isinstance(estimator, MultinomialNB) or len(estimator.classes_) == 1:
        joint = op.add(joint, op.const(estimator.class_log_prior_))
    return Classification(estimator.classes_, argmax(joint), _probabilities(joint))


@register(BernoulliNB)
def _bernoulli(estimator: Any, x: Columns) -> Classification:
    x = validate_input(estimator, x)
    if estimator.binarize is not None:
        x = _presence(x) if estimator.binarize == 0 else x.each("above", estimator.binarize)
    present = np.asarray(estimator.feature_log_prob_, dtype=np.float64)
    absent = np.log(1 - np.exp(present))
    joint = op.add(matrix_product(x, (present - absent).T), op.const(estimator.class_log_prior_ + absent.sum(axis=1)))
    return Classification(estimator.classes_, argmax(joint), _probabilities(joint))


def _presence(x: Columns) -> Columns:
    """1 where a number is positive, else 0. Of a text's terms this is again what a vectorizer gives."""
    blocks: dict[TextBlock, TextBlock] = {}

    def presence(feature: NumberColumn | CodedColumn) -> NumberColumn | CodedColumn:
        block = feature.block
        if not isinstance(feature, NumberColumn) or not isinstance(block, TextBlock) or feature.steps:
            return feature.apply(ElementwiseStep("above", (0.0,)))
        if block.vectorizer.signed:
            return feature.apply(ElementwiseStep("above", (0.0,)))
        if block not in blocks:
            counted = msgspec.structs.replace(block.vectorizer, binary=True, sublinear=False, idf=[], norm="")
            blocks[block] = x.state.text.block(counted)
        return replace(feature, block=blocks[block])

    return x.with_features(presence(feature) for feature in x.numeric_features())


def _probabilities(joint: Var) -> Var:
    """exp(x − log Σ exp(x)) in each row of the joint log-likelihoods.

    For a row far from all classes the logarithm is lost to rounding, as it is in scikit-learn.
    """
    axis = op.const(np.array([1]))
    largest = op.reduce_max(joint, axis)
    total = op.add(op.log(row_sum(op.exp(op.sub(joint, largest)))), largest)
    return op.exp(op.sub(joint, total))
