"""A store in an object storage: `s3://bucket/prefix/<name>/<version>/manifest.json`, `<name>/champion.json`.

A pointer moves by a conditional write: the first of several writers wins, the others read it again. Versions are used
from a cache on this machine, which is a folder store itself.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import shlex
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from fasttrack.atomic_files import fsync
from fasttrack.bundle import MANIFEST
from fasttrack.errors import BundleError, StoreError
from fasttrack.store.alias import CHAMPION, pointer_file
from fasttrack.store.audit import decode_audit, encode_audit
from fasttrack.store.bucket import Bucket, Conflict
from fasttrack.store.download import check_objects, download, read_remote_manifest
from fasttrack.store.folder import LocalStore
from fasttrack.store.store import Store, Watch, check_name, ignore, is_name
from fasttrack.store.upload import upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fasttrack.bundle import Bundle, Manifest
    from fasttrack.store.audit import AuditRecord

__all__ = ["ObjectStore"]

_PROBE = ".writable"
_UNSENT = ".unsent-"
"""The start of the name of an empty file beside a version in the cache that may not be in the bucket yet."""
_OPENED = "opened.json"
_AUDIT = ".audit"
"""The prefix of audit records; no model can have this name."""
_KEPT = 5
"""Versions of a model that stay in the cache, beside the one that was used last and those that are not sent yet."""
_MOVING_SECONDS = 60
"""How long a promotion is tried while other processes promote too."""


class ObjectStore(Store):
    """The models below a URL, with `folder` as their cache."""

    def __init__(self, url: str, folder: Path) -> None:
        self.location = url
        self.folder = folder
        self._bucket = Bucket(url)
        self._cache = LocalStore(folder, advice="set FASTTRACK_CACHE to a folder that can be")

    def names(self) -> list[str]:
        """The models that have at least one version, in alphabetical order."""
        pattern = re.compile(rf"([^/]+)/[^./][^/]*/{MANIFEST}")
        matches = (pattern.fullmatch(entry.key) for entry in self._bucket.entries())
        return sorted({match[1] for match in matches if match and is_name(match[1])})

    def identifiers(self, name: str) -> list[str]:
        """The versions of a model in alphabetical order, damaged ones included."""
        if not is_name(name):
            return []
        pattern = re.compile(rf"{re.escape(name)}/([^./][^/]*)/{MANIFEST}")
        matches = (pattern.fullmatch(entry.key) for entry in self._bucket.entries(f"{name}/"))
        return sorted(match[1] for match in matches if match)

    def has(self, name: str, version: str) -> bool:
        """Whether there is such a version, damaged or not."""
        return is_name(name) and is_name(version) and self._bucket.head(f"{name}/{version}/{MANIFEST}") is not None

    def manifest(self, name: str, version: str) -> Manifest:
        """The manifest of a version. Raises BundleError when it is damaged."""
        return read_remote_manifest(self._bucket, name, version)

    def fetch(self, name: str, version: str, watch: Watch = ignore) -> Bundle:
        """A version from the cache, downloaded if need be. Raises BundleError when it is damaged in the bucket."""
        with suppress(BundleError):
            bundle = self._cache.fetch(name, version)
            with suppress(OSError):
                os.utime(bundle.folder)  # the version that was used last stays longest
            return bundle
        with self._caching():
            bundle = download(self._bucket, name, version, self._cache, watch)
            self._mark_sent(bundle)
            self._evict(name)
        return bundle

    def verify(self, name: str, version: str) -> Manifest:
        """Read every file of a version from the bucket. Raises BundleError naming a damaged one."""
        return check_objects(self._bucket, name, version)

    def open(self, spec: str, watch: Watch = ignore) -> Bundle:
        """As `Store.open`; remembers the version for `last_opened`."""
        bundle = super().open(spec, watch)
        opened = self._read_opened()
        opened.pop(spec, None)
        opened[spec] = bundle.label
        with suppress(OSError):  # a cache that cannot be written is no reason to fail
            self._write_opened(opened)
        return bundle

    def last_opened(self, spec: str | None) -> Bundle | None:
        """The version that `spec` meant when it was last opened on this machine; for `None`, the one opened last."""
        opened = self._read_opened()
        label = opened.get(spec) if spec is not None else next(reversed(opened.values()), None)
        if label is None:
            return None
        name, _, version = label.partition("@")
        try:
            return self._cache.fetch(name, version)
        except BundleError:
            return None

    def add(self, name: str, write: Callable[[Path], Bundle], watch: Watch = ignore) -> Bundle:
        """Let `write` fill an empty folder in the cache, then upload it.

        Files that are already in the bucket are not sent again. Raises StoreError when the bucket or the cache cannot
        be written; the bundle stays in the cache then, and can be pushed later.
        """
        self.check_writable(name)

        def write_marked(folder: Path) -> Bundle:
            bundle = write(folder)
            # marked before it becomes a version, so that no killed process leaves an unsent version unmarked
            self._mark(bundle).touch()
            fsync(self._mark(bundle).parent)
            return bundle

        bundle = self._cache.add(name, write_marked)
        try:
            upload(self._bucket, bundle, watch)
        except StoreError as error:
            again = f"fasttrack models push {bundle.label} {self.location} --store {shlex.quote(str(self.folder))}"
            raise type(error)(f"{error}; the new version is kept on this machine; to send it: {again}") from None
        self._mark_sent(bundle)
        return bundle

    def receive(self, bundle: Bundle, watch: Watch = ignore) -> Bundle:
        """Upload a copy of `bundle`. Raises as `add`."""
        self.check_writable(bundle.manifest.name)
        upload(self._bucket, bundle, watch)
        self._mark_sent(bundle)
        return bundle

    def check_writable(self, name: str) -> None:
        """Raise StoreError now if a version of `name` could not be written later."""
        check_name(name)
        self._cache.check_writable(name)
        self._bucket.entries(f"{name}/")
        self._bucket.overwrite(_PROBE, b"")

    def pointer_state(self, name: str, alias: str = CHAMPION) -> object | None:
        """A value that changes whenever the alias moves: one small request."""
        entry = self._bucket.head(_pointer_key(name, alias))
        return None if entry is None else (entry.e_tag, entry.version, entry.written)

    def read_pointer(self, name: str, alias: str = CHAMPION) -> bytes | None:
        """The content of the alias' pointer; `None` before the alias was first set. Raises StoreError."""
        pointer = self._bucket.read(_pointer_key(name, alias)) if is_name(name) else None
        return None if pointer is None else pointer[0]

    def replace_pointer(self, name: str, alias: str, change: Callable[[bytes | None], bytes | None]) -> bool:
        """Replace the content of the alias' pointer by `change(content)`, with conditional writes."""
        key = _pointer_key(name, alias)
        deadline = time.monotonic() + _MOVING_SECONDS
        pause = 0.02
        while True:
            pointer = self._bucket.read(key)
            content = change(None if pointer is None else pointer[0])
            if content is None:
                return False
            try:
                self._bucket.write(key, content, instead_of=None if pointer is None else pointer[1])
            except Conflict:
                now = self._bucket.read(key)
                if now is not None and now[0] == content:
                    return True  # the reply to our own write was lost, and the client had repeated it
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"{name} cannot be promoted in {self.location}: other processes keep promoting it; try again"
                    ) from None
                time.sleep(random.uniform(0, pause))  # noqa: S311  # so that the losers do not collide again
                pause = min(2 * pause, 1.0)
            else:
                return True

    def models_with_pointer(self, alias: str = CHAMPION) -> list[str]:
        """The models that have a pointer of this alias, with or without versions."""
        pattern = re.compile(rf"([^/]+)/{re.escape(pointer_file(alias))}")
        matches = (pattern.fullmatch(entry.key) for entry in self._bucket.entries())
        return sorted(match[1] for match in matches if match)

    def append_audit(self, record: AuditRecord) -> None:
        """Write the record as an object of its own: an object storage cannot append.

        Its key begins with the time, so that keys in alphabetical order are records in order. It lies outside of the
        model's own prefix, where an upload removes what belongs to no version.
        """
        moment = re.sub(r"[-:]|[+]00:00$", "", record.time)
        key = f"{_AUDIT}/{record.model}/{moment}-{secrets.token_hex(8)}.json"
        self._bucket.overwrite(key, encode_audit(record))  # the key is unique, so a retry may write it again

    def audit(self, name: str) -> list[AuditRecord]:
        """The audit log of a model, oldest first. Raises StoreError when it cannot be read."""
        if not is_name(name):
            return []
        keys = sorted(entry.key for entry in self._bucket.entries(f"{_AUDIT}/{name}/"))
        objects = ((key, self._bucket.read(key)) for key in keys)
        return decode_audit((f"{self.location}/{key}", stored[0]) for key, stored in objects if stored is not None)

    def _mark(self, bundle: Bundle) -> Path:
        return self.folder / bundle.manifest.name / f"{_UNSENT}{bundle.manifest.version}"

    def _mark_sent(self, bundle: Bundle) -> None:
        """Remove the mark: the version is in the bucket, so the cache may drop it."""
        with suppress(OSError):  # the version only stays in the cache for longer
            self._mark(bundle).unlink()

    def _evict(self, name: str) -> None:
        """Remove the versions of a model that were not used for longest from the cache, if they are in the bucket."""
        home = self.folder / name
        with suppress(FileNotFoundError):  # another process has just removed it
            versions = self._cache.identifiers(name)
            paths = [home / version for version in versions if not (home / f"{_UNSENT}{version}").exists()]
            for path in sorted(paths, key=lambda path: path.stat().st_mtime)[: -_KEPT - 1]:
                hidden = path.with_name(f".staging-{path.name}-{os.urandom(4).hex()}")
                path.rename(hidden)
                shutil.rmtree(hidden, ignore_errors=True)

    def _read_opened(self) -> dict[str, str]:
        try:
            return msgspec.json.decode((self.folder / _OPENED).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return {}

    def _write_opened(self, opened: dict[str, str]) -> None:
        path = self.folder / _OPENED
        temporary = path.with_name(f".{_OPENED}-{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(opened))
        temporary.replace(path)

    @contextmanager
    def _caching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the cache {self.folder} cannot be written: {error.strerror or error}; "
                "set FASTTRACK_CACHE to a folder that can be"
            ) from error


def _pointer_key(name: str, alias: str) -> str:
    return f"{name}/{pointer_file(alias)}"
