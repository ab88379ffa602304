"""The journal as a table: features, predictions, and labels where there are any."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.errors import ConfigError, DataError
from fasttrack.journal.feedback import label_problem
from fasttrack.journal.predictions import prediction_id, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column
    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import Chunk, Entries, JournalModel

__all__ = ["export_batches", "export_parquet", "since_seconds", "training_table"]

_PAST_INT64 = 2.0**63

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_EXPORT_COLUMNS = ("prediction_id", "predicted_at", "model", "version", "prediction", "label")


def since_seconds(text: str, now: float | None = None) -> float:
    """The moment (seconds since 1970 UTC) that was `30d`, `12h`, `90m` or `2w` ago. Raises ConfigError."""
    match = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if match is None:
        raise ConfigError(f"--since {text}: expected a number and a unit (m, h, d or w), such as 30d")
    return (time.time() if now is None else now) - int(match[1]) * _UNITS[match[2]]


def export_batches(database: Database, since: float, model: str | None = None) -> Iterator[pa.RecordBatch]:
    """Predictions from `since` on with id, time, model, version, features, prediction and label, oldest first.

    All batches have the columns of the version that predicted last; columns that only older versions have are left out.
    Raises StoreError; DataError if no version has predicted.
    """
    import pyarrow as pa

    latest = database.latest(model)
    if latest is None:
        raise DataError(f"the journal holds no prediction{'' if model is None else f' of {model}'}")
    version_of = _versions(database)
    for chunk in database.chunks(since, model=model, oldest_first=True):
        entries = unpack(chunk.content)
        labels = database.labels_of(chunk)
        version = version_of(chunk)
        columns: dict[str, Any] = {
            "prediction_id": pa.array([prediction_id(chunk.process, chunk.start + i) for i in range(chunk.rows)]),
            "predicted_at": pa.array((entries.at * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
            "model": pa.array([chunk.model] * chunk.rows),
            "version": pa.array([chunk.version] * chunk.rows),
        }
        for name, values in _features(version, entries, latest.columns).items():
            columns[name if name not in _EXPORT_COLUMNS else f"feature_{name}"] = values
        columns["prediction"] = _predictions(latest, entries.output.tolist(), version)
        columns["label"] = _labels(latest, [labels.get(i) for i in range(chunk.rows)])
        yield pa.RecordBatch.from_pydict(columns).filter(pa.array(entries.at >= since))


def export_parquet(database: Database, output: Path, since: float, model: str | None = None) -> tuple[int, int]:
    """Write the rows of `export_batches` to a Parquet file, completely or not at all.

    Returns the number of predictions and of labels. Raises ConfigError for another ending than .parquet; DataError if
    there is no prediction, or the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if output.suffix != ".parquet":
        raise ConfigError(f"{output}: the journal is exported to Parquet only; name a file that ends with .parquet")
    rows = labelled = 0
    partial = output.with_name(f".{output.name}.partial")
    writer: pq.ParquetWriter | None = None
    try:
        for batch in export_batches(database, since, model):
            if writer is None:
                writer = pq.ParquetWriter(partial, batch.schema)
            writer.write_batch(batch)
            rows += batch.num_rows
            labelled += batch.num_rows - batch.column("label").null_count
        if writer is None:
            raise DataError(f"the journal holds no prediction{'' if model is None else f' of {model}'} since then")
        writer.close()
        partial.replace(output)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{output} cannot be written: {' '.join(str(error).split())}") from None
    finally:
        partial.unlink(missing_ok=True)
    return rows, labelled


def training_table(database: Database, since: float, latest: JournalModel) -> pa.Table:
    """The labelled predictions of a model from `since` on, with the features and the target of its version `latest`.

    Versions that lack one of the columns are left out. Raises StoreError; DataError if no prediction has a label.
    """
    import pyarrow as pa

    version_of = _versions(database)
    names = {column.name for column in latest.columns}
    parts: list[pa.Table] = []
    for chunk in database.chunks(since, model=latest.model, oldest_first=True):
        version = version_of(chunk)
        if names <= {column.name for column in version.columns}:
            part = _labelled_rows(database, chunk, version, latest, since)
            parts += [] if part is None else [part]
    if not parts:
        raise DataError(
            f"the journal holds no labelled prediction of {latest.model} since then; see fasttrack feedback --help"
        )
    return pa.concat_tables(parts)


