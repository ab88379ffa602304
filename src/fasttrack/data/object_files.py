"""Tables in object storages: which objects a URL names. Each storage's module opens its file system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from fasttrack.data.file import TableFile
from fasttrack.data.files import check_one_format, is_table_file, open_part
from fasttrack.data.partitions import folder_columns
from fasttrack.errors import DataError
from fasttrack.schemes import find_scheme, scheme_name
from fasttrack.urls import has_ambiguous_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fasttrack.data.filesystem import ObjectFileSystem
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest

    Opener = Callable[[str], tuple[ObjectFileSystem, str]]
    """What follows `://` in a URL → its file system, and the path in that: BUCKET/KEY.

    Raises ValueError, saying what to do, when the environment's settings are incomplete or invalid; OSError when no
    server listens at the endpoint.
    """

__all__ = ["object_parts"]

_PATTERN_SIGN = re.compile(r"[*?\[]")


def object_parts(request: ReadRequest, open_file_system: Opener) -> list[TablePart]:
    """Each object that a URL names, in the order of the names: one, all in a folder, or those that match a pattern.

    Raises DataError saying what cannot be read.
    """
    name = redact_url(request.source)
    scheme = find_scheme(request.source)
    holds_key = scheme is not None and scheme.user_is_secret and "@" in urlsplit(request.source).netloc
    if holds_key or has_ambiguous_password(request.source):
        raise DataError(f"{name}: an address must not contain keys; set them in the environment")
    try:
        file_system, path = open_file_system(request.source.partition("://")[2])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
    try:
        base, objects = _find_objects(file_system, path, name)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {file_system.explain(error)}") from None
    columns = folder_columns([key.removeprefix(base) for key in objects])
    prefix = f"{scheme_name(request.source)}://"
    return [
        open_part(_table_file(file_system, key, prefix, of_folders), request)
        for key, of_folders in zip(objects, columns, strict=True)
    ]


def _table_file(
    file_system: ObjectFileSystem, path: str, prefix: str, of_folders: Mapping[str, pa.Scalar]
) -> TableFile:
    name = prefix + path

    def storage_error(error: Exception) -> DataError | None:
        if not file_system.is_storage_error(error):
            return None
        return DataError(f"{name} cannot be read: {file_system.explain(error)}")

    return TableFile(
        name, path.rpartition("/")[2], lambda: file_system.files.open_input_file(path), storage_error, of_folders
    )


def _find_objects(file_system: ObjectFileSystem, path: str, name: str) -> tuple[str, list[str]]:
    """The folder that is the table, with a slash at its end, and the paths of the tables in it."""
    pattern_sign = _PATTERN_SIGN.search(path)
    if pattern_sign is None:
        info = file_system.files.get_file_info(path.rstrip("/"))
        if info.type == fs.FileType.File:
            return path.rpartition("/")[0] + "/", [path]
        if info.type == fs.FileType.NotFound:
            _check_bucket(file_system, path, name)
            raise DataError(f"{name} does not exist; check the name in the {file_system.bucket_word}")
        base = path.rstrip("/") + "/"
        objects = [key for key in _objects_in(file_system, base) if is_table_file(key.removeprefix(base))]
    else:
        base = path[: pattern_sign.start()].rpartition("/")[0] + "/"
        pattern = _compile_pattern(path)
        objects = [key for key in _objects_in(file_system, base) if pattern.fullmatch(key)]
        if not objects:
            _check_bucket(file_system, path, name)
            raise DataError(f"no object matches {name}; check the {file_system.bucket_word} and the pattern")
    check_one_format(objects, name)
    return base, sorted(objects)


def _check_bucket(file_system: ObjectFileSystem, path: str, name: str) -> None:
    bucket = path.partition("/")[0]
    if file_system.files.get_file_info(bucket).type == fs.FileType.NotFound:
        raise DataError(f"{name}: there is no {file_system.bucket_word} {bucket}; check {file_system.bucket_advice}")


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    """As in a local path: `*` stays within one folder, `**/` is any number of folders."""
    signs = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", pattern)
    classes = {part: part.replace("[!", "[^", 1) for part in parts if part.startswith("[") and part.endswith("]")}
    return re.compile("".join(signs.get(part) or classes.get(part) or re.escape(part) for part in parts))


def _objects_in(file_system: ObjectFileSystem, base: str) -> list[str]:
    selector = fs.FileSelector(base.rstrip("/"), recursive=True, allow_not_found=True)
    return [info.path for info in file_system.files.get_file_info(selector) if info.type == fs.FileType.File]
