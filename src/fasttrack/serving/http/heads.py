"""Request heads that were parsed before: the same bytes mean the same again.

A client sends the same head with every prediction, apart from the length of its body. Parsing it costs as much as
decoding the body; looking it up costs a tenth of that. What a guard says about a head is not remembered: it is asked
about each request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Headers = Sequence[tuple[bytes, bytes]]

__all__ = ["Heads"]

_END = b"\r\n\r\n"
_LONGEST_BYTES = 1024
_MOST_HEADS = 1024


class Heads:
    """Heads of requests, each with its headers and the length of its body.

    The heads take a megabyte at most; one that is forgotten is parsed again.
    """

    def __init__(self) -> None:
        self._lengths: dict[bytes, int] = {}
        self._headers: dict[bytes, Headers] = {}

    def learn(self, request: bytes, length: int, headers: Headers) -> None:
        """Remember the head of a whole request, parsed into `headers` and a body of `length` bytes."""
        end = request.find(_END) + len(_END)
        # a body in chunks, or a request behind this one, does not follow from the head alone
        if len(_END) <= end <= _LONGEST_BYTES and len(request) - end == length:
            if len(self._lengths) >= _MOST_HEADS:
                self._lengths.clear()
                self._headers.clear()
            self._lengths[request[:end]] = length
            self._headers[request[:end]] = headers

    def body(self, request: bytes) -> bytes | None:
        """The body of a request that has come whole and whose head is known, else `None`."""
        end = request.find(_END, 0, _LONGEST_BYTES) + len(_END)
        if self._lengths.get(request[:end]) == len(request) - end:
            return request[end:]
        return None

    def headers(self, request: bytes) -> Headers:
        """The headers of a request whose head is known."""
        return self._headers[request[: request.find(_END) + len(_END)]]
