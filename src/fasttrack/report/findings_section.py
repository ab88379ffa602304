"""What the report says of the table: cautions at the top of the page, notes beside the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest
    from fasttrack.contract.finding import TableFinding

__all__ = ["FindingsSection", "findings_section"]


@dataclass(frozen=True)
class FindingsSection:
    """The findings of a training's table by their level, and the columns that were left out for other reasons."""

    cautions: list[TableFinding]
    notes: list[TableFinding]
    left_out: dict[str, str]


def findings_section(manifest: Manifest) -> FindingsSection:
    """The findings in the manifest; a column that a finding says is left out is not listed again."""
    record = manifest.training
    noted = {column for finding in record.findings if finding.code == "FT102" for column in finding.columns}
    return FindingsSection(
        cautions=[finding for finding in record.findings if finding.level == "caution"],
        notes=[finding for finding in record.findings if finding.level == "note"],
        left_out={column: reason for column, reason in record.left_out.items() if column not in noted},
    )
