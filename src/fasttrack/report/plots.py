"""Which plots a task has: residuals, curves, calibration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.report.curves import area, precision_recall, reliability, roc, thinned
from fasttrack.report.svg import Axes, Axis, areas, bars, density, draw, errorbars, line, points, rule, span
from fasttrack.report.words import number, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Target
    from fasttrack.report.answers import Answers

    Floats = NDArray[np.float64]

__all__ = ["Plot", "plots", "plots_in"]

_DOTS = 800
"""More rows than this are shown as densities."""
_CUT = 0.002
_MOST_CURVES = 6
_TENTHS = 10


@dataclass(frozen=True)
class Plot:
    """A drawing with a title, and a sentence on how to read it."""

    name: str
    title: str
    caption: str
    svg: str


def plots(target: Target, told: Answers) -> list[Plot]:
    """The plots of a task; one that these rows leave undefined, such as the ROC curve of one class, is left out."""
    if told.classes is None:
        finite = np.isfinite(told.truth) & np.isfinite(told.guess)
        return _regression(target.name, told.truth[finite], told.guess[finite]) if finite.any() else []
    if told.shares is None:
        return []
    if target.task == "binary":
        return _binary(told.classes[1], told.truth == 1, told.shares[:, 1])
    return _multiclass(told.classes, told.truth, told.shares)


def plots_in(report: str) -> dict[str, str]:
    """The plots of a written report by name, each an SVG file that stands for itself, light and dark."""
    css = (resources.files(__package__) / "plot.css").read_text("utf-8")
    head = '<svg xmlns="http://www.w3.org/2000/svg" style="background:var(--page)"'
    found = re.findall(r'<figure id="plot-([a-z-]+)">.*?<svg(.*?</svg>)', report, re.DOTALL)
    return {name: f"{head}{rest.replace('>', f'><style>{css}</style>', 1)}\n" for name, rest in found}


def _regression(name: str, truth: Floats, guess: Floats) -> list[Plot]:
    residual = guess - truth
    return [
        _against(name, truth, guess),
        _distribution(name, residual),
        _residuals(name, guess, residual),
        _by_tenth(name, truth, residual),
    ]


def _cloud(axes: Axes, x: Floats, y: Floats) -> tuple[str, str]:
    inside = (x >= axes.x.low) & (x <= axes.x.high) & (y >= axes.y.low) & (y <= axes.y.high)
    away = int((~inside).sum())
    rows = "row lies" if away == 1 else "rows lie"
    said = f" {away:,} {rows} outside of the picture." if away else ""
    if len(x) > _DOTS:
        return density(axes, x[inside], y[inside], "c1"), f"The stronger the colour, the more rows.{said}"
    return points(axes, x[inside], y[inside], "c1"), f"Each dot is a row.{said}"


def _against(name: str, truth: Floats, guess: Floats) -> Plot:
    low, high = span(np.concatenate([truth, guess]), cut=_CUT if len(truth) > _DOTS else 0.0)
    axes = Axes(Axis(low, high, f"actual {name}"), Axis(low, high, f"predicted {name}"))
    marks, said = _cloud(axes, truth, guess)
    svg = draw(axes, marks, rule(axes, (low, low), (high, high)), title=f"Predicted against actual {name}")
    return Plot("predicted-actual", "Predicted against actual", f"On the dashed line both are equal. {said}", svg)


def _distribution(name: str, residual: Floats) -> Plot:
    low, high = span(residual, cut=0.005 if len(residual) > 200 else 0.0)
    edge = max(abs(low), abs(high))
    counts, edges = np.histogram(residual, bins=41, range=(-edge, edge))
    shares = counts / len(residual)
    axes = Axes(
        Axis(-edge, edge, f"predicted − actual {name}"),
        Axis(0.0, float(shares.max() or 1.0) * 1.08, "share of rows", share=True),
    )
    half, most = np.quantile(np.abs(residual), [0.5, 0.9]).tolist()
    svg = draw(
        axes,
        bars(axes, edges, shares, "c1"),
        rule(axes, (0.0, 0.0), (0.0, axes.y.high)),
        title="Distribution of the error",
    )
    bias = float(residual.mean())
    side = f" On average {number(abs(bias), 2)} too {'high' if bias > 0 else 'low'}." if bias else ""
    said = f"Half of the rows are off by {number(half, 3)} at most, nine in ten by {number(most, 3)}."
    return Plot("error-distribution", "Error", f"{said}{side}", svg)


def _residuals(name: str, guess: Floats, residual: Floats) -> Plot:
    cut = _CUT if len(guess) > _DOTS else 0.0
    axes = Axes(Axis(*span(guess, cut=cut), f"predicted {name}"), Axis(*span(residual, cut=cut), "predicted − actual"))
    marks, said = _cloud(axes, guess, residual)
    band = ""
    parts = _parts(guess)
    if len(parts) >= 4:
        x = np.array([np.median(guess[part]) for part in parts])
        low, middle, high = np.array([np.quantile(residual[part], [0.1, 0.5, 0.9]) for part in parts]).T
        band = areas(axes, x, low, high, "c2") + line(axes, x, middle, "c2")
        said += " The line is the median, the band holds 8 of 10 rows."
    svg = draw(
        axes,
        marks,
        band,
        rule(axes, (axes.x.low, 0.0), (axes.x.high, 0.0)),
        title="Error against prediction",
    )
    return Plot("error-prediction", "Error against prediction", said, svg)


def _by_tenth(name: str, truth: Floats, residual: Floats) -> Plot:
    parts = _parts(truth)
    size = np.abs(residual)
    means = np.array([size[part].mean() for part in parts])
    half = np.array([1.96 * size[part].std(ddof=1) / len(part) ** 0.5 if len(part) > 1 else 0.0 for part in parts])
    ends = [(float(truth[part].min()), float(truth[part].max())) for part in parts]
    ticks = tuple((i + 0.5, number(low if i else ends[0][0], 3)) for i, (low, _) in enumerate(ends))
    axes = Axes(
        Axis(0.0, float(len(parts)), f"actual {name}, from", ticks=ticks),
        Axis(0.0, float((means + half).max() or 1.0) * 1.08, "mean absolute error"),
    )
    edges = np.arange(len(parts) + 1.0)
    svg = draw(
        axes,
        bars(axes, edges, means, "c1", gap=8),
        errorbars(axes, edges[:-1] + 0.5, np.maximum(means - half, 0), means + half, "ink"),
        title="Error by the size of the actual value",
    )
    caption = f"Rows in {len(parts)} equal parts by the actual value, each with its 95\u00a0% interval."
    return Plot("error-quantile", "Error by the actual value", caption, svg)


def _parts(values: Floats) -> list[NDArray[Any]]:
    """Up to ten equal parts of the rows in the order of the values; equal values stay together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _TENTHS + 1)[1:-1], method="inverted_cdf"))
    place = np.searchsorted(edges, values, side="left")
    return [part for i in range(len(edges) + 1) if len(part := np.flatnonzero(place == i))]


