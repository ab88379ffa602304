"""Write, open, read and copy a bundle. No file is used before its SHA-256 has been checked."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.atomic_files import fsync
from fasttrack.bundle.code import bundled_modules
from fasttrack.bundle.manifest import (
    MANIFEST,
    REPORT,
    FileDigest,
    Manifest,
    decode_manifest,
    encode_manifest,
    with_seal,
    with_version,
)
from fasttrack.errors import BundleError, in_a_line
from fasttrack.graph import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "GRAPH",
    "Bundle",
    "changed_file",
    "copy_bundle",
    "open_bundle",
    "program_files",
    "read_manifest",
    "write_bundle",
]

PIPELINE = "model.joblib"
GRAPH = "model.onnx"
"""The compiled pipeline, in a bundle whose engine is onnx."""
BATCH = "batch.msgpack"
"""The form of the compiled pipeline for many rows, if it has one."""
TEXT = "text.msgpack"
"""How the compiled pipeline reads text, if it does."""
_CODE = "code/"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle: the digest of every file has been checked, and nothing has been loaded."""

    folder: Path
    manifest: Manifest

    @property
    def label(self) -> str:
        """`name@version`, as replies carry it."""
        return f"{self.manifest.name}@{self.manifest.version}"

    def read(self, name: str) -> bytes:
        """The content of a file of the bundle. Raises BundleError when its digest is not the one in the manifest."""
        return _read_checked(self.folder, name, self.manifest.files)

    def program(self) -> Program:
        """The compiled pipeline. Raises BundleError when a digest is not the one in the manifest."""
        batch, text = (self.read(name) if name in self.manifest.files else None for name in (BATCH, TEXT))
        return Program(self.read(GRAPH), batch, text)

    def load_pipeline(self, *, allow_version_mismatch: bool = False) -> Any:
        """The fitted scikit-learn pipeline, unpickled from the same bytes whose digest was checked.

        Raises BundleError when the file has changed since, when scikit-learn's minor version differs from the one that
        the pipeline was trained with (unless `allow_version_mismatch`), or when a module that it needs is missing.
        """
        if not allow_version_mismatch:
            _check_version(self)
        content = self.read(PIPELINE)
        sources = {name.removeprefix(_CODE): self.read(name) for name in self.manifest.files if name.startswith(_CODE)}
        import joblib

        with bundled_modules(self.folder / _CODE, sources):
            try:
                return joblib.load(io.BytesIO(content))
            except ModuleNotFoundError as error:
                raise BundleError(
                    f"{self.label}: the pipeline needs the module {error.name!r}, which is not installed here; "
                    "install it, or put its folder on PYTHONPATH"
                ) from error
            except Exception as error:  # unpickling can raise anything; the message must name the bundle
                raise BundleError(
                    f"{self.label}: {PIPELINE} cannot be loaded: {in_a_line(error)}; "
                    f"it was trained with {_package_list(self.manifest.packages)}"
                ) from error


def program_files(program: Program) -> dict[str, bytes]:
    """The files of a compiled pipeline by their names in the bundle."""
    files = {GRAPH: program.graph, BATCH: program.many_rows, TEXT: program.text}
    return {name: content for name, content in files.items() if content is not None}


def write_bundle(
    folder: Path,
    manifest: Manifest,
    pipeline: Any,
    *,
    code: Sequence[Path] = (),
    others: Mapping[str, bytes] | None = None,
    report: Callable[[Manifest], bytes] | None = None,
) -> Bundle:
    """Write a bundle into the empty `folder`; every file is on the disk (fsync) when this returns.

    `manifest` comes without version, files and seal. `code` are the module files or package folders that define the
    pipeline's classes, `others` further files by name. `report` is called with the manifest, which has its version by
    then, and returns the report. The caller renames the folder to its place.
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
    complete = with_version(msgspec.structs.replace(manifest, files=files))
    if report is not None:
        path = folder / REPORT
        path.write_bytes(report(complete))
        files[REPORT] = FileDigest(_sha256(path), path.stat().st_size)
    complete = with_seal(msgspec.structs.replace(complete, files=files))
    (folder / MANIFEST).write_bytes(encode_manifest(complete))
    for path in [*folder.rglob("*"), folder]:
        fsync(path)
    return Bundle(folder, complete)


def open_bundle(folder: Path) -> Bundle:
    """Read the manifest in `folder` and check the digest of every file that it lists.

    Raises BundleError naming the file that is missing, has changed or has an unknown format.
    """
    manifest = read_manifest(folder)
    for name in manifest.files:
        _read_checked(folder, name, manifest.files)
    return Bundle(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`, checked against its version and its seal. Raises BundleError."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None
    return decode_manifest(content, path)


def changed_file(path: object, sha256: str, expected: FileDigest) -> BundleError:
    """The error for a file whose SHA-256 (hex) is not the expected one."""
    return BundleError(
        f"{path} was changed after it was written: its SHA-256 is {sha256[:12]}…, in the manifest it is "
        f"{expected.sha256[:12]}…; restore it from a copy, or train again"
    )


def copy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Write the bundle's files into the empty `folder`, each checked again and on the disk (fsync) at the end.

    Raises BundleError when a file's digest is not the one in the manifest.
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
            f"{bundle.label} was trained with scikit-learn {trained}, and {here} is installed; "
            f"pip install 'scikit-learn=={trained}', train again, or set FASTTRACK_ALLOW_VERSION_MISMATCH=1"
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _package_list(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _read_checked(folder: Path, name: str, files: Mapping[str, FileDigest]) -> bytes:
    path = folder / name
    if name not in files:
        raise BundleError(f"{folder / MANIFEST} does not list {name}; restore it from a copy, or train again")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}; restore the bundle, or train again") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != files[name].sha256:
        raise changed_file(path, sha256, files[name])
    return content


def _copy_code(source: Path, folder: Path) -> None:
    files = [source] if source.is_file() else sorted(source.rglob("*.py"))
    for file in files:
        copy = folder / file.relative_to(source.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
