"""New files to be mapped into memory, whose space on the disk is reserved."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["allocate_file"]

_log = logging.getLogger("fasttrack")


def allocate_file(path: Path, size: int) -> int | None:
    """The descriptor of a new file of `size` zero bytes, open for reading and writing; `None` if the disk is full.

    The space is reserved at once. Otherwise the kernel would kill a process that touches a mapped page for the first
    time when the disk is full.
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
                "no space for counters in %s: %s; only this worker's own /metrics shows what it counts from now on",
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
        os.ftruncate(descriptor, size)  # the file system cannot reserve space
