"""From a table to a version that serves: train, evaluate, write the bundle, promote it when it is better.

`train` does it from a configuration or a table's name, `package` for a model that was fitted elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import pandas as pd

from fasttrack.bundle import (
    Bundle,
    Manifest,
    SearchRecord,
    TrainingRecord,
    installed_packages,
    program_files,
    write_bundle,
)
from fasttrack.compiler import try_to_compile
from fasttrack.config import JOURNAL, DataConfig, TrainConfig, load_config
from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.fitted_pipeline import answer, answers
from fasttrack.contract.frame import json_columns, matrix_from_frame, pipeline_input
from fasttrack.contract.learn import learn_columns, learn_contract
from fasttrack.data import Source, fingerprint, table_from_frame
from fasttrack.errors import ConfigError, DataError, FastTrackError, TrainingError, in_a_line
from fasttrack.evaluation import baseline, evaluate, primary
from fasttrack.expectations import check_training_table, training_expectation
from fasttrack.gate import Verdict, Weighed, clusters, decide, weigh
from fasttrack.jobs.journal_table import recorded_config, recorded_table
from fasttrack.metrics.reference import MOST_FEATURES, REFERENCE, Reference, calibration_error, learn_reference
from fasttrack.report import ReportData, build_report, examine, extract_plots, read_report
from fasttrack.schemes import is_url
from fasttrack.store import Store, open_store
from fasttrack.suggestions import names_hint
from fasttrack.tracking import Place, RunRecord, Tracked, find_place, record_run, spool_folder, track
from fasttrack.tracking.model_files import model_files
from fasttrack.training.factory import Factory, load_factory, unfitted
from fasttrack.training.holdout import HoldOut, ask
from fasttrack.training.own_code import own_code
from fasttrack.training.pipelines import BUILT_IN, build, choose
from fasttrack.training.sensitivity import sensitivity
from fasttrack.training.split import Split, check_labels, check_times, split
from fasttrack.training.table import TrainingTable, check_columns, prepare
from fasttrack.training.task import check_task, pick_task
from fasttrack.training.tuning import check_search, tune, with_search
from fasttrack.urls import model_name, redact_url, resolve_path

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Contract, Kind, Task
    from fasttrack.training.search import Searched

__all__ = ["Outcome", "package", "train"]

Tell = Callable[[str], None]
_FRAME = "a DataFrame"


@dataclass(frozen=True)
class Outcome:
    """What a training gave: the bundle in its store, and whether it serves."""

    bundle: Bundle
    verdict: Verdict
    searched: Searched | None = None
    """Every trial of the search, where one was asked for."""
    tracked: Tracked | None = None
    """What MLflow got, where tracking is asked for."""

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest: contract, metrics, training record."""
        return self.bundle.manifest


