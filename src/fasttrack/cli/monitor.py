"""`fasttrack monitor`: files with which Prometheus and Grafana watch a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.model_choice import model_or_latest
from fasttrack.cli.options import ModelArgument, StoreOption

__all__ = ["monitor"]

monitor = typer.Typer(help="Write dashboard, rules and alerts for Prometheus and Grafana.", no_args_is_help=True)


@monitor.callback()
def _group() -> None:
    """Keep `build` a subcommand: typer would make a group of one command the command itself."""


@monitor.command("build")
def build(  # a parameter for each option
    spec: ModelArgument = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.", metavar="FOLDER")] = Path(
        "monitoring"
    ),
    no_alert: Annotated[
        list[str] | None,
        typer.Option(
            "--no-alert",
            help="A column whose drift raises no alert, such as a month. Repeat it for more.",
            metavar="COLUMN",
            show_default="none",
        ),
    ] = None,
    slo_seconds: Annotated[
        float, typer.Option(help="Objective: a prediction is answered within this time.", metavar="SECONDS")
    ] = 0.1,
    slo_share: Annotated[
        float, typer.Option(help="Objective: the share of predictions answered in time.", metavar="SHARE")
    ] = 0.99,
    job: Annotated[str, typer.Option(help="The job_name in prometheus.yml.", metavar="NAME")] = "fasttrack",
    target: Annotated[
        str, typer.Option(help="The server to scrape, for a new prometheus.yml.", metavar="HOST:PORT")
    ] = "localhost:8000",
    store: StoreOption = "model",
) -> None:
    """Write a dashboard, recording rules, alerts with runbooks, and their tests, from the contract of a model."""
    from fasttrack.monitoring import plan_for, write_all
    from fasttrack.store import open_store

    opened = open_store(store)
    name, version = opened.resolve(model_or_latest(opened, spec, "watch"))
    manifest = opened.manifest(name, version)
    plan = plan_for(manifest, no_alert=no_alert or (), job=job, slo_seconds=slo_seconds, slo_share=slo_share)
    for path in write_all(plan, output, target=target):
        typer.echo(f"wrote {path}")
    typer.echo(f"test the rules with: promtool test rules {output / 'rules_test.yml'}")
