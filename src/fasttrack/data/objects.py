"""Files in object stores: `s3://`, `gs://`, `abfs://`; keys, region and endpoint come from the environment."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from fasttrack.addresses import is_ambiguous, shown
from fasttrack.data.file import File
from fasttrack.data.files import is_table, one_format, part_of
from fasttrack.data.partitions import partitions
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.data.part import Part
    from fasttrack.data.request import Request

__all__ = ["object_parts"]

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 20
_ATTEMPTS = 3
"""Of a call that got no answer: a dead endpoint is told after a minute at most, one that refuses at once."""
_MAGIC = re.compile(r"[*?\[]")


def object_parts(request: Request) -> list[Part]:
    """Each object that a URL names: one, all below a folder, or those that match a pattern, in the order of the names.

    Raises DataError saying what could not be read.
    """
    name = shown(request.source)
    scheme, _, place = request.source.partition("://")
    scheme = scheme.lower()
    container = scheme.startswith("abfs")  # which stands before an @, where others have a key
    if is_ambiguous(request.source) or ("@" in urlsplit(request.source).netloc and not container):
        raise DataError(f"{name}: keys have no place in an address; set them in the environment")
    try:
        store, path = _opened(scheme, place)
        base, objects = _objects(store, path, name)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{name} cannot be read: {_reason(error, scheme)}") from None
    folders = partitions([one.removeprefix(base) for one in objects])
    return [part_of(_file(store, one, scheme, columns), request) for one, columns in zip(objects, folders, strict=True)]


def _file(store: Any, path: str, scheme: str, folders: Mapping[str, pa.Scalar]) -> File:
    name = f"{scheme}://{path}"

    def fault(error: Exception) -> DataError | None:
        if isinstance(error, OSError) and _FROM_THE_STORE.search(str(error)):
            return DataError(f"{name} cannot be read: {_reason(error, scheme)}")
        return None

    return File(name, path.rpartition("/")[2], lambda: store.open_input_file(path), fault, folders)


def _opened(scheme: str, path: str) -> tuple[Any, str]:
    """The store of a URL, and the path in it: bucket/key."""
    if scheme == "s3":
        return _s3(), path
    if scheme in ("gs", "gcs"):
        limit = timedelta(seconds=_ANSWER_SECONDS * _ATTEMPTS)
        return fs.GcsFileSystem(anonymous=_set("GOOGLE_SKIP_SIGNATURE"), retry_time_limit=limit), path
    return _azure(path)


def _s3() -> Any:
    """By the variables that S3's own tools read; what is not among them they take from their files, as `aws` does."""
    endpoint = _first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    region = _first("AWS_REGION", "AWS_DEFAULT_REGION")
    given: dict[str, Any] = {
        "anonymous": _set("AWS_SKIP_SIGNATURE"),
        "connect_timeout": _CONNECT_SECONDS,
        "request_timeout": _ANSWER_SECONDS,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    }
    if endpoint:
        split = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        given |= {"endpoint_override": split.netloc, "scheme": split.scheme, "region": region or "us-east-1"}
    elif region:
        given["region"] = region
    return fs.S3FileSystem(**given)


def _azure(path: str) -> tuple[Any, str]:
    """`abfs://CONTAINER/PATH`, or `abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`."""
    place, slash, inside = path.partition("/")
    container, _, host = place.partition("@")
    account = host.partition(".")[0] or _first("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    if not account:
        raise ValueError("the account is not known: set AZURE_STORAGE_ACCOUNT_NAME")
    key = _first("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY")
    token = None if key else _first("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
    return fs.AzureFileSystem(account, account_key=key, sas_token=token), container + slash + inside


def _first(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")


def _objects(store: Any, path: str, name: str) -> tuple[str, list[str]]:
    """The folder that was named, with its end, and the tables in it."""
    found = _MAGIC.search(path)
    if found is None:
        info = store.get_file_info(path.rstrip("/"))
        if info.type == fs.FileType.File:
            return path.rpartition("/")[0] + "/", [path]
        if info.type == fs.FileType.NotFound:
            bucket = path.partition("/")[0]
            if store.get_file_info(bucket).type == fs.FileType.NotFound:
                raise DataError(f"{name}: there is no bucket {bucket}; check its name, the endpoint and the region")
            raise DataError(f"{name} does not exist; check the name below the bucket")
        base = path.rstrip("/") + "/"
        objects = [one for one in _below(store, base) if is_table(one.removeprefix(base))]
    else:
        base = path[: found.start()].rpartition("/")[0] + "/"
        wanted = _matcher(path)
        objects = [one for one in _below(store, base) if wanted.fullmatch(one)]
        if not objects:
            raise DataError(f"no object matches {name}; check the bucket and the pattern")
    one_format(objects, name)
    return base, sorted(objects)


def _matcher(pattern: str) -> re.Pattern[str]:
    """As in a local path: `*` stays within one folder, `**/` is any number of them."""
    signs = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", pattern)
    classes = {part: part.replace("[!", "[^", 1) for part in parts if part.startswith("[") and part.endswith("]")}
    return re.compile("".join(signs.get(part) or classes.get(part) or re.escape(part) for part in parts))


def _below(store: Any, base: str) -> list[str]:
    listed = store.get_file_info(fs.FileSelector(base.rstrip("/"), recursive=True))
    return [info.path for info in listed if info.type == fs.FileType.File]


_FROM_THE_STORE = re.compile(
    r"AWS Error|NETWORK_CONNECTION|curlCode|HTTP status|google::cloud|Azure|Path does not exist"
)
"""Signs of an error that is the store's or the network's, not the file's."""
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
}
_AZURE_KEYS = "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY"


def _reason(error: Exception, scheme: str) -> str:
    """The store's message in one line, without the trail of its calls, and what to do."""
    text = " ".join(str(error).split())
    keys = _KEYS.get(scheme, _AZURE_KEYS)
    if re.search(r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|HTTP status 40[13]|[Cc]redential|Unauthorized", text):
        return f"the store denies access; check the keys ({keys}) and what they may read"
    if re.search(r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist|container does not exist", text):
        return "the store has no such bucket; check its name, the endpoint and the region"
    if "HTTP status 301" in text or "PermanentRedirect" in text:
        return "the bucket is in another region; set AWS_REGION to it"
    network = re.search(r"curlCode: \d+, (.*?)(?:; Details: (.*))?$", text)
    if network or "NETWORK_CONNECTION" in text:
        told = (network[2] or network[1]) if network else text
        endpoint = "the endpoint (AWS_ENDPOINT_URL) and the network" if scheme == "s3" else "the network"
        return f"{re.sub(r' after [0-9]+ ms.*', '', told).rstrip('. ')}; check {endpoint}"
    told = re.sub(r"^When .*?: (?=AWS Error)| \(Request ID: .*?\)", "", text)
    return f"{told[:300].rstrip('. ')}; check the address and the keys ({keys})"
