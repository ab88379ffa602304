"""ASGI entry: `uvicorn api.app:app` serves the model in `model/`; FASTTRACK_* variables say otherwise."""

from fasttrack.errors import FastTrackError
from fasttrack.serving.app import create_app

try:
    app = create_app()
except FastTrackError as error:  # a setting that cannot be used: one sentence, no traceback
    raise SystemExit(f"error: {error}") from None
