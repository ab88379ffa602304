"""The measured tables, written as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Cell", "ResultTable", "write_results"]

Cell = str | int | float | None


@dataclass(frozen=True)
class ResultTable:
    """One table. `rounds`: by the name of a measurement, the figure of each round; the table shows their medians."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: tuple[str, ...]
    rounds: Mapping[str, Sequence[float]]

    def markdown(self) -> str:
        """The title, the table, the notes."""
        lines = [f"## {self.title}", "", _line(self.header), _line(["---", *["--:"] * (len(self.header) - 1)])]
        lines += [_line([_format_cell(cell) for cell in row]) for row in self.rows]
        return "\n".join([*lines, "", *self.notes]) + "\n"


def write_results(
    tables: Sequence[ResultTable], machine: Mapping[str, str], settings: Mapping[str, Cell], folder: Path
) -> None:
    """Write `results.md` and `results.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    machine_text = "; ".join(f"{name} {value}" for name, value in machine.items())
    settings_text = ", ".join(f"{name} {value}" for name, value in settings.items())
    text = f"# Benchmarks\n\nWritten by `make bench` ({settings_text}) on: {machine_text}.\n\n"
    (folder / "results.md").write_text(text + "\n".join(table.markdown() for table in tables))
    content = {"machine": machine, "settings": settings, "tables": [asdict(table) for table in tables]}
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _format_cell(cell: Cell) -> str:
    """Numbers with three significant digits, more would be noise; from 1,000 on as integers with separators."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    rounded = float(f"{cell:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.3g}"
