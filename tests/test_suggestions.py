"""A misspelt name gets the names most like it, else a list of what there is."""

from __future__ import annotations

import pytest

from fasttrack.suggestions import did_you_mean, list_names, names_hint


@pytest.mark.parametrize(
    ("name", "choices", "suggestion"),
    [
        ("prise", ["price", "area"], "; did you mean price?"),
        ("PRICE", ["price", "area"], "; did you mean price?"),
        ("area", ["areas", "aria", "price"], "; did you mean areas or aria?"),
        ("colour", ["price", "area"], ""),
        ("colour", [], ""),
        ("aaaa", ["aaab", "aaac", "aaad", "aaae"], "; did you mean aaae or aaad or aaac?"),
    ],
)
def test_names_that_are_most_alike_are_suggested(name: str, choices: list[str], suggestion: str) -> None:
    assert did_you_mean(name, choices) == suggestion


def test_a_cutoff_of_one_asks_for_the_same_letters() -> None:
    assert did_you_mean("Price", ["price", "prices"], cutoff=1) == "; did you mean price?"


def test_names_are_listed_where_none_is_alike() -> None:
    assert names_hint("prise", ["price", "area"]) == "; did you mean price?"
    assert names_hint("zzz", ["price", "area"]) == "; it has 'price', 'area'"
    assert names_hint("zzz", ["price"], introduction="there are") == "; there are 'price'"


def test_a_wide_table_lists_twenty_of_its_names() -> None:
    hint = names_hint("zzz", [f"column {number}" for number in range(1_500)])
    assert hint.endswith("'column 18', 'column 19' and 1,480 more")


def test_a_list_of_names_says_how_many_it_leaves_out() -> None:
    names = [f"c{number}" for number in range(21)]
    assert list_names(names[:20]) == ", ".join(names[:20])
    assert list_names(names) == ", ".join(names[:20]) + " and 1 more"
