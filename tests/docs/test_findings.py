"""Every finding has a page with its title, a message as the code writes it, and the switch."""

from __future__ import annotations

import pytest

from fasttrack.contract.finding import CODES, FindingCode, TableFinding
from fasttrack.understanding import messages
from fasttrack.understanding.leaks import Leak
from fasttrack.understanding.sums import PartsOfTarget
from tests.docs.pages import ROOT, blocks, page

OVERVIEW = page("explanation/findings")
EXAMPLES = [
    messages.identifier_finding("rownames", "a unique identifier"),
    messages.leak_finding(Leak("sub_grade", 0.994), "rate", regression=True),
    messages.parts_finding(PartsOfTarget(["casual", "registered"], [1, 1]), "total"),
    messages.duplicates_finding(180, 240, copies=True, crossing=0),
    messages.entity_finding("patient_id", 5.0, chosen=False),
    messages.order_finding("when", chosen=False),
    messages.leak_finding(Leak("churn_reason", 1.0, "filled", "yes", 115), "churn", regression=False),
]


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_and_a_switch(code: FindingCode) -> None:
    text = page(f"findings/{code}")
    assert f"# {code}: {CODES[code]}\n" in text
    assert f"`--check-skip {code}`" in text
    assert f"| {{doc}}`{code} <../findings/{code}>` | {CODES[code]} |" in OVERVIEW


def test_every_page_is_of_a_code() -> None:
    assert {path.stem for path in (ROOT / "docs" / "findings").iterdir()} == set(CODES)


@pytest.mark.parametrize("finding", EXAMPLES, ids=lambda finding: finding.code)
def test_a_page_shows_the_message(finding: TableFinding) -> None:
    caution = " caution" if finding.level == "caution" else ""
    assert blocks(page(f"findings/{finding.code}"), "text") == [f"{finding.code}{caution}: {finding.message}\n"]
