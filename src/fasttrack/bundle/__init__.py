"""The immutable artifact: a folder with a manifest, the fitted pipeline, and the SHA-256 of every file."""

from __future__ import annotations

from fasttrack.bundle.bundle import (
    GRAPH,
    Bundle,
    changed,
    copy_bundle,
    open_bundle,
    program_files,
    read_manifest,
    write_bundle,
)
from fasttrack.bundle.manifest import (
    FORMAT,
    MANIFEST,
    REPORT,
    FileDigest,
    Manifest,
    SearchRecord,
    TrainingRecord,
    decode_manifest,
    installed_packages,
    own_manifest,
)

__all__ = [
    "FORMAT",
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
    "installed_packages",
    "open_bundle",
    "own_manifest",
    "program_files",
    "read_manifest",
    "write_bundle",
]
