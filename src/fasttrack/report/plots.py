"""The plots of a report: residuals for a regression, curves and calibration for a classifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.evaluation import is_rare
from fasttrack.report.curves import (
    area_under,
    calibration_curve,
    precision_and_recall,
    precision_recall_curve,
    roc_curve,
    thin,
)
from fasttrack.report.formatting import format_number, format_percent
from fasttrack.report.labels import isolate, shorten
from fasttrack.report.svg import Axes, Axis, areas, bars, density, draw, error_bars, line, padded_range, points, rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Target
    from fasttrack.report.curves import CalibrationCurve
    from fasttrack.report.labelled_predictions import LabelledPredictions

    Floats = NDArray[np.float64]

__all__ = ["Plot", "extract_plots", "plots"]

_MOST_DOTS = 800
"""More rows than this are drawn as densities."""
_CUT = 0.002
"""The share of rows at each end that may lie outside of a density plot."""
_MOST_CURVES = 6
_LONGEST_LABEL = 60
"""A longer label is shortened in captions."""
_PARTS = 10
_UNIT = (0.0, 1.0)


@dataclass(frozen=True)
class Plot:
    """A drawing with its title, and a caption on how to read it."""

    name: str
    title: str
    caption: str
    svg: str


def plots(target: Target, predictions: LabelledPredictions) -> list[Plot]:
    """The plots of the target's task, without those that the rows leave undefined, such as the ROC curve of a class."""
    if predictions.classes is None:
        finite = np.isfinite(predictions.truth) & np.isfinite(predictions.prediction)
        if not finite.any():
            return []
        return _regression_plots(target.name, predictions.truth[finite], predictions.prediction[finite])
    if predictions.probabilities is None:
        return []
    if target.task == "binary":
        return _binary_plots(target, predictions.classes, predictions, predictions.probabilities)
    several = _multiclass_plots(predictions.classes, predictions.truth, predictions.probabilities, predictions.weights)
    return [*_rare_classes_plots(predictions), *several]


def extract_plots(report: str) -> dict[str, str]:
    """The plots of a written report by name, each as an SVG file with its own styles, light and dark."""
    css = (resources.files(__package__) / "plot.css").read_text("utf-8")
    head = '<svg xmlns="http://www.w3.org/2000/svg" style="background:var(--page)"'
    drawings = re.findall(r'<figure id="plot-([a-z-]+)">.*?<svg(.*?</svg>)', report, re.DOTALL)
    return {name: f"{head}{rest.replace('>', f'><style>{css}</style>', 1)}\n" for name, rest in drawings}


def _regression_plots(name: str, truth: Floats, prediction: Floats) -> list[Plot]:
    residual = prediction - truth
    return [
        _predicted_against_actual(name, truth, prediction),
        _error_distribution(name, residual),
        _error_against_prediction(name, prediction, residual),
        _error_by_actual_value(name, truth, residual),
    ]


def _cloud(axes: Axes, x: Floats, y: Floats) -> tuple[str, str]:
    """Dots, or a density for many rows, and how to read it."""
    inside = (x >= axes.x.low) & (x <= axes.x.high) & (y >= axes.y.low) & (y <= axes.y.high)
    outside = int((~inside).sum())
    note = f" {outside:,} {'row is' if outside == 1 else 'rows are'} outside of the plot." if outside else ""
    if len(x) > _MOST_DOTS:
        return density(axes, x[inside], y[inside], "c1"), f"The stronger the colour, the more rows.{note}"
    return points(axes, x[inside], y[inside], "c1"), f"Each dot is a row.{note}"


def _predicted_against_actual(name: str, truth: Floats, prediction: Floats) -> Plot:
    low, high = padded_range(np.concatenate([truth, prediction]), cut=_CUT if len(truth) > _MOST_DOTS else 0.0)
    axes = Axes(Axis(low, high, f"actual {name}"), Axis(low, high, f"predicted {name}"))
    marks, reading = _cloud(axes, truth, prediction)
    svg = draw(axes, marks, rule(axes, (low, low), (high, high)), title=f"Predicted against actual {name}")
    return Plot("predicted-actual", "Predicted against actual", f"On the dashed line both are equal. {reading}", svg)


