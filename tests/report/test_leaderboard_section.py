"""The section on the candidates: the chosen ones always, the best others, names as text."""

from __future__ import annotations

from fasttrack.contract.leaderboard import Leaderboard, Standing
from fasttrack.report.leaderboard_section import leaderboard_section

BOARD = Leaderboard(
    metric="log_loss",
    validation="3-fold cross-validation of 90 training rows, by random",
    rule="the mixture of 2 with the lowest loss, of 40 candidates",
    standings=[
        Standing(name=f"candidate <{k}>", score=0.5 + k / 100, error=0.01, weight={0: 0.75, 39: 0.25}.get(k), seconds=k)
        for k in range(40)
    ],
)


def test_the_chosen_and_the_best_others_are_listed_with_figures_and_times() -> None:
    html = leaderboard_section(BOARD)
    assert html.count("<tr>") == 21  # with the heading
    assert '<th scope="row">candidate &lt;0&gt;</th><td class="n">0.5</td><td class="n">± 0.01</td>' in html
    assert '<th scope="row">candidate &lt;39&gt;</th><td class="n">0.89</td>' in html
    assert "25%" in html
    assert "candidate &lt;30&gt;" not in html
    assert "Log loss, 3-fold cross-validation of 90 training rows, by random: the mean over the folds" in html
    assert "The mixture of 2 with the lowest loss, of 40 candidates. 20 candidates that were not chosen are" in html
    assert '<th class="n">Seconds</th>' in html


def test_a_leaderboard_from_a_manifest_has_no_times() -> None:
    html = leaderboard_section(BOARD.without_times())
    assert "Seconds" not in html
    assert html.count('<td class="n">') == 20 * 3


def test_without_candidates_there_is_no_section() -> None:
    assert leaderboard_section(None) == ""
