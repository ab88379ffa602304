"""Promote and roll back: verify a version, move an alias to it, record the move, and mirror it to MLflow.

Every move of a store's alias goes through this module, so that none of the four steps is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from fasttrack.errors import BundleError, ConfigError, FastTrackError, StoreError, in_a_line
from fasttrack.scoring.open import engine_of
from fasttrack.store import ALIASES, CHALLENGER, CHAMPION, Store, audit_record, open_store
from fasttrack.tracking import mirror_aliases

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AliasMove", "Mirror", "move_alias", "promote", "record_move", "rollback", "verify_version"]

Mirror = Callable[..., str | None]
"""Is called with the store, the model and `alias=` after the move; returns a message on MLflow's alias, or `None`."""


@dataclass(frozen=True)
class AliasMove:
    """An alias of a model that was moved from one version to another."""

    name: str
    alias: str
    before: str | None
    """`None` if the alias meant no version."""
    version: str
    mirrored: str | None = None
    """A message on MLflow's alias; `None` if the model is not tracked."""


def promote(
    spec: str,
    *,
    store: Store | str | Path | None = None,
    alias: str = CHAMPION,
    why: str = "",
    tracking: str | None = None,
) -> AliasMove:
    """Make the version that `spec` means the champion (or the challenger, by `alias`).

    `spec` is `NAME@VERSION`, or `NAME@ALIAS`. `store` defaults to FASTTRACK_STORE, then to `model`; `tracking` is where
    MLflow is, or `off`, and defaults to FASTTRACK_TRACKING, then to where the model was tracked before. `why` goes into
    the audit log. If MLflow does not answer, the promotion is done all the same, and MLflow's alias follows later.
    Raises ConfigError for an unknown alias, StoreError when there is no such version, the champion is to become the
    challenger or the store cannot be written, BundleError when the version is damaged; the alias has not moved then.
    """
    if alias not in ALIASES:
        raise ConfigError(f"alias {alias!r}: choose one of {', '.join(ALIASES)}")
    home = store if isinstance(store, Store) else open_store(store)
    name, version = home.resolve(spec)
    if alias == CHALLENGER and home.alias(name, CHAMPION) == version:
        raise StoreError(f"{name}@{version} is the champion; the challenger must be another version")
    return move_alias(home, name, version, alias=alias, why=why, mirror=partial(mirror_aliases, given=tracking))


def rollback(
    name: str, *, store: Store | str | Path | None = None, why: str = "", tracking: str | None = None
) -> AliasMove:
    """Make the champion before the present one the champion again. Arguments as for `promote`.

    Raises StoreError when there is no earlier champion, BundleError when it is damaged.
    """
    home = store if isinstance(store, Store) else open_store(store)
    while True:
        now, before = home.previous(name)
        verify_version(home, name, before)
        if home.point_back(name, expected=now):  # else another process has moved it in between
            break
    move = AliasMove(name, CHAMPION, now, before)
    record_move(home, move, "rollback", why)
    return replace(move, mirrored=mirror_aliases(home, name, tracking))


def move_alias(
    store: Store, name: str, version: str, *, alias: str = CHAMPION, why: str, mirror: Mirror = mirror_aliases
) -> AliasMove:
    """Verify `version`, make the alias mean it, record that, and mirror it. Raises as `promote`."""
    verify_version(store, name, version)
    move = AliasMove(name, alias, store.point(name, version, alias), version)
    record_move(store, move, "promote", why)
    return replace(move, mirrored=mirror(store, name, alias=alias))


def verify_version(store: Store, name: str, version: str) -> None:
    """Check every file of a version where it is stored, and load its graph if it is compiled.

    A pipeline that scikit-learn serves is not unpickled: promoting needs neither its packages nor trust in it. Raises
    BundleError naming what is damaged.
    """
    if store.verify(name, version).engine != "onnx":
        return
    bundle = store.fetch(name, version)
    try:
        engine_of(bundle)
    except FastTrackError:
        raise
    except Exception as error:  # onnxruntime's, which have no class in common
        raise BundleError(f"{bundle.label} cannot be opened: {in_a_line(error)}; train again") from error


def record_move(store: Store, move: AliasMove, what: str, why: str) -> None:
    """Write the audit record of a move. A version that became champion is no longer the challenger.

    Raises StoreError when the record cannot be written; the alias has moved then.
    """
    try:
        store.append_audit(audit_record(what, move.name, move.alias, move.before, move.version, why))
        if move.alias == CHAMPION and store.clear(move.name, CHALLENGER, expected=move.version):
            clear = audit_record("clear", move.name, CHALLENGER, move.version, None, "it is the champion now")
            store.append_audit(clear)
    except StoreError as error:
        raise StoreError(
            f"{move.name}@{move.version} is {move.alias} now, but that could not be recorded: {error}"
        ) from error
