"""The journal as a table: what was asked, what was answered, and the truth where it is known."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.errors import ConfigError, DataError
from fasttrack.journal.predictions import identifier, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column
    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import Chunk, Entries, JournalModel

__all__ = ["export_batches", "since_seconds", "training_table"]

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_OF_EXPORT = ("prediction_id", "predicted_at", "model", "version")


def since_seconds(text: str, now: float | None = None) -> float:
    """The moment (seconds since 1970 UTC) that `30d`, `12h`, `90m` or `2w` ago means. Raises ConfigError."""
    found = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if found is None:
        raise ConfigError(f"--since {text}: write a number with m, h, d or w behind it, such as 30d")
    return (time.time() if now is None else now) - int(found[1]) * _UNITS[found[2]]


def export_batches(database: Database, since: float, model: str | None = None) -> Iterator[pa.RecordBatch]:
    """Predictions from `since` on with id, time, model, version, features, prediction and label, oldest first.

    All batches have the columns of the version that predicted last; of older ones those that it does not have are left
    out. Raises StoreError; DataError when there is none.
    """
    import pyarrow as pa

    chunks = sorted(database.chunks(since, float("inf"), model=model), key=lambda chunk: chunk.last)
    if not chunks:
        raise DataError(f"the journal holds no prediction {'' if model is None else f'of {model} '}since then")
    about = {(one.model, one.version): one for one in database.models()}
    latest = about[chunks[-1].model, chunks[-1].version]
    for chunk in chunks:
        entries = unpack(chunk.content)
        labels = database.labels_of(chunk)
        of = about[chunk.model, chunk.version]
        columns: dict[str, Any] = {
            "prediction_id": pa.array([identifier(chunk.process, chunk.start + i) for i in range(chunk.rows)]),
            "predicted_at": pa.array((entries.at * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
            "model": pa.array([chunk.model] * chunk.rows),
            "version": pa.array([chunk.version] * chunk.rows),
        }
        for name, values in _features(of, entries, latest.columns).items():
            columns[name if name not in _OF_EXPORT else f"feature_{name}"] = values
        columns["prediction"] = _answers(latest, entries.output.tolist(), of)
        columns["label"] = _labels(latest, [labels.get(i) for i in range(chunk.rows)])
        yield pa.RecordBatch.from_pydict(columns)


def training_table(database: Database, since: float, model: str | None = None) -> tuple[pa.Table, str]:
    """The labelled predictions from `since` on as a table of features and target, and the target's name.

    Only of versions that have every column of the one that predicted last. Raises StoreError; DataError when nothing is
    labelled.
    """
    import pyarrow as pa

    about = {(one.model, one.version): one for one in database.models()}
    latest: JournalModel | None = None
    parts: list[pa.Table] = []
    for chunk in database.chunks(since, float("inf"), model=model):
        of = about[chunk.model, chunk.version]
        latest = latest or of
        if of.model != latest.model and model is None:
            raise DataError(f"the journal holds predictions of {latest.model} and {of.model}; choose one with --name")
        if not {one.name for one in latest.columns} <= {one.name for one in of.columns}:
            continue
        part = _labelled(database, chunk, of, latest)
        if part is not None:
            parts.append(part)
    if latest is None or not parts:
        raise DataError("the journal holds no labelled prediction since then; labels come by POST /feedback")
    return pa.concat_tables(parts[::-1]), latest.target.name


def _labelled(database: Database, chunk: Chunk, of: JournalModel, latest: JournalModel) -> pa.Table | None:
    import pyarrow as pa

    labels = database.labels_of(chunk)
    if not labels:
        return None
    rows = sorted(labels)
    columns = _features(of, unpack(chunk.content), latest.columns)
    columns[latest.target.name] = _labels(latest, [labels[row] for row in range(chunk.rows) if row in labels])
    taken = {name: values.take(rows) for name, values in columns.items() if name != latest.target.name}
    return pa.table(taken | {latest.target.name: columns[latest.target.name]})


def _features(of: JournalModel, entries: Entries, wanted: Sequence[Column]) -> dict[str, Any]:
    import pyarrow as pa

    places = {column.name: place for place, column in enumerate(of.columns)}
    found = {}
    for column in wanted:
        if column.name in places:
            place = places[column.name]
            values = _column(of.columns[place], entries.matrix[:, place], dict(entries.words.get(place, {})))
        else:
            values = pa.nulls(len(entries))
        found[column.name] = values.cast(_type(column)) if values.type != _type(column) else values
    return found


def _column(column: Column, values: NDArray[np.float64], words: dict[int, str]) -> Any:
    import pyarrow as pa

    absent = np.isnan(values)
    if column.kind == "category":
        known = column.categories or []
        cells = [
            None if gone else str(known[int(code)]) if code >= 0 else words.get(row)
            for row, (code, gone) in enumerate(zip(values.tolist(), absent.tolist(), strict=True))
        ]
        return pa.array(cells, pa.string())
    numbers = np.where(absent, 0, values)
    if column.kind == "datetime":
        return pa.array((numbers * 1e6).round().astype(np.int64), pa.timestamp("us", "UTC"), mask=absent)
    if column.kind == "boolean":
        return pa.array(numbers != 0, pa.bool_(), mask=absent)
    if column.kind == "integer":
        return pa.array(numbers.astype(np.int64), pa.int64(), mask=absent)
    return pa.array(values, pa.float64(), mask=absent)


def _type(column: Column) -> Any:
    import pyarrow as pa

    kinds = {
        "category": pa.string(),
        "datetime": pa.timestamp("us", "UTC"),
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
    }
    return kinds[column.kind]


def _answers(latest: JournalModel, output: list[float], of: JournalModel) -> Any:
    classes = of.target.classes
    if classes is None:
        return _labels(latest, [None if one != one else one for one in output])
    return _labels(latest, [None if one != one else classes[int(one)] for one in output])


def _labels(latest: JournalModel, values: list[Any]) -> Any:
    import pyarrow as pa

    classes = latest.target.classes
    kind = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(type((classes or [0.0])[0]), pa.string())
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
