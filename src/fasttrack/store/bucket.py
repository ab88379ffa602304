"""The few things that a store asks of an object storage, each in bounded time, its errors in one line.

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
"""Bytes that are sent or asked for at once: what a slow line moves within the time limit of one request."""
_AT_ONCE = 4
"""Parts of one large file that are sent at the same time."""
_DIGEST = "sha256"
_QUICK = (timedelta(seconds=3), timedelta(seconds=10), 2, timedelta(seconds=10))
"""Of a request of some bytes: until it is connected, in all, retries, and time after which none is begun."""
_BULK = (timedelta(seconds=3), timedelta(seconds=120), 5, timedelta(seconds=60))

_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound")
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthenticationFailed")


class Conflict(Exception):
    """Somebody else wrote the object in between."""


class Entry(NamedTuple):
    """An object: its key below the store, its size in bytes, and when it was written."""

    key: str
    size: int
    written: datetime
    e_tag: str | None
    version: str | None


class Bucket:
    """The objects below a URL such as `s3://bucket/prefix`. Nothing is asked before the first call.

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
        self._kind = _KINDS[urlsplit(url).scheme]
        self._obstore, self._exceptions = obstore, exceptions
        try:
            asked = self._kind.asked()
        except ValueError as error:
            raise StoreError(f"store {url} cannot be used: {error}") from None
        try:
            self._endpoint = asked.endpoint
            self._quick, self._bulk = (_client(store, url, asked, *limits) for limits in (_QUICK, _BULK))
        except (exceptions.BaseError, ValueError, OSError) as error:
            reason = str(error).split("\n")[0].rstrip(". ")
            raise StoreError(
                f"store {url} cannot be used: {reason}; check its address, and {self._kind.advice}"
            ) from None

    def entries(self, prefix: str = "") -> list[Entry]:
        """Everything below a prefix, which ends at a slash."""
        with self._needed():
            return [_entry(one) for page in self._obstore.list(self._quick, prefix or None) for one in page]

    def look(self, key: str) -> Entry | None:
        """What is known about an object without reading it; `None` if there is none."""
        try:
            with self._told():
                return _entry(self._obstore.head(self._quick, key))
        except FileNotFoundError:
            return None

    def digest(self, key: str) -> str | None:
        """The SHA-256 (hex) that an object was sent with; `None` if there is no such object, or it has none."""
        try:
            with self._told():
                attributes = self._obstore.get(self._quick, key, options={"head": True}).attributes
        except FileNotFoundError:
            return None
        return {name.lower(): str(value) for name, value in attributes.items()}.get(_DIGEST)

    def read(self, key: str) -> tuple[bytes, Entry] | None:
        """A small object's content; `None` if there is none."""
        try:
            with self._told():
                found = self._obstore.get(self._quick, key)
                return bytes(found.bytes()), _entry(found.meta)
        except FileNotFoundError:
            return None

    def read_part(self, key: str, start: int, end: int) -> bytes | None:
        """The bytes from `start` up to `end`, or to the object's end; `None` if there is no such object."""
        try:
            with self._told():
                return bytes(self._obstore.get_range(self._bulk, key, start=start, end=end))
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes, *, instead_of: Entry | None) -> None:
        """Write a small object in place of the very one that was read, or where there was none (`None`).

        Raises Conflict when another is there by now.
        """
        mode: Any = "create"
        if instead_of is not None:
            mode = {name: getattr(instead_of, name) for name in ("e_tag", "version") if getattr(instead_of, name)}
        try:
            with self._told():
                self._obstore.put(self._quick, key, content, mode=mode)
        except FileNotFoundError:  # the one that was read is gone
            raise Conflict from None

    def overwrite(self, key: str, content: bytes) -> None:
        """Write a small object, whatever is there."""
        with self._needed():
            self._obstore.put(self._quick, key, content)

    def send(self, path: Path, key: str, sha256: str, sent: Callable[[int], None]) -> None:
        """Write a file as an object, in parts if it is large; `sent` hears of bytes as they leave."""
        with path.open("rb") as file, self._needed():
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
                self._bulk, key, parts(), attributes=attributes, chunk_size=PART, max_concurrency=_AT_ONCE
            )

    def remove(self, keys: list[str]) -> None:
        """Remove objects; one that is gone already is no fault."""
        for key in keys:  # S3 alone is silent about one that is missing, and others stop at it
            with suppress(FileNotFoundError), self._told():
                self._obstore.delete(self._quick, key)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if found := _NO_BUCKET.search(str(error)):
                raise self._refused(found[0], "") from None
            raise
        except (self._exceptions.PreconditionError, self._exceptions.AlreadyExistsError):
            raise Conflict from None
        except (self._exceptions.BaseError, OSError, ValueError) as error:
            raise self._failed(error) from None
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # a fault of the client, which has no class to import
                raise self._refused("", "") from None
            raise

    @contextmanager
    def _needed(self) -> Iterator[None]:
        """As `_told`, where nothing can be missing but the bucket."""
        try:
            with self._told():
                yield
        except FileNotFoundError:
            raise self._refused("", "404") from None

    def _failed(self, error: Exception) -> StoreError:
        """In words of our own: the client's are a page long, and hold what a log should not."""
        text = str(error)
        code = re.search(r"<Code>(\w+)</Code>", text)
        status = re.search(r"status code: (\d+)", text)
        # without keys in the environment it is the machine's own service that was asked for some
        if code is None and ("169.254.169.254" in text or "metadata.google" in text):
            return StoreError(f"store {self.url}: no credentials were found; {self._kind.advice}")
        if status is None and isinstance(error, (self._exceptions.GenericError, OSError)):
            why = "timed out" if re.search(r"[Tt]imeout|TimedOut|timed out", text) else "cannot be reached"
            if "onnection refused" in text or "ConnectionRefused" in text:
                why = "refused the connection"
            elif "dns error" in text or "failed to lookup" in text:
                why = "has a name that nobody knows"
            return StoreUnreachable(
                f"store {self.url} does not answer: {self._endpoint.url if self._endpoint else 'the service'} {why}; "
                f"check the network{f' and {self._endpoint.variable}' if self._endpoint else ''}"
            )
        return self._refused(code[1] if code else "", status[1] if status else "")

    def _refused(self, code: str, status: str) -> StoreError:
        said = code or status
        if _NO_BUCKET.fullmatch(code):
            return StoreError(f"store {self.url}: there is no such {self._kind.bucket}; create it, or correct its name")
        if code in _WRONG_KEYS or status == "401":
            return StoreError(f"store {self.url}: the keys are refused ({said}); {self._kind.advice}")
        if code == "AccessDenied" or status == "403":
            return StoreError(f"store {self.url}: access is denied ({said}); check the keys, and what they may do")
        if status.startswith("5") or status == "429":
            return StoreUnreachable(f"store {self.url} does not answer: it is busy or broken ({said}); try again later")
        return StoreError(
            f"store {self.url} cannot be used{f' ({said})' if said else ''}; check its address{self._kind.more}"
        )


