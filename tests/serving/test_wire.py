"""The short way from a connection to a prediction: the same replies as Uvicorn's own protocol, in the same order."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from fasttrack.serving.http.heads import Heads
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.predict import LARGE_BYTES
from tests.serving import models
from tests.serving.server import serving
from tests.serving.test_lane import CORPUS, houses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of one store behind the short way, and behind Uvicorn's own protocol."""
    store = tmp_path_factory.mktemp("houses")
    houses(store)
    limits = {"max_rows": 3000, "max_body_bytes": 300_000}
    with serving(store, http=Wire, **limits) as wire, serving(store, **limits) as usual:
        yield wire, usual


def request(body: bytes, *headers: str, method: str = "POST", path: str = "/predict", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def connected(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 80), 20)


def responses(
    connection: socket.socket, count: int, *, bodies: bool = True
) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    """The status line, headers without the date, and body of each response; those to HEAD have no `bodies`."""
    found = []
    with connection.makefile("rb") as stream:
        for _ in range(count):
            status = stream.readline()
            headers = {}
            while (line := stream.readline().strip()) != b"":
                name, value = line.split(b": ", 1)
                headers[name] = value
            headers.pop(b"date", None)
            found.append((status, headers, stream.read(int(headers.get(b"content-length", 0)) if bodies else 0)))
    return found


def asked(client: httpx.Client, *parts: bytes, count: int = 1) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    """The responses to bytes that are sent in parts, a moment apart."""
    with connected(client) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts[:-1]:
            connection.sendall(part)
            time.sleep(0.02)
        connection.sendall(parts[-1])
        return responses(connection, count)


@pytest.mark.parametrize("name", CORPUS)
def test_every_body_gives_the_same_response(both: tuple[httpx.Client, httpx.Client], name: str) -> None:
    wire, usual = (asked(client, request(CORPUS[name], "Content-Type: application/json")) for client in both)
    assert wire == usual
    assert re.match(rb"HTTP/1.1 [24]\d\d ", wire[0][0])


@pytest.mark.parametrize(
    "sent",
    [
        request(CORPUS["a row"], "Connection: close"),
        request(CORPUS["a row"], version="1.0"),
        request(CORPUS["a row"], "Content-Encoding: gzip"),
        request(CORPUS["a row"], path="/predict/"),
        request(CORPUS["a row"], path="/predict?x=1"),
        request(CORPUS["a row"], path="/%70redict"),
        request(CORPUS["a row"], method="PUT"),
        request(b"", method="GET", path="/health/ready"),
        request(b" " * (LARGE_BYTES - 9) + CORPUS["a row"]),
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n2\r\n3]\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n[1,2]",
        b"nonsense\r\n\r\n",
    ],
    ids=["close", "1.0", "gzip", "slash", "query", "escaped", "PUT", "GET", "long", "chunks", "words", "-"],
)
def test_every_way_to_ask_gives_the_same_response(both: tuple[httpx.Client, httpx.Client], sent: bytes) -> None:
    wire, usual = (asked(client, sent) for client in both)
    assert wire == usual


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("cut", [0, 5, 60, -4])
def test_an_upgrade_is_ignored_and_its_body_is_no_request(
    both: tuple[httpx.Client, httpx.Client], upgrade: str, cut: int
) -> None:
    asks = ("Connection: keep-alive, Upgrade", f"Upgrade: {upgrade}")
    (usual,) = asked(both[1], request(CORPUS["a row"]))
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    (refused,) = asked(both[1], request(smuggled))
    with connected(both[0]) as connection:
        for body, expected in ((CORPUS["a row"], usual), (smuggled, refused), (CORPUS["a row"], usual)):
            whole = request(body, *asks)
            connection.sendall(whole[:cut])
            time.sleep(0.02)
            connection.sendall(whole[cut:] + request(CORPUS["a row"]))
            assert responses(connection, 2) == [expected, usual]
        chunked = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\n"
        chunked += b"Upgrade: h2c\r\n\r\n" + b"%x\r\n" % len(CORPUS["a row"]) + CORPUS["a row"] + b"\r\n0\r\n\r\n"
        connection.sendall(chunked)
        assert responses(connection, 1) == [usual]


