"""`fasttrack check`: what it prints, and its exit code."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fasttrack.cli.app import run as run_command_line
from tests.cli.commands import run

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "size,kind,since,price\n"


def row(number: int) -> str:
    return f"{number % 119},{'uv'[number % 2]},2020-01-{number % 28 + 1:02d},{number % 119 * 2}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a model of it."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "sales.csv").write_text(HEADER + "".join(map(row, range(120))))
    run("train", "sales.csv", "--target", "price", "--estimator", "linear", "--kind", "size=number", cwd=folder)
    return folder


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str


def checked(project: Path, *arguments: str, code: int = 0) -> Done:
    """Run the command in this process, because a new process would import pandas each time."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(project)
        patch.setattr(sys, "argv", ["fasttrack", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            run_command_line()
    error = ended.value.code if isinstance(ended.value.code, str) else ""  # which Python prints, and ends with 1
    assert code == (1 if error else ended.value.code or 0), printed.getvalue() + error
    return Done(printed.getvalue(), error)


def closed_up(text: str) -> list[str]:
    """The lines, with one space where a table has several."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_model_s_own_training_table_passes(project: Path) -> None:
    done = run("check", "sales.csv", "--model", "sales@champion", "--strict", cwd=project)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("sales.csv: 120 rows against the 3 columns of sales@")
    assert lines[1:] == ["no row would be refused"]
    assert done.stderr == ""


def test_rows_that_would_be_refused_are_reported_and_exit_with_1(project: Path) -> None:
    rows = [row(number) for number in range(120)]
    rows[16], rows[20] = "late,u,2020-01-01,1\n", ",u,2020-01-01,1\n"
    (project / "faults.csv").write_text(HEADER + "".join(rows))
    done = run("check", "faults.csv", cwd=project, code=1)
    assert done.stderr == ""
    printed = closed_up(done.stdout)
    assert "size missing 1 0.83% no value, but the training data always had one row 21" in printed
    assert 'size type 1 0.83% expected a number row 17 is "late"' in printed
    assert printed[-1] == "refused: 2 rows, 1.7%"


def test_warnings_alone_exit_with_1_only_if_strict(project: Path) -> None:
    (project / "other.csv").write_text(HEADER.replace("price", "shop") + "500,w,2020-01-01,1\n" + row(3))
    done = checked(project, "other.csv")
    assert done.stdout == checked(project, "other.csv", "--strict", code=1).stdout
    printed = closed_up(done.stdout)[2:-2]
    assert printed[0] == 'size range 1 50.00% outside the training range about 3 to 114 row 1 is "500"'
    assert printed[1] == 'kind unseen 1 50.00% not among the 2 categories of the training data row 1 is "w"'
    assert printed[2] == "shop new 2 100.00% not a column of this model and ignored"
    assert done.stdout.splitlines()[-2:] == ["no row would be refused", "scored with a warning: 1 row, 50.0%"]
    assert "shop" not in checked(project, "other.csv", "--ignore", "shop").stdout


def test_a_column_that_is_absent_is_reported(project: Path) -> None:
    (project / "narrow.csv").write_text("kind,since\nu,2020-01-02\nv,2020-01-03\n")
    printed = closed_up(checked(project, "narrow.csv", code=1).stdout)
    assert printed[2] == "size missing 2 100.00% no such column; expected a number"
    (project / "strange.csv").write_text("a,b\n1,2\n")
    assert "refused: 1 row, 100.0%" in checked(project, "strange.csv", code=1).stdout


def test_json_has_the_same_findings_without_cells(project: Path) -> None:
    (project / "names.csv").write_text(HEADER + "5,Miller,2020-01-01,1\n")
    content = json.loads(checked(project, "names.csv", "--json").stdout)
    assert [content[key] for key in ("source", "rows", "rows_refused", "rows_warned")] == ["names.csv", 1, 0, 1]
    assert [(one["column"], one["first_rows"]) for one in content["findings"]] == [("kind", [1])]
    assert "Miller" not in json.dumps(content)


def test_every_file_of_a_folder_is_counted(project: Path) -> None:
    (project / "parts").mkdir()
    for number in range(3):
        sizes = pa.array([float(number)] * 100_000 + [None])
        columns = {"size": sizes, "kind": pa.array(["u"] * 100_001), "since": pa.array(["2020-01-02"] * 100_001)}
        pq.write_table(pa.table(columns), project / "parts" / f"{number}.parquet")
    done = checked(project, "parts", code=1)
    assert done.stdout.splitlines()[0].startswith("parts: 300,003 rows against the 3 columns of sales@")
    assert "row 100001; row 200002; row 300003" in done.stdout
    assert "refused: 3 rows, < 0.1%" in done.stdout


def test_numbers_in_a_text_column_are_of_another_type_unless_a_kind_is_set(project: Path) -> None:
    frame = pd.DataFrame({"size": [1, 2], "kind": [7, 8], "since": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    frame.to_parquet(project / "typed.parquet")
    done = checked(project, "typed.parquet", code=1)
    assert "expected text, the column is whole numbers; to convert it: --kind" in done.stdout
    assert "kind=category" in done.stdout
    done = checked(project, "typed.parquet", "--kind", "kind=category")
    assert "unseen" in done.stdout


def test_a_database_is_checked_too(project: Path) -> None:
    connection = sqlite3.connect(project / "sales.sqlite")
    connection.execute("create table sales (size real not null, kind text, since text)")
    connection.execute("insert into sales values (1.5, 'u', '2020-01-02'), (2.5, 'x', '2020-01-02')")
    connection.commit()
    connection.close()
    where = f"sqlite:///{project / 'sales.sqlite'}"
    assert "kind" in checked(project, where, "--table", "sales").stdout
    assert (
        "no row would be refused" in checked(project, where, "--query", "select * from sales where kind = 'u'").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sales.csv", "--store", "nothing"], "error: store nothing has no model to check against; train one first"),
        (["sales.csv", "--model", "sale"], "error: store model has no model 'sale'; did you mean sales?"),
        (["sale.csv"], "error: sale.csv does not exist; did you mean sales.csv?"),
        (["sales.csv", "--kind", "size"], "error: --kind size: write COLUMN=KIND"),
        (["sales.csv", "--table", "sales"], "error: sales.csv is not a database: leave out --query and --table"),
    ],
)
def test_a_misuse_is_reported_in_one_line(project: Path, arguments: list[str], message: str) -> None:
    assert message in checked(project, *arguments, code=1).stderr
