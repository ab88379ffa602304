"""What a training says of its table, end to end: in the manifest, on the console, in the report and in a notebook."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import fasttrack
from fasttrack.cli.outcome import print_outcome
from fasttrack.errors import TrainingError
from fasttrack.report import read_report
from fasttrack.store import open_store
from tests.jobs.tables import write_csv
from tests.report.pages import parse_page

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.jobs import Outcome


def grades(rows: int = 160) -> pd.DataFrame:
    """Loans whose interest rate is set by their sub-grade."""
    random = np.random.default_rng(0)
    step = random.integers(0, 70, rows)
    frame = pd.DataFrame({"income": random.normal(60_000, 9_000, rows).round(), "age": random.integers(20, 70, rows)})
    frame["sub_grade"] = [f"{'ABCDEFG'[k // 10]}{k % 10:02}" for k in step]
    return frame.assign(rate=5 + step / 4 + random.normal(size=rows).round(1) / 4)


def bikes(rows: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"hour": random.integers(0, 24, rows), "casual": random.integers(10, 30, rows)})
    frame["registered"] = random.integers(70, 130, rows)
    return frame.assign(total=frame["casual"] + frame["registered"])


def numbered(rows: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"rownames": range(1, rows + 1)})
    frame["customer_number"] = 100_000 + np.cumsum(random.integers(1, 20, rows))
    frame["uid"] = [random.bytes(16).hex() for _ in range(rows)]
    frame["x"], frame["z"] = random.normal(size=rows).round(3), random.choice(list("pq"), rows)
    return frame.assign(y=2 * frame["x"] + random.normal(size=rows))


def repeated(times: int = 4, rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"a": random.normal(size=rows).round(3), "b": random.normal(size=rows).round(3)})
    frame["y"] = (frame["a"] + random.normal(size=rows) * 1.5 > 0).astype(int)
    return pd.concat([frame] * times).sample(frac=1, random_state=0)


def codes(outcome: Outcome) -> list[tuple[str, str, list[str]]]:
    return [(finding.code, finding.level, finding.columns) for finding in outcome.manifest.training.findings]


def printed(outcome: Outcome) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out):
        print_outcome(outcome, "model")
    return out.getvalue().splitlines()


def test_a_leak_is_named_everywhere_with_its_figure(tmp_path: Path) -> None:
    outcome = fasttrack.train(write_csv(grades(), tmp_path), "rate", estimator="linear", store=tmp_path / "store")
    assert codes(outcome) == [("FT103", "caution", ["sub_grade"])]
    (finding,) = outcome.manifest.training.findings
    assert finding.figure is not None
    assert 0.99 < finding.figure < 1
    assert f"FT103 caution: {finding.message}" in printed(outcome)
    report = read_report(outcome.bundle)
    assert "FT103-1" in parse_page(report).ids
    assert report.index("<strong>FT103</strong>") < report.index('class="tiles"')
    assert "FT103 caution:" in outcome._repr_html_()


def test_a_refused_leak_writes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "fasttrack.toml"
    write_csv(grades(), tmp_path)
    config.write_text('name = "t"\n[data]\nsource = "table.csv"\ntarget = "rate"\n[check]\nleaks = "refuse"\n')
    with pytest.raises(TrainingError, match=r"^FT103 'sub_grade' alone explains 99\.\d % of 'rate'"):
        fasttrack.train(config, store=tmp_path / "store")
    assert open_store(tmp_path / "store").names() == []
    config.write_text(config.read_text() + 'skip = ["FT103"]\n[model]\nestimator = "linear"\n')
    assert codes(fasttrack.train(config, store=tmp_path / "store")) == []


def test_parts_that_add_up_to_the_target_are_named(tmp_path: Path) -> None:
    outcome = fasttrack.train(write_csv(bikes(), tmp_path), "total", estimator="linear", store=tmp_path / "store")
    assert ("FT104", "caution", ["casual", "registered"]) in codes(outcome)
    assert any("FT104 caution: 'casual' + 'registered' = 'total'" in line for line in printed(outcome))


def test_identifiers_are_left_out_and_kept_on_demand(tmp_path: Path) -> None:
    table = write_csv(numbered(), tmp_path)
    outcome = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "store")
    assert outcome.manifest.contract.names == ["x", "z"]
    assert codes(outcome) == [("FT102", "note", [name]) for name in ("rownames", "customer_number", "uid")]
    lines = printed(outcome)
    assert "FT102: 'rownames' is left out: a unique identifier; to use it: --keep rownames" in lines
    assert not any(line.startswith("left out") for line in lines)
    report = read_report(outcome.bundle)
    assert "FT102: &#39;uid&#39; is left out: a unique identifier (hexadecimal digests)" in report
    assert "<p>Left out:" not in report
    kept = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "store", keep=["customer_number"])
    assert kept.manifest.contract.names == ["customer_number", "x", "z"]


def test_repeated_rows_give_the_figures_of_the_distinct_ones(tmp_path: Path) -> None:
    outcome = fasttrack.train(write_csv(repeated(), tmp_path), "y", estimator="forest", store=tmp_path / "store")
    assert ("FT105", "note", []) in codes(outcome)
    assert "FT105: 180 of 240 rows repeat an earlier row; identical rows are on one side of the split" in printed(
        outcome
    )
    torn = fasttrack.train(tmp_path / "table.csv", "y", estimator="forest", store=tmp_path, check_skip=["FT105"])
    honest, inflated = (one.manifest.metrics["accuracy"] for one in (outcome, torn))
    assert inflated.value > 0.9
    assert honest.value < 0.85
    assert honest.high - honest.low > 0.2, "11 distinct rows are resampled, not 44"
    assert "of the 11 distinct rows." in read_report(outcome.bundle)


def test_the_gate_compares_on_distinct_rows(tmp_path: Path) -> None:
    table = write_csv(repeated(), tmp_path)
    for estimator in ("forest", "linear"):
        outcome = fasttrack.train(table, "y", estimator=estimator, store=tmp_path / "store", promote="always")
    assert "of all resamples of their 11 distinct rows" in outcome.verdict.reason