def train(
    source: str | Path | TrainConfig | pd.DataFrame,
    target: str | None = None,
    *,
    name: str | None = None,
    estimator: Any = None,
    task: Task | None = None,
    store: str | Path | None = None,
    promote: Literal["never", "always", "better"] | None = None,
    confidence: float | None = None,
    ignore: tuple[str, ...] = (),
    nulls: tuple[str, ...] = (),
    kinds: Mapping[str, Kind] | None = None,
    query: str | None = None,
    table: str | None = None,
    rows: int | None = None,
    since: str | None = None,
    journal: str | None = None,
    trials: int | None = None,
    search_seconds: float | None = None,
    space: Mapping[str, Any] | None = None,
    tracking: str | None = None,
    tell: Tell = lambda step: None,
) -> Outcome:
    """Train a model and put it in the store.

    `source` is a table (a file, folder or pattern of CSV, Parquet or JSON Lines, a URL, or a DataFrame) with `target`
    the column to predict, or a `fasttrack.toml`, whose values the other arguments override, or `journal`: the
    predictions of model `name` that have a label, `since` then (such as `30d`). Of a database, `query` or `table` is
    what is read; `rows` takes a random sample of so many. `estimator` is a name as on the command line, or an unfitted
    scikit-learn estimator. `store` defaults to FASTTRACK_STORE, then to `model`; `journal` to FASTTRACK_JOURNAL, then
    to the one in the store. `promote` = "better" makes it champion when it beats the one before in the share
    `confidence` of bootstrap resamples of the hold-out. `trials` or `search_seconds` ask for a search of
    hyperparameters, in the built-in estimators' own space or in `space`, such as
    `{"model__alpha": {"low": 0.1, "high": 10.0, "log": True}}`. `tracking` is where MLflow is, or `off`; it defaults
    to FASTTRACK_TRACKING, then to the configuration's, then to MLFLOW_TRACKING_URI. `tell` hears of each step.
    Raises FastTrackError (ConfigError, DataError, TrainingError, StoreError); nothing is written then.
    """
    began = time.time()
    home = open_store(_store(store))
    kept_at = journal or os.environ.get("FASTTRACK_JOURNAL") or "on"
    if isinstance(source, str) and source == JOURNAL:
        source = recorded_config(kept_at, home.location, name, since)
        target = target or source.data.target
    elif since is not None:
        raise ConfigError("--since is of the journal only: fasttrack train journal --since 30d")
    given = None if estimator is None or isinstance(estimator, str) else Factory(unfitted(estimator), None)
    named = estimator if given is None else type(estimator).__name__
    name_of = table.rpartition(".")[2] if table else str(source)
    config = _config(source, name_of, target, name, named, task, promote, confidence, ignore, nulls, kinds or {})
    config = _selecting(config, query, table, rows)
    config = with_search(config, trials, search_seconds, space)
    home.check_writable(config.name)
    place = _place(config, tracking)
    # fail on a wrong estimator before the table is read
    factory = given
    if factory is None and config.model.estimator not in BUILT_IN:
        factory = load_factory(config.model.estimator, config.folder)
    check_search(config, None if factory is None else factory.estimator)
    expected = training_expectation(home, config) if config.check.refuse else None

    called = redact_url(config.data.source)
    tell(f"reading {called}")
    unread: list[str] = []
    if isinstance(source, pd.DataFrame):
        read = table_from_frame(source, kinds=config.data.kinds)
    elif config.data.source == JOURNAL:
        read = recorded_table(config, kept_at, home.location)
    else:
        read, unread = _read(config)
    if expected is not None:
        tell(f"checking against {expected.label}")
        check_training_table(expected, read, config)
    elif config.check.refuse:
        tell(f"nothing to check against: {config.name} has no champion yet")
    _needs(_split_columns(config), read.column_names, called)
    ready = prepare(read, config.data.target, ignore=config.data.ignore, unread=unread, name=called)
    picked, why = _task(ready, config)
    tell(f"{len(ready.X):,} rows, {ready.X.shape[1]} features, {picked} ({why})")

    by = _split_by(read, ready, config, called)
    parts = _split(ready, picked, config, by)
    X_train, y_train = ready.X.iloc[parts.train], ready.y.iloc[parts.train]
    X_test, y_test = ready.X.iloc[parts.test], ready.y.iloc[parts.test]
    if picked != "regression":
        check_labels(y_train, parts.note)
    notes = [*ready.notes]
    by_train = None if by is None else by[parts.train]
    columns: list[Column] = []
    if factory is not None:
        pipeline, label, code = factory.estimator, config.model.estimator, factory.source
    else:
        label, code = config.model.estimator, None
        columns = learn_columns(ready.X, ready.kinds)
        if label == "auto":
            tell("choosing between linear, boosting and forest")
            method, seed = config.split.method, config.model.seed
            choice = choose(columns, picked, X_train, y_train.to_numpy(), method=method, by=by_train, seed=seed)
            label = choice.estimator
            notes.append("auto chose among " + ", ".join(f"{k} {v:.6g}" for k, v in choice.scores.items()))
        pipeline = build(label, columns, picked, rows=len(X_train), seed=config.model.seed)
    tuned = tune(config, label, pipeline, columns, picked, X_train, y_train.to_numpy(), by=by_train, tell=tell)
    label = tuned.label
    tell(f"fitting {label} on {len(X_train):,} rows")
    fitted = _fit(tuned.estimator, X_train, y_train, label)
    contract = learn_contract(ready.X, fitted, target=config.data.target, task=picked, kinds=ready.kinds)
    tell(f"evaluating on {len(X_test):,} hold-out rows")
    together = clusters(config.split.method, None if by is None else by[parts.test])
    held = ask(fitted, contract, X_test, y_test, together)
    classes = contract.target.classes
    quality = evaluate(picked, y_test.to_numpy(), *held.told, classes, clusters=together)
    trivial = baseline(picked, y_train.to_numpy(), y_test.to_numpy(), classes, clusters=together)
    data = config.data
    seen = fingerprint(read, data.source, query=data.query, table_name=data.table, sample=data.rows)
    manifest = Manifest(
        name=config.name,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        git_commit=_git_commit(config.folder),
        contract=contract,
        training=TrainingRecord(
            estimator=label,
            rows=len(X_train),
            holdout_rows=len(X_test),
            split=parts.note,
            dropped_rows=ready.dropped_rows,
            left_out=ready.left_out,
            notes=notes,
            source=seen.source,
            schema=seen.columns,
            content_sha256=seen.content_sha256,
            search=_search_record(tuned.searched, config),
            query=seen.query,
            table=seen.table,
            sample=seen.sample,
        ),
        primary_metric=primary(picked, contract.target.probabilities).name,
        greater_is_better=primary(picked, contract.target.probabilities).greater_is_better,
        metrics=quality.metrics,
        baseline=trivial.metrics,
        packages=installed_packages(),
        files={},
    )
    weighed = weigh(home, config.name, contract, held)
    bundle = _publish(home, manifest, fitted, [code] if code else [], ready.X, held, weighed, tell)
    verdict = decide(home, bundle, config.promote, held, confidence=config.confidence, weighed=weighed)
    if place is None:
        return Outcome(bundle, verdict, tuned.searched)
    run = record_run(
        place,
        bundle.manifest,
        verdict=verdict.reason,
        config=config,
        pipeline=fitted,
        started=began,
        plots=extract_plots(read_report(bundle)),
        trials=() if tuned.searched is None else tuned.searched.trials,
    )
    return Outcome(bundle, verdict, tuned.searched, _track(place, run, home, store, tell))


