"""Where the journal is: a file in the store unless told otherwise."""

from __future__ import annotations

from pathlib import Path

from fasttrack.addresses import shown
from fasttrack.errors import ConfigError

__all__ = ["journal_location"]

_FILE = "journal.sqlite"


def journal_location(setting: str, store: Path) -> str | None:
    """A file or a `postgresql://` URL; `None` for a journal that is off.

    `setting` is `on`, `off`, `sqlite:///FILE`, a file, or `postgresql://…`. Raises ConfigError for another URL.
    """
    if setting == "off":
        return None
    if setting == "on":
        return str(Path(store) / _FILE)
    if setting.startswith("sqlite:///"):
        return setting.removeprefix("sqlite:///")
    if setting.startswith(("postgresql://", "postgres://")):
        return setting
    if "://" in setting:
        raise ConfigError(
            f"{shown(setting)} cannot hold a journal; use on, off, a file, or postgresql://USER@HOST/NAME"
        )
    return setting
