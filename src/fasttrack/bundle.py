"""The immutable artifact: a folder with a manifest, the fitted pipeline, and the SHA-256 of every file.

Nothing in a bundle is opened before its digest matched. The version is the digest of what the manifest says, so that
the same content has the same version wherever it was made; a seal pins the rest of the manifest too, and the report.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fasttrack.bundled_code import importable
from fasttrack.contract.quality import Metric
from fasttrack.contract.schema import Contract
from fasttrack.errors import BundleError, in_a_line
from fasttrack.graph import InputRules, Program, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "GRAPH",
    "MANIFEST",
    "REPORT",
    "Bundle",
    "FileDigest",
    "Manifest",
    "SearchRecord",
    "TrainingRecord",
    "changed",
    "copy_bundle",
    "decode_manifest",
    "fsync",
    "open_bundle",
    "own_manifest",
    "program_files",
    "read_manifest",
    "write_bundle",
]

FORMAT = 1
"""Raised when an older server could misread a newer bundle; `open_bundle` refuses what it does not know."""

MANIFEST = "manifest.json"
PIPELINE = "model.joblib"
GRAPH = "model.onnx"
"""The compiled pipeline, of a bundle whose engine is onnx."""
BATCH = "batch.msgpack"
"""Its form for many rows, if it has one."""
REPORT = "report.html"
"""The evaluation for people. It names the version, and the champion that it was compared with: so it is no part of what
the version is the digest of, as the time of the training is none."""
_CODE = "code/"

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


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: every file's digest has been checked, nothing else has been read."""

    folder: Path
    manifest: Manifest

    @property
    def label(self) -> str:
        """`name@version`, as replies carry it."""
        return f"{self.manifest.name}@{self.manifest.version}"

    def read(self, name: str) -> bytes:
        """The content of one of the bundle's files. Raises BundleError when it is not what the manifest pins."""
        return _checked(self.folder, name, self.manifest.files)

    def program(self) -> Program:
        """The compiled pipeline. Raises BundleError when a file of it is not what the manifest pins."""
        return Program(self.read(GRAPH), self.read(BATCH) if BATCH in self.manifest.files else None)

    def load_pipeline(self, *, allow_version_mismatch: bool = False) -> Any:
        """The fitted scikit-learn pipeline, unpickled from the very bytes whose digest was checked.

        Raises BundleError when the file changed since, when scikit-learn's minor version is not the one it was trained
        with (unless `allow_version_mismatch`), or when a module that it needs is missing.
        """
        if not allow_version_mismatch:
            _check_version(self)
        content = self.read(PIPELINE)
        sources = {name.removeprefix(_CODE): self.read(name) for name in self.manifest.files if name.startswith(_CODE)}
        import joblib

        with importable(self.folder / _CODE, sources):
            try:
                return joblib.load(io.BytesIO(content))
            except ModuleNotFoundError as error:
                raise BundleError(
                    f"{self.label}: the pipeline needs the module {error.name!r}, which is not installed here; "
                    "install it, or put its folder on PYTHONPATH"
                ) from error
            except Exception as error:  # unpickling can raise anything; the user must hear which bundle
                raise BundleError(
                    f"{self.label}: {PIPELINE} cannot be loaded: {in_a_line(error)}; "
                    f"it was trained with {_pins(self.manifest.packages)}"
                ) from error


def program_files(program: Program) -> dict[str, bytes]:
    """The files of a compiled pipeline, by name in the bundle."""
    return {GRAPH: program.graph} | ({} if program.many_rows is None else {BATCH: program.many_rows})


