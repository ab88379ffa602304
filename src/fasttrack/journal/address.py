"""Where the journal is: by default a file in the store, or in the store's cache on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError
from fasttrack.schemes import example_list, find_scheme
from fasttrack.store import local_folder
from fasttrack.urls import POSTGRES_ADVICE, has_ambiguous_password, redact_url, split_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["journal_location"]

_FILE = "journal.sqlite"


def journal_location(setting: str, store: str | Path, cache: Path | None = None) -> str | None:
    """The file or `postgresql://` URL of the journal; `None` if it is off.

    `setting` is `on`, `off`, `sqlite:///FILE`, a file, or `postgresql://…`; `cache` is that of `open_store`. Raises
    ConfigError for any other URL, and for a URL whose password is ambiguous.
    """
    if setting == "off":
        return None
    if setting == "on":
        return str(local_folder(store, cache=cache) / _FILE)
    local = split_path(setting)
    if local is not None:
        return local[1]
    scheme = find_scheme(setting)
    if scheme is None or scheme.journal is None or scheme.is_local:
        raise ConfigError(
            f"{redact_url(setting)} cannot hold a journal; use on, off, a file, or {example_list('journal')}"
        )
    if has_ambiguous_password(setting):
        raise ConfigError(f"{redact_url(setting)} cannot hold the journal: {POSTGRES_ADVICE}")
    return setting
