"""All that is watched of a server with several workers, exact after one was killed, and after a promotion."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.journal import open_database
from fasttrack.metrics.reference import read_reference
from tests.serving import models
from tests.serving.test_workers import WORKERS, children, metrics, workers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

ROW: dict[str, Any] = {
    "size": 10.0,
    "rooms": 3,
    "garden": True,
    "district": "north",
    "built": "2010-05-05T00:00:00Z",
    'odd "name"\\': 0.5,
}
ODD = [
    ROW,
    ROW | {"district": "harbour"},  # unseen
    ROW | {"size": None},  # missing
    ROW | {"size": 1e6},  # out of range
]
REFUSED = [(ROW | {"rooms": "three"}, "rooms"), ({k: v for k, v in ROW.items() if k != "rooms"}, "rooms")]


def post(port: int, path: str, body: Any) -> tuple[int, Any]:
    """Each on a connection of its own, so that every worker has its turn."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, json.dumps(body).encode(), {"Connection": "close"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def total(found: dict[str, float], name: str, **labels: str) -> float:
    """The sum of the series that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(v for key, v in found.items() if key.partition("{")[0] == name and all(w in key for w in wanted))


def settled(port: int, stored: int) -> dict[str, float]:
    """The series once so many predictions are in the journal."""
    deadline = time.monotonic() + 150
    while True:
        found = metrics(port)
        if total(found, "fasttrack_journal_stored_rows_total") >= stored:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


@pytest.mark.system
def test_every_series_is_the_sum_over_workers_that_live_and_died(tmp_path: Path) -> None:
    store = tmp_path / "store"
    models.mixed(store)
    with workers(store, tmp_path / "log") as (port, server):
        answers = Counter[str]()
        ids: list[str] = []
        columns = Counter[str]()
        sent = 0

        def send(rounds: int, version: str) -> None:
            nonlocal sent
            for number in range(rounds):
                status, reply = post(port, "/predict", ODD[number % 4])
                assert status == 200
                assert reply["model"] == f"mixed@{version}"
                answers[reply["prediction"]] += 1
                ids.append(reply["id"])
                body, column = REFUSED[number % 2]
                assert post(port, "/predict", body)[0] == 422
                columns[column] += 1
                sent += 1

        first = metrics(port)
        versions = (re.match(r'fasttrack_model_info.*version="(\w+)"', key) for key in first)
        (version,) = {matched[1] for matched in versions if matched}
        send(80, version)
        settled(port, 80)  # what is in the journal no kill takes away
        victim = children(server)[1]
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 150
        while victim in children(server) or len(children(server)) < WORKERS:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        send(80, version)
        assert post(port, "/feedback", [{"id": one, "label": "dear"} for one in ids])[0] == 202
        assert post(port, "/feedback", {"id": ids[0], "label": 3})[0] == 422
        found = settled(port, 160)
        deadline = time.monotonic() + 150
        while total(found, "fasttrack_feedback_total", outcome="matched") < 160:
            assert time.monotonic() < deadline
            found = metrics(port)

        of = {"model": "mixed", "version": version}
        assert total(found, "fasttrack_predictions_total", **of, outcome="scored") == sent == 160
        assert total(found, "fasttrack_refused_requests_total", model="mixed", reason="invalid") == 160
        for column, number in columns.items():
            assert total(found, "fasttrack_refused_rows_total", model="mixed", column=column) == number
        reasons = {key for key in found if key.startswith("fasttrack_refused_rows_total")}
        assert len(reasons) == 2, "a wrong type and a missing value are told apart"
        feature = "fasttrack_feature_bin_total"
        assert total(found, feature, **of, feature="district", bin="unseen") == 40
        assert total(found, feature, **of, feature="size", bin="missing") == 40
        assert total(found, "fasttrack_feature_out_of_range_total", **of, feature="size") == 40
        assert total(found, feature, **of, feature="district") == total(found, feature, **of, feature="size") == 160
        for label, number in answers.items():
            told = {key: v for key, v in found.items() if key.startswith("fasttrack_prediction_bin_total")}
            assert sum(value for key, value in told.items() if f" {label}" in key) == number
        runs = total(found, "fasttrack_inference_seconds_count", **of)
        assert 1 <= runs <= 160
        least = {key: v for key, v in found.items() if key.startswith("fasttrack_inference_seconds_bucket")}
        assert {'le="5e-05"', 'le="+Inf"'} <= {one for key in least for one in re.findall(r'le="[^"]+"', key)}
        assert total(found, "fasttrack_model_info", **of, engine="onnx") == 1
        assert total(found, "fasttrack_journal_stored_rows_total") == 160
        assert total(found, "fasttrack_journal_dropped_rows_total") == 0
        assert total(found, "fasttrack_journal_backlog_rows") == 0
        assert total(found, "fasttrack_feedback_total", outcome="refused") == 1
        assert total(found, "fasttrack_feedback_total", outcome="unknown") == 0
        with open_database(str(store / "journal.sqlite")) as database:
            assert sum(span.rows for span in database.spans()) == 160
            assert database.labels() == 160

        # a promotion: the new version's series begin at 0, the old one's stay, and only one serves
        again = models.mixed(store, labels=("low", "high"))
        newer = again.manifest.version
        deadline = time.monotonic() + 150
        assert newer != version
        while any(post(port, "/predict", ROW)[1]["model"] != f"mixed@{newer}" for _ in range(60)):  # of each worker
            assert time.monotonic() < deadline
        found = metrics(port)
        assert total(found, "fasttrack_model_info") == total(found, "fasttrack_model_info", version=newer) == 1
        before = total(found, "fasttrack_predictions_total", version=newer, outcome="scored")
        answers.clear()
        send(12, newer)
        found = metrics(port)
        assert total(found, "fasttrack_predictions_total", version=newer, outcome="scored") == before + 12
        assert total(found, "fasttrack_predictions_total", **of, outcome="scored") >= 160
        reference = read_reference(again.bundle)
        assert reference is not None
        shown = {key for key in found if key.startswith(feature) and f'version="{newer}"' in key}
        assert len(shown) == sum(len(bins.names) for bins in reference.features)
        assert total(found, "fasttrack_features_unwatched", version=newer) == 0
