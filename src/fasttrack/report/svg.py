"""A plot as SVG text: axes with round ticks, and marks in the colours of the page.

No plotting library, because every training writes a report: this imports nothing heavy, and draws a few kilobytes that
are the same bytes on every machine. Colours are CSS classes, so that the page defines them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import escape

from fasttrack.report.labels import letters, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Axes", "Axis", "areas", "bars", "density", "draw", "error_bars", "line", "padded_range", "points", "rule"]

_LETTER = 6.3
"""The approximate width of a letter at 11 px."""
_TOP, _BOTTOM, _RIGHT = 30, 44, 22
_CELLS = 44
_LETTERS = 24
"""A longer entry of a legend is shortened."""
_SHADES = (0.14, 0.3, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Axis:
    """The range `low` to `high` and its name; `share`: its numbers are shares, which are shown in percent."""

    low: float
    high: float
    name: str
    share: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None
    """Positions and texts of ticks that are not numbers."""

    def marks(self, most: int) -> list[tuple[float, str]]:
        """Positions and texts of the ticks: round numbers, at most `most`."""
        if self.ticks is not None:
            return list(self.ticks)
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        places = [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [(place, _text(place, step, self.share)) for place in places]


@dataclass(frozen=True)
class Axes:
    """Two axes, and the size of the drawing in pixels."""

    x: Axis
    y: Axis
    width: int = 520
    height: int = 330

    @property
    def left(self) -> float:
        """Where the plot begins, right of the texts of the y axis."""
        return 14 + _LETTER * max((len(text) for _, text in self.y.marks(6)), default=1)

    def px(self, x: Floats | float) -> Floats:
        """Pixels from the left for values of the x axis."""
        share = (np.asarray(x, dtype=np.float64) - self.x.low) / (self.x.high - self.x.low)
        return np.clip(self.left + share * (self.width - self.left - _RIGHT), -1e4, 1e4)

    def py(self, y: Floats | float) -> Floats:
        """Pixels from the top for values of the y axis."""
        share = (np.asarray(y, dtype=np.float64) - self.y.low) / (self.y.high - self.y.low)
        return np.clip(self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM), -1e4, 1e4)


def padded_range(values: Floats, *, pad: float = 0.03, cut: float = 0.0) -> tuple[float, float]:
    """A range that contains the values, without the share `cut` at each end, with padding; never empty."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = np.quantile(known, [cut, 1 - cut]).tolist()
    if not high - low > 1e-12 * max(abs(low), abs(high)):  # all the same
        half = max(abs(high), 1.0) / 2
        return low - half, high + half
    padding = pad * (high - low)
    return low - padding, high + padding


def draw(axes: Axes, *marks: str, legend: Sequence[tuple[str, str]] = (), title: str = "") -> str:
    """The `<svg>` element. `legend`: the CSS class and the text of each entry."""
    width, height = axes.width, axes.height
    floor, left = height - _BOTTOM, axes.left
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}"><g class="grid">']
    for place, _ in axes.y.marks(6):
        parts.append(f'<path d="M{_n(left)} {_n(float(axes.py(place)))}H{width - _RIGHT}"/>')
    parts.append("</g>")
    parts += marks
    parts.append(f'<path class="axis" d="M{_n(left)} {floor}H{width - _RIGHT}"/><g class="tick">')
    room = (width - left - _RIGHT) / _LETTER
    shown = axes.x.marks(7)
    while len(shown) > 2 and sum(len(text) + 2 for _, text in shown) > room:
        shown = shown[::2]
    for place, text in shown:
        at = float(axes.px(place))
        parts.append(f'<path class="axis" d="M{_n(at)} {floor}v4"/>')
        parts.append(f'<text x="{_n(at)}" y="{floor + 17}" text-anchor="middle">{escape(text)}</text>')
    for place, text in axes.y.marks(6):
        at = float(axes.py(place)) + 4
        parts.append(f'<text x="{_n(left - 7)}" y="{_n(at)}" text-anchor="end">{escape(text)}</text>')
    parts.append("</g>")
    middle = (left + width - _RIGHT) / 2
    x_name = shorten(axes.x.name, 2 * (width - middle) / _LETTER - 1)
    y_name = shorten(axes.y.name, width / _LETTER - 1)
    parts.append(f'<text class="name" x="{_n(middle)}" y="{height - 8}" text-anchor="middle">{escape(x_name)}</text>')
    parts.append(f'<text class="name" x="2" y="14">{escape(y_name)}</text>')
    parts += _legend(legend, width, floor)
    parts.append("</svg>")
    return "".join(parts)


def line(axes: Axes, x: Floats, y: Floats, style: str) -> str:
    """A line through the points; points on the same pixel are drawn once."""
    places = np.round(np.column_stack([axes.px(x), axes.py(y)]), 1)
    keep = np.ones(len(places), dtype=bool)
    keep[1:] = (np.diff(places, axis=0) != 0).any(axis=1)
    path = "L".join(f"{_n(a)} {_n(b)}" for a, b in places[keep].tolist())
    return f'<path class="line {style}" d="M{path}"/>' if path else ""


