"""A champion's pointer: the promotions of a model, as `champion.json` holds them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from fasttrack.errors import StoreError

__all__ = ["POINTER", "Promotion", "read_history", "with_champion", "write_history"]

POINTER = "champion.json"


class Promotion(msgspec.Struct, frozen=True):
    """One step in a pointer's history: which version became champion, and when (ISO 8601, UTC)."""

    version: str
    promoted: str


def read_history(content: bytes | None, where: str) -> list[Promotion]:
    """The promotions that a pointer's content tells, oldest first; `None` is a pointer that is not there.

    Raises StoreError, which names `where`, for content that is no pointer's.
    """
    if content is None:
        return []
    try:
        return msgspec.json.decode(content, type=list[Promotion])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise StoreError(f"{where} cannot be read: {error}; promote a version to write it anew") from None


def write_history(history: list[Promotion]) -> bytes:
    """The content of a pointer, as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(history)) + b"\n"


def with_champion(history: list[Promotion], version: str) -> list[Promotion]:
    """The history after one more promotion, which happens now."""
    # promoted again, it is still the one promoted last
    before = history[:-1] if history and history[-1].version == version else history
    return [*before, Promotion(version, datetime.now(UTC).isoformat())]
