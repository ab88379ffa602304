"""The fast lane: it agrees with FastAPI on every reply, and no row touches another's answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from prometheus_client import generate_latest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fasttrack
from fasttrack.serving.app import create_app
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.predict import LARGE_BYTES, Predictor
from fasttrack.settings import Settings
from fasttrack.training.calendar import CalendarFeatures
from tests.serving import models
from tests.serving.asgi import call
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome

ROW = {"size": 9.5, "rooms": 3, "garden": True, "district": "north", "built": "2010-05-01"}


def houses(store: Path, *, strict: bool = False) -> Outcome:
    """Five columns of every kind → one of three labels; `strict` takes no unseen district."""
    X = models.mixed_frame().drop(columns='odd "name"\\').dropna()
    labels = np.array(["cheap", "fair", "dear"])[pd.qcut(X["size"] + X["rooms"], 3, labels=False)]
    handling = "error" if strict else "ignore"
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown=handling, sparse_output=False), ["district"]),
            (CalendarFeatures(), ["built"]),
            remainder="passthrough",
        ),
        HistGradientBoostingClassifier(max_iter=10),
    ).fit(X, labels)
    return fasttrack.package(pipeline, X, pd.Series(labels, name="price"), name="houses", store=store)


def started(store: Path, **settings: Any) -> Any:
    app = create_app(Settings(store=str(store), **({"journal": "off"} | settings)))
    app.state.models.load()
    return app


def body(**changes: Any) -> bytes:
    row = {name: value for name, value in (ROW | changes).items() if value is not ...}
    return json.dumps(row).encode()


CORPUS: dict[str, bytes] = {
    "a row": body(),
    "whole numbers": body(size=9),
    "missing": body(size=None),
    "left out": body(size=...),
    "unseen": body(district="atlantis"),
    "out of range": body(size=1e9, rooms=-5),
    "all odd": body(size=-1e300, rooms=10**9, district="", built="1800-01-01T00:00:00Z"),
    "a fraction of a room": body(rooms=2.5),
    "text for a number": body(size="9.5"),
    "a number for text": body(district=3),
    "1 for true": body(garden=1),
    "no date": body(built="yesterday"),
    "a date and time with an offset": body(built="2010-05-01T23:59:59.5+02:00"),
    "an unknown column": body(cellar=1),
    "required but missing": body(district=None),
    "required but left out": body(district=..., built=...),
    "rows": b"[" + body() + b"," + body(rooms=1) + b"]",
    "no rows": b"[]",
    "a bad row among rows": b"[" + body() + b"," + body(rooms="x") + b"]",
    "columns": json.dumps({"columns": {name: [value] * 3 for name, value in ROW.items()}}).encode(),
    "columns of two lengths": json.dumps({"columns": {**{n: [v] * 3 for n, v in ROW.items()}, "size": [1]}}).encode(),
    "past float64": body().replace(b"9.5", b"1e999"),
    "a huge whole number": body().replace(b"9.5", b"9" * 500),
    "NaN": body().replace(b"9.5", b"NaN"),
    "twice the same column": body()[:-1] + b', "size": 1}',
    "nothing": b"",
    "blanks": b" \n\t",
    "a scalar": b"5",
    "half a row": body()[:-4],
    "no UTF-8": b"\xff\xfe" + body(),
    "half a character": body().replace(b'"north"', b'"\\ud800"'),
    "deep": b'{"size":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "blanks around": b"  " + body() + b"\n",
    "more than the lane takes": b"[" + b",".join([body()] * (LARGE_BYTES // len(body()) + 1)) + b"]",
    "too many rows": b"[" + b",".join([b"{}"] * 3001) + b"]",
    "too large": b" " * 300_001,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = tmp_path_factory.mktemp("houses")
    assert houses(store).manifest.engine == "onnx"
    return started(store, max_rows=3000, max_body_bytes=300_000)


@pytest.mark.parametrize("name", CORPUS)
def test_the_lane_and_fastapi_give_the_same_reply(app: Any, name: str) -> None:
    lane = asyncio.run(call(app, CORPUS[name]))
    behind = asyncio.run(call(app.answer_by_fastapi, CORPUS[name]))
    assert lane == behind
    assert lane[0] < 500


@pytest.mark.parametrize("name", ["a row", "unseen", "a fraction of a room", "half a row"])
@pytest.mark.parametrize(
    "changes",
    [
        {"headers": [(b"content-encoding", b"gzip")]},
        {"headers": [(b"content-encoding", b"identity")]},
        {"headers": [(b"content-type", b"text/plain")]},
        {"root_path": "/models", "path": "/models/predict"},
        {"path": "/predict/"},
        {"method": "PUT"},
    ],
    ids=["gzip", "identity", "text", "root path", "slash", "PUT"],
)
def test_they_agree_on_other_requests_too(app: Any, name: str, changes: dict[str, Any]) -> None:
    assert asyncio.run(call(app, CORPUS[name], **changes)) == asyncio.run(
        call(app.answer_by_fastapi, CORPUS[name], **changes)
    )


def test_a_body_in_parts_gives_what_it_gives_whole(app: Any) -> None:
    whole = CORPUS["out of range"]
    assert asyncio.run(call(app, [whole[:9], b"", whole[9:]])) == asyncio.run(call(app, whole))


def test_both_count_into_the_same_series(tmp_path: Path) -> None:
    models.line(tmp_path)
    app = started(tmp_path)
    for way in (app, app.answer_by_fastapi):
        asyncio.run(call(way, b'{"x": 1}'))
        asyncio.run(call(way, b'{"x": "one"}'))
    text = generate_latest(app.state.metrics.registry).decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['http_requests_total{handler="/predict",method="POST",status="200"}'] == "2.0"
    assert lines['http_requests_total{handler="/predict",method="POST",status="422"}'] == "2.0"
    assert lines['http_request_size_bytes_sum{handler="/predict",method="POST"}'] == str(2.0 * (8 + 12))
    assert lines['http_request_duration_seconds_count{handler="/predict",method="POST"}'] == "4.0"
    assert lines['http_request_duration_seconds_bucket{handler="/predict",le="+Inf",method="POST"}'] == "4.0"
    assert lines["http_requests_inprogress"] == "0.0"


def runs(app: Any) -> float:
    text = generate_latest(app.state.metrics.registry).decode()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("fasttrack_inference_seconds_c")
    )


def test_rows_that_arrive_together_are_scored_in_one_run(tmp_path: Path) -> None:
    models.line(tmp_path)
    app = started(tmp_path)

    async def together() -> list[Any]:
        return await asyncio.gather(*(call(app, json.dumps({"x": i}).encode()) for i in range(300)))

    replies = asyncio.run(together())
    assert [json.loads(content)["prediction"] for _, _, content in replies] == [2.0 * i + 1 for i in range(300)]
    assert runs(app) == 2  # 256 rows and the rest


def test_rows_that_cannot_be_scored_leave_the_others_alone(app: Any) -> None:
    names = ["a row", "unseen", "a fraction of a room", "no date", "out of range", "text for a number", "missing"]
    alone = {name: asyncio.run(call(app, CORPUS[name])) for name in names}

    async def together(some: list[str]) -> list[Any]:
        return await asyncio.gather(*(call(app, CORPUS[name]) for name in some))

    order = random.Random(0)
    for _ in range(20):
        some = order.choices(names, k=40)
        assert asyncio.run(together(some)) == [alone[name] for name in some]


def test_a_column_that_must_be_known_is_refused_by_name(tmp_path: Path) -> None:
    assert houses(tmp_path, strict=True).manifest.engine == "onnx"
    app = started(tmp_path)

    async def together() -> Any:
        return await asyncio.gather(call(app, body()), call(app, body(district="atlantis")), call(app, body(rooms=1)))

    first, bad, last = asyncio.run(together())
    assert (first[0], bad[0], last[0]) == (200, 422, 200)
    assert json.loads(bad[2])["errors"] == [
        {
            "row": 0,
            "column": "district",
            "message": "not among the 3 categories that the model accepts",
        }
    ]
    assert bad == asyncio.run(call(app.answer_by_fastapi, body(district="atlantis")))


def test_a_pipeline_that_is_not_compiled_gathers_while_it_is_busy(tmp_path: Path) -> None:
    assert models.touchy(tmp_path).manifest.engine == "sklearn"
    app = started(tmp_path)
    numbers = [float(x) if x % 17 else 1000.0 + x for x in range(1, 100)]

    async def together() -> list[Any]:
        return await asyncio.gather(*(call(app, json.dumps({"x": x}).encode()) for x in numbers))

    for x, (status, _, content) in zip(numbers, asyncio.run(together()), strict=True):
        if x > 100:
            assert status == 422
            assert b"cannot score this row" in content
            assert b"secret" not in content
        else:
            assert json.loads(content)["prediction"] == x


@pytest.mark.parametrize("named", [True, False])
def test_a_step_that_works_in_place_changes_no_answer(tmp_path: Path, named: bool) -> None:
    random = np.random.default_rng(0)
    X: Any = random.normal(5, 2, size=(60, 2))
    y = (X[:, 0] > X[:, 1]).astype(int)
    X[::9, 0] = np.nan
    if named:
        X = pd.DataFrame(X, columns=["a", "b"])
    steps = SimpleImputer(copy=False), StandardScaler(copy=False), KNeighborsClassifier(1)
    pipeline = make_pipeline(*steps).fit(X.copy(), y)
    outcome = fasttrack.package(pipeline, X, y, name="near", store=tmp_path)
    assert outcome.manifest.engine == "sklearn"
    assert outcome.manifest.metrics["accuracy"].value == 1.0
    assert outcome.manifest.metrics["log_loss"].value < 0.01
    rows = np.array([[9.0, 1.0], [1.0, 9.0], [np.nan, 1.0]])
    expected = pipeline.predict_proba(pd.DataFrame(rows, columns=X.columns) if named else rows.copy())
    names = [column.name for column in outcome.manifest.contract.columns]
    asked = [{name: None if np.isnan(x) else x for name, x in zip(names, row, strict=True)} for row in rows]
    with serving(tmp_path, http=Wire) as client:
        reply = client.post("/predict", json=asked).json()
        assert reply["probabilities"] == {"0": expected[:, 0].tolist(), "1": expected[:, 1].tolist()}
        assert reply["predictions"] == expected.argmax(axis=1).tolist()
        drift = client.get("/metrics").text
    (found,) = re.findall(rf'_feature_bin_total{{bin="missing",feature="{names[0]}".*}} (.*)', drift)
    assert float(found) == 1


def test_a_run_that_gets_no_thread_answers_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.touchy(tmp_path)
    app = started(tmp_path)
    in_thread = Predictor.in_thread
    runs = 0

    async def no_thread(self: Predictor, *work: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError("can't start new thread")
        return await in_thread(self, *work)

    monkeypatch.setattr(Predictor, "in_thread", no_thread)

    async def together() -> list[Any]:
        return await asyncio.gather(*(call(app, json.dumps({"x": x}).encode()) for x in (1.0, 2.0, 3.0)))

    for x, (status, _, content) in enumerate(asyncio.run(together()), start=1):
        assert (status, json.loads(content)["prediction"]) == (200, x)
    assert runs == 4


def test_a_request_that_is_given_up_leaves_the_others_alone(tmp_path: Path) -> None:
    models.line(tmp_path)
    app = started(tmp_path)

    async def some_given_up() -> list[Any]:
        tasks = [asyncio.create_task(call(app, json.dumps({"x": i}).encode())) for i in range(60)]
        for turn in range(4):  # at every stage of a request's way
            await asyncio.sleep(0)
            for task in tasks[turn::12]:
                task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    replies = asyncio.run(some_given_up())
    given_up = [isinstance(reply, asyncio.CancelledError) for reply in replies]
    assert any(given_up)
    assert not all(given_up)
    for i, reply in enumerate(replies):
        if not given_up[i]:
            assert json.loads(reply[2])["prediction"] == 2.0 * i + 1


def test_a_fault_of_the_model_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    models.line(tmp_path)
    app = started(tmp_path)

    def broken(batch: Any) -> Any:
        raise MemoryError("secret")

    monkeypatch.setattr(app.state.models.current.model.engine, "score", broken)
    for answer in (app, app.answer_by_fastapi):
        status, headers, content = asyncio.run(call(answer, b'{"x": 1}'))
        assert (status, headers["content-type"]) == (500, "application/problem+json")
        assert json.loads(content)["detail"] == "the server failed; its log says why"
    assert caplog.text.count("MemoryError (its message is not logged)") == 2
    assert caplog.text.count("in broken\n") == 2
    assert '("secret")' in caplog.text  # the line of the program, but not what it was about
    assert "MemoryError: secret" not in caplog.text


@pytest.mark.parametrize("http", ["httptools", "h11", Wire])
def test_broken_connections_under_load_touch_no_other_answer(tmp_path: Path, http: Any) -> None:
    models.line(tmp_path)
    with serving(tmp_path, http=http) as client:
        address = (client.base_url.host, client.base_url.port or 80)
        stop = threading.Event()

        def break_off() -> None:
            choose = random.Random(1)
            head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
            whole = head + b'{"x": 99}'
            while not stop.is_set():
                with contextlib.suppress(OSError), socket.create_connection(address, 5) as connection:
                    connection.sendall(whole[: choose.randrange(1, len(whole) + 1)])

        breakers = [threading.Thread(target=break_off) for _ in range(3)]
        for thread in breakers:
            thread.start()
        try:
            for i in range(400):
                reply = client.post("/predict", json={"x": i} if i % 5 else {"x": "bad"})
                assert reply.status_code == (200 if i % 5 else 422)
                if i % 5:
                    assert reply.json()["prediction"] == 2.0 * i + 1
        finally:
            stop.set()
            for thread in breakers:
                thread.join()
        deadline = time.monotonic() + 20
        while "http_requests_inprogress 1.0" not in (text := client.get("/metrics").text):  # the one that asks
            assert time.monotonic() < deadline, text
        assert 'status="5' not in text