_SHARE = (0.0, 1.0)


def _binary(label: str, positive: NDArray[np.bool_], score: Floats) -> list[Plot]:
    found = []
    curve = roc(positive, score)
    if curve is not None:
        found.append(_roc([("c1", label, curve)], f"How many of all {label} are found, for how many false alarms."))
    precise = precision_recall(positive, score)
    if precise is not None and curve is not None:
        found.append(_precision(label, precise, float(positive.mean())))
    found.append(_calibration(reliability(score, positive), f"probability of {label}", f"came true: {label}", score))
    found.append(_scores(label, positive, score))
    return found


def _roc(curves: list[tuple[str, str, tuple[Floats, Floats]]], said: str) -> Plot:
    axes = Axes(Axis(*_SHARE, "false positive rate", share=True), Axis(*_SHARE, "true positive rate", share=True))
    marks = [line(axes, *thinned(*curve), style) for style, _, curve in curves]
    legend = [(style, name) for style, name, _ in curves] if len(curves) > 1 else []
    svg = draw(axes, rule(axes, (0, 0), (1, 1)), *marks, legend=legend, title="ROC curve")
    areas_ = ", ".join(f"{name} {number(area(*curve), 3)}" for _, name, curve in curves)
    one = f"Area {number(area(*curves[0][2]), 4)}." if not legend else f"Areas: {areas_}."
    return Plot("roc", "ROC curve", f"{one} {said} The dashed line is guessing.", svg)


