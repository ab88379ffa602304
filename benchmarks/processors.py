"""The machine: a processor for the server and one for the load, and a description of hardware and packages."""

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

__all__ = ["Processors", "choose_processors", "describe_machine", "pin_to_processor"]

_PACKAGES = ("fastapi", "numpy", "onnxruntime", "pandas", "pydantic", "scikit-learn", "uvicorn")


@dataclass(frozen=True)
class Processors:
    """The numbers of two processors: one for the server under test, one for the load generator."""

    server: int
    load: int


def choose_processors() -> Processors:
    """The first two processors that this process may use. Raises ConfigError if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise ConfigError(
            "the server and the load generator need a processor each, but this process may use only one; allow two"
        )
    return Processors(usable[0], usable[1])


@contextmanager
def pin_to_processor(number: int) -> Iterator[None]:
    """Restrict this process, and child processes started inside, to one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe_machine() -> dict[str, str]:
    """The processor, memory, operating system and package versions, as text."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": f"{_processor_model()}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _processor_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
