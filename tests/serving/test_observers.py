"""Observers see every run of the model, whichever way the request takes, and none can cost a reply."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from prometheus_client import generate_latest

from fasttrack.scoring.model import open_model
from fasttrack.scoring.open import find_bundle
from fasttrack.serving.app import create_app
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings
from fasttrack.store import open_store
from tests.serving import models
from tests.serving.asgi import call
from tests.serving.server import run_app

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.scoring.observer import Scored


class Recording:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Scored] = []

    def scored(self, event: Scored) -> None:
        self.events.append(event)


class Broken:
    """Fails on every run."""

    def scored(self, event: Scored) -> None:
        raise RuntimeError("the observer's own mistake")


def test_every_way_to_ask_makes_an_event(tmp_path: Path) -> None:
    outcome = models.line(tmp_path)
    observer = Recording()
    settings = Settings(store=str(tmp_path), journal=str(tmp_path / "journal"))
    with run_app(Service(Runtime(settings, observers=[observer])), http=Wire) as client:
        ids = [client.post("/predict", json={"x": 1}).json()["id"]]
        ids += client.post("/predict", json=[{"x": 2}, {"x": 1e308}]).json()["ids"]
        ids.append(client.get("/predict?x=3").headers["prediction-id"])
        ids += client.post("/predict", json={"columns": {"x": list(range(1000))}}).json()["ids"]
        assert client.post("/predict", json={"x": "no number"}).status_code == 422
    assert [id_ for event in observer.events for id_ in (event.ids.all() if event.ids else [])] == ids
    for event in observer.events:
        assert (event.model.name, event.model.version) == ("line", outcome.manifest.version)
        assert event.model.contract == outcome.manifest.contract
        assert event.seconds > 0
        np.testing.assert_array_equal(event.predictions.output[:1], 2 * event.batch.matrix[:1, 0] + 1)
    first, many, query, columns = observer.events
    assert (len(first.batch), len(many.batch), len(query.batch), len(columns.batch)) == (1, 2, 1, 1000)
    assert many.predictions.prediction == [5.0, None]
    assert [warning.row for warning in many.predictions.warnings] == [1]


def test_rows_that_arrive_together_make_one_event(tmp_path: Path) -> None:
    models.line(tmp_path)
    observer = Recording()
    app = create_app(Settings(store=str(tmp_path), journal="off"), observers=[observer])
    app.state.models.load()

    async def together() -> list[Any]:
        return await asyncio.gather(*(call(app, json.dumps({"x": i}).encode()) for i in range(50)))

    assert len(asyncio.run(together())) == 50
    (event,) = observer.events
    assert event.predictions.prediction == [2.0 * i + 1 for i in range(50)]
    assert event.ids is None


def test_an_observer_that_fails_costs_no_reply_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models.line(tmp_path)
    after = Recording()
    settings = Settings(store=str(tmp_path), journal="off")
    with run_app(create_app(settings, observers=[Broken(), after, Broken()]), http=Wire) as client:
        for x in range(5):
            assert client.post("/predict", json={"x": x}).json()["prediction"] == 2.0 * x + 1
        assert client.post("/predict", json=[{"x": 1}] * 1000).status_code == 200
        text = client.get("/metrics").text
    assert len(after.events) == 6
    assert 'fasttrack_observer_failures_total{observer="Broken"} 12.0' in text
    assert sum(" 1005.0" in line for line in text.splitlines() if "_predictions_total" in line) == 1
    logged = [record for record in caplog.records if "observer" in record.message]
    assert len(logged) == 2  # once an observer
    assert "the observer's own mistake" in caplog.text


def test_a_journal_that_fails_costs_no_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.line(tmp_path)
    app = create_app(Settings(store=str(tmp_path), journal=str(tmp_path / "journal")))
    app.state.models.load()

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(type(app.state.models.current.recorder), "record", fail)
    status, _, content = asyncio.run(call(app, b'{"x": 1}'))
    assert (status, sorted(json.loads(content))) == (200, ["model", "prediction"])
    assert 'observer_failures_total{observer="Recorder"} 1.0' in generate_latest(app.state.metrics.registry).decode()


def test_an_observer_is_called_from_several_threads(tmp_path: Path) -> None:
    models.touchy(tmp_path)  # served by scikit-learn, so off the event loop
    names: set[str] = set()

    class Threads:
        def scored(self, event: Scored) -> None:
            names.add(threading.current_thread().name)

    app = create_app(Settings(store=str(tmp_path), journal="off"), observers=[Threads()])
    app.state.models.load()
    assert asyncio.run(call(app, b'{"x": 1}'))[0] == 200
    assert threading.main_thread().name not in names
    assert names


@pytest.mark.parametrize("labels", [("cheap", "dear"), (False, True)])
def test_a_bundle_is_scored_without_a_server(tmp_path: Path, labels: Any) -> None:
    models.mixed(tmp_path, labels)
    model = open_model(find_bundle(open_store(tmp_path), None))
    frame = models.mixed_frame(300)
    predictions = model.engine.score(model.decoder.columns(frame))
    assert predictions.prediction == model.bundle.load_pipeline().predict(frame).tolist()
    assert (model.name, model.label) == ("mixed", f"mixed@{model.version}")
