"""The versions in a store, as a list for people and programs."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.settings import Settings
from fasttrack.store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric

__all__ = ["ModelVersion", "models"]


@dataclass(frozen=True, repr=False)
class ModelVersion:
    """One version of a model."""

    name: str
    version: str
    champion: bool
    """Whether it is the version that serves."""
    manifest: Manifest

    @property
    def label(self) -> str:
        """`name@version`, as the other functions take it."""
        return f"{self.name}@{self.version}"

    @property
    def created(self) -> str:
        """When it was trained: ISO 8601, UTC."""
        return self.manifest.created

    @property
    def estimator(self) -> str:
        """What was trained."""
        return self.manifest.training.estimator

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics on the hold-out, each with a 95 % interval."""
        return self.manifest.metrics

    def __repr__(self) -> str:
        parts = [self.label, self.created[:19].replace("T", " "), self.estimator, _primary(self.manifest)]
        return f"<{', '.join(part for part in parts if part)}{', champion' * self.champion}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self)[1:-1])}</code>"


def models(name: str | None = None, *, store: str | Path | None = None) -> list[ModelVersion]:
    """The versions of model `name`, or of all models: by name, then oldest first.

    `store` defaults to FASTTRACK_STORE, else to `model`. Raises StoreError when the store does not answer or a pointer
    is damaged, BundleError naming a damaged version.
    """
    opened = open_store(Settings.from_environment().store if store is None else store)
    return [
        ModelVersion(model, manifest.version, manifest.version == champion, manifest)
        for model in ([name] if name is not None else opened.names())
        for champion in [opened.champion(model)]
        for manifest in opened.versions(model)
    ]


def _primary(manifest: Manifest) -> str:
    metric = manifest.metrics.get(manifest.primary_metric or "")
    return f"{manifest.primary_metric} {metric.value:.5g}" if metric else ""
