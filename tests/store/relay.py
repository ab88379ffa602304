"""A way to a server that counts what passes, can be made slow, and can be cut."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time

__all__ = ["Relay"]

_CHUNK = 64 * 1024


class Relay:
    """Listens on a free port of this machine and hands everything on to another one.

    `sent` and `received` count bytes, as the clients see them. `rate` is bytes a second, each way.
    """

    def __init__(self, port: int, rate: float = float("inf")) -> None:
        self.rate = rate
        self.sent = self.received = 0
        self._to = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ending: set[socket.socket] = set()
        """Ends that have hung up, of connections whose other end has not."""
        self._passing = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = self._accept_in_thread()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Refuse connections from now on, and break those that are open."""
        self._listener.close()
        # a thread that waits in accept() notices a closed listener with the next connection only
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._accepting.join(10)
        with self._lock:
            open_now = list(self._open)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Accept connections again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = self._accept_in_thread()

    def drain(self, seconds: float = 60) -> None:
        """Wait until the server has received all that killed clients sent, and has closed their connections."""
        self.rate = float("inf")
        deadline = time.monotonic() + seconds
        while self._busy():
            assert time.monotonic() < deadline, "the relay still has something to hand on"
            time.sleep(0.02)

    def _busy(self) -> bool:
        """Whether bytes wait or are on their way, or a client has hung up and the server has not."""
        with self._lock:
            if self._ending or self._passing:
                return True
            open_now = [connection for connection in self._open if connection.fileno() >= 0]
        return bool(select.select(open_now, [], [], 0)[0])

    def _accept_in_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        thread.start()
        return thread

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                if listener.fileno() < 0:
                    client.close()
                    return
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            with self._lock:
                self._open |= {client, server}
            for source, sink, way in ((client, server, "sent"), (server, client, "received")):
                threading.Thread(target=self._pump, args=(source, sink, way), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            # bytes stay in the socket, where `_busy` sees them, until they are counted as passing
            while source.recv(1, socket.MSG_PEEK):
                with self._lock:
                    self._passing += 1
                try:
                    content = source.recv(_CHUNK)
                    sink.sendall(content)
                    with self._lock:
                        setattr(self, way, getattr(self, way) + len(content))
                    time.sleep(len(content) / self.rate)
                finally:
                    with self._lock:
                        self._passing -= 1
        self._end(source, sink)

    def _end(self, source: socket.socket, sink: socket.socket) -> None:
        """Hang up where `source` did; the connection is closed when both ends have hung up."""
        with self._lock:
            last = sink in self._ending
            self._ending ^= {sink if last else source}
            if last:
                self._open -= {source, sink}
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR if last else socket.SHUT_WR)
        if last:
            source.close()
            sink.close()
