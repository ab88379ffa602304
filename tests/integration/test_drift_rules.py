"""The drift rules in a real Prometheus against a population stability index computed from the raw rows.

Where a window covers all of a server's scrapes both agree to 1e-9. Where it does not, Prometheus takes the counters at
the first and last scrape inside the window and extrapolates each bin to the window's ends; the shares are then those of
the rows between these scrapes, and what is left out is at most a scrape at either end.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import yaml

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.metrics.reference import Bins, learn_reference, read_reference
from fasttrack.monitoring.alerts import alerts
from fasttrack.monitoring.plan import Plan
from fasttrack.monitoring.rules import recording_rules
from tests.integration.real import SCRIPTS, free_port, poll, process, require, run
from tests.serving import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fasttrack import Outcome

FLOOR = 1e-4


@dataclass(frozen=True)
class Prometheus:
    """A real one."""

    url: str

    def values(self, query: str, at: float | None = None) -> dict[str, float]:
        """By feature."""
        asked = {"query": query} | ({} if at is None else {"time": f"{at:.3f}"})
        answer = httpx.get(f"{self.url}/api/v1/query", params=asked).json()
        assert answer["status"] == "success", answer
        return {one["metric"].get("feature", ""): float(one["value"][1]) for one in answer["data"]["result"]}


def bin_of(bins: Bins, column: Column, value: Any) -> str:
    """By the definition: upper bounds are in the bin, codes as they are numbered, missing and unseen for themselves."""
    if value is None:
        return "missing"
    if column.kind == "category":
        known = list(column.categories or [])
        return bins.names[bins.codes[known.index(value)]] if value in known else "unseen"
    if column.kind == "datetime":
        return bins.names[0]
    number = float(value)
    return bins.names[sum(number > edge for edge in bins.edges)]


def psi(reference: Mapping[str, float], counted: Mapping[str, float]) -> float:
    total = sum(counted.values())
    found = 0.0
    for name, share in reference.items():
        now, then = max(counted.get(name, 0) / total, FLOOR), max(share, FLOOR)
        found += (now - then) * math.log(now / then)
    return found


def drifted_rows(rows: int) -> list[dict[str, Any]]:
    """Larger sizes than at training, a district that is new, more that is missing."""
    random = np.random.default_rng(3)
    return [
        {
            "size": None if random.uniform() < 0.3 else float(random.normal(14, 4)),
            "rooms": int(random.integers(1, 9)),
            "garden": bool(random.uniform() < 0.9),
            "district": str(random.choice(["north", "south", "harbour"])),
            "built": "2010-05-05T00:00:00Z",
            'odd "name"\\': float(random.normal()),
        }
        for _ in range(rows)
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return models.mixed(tmp_path_factory.mktemp("drift"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: Outcome) -> Iterator[httpx.Client]:
    port = free_port()
    command = (SCRIPTS / "fasttrack", "serve", "--store", model.bundle.folder.parent.parent, "--port", str(port))
    with (
        process(command, tmp_path_factory.mktemp("log") / "log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        poll(lambda: client.get("/health/ready").status_code == 200, what="the API is ready")
        yield client


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, server: httpx.Client) -> Iterator[Prometheus]:
    require("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    target = server.base_url.netloc.decode()
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "drift", "rules": recording_rules()}]}))
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
        f"scrape_configs: [{{job_name: fasttrack, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with started(folder, folder / "data") as found:
        yield found


@contextmanager
def started(folder: Path, data: Path) -> Iterator[Prometheus]:
    """A Prometheus with the configuration in `folder`."""
    address = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address={address}",
    )
    with process(command, folder / "log"):
        poll(lambda: httpx.get(f"http://{address}/-/ready").status_code == 200, what="Prometheus is ready")
        yield Prometheus(f"http://{address}")


@pytest.mark.system
def test_the_rules_agree_with_the_raw_rows(model: Outcome, server: httpx.Client, prometheus: Prometheus) -> None:
    bundle = model.bundle
    reference = read_reference(bundle)
    assert reference is not None
    columns = {column.name: column for column in bundle.manifest.contract.columns}
    rows_of = "sum by (feature) (fasttrack_feature_bin_total)"
    poll(lambda: set(prometheus.values(rows_of)) == set(columns), what="a first scrape")
    before = prometheus.values(rows_of)["size"]  # the readiness probe's rows, which are none of a caller's
    assert before == 0
    rows = drifted_rows(3000)
    predicted: list[str] = []
    for start in range(0, 3000, 250):
        predicted += server.post("/predict", json=rows[start : start + 250]).json()["predictions"]
        time.sleep(0.2)
    poll(lambda: prometheus.values("sum by (feature) (fasttrack_feature_bin_total)")["size"] == 3000, what="all rows")
    time.sleep(2)  # an evaluation that has seen them all
    for window in ("1h", "24h", "7d"):
        told = prometheus.values(f"fasttrack:feature_psi:{window}")
        assert set(told) == set(columns)
        for bins in reference.features:
            column = columns[bins.name]
            counted = Counter(bin_of(bins, column, row[bins.name]) for row in rows)
            shares = dict(zip(bins.names, bins.shares, strict=True))
            assert told[bins.name] == pytest.approx(psi(shares, counted), rel=1e-9, abs=1e-12), bins.name
            for name in ("missing", "unseen"):
                changed = prometheus.values(f"fasttrack:feature_{name}_change:{window}")
                expected = counted[name] / 3000 - shares.get(name, 0)
                assert changed.get(bins.name, 0) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert reference.prediction is not None
        shares = dict(zip(reference.prediction.names, reference.prediction.shares, strict=True))
        classes = list(bundle.manifest.contract.target.classes or [])
        counted = Counter(
            reference.prediction.names[reference.prediction.codes[classes.index(one)]] for one in predicted
        )
        (whole,) = prometheus.values(f"fasttrack:prediction_psi:{window}").values()
        assert whole == pytest.approx(psi(shares, counted), rel=1e-9, abs=1e-12)
    # what must be told of such rows
    told = prometheus.values("fasttrack:feature_psi:7d")
    assert told["size"] > 0.2
    assert told["district"] > 0.2
    assert told['odd "name"\\'] < 0.2
    assert prometheus.values("fasttrack:feature_unseen_change:24h")["district"] == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.system
def test_a_window_that_cuts_is_off_by_no_more_than_its_last_scrapes(
    model: Outcome, server: httpx.Client, prometheus: Prometheus
) -> None:
    """Of a window inside a server's life, shares are off by at most the rows of a scrape interval or two."""
    query = (
        "sum by (feature, bin) (increase(fasttrack_feature_bin_total{feature='rooms'}[8s])) "
        "/ on (feature) group_left () sum by (feature) (increase(fasttrack_feature_bin_total{feature='rooms'}[8s]))"
    )
    rows = drifted_rows(2000)
    sent: list[tuple[float, int]] = []
    ends = time.monotonic() + 14
    place = 0
    while time.monotonic() < ends:
        part = [{**row, "rooms": 1 + (place // 200) % 8} for row in rows[:50]]  # what is sent changes all the time
        server.post("/predict", json=part)
        sent.append((time.time(), part[0]["rooms"]))
        place += 50
        time.sleep(0.05)
    now = time.time() - 2  # scraped, in any case
    answer = httpx.get(f"{prometheus.url}/api/v1/query", params={"query": query, "time": f"{now:.3f}"}).json()
    told = {one["metric"]["bin"]: float(one["value"][1]) for one in answer["data"]["result"]}
    reference = read_reference(model.bundle)
    assert reference is not None
    (bins,) = [one for one in reference.features if one.name == "rooms"]
    column = next(one for one in model.manifest.contract.columns if one.name == "rooms")
    inside = Counter(bin_of(bins, column, rooms) for at, rooms in sent if now - 8 <= at < now)
    total = sum(inside.values())
    at_an_end = max(sum(end - 1 <= at < end + 1 for at, _ in sent) for end in (now - 8, now))
    assert total > 50
    assert sum(told.values()) == pytest.approx(1)
    for name, share in told.items():
        assert abs(share - inside[name] / total) <= 2 * at_an_end / total


def replays(count: int, folder: Path) -> tuple[Path, Sequence[str], float]:
    """Counters of `count` undrifted weeks, each a version of its own, as OpenMetrics; and when they end."""
    random = np.random.default_rng(11)
    kinds: list[tuple[str, str]] = [("number", "a"), ("number", "b"), ("category", "c"), ("integer", "d")]
    columns = [
        Column(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            nullable=True,
            dtype="float64",
            categories=[f"w{i:02}" for i in range(30)] if kind == "category" else None,
        )
        for kind, name in kinds
    ]
    contract = Contract(columns=columns, target=Target(name="y", task="regression"))

    def sample(rows: int) -> np.ndarray:
        gaps = random.lognormal(2, 1.5, rows)
        gaps[random.uniform(size=rows) < 0.05] = np.nan
        words = np.minimum(random.zipf(1.4, rows) - 1, 29).astype(float)
        return np.column_stack([random.normal(size=rows), gaps, words, random.integers(0, 7, rows).astype(float)])

    reference = learn_reference(contract, sample(2_000), random.normal(size=1_000))
    ends = 1_700_000_000.0
    steps = 7 * 2  # every twelve hours
    text = folder / "replays.om"
    versions = [f"r{number:03}" for number in range(count)]
    with text.open("w") as out:
        out.write("# TYPE fasttrack_feature_reference_share gauge\n")
        for version in versions:
            for bins in reference.features:
                for name, share in zip(bins.names, bins.shares, strict=True):
                    labels = f'model="m",version="{version}",feature="{bins.name}",bin="{name}"'
                    out.write(f"fasttrack_feature_reference_share{{{labels}}} {share!r} {ends}\n")
        out.write("# TYPE fasttrack_model_info gauge\n")
        for version in versions:
            out.write(f'fasttrack_model_info{{model="m",version="{version}",engine="onnx"}} 1 {ends}\n')
        out.write("# TYPE fasttrack_feature_bin counter\n")
        for version in versions:
            totals = {bins.name: np.zeros(len(bins.names), dtype=int) for bins in reference.features}
            for step in range(steps + 1):
                rows = sample(320) if step else np.empty((0, 4))  # 640 a day: hardly more than anything is said of
                for bins in reference.features:
                    totals[bins.name] += bins.count(rows[:, bins.column])
                    for name, number in zip(bins.names, totals[bins.name].tolist(), strict=True):
                        labels = f'model="m",version="{version}",feature="{bins.name}",bin="{name}"'
                        at = ends - (steps - step) * 43_200
                        out.write(f"fasttrack_feature_bin_total{{{labels}}} {number} {at}\n")
        out.write("# EOF\n")
    return text, versions, ends


@pytest.mark.system
def test_of_200_undrifted_weeks_at_most_two_raise_an_alarm(tmp_path: Path) -> None:
    require("prometheus", "promtool")
    text, versions, ends = replays(200, tmp_path)
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", text, tmp_path / "data")
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    plan = Plan("m", "y", "rmse", False, ("a", "b", "c", "d"))
    drift = [alert for alert in alerts(plan) if "feature" in alert.expr]
    assert len(drift) == 4
    with started(tmp_path, tmp_path / "data") as prometheus:
        alarmed: set[str] = set()
        for window in ("24h", "7d"):
            told = _evaluated(prometheus, window, ends)
            assert len(told) == 4 * len(versions), "every week is measured"
            for (version, _), found in told.items():
                limit = {"24h": 2.0, "7d": 0.2}[window]
                if found["psi"] > limit or (window == "24h" and (found["unseen"] > 0.01 or found["missing"] > 0.1)):
                    alarmed.add(version)
        # half the threshold is not reached either: it is not by luck that nothing fires
        week = _evaluated(prometheus, "7d", ends)
        assert max(found["psi"] for found in week.values()) < 0.1
    assert len(alarmed) <= 2


def _evaluated(prometheus: Prometheus, window: str, at: float) -> dict[tuple[str, str], dict[str, float]]:
    """PSI and the change of shares by version and feature, by the rules' own expressions put into one another."""
    rules = {rule["record"]: rule["expr"] for rule in recording_rules()}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for short, name in (("psi", "psi"), ("missing", "missing_change"), ("unseen", "unseen_change")):
        query = rules[f"fasttrack:feature_{name}:{window}"]
        rows, share = f"fasttrack:feature_rows:{window}", f"fasttrack:feature_share:{window}"
        # a recorded series with a matcher is the expression with the matcher inside
        for bin_name in ("missing", "unseen"):
            inner = rules[share].replace("_bin_total[", f'_bin_total{{bin="{bin_name}"}}[')
            query = query.replace(f'{share}{{bin="{bin_name}"}}', f"({inner})")
        query = query.replace(share, f"({rules[share]})").replace(rows, f"({rules[rows]})")
        asked = {"query": query, "time": f"{at:.3f}"}
        answer = httpx.post(f"{prometheus.url}/api/v1/query", data=asked, timeout=120).json()
        assert answer["status"] == "success", answer
        for one in answer["data"]["result"]:
            key = (one["metric"]["version"], one["metric"]["feature"])
            found.setdefault(key, {"psi": 0.0, "missing": 0.0, "unseen": 0.0})[short] = float(one["value"][1])
    return found
