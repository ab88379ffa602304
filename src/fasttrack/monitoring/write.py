"""The files: rules.yml, rules_test.yml, runbooks.md, grafana-dashboard.json, and a prometheus.yml to begin with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from fasttrack.errors import ConfigError
from fasttrack.monitoring.alerts import RUNBOOKS, alerts
from fasttrack.monitoring.dashboard import dashboard
from fasttrack.monitoring.rules import recording_rules

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.monitoring.plan import Plan

__all__ = ["write_all"]

_MADE = "# Written by `fasttrack monitor build` for the model {model}; change the plan, not this file.\n"
_PROMETHEUS = """\
# Prometheus' configuration; written once by `fasttrack monitor build`, yours from then on.
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
    """Write the files into `folder`; returns those that were written. A prometheus.yml that is there stays.

    `target`: HOST:PORT of the server, for prometheus.yml. Raises ConfigError when the folder cannot be written to.
    """
    made = _MADE.format(model=plan.model)
    files = {
        "rules.yml": made + "# Tested by rules_test.yml; what to do: runbooks.md.\n" + _yaml(_rules(plan)),
        "rules_test.yml": made + "# promtool test rules rules_test.yml\n" + _yaml(_tests(plan)),
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
        "evaluation_interval": "5m",  # a day passes in some of the tests
        "tests": [test for alert in alerts(plan) for test in alert.tests()],
    }


def _runbooks(plan: Plan) -> str:
    parts = [
        f"# Runbooks for {plan.model}\n\nOne for each alert in `rules.yml`; written by `fasttrack monitor build`.\n"
        "`page` means that somebody should look now, `ticket` that somebody should look this week.\n"
    ]
    for alert in alerts(plan):
        lasting = "at once" if alert.lasting == "0m" else f"after {alert.lasting}"
        parts.append(
            f"\n## {alert.name}\n\n*{alert.severity}, {lasting}*\n\n{alert.means.strip()}\n\n"
            f"**What to do.** {alert.todo.strip()}\n\n```promql\n{alert.expr}\n```\n"
        )
    return "".join(parts)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
