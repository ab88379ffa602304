"""A commented fasttrack.toml for a table, with its columns as they are read."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.config import TrainConfig
from fasttrack.config.template import toml_template
from fasttrack.data import Source
from fasttrack.errors import ConfigError
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.training.table import prepare
from fasttrack.training.task import choose_task
from fasttrack.urls import model_name, redact_url, split_path, strip_password

if TYPE_CHECKING:
    import pandas as pd

    from fasttrack.training.table import TrainingTable

__all__ = ["init"]


def init(
    data: str,
    target: str,
    output: Path = Path("fasttrack.toml"),
    *,
    query: str | None = None,
    table: str | None = None,
    rows: int | None = None,
    reading: ReadOptions = DEFAULT_READING,
    force: bool = False,
) -> Path:
    """Write a configuration that trains on the table `data`, and return its path.

    Of a database `query` or `table` is read; a file is read as `reading` says; `rows`: train on a random sample of this
    many. The configuration gets them too, but no password. Raises ConfigError when `output` exists (unless `force`) or
    cannot be written, DataError when the table cannot be used.
    """
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file with --output")
    if output.exists() and not force:
        raise ConfigError(f"{output} exists; choose another with --output, or --force to overwrite it")
    source = Source(data, query=query, table=table, reading=reading)
    ready = prepare(source.read(rows=rows), target, name=redact_url(data))
    values: dict[str, Any] = {
        "name": model_name(table or data),
        "source": _relative_source(data, output),
        "target": target,
        "query": query,
        "table": table,
        "rows": rows,
        **{option: reading.given().get(option) for option in ("delimiter", "encoding", "sheet", "header")},
    }
    choice = choose_task(ready.y)
    notes = {
        "source": [f"As it is read: {note}." for note in source.notes],
        "kinds": _column_notes(ready),
        "task": [f"By the values of the target: {choice.task} ({choice.reason})."],
    }
    if strip_password(data) != data:
        notes["source"] += ["The password is not in this file: set PGPASSWORD."]
    if importlib.util.find_spec("mlflow") is not None:  # whoever installed it wants to see trainings in it
        values["tracking"] = "sqlite:///mlflow.db"
    else:
        notes["tracking"] = ["pip install 'fasttrack-mlops[mlflow]' first"]
    title = f"What to train: fasttrack train {output}"
    try:
        output.write_text(toml_template(TrainConfig, title, values, notes), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}; choose another with --output") from None
    return output


def _column_notes(ready: TrainingTable) -> list[str]:
    """Each column as it was read, as a line that can be uncommented and changed; then those that are left out."""
    lines = [
        f"{_text(name)} = {_text(ready.kinds[name])}  # {_about(ready.X[name])}" for name in map(str, ready.X.columns)
    ]
    return lines + [f"{_text(name)} is left out: {reason}" for name, reason in ready.left_out.items()]


def _about(column: pd.Series[Any]) -> str:
    missing = column.isna().mean()
    return f"{column.nunique():,} distinct, " + (f"{missing:.1%} missing" if missing else "never missing")


def _relative_source(data: str, output: Path) -> str:
    """The address without password, a path in it from the folder of `output` where it lies below it, else absolute."""
    parts = split_path(data)
    if parts is None or Path(parts[1]).is_absolute():
        return strip_password(data)
    folder, absolute = output.resolve().parent, Path(parts[1]).resolve()
    return parts[0] + str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)


def _text(value: str) -> str:
    """A TOML basic string, whose escapes are JSON's."""
    return json.dumps(value, ensure_ascii=False)
