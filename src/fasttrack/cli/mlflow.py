"""`fasttrack mlflow`: send trainings to MLflow, and bring registered versions from it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import StoreOption, TrackingOption
from fasttrack.cli.progress_display import StepDisplay
from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from fasttrack.tracking import Place

__all__ = ["mlflow"]

mlflow = typer.Typer(
    help="Send trainings to MLflow, and bring registered versions from it into the store.", no_args_is_help=True
)

_SpecArgument = Annotated[
    str, typer.Argument(metavar="models:/NAME@ALIAS", help="The registered version; or models:/NAME/NUMBER.")
]


@mlflow.command("status")
def status(store: StoreOption = "model") -> None:
    """List the trainings and champions that MLflow does not have yet, because it was down or was interrupted."""
    from fasttrack.tracking import spool_folder
    from fasttrack.tracking.spool import Spool

    spool = Spool(spool_folder(store))
    runs, models = spool.runs(), spool.pending_aliases()
    for run in runs:
        typer.echo(f"{run.model}@{run.version}: not yet sent to {run.uri}")
    for model in models:
        typer.echo(f"{model}: the champion alias is not yet set in MLflow")
    typer.echo("send them with: fasttrack mlflow send" if runs or models else "nothing to send")


@mlflow.command("send")
def send(tracking: TrackingOption = None, store: StoreOption = "model") -> None:
    """Send what MLflow does not have yet; see status."""
    from fasttrack.store import open_store
    from fasttrack.tracking import find_place, resume, spool_folder

    place = find_place(tracking)
    with StepDisplay() as display:
        results = resume(open_store(store), spool_folder(store), place, display.begin)
    for result in results:
        typer.echo(result.message)
    if not results:
        typer.echo("nothing to send")


@mlflow.command("pull")
def pull(
    spec: _SpecArgument,
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion of the store.")] = False,
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """Copy a registered version from MLflow into the store, and check every digest."""
    from fasttrack.jobs.pull import pull as pull_version
    from fasttrack.store import open_store

    place = _place(spec, store, tracking)
    with StepDisplay() as display:
        display.begin(f"pulling {spec} from {place.label}")
        pulled = pull_version(place, spec, open_store(store), promote=promote)
    transfer, promotion = pulled.transfer, pulled.promotion
    came = "pulled" if transfer.downloaded else "was already in the store"
    promoted = "" if promotion is None else ", and is now champion"
    typer.echo(f"{transfer.registered}: {transfer.name}@{transfer.version} {came}{promoted}")
    if promotion is not None and promotion.mirrored is not None:
        typer.echo(promotion.mirrored)
    if not promote:
        typer.echo(f"to serve it: fasttrack models promote {transfer.name}@{transfer.version}")


@mlflow.command("follow")
def follow(
    spec: _SpecArgument,
    every: Annotated[float, typer.Option(help="How often to look, in seconds.", min=0.1, metavar="SECONDS")] = 10.0,
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """Keep the champion of the store at the version of an alias in MLflow, until Ctrl-C or SIGTERM."""
    from fasttrack.jobs.follow import follow as follow_alias
    from fasttrack.store import open_store

    place = _place(spec, store, tracking)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("fasttrack").setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    follow_alias(place, spec, open_store(store), stop, every_s=every)


def _place(spec: str, store: str, tracking: str | None) -> Place:
    """Where the registry is. Raises ConfigError before anything is opened if that is not known."""
    from fasttrack.tracking import recall_place, spool_folder
    from fasttrack.tracking.registry import parse_model_uri

    name, _, _ = parse_model_uri(spec)
    place = recall_place(spool_folder(store), name, tracking)
    if place is None:
        raise ConfigError("no MLflow is configured; name it with --tracking URI or FASTTRACK_TRACKING")
    return place
