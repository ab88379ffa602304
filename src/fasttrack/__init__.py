"""FastTrack-MLOps: a table and a scikit-learn pipeline in, a proven, fast, watched and reversible service out.

`fasttrack.train(...)` trains on a table, `fasttrack.package(...)` takes a model fitted elsewhere. Both are loaded when
first used, so that a server, which needs neither, does not pay for scikit-learn and pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasttrack.lifecycle import Outcome, package, train

__all__ = ["Outcome", "package", "train"]


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fasttrack' has no attribute {name!r}")
    from fasttrack import lifecycle

    return getattr(lifecycle, name)
