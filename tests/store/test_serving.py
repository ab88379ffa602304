"""A server on a store in a bucket: it follows promotions under traffic, and outlives a storage that does not answer."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from fasttrack.jobs.promote import rollback
from fasttrack.store import open_store
from tests.integration.real import poll
from tests.integration.test_server import BIN, Asking, serving
from tests.serving import models
from tests.store.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.object_store import ObjectStore
    from tests.store.places import Objects

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds


@contextmanager
def asking(url: str) -> Iterator[list[Asking]]:
    stop = threading.Event()
    clients = [Asking(url, stop) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        stop.set()
        for client in clients:
            client.join()


def version_at(url: str) -> object:
    return httpx.get(url + "/model").json()["version"]


def test_promotions_in_a_bucket_reach_a_server_under_traffic_without_losing_a_request(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(objects.location)
    slopes = {models.line(objects.location, slope).manifest.version: slope for slope in (2.0, 3.0)}
    versions = list(slopes)
    monkeypatch.setenv("FASTTRACK_CACHE", str(tmp_path / "server"))  # where nothing is yet
    with serving(objects.location, tmp_path / "log") as server, asking(server.url) as clients:
        for number in range(4):
            if number == 3:
                rollback("line", store=store)
            else:
                store.point("line", versions[number % 2])
            champion, begun = store.champion("line"), time.monotonic()
            poll(lambda: version_at(server.url) == champion, what="the switch", within_s=10)  # noqa: B023  # polled here
            assert time.monotonic() - begun < 5
    assert [client.failures for client in clients] == [[]] * 4
    replies = [reply for client in clients for reply in client.replies]
    assert len(replies) > 100
    assert {str(reply["model"]).partition("@")[2] for reply in replies} == set(versions)
    assert all(reply["prediction"] == 5 * slopes[str(reply["model"]).partition("@")[2]] + 1 for reply in replies)
    assert "recorded in" in (tmp_path / "log").read_text()


def test_a_server_goes_on_and_starts_while_the_storage_does_not_answer(
    objects: Objects, s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (models.line(objects.location, slope).manifest.version for slope in (2.0, 3.0))
    store = open_store(objects.location)
    store.point("line", first)
    relay, log = Relay(s3.port), tmp_path / "log"
    monkeypatch.setenv("AWS_ENDPOINT_URL", relay.endpoint)
    with serving(objects.location, log) as server, asking(server.url) as clients:
        assert version_at(server.url) == first
        relay.cut()
        poll(lambda: "does not answer" in log.read_text(), what="the word of the storage", within_s=30)
        store.point("line", second)  # by somebody who reaches it
        assert version_at(server.url) == first
        assert "fasttrack_reload_failures_total 1.0" in httpx.get(server.url + "/metrics").text
        relay.mend()
        poll(lambda: version_at(server.url) == second, what="the switch once the storage answers", within_s=30)
    assert [client.failures for client in clients] == [[]] * 4
    log_text = log.read_text()
    assert log_text.count("does not answer") == 1
    assert f"store {objects.location} answers again" in log_text

    relay.cut()
    with serving(objects.location, log) as server:  # from the cache
        assert version_at(server.url) == second
        relay.mend()
        store.point("line", first)
        poll(lambda: version_at(server.url) == first, what="the switch once the storage answers", within_s=30)
    assert "the last that was opened here" in log.read_text()

    relay.cut()
    begun = time.monotonic()
    done = subprocess.run(
        [BIN / "fasttrack", "serve", "--store", objects.location, "--port", "0"],
        env={**os.environ, "FASTTRACK_CACHE": str(tmp_path / "empty")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"error: store {objects.location} does not answer: {relay.endpoint} refused the connection; "
        "check the network and AWS_ENDPOINT_URL"
    )
    assert time.monotonic() - begun < 20
