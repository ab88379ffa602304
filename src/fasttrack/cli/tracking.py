"""`fasttrack track`, `pull` and `follow`: runs to MLflow, registered versions from it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import StoreOption, TrackingOption
from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from fasttrack.tracking import Place

__all__ = ["follow", "pull", "track"]

_SPEC = typer.Argument(metavar="models:/NAME@ALIAS", help="Or models:/NAME/NUMBER.")


def track(
    resume: Annotated[bool, typer.Option("--resume", help="Send what waits.")] = False,
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """List the runs that MLflow has not got yet, or send them with --resume."""
    from fasttrack.console import Progress
    from fasttrack.store import open_store
    from fasttrack.tracking import find_place, spool_folder
    from fasttrack.tracking import resume as send
    from fasttrack.tracking.spool import Spool

    folder = spool_folder(store)
    if resume:
        given = find_place(tracking)
        with Progress() as progress:
            done = send(open_store(store), folder, given, progress.tell)
        for one in done:
            typer.echo(one.said)
        if not done:
            typer.echo("nothing waits")
        return
    spool = Spool(folder)
    runs, aliases = spool.waiting(), spool.owed_aliases()
    for record in runs:
        typer.echo(f"{record.model}@{record.version} waits for {record.uri}")
    for model in aliases:
        typer.echo(f"the champion of {model} is not yet told")
    typer.echo("send with: fasttrack track --resume" if runs or aliases else "nothing waits")


def pull(
    spec: Annotated[str, _SPEC],
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion of the store.")] = False,
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """Bring a registered version from MLflow into the store, every digest checked."""
    from fasttrack.console import Progress
    from fasttrack.jobs.pull import pull as run
    from fasttrack.store import open_store

    place = _place(spec, store, tracking)
    with Progress() as progress:
        progress.tell(f"pulling {spec} from {place.shown}")
        done = run(place, spec, open_store(store), promote=promote)
    transfer = done.transfer
    came = "pulled" if transfer.downloaded else "was there already"
    promoted = "" if done.promotion is None else ", and is champion now"
    typer.echo(f"{transfer.registered}: {transfer.name}@{transfer.version} {came}{promoted}")
    if done.promotion is not None and done.promotion.mirrored is not None:
        typer.echo(done.promotion.mirrored)
    if not promote:
        typer.echo(f"let it serve: fasttrack models promote {transfer.name}@{transfer.version}")


def follow(
    spec: Annotated[str, _SPEC],
    every: Annotated[float, typer.Option(help="Look every so many seconds.", min=0.1)] = 10.0,
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """Keep the store's champion at what an alias in MLflow means, until stopped (Ctrl-C or SIGTERM)."""
    from fasttrack.jobs.follow import follow as run
    from fasttrack.store import open_store

    place = _place(spec, store, tracking)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("fasttrack").setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(place, spec, open_store(store), stop, every_s=every)


def _place(spec: str, store: str, tracking: str | None) -> Place:
    """Where the registry is. Raises ConfigError when that is not known, before anything is opened."""
    from fasttrack.tracking import remembered_place, spool_folder
    from fasttrack.tracking.registry import parse

    name, _, _ = parse(spec)
    place = remembered_place(spool_folder(store), name, tracking)
    if place is None:
        raise ConfigError("where is MLflow? name it: --tracking URI, or FASTTRACK_TRACKING")
    return place
