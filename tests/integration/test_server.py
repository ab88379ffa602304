"""The server under what really happens: promotions, stops, broken clients, damaged versions. All over real sockets."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fasttrack.jobs.promote import promote, rollback
from fasttrack.store import open_store
from tests.integration.real import ROOT, free_port, poll
from tests.serving import models

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent


class Running:
    """A `fasttrack serve` process and its URL."""

    def __init__(self, process: subprocess.Popen[str], said: list[str]) -> None:
        self.process = process
        self.said = said
        found = re.search(r" at (http://\S+)", said[0])
        assert found
        self.url = found.group(1)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])


@contextmanager
def serving(store: Path | str, log: Path, *options: str) -> Iterator[Running]:
    command = [str(BIN / "fasttrack"), "serve", "--store", str(store), "--port", "0", *options]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "FASTTRACK_RELOAD_SECONDS": "0.2"},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(3)]
            running = Running(process, said)
            poll(lambda: httpx.get(running.url + "/health/ready").status_code == 200, what="the server's readiness")
            yield running
        finally:
            process.terminate()
            process.wait(40)


class Asking(threading.Thread):
    """One keep-alive client that asks until told to stop, and keeps every reply."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__()
        self._url, self._halt = url, stop
        self.replies: list[dict[str, object]] = []
        self.failures: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self._url) as client:
            while not self._halt.is_set():
                try:
                    reply = client.post("/predict", json={"x": 5})
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    continue
                if reply.status_code == 200:
                    self.replies.append(reply.json())
                else:
                    self.failures.append(reply.text)


