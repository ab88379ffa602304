"""A server follows its store, whatever the store says in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fasttrack.errors import StoreError
from fasttrack.jobs.promote import promote
from fasttrack.store import CHALLENGER, CHAMPION, LocalStore
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import pytest


class Refusing(LocalStore):
    """A store that three times may not be looked at."""

    looks = 0

    def pointer_state(self, name: str, alias: str = CHAMPION) -> Any:
        type(self).looks += 1
        if type(self).looks <= 3:
            raise StoreError("access is denied (403)")
        return super().pointer_state(name, alias)


def test_a_store_that_refuses_for_a_while_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = models.line(tmp_path, 2.0).manifest.version
    monkeypatch.setattr("fasttrack.serving.live_model.open_store", lambda location, **_: Refusing(location))
    with serving(tmp_path, reload_seconds=0.05) as client:
        second = models.line(tmp_path, 3.0).manifest.version
        assert first != second
        LocalStore(tmp_path).point("line", second)
        deadline = time.monotonic() + 20
        while client.post("/predict", json={"x": 1}).json()["model"] != f"line@{second}":
            assert time.monotonic() < deadline
        failures = client.get("/metrics").text
    told = [message for message in caplog.messages if "403" in message]
    assert told == [f"kept line@{first}: access is denied (403)"]
    assert "fasttrack_reload_failures_total 1.0" in failures


def test_a_server_of_the_challenger_follows_it_and_goes_on_when_it_is_promoted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore(tmp_path)
    first, second, third = (models.line(tmp_path, slope).manifest.version for slope in (2.0, 3.0, 4.0))

    def wait_for(client: httpx.Client, version: str) -> None:
        deadline = time.monotonic() + 20
        while client.post("/predict", json={"x": 1}).json()["model"] != f"line@{version}":
            assert time.monotonic() < deadline

    store.point("line", first, CHALLENGER)
    with serving(tmp_path, model="line@challenger", reload_seconds=0.05) as client:
        wait_for(client, first)
        promote(f"line@{second}", store=store, alias=CHALLENGER)
        wait_for(client, second)
        promote(f"line@{second}", store=store)  # it is no longer the challenger
        assert store.alias("line", CHALLENGER) is None
        promote(f"line@{third}", store=store, alias=CHALLENGER)
        wait_for(client, third)
        assert "fasttrack_reload_failures_total 0.0" in client.get("/metrics").text
    assert [message for message in caplog.messages if message.startswith("kept")] == []
