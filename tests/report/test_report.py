"""The report of trainings end to end: complete, self-contained, reproducible, and in agreement with the manifest."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import fasttrack
from fasttrack.bundle import REPORT
from fasttrack.config import DataConfig, ModelConfig, SplitConfig, TrainConfig
from fasttrack.contract.decode import Decoder
from fasttrack.errors import BundleError, DataError
from fasttrack.report import extract_plots, read_report, rebuild
from fasttrack.report.formatting import decimal_places, describe_metric, format_fixed
from fasttrack.store import LocalStore
from tests.report.pages import Page, parse_page

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome
    from fasttrack.contract.schema import Kind, Task

PLOTS = {
    "regression": {"predicted-actual", "error-distribution", "error-prediction", "error-quantile"},
    "binary": {"roc", "precision-recall", "calibration", "scores"},
    "multiclass": {"roc", "calibration"},
}


def frame(rows: int, task: str, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "size": random.normal(50, 10, rows).round(2),
            "count": random.integers(0, 9, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "fresh": random.choice([True, False], rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, rows), unit="D"),
        }
    )
    table.loc[random.random(rows) < 0.1, "size"] = np.nan
    score = table["size"].fillna(50) + 5 * (table["colour"] == "red") + random.normal(0, 4, rows)
    match task:
        case "regression":
            table["y"] = score
        case "binary":
            table["y"] = np.where(score > 52, "yes", "no")
        case _:
            table["y"] = np.select([score > 58, score > 46], ["high", "middle"], "low")
    return table


def page_of(outcome: Outcome) -> tuple[Page, str]:
    text = read_report(outcome.bundle)
    return parse_page(text), text


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_training_writes_a_whole_report_with_the_manifest_s_figures(tmp_path: Path, task: str) -> None:
    outcome = fasttrack.train(frame(600, task), "y", estimator="linear", store=tmp_path)
    page, text = page_of(outcome)
    manifest = outcome.manifest
    assert {"quality", "errors", "importance", "segments", "features", "proof", "data", "call"} <= set(page.ids)
    assert {name.removeprefix("plot-") for name in page.ids if name.startswith("plot-")} == PLOTS[task]
    for name, metric in manifest.metrics.items():
        row = re.search(rf"<th scope=\"row\">{re.escape(describe_metric(name).name)}</th>(.*?)</tr>", text)
        assert row is not None
        cells = re.findall(r'<td class="n">(.*?)</td>', row.group(1))
        trivial = manifest.baseline[name].value
        decimals = decimal_places((metric.value, metric.low, metric.high, trivial), 5)
        value, low, high = (format_fixed(number, decimals) for number in (metric.value, metric.low, metric.high))
        assert cells == [value, f"{low} to {high}", format_fixed(trivial, decimals)]
    assert manifest.version in text
    assert str(manifest.training.content_sha256) in text
    assert f"On {manifest.training.holdout_rows:,} rows that it was not trained on, " in text
    assert ("Compiled, and proved" in text) == (manifest.engine == "onnx")
    assert "champion" not in page.ids
    assert "baseline" in text
    assert len(text) < 200_000


def test_the_same_training_gives_the_same_version_and_the_same_report(tmp_path: Path) -> None:
    first, again = (
        fasttrack.train(frame(300, "binary"), "y", estimator="boosting", store=tmp_path / name) for name in "ab"
    )
    assert first.manifest.version == again.manifest.version
    days = {outcome.manifest.created[:10] for outcome in (first, again)}
    texts = [read_report(outcome.bundle) for outcome in (first, again)]
    assert len({re.sub("|".join(days), "DAY", text) for text in texts}) == 1
    assert first.manifest.created[:19] not in texts[0], "a day, no time of day"


def test_the_champion_is_in_the_report_and_not_in_the_version(tmp_path: Path) -> None:
    table = frame(400, "regression")
    alone = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "alone")
    weak = fasttrack.train(table[["count", "size", "y"]], "y", estimator="linear", store=tmp_path / "both")
    second = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "both")
    assert second.manifest.version == alone.manifest.version
    assert second.verdict.comparison is not None
    sentence = page_of(second)[0].texts["champion"]
    assert f"Compared with champion {weak.manifest.version} on the same rows: RMSE" in sentence
    assert second.manifest.files[REPORT] != alone.manifest.files[REPORT]
    # trained again, it is its own champion: it is not compared with itself, and the report stays
    again = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "both")
    assert LocalStore(tmp_path / "both").open("y").read(REPORT) == second.bundle.read(REPORT)
    assert again.manifest.version == second.manifest.version


@pytest.mark.parametrize(
    ("method", "column", "of"),
    [("random", None, "the rows"), ("group", "shop", "the 8 groups"), ("time", "day", "the 30 periods")],
)
def test_the_report_says_what_was_resampled(tmp_path: Path, method: Any, column: str | None, of: str) -> None:
    table = frame(400, "regression")
    table["shop"] = np.arange(400) % 40
    table.to_csv(tmp_path / "table.csv", index=False)
    config = TrainConfig(
        name="y",
        data=DataConfig(source=str(tmp_path / "table.csv"), target="y", ignore=["shop"]),
        split=SplitConfig(method=method, column=column),
        model=ModelConfig(estimator="sklearn.dummy:DummyRegressor"),
    )
    fasttrack.train(config, store=tmp_path / "store", promote="always")
    better = msgspec.structs.replace(config, model=ModelConfig(estimator="linear"))
    page, _ = page_of(fasttrack.train(better, store=tmp_path / "store"))
    of = of if method == "random" else f"{of} of the rows"
    assert f"1,000 bootstrap resamples of {of}." in page.texts["quality"]
    assert page.texts["champion"].endswith(f"of bootstrap resamples of {of}.")


def test_a_champion_that_cannot_be_compared_is_named_with_the_reason(tmp_path: Path) -> None:
    table = frame(200, "regression")
    first = fasttrack.train(table, "y", estimator="linear", store=tmp_path)
    second = fasttrack.train(table.drop(columns="size"), "y", estimator="linear", store=tmp_path)
    assert page_of(second)[0].texts["champion"] == (
        f"Champion {first.manifest.version} could not be compared on these rows: "
        "it needs columns that this table does not have."
    )


def test_a_changed_report_is_refused(tmp_path: Path) -> None:
    outcome = fasttrack.train(frame(60, "regression"), "y", estimator="linear", store=tmp_path)
    path = outcome.bundle.folder / REPORT
    path.write_text(path.read_text() + " ")
    with pytest.raises(BundleError, match=r"report\.html was changed after it was written"):
        LocalStore(tmp_path).open("y")
    with pytest.raises(BundleError, match=r"report\.html was changed after it was written"):
        read_report(outcome.bundle)


HOSTILE = ["<script>alert(1)</script>", "\"quotes\" & 'more'", "a</svg></figure>b", "naïve 列 {{ 7*7 }}", "}</style>{"]


def test_hostile_names_and_labels_are_text(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame({name: random.normal(size=200) for name in HOSTILE})
    X["</td><b>"] = random.choice(['<img src=x onerror="1">', "it's", "%}"], 200)
    X["<u>y</u>"] = np.where(X[HOSTILE[0]] > 0, "<i>yes</i>", "' or 1=1 --")
    outcome = fasttrack.train(X, "<u>y</u>", name="hostile", estimator="linear", store=tmp_path)
    page, text = page_of(outcome)
    assert not {"b", "i", "u"} & {tag for tag, attributes in page.tags if "style" not in attributes}
    features = page.texts["features"]
    for name in [*HOSTILE, "</td><b>", "it's"]:
        assert name in features
    assert "<i>yes</i>" in page.texts["errors"]
    assert "49" not in re.findall(r"naïve 列 (\S+)", text)
    for svg in extract_plots(text).values():
        drawing = Page()
        drawing.feed(svg)
        assert not drawing.wrong


def test_the_request_in_the_report_is_one_that_the_model_takes(tmp_path: Path) -> None:
    table = frame(200, "binary").rename(columns={"size": "it's $(size)", "colour": 'a "b"'})
    outcome = fasttrack.train(table, "y", estimator="linear", store=tmp_path)
    text = page_of(outcome)[0].texts["call"]
    curl = shlex.split(next(line for line in text.splitlines() if line.startswith("curl ")))
    contract = outcome.manifest.contract
    assert Decoder(contract).rows(curl[curl.index("-d") + 1].encode()).warnings == []
    program = text[text.index("import json") : text.index("reply =")] + "print(json.dumps(row))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {column.name: column.example for column in contract.columns}


def test_the_report_of_a_packaged_model_says_that_it_was_measured_on_its_own_rows(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(40.0)})
    outcome = fasttrack.package(LinearRegression().fit(X, X["a"]), X, X["a"], name="line", store=tmp_path)
    page, text = page_of(outcome)
    assert "measured on the rows that it was packaged with" in page.texts["caution"]
    assert "On the 40 rows that it was packaged with" in text
    assert "held out" not in text


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_tiny_table_of_one_feature_has_a_report(tmp_path: Path, task: Task) -> None:
    table = frame(16, task)[["count", "y"]]
    outcome = fasttrack.train(table, "y", estimator="linear", task=task, store=tmp_path)
    page, _ = page_of(outcome)
    assert re.search(r"Measured on only \d+ rows", page.texts["caution"])
    assert "Not tested: no segment has 30 rows" in page.texts["segments"]


def test_a_hold_out_of_one_class_has_no_curves_and_still_a_report(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(50.0)})
    model = LogisticRegression().fit(X, X["a"] > 25)
    outcome = fasttrack.package(model, X.iloc[:20], pd.Series([False] * 20), name="one", store=tmp_path)
    names = {name for name in page_of(outcome)[0].ids if name.startswith("plot-")}
    assert names == {"plot-calibration", "plot-scores"}
    only = fasttrack.package(model, X, pd.Series(["neither"] * 50), name="none", store=tmp_path)
    assert "unknown label" in page_of(only)[0].texts["errors"]


def test_classifiers_without_probabilities_and_constant_answers_have_a_report(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(60.0), "b": [1.0] * 60})
    y = pd.Series(np.where(X["a"] > 30, "u", "v"), name="y")
    svc = fasttrack.package(make_pipeline(LinearSVC()).fit(X, y), X, y, name="svc", store=tmp_path)
    page, _ = page_of(svc)
    assert not [name for name in page.ids if name.startswith("plot-")]
    assert "share of wrong labels" in page.texts["importance"]
    dummy = fasttrack.package(DummyClassifier().fit(X, y), X, y, name="dummy", store=tmp_path)
    assert "plot-roc" in page_of(dummy)[0].ids
    flat = fasttrack.package(LinearRegression().fit(X, X["b"]), X, X["b"], name="flat", store=tmp_path)
    assert "plot-predicted-actual" in page_of(flat)[0].ids


def test_a_column_without_any_value_is_profiled(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(80.0), "gone": [np.nan] * 80})
    model = make_pipeline(SimpleImputer(keep_empty_features=True), Ridge()).fit(X, X["a"])
    page, _ = page_of(fasttrack.package(model, X, X["a"], name="gone", store=tmp_path))
    assert re.search(r"gone\s*number100\u00a0%no values", page.texts["features"])


def test_a_stored_version_is_measured_again_on_another_table(tmp_path: Path) -> None:
    table = frame(500, "regression")
    outcome = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "store")
    other = frame(300, "regression", seed=9)
    other["y"] += 10  # all are off by ten
    other.loc[:4, "y"] = np.nan
    other.to_csv(tmp_path / "new.csv", index=False)
    bundle = LocalStore(tmp_path / "store").open("y")
    text = rebuild(bundle, tmp_path / "new.csv")
    page = parse_page(text)
    assert f"Measured on 295 rows of {tmp_path / 'new.csv'}" in page.texts["quality"]
    row = re.search(r'<th scope="row">MAE</th>(.*?)</tr>', text)
    assert row is not None
    now, _, before, _ = re.findall(r'<td class="n">(.*?)</td>', row.group(1))
    assert float(before) == pytest.approx(outcome.manifest.metrics["mae"].value, abs=1e-3)
    assert 9 < float(now) < 11
    with pytest.raises(DataError, match="no column 'y': without true values nothing can be measured"):
        other.drop(columns="y").to_csv(tmp_path / "unlabelled.csv", index=False)
        rebuild(bundle, tmp_path / "unlabelled.csv")
    with pytest.raises(DataError, match="lacks columns that the model needs: 'colour'"):
        other.drop(columns="colour").to_csv(tmp_path / "lacking.csv", index=False)
        rebuild(bundle, tmp_path / "lacking.csv")


@pytest.mark.parametrize("kind", ["category", "boolean", "integer", "number"])
def test_what_was_true_is_read_as_the_kind_that_it_was_trained_as(tmp_path: Path, kind: Kind) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=300)})
    table["y"] = (table["x"] > 0).astype(int)
    table.to_csv(tmp_path / "table.csv", index=False)
    kinds: dict[str, Kind] = {"y": kind}
    fasttrack.train(tmp_path / "table.csv", "y", estimator="linear", kinds=kinds, name="y", store=tmp_path / "store")
    text = rebuild(LocalStore(tmp_path / "store").open("y"), tmp_path / "table.csv")
    correct = re.search(r", (\d+)(\.\d)?\u00a0% of its labels are correct", text)
    assert correct is not None
    assert int(correct[1]) > 90


def test_a_table_without_a_label_that_the_model_knows_is_refused(tmp_path: Path) -> None:
    table = frame(200, "multiclass")
    fasttrack.train(table, "y", estimator="linear", store=tmp_path / "store")
    bundle = LocalStore(tmp_path / "store").open("y")
    table["y"] = [f"grade {i % 7}" for i in range(200)]
    table.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DataError) as caught:
        rebuild(bundle, tmp_path / "new.csv")
    assert str(caught.value) == (
        f"{tmp_path / 'new.csv'}: the model knows no label in 'y': 'grade 0', 'grade 1', 'grade 2', "
        "'grade 3', 'grade 4', … there, 'high', 'low', 'middle' in training; use rows with its labels, or train on "
        "these"
    )
    table.loc[0, "y"] = "high"  # the others are ones that it misses
    table.to_csv(tmp_path / "new.csv", index=False)
    assert "unknown label" in rebuild(bundle, tmp_path / "new.csv")


def test_an_infinite_target_cannot_be_measured_on(tmp_path: Path) -> None:
    table = frame(200, "regression")
    fasttrack.train(table, "y", estimator="linear", store=tmp_path / "store")
    table.loc[3, "y"] = np.inf
    table.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DataError, match="the target 'y' has infinite values, for which no error can be measured"):
        rebuild(LocalStore(tmp_path / "store").open("y"), tmp_path / "new.csv")


def test_plots_can_be_taken_out_as_files_of_their_own(tmp_path: Path) -> None:
    outcome = fasttrack.train(frame(1500, "regression"), "y", estimator="linear", store=tmp_path)
    drawings = extract_plots(read_report(outcome.bundle))
    assert set(drawings) == PLOTS["regression"]
    for svg in drawings.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in svg
