"""Where the journal is: a file in the store, or beside its cache on this machine, unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError
from fasttrack.store import local_folder
from fasttrack.urls import POSTGRES_ADVICE, has_ambiguous_password, redact_url

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["journal_location"]

_FILE = "journal.sqlite"


def journal_location(setting: str, store: str | Path, cache: Path | None = None) -> str | None:
    """A file or a `postgresql://` URL; `None` for a journal that is off. `cache`: as for `open_store`.

    `setting` is `on`, `off`, `sqlite:///FILE`, a file, or `postgresql://…`. Raises ConfigError for another
    URL, and for one whose password others would take for the host.
    """
    if setting == "off":
        return None
    if setting == "on":
        return str(local_folder(store, cache=cache) / _FILE)
    if setting.startswith("sqlite:///"):
        return setting.removeprefix("sqlite:///")
    if setting.startswith(("postgresql://", "postgres://")):
        if has_ambiguous_password(setting):
            raise ConfigError(f"{redact_url(setting)} cannot hold the journal: {POSTGRES_ADVICE}")
        return setting
    if "://" in setting:
        raise ConfigError(
            f"{redact_url(setting)} cannot hold a journal; use on, off, a file, or postgresql://USER@HOST/NAME"
        )
    return setting