def _precision(label: str, curve: tuple[Floats, Floats], share: float) -> Plot:
    axes = Axes(Axis(*_SHARE, "recall", share=True), Axis(*_SHARE, "precision", share=True))
    svg = draw(
        axes, rule(axes, (0, share), (1, share)), line(axes, *thinned(*curve), "c1"), title="Precision and recall"
    )
    said = f"Of the rows taken for {label}, how many are, against how many of all are found. "
    return Plot(
        "precision-recall", "Precision and recall", f"{said}The dashed line is their share, {percent(share)}.", svg
    )


def _calibration(found: Any, x: str, y: str, score: Floats) -> Plot:
    axes = Axes(Axis(*_SHARE, x, share=True), Axis(*_SHARE, y, share=True))
    counts, edges = np.histogram(score, bins=40, range=_SHARE)
    heights = counts / max(counts.max(), 1) * 0.12
    svg = draw(
        axes,
        bars(axes, edges, heights, "faint"),
        rule(axes, (0, 0), (1, 1)),
        errorbars(axes, found.told, found.low, found.high, "c1"),
        line(axes, found.told, found.came, "c1"),
        points(axes, found.told, found.came, "c1 big"),
        title="Calibration",
    )
    gap = float(np.average(np.abs(found.told - found.came), weights=found.rows))
    said = f"On the dashed line a probability means what it says; on average it is off by {percent(gap)}."
    return Plot("calibration", "Calibration", f"{said} Bars: 95\u00a0% intervals; below, where the rows lie.", svg)


def _scores(label: str, positive: NDArray[np.bool_], score: Floats) -> Plot:
    edges = np.linspace(0, 1, 41)
    shares = [np.histogram(score[which], bins=edges)[0] / max(which.sum(), 1) for which in (positive, ~positive)]
    top = max(float(shares[0].max()), float(shares[1].max())) or 1.0
    axes = Axes(
        Axis(*_SHARE, f"probability of {label}", share=True), Axis(0.0, top * 1.08, "share of the rows", share=True)
    )
    svg = draw(
        axes,
        bars(axes, edges, shares[1], "c2 half"),
        bars(axes, edges, shares[0], "c1 half"),
        legend=[("c1", f"is {label}"), ("c2", "is not")],
        title="Distribution of the probability",
    )
    return Plot("scores", "Probabilities", "How far apart the two classes are; each fills 100\u00a0%.", svg)


def _multiclass(classes: list[str], truth: NDArray[np.int64], shares: Floats) -> list[Plot]:
    counts = np.bincount(truth, minlength=len(classes))[: len(classes)]
    order = np.argsort(-counts, kind="stable")[:_MOST_CURVES]
    curves: list[tuple[str, str, tuple[Floats, Floats]]] = []
    for code in order.tolist():
        curve = roc(truth == code, shares[:, code])
        if curve is not None:
            curves.append((f"c{len(curves) + 1}", classes[code], curve))
    found = []
    if curves:
        most = f" The {len(curves)} most frequent of {len(classes)}." if len(classes) > _MOST_CURVES else ""
        found.append(_roc(curves, f"Each class against all others.{most}"))
    top = shares.max(axis=1)
    right = shares.argmax(axis=1) == truth
    found.append(_calibration(reliability(top, right), "probability of the label", "came true", top))
    return found
