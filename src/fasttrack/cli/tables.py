"""Tables on stdout: as wide as the terminal at most, and in a pipe one record a line, however long it is.

On a terminal a table that is too wide first wraps the columns that may be wrapped. Where that is not enough, each
record becomes a title line and, below it, its other cells with their headings.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Table", "TableColumn", "is_terminal", "output", "print_table"]

_GAP = 2
_INDENT = 4
_PIECES = re.compile(r" +|[^ _\-.:@/]*[_\-.:@/]|[^ _\-.:@/]+")
"""A text in pieces between which a line may end."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table. `narrowest`: the fewest characters to which it may be wrapped; 0: it is never wrapped."""

    heading: str
    right: bool = False
    narrowest: int = 0


@dataclass(frozen=True)
class Record:
    """The cells of one record, in the order of the columns, and the rich style in which to print them."""

    cells: tuple[str, ...]
    style: str = ""


@dataclass(frozen=True)
class Heading:
    """A line of its own, above the records that it is about."""

    text: str


@dataclass(frozen=True)
class Table:
    """Columns and records. `title_columns`: how many leading cells are the title of a record, where it is stacked."""

    columns: Sequence[TableColumn]
    rows: list[Record | Heading] = field(default_factory=list)
    title_columns: int = 1

    def add(self, *cells: str, style: str = "") -> None:
        """Append a record."""
        self.rows.append(Record(cells, style))

    def add_heading(self, text: str) -> None:
        """Append a heading for the records that follow."""
        self.rows.append(Heading(text))

    def lines(self, width: int | None) -> Iterator[Text]:
        """The table as lines of at most `width` characters; `None`: as wide as it is."""
        natural = self._natural_widths()
        widths = natural if width is None else _fit(natural, [column.narrowest for column in self.columns], width)
        if widths is None:
            assert width is not None  # noqa: S101  # without a limit everything fits
            yield from self._stacked(width)
            return
        yield from self._row(Record(tuple(column.heading for column in self.columns), "bold"), widths)
        for row in self.rows:
            if isinstance(row, Heading):
                yield from _bold(row.text, width)
            else:
                yield from self._row(row, widths)

    def _natural_widths(self) -> list[int]:
        rows = [
            [column.heading for column in self.columns],
            *(row.cells for row in self.rows if isinstance(row, Record)),
        ]
        return [max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]

    def _row(self, record: Record, widths: Sequence[int]) -> Iterator[Text]:
        wrapped = [_wrap(cell, width) for cell, width in zip(record.cells, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            padded = [
                " " * (width - cell_len(part)) + part if column.right else set_cell_size(part, width)
                for column, part, width in zip(self.columns, parts, widths, strict=True)
            ]
            yield Text((" " * _GAP).join(padded).rstrip(), style=record.style)

    def _stacked(self, width: int) -> Iterator[Text]:
        for record in self.rows:
            if isinstance(record, Heading):
                yield from _bold(record.text, width)
                continue
            title = " ".join(cell for cell in record.cells[: self.title_columns] if cell)
            for line in _wrap(title, width):
                yield Text(line, style=record.style or "bold")
            named = zip(self.columns[self.title_columns :], record.cells[self.title_columns :], strict=True)
            line = ""
            for entry in (f"{column.heading} {cell}".strip() for column, cell in named if cell):
                joined = f"{line}{' ' * _GAP}{entry}" if line else entry
                if cell_len(joined) <= width - _INDENT:
                    line = joined
                    continue
                if line:
                    yield Text(" " * _INDENT + line)
                *full, line = _wrap(entry, width - _INDENT)
                yield from (Text(" " * _INDENT + part) for part in full)
            if line:
                yield Text(" " * _INDENT + line)


def is_terminal() -> bool:
    """Whether stdout is a terminal, whose width tables must fit."""
    return sys.stdout.isatty()


def output() -> Console:
    """The console for stdout: a pipe or a file has no width, so lines are not folded there."""
    return Console(highlight=False, soft_wrap=not is_terminal())


def print_table(console: Console, table: Table) -> None:
    """Print a table that fits the terminal; one record a line elsewhere."""
    for line in table.lines(console.width if is_terminal() else None):
        console.print(line)


def _bold(text: str, width: int | None) -> Iterator[Text]:
    for line in [text] if width is None else _wrap(text, width):
        yield Text(line, style="bold")


def _fit(natural: Sequence[int], narrowest: Sequence[int], width: int) -> list[int] | None:
    """Widths that fit, the widest columns narrowed first; `None` where no allowed wrapping is enough."""
    widths = list(natural)
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    while excess > 0:
        candidates = [j for j, least in enumerate(narrowest) if least and widths[j] > least]
        if not candidates:
            return None
        widths[max(candidates, key=lambda j: widths[j])] -= 1
        excess -= 1
    return widths


def _wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters, broken at spaces and after the signs that join names."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if cell_len(lines[-1] + piece) <= width:
            lines[-1] += piece
        elif cell_len(piece) <= width:
            lines.append(piece.lstrip(" "))
        else:
            lines[-1:] = [lines[-1], *chop_cells(piece, width)] if lines[-1] else chop_cells(piece, width)
    return [line.rstrip(" ") for line in lines]
