"""What is to be read, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """A source, with further spellings of a missing value, and kinds of columns; of a database what to select."""

    source: str
    nulls: Sequence[str] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    query: str | None = None
    table: str | None = None
