"""The manifest of a bundle: everything known about a model version, its digests, its version and its seal.

The version is the digest of what the manifest says, so that the same content has the same version wherever it was made;
a seal pins the rest of the manifest too, and the report.
"""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fasttrack.contract.metric import Metric
from fasttrack.contract.schema import Contract
from fasttrack.errors import BundleError
from fasttrack.graph import InputRules, Proof

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FORMAT",
    "MANIFEST",
    "REPORT",
    "FileDigest",
    "Manifest",
    "SearchRecord",
    "TrainingRecord",
    "decode_manifest",
    "encode_manifest",
    "installed_packages",
    "own_manifest",
    "sealed",
    "versioned",
]

FORMAT = 1
"""Raised when an older server could misread a newer bundle; `open_bundle` refuses what it does not know."""

MANIFEST = "manifest.json"
REPORT = "report.html"
"""The evaluation for people. It names the version, and the champion that it was compared with: so it is no part of what
the version is the digest of, as the time of the training is none."""
_PINNED = ("fasttrack-mlops", "joblib", "numpy", "onnxruntime", "pandas", "scikit-learn", "scipy")


class FileDigest(msgspec.Struct, frozen=True):
    """SHA-256 (hex) and size (bytes) of one file."""

    sha256: str
    size: int


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a search of hyperparameters chose. No time that it took: the same trials must give the same version."""

    params: dict[str, bool | int | float | str | None]
    """What was set on the estimator; empty when its defaults were best."""
    trials: int
    seconds: float | None = None
    """The budget, where one was given."""
    metric: str
    score: float
    """On the validation rows, which are of the training part."""
    default_score: float | None = None
    """Of the defaults on the same rows; `None` when they could not be fitted."""
    validation: str = ""


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was trained on what. Shares are 0 to 1, times in seconds."""

    estimator: str
    rows: int
    """Rows that the pipeline was fitted on."""
    holdout_rows: int = 0
    split: str = "none"
    dropped_rows: int = 0
    """Rows left out because they had no target."""
    left_out: dict[str, str] = {}
    """Columns that cannot be features, and why."""
    notes: list[str] = []
    source: str | None = None
    schema: dict[str, str] = {}
    """Column names and types of the table that was read."""
    content_sha256: str | None = None
    """Digest of the table's content, however it was stored."""
    search: SearchRecord | None = None
    query: str | None = None
    table: str | None = None
    """What was read of a database, if the source is one."""
    sample: int | None = None
    """How many random rows were asked for, where not all were read."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a bundle."""

    format: int = msgspec.field(default=FORMAT)
    name: str
    version: str = ""
    """The first 12 hex digits of the SHA-256 of what this manifest says, without when and where it was made, and
    without the report."""
    created: str
    git_commit: str | None = None
    contract: Contract
    engine: Literal["sklearn", "onnx"] = "sklearn"
    engine_reason: str = ""
    """Why the model is not compiled."""
    refusals: InputRules | None = None
    """Of a compiled model: which rows scikit-learn would not take, as far as a row's own values tell."""
    proof: Proof | None = None
    """What the compiled graph was compared on; of a model that is not compiled, the proof that failed."""
    training: TrainingRecord
    primary_metric: str | None = None
    greater_is_better: bool = False
    metrics: dict[str, Metric] = {}
    baseline: dict[str, Metric] = {}
    """The same figures of the trivial model: the training mean, or the class shares."""
    packages: dict[str, str]
    files: dict[str, FileDigest]
    seal: str = ""
    """SHA-256 (hex) of all of this manifest but the seal."""


def decode_manifest(written: bytes, path: object) -> Manifest:
    """The manifest that was read from `path`, checked against its version, its seal and its files' names.

    Raises BundleError.
    """
    try:
        content = msgspec.json.decode(written, type=dict[str, Any])
        _check_format(path, content)
        manifest = msgspec.convert(content, Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: {error}; restore it from a copy, or train again") from None
    # Digests of what is written, not of what this version of the program makes of it: fields may be added later.
    if manifest.version != _version_of(content) or manifest.seal != _seal_of(content):
        raise BundleError(
            f"{path} was changed after it was written: it names version {manifest.version}, its content is another; "
            "restore it from a copy, or train again"
        )
    for name in manifest.files:
        if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
            raise BundleError(f"{path} lists {name!r}, which lies outside the bundle")
    return manifest


def own_manifest(manifest: Manifest, version: str, place: object) -> Manifest:
    """The manifest, if it is the one of the version that its place is named for. Raises BundleError."""
    if manifest.version != version:
        raise BundleError(
            f"{place} holds version {manifest.version}, not its own; restore it from a copy, or train again"
        )
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as the indented JSON that `manifest.json` holds."""
    return msgspec.json.format(msgspec.json.encode(manifest))


def installed_packages() -> dict[str, str]:
    """Versions of Python and of the packages that a pipeline's behaviour depends on."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def versioned(manifest: Manifest) -> Manifest:
    """The manifest with the version that its content gives. Raises BundleError when it cannot be written as JSON."""
    return msgspec.structs.replace(manifest, version=_version_of(_as_written(manifest)))


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with its seal. Raises BundleError when it cannot be written as JSON."""
    return msgspec.structs.replace(manifest, seal=_seal_of(_as_written(manifest)))


def _as_written(manifest: Manifest) -> dict[str, Any]:
    """What reading the manifest gives. Raises BundleError for one that could not be read back."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(manifest))
    try:
        msgspec.convert(content, Manifest)
    except msgspec.ValidationError as error:  # a metric that is not a number becomes null
        raise BundleError(f"the manifest of {manifest.name} cannot be written as JSON: {error}") from None
    return content


def _version_of(content: Mapping[str, Any]) -> str:
    files = content.get("files")
    if isinstance(files, dict):
        content = {**content, "files": {name: digest for name, digest in files.items() if name != REPORT}}
    return _digest(content, without=("version", "created", "git_commit", "seal"))[:12]


def _seal_of(content: Mapping[str, Any]) -> str:
    return _digest(content, without=("seal",))


def _digest(content: Mapping[str, Any], *, without: Sequence[str]) -> str:
    kept = {key: value for key, value in content.items() if key not in without}
    return hashlib.sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()


def _check_format(path: object, content: Mapping[str, Any]) -> None:
    found = content.get("format")
    if isinstance(found, int) and found != FORMAT:
        raise BundleError(f"{path} has format {found}, this version reads format {FORMAT}; use the one that wrote it")
