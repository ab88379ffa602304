"""Functions that ONNX lacks, or that onnxruntime computes too coarsely, built from exact float64 operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.v21 as op

if TYPE_CHECKING:
    from spox import Var

__all__ = ["arcsinh", "cbrt", "expit", "expm1", "log1p", "row_sum", "softmax"]


def log1p(x: Var) -> Var:
    """log(1 + x) without losing the digits of a small x (Higham, Accuracy and Stability, 2002, problem 1.5)."""
    one = op.const(1.0)
    u = op.add(one, x)
    exact = op.equal(u, one)
    safe = op.where(exact, op.const(2.0), u)
    # where u is infinite the quotient would be, too
    ratio = op.where(op.isinf(u), one, op.div(x, op.sub(safe, one)))
    return op.where(exact, x, op.mul(op.log(safe), ratio))


def expm1(x: Var) -> Var:
    """exp(x) − 1 without losing the digits of a small x (Higham, Accuracy and Stability, 2002, section 1.14.1)."""
    one = op.const(1.0)
    u = op.exp(x)
    less = op.sub(u, one)
    # far from zero the plain difference is exact enough, and the quotient below would be 0/0 or inf/inf
    far = op.greater(op.abs(x), one)
    exact = op.equal(u, one)
    safe = op.where(op.or_(far, exact), op.const(2.0), u)
    near = op.div(op.mul(op.sub(safe, one), x), op.log(safe))
    return op.where(exact, x, op.where(far, less, near))


def arcsinh(x: Var) -> Var:
    """log(x + √(x² + 1)) without losing the digits of a small x."""
    one, a = op.const(1.0), op.abs(x)
    large = op.greater(a, op.const(1e8))  # where the one under the root is lost, and the square may overflow
    small = op.where(large, one, a)
    square = op.mul(small, small)
    near = log1p(op.add(small, op.div(square, op.add(one, op.sqrt(op.add(one, square))))))
    far = op.add(op.log(op.where(large, a, one)), op.const(np.log(2.0)))
    return op.mul(op.sign(x), op.where(large, far, near))


def cbrt(x: Var) -> Var:
    """The real cube root."""
    return op.mul(op.sign(x), op.pow(op.abs(x), op.const(1 / 3)))


def expit(x: Var) -> Var:
    """1 / (1 + exp(−x)); its small values keep their digits, which onnxruntime's Sigmoid loses."""
    one = op.const(1.0)
    e = op.exp(op.neg(op.abs(x)))
    return op.div(op.where(op.less(x, op.const(0.0)), e, one), op.add(one, e))


def softmax(x: Var) -> Var:
    """exp(x) / Σ exp(x) along the rows of float64[n, c]."""
    axis = op.const(np.array([1]))
    e = op.exp(op.sub(x, op.reduce_max(x, axis)))
    return op.div(e, op.reduce_sum(e, axis))


def row_sum(x: Var) -> Var:
    """Σ along the rows of float64[n, k], as float64[n, 1]."""
    return op.reduce_sum(x, op.const(np.array([1])))
