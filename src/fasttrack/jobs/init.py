"""A commented fasttrack.toml for a table, with its columns as they were understood."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from fasttrack.data import read_table
from fasttrack.errors import ConfigError
from fasttrack.training.table import prepare
from fasttrack.training.task import pick_task
from fasttrack.urls import model_name, redact_url, split_path, strip_password

__all__ = ["write_config"]


def write_config(
    data: str,
    target: str,
    output: Path,
    *,
    query: str | None = None,
    table: str | None = None,
    rows: int | None = None,
    force: bool = False,
) -> None:
    """Write `output` for the table `data`. Raises ConfigError when it exists, DataError when the table is unusable.

    Of a database, `query` or `table` is what is read; `rows` takes a random sample of so many. The configuration gets
    them too, but no password.
    """
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file with --output")
    if output.exists() and not force:
        raise ConfigError(f"{output} exists; choose another with --output, or --force to write over it")
    ready = prepare(read_table(data, query=query, table=table, rows=rows), target, name=redact_url(data))
    picked = pick_task(ready.y)
    source = strip_password(data)
    local = split_path(data)
    if local is not None:
        source = local[0] + _seen_from(output, local[1])
    lines = [
        "# What to train: fasttrack train " + str(output),
        f"name = {_text(model_name(table or data))}",
        'promote = "better"       # "never", "always", or "better" than the champion on the same hold-out rows',
        "confidence = 0.95        # better is what wins in this share of bootstrap resamples of these rows",
        "",
        "[data]",
        f"source = {_text(source)}" + ("" if strip_password(data) == data else "  # its password: PGPASSWORD"),
        *(f"{key} = {_text(value)}" for key, value in (("query", query), ("table", table)) if value is not None),
        *([f"rows = {rows}              # a random sample of so many"] if rows else []),
        f"target = {_text(target)}",
        "nulls = []               # further spellings of a missing value, beside NA, null, NaN and the empty cell",
        "ignore = []              # columns that must not be features",
        "",
        "[data.kinds]             # where the reading below is wrong: number, integer, boolean, category, datetime",
    ]
    for name in ready.X.columns:
        series = ready.X[name]
        lines.append(f"# {_text(str(name))} = {_text(ready.kinds[str(name)])}  # {_about(series)}")
    lines += [f"# {_text(name)} is left out: {reason}" for name, reason in ready.left_out.items()]
    lines += [
        "",
        "[split]",
        'method = "random"        # "group": whole groups to one side; "time": the latest rows are the hold-out',
        '# column = "..."         # the column of the groups, or of the times',
        "share = 0.2              # of the rows, for the hold-out",
        "seed = 0",
        "",
        "# [check]               # stop before fitting where the table is not what the champion expects",
        '# refuse = ["missing", "type"]      # and "range", "unseen", "new"',
        "# share = 0.0           # in more than this share of the rows",
        "",
        "[model]",
        'estimator = "auto"       # linear, boosting, forest, auto, or "module:factory" returning an estimator',
        f"# task = {_text(picked.task)}  # picked: {picked.reason}",
        "seed = 0",
        "",
        "# [search]               # tunes the estimator's hyperparameters on the training part, in its own space",
        "# trials = 50            # at most so many; with seconds, whichever ends first",
        "# seconds = 300          # for the trials; the last fit, the evaluation and the proof come after",
        "# [search.space]         # instead, for one estimator: its parameters, as get_params() names them",
        '# "model__learning_rate" = { low = 0.01, high = 0.3, log = true }',
        '# "model__max_leaf_nodes" = { low = 8, high = 128 }     # whole numbers',
        '# "model__max_features" = [0.5, 1.0]                    # choices',
        "",
        *_tracking(),
        "",
    ]
    try:
        output.write_text("\n".join(lines), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}; choose another with --output") from None


def _tracking() -> list[str]:
    """In use when MLflow is there: whoever installed it wants to see trainings in it."""
    lines = [
        "[tracking]               # each training as an MLflow run, each version in its registry",
        'uri = "sqlite:///mlflow.db"  # or http://HOST:PORT of an MLflow server, or "off"',
        '# experiment = "..."     # else the name above',
    ]
    if importlib.util.find_spec("mlflow") is not None:
        return lines
    return ["# pip install 'fasttrack-mlops[mlflow]' first", *(f"# {line.removeprefix('# ')}" for line in lines)]


def _about(series: object) -> str:
    import pandas as pd

    assert isinstance(series, pd.Series)  # noqa: S101  # a column of a frame without repeated names is one
    missing = series.isna().mean()
    distinct = series.nunique()
    return f"{distinct:,} distinct, " + (f"{missing:.1%} missing" if missing else "never missing")


def _seen_from(output: Path, data: str) -> str:
    path = Path(data)
    if path.is_absolute():
        return data
    folder = output.resolve().parent
    absolute = path.resolve()
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)
