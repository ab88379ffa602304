"""The store of models: list models and versions, open a version, move an alias.

A version appears complete or not at all, and never changes. An alias moves by a compare-and-swap. Readers take no lock.
The kinds of store differ in the methods that are abstract here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from fasttrack.errors import BundleError, StoreError
from fasttrack.store.alias import (
    ALIASES,
    CHAMPION,
    Promotion,
    append_step,
    parse_spec,
    pointer_file,
    read_history,
    write_history,
)
from fasttrack.suggestions import did_you_mean, names_hint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fasttrack.bundle import Bundle, Manifest
    from fasttrack.store.audit import AuditRecord

__all__ = ["Store", "Watch", "check_name", "ignore", "is_name"]

Watch = Callable[[int, int], None]
"""Is called during a transfer with the bytes that are transferred so far, and with all bytes."""

_MOST_LISTED = 20
"""Versions in a message."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def ignore(done: int, total: int) -> None:
    """A `Watch` that does nothing."""


def is_name(name: str) -> bool:
    """Whether a model may have this name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raise StoreError for a name that a model may not have."""
    if not is_name(name):
        raise StoreError(f"{name!r} cannot name a model; use letters, digits, dot, dash and underscore")


class Store(ABC):
    """The models in one place. Opening a store neither creates the place nor sends a request."""

    location: str
    """The folder or URL, without secrets."""
    folder: Path
    """The folder on this machine that holds the store's files: the store itself, or its cache."""

    # --- what each kind of store implements

    @abstractmethod
    def names(self) -> list[str]:
        """The models that have at least one version, in alphabetical order."""

    @abstractmethod
    def identifiers(self, name: str) -> list[str]:
        """The versions of a model in alphabetical order, damaged ones included."""

    @abstractmethod
    def has(self, name: str, version: str) -> bool:
        """Whether there is such a version, damaged or not."""

    @abstractmethod
    def manifest(self, name: str, version: str) -> Manifest:
        """The manifest of a version. Raises BundleError when it is damaged."""

    @abstractmethod
    def fetch(self, name: str, version: str, watch: Watch = ignore) -> Bundle:
        """A version on this machine with every digest checked. Raises BundleError when it is damaged."""

    @abstractmethod
    def verify(self, name: str, version: str) -> Manifest:
        """Check every file of a version where it is stored. Raises BundleError naming the first damaged one."""

    @abstractmethod
    def add(self, name: str, write: Callable[[Path], Bundle], watch: Watch = ignore) -> Bundle:
        """Let `write` fill an empty folder, then make it a version of `name` in one step.

        Content that is already in the store is not stored twice: the version that is there is returned, with its own
        report and time. Raises StoreError when the store cannot be written.
        """

    @abstractmethod
    def receive(self, bundle: Bundle, watch: Watch = ignore) -> Bundle:
        """Make a copy of `bundle`, which is outside of this store, a version of it. Raises as `add`."""

    @abstractmethod
    def check_writable(self, name: str) -> None:
        """Raise StoreError now if a version of `name` could not be written later."""

    @abstractmethod
    def pointer_state(self, name: str, alias: str = CHAMPION) -> object | None:
        """A value that changes whenever the alias moves, cheap enough to ask for every second; `None` without pointer.

        Raises StoreUnreachable when the store does not answer.
        """

    @abstractmethod
    def read_pointer(self, name: str, alias: str = CHAMPION) -> bytes | None:
        """The content of the alias' pointer; `None` before the alias was first set. Raises StoreError."""

    @abstractmethod
    def replace_pointer(self, name: str, alias: str, change: Callable[[bytes | None], bytes | None]) -> bool:
        """Replace the content of the alias' pointer by `change(content)`, as a compare-and-swap.

        When somebody else writes in between, `change` is called again with the new content. Returns whether the
        pointer was written: `change` may return `None` to leave it. Raises what `change` raises, and StoreError when
        the store cannot be written.
        """

    @abstractmethod
    def models_with_pointer(self, alias: str = CHAMPION) -> list[str]:
        """The models that have a pointer of this alias, with or without versions."""

    @abstractmethod
    def append_audit(self, record: AuditRecord) -> None:
        """Add a record to the audit log of its model. Raises StoreError when the store cannot be written."""

    @abstractmethod
    def audit(self, name: str) -> list[AuditRecord]:
        """The audit log of a model, oldest first. Raises StoreError when it cannot be read."""

    def last_opened(self, spec: str | None) -> Bundle | None:
        """The version that `spec` last meant on this machine, for a store that does not answer; `None` if unknown."""
        return None

    # --- what all kinds share

    def versions(self, name: str) -> list[Manifest]:
        """The manifests of a model's versions, oldest first. Raises BundleError for a damaged one."""
        manifests, errors = self.readable_versions(name)
        if errors:
            raise errors[0]
        return manifests

    def readable_versions(self, name: str) -> tuple[list[Manifest], list[BundleError]]:
        """The manifests of the undamaged versions, oldest first, and an error for each damaged one."""
        manifests: list[Manifest] = []
        errors: list[BundleError] = []
        for version in self.identifiers(name):
            try:
                manifests.append(self.manifest(name, version))
            except BundleError as error:
                errors.append(error)
        return sorted(manifests, key=lambda manifest: (manifest.created, manifest.version)), errors

    def alias(self, name: str, alias: str) -> str | None:
        """The version that an alias means; `None` if it means none. Raises StoreError for a damaged pointer."""
        history = self.history(name, alias)
        return history[-1].version if history else None

    def champion(self, name: str) -> str | None:
        """The version that serves; `None` before the first promotion."""
        return self.alias(name, CHAMPION)

    def history(self, name: str, alias: str = CHAMPION) -> list[Promotion]:
        """The versions that the alias has meant, oldest first, as far back as a rollback can go."""
        return read_history(self.read_pointer(name, alias), self._pointer(name, alias))

    def latest(self) -> str | None:
        """The model whose champion was promoted last: the one to serve if none is named."""
        promoted = [(history[-1].promoted, name) for name in self.names() if (history := self.history(name))]
        return max(promoted)[1] if promoted else None

    def open(self, spec: str, watch: Watch = ignore) -> Bundle:
        """Open `NAME`, `NAME@ALIAS` or `NAME@VERSION` (or the start of a version), checking every digest.

        Raises StoreError when there is no such version, BundleError when it is damaged.
        """
        name, version = self.resolve(spec)
        return self.fetch(name, version, watch)

    def resolve(self, spec: str) -> tuple[str, str]:
        """The `(name, version)` that `spec` means. Raises StoreError naming what is available."""
        name, alias, start = parse_spec(spec)
        identifiers = self._identifiers_of(name)
        if alias is not None:
            version = self.alias(name, alias)
            if version is None:
                raise StoreError(_no_alias(name, alias))
            if version not in identifiers and not self.has(name, version):
                raise StoreError(self._gone(name, alias, version))
            return name, version
        matches = [version for version in identifiers if version.startswith(start)]
        if not matches:
            hint = did_you_mean(start, ALIASES) or f"; available: {_version_list(identifiers)}"
            raise StoreError(f"{name} has no version {start!r}{hint}")
        if len(matches) > 1:
            raise StoreError(
                f"{start!r} begins {len(matches)} versions of {name}: {_version_list(matches)}; write more of it"
            )
        return name, matches[0]

    def point(self, name: str, version: str, alias: str = CHAMPION) -> str | None:
        """Make the alias mean `version`; returns the version that it meant before.

        This moves the pointer and does nothing else: `fasttrack.jobs.promote` also verifies, mirrors and records.
        Raises StoreError when the version is not in the store, or the store cannot be written.
        """
        before: str | None = None

        def change(content: bytes | None) -> bytes:
            nonlocal before
            self._check_version(name, version)
            try:
                history = read_history(content, self._pointer(name, alias))
            except StoreError:  # a damaged pointer is repaired by writing it anew
                history = []
            before = history[-1].version if history else None
            return write_history(append_step(history, version))

        self.replace_pointer(name, alias, change)
        return before

    def point_if(self, name: str, version: str, *, expected: str | None, alias: str = CHAMPION) -> bool:
        """Make the alias mean `version` if it still means `expected` (`None`: no version); returns whether it did.

        Raises StoreError as `point` does, and for a damaged pointer.
        """

        def change(content: bytes | None) -> bytes | None:
            history = read_history(content, self._pointer(name, alias))
            if (history[-1].version if history else None) != expected:
                return None
            self._check_version(name, version)
            return write_history(append_step(history, version))

        return self.replace_pointer(name, alias, change)

    def previous(self, name: str, alias: str = CHAMPION) -> tuple[str, str]:
        """The version that the alias means, and the one before it. Raises StoreError when there is none before it."""
        self._identifiers_of(name)
        history = self.history(name, alias)
        if len(history) < 2:
            raise StoreError(f"{name} has no earlier {alias} to go back to; see fasttrack models list")
        now, before = history[-1].version, history[-2].version
        if not self.has(name, before):
            raise StoreError(self._gone(name, f"earlier {alias}", before))
        return now, before

    def point_back(self, name: str, *, expected: str, alias: str = CHAMPION) -> bool:
        """Take back the last step of the alias if it still means `expected`; returns whether it did.

        Like `point`, this moves the pointer and does nothing else.
        """

        def change(content: bytes | None) -> bytes | None:
            history = read_history(content, self._pointer(name, alias))
            if len(history) < 2 or history[-1].version != expected:
                return None
            *earlier, before, _ = history
            return write_history(append_step(earlier, before.version))

        return self.replace_pointer(name, alias, change)

    def clear(self, name: str, alias: str, *, expected: str) -> bool:
        """Make the alias mean no version if it means `expected`; returns whether it did."""

        def change(content: bytes | None) -> bytes | None:
            try:
                history = read_history(content, self._pointer(name, alias))
            except StoreError:  # a damaged pointer means no version; `check_aliases` reports it
                return None
            return write_history([]) if history and history[-1].version == expected else None

        return self.replace_pointer(name, alias, change)

    def check_aliases(self) -> Iterator[StoreError]:
        """What is wrong with the pointers: those that cannot be read, or mean a version that is not there."""
        for alias in ALIASES:
            for name in self.models_with_pointer(alias):
                try:
                    version = self.alias(name, alias)
                except StoreError as error:
                    yield error
                    continue
                if version is not None and not self.has(name, version):
                    yield StoreError(self._gone(name, alias, version))

    def _gone(self, name: str, alias: str, version: str) -> str:
        return f"{name}'s {alias} {version} is gone from {self.location}; promote another version"

    def _pointer(self, name: str, alias: str) -> str:
        return f"{self.location}/{name}/{pointer_file(alias)}"

    def _identifiers_of(self, name: str) -> list[str]:
        """The versions of a model. Raises StoreError if it has none."""
        identifiers = self.identifiers(name)
        if not identifiers:
            names = self.names()
            hint = names_hint(name, names) if names else "; it is empty; train a model first: fasttrack train"
            raise StoreError(f"store {self.location} has no model {name!r}{hint}")
        return identifiers

    def _check_version(self, name: str, version: str) -> None:
        if not self.has(name, version):
            raise StoreError(f"{name} has no version {version!r} in {self.location}; see fasttrack models list")


def _version_list(versions: list[str]) -> str:
    more = f" and {len(versions) - _MOST_LISTED:,} more" if len(versions) > _MOST_LISTED else ""
    return ", ".join(versions[:_MOST_LISTED]) + more


def _no_alias(name: str, alias: str) -> str:
    if alias == CHAMPION:
        return f"{name} has no champion yet; choose one: fasttrack models promote {name}@VERSION"
    return f"{name} has no {alias}; a training that is not promoted becomes {alias}"
