"""Files, folders and patterns: which files are meant, and how each is read, by the ending of its name."""

from __future__ import annotations

import glob
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.data.compression import COMPRESSED
from fasttrack.data.csv import csv_names, read_csv
from fasttrack.data.file import File
from fasttrack.data.jsonl import json_names, read_json
from fasttrack.data.parquet import ParquetPart
from fasttrack.data.partitions import partitions
from fasttrack.data.whole import Format, WholePart, content_of
from fasttrack.errors import DataError
from fasttrack.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.data.part import Part
    from fasttrack.data.request import Request

__all__ = ["endings", "is_table", "local_parts", "one_format", "part_of"]

_CSV = Format(csv_names, read_csv, written=True)
_JSON = Format(json_names, read_json)
_FORMATS: dict[str, Format | None] = {
    ".csv": _CSV,
    ".tsv": _CSV,
    ".txt": _CSV,
    ".parquet": None,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".json": _JSON,
}
"""By the ending of a name; Parquet is the one that is not read whole."""


def local_parts(request: Request) -> list[Part]:
    """Each file that the source names, in the order of the names.

    Raises DataError when there is none, the formats are mixed, or a folder cannot be read.
    """
    source = request.source
    try:
        files = _files(source)
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; check the path and its permissions") from None
    inside = Path(source).is_dir()
    folders = partitions([file.relative_to(source).as_posix() if inside else file.as_posix() for file in files])
    return [
        part_of(_file(file, source if files == [Path(source)] else str(file), columns), request)
        for file, columns in zip(files, folders, strict=True)
    ]


def _file(path: Path, name: str, folders: Mapping[str, pa.Scalar]) -> File:
    def fault(error: Exception) -> DataError | None:
        reason = getattr(error, "strerror", None)  # what has none is Arrow's word on the content
        return DataError(f"{name} cannot be read: {reason}; check the file and its permissions") if reason else None

    return File(name, path.name, lambda: path.open("rb"), fault, folders)


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
        advice = did_you_mean(path.name, there, cutoff=0.75) or "; check the name and the folder"
        raise DataError(f"{source} does not exist{advice}")
    one_format([file.name for file in found], source)
    return sorted(found)


def part_of(file: File, request: Request) -> Part:
    """How the rows of a file are had, by the ending of its name. Raises DataError when that says no format."""
    ending = _ending(file.file)
    if ending not in _FORMATS:
        raise DataError(f"{file.name}: the ending says no format that can be read; use {endings()}, also compressed")
    packed = PurePosixPath(file.file).suffix.lower()
    packed = packed if packed in COMPRESSED else ""
    form = _FORMATS[ending]
    if form is not None:
        return WholePart(file, form, packed, request.nulls)
    if packed:
        file = replace(file, open=partial(_unpacked, file, packed))
    return ParquetPart(file, request.nulls)


def _unpacked(file: File, packed: str) -> pa.BufferReader:
    return pa.BufferReader(content_of(file, packed))


def one_format(files: Sequence[str], source: str) -> None:
    """Raises DataError when files of a set are none, or of several formats."""
    formats = {_ending(file) for file in files}
    if not formats:
        raise DataError(f"{source} is a folder without tables; it needs {endings()} files")
    if len({_FORMATS.get(ending) for ending in formats}) > 1:
        raise DataError(f"{source} mixes {', '.join(sorted(formats))} files; name those of one format by a pattern")


def is_table(path: str) -> bool:
    """Whether a person put a table there, not the system or an editor: a Mac leaves `._sales.csv` beside it.

    `path` is taken from the folder that was named.
    """
    return not any(part.startswith((".", "_")) for part in path.split("/")) and _ending(path) in _FORMATS


def _ending(file: str) -> str:
    """What the file's name says about its format, without the ending of a compression."""
    path = PurePosixPath(file)
    return (path.with_suffix("") if path.suffix.lower() in COMPRESSED else path).suffix.lower()


def endings() -> str:
    """Those that say a format."""
    return ", ".join(_FORMATS)
