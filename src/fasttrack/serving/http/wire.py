"""Uvicorn's HTTP protocol with a short way for predictions: no task, scope and messages for a small body.

httptools parses every head that was not seen before, and Uvicorn's own protocol takes every other request, as well as
a prediction that is out of the ordinary in anything: the way is chosen before any of it is answered, so that both give
the same replies.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from fasttrack.serving.http.lane import FastLane
    from fasttrack.serving.predict import Reply

__all__ = ["Wire"]

_URL = b"/predict"
_UNUSUAL = frozenset((b"content-encoding", b"expect", b"upgrade"))


class Wire(HttpToolsProtocol):
    """One connection to the `fasttrack.serving.service.Service` that it is configured with."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._lane = _lane_of(config.loaded_app)
        self._straight = not (self.access_log or self.root_path or self.limit_concurrency)
        self._exchange = _Exchange(self)
        self._held = False
        """Whether the request that is being read may take the short way, which is decided when it has come whole."""
        self._body = b""
        self._data = b""
        """What has just come, if it began with a request."""
        self._parsing = False
        """Whether the parser is inside a request."""
        self._idle_since = 0.0

    def data_received(self, data: bytes) -> None:
        """Answer a prediction whose head is known; parse anything else."""
        if not self._parsing and (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused:
            body = self._lane.heads.body(data)
            if body is not None:
                self._answer(body)
                return
            self._data = data
        self._unset_keepalive_if_required()
        self._parse(data)
        self._data = b""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; nothing that follows is read."""
        self._parsing = True
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Keep what the parser finds; a scope is made of it only when an app is asked."""
        self._parsing = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Hold a prediction request, begin any other; one with an upgrade comes again without it."""
        if self._upgrades():
            return
        self._held = self._straight and self._is_prediction()
        if not self._held:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self._held:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > self._lane.longest:
            self._hand_over()

    def on_message_complete(self) -> None:
        """Answer the request that was held."""
        if self._upgrades():
            return
        self._parsing = self.parser.should_upgrade()  # what follows is then no HTTP to the parser
        if not self._held:
            super().on_message_complete()
            return
        body, self._body, self._held = self._body, b"", False
        self._lane.heads.learn(self._data, len(body))
        self._answer(body)

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing has come since the timer was set; a prediction does not set it anew."""
        self.timeout_keep_alive_task = None
        if self.cycle is not None and not self.cycle.response_complete:
            return  # its reply waits anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Close the connection, once a request that has begun is answered."""
        if self._held:
            self._hand_over()
        super().shutdown()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            msg = "Invalid HTTP request received."
            self.logger.warning(msg)
            self.send_400_response(msg)
        except httptools.HttpParserUpgrade as found:
            if not self._upgrades():
                return
            head, self._data = self._plain_head(), b""
            self.parser = _parser(self)
            self._parse(head + data[found.args[0] :])

    def _upgrades(self) -> bool:
        """Whether a request asks for another protocol, which a server that has none ignores (RFC 9110, 7.8).

        The parser takes its head for all of it: what follows would be read as the next request.
        """
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _plain_head(self) -> bytes:
        """The head that was parsed, without what asks for another protocol."""
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token.lower() != b"upgrade")
            if name != b"upgrade" and (value or name != b"connection"):
                lines.append(name + b": " + value.replace(b"\r", b" ").replace(b"\n", b" "))
        return b"\r\n".join([*lines, b"\r\n"])

    def _answer(self, body: bytes) -> None:
        exchange = self._exchange
        self.cycle = exchange  # type: ignore[assignment]  # all of a cycle that is asked of one
        exchange.begin(len(body))
        self._lane.answer(body, exchange.reply)

    def _replied(self) -> None:
        """As `on_response_complete`, at less cost: the timer that closes an idle connection is left as it is."""
        if self.pipeline or self.flow.read_paused or self.timeout_keep_alive_task is None:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._idle_since = self.loop.time()

    def _is_prediction(self) -> bool:
        if self.url != _URL or not (self.cycle is None or self.cycle.response_complete) or self.flow.write_paused:
            return False
        parser = self.parser
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return False
        for name, _ in self.headers:  # noqa: SIM110  # a generator would cost more than the loop
            if name in _UNUSUAL:
                return False
        return True

    def _hand_over(self) -> None:
        body, self._body, self._held = self._body, b"", False
        self._begin()
        if body:
            super().on_body(body)

    def _begin(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        super().on_headers_complete()


def _parser(wire: Wire) -> Any:
    """As Uvicorn makes its own."""
    parser = httptools.HttpRequestParser(wire)
    with suppress(AttributeError):  # httptools before 0.6.3
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _lane_of(app: Any) -> FastLane:
    """The lane of the service behind Uvicorn's own middleware."""
    while not hasattr(app, "lane"):
        app = app.app
    lane: FastLane = app.lane
    return lane


class _Nobody:
    """An event that nobody waits for."""

    def set(self) -> None:
        """Nothing."""


class _Exchange:
    """The prediction that a connection waits for; it stands where Uvicorn keeps its cycle of request and response."""

    __slots__ = (
        "_defaults",
        "_ok",
        "_wire",
        "disconnected",
        "keep_alive",
        "received",
        "response_complete",
        "started",
    )

    message_event = _Nobody()

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._defaults: list[tuple[bytes, bytes]] | None = None
        self._ok = b""
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = True
        self.received = 0
        self.started = 0.0

    def begin(self, received: int) -> None:
        """A request of so many bytes has come."""
        self.response_complete = False
        self.received = received
        self.started = time.perf_counter()
        self._wire._lane.begun()

    def reply(self, reply: Reply) -> None:
        """Write the response."""
        wire = self._wire
        self.response_complete = True
        wire._lane.ended(reply, time.perf_counter() - self.started, self.received)
        if self.disconnected or wire.transport.is_closing():  # the client left, or broke off with a bad request
            return
        body = reply.body
        defaults = wire.server_state.default_headers
        if defaults is not self._defaults:  # they carry the date: Uvicorn makes others every second
            self._defaults, self._ok = defaults, _head(200, defaults)
        head = self._ok if reply.status == 200 else _head(reply.status, defaults)
        end = b"\r\n\r\n" if self.keep_alive else b"\r\nconnection: close\r\n\r\n"
        wire.transport.write(b"%b%d\r\ncontent-type: %b%b%b" % (head, len(body), reply.media_type, end, body))
        if self.keep_alive:
            wire._replied()
        else:
            wire.transport.close()
            wire.on_response_complete()


def _head(status: int, defaults: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A response up to the number of bytes in its body."""
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % pair for pair in defaults), b"content-length: "]
    return b"".join(lines)