def package(
    pipeline: Any,
    X: Any,
    y: Any,
    *,
    name: str | None = None,
    target: str | None = None,
    store: str | Path | None = None,
    promote: Literal["never", "always", "better"] = "better",
    code: tuple[str | Path, ...] = (),
    tracking: str | None = None,
    tell: Tell = lambda step: None,
) -> Outcome:
    """Put a scikit-learn model that was fitted elsewhere into the store.

    `X` [n, f] is the DataFrame (or array) it was fitted on, or a sample of it with every category and missing value
    that may come; the contract is learned from it. `y` [n] is its target; `target` and then `name` default to the name
    of the series, else to `target` and `model`. `code` names module files or package folders that the pipeline's own
    classes live in; single modules that nothing installed provides are found by themselves. `store` defaults to
    FASTTRACK_STORE, then to `model`. The figures in the manifest are measured on these rows and say so. `tracking` is
    as for `train`. `tell` hears of each step.
    Raises TrainingError when the pipeline is not fitted or does not take `X`, DataError when `X` cannot be described.
    """
    target = target or str(getattr(y, "name", None) or "target")
    name = name or (model_name(target) if getattr(y, "name", None) else "model")
    home = open_store(_store(store))
    home.check_writable(name)
    place = find_place(tracking)
    array = not isinstance(X, pd.DataFrame)
    frame = _named(X)
    answers = y if isinstance(y, pd.Series) else pd.Series(np.asarray(y).reshape(-1))
    if np.ndim(y) > 1 and np.shape(y)[1:] != (1,):
        raise TrainingError(f"y has {np.shape(y)[1]} columns; a model predicts one target, so give one column")
    if len(frame) != len(answers) or not len(frame):
        raise TrainingError(f"X has {len(frame):,} rows and y {len(answers):,}; both must have the same, and some")
    classifies = hasattr(pipeline, "classes_")
    picked: Task = "regression"
    if classifies:
        picked = "binary" if len(pipeline.classes_) == 2 else "multiclass"
    contract = learn_contract(frame, pipeline, target=target, task=picked, array=array)
    try:
        _check_one_target(pipeline, frame.iloc[:1].to_numpy() if contract.input == "array" else frame.iloc[:1])
        held = ask(pipeline, contract, frame, answers.reset_index(drop=True))
        quality = evaluate(picked, answers.to_numpy(), *held.told, contract.target.classes)
    except FastTrackError:
        raise
    except Exception as error:
        raise TrainingError(
            f"the pipeline does not predict on X: {type(error).__name__}: {error}; fit it first, on these columns"
        ) from error
    figure = primary(picked, contract.target.probabilities)
    manifest = Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        git_commit=_git_commit(Path()),
        contract=contract,
        training=TrainingRecord(
            estimator=type(pipeline).__name__,
            rows=len(frame),
            split="none: fitted elsewhere, measured on the rows it was packaged with",
        ),
        primary_metric=figure.name,
        greater_is_better=figure.greater_is_better,
        metrics=quality.metrics,
        packages=installed_packages(),
        files={},
    )
    own = own_code(pipeline)
    carried = [Path(one) for one in code]
    notes = [
        f"the package {package} must be installed where this model is loaded, or be packed with it: code=[...]"
        for package in own.packages
        if not any(Path(one).name == package for one in code)
    ]
    carried += [file for file in own.files if file not in {one.resolve() for one in carried}]
    record = msgspec.structs.replace(manifest.training, notes=notes)
    manifest = msgspec.structs.replace(manifest, training=record)
    weighed = weigh(home, name, contract, held)
    bundle = _publish(home, manifest, pipeline, carried, frame, held, weighed, tell)
    verdict = decide(home, bundle, promote, held, weighed=weighed)
    if place is None:
        return Outcome(bundle, verdict)
    plots = extract_plots(read_report(bundle))
    run = record_run(place, bundle.manifest, verdict=verdict.reason, pipeline=pipeline, plots=plots)
    return Outcome(bundle, verdict, tracked=_track(place, run, home, store, tell))


