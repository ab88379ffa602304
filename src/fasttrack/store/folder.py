"""A store in a folder: `<name>/<version>/manifest.json`, `<name>/champion.json`.

A version appears whole, by one rename, or not at all; the pointer moves by one rename. Writers hold a lock, so that
trainings in parallel never lose each other's work, and what a killed one left behind is swept away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.atomic_files import fsync
from fasttrack.bundle import MANIFEST, Bundle, Manifest, copy_bundle, open_bundle, own_manifest, read_manifest
from fasttrack.errors import BundleError, StoreError
from fasttrack.store.promotion import POINTER
from fasttrack.store.store import Store, Watch, check_name, ignore, is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LocalStore"]

_STAGING = ".staging-"


class LocalStore(Store):
    """The models under one folder. `advice` is what to do when it cannot be written."""

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
        """The versions of a model, in alphabetical order; damaged ones are among them."""
        return sorted(path.parent.name for path in (self.folder / name).glob(f"[!.]*/{MANIFEST}"))

    def has(self, name: str, version: str) -> bool:
        """Whether there is such a version, damaged or not."""
        return (self.folder / name / version / MANIFEST).is_file()

    def manifest(self, name: str, version: str) -> Manifest:
        """What is known about a version. Raises BundleError when that is damaged."""
        place = self.folder / name / version
        return own_manifest(read_manifest(place), version, place)

    def fetch(self, name: str, version: str, watch: Watch = ignore) -> Bundle:
        """A version, every digest checked. Raises BundleError when it is damaged."""
        bundle = open_bundle(self.folder / name / version)
        own_manifest(bundle.manifest, version, bundle.folder)
        return bundle

    def verify(self, name: str, version: str) -> Manifest:
        """Check every file of a version. Raises BundleError naming the first that is damaged."""
        return self.fetch(name, version).manifest

    def add(self, name: str, write: Callable[[Path], Bundle], watch: Watch = ignore) -> Bundle:
        """Let `write` fill an empty folder, then make it a version of `name` with one rename.

        Content that is already in the store is not stored twice: what is there is returned, with its own report and
        time. Raises StoreError when the store cannot be written.
        """
        self.check_writable(name)
        home = self.folder / name
        with self._writing():
            with self._locked():
                home.mkdir(exist_ok=True)
                fsync(self.folder)
                self._sweep(name)
                staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=home))
                held = _flock(staging)
            try:
                bundle = write(staging)
                staging.chmod(0o755)
                return self.settle(bundle, home / bundle.manifest.version)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                os.close(held)

    def receive(self, bundle: Bundle, watch: Watch = ignore) -> Bundle:
        """Make a copy of `bundle` a version of this store. Raises as `add`."""
        return self.add(bundle.manifest.name, lambda folder: copy_bundle(bundle, folder))

    def settle(self, staged: Bundle, place: Path) -> Bundle:
        """Rename a whole version's folder to `place`, unless that version is there already, whole; what is there then.

        The one that was there may have another report, and so another manifest.
        """
        with self._locked():
            if place.exists():
                with suppress(BundleError):
                    return self.fetch(place.parent.name, place.name)
                place.rename(place.with_name(f"{_STAGING}damaged-{os.urandom(4).hex()}"))
            staged.folder.rename(place)
            fsync(place.parent)
        return Bundle(place, staged.manifest)

    def sweep(self, name: str) -> None:
        """Remove what killed writers left: staging folders that no process holds."""
        with self._locked():
            self._sweep(name)

    def _sweep(self, name: str) -> None:
        for left in (self.folder / name).glob(f"{_STAGING}*"):
            if left.is_file():
                left.unlink(missing_ok=True)
                continue
            try:
                descriptor = os.open(left, os.O_RDONLY)
            except FileNotFoundError:  # its writer has just cleared it away itself
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

    def pointer_state(self, name: str) -> tuple[int, int] | None:
        """Changes whenever the champion moves; cheap enough to look at every second."""
        try:
            found = self._path(name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def read_pointer(self, name: str) -> bytes | None:
        """The content of the champion's pointer; `None` before the first promotion. Raises StoreError."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path(name)} cannot be read: {error.strerror}") from None

    def replace_pointer(self, name: str, change: Callable[[bytes | None], bytes | None]) -> bool:
        """Put what `change` makes of the pointer's content in its place; nobody else can meanwhile."""
        with self._writing(), self._locked():
            content = change(self.read_pointer(name))
            if content is None:
                return False
            _write_whole(self._path(name), content)
            return True

    def pointed(self) -> list[str]:
        """The models that have a champion's pointer, with or without versions."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{POINTER}"))

    def _path(self, name: str) -> Path:
        return self.folder / name / POINTER

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in one sentence that the store cannot be written, and why."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"store {self.location} cannot be written: {reason}; {self._advice}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _write_whole(path: Path, content: bytes) -> None:
    """Replace a file by one rename."""
    descriptor, temporary = tempfile.mkstemp(prefix=_STAGING, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        fsync(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _flock(folder: Path) -> int:
    """Mark `folder` as in use for as long as this process lives."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
