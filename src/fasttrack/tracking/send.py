"""Send runs to MLflow. A run is on disk until it is sent; if MLflow is down, it waits there for `resume`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.errors import BundleError, ConfigError, StoreError, TrackingError
from fasttrack.store import CHALLENGER, CHAMPION
from fasttrack.tracking.client import client
from fasttrack.tracking.place import Place, complete_place, recall_place, remember_place, spool_folder
from fasttrack.tracking.registry import mirror
from fasttrack.tracking.run_upload import upload
from fasttrack.tracking.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fasttrack.store import Store
    from fasttrack.tracking.record import RunRecord

__all__ = ["TrackingResult", "mirror_aliases", "resume", "track"]


@dataclass(frozen=True)
class TrackingResult:
    """The result of sending a run: its id and registered number in MLflow, or why it still waits."""

    message: str
    run_id: str | None = None
    number: str | None = None


def track(place: Place, record: RunRecord, store: Store, folder: Path) -> TrackingResult:
    """Send one run, its bundle and the aliases. If MLflow is down, the run waits in the spool `folder`."""
    spool = Spool(folder)
    try:
        spool.add(record)
        remember_place(folder, record.model, place)
        with spool.lock(record) as locked, client(place) as mlflow:
            if locked:
                return _send(mlflow, place, record, store, spool)
        return TrackingResult(f"run {record.id} is being sent by another process")
    except TrackingError as error:
        return TrackingResult(f"not tracked yet: {error}; the run is on disk; to send it later: fasttrack mlflow send")
    except (StoreError, BundleError) as error:
        return TrackingResult(f"not tracked: {error}")


def resume(
    store: Store, folder: Path, given: Place | None = None, tell: Callable[[str], None] = lambda step: None
) -> list[TrackingResult]:
    """Send the runs that wait in the spool `folder`, oldest first, to their places or to `given`; then the aliases.

    Raises TrackingError at the first that cannot be sent, StoreError when the bundle is gone.
    """
    spool = Spool(folder)
    results = []
    with _clients() as open_client:
        for record in spool.runs():
            place = given or complete_place(record.uri, record.experiment)
            tell(f"sending {record.model}@{record.version} to {place.label}")
            with spool.lock(record) as locked:
                if not locked:
                    continue
                try:
                    results.append(_send(open_client(place), place, record, store, spool))
                except (StoreError, BundleError) as error:
                    raise StoreError(f"{error}; to discard that run, delete {spool.path(record)}") from error
        for model in spool.pending_aliases():
            model_place = given or recall_place(folder, model)
            if model_place is not None:
                tell(f"moving the aliases of {model} in {model_place.label}")
                results.append(_mirror(open_client(model_place), model_place, model, store, spool, CHAMPION))
    return results


def mirror_aliases(
    store: Store,
    model: str,
    given: str | None = None,
    *,
    alias: str = CHAMPION,
    environment: Mapping[str, str] = os.environ,
    source: Place | None = None,
) -> str | None:
    """Let MLflow's aliases follow the store's, if the model is tracked; returns a message, `None` if it is not.

    MLflow's address is `given`, else the one in `environment`, else where the model was tracked before. `alias` is the
    one that moved. Nothing is done at `source`, the place that the version was pulled from. If MLflow is down or its
    address is incomplete, that is no error, since the store's alias has moved already: `resume` mirrors it later.
    """
    folder = spool_folder(store.location)
    spool = Spool(folder)
    try:
        place = recall_place(folder, model, given, environment=environment)
        if place is None or (source is not None and place.uri == source.uri):
            return None
        with client(place) as mlflow:
            return _mirror(mlflow, place, model, store, spool, alias).message
    except (ConfigError, StoreError, TrackingError) as error:
        spool.add_pending_aliases(model)
        return f"MLflow's alias is behind: {error}; to move it later: fasttrack mlflow send"


def _send(mlflow: Any, place: Place, record: RunRecord, store: Store, spool: Spool) -> TrackingResult:
    bundle = store.open(f"{record.model}@{record.version}")
    run = upload(mlflow, place, record, bundle)
    versions = _versions(store, record.model)
    if CHALLENGER not in versions and record.version != versions.get(CHAMPION):
        versions[CHALLENGER] = record.version  # the store was written by a version without challengers
    mirror(mlflow, record.model, versions)
    spool.remove(record)
    aliases = [alias for alias, version in versions.items() if version == record.version]
    name = f"{record.model} version {run.number}" + (f" ({aliases[0]})" if aliases else "")
    return TrackingResult(f"tracked: {name}, run {run.run_id} in {place.label}", run.run_id, run.number)


def _mirror(mlflow: Any, place: Place, model: str, store: Store, spool: Spool, alias: str) -> TrackingResult:
    versions = _versions(store, model)
    number = mirror(mlflow, model, versions).get(alias)
    spool.remove_pending_aliases(model)
    version = versions.get(alias)
    if version is None:
        return TrackingResult(f"MLflow: {model} has no {alias}")
    if number is None:
        return TrackingResult(
            f"MLflow at {place.label} has no version {version} of {model}: its alias stays where it is"
        )
    return TrackingResult(f"MLflow: {model} version {number} is {alias}", number=number)


def _versions(store: Store, model: str) -> dict[str, str | None]:
    """The versions by alias, without aliases that were never set. A cleared challenger is `None`."""
    champion = store.alias(model, CHAMPION)
    versions: dict[str, str | None] = {} if champion is None else {CHAMPION: champion}
    if store.pointer_state(model, CHALLENGER) is not None:
        versions[CHALLENGER] = store.alias(model, CHALLENGER)
    return versions


@contextmanager
def _clients() -> Iterator[Callable[[Place], Any]]:
    """A function that opens one client for each place, closed at the end."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        opened: dict[str, Any] = {}

        def open_client(place: Place) -> Any:
            if place.uri not in opened:
                opened[place.uri] = stack.enter_context(client(place))
            return opened[place.uri]

        yield open_client
