"""Versions and the champion's pointer, in a folder: `<name>/<version>/manifest.json`, `<name>/champion.json`.

A version appears whole, by one rename, or not at all; the pointer moves by one rename. Readers take no lock. Writers
hold one, so that trainings in parallel never lose each other's work, and what a killed one left behind is swept away.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fasttrack.bundle import MANIFEST, Bundle, Manifest, fsync, open_bundle, read_manifest
from fasttrack.errors import BundleError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Promotion", "Store"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STAGING = ".staging-"
_POINTER = "champion.json"


class Promotion(msgspec.Struct, frozen=True):
    """One step in a pointer's history: which version became champion, and when (ISO 8601, UTC)."""

    version: str
    promoted: str


class Store:
    """The models under one folder. Opening a store does not create it."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def names(self) -> list[str]:
        """The models that have at least one version, in alphabetical order."""
        if not self.root.is_dir():
            return []
        return sorted(
            folder.name
            for folder in self.root.iterdir()
            if _NAME.fullmatch(folder.name) and folder.is_dir() and self.folders(folder.name)
        )

    def versions(self, name: str) -> list[Manifest]:
        """The manifests of a model's versions, oldest first. Raises BundleError for a damaged one."""
        found, damaged = self.readable_versions(name)
        if damaged:
            raise damaged[0]
        return found

    def readable_versions(self, name: str) -> tuple[list[Manifest], list[BundleError]]:
        """As `versions`, and what is wrong with those that are damaged."""
        found: list[Manifest] = []
        damaged: list[BundleError] = []
        for folder in self.folders(name):
            try:
                found.append(_own(folder, read_manifest(folder)))
            except BundleError as error:
                damaged.append(error)
        return sorted(found, key=lambda manifest: (manifest.created, manifest.version)), damaged

    def champion(self, name: str) -> str | None:
        """The version that serves, or `None` before the first promotion."""
        history = self.history(name)
        return history[-1].version if history else None

    def history(self, name: str) -> list[Promotion]:
        """The promotions that a rollback can still go back to, oldest first; the last is the champion."""
        path = self._pointer(name)
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[Promotion])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise StoreError(f"{path} cannot be read: {error}; promote a version to write it anew") from None

    def latest(self) -> str | None:
        """The model whose champion was promoted last: the one to serve when none is named."""
        promoted = [(history[-1].promoted, name) for name in self.names() if (history := self.history(name))]
        return max(promoted)[1] if promoted else None

    def open(self, spec: str) -> Bundle:
        """Open `name`, `name@champion`, `name@version` (or the start of a version), checking every digest.

        Raises StoreError when there is no such version, BundleError when it is damaged.
        """
        name, version = self.resolve(spec)
        bundle = open_bundle(self.root / name / version)
        _own(bundle.folder, bundle.manifest)
        return bundle

    def resolve(self, spec: str) -> tuple[str, str]:
        """`(name, version)` that `spec` means. Raises StoreError, naming what there is."""
        name, _, wanted = spec.partition("@")
        self._needs_model(name)
        if wanted in ("", "champion"):
            champion = self.champion(name)
            if champion is None:
                raise StoreError(f"{name} has no champion yet; choose one: fasttrack models promote {name}@VERSION")
            if not (self.root / name / champion / MANIFEST).is_file():
                raise StoreError(f"{name}'s champion {champion} is gone from {self.root}; promote another version")
            return name, champion
        found = [folder.name for folder in self.folders(name) if folder.name.startswith(wanted)]
        if len(found) != 1:
            versions = ", ".join(found or [folder.name for folder in self.folders(name)])
            problem = f"is short for {len(found)} versions" if found else "is no version"
            raise StoreError(f"{wanted!r} {problem} of {name}; there are {versions}")
        return name, found[0]

    def add(self, name: str, write: Callable[[Path], Bundle]) -> Bundle:
        """Let `write` fill an empty folder, then make it a version of `name` with one rename.

        Content that is already in the store is not stored twice. Raises StoreError when the store cannot be written.
        """
        self.check_writable(name)
        home = self.root / name
        with self._writing():
            with self._locked():
                home.mkdir(exist_ok=True)
                fsync(self.root)
                _sweep(home)
                staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=home))
                held = _flock(staging)
            try:
                bundle = write(staging)
                staging.chmod(0o755)
                return Bundle(self._settle(staging, home / bundle.manifest.version), bundle.manifest)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                os.close(held)

    def _settle(self, staging: Path, place: Path) -> Path:
        """Rename `staging` to `place`, unless the same content is there already, whole."""
        with self._locked():
            if place.exists():
                with suppress(BundleError):
                    return open_bundle(place).folder
                place.rename(place.with_name(f"{_STAGING}damaged-{os.urandom(4).hex()}"))
            staging.rename(place)
            fsync(place.parent)
        return place

    def promote(self, name: str, version: str) -> None:
        """Make `version` the champion. Raises StoreError when it is not in the store, or that cannot be written."""
        with self._writing(), self._locked():
            try:
                history = self.history(name)
            except StoreError:  # a damaged pointer is mended by pointing anew
                history = []
            self._move(name, history, version)

    def promote_if(self, name: str, version: str, *, champion: str | None) -> bool:
        """Make `version` the champion if `champion` still is (`None`: there is none yet); says whether it did.

        Raises StoreError as `promote` does.
        """
        with self._writing(), self._locked():
            history = self.history(name)
            if (history[-1].version if history else None) != champion:
                return False
            self._move(name, history, version)
            return True

    def rollback(self, name: str) -> tuple[str, str]:
        """Make the champion before this one the champion again; returns (from, to). Raises StoreError at the first."""
        self._needs_model(name)
        with self._writing(), self._locked():
            history = self.history(name)
            if len(history) < 2:
                raise StoreError(f"{name} has no earlier champion to go back to; see fasttrack models list")
            *earlier, before, now = history
            if not (self.root / name / before.version / MANIFEST).is_file():
                raise StoreError(
                    f"{name}'s earlier champion {before.version} is gone from {self.root}; promote another version"
                )
            self._point(name, [*earlier, Promotion(before.version, datetime.now(UTC).isoformat())])
            return now.version, before.version

    def check_writable(self, name: str) -> None:
        """Raise StoreError now if a version of `name` could not be written later."""
        if not _NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot name a model; use letters, digits, dot, dash and underscore")
        with self._writing():
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, self.root / name):
                if folder == self.root or folder.exists():
                    with tempfile.TemporaryFile(dir=folder):
                        pass

    def pointer_state(self, name: str) -> tuple[int, int] | None:
        """Changes whenever the champion moves; cheap enough to look at every second."""
        try:
            found = self._pointer(name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def check_champions(self) -> Iterator[StoreError]:
        """What is wrong with the pointers: those that cannot be read, or lead to a version that is gone."""
        for path in sorted(self.root.glob(f"*/{_POINTER}")):
            name = path.parent.name
            try:
                version = self.champion(name)
            except StoreError as error:
                yield error
                continue
            if version is not None and not (self.root / name / version / MANIFEST).is_file():
                yield StoreError(f"{name}'s champion {version} is gone from {self.root}; promote another version")

    def _pointer(self, name: str) -> Path:
        return self.root / name / _POINTER

    def folders(self, name: str) -> list[Path]:
        """The folders of a model's versions."""
        return sorted(path.parent for path in (self.root / name).glob(f"[!.]*/{MANIFEST}"))

    def _needs_model(self, name: str) -> None:
        names = self.names()
        if name not in names:
            there = f"it has {', '.join(names)}" if names else "it is empty; train a model first: fasttrack train"
            raise StoreError(f"store {self.root} has no model {name!r}; {there}")

    def _move(self, name: str, history: list[Promotion], version: str) -> None:
        if not (self.root / name / version / MANIFEST).is_file():
            raise StoreError(f"{name} has no version {version!r} in {self.root}; see fasttrack models list")
        # promoted again, it is still the one promoted last
        before = history[:-1] if history and history[-1].version == version else history
        self._point(name, [*before, Promotion(version, datetime.now(UTC).isoformat())])

    def _point(self, name: str, history: list[Promotion]) -> None:
        home = self.root / name
        descriptor, temporary = tempfile.mkstemp(prefix=_STAGING, dir=home)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(history)) + b"\n")
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            Path(temporary).replace(self._pointer(name))
            fsync(home)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in one sentence that the store cannot be written, and why."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"store {self.root} cannot be written: {reason}; choose another with --store") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _own(folder: Path, manifest: Manifest) -> Manifest:
    """The manifest, if it is the one of the version that its folder is named for. Raises BundleError."""
    if manifest.version != folder.name:
        raise BundleError(
            f"{folder} holds version {manifest.version}, not its own; restore it from a copy, or train again"
        )
    return manifest


def _flock(folder: Path) -> int:
    """Mark `folder` as in use for as long as this process lives."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _sweep(home: Path) -> None:
    """Remove what killed writers left: staging folders that no process holds."""
    for left in home.glob(f"{_STAGING}*"):
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
