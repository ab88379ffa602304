"""How Sphinx builds the documentation: offline, with every warning an error (`make docs`)."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "FastTrack-MLOps"
author = "the FastTrack-MLOps authors"
release = metadata.version("fasttrack-mlops")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
nitpicky = False
html_theme = "furo"
html_title = "FastTrack-MLOps"
html_static_path: list[str] = []
html_show_sphinx = False
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
suppress_warnings = ["myst.header"]
