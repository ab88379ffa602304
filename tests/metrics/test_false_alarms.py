"""How many of 200 simulated fortnights without drift raise an alert?

The arithmetic of the rules in numpy, hour after hour; that a real Prometheus computes the same is for
tests/integration/test_drift_rules.py. What an alert waits for is not waited for here, so this counts too many rather
than too few.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.evaluation import evaluate, margin, metric_values, primary_metric
from fasttrack.metrics.drift_thresholds import LEAST_ROWS, SHARE_FLOOR
from fasttrack.metrics.reference import Bins, Reference, bin_numbers, learn_reference
from fasttrack.monitoring.alerts import alerts
from fasttrack.monitoring.plan import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.metric import Metric
    from fasttrack.contract.schema import Label, Task

    Floats = NDArray[np.float64]

REPLAYS, DAYS = 200, 14
A_DAY = 640
"""Rows: hardly more than the 500 that an alert needs."""
WORDS = 30
PLAN = Plan("m", "y", "rmse", False, ("a", "b", "c", "d"))
WINDOWS = {"24h": 24, "7d": 168}
COLUMNS = [
    Column(name="a", kind="number", nullable=True, dtype="float64"),
    Column(name="b", kind="number", nullable=True, dtype="float64"),
    Column(
        name="c", kind="category", nullable=True, dtype="object", categories=[f"w{place:02}" for place in range(WORDS)]
    ),
    Column(name="d", kind="integer", nullable=True, dtype="float64"),
]


@dataclass(frozen=True)
class Rows:
    """float64[n, 4] features, truth [n], prediction [n], and probabilities [n, 2] of a classifier."""

    features: Floats
    truth: Floats
    prediction: Floats
    probabilities: Floats | None


@dataclass(frozen=True)
class Model:
    """The parts of a bundle that alerts depend on."""

    task: Task
    reference: Reference
    holdout: Metric

    @property
    def classes(self) -> list[Label] | None:
        return None if self.task == "regression" else [0, 1]


def drawn(random: np.random.Generator, rows: int, task: Task) -> Rows:
    """Long-tailed numbers, rare words, missing values; long-tailed errors, or calibrated probabilities."""
    gaps = random.lognormal(2, 1.5, rows)
    gaps[random.uniform(size=rows) < 0.05] = np.nan
    words = np.minimum(random.zipf(1.4, rows) - 1, WORDS - 1).astype(float)
    numbers = random.normal(size=rows)
    features = np.column_stack([numbers, gaps, words, random.integers(0, 7, rows).astype(float)])
    if task == "regression":
        told = 3 * numbers
        return Rows(features, told + random.standard_t(5, rows), told, None)
    chance = 1 / (1 + np.exp(-1.5 * numbers))
    truth = (random.uniform(size=rows) < chance).astype(float)
    return Rows(features, truth, (chance > 0.5).astype(float), np.column_stack([1 - chance, chance]))


def trained(random: np.random.Generator, task: Task) -> Model:
    classes: list[Label] | None = None if task == "regression" else [0, 1]
    target = Target(name="y", task=task, classes=classes, probabilities=classes is not None)
    training, holdout = drawn(random, 8_000, task), drawn(random, 2_000, task)
    contract = Contract(columns=COLUMNS, target=target)
    found = evaluate(task, *quality_of(holdout, classes)).metrics[primary_metric(task, classes is not None).name]
    return Model(task, learn_reference(contract, training.features, holdout.prediction), found)


def quality_of(
    rows: Rows, classes: list[Label] | None, part: slice = slice(None)
) -> tuple[Floats, Floats, Floats | None, list[Label] | None]:
    shares = None if rows.probabilities is None else rows.probabilities[part]
    return rows.truth[part], rows.prediction[part], shares, classes


def limit(name: str) -> float:
    """The threshold in the PromQL of an alert."""
    (alert,) = [one for one in alerts(PLAN) if one.name == name]
    found = re.search(r" > ([0-9.]+)\n", alert.expr)
    assert found, alert.expr
    return float(found[1])


def moved(bins: Bins, values: Floats, hours: NDArray[np.intp], window: int) -> tuple[Floats, dict[str, Floats]]:
    """By hour, from the end of the first day: PSI, and the change of the shares that are missing and unseen.

    Zero where the window has too few rows.
    """
    counted = np.zeros((24 * DAYS + 1, len(bins.names)))
    np.add.at(counted, (hours + 1, bin_numbers(bins, values)), 1)
    total = counted.cumsum(axis=0)
    ends = np.arange(24, 24 * DAYS + 1)
    inside = total[ends] - total[np.maximum(ends - window, 0)]
    rows = inside.sum(axis=1, keepdims=True)
    share, then = inside / np.maximum(rows, 1), np.array(bins.shares)
    now, was = np.maximum(share, SHARE_FLOOR), np.maximum(then, SHARE_FLOOR)
    enough = rows[:, 0] >= LEAST_ROWS
    changes: dict[str, Floats] = {
        name: (share - then)[:, bins.names.index(name)] * enough for name in ("missing", "unseen") if name in bins.names
    }
    return ((now - was) * np.log(now / was)).sum(axis=1) * enough, changes


def alarms(model: Model, rows: Rows) -> set[str]:
    """The alerts that fire at some hour of the two weeks; of quality at the end of every other day."""
    found: set[str] = set()
    hours = np.arange(len(rows.truth)) * 24 // A_DAY
    assert hours[-1] == 24 * DAYS - 1
    for bins in model.reference.features:
        values = rows.features[:, bins.column]
        week, _ = moved(bins, values, hours, WINDOWS["7d"])
        day, changes = moved(bins, values, hours, WINDOWS["24h"])
        told = {"FastTrackDrift": week, "FastTrackDriftSudden": day, "FastTrackUnseen": changes.get("unseen")}
        told["FastTrackMissing"] = changes.get("missing")
        found |= {name for name, series in told.items() if series is not None and series.max() > limit(name)}
    assert model.reference.prediction is not None
    week, _ = moved(model.reference.prediction, rows.prediction, hours, WINDOWS["7d"])
    if week.max() > limit("FastTrackPredictionDrift"):
        found.add("FastTrackPredictionDrift")
    name = primary_metric(model.task, rows.probabilities is not None).name
    assert name in ("rmse", "log_loss"), "less is better"
    for day_number in range(2, DAYS + 1, 2):
        for window in WINDOWS.values():
            part = slice(max(0, day_number * A_DAY - window * A_DAY // 24), day_number * A_DAY)
            asked = quality_of(rows, model.classes, part)
            chance = margin(model.task, *asked)
            assert chance is not None
            if metric_values(model.task, *asked)[name] - chance > model.holdout.high:
                found.add("FastTrackQuality")
    return found


def test_the_quality_alert_says_how_many_labels_it_needs() -> None:
    (alert,) = [alert for alert in alerts(PLAN) if alert.name == "FastTrackQuality"]
    assert "at least 500 labels" in alert.meaning
    truth = np.random.default_rng(0).normal(size=500)
    assert margin("regression", truth[1:], np.zeros(499), None, None) is None
    assert margin("regression", truth, np.zeros(500), None, None) is not None


@pytest.fixture(scope="module")
def models() -> list[Model]:
    """Twenty trainings, because hold-outs vary. One in ten is a classifier, whose metrics take longer."""
    random = np.random.default_rng(5)
    return [trained(random, "binary" if number % 10 == 9 else "regression") for number in range(20)]


@pytest.mark.system
def test_of_200_undrifted_replays_at_most_two_wake_anybody(models: list[Model]) -> None:
    random = np.random.default_rng(6)
    woken = []
    for number in range(REPLAYS):
        model = models[number % len(models)]
        if found := alarms(model, drawn(random, DAYS * A_DAY, model.task)):
            woken.append((number, found))
    assert len(woken) <= REPLAYS // 100, woken


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("shifted", {"FastTrackDrift"}),
        ("another unit", {"FastTrackDrift", "FastTrackDriftSudden"}),
        ("new words", {"FastTrackUnseen", "FastTrackDrift"}),
        ("empty", {"FastTrackMissing", "FastTrackDrift"}),
        ("answers shifted", {"FastTrackPredictionDrift", "FastTrackQuality"}),
        ("truth apart", {"FastTrackQuality"}),
    ],
)
def test_what_has_changed_is_told(models: list[Model], change: str, expected: set[str]) -> None:
    """The same computation raises alerts where something has changed."""
    model = next(one for one in models if one.task == "regression")
    rows = drawn(np.random.default_rng(7), DAYS * A_DAY, "regression")
    second = slice(7 * A_DAY, None)
    if change == "shifted":
        rows.features[second, 0] += 0.7
    elif change == "another unit":
        rows.features[second, 1] *= 1000
    elif change == "new words":
        rows.features[7 * A_DAY :: 20, 2] = -1
    elif change == "empty":
        rows.features[7 * A_DAY :: 4, 1] = np.nan
    elif change == "answers shifted":
        rows.prediction[second] += 3
    else:
        rows.truth[second] += np.random.default_rng(8).normal(size=len(rows.truth[second])) * 1.5
    assert alarms(model, rows) == expected
