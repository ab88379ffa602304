"""Request heads that were parsed before: the same bytes mean the same again.

A client sends the same head with every prediction, but for the length of its body. Parsing it costs as much as decoding
the body; looking it up costs a tenth of that.
"""

from __future__ import annotations

__all__ = ["Heads"]

_END = b"\r\n\r\n"
_LONGEST = 1024
_MOST = 1024


class Heads:
    """Heads of requests, each with the length of its body. Takes a megabyte at most; what is forgotten is parsed."""

    def __init__(self) -> None:
        self._lengths: dict[bytes, int] = {}

    def learn(self, request: bytes, length: int) -> None:
        """Remember the head of a whole request that a parser understood: a body of `length` bytes was in it."""
        end = request.find(_END) + len(_END)
        # a body in chunks, or a request behind this one, is not what the head alone says
        if len(_END) <= end <= _LONGEST and len(request) - end == length:
            if len(self._lengths) >= _MOST:
                self._lengths.clear()
            self._lengths[request[:end]] = length

    def body(self, request: bytes) -> bytes | None:
        """The body of a request that has come whole and whose head is known, else `None`."""
        end = request.find(_END, 0, _LONGEST) + len(_END)
        if self._lengths.get(request[:end]) == len(request) - end:
            return request[end:]
        return None
