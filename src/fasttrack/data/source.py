"""From a name to a table: a file, a folder, or a pattern of files of one format."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.data.compression import decompressed
from fasttrack.data.csv import read_csv
from fasttrack.data.jsonl import read_json_array, read_json_lines
from fasttrack.data.parquet import read_parquet
from fasttrack.data.types import convert, normalise
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from fasttrack.contract.schema import Kind

__all__ = ["read_table"]

Reader = Callable[[bytes, str, Sequence[str], Sequence[str]], pa.Table]
"""(content, name for messages, further nulls, columns to keep as text) → table."""

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_array,
}
_COMPRESSED = (".gz", ".bz2", ".zst", ".xz")


def read_table(source: str | Path, *, nulls: Sequence[str] = (), kinds: Mapping[str, Kind] | None = None) -> pa.Table:
    """Read `source`: a file, a folder of files of one format, or a pattern such as `sales/*.csv`.

    The columns are float64, int64, bool, string or timestamp[us, UTC]; a column of another type stays as it is, for the
    caller to leave out. `nulls` are further spellings of a missing value in text files; `kinds` says what a column is
    where the file's own reading is wrong. Raises DataError naming the file, and the row and column where it can.
    """
    kinds = kinds or {}
    name = str(source)
    files = _files(name)
    tables: list[pa.Table] = []
    for file in files:
        shown = name if files == [Path(name)] else str(file)
        table = normalise(_read(file, shown, nulls, list(kinds)), shown)
        if tables:
            _check_same(tables[0], table, str(files[0]), shown)
        tables.append(table)
    whole = pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]
    if not whole.num_rows:
        raise DataError(f"{name} has no rows, only a header; check that it is the file you mean")
    for column in kinds:
        if column not in whole.column_names:
            raise DataError(f"{name} has no column {column!r} to set a kind for{_near(column, whole.column_names)}")
    return convert(whole, kinds, name)


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and _format(file) in _READERS)
        if not found:
            raise DataError(f"{name} is a folder without tables; it needs {_formats()} files")
    elif path.exists():
        return [path]
    elif any(sign in name for sign in "*?["):
        found = sorted(Path(file) for file in glob.glob(name, recursive=True))  # noqa: PTH207  # also absolute patterns
        if not found:
            raise DataError(f"no file matches {name}; check the pattern and the folder you are in")
    else:
        there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{name} does not exist{_near(path.name, there) or '; check the name and the folder'}")
    formats = {_format(file) for file in found}
    if len(formats) > 1:
        raise DataError(f"{name} mixes {', '.join(sorted(formats))} files; name those of one format, as {name}/*.csv")
    return found


def _read(file: Path, shown: str, nulls: Sequence[str], as_text: Sequence[str]) -> pa.Table:
    reader = _READERS.get(_format(file))
    if reader is None:
        raise DataError(f"{shown}: the ending says no format that can be read; use {_formats()}, also compressed")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{shown} cannot be read: {error.strerror}") from None
    if not content:
        raise DataError(f"{shown} is empty; check that it was written whole")
    if file.suffix.lower() in _COMPRESSED:
        content = decompressed(content, file.suffix.lower(), shown)
    return reader(content, shown, nulls, as_text)


def _format(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _formats() -> str:
    return ", ".join(_READERS)


def _check_same(first: pa.Table, table: pa.Table, one: str, other: str) -> None:
    if set(first.column_names) != set(table.column_names):
        odd = sorted(set(first.column_names) ^ set(table.column_names))
        raise DataError(f"{one} and {other} differ in the columns {', '.join(map(repr, odd))}; make them agree")
    for field in table.schema:
        before = first.schema.field(field.name).type
        kinds = {before, field.type}
        if len(kinds - {pa.null()}) > 1 and kinds != {pa.int64(), pa.float64()}:
            raise DataError(
                f"{field.name!r} is {before} in {one} but {field.type} in {other}; "
                f"make them agree, or read both as text with --kind {field.name}=category"
            )


def _near(wanted: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(wanted, there, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
