"""Writing, opening, reading and copying a bundle: no file is used before its SHA-256 has been checked."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.atomic_files import fsync
from fasttrack.bundle.code import importable
from fasttrack.bundle.manifest import (
    MANIFEST,
    REPORT,
    FileDigest,
    Manifest,
    decode_manifest,
    encode_manifest,
    sealed,
    versioned,
)
from fasttrack.errors import BundleError, in_a_line
from fasttrack.graph import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "GRAPH",
    "Bundle",
    "changed",
    "copy_bundle",
    "open_bundle",
    "program_files",
    "read_manifest",
    "write_bundle",
]

PIPELINE = "model.joblib"
GRAPH = "model.onnx"
"""The compiled pipeline, of a bundle whose engine is onnx."""
BATCH = "batch.msgpack"
"""Its form for many rows, if it has one."""
_CODE = "code/"


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
    whole = versioned(msgspec.structs.replace(manifest, files=files))
    if report is not None:
        told = folder / REPORT
        told.write_bytes(report(whole))
        files[REPORT] = FileDigest(_sha256(told), told.stat().st_size)
    whole = sealed(msgspec.structs.replace(whole, files=files))
    (folder / MANIFEST).write_bytes(encode_manifest(whole))
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
