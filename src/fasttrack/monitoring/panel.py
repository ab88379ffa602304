"""One panel of the dashboard, and its form as Grafana's JSON model has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BLUE", "GREEN", "HEIGHT", "RED", "SOURCE", "YELLOW", "Panel", "Steps"]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""The data source that the user chose."""
GREEN, YELLOW, RED, BLUE = "green", "#EAB839", "red", "blue"
HEIGHT = 8
"""In cells of Grafana's grid, which is 24 wide."""

Steps = tuple[tuple[str, float | None], ...]
"""Colors, each with the value from which it applies; the first one has none."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What a panel shows. `queries` are pairs of legend and PromQL."""

    kind: Literal["bargauge", "stat", "timeseries"]
    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    width: int
    height: int = HEIGHT
    steps: Steps = ((GREEN, None),)
    low: float | None = 0
    high: float | None = None
    """The ends of the axis; `None` where they follow the values."""
    stacked: bool = False
    by_name: bool = False
    """Whether a stat shows the name of its series in place of the value."""
    dashed: Sequence[str] = ()
    """Legends of the series that are drawn dashed and grey, as references for the others."""

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel at a place of the grid, numbered from 1."""
        instant = self.kind != "timeseries"
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": self._defaults(), "overrides": [_dashed(legend) for legend in self.dashed]},
            "options": self._options(),
            "targets": [
                {"refId": chr(65 + i), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "range": not instant}
                | ({"instant": True} if instant else {})
                for i, (legend, expr) in enumerate(self.queries)
            ],
        }

    def _defaults(self) -> dict[str, Any]:
        series = self.kind == "timeseries"
        steps = [{"color": color, "value": value} for color, value in self.steps]
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "thresholds": {"mode": "absolute", "steps": steps},
            "color": {"mode": "palette-classic" if series else "thresholds"},
        }
        defaults |= {name: value for name, value in (("min", self.low), ("max", self.high)) if value is not None}
        return defaults | ({"custom": self._lines()} if series else {})

    def _lines(self) -> dict[str, Any]:
        lines = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 40 if self.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
        }
        lines |= {"axisSoftMin": 0} if self.low == 0 else {}
        return lines | ({"thresholdsStyle": {"mode": "dashed"}} if len(self.steps) > 1 else {})

    def _options(self) -> dict[str, Any]:
        last_value = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        if self.kind == "timeseries":
            # a stack has as many series as a feature has bins: a legend below it would leave no room for it
            place = "right" if self.stacked else "bottom"
            return {
                "legend": {"displayMode": "list", "placement": place, "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        if self.kind == "bargauge":
            return {
                "displayMode": "basic",
                "orientation": "horizontal",
                "reduceOptions": last_value,
                "showUnfilled": True,
                "valueMode": "text",
                "namePlacement": "left",
                "sizing": "auto",
                "minVizWidth": 8,
                "minVizHeight": 16,
                "maxVizHeight": 300,
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
            }
        return {
            "colorMode": "value",
            "graphMode": "none" if self.by_name else "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "textMode": "name" if self.by_name else "value",
            "reduceOptions": last_value,
        }


def _dashed(legend: str) -> dict[str, Any]:
    style = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}}
    color = {"id": "color", "value": {"mode": "fixed", "fixedColor": "#8e8e8e"}}
    return {"matcher": {"id": "byName", "options": legend}, "properties": [style, color]}
