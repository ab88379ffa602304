"""Tables in files on this machine: which files a path, folder or pattern names, and how each is read."""

from __future__ import annotations

import glob
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.data.file import TableFile
from fasttrack.data.partitions import folder_columns
from fasttrack.errors import DataError
from fasttrack.extras import install_command
from fasttrack.file_formats import find_format, format_ending, format_endings
from fasttrack.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

__all__ = ["check_one_format", "is_table_file", "local_parts", "open_part"]

_SIMILAR = 0.75
"""Names of files are often alike (sales_2023.csv, sales_2024.csv), so only very similar ones are suggested."""


def local_parts(request: ReadRequest) -> list[TablePart]:
    """Each file that the source names, in the order of the names.

    Raises DataError when there is none, the formats are mixed, or a folder cannot be read.
    """
    source = request.source
    try:
        files = _find_files(source)
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; check the path and its permissions") from None
    is_folder = Path(source).is_dir()
    columns = folder_columns([file.relative_to(source).as_posix() if is_folder else file.as_posix() for file in files])
    return [
        open_part(_table_file(file, source if files == [Path(source)] else str(file), of_folders), request)
        for file, of_folders in zip(files, columns, strict=True)
    ]


def open_part(file: TableFile, request: ReadRequest) -> TablePart:
    """The reader of a file, by the ending of its name. Raises DataError when that is not a known format's."""
    file_format = find_format(file.file_name)
    if file_format is None:
        raise DataError(
            f"{file.name}: its ending is not that of a format that can be read; use {_endings()}, also compressed"
        )
    if file_format.driver and find_spec(file_format.driver) is None:
        command = install_command(file_format.driver)
        raise DataError(f"{file.name} cannot be read: it needs {file_format.driver}; install it with: {command}")
    unused = [f"--{option}" for option in request.reading.given() if option not in file_format.reads]
    if unused:
        raise DataError(f"{file.name} cannot be read with {' and '.join(unused)}; leave it out")
    part: TablePart = file_format.open(file, request)
    return part


def check_one_format(files: Sequence[str], source: str) -> None:
    """Raise DataError when there are no files, or files of several formats."""
    if not files:
        raise DataError(f"{source} is a folder without tables; it needs {_endings()} files")
    formats = map(find_format, files)
    if len({file_format.name if file_format is not None else None for file_format in formats}) > 1:
        endings = sorted({format_ending(file) for file in files})
        raise DataError(f"{source} mixes {', '.join(endings)} files; name those of one format by a pattern")


def is_table_file(path: str) -> bool:
    """Whether a file, by its path below the folder that is the table, is part of the table.

    Hidden files are not: macOS leaves `._sales.csv` beside `sales.csv`, Spark `_SUCCESS`, an open Excel `~$sales.xlsx`.
    """
    return not any(part.startswith((".", "_", "~$")) for part in path.split("/")) and find_format(path) is not None


def _endings() -> str:
    return ", ".join(format_endings())


def _table_file(path: Path, name: str, of_folders: Mapping[str, pa.Scalar]) -> TableFile:
    def storage_error(error: Exception) -> DataError | None:
        reason = getattr(error, "strerror", None)  # an error without it is Arrow's, about the content
        return DataError(f"{name} cannot be read: {reason}; check the file and its permissions") if reason else None

    return TableFile(name, path.name, lambda: path.open("rb"), storage_error, of_folders)


def _find_files(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        next(path.iterdir(), None)  # raises where rglob finds nothing, without an error: an unreadable folder
        files = [
            file for file in path.rglob("*") if is_table_file(file.relative_to(path).as_posix()) and file.is_file()
        ]
    elif path.exists():
        return [path]
    elif any(sign in source for sign in "*?["):
        matches = map(Path, glob.glob(source, recursive=True))  # noqa: PTH207  # also absolute patterns
        files = [file for file in matches if file.is_file()]
        if not files:
            raise DataError(f"no file matches {source}; check the pattern and the folder you are in")
    else:
        siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, siblings, cutoff=_SIMILAR) or "; check the name and the folder"
        raise DataError(f"{source} does not exist{hint}")
    check_one_format([file.name for file in files], source)
    return sorted(files)
