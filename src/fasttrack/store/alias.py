"""The aliases of a model's versions, and the pointer of each: the file that says which version the alias means.

`champion.json` and `challenger.json` have one format: the versions that the alias has meant, oldest first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from fasttrack.errors import StoreError

__all__ = [
    "ALIASES",
    "CHALLENGER",
    "CHAMPION",
    "Promotion",
    "Spec",
    "append_step",
    "parse_spec",
    "pointer_file",
    "read_history",
    "write_history",
]

CHAMPION = "champion"
"""The version that serves."""
CHALLENGER = "challenger"
"""The latest version that was trained and not promoted."""
ALIASES = (CHAMPION, CHALLENGER)


class Promotion(msgspec.Struct, frozen=True):
    """One step in a pointer's history: which version the alias came to mean, and when (ISO 8601, UTC)."""

    version: str
    promoted: str


class Spec(NamedTuple):
    """`NAME`, `NAME@ALIAS` or `NAME@VERSION` in its parts."""

    name: str
    alias: str | None
    """`None` where a version is named."""
    version: str
    """The version or the start of one; empty where an alias is named."""


def parse_spec(text: str) -> Spec:
    """The parts of a model specification. `NAME` alone means its champion."""
    name, _, rest = text.partition("@")
    alias = rest or CHAMPION
    return Spec(name, alias, "") if alias in ALIASES else Spec(name, None, rest)


def pointer_file(alias: str) -> str:
    """The name of an alias' pointer, beside the model's versions."""
    return f"{alias}.json"


def read_history(content: bytes | None, where: str) -> list[Promotion]:
    """The steps in a pointer's content, oldest first; `None` is a pointer that is not there.

    Raises StoreError naming `where` when the content is not a pointer's.
    """
    if content is None:
        return []
    try:
        return msgspec.json.decode(content, type=list[Promotion])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise StoreError(f"{where} cannot be read: {error}; promote a version to write it anew") from None


def write_history(history: list[Promotion]) -> bytes:
    """The content of a pointer, as indented JSON. Without a step, the alias means no version."""
    return msgspec.json.format(msgspec.json.encode(history)) + b"\n"


def append_step(history: list[Promotion], version: str) -> list[Promotion]:
    """The history after one more step, taken now. A repeated version renews the time of the last step."""
    before = history[:-1] if history and history[-1].version == version else history
    return [*before, Promotion(version, datetime.now(UTC).isoformat())]
