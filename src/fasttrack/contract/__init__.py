"""The contract between a model and its callers: learned once, carried in the bundle, obeyed everywhere."""

from fasttrack.contract.schema import Column, Contract, Kind, Label, Scalar, Target, Task

__all__ = ["Column", "Contract", "Kind", "Label", "Scalar", "Target", "Task"]
