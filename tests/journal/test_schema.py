"""The tables: created once, migrated from every version before, beside tables of others."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.errors import StoreError
from fasttrack.journal import Database, JournalModel, open_database, tables
from fasttrack.journal.connection import Cursor
from fasttrack.journal.predictions import Chunk, pack
from fasttrack.journal.tables import VERSION
from tests.journal.places import contract, entries
from tests.journal.stored.write import exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.synchronize import Barrier

    from tests.journal.places import Opened

STORED = sorted((Path(__file__).parent / "stored").glob("schema-*"))
TABLES = ["fasttrack_chunks", "fasttrack_labels", "fasttrack_models", "fasttrack_schema"]
TABLES_1 = ["chunks", "labels", "models"]
ADD_NOTE = "ALTER TABLE fasttrack_labels ADD COLUMN note TEXT"
INDEXES = {"fasttrack_chunks_last", "fasttrack_labels_at"}


@contextmanager
def plain(location: str) -> Iterator[Callable[..., list[Any]]]:
    """Runs statements without the journal's code."""
    if "://" in location:
        import psycopg

        with psycopg.connect(location, autocommit=True) as connection:

            def run(sql: str) -> list[Any]:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

            yield run
    else:
        with closing(sqlite3.connect(location, isolation_level=None)) as file:
            yield lambda sql: file.execute(sql).fetchall()


def restore(folder: Path, location: str) -> None:
    """Load a stored journal into a database, beside what is there."""
    if "://" in location:
        with plain(location) as run:
            run((folder / "journal.sql").read_text())
        return
    with (
        closing(sqlite3.connect(folder / "journal.sqlite")) as stored,
        closing(sqlite3.connect(location, isolation_level=None)) as target,
    ):
        target.executescript("\n".join(stored.iterdump()))


def names(location: str, kind: str = "table") -> list[str]:
    sql = f"SELECT name FROM sqlite_master WHERE type = '{kind}' AND sql IS NOT NULL ORDER BY name"
    if "://" in location:
        sql = f"SELECT {kind}name FROM pg_{kind}{'e' * (kind == 'index')}s WHERE schemaname = 'public' ORDER BY 1"
    with plain(location) as run:
        return [name for (name,) in run(sql)]


def about() -> JournalModel:
    return JournalModel.of("m", "v1", contract(), [])


def chunk(start: int, rows: int = 5, process: str = "p" * 10) -> Chunk:
    part = entries(rows, seed=start)
    return Chunk(process, start, rows, float(part.at[0]), float(part.at[-1]), "m", "v1", pack(part))


def interrupt_at(monkeypatch: pytest.MonkeyPatch, number: int, how: Callable[[], None]) -> None:
    """Call `how` instead of the statement with a number."""
    execute, statements = Cursor.execute, iter(range(10_000))

    def interrupted(self: Cursor, statement: str, parameters: Sequence[Any] = ()) -> None:
        if next(statements) == number:
            how()
        execute(self, statement, parameters)

    monkeypatch.setattr(Cursor, "execute", interrupted)


@pytest.mark.parametrize("folder", STORED, ids=lambda folder: folder.name)
def test_a_stored_journal_is_migrated_and_gives_the_same_rows(folder: Path, location: str, opened: Opened) -> None:
    restore(folder, location)
    database = opened(location)
    assert {model: exported(database, model) for model in ("houses", "mail")} == json.loads(
        (folder / "export.json").read_text()
    )
    assert database.labels() == 14
    assert names(location) == TABLES
    indexes = set(names(location, "index"))
    assert indexes - {f"{table}_pkey" for table in TABLES} == INDEXES
    with plain(location) as run:
        assert run("SELECT component, version FROM fasttrack_schema") == [("journal", VERSION)]
    database.append([about()], [chunk(0)])
    database.label([("p" * 10, 3, "1", 5.0), ("processmail", 100_000, "false", 0.0)])
    assert [owner and owner[0] for owner in database.owners([("processmail", 3), ("p" * 10, 4)])] == ["mail", "m"]
    assert database.labels() == 15
    assert database.sweep(most_bytes=0) == 96 + 5
    with open_database(location) as again:
        assert again.size() == 0
        assert [model.model for model in again.models()] == ["houses", "m", "mail"]


def test_a_new_journal_has_the_tables_of_a_migrated_one(location: str, opened: Opened) -> None:
    opened(location)
    assert names(location) == TABLES
    assert set(names(location, "index")) - {f"{table}_pkey" for table in TABLES} == INDEXES


