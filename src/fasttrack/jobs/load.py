"""A stored version in this process: `load("flights@champion").predict(frame)` answers as the server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.jobs.loaded_model import LoadedModel
from fasttrack.scoring.model import open_model
from fasttrack.scoring.open import find_bundle
from fasttrack.settings import Settings
from fasttrack.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load"]


def load(model: str | None = None, *, store: str | Path | None = None) -> LoadedModel:
    """Load `name`, `name@champion` or `name@version` from a store; without a name, the model promoted last.

    `store` defaults to FASTTRACK_STORE, then to `model`. A model that could not be compiled needs the minor version of
    scikit-learn that it was trained with, unless FASTTRACK_ALLOW_VERSION_MISMATCH is set.
    Raises StoreError when there is no such version, BundleError when it is damaged or cannot be loaded here.
    """
    settings = Settings.from_environment()
    bundle = find_bundle(open_store(store), model)
    return LoadedModel(open_model(bundle, allow_version_mismatch=settings.allow_version_mismatch))
