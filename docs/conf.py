"""How Sphinx builds the documentation: offline, with every warning an error (`make docs`)."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "FastTrack-MLOps"
author = "the FastTrack-MLOps authors"
release = metadata.version("fasttrack-mlops")
extensions = ["myst_parser", "generated"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "FastTrack-MLOps"
html_static_path: list[str] = []
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
# the flow chart is drawn where the repository is shown; here it stands as text
suppress_warnings = ["misc.highlighting_failure"]
