"""Files that tests of tables write and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import read_table
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fasttrack.contract.schema import KindChoice


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def refusal(
    source: str | Path, nulls: Sequence[str] = (), kinds: Mapping[str, KindChoice] | None = None, **options: Any
) -> str:
    """The one-line message of the error that reading `source` raises."""
    with pytest.raises(DataError) as caught:
        read_table(source, nulls=nulls, kinds=kinds, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)
