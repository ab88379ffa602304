"""A table in a ZIP archive: the one file in it whose format is known."""

from __future__ import annotations

import dataclasses
import zipfile
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.data.compression import check_expansion
from fasttrack.data.files import is_table_file, open_part
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from fasttrack.data.file import TableFile
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

__all__ = ["zip_part"]

_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, pa.ArrowException)
_MOST_LISTED = 5


def zip_part(file: TableFile, request: ReadRequest) -> TablePart:
    """The only table in an archive, read by its own format. Raises DataError, also when there are none or several."""
    try:
        with file.open() as opened, zipfile.ZipFile(opened) as archive:
            entries = archive.infolist()
    except _DAMAGED as error:
        raise file.storage_error(error) or _damaged(file) from None
    entry = _only_table(file, [entry for entry in entries if not entry.is_dir()])
    if entry.flag_bits & _ENCRYPTED:
        raise DataError(f"{file.name} is encrypted; extract it, and name the file that was in it")
    check_expansion(entry.compress_size, entry.file_size, file.name)

    def open_member() -> pa.BufferReader:
        try:
            with file.open() as opened, zipfile.ZipFile(opened) as archive:
                # reads no more bytes than the entry promises, and compares its checksum
                return pa.BufferReader(archive.read(entry))
        except NotImplementedError:
            raise DataError(
                f"{file.name} is compressed by an unknown method; extract it, and name the file that was in it"
            ) from None
        except _DAMAGED as error:
            raise file.storage_error(error) or _damaged(file) from None

    member_name = entry.filename.rpartition("/")[2]
    return open_part(dataclasses.replace(file, file_name=member_name, open=open_member), request)


def _only_table(file: TableFile, entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    tables = [
        entry
        for entry in entries
        if is_table_file(entry.filename) and not entry.filename.lower().endswith(".zip")  # no archive in an archive
    ]
    if not tables:
        there = f"it has {_listed(entries)}" if entries else "it is empty"
        raise DataError(f"{file.name} has no table: {there}; extract it, and name the file that you mean")
    if len(tables) > 1:
        raise DataError(
            f"{file.name} has {len(tables)} tables ({_listed(tables)}); extract it, and name the file that you mean"
        )
    return tables[0]


def _listed(entries: list[zipfile.ZipInfo]) -> str:
    more = ", …" if len(entries) > _MOST_LISTED else ""
    return ", ".join(repr(entry.filename)[1:-1] for entry in entries[:_MOST_LISTED]) + more


def _damaged(file: TableFile) -> DataError:
    return DataError(f"{file.name} is not a complete .zip file; it may have been cut short: copy it again")