class _Interrupt(Exception):
    pass


def _interrupt() -> None:
    raise _Interrupt


@pytest.mark.parametrize("stored", [None, *STORED], ids=lambda folder: folder.name if folder else "new")
def test_an_interruption_at_any_statement_leaves_everything_as_it_was(stored: Path | None, location: str) -> None:
    if stored:
        restore(stored, location)
    before = names(location)
    interruptions = 0
    for number in range(100):
        with pytest.MonkeyPatch.context() as patch:
            interrupt_at(patch, number, _interrupt)
            try:
                open_database(location).close()
            except _Interrupt:
                interruptions += 1
            else:
                break
        assert names(location) == before
    assert interruptions > 7
    assert names(location) == TABLES


def _kill_in_migration(location: str, number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, number, lambda: signal.raise_signal(signal.SIGKILL))
        open_database(location)


@pytest.mark.parametrize("folder", STORED, ids=lambda folder: folder.name)
def test_a_process_killed_in_the_migration_leaves_the_old_journal(folder: Path, location: str, opened: Opened) -> None:
    restore(folder, location)
    before = names(location)
    process = multiprocessing.get_context("spawn").Process(target=_kill_in_migration, args=(location, 8))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert names(location) == before
    assert opened(location).labels() == 14
    assert names(location) == TABLES


def _open_at_once(location: str, barrier: Barrier, number: int) -> None:
    barrier.wait(60)
    with open_database(location) as database:
        database.append([about()], [chunk(0, process=f"process{number}")])


@pytest.mark.parametrize("stored", [None, *STORED], ids=lambda folder: folder.name if folder else "new")
def test_processes_that_open_a_journal_at_once_all_write_into_it(
    stored: Path | None, location: str, opened: Opened
) -> None:
    if stored:
        restore(stored, location)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_open_at_once, args=(location, barrier, i)) for i in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sum(span.rows for span in opened(location).spans()) == 20 + (96 if stored else 0)
    assert names(location) == TABLES


def test_what_an_old_process_writes_after_the_migration_is_moved(location: str, opened: Opened) -> None:
    folder = STORED[0]
    restore(folder, location)
    first = opened(location)
    first.label([("processhouses", 0, "7", time.time()), ("processhouses", 12, "8", 1.0)])
    expected = exported(first, "houses")
    restore(folder, location)  # the tables are made anew, with the same rows
    with plain(location) as run:
        content = f"'\\x{chunk(0).content.hex()}'" if "://" in location else f"x'{chunk(0).content.hex()}'"
        run(f"INSERT INTO chunks VALUES ('{'p' * 10}', 0, 5, 1.0, 2.0, 'houses', '1a', {content})")
        run(f"INSERT INTO labels VALUES ('{'p' * 10}', 0, '9', 3.0)")
    assert names(location) == sorted([*TABLES, *TABLES_1])
    with open_database(location) as second:
        assert names(location) == TABLES
        assert second.labels_of(chunk(0)) == {0: 9}
        assert second.labels() == 15
        second.sweep(before=2.5)
        assert exported(second, "houses") == expected
    assert exported(first, "houses") == expected, "a connection that was open before goes on"


def test_tables_of_others_stay_and_the_journal_works_beside_them(location: str, opened: Opened) -> None:
    foreign = {
        "labels": "CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT)",
        "models": "CREATE TABLE models (model TEXT NOT NULL, version TEXT NOT NULL, about TEXT NOT NULL)",
        "chunks": "CREATE VIEW chunks AS SELECT id AS process FROM labels",
    }
    with plain(location) as run:
        for statement in foreign.values():
            run(statement)
        run("CREATE INDEX labels_at ON labels (label)")
        run("INSERT INTO labels VALUES (1, 'theirs')")
    database = opened(location)
    database.append([about()], [chunk(0), chunk(5)])
    database.label([("p" * 10, 2, "1", 1.0)])
    assert database.owners([("p" * 10, 7), ("q", 0)]) == [("m", "v1"), None]
    assert database.sweep(before=1e12) == 10
    database.close()
    with open_database(location) as again:
        assert again.models() == [about()]
    with plain(location) as run:
        assert run("SELECT id, label FROM labels") == [(1, "theirs")]
        assert run("SELECT COUNT(*) FROM models") == [(0,)]
        assert run("SELECT process FROM chunks") == [(1,)]
    assert set(names(location)) == {*TABLES, "labels", "models"}
    assert set(names(location, "index")) >= {*INDEXES, "labels_at"}


