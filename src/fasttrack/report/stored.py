"""The report that is stored with a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.bundle import REPORT
from fasttrack.errors import BundleError

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle

__all__ = ["read_report"]


def read_report(bundle: Bundle) -> str:
    """The report as it was written with the version. Raises BundleError when it has none, or if it was changed."""
    if REPORT not in bundle.manifest.files:
        raise BundleError(
            f"{bundle.label} has no {REPORT}, because it was made without one; write one with: "
            f"fasttrack report {bundle.label} --data DATA"
        )
    return bundle.read(REPORT).decode()
