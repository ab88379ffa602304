"""Files that readers see either completely or not at all, also after a crash of the machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fasttrack.errors import StoreError

__all__ = ["fsync", "replace_file", "write_atomically"]


def fsync(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, *, prefix: str = ".", mode: int = 0o600) -> None:
    """Write a file in one step, in place of an older one. Raises OSError.

    It is written beside `path` first, under a name that begins with `prefix`, and gets the permissions `mode`.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        fsync(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """As `replace_file`, and its folder if there is none. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
