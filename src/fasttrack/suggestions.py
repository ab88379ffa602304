"""Suggestions for a name that does not exist: the names most like it, or a list of those that there are;
and lists of names that stay short."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["did_you_mean", "list_names", "names_hint"]

_MOST_SUGGESTED = 3
_MOST_LISTED = 20


def did_you_mean(name: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str:
    """`; did you mean a or b?`: up to three of `choices`, the most similar first; empty if none is similar.

    Case does not count. `cutoff` is the similarity that a suggestion needs, from 0 (any name) to 1 (the same letters).
    """
    by_folded = {choice.casefold(): choice for choice in sorted(choices, reverse=True)}
    similar = difflib.get_close_matches(name.casefold(), list(by_folded), n=_MOST_SUGGESTED, cutoff=cutoff)
    return f"; did you mean {' or '.join(by_folded[folded] for folded in similar)}?" if similar else ""


def names_hint(name: str, choices: Collection[str], *, introduction: str = "it has") -> str:
    """`; did you mean a?`, or without a similar name `; it has 'a', 'b'`: the first 20 of `choices`, in their order."""
    return did_you_mean(name, choices) or f"; {introduction} {list_names(list(map(repr, choices)))}"


def list_names(names: Sequence[str]) -> str:
    """`a, b and 280 more`: the first 20 names, and how many follow."""
    more = f" and {len(names) - _MOST_LISTED:,} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more
