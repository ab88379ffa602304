"""FastTrack-MLOps: a table and a scikit-learn pipeline in, a proven, fast, watched and reversible service out.

`dir(fasttrack)` lists what is public. Each name is loaded when it is first used, so that a server, which needs none of
them, does not load scikit-learn and pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.lazy import offer

if TYPE_CHECKING:
    from fasttrack.config import TrainConfig
    from fasttrack.errors import (
        BundleError,
        ConfigError,
        DataError,
        FastTrackError,
        StoreError,
        StoreUnreachable,
        TrackingError,
        TrainingError,
    )
    from fasttrack.jobs import (
        AliasMove,
        LoadedModel,
        ModelVersion,
        Outcome,
        PredictionWarning,
        Report,
        VersionQuality,
        load,
        models,
        promote,
        quality,
        report,
        rollback,
    )
    from fasttrack.public import package, train

__all__ = [
    "AliasMove",
    "BundleError",
    "ConfigError",
    "DataError",
    "FastTrackError",
    "LoadedModel",
    "ModelVersion",
    "Outcome",
    "PredictionWarning",
    "Report",
    "StoreError",
    "StoreUnreachable",
    "TrackingError",
    "TrainConfig",
    "TrainingError",
    "VersionQuality",
    "load",
    "models",
    "package",
    "promote",
    "quality",
    "report",
    "rollback",
    "train",
]

offer(
    __name__,
    {
        "AliasMove": "fasttrack.jobs.promote",
        "BundleError": "fasttrack.errors",
        "ConfigError": "fasttrack.errors",
        "DataError": "fasttrack.errors",
        "FastTrackError": "fasttrack.errors",
        "LoadedModel": "fasttrack.jobs.loaded_model",
        "ModelVersion": "fasttrack.jobs.models",
        "Outcome": "fasttrack.jobs.outcome",
        "PredictionWarning": "fasttrack.jobs.loaded_model",
        "Report": "fasttrack.jobs.report",
        "StoreError": "fasttrack.errors",
        "StoreUnreachable": "fasttrack.errors",
        "TrackingError": "fasttrack.errors",
        "TrainConfig": "fasttrack.config",
        "TrainingError": "fasttrack.errors",
        "VersionQuality": "fasttrack.jobs.quality",
        "load": "fasttrack.jobs.load",
        "models": "fasttrack.jobs.models",
        "package": "fasttrack.public",
        "promote": "fasttrack.jobs.promote",
        "quality": "fasttrack.jobs.quality",
        "report": "fasttrack.jobs.report",
        "rollback": "fasttrack.jobs.promote",
        "train": "fasttrack.public",
    },
)
