"""The immutable artifact of a training: a folder with a manifest, the pipeline, and the SHA-256 of every file."""

from __future__ import annotations

from fasttrack.bundle.bundle import (
    GRAPH,
    Bundle,
    changed_file,
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
    ThresholdRecord,
    TrainingRecord,
    check_version,
    decode_manifest,
    installed_packages,
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
    "ThresholdRecord",
    "TrainingRecord",
    "changed_file",
    "check_version",
    "copy_bundle",
    "decode_manifest",
    "installed_packages",
    "open_bundle",
    "program_files",
    "read_manifest",
    "write_bundle",
]
