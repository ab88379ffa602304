"""How a file is read is said once, applied wherever that file is read, and recorded with the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

import fasttrack
from fasttrack.bundle import Manifest, decode_manifest
from fasttrack.cli.app import run as run_command_line
from fasttrack.errors import ConfigError, DataError
from fasttrack.jobs import init, verify
from fasttrack.jobs.report import report
from fasttrack.reading import ReadOptions
from fasttrack.store import open_store
from tests.data.books import workbook

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 120
NOTES = [
    "read as latin-1, because it is not UTF-8; --encoding sets another",
    "2 empty rows left out",
    "1 row of totals at the end left out",
    "the first column has no name and numbers the rows, so it is left out",
    "column 4 has no name and no value, so it is left out",
]


def rows() -> list[tuple[str, float, float]]:
    chance = np.random.default_rng(5)
    areas = chance.uniform(20, 150, ROWS).round(1)
    towns = chance.choice(["Orléans", "Besançon", "Nîmes"], ROWS)
    return [(str(town), float(area), round(float(area) * 3 + 20, 1)) for town, area in zip(towns, areas, strict=True)]


def export(delimiter: str = ",", total: bool = True) -> bytes:
    """A table as a spreadsheet exports it, with an index, an empty column, empty rows and a total."""
    lines = [["", "town", "area", "", "price"]]
    lines += [[str(number), town, str(area), "", str(price)] for number, (town, area, price) in enumerate(rows())]
    lines.insert(40, [""] * 5)
    lines += [[""] * 5]
    lines += [["Total", "", "", "", f"{sum(price for *_, price in rows()):.1f}"]] if total else []
    return "\r\n".join(delimiter.join(line) for line in [*lines, []]).encode("latin-1")


@dataclass(frozen=True)
class Project:
    folder: Path
    manifest: Manifest
    report: str


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder with a spreadsheet's export and a model of it."""
    folder = tmp_path_factory.mktemp("reading")
    (folder / "homes.csv").write_bytes(export())
    outcome = fasttrack.train(folder / "homes.csv", "price", estimator="linear", store=folder / "model")
    return Project(folder, outcome.manifest, report("homes", store=folder / "model").html)


