"""Generated files of a classifier with 300 columns, some of them named as nobody should: every query returns data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import fasttrack
from fasttrack.metrics.reference import MOST_FEATURES
from tests.integration.real import SCRIPTS, free_port, poll, process, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

ODD = (
    'quo"te',
    "back\\slash",
    "new\nline",
    "{braces}",
    "{{ $labels.job }}",
    "$feature",
    "ünï – 木",
    "a|b.*",
    " ",
    "%s",
)
"""Names that the model heeds, so that they are among those that are watched."""
ROWS = 600


def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    names = [*ODD, *(f"column {number}" for number in range(300 - len(ODD)))]
    return pd.DataFrame(random.normal(size=(ROWS, 300)), columns=names)


@dataclass(frozen=True)
class Watched:
    """A Prometheus that watches the server, and the files that were made for it."""

    url: str
    server: str
    files: Path

    def query(self, query: str) -> list[dict[str, Any]]:
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": query}, timeout=60).json()
        assert answer["status"] == "success", (query, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    require("prometheus", "promtool")
    folder = tmp_path_factory.mktemp("wide")
    X = frame()
    weight = np.array([3.0] * len(ODD) + [0.02] * (300 - len(ODD)))
    y = np.where(X.to_numpy() @ weight > 0, 'say "yes"', "no\\")
    model = LogisticRegression(C=0.1, max_iter=500).fit(X, y)
    fasttrack.package(model, X, y, name="wide", target="bought", store=folder / "store", promote="always")
    files = folder / "monitoring"
    no_alert = [text for name in ODD[:4] for text in ("--no-alert", name)]
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    build = (SCRIPTS / "fasttrack", "monitor", "build", "--store", folder / "store", "--output", files)
    run(*build, "--target", f"127.0.0.1:{port}", *no_alert)
    configured = re.sub("_interval: .*", "_interval: 1s", (files / "prometheus.yml").read_text())
    (files / "prometheus.yml").write_text(configured)
    serve = (SCRIPTS / "fasttrack", "serve", "--store", folder / "store", "--port", str(port))
    prometheus = ("prometheus", f"--config.file={files}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
    server = f"http://127.0.0.1:{port}"
    with process(serve, folder / "serve.log"):
        poll(lambda: httpx.get(f"{server}/health/ready").status_code == 200, what="ready", within_s=120)
        with process((*prometheus, f"--web.listen-address={address}"), folder / "prometheus.log"):
            watched = Watched(f"http://{address}", server, files)
            poll(lambda: httpx.get(f"http://{address}/-/ready").status_code == 200, what="Prometheus is ready")
            poll(lambda: watched.query("fasttrack_model_info == 1"), what="a first look", within_s=120)
            answered = httpx.post(f"{server}/predict", json=X.to_dict("records"), timeout=60)
            ids = answered.raise_for_status().json()["ids"]
            labels = [{"id": one, "label": str(label)} for one, label in zip(ids, y, strict=True)]
            assert httpx.post(f"{server}/feedback", json=labels, timeout=60).status_code == 202
            assert httpx.post(f"{server}/predict", json={ODD[0]: "no number"}).status_code == 422
            assert httpx.post(f"{server}/predict", json=X.to_dict("records")[0]).status_code == 200
            poll(lambda: watched.query("fasttrack:feature_psi:7d"), what="drift", within_s=120)
            poll(lambda: watched.query("fasttrack_live_quality_margin"), what="live quality", within_s=120)
            poll(lambda: watched.query("rate(fasttrack_refused_rows_total[30s])"), what="rates", within_s=120)
            yield watched


def test_prometheus_takes_the_files_and_its_tests_of_them_pass(watched: Watched) -> None:
    run("promtool", "check", "config", watched.files / "prometheus.yml")
    assert "SUCCESS" in run("promtool", "test", "rules", watched.files / "rules_test.yml")
    groups = httpx.get(f"{watched.url}/api/v1/rules").json()["data"]["groups"]
    poll(
        lambda: all(
            rule["health"] == "ok"
            for group in httpx.get(f"{watched.url}/api/v1/rules").json()["data"]["groups"]
            for rule in group["rules"]
        ),
        what="every rule was evaluated",
    )
    assert sum(len(group["rules"]) for group in groups) > 20


def test_the_hundred_most_important_features_are_watched_and_the_rest_is_said(watched: Watched) -> None:
    told = {one["metric"]["feature"] for one in watched.query("fasttrack:feature_psi:7d")}
    assert len(told) == MOST_FEATURES
    assert set(ODD) <= told, "by their own names, and those that the model heeds"
    (unwatched,) = watched.query("fasttrack_features_unwatched")
    assert float(unwatched["value"][1]) == 200
    lines = httpx.get(f"{watched.server}/metrics").text.splitlines()
    assert len([line for line in lines if not line.startswith("#")]) < 3_500
    labels = {label for line in lines for label in re.findall(r'[{,](\w+)="', line)}
    assert labels <= {
        "bin", "bound", "column", "engine", "feature", "handler", "le", "method", "metric", "model", "outcome",
        "reason", "status", "version", "window", "generation", "implementation", "major", "minor", "patchlevel",
    }  # fmt: skip


def test_every_recording_rule_returns_data(watched: Watched) -> None:
    rules = yaml.safe_load((watched.files / "rules.yml").read_text())["groups"][0]["rules"]
    empty = [rule["record"] for rule in rules if not watched.query(rule["record"])]
    # columns of numbers have no bin of unseen categories
    assert [name for name in empty if "unseen" not in name] == []


@pytest.mark.parametrize("feature", ODD)
def test_every_panel_returns_data_for_a_feature_of_any_name(watched: Watched, feature: str) -> None:
    dashboard = json.loads((watched.files / "grafana-dashboard.json").read_text())
    escaped = feature.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")  # as Grafana does
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            of_a_feature = "$feature" in target["expr"]
            if of_a_feature or feature == ODD[0]:
                query = target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
                found = watched.query(query.replace("$feature", escaped))
                assert found, (panel["title"], query)
                if of_a_feature:
                    assert len(found) > 5, panel["title"]


def test_calm_features_are_left_out_of_the_alerts_and_of_nothing_else(watched: Watched) -> None:
    rules = yaml.safe_load((watched.files / "rules.yml").read_text())["groups"][1]["rules"]
    (drift,) = [rule["expr"] for rule in rules if rule["alert"] == "FastTrackDrift"]
    matched = drift.partition(" > ")[0]
    told = {one["metric"]["feature"] for one in watched.query(matched)}
    assert len(told) == MOST_FEATURES - 4
    assert not told & set(ODD[:4])
    assert set(ODD[4:]) <= told