def points(axes: Axes, x: Floats, y: Floats, style: str) -> str:
    """Dots."""
    path = "".join(f"M{_n(a)} {_n(b)}h0" for a, b in zip(axes.px(x).tolist(), axes.py(y).tolist(), strict=True))
    return f'<path class="dots {style}" d="{path}"/>'


def density(axes: Axes, x: Floats, y: Floats, style: str) -> str:
    """The number of points in each cell of a grid, in five shades on a logarithmic scale."""
    counts, xs, ys = np.histogram2d(x, y, bins=_CELLS, range=((axes.x.low, axes.x.high), (axes.y.low, axes.y.high)))
    most = max(counts.max(), 2.0)
    shade = np.ceil(np.log1p(counts) / np.log1p(most) * len(_SHADES) - 1e-9).astype(int)
    wide, high = np.diff(axes.px(xs))[0], -np.diff(axes.py(ys))[0]
    cell = f"h{_n(wide)}v{_n(high)}h{_n(-wide)}z"
    parts = []
    for level, opacity in enumerate(_SHADES, start=1):
        places = np.argwhere(shade == level)
        path = "".join(f"M{_n(float(axes.px(xs[i])))} {_n(float(axes.py(ys[j + 1])))}{cell}" for i, j in places)
        if path:
            parts.append(f'<path class="fill {style}" fill-opacity="{opacity}" d="{path}"/>')
    return "".join(parts)


def bars(axes: Axes, edges: Floats, heights: Floats, style: str, *, gap: float = 1.0) -> str:
    """Bars from the lower end of the axis, between successive `edges`."""
    floor = float(axes.py(max(axes.y.low, 0.0)))
    path = ""
    for low, high, y in zip(axes.px(edges[:-1]), axes.px(edges[1:]), axes.py(heights), strict=True):
        if floor - y > 0.05:
            path += f"M{_n(low + gap / 2)} {_n(floor)}V{_n(y)}H{_n(high - gap / 2)}V{_n(floor)}z"
    return f'<path class="fill {style}" d="{path}"/>'


def areas(axes: Axes, x: Floats, low: Floats, high: Floats, style: str) -> str:
    """The area between two lines."""
    forward = [f"{_n(a)} {_n(b)}" for a, b in zip(axes.px(x), axes.py(high), strict=True)]
    back = [f"{_n(a)} {_n(b)}" for a, b in zip(axes.px(x)[::-1], axes.py(low)[::-1], strict=True)]
    return f'<path class="band {style}" d="M{"L".join(forward + back)}z"/>' if forward else ""


def error_bars(axes: Axes, x: Floats, low: Floats, high: Floats, style: str) -> str:
    """Vertical intervals with caps."""
    path = ""
    for at, a, b in zip(axes.px(x), axes.py(low), axes.py(high), strict=True):
        path += f"M{_n(at)} {_n(a)}V{_n(b)}M{_n(at - 3)} {_n(a)}h6M{_n(at - 3)} {_n(b)}h6"
    return f'<path class="line {style}" d="{path}"/>'


def rule(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> str:
    """A dashed reference line."""
    (a, b), (c, d) = ((float(axes.px(x)), float(axes.py(y))) for x, y in (start, end))
    return f'<path class="rule" d="M{_n(a)} {_n(b)}L{_n(c)} {_n(d)}"/>'


def _legend(entries: Sequence[tuple[str, str]], width: int, floor: int) -> list[str]:
    """Two entries side by side above the plot, or more in a column in its lower right corner."""
    shown = [(style, shorten(text, _LETTERS)) for style, text in entries]
    parts = []
    right, y = float(width - _RIGHT), 14
    if len(shown) > 2:
        right, y = right - 8 - _LETTER * max(letters(text) for _, text in shown), floor - 10
    for style, text in reversed(shown):
        x = right if len(shown) > 2 else right - _LETTER * letters(text)
        parts.append(f'<text class="name" x="{_n(x)}" y="{y}">{escape(text)}</text>')
        parts.append(f'<path class="key {style}" d="M{_n(x - 14)} {y - 4}h9"/>')
        if len(shown) > 2:
            y -= 16
        else:
            right = x - 26
    return parts


def _round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not less than `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _text(place: float, step: float, share: bool) -> str:
    if share:
        place, step = 100 * place, 100 * step
    if place and (abs(place) >= 1e6 or step < 1e-4):
        return f"{place:.4g}".replace("-", "−") + (" %" if share else "")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:  # a step of 2.5
        decimals += 1
    elif not decimals and abs(step - round(step)) > 1e-6:
        decimals = 1
    text = f"{place + 0.0:,.{decimals}f}"
    text = text.removeprefix("-") if not text.strip("-0.,") else text
    return text.replace("-", "−") + (" %" if share else "")


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
