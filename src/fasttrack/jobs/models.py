"""The versions in a store, as a list for people and programs."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import StoreError
from fasttrack.store import ALIASES, CHAMPION, open_store
from fasttrack.suggestions import names_hint

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
    aliases: tuple[str, ...]
    """Which of `champion` and `challenger` it is, if any."""
    manifest: Manifest

    @property
    def is_champion(self) -> bool:
        """Whether it is the version that serves."""
        return CHAMPION in self.aliases

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
        created = self.created[:19].replace("T", " ")
        parts = [self.label, created, self.estimator, _primary_metric(self.manifest), *self.aliases]
        return f"<{', '.join(part for part in parts if part)}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self)[1:-1])}</code>"


def models(name: str | None = None, *, store: str | Path | None = None) -> list[ModelVersion]:
    """The versions of model `name`, or of all models: by name, then oldest first.

    `store` defaults to FASTTRACK_STORE, then to `model`. Raises StoreError when the store does not answer, has no such
    model or a damaged pointer, BundleError naming a damaged version.
    """
    opened = open_store(store)
    names = opened.names()
    if name is not None and name not in names:
        hint = names_hint(name, names) if names else "; it is empty"
        raise StoreError(f"store {opened.location} has no model {name!r}{hint}")
    versions = []
    for model in names if name is None else [name]:
        pointers = {alias: opened.alias(model, alias) for alias in ALIASES}
        for manifest in opened.versions(model):
            aliases = tuple(alias for alias, version in pointers.items() if version == manifest.version)
            versions.append(ModelVersion(model, manifest.version, aliases, manifest))
    return versions


def _primary_metric(manifest: Manifest) -> str:
    metric = manifest.metrics.get(manifest.primary_metric or "")
    return f"{manifest.primary_metric} {metric.value:.5g}" if metric else ""
