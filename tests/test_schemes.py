"""The tables of URL schemes and file formats are complete, and a new source or format is one row and one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

from fasttrack.data import Source
from fasttrack.data.compression import DECOMPRESSORS
from fasttrack.errors import DataError
from fasttrack.extras import install_command
from fasttrack.file_formats import COMPRESSIONS, FORMATS, find_format, format_ending, format_endings
from fasttrack.schemes import SCHEMES, Purpose, example_list, find_scheme, is_url, scheme_name

ROOT = Path(__file__).parent.parent
PURPOSES: tuple[Purpose, ...] = ("source", "store", "journal", "tracking")
USES = [
    (f"{scheme.name} as {purpose}", use) for scheme in SCHEMES for purpose in PURPOSES if (use := scheme.use(purpose))
]


def test_no_two_rows_are_of_one_scheme_or_one_ending() -> None:
    names = [scheme.name for scheme in SCHEMES]
    assert len(set(names)) == len(names)
    assert len(set(format_endings())) == len(format_endings())


def test_every_opener_is_there() -> None:
    openers = [use.opener for _, use in USES if use.opener] + [file_format.opener for file_format in FORMATS]
    assert all(callable(resolve_name(opener)) for opener in openers)
    assert all(scheme.source.opener for scheme in SCHEMES if scheme.source)
    assert all(scheme.store.opener for scheme in SCHEMES if scheme.store)


def test_an_extra_installs_every_driver() -> None:
    drivers = {use.driver for _, use in USES if use.driver}
    assert drivers == {"adbc_driver_postgresql", "obstore"}
    assert {driver: install_command(driver) for driver in drivers} == {
        "adbc_driver_postgresql": "pip install 'fasttrack-mlops[sources]'",
        "obstore": "pip install 'fasttrack-mlops[objects]'",
    }


def test_a_missing_driver_is_reported_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(DataError) as caught:
        Source("postgresql://me:secret@host/name", table="t")
    assert str(caught.value) == (
        "postgresql://me:***@host/name cannot be read: it needs adbc_driver_postgresql; "
        "install it with: pip install 'fasttrack-mlops[sources]'"
    )


def test_every_compression_can_be_read() -> None:
    assert tuple(DECOMPRESSORS) == COMPRESSIONS


@pytest.mark.parametrize(
    ("address", "name", "known"),
    [
        ("s3://bucket/key", "s3", True),
        ("S3://bucket/key", "s3", True),
        ("ftp://host/file", "ftp", False),
        ("postgresql+psycopg2://host/name", "postgresql+psycopg2", False),
        ("a/b.csv", "", False),
        ("s3:/bucket", "", False),
        ("folder/s3://bucket", "", False),
        ("c://file", "", False),
    ],
)
def test_a_scheme_is_what_stands_before_an_address(address: str, name: str, known: bool) -> None:
    assert scheme_name(address) == name
    assert is_url(address) is bool(name)
    assert (find_scheme(address) is not None) is known


def test_only_first_spellings_are_listed() -> None:
    assert example_list("source") == "s3://, gs://, abfs://, https://, postgresql:// or sqlite:///"
    assert example_list("source", only_databases=True) == "postgresql:// or sqlite:///"
    assert example_list("store") == "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
    assert example_list("journal") == "postgresql://USER@HOST/NAME"
    assert example_list("tracking") == "http://HOST:PORT, postgresql://… or sqlite:///mlflow.db"


@pytest.mark.parametrize(
    ("file_name", "ending", "format_name"),
    [("a.csv", ".csv", "CSV"), ("A.CSV.GZ", ".csv", "CSV"), ("a.b.json", ".json", "JSON Lines"), ("a.gz", "", None)],
)
def test_a_format_is_what_a_file_name_ends_with(file_name: str, ending: str, format_name: str | None) -> None:
    file_format = find_format(file_name)
    assert format_ending(file_name) == ending
    assert (file_format.name if file_format else None) == format_name


NEW_SCHEME = """    Scheme(
        "numbers",
        source=Use("numbers://ROWS", "fasttrack.data.numbers_source:numbers_parts"),
        is_database=True,
        user_is_secret=True,
    ),
