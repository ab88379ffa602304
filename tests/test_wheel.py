"""The wheel, installed away from the source tree with no extra: each command works, or says which extra it needs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import pandas as pd
import psycopg
import pytest

from fasttrack.extras import EXTRAS
from fasttrack.journal import JournalModel, open_database
from fasttrack.journal.predictions import Chunk, Entries, pack, prediction_id
from fasttrack.store import LocalStore, open_store
from fasttrack.tracking import Place, spool_folder, track
from tests.installed import USES, Installation, build_wheel, commands, faults
from tests.serving import models
from tests.tracking.runs import make_bundle, make_record

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Manifest
    from tests.servers.object_store import ObjectStore
    from tests.servers.postgres import Postgres

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds

_PROCESS = "p" * 10
_NOWHERE = {
    "bucket": "s3://bucket/models",
    "database": "postgresql://nobody@127.0.0.1:9/nothing",
    "registry": "sqlite:///mlflow.db",
}
"""Not reached: what these need is missing."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@dataclass(frozen=True)
class Work:
    """A folder with a table, labels, and a store in `model` with a journal and two versions; `first` is no champion."""

    folder: Path
    first: str


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    (folder / "sales.csv").write_text("x,y\n" + "".join(f"{x},{2 * x + 1}\n" for x in range(100)))
    pd.read_csv(folder / "sales.csv").to_excel(folder / "sales.xlsx", index=False, engine="xlsxwriter")
    (folder / "labels.csv").write_text(f"prediction_id,y\n{prediction_id(_PROCESS, 0)},3.0\n")
    store = folder / "model"
    first = models.line(store, 2.0).manifest.version
    manifest = models.line(store, 3.0).manifest
    fill_journal(str(store / "journal.sqlite"), manifest)
    return Work(folder, first)


def fill_journal(location: str, manifest: Manifest) -> None:
    """Two predictions from a minute ago, one of them labelled."""
    at = time.time() - np.array([60.0, 59.0])  # live quality looks back from now
    entries = Entries(at, np.array([[1.0], [2.0]]), np.array([4.0, 7.0]), None)
    about = JournalModel.of(manifest.name, manifest.version, manifest.contract, [])
    chunk = Chunk(_PROCESS, 0, 2, at[0], at[1], manifest.name, manifest.version, pack(entries))
    with open_database(location) as journal:
        journal.append([about], [chunk])
        journal.label([(_PROCESS, 1, "7.5", at[1])])


def test_every_command_is_used() -> None:
    assert {use.command for use in USES} == set(commands())
    assert {extra for use in USES for extra in use.needs} == EXTRAS.keys()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"fasttrack"}
    assert not [name for name in names if "__pycache__" in name or "tests" in name]
    assert "fasttrack/py.typed" in names


def test_with_no_extra_each_command_works_or_names_the_extra(wheel: Path, work: Work, tmp_path: Path) -> None:
    installation = Installation(tmp_path, wheel)
    found = faults(installation, work.folder, {**_NOWHERE, "first": work.first}, {})
    assert not found, "\n\n".join(found)


@pytest.fixture(scope="module")
def database(postgres: Postgres, work: Work) -> str:
    """A database in PostgreSQL with the table of sales and a journal."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE wheel")
    url = postgres.url.removesuffix("postgres") + "wheel"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE sales AS SELECT x::float8 AS x, 2.0::float8 * x + 1 AS y FROM generate_series(0, 99) AS x"
        )
    fill_journal(url, open_store(work.folder / "model").open("line").manifest)
    return url


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry of MLflow with a champion of the model, trained elsewhere."""
    folder = tmp_path_factory.mktemp("registry")
    place = Place(f"sqlite:///{folder}/mlflow.db")
    store = LocalStore(folder / "model")
    bundle = make_bundle(store, "line")
    store.point("line", bundle.manifest.version)
    track(place, make_record(place, bundle), store, spool_folder(store.folder))
    return place.uri


@pytest.mark.system
@pytest.mark.parametrize("extras", [*([extra] for extra in EXTRAS), list(EXTRAS)], ids=",".join)
def test_with_extras_each_command_works_or_names_the_extra(  # the servers that the extras are for, 7 in all
    wheel: Path,
    work: Work,
    database: str,
    registry: str,
    bucket: str,
    object_store: ObjectStore,
    tmp_path: Path,
    extras: list[str],
) -> None:
    installation = Installation(tmp_path, wheel, tuple(extras))
    values = {"bucket": f"s3://{bucket}/{'-'.join(extras)}", "database": database, "registry": registry}
    found = faults(installation, work.folder, {**values, "first": work.first}, object_store.environment)
    assert not found, "\n\n".join(found)
