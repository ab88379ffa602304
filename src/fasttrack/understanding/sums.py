"""Columns that add up to the target: `casual + registered = total`, also with signs, and also as their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["PartsOfTarget", "find_parts_of_target"]

_FEWEST_ROWS = 50
_MOST_ROWS = 10_000
_MOST_COLUMNS = 200
_MOST_STEPS = 12
"""Parts that are looked for one by one, where columns depend on each other."""
_ROUNDING = 1e-3
"""How far a row may be off, in standard deviations of the target."""
_MOST_ROUNDING = 0.02
"""As much, where the target was rounded to a decimal."""
_NEAR = 0.01
"""How far a coefficient may be from 1 or −1."""


@dataclass(frozen=True)
class PartsOfTarget:
    """Two or more columns, each with its sign, that add up to the target; `mean`: whose mean the target is."""

    columns: list[str]
    signs: list[int]
    mean: bool = False

    def __str__(self) -> str:
        terms = zip(self.signs[1:], self.columns[1:], strict=True)
        text = ("−" if self.signs[0] < 0 else "") + repr(self.columns[0])
        text += "".join(f" {'−' if sign < 0 else '+'} {name!r}" for sign, name in terms)
        return f"({text}) / {len(self.columns)}" if self.mean else text


def find_parts_of_target(X: pd.DataFrame, y: pd.Series[Any]) -> PartsOfTarget | None:
    """The numeric columns of `X` [n, f] that add up to the number `y` [n], up to a constant; `None` if there are none.

    They are found by least squares: every coefficient is 1 or −1, or all are one over the number of parts, and no row
    is off by more than a rounding error.
    """
    numbers = X.select_dtypes("number").iloc[:, :_MOST_COLUMNS]
    whole = numbers.notna().all(axis=1).to_numpy()
    if numbers.shape[1] < 2 or whole.sum() < max(_FEWEST_ROWS, 2 * numbers.shape[1]):
        return None
    rows = np.flatnonzero(whole)[:_MOST_ROWS]
    columns = numbers.iloc[rows].to_numpy(dtype=np.float64)
    answers: Floats = y.iloc[rows].to_numpy(dtype=np.float64)
    if not np.isfinite(columns).all():
        return None
    centred: Floats = columns - columns.mean(axis=0)
    wanted = answers - answers.mean()
    spread = centred.std(axis=0)
    # a constant has a spread of rounding errors
    used = np.flatnonzero(spread > 1e-12 * np.abs(columns).max(axis=0, initial=1e-300))
    if len(used) < 2 or not wanted.std():
        return None
    rounding = max(_ROUNDING * wanted.std(), min(_half_a_unit(answers), _MOST_ROUNDING * wanted.std()))
    for solve in (_all_at_once, _one_by_one):
        coefficients = solve(centred[:, used] / spread[used], wanted) / spread[used]
        parts = _parts(centred[:, used], wanted, coefficients, rounding)
        if parts is not None:
            chosen, signs, mean = parts
            names = [str(numbers.columns[used[j]]) for j in chosen]
            return PartsOfTarget(names, signs, mean)
    return None


def _all_at_once(scaled: Floats, wanted: Floats) -> Floats:
    solution: Floats = np.asarray(np.linalg.lstsq(scaled, wanted, rcond=None)[0], dtype=np.float64)
    return solution


def _one_by_one(scaled: Floats, wanted: Floats) -> Floats:
    """Orthogonal matching pursuit: it needs few columns where some are sums of others, which share their weight."""
    chosen: list[int] = []
    solution = np.zeros(scaled.shape[1])
    rest = wanted
    for _ in range(min(_MOST_STEPS, scaled.shape[1])):
        strength = np.abs(scaled.T @ rest)
        strength[chosen] = 0
        # of columns with the same information, such as twice another one, the first
        chosen.append(int(np.flatnonzero(strength >= strength.max() * (1 - 1e-9))[0]))
        weights = np.linalg.lstsq(scaled[:, chosen], wanted, rcond=None)[0]
        rest = np.asarray(wanted - scaled[:, chosen] @ weights, dtype=np.float64)
        if rest.std() <= _ROUNDING * wanted.std():
            solution[chosen] = weights
            break
    return solution


def _half_a_unit(answers: Floats) -> float:
    """Half a unit of the last decimal of numbers: how far a rounded one may be off; 0 for more than four decimals."""
    for decimals in range(5):
        if np.allclose(answers, answers.round(decimals), rtol=0, atol=1e-9):
            return 0.51 * 10.0**-decimals
    return 0.0


def _parts(
    centred: Floats, wanted: Floats, coefficients: Floats, rounding: float
) -> tuple[list[int], list[int], bool] | None:
    """The columns of a sum or mean with their signs, if the coefficients and every row say that it is one."""
    contribution = np.abs(coefficients) * centred.std(axis=0)
    chosen = np.flatnonzero(contribution > _ROUNDING * wanted.std())
    if len(chosen) < 2:
        return None
    for mean, size in ((False, 1.0), (True, 1.0 / len(chosen))):
        signs = np.sign(coefficients[chosen])
        if (np.abs(coefficients[chosen] / size - signs) > _NEAR).any() or (mean and (signs < 0).any()):
            continue
        off = np.abs(centred[:, chosen] @ (signs * size) - wanted).max()
        if off <= rounding:
            return chosen.tolist(), signs.astype(int).tolist(), mean
    return None