def _versions(database: Database) -> Callable[[Chunk], JournalModel]:
    """A function that returns the version that made a chunk, even if it was added only now."""
    known: dict[tuple[str, str], JournalModel] = {}

    def version_of(chunk: Chunk) -> JournalModel:
        key = chunk.model, chunk.version
        if key not in known:
            known.update({(model.model, model.version): model for model in database.models()})
        return known[key]

    return version_of


def _labelled_rows(
    database: Database, chunk: Chunk, version: JournalModel, latest: JournalModel, since: float
) -> pa.Table | None:
    """The labelled rows of a chunk with the columns of `latest`; `None` if there are none."""
    import pyarrow as pa

    labels = database.labels_of(chunk)
    if not labels:
        return None
    entries = unpack(chunk.content)
    rows = [row for row in sorted(labels) if entries.at[row] >= since]
    if not rows:
        return None
    columns = {name: values.take(rows) for name, values in _features(version, entries, latest.columns).items()}
    return pa.table(columns | {latest.target.name: _labels(latest, [labels[row] for row in rows])})


def _features(version: JournalModel, entries: Entries, columns: Sequence[Column]) -> dict[str, Any]:
    """The values of `columns` by name, with their types; null where the version does not have the column."""
    import pyarrow as pa

    places = {column.name: place for place, column in enumerate(version.columns)}
    features = {}
    for column in columns:
        if column.name in places:
            place = places[column.name]
            values = _values(version.columns[place], entries.matrix[:, place], entries.words.get(place, {}))
        else:
            values = pa.nulls(len(entries))
        features[column.name] = values.cast(_type(column)) if values.type != _type(column) else values
    return features


def _values(column: Column, values: NDArray[np.float64], words: Mapping[int, str]) -> Any:
    """The values of a column from float64[n] of the matrix, and the words that have no code by row."""
    import pyarrow as pa

    missing = np.isnan(values)
    if column.kind == "category":
        known = column.categories or []
        cells = [
            None if is_missing else str(known[int(code)]) if code >= 0 else words.get(row)
            for row, (code, is_missing) in enumerate(zip(values.tolist(), missing.tolist(), strict=True))
        ]
        return pa.array(cells, pa.string())
    if column.kind == "text":
        texts = [None if is_missing else words.get(row) for row, is_missing in enumerate(missing.tolist())]
        return pa.array(texts, pa.string())
    numbers = np.where(missing, 0, values)
    if column.kind == "datetime":
        return pa.array((numbers * 1e6).round().astype(np.int64), pa.timestamp("us", "UTC"), mask=missing)
    if column.kind == "boolean":
        return pa.array(numbers != 0, pa.bool_(), mask=missing)
    if column.kind == "integer":
        bounded = np.clip(numbers, -_PAST_INT64, np.nextafter(_PAST_INT64, 0))  # a wider number would change its sign
        return pa.array(bounded.astype(np.int64), pa.int64(), mask=missing)
    return pa.array(values, pa.float64(), mask=missing)


def _type(column: Column) -> Any:
    import pyarrow as pa

    kinds = {
        "category": pa.string(),
        "text": pa.string(),
        "datetime": pa.timestamp("us", "UTC"),
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
    }
    return kinds[column.kind]


def _predictions(latest: JournalModel, output: list[float], version: JournalModel) -> Any:
    """The predictions of a version as a column of the target of `latest`; null where there is no answer."""
    classes = version.target.classes
    values = [None if number != number else number if classes is None else classes[int(number)] for number in output]
    return _labels(latest, values)


def _labels(model: JournalModel, labels: list[Any]) -> Any:
    """Labels as a column of the target's type; labels of another type are null."""
    import pyarrow as pa

    usable = [None if label is None or label_problem(label, model.target) else label for label in labels]
    python_type = float if model.target.classes is None else type(model.target.classes[0])
    if python_type is int:
        usable = [None if label is None or label != int(label) else label for label in usable]
    arrow_type = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(python_type, pa.string())
    return pa.array([None if label is None else python_type(label) for label in usable], arrow_type)