def test_a_newer_journal_is_refused_in_a_line(location: str) -> None:
    open_database(location).close()
    with plain(location) as run:
        run(f"UPDATE fasttrack_schema SET version = {VERSION + 1}")
    for database in (Database(location), Database(location)):
        for _ in range(2):
            with pytest.raises(StoreError) as refusal:
                database.connect()
            assert str(refusal.value).endswith(
                f" has schema version {VERSION + 1}, this fasttrack knows up to version {VERSION}; "
                "upgrade fasttrack-mlops, or name another journal"
            )
            assert str(refusal.value).startswith("the journal ")


@pytest.mark.parametrize("stored", [None, *STORED], ids=lambda folder: folder.name if folder else "present")
def test_a_later_version_would_migrate_step_by_step(
    stored: Path | None, location: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stored:
        restore(stored, location)
    else:
        with open_database(location) as database:
            database.append([about()], [chunk(0)])
    later = {**tables._FORM, "fasttrack_labels": (*tables._LABELS, "note")}
    steps = {**tables._MIGRATIONS, VERSION: lambda cursor: cursor.execute(ADD_NOTE)}
    with monkeypatch.context() as patch:
        patch.setattr(tables, "VERSION", VERSION + 1)
        patch.setattr(tables, "_FORM", later)
        patch.setattr(tables, "_MIGRATIONS", steps)
        assert len(opened(location).spans()) == (2 if stored else 1)
        assert opened(location).labels() == (14 if stored else 0)
        with plain(location) as run:
            assert run("SELECT COUNT(note) FROM fasttrack_labels") == [(0,)]
    with pytest.raises(StoreError, match=f"has schema version {VERSION + 1}, this fasttrack knows up to"):
        open_database(location)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "CREATE TABLE fasttrack_labels (id INTEGER)",
            "has a table fasttrack_labels that is not the journal's; rename",
        ),
        ("CREATE TABLE fasttrack_models (model TEXT, version TEXT, about TEXT)", "has a table fasttrack_models that"),
        ("CREATE TABLE fasttrack_schema (version INTEGER)", "has a table fasttrack_schema that is not the journal's;"),
        ("CREATE VIEW fasttrack_chunks AS SELECT 1 AS process", "has a table fasttrack_chunks that is not"),
    ],
)
def test_a_table_of_the_journals_name_and_another_form_is_refused(location: str, statement: str, message: str) -> None:
    with plain(location) as run:
        run(statement)
        before = names(location)
        with pytest.raises(StoreError, match=message):
            open_database(location)
        assert names(location) == before, "nothing is left behind"


def test_a_journal_that_lost_a_table_or_a_column_is_refused(location: str) -> None:
    open_database(location).close()
    with plain(location) as run:
        run("ALTER TABLE fasttrack_labels RENAME COLUMN at TO moment")
        with pytest.raises(StoreError, match="has a table fasttrack_labels that is not the journal's"):
            open_database(location)
        run("DROP TABLE fasttrack_labels")
        with pytest.raises(StoreError, match="has lost its table fasttrack_labels; restore it"):
            open_database(location)


def test_columns_that_somebody_added_do_no_harm(location: str, opened: Opened) -> None:
    open_database(location).close()
    with plain(location) as run:
        for table in TABLES:
            run(f"ALTER TABLE {table} ADD COLUMN note TEXT")
    database = opened(location)
    database.append([about()], [chunk(0)])
    database.label([("p" * 10, 2, "1", 1.0)])
    (stored,) = database.chunks(0)
    assert stored == chunk(0)
    assert database.labels_of(stored) == {2: 1}


def test_a_journal_of_this_version_is_opened_without_a_write(tmp_path: Path) -> None:
    location = str(tmp_path / "journal.sqlite")
    with open_database(location) as database:
        database.append([about()], [chunk(0)])
    with closing(sqlite3.connect(location, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with open_database(location) as database:
            assert [span.rows for span in database.spans()] == [5]
        assert time.monotonic() - started < 5, "it did not wait for the writer"


def test_a_file_is_opened_while_another_process_begins_to_write_it(tmp_path: Path) -> None:
    location = str(tmp_path / "journal.sqlite")
    shutil.copy(STORED[0] / "journal.sqlite", location)
    # the file has no write-ahead log yet, as when several workers start: SQLite fails at once instead of waiting
    with closing(sqlite3.connect(location, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        release.start()
        with open_database(location) as database:
            assert database.labels() == 14
        release.join()
