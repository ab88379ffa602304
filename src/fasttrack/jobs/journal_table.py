"""The journal as the table of a training: the predictions of a model whose labels have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.config import JOURNAL, DataConfig, TrainConfig
from fasttrack.data import plain_table
from fasttrack.errors import ConfigError, DataError
from fasttrack.journal import existing_journal
from fasttrack.journal.export import since_seconds, training_table

if TYPE_CHECKING:
    import pyarrow as pa

    from fasttrack.journal import Database, JournalModel

__all__ = ["recorded_config", "recorded_table"]


def recorded_config(where: str, store: str, name: str | None, since: str | None) -> TrainConfig:
    """The training of a model on its labelled predictions; without a name, of the one model that has predicted.

    `where`: as the setting FASTTRACK_JOURNAL. Raises ConfigError, StoreError, and DataError when nothing is recorded.
    """
    if since is not None:
        since_seconds(since)
    with existing_journal(where, store) as database:
        names = sorted({one.model for one in database.models()})
        if name is None and len(names) > 1:
            raise ConfigError(f"the journal holds predictions of {', '.join(names)}; choose one with --name")
        of = _latest(database, name)
    return TrainConfig(name=of.model, data=DataConfig(source=JOURNAL, target=of.target.name, since=since))


def recorded_table(config: TrainConfig, where: str, store: str) -> pa.Table:
    """The features and labels as `read_table` gives a table. Raises as `recorded_config`."""
    with existing_journal(where, store) as database:
        of = _latest(database, config.name)
        if of.target.name != config.data.target:
            raise DataError(f"the journal has labels of {of.target.name!r}, not of {config.data.target!r}")
        since = 0.0 if config.data.since is None else since_seconds(config.data.since)
        table = training_table(database, since, of)
    kinds = {column.name: column.kind for column in of.columns}
    return plain_table(table, {**kinds, **config.data.kinds}, "the journal")


def _latest(database: Database, name: str | None) -> JournalModel:
    found = database.latest(name)
    if found is None:
        raise DataError(f"the journal holds no prediction{'' if name is None else f' of {name}'}")
    return found
