"""The journal as a table: what was asked, what was answered, and the truth where it is known."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.errors import ConfigError, DataError
from fasttrack.journal.labels import unusable
from fasttrack.journal.predictions import identifier, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column
    from fasttrack.journal.database import Database
    from fasttrack.journal.predictions import Chunk, Entries, JournalModel

__all__ = ["export_batches", "export_parquet", "since_seconds", "training_table"]

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_OF_EXPORT = ("prediction_id", "predicted_at", "model", "version", "prediction", "label")


def since_seconds(text: str, now: float | None = None) -> float:
    """The moment (seconds since 1970 UTC) that `30d`, `12h`, `90m` or `2w` ago means. Raises ConfigError."""
    found = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if found is None:
        raise ConfigError(f"--since {text}: write a number with m, h, d or w behind it, such as 30d")
    return (time.time() if now is None else now) - int(found[1]) * _UNITS[found[2]]


def export_batches(database: Database, since: float, model: str | None = None) -> Iterator[pa.RecordBatch]:
    """Predictions from `since` on with id, time, model, version, features, prediction and label, oldest first.

    All batches have the columns of the version that predicted last; of older ones those that it does not have are left
    out. Raises StoreError; DataError when no version has predicted.
    """
    import pyarrow as pa

    latest = database.latest(model)
    if latest is None:
        raise DataError(f"the journal holds no prediction{'' if model is None else f' of {model}'}")
    made_by = _makers(database)
    for chunk in database.chunks(since, model=model, oldest_first=True):
        entries = unpack(chunk.content)
        labels = database.labels_of(chunk)
        of = made_by(chunk)
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
        yield pa.RecordBatch.from_pydict(columns).filter(pa.array(entries.at >= since))


def export_parquet(database: Database, output: Path, since: float, model: str | None = None) -> tuple[int, int]:
    """Write what `export_batches` gives to a Parquet file, whole or not at all; returns predictions and labels in it.

    Raises ConfigError for a file of another kind, DataError when there is no prediction, or the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if output.suffix != ".parquet":
        raise ConfigError(f"{output}: the journal is exported to Parquet; name a file that ends with .parquet")
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


def training_table(database: Database, since: float, of: JournalModel) -> pa.Table:
    """The labelled predictions of a model from `since` on as a table of the features of version `of`, and the target.

    Versions that lack one of the columns are left out. Raises StoreError; DataError when nothing is labelled.
    """
    import pyarrow as pa

    maker = _makers(database)
    wanted = {one.name for one in of.columns}
    parts: list[pa.Table] = []
    for chunk in database.chunks(since, model=of.model, oldest_first=True):
        made_by = maker(chunk)
        if wanted <= {one.name for one in made_by.columns}:
            part = _labelled(database, chunk, made_by, of, since)
            parts += [] if part is None else [part]
    if not parts:
        raise DataError(
            f"the journal holds no labelled prediction of {of.model} since then; see fasttrack feedback --help"
        )
    return pa.concat_tables(parts)


def _makers(database: Database) -> Callable[[Chunk], JournalModel]:
    """What tells which version made a chunk, also if it has come only now."""
    known: dict[tuple[str, str], JournalModel] = {}

    def made_by(chunk: Chunk) -> JournalModel:
        key = chunk.model, chunk.version
        if key not in known:
            known.update({(one.model, one.version): one for one in database.models()})
        return known[key]

    return made_by


def _labelled(
    database: Database, chunk: Chunk, made_by: JournalModel, of: JournalModel, since: float
) -> pa.Table | None:
    import pyarrow as pa

    labels = database.labels_of(chunk)
    if not labels:
        return None
    entries = unpack(chunk.content)
    rows = [row for row in sorted(labels) if entries.at[row] >= since]
    if not rows:
        return None
    columns = {name: values.take(rows) for name, values in _features(made_by, entries, of.columns).items()}
    return pa.table(columns | {of.target.name: _labels(of, [labels[row] for row in rows])})


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


def _labels(of: JournalModel, values: list[Any]) -> Any:
    """Labels as a column of the type of the target's; one of another type, which a label may have, is null."""
    import pyarrow as pa

    usable = [None if value is None or unusable(value, of.target) else value for value in values]
    one = float if of.target.classes is None else type(of.target.classes[0])
    if one is int:
        usable = [None if value is None or value != int(value) else value for value in usable]
    kind = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(one, pa.string())
    return pa.array([None if value is None else one(value) for value in usable], kind)
