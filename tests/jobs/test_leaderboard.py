"""What `auto` compared is on the console, in the manifest and in the report, each with the metric and the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import fasttrack
from fasttrack.cli.outcome import print_outcome
from fasttrack.errors import ConfigError
from fasttrack.progress import reporting
from fasttrack.report import read_report
from tests.jobs.tables import write_houses

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.jobs import Outcome


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> Outcome:
    folder = tmp_path_factory.mktemp("auto")
    with reporting(steps.append):
        return fasttrack.train(write_houses(folder, 200), "price", store=folder / "store")


def test_the_manifest_has_every_candidate_without_times(outcome: Outcome) -> None:
    board = outcome.manifest.training.leaderboard
    assert board is not None
    assert {standing.name for standing in board.standings} == {"linear", "polynomial", "forest", "boosting"}
    assert board.metric == "rmse"
    assert board.validation == "5-fold cross-validation of 160 training rows, by random"
    assert all(standing.seconds is None for standing in board.standings)
    chosen = [standing.name for standing in board.standings if standing.weight is not None]
    assert chosen == [outcome.manifest.training.estimator]
    scores = [standing.score for standing in board.standings]
    assert scores == sorted(scores)
    assert all(standing.error is not None and standing.error > 0 for standing in board.standings)


def test_the_same_rows_have_the_same_version_however_long_the_candidates_took(outcome: Outcome, tmp_path: Path) -> None:
    again = fasttrack.train(write_houses(tmp_path, 200), "price", store=tmp_path / "store")
    assert again.leaderboard != outcome.leaderboard  # other times
    assert again.manifest.training.leaderboard == outcome.manifest.training.leaderboard


def test_the_console_names_metric_rule_and_times(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(outcome, "model")
    printed = capsys.readouterr().out
    board = outcome.leaderboard
    assert board is not None
    assert f"RMSE, 5-fold cross-validation of 160 training rows, by random; {board.rule}" in printed
    for standing in board.standings:
        line = next(line for line in printed.splitlines() if line.startswith(f"{standing.name} "))
        assert line.split()[1:4] == [f"{standing.score:.5g}", "±", f"{standing.error:.2g}"]
        assert f"{standing.seconds:.1f}" in line.split()
        assert line.endswith("chosen") is (standing.weight is not None)


def test_the_report_has_the_candidates_with_times(outcome: Outcome) -> None:
    page = read_report(outcome.bundle)
    assert "<h2>Candidates</h2>" in page
    assert '<th class="n">Seconds</th>' in page
    assert '<th scope="row">polynomial</th>' in page


def test_each_candidate_is_a_step(outcome: Outcome, steps: list[str]) -> None:
    assert [step for step in steps if step.startswith("comparing ")] == [
        "comparing linear, 1 of 4",
        "comparing polynomial, 2 of 4",
        "comparing forest, 3 of 4",
        "comparing boosting, 4 of 4",
    ]
    assert f"chose {outcome.manifest.training.estimator}: {outcome.leaderboard and outcome.leaderboard.rule}" in steps


def test_best_is_for_auto_and_not_with_a_search(tmp_path: Path) -> None:
    table = write_houses(tmp_path, 60)
    with pytest.raises(ConfigError, match='quality = "best" is used with auto only, not with forest; remove one'):
        fasttrack.train(table, "price", estimator="forest", quality="best", store=tmp_path)
    with pytest.raises(ConfigError, match="both choose hyperparameters; keep one of them"):
        fasttrack.train(table, "price", quality="best", trials=3, store=tmp_path)
    with pytest.raises(ConfigError, match="--quality-seconds 0: expected a number > 0"):
        fasttrack.train(table, "price", quality="best", quality_seconds=0, store=tmp_path)


def test_a_mixture_is_trained_compiled_and_described(tmp_path: Path) -> None:
    table = write_houses(tmp_path, 150)
    outcome = fasttrack.train(table, "price", quality="best", quality_seconds=3, refit=True, store=tmp_path / "store")
    training = outcome.manifest.training
    assert outcome.manifest.engine == "onnx"
    assert training.leaderboard is not None
    shares = [standing.weight for standing in training.leaderboard.standings if standing.weight is not None]
    assert sum(shares) == pytest.approx(1)
    assert len(shares) == 1 or training.estimator == f"ensemble of {len(shares)}"
    assert (training.rows, training.evaluated_rows) == (150, 120)


def test_a_library_that_is_not_installed_is_named_before_the_table_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fasttrack.training.families.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        fasttrack.train(tmp_path / "nothing.csv", "price", estimator="lightgbm", store=tmp_path)
    assert str(caught.value) == ("the estimator lightgbm is not installed: pip install 'fasttrack-mlops[lightgbm]'")
