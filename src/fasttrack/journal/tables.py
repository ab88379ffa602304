"""The journal's tables: their form has a version, and an older form is migrated when a journal is opened.

The database may hold other tables too. All names begin with `fasttrack_`, and no other table is touched.
`fasttrack_schema` holds the version. A journal with a newer version, or a table of such a name and another form, is
refused. Creation and migration are one transaction each: of several processes that start together one does it, the
others wait for it, and a process that is killed leaves the journal as it was.

**Version 1** had no `fasttrack_schema`, and its tables were named `models`, `chunks` and `labels`. A process of that
version that still runs fails once after the migration, then creates its tables again and writes to those. The next
process that opens the journal moves their rows into the new tables. So nothing is lost, but old readers see only rows
that are not moved yet.

To raise the version:

1. Write a journal with the code as it is: `python -m tests.journal.stored.write VERSION`. Commit the folder.
2. Raise VERSION, change `_FORM` and `_TABLES`, and add a function to `_MIGRATIONS` that turns the tables of the version
   before into the new ones. It must work in both databases, in one transaction and quickly: rename rather than copy.
   `_MOVES_1` must insert into the new tables.
3. Processes of the version before keep their connection during the migration. Where their statements would still
   succeed and do harm, rename the table: the statement fails, and the new connection is refused.
4. `tests/journal/test_schema.py` migrates every stored journal and interrupts the migration at every statement. It
   needs no change but the expectations of what is new.
5. Name the new version in the change log: an older fasttrack cannot open the journal any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fasttrack.journal.connection import Cursor

    Columns = Mapping[str, tuple[str, ...]]

__all__ = ["VERSION", "prepare"]

VERSION = 2
"""The form of the tables that this code reads and writes."""

_COMPONENT = "journal"
"""The row of `fasttrack_schema`."""
_SCHEMA = ("component", "version")
_MODELS = ("model", "version", "about")
_CHUNKS = ("process", "start", "rows", "first", "last", "model", "version", "content")
_LABELS = ("process", "number", "label", "at")
_FORM: Columns = {
    "fasttrack_schema": _SCHEMA,
    "fasttrack_models": _MODELS,
    "fasttrack_chunks": _CHUNKS,
    "fasttrack_labels": _LABELS,
}
_SCHEMA_TABLE = (
    "CREATE TABLE IF NOT EXISTS fasttrack_schema (component TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)"
)
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS fasttrack_chunks_last ON fasttrack_chunks (last)",
    "CREATE INDEX IF NOT EXISTS fasttrack_labels_at ON fasttrack_labels (at)",
)
_TABLES = (
    "CREATE TABLE fasttrack_models (model TEXT NOT NULL, version TEXT NOT NULL, about TEXT NOT NULL,"
    " PRIMARY KEY (model, version))",
    "CREATE TABLE fasttrack_chunks (process TEXT NOT NULL, start BIGINT NOT NULL, rows BIGINT NOT NULL,"
    " first DOUBLE PRECISION NOT NULL, last DOUBLE PRECISION NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL,"
    " content {bytes} NOT NULL, PRIMARY KEY (process, start))",
    "CREATE TABLE fasttrack_labels (process TEXT NOT NULL, number BIGINT NOT NULL, label TEXT NOT NULL,"
    " at DOUBLE PRECISION NOT NULL, PRIMARY KEY (process, number))",
    *_INDEXES,
)

_FORM_1: Columns = {"models": _MODELS, "chunks": _CHUNKS, "labels": _LABELS}
_INDEXES_1 = ("models_pkey", "chunks_pkey", "labels_pkey", "chunks_last", "labels_at")
_MOVES_1 = (
    "INSERT INTO fasttrack_models (model, version, about)"
    " SELECT model, version, about FROM models WHERE TRUE ON CONFLICT DO NOTHING",
    "INSERT INTO fasttrack_chunks (process, start, rows, first, last, model, version, content)"
    " SELECT process, start, rows, first, last, model, version, content FROM chunks WHERE TRUE ON CONFLICT DO NOTHING",
    "INSERT INTO fasttrack_labels (process, number, label, at)"
    " SELECT process, number, label, at FROM labels WHERE TRUE ON CONFLICT (process, number)"
    " DO UPDATE SET label = excluded.label, at = excluded.at WHERE excluded.at >= fasttrack_labels.at",
)
"""WHERE TRUE: without it SQLite takes ON CONFLICT for a part of the FROM clause."""


def prepare(cursor: Cursor, name: str) -> None:
    """Create or migrate the tables, where they are not of this version already; the caller commits.

    Raises StoreError, calling the journal `name`, when its version is newer or a table has another form.
    """
    columns = _columns(cursor)
    if _version(cursor, columns, name) == VERSION and not _has_form_1(columns):
        return
    for statement in cursor.dialect.lock:
        cursor.execute(statement)
    columns = _columns(cursor)  # another process may have changed them meanwhile
    version = _version(cursor, columns, name)
    cursor.execute(_SCHEMA_TABLE)
    if version is None and not _has_form_1(columns):
        for statement in _TABLES:
            cursor.execute(statement.format(bytes=cursor.dialect.bytes_type))
    else:
        for step in range(version or 1, VERSION):
            _MIGRATIONS[step](cursor)
        if version is not None and _has_form_1(columns):
            _move_1(cursor)
    cursor.execute(
        "INSERT INTO fasttrack_schema (component, version) VALUES (?, ?)"
        " ON CONFLICT (component) DO UPDATE SET version = excluded.version",
        (_COMPONENT, VERSION),
    )


def _columns(cursor: Cursor) -> Columns:
    """By table the columns of what has one of the journal's names; none for a view and the like."""
    names = ", ".join(f"'{table}'" for table in (*_FORM, *_FORM_1))
    cursor.execute(cursor.dialect.columns.format(names=names))
    columns: dict[str, tuple[str, ...]] = {}
    for table, ordinary, column in cursor.fetchall():
        columns[table] = (*columns.get(table, ()), *((column,) if ordinary else ()))
    return columns


