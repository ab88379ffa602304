"""The file formats that tables are read from: one row each, by the ending of a file's name.

To add a format, write a module that reads it and add a row here. A module is named, not imported, until a file of its
format is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from pkgutil import resolve_name
from typing import Any

__all__ = [
    "COMPRESSIONS",
    "FORMATS",
    "FileFormat",
    "compression_of",
    "find_format",
    "format_ending",
    "format_endings",
    "format_names",
]

COMPRESSIONS = (".gz", ".bz2", ".zst", ".xz")
"""The endings of compressed files, which `data.compression` reads; each format may be compressed."""


@dataclass(frozen=True)
class FileFormat:
    """One format, and how its files are recognised and read."""

    name: str
    endings: tuple[str, ...]
    """Of file names, in lower case, with the dot."""
    opener: str
    """`module:function`, called with a `TableFile` and the `ReadRequest`; returns a `TablePart`."""
    reads: tuple[str, ...] = ()
    """The fields of `ReadOptions` that say how its files are read."""
    driver: str = ""
    """The module that the opener imports and that an extra installs; `extras.EXTRAS` says which."""
    media_types: Mapping[str, str] = field(default_factory=dict)
    """What a web server calls it → the ending that such a file gets, where its own name has none."""

    def open(self, *arguments: Any) -> Any:
        """Call the opener, which is imported now."""
        return resolve_name(self.opener)(*arguments)


FORMATS = (
    FileFormat(
        "CSV",
        (".csv", ".tsv", ".txt", ".data"),
        "fasttrack.data.csv:csv_part",
        ("delimiter", "encoding", "header"),
        media_types={"text/csv": ".csv", "text/tab-separated-values": ".tsv"},
    ),
    FileFormat(
        "Parquet",
        (".parquet",),
        "fasttrack.data.parquet:ParquetPart",
        media_types={"application/vnd.apache.parquet": ".parquet"},
    ),
    FileFormat(
        "JSON Lines",
        (".jsonl", ".ndjson", ".json"),
        "fasttrack.data.jsonl:json_part",
        ("encoding",),
        media_types={"application/json": ".json", "application/jsonl": ".jsonl", "application/x-ndjson": ".jsonl"},
    ),
    FileFormat(
        "Excel",
        (".xlsx", ".xlsm"),
        "fasttrack.data.excel:excel_part",
        ("sheet", "header"),
        "python_calamine",
        {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx"},
    ),
    FileFormat(
        "Feather",
        (".feather", ".arrow"),
        "fasttrack.data.feather:FeatherPart",
        media_types={
            "application/vnd.apache.arrow.file": ".arrow",
            "application/vnd.apache.arrow.stream": ".arrow",
        },
    ),
    FileFormat(
        "ZIP",
        (".zip",),
        "fasttrack.data.zip_archive:zip_part",
        ("delimiter", "encoding", "sheet", "header"),  # those of the file in it
        media_types={"application/zip": ".zip"},
    ),
)


def find_format(file_name: str) -> FileFormat | None:
    """The format of a file, by the ending of its name; `None` if no row has that ending."""
    ending = format_ending(file_name)
    return next((format_ for format_ in FORMATS if ending in format_.endings), None)


def format_ending(file_name: str) -> str:
    """The ending that names the format, without that of a compression, in lower case: `.csv` of `a.CSV.gz`."""
    path = PurePosixPath(file_name)
    return (path.with_suffix("") if compression_of(file_name) else path).suffix.lower()


def compression_of(file_name: str) -> str:
    """The ending of a compressed file's name, in lower case; empty if it is not compressed."""
    ending = PurePosixPath(file_name).suffix.lower()
    return ending if ending in COMPRESSIONS else ""


def format_endings() -> list[str]:
    """The endings of all formats, as messages list them."""
    return [ending for format_ in FORMATS for ending in format_.endings]


def format_names() -> str:
    """`CSV, Parquet, JSON Lines`."""
    return ", ".join(format_.name for format_ in FORMATS)
