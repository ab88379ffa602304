"""A journal in a SQLite file, and one in PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from fasttrack.journal import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty journal."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.sqlite")
    import psycopg

    server: Postgres = request.getfixturevalue("postgres")
    name = f"j{abs(hash(request.node.nodeid))}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.url.removesuffix("postgres") + name


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens journals that are closed when the test ends."""
    with ExitStack() as stack:
        yield lambda location: stack.enter_context(open_database(location))
