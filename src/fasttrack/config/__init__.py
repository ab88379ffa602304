"""What to do and how: one configuration from arguments, environment, a fasttrack.toml and defaults.

`TrainConfig.of(source, **options)` merges and checks everything before the work begins; each option is declared once.
"""

from __future__ import annotations

from fasttrack.config.check_config import CheckConfig, CheckReason
from fasttrack.config.domain import Domain, HyperparameterValue, Range
from fasttrack.config.option import ConfigOption, Option, content_of, options
from fasttrack.config.package_config import PackageConfig
from fasttrack.config.publishing import PromotionRule, TrackingConfig
from fasttrack.config.train_config import (
    FRAME,
    JOURNAL,
    DataConfig,
    ModelConfig,
    SearchConfig,
    SplitConfig,
    TrainConfig,
)

__all__ = [
    "FRAME",
    "JOURNAL",
    "CheckConfig",
    "CheckReason",
    "ConfigOption",
    "DataConfig",
    "Domain",
    "HyperparameterValue",
    "ModelConfig",
    "Option",
    "PackageConfig",
    "PromotionRule",
    "Range",
    "SearchConfig",
    "SplitConfig",
    "TrackingConfig",
    "TrainConfig",
    "content_of",
    "options",
]
