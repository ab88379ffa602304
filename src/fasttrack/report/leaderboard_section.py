"""The report's section on the candidates of `auto`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from fasttrack.contract.leaderboard import describe_loss

if TYPE_CHECKING:
    from fasttrack.contract.leaderboard import Leaderboard, Standing

__all__ = ["leaderboard_section"]

_MOST = 20
"""Candidates that are listed."""


def leaderboard_section(board: Leaderboard | None) -> Markup:
    """The section in HTML, with names as text; empty if nothing was compared."""
    if board is None:
        return Markup()
    shown = board.most_telling(_MOST)
    timed = any(standing.seconds is not None for standing in board.standings)
    left = len(board.standings) - len(shown)
    return Markup(
        '<section id="candidates">\n<h2>Candidates</h2>\n<p class="soft">{loss}, {validation}: the mean over the folds '
        "and its standard error, lower is better. {rule}.{left}</p>\n<table>\n"
        '<thead><tr><th>Candidate</th><th class="n">{loss}</th><th class="n">Standard error</th>{time}'
        '<th class="n">Share</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n'
    ).format(
        loss=_capital(describe_loss(board.metric)),
        validation=board.validation,
        rule=_capital(board.rule),
        left=f" {left} candidates that were not chosen are left out." if left else "",
        time=Markup('<th class="n">Seconds</th>') if timed else "",
        rows=Markup().join(_row(standing, timed) for standing in shown),
    )


def _row(standing: Standing, timed: bool) -> Markup:
    cells = [
        f"{standing.score:.5g}",
        "" if standing.error is None else f"± {standing.error:.2g}",
        *([] if not timed else ["" if standing.seconds is None else f"{standing.seconds:.1f}"]),
        "" if standing.weight is None else f"{standing.weight:.0%}",
    ]
    return Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(
        standing.name, Markup().join(Markup('<td class="n">{}</td>').format(cell) for cell in cells)
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