def _error_distribution(name: str, residual: Floats) -> Plot:
    low, high = padded_range(residual, cut=0.005 if len(residual) > 200 else 0.0)
    edge = max(abs(low), abs(high))
    counts, edges = np.histogram(residual, bins=41, range=(-edge, edge))
    shares = counts / len(residual)
    axes = Axes(
        Axis(-edge, edge, f"predicted − actual {name}"),
        Axis(0.0, float(shares.max() or 1.0) * 1.08, "share of rows", share=True),
    )
    median, most = np.quantile(np.abs(residual), [0.5, 0.9]).tolist()
    svg = draw(
        axes,
        bars(axes, edges, shares, "c1"),
        rule(axes, (0.0, 0.0), (0.0, axes.y.high)),
        title="Distribution of the error",
    )
    caption = (
        f"The error is at most {format_number(median, 3)} for 50\u00a0% of the rows, and {format_number(most, 3)} for "
        "90\u00a0%."
    )
    bias = float(residual.mean())
    if bias:
        direction = "high" if bias > 0 else "low"
        caption += f" On average, predictions are {format_number(abs(bias), 2)} too {direction}."
    return Plot("error-distribution", "Error", caption, svg)


def _error_against_prediction(name: str, prediction: Floats, residual: Floats) -> Plot:
    cut = _CUT if len(prediction) > _MOST_DOTS else 0.0
    axes = Axes(
        Axis(*padded_range(prediction, cut=cut), f"predicted {name}"),
        Axis(*padded_range(residual, cut=cut), "predicted − actual"),
    )
    marks, reading = _cloud(axes, prediction, residual)
    band = ""
    parts = _equal_parts(prediction)
    if len(parts) >= 4:
        x = np.array([np.median(prediction[part]) for part in parts])
        low, median, high = np.array([np.quantile(residual[part], [0.1, 0.5, 0.9]) for part in parts]).T
        band = areas(axes, x, low, high, "c2") + line(axes, x, median, "c2")
        reading += " The line is the median, the band contains 80\u00a0% of the rows."
    svg = draw(
        axes,
        marks,
        band,
        rule(axes, (axes.x.low, 0.0), (axes.x.high, 0.0)),
        title="Error against prediction",
    )
    return Plot("error-prediction", "Error against prediction", reading, svg)


def _error_by_actual_value(name: str, truth: Floats, residual: Floats) -> Plot:
    parts = _equal_parts(truth)
    size = np.abs(residual)
    means = np.array([size[part].mean() for part in parts])
    half = np.array([1.96 * size[part].std(ddof=1) / len(part) ** 0.5 if len(part) > 1 else 0.0 for part in parts])
    ends = [(float(truth[part].min()), float(truth[part].max())) for part in parts]
    ticks = tuple((i + 0.5, format_number(low if i else ends[0][0], 3)) for i, (low, _) in enumerate(ends))
    axes = Axes(
        Axis(0.0, float(len(parts)), f"actual {name}, from", ticks=ticks),
        Axis(0.0, float((means + half).max() or 1.0) * 1.08, "mean absolute error"),
    )
    edges = np.arange(len(parts) + 1.0)
    svg = draw(
        axes,
        bars(axes, edges, means, "c1", gap=8),
        error_bars(axes, edges[:-1] + 0.5, np.maximum(means - half, 0), means + half, "ink"),
        title="Error by the size of the actual value",
    )
    caption = f"The rows in {len(parts)} equal parts by the actual value, each with its 95\u00a0% interval."
    return Plot("error-quantile", "Error by the actual value", caption, svg)


