"""Uvicorn's HTTP protocol with a short way for predictions: no task, scope and messages for a small body.

httptools parses every head that was not seen before, and Uvicorn's own protocol takes every other request, as well as
a prediction that is unusual in any way. The way is chosen before any of the request is answered, so that both ways give
the same replies. On the short way the protocol asks the guards itself, about each request.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from fasttrack.serving.access import RequestHead
from fasttrack.serving.paths import PREDICT
from fasttrack.serving.reply import Reply

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from fasttrack.serving.http.lane import FastLane

__all__ = ["Wire"]

_URL = PREDICT.encode()
_UNUSUAL = frozenset((b"content-encoding", b"expect", b"upgrade"))
_FORWARDED = frozenset((b"x-forwarded-for", b"x-forwarded-proto"))
"""Uvicorn reads these itself, and tells the app the client that a trusted proxy names."""


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
        self._lane, outermost = _lane_of(config.loaded_app)
        unlimited = not (self.access_log or self.root_path or self.limit_concurrency)
        self._short_way = unlimited and outermost and self._lane.short_cuts
        """Whether predictions of this connection may take the short way at all."""
        self._unusual = _UNUSUAL | _FORWARDED if self._lane.guards else _UNUSUAL
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
        if (
            self._short_way
            and not self._parsing
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
        ):
            lane = self._lane
            body = lane.heads.body(data)
            if body is not None:
                self._answer(body, lane.heads.headers(data) if lane.guards else ())
                return
            self._data = data
        self._unset_keepalive_if_required()
        self._parse(data)
        self._data = b""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; nothing that follows is read."""
        self._parsing = True
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Keep the parts of the head; a scope is made of them only when the app is called."""
        self._parsing = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Hold a prediction request, begin any other; one with an upgrade is parsed again without it."""
        if self._upgrades():
            return
        self._held = self._short_way and self._is_prediction()
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
        self._lane.heads.learn(self._data, len(body), self.headers)
        self._answer(body, self.headers)

    def on_response_complete(self) -> None:
        """Start the next request, or wait for one."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing has come since the timer was set; a prediction does not set it again."""
        self.timeout_keep_alive_task = None
        if self.cycle is not None and not self.cycle.response_complete:
            return  # its reply sets the timer
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Close the connection, after the reply to a request that has begun."""
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
        except httptools.HttpParserUpgrade as upgrade:
            if not self._upgrades():
                return
            head, self._data = self._plain_head(), b""
            self.parser = _parser(self)
            self._parse(head + data[upgrade.args[0] :])

    def _upgrades(self) -> bool:
        """Whether a request asks for another protocol, which a server without one ignores (RFC 9110, 7.8).

        The parser ends such a request with its head: its body would be read as the next request.
        """
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _plain_head(self) -> bytes:
        """The head that was parsed, without the request for another protocol."""
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token.lower() != b"upgrade")
            if name != b"upgrade" and (value or name != b"connection"):
                lines.append(name + b": " + value.replace(b"\r", b" ").replace(b"\n", b" "))
        return b"\r\n".join([*lines, b"\r\n"])

    def _answer(self, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        exchange, lane = self._exchange, self._lane
        self.cycle = exchange  # type: ignore[assignment]  # it has all members of a cycle that Uvicorn uses
        exchange.begin(len(body))
        if lane.guards:
            refusal = lane.guards.refusal(RequestHead("POST", PREDICT, headers, self.client))
            if refusal is not None:
                self.loop.call_soon(exchange.reply, refusal)  # not from inside the parser, as any other reply
                return
        lane.answer(body, exchange.reply)

    def _end_exchange(self) -> None:
        """As `on_response_complete`, at less cost: the timer that closes an idle connection goes on."""
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
            if name in self._unusual:
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
    """A parser as Uvicorn makes its own."""
    parser = httptools.HttpRequestParser(wire)
    with suppress(AttributeError):  # httptools before 0.6.3
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _lane_of(app: Any) -> tuple[FastLane, bool]:
    """The lane of the service, and whether nothing but Uvicorn's own middleware is in front of it."""
    outermost = True
    while "lane" not in vars(app):  # not hasattr: a wrapper may hand on what it does not have
        outermost = outermost and type(app).__module__.startswith("uvicorn.")
        app = app.app
    return app.lane, outermost


class _NoEvent:
    """An event that nothing waits for."""

    def set(self) -> None:
        """Do nothing."""


class _Exchange:
    """The prediction that a connection waits for, in the place of Uvicorn's cycle of request and response."""

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

    message_event = _NoEvent()

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
        """Take a request whose body has `received` bytes."""
        self.response_complete = False
        self.received = received
        self.started = time.perf_counter()
        self._wire._lane.begin()

    def reply(self, reply: Reply) -> None:
        """Write the response."""
        wire = self._wire
        self.response_complete = True
        wire._lane.end(reply, time.perf_counter() - self.started, self.received)
        if self.disconnected or wire.transport.is_closing():  # the client has left, or sent what is not HTTP
            return
        body = reply.body
        defaults = wire.server_state.default_headers
        if defaults is not self._defaults:  # they hold the date: Uvicorn replaces them every second
            self._defaults, self._ok = defaults, _head(200, defaults)
        head = self._ok if reply.status == 200 else _head(reply.status, defaults)
        end = b"\r\n\r\n" if self.keep_alive else b"\r\nconnection: close\r\n\r\n"
        if reply.headers:
            end = b"".join(b"\r\n%b: %b" % header for header in reply.headers) + end
        wire.transport.write(b"%b%d\r\ncontent-type: %b%b%b" % (head, len(body), reply.media_type, end, body))
        if self.keep_alive:
            wire._end_exchange()
        else:
            wire.transport.close()
            wire.on_response_complete()


def _head(status: int, defaults: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A response up to the value of its content-length."""
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % pair for pair in defaults), b"content-length: "]
    return b"".join(lines)
