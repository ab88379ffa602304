"""Files, folders and patterns, compressed or not, are one table, or the error says why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import read_table
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(pa.compress(content, "zstd", asbytes=True)),
}
ROWS = [(i, i * i, f"w{i % 9}") for i in range(2000)]
CONTENTS = {
    ".csv": "a,b,c\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ROWS),
    ".tsv": "a\tb\tc\n" + "".join(f"{a}\t{b}\t{c}\n" for a, b, c in ROWS),
    ".txt": "a|b|c\n" + "".join(f"{a}|{b}|{c}\n" for a, b, c in ROWS),
    ".jsonl": "".join(f'{{"a": {a}, "b": {b}, "c": "{c}"}}\n' for a, b, c in ROWS),
    ".NDJSON": "".join(f'{{"a": {a}, "b": {b}, "c": "{c}"}}\n' for a, b, c in ROWS),
    ".json": "[" + ",".join(f'{{"a": {a}, "b": {b}, "c": "{c}"}}' for a, b, c in ROWS) + "]",
}


@pytest.mark.parametrize("packing", ["", *PACKERS, ".GZ"])
def test_every_format_is_read_under_every_compression(tmp_path: Path, packing: str) -> None:
    table = pa.table({"a": [a for a, _, _ in ROWS], "b": [b for _, b, _ in ROWS], "c": [c for _, _, c in ROWS]})
    pq.write_table(table, tmp_path / "t.parquet")
    contents = {ending: text.encode() for ending, text in CONTENTS.items()}
    contents[".parquet"] = (tmp_path / "t.parquet").read_bytes()
    pack = PACKERS.get(packing.lower(), bytes)
    for ending, content in contents.items():
        read = read_table(write(tmp_path, f"packed.v2{ending}{packing}", pack(content)))
        assert read.equals(table), ending


@pytest.mark.parametrize("ending", PACKERS)
def test_a_compressed_file_that_is_incomplete_is_reported(tmp_path: Path, ending: str) -> None:
    packed = PACKERS[ending](CONTENTS[".csv"].encode())
    for content in (packed[: len(packed) // 2], packed[:-4], b"a,b\n1,2\n"):
        name = write(tmp_path, f"t.csv{ending}", content)
        assert refusal(name) == f"{name} is not a complete {ending} file; it may have been cut short: copy it again"
    for content in (b"", PACKERS[ending](b"")):
        name = write(tmp_path, f"t.csv{ending}", content)
        assert refusal(name) == f"{name} is empty; check that it was written completely"


def test_a_folder_and_a_pattern_are_one_table(tmp_path: Path) -> None:
    write(tmp_path, "s/2024/b.csv", "x,y,z\n2.5,v,\n")
    write(tmp_path, "s/2023/a.csv.gz", gzip.compress(b"y,x,z\nu,1,7\n"))
    write(tmp_path, "s/2024/.c.csv", "not for us")
    write(tmp_path, "s/_SUCCESS", "")
    expected = {"y": ["u", "v"], "x": [1.0, 2.5], "z": [7, None]}
    for source in (tmp_path / "s", f"{tmp_path}/s/*/*.csv*", f"{tmp_path}/s/**/?.csv*"):
        read = read_table(source)
        assert read.to_pydict() == expected
        assert types(read) == {"y": "string", "x": "double", "z": "int64"}


def test_a_kind_reads_a_folder_whose_files_disagree(tmp_path: Path) -> None:
    pq.write_table(pa.table({"zip": [2134], "n": pa.nulls(1)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"zip": ["02135"], "n": [2**53 + 1]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"zip": ["02136"], "n": [1.5]}), tmp_path / "c.parquet")
    assert refusal(tmp_path) == (
        f"'zip' is int64 in {tmp_path}/a.parquet but string in {tmp_path}/b.parquet; "
        "give it one type, or set the column's kind to category to read all as text"
    )
    read = read_table(tmp_path, kinds={"zip": "category"})
    assert read.to_pydict() == {"zip": ["2134", "02135", "02136"], "n": [None, 2.0**53, 1.5]}


def test_an_error_in_a_folder_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,u\n")
    write(tmp_path, "b.csv", "x,y\n1,u\n2\n")
    assert refusal(tmp_path).startswith(f"{tmp_path}/b.csv row 2 has 1 cell, the header has 2; ")
    write(tmp_path, "b.csv", "x,z\n1,w\n")
    assert refusal(tmp_path) == (
        f"{tmp_path}/a.csv and {tmp_path}/b.csv differ in the columns 'y', 'z'; give them the same columns"
    )
    write(tmp_path, "b.csv", "x,y\ntrue,w\n")
    assert refusal(tmp_path).startswith(f"'x' is int64 in {tmp_path}/a.csv but bool in {tmp_path}/b.csv; give it one")
    write(tmp_path, "b.csv", "x,y\nsoon,w\n")
    assert refusal(tmp_path, kinds={"x": "number"}).startswith(f'{tmp_path}/b.csv row 1: x is "soon", expected a num')
    write(tmp_path, "c.jsonl", "{}")
    assert refusal(tmp_path) == f"{tmp_path} mixes .csv, .jsonl files; name those of one format by a pattern"


def test_what_does_not_exist_or_is_not_a_table_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "flights.csv", "a\n1\n")
    write(tmp_path, "flights.xls", "x")
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    known = (
        "use .csv, .tsv, .txt, .data, .parquet, .jsonl, .ndjson, .json, .xlsx, .xlsm, .feather, .arrow, .zip, "
        "also compressed"
    )
    messages = {
        "flihgts.csv": "flihgts.csv does not exist; did you mean flights.csv?",
        "FLIGHTS.CSV": "FLIGHTS.CSV does not exist; did you mean flights.csv or flights.xls?",
        "sales.csv": "sales.csv does not exist; check the name and the folder",
        "nowhere/sales.csv": "nowhere/sales.csv does not exist; check the name and the folder",
        "none*.csv": "no file matches none*.csv; check the pattern and the folder you are in",
        "emp*": "no file matches emp*; check the pattern and the folder you are in",
        "flights.xls": f"flights.xls: its ending is not that of a format that can be read; {known}",
        "empty": "empty is a folder without tables; it needs .csv, .tsv, .txt, .data, .parquet, .jsonl, .ndjson, "
        ".json, .xlsx, .xlsm, .feather, .arrow, .zip files",
        "ftp://host/t.csv": "ftp://host/t.csv cannot be read: nothing reads ftp://; name a file, or write s3://, "
        "gs://, abfs://, https://, postgresql:// or sqlite:///",
        "n" * 300: f"{'n' * 300} cannot be read: File name too long; check the path and its permissions",
    }
    assert {source: refusal(source) for source in messages} == messages


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path) -> None:
    name = write(tmp_path, "sales[1].csv", "a,b\n1,2\n")
    assert read_table(name).num_rows == 1


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder whose file and inner folder cannot be read, used as a user who is not root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder, "inner/t.csv", "a\n1\n")
        write(folder, "t.csv", "a\n1\n")
        (folder / "inner").chmod(0)
        (folder / "t.csv").chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            (folder / "inner").chmod(0o700)


def test_an_unreadable_file_is_reported(locked: Path) -> None:
    messages = {
        "t.csv": "cannot be read: Permission denied; check the file and its permissions",
        "inner": "cannot be read: Permission denied; check the path and its permissions",
        "inner/t.csv": "cannot be read: Permission denied; check the path and its permissions",
    }
    for name, message in messages.items():
        assert refusal(locked / name) == f"{locked / name} {message}"