def write_bundle(
    folder: Path,
    manifest: Manifest,
    pipeline: Any,
    *,
    code: Sequence[Path] = (),
    others: Mapping[str, bytes] | None = None,
    report: Callable[[Manifest], bytes] | None = None,
) -> Bundle:
    """Write a bundle into the empty `folder`, with every file on disk (fsync) before it returns.

    `manifest` comes without version, files and seal; `code` are the module files or package folders that the
    pipeline's classes come from; `others` are further files by name; `report` writes the report of the manifest, which
    has its version by then. The caller renames the folder to its place.
    Raises BundleError when the pipeline cannot be pickled.
    """
    import joblib

    try:
        with (folder / PIPELINE).open("wb") as file:
            joblib.dump(pipeline, file, compress=3)
    except OSError:
        raise
    except Exception as error:  # pickling runs the estimators' own code
        raise BundleError(
            f"the pipeline cannot be pickled: {in_a_line(error)}; define its classes and functions in a module of "
            "their own, not inside a function or as a lambda"
        ) from error
    for source in code:
        _copy_code(source, folder / _CODE)
    for name, content in (others or {}).items():
        (folder / name).write_bytes(content)
    files = {
        path.relative_to(folder).as_posix(): FileDigest(_sha256(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    whole = _versioned(msgspec.structs.replace(manifest, files=files))
    if report is not None:
        told = folder / REPORT
        told.write_bytes(report(whole))
        files[REPORT] = FileDigest(_sha256(told), told.stat().st_size)
    whole = _sealed(msgspec.structs.replace(whole, files=files))
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(whole)))
    for path in [*folder.rglob("*"), folder]:
        fsync(path)
    return Bundle(folder, whole)


def open_bundle(folder: Path) -> Bundle:
    """Read the manifest in `folder` and check the digest of every file it lists.

    Raises BundleError naming the file that is missing, changed or of an unknown format.
    """
    manifest = read_manifest(folder)
    for name in manifest.files:
        _checked(folder, name, manifest.files)
    return Bundle(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`, checked against its version and its seal. Raises BundleError."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None
    return decode_manifest(content, path)


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


def changed(path: object, found: str, pinned: FileDigest) -> BundleError:
    """The error for a file whose SHA-256 is `found` (hex)."""
    return BundleError(
        f"{path} was changed after it was written: its SHA-256 is {found[:12]}…, "
        f"the manifest pins {pinned.sha256[:12]}…; restore it from a copy, or train again"
    )


def copy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Write the bundle's files into the empty `folder`, each checked again, with every one on disk (fsync).

    Raises BundleError when a file is not what the manifest pins.
    """
    for name in bundle.manifest.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bundle.read(name))
    (folder / MANIFEST).write_bytes((bundle.folder / MANIFEST).read_bytes())
    copied = open_bundle(folder)
    for path in [*folder.rglob("*"), folder]:
        fsync(path)
    return copied


def installed_packages() -> dict[str, str]:
    """Versions of Python and of the packages that a pipeline's behaviour depends on."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _versioned(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, version=_version_of(_as_written(manifest)))


def _sealed(manifest: Manifest) -> Manifest:
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


def _check_version(bundle: Bundle) -> None:
    trained = bundle.manifest.packages.get("scikit-learn")
    try:
        here = metadata.version("scikit-learn")
    except metadata.PackageNotFoundError:
        raise BundleError(
            f"{bundle.label} is served by scikit-learn, which is not installed here; "
            f"pip install 'fasttrack-mlops[train]' 'scikit-learn=={trained}'"
        ) from None
    if trained is not None and _minor(trained) != _minor(here):
        raise BundleError(
            f"{bundle.label} was trained with scikit-learn {trained}, here is {here}; "
            f"pip install 'scikit-learn=={trained}', train again, or set FASTTRACK_ALLOW_VERSION_MISMATCH=1"
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _pins(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _checked(folder: Path, name: str, files: Mapping[str, FileDigest]) -> bytes:
    path = folder / name
    if name not in files:
        raise BundleError(f"{folder / MANIFEST} lists no {name}; restore it from a copy, or train again")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}; restore the bundle, or train again") from None
    found = hashlib.sha256(content).hexdigest()
    if found != files[name].sha256:
        raise changed(path, found, files[name])
    return content


def _copy_code(source: Path, into: Path) -> None:
    files = [source] if source.is_file() else sorted(source.rglob("*.py"))
    for file in files:
        place = into / file.relative_to(source.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Wait until what was written to a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
