"""ASGI entry: `uvicorn api.app:app` serves the model in `model/`; FASTTRACK_* variables say otherwise."""

from fasttrack.serving import create_app

app = create_app()
