"""Generates what Prometheus and Grafana need to watch a model: rules, alerts with runbooks and tests, a dashboard."""

from __future__ import annotations

from fasttrack.monitoring.plan import Plan, plan_for
from fasttrack.monitoring.write import write_all

__all__ = ["Plan", "plan_for", "write_all"]