def _track(place: Place, run: RunRecord, home: Store, store: str | Path | None, tell: Tell) -> Tracked:
    tell(f"tracking in {place.shown}")  # importing MLflow takes seconds
    return track(place, run, home, spool_folder(_store(store)))


def _place(config: TrainConfig, given: str | None) -> Place | None:
    wanted = config.tracking
    return find_place(given, wanted.uri, experiment=wanted.experiment, folder=config.folder)


def _store(given: str | Path | None) -> str | Path:
    return given if given is not None else os.environ.get("FASTTRACK_STORE") or "model"


def _config(
    source: str | Path | TrainConfig | pd.DataFrame,
    name_of: str,
    target: str | None,
    name: str | None,
    estimator: str | None,
    task: Task | None,
    promote: Literal["never", "always", "better"] | None,
    confidence: float | None,
    ignore: tuple[str, ...],
    nulls: tuple[str, ...],
    kinds: Mapping[str, Kind],
) -> TrainConfig:
    if isinstance(source, TrainConfig):
        config = source
    elif isinstance(source, pd.DataFrame):
        if target is None:
            raise ConfigError("which column of the DataFrame is to be predicted? name it: target=...")
        config = TrainConfig(name=model_name(target), data=DataConfig(source=_FRAME, target=target))
    elif str(source).endswith(".toml"):
        config = load_config(Path(source))
    elif target is None:
        raise ConfigError(f"which column of {redact_url(str(source))} is to be predicted? name it: --target COLUMN")
    else:
        config = TrainConfig(name=model_name(name_of), data=DataConfig(source=str(source), target=target))
    replace = msgspec.structs.replace
    data = replace(
        config.data,
        target=target or config.data.target,
        ignore=[*config.data.ignore, *ignore],
        nulls=[*config.data.nulls, *nulls],
        kinds={**config.data.kinds, **kinds},
    )
    model = replace(config.model, estimator=estimator or config.model.estimator, task=task or config.model.task)
    sure = config.confidence if confidence is None else confidence
    if not 0.5 <= sure < 1:
        raise ConfigError(f"--confidence {sure:g}: write a share from 0.5 up to, but not including, 1, such as 0.95")
    ruled = replace(config, promote=promote or config.promote, confidence=sure)
    return replace(ruled, name=name or config.name, data=data, model=model)


