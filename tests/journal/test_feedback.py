"""Labels by HTTP: one, many, in any order, repeated, of unknown predictions, malformed; each kind is counted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fasttrack.journal.predictions import prediction_id, unpack
from tests.journal.places import wait_for
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journal.places import Opened

FASTTRACK = Path(sys.executable).parent / "fasttrack"


def metrics(client: httpx.Client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def labels(client: httpx.Client, outcome: str) -> float:
    return metrics(client)[f'fasttrack_feedback_total{{outcome="{outcome}"}}']


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    models.mixed(folder)
    models.line(folder)
    return folder


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with serving(store, journal="on") as found:
        yield found


def test_labels_come_in_any_order_twice_or_for_nobody(client: httpx.Client, store: Path, opened: Opened) -> None:
    first = client.post("/predict", json={"x": 1}).json()["id"]
    many = client.post("/predict", json=[{"x": x} for x in range(50)]).json()["ids"]
    by_query = client.get("/predict?x=3").headers["prediction-id"]
    ids = [first, *many, by_query]
    assert len(set(ids)) == 52
    assert ids == sorted(ids), "ids sort as predictions came"
    given = [{"id": one, "label": number} for number, one in enumerate(ids)][::-1]
    assert client.post("/feedback", json=given).json() == {"accepted": 52}
    taken = client.post("/feedback", json={"id": first, "label": 7.5})
    assert (taken.status_code, taken.json()) == (202, {"accepted": 1})
    assert client.post("/feedback", json=[{"id": "0000000000-00000000", "label": 1}]).status_code == 202
    assert client.post("/feedback", json=[]).json() == {"accepted": 0}
    wait_for(lambda: labels(client, "unknown") == 1)
    assert labels(client, "matched") == 53
    database = opened(str(store / "journal.sqlite"))
    found = {
        prediction_id(chunk.process, chunk.start + row): label
        for chunk in database.chunks(0)
        for row, label in database.labels_of(chunk).items()
    }
    assert found == {one: number for number, one in enumerate(ids)} | {first: 7.5}


def test_a_label_before_its_prediction_is_written_counts_all_the_same(client: httpx.Client) -> None:
    matched, unknown = labels(client, "matched"), labels(client, "unknown")
    for x in range(20):
        one = client.post("/predict", json={"x": x}).json()["id"]
        assert client.post("/feedback", json={"id": one, "label": 2.0 * x + 1}).status_code == 202
    wait_for(lambda: labels(client, "matched") == matched + 20)
    assert labels(client, "unknown") == unknown


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 422, "row 0: send"),
        (b"3", 422, "row 0: send"),
        (b"{}", 422, "row 0: send"),
        (b'{"id": "0000000000-00000000"}', 422, "row 0: send"),
        (b'{"id": 3, "label": 1}', 422, "row 0: send"),
        (b'{"id": "0000000000-00000000", "label": null}', 422, "row 0: send"),
        (b'{"id": "0000000000-00000000", "label": 1, "note": 2}', 422, "row 0: send"),
        (
            b'[{"id": "0000000000-00000000", "label": 1}, {"id": "me", "label": 1}]',
            422,
            "row 1: no prediction has such an id",
        ),
        (b'{"id": "0000000000-00000000", "label": "one"}', 422, "the label of y must be a number"),
        (b'{"id": "0000000000-00000000", "label": "' + b"o" * 1001 + b'"}', 422, "is longer than 1,000 characters"),
        (b'{"id": "0000000000-00000000", "label": true}', 422, "the label of y must be a number"),
        (b'{"id": "0000000000-00000000", "label": 1e999}', 422, "not a number that a 64-bit float can hold"),
        (
            b'{"id": "0000000000-00000000", "label": 1' + b"0" * 400 + b"}",
            422,
            "not a number that a 64-bit float can hold",
        ),
    ],
)
def test_what_is_no_label_is_refused_whole(client: httpx.Client, body: bytes, status: int, told: str) -> None:
    before = metrics(client)
    reply = client.post("/feedback", content=body)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert told in reply.json()["detail"]
    after = metrics(client)
    refused = 'fasttrack_feedback_total{outcome="refused"}'
    assert after[refused] == before[refused] + 1
    assert labels(client, "matched") == before['fasttrack_feedback_total{outcome="matched"}']


def test_too_many_at_once_are_refused_and_a_whole_number_of_any_size_is_taken(client: httpx.Client) -> None:
    row = {"id": "0000000000-00000000", "label": 1}
    reply = client.post("/feedback", json=[row] * 100_001)
    assert reply.status_code == 422
    assert "the limit is 100,000" in reply.json()["detail"]
    assert client.post("/feedback", json=row | {"label": 10**30}).status_code == 202


@pytest.mark.system
def test_a_million_labels_are_taken_in_parts(client: httpx.Client) -> None:
    before = labels(client, "unknown")
    part = json.dumps([{"id": f"0000000001-{row:08x}", "label": row} for row in range(100_000)])
    for _ in range(10):
        while (reply := client.post("/feedback", content=part)).status_code == 503:
            assert reply.headers["retry-after"] == "60"
            time.sleep(0.2)
        assert reply.json() == {"accepted": 100_000}
    wait_for(lambda: labels(client, "unknown") >= before + 1_000_000, 60)


def test_a_class_is_a_label_of_its_kind(store: Path) -> None:
    with serving(store, journal="on", model="mixed") as client:
        row = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
        example = row["content"]["application/json"]["examples"]["row"]["value"]
        one = client.post("/predict", json=example).json()["id"]
        assert client.post("/feedback", json={"id": one, "label": "dear"}).status_code == 202
        assert client.post("/feedback", json={"id": one, "label": "unheard of"}).status_code == 202
        refused = client.post("/feedback", json={"id": one, "label": 3}).json()
        assert refused["errors"][0]["message"] == "the label of price must be text, as its classes are"


def test_live_quality_is_on_the_metrics_beside_the_hold_out_s(store: Path, tmp_path: Path) -> None:
    with serving(store, journal=str(tmp_path / "j"), model="line") as client:
        ids = client.post("/predict", json=[{"x": x} for x in range(10)]).json()["ids"]
        given = [{"id": one, "label": 2.0 * x + 1 + (3 if x else 4)} for x, one in enumerate(ids[:5])]
        client.post("/feedback", json=given)
        wait_for(lambda: labels(client, "matched") == 5)
    with serving(store, journal=str(tmp_path / "j"), model="line") as client:
        found = metrics(client)
        version = next(name for name in found if name.startswith("fasttrack_label_coverage_ratio"))
        assert found[version] == 0.5
        mae = {
            re.findall(r'window="(\w+)"', name)[0]: value
            for name, value in found.items()
            if name.startswith("fasttrack_live_quality") and 'metric="mae"' in name
        }
        assert mae == dict.fromkeys(("1h", "24h", "7d"), pytest.approx(3.2))
        bounds = [name for name in found if name.startswith("fasttrack_holdout_quality") and 'metric="mae"' in name]
        assert len(bounds) == 3


def test_without_a_journal_there_are_no_ids_and_no_feedback(store: Path) -> None:
    with serving(store, journal="off", model="line") as client:
        assert "id" not in client.post("/predict", json={"x": 1}).json()
        assert "prediction-id" not in client.get("/predict?x=1").headers
        reply = client.post("/feedback", json={"id": "0000000000-00000000", "label": 1})
        assert reply.status_code == 404
        assert "keeps no journal" in reply.json()["detail"]


def test_a_store_that_cannot_be_written_to_is_served_without_a_journal(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with serving(store, journal=str(tmp_path / "file" / "journal"), model="line") as client:
        assert client.post("/predict", json={"x": 1}).json()["prediction"] == 3.0
    assert "no prediction is recorded" in caplog.text


@pytest.mark.system
def test_a_killed_server_loses_at_most_the_last_second(store: Path, tmp_path: Path, opened: Opened) -> None:
    where = tmp_path / "journal"
    command = [str(FASTTRACK), "serve", "--model", "line", "--port", "0", "--store", str(store), "--journal"]
    command.append(str(where))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        found = re.search(r" at (http://\S+)", server.stdout.readline())
        assert found is not None
        given: list[tuple[float, str, Any]] = []

        def ask() -> None:
            with httpx.Client(base_url=found[1]) as client:
                x = 0
                while True:
                    x += 1
                    try:
                        reply = client.post("/predict", json={"x": x}).json()
                    except httpx.TransportError:
                        return
                    given.append((time.monotonic(), reply["id"], reply["prediction"]))

        asking = threading.Thread(target=ask)
        asking.start()
        wait_for(lambda: len(given) > 10 and given[-1][0] - given[0][0] > 3.5)
        killed = time.monotonic()
        os.kill(server.pid, signal.SIGKILL)
        asking.join()
    written = {}
    for chunk in opened(str(where)).chunks(0):
        for row, value in enumerate(unpack(chunk.content).output.tolist()):
            written[prediction_id(chunk.process, chunk.start + row)] = value
    lost = [killed - at for at, one, _ in given if one not in written]
    assert len(written) > 10
    assert all(seconds < 1.5 for seconds in lost), max(lost)
    for _, one, value in given:
        assert written.get(one, value) == value
