"""Files that are mapped into memory, with room on the disk for all of it."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["with_room"]

_log = logging.getLogger("fasttrack")


def with_room(path: Path, size: int) -> int | None:
    """A new file of `size` bytes, all 0, open for reading and writing; `None` where the disk has no room for it.

    The room is taken at once: a process that first touches a mapped page when the disk is full is killed.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _allocate(descriptor, size)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
    except OSError as error:
        with suppress(OSError):  # the log may be on the same disk
            _log.warning(
                "no room for counts in %s: %s; what this worker counts from now on, it alone shows",
                path.parent,
                error.strerror,
            )
        return None
    return descriptor


def _allocate(descriptor: int, size: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS
        os.ftruncate(descriptor, size)
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.ftruncate(descriptor, size)  # a file system that cannot
