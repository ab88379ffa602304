"""Finding the bundle to score with, and its engine: the same for server, gate, command line and MLflow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fasttrack.errors import StoreError, StoreUnreachable
from fasttrack.scoring.onnx_engine import OnnxEngine

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.scoring.engine import Engine
    from fasttrack.store import Store

__all__ = ["engine_of", "find_bundle"]

_log = logging.getLogger("fasttrack")


def find_bundle(store: Store, spec: str | None) -> Bundle:
    """The bundle that `spec` names: `name`, `name@champion` or `name@version`; by default the model promoted last.

    While the store does not answer, it is the one that was opened last on this machine, which is logged.
    Raises StoreError or BundleError saying what is missing or damaged.
    """
    try:
        known = spec or store.latest()
        if known is None:
            raise StoreError(
                f"store {store.location} has no model to serve; train one first: "
                "python src/train.py, or fasttrack train DATA --target COLUMN"
            )
        return store.open(known)
    except StoreUnreachable as error:
        bundle = store.last_opened(spec)
        if bundle is None:
            raise
        _log.warning("using %s, the last that was opened here: %s", bundle.label, error)
        return bundle


def engine_of(bundle: Bundle, *, allow_version_mismatch: bool = False) -> Engine:
    """The compiled graph where the bundle has one, else the scikit-learn pipeline.

    A compiled model is never unpickled, so it can be scored beside any version of scikit-learn, or without it.
    `allow_version_mismatch`: load a pipeline that was trained with another minor version of scikit-learn.
    Raises BundleError when a file is damaged, or a pipeline cannot be loaded here.
    """
    manifest = bundle.manifest
    if manifest.engine == "onnx":
        return OnnxEngine(manifest.contract, bundle.program(), manifest.refusals)
    from fasttrack.scoring.sklearn_engine import SklearnEngine

    return SklearnEngine(manifest.contract, bundle.load_pipeline(allow_version_mismatch=allow_version_mismatch))
