"""The service that answers prediction requests; `fasttrack.serving.app.create_app` makes it."""

__all__: list[str] = []
