"""`fasttrack models`: look after the versions in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import MODEL, SOURCE, QueryOption, RowsOption, StoreOption, TableOption, TrackingOption
from fasttrack.errors import ConfigError, FastTrackError
from fasttrack.urls import shown

if TYPE_CHECKING:
    from fasttrack.store import Store

__all__ = ["models"]

models = typer.Typer(
    help="The versions in a store: list, show, promote, roll back, verify, push, pull.", no_args_is_help=True
)
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]
PromoteOption = Annotated[bool, typer.Option("--promote", help="Make it the champion there.")]


@models.command("list")
def models_list(store: StoreOption = "model") -> None:
    """List every model and version, oldest first; * marks the champion."""
    from fasttrack.console import show_versions

    show_versions(_store(store))


@models.command("show")
def models_show(
    spec: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL)], store: StoreOption = "model"
) -> None:
    """Show what a version was trained on, how good it is, and its columns."""
    from fasttrack.console import show_manifest

    found = _store(store)
    name, version = found.resolve(spec)
    show_manifest(found.manifest(name, version), champion=found.champion(name) == version)


@models.command("promote")
def models_promote(
    spec: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="The version that is to serve.")],
    alias: Annotated[str | None, typer.Option("--alias", help="champion (the default) or challenger.")] = None,
    why: WhyOption = "",
    store: StoreOption = "model",
    tracking: TrackingOption = None,
) -> None:
    """Make a version the champion; servers that follow it switch within a second or so."""
    from fasttrack.jobs.promote import promote
    from fasttrack.store import CHAMPION

    move = promote(spec, store=store, alias=alias or CHAMPION, why=why, tracking=tracking)
    before = "" if move.before in (None, move.version) else f", before it was {move.before}"
    typer.echo(f"{move.name}: {move.version} is {move.alias}{before}")
    if move.mirrored is not None:
        typer.echo(move.mirrored)


@models.command("rollback")
def models_rollback(
    name: Annotated[str, typer.Argument(help="The model.")],
    why: WhyOption = "",
    store: StoreOption = "model",
    tracking: TrackingOption = None,
) -> None:
    """Make the champion before this one the champion again."""
    from fasttrack.jobs.promote import rollback

    move = rollback(name, store=store, why=why, tracking=tracking)
    typer.echo(f"{name}: {move.version} is champion again, instead of {move.before}")
    if move.mirrored is not None:
        typer.echo(move.mirrored)


@models.command("verify")
def models_verify(
    spec: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=f"{MODEL}; else every version.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help=f"Prove on its rows that the compiled model answers as scikit-learn does. {SOURCE}."
        ),
    ] = None,
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    store: StoreOption = "model",
) -> None:
    """Check every file of a version against the digests in its manifest; with --data, its answers too."""
    found = _store(store)
    if data is not None:
        _prove(found, spec, data, query, table, rows)
        return
    if query is not None or table is not None or rows is not None:
        raise ConfigError("--query, --table and --rows are of the table that --data names")
    specs = [spec] if spec else [f"{name}@{version}" for name in found.names() for version in found.identifiers(name)]
    if not specs and not any(found.check_aliases()):
        raise FastTrackError(f"store {store} is empty; train a model first: fasttrack train")
    failures = 0
    for one in specs:
        try:
            manifest = found.verify(*found.resolve(one))
            typer.echo(f"{manifest.name}@{manifest.version}: ok, {len(manifest.files)} files match their digests")
        except FastTrackError as error:
            if spec:
                raise
            failures += 1
            typer.echo(f"{one}: {error}", err=True)
    astray = [] if spec else list(found.check_aliases())
    for trouble in astray:
        typer.echo(f"{trouble}", err=True)
    if failures or astray:
        damage = [f"{failures} of {len(specs)} versions are damaged"] * bool(failures)
        damage += [f"{len(astray)} aliases cannot be resolved"] * bool(astray)
        raise FastTrackError(" and ".join(damage))


def _prove(store: Store, spec: str | None, data: str, query: str | None, table: str | None, rows: int | None) -> None:
    from fasttrack.jobs.verify import verify_on
    from fasttrack.settings import Settings

    if spec is None:
        raise ConfigError(
            f"which model is to be proved on {shown(data)}? name it: fasttrack models verify MODEL --data {shown(data)}"
        )
    bundle = store.open(spec)
    mismatch = Settings.from_environment().allow_version_mismatch
    proof = verify_on(bundle, data, query=query, table=table, sample=rows, allow_version_mismatch=mismatch)
    if not proof.passed:
        raise FastTrackError(f"{bundle.label}: the proof failed: {proof.reason}; train again, and do not serve it")
    typer.echo(f"{bundle.label}: proved on {proof}")


@models.command("push")
def models_push(
    spec: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL)],
    to: Annotated[str, typer.Argument(metavar="TO", help="The other store: a folder, or s3://BUCKET/PREFIX.")],
    promote: PromoteOption = False,
    store: StoreOption = "model",
) -> None:
    """Copy a version from this store to another; what an earlier try has sent is not sent again."""
    _copy(store, spec, to, promote=promote)


@models.command("pull")
def models_pull(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The other store: a folder, or s3://BUCKET/PREFIX.")],
    spec: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL)],
    promote: PromoteOption = False,
    store: StoreOption = "model",
) -> None:
    """Copy a version from another store to this one; what an earlier try has brought is not asked for again."""
    _copy(source, spec, store, promote=promote)


def _copy(source: str, spec: str, to: str, *, promote: bool) -> None:
    from fasttrack.console import TransferBar
    from fasttrack.store import copy_version

    into = _store(to)
    with TransferBar(spec) as bar:
        bundle = copy_version(_store(source), spec, into, bar.watch)
    typer.echo(f"{bundle.label}: in {into.location}, {bar.told}")
    if promote:
        from fasttrack.jobs.promote import promote as run

        move = run(bundle.label, store=into, why=f"copied from {source}")
        typer.echo(f"{move.name}: {move.version} is champion there")
        if move.mirrored is not None:
            typer.echo(move.mirrored)


def _store(location: str) -> Store:
    from fasttrack.store import open_store

    return open_store(location)
