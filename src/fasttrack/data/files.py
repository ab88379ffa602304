"""Files, folders and patterns → tables: which files are meant, and who reads each, by the ending of its name."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.data.compression import COMPRESSED, decompressed
from fasttrack.data.csv import read_csv
from fasttrack.data.jsonl import read_json
from fasttrack.data.names import near
from fasttrack.data.parquet import read_parquet
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from fasttrack.contract.schema import Kind

    Reader = Callable[[bytes, str, Sequence[str], Mapping[str, Kind]], pa.Table]
    """(content, name for messages, further nulls, kinds) → table; columns with a kind are read as they are written."""

__all__ = ["read_files"]

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
}


def read_files(source: str, nulls: Sequence[str], kinds: Mapping[str, Kind]) -> Iterator[tuple[str, pa.Table]]:
    """Each file that `source` names, in the order of the names, with its table as it is stored.

    Raises DataError when there is none, the formats are mixed, or a file cannot be read.
    """
    try:
        files = _files(source)
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; check the path and its permissions") from None
    for file in files:
        name = source if files == [Path(source)] else str(file)
        yield name, _read(file, name, nulls, kinds)


def _files(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        next(path.iterdir(), None)  # rglob finds nothing, silently, in a folder that may not be read
        found = [file for file in path.rglob("*") if _is_table(file, path)]
        if not found:
            raise DataError(f"{source} is a folder without tables; it needs {_endings()} files")
    elif path.exists():
        return [path]
    elif any(sign in source for sign in "*?["):
        named = map(Path, glob.glob(source, recursive=True))  # noqa: PTH207  # also absolute patterns
        found = [file for file in named if file.is_file()]
        if not found:
            raise DataError(f"no file matches {source}; check the pattern and the folder you are in")
    else:
        there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        advice = near(path.name, there, alike=0.75) or "; check the name and the folder"
        raise DataError(f"{source} does not exist{advice}")
    formats = {_ending(file) for file in found}
    if len({_READERS.get(ending) for ending in formats}) > 1:
        raise DataError(f"{source} mixes {', '.join(sorted(formats))} files; name those of one format by a pattern")
    return sorted(found)


def _read(file: Path, name: str, nulls: Sequence[str], kinds: Mapping[str, Kind]) -> pa.Table:
    reader = _READERS.get(_ending(file))
    if reader is None:
        raise DataError(f"{name}: the ending says no format that can be read; use {_endings()}, also compressed")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}; check the file and its permissions") from None
    if content and file.suffix.lower() in COMPRESSED:
        content = decompressed(content, file.suffix.lower(), name)
    if not content:
        raise DataError(f"{name} is empty; check that it was written whole")
    return reader(content, name, nulls, kinds)


def _ending(file: Path) -> str:
    """What the file's name says about its format, without the ending of a compression."""
    if file.suffix.lower() in COMPRESSED:
        file = file.with_suffix("")
    return file.suffix.lower()


def _endings() -> str:
    return ", ".join(_READERS)


def _is_table(file: Path, folder: Path) -> bool:
    """Whether a person put a table there, not the system or an editor: a Mac leaves `._sales.csv` beside it."""
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and _ending(file) in _READERS and file.is_file()
