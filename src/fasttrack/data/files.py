"""Files, folders and patterns → tables: which files are meant, and who reads each, by the ending of its name."""

from __future__ import annotations

import glob
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fasttrack.data.compression import COMPRESSED, decompressed
from fasttrack.data.csv import read_csv
from fasttrack.data.jsonl import read_json
from fasttrack.data.names import near
from fasttrack.data.parquet import read_parquet
from fasttrack.data.partitions import Partitions
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from fasttrack.contract.schema import Kind
    from fasttrack.data.request import Request

    Reader = Callable[[bytes, str, Sequence[str], Mapping[str, Kind]], pa.Table]
    """(content, name for messages, further nulls, kinds) → table; columns with a kind are read as they are written."""

__all__ = ["is_table", "one_format", "read_content", "read_files"]

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
}


def read_files(request: Request) -> Iterator[tuple[str, pa.Table]]:
    """Each file that the source names, in the order of the names, with its table as it is stored.

    Raises DataError when there is none, the formats are mixed, or a file cannot be read.
    """
    source = request.source
    try:
        files = _files(source)
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; check the path and its permissions") from None
    paths = {file: file.relative_to(source).as_posix() if Path(source).is_dir() else file.as_posix() for file in files}
    partitions = Partitions(list(paths.values()))
    for file in files:
        name = source if files == [Path(source)] else str(file)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror}; check the file and its permissions") from None
        yield name, partitions.add(read_content(content, file.name, name, request), paths[file])


def _files(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        next(path.iterdir(), None)  # rglob finds nothing, silently, in a folder that may not be read
        found = [file for file in path.rglob("*") if is_table(file.relative_to(path).as_posix()) and file.is_file()]
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
    one_format([file.name for file in found], source)
    return sorted(found)


def read_content(content: bytes, file: str, name: str, request: Request) -> pa.Table:
    """The table in the content of a file called `file`; `name` is for messages. Raises DataError."""
    reader = _READERS.get(_ending(file))
    if reader is None:
        raise DataError(f"{name}: the ending says no format that can be read; use {_endings()}, also compressed")
    packed = PurePosixPath(file).suffix.lower()
    if content and packed in COMPRESSED:
        content = decompressed(content, packed, name)
    if not content:
        raise DataError(f"{name} is empty; check that it was written whole")
    return reader(content, name, request.nulls, request.kinds)


def one_format(files: Sequence[str], source: str) -> None:
    """Raises DataError when files of a set are none, or of several formats."""
    formats = {_ending(file) for file in files}
    if not formats:
        raise DataError(f"{source} is a folder without tables; it needs {_endings()} files")
    if len({_READERS.get(ending) for ending in formats}) > 1:
        raise DataError(f"{source} mixes {', '.join(sorted(formats))} files; name those of one format by a pattern")


def is_table(path: str) -> bool:
    """Whether a person put a table there, not the system or an editor: a Mac leaves `._sales.csv` beside it.

    `path` is taken from the folder that was named.
    """
    return not any(part.startswith((".", "_")) for part in path.split("/")) and _ending(path) in _READERS


def _ending(file: str) -> str:
    """What the file's name says about its format, without the ending of a compression."""
    path = PurePosixPath(file)
    return (path.with_suffix("") if path.suffix.lower() in COMPRESSED else path).suffix.lower()


def _endings() -> str:
    return ", ".join(_READERS)