def _entry(found: Any) -> Entry:
    return Entry(found["path"], found["size"], found["last_modified"], found["e_tag"], found["version"])


class _Asked(NamedTuple):
    """The endpoint that the environment names, and what the client is to be told beside it.

    `credentials`: what gives them, in place of any that the client would find by itself.
    """

    endpoint: Endpoint | None
    config: dict[str, Any]
    credentials: Callable[[], Any] | None = None


class _Kind(NamedTuple):
    """What differs between the storages."""

    asked: Callable[[], _Asked]
    bucket: str
    advice: str
    """How keys are set."""
    more: str = ""


def _s3() -> _Asked:
    endpoint = s3_endpoint()
    return _Asked(endpoint, {"endpoint": endpoint.url} if endpoint else {})


def _google() -> _Asked:
    found = google_storage()
    config: dict[str, Any] = {"base_url": found.endpoint.url} if found.endpoint else {}
    if found.anonymous and found.endpoint:
        # without signatures the client reads, but for a write it still asks Google for a token
        account = {"gcs_base_url": found.endpoint.url, "disable_oauth": True}
        account |= dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        config["service_account_key"] = json.dumps(account)
    elif found.anonymous:
        config["skip_signature"] = True
    return _Asked(found.endpoint, config)


def _azure() -> _Asked:
    """All is said, or the client would look for an emulator by itself, and at one of the endpoints only."""
    found = azure_account()
    config: dict[str, Any] = {"account_name": found.name, "use_emulator": False}
    if found.endpoint:
        config["endpoint"] = found.endpoint.url
    if found.key:
        config["account_key"] = found.key
    if not found.token:
        return _Asked(found.endpoint, config)
    # a token in the configuration would yield to a key or an identity that the environment holds too
    return _Asked(found.endpoint, config, lambda: {"sas_token": found.token, "expires_at": None})


_KINDS = {
    "s3": _Kind(_s3, "bucket", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", " and region"),
    "gs": _Kind(_google, "bucket", "set GOOGLE_APPLICATION_CREDENTIALS"),
    "az": _Kind(_azure, "container", "set AZURE_STORAGE_ACCOUNT_NAME and its key"),
}


def _client(
    store: Any,
    url: str,
    asked: _Asked,
    connect: timedelta,
    whole: timedelta,
    retries: int,
    until: timedelta,
) -> Any:
    return store.from_url(
        url,
        config=asked.config or None,
        credential_provider=asked.credentials,
        client_options={
            "allow_http": asked.endpoint is not None and asked.endpoint.scheme == "http",
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
