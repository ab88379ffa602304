"""The version that a command works on: the one that was named, or the model promoted last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.errors import StoreError

if TYPE_CHECKING:
    from fasttrack.store import Store

__all__ = ["model_or_latest"]


def model_or_latest(store: Store, spec: str | None, purpose: str) -> str:
    """`spec`, or the model promoted last. Raises StoreError if the store has no model to `purpose`, such as `watch`."""
    chosen = spec or store.latest()
    if chosen is None:
        raise StoreError(
            f"store {store.location} has no model to {purpose}; train one first: fasttrack train DATA --target COLUMN"
        )
    return chosen