def _version(cursor: Cursor, columns: Columns, name: str) -> int | None:
    """The version of the tables; `None` if there are none. Raises StoreError for tables that cannot be used."""
    version = None
    if set(_SCHEMA) <= set(columns.get("fasttrack_schema", ())):
        cursor.execute("SELECT version FROM fasttrack_schema WHERE component = ?", (_COMPONENT,))
        row = cursor.fetchone()
        version = None if row is None else int(row[0])
    if version is not None and version > VERSION:
        raise StoreError(
            f"the journal {name} has schema version {version}, this fasttrack knows up to version {VERSION}; "
            "upgrade fasttrack-mlops, or name another journal"
        )
    for table, form in _FORM.items():
        if table not in columns:
            if version == VERSION:
                raise StoreError(f"the journal {name} has lost its table {table}; restore it, or name another database")
        elif not _is_ours(table, form, columns[table], version):
            raise StoreError(
                f"the database {name} has a table {table} that is not the journal's; "
                "rename that table, or name another database"
            )
    return version


def _is_ours(table: str, form: tuple[str, ...], columns: tuple[str, ...], version: int | None) -> bool:
    """Whether a table with these columns can belong to a journal of a version. Somebody may have added columns."""
    if version == VERSION or table == "fasttrack_schema":
        return set(form) <= set(columns)
    return version is not None


def _has_form_1(columns: Columns) -> bool:
    """Whether there are the tables of version 1. Others may have a table of such a name, but not all three of them."""
    return all(columns.get(table) == form for table, form in _FORM_1.items())


def _migrate_1(cursor: Cursor) -> None:
    """Rename the tables of version 1, whatever their size."""
    for table in _FORM_1:
        cursor.execute(f"ALTER TABLE {table} RENAME TO fasttrack_{table}")
        cursor.execute(cursor.dialect.indexes, (f"fasttrack_{table}",))
        for (index,) in cursor.fetchall():
            if index in _INDEXES_1:
                cursor.execute(cursor.dialect.rename_index.format(old=index, new=f"fasttrack_{index}"))
    for statement in _INDEXES:
        cursor.execute(statement)


def _move_1(cursor: Cursor) -> None:
    """Move the rows of tables that a process of version 1 has created again."""
    if cursor.dialect.lock_tables:
        cursor.execute(cursor.dialect.lock_tables.format(tables=", ".join(_FORM_1)))
    for statement in _MOVES_1:
        cursor.execute(statement)
    for table in _FORM_1:
        cursor.execute(f"DROP TABLE {table}")


_MIGRATIONS: Mapping[int, Callable[[Cursor], None]] = {1: _migrate_1}
"""By version: what turns its tables into those of the next version."""
