"""`fasttrack models`: list, show, promote, verify and copy the versions in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fasttrack.cli.completion import complete_model
from fasttrack.cli.options import (
    MODEL,
    SOURCE,
    DelimiterOption,
    EncodingOption,
    HeaderOption,
    QueryOption,
    RowsOption,
    SheetOption,
    StoreOption,
    TableOption,
    TrackingOption,
    read_options,
)
from fasttrack.cli.progress_display import TransferBar
from fasttrack.cli.tables import Table, TableColumn, is_terminal, output, print_table
from fasttrack.cli.version_summary import (
    describe,
    engine_line,
    leaderboard_heading,
    leaderboard_table,
    quality_heading,
    quality_table,
    search_line,
)
from fasttrack.errors import ConfigError, FastTrackError, StoreError
from fasttrack.schemes import example_list
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest, TrainingRecord
    from fasttrack.contract.schema import Column, Contract
    from fasttrack.store import Store

__all__ = ["models"]

models = typer.Typer(help="List, show, promote, verify and copy the versions in a store.", no_args_is_help=True)

_SpecArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help=f"{MODEL}.", autocompletion=complete_model, show_default=False)
]
_PromoteOption = Annotated[bool, typer.Option("--promote", help="Make the copy the champion of the other store.")]
_WhyOption = Annotated[
    str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT", show_default="none")
]
_OTHER_STORE = f"The other store: a folder, or {example_list('store')}."
_LISTED_CATEGORIES = 6


@models.command("list")
def models_list(store: StoreOption = "model") -> None:
    """List every version of every model, oldest first; * marks the champion."""
    opened = _open(store)
    console = output()
    names = opened.names()
    if not names:
        console.print(
            f"store {opened.location} is empty; train a model: fasttrack train DATA --target COLUMN", markup=False
        )
        return
    table, damage = _versions_table(opened, names)
    print_table(console, table)
    for problem in damage:
        console.print(Text.assemble(("damaged:", "red"), f" {problem}"))


@models.command("show")
def models_show(spec: _SpecArgument, store: StoreOption = "model") -> None:
    """Show what a version was trained on, how good it is, and its columns."""
    opened = _open(store)
    name, version = opened.resolve(spec)
    manifest = opened.manifest(name, version)
    training = manifest.training
    mark = "  champion" if opened.champion(name) == version else ""
    console = output()
    console.print(Text.assemble((f"{name}@{version}", "bold"), f"{mark}  {describe(manifest)}"))
    console.print(Text(f"created {manifest.created}, commit {manifest.git_commit or 'unknown'}"))
    console.print(Text(f"source {_source(training)}; {training.split}"))
    if training.search is not None:
        console.print(Text(search_line(training.search)))
    console.print(Text(engine_line(manifest)))
    if training.leaderboard is not None:
        console.print(Text(leaderboard_heading(training.leaderboard)))
        print_table(console, leaderboard_table(training.leaderboard))
    console.print(quality_heading(manifest))
    print_table(console, quality_table(manifest))
    print_table(console, _contract_table(manifest.contract))


@models.command("promote")
def models_promote(
    spec: Annotated[
        str,
        typer.Argument(metavar="MODEL@VERSION", help="The version that is to serve.", autocompletion=complete_model),
    ],
    alias: Annotated[
        str | None,
        typer.Option(
            "--alias", help="The alias to move: champion or challenger.", metavar="ALIAS", show_default="champion"
        ),
    ] = None,
    why: _WhyOption = "",
    store: StoreOption = "model",
    tracking: TrackingOption = None,
) -> None:
    """Make a version the champion; running servers switch to it within about a second."""
    from fasttrack.jobs.promote import promote
    from fasttrack.store import CHAMPION

    move = promote(spec, store=store, alias=alias or CHAMPION, why=why, tracking=tracking)
    before = "" if move.before in (None, move.version) else f", before it was {move.before}"
    typer.echo(f"{move.name}: {move.version} is {move.alias}{before}")
    if move.mirrored is not None:
        typer.echo(move.mirrored)


@models.command("rollback")
def models_rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.", autocompletion=complete_model)],
    why: _WhyOption = "",
    store: StoreOption = "model",
    tracking: TrackingOption = None,
) -> None:
    """Make the previous champion of a model the champion again."""
    from fasttrack.jobs.promote import rollback

    opened = _open(store)
    opened.resolve(name)
    move = rollback(name, store=opened, why=why, tracking=tracking)
    typer.echo(f"{name}: {move.version} is champion again, instead of {move.before}")
    if move.mirrored is not None:
        typer.echo(move.mirrored)


@models.command("verify")
def models_verify(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help=f"{MODEL}.", show_default="every version", autocompletion=complete_model
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help=f"Also prove on this table that the compiled model predicts as scikit-learn does: {SOURCE}.",
            metavar="DATA",
            show_default="check the files only",
        ),
    ] = None,
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    header: HeaderOption = "auto",
    store: StoreOption = "model",
) -> None:
    """Check every file of a version against its digest; with --data, also compare its predictions."""
    opened = _open(store)
    reading = read_options(delimiter, encoding, sheet, header)
    if data is not None:
        _prove(opened, spec, data, query=query, table=table, sample=rows, reading=reading)
        return
    if query is not None or table is not None or rows is not None or reading.given():
        raise ConfigError("--query, --table, --rows and the options for reading a file need a table: --data DATA")
    if spec is not None:
        _verify(opened, spec)
    else:
        _verify_all(opened)


@models.command("push")
def models_push(
    spec: _SpecArgument,
    to: Annotated[str, typer.Argument(metavar="STORE", help=_OTHER_STORE)],
    promote: _PromoteOption = False,
    store: StoreOption = "model",
) -> None:
    """Copy a version from this store to another. A repeated push only sends what is missing there."""
    _copy(store, spec, to, promote=promote)


@models.command("pull")
def models_pull(
    source: Annotated[str, typer.Argument(metavar="STORE", help=_OTHER_STORE)],
    spec: _SpecArgument,
    promote: Annotated[bool, typer.Option("--promote", help="Make the copy the champion of this store.")] = False,
    store: StoreOption = "model",
) -> None:
    """Copy a version from another store to this one. A repeated pull only fetches what is missing here."""
    _copy(source, spec, store, promote=promote)


def _versions_table(store: Store, names: list[str]) -> tuple[Table, list[str]]:
    """A record for each version, and what is wrong with the versions and pointers that cannot be read."""
    grouped = is_terminal()  # in a pipe each line must say by itself which model it is about
    columns = [TableColumn(""), TableColumn("version"), TableColumn("created"), TableColumn("estimator", narrowest=12)]
    columns += [TableColumn("quality"), TableColumn("engine")]
    if not grouped:
        columns.insert(1, TableColumn("model"))
    table = Table(columns, title_columns=2)
    damage: list[str] = []
    for name in names:
        try:
            champion = store.champion(name)
        except StoreError as error:
            champion = None
            damage.append(str(error))
        manifests, broken = store.readable_versions(name)
        damage += map(str, broken)
        if grouped:
            table.add_heading(name)
        for manifest in manifests:
            table.add(
                "*" if manifest.version == champion else "",
                *([] if grouped else [name]),
                manifest.version,
                manifest.created[:16].replace("T", " "),
                manifest.training.estimator,
                _headline(manifest),
                manifest.engine,
            )
    return table, damage


def _headline(manifest: Manifest) -> str:
    metric = manifest.metrics.get(manifest.primary_metric or "")
    return f"{manifest.primary_metric} {metric.value:.5g}" if metric else ""


def _source(training: TrainingRecord) -> str:
    """Where the rows came from, and which of them were taken."""
    parts = [training.source or "a DataFrame"]
    parts += [f"table {training.table}"] if training.table else []
    parts += [f"query {' '.join(training.query.split())}"] if training.query else []
    parts += [f"{option} {value}" for option, value in training.reading.given().items()]
    parts += [f"a random sample of {training.sample:,} rows"] if training.sample else []
    return ", ".join(parts)


def _contract_table(contract: Contract) -> Table:
    from fasttrack.contract.published import published_example

    columns = [
        TableColumn("column", narrowest=20),
        TableColumn("kind"),
        TableColumn("missing"),
        TableColumn("values", narrowest=20),
        TableColumn("example", narrowest=12),
    ]
    table = Table(columns)
    for column in contract.columns:
        missing = f"{column.missing_share:.1%}" if column.nullable else "never"
        table.add(repr(column.name), column.kind, missing, _values(column), _example(published_example(column)))
    return table


def _values(column: Column) -> str:
    """The published categories or range."""
    from fasttrack.contract.openapi import label_key
    from fasttrack.contract.published import category_count, published_categories, range_text

    count = category_count(column)
    if count is None:
        return "" if column.kind == "datetime" else range_text(column)
    published = published_categories(column)
    if not published:
        return f"{count:,}, none listed"
    listed = [label_key(label) for label in published[:_LISTED_CATEGORIES]]
    return f"{count:,}: {', '.join(listed)}{', …' if count > len(listed) else ''}"


def _example(value: object) -> str:
    from fasttrack.contract.openapi import label_key

    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else label_key(value)


def _verify(store: Store, spec: str) -> None:
    manifest = store.verify(*store.resolve(spec))
    typer.echo(f"{manifest.name}@{manifest.version}: ok, {len(manifest.files)} files match their digests")


def _verify_all(store: Store) -> None:
    """Check every version and pointer. Raises FastTrackError with the numbers of those that are damaged."""
    specs = [f"{name}@{version}" for name in store.names() for version in store.identifiers(name)]
    pointers = list(store.check_aliases())
    if not specs and not pointers:
        raise FastTrackError(f"store {store.location} is empty; train a model first: fasttrack train")
    damaged = 0
    for spec in specs:
        try:
            _verify(store, spec)
        except FastTrackError as error:
            damaged += 1
            typer.echo(f"{spec}: {error}", err=True)
    for problem in pointers:
        typer.echo(f"{problem}", err=True)
    if damaged or pointers:
        parts = [f"{damaged} of {len(specs)} versions are damaged"] * bool(damaged)
        parts += [f"{len(pointers)} aliases cannot be resolved"] * bool(pointers)
        raise FastTrackError(" and ".join(parts))


def _prove(store: Store, spec: str | None, data: str, **options: Any) -> None:
    """Prove a version on a table; `options` are those of `jobs.verify`."""
    from fasttrack.jobs import verify
    from fasttrack.settings import Settings

    if spec is None:
        address = redact_url(data)
        raise ConfigError(f"name the model to prove on {address}: fasttrack models verify MODEL --data {address}")
    bundle = store.open(spec)
    mismatch = Settings.from_environment().allow_version_mismatch
    proof = verify(bundle, data, **options, allow_version_mismatch=mismatch)
    if not proof.passed:
        raise FastTrackError(f"{bundle.label}: the proof failed: {proof.reason}; do not serve it, and train again")
    typer.echo(f"{bundle.label}: proved on {proof}")


def _copy(source: str, spec: str, to: str, *, promote: bool) -> None:
    from fasttrack.store import copy_version

    origin, destination = _open(source), _open(to)
    name, version = origin.resolve(spec)
    was_there = destination.has(name, version)
    with TransferBar(spec) as bar:
        bundle = copy_version(origin, f"{name}@{version}", destination, bar.update)
    size = sum(file.size for file in bundle.manifest.files.values())
    amount = "which had it already" if was_there else f"{size / 1e6:,.1f} MB"
    typer.echo(f"{bundle.label}: in {destination.location}, {amount}")
    if promote:
        from fasttrack.jobs.promote import promote as promote_version

        move = promote_version(bundle.label, store=destination, why=f"copied from {redact_url(source)}")
        typer.echo(f"{move.name}: {move.version} is champion there")
        if move.mirrored is not None:
            typer.echo(move.mirrored)


def _open(location: str) -> Store:
    from fasttrack.store import open_store

    return open_store(location)
