"""The hook in front of every request: a guard lets a request through or refuses it.

Guards are asked exactly once per request, before the protocol's short way, before the fast lane and before FastAPI with
all its middleware.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import msgspec

from fasttrack.serving.problems import internal_error, problem_document
from fasttrack.serving.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Guard", "Guards", "Refusal", "RequestHead"]


class RequestHead(msgspec.Struct, frozen=True):
    """What is known of a request before its body is read.

    `method`: in upper case. `path`: decoded, without the prefix (`root_path`) under which a proxy or another app mounts
    the service. `headers`: names in lower case, in the order they came. `client`: host and port of the caller, or those
    that a trusted proxy names; None on a Unix socket.
    """

    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    client: tuple[str, int] | None

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name; None if there is none."""
        key = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for header, value in self.headers if header == key), None)


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is refused; it becomes a problem document with this status and these headers.

    `detail` is one sentence that says what the caller should do; it must not repeat values from the request.
    """

    status: int
    detail: str
    headers: Mapping[str, str] = {}

    def reply(self) -> Reply:
        """The problem document. Its type is the status in words, as `urn:fasttrack:problem:too-many-requests`."""
        phrase = HTTPStatus(self.status).phrase
        body = problem_document(phrase.lower().replace(" ", "-"), self.status, phrase, self.detail)
        headers = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()
        )
        return Reply(self.status, body, headers)


class Guard(Protocol):
    """Decides on each request, for every route: predictions, feedback, metrics, documentation, unknown paths.

    To add one, pass it to `create_app(guards=[...])`, or name a function that makes it in FASTTRACK_GUARDS as
    `module:factory`, which `fasttrack serve` and each of its workers import.

        class ApiKey:
            def check(self, request):
                if request.path != "/health/live" and request.header("x-api-key") not in KEYS:
                    return Refusal(401, "send a valid key in X-API-Key", {"www-authenticate": "ApiKey"})
    """

    def check(self, request: RequestHead) -> Refusal | None:
        """None lets the request through.

        Called on the event loop while the caller waits, so take microseconds and never block: what needs a network or a
        database belongs in an ASGI middleware. An exception refuses the request with status 500 and is logged.
        """
        ...


class Guards:
    """All guards of a service; a request is let through when none of them refuses it. False if there are none."""

    def __init__(self, guards: Iterable[Guard] = ()) -> None:
        self._checks = tuple(guard.check for guard in guards)

    def __bool__(self) -> bool:
        return bool(self._checks)

    def refusal(self, request: RequestHead) -> Reply | None:
        """The reply to a request that is refused; None if it is let through."""
        try:
            for check in self._checks:
                refusal = check(request)
                if refusal is not None:
                    return refusal.reply()
        except Exception as error:  # noqa: BLE001  # a guard that fails must not open the door
            return Reply(*internal_error(request.method, request.path, error))
        return None
