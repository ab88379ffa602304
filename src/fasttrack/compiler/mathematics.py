"""Functions that ONNX lacks, or that onnxruntime computes too inaccurately, built from float64 operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import spox.opset.ai.onnx.v21 as op

if TYPE_CHECKING:
    from spox import Var

__all__ = ["arcsinh", "cbrt", "expf", "expit", "expm1", "log1p", "ndtri", "row_sum", "softmax"]


def log1p(x: Var) -> Var:
    """log(1 + x), accurate for small x (Higham, Accuracy and Stability, 2002, problem 1.5)."""
    one = op.const(1.0)
    u = op.add(one, x)
    exact = op.equal(u, one)
    safe = op.where(exact, op.const(2.0), u)
    # for an infinite u the quotient would be undefined
    ratio = op.where(op.isinf(u), one, op.div(x, op.sub(safe, one)))
    return op.where(exact, x, op.mul(op.log(safe), ratio))


def expm1(x: Var) -> Var:
    """exp(x) − 1, accurate for small x (Higham, Accuracy and Stability, 2002, section 1.14.1)."""
    one = op.const(1.0)
    u = op.exp(x)
    difference = op.sub(u, one)
    # far from zero the plain difference is accurate, and the quotient below would be 0/0 or inf/inf
    far = op.greater(op.abs(x), one)
    exact = op.equal(u, one)
    safe = op.where(op.or_(far, exact), op.const(2.0), u)
    near = op.div(op.mul(op.sub(safe, one), x), op.log(safe))
    return op.where(exact, x, op.where(far, difference, near))


def arcsinh(x: Var) -> Var:
    """log(x + √(x² + 1)), accurate for small x."""
    one, a = op.const(1.0), op.abs(x)
    large = op.greater(a, op.const(1e8))  # where x² + 1 rounds to x², and x² may overflow
    small = op.where(large, one, a)
    square = op.mul(small, small)
    near = log1p(op.add(small, op.div(square, op.add(one, op.sqrt(op.add(one, square))))))
    far = op.add(op.log(op.where(large, a, one)), op.const(np.log(2.0)))
    return op.mul(op.sign(x), op.where(large, far, near))


def cbrt(x: Var) -> Var:
    """The real cube root."""
    return op.mul(op.sign(x), op.pow(op.abs(x), op.const(1 / 3)))


def expf(x: Var) -> Var:
    """exp of float32, equal to glibc's `expf` to the last bit: 2^(k/32) times a cubic polynomial in float64.

    The algorithm is Szabolcs Nagy's in ARM's Optimized Routines, which glibc has used since version 2.27.
    """
    n = 32.0
    # beyond these bounds the result is 0 or infinity
    bounded = op.min([op.max([op.cast(x, to=np.float64), op.const(-110.0)]), op.const(89.0)])
    z = op.mul(op.const(float.fromhex("0x1.71547652b82fep+0") * n), bounded)
    k = op.round(z)
    r = op.sub(z, k)
    exponent = op.floor(op.div(k, op.const(n)))
    part = op.cast(op.sub(k, op.mul(exponent, op.const(n))), to=np.int64)
    power_index = op.cast(op.add(exponent, op.const(160.0)), to=np.int64)
    power = op.gather(op.const(np.exp2(np.arange(-160.0, 140.0))), power_index)
    scale = op.mul(op.gather(op.const(np.exp2(np.arange(n) / n)), part), power)
    c0, c1, c2 = (
        op.const(float.fromhex(digits) / n**degree)
        for digits, degree in (("0x1.c6af84b912394p-5", 3), ("0x1.ebfce50fac4f3p-3", 2), ("0x1.62e42ff0c52d6p-1", 1))
    )
    cubic = op.mul(op.add(op.mul(c0, r), c1), op.mul(r, r))
    return op.cast(op.mul(op.add(cubic, op.add(op.mul(c2, r), op.const(1.0))), scale), to=np.float32)


def expit(x: Var) -> Var:
    """1 / (1 + exp(−x)). Small results are accurate, unlike those of onnxruntime's Sigmoid."""
    one = op.const(1.0)
    e = op.exp(op.neg(op.abs(x)))
    return op.div(op.where(op.less(x, op.const(0.0)), e, one), op.add(one, e))


def softmax(x: Var) -> Var:
    """exp(x) / Σ exp(x) in each row of float64[n, c]."""
    axis = op.const(np.array([1]))
    e = op.exp(op.sub(x, op.reduce_max(x, axis)))
    return op.div(e, op.reduce_sum(e, axis))


def row_sum(x: Var) -> Var:
    """float64[n, 1]: the sum of each row of float64[n, k]."""
    return op.reduce_sum(x, op.const(np.array([1])))


def ndtri(p: Var) -> Var:
    """The inverse of the standard normal distribution function at `p`, for p from 1e-13 to 1 − 1e-13.

    The rational approximations of the Cephes Mathematical Library (Moshier 1989, function ndtri).
    """
    one, half, tail = op.const(1.0), op.const(0.5), op.const(float(np.exp(-2.0)))
    upper = op.greater(p, op.sub(one, tail))
    y = op.where(upper, op.sub(one, p), p)
    centre = op.greater(y, tail)
    middle = op.sub(y, half)
    square = op.mul(middle, middle)
    ratio = op.div(_polynomial(square, _CENTRE[0]), _polynomial(square, _CENTRE[1]))
    near = op.mul(op.add(middle, op.mul(middle, op.mul(square, ratio))), op.const(2.50662827463100050242))
    x = op.sqrt(op.mul(op.const(-2.0), op.log(op.where(centre, tail, y))))
    z = op.div(one, x)
    first = op.sub(x, op.div(op.log(x), x))
    far = op.sub(first, op.div(op.mul(z, _polynomial(z, _TAIL[0])), _polynomial(z, _TAIL[1])))
    return op.where(centre, near, op.where(upper, far, op.neg(far)))


def _polynomial(x: Var, coefficients: tuple[float, ...]) -> Var:
    """A polynomial, given by its coefficients from the highest power down, by Horner's rule."""
    value = op.const(coefficients[0])
    for coefficient in coefficients[1:]:
        value = op.add(op.mul(value, x), op.const(coefficient))
    return value


_CENTRE = (
    (
        -5.99633501014107895267e1,
        9.80010754185999661536e1,
        -5.66762857469070293439e1,
        1.39312609387279679503e1,
        -1.23916583867381258016e0,
    ),
    (
        1.0,
        1.95448858338141759834e0,
        4.67627912898881538453e0,
        8.63602421390890590575e1,
        -2.25462687854119370527e2,
        2.00260212380060660359e2,
        -8.20372256168333339912e1,
        1.59056225126211695515e1,
        -1.18331621121330003142e0,
    ),
)
_TAIL = (
    (
        4.05544892305962419923e0,
        3.15251094599893866154e1,
        5.71628192246421288162e1,
        4.40805073893200834700e1,
        1.46849561928858024014e1,
        2.18663306850790267539e0,
        -1.40256079171354495875e-1,
        -3.50424626827848203418e-2,
        -8.57456785154685413611e-4,
    ),
    (
        1.0,
        1.57799883256466749731e1,
        4.53907635128879210584e1,
        4.13172038254672030440e1,
        1.50425385692907503408e1,
        2.50464946208309415979e0,
        -1.42182922854787788574e-1,
        -3.80806407691578277194e-2,
        -9.33259480895457427372e-4,
    ),
)
