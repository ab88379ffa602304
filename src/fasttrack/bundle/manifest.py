"""The manifest of a bundle: everything known about a model version, the digests of its files, its version and its seal.

The version is a digest of the manifest's content, so the same content has the same version wherever it was made. The
seal is a digest of the rest of the manifest too, and covers the report.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fasttrack.contract.finding import TableFinding
from fasttrack.contract.leaderboard import Leaderboard
from fasttrack.contract.metric import Metric
from fasttrack.contract.schema import Contract
from fasttrack.errors import BundleError
from fasttrack.graph import InputRules, Proof
from fasttrack.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FORMAT",
    "MANIFEST",
    "REPORT",
    "FileDigest",
    "Manifest",
    "SearchRecord",
    "ThresholdRecord",
    "TrainingRecord",
    "check_version",
    "decode_manifest",
    "encode_manifest",
    "installed_packages",
    "with_seal",
    "with_version",
]

FORMAT = 2
"""The format of the bundles that this version writes: of the manifest, of its digests and of the other files.

Every format since 1 can be read. A format that is newer than this one is refused.

A change needs a new format if a released version would misread the new bundle or fail on it with a wrong message. A new
optional field of the manifest, or a new file, needs none: released versions ignore it. To go from format N to N + 1:

1. Before the change, check that `tests/bundle/stored/format-N` is there. It is never written again.
2. Change the code, set FORMAT to N + 1, and add the entry N to `_UPGRADES`: a function that turns the content of a
   manifest of format N into one of format N + 1. Digests are checked on the content as it was written, so they stay
   valid. If the rule of a digest changes, keep the old rule for formats up to N in `_version_of` and `_seal_of`.
3. If another file of the bundle changes, give it a new name, and keep the reader of the old one.
4. Write the stored bundles of the new format: `python -m tests.bundle.make_stored tests/bundle/stored/format-<N + 1>`.
   The tests in `tests/bundle/test_stored.py` read every stored format.
5. Say in the CHANGELOG that servers must be updated before trainings: an older server refuses the new bundles, and goes
   on with the version that it serves.
"""

_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: lambda content: content}
"""By format: what makes a manifest's content one of the next format.

Format 2 added the kind `text`, notations of numbers and dates, words for missing values and thresholds, which a reader
of format 1 would refuse or ignore. Whatever format 1 says means the same in format 2.
"""

MANIFEST = "manifest.json"
REPORT = "report.html"
"""The evaluation for people. It names the version, and the champion that it was compared with. So the version is not a
digest of the report, nor of the time of the training."""
_PACKAGES = ("fasttrack-mlops", "joblib", "numpy", "onnxruntime", "pandas", "scikit-learn", "scipy")


class FileDigest(msgspec.Struct, frozen=True):
    """SHA-256 (hex) and size (bytes) of one file."""

    sha256: str
    size: int


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search of hyperparameters; without its time, so that the same trials give the same version."""

    params: dict[str, bool | int | float | str | None]
    """What was set on the estimator; empty when the defaults were best."""
    trials: int
    seconds: float | None = None
    """The time budget; `None` if only the number of trials was limited."""
    metric: str
    score: float
    """On the validation rows, which are a part of the training rows."""
    default_score: float | None = None
    """The score of the defaults on the same rows; `None` when they could not be fitted."""
    validation: str = ""


class ThresholdRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a decision threshold was chosen."""

    rule: str
    """`f1`, `cost`, or `configured`."""
    value: float
    measured: str = ""
    """The rows that it was chosen on."""


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The estimator, and the table that it was trained on. Shares are from 0 to 1, times in seconds."""

    estimator: str
    rows: int
    """The number of rows that the pipeline was fitted on."""
    holdout_rows: int = 0
    split: str = "none"
    dropped_rows: int = 0
    """The number of rows left out because they had no target."""
    left_out: dict[str, str] = {}
    """The columns that cannot be features, with the reason."""
    notes: list[str] = []
    findings: list[TableFinding] = []
    """What is odd about the table."""
    source: str | None = None
    schema: dict[str, str] = {}
    """The column names and types of the table."""
    content_sha256: str | None = None
    """The digest of the table's content, however it was stored."""
    search: SearchRecord | None = None
    weight: str | None = None
    """The column with the weights of the rows."""
    threshold: ThresholdRecord | None = None
    """How the threshold in the contract was chosen, if it was chosen here."""
    leaderboard: Leaderboard | None = None
    """How the candidates of `auto` did; without times, so that the same rows give the same version."""
    evaluated_rows: int | None = None
    """The rows that the evaluated model was fitted on, where the served one was fitted again on all rows afterwards.

    `None`: the served model itself was evaluated. The metrics are the evaluated model's.
    """
    query: str | None = None
    table: str | None = None
    """The table of a database that was read; `None` for a query, or another kind of source."""
    sample: int | None = None
    """The number of rows in the random sample; `None` when all rows were read."""
    reading: ReadOptions = DEFAULT_READING
    """The options for reading the file; empty where its content decided."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a bundle."""

    format: int = msgspec.field(default=FORMAT)
    name: str
    version: str = ""
    """The first 12 hex digits of the SHA-256 of the manifest's content, without time, commit and report."""
    created: str
    git_commit: str | None = None
    contract: Contract
    engine: Literal["sklearn", "onnx"] = "sklearn"
    engine_reason: str = ""
    """Why the model is not compiled; empty if it is."""
    refusals: InputRules | None = None
    """The rows that scikit-learn would refuse, as far as a row's own values decide it; for compiled models only."""
    proof: Proof | None = None
    """The rows that the compiled graph was compared on; the failed proof, where that is why a model is not compiled."""
    training: TrainingRecord
    primary_metric: str | None = None
    greater_is_better: bool = False
    metrics: dict[str, Metric] = {}
    baseline: dict[str, Metric] = {}
    """The same metrics of the trivial model, which predicts the training mean or the class shares."""
    gains: dict[str, Metric] = {}
    """By how much the model is better than the trivial one on the same rows, by metric: negative is worse. The
    intervals are those of the paired differences."""
    packages: dict[str, str]
    files: dict[str, FileDigest]
    seal: str = ""
    """The SHA-256 (hex) of this manifest without the seal."""


def decode_manifest(written: bytes, path: object) -> Manifest:
    """The manifest that was read from `path`, checked against its version, its seal and the names of its files.

    Raises BundleError.
    """
    try:
        content = msgspec.json.decode(written, type=dict[str, Any])
        written_format = _format_of(content, path)
        # Digests of the content as it was written, not of what this version of the program makes of it: fields may be
        # added later.
        version, seal = _version_of(content), _seal_of(content)
        for number in range(written_format, FORMAT):
            content = _UPGRADES[number](content)
        manifest = msgspec.convert(content, Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: {error}; restore it from a copy, or train again") from None
    if (manifest.version, manifest.seal) != (version, seal):
        raise BundleError(
            f"{path} was changed after it was written: its digests do not match its content; "
            "restore it from a copy, or train again"
        )
    for name in manifest.files:
        if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
            raise BundleError(f"{path} lists {name!r}, which lies outside of the bundle")
    return manifest


def check_version(manifest: Manifest, version: str, place: object) -> Manifest:
    """The manifest, if it has the version that its place is named after. Raises BundleError."""
    if manifest.version != version:
        raise BundleError(
            f"{place} holds version {manifest.version}, not {version}; restore it from a copy, or train again"
        )
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as the indented JSON that `manifest.json` holds."""
    return msgspec.json.format(msgspec.json.encode(manifest))


def installed_packages() -> dict[str, str]:
    """The versions of Python and of the packages that a pipeline's behaviour depends on."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def with_version(manifest: Manifest) -> Manifest:
    """The manifest with the version that its content gives. Raises BundleError when it cannot be written as JSON."""
    return msgspec.structs.replace(manifest, version=_version_of(_written_content(manifest)))


def with_seal(manifest: Manifest) -> Manifest:
    """The manifest with its seal. Raises BundleError when it cannot be written as JSON."""
    return msgspec.structs.replace(manifest, seal=_seal_of(_written_content(manifest)))


def _written_content(manifest: Manifest) -> dict[str, Any]:
    """What reading the manifest will give. Raises BundleError for one that could not be read back."""
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


def _format_of(content: Mapping[str, Any], path: object) -> int:
    """The format that the content says it has; the present one where it says none, which decoding refuses."""
    number = content.get("format")
    if not isinstance(number, int) or isinstance(number, bool):
        return FORMAT
    if not 1 <= number <= FORMAT:
        readable = "format 1" if FORMAT == 1 else f"formats 1 to {FORMAT}"
        raise BundleError(
            f"{path} has format {number}, and this version of fasttrack-mlops reads {readable}; update fasttrack-mlops"
        )
    return number
