"""The command line as a user runs it: real processes, their exit codes, output and messages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, run

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a store with two versions of a model."""
    folder = tmp_path_factory.mktemp("project")
    sizes = [i * 37 % 61 for i in range(120)]  # in order and once each they would be row numbers
    rows = "".join(f"{n},{'uv'[i % 2]},{n * 2 + (i % 2) * 5 + (i * 7919) % 13 / 10}\n" for i, n in enumerate(sizes))
    (folder / "sales.csv").write_text("size,kind,price\n" + rows)
    dummy = ["--estimator", "sklearn.dummy:DummyRegressor", "--promote", "always"]
    run("train", "sales.csv", "--target", "price", *dummy, cwd=folder)
    done = run("train", "sales.csv", "--target", "price", "--estimator", "linear", cwd=folder)
    assert "promoted: rmse" in done.stdout
    assert "next: fasttrack serve --model sales" in done.stdout
    return folder


def test_the_specification_s_scripts_train_and_predict(tmp_path: Path) -> None:
    environment = {**os.environ, "FASTTRACK_STORE": str(tmp_path / "model")}
    trained = subprocess.run(
        [sys.executable, "src/train.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert trained.returncode == 0, trained.stderr
    predicted = subprocess.run(
        [sys.executable, "src/predict.py", "10"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert predicted.stdout == "21.0\n", predicted.stderr


def test_training_prints_its_steps_and_results(project: Path) -> None:
    done = run("train", "sales.csv", "--target", "price", "--estimator", "linear", "--name", "told", cwd=project)
    assert "reading sales.csv" in done.stderr
    assert "evaluating on 24 hold-out rows" in done.stderr
    for words in (
        "regression of 'price'",
        "95 % interval",
        "trivial baseline",
        "rmse",
        "mae",
        "r2",
        "there was no champion",
        "compiled: 120 + ",
    ):
        assert words in done.stdout


def test_a_search_prints_its_trials_and_its_best_parameters(project: Path) -> None:
    done = run(
        "train", "sales.csv", "--target", "price", "--estimator", "linear", "--name", "searched",
        "--trials", "3", "--search-seconds", "600", cwd=project,
    )  # fmt: skip
    assert "searching linear: 3 folds of 96 training rows, by random" in done.stderr
    assert "trial 1 of 3, 600 s left" in done.stderr
    assert "trial 3 of 3, best rmse " in done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("search: "))
    assert line.startswith("search: 3 trials, best validation rmse ")
    assert re.search(r" \(\S+ with the defaults\): ", line)
    assert line in run("models", "show", "searched", cwd=project).stdout.splitlines()


def test_init_writes_a_configuration_that_trains(project: Path) -> None:
    assert "wrote fasttrack.toml" in run("init", "sales.csv", "--target", "price", cwd=project).stdout
    text = (project / "fasttrack.toml").read_text()
    assert '# "kind" = "category"' in text
    assert "sales@" in run("train", "fasttrack.toml", "--tracking", "off", cwd=project).stdout
    again = run("init", "sales.csv", "--target", "price", cwd=project, code=1)
    assert again.stderr == "error: fasttrack.toml exists; choose another with --output, or --force to overwrite it\n"


def test_models_are_listed_shown_promoted_rolled_back_and_verified(project: Path) -> None:
    listed = [line.split() for line in run("models", "list", cwd=project).stdout.splitlines()]
    sales = [line for line in listed if "sales" in line]
    dummy = next(line for line in sales if "sklearn.dummy:DummyRegressor" in line)[1]
    linear = next(line for line in sales if line[0] == "*")[2]
    shown = run("models", "show", "sales", cwd=project).stdout
    assert f"sales@{linear}  champion" in shown
    assert "'kind'" in shown
    assert (
        f"{dummy} is champion, before it was {linear}"
        in run("models", "promote", f"sales@{dummy[:6]}", cwd=project).stdout
    )
    assert f"{linear} is champion again" in run("models", "rollback", "sales", cwd=project).stdout
    assert "ok, 9 files match" in run("models", "verify", "sales", cwd=project).stdout
    proved = run("models", "verify", "sales", "--data", "sales.csv", cwd=project).stdout
    assert f"sales@{linear}: proved on 120 + " in proved
    assert "worst difference" in proved
    assert run("models", "verify", cwd=project).stdout.count(": ok") >= 2


def test_prediction_without_a_server(project: Path) -> None:
    value = float(run("predict", "size=10", "kind=u", "--model", "sales", cwd=project).stdout)
    assert 15 < value < 25
    warned = run("predict", "size=10", "kind=zz", "--model", "sales", cwd=project)
    assert "warning: kind: not among the 2 categories" in warned.stderr
    refused = run("predict", "size=ten", "kind=u", "--model", "sales", cwd=project, code=1)
    assert refused.stderr == "error: column 'size': expected a whole number, got text\n"
    assert "names no column; write COLUMN=VALUE" in run("predict", "10", "--model", "sales", cwd=project, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nowhere.csv", "--target", "y"], "error: nowhere.csv"),
        (["train", "sales.csv"], "error: which column of sales.csv is to be predicted? name it: --target COLUMN"),
        (["train", "sales.csv", "--target", "prize"], "has no column 'prize'; did you mean price or size?"),
        (["train", "sales.csv", "--target", "price", "--kind", "size"], "error: --kind size: write COLUMN=KIND"),
        (
            ["train", "sales.csv", "--target", "price", "--task", "guess"],
            "error: --task: expected one of regression",
        ),
        (
            ["train", "sales.csv", "--target", "price", "--trials", "0"],
            "error: --trials 0: expected a whole number >= 1",
        ),
        (["train", "missing.toml"], "error: missing.toml cannot be read: No such file or directory"),
        (["serve", "--store", "nothing"], "error: store nothing has no model to serve; train one first"),
        (["serve", "--model", "sale"], "error: store model has no model 'sale'; did you mean sales?"),
        (["models", "show", "sales@ffff"], "sales has no version 'ffff'"),
        (["models", "rollback", "nobody"], "has no model 'nobody'"),
        (["models", "verify", "--store", "nothing"], "error: store nothing is empty"),
        (
            ["models", "verify", "--data", "sales.csv"],
            "error: name the model to prove on sales.csv: fasttrack models verify MODEL --data sales.csv",
        ),
        (["models", "verify", "sales", "--data", "nothing.csv"], "error: nothing.csv does not exist"),
    ],
)
def test_a_usage_error_is_one_line(project: Path, arguments: list[str], message: str) -> None:
    stderr = run(*arguments, cwd=project, code=1).stderr
    assert message in stderr
    error = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert stderr.splitlines()[-1] == error[0]


def test_a_damaged_pointer_hides_no_version_and_is_replaced_by_promoting(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "model", tmp_path / "model")
    pointer = tmp_path / "model" / "sales" / "champion.json"
    pointer.write_text("{")
    listed = run("models", "list", cwd=tmp_path).stdout
    assert listed.count("sales") >= 2
    assert "damaged: model/sales/champion.json cannot be read" in listed
    assert "1 aliases cannot be resolved" in run("models", "verify", cwd=tmp_path, code=1).stderr
    version = next(pointer.parent.glob("*/manifest.json")).parent.name
    assert f"sales: {version} is champion" in run("models", "promote", f"sales@{version}", cwd=tmp_path).stdout
    assert "aliases" not in run("models", "verify", cwd=tmp_path).stderr


def test_a_file_that_cannot_be_written_is_named(project: Path, tmp_path: Path) -> None:
    full = subprocess.run(
        f"{COMMAND} models list > /dev/full", shell=True, cwd=project, capture_output=True, text=True, timeout=60
    )
    assert full.returncode == 1
    assert full.stderr == "error: the output cannot be written: No space left on device\n"
    stderr = run("init", "sales.csv", "--target", "price", "-o", "nowhere/x.toml", cwd=project, code=1).stderr
    assert (
        stderr == "error: nowhere/x.toml cannot be written: No such file or directory; choose another with --output\n"
    )
    stderr = run("init", "sales.csv", "--target", "price", "-o", str(tmp_path), "--force", cwd=project, code=1).stderr
    assert stderr == f"error: {tmp_path} is a folder; name a file with --output\n"


def test_a_damaged_version_is_named(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "model", tmp_path / "model")
    bundle = next(tmp_path.joinpath("model", "sales").glob("*/model.joblib"))
    content = bundle.read_bytes()
    bundle.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = run("models", "verify", "--store", "model", cwd=tmp_path, code=1)
    assert "was changed after it was written: its SHA-256 is" in done.stderr
    assert "versions are damaged" in done.stderr


def test_a_report_is_located_copied_and_measured_on_another_table(project: Path) -> None:
    stored = run("report", cwd=project).stdout.strip()
    assert (project / stored).name == "report.html"
    copy = run("report", "sales", "--output", "sent.html", cwd=project).stdout.strip()
    assert copy == "sent.html"
    assert (project / "sent.html").read_bytes() == (project / stored).read_bytes()
    (project / "fresh.csv").write_text("size,kind,price\n1,u,3\n2,v,9\n3,u,6\n4,v,\n")
    measured = run("report", "sales", "--data", "fresh.csv", cwd=project).stdout.strip()
    assert measured.startswith("sales-")
    assert "On 3 rows of fresh.csv, the mean absolute error is " in (project / measured).read_text()
    away = run("report", "--output", "nowhere/sent.html", cwd=project, code=1)
    assert away.stderr == (
        "error: nowhere/sent.html cannot be written: No such file or directory; choose another with --output\n"
    )
    for folder in (".", "model"):
        stderr = run("report", "--output", folder, cwd=project, code=1).stderr
        assert stderr == f"error: {folder} is a folder; name a file with --output\n"
    empty = run("report", "--store", "empty", cwd=project, code=1)
    assert (
        empty.stderr
        == "error: store empty has no model to report on; train one first: fasttrack train DATA --target COLUMN\n"
    )


def test_help_lists_every_command() -> None:
    text = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for command in ("train", "init", "check", "serve", "predict", "models", "journal", "monitor", "mlflow"):
        assert command in text
    assert run("--version").stdout.startswith("fasttrack 0.")
