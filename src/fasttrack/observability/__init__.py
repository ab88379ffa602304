"""What a Prometheus and a Grafana need to watch a model: rules, alerts with runbooks, their tests, a dashboard."""

from __future__ import annotations

from fasttrack.observability.plan import Plan, plan_for
from fasttrack.observability.write import write_all

__all__ = ["Plan", "plan_for", "write_all"]
