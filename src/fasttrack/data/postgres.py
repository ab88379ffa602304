"""Tables and queries of PostgreSQL → Arrow, over ADBC: streamed, in PostgreSQL's own binary form."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.data.part import AT_ONCE, Part
from fasttrack.data.request import quoted_name
from fasttrack.errors import DataError
from fasttrack.urls import POSTGRES_ADVICE, has_ambiguous_password, may_quote_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.part import Rows
    from fasttrack.data.request import Request

__all__ = ["PostgresPart"]

_AS_NUMBER = {"numeric": "::float8", "money": "::numeric::float8"}
"""Types that Arrow has not, or has in hundredths."""
_AS_THEY_ARE = {"bytea", "interval"}


class PostgresPart(Part):
    """The rows of a query or a table, in a transaction that can only read.

    What the URL leaves out comes from the PG* environment variables. Numbers that Arrow has not become float64, other
    types that it has not become their text, and so do uuid and json.
    """

    def __init__(self, request: Request) -> None:
        self.name = redact_url(request.source)
        if has_ambiguous_password(request.source):
            raise DataError(f"{self.name} cannot be read: {POSTGRES_ADVICE}")
        self._request = request
        self._relation = request.relation()

    def names(self) -> list[str]:
        """As PostgreSQL describes the rows before it has read any."""
        return [str(name) for name in self._stored.names]

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema:
        """As `names` learns it."""
        wanted = self.names() if columns is None else columns
        types = {name: self._stored.field(name).type for name in wanted}
        casts = {name: cast for name in wanted if (cast := _cast(self._stored.field(name)))}
        return pa.schema(
            (name, kind if name not in casts else pa.string() if casts[name] == "::text" else pa.float64())
            for name, kind in types.items()
        )

    def tables(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: Rows | None = None
    ) -> Iterator[pa.Table]:
        """Batches as they come over the wire; only the columns that are wanted are sent."""
        wanted = self.names() if columns is None else list(columns)
        cells = ", ".join(f"{quoted_name(one)}{_cast(self._stored.field(one))} AS {quoted_name(one)}" for one in wanted)
        with self._connected() as cursor:
            cursor.execute(f"SELECT {cells} FROM {self._relation}")  # noqa: S608  # the user's own query, or quoted names
            for batch in cursor.fetch_record_batch():
                for start in range(0, len(batch), AT_ONCE):
                    part = pa.Table.from_batches([batch.slice(start, AT_ONCE)])
                    yield _spelled(part.replace_schema_metadata(None), self._request.nulls)

    @cached_property
    def _stored(self) -> pa.Schema:
        with self._connected() as cursor:
            # the query's own faults are told best where it stands alone
            schema = cursor.adbc_execute_schema(self._request.query or f"SELECT * FROM {self._relation}")  # noqa: S608
        for name in schema.names:
            if schema.names.count(name) > 1:
                raise DataError(f"{self.name} gives the column {name!r} twice; name one of them AS another")
        return schema

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise DataError(
                f"{self.name}: reading from PostgreSQL needs pip install 'fasttrack-mlops[sources]'"
            ) from None
        scheme, mark, place = self._request.source.partition("://")
        address = scheme.lower() + mark + place  # libpq knows it in lower case only, and would show all of it
        try:
            with dbapi.connect(address) as connection, connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                yield cursor
        except (dbapi.Error, OSError, pa.ArrowException) as error:
            raise DataError(f"{self.name} cannot be read: {_reason(str(error))}") from None


def _cast(field: pa.Field) -> str:
    """What makes of a column what Arrow has."""
    typed = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if typed in _AS_NUMBER:
        return _AS_NUMBER[typed]
    strange = isinstance(field.type, pa.BaseExtensionType) or pa.types.is_binary(field.type) or typed == "bpchar"
    return "::text" if strange and typed not in _AS_THEY_ARE else ""


def _spelled(table: pa.Table, nulls: Sequence[str]) -> pa.Table:
    """`table` with null for each text that is one of `nulls`."""
    for index, field in enumerate(table.schema):
        if nulls and pa.types.is_string(field.type):
            column = table.column(index)
            missing = pc.is_in(column, value_set=pa.array(list(nulls), field.type))
            table = table.set_column(index, field.name, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table


_ADVICE = (
    (r"Connection refused|timeout expired|closed the connection", "check host and port, and that it runs"),
    (r"could not translate host name", "check the host"),
    (r"password authentication failed|no password supplied", "check user and password (PGUSER, PGPASSWORD)"),
    (r"role .* does not exist", "check the user (PGUSER)"),
    (r"database .* does not exist", "check the name behind the host (PGDATABASE)"),
    (r"no pg_hba.conf entry", "the server lets nobody in so: check user, database and PGSSLMODE"),
    (r"relation .* does not exist", "check the table's name, and the schema before it"),
    (r"permission denied", "grant SELECT to this user"),
    (r"read-only transaction", "give a query that only reads"),
)


def _reason(error: str) -> str:
    """The driver's message in one line, and what to do."""
    text = " ".join(error.split())
    if may_quote_password(text):
        return POSTGRES_ADVICE
    found = re.search(r"(?:FATAL|ERROR): +(.*?)(?= LINE \d| Query was:|\.? SQLSTATE|$)", text)
    told = (
        found[1] if found else re.sub(r"^\w+: (\[libpq\] )?(Failed to connect: )?| Is the server running.*", "", text)
    )
    advice = next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), "check the query")
    return f"{told[:300].rstrip('. ')}; {advice}"
