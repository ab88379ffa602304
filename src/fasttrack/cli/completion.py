"""Shell completion of model names and versions, from a store on this machine."""

from __future__ import annotations

import typer

from fasttrack.errors import FastTrackError

__all__ = ["complete_model"]


def complete_model(ctx: typer.Context, incomplete: str) -> list[str]:
    """The models whose names begin with `incomplete`; after an `@`, the aliases and versions of the model.

    A store in object storage completes nothing: the answer would take as long as the network does.
    """
    from fasttrack.schemes import is_url
    from fasttrack.store import ALIASES, open_store

    location = ctx.params.get("store") or "model"
    if is_url(location):
        return []
    store = open_store(location)
    name, at, _ = incomplete.partition("@")
    try:
        candidates = [f"{name}@{version}" for version in (*ALIASES, *store.identifiers(name))] if at else store.names()
    except (FastTrackError, OSError):
        return []  # a message would appear in the middle of the line that is being typed
    return [candidate for candidate in candidates if candidate.startswith(incomplete)]
