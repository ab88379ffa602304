"""Writes the files: rules.yml, rules_test.yml, runbooks.md, grafana-dashboard.json, and prometheus.yml once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from fasttrack.errors import ConfigError
from fasttrack.monitoring.alert import RUNBOOKS
from fasttrack.monitoring.alerts import alerts
from fasttrack.monitoring.dashboard import dashboard
from fasttrack.monitoring.rules import recording_rules

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.monitoring.plan import Plan

__all__ = ["write_all"]

_HEADER = "# Written by `fasttrack monitor build` for the model {model}; run it again rather than edit this file.\n"
_PROMETHEUS = """\
# Prometheus' configuration. `fasttrack monitor build` writes it once and never overwrites it: edit it as you like.
global:
  scrape_interval: 5s
  evaluation_interval: 15s

rule_files:
  - rules.yml

scrape_configs:
  - job_name: {job}
    static_configs:
      - targets: [{target}]
"""


def write_all(plan: Plan, folder: Path, *, target: str) -> list[Path]:
    """Write the files into `folder`; returns those that were written. An existing prometheus.yml is kept.

    `target`: HOST:PORT of the server, for prometheus.yml. Raises ConfigError if the folder cannot be written to.
    """
    header = _HEADER.format(model=plan.model)
    files = {
        "rules.yml": header + "# The tests are in rules_test.yml, the runbooks in runbooks.md.\n" + _yaml(_rules(plan)),
        "rules_test.yml": header + "# Run with: promtool test rules rules_test.yml\n" + _yaml(_tests(plan)),
        RUNBOOKS: _runbooks(plan),
        "grafana-dashboard.json": json.dumps(dashboard(plan), indent=2, ensure_ascii=False) + "\n",
    }
    if not (folder / "prometheus.yml").exists():
        files["prometheus.yml"] = _PROMETHEUS.format(job=plan.job, target=target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            partial = folder / f".{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}; choose another with --output") from None
    return [folder / name for name in files]


def _rules(plan: Plan) -> dict[str, Any]:
    return {
        "groups": [
            {"name": "fasttrack-recording", "rules": recording_rules()},
            {"name": "fasttrack-alerts", "rules": [alert.rule() for alert in alerts(plan)]},
        ]
    }


def _tests(plan: Plan) -> dict[str, Any]:
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "5m",  # some of the tests take a day
        "tests": [test for alert in alerts(plan) for test in alert.tests()],
    }


def _runbooks(plan: Plan) -> str:
    parts = [
        f"# Runbooks for {plan.model}\n\nOne for each alert in `rules.yml`; written by `fasttrack monitor build`.\n"
        "`page` means that somebody should look now, `ticket` that somebody should look this week.\n"
    ]
    for alert in alerts(plan):
        wait = "at once" if alert.wait == "0m" else f"after {alert.wait}"
        parts.append(
            f"\n## {alert.name}\n\n*{alert.severity}, {wait}*\n\n{alert.meaning.strip()}\n\n"
            f"**What to do.** {alert.action.strip()}\n\n```promql\n{alert.expr}\n```\n"
        )
    return "".join(parts)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
