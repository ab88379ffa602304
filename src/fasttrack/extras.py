"""The extras of the package: which one installs a module that is not there.

What a server needs is always installed. Everything else belongs to an extra, so that a module is imported where it is
used, and the error says what to install.
"""

from __future__ import annotations

from fasttrack.errors import FastTrackError

__all__ = ["EXTRAS", "install_command", "missing_extra"]

EXTRAS = {
    "train": (
        "jinja2",
        "joblib",
        "markupsafe",
        "onnx",
        "pandas",
        "pyarrow",
        "scipy",
        "sklearn",
        "spox",
        "threadpoolctl",
    ),
    "excel": ("python_calamine",),
    "postgres": ("psycopg",),
    "sources": ("adbc_driver_manager", "adbc_driver_postgresql"),
    "objects": ("obstore",),
    "mlflow": ("mlflow",),
    "search": ("optuna",),
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost",),
}
"""The modules that each extra of pyproject.toml installs; a module is listed once, with the extra to advise."""


def missing_extra(error: ModuleNotFoundError) -> FastTrackError | None:
    """What to install instead of a traceback; None when no extra brings the module."""
    module = (error.name or "").partition(".")[0]
    command = install_command(module)
    return None if command is None else FastTrackError(f"this command needs {module}; install it with: {command}")


def install_command(module: str) -> str | None:
    """The command that installs the extra with this module; None when no extra brings it."""
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return None if extra is None else f"pip install 'fasttrack-mlops[{extra}]'"