def command(folder: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The error that the command ends with; empty if it succeeds."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["fasttrack", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_command_line()
    return str(ended.value.code or "")


def test_what_was_left_out_is_noted_in_manifest_and_report(project: Project) -> None:
    training = project.manifest.training
    assert training.notes == NOTES
    assert (training.rows + training.holdout_rows, training.dropped_rows) == (ROWS, 0)
    assert project.manifest.contract.names == ["town", "area"]
    assert project.manifest.contract.columns[0].categories == ["Besançon", "Nîmes", "Orléans"]
    assert training.reading == ReadOptions()
    for note in NOTES:
        assert note in re.sub(r"\s+", " ", project.report)


def test_the_same_rows_are_read_everywhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(project.folder, "check", "homes.csv", "--strict", monkeypatch=monkeypatch) == ""
    assert f"homes.csv: {ROWS} rows against the 2 columns" in capsys.readouterr().out
    bundle = open_store(project.folder / "model").open("homes")
    assert verify(bundle, project.folder / "homes.csv").rows == ROWS
    assert f"{ROWS} rows" in report("homes", data=project.folder / "homes.csv", store=project.folder / "model").html
    written = init(str(project.folder / "homes.csv"), "price", project.folder / "made.toml").read_text()
    assert [line for line in written.splitlines() if line.startswith("# As it is read: ")] == [
        f"# As it is read: {note}." for note in NOTES
    ]


def test_options_reach_every_command_that_reads_a_table(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = workbook(sheets={"Cover": [["nothing"]], "Homes": [["town", "area", "price"], *rows()]})
    (tmp_path / "homes.xlsx").write_bytes(book)
    store = ("--store", str(project.folder / "model"))
    commands = [
        ["check", "homes.xlsx", "--strict", "--model", "homes", *store],
        ["report", "homes", "--data", "homes.xlsx", "-o", "r.html", *store],
        ["models", "verify", "homes", "--data", "homes.xlsx", *store],
        ["init", "homes.xlsx", "--target", "price"],
    ]
    for arguments in (*commands, ["feedback", "homes.xlsx", *store]):
        assert command(tmp_path, *arguments, monkeypatch=monkeypatch).startswith("error: homes.xlsx"), arguments
        assert (
            command(tmp_path, *arguments, "--sheet", "Homes", monkeypatch=monkeypatch) == ""
            or arguments[0] == "feedback"
        )
        for option, value, message in (
            (
                "--sheet",
                "Hoems",
                "error: homes.xlsx has no sheet 'Hoems'; did you mean Homes?; it has 'Cover', 'Homes'",
            ),
            ("--delimiter", ";;", "error: the delimiter ';;' cannot be used; write one character that is not a quote"),
            ("--encoding", "nope", "error: there is no text encoding 'nope'; write one such as windows-1252"),
            ("--header", "maybe", "error: the header is 'maybe'; write one of auto, yes, no"),
        ):
            force = ["--force"] if arguments[0] == "init" else []
            assert command(tmp_path, *arguments, option, value, *force, monkeypatch=monkeypatch).startswith(message)
    assert 'sheet = "Homes"' in (tmp_path / "fasttrack.toml").read_text().splitlines()
    reading = ReadOptions(sheet="Homes")
    page = report("homes", data=tmp_path / "homes.xlsx", reading=reading, store=project.folder / "model")
    assert f"{ROWS} rows" in page.html


def test_a_column_of_another_sheet_is_explained(tmp_path: Path) -> None:
    book = workbook(sheets={"Cover": [["about"], ["homes"]], "Homes": [["town", "area", "price"], *rows()]})
    (tmp_path / "homes.xlsx").write_bytes(book)
    with pytest.raises(DataError) as caught:
        fasttrack.train(tmp_path / "homes.xlsx", "price", store=tmp_path / "model")
    assert str(caught.value) == (
        f"{tmp_path}/homes.xlsx has no column 'price'; it has 'about' "
        "(the sheet 'Cover' is read; the workbook has 'Cover', 'Homes'; --sheet reads another)"
    )


def test_options_are_recorded_and_advised(tmp_path: Path) -> None:
    (tmp_path / "homes.csv").write_bytes(export("^", total=False).decode("latin-1").encode("cp850"))
    options = {"delimiter": "^", "encoding": "cp850", "header": "yes"}
    outcome = fasttrack.train(
        tmp_path / "homes.csv",
        "price",
        estimator="linear",
        store=tmp_path / "model",
        **options,  # type: ignore[arg-type]  # texts
    )
    written = next((tmp_path / "model").rglob("manifest.json"))
    stored = decode_manifest(written.read_bytes(), written)
    assert stored.training.reading == ReadOptions(**options)  # type: ignore[arg-type]  # texts
    assert stored.contract.columns[0].categories == ["Besançon", "Nîmes", "Orléans"]
    assert outcome.manifest.training.notes == [NOTES[1], *NOTES[3:]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "the delimiter ';;' cannot be used"),
        ({"encoding": "nope"}, "there is no text encoding 'nope'"),
        ({"header": "maybe"}, '--header: expected one of auto, yes, no, got "maybe"'),
    ],
)
def test_a_wrong_option_is_refused_before_the_table_is_read(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        fasttrack.train(tmp_path / "none.csv", "y", store=tmp_path / "model", **options)  # type: ignore[arg-type]  # wrong
    assert message in str(caught.value)


def test_options_of_files_are_not_for_other_sources(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.sheet is used with files only"):
        fasttrack.train("journal", sheet="x", store=tmp_path / "model")
