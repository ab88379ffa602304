"""The operations of an object storage that a store needs, each in bounded time and with one-line errors.

One client for S3, Google Cloud Storage and Azure (obstore); keys, region and endpoint come from the environment, as for
their own tools.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from fasttrack.errors import StoreError, StoreUnreachable
from fasttrack.object_storage import Endpoint, azure_account, google_storage, s3_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["PART", "Bucket", "Conflict", "Entry"]

PART = 8 * 1024 * 1024
"""Bytes in one request: as many as a slow connection transfers within the time limit of a request."""
_CONCURRENT_PARTS = 4
"""Parts of one large file that are sent at the same time."""
_DIGEST = "sha256"
_QUICK = (timedelta(seconds=3), timedelta(seconds=10), 2, timedelta(seconds=10))
"""Limits of a small request: time to connect, time in all, retries, and the time after which no retry begins."""
_BULK = (timedelta(seconds=3), timedelta(seconds=120), 5, timedelta(seconds=60))
"""The same limits of a request that transfers a file or a part of one."""

_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound")
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthenticationFailed")


class Conflict(Exception):
    """Another process wrote the object in between."""


class Entry(NamedTuple):
    """An object: its key below the store, its size in bytes, and when it was written."""

    key: str
    size: int
    written: datetime
    e_tag: str | None
    version: str | None


class Bucket:
    """The objects below a URL such as `s3://bucket/prefix`. The first request is sent by the first call.

    Every method raises StoreUnreachable when the storage does not answer, and StoreError when it refuses.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore import exceptions, store
        except ModuleNotFoundError:
            raise StoreError(
                f"store {url} needs the package obstore, which is not installed here; "
                "pip install 'fasttrack-mlops[objects]'"
            ) from None
        self.url = url
        self._storage = _STORAGES[urlsplit(url).scheme]
        self._obstore, self._exceptions = obstore, exceptions
        try:
            access = self._storage.access()
        except ValueError as error:
            raise StoreError(f"store {url} cannot be used: {error}") from None
        try:
            self._endpoint = access.endpoint
            self._quick, self._bulk = (_client(store, url, access, *limits) for limits in (_QUICK, _BULK))
        except (exceptions.BaseError, ValueError, OSError) as error:
            reason = str(error).split("\n")[0].rstrip(". ")
            raise StoreError(
                f"store {url} cannot be used: {reason}; check its address, and {self._storage.advice}"
            ) from None

    def entries(self, prefix: str = "") -> list[Entry]:
        """All objects below a prefix, which ends with a slash."""
        with self._errors_where_all_exist():
            pages = self._obstore.list(self._quick, prefix or None)
            return [_entry(meta) for page in pages for meta in page]

    def head(self, key: str) -> Entry | None:
        """An object's entry, without its content; `None` if there is no such object."""
        try:
            with self._errors():
                return _entry(self._obstore.head(self._quick, key))
        except FileNotFoundError:
            return None

    def digest(self, key: str) -> str | None:
        """The SHA-256 (hex) that an object was sent with; `None` if there is no such object, or it was sent without."""
        try:
            with self._errors():
                attributes = self._obstore.get(self._quick, key, options={"head": True}).attributes
        except FileNotFoundError:
            return None
        return {name.lower(): str(value) for name, value in attributes.items()}.get(_DIGEST)

    def read(self, key: str) -> tuple[bytes, Entry] | None:
        """The content and entry of a small object; `None` if there is no such object."""
        try:
            with self._errors():
                reply = self._obstore.get(self._quick, key)
                return bytes(reply.bytes()), _entry(reply.meta)
        except FileNotFoundError:
            return None

    def read_part(self, key: str, start: int, end: int) -> bytes | None:
        """The bytes from `start` up to `end` or to the object's end; `None` if there is no such object."""
        try:
            with self._errors():
                return bytes(self._obstore.get_range(self._bulk, key, start=start, end=end))
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes, *, instead_of: Entry | None) -> None:
        """Write a small object if the object is still `instead_of`, or still missing (`None`).

        Raises Conflict when another process wrote it in between.
        """
        mode: Any = "create"
        if instead_of is not None:
            mode = {name: getattr(instead_of, name) for name in ("e_tag", "version") if getattr(instead_of, name)}
        try:
            with self._errors():
                self._obstore.put(self._quick, key, content, mode=mode)
        except FileNotFoundError:  # the object that was read is gone
            raise Conflict from None

    def overwrite(self, key: str, content: bytes) -> None:
        """Write a small object, whether or not it exists."""
        with self._errors_where_all_exist():
            self._obstore.put(self._quick, key, content)

    def send(self, path: Path, key: str, sha256: str, sent: Callable[[int], None]) -> None:
        """Write a file as an object, in parts if it is large; `sent` is called with the bytes of each part."""
        with path.open("rb") as file, self._errors_where_all_exist():
            first = file.read(PART)
            attributes = {_DIGEST: sha256}
            if len(first) < PART:
                self._obstore.put(self._bulk, key, first, attributes=attributes, use_multipart=False)
                sent(len(first))
                return

            def parts() -> Iterator[bytes]:
                part = first
                while part:
                    yield part
                    sent(len(part))
                    part = file.read(PART)

            self._obstore.put(
                self._bulk, key, parts(), attributes=attributes, chunk_size=PART, max_concurrency=_CONCURRENT_PARTS
            )

    def remove(self, keys: list[str]) -> None:
        """Remove objects; an object that is already gone is no error."""
        for key in keys:  # one by one: except for S3, the storages stop at an object that is missing
            with suppress(FileNotFoundError), self._errors():
                self._obstore.delete(self._quick, key)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if code := _NO_BUCKET.search(str(error)):
                raise self._refusal(code[0], "") from None
            raise
        except (self._exceptions.PreconditionError, self._exceptions.AlreadyExistsError):
            raise Conflict from None
        except (self._exceptions.BaseError, OSError, ValueError) as error:
            raise self._failure(error) from None
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # a defect of the client; there is no class to import
                raise self._refusal("", "") from None
            raise

    @contextmanager
    def _errors_where_all_exist(self) -> Iterator[None]:
        """As `_errors`, where nothing but the bucket can be missing."""
        try:
            with self._errors():
                yield
        except FileNotFoundError:
            raise self._refusal("", "404") from None

    def _failure(self, error: Exception) -> StoreError:
        """The error in one line: the client's own text is a page long and may hold secrets."""
        text = str(error)
        code = re.search(r"<Code>(\w+)</Code>", text)
        status = re.search(r"status code: (\d+)", text)
        # without keys in the environment, the client asks the machine's own metadata service for them
        if code is None and ("169.254.169.254" in text or "metadata.google" in text):
            return StoreError(f"store {self.url}: no credentials were found; {self._storage.advice}")
        if status is None and isinstance(error, (self._exceptions.GenericError, OSError)):
            problem = "timed out" if re.search(r"[Tt]imeout|TimedOut|timed out", text) else "cannot be reached"
            if "onnection refused" in text or "ConnectionRefused" in text:
                problem = "refused the connection"
            elif "dns error" in text or "failed to lookup" in text:
                problem = "has an unknown host name"
            server = self._endpoint.url if self._endpoint else "the service"
            return StoreUnreachable(
                f"store {self.url} does not answer: {server} {problem}; "
                f"check the network{f' and {self._endpoint.variable}' if self._endpoint else ''}"
            )
        return self._refusal(code[1] if code else "", status[1] if status else "")

    def _refusal(self, code: str, status: str) -> StoreError:
        reason = code or status
        if _NO_BUCKET.fullmatch(code):
            return StoreError(
                f"store {self.url}: there is no such {self._storage.bucket}; create it, or correct its name"
            )
        if code in _WRONG_KEYS or status == "401":
            return StoreError(f"store {self.url}: the keys are refused ({reason}); {self._storage.advice}")
        if code == "AccessDenied" or status == "403":
            return StoreError(f"store {self.url}: access is denied ({reason}); check the keys and their permissions")
        if status.startswith("5") or status == "429":
            return StoreUnreachable(
                f"store {self.url} does not answer: it is busy or broken ({reason}); try again later"
            )
        return StoreError(
            f"store {self.url} cannot be used{f' ({reason})' if reason else ''}; check its address{self._storage.check}"
        )


