"""A ZIP archive with one table is that table; everything else is refused in one line."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.data import compression, read_table
from fasttrack.reading import ReadOptions
from tests.data.books import workbook
from tests.data.files import refusal, write

if TYPE_CHECKING:
    from pathlib import Path

CSV = "a,b\n" + "".join(f"{row},x\n" for row in range(500))
TABLE = {"a": list(range(500)), "b": ["x"] * 500}


def packed(entries: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression=method) as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return content.getvalue()


def encrypted(archive: bytes) -> bytes:
    """The archive with the mark of encryption on its first entry, in both of its headers."""
    changed = bytearray(archive)
    changed[archive.index(b"PK\x03\x04") + 6] |= 1
    changed[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_the_table_in_an_archive_is_read(tmp_path: Path, method: int) -> None:
    archive = packed({"in/t.csv": CSV, "__MACOSX/in/._t.csv": "junk", "in/": "", "README.md": "text"}, method)
    for name in ("t.zip", "t.csv.zip", "T.ZIP"):
        assert read_table(write(tmp_path, name, archive)).to_pydict() == TABLE


def test_any_format_may_be_in_an_archive(tmp_path: Path) -> None:
    parquet = io.BytesIO()
    pq.write_table(pa.table(TABLE), parquet)
    book = workbook(sheets={"S": [["a"], [1]], "T": [["a"], [2]]})
    assert read_table(write(tmp_path, "p.zip", packed({"t.parquet": parquet.getvalue()}))).to_pydict() == TABLE
    assert read_table(write(tmp_path, "g.zip", packed({"t.csv.gz": gzip.compress(CSV.encode())}))).num_rows == 500
    name = write(tmp_path, "x.zip", packed({"t.xlsx": book}))
    assert read_table(name, reading=ReadOptions(sheet="T")).to_pydict() == {"a": [2]}


def test_archives_in_a_folder_are_one_table(tmp_path: Path) -> None:
    for year in (2019, 2020):
        write(tmp_path, f"s/year={year}/t.zip", packed({"t.csv": f"a\n{year}\n"}))
    assert read_table(tmp_path / "s").to_pydict() == {"a": [2019, 2020], "year": [2019, 2020]}


def test_what_is_not_one_table_is_refused(tmp_path: Path) -> None:
    archive = packed({"t.csv": CSV})
    damaged = bytearray(archive)
    damaged[60] ^= 0xFF
    incomplete = "is not a complete .zip file; it may have been cut short: copy it again"
    cases = {
        archive[: len(archive) // 2]: incomplete,
        bytes(damaged): incomplete,
        b"a,b\n1,2\n": incomplete,
        encrypted(archive): "is encrypted; extract it, and name the file that was in it",
        packed({"a.csv": CSV, "b.csv": CSV}): "has 2 tables (a.csv, b.csv); extract it, and name the file that you "
        "mean",
        packed({"a.md": "text"}): "has no table: it has a.md; extract it, and name the file that you mean",
        packed({}): "has no table: it is empty; extract it, and name the file that you mean",
        packed({"t.zip": archive}): "has no table: it has t.zip; extract it, and name the file that you mean",
        packed({"t.csv": ""}): "is empty; check that it was written completely",
    }
    for content, message in cases.items():
        name = write(tmp_path, "t.zip", content)
        assert refusal(name) == f"{name} {message}"


@pytest.mark.parametrize("ending", [".zip", ".gz", ".xlsx"])
def test_content_far_larger_than_its_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(compression, "LARGEST", 1_000_000)
    text = "a,b\n" + "1,2\n" * 300_000
    contents = {
        ".zip": packed({"t.csv": text}),
        ".gz": gzip.compress(text.encode()),
        ".xlsx": packed({"xl/worksheets/sheet1.xml": text}),
    }
    name = write(tmp_path, "t.xlsx" if ending == ".xlsx" else f"t.csv{ending}", contents[ending])
    message = refusal(name)
    assert message.startswith(f"{name} has ")
    assert message.endswith(
        " or more, which is unusual for a table; if it is one, extract it, and name the file that was in it"
    )
    monkeypatch.setattr(compression, "LARGEST", 2_000_000)
    if ending != ".xlsx":
        assert read_table(name).num_rows == 300_000
