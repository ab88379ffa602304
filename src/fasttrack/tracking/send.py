"""Send runs to MLflow: kept on disk first, sent, then let go; what could not be sent waits for `resume`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.errors import BundleError, ConfigError, StoreError, TrackingError
from fasttrack.tracking.client import client
from fasttrack.tracking.place import Place, remember, remembered_place, whole_place
from fasttrack.tracking.registry import point
from fasttrack.tracking.run_upload import upload
from fasttrack.tracking.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fasttrack.store import Store
    from fasttrack.tracking.record import RunRecord

__all__ = ["Tracked", "mirror_champion", "resume", "track"]


@dataclass(frozen=True)
class Tracked:
    """What became of a run: `run_id` and `number` in MLflow, or why it still waits."""

    said: str
    run_id: str | None = None
    number: str | None = None


def track(place: Place, record: RunRecord, store: Store, spool_folder: Path) -> Tracked:
    """Send one run, its bundle and the aliases. A place that is down is no error: the run waits, and that is said."""
    spool = Spool(spool_folder)
    try:
        spool.add(record)
        remember(spool_folder, record.model, place)
        with spool.held(record) as ours, client(place) as mlflow:
            if ours:
                return _sent(mlflow, place, record, store, spool)
        return Tracked(f"run {record.id} is being sent by another process")
    except TrackingError as error:
        return Tracked(f"not tracked yet: {error}; the run is kept on disk, send it later: fasttrack mlflow send")
    except (StoreError, BundleError) as error:
        return Tracked(f"not tracked: {error}")


def resume(
    store: Store, spool_folder: Path, given: Place | None = None, tell: Callable[[str], None] = lambda step: None
) -> list[Tracked]:
    """Send what waits, oldest first, to where it was meant to go, or to `given`; then the aliases that are behind.

    Raises TrackingError at the first that cannot be sent, StoreError when the bundle is gone.
    """
    spool = Spool(spool_folder)
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
            owed = given or remembered_place(spool_folder, model)
            if owed is not None:
                tell(f"moving the aliases of {model} in {owed.shown}")
                sent.append(_mirrored(open_client(owed), owed, model, store, spool))
    return sent


def mirror_champion(store: Store, model: str, spool_folder: Path, given: str | None = None) -> str | None:
    """Let MLflow's alias follow the store's champion, where the model is tracked; says what was done, if anything.

    A place that is down, or cannot be used as it is known, is no error, for the champion has moved: the alias is moved
    by `resume` then, and that is said.
    """
    spool = Spool(spool_folder)
    try:
        place = remembered_place(spool_folder, model, given)
        if place is None:
            return None
        with client(place) as mlflow:
            return _mirrored(mlflow, place, model, store, spool).said
    except (ConfigError, TrackingError) as error:
        spool.owe_aliases(model)
        return f"MLflow's alias is behind: {error}; move it later: fasttrack mlflow send"


def _sent(mlflow: Any, place: Place, record: RunRecord, store: Store, spool: Spool) -> Tracked:
    bundle = store.open(f"{record.model}@{record.version}")
    done = upload(mlflow, place, record, bundle)
    champion = store.champion(record.model)
    challenger = record.version if record.version != champion else None
    point(mlflow, record.model, champion, challenger)
    spool.remove(record)
    alias = "champion" if challenger is None else "challenger"
    said = f"tracked: {record.model} version {done.number} ({alias}), run {done.run_id} in {place.shown}"
    return Tracked(said, done.run_id, done.number)


def _mirrored(mlflow: Any, place: Place, model: str, store: Store, spool: Spool) -> Tracked:
    champion = store.champion(model)
    number = point(mlflow, model, champion)
    spool.settle_aliases(model)
    if number is None:
        return Tracked(f"MLflow at {place.shown} has no version {champion} of {model}: its alias stays where it is")
    return Tracked(f"MLflow: {model} version {number} is champion", number=number)


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