def _entry(meta: Any) -> Entry:
    return Entry(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"], meta["version"])


class _Access(NamedTuple):
    """The endpoint that the environment names, and the other settings of the client.

    `credentials`: a function that returns them, instead of those that the client would find by itself.
    """

    endpoint: Endpoint | None
    config: dict[str, Any]
    credentials: Callable[[], Any] | None = None


class _Storage(NamedTuple):
    """What differs between the storages."""

    access: Callable[[], _Access]
    bucket: str
    advice: str
    """How to set the keys."""
    check: str = ""
    """What else to check beside the address."""


def _s3() -> _Access:
    endpoint = s3_endpoint()
    return _Access(endpoint, {"endpoint": endpoint.url} if endpoint else {})


def _google() -> _Access:
    storage = google_storage()
    config: dict[str, Any] = {"base_url": storage.endpoint.url} if storage.endpoint else {}
    if storage.anonymous and storage.endpoint:
        # with `skip_signature` alone the client can read, but asks Google for a token to write
        account = {"gcs_base_url": storage.endpoint.url, "disable_oauth": True}
        account |= dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        config["service_account_key"] = json.dumps(account)
    elif storage.anonymous:
        config["skip_signature"] = True
    return _Access(storage.endpoint, config)


def _azure() -> _Access:
    """Every setting is given: the client would look for an emulator by itself, and read only one of the endpoints."""
    account = azure_account()
    config: dict[str, Any] = {"account_name": account.name, "use_emulator": False}
    if account.endpoint:
        config["endpoint"] = account.endpoint.url
    if account.key:
        config["account_key"] = account.key
    if not account.token:
        return _Access(account.endpoint, config)
    # a token in the configuration would be ignored if the environment also holds a key or an identity
    return _Access(account.endpoint, config, lambda: {"sas_token": account.token, "expires_at": None})


_STORAGES = {
    "s3": _Storage(_s3, "bucket", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", " and region"),
    "gs": _Storage(_google, "bucket", "set GOOGLE_APPLICATION_CREDENTIALS"),
    "az": _Storage(_azure, "container", "set AZURE_STORAGE_ACCOUNT_NAME and its key"),
}


def _client(
    store: Any,
    url: str,
    access: _Access,
    connect: timedelta,
    whole: timedelta,
    retries: int,
    until: timedelta,
) -> Any:
    return store.from_url(
        url,
        config=access.config or None,
        credential_provider=access.credentials,
        client_options={
            "allow_http": access.endpoint is not None and access.endpoint.scheme == "http",
            "connect_timeout": connect,
            "timeout": whole,
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": until,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
    )
