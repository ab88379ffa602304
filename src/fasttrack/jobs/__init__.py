"""The recipes behind the commands: functions that join packages, each named as its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.lazy import offer

if TYPE_CHECKING:
    from fasttrack.jobs.init import init
    from fasttrack.jobs.load import LoadedModel, PredictionWarning, load
    from fasttrack.jobs.models import ModelVersion, models
    from fasttrack.jobs.outcome import Outcome
    from fasttrack.jobs.package import package
    from fasttrack.jobs.quality import VersionQuality, quality
    from fasttrack.jobs.report import Report, report
    from fasttrack.jobs.train import train
    from fasttrack.jobs.verify import verify

__all__ = [
    "LoadedModel",
    "ModelVersion",
    "Outcome",
    "PredictionWarning",
    "Report",
    "VersionQuality",
    "init",
    "load",
    "models",
    "package",
    "quality",
    "report",
    "train",
    "verify",
]

offer(
    __name__,
    {
        "LoadedModel": "fasttrack.jobs.load",
        "ModelVersion": "fasttrack.jobs.models",
        "Outcome": "fasttrack.jobs.outcome",
        "PredictionWarning": "fasttrack.jobs.load",
        "Report": "fasttrack.jobs.report",
        "VersionQuality": "fasttrack.jobs.quality",
        "init": "fasttrack.jobs.init",
        "load": "fasttrack.jobs.load",
        "models": "fasttrack.jobs.models",
        "package": "fasttrack.jobs.package",
        "quality": "fasttrack.jobs.quality",
        "report": "fasttrack.jobs.report",
        "train": "fasttrack.jobs.train",
        "verify": "fasttrack.jobs.verify",
    },
)
