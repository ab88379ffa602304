"""The journal as the table of a training: the recorded predictions of a model whose labels have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from fasttrack.config import JOURNAL
from fasttrack.data import plain_table, with_reading
from fasttrack.errors import ConfigError, DataError
from fasttrack.journal import existing_journal
from fasttrack.journal.export import since_seconds, training_table

if TYPE_CHECKING:
    from fasttrack.config import TrainConfig
    from fasttrack.journal import Database, JournalModel

__all__ = ["journal_table", "with_journal_model"]


def with_journal_model(config: TrainConfig) -> TrainConfig:
    """`config` with the name and target of the model in the journal, where these are not given.

    A training on a table is returned as it is. Raises ConfigError when the journal holds several models and none is
    named, StoreError when it cannot be opened, DataError when it holds no prediction.
    """
    if config.data.source != JOURNAL:
        return config
    with existing_journal(config.journal, config.store) as database:
        names = sorted({model.model for model in database.models()})
        if not config.name and len(names) > 1:
            raise ConfigError(f"the journal holds predictions of {', '.join(names)}; choose one with --name")
        model = _latest(database, config.name)
    data = msgspec.structs.replace(config.data, target=config.data.target or model.target.name)
    return msgspec.structs.replace(config, name=config.name or model.model, data=data)


def journal_table(config: TrainConfig) -> pa.Table:
    """The features and labels of the model's predictions. Raises as `with_journal_model`."""
    with existing_journal(config.journal, config.store) as database:
        model = _latest(database, config.name)
        if model.target.name != config.data.target:
            raise DataError(f"the journal has labels of {model.target.name!r}, not of {config.data.target!r}")
        since = 0.0 if config.data.since is None else since_seconds(config.data.since)
        table = training_table(database, since, model)
    kinds = {column.name: column.kind for column in model.columns}
    table = plain_table(table, {**kinds, **config.data.kinds}, "the journal")
    readings = {column.name: column.reading for column in model.columns} | {model.target.name: model.target.reading}
    fields = [
        with_reading(field, readings[field.name], []) if field.name in readings else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))  # the next contract reads texts as this one does


def _latest(database: Database, name: str) -> JournalModel:
    model = database.latest(name or None)
    if model is None:
        raise DataError(f"the journal holds no prediction{f' of {name}' if name else ''}")
    return model
