"""From a table to a version that serves: read, split, fit, evaluate, and publish."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fasttrack.config import JOURNAL, TrainConfig
from fasttrack.contract.learn import learn_contract
from fasttrack.contract.schema import base_kind
from fasttrack.data import field_findings
from fasttrack.evaluation import trivial_predictions
from fasttrack.expectations import check_training_table, training_expectation
from fasttrack.jobs.draft import Draft, draft_manifest
from fasttrack.jobs.journal_table import journal_table, with_journal_model
from fasttrack.jobs.publish import publish
from fasttrack.jobs.refitting import choose_served
from fasttrack.jobs.training_record import training_record
from fasttrack.progress import report_step
from fasttrack.store import open_store
from fasttrack.tracking import configured_place
from fasttrack.training.factory import own_factory
from fasttrack.training.fit import fit_model
from fasttrack.training.holdout import holdout_clusters, predict_holdout
from fasttrack.training.looks import kept_columns, look_at_rows, look_for_leaks, without_skipped
from fasttrack.training.read import check_split_column, read_training_table
from fasttrack.training.split import split_table
from fasttrack.training.table import check_columns, check_dates, prepare
from fasttrack.training.task import choose_task
from fasttrack.training.text_choice import vectorized_columns, without_columns
from fasttrack.training.threads import bounded_threads
from fasttrack.training.tuning import check_search
from fasttrack.training.weights import check_weights
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    import pyarrow as pa

    from fasttrack.jobs.outcome import Outcome
    from fasttrack.store import Store
    from fasttrack.training.factory import Factory
    from fasttrack.training.table import TrainingTable

__all__ = ["train"]


def train(config: TrainConfig) -> Outcome:
    """Train a model, put it into the store, and make it the champion if the configured rule allows it.

    What cannot be used is refused before the table is read, as far as it is known then. Raises ConfigError, DataError,
    TrainingError, StoreError; nothing is written then.
    """
    started = time.time()
    store = open_store(config.store)
    config = with_journal_model(config)
    store.check_writable(config.name)
    place = configured_place(config.tracking, config.folder)
    factory = own_factory(config.model, config.folder)
    check_search(config, factory)
    check_weights(config, factory)
    source = redact_url(config.data.source)
    table, unread, notes = _read(config, store, source)
    with bounded_threads(table.num_rows * table.num_columns):
        ready = _prepare(config, factory, table, unread, notes)
        return publish(_fit(config, factory, table, ready, started), config, store, place)


def _fit(config: TrainConfig, factory: Factory | None, table: pa.Table, ready: TrainingTable, started: float) -> Draft:
    """A model fitted and measured on the rows of `ready`, which was prepared from `table`."""
    source = redact_url(config.data.source)
    choice = choose_task(ready.y, config.model.task)
    features = f"{ready.X.shape[1]} feature{'s' * (ready.X.shape[1] != 1)}"
    report_step(f"{len(ready.X):,} rows, {features}, {choice.task} ({choice.reason})")
    config, ready = look_at_rows(config, ready, choice.task)
    rows = split_table(ready, table, choice.task, config.split, source)
    ready = look_for_leaks(config, ready, rows, choice.task)
    model = fit_model(config, factory, ready, rows, choice.task)
    ready, rows = without_columns(ready, rows, model.unused)
    contract = learn_contract(
        ready.X,
        model.pipeline,
        target=config.data.target,
        task=choice.task,
        kinds=ready.kinds,
        readings=ready.readings,
        privacy=config.privacy.rule,
        positive=model.balance.positive,
        imbalanced=model.balance.imbalanced,
    )
    report_step(f"evaluating on {len(rows.X_test):,} hold-out rows")
    clusters = holdout_clusters(config.split.decided, rows.by_test)
    holdout = predict_holdout(model.pipeline, contract, rows.X_test, rows.y_test, clusters, rows.w_test)
    served = choose_served(config, model, ready, contract, holdout)
    classes = served.contract.target.classes
    trivial = trivial_predictions(choice.task, rows.y_train.to_numpy(), len(rows.y_test), classes, rows.w_train)
    record = training_record(config, table, ready, rows, model)
    manifest = draft_manifest(
        config.name,
        served.contract,
        record,
        served.holdout,
        trivial=trivial,
        skip=config.check.skip,
        folder=config.folder,
    )
    return Draft(
        manifest,
        served.pipeline,
        ready.X,
        served.holdout,
        code=[model.code] if model.code else [],
        search=model.search,
        leaderboard=model.leaderboard,
        evaluated=model.pipeline if config.model.refit else None,
        started=started,
    )


def _prepare(
    config: TrainConfig, factory: Factory | None, table: pa.Table, unread: list[str], notes: list[str]
) -> TrainingTable:
    """Features and target of the `table`; the columns `unread` were not read, and `notes` say how it was read."""
    source = redact_url(config.data.source)
    kinds = {column: base_kind(kind) for column, kind in config.data.kinds.items()}
    kinds |= vectorized_columns(factory.estimator) if factory else {}
    ready = prepare(
        table,
        config.data.target,
        ignore=config.data.ignore,
        unread=unread,
        keep=kept_columns(config),
        kinds=kinds,
        weight=config.data.weight,
        name=source,
        notes=notes,
    )
    ready = without_skipped(config, ready)
    if "FT120" not in config.check.skip:
        split_findings = field_findings(table.schema.field(config.split.column)) if config.split.column else []
        check_dates([*ready.findings, *split_findings], source)
    return ready


def _read(config: TrainConfig, store: Store, source: str) -> tuple[pa.Table, list[str], list[str]]:
    """The table, checked against what the champion expects if that is asked for; the columns not read; and notes."""
    expected = training_expectation(store, config) if config.check.refuse else None
    report_step(f"reading {source}")
    unread: list[str] = []
    notes: list[str] = []
    if config.data.source == JOURNAL:
        table = journal_table(config)
    else:
        table, unread, notes = read_training_table(config)
    if expected is not None:
        report_step(f"checking against {expected.label}")
        check_training_table(expected, table, config)
    elif config.check.refuse:
        report_step(f"nothing to check against: {config.name} has no champion yet")
    check_split_column(config, table.column_names, source)
    check_columns([*table.column_names, *unread], config.privacy.hide, source)
    return table, unread, notes
