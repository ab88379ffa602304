"""Tables and queries of PostgreSQL, streamed over ADBC in PostgreSQL's own binary format."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.data.part import BATCH_ROWS, TablePart
from fasttrack.data.request import quote_identifier
from fasttrack.errors import DataError
from fasttrack.urls import POSTGRES_ADVICE, has_ambiguous_password, may_quote_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.part import GroupRows
    from fasttrack.data.request import ReadRequest

__all__ = ["postgres_parts"]

_NUMBER_CASTS = {"numeric": "::float8", "money": "::numeric::float8"}
"""Types that Arrow lacks, or reads as hundredths."""
_KEPT_TYPES = {"bytea", "interval"}


def postgres_parts(request: ReadRequest) -> list[TablePart]:
    """The query or table of a `postgresql://` URL; PG* environment variables supply what the URL leaves out."""
    return [_PostgresPart(request)]


class _PostgresPart(TablePart):
    """The rows of a query or a table, read in a read-only transaction.

    Numbers that Arrow lacks become float64. Other types that it lacks become their text, as do uuid and json.
    """

    def __init__(self, request: ReadRequest) -> None:
        self.name = redact_url(request.source)
        if has_ambiguous_password(request.source):
            raise DataError(f"{self.name} cannot be read: {POSTGRES_ADVICE}")
        self._request = request
        self._relation = request.relation()

    def column_names(self) -> list[str]:
        """As PostgreSQL describes the rows before it reads any."""
        return [str(name) for name in self._stored.names]

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """Known before any row is read."""
        names = self.column_names() if columns is None else columns
        return pa.schema((name, _type(self._stored.field(name))) for name in names)

    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """Batches as they arrive; only `columns` are sent."""
        names = self.column_names() if columns is None else list(columns)
        cells = ", ".join(
            f"{quote_identifier(name)}{_cast(self._stored.field(name))} AS {quote_identifier(name)}" for name in names
        )
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {cells} FROM {self._relation}")  # noqa: S608  # the user's own query, or quoted names
            for batch in cursor.fetch_record_batch():
                for start in range(0, len(batch), BATCH_ROWS):
                    table = pa.Table.from_batches([batch.slice(start, BATCH_ROWS)])
                    yield _replace_nulls(table.replace_schema_metadata(None), self._request.nulls)

    @cached_property
    def _stored(self) -> pa.Schema:
        with self._cursor() as cursor:
            # errors of the query are clearest where it is not part of another statement
            schema = cursor.adbc_execute_schema(self._request.query or f"SELECT * FROM {self._relation}")  # noqa: S608
        for name in schema.names:
            if schema.names.count(name) > 1:
                raise DataError(f"{self.name} returns the column {name!r} twice; name one of them AS another")
        return schema

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        from adbc_driver_postgresql import dbapi

        scheme, separator, rest = self._request.source.partition("://")
        address = scheme.lower() + separator + rest  # libpq knows it in lower case only, and quotes the whole address
        try:
            with dbapi.connect(address) as connection, connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                yield cursor
        except (dbapi.Error, OSError, pa.ArrowException) as error:
            raise DataError(f"{self.name} cannot be read: {_reason(str(error))}") from None


def _cast(field: pa.Field) -> str:
    """What converts a column to a type that Arrow has; empty if it has its type."""
    postgres_type = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if postgres_type in _NUMBER_CASTS:
        return _NUMBER_CASTS[postgres_type]
    lacks_type = (
        isinstance(field.type, pa.BaseExtensionType) or pa.types.is_binary(field.type) or postgres_type == "bpchar"
    )
    return "::text" if lacks_type and postgres_type not in _KEPT_TYPES else ""


def _type(field: pa.Field) -> pa.DataType:
    cast = _cast(field)
    return (pa.string() if cast == "::text" else pa.float64()) if cast else field.type


def _replace_nulls(table: pa.Table, nulls: Sequence[str]) -> pa.Table:
    """`table` with null for each text that is one of `nulls`."""
    for index, field in enumerate(table.schema):
        if nulls and pa.types.is_string(field.type):
            column = table.column(index)
            missing = pc.is_in(column, value_set=pa.array(list(nulls), field.type))
            table = table.set_column(index, field.name, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table


_ADVICE = (
    (r"Connection refused|timeout expired|closed the connection", "check host and port, and that the server runs"),
    (r"could not translate host name", "check the host"),
    (r"password authentication failed|no password supplied", "check user and password (PGUSER, PGPASSWORD)"),
    (r"role .* does not exist", "check the user (PGUSER)"),
    (r"database .* does not exist", "check the name after the host (PGDATABASE)"),
    (r"no pg_hba.conf entry", "the server does not accept this connection: check user, database and PGSSLMODE"),
    (r"relation .* does not exist", "check the table's name, and the schema before it"),
    (r"permission denied", "grant SELECT to this user"),
    (r"read-only transaction", "give a query that only reads"),
)


def _reason(error: str) -> str:
    """The driver's message in one line, and what to do."""
    text = " ".join(error.split())
    if may_quote_password(text):
        return POSTGRES_ADVICE
    server_error = re.search(r"(?:FATAL|ERROR): +(.*?)(?= LINE \d| Query was:|\.? SQLSTATE|$)", text)
    reason = (
        server_error[1]
        if server_error
        else re.sub(r"^\w+: (\[libpq\] )?(Failed to connect: )?| Is the server running.*", "", text)
    )
    advice = next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), "check the query")
    return f"{reason[:300].rstrip('. ')}; {advice}"
