"""How many processors a process may really use: an affinity mask or a container may leave it fewer than there are."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["available_processors"]

_CGROUP = Path("/sys/fs/cgroup")


def available_processors(cgroup: Path = _CGROUP) -> int:
    """The smallest of the machine's processors, the affinity mask and the container's quota; at least 1.

    `cgroup` is where control groups are mounted: `cpu.max` of version 2, `cpu/cpu.cfs_quota_us` of version 1.
    """
    counts = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):  # Linux
        counts.append(len(os.sched_getaffinity(0)))
    quota = _quota(cgroup)
    if quota is not None:
        counts.append(math.ceil(quota))
    return max(1, min(counts))


def _quota(cgroup: Path) -> float | None:
    """Processors that the container may use on average, or `None` where nothing limits it."""
    try:
        limit, period = (cgroup / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return None if limit_us <= 0 or period_us <= 0 else limit_us / period_us