@pytest.mark.parametrize("cut", [5, 30, 60, -40, -1])
def test_a_request_in_two_parts_gives_what_it_gives_whole(both: tuple[httpx.Client, httpx.Client], cut: int) -> None:
    whole = request(CORPUS["out of range"])
    assert asked(both[0], whole[:cut], whole[cut:]) == asked(both[1], whole)


@pytest.mark.parametrize("name", CORPUS)
def test_a_head_that_was_seen_before_gives_the_same_response(
    both: tuple[httpx.Client, httpx.Client], name: str
) -> None:
    whole = request(CORPUS[name], "X-Seen: before")
    (usual,) = asked(both[1], whole)
    with connected(both[0]) as connection:
        for cut in (0, 0, 30, len(whole) - 3, 0):  # the second time it is known, also when it comes in parts
            if cut:
                connection.sendall(whole[:cut])
                time.sleep(0.02)
            connection.sendall(whole[cut:])
            (response,) = responses(connection, 1)
            if b"connection" in response[1]:
                return  # the server has closed it
            assert response == usual


def test_a_seen_head_with_more_than_its_body_is_parsed(both: tuple[httpx.Client, httpx.Client]) -> None:
    row, other = request(CORPUS["a row"], "X-Seen: twice"), request(CORPUS["unseen"], "X-Seen: twice")
    alone = [asked(both[1], one)[0] for one in (row, other)]
    with connected(both[0]) as connection:
        connection.sendall(row)
        assert responses(connection, 1) == alone[:1]
        connection.sendall(row + other)
        assert responses(connection, 2) == alone
        connection.sendall(b"\r\n" + row)  # an empty line before a request is passed over
        assert responses(connection, 1) == alone[:1]


def test_only_a_whole_known_request_is_taken() -> None:
    heads = Heads()
    whole = request(b"[1]")
    assert heads.body(whole) is None
    heads.learn(whole, 3, [])
    assert heads.body(whole) == b"[1]"
    assert heads.body(whole[:-3] + b"[2]") == b"[2]"
    for other in (whole[:-1], whole + b" ", whole[:20], whole.replace(b"Host: x", b"Host: y"), b"", b"\r\n\r\n"):
        assert heads.body(other) is None


def test_a_head_that_does_not_tell_its_body_is_not_learned() -> None:
    heads = Heads()
    chunked = b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n"
    for sent, length in ((chunked, 3), (request(b"[1]") * 2, 3), (request(b"[1]")[:-1], 3), (b"", 0)):
        heads.learn(sent, length, [])
        assert heads.body(sent) is None
    long = request(b"[1]", f"X-Long: {'x' * 2000}")
    heads.learn(long, 3, [])
    assert heads.body(long) is None


def test_heads_take_no_more_than_their_room() -> None:
    heads = Heads()
    for number in range(3000):
        heads.learn(request(b"[1]", f"X-Number: {number}"), 3, [])
    kept = sum(heads.body(request(b"[1]", f"X-Number: {number}")) is not None for number in range(3000))
    assert 0 < kept <= 1024
    assert heads.body(request(b"[1]", "X-Number: 2999")) == b"[1]"


def test_an_idle_connection_is_closed_in_its_time_and_a_busy_one_is_not(tmp_path: Path) -> None:
    models.line(tmp_path)
    whole = request(b'{"x": 20}')
    with serving(tmp_path, http=Wire, keep_alive_s=1) as client, connected(client) as connection:
        begun = time.monotonic()
        while time.monotonic() - begun < 2.5:
            connection.sendall(whole)
            assert json.loads(responses(connection, 1)[0][2])["prediction"] == 41.0
            time.sleep(0.1)
        last = time.monotonic()
        assert connection.recv(1) == b""
        assert 0.5 < time.monotonic() - last < 5


