"""`quality = best`: the mixture is the best that greedy selection can find, compiles exactly, and keeps its time."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import ConvergenceWarning

from fasttrack.contract.learn import learn_columns
from fasttrack.progress import reporting
from fasttrack.training.cross_validation import plan
from fasttrack.training.ensemble import choose_ensemble, loss_of, mix, select_greedily
from fasttrack.training.recipes import Recipe, variants
from tests.compiler.cases import check_predictor, make_target, mixed_table

TASKS = ("regression", "binary", "multiclass")


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def waves(rows: int = 200) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.uniform(-3, 3, rows), "b": random.uniform(-3, 3, rows)})
    return frame, (np.sin(2 * frame["a"]) + frame["b"] + random.normal(0, 0.3, rows)).to_numpy()


def test_greedy_selection_finds_the_best_mixture_of_two() -> None:
    """Two candidates err to opposite sides; a third is the best alone."""
    truth = np.random.default_rng(0).normal(size=400)
    noise = np.random.default_rng(1).normal(size=400)
    outputs = [truth + noise, truth - 0.5 * noise, truth + 0.45 * noise[::-1]]

    def loss(output: Any) -> float:
        return float(np.sqrt(np.mean((output - truth) ** 2)))

    counts = select_greedily(outputs, loss, rounds=12)
    shares = np.array(counts) / sum(counts)
    grid = [np.array(w) / 12 for w in itertools.product(range(13), repeat=3) if sum(w) == 12]
    least = min(loss(sum(w * output for w, output in zip(ws, outputs, strict=True))) for ws in grid)
    found = loss(sum(w * output for w, output in zip(shares, outputs, strict=True)))
    alone = min(map(loss, outputs))
    assert found <= least + 0.1 * (alone - least)  # greedy, and so not always the best of all
    assert min(counts[:2]) > 0  # neither is the best alone, and both are in it


def test_greedy_selection_equals_a_search_of_every_step() -> None:
    """Each round takes the candidate that an independent search over all of them takes."""
    random = np.random.default_rng(3)
    truth = random.normal(size=60)
    outputs = [truth + random.normal(0, 1 + k / 3, 60) for k in range(5)]

    def loss(output: Any) -> float:
        return float(np.mean(np.abs(output - truth)))

    chosen: list[int] = []
    path: list[tuple[float, list[int]]] = []
    for _ in range(8):
        tries = [[*chosen, k] for k in range(5)]
        chosen = min(tries, key=lambda picks: loss(np.mean([outputs[k] for k in picks], axis=0)))
        path.append((loss(np.mean([outputs[k] for k in chosen], axis=0)), chosen))
    best = min(path, key=lambda step: step[0])[1]
    assert select_greedily(outputs, loss, rounds=8) == [best.count(k) for k in range(5)]


def test_at_most_so_many_candidates_are_mixed() -> None:
    truth = np.zeros(300)
    outputs = list(np.random.default_rng(0).normal(size=(12, 300)))
    counts = select_greedily(outputs, lambda output: float(np.mean((output - truth) ** 2)), most=3)
    assert sum(count > 0 for count in counts) == 3


def test_the_mixture_is_never_worse_than_the_best_candidate_on_the_folds() -> None:
    frame, y = waves()
    columns = learn_columns(frame)
    choice = choose_ensemble(columns, "regression", frame, y, seconds=20, clock=Clock())
    data = plan("regression", frame, y, method="random", by=None, seed=0, clock=Clock())
    assert sum(standing.weight or 0 for standing in choice.leaderboard.standings) == pytest.approx(1)
    assert [s.score for s in choice.leaderboard.standings] == sorted(s.score for s in choice.leaderboard.standings)
    assert loss_of(data)(data.truth) == 0


def test_no_candidate_starts_that_would_exceed_the_time() -> None:
    """Every candidate takes a second by this clock; what is not a default starts only while there is time for it."""
    frame, y = waves(90)
    columns = learn_columns(frame)
    tried = {}
    for seconds in (1, 30, 60):
        steps: list[str] = []
        clock = Clock()
        with reporting(steps.append):
            choose_ensemble(columns, "regression", frame, y, seconds=seconds, clock=clock)
        tried[seconds] = sum(step.startswith("trying ") for step in steps)
        assert sum(step.startswith("comparing ") for step in steps) == 4  # the families, whatever the time
        assert clock.now <= max(seconds, 14) + 2
    assert tried[1] == 0
    assert 0 < tried[30] < tried[60]


def test_a_variant_that_cannot_be_fitted_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, y = waves(90)
    broken = Recipe("forest", {"model__max_features": 7.5})
    monkeypatch.setattr("fasttrack.training.ensemble.variants", lambda *_: iter([broken, Recipe("extra_trees")]))
    choice = choose_ensemble(learn_columns(frame), "regression", frame, y, seconds=100, clock=Clock())
    names = {standing.name for standing in choice.leaderboard.standings}
    assert "extra_trees" in names
    assert broken.name not in names


@pytest.mark.parametrize("task", TASKS)
def test_a_mixture_compiles_exactly(task: Any) -> None:
    """One of each kind of candidate: of every family, every form and the network."""
    frame = mixed_table(200)
    y = make_target(frame, task)
    columns = learn_columns(frame)
    recipes = [Recipe("linear"), Recipe("polynomial"), Recipe("boosting", form="means"), Recipe("extra_trees")]
    recipes += [Recipe("network"), Recipe("xgboost", {}), Recipe("lightgbm")]
    if task == "regression":
        y = np.exp(y / np.abs(y).max())
        recipes += [Recipe("boosting", form="log"), Recipe("linear", form="log")]
    mixture = mix([(recipe, 1 + k) for k, recipe in enumerate(recipes)], columns, task, len(frame), 0)
    assert isinstance(mixture, VotingRegressor if task == "regression" else VotingClassifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the network, on so few rows
        assert check_predictor(mixture, frame, y, edges=300).proof.passed


def test_variants_begin_with_the_same_ones_for_a_seed_and_differ() -> None:
    frame, y = waves()
    columns = learn_columns(frame)
    first, again = ([recipe.name for recipe in variants(columns, "regression", y, 3)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 100


def test_logarithms_are_tried_for_a_skewed_target_that_is_never_negative() -> None:
    frame, y = waves()
    columns = learn_columns(frame)
    assert not any(recipe.form == "log" for recipe in variants(columns, "regression", y, 0))
    assert any(recipe.form == "log" for recipe in variants(columns, "regression", np.exp(3 * np.abs(y)), 0))
