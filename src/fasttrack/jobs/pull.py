"""Pull a registered version from MLflow into a store, and promote it there on request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fasttrack.jobs.promote import AliasMove, move_alias
from fasttrack.store import CHAMPION
from fasttrack.tracking import Transfer, fetch_version, mirror_aliases
from fasttrack.tracking.registry import parse_model_uri

if TYPE_CHECKING:
    from fasttrack.store import Store
    from fasttrack.tracking import Place

__all__ = ["Pull", "pull"]


@dataclass(frozen=True)
class Pull:
    """A pulled version, and its promotion; `None` if none was requested or it was already the champion."""

    transfer: Transfer
    promotion: AliasMove | None = None


def pull(place: Place, spec: str, store: Store, *, promote: bool = False) -> Pull:
    """Copy what `models:/NAME@ALIAS` or `models:/NAME/NUMBER` means now into `store`, unless it is there already.

    With `promote`, it becomes the champion of the store, unless it is already. MLflow's own aliases follow only if the
    model was trained and tracked from this store, and never the alias that was pulled from: a server that follows
    MLflow must not move what it follows.
    Raises TrackingError when MLflow has no such version or does not answer, BundleError when it is damaged, StoreError.
    """
    transfer = fetch_version(place, spec, store)
    if not promote or store.alias(transfer.name, CHAMPION) == transfer.version:
        return Pull(transfer)
    followed = parse_model_uri(spec)[1] == CHAMPION
    mirror = partial(mirror_aliases, environment={}, source=place if followed else None)
    why = f"pulled {spec}, {transfer.registered}, from {place.label}"
    return Pull(transfer, move_alias(store, transfer.name, transfer.version, why=why, mirror=mirror))
