"""What every store can do: name its models and versions, open one, move the champion.

A version appears whole or not at all, and never changes. The champion moves by one step that takes effect only if
nobody moved it in between. Readers take no lock. The kinds of store differ in the few methods that are abstract here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from fasttrack.errors import BundleError, StoreError
from fasttrack.store.promotion import POINTER, Promotion, read_history, with_champion, write_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fasttrack.bundle import Bundle, Manifest

__all__ = ["Store", "Watch", "check_name", "ignore", "is_name"]

Watch = Callable[[int, int], None]
"""Hears of a transfer as it goes on: bytes that are where they belong, and bytes in all."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def ignore(done: int, total: int) -> None:
    """A `Watch` for which progress is of no interest."""


def is_name(name: str) -> bool:
    """Whether a model can have this name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raise StoreError for a name that no model can have."""
    if not is_name(name):
        raise StoreError(f"{name!r} cannot name a model; use letters, digits, dot, dash and underscore")


class Store(ABC):
    """The models in one place. Opening a store neither creates nor contacts it."""

    location: str
    """The place, as people may see it."""
    folder: Path
    """Where files that belong to the store are on this machine: the store itself, or its cache."""

    # --- what differs from kind to kind

    @abstractmethod
    def names(self) -> list[str]:
        """The models that have at least one version, in alphabetical order."""

    @abstractmethod
    def identifiers(self, name: str) -> list[str]:
        """The versions of a model, in alphabetical order; damaged ones are among them."""

    @abstractmethod
    def has(self, name: str, version: str) -> bool:
        """Whether there is such a version, damaged or not."""

    @abstractmethod
    def manifest(self, name: str, version: str) -> Manifest:
        """What is known about a version. Raises BundleError when that is damaged."""

    @abstractmethod
    def fetch(self, name: str, version: str, watch: Watch = ignore) -> Bundle:
        """A version on this machine, every digest checked. Raises BundleError when it is damaged."""

    @abstractmethod
    def verify(self, name: str, version: str) -> Manifest:
        """Check every file of a version where it is stored. Raises BundleError naming the first that is damaged."""

    @abstractmethod
    def add(self, name: str, write: Callable[[Path], Bundle], watch: Watch = ignore) -> Bundle:
        """Let `write` fill an empty folder, then make it a version of `name` in one step.

        Content that is already in the store is not stored twice: what is there is returned, with its own report and
        time. Raises StoreError when the store cannot be written.
        """

    @abstractmethod
    def receive(self, bundle: Bundle, watch: Watch = ignore) -> Bundle:
        """Make a copy of `bundle`, which is somewhere else, a version of this store. Raises as `add`."""

    @abstractmethod
    def check_writable(self, name: str) -> None:
        """Raise StoreError now if a version of `name` could not be written later."""

    @abstractmethod
    def pointer_state(self, name: str) -> object | None:
        """Changes whenever the champion moves; cheap enough to look at every second.

        Raises StoreUnreachable when that cannot be told now.
        """

    @abstractmethod
    def read_pointer(self, name: str) -> bytes | None:
        """The content of the champion's pointer; `None` before the first promotion. Raises StoreError."""

    @abstractmethod
    def replace_pointer(self, name: str, change: Callable[[bytes | None], bytes | None]) -> bool:
        """Put what `change` makes of the pointer's content in its place, if nobody changed it in between.

        If somebody did, `change` is asked again. Says whether the pointer was written: `change` may return `None` to
        leave it. Raises what `change` raises, and StoreError when the store cannot be written.
        """

    def last_opened(self, spec: str | None) -> Bundle | None:
        """What `spec` was when it was last opened on this machine, for a store that does not answer now."""
        return None

    # --- what is the same for all

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
        for version in self.identifiers(name):
            try:
                found.append(self.manifest(name, version))
            except BundleError as error:
                damaged.append(error)
        return sorted(found, key=lambda manifest: (manifest.created, manifest.version)), damaged

    def champion(self, name: str) -> str | None:
        """The version that serves, or `None` before the first promotion."""
        history = self.history(name)
        return history[-1].version if history else None

    def history(self, name: str) -> list[Promotion]:
        """The promotions that a rollback can still go back to, oldest first; the last is the champion."""
        return read_history(self.read_pointer(name), self._pointer(name))

    def latest(self) -> str | None:
        """The model whose champion was promoted last: the one to serve when none is named."""
        promoted = [(history[-1].promoted, name) for name in self.names() if (history := self.history(name))]
        return max(promoted)[1] if promoted else None

    def open(self, spec: str, watch: Watch = ignore) -> Bundle:
        """Open `name`, `name@champion`, `name@version` (or the start of a version), checking every digest.

        Raises StoreError when there is no such version, BundleError when it is damaged.
        """
        name, version = self.resolve(spec)
        return self.fetch(name, version, watch)

    def resolve(self, spec: str) -> tuple[str, str]:
        """`(name, version)` that `spec` means. Raises StoreError, naming what there is."""
        name, _, wanted = spec.partition("@")
        identifiers = self._identifiers_of(name)
        if wanted in ("", "champion"):
            champion = self.champion(name)
            if champion is None:
                raise StoreError(f"{name} has no champion yet; choose one: fasttrack models promote {name}@VERSION")
            if champion not in identifiers and not self.has(name, champion):
                raise StoreError(f"{name}'s champion {champion} is gone from {self.location}; promote another version")
            return name, champion
        found = [version for version in identifiers if version.startswith(wanted)]
        if len(found) != 1:
            versions = ", ".join(found or identifiers)
            problem = f"is short for {len(found)} versions" if found else "is no version"
            raise StoreError(f"{wanted!r} {problem} of {name}; there are {versions}")
        return name, found[0]

    def promote(self, name: str, version: str) -> None:
        """Make `version` the champion. Raises StoreError when it is not in the store, or that cannot be written."""

        def change(content: bytes | None) -> bytes:
            self._needs_version(name, version)
            try:
                history = read_history(content, self._pointer(name))
            except StoreError:  # a damaged pointer is mended by pointing anew
                history = []
            return write_history(with_champion(history, version))

        self.replace_pointer(name, change)

    def promote_if(self, name: str, version: str, *, champion: str | None) -> bool:
        """Make `version` the champion if `champion` still is (`None`: there is none yet); says whether it did.

        Raises StoreError as `promote` does.
        """

        def change(content: bytes | None) -> bytes | None:
            history = read_history(content, self._pointer(name))
            if (history[-1].version if history else None) != champion:
                return None
            self._needs_version(name, version)
            return write_history(with_champion(history, version))

        return self.replace_pointer(name, change)

    def rollback(self, name: str) -> tuple[str, str]:
        """Make the champion before this one the champion again; returns (from, to). Raises StoreError at the first."""
        self._identifiers_of(name)
        moved: list[str] = []

        def change(content: bytes | None) -> bytes:
            history = read_history(content, self._pointer(name))
            if len(history) < 2:
                raise StoreError(f"{name} has no earlier champion to go back to; see fasttrack models list")
            *earlier, before, now = history
            if not self.has(name, before.version):
                raise StoreError(
                    f"{name}'s earlier champion {before.version} is gone from {self.location}; promote another version"
                )
            moved[:] = [now.version, before.version]
            return write_history(with_champion(earlier, before.version))

        self.replace_pointer(name, change)
        return moved[0], moved[1]

    def check_champions(self) -> Iterator[StoreError]:
        """What is wrong with the pointers: those that cannot be read, or lead to a version that is gone."""
        for name in self.pointed():
            try:
                version = self.champion(name)
            except StoreError as error:
                yield error
                continue
            if version is not None and not self.has(name, version):
                yield StoreError(f"{name}'s champion {version} is gone from {self.location}; promote another version")

    @abstractmethod
    def pointed(self) -> list[str]:
        """The models that have a champion's pointer, with or without versions."""

    def _pointer(self, name: str) -> str:
        return f"{self.location}/{name}/{POINTER}"

    def _identifiers_of(self, name: str) -> list[str]:
        """The versions of a model that must be there."""
        found = self.identifiers(name)
        if not found:
            names = self.names()
            there = f"it has {', '.join(names)}" if names else "it is empty; train a model first: fasttrack train"
            raise StoreError(f"store {self.location} has no model {name!r}; {there}")
        return found

    def _needs_version(self, name: str, version: str) -> None:
        if not self.has(name, version):
            raise StoreError(f"{name} has no version {version!r} in {self.location}; see fasttrack models list")
