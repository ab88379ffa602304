"""Who may use the service: guards that are asked before each request is answered, whichever way it takes."""

from fasttrack.serving.access.guard import Guard, Guards, Refusal, RequestHead

__all__ = ["Guard", "Guards", "Refusal", "RequestHead"]
