"""`fasttrack`: train, serve and predict; `fasttrack models` looks after the versions in a store."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fasttrack.errors import ConfigError, FastTrackError, StoreError

if TYPE_CHECKING:
    from fasttrack.store import Store

__all__ = ["main"]

app = typer.Typer(
    help="From a table and a scikit-learn pipeline to a prediction service that is proven, watched and reversible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models = typer.Typer(help="The versions in a store: list, show, promote, roll back, verify.", no_args_is_help=True)
app.add_typer(models, name="models")

StoreOption = Annotated[
    Path, typer.Option("--store", envvar="FASTTRACK_STORE", help="Folder that holds the models.", metavar="DIR")
]
_MODEL = "NAME, NAME@champion or NAME@VERSION"


def main() -> None:
    """Run the command line: a FastTrackError is told in one line, and exits with 1."""
    try:
        app(standalone_mode=True)
    except FastTrackError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.filename is not None:
            raise
        # what is printed goes nowhere: a full disk, or a reader that has left
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # else Python tries again while it exits
        sys.exit(f"error: the output cannot be written: {error.strerror}")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"fasttrack {metadata.version('fasttrack-mlops')}")
        raise typer.Exit


@app.command()
def train(
    source: Annotated[str, typer.Argument(help="A table (CSV, Parquet, JSON Lines), or a fasttrack.toml.")],
    target: Annotated[str | None, typer.Option(help="Column to predict; needed with a table.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; else the file's.")] = None,
    estimator: Annotated[
        str | None,
        typer.Option(help="linear, boosting, forest, auto, or module:factory that returns a scikit-learn estimator."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="regression, binary or multiclass; else from the target.")] = None,
    promote: Annotated[
        str | None, typer.Option(help="never, always, or better: when it is the first or beats the champion.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Column that must not be a feature; may be repeated.")
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option(help="Further spelling of a missing value; may be repeated.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=KIND: number, integer, boolean, category or datetime; may be repeated."),
    ] = None,
    store: StoreOption = Path("model"),
) -> None:
    """Train a model on a table and put it in the store."""
    from fasttrack.console import Progress, show_outcome
    from fasttrack.lifecycle import train as run

    with Progress() as progress:
        outcome = run(
            source,
            target,
            name=name,
            estimator=estimator,
            task=_choice("--task", task, ("regression", "binary", "multiclass")),
            store=store,
            promote=_choice("--promote", promote, ("never", "always", "better")),
            ignore=tuple(ignore or ()),
            nulls=tuple(null or ()),
            kinds=_kinds(kind or []),
            tell=progress.tell,
        )
    show_outcome(outcome, store)


@app.command()
def init(
    data: Annotated[str, typer.Argument(help="The table to train on.")],
    target: Annotated[str, typer.Option(help="Column to predict.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("fasttrack.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a commented fasttrack.toml for a table, with the columns as they were understood."""
    from fasttrack.scaffold import write_config

    write_config(data, target, output, force=force)
    typer.echo(f"wrote {output}; look it over, then: fasttrack train {output}")


@app.command()
def serve(
    store: StoreOption = Path("model"),
    model: Annotated[
        str | None, typer.Option(envvar="FASTTRACK_MODEL", help=f"{_MODEL}; else the one promoted last.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that serve; they count together.", min=1)] = 1,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request.")] = False,
) -> None:
    """Serve a model over HTTP. It follows promotions and rollbacks without losing a request."""
    from fasttrack.serving.run import run
    from fasttrack.settings import Settings

    environment = {**os.environ, "FASTTRACK_STORE": str(store)}
    if model is not None:
        environment["FASTTRACK_MODEL"] = model
    run(Settings.from_environment(environment), host=host, port=port, workers=workers, access_log=access_log)


@app.command()
def predict(
    values: Annotated[
        list[str], typer.Argument(help="COLUMN=VALUE pairs; for a model of one column the bare value does.")
    ],
    store: StoreOption = Path("model"),
    model: Annotated[
        str | None, typer.Option(envvar="FASTTRACK_MODEL", help=f"{_MODEL}; else the one promoted last.")
    ] = None,
) -> None:
    """Predict one row with a model of the store, without a server."""
    from fasttrack.contract.decode import RefusedRequest
    from fasttrack.contract.openapi import label_key
    from fasttrack.monitoring.metrics import ServingMetrics
    from fasttrack.serving.model import load_model
    from fasttrack.settings import Settings

    served = load_model(Settings(store=store, model=model), ServingMetrics())
    names = served.bundle.manifest.contract.names
    pairs = []
    for value in values:
        column, equals, text = value.partition("=")
        if not equals and len(names) != 1:
            raise ConfigError(f"{value!r} names no column; write COLUMN=VALUE, columns are {', '.join(names)}")
        pairs.append((column, text) if equals else (names[0], value))
    try:
        batch = served.decoder.query(pairs)
        scores = served.engine.score(batch)
    except RefusedRequest as refused:
        raise ConfigError(refused.detail) from None
    for warning in [*batch.warnings, *scores.warnings]:
        typer.echo(f"warning: {warning.column}: {warning.message}", err=True)
    typer.echo(label_key(scores.prediction[0]))


