"""What was measured, as Markdown to read and JSON to compute with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Cell", "Table", "write"]

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """A result: `rounds` holds, by what was measured, the figure of each round that a median in it stands for."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: tuple[str, ...]
    rounds: Mapping[str, Sequence[float]]

    def markdown(self) -> str:
        """The title, the table, the notes."""
        lines = [f"## {self.title}", "", _line(self.header), _line(["---", *["--:"] * (len(self.header) - 1)])]
        lines += [_line([_shown(cell) for cell in row]) for row in self.rows]
        return "\n".join([*lines, "", *self.notes]) + "\n"


def write(tables: Sequence[Table], machine: Mapping[str, str], settings: Mapping[str, Cell], folder: Path) -> None:
    """Write `results.md` and `results.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    place = "; ".join(f"{name} {value}" for name, value in machine.items())
    how = ", ".join(f"{name} {value}" for name, value in settings.items())
    text = f"# Benchmarks\n\nWritten by `make bench` ({how}) on: {place}.\n\n"
    (folder / "results.md").write_text(text + "\n".join(table.markdown() for table in tables))
    content = {"machine": machine, "settings": settings, "tables": [asdict(table) for table in tables]}
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _shown(cell: Cell) -> str:
    """Three digits say all that a benchmark knows; whole numbers from 1,000 on are grouped."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    rounded = float(f"{cell:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.3g}"
