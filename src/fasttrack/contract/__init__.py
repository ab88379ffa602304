"""The contract between a model and its callers: learned at training, stored in the bundle, applied everywhere."""

from fasttrack.contract.schema import Column, Contract, Kind, Label, Privacy, Scalar, Target, Task

__all__ = ["Column", "Contract", "Kind", "Label", "Privacy", "Scalar", "Target", "Task"]
