"""The dashboard and the alerts against a real Prometheus that scrapes the real API under traffic.

Grafana itself cannot be had from a package registry: its dashboard is checked against Grafana's own types, and each of
its queries is run. Debian's Prometheus is 2.42; promql-parser checks the same queries against a newer grammar.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import promql_parser
import pytest
import yaml

from tests.integration.real import ROOT, SCRIPTS, free_port, poll, process, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONITORING = ROOT / "monitoring"
SCHEMAS = ROOT / "tests" / "schemas" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {
    f"{panel['title']} / {target['legendFormat']}": target["expr"] for panel in PANELS for target in panel["targets"]
}
OF_AN_INSTANCE = [title for title, query in QUERIES.items() if "$instance" in query]
OF_THE_MODEL = [title for title in QUERIES if title not in OF_AN_INSTANCE]
RULES = [rule for group in yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]

VALID: dict[str, object] = {"x": 3}
INVALID: dict[str, object] = {"x": "three"}
TRAFFIC: dict[str, list[dict[str, object]]] = {"valid": [VALID], "invalid": [INVALID], "both": [VALID, INVALID]}
"""What is asked of each server: well-formed rows, rows that are refused, or both in turn."""


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return loaded


def filled(query: str, instance: str) -> str:
    """The query as Grafana sends it, for one instance."""
    return query.replace("$__rate_interval", "10s").replace("$instance", instance).replace("$feature", "x")


def test_the_dashboard_is_of_grafana_s_own_types() -> None:
    jsonschema.validate(DASHBOARD, schema("dashboard"))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['type']} {panel['title']}")
def test_a_panel_s_options_are_of_grafana_s_own_types(panel: dict[str, Any]) -> None:
    jsonschema.validate(panel["options"], schema(f"{panel['type']}-options"))
    if "custom" in panel["fieldConfig"]["defaults"]:
        jsonschema.validate(panel["fieldConfig"]["defaults"]["custom"], schema(f"{panel['type']}-field"))


def test_the_files_are_what_the_command_writes_for_the_default_model(store: Path, tmp_path: Path) -> None:
    run(SCRIPTS / "fasttrack", "monitor", "build", "--store", store, "--output", tmp_path, "--target", "api:8000")
    written = sorted(file.name for file in tmp_path.iterdir())
    assert written == [
        "grafana-dashboard.json",
        "prometheus.yml",
        "rules.yml",
        "rules_test.yml",
        "runbooks.md",
    ]
    for name in written:
        told = (MONITORING / name).read_text()
        if name != "prometheus.yml":  # which is the user's own
            assert (tmp_path / name).read_text() == told, f"make monitoring writes {name} anew"


def test_every_alert_has_a_runbook_and_a_test_of_either_kind() -> None:
    headings = re.findall(r"^## (\w+)$", (MONITORING / "runbooks.md").read_text(), re.MULTILINE)
    tests = {test["name"] for test in yaml.safe_load((MONITORING / "rules_test.yml").read_text())["tests"]}
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"runbooks.md#{rule['alert'].lower()}"
        assert {f"{rule['alert']} fires", f"{rule['alert']} stays quiet"} <= tests
    assert headings == [rule["alert"] for rule in ALERTS]
    assert len(tests) == 2 * len(ALERTS)


def test_panels_have_units_and_words_and_their_own_place() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("query", [*QUERIES.values(), *(rule["expr"] for rule in RULES)])
def test_a_query_is_of_the_current_grammar(query: str) -> None:
    promql_parser.parse(filled(query, ".*"))


@dataclass(frozen=True)
class Watched:
    """A Prometheus, and by traffic the instance that has it."""

    url: str
    instances: dict[str, str]

    def query(self, query: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def values(self, query: str, traffic: str) -> list[float]:
        return [float(series["value"][1]) for series in self.query(filled(query, self.instances[traffic]))]


def ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[Watched]:
    require("prometheus", "promtool")
    folder = tmp_path_factory.mktemp("monitoring")
    ports = {traffic: free_port() for traffic in TRAFFIC}
    address = f"127.0.0.1:{free_port()}"
    stop = threading.Event()
    with ExitStack() as running:
        for traffic, port in ports.items():
            command = (SCRIPTS / "fasttrack", "serve", "--store", store, "--port", str(port))
            running.enter_context(process(command, folder / f"{traffic}.log"))
        for port in ports.values():
            poll(partial(ready, port), what="the API is ready")

        configuration = (MONITORING / "prometheus.yml").read_text()
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports.values())
        (folder / "prometheus.yml").write_text(
            re.sub("_interval: .*", "_interval: 1s", configuration).replace("[api:8000]", f"[{targets}]")
        )
        (folder / "rules.yml").write_text((MONITORING / "rules.yml").read_text())
        prometheus = (
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
        )
        running.enter_context(process(prometheus, folder / "prometheus.log"))

        watched = Watched(f"http://{address}", {traffic: f"127.0.0.1:{port}" for traffic, port in ports.items()})
        poll(lambda: httpx.get(f"{watched.url}/-/ready").status_code == 200, what="Prometheus is ready")
        poll(lambda: len(watched.query("fasttrack_model_info == 1")) == len(TRAFFIC), what="a first look at all")
        # enough for drift and quality to be told, and labels for all of it
        url = f"http://127.0.0.1:{ports['valid']}"
        ids = httpx.post(f"{url}/predict", json=[{"x": row % 10} for row in range(600)]).json()["ids"]
        labels = [{"id": one, "label": 2 * (row % 10) + 1} for row, one in enumerate(ids)]
        assert httpx.post(f"{url}/feedback", json=labels).status_code == 202

        def drive(traffic: str) -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{ports[traffic]}") as client:
                while not stop.wait(0.02):
                    for row in TRAFFIC[traffic]:
                        client.post("/predict", json=row)

        drivers = [threading.Thread(target=drive, args=(traffic,)) for traffic in TRAFFIC]
        for driver in drivers:
            driver.start()
        rate = 'rate(http_requests_total{handler="/predict"}[10s]) > 0'
        try:
            # all three have been scraped twice with traffic in between
            poll(lambda: len({s["metric"]["instance"] for s in watched.query(rate)}) == len(TRAFFIC), what="rates")
            poll(lambda: watched.query("fasttrack:feature_psi:7d"), what="drift")
            poll(lambda: watched.query("fasttrack_live_quality_margin"), what="live quality", within_s=60)
            yield watched
        finally:
            stop.set()
            for driver in drivers:
                driver.join()


@pytest.mark.system
@pytest.mark.parametrize("title", OF_THE_MODEL)
def test_a_panel_s_query_of_the_model_returns_data(watched: Watched, title: str) -> None:
    values = [float(series["value"][1]) for series in watched.query(filled(QUERIES[title], ".*"))]
    assert any(math.isfinite(value) for value in values)


@pytest.mark.system
@pytest.mark.parametrize("traffic", TRAFFIC)
@pytest.mark.parametrize("title", OF_AN_INSTANCE)
def test_a_panel_s_query_returns_data(watched: Watched, title: str, traffic: str) -> None:
    values = watched.values(QUERIES[title], traffic)
    assert values
    # the time of a model that has not been asked is the one thing that nobody can know
    known = traffic != "invalid" or "inference" not in QUERIES[title]
    assert all(math.isfinite(value) for value in values) == known


@pytest.mark.system
def test_ratios_and_rates_say_what_was_sent(watched: Watched) -> None:
    (refused,) = [q for title, q in QUERIES.items() if title.startswith("Error ratio / refused")]
    assert watched.values(refused, "valid") == [0]
    assert watched.values(refused, "invalid") == [1]
    assert watched.values(refused, "both") == pytest.approx([0.5], abs=0.1)
    (rows,) = [q for title, q in QUERIES.items() if title.startswith("Predictions by version")]
    assert set(watched.values(rows, "invalid")) == {0}
    assert sum(watched.values(rows, "valid")) > 1
    reasons = {q for title, q in QUERIES.items() if title.startswith("Refused requests")}.pop()
    assert sum(watched.values(reasons, "valid")) == 0
    assert sum(watched.values(reasons, "both")) > 1


@pytest.mark.system
def test_the_alerts_are_loaded_and_evaluate_without_error(watched: Watched) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = httpx.get(f"{watched.url}/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    poll(lambda: all(rule["health"] == "ok" for rule in rules()), what="every rule was evaluated")
    assert {rule["name"] for rule in rules()} == {rule.get("alert") or rule["record"] for rule in RULES}


@pytest.mark.system
@pytest.mark.parametrize("record", [rule["record"] for rule in RULES if "record" in rule])
def test_a_recording_rule_returns_data(watched: Watched, record: str) -> None:
    values = [float(series["value"][1]) for series in watched.query(record)]
    # a column of numbers has no bin of unseen categories
    assert bool(values) == ("unseen" not in record)
    assert all(math.isfinite(value) for value in values)


@pytest.mark.system
def test_alerts_fire_when_they_should_and_not_before() -> None:
    require("promtool")
    run("promtool", "check", "config", MONITORING / "prometheus.yml")
    assert "SUCCESS" in run("promtool", "test", "rules", MONITORING / "rules_test.yml")


@pytest.mark.system
def test_the_exposition_keeps_to_prometheus_conventions(watched: Watched) -> None:
    exposition = httpx.get(f"http://{watched.instances['both']}/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=exposition, text=True, capture_output=True)
    ours = [line for line in checked.stderr.splitlines() if line.startswith("fasttrack_")]
    assert ours == []
