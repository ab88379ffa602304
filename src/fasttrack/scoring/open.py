"""The engine that scores for a bundle, whoever asks: server, gate, command line or MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.scoring.onnx_engine import OnnxEngine

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.scoring.engine import Engine

__all__ = ["engine_of"]


def engine_of(bundle: Bundle, *, allow_version_mismatch: bool = False) -> Engine:
    """The compiled graph where the bundle has one, else the scikit-learn pipeline.

    A compiled model is never unpickled, so it can be scored beside any version of scikit-learn, or none.
    `allow_version_mismatch`: load a pipeline that another minor version of scikit-learn has written.
    Raises BundleError when a file is damaged, or a pipeline cannot be loaded here.
    """
    manifest = bundle.manifest
    if manifest.engine == "onnx":
        return OnnxEngine(manifest.contract, bundle.program(), manifest.refusals)
    from fasttrack.scoring.sklearn_engine import SklearnEngine

    return SklearnEngine(manifest.contract, bundle.load_pipeline(allow_version_mismatch=allow_version_mismatch))
