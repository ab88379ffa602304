"""`fasttrack monitor`: what Prometheus and Grafana need to watch a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.options import MODEL, StoreOption
from fasttrack.errors import StoreError

__all__ = ["monitor"]

monitor = typer.Typer(help="What Prometheus and Grafana need to watch a model.", no_args_is_help=True)


@monitor.callback()
def _group() -> None:
    """A group, although it has one command so far."""


@monitor.command("build")
def build(
    spec: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=f"{MODEL}; else the one promoted last.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("monitoring"),
    calm: Annotated[
        list[str] | None, typer.Option(help="Column that drifts by nature, such as a month: no alert; may be repeated.")
    ] = None,
    slo_seconds: Annotated[float, typer.Option(help="A prediction is to be answered within so many seconds.")] = 0.1,
    slo_share: Annotated[float, typer.Option(help="So many of them, as a share.")] = 0.99,
    job: Annotated[str, typer.Option(help="The job_name in prometheus.yml.")] = "fasttrack",
    target: Annotated[str, typer.Option(help="HOST:PORT of the server, for a new prometheus.yml.")] = "localhost:8000",
    store: StoreOption = "model",
) -> None:
    """Write a dashboard, recording rules, alerts with runbooks and their tests, from a model's contract."""
    from fasttrack.monitoring import plan_for, write_all
    from fasttrack.store import open_store

    found = open_store(store)
    spec = spec or found.latest()
    if spec is None:
        raise StoreError(f"store {store} has no model to watch; train one first: fasttrack train")
    name, version = found.resolve(spec)
    manifest = found.manifest(name, version)
    plan = plan_for(manifest, calm=calm or (), job=job, slo_seconds=slo_seconds, slo_share=slo_share)
    for path in write_all(plan, output, target=target):
        typer.echo(f"wrote {path}")
    typer.echo(f"check with: promtool test rules {output / 'rules_test.yml'}")
