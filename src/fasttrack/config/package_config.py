"""How a model that was fitted elsewhere is packaged: `PackageConfig`, whose fields are the keywords of
`fasttrack.package`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from fasttrack.config.merge import build, merge
from fasttrack.config.option import Option
from fasttrack.config.publishing import (
    NAME_RULE,
    Confidence,
    ModelName,
    PrivacyConfig,
    PromotionRule,
    StoreAddress,
    TrackingConfig,
)

__all__ = ["PackageConfig"]


class PackageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a packaging but the pipeline and its rows."""

    name: Annotated[
        ModelName,
        Option("Name of the model.", metavar="NAME", default="from the name of y, else model", expected=NAME_RULE),
    ] = ""
    target: Annotated[
        str | None, Option("Name of what is predicted.", metavar="NAME", default="the name of y, else target")
    ] = None
    code: Annotated[
        list[str],
        Option(
            "Module files or package folders that the pipeline's own classes live in, to be packed with it; single "
            "modules that no installed package provides are detected automatically.",
            metavar="PATH",
            accepts=Sequence[str | Path],
        ),
    ] = []
    promote: PromotionRule = "better"
    confidence: Confidence = 0.95
    privacy: PrivacyConfig = PrivacyConfig()
    tracking: TrackingConfig = TrackingConfig()
    store: StoreAddress = "model"

    @classmethod
    def of(cls, **arguments: Any) -> Self:
        """The configuration of a packaging: `arguments` before environment and defaults. Raises as TrainConfig.of."""
        content: dict[str, Any] = {}
        origins = merge(cls, content, arguments)
        if "tracking" in origins:
            content["tracking"]["origin"] = origins["tracking"]
        return build(cls, content, "fasttrack.package")
