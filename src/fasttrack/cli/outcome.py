"""The end of a training on stdout: what was trained, how good it is, whether it was promoted, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from fasttrack.cli.tables import output, print_table
from fasttrack.cli.version_summary import (
    describe,
    engine_line,
    leaderboard_heading,
    leaderboard_table,
    quality_heading,
    quality_table,
    search_line,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from fasttrack.bundle import Manifest
    from fasttrack.contract.finding import TableFinding
    from fasttrack.jobs import Outcome

__all__ = ["print_findings", "print_outcome"]

_FEW_ROWS = 30
_COLOURS = {"note": "", "caution": "yellow"}


def print_outcome(outcome: Outcome, store: str) -> None:
    """Print the outcome of a training into `store`."""
    manifest, training = outcome.manifest, outcome.manifest.training
    console = output()
    console.print()
    console.print(Text.assemble((f"{manifest.name}@{manifest.version}", "bold"), f"  {describe(manifest)}"))
    noted = {column for finding in training.findings if finding.code == "FT102" for column in finding.columns}
    for column, reason in training.left_out.items():
        if column not in noted:
            console.print(Text(f"left out {column!r}: {reason}"))
    print_findings(console, training.findings)
    for note in training.notes:
        console.print(Text(note))
    if training.dropped_rows:
        console.print(Text(f"dropped {training.dropped_rows:,} rows without a {manifest.contract.target.name!r}"))
    if training.search is not None:
        console.print(Text(search_line(training.search)))
    if outcome.leaderboard is not None:
        console.print(Text(leaderboard_heading(outcome.leaderboard)))
        print_table(console, leaderboard_table(outcome.leaderboard))
    console.print(quality_heading(manifest))
    print_table(console, quality_table(manifest))
    console.print(Text(engine_line(manifest)))
    caution = _caution(manifest)
    if caution is not None:
        console.print(Text.assemble(("caution:", "yellow"), f" {caution}"))
    console.print(Text(outcome.verdict.reason))
    if outcome.tracked is not None:
        console.print(Text(outcome.tracked.message, style="" if outcome.tracked.run_id else "yellow"))
    option = "" if store == "model" else f" --store {shlex.quote(store)}"
    spec = manifest.name if outcome.verdict.promoted else f"{manifest.name}@{manifest.version}"
    console.print(Text.assemble("next: ", (f"fasttrack serve{option} --model {spec}", "bold")))


def print_findings(console: Console, findings: Sequence[TableFinding]) -> None:
    """Each finding in one line with its code, the cautions first."""
    for finding in sorted(findings, key=lambda finding: finding.level != "caution"):
        is_caution = finding.level == "caution"
        code = (f"{finding.code} caution:", "yellow") if is_caution else f"{finding.code}:"
        console.print(Text.assemble(code, f" {finding.message}"))


def _caution(manifest: Manifest) -> str | None:
    """Why the metrics should not be trusted; `None` if nothing speaks against it."""
    rows = manifest.training.holdout_rows
    if 0 < rows < _FEW_ROWS:
        return f"measured on only {rows} hold-out rows; train on more rows for narrower intervals"
    loss = manifest.gains.get("log_loss")
    if loss is None or loss.high >= 0 or not any(gain.low > 0 for gain in manifest.gains.values()):
        return None
    return (
        f"log_loss is worse than that of the trivial baseline by {-loss.value:.3g}: use the predicted labels and the "
        "ranking of the rows, but not the probabilities"
    )
