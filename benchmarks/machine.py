"""The machine: which core is whose, and what it says of itself and of the packages."""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cores", "cores", "describe", "on_core"]

_PACKAGES = ("fastapi", "numpy", "onnxruntime", "pandas", "pydantic", "scikit-learn", "uvicorn")


@dataclass(frozen=True)
class Cores:
    """One processor for the server under test, another for who asks it."""

    server: int
    load: int


def cores() -> Cores:
    """The first two that this process may use. Raises ConfigError when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise ConfigError("a server and its load need a processor each, and only one may be used here; give it two")
    return Cores(usable[0], usable[1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside runs on `core` alone, as do its children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe() -> dict[str, str]:
    """Processor, memory, system and versions, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
