"""One file, wherever it lies: how it is opened, what its folders say, and what an error of its place means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from fasttrack.errors import DataError

__all__ = ["File"]


@dataclass(frozen=True)
class File:
    """A file of bytes. `name` is for messages, the ending of `file` says the format."""

    name: str
    file: str
    open: Callable[[], Any]
    """Opens it anew, to read at any place."""
    fault: Callable[[Exception], DataError | None]
    """What to tell of an error that came from the place, such as the network; `None` for one of the content."""
    folders: Mapping[str, pa.Scalar] = field(default_factory=dict)
    """Columns that the names of its folders hold."""
