"""Send runs to MLflow: kept on disk first, sent, then let go; what could not be sent waits for `resume`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.errors import BundleError, ConfigError, StoreError, TrackingError
from fasttrack.store import CHALLENGER, CHAMPION
from fasttrack.tracking.client import client
from fasttrack.tracking.place import Place, remember, remembered_place, spool_folder, whole_place
from fasttrack.tracking.registry import mirror
from fasttrack.tracking.run_upload import upload
from fasttrack.tracking.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fasttrack.store import Store
    from fasttrack.tracking.record import RunRecord

__all__ = ["Tracked", "mirror_aliases", "resume", "track"]


@dataclass(frozen=True)
class Tracked:
    """What became of a run: `run_id` and `number` in MLflow, or why it still waits."""

    said: str
    run_id: str | None = None
    number: str | None = None


def track(place: Place, record: RunRecord, store: Store, folder: Path) -> Tracked:
    """Send one run, its bundle and the aliases. If MLflow is down, the run waits in the spool `folder` for `resume`."""
    spool = Spool(folder)
    try:
        spool.add(record)
        remember(folder, record.model, place)
        with spool.held(record) as ours, client(place) as mlflow:
            if ours:
                return _sent(mlflow, place, record, store, spool)
        return Tracked(f"run {record.id} is being sent by another process")
    except TrackingError as error:
        return Tracked(f"not tracked yet: {error}; the run is kept on disk, send it later: fasttrack mlflow send")
    except (StoreError, BundleError) as error:
        return Tracked(f"not tracked: {error}")


def resume(
    store: Store, folder: Path, given: Place | None = None, tell: Callable[[str], None] = lambda step: None
) -> list[Tracked]:
    """Send the runs that wait in the spool `folder`, oldest first, to their places or to `given`; then the aliases.

    Raises TrackingError at the first that cannot be sent, StoreError when the bundle is gone.
    """
    spool = Spool(folder)
    sent = []
    with _clients() as open_client:
        for record in spool.waiting():
            place = given or whole_place(record.uri, record.experiment)
            tell(f"sending {record.model}@{record.version} to {place.shown}")
            with spool.held(record) as ours:
                if not ours:
                    continue
                try:
                    sent.append(_sent(open_client(place), place, record, store, spool))
                except (StoreError, BundleError) as error:
                    raise StoreError(f"{error}; to give that run up, delete {spool.path(record)}") from error
        for model in spool.owed_aliases():
            owed = given or remembered_place(folder, model)
            if owed is not None:
                tell(f"moving the aliases of {model} in {owed.shown}")
                sent.append(_mirrored(open_client(owed), owed, model, store, spool, CHAMPION))
    return sent


def mirror_aliases(
    store: Store,
    model: str,
    given: str | None = None,
    *,
    alias: str = CHAMPION,
    environment: Mapping[str, str] = os.environ,
    source: Place | None = None,
) -> str | None:
    """Let MLflow's aliases follow the store's, if the model is tracked; returns what was done, in words.

    Where MLflow is: `given`, else what `environment` names, else where the model was tracked before. `alias` is the one
    that moved. Nothing is done where the move came from: `source`. MLflow being down, or its address being incomplete,
    is no error, since the store's alias has moved already: `resume` mirrors it later, and the words say so.
    """
    folder = spool_folder(store.location)
    spool = Spool(folder)
    try:
        place = remembered_place(folder, model, given, environment=environment)
        if place is None or (source is not None and place.uri == source.uri):
            return None
        with client(place) as mlflow:
            return _mirrored(mlflow, place, model, store, spool, alias).said
    except (ConfigError, StoreError, TrackingError) as error:
        spool.owe_aliases(model)
        return f"MLflow's alias is behind: {error}; move it later: fasttrack mlflow send"


def _sent(mlflow: Any, place: Place, record: RunRecord, store: Store, spool: Spool) -> Tracked:
    bundle = store.open(f"{record.model}@{record.version}")
    done = upload(mlflow, place, record, bundle)
    versions = _versions(store, record.model)
    if CHALLENGER not in versions and record.version != versions.get(CHAMPION):
        versions[CHALLENGER] = record.version  # a store written before it knew challengers
    mirror(mlflow, record.model, versions)
    spool.remove(record)
    aliases = [alias for alias, version in versions.items() if version == record.version]
    name = f"{record.model} version {done.number}" + (f" ({aliases[0]})" if aliases else "")
    return Tracked(f"tracked: {name}, run {done.run_id} in {place.shown}", done.run_id, done.number)


def _mirrored(mlflow: Any, place: Place, model: str, store: Store, spool: Spool, alias: str) -> Tracked:
    versions = _versions(store, model)
    number = mirror(mlflow, model, versions).get(alias)
    spool.settle_aliases(model)
    if number is None:
        return Tracked(
            f"MLflow at {place.shown} has no version {versions.get(alias)} of {model}: its alias stays where it is"
        )
    return Tracked(f"MLflow: {model} version {number} is {alias}", number=number)


def _versions(store: Store, model: str) -> dict[str, str | None]:
    """The versions of the store's aliases; without those that were never set. A cleared challenger is `None`."""
    champion = store.alias(model, CHAMPION)
    versions: dict[str, str | None] = {} if champion is None else {CHAMPION: champion}
    if store.pointer_state(model, CHALLENGER) is not None:
        versions[CHALLENGER] = store.alias(model, CHALLENGER)
    return versions


@contextmanager
def _clients() -> Iterator[Callable[[Place], Any]]:
    """Opens one client a place, and keeps it."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        opened: dict[str, Any] = {}

        def open_client(place: Place) -> Any:
            if place.uri not in opened:
                opened[place.uri] = stack.enter_context(client(place))
            return opened[place.uri]

        yield open_client
