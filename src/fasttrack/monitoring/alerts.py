"""All alerts of a model: about the service, drift, live quality and the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.monitoring.drift_alerts import drift_alerts
from fasttrack.monitoring.quality_alert import quality_alert
from fasttrack.monitoring.service_alerts import journal_alert, service_alerts

if TYPE_CHECKING:
    from fasttrack.monitoring.alert import Alert
    from fasttrack.monitoring.plan import Plan

__all__ = ["alerts"]


def alerts(plan: Plan) -> list[Alert]:
    """All alerts, in the order of the files."""
    return [*service_alerts(plan), *drift_alerts(plan), quality_alert(plan), journal_alert(plan)]
