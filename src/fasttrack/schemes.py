"""The URL schemes that the product understands: one row each, which every check, message and help text asks.

To add a source of tables, write a module that reads it and add a row here. A module is named, not imported: what an
address needs is loaded when the address is opened, so a server does not pay for the readers of tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Literal

__all__ = [
    "SCHEMES",
    "Purpose",
    "Scheme",
    "Use",
    "example_list",
    "find_scheme",
    "is_url",
    "scheme_by_name",
    "scheme_name",
]

Purpose = Literal["source", "store", "journal", "tracking"]
"""What an address is named for: a table, models, predictions with their labels, or MLflow."""
_SCHEME = re.compile(r"([^\s/?#]{2,})://")


@dataclass(frozen=True)
class Use:
    """How addresses of a scheme serve one purpose."""

    example: str = ""
    """What messages and help show of it; empty for a second spelling, which is understood and not shown."""
    opener: str = ""
    """`module:function` that opens an address; empty where the purpose's own package does not look it up here."""
    driver: str = ""
    """The module that the opener imports and that an extra installs; `extras.EXTRAS` says which."""

    def open(self, *arguments: Any) -> Any:
        """Call the opener, which is imported now: `(ReadRequest) -> list[TablePart]`, or `(url, cache) -> Store`."""
        return resolve_name(self.opener)(*arguments)


@dataclass(frozen=True)
class Scheme:
    """One URL scheme, and what its addresses may be named for."""

    name: str
    """What stands before `://`, in lower case."""
    source: Use | None = None
    store: Use | None = None
    journal: Use | None = None
    tracking: Use | None = None
    storage: Literal["s3", "google", "azure"] | None = None
    """The object storage whose settings `object_storage` reads from the environment."""
    is_database: bool = False
    """Whether a query or a table's name says what to read."""
    is_local: bool = False
    """Whether `NAME:///PATH` is a file on this machine; its path may be relative."""
    user_is_secret: bool = False
    """Whether a name alone before the `@` may be a token or a key, so that no message may show it."""
    port: int | None = None
    """Where its servers listen by default."""

    def use(self, purpose: Purpose) -> Use | None:
        """How its addresses serve `purpose`; `None` if they do not."""
        use: Use | None = getattr(self, purpose)
        return use


_OBJECTS = "fasttrack.store.objects:ObjectStore"
_WEB = "fasttrack.data.web:web_parts"
_S3 = "fasttrack.data.s3:s3_parts"
_GOOGLE = "fasttrack.data.google_storage:google_parts"
_AZURE = "fasttrack.data.azure_storage:azure_parts"
_POSTGRES = "fasttrack.data.postgres:postgres_parts"
_SQLITE = "fasttrack.data.sqlite:sqlite_parts"

SCHEMES = (
    Scheme(
        "s3",
        source=Use("s3://", _S3),
        store=Use("s3://BUCKET/PREFIX", _OBJECTS, driver="obstore"),
        storage="s3",
        user_is_secret=True,
    ),
    Scheme(
        "gs",
        source=Use("gs://", _GOOGLE),
        store=Use("gs://BUCKET/PREFIX", _OBJECTS, driver="obstore"),
        storage="google",
        user_is_secret=True,
    ),
    Scheme("gcs", source=Use(opener=_GOOGLE), storage="google", user_is_secret=True),
    Scheme(
        "az",
        source=Use(opener=_AZURE),
        store=Use("az://CONTAINER/PREFIX", _OBJECTS, driver="obstore"),
        storage="azure",
        user_is_secret=True,
    ),
    Scheme("abfs", source=Use("abfs://", _AZURE), storage="azure"),  # before the @ stands a container
    Scheme("abfss", source=Use(opener=_AZURE), storage="azure"),
    Scheme("https", source=Use("https://", _WEB), tracking=Use(), user_is_secret=True, port=443),
    Scheme("http", source=Use(opener=_WEB), tracking=Use("http://HOST:PORT"), user_is_secret=True, port=80),
    Scheme(
        "postgresql",
        source=Use("postgresql://", _POSTGRES, driver="adbc_driver_postgresql"),
        journal=Use("postgresql://USER@HOST/NAME"),
        tracking=Use("postgresql://…"),
        is_database=True,
        port=5432,
    ),
    Scheme(
        "postgres",
        source=Use(opener=_POSTGRES, driver="adbc_driver_postgresql"),
        journal=Use(),
        is_database=True,
        port=5432,
    ),
    Scheme(
        "sqlite",
        source=Use("sqlite:///", _SQLITE),
        journal=Use(),
        tracking=Use("sqlite:///mlflow.db"),
        is_database=True,
        is_local=True,
    ),
    Scheme("mysql", tracking=Use(), is_database=True, port=3306),
    Scheme("mssql", tracking=Use(), is_database=True, port=1433),
    Scheme("databricks", tracking=Use()),
)


def is_url(address: str) -> bool:
    """Whether an address has a scheme, known or not; without one it is a path."""
    return bool(scheme_name(address))


def scheme_name(address: str) -> str:
    """What stands before `://`, in lower case; empty for a path."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else ""


def find_scheme(address: str) -> Scheme | None:
    """The row of an address's scheme; `None` for a path, and for a scheme that has no row."""
    return scheme_by_name(scheme_name(address))


def scheme_by_name(name: str) -> Scheme | None:
    """The row with this name in lower case; `None` if there is none."""
    return next((scheme for scheme in SCHEMES if scheme.name == name), None)


def example_list(purpose: Purpose, *, only_databases: bool = False) -> str:
    """What addresses may look like for a purpose, as messages and help list them: `s3://, gs:// or sqlite:///`."""
    uses = [scheme.use(purpose) for scheme in SCHEMES if scheme.is_database or not only_databases]
    *others, last = [use.example for use in uses if use is not None and use.example]
    return f"{', '.join(others)} or {last}" if others else last