@pytest.mark.system
def test_promotions_under_load_lose_no_request_and_answers_are_the_named_model_s(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    slopes = {models.line(store.folder, slope).manifest.version: slope for slope in (2.0, 3.0)}
    versions = list(slopes)
    with serving(store.folder, tmp_path / "log") as server:
        stop = threading.Event()
        clients = [Asking(server.url, stop) for _ in range(4)]
        for client in clients:
            client.start()
        for number in range(10):
            if number % 3 == 2:
                rollback("line", store=store)
            else:
                promote(f"line@{versions[number % 2]}", store=store)
            champion = store.champion("line")
            poll(
                lambda: httpx.get(server.url + "/model").json()["version"] == champion,  # noqa: B023  # polled here
                what="the switch to the promoted version",
                within_s=10,
            )
        stop.set()
        for client in clients:
            client.join()
    assert [client.failures for client in clients] == [[]] * 4
    replies = [reply for client in clients for reply in client.replies]
    assert len(replies) > 100
    seen = set()
    for reply in replies:
        version = str(reply["model"]).partition("@")[2]
        assert reply["prediction"] == 5 * slopes[version] + 1
        seen.add(version)
    assert seen == set(versions)


def test_a_damaged_version_never_serves_and_a_sound_one_still_can(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    first, second, third = (models.line(store.folder, slope).manifest.version for slope in (2.0, 3.0, 4.0))
    store.point("line", first)
    damaged = store.folder / "line" / second / "model.joblib"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    log = tmp_path / "log"
    with serving(store.folder, log) as server:
        store.point("line", second)
        poll(lambda: "fasttrack_reload_failures_total 1.0" in httpx.get(server.url + "/metrics").text, what="the count")
        assert httpx.get(server.url + "/model").json()["version"] == first
        assert "was changed after it was written" in log.read_text()
        store.point("line", third)
        poll(lambda: httpx.get(server.url + "/model").json()["version"] == third, what="the switch to a sound version")


def test_a_server_stays_with_the_model_it_started_with(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    models.line(store.folder, 2.0, name="first")
    with serving(store.folder, tmp_path / "log") as server:
        models.line(store.folder, 3.0, name="second")
        models.line(store.folder, 4.0, name="first")
        poll(lambda: httpx.get(server.url + "/predict?x=1").json()["prediction"] == 5.0, what="the switch of first")
        assert httpx.get(server.url + "/model").json()["name"] == "first"


def test_a_pinned_version_does_not_follow(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    first = models.line(store.folder, 2.0).manifest.version
    with serving(store.folder, tmp_path / "log", "--model", f"line@{first}") as server:
        models.line(store.folder, 3.0)
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            assert httpx.get(server.url + "/predict?x=1").json()["prediction"] == 3.0


def test_a_stop_answers_every_request_it_has_taken(tmp_path: Path) -> None:
    store = tmp_path / "store"
    models.line(store)
    with serving(store, tmp_path / "log") as server:
        # requests whose bytes are on the wire before the signal, each on a connection of its own
        asked = []
        for number in range(40):
            connection = socket.create_connection(server.address, timeout=30)
            body = json.dumps([{"x": number}] * 500).encode()
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            asked.append((number, connection))
        metrics = httpx.get(server.url + "/metrics")  # by now the server has accepted them all
        assert metrics.status_code == 200
        server.process.send_signal(signal.SIGTERM)
        for number, connection in asked:
            received = b""
            while part := connection.recv(65536):
                received += part
                head, _, body = received.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                if length and len(body) >= int(length.group(1)):
                    break
            connection.close()
            head, _, body = received.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            assert json.loads(body)["predictions"] == [2.0 * number + 1] * 500
        assert server.process.wait(40) == 0


def test_broken_clients_leave_the_others_their_answers(tmp_path: Path) -> None:
    store = tmp_path / "store"
    models.line(store)
    log = tmp_path / "log"
    with serving(store, log) as server:
        stop = threading.Event()
        client = Asking(server.url, stop)
        client.start()
        poll(lambda: client.replies, what="the first answer", within_s=20)
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
        broken = [
            head + b'Content-Length: 100\r\n\r\n{"x":',  # hangs up mid-body
            head + b"Content-Length: nonsense\r\n\r\n",
            head + b"Content-Length: -5\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a plain port
            b"GET / HTTP/9.9\r\n\r\n",
            head + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        ]
        for _ in range(5):
            for content in broken:
                connection = socket.create_connection(server.address, timeout=10)
                connection.sendall(content)
                connection.close()
        pipelined = socket.create_connection(server.address, timeout=10)
        request = head + b'Content-Length: 7\r\n\r\n{"x":1}'
        pipelined.sendall(request * 3)
        received = b""
        while received.count(b'"prediction":3.0') < 3:
            part = pipelined.recv(65536)
            assert part, received
            received += part
        pipelined.close()
        told = len(client.replies)
        poll(lambda: len(client.replies) > told, what="an answer after all that", within_s=20)
        stop.set()
        client.join()
        assert client.failures == []
        assert {reply["prediction"] for reply in client.replies} == {11.0}
        poll(
            lambda: "http_requests_inprogress 1.0" in httpx.get(server.url + "/metrics").text,
            what="the end of every aborted request",
        )
        text = httpx.get(server.url + "/metrics").text
        assert not re.search(r'http_requests_total\{[^}]*status="5', text)
    assert "Traceback" not in log.read_text()


def uvicorn(store: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "uvicorn", "api.app:app", "--port", str(free_port())],
        cwd=ROOT,
        env={**os.environ, "FASTTRACK_STORE": str(store), **more},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_model_the_server_says_what_to_do_and_does_not_start(tmp_path: Path) -> None:
    done = uvicorn(tmp_path / "nothing")
    assert done.returncode != 0
    assert "has no model to serve; train one first: python src/train.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_stops_the_server_with_one_sentence(tmp_path: Path) -> None:
    done = uvicorn(tmp_path, FASTTRACK_STOER="x")
    assert done.returncode != 0
    assert "error: FASTTRACK_STOER is not a setting; did you mean FASTTRACK_STORE?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_specification_s_server_command_answers(tmp_path: Path) -> None:
    store = tmp_path / "model"
    models.line(store)
    port = free_port()
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [BIN / "uvicorn", "api.app:app", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "FASTTRACK_STORE": str(store)},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            poll(lambda: httpx.get(url + "/health/ready").status_code == 200, what="the server's readiness")
            assert httpx.get(url + "/predict?x=5").text == '{"x":5.0,"prediction":11.0}'
        finally:
            process.terminate()


@pytest.mark.parametrize("make", [models.line, models.mixed])
def test_the_line_to_try_works_when_pasted(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "store")
    with serving(tmp_path / "store", tmp_path / "log") as server:
        assert server.said[1].split() == ["docs", server.url + "/docs"]
        line = server.said[2].removeprefix("try").strip()
        assert shlex.split(line)[0] == "curl"
        done = subprocess.run(["sh", "-c", line + " -sSf"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert "prediction" in json.loads(done.stdout)
        assert "warnings" not in json.loads(done.stdout)


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    models.line(tmp_path / "store")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [BIN / "fasttrack", "serve", "--store", str(tmp_path / "store"), "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert (
        done.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n"
    )