def test_expect_is_answered_before_the_body_comes(both: tuple[httpx.Client, httpx.Client]) -> None:
    whole = request(CORPUS["a row"], "Expect: 100-continue")
    head = whole[: -len(CORPUS["a row"])]
    with connected(both[0]) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(CORPUS["a row"])
        assert responses(connection, 1) == asked(both[1], request(CORPUS["a row"]))


def test_requests_sent_at_once_are_answered_in_their_order(both: tuple[httpx.Client, httpx.Client]) -> None:
    names = ["a row", "rows", "text for a number", "a row", "unseen", "columns", "half a row", "missing"]
    sent = [request(CORPUS[name]) for name in names] + [request(b"", method="GET", path="/health/live")]
    alone = [asked(both[1], one)[0] for one in sent]
    for _ in range(5):
        assert asked(both[0], b"".join(sent), count=len(sent)) == alone
        assert asked(both[0], *sent, count=len(sent)) == alone


def test_a_bad_request_behind_a_good_one_breaks_nothing_else(both: tuple[httpx.Client, httpx.Client]) -> None:
    wire, _ = both
    for _ in range(20):
        with connected(wire) as connection, contextlib.suppress(OSError):
            connection.sendall(request(CORPUS["a row"]) + b"nonsense\r\n\r\n")
            while connection.recv(4096):
                pass
        assert wire.post("/predict", content=CORPUS["a row"]).status_code == 200


def test_a_client_that_does_not_read_is_waited_for(both: tuple[httpx.Client, httpx.Client]) -> None:
    wire, usual = both
    expected = asked(usual, request(CORPUS["all odd"]))[0]
    count = 8_000
    with connected(wire) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sender = threading.Thread(target=connection.sendall, args=(request(CORPUS["all odd"]) * count,))
        sender.start()
        time.sleep(0.5)
        assert wire.post("/predict", content=CORPUS["a row"]).status_code == 200  # others are served meanwhile
        assert all(one == expected for one in responses(connection, count))
        sender.join(20)


def test_a_stopping_server_answers_the_request_that_is_on_its_way(tmp_path: Path) -> None:
    models.line(tmp_path)
    whole = request(b'{"x": 20}')
    with contextlib.ExitStack() as server:
        client = server.enter_context(serving(tmp_path, http=Wire))
        with connected(client) as begun, connected(client) as idle:
            idle.sendall(whole)
            assert len(responses(idle, 1)) == 1
            begun.sendall(whole[:-3])
            time.sleep(0.1)
            stopper = threading.Thread(target=server.pop_all().close)
            stopper.start()
            assert idle.recv(1) == b""  # closed: the server is stopping
            begun.sendall(whole[-3:])
            ((status, headers, body),) = responses(begun, 1)
            assert (status, headers[b"connection"]) == (b"HTTP/1.1 200 OK\r\n", b"close")
            assert json.loads(body)["prediction"] == 41.0
            stopper.join(30)
            assert not stopper.is_alive()


def test_the_short_way_counts_into_the_same_series(tmp_path: Path) -> None:
    models.line(tmp_path)
    with serving(tmp_path, http=Wire) as client:
        for body in (b'{"x": 1}', b'{"x": "one"}', b'[{"x": 1}, {"x": 2}]'):
            client.post("/predict", content=body)
        text = client.get("/metrics").text
    assert 'http_requests_total{handler="/predict",method="POST",status="200"} 2.0' in text
    assert 'http_requests_total{handler="/predict",method="POST",status="422"} 1.0' in text
    assert 'http_request_size_bytes_sum{handler="/predict",method="POST"} 40.0' in text
    assert 'http_request_duration_seconds_count{handler="/predict",method="POST"} 3.0' in text
    assert "http_requests_inprogress 1.0" in text  # the one that asks