"""
NEW_SOURCE = '''"""A table of made-up numbers: `numbers://ROWS`."""

import pyarrow as pa

from fasttrack.data.part import TablePart


def numbers_parts(request):
    return [NumbersPart(request)]


class NumbersPart(TablePart):
    def __init__(self, request):
        request.relation()
        self.name = request.source
        self._rows = int(request.source.partition("://")[2])

    def column_names(self):
        return ["x", "y"]

    def batches(self, kinds, columns, rows=None):
        x = [float(i % 17) for i in range(self._rows)]
        table = pa.table({"x": x, "y": [2 * value for value in x]})
        yield table if columns is None else table.select(columns)
'''
NEW_FORMAT = """    FileFormat("Pairs", (".pairs",), "fasttrack.data.pairs:pairs_part"),
"""
NEW_READER = '''"""Files with a line `x=y` for each row."""

import pyarrow as pa

from fasttrack.data.text_part import TextFormat, TextPart, decode_utf8


def pairs_part(file, request):
    return TextPart(file, TextFormat(decode_utf8, lambda content, name: ["x", "y"], parse), request)


def parse(content, name, nulls, kinds, columns=None):
    rows = [line.split("=") for line in content.decode().split()]
    table = pa.table({name: [float(row[place]) for row in rows] for place, name in enumerate("xy")})
    return table if columns is None else table.select(columns)
'''
PROGRAM = """
import contextlib, io, json, sys
from fasttrack.cli.app import run as run_command_line
from fasttrack.urls import redact_url

def run(*arguments):
    sys.argv = ["fasttrack", *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            run_command_line()
        except SystemExit as end:
            return [end.code or 0, printed.getvalue()]

commands = json.loads(sys.argv[1])
print(json.dumps([run(*command) for command in commands] + [redact_url("numbers://token@7")]))
"""


def _insert_row(module: Path, table: str, row: str) -> None:
    text = module.read_text()
    assert text.count(f"\n{table} = (\n") == 1
    module.write_text(text.replace(f"\n{table} = (\n", f"\n{table} = (\n{row}"))


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """The package with a new source and a new format: one row and one file each."""
    package = tmp_path / "extended" / "fasttrack"
    shutil.copytree(ROOT / "src" / "fasttrack", package, ignore=shutil.ignore_patterns("__pycache__"))
    _insert_row(package / "schemes.py", "SCHEMES", NEW_SCHEME)
    (package / "data" / "numbers_source.py").write_text(NEW_SOURCE)
    _insert_row(package / "file_formats.py", "FORMATS", NEW_FORMAT)
    (package / "data" / "pairs.py").write_text(NEW_READER)
    return package.parent


def test_a_source_and_a_format_are_added_by_one_row_and_one_file_each(extended: Path, tmp_path: Path) -> None:
    (tmp_path / "t.pairs").write_text("".join(f"{i % 17}={i % 17 * 3}\n" for i in range(200)))
    (tmp_path / "empty").mkdir()
    commands = [
        ["init", "numbers://200", "--table", "line", "--target", "y", "-o", "made.toml"],
        ["train", "made.toml", "--estimator", "linear", "--tracking", "off"],
        ["check", "numbers://200", "--table", "line"],
        ["train", "t.pairs", "--target", "y", "--estimator", "linear", "--tracking", "off"],
        ["check", "t.pairs", "--model", "t"],
        ["train", "numbers://200", "--target", "y", "--tracking", "off"],
        ["train", "ftp://host/t", "--target", "y", "--tracking", "off"],
        ["train", "t.pairs", "--table", "line", "--target", "y", "--tracking", "off"],
        ["check", "empty", "--model", "t"],
        ["models", "list", "--store", "numbers://200"],
        ["train", "--help"],
    ]
    environment = {**os.environ, "PYTHONPATH": str(extended), "COLUMNS": "400", "TERMINAL_WIDTH": "400"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    init, trained, checked, trained_pairs, checked_pairs, *refused, help_text, redacted = json.loads(done.stdout)
    assert [code for code, _ in (init, trained, checked, trained_pairs, checked_pairs, help_text)] == [0] * 6, done
    assert {'source = "numbers://200"', 'table = "line"'} <= set((tmp_path / "made.toml").read_text().splitlines())
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"line", "t"}
    messages = [code for code, _ in refused]
    sources = "numbers://ROWS, s3://, gs://, abfs://, https://, postgresql:// or sqlite:///"
    assert messages == [
        "error: numbers://200 is a database: say what to read, with --query or --table",
        f"error: ftp://host/t cannot be read: nothing reads ftp://; name a file, or write {sources}",
        "error: t.pairs: data.query and data.table are used with a source at numbers://ROWS, postgresql:// "
        "or sqlite:/// only",
        "error: empty is a folder without tables; it needs .pairs, .csv, .tsv, .txt, .data, .parquet, .jsonl, "
        ".ndjson, .json, .xlsx, .xlsm, .feather, .arrow, .zip files",
        "error: numbers://200 cannot hold models; use a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX "
        "or az://CONTAINER/PREFIX",
    ]
    assert sources in help_text[1]
    assert "Pairs, CSV, Parquet, JSON Lines, Excel, Feather, ZIP" in help_text[1]
    assert redacted == "numbers://***@7"
