"""Writes a journal in the form of the code that runs it: `python -m tests.journal.stored.write SCHEMA_VERSION`.

Run it once for each version of the schema, before the next version is begun, and keep what it writes: `journal.sqlite`,
`journal.sql` (PostgreSQL) and `export.json`, the rows that `export_batches` gave. Later versions must open all three.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.journal import Database, JournalModel, open_database
from fasttrack.journal.export import export_batches
from fasttrack.journal.predictions import Chunk, Entries, join_chunks, pack
from tests.servers.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["exported"]

START = 1_700_000_000.0
HOUSES, MAIL = "houses", "mail"
VERSIONS = {
    (HOUSES, "1a"): Contract(
        columns=[
            Column(name="area", kind="number", nullable=True, dtype="float64", minimum=20.0, maximum=400.0),
            Column(name="rooms", kind="integer", nullable=False, dtype="int64"),
            Column(name="town", kind="category", nullable=True, dtype="str", categories=["Ulm", "Köln"]),
            Column(name="garden", kind="boolean", nullable=False, dtype="bool"),
            Column(name="sold", kind="datetime", nullable=True, dtype="datetime64[us]"),
        ],
        target=Target(name="price", task="regression"),
    ),
    (MAIL, "1b"): Contract(
        columns=[
            Column(name="length", kind="integer", nullable=False, dtype="int64"),
            Column(name="floor", kind="category", nullable=False, dtype="int64", categories=[0, 1, 2]),
        ],
        target=Target(name="spam", task="binary", classes=["no", "yes"], probabilities=True),
    ),
}


def main() -> None:
    """Write the three files into the folder of the schema version."""
    folder = Path(__file__).parent / f"schema-{int(sys.argv[1])}"
    folder.mkdir(exist_ok=True)
    file = folder / "journal.sqlite"
    with open_database(str(file)) as database:
        _fill(database)
        rows = {model: exported(database, model) for model in (HOUSES, MAIL)}
        # one file, without a write-ahead log beside it
        database._connection._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        database._connection._connection.execute("VACUUM")
    (folder / "export.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    server = Postgres()
    try:
        with open_database(server.url) as database:
            _fill(database)
        (folder / "journal.sql").write_text(server.dump(), encoding="utf-8")
    finally:
        server.close()


def exported(database: Database, model: str) -> list[dict[str, object]]:
    """The predictions of a model as JSON's values, oldest first."""
    rows = [row for batch in export_batches(database, 0.0, model) for row in batch.to_pylist()]
    return [
        {name: value if isinstance(value, (str, int, float, type(None))) else str(value) for name, value in row.items()}
        for row in rows
    ]


def _fill(database: Database) -> None:
    random = np.random.default_rng(1)
    chunks = {model: list(_chunks(model, version, random)) for model, version in VERSIONS}
    for (model, version), contract in VERSIONS.items():
        database.append([JournalModel.of(model, version, contract, [])], chunks[model])
    first = chunks[HOUSES][:4]
    assert database.replace(4, join_chunks(first))
    labels = [(chunk.process, chunk.start, f"{chunk.start}.5") for chunk in chunks[HOUSES][::2]]
    labels += [(chunk.process, chunk.start + 1, '"yes"') for chunk in chunks[MAIL]]
    labels += [(chunks[MAIL][0].process, 100_000, "true"), ("nobody", 3, '"Ä \\u0000"')]
    database.label([(*label, START + 50.0 + i) for i, label in enumerate(labels)])


def _chunks(model: str, version: str, random: np.random.Generator) -> Iterator[Chunk]:
    process, contract = f"process{model}", VERSIONS[model, version]
    for start in range(0, 48, 6):
        at = START + start + np.arange(6) / 8
        cells = np.round(random.normal(50, 20, (6, len(contract.columns))))
        words: dict[int, dict[int, str]] = {}
        for place, column in enumerate(contract.columns):
            if column.categories is not None:
                cells[:, place] = random.integers(-1, len(column.categories), 6)
                unseen = np.flatnonzero(cells[:, place] == -1).tolist()
                words[place] = {row: f"söme word {row}" for row in unseen}
            elif column.kind == "boolean":
                cells[:, place] = random.integers(0, 2, 6)
            if column.nullable:
                cells[random.integers(6), place] = np.nan
        shares = None
        output = np.round(random.normal(300_000, 1_000, 6), 2)
        if contract.target.probabilities:
            yes = np.round(random.uniform(size=6), 3)
            shares, output = np.column_stack([1 - yes, yes]), (yes > 0.5).astype(float)
        content = pack(Entries(at, cells, output, shares, words))
        yield Chunk(process, start, 6, float(at[0]), float(at[-1]), model, version, content)


if __name__ == "__main__":
    main()