@models.command("list")
def models_list(store: StoreOption = Path("model")) -> None:
    """List every model and version, oldest first; * marks the champion."""
    from fasttrack.console import show_versions

    show_versions(_store(store))


@models.command("show")
def models_show(
    spec: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)], store: StoreOption = Path("model")
) -> None:
    """Show what a version was trained on, how good it is, and its columns."""
    from fasttrack.bundle import read_manifest
    from fasttrack.console import show_manifest

    found = _store(store)
    name, version = found.resolve(spec)
    show_manifest(read_manifest(found.root / name / version), champion=found.champion(name) == version)


@models.command("promote")
def models_promote(
    spec: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="The version that is to serve.")],
    store: StoreOption = Path("model"),
) -> None:
    """Make a version the champion; servers that follow it switch within a second or so."""
    found = _store(store)
    name, version = found.resolve(spec)
    found.open(f"{name}@{version}")  # a damaged bundle must not become champion
    try:
        before = found.champion(name)
    except StoreError:  # a damaged pointer is written anew
        before = None
    found.promote(name, version)
    typer.echo(
        f"{name}: {version} is champion" + (f", before it was {before}" if before not in (None, version) else "")
    )


@models.command("rollback")
def models_rollback(
    name: Annotated[str, typer.Argument(help="The model.")], store: StoreOption = Path("model")
) -> None:
    """Make the champion before this one the champion again."""
    found = _store(store)
    found.resolve(name)
    left, back = found.rollback(name)
    typer.echo(f"{name}: {back} is champion again, instead of {left}")


@models.command("verify")
def models_verify(
    spec: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=f"{_MODEL}; else every version.")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="A table: prove on its rows that the compiled model answers as scikit-learn does."),
    ] = None,
    store: StoreOption = Path("model"),
) -> None:
    """Check every file of a version against the digests in its manifest; with --data, its answers too."""
    found = _store(store)
    if data is not None:
        _prove(found, spec, data)
        return
    specs = [spec] if spec else [f"{name}@{one.name}" for name in found.names() for one in found.folders(name)]
    if not specs and not any(found.check_champions()):
        raise FastTrackError(f"store {store} is empty; train a model first: fasttrack train")
    failures = 0
    for one in specs:
        try:
            bundle = found.open(one)
            typer.echo(f"{bundle.label}: ok, {len(bundle.manifest.files)} files match their digests")
        except FastTrackError as error:
            if spec:
                raise
            failures += 1
            typer.echo(f"{one}: {error}", err=True)
    astray = [] if spec else list(found.check_champions())
    for trouble in astray:
        typer.echo(f"{trouble}", err=True)
    if failures or astray:
        damage = [f"{failures} of {len(specs)} versions are damaged"] * bool(failures)
        damage += [f"{len(astray)} champions cannot be found"] * bool(astray)
        raise FastTrackError(" and ".join(damage))


def _prove(store: Store, spec: str | None, data: str) -> None:
    from fasttrack.settings import Settings
    from fasttrack.verify import verify_on

    if spec is None:
        raise ConfigError(
            f"which model is to be proved on {data}? name it: fasttrack models verify MODEL --data {data}"
        )
    bundle = store.open(spec)
    mismatch = Settings.from_environment().allow_version_mismatch
    proof = verify_on(bundle, data, allow_version_mismatch=mismatch)
    if not proof.passed:
        raise FastTrackError(f"{bundle.label}: the proof failed: {proof.reason}; train again, and do not serve it")
    typer.echo(f"{bundle.label}: proved on {proof}")


def _store(root: Path) -> Store:
    from fasttrack.store import Store

    return Store(root)


def _choice(option: str, value: str | None, allowed: tuple[str, ...]) -> Any:
    if value is not None and value not in allowed:
        raise ConfigError(f"{option} {value}: choose one of {', '.join(allowed)}")
    return value


def _kinds(pairs: list[str]) -> dict[str, Any]:
    kinds = {}
    for pair in pairs:
        column, equals, kind = pair.rpartition("=")
        if not equals:
            raise ConfigError(f"--kind {pair}: write COLUMN=KIND")
        kinds[column] = _choice("--kind", kind, ("number", "integer", "boolean", "category", "datetime"))
    return kinds
