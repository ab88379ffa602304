"""The prediction service: one ASGI app over one bundle."""

from fasttrack.serving.app import create_app

__all__ = ["create_app"]