def _selecting(config: TrainConfig, query: str | None, table: str | None, rows: int | None) -> TrainConfig:
    """`config` with another choice of rows. Raises ConfigError where the source has no such choice."""
    data = config.data
    if query is not None or table is not None:
        options = {"query": query, "table": table}
    else:
        options = {"query": data.query, "table": data.table}
    if rows is not None and rows < 1:
        raise ConfigError(f"--rows {rows}: write how many rows to train on, from 1 up")
    if rows is not None and data.source == _FRAME:
        raise ConfigError("rows is of tables that are read; of a DataFrame give frame.sample(...)")
    try:
        data = msgspec.structs.replace(data, **options, rows=data.rows if rows is None else rows)
    except ValueError as error:
        raise ConfigError(f"{redact_url(config.data.source)}: {error}") from None
    return msgspec.structs.replace(config, data=data)


def _read(config: TrainConfig) -> tuple[pa.Table, list[str]]:
    """The columns that are needed, and the names of those that were not read, being ignored."""
    data = config.data
    source = Source(resolve_path(data.source, config.folder), nulls=data.nulls, query=data.query, table=data.table)
    check_columns(source.names, (data.target, *data.ignore), source.name)
    _needs(_split_columns(config), source.names, source.name)
    unread = [column for column in data.ignore if column not in (data.target, config.split.column)]
    columns = [column for column in source.names if column not in unread]
    return source.read(kinds=data.kinds, columns=columns, rows=data.rows, seed=config.split.seed), unread


def _split_columns(config: TrainConfig) -> list[str]:
    return [config.split.column] if config.split.column else []


def _needs(columns: list[str], there: list[str], source: str) -> None:
    for column in columns:
        if column not in there:
            raise DataError(f"{source} has no column {column!r} to split by{names_hint(column, there)}")


def _task(ready: TrainingTable, config: TrainConfig) -> tuple[Task, str]:
    if config.model.task is not None:
        check_task(ready.y, config.model.task)
        return config.model.task, "as configured"
    picked = pick_task(ready.y)
    return picked.task, picked.reason


def _split_by(table: pa.Table, ready: TrainingTable, config: TrainConfig, name: str) -> NDArray[Any] | None:
    """The groups or times [n] of the split. Raises DataError for times that have no order."""
    if config.split.column is None:
        return None
    column = table.column(config.split.column)
    if config.split.method == "time":
        check_times(column, config.split.column, name)
    found: NDArray[Any] = column.to_pandas().to_numpy()[ready.kept]
    return found


def _split(ready: TrainingTable, task: Task, config: TrainConfig, by: NDArray[Any] | None) -> Split:
    return split(
        len(ready.X),
        method=config.split.method,
        share=config.split.share,
        seed=config.split.seed,
        y=None if task == "regression" else ready.y.to_numpy(),
        groups=by if config.split.method == "group" else None,
        times=by if config.split.method == "time" else None,
    )


def _search_record(searched: Searched | None, config: TrainConfig) -> SearchRecord | None:
    if searched is None:
        return None
    return SearchRecord(
        params=searched.best_params,
        trials=len(searched.trials),
        seconds=config.search.seconds,
        metric=searched.metric,
        score=searched.score,
        default_score=searched.default_score,
        validation=searched.validation,
    )


