"""A way to a server that counts what passes, can be made slow, and can be cut."""

from __future__ import annotations

import contextlib
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
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Accept connections again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = self._accept_in_thread()

    def drain(self) -> None:
        """Wait until what killed clients have left in the way is through."""
        self.rate = float("inf")
        passed = -1
        while passed != self.sent + self.received:
            passed = self.sent + self.received
            time.sleep(0.2)

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
            self._open |= {client, server}
            for source, sink, way in ((client, server, "sent"), (server, client, "received")):
                threading.Thread(target=self._pump, args=(source, sink, way), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(_CHUNK):
                sink.sendall(content)
                with self._lock:
                    setattr(self, way, getattr(self, way) + len(content))
                time.sleep(len(content) / self.rate)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        for one in (source, sink):
            self._open.discard(one)
            one.close()
