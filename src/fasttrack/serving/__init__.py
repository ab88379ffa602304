"""The prediction service; `fasttrack.serving.app.create_app` makes it."""

__all__: list[str] = []