def _fit(pipeline: Any, X: pd.DataFrame, y: pd.Series[Any], label: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a library's notes to its callers mean nothing to whoever trains a table
            return pipeline.fit(X, y.to_numpy())
    except Exception as error:
        raise TrainingError(
            f"{label} cannot be fitted on these columns: {in_a_line(error)}; "
            "choose another --estimator, or --ignore the column"
        ) from error


def _check_one_target(pipeline: Any, row: Any) -> None:
    shape = np.shape(answer(pipeline.predict, row))
    if shape != (1,):
        several = "several targets" if len(shape) > 1 and shape[1] > 1 else "a column, not a vector"
        raise TrainingError(
            f"the pipeline predicts {several}: an array of shape {shape} for one row; a model has one target, "
            "so fit it on y as a vector: y.to_numpy().ravel()"
        )


def _publish(
    store: Store,
    manifest: Manifest,
    pipeline: Any,
    code: list[Path],
    X: pd.DataFrame,
    held: HoldOut,
    weighed: Weighed | None,
    tell: Tell,
) -> Bundle:
    """Compile and store. `held`: rows that the pipeline was not fitted on, if there are such; `weighed`: on those."""
    contract = manifest.contract
    _check_round_trip(contract, pipeline, X)
    tell("compiling and proving")
    matrix = matrix_from_frame(contract, X)
    compiled = try_to_compile(pipeline, contract, X, matrix, threads=os.cpu_count() or 1)
    manifest = msgspec.structs.replace(
        manifest,
        engine="sklearn" if compiled.program is None else "onnx",
        engine_reason=compiled.reason,
        refusals=compiled.input_rules,
        proof=compiled.proof,
    )
    reference = _reference(contract, pipeline, matrix, held)
    tell("writing the report")
    measured = examine(pipeline, contract, reference, held, matrix, compiled.program)
    tell(f"writing the bundle to {store.location}" if is_url(store.location) else "writing the bundle")
    others = model_files(manifest)
    others[REFERENCE] = msgspec.json.encode(reference)
    if compiled.program is not None:
        others |= program_files(compiled.program)
    return store.add(
        manifest.name,
        lambda folder: write_bundle(
            folder,
            manifest,
            pipeline,
            code=code,
            others=others,
            report=lambda versioned: build_report(ReportData(versioned, measured, weighed)).encode(),
        ),
    )


_TOLD_ROWS = 20_000
"""Predictions whose distribution drift is measured against."""


def _reference(contract: Contract, pipeline: Any, matrix: NDArray[np.float64], held: HoldOut) -> Reference:
    places = np.linspace(0, len(held.X) - 1, min(len(held.X), _TOLD_ROWS)).astype(int)
    told = held.prediction[places]
    error = None
    if contract.target.classes is not None:
        codes = {label: code for code, label in enumerate(contract.target.classes)}
        told = np.array([codes[label] for label in told.tolist()])
        if held.probabilities is not None:
            answers = np.array([codes.get(label, -1) for label in held.y.iloc[places].tolist()])
            error = calibration_error(held.probabilities[places], answers)
    wide = len(contract.columns) > MOST_FEATURES
    importance = sensitivity(pipeline, held.X, array=contract.input == "array") if wide else None
    learned = learn_reference(contract, matrix, told.astype(np.float64), importance=importance)
    return msgspec.structs.replace(learned, calibration_error=error)


_CHECKED_ROWS = 1000


def _check_round_trip(contract: Contract, pipeline: Any, X: pd.DataFrame) -> None:
    """Hold the promise before anything is written: rows sent as JSON get the pipeline's own answers."""
    some = X.iloc[np.linspace(0, len(X) - 1, min(len(X), _CHECKED_ROWS)).astype(int)]
    body = msgspec.json.encode({"columns": json_columns(contract, some)})
    try:
        batch = Decoder(contract, max_rows=_CHECKED_ROWS).rows(body)
    except RefusedRequest as refused:
        raise TrainingError(f"the contract refuses a row of its own training table: {refused.detail}") from None
    asked = contract.target.probabilities
    sent, sent_shares = answers(pipeline, pipeline_input(contract, batch.matrix, batch.text), probabilities=asked)
    direct, shares = answers(pipeline, some.to_numpy() if contract.input == "array" else some, probabilities=asked)
    same = sent == direct
    if contract.target.task == "regression":
        same |= np.isclose(sent, direct, rtol=1e-9, atol=0, equal_nan=True)
    if shares is not None and sent_shares is not None:
        same &= np.isclose(sent_shares, shares, rtol=0, atol=1e-9, equal_nan=True).all(axis=1)
    if not same.all():
        first = int(np.flatnonzero(~same)[0])
        raise TrainingError(
            f"the pipeline answers otherwise when its rows come as JSON (first at row {some.index[first]}); "
            "a column's dtype does not survive: convert it inside the pipeline"
        )


def _named(X: Any) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        values = np.asarray(X)
        if values.ndim != 2 or values.dtype.kind not in "fiub":
            raise DataError("X must be a DataFrame, or a 2-dimensional array of numbers")
        return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])
    if not all(isinstance(name, str) for name in X.columns):
        raise DataError("X has column names that are not text; set X.columns = X.columns.astype(str) before fitting")
    if not X.columns.is_unique:
        raise DataError(f"X has the column {X.columns[X.columns.duplicated()][0]!r} twice; rename one before fitting")
    return X.reset_index(drop=True)


def _git_commit(folder: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
        return done.stdout.strip()
    return None
