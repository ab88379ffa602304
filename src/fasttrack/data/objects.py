"""Files in object stores: `s3://`, `gs://`, `abfs://`; keys, region and endpoint come from the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from fasttrack.data.file import File
from fasttrack.data.files import is_table, one_format, part_of
from fasttrack.data.filesystems import open_files
from fasttrack.data.partitions import partitions
from fasttrack.errors import DataError
from fasttrack.urls import has_ambiguous_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.data.filesystems import ObjectFiles
    from fasttrack.data.part import Part
    from fasttrack.data.request import Request

__all__ = ["object_parts"]

_MAGIC = re.compile(r"[*?\[]")


def object_parts(request: Request) -> list[Part]:
    """Each object that a URL names: one, all below a folder, or those that match a pattern, in the order of the names.

    Raises DataError saying what could not be read.
    """
    name = redact_url(request.source)
    scheme, _, place = request.source.partition("://")
    scheme = scheme.lower()
    container = scheme.startswith("abfs")  # which stands before an @, where others have a key
    if has_ambiguous_password(request.source) or ("@" in urlsplit(request.source).netloc and not container):
        raise DataError(f"{name}: keys have no place in an address; set them in the environment")
    try:
        store, path = open_files(scheme, place)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
    try:
        base, objects = _objects(store, path, name)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {store.reason(error)}") from None
    folders = partitions([one.removeprefix(base) for one in objects])
    return [part_of(_file(store, one, scheme, columns), request) for one, columns in zip(objects, folders, strict=True)]


def _file(store: ObjectFiles, path: str, scheme: str, folders: Mapping[str, pa.Scalar]) -> File:
    name = f"{scheme}://{path}"

    def fault(error: Exception) -> DataError | None:
        return DataError(f"{name} cannot be read: {store.reason(error)}") if store.is_its(error) else None

    return File(name, path.rpartition("/")[2], lambda: store.files.open_input_file(path), fault, folders)


def _objects(store: ObjectFiles, path: str, name: str) -> tuple[str, list[str]]:
    """The folder that was named, with its end, and the tables in it."""
    found = _MAGIC.search(path)
    if found is None:
        info = store.files.get_file_info(path.rstrip("/"))
        if info.type == fs.FileType.File:
            return path.rpartition("/")[0] + "/", [path]
        if info.type == fs.FileType.NotFound:
            _check_bucket(store, path, name)
            raise DataError(f"{name} does not exist; check the name below the {store.bucket}")
        base = path.rstrip("/") + "/"
        objects = [one for one in _below(store, base) if is_table(one.removeprefix(base))]
    else:
        base = path[: found.start()].rpartition("/")[0] + "/"
        wanted = _matcher(path)
        objects = [one for one in _below(store, base) if wanted.fullmatch(one)]
        if not objects:
            _check_bucket(store, path, name)
            raise DataError(f"no object matches {name}; check the {store.bucket} and the pattern")
    one_format(objects, name)
    return base, sorted(objects)


def _check_bucket(store: ObjectFiles, path: str, name: str) -> None:
    bucket = path.partition("/")[0]
    if store.files.get_file_info(bucket).type == fs.FileType.NotFound:
        raise DataError(f"{name}: there is no {store.bucket} {bucket}; check {store.advice}")


def _matcher(pattern: str) -> re.Pattern[str]:
    """As in a local path: `*` stays within one folder, `**/` is any number of them."""
    signs = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", pattern)
    classes = {part: part.replace("[!", "[^", 1) for part in parts if part.startswith("[") and part.endswith("]")}
    return re.compile("".join(signs.get(part) or classes.get(part) or re.escape(part) for part in parts))


def _below(store: ObjectFiles, base: str) -> list[str]:
    listed = store.files.get_file_info(fs.FileSelector(base.rstrip("/"), recursive=True, allow_not_found=True))
    return [info.path for info in listed if info.type == fs.FileType.File]