def _equal_parts(values: Floats) -> list[NDArray[Any]]:
    """The rows in up to ten equal parts, ordered by their values; equal values are in the same part."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)[1:-1], method="inverted_cdf"))
    numbers = np.searchsorted(edges, values, side="left")
    return [part for i in range(len(edges) + 1) if len(part := np.flatnonzero(numbers == i))]


def _binary_plots(
    target: Target, classes: list[str], predictions: LabelledPredictions, probabilities: Floats
) -> list[Plot]:
    """Of a target with a positive class, such as a rare one, precision and recall come first."""
    code = 1 if target.positive_code is None else target.positive_code
    label, positive, score = classes[code], predictions.truth == code, probabilities[:, code]
    shown = []
    roc = roc_curve(positive, score, predictions.weights)
    if roc is not None:
        name = isolate(shorten(label, _LONGEST_LABEL))
        caption = f"The share of all {name} that is found, against the share of the other rows that is a false alarm."
        shown.append(_roc_plot([("c1", label, roc)], caption))
    precision_recall = _precision_recall_plots(target, predictions, code)
    shown = [*precision_recall, *shown] if target.positive is not None else [*shown, *precision_recall]
    curve = calibration_curve(score, positive)
    shown.append(_calibration_plot(curve, f"predicted probability of {label}", f"observed share of {label}", score))
    shown.append(_score_plot(label, positive, score))
    return shown


def _roc_plot(curves: list[tuple[str, str, tuple[Floats, Floats]]], caption: str) -> Plot:
    axes = Axes(Axis(*_UNIT, "false positive rate", share=True), Axis(*_UNIT, "true positive rate", share=True))
    marks = [line(axes, *thin(*curve), style) for style, _, curve in curves]
    legend = [(style, name) for style, name, _ in curves] if len(curves) > 1 else []
    svg = draw(axes, rule(axes, (0, 0), (1, 1)), *marks, legend=legend, title="ROC curve")
    by_class = ", ".join(
        f"{isolate(shorten(name, _LONGEST_LABEL))} {format_number(area_under(*curve), 3)}" for _, name, curve in curves
    )
    area = f"Areas: {by_class}." if legend else f"Area {format_number(area_under(*curves[0][2]), 4)}."
    return Plot("roc", "ROC curve", f"{area} {caption} The dashed line is random guessing.", svg)


def _precision_recall_plots(target: Target, predictions: LabelledPredictions, code: int) -> list[Plot]:
    """Precision and recall of the class `code`, with the point of the predictions as they are made."""
    assert predictions.classes is not None  # noqa: S101  # a classifier with probabilities
    assert predictions.probabilities is not None  # noqa: S101
    positive, weights = predictions.truth == code, predictions.weights
    curve = precision_recall_curve(positive, predictions.probabilities[:, code], weights)
    if curve is None or positive.all():
        return []
    label, share = predictions.classes[code], float(np.average(positive, weights=weights))
    chosen = precision_and_recall(positive, predictions.prediction == code, weights)
    axes = Axes(Axis(*_UNIT, "recall", share=True), Axis(*_UNIT, "precision", share=True))
    dot = "" if chosen is None else points(axes, np.array([chosen[1]]), np.array([chosen[0]]), "c2 big")
    marks = [rule(axes, (0, share), (1, share)), line(axes, *thin(*curve), "c1"), dot]
    svg = draw(axes, *marks, title="Precision and recall")
    label = isolate(shorten(label, _LONGEST_LABEL))
    threshold = "" if target.threshold is None else f", from a probability of {format_number(target.threshold)} on"
    caption = (
        f"Precision: the share of rows predicted as {label} that are {label}. Recall: the share of all {label} that is "
        f"found. The dashed line is the share of {label}, {format_percent(share)}."
    )
    if chosen is not None:
        caption += f" The dot: the predictions as they are made{threshold}."
    return [Plot("precision-recall", "Precision and recall", caption, svg)]


def _rare_classes_plots(predictions: LabelledPredictions) -> list[Plot]:
    """Precision and recall of the rare ones of several classes."""
    assert predictions.classes is not None  # noqa: S101  # a classifier with probabilities
    assert predictions.probabilities is not None  # noqa: S101
    shares = predictions.probabilities
    counts = np.bincount(predictions.truth, minlength=len(predictions.classes))[: len(predictions.classes)]
    rare = [k for k in np.argsort(counts, kind="stable").tolist() if is_rare(counts[k], counts.sum(), len(counts))]
    curves = [
        (f"c{number}", predictions.classes[k], curve)
        for number, k in enumerate([k for k in rare if counts[k]][:_MOST_CURVES], start=1)
        if (curve := precision_recall_curve(predictions.truth == k, shares[:, k], predictions.weights))
    ]
    if not curves:
        return []
    axes = Axes(Axis(*_UNIT, "recall", share=True), Axis(*_UNIT, "precision", share=True))
    legend = [(style, name) for style, name, _ in curves]
    marks = [line(axes, *thin(*curve), style) for style, _, curve in curves]
    svg = draw(axes, *marks, legend=legend, title="Precision and recall of rare classes")
    caption = "Each rare class against all others. Precision: the share of rows predicted as the class that are of it. "
    caption += "Recall: the share of all rows of the class that is found."
    return [Plot("precision-recall", "Precision and recall of rare classes", caption, svg)]


def _calibration_plot(curve: CalibrationCurve, x: str, y: str, score: Floats) -> Plot:
    axes = Axes(Axis(*_UNIT, x, share=True), Axis(*_UNIT, y, share=True))
    counts, edges = np.histogram(score, bins=40, range=_UNIT)
    heights = counts / max(counts.max(), 1) * 0.12
    svg = draw(
        axes,
        bars(axes, edges, heights, "faint"),
        rule(axes, (0, 0), (1, 1)),
        error_bars(axes, curve.predicted, curve.low, curve.high, "c1"),
        line(axes, curve.predicted, curve.observed, "c1"),
        points(axes, curve.predicted, curve.observed, "c1 big"),
        title="Calibration",
    )
    gap = float(np.average(np.abs(curve.predicted - curve.observed), weights=curve.rows))
    caption = (
        f"On the dashed line, probabilities equal the observed shares; the mean difference is {format_percent(gap)}. "
        "Bars: 95\u00a0% intervals; at the bottom, the distribution of the rows."
    )
    return Plot("calibration", "Calibration", caption, svg)


def _score_plot(label: str, positive: NDArray[np.bool_], score: Floats) -> Plot:
    edges = np.linspace(0, 1, 41)
    shares = [np.histogram(score[which], bins=edges)[0] / max(which.sum(), 1) for which in (positive, ~positive)]
    top = max(float(shares[0].max()), float(shares[1].max())) or 1.0
    axes = Axes(
        Axis(*_UNIT, f"probability of {label}", share=True), Axis(0.0, top * 1.08, "share of the class", share=True)
    )
    svg = draw(
        axes,
        bars(axes, edges, shares[1], "c2 half"),
        bars(axes, edges, shares[0], "c1 half"),
        legend=[("c1", f"is {label}"), ("c2", "is not")],
        title="Distribution of the probability",
    )
    return Plot("scores", "Probabilities", "How well the probability separates the two classes.", svg)


def _multiclass_plots(
    classes: list[str], truth: NDArray[np.int64], probabilities: Floats, weights: Floats | None
) -> list[Plot]:
    counts = np.bincount(truth, minlength=len(classes))[: len(classes)]
    order = np.argsort(-counts, kind="stable")[:_MOST_CURVES]
    curves: list[tuple[str, str, tuple[Floats, Floats]]] = []
    for code in order.tolist():
        curve = roc_curve(truth == code, probabilities[:, code], weights)
        if curve is not None:
            curves.append((f"c{len(curves) + 1}", classes[code], curve))
    shown = []
    if curves:
        note = f" The {len(curves)} most frequent of {len(classes)}." if len(classes) > _MOST_CURVES else ""
        shown.append(_roc_plot(curves, f"Each class against all others.{note}"))
    highest = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    curve_of_highest = calibration_curve(highest, correct)
    shown.append(_calibration_plot(curve_of_highest, "probability of the predicted label", "share correct", highest))
    return shown
