"""The recipes behind the commands: functions that join packages, each named as its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.lazy import offer

if TYPE_CHECKING:
    from fasttrack.jobs.init import init
    from fasttrack.jobs.load import load
    from fasttrack.jobs.loaded_model import LoadedModel, PredictionWarning
    from fasttrack.jobs.models import ModelVersion, models
    from fasttrack.jobs.outcome import Outcome
    from fasttrack.jobs.package import package
    from fasttrack.jobs.promote import AliasMove, promote, rollback
    from fasttrack.jobs.pull import Pull, pull
    from fasttrack.jobs.quality import VersionQuality, quality
    from fasttrack.jobs.report import Report, report
    from fasttrack.jobs.train import train
    from fasttrack.jobs.verify import verify

__all__ = [
    "AliasMove",
    "LoadedModel",
    "ModelVersion",
    "Outcome",
    "PredictionWarning",
    "Pull",
    "Report",
    "VersionQuality",
    "init",
    "load",
    "models",
    "package",
    "promote",
    "pull",
    "quality",
    "report",
    "rollback",
    "train",
    "verify",
]

offer(
    __name__,
    {
        "AliasMove": "fasttrack.jobs.promote",
        "LoadedModel": "fasttrack.jobs.loaded_model",
        "ModelVersion": "fasttrack.jobs.models",
        "Outcome": "fasttrack.jobs.outcome",
        "PredictionWarning": "fasttrack.jobs.loaded_model",
        "Pull": "fasttrack.jobs.pull",
        "Report": "fasttrack.jobs.report",
        "VersionQuality": "fasttrack.jobs.quality",
        "init": "fasttrack.jobs.init",
        "load": "fasttrack.jobs.load",
        "models": "fasttrack.jobs.models",
        "package": "fasttrack.jobs.package",
        "promote": "fasttrack.jobs.promote",
        "pull": "fasttrack.jobs.pull",
        "quality": "fasttrack.jobs.quality",
        "report": "fasttrack.jobs.report",
        "rollback": "fasttrack.jobs.promote",
        "train": "fasttrack.jobs.train",
        "verify": "fasttrack.jobs.verify",
    },
)
