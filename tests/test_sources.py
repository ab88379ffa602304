"""Databases wherever a table is named: commands, configuration, manifest; and nowhere a password."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest

import fasttrack
from fasttrack.bundle import read_manifest
from fasttrack.errors import ConfigError, DataError, FastTrackError
from fasttrack.jobs import verify
from fasttrack.store import open_store
from fasttrack.urls import model_name
from tests.cli.commands import run

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest
    from tests.servers.postgres import Postgres

PASSWORD = "hunter2hunter2"
ROWS = 600


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    """Houses in a database, and a user with a password who may read them."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE houses")
    place = postgres.url.removesuffix("postgres") + "houses"
    postgres.new_role("reader", PASSWORD)
    with psycopg.connect(place) as connection:
        connection.execute(
            "CREATE TABLE sold AS SELECT 30 + g % 170 AS area, (ARRAY['north', 'south'])[1 + g % 2] AS district, "
            "md5(g::text) AS note, 3.0 * (30 + g % 170) + 40 * (g % 2) + g % 7 AS price "
            f"FROM generate_series(1, {ROWS}) AS g"
        )
        connection.execute("GRANT SELECT ON sold TO reader")
    return place.replace("tester@", f"reader:{PASSWORD}@")


@pytest.fixture(scope="module")
def project(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, a model in it, and the configuration that `init` wrote."""
    folder = tmp_path_factory.mktemp("houses")
    trained = run(
        "train", url, "--table", "sold", "--target", "price", "--estimator", "linear", "--ignore", "note",
        "--rows", "400", cwd=folder,
    )  # fmt: skip
    assert f"reading {url.replace(PASSWORD, '***')}" in trained.stderr
    query = "SELECT area, district, price FROM sold WHERE area > 40"
    made = run("init", url, "--query", query, "--rows", "300", "--target", "price", cwd=folder)
    assert PASSWORD not in trained.stdout + trained.stderr + made.stdout + made.stderr
    return folder


def test_the_manifest_tells_what_was_read_of_the_database(project: Path, url: str) -> None:
    store = open_store(project / "model")
    training = store.open("sold").manifest.training
    assert (training.source, training.table, training.query) == (url.replace(PASSWORD, "***"), "sold", None)
    assert training.sample == training.rows + training.holdout_rows == 400
    assert training.schema == {"area": "int64", "district": "string", "price": "double"}
    assert training.content_sha256 is not None
    assert training.left_out == {"note": "ignored as configured"}
    told = run("models", "show", "sold", cwd=project).stdout
    assert "table sold, a random sample of 400 rows" in " ".join(told.split())


def test_the_configuration_holds_the_query_and_no_password(
    project: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project / "fasttrack.toml").read_text()
    lines = text.splitlines()
    source = lines.index(f'source = "{url.replace(":" + PASSWORD, "")}"')
    assert lines[source - 1] == "# The password is not in this file: set PGPASSWORD."
    assert {'query = "SELECT area, district, price FROM sold WHERE area > 40"', "rows = 300"} <= set(lines)
    refused = run("train", "fasttrack.toml", cwd=project, code=1)
    assert "no password supplied; check user and password (PGUSER, PGPASSWORD)" in refused.stderr
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    manifest = _trained(project / "fasttrack.toml", project / "model")
    assert manifest.name == "houses"
    assert manifest.training.query == "SELECT area, district, price FROM sold WHERE area > 40"
    assert manifest.training.sample == 300
    other = {"table": "sold", "rows": 50, "name": "few"}
    few = _trained(project / "fasttrack.toml", project / "model", **other).training
    assert (few.query, few.table, few.sample) == (None, "sold", 50)


def test_a_model_is_proved_and_reported_on_rows_of_a_database(project: Path, url: str) -> None:
    proved = run("models", "verify", "sold", "--data", url, "--table", "sold", "--rows", "100", cwd=project)
    assert "proved on 100 + " in proved.stdout
    report = run("report", "sold", "--data", url, "--query", "SELECT * FROM sold LIMIT 90", "-o", "r.html", cwd=project)
    assert PASSWORD not in report.stdout + (project / "r.html").read_text()
    bundle = open_store(project / "model").open("sold")
    with pytest.raises(DataError, match="lacks columns that the model needs"):
        verify(bundle, url, query="SELECT note FROM sold")
    for command in ("verify", "report"):
        arguments = ["models", "verify", "sold"] if command == "verify" else ["report", "sold"]
        refused = run(*arguments, "--rows", "5", cwd=project, code=1).stderr
        needed = "--query, --table, --rows and the options for reading a file need a table: --data DATA"
        assert refused == f"error: {needed}\n"


def test_labels_come_from_a_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "labels.db")) as connection, connection:
        connection.execute("CREATE TABLE labels (prediction_id TEXT, label REAL, more BLOB)")
        connection.execute("INSERT INTO labels VALUES ('0000000000-00000000', 1.5, x'00'), ('me', 2, x'00')")
    fasttrack.train(_table(tmp_path), "y", estimator="linear", store=tmp_path / "model")
    from fasttrack.journal import open_database

    with open_database(str(tmp_path / "model" / "journal.sqlite")):
        pass
    where = ("--query", "SELECT * FROM labels WHERE prediction_id <> 'me'")
    done = run("feedback", "sqlite:///labels.db", *where, cwd=tmp_path)
    assert "1 labels kept for predictions that the journal does not hold yet" in done.stdout
    refused = run("feedback", "sqlite:///labels.db", "--table", "labels", cwd=tmp_path, code=1)
    assert "sqlite:///labels.db, row 1: 'me' is not the id of a prediction; no label was stored" in refused.stderr
    refused = run("feedback", "sqlite:///labels.db", "--table", "labels", "--id", "key", cwd=tmp_path, code=1)
    assert "has no column 'key', choose it with --id; it has 'prediction_id', 'label', 'more'" in refused.stderr


def test_what_is_misplaced_is_told_before_anything_is_read(url: str, tmp_path: Path) -> None:
    shown = url.replace(PASSWORD, "***")
    sales = str(_table(tmp_path))
    of_databases = "data.query and data.table are used with a source at postgresql:// or sqlite:/// only"
    told: list[tuple[str, dict[str, object], str]] = [
        (url, {}, f"{shown} is a database: say what to read, with --query or --table"),
        (sales, {"table": "t"}, f"{sales}: {of_databases}"),
        (sales, {"query": "SELECT 1"}, f"{sales}: {of_databases}"),
        (sales, {"rows": 0}, "--rows 0: expected a whole number >= 1"),
        (url, {"table": "a", "query": "b"}, f"{shown}: data.query and data.table both say what to read; keep one"),
        (
            url,
            {"table": "sold", "ignore": ("nota",)},
            f"{shown} has no column 'nota'; did you mean note?",
        ),
    ]
    for source, options, message in told:
        with pytest.raises(FastTrackError) as caught:
            fasttrack.train(source, "price", store=tmp_path / "model", **options)  # type: ignore[arg-type]
        assert str(caught.value) == message
    with pytest.raises(ConfigError, match="which column of") as asked:
        fasttrack.train(url, store=tmp_path / "model")
    assert PASSWORD not in str(asked.value)


def test_nothing_that_is_kept_holds_the_password(project: Path) -> None:
    kept = [path for path in project.rglob("*") if path.is_file()]
    assert len(kept) > 10
    for path in kept:
        assert PASSWORD.encode() not in path.read_bytes(), path


def test_a_sample_of_parquet_is_named_by_its_seed(tmp_path: Path) -> None:
    table = _table(tmp_path)
    first, again = (
        fasttrack.train(table, "y", rows=100, estimator="linear", store=tmp_path / str(run)).manifest
        for run in range(2)
    )
    assert first.training.content_sha256 == again.training.content_sha256
    assert first.training.rows + first.training.holdout_rows == first.training.sample == 100
    assert read_manifest(next((tmp_path / "0" / "t").glob("*/manifest.json")).parent).training.sample == 100


def test_a_database_in_a_configuration_is_looked_for_beside_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with closing(sqlite3.connect(tmp_path / "inner" / "t.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x REAL, y REAL)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(i / 10, i * 2.0 + i % 3) for i in range(100)])
    made = run(
        "init", "sqlite:///inner/t.db", "--table", "t", "--target", "y", "-o", "inner/fasttrack.toml", cwd=tmp_path
    )
    assert "wrote inner/fasttrack.toml" in made.stdout
    lines = (tmp_path / "inner" / "fasttrack.toml").read_text().splitlines()
    assert {'source = "sqlite:///t.db"', 'table = "t"'} <= set(lines)
    assert _trained(tmp_path / "inner" / "fasttrack.toml", tmp_path / "model").training.table == "t"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/sales.2024.csv.gz", "sales"),
        ("s3://bucket/sales/", "sales"),
        ("https://host/t.csv?sig=x", "t"),
        ("postgresql://me:pw@host/db?sslmode=off", "db"),
        ("postgresql://me:pw@host", "model"),
        ("postgresql://me:p/w@host", "model"),
        ("s3://bucket", "model"),
        ("s3://bucket/sales/year=*/*.parquet", "sales"),
        ("data/sales/*.csv", "sales"),
        ("sales/*.csv", "sales"),
        ("../*.csv", "model"),
        ("*.csv", "model"),
    ],
)
def test_a_model_is_named_by_what_was_read(source: str, name: str) -> None:
    assert model_name(source) == name


def _trained(config: Path, store: Path, **options: Any) -> Manifest:
    return fasttrack.train(config, estimator="linear", store=store, tracking="off", **options).manifest


def _table(folder: Path) -> Path:
    import pandas as pd

    random = np.random.default_rng(0)
    x = random.normal(size=ROWS)
    path = folder / "t.parquet"
    pd.DataFrame({"x": x, "y": 2 * x + random.normal(size=ROWS) / 10}).to_parquet(path, row_group_size=50)
    return path
