"""The benchmarks run, check what they measure, and write their tables. How fast anything is, is not tested here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.contenders import echo, plain, this_server
from benchmarks.in_process import measure_in_process
from benchmarks.machine import cores, on_core
from benchmarks.plan import QUICK, Bench, interleaved
from benchmarks.questions import Question, right, train
from benchmarks.report import Table, write
from benchmarks.servers import Contender, serving
from benchmarks.tables import WIDE_TARGET, wide
from benchmarks.wrk import put_load, require_wrk
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from benchmarks.questions import Subject

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("benchmarks")
    return train(wide(6, folder, rows=300), WIDE_TARGET, "linear", folder / "model")


@pytest.mark.system
def test_one_command_measures_everything_and_writes_both_tables(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--image", "123000000", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    tables = json.loads((tmp_path / "results.json").read_text())["tables"]
    assert [table["name"] for table in tables] == [
        "one_row",
        "many_rows",
        "widths",
        "in_process",
        "footprint",
        "check",
        "watching",
        "watching_memory",
        "sources",
    ]
    assert all(figure > 0 for table in tables for figures in table["rounds"].values() for figure in figures)
    markdown = (tmp_path / "results.md").read_text()
    for server in ("fasttrack serve", "FastAPI + joblib + DataFrame", "bare ASGI echo (the limit)"):
        assert f"| {server} |" in markdown


@pytest.mark.system
def test_requests_that_are_refused_are_not_counted_as_answered(subject: Subject) -> None:
    question = subject.questions(1)[0]
    with (
        serving(this_server(subject), question, cores().server) as server,
        pytest.raises(FastTrackError, match=r"fasttrack serve: of .* requests .* failed"),
    ):
        put_load(server, [b'{"number_0": "not a number"}'], cores().load, connections=1, seconds=1)


def test_without_wrk_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install wrk"):
        require_wrk()


def test_every_form_is_answered_as_by_scikit_learn_also_where_values_are_missing(
    subject: Subject, tmp_path: Path
) -> None:
    single, many = subject.questions(40), subject.questions(2, rows=7)
    assert any(cell is None for question in single for cell in question.rows[0].values())
    with serving(this_server(subject), single[0], cores().server) as server:
        server.check(single)
        for form in ("rows", "columns"):
            replace(server, contender=this_server(subject, form=form)).check(many)
    with serving(plain(subject, tmp_path, flights=False), single[0], cores().server) as server:
        server.check(single)
        replace(server, contender=plain(subject, tmp_path, form="rows", flights=False)).check(many)


def test_a_wrong_answer_stops_the_benchmark(subject: Subject) -> None:
    question = subject.questions(1)[0]
    wrong = replace(question, expected=[question.expected[0] * (1 + 1e-7)])
    with (
        pytest.raises(FastTrackError, match=r"fasttrack serve answered question 0 with .*not worth measuring"),
        serving(this_server(subject), wrong, cores().server),
    ):
        pass


@pytest.mark.parametrize(
    ("found", "verdict"),
    [([1.0, 2.0], True), ([1.0, 2.0 + 1e-9], True), ([1.0, 2.1], False), ([1.0], False), ([1.0, None], False)],
)
def test_right_is_every_answer_to_nine_digits(found: list[float | None], verdict: bool) -> None:
    assert right(Question([{}, {}], [1.0, 2.0]), found) is verdict


def test_a_server_that_stops_is_told_with_what_it_said() -> None:
    def command(port: int) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('no such model')"]

    broken = replace(echo(60), name="broken", command=command)
    with (
        pytest.raises(FastTrackError, match="broken stopped as it started: no such model"),
        serving(broken, Question([{}], [0.0]), cores().server),
    ):
        pass


def test_a_server_keeps_to_its_core_and_is_gone_afterwards() -> None:
    limit: Contender = echo(60)
    with serving(limit, Question([{}], [0.0]), cores().server) as server:
        assert os.sched_getaffinity(server.pid) == {cores().server}
        assert len(server.ask(Question([{}], [0.0]))) == 60
        assert server.pss_bytes() > 1_000_000
        assert server.busy_s() > 0
    assert not Path(f"/proc/{server.pid}").exists()


def test_one_processor_is_too_few() -> None:
    with on_core(cores().server), pytest.raises(ConfigError, match="give it two"):
        cores()


def test_the_compiled_graph_is_measured_beside_the_pipeline(subject: Subject, tmp_path: Path) -> None:
    table = measure_in_process(Bench(QUICK, cores(), tmp_path), [subject])
    (row,) = table.rows
    assert row[0] == "linear (Ridge)"
    assert all(isinstance(cell, float) and cell > 0 for cell in row[1:])


def test_rounds_are_interleaved_and_start_elsewhere_each_time() -> None:
    seen: list[str] = []

    def work(name: str) -> float:
        seen.append(name)
        return len(seen)

    found = interleaved({name: partial(work, name) for name in ("a", "b", "c")}, 3)
    assert "".join(seen) == "abcbcacab"
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_the_table_shows_three_digits_and_the_json_every_round(tmp_path: Path) -> None:
    rows: list[tuple[str | int | float | None, ...]] = [("fast", 18_234.5, 0.034567), ("slow", 999.6, None)]
    table = Table("speed", "Speed", ("server", "a second", "ms"), rows, ("A note.",), {"fast": [1.5, math.pi]})
    write([table], {"processor": "one"}, {"rounds": 2}, tmp_path / "results")
    written = (tmp_path / "results" / "results.md").read_text()
    assert (
        "| server | a second | ms |\n| --- | --: | --: |\n| fast | 18,200 | 0.0346 |\n| slow | 1,000 | – |" in written
    )
    assert "(rounds 2) on: processor one." in written
    content = json.loads((tmp_path / "results" / "results.json").read_text())
    assert content["tables"][0]["rounds"] == {"fast": [1.5, math.pi]}
