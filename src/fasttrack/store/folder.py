"""A store in a folder: `<name>/<version>/manifest.json`, `<name>/champion.json`, `<name>/audit.jsonl`.

A version appears complete, by one rename, or not at all; a pointer moves by one rename. Writers hold a lock, so that
parallel trainings never lose each other's work. The next writer removes what a killed one left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.atomic_files import fsync, replace_file
from fasttrack.bundle import MANIFEST, Bundle, Manifest, check_version, copy_bundle, open_bundle, read_manifest
from fasttrack.errors import BundleError, StoreError
from fasttrack.store.alias import CHAMPION, pointer_file
from fasttrack.store.audit import decode_audit, encode_audit
from fasttrack.store.store import Store, Watch, check_name, ignore, is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fasttrack.store.audit import AuditRecord

__all__ = ["LocalStore"]

_STAGING = ".staging-"
_AUDIT = "audit.jsonl"


class LocalStore(Store):
    """The models in one folder. `advice` is what to do when it cannot be written, for messages."""

    def __init__(self, folder: Path | str, *, advice: str = "choose another with --store") -> None:
        self.folder = Path(folder)
        self.location = str(self.folder)
        self._advice = advice

    def names(self) -> list[str]:
        """The models that have at least one version, in alphabetical order."""
        if not self.folder.is_dir():
            return []
        return sorted(
            home.name
            for home in self.folder.iterdir()
            if is_name(home.name) and home.is_dir() and self.identifiers(home.name)
        )

    def identifiers(self, name: str) -> list[str]:
        """The versions of a model in alphabetical order, damaged ones included."""
        return sorted(path.parent.name for path in (self.folder / name).glob(f"[!.]*/{MANIFEST}"))

    def has(self, name: str, version: str) -> bool:
        """Whether there is such a version, damaged or not."""
        return (self.folder / name / version / MANIFEST).is_file()

    def manifest(self, name: str, version: str) -> Manifest:
        """The manifest of a version. Raises BundleError when it is damaged."""
        place = self.folder / name / version
        return check_version(read_manifest(place), version, place)

    def fetch(self, name: str, version: str, watch: Watch = ignore) -> Bundle:
        """A version with every digest checked. Raises BundleError when it is damaged."""
        bundle = open_bundle(self.folder / name / version)
        check_version(bundle.manifest, version, bundle.folder)
        return bundle

    def verify(self, name: str, version: str) -> Manifest:
        """Check every file of a version. Raises BundleError naming the first that is damaged."""
        return self.fetch(name, version).manifest

    def add(self, name: str, write: Callable[[Path], Bundle], watch: Watch = ignore) -> Bundle:
        """Let `write` fill an empty folder, then make it a version of `name` by one rename.

        Content that is already in the store is not stored twice: the version that is there is returned, with its own
        report and time. Raises StoreError when the store cannot be written.
        """
        self.check_writable(name)
        home = self.folder / name
        with self._writing():
            with self._lock():
                home.mkdir(exist_ok=True)
                fsync(self.folder)
                self._sweep(name)
                staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=home))
                lock = _flock(staging)
            try:
                bundle = write(staging)
                staging.chmod(0o755)
                return self.settle(bundle, home / bundle.manifest.version)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                os.close(lock)

    def receive(self, bundle: Bundle, watch: Watch = ignore) -> Bundle:
        """Make a copy of `bundle` a version of this store. Raises as `add`."""
        return self.add(bundle.manifest.name, lambda folder: copy_bundle(bundle, folder))

    def settle(self, staged: Bundle, place: Path) -> Bundle:
        """Rename the folder of a complete version to `place`; returns the version that is there then.

        A version that is there already stays unless it is damaged. It may have another report and manifest.
        """
        with self._lock():
            if place.exists():
                with suppress(BundleError):
                    return self.fetch(place.parent.name, place.name)
                place.rename(place.with_name(f"{_STAGING}damaged-{os.urandom(4).hex()}"))
            staged.folder.rename(place)
            fsync(place.parent)
        return Bundle(place, staged.manifest)

    def sweep(self, name: str) -> None:
        """Remove what killed writers left: staging folders that no process has locked."""
        with self._lock():
            self._sweep(name)

    def _sweep(self, name: str) -> None:
        for left in (self.folder / name).glob(f"{_STAGING}*"):
            if left.is_file():
                left.unlink(missing_ok=True)
                continue
            try:
                descriptor = os.open(left, os.O_RDONLY)
            except FileNotFoundError:  # its writer has just removed it
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)

    def check_writable(self, name: str) -> None:
        """Raise StoreError now if a version of `name` could not be written later."""
        check_name(name)
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, self.folder / name):
                if folder == self.folder or folder.exists():
                    with tempfile.TemporaryFile(dir=folder):
                        pass

    def pointer_state(self, name: str, alias: str = CHAMPION) -> tuple[int, int] | None:
        """A value that changes whenever the alias moves, cheap enough to ask for every second."""
        try:
            status = self._pointer_path(name, alias).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def read_pointer(self, name: str, alias: str = CHAMPION) -> bytes | None:
        """The content of the alias' pointer; `None` before the alias was first set. Raises StoreError."""
        path = self._pointer_path(name, alias)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None

    def replace_pointer(self, name: str, alias: str, change: Callable[[bytes | None], bytes | None]) -> bool:
        """Replace the content of the alias' pointer by `change(content)`; the lock keeps other writers out."""
        with self._writing(), self._lock():
            content = change(self.read_pointer(name, alias))
            if content is None:
                return False
            replace_file(self._pointer_path(name, alias), content, prefix=_STAGING, mode=0o644)
            return True

    def models_with_pointer(self, alias: str = CHAMPION) -> list[str]:
        """The models that have a pointer of this alias, with or without versions."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{pointer_file(alias)}"))

    def append_audit(self, record: AuditRecord) -> None:
        """Add a line to the model's `audit.jsonl`, on the disk (fsync) when this returns."""
        path = self.folder / record.model / _AUDIT
        with self._writing(), self._lock(), path.open("ab+") as file:
            new = file.tell() == 0
            if not new:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a writer was killed in the middle of its line: begin a new one
                    file.write(b"\n")
            file.write(encode_audit(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            if new:
                fsync(path.parent)

    def audit(self, name: str) -> list[AuditRecord]:
        """The audit log of a model, oldest first. Raises StoreError when it cannot be read."""
        path = self.folder / name / _AUDIT
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from None
        return decode_audit((f"{path} line {number}", line) for number, line in enumerate(lines, 1))

    def _pointer_path(self, name: str, alias: str) -> Path:
        return self.folder / name / pointer_file(alias)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise StoreError, with the reason, for an OSError."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"store {self.location} cannot be written: {reason}; {self._advice}") from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _flock(folder: Path) -> int:
    """Lock `folder` until the returned descriptor is closed or the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
