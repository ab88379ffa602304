"""The files that make a bundle an MLflow model: MLmodel, its environment and an input example, from the manifest.

They are written without MLflow, and depend on the manifest's content alone: the same training gives the same version.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from fasttrack.contract.openapi import example_row

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest
    from fasttrack.contract.schema import Column, Contract, Target

__all__ = ["PREDICT_METHOD", "model_files"]

PREDICT_METHOD = "predict_method"
"""The parameter of a prediction: `predict` (the default), or `predict_proba` for the class probabilities."""
_TYPES = {
    "number": "double",
    "integer": "long",
    "boolean": "boolean",
    "category": "string",
    "datetime": "datetime",
    "text": "string",
}
_EXAMPLE, _SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
_LIGHT = ("fasttrack-mlops", "numpy", "onnxruntime", "pandas")
_HEAVY = ("fasttrack-mlops", "joblib", "numpy", "pandas", "scikit-learn", "scipy")


def model_files(manifest: Manifest) -> dict[str, bytes]:
    """The files by name. The requirements name the package versions that the model was trained with."""
    python = manifest.packages["python"]
    needed = _LIGHT if manifest.engine == "onnx" else _HEAVY
    pins = [f"{name}=={manifest.packages[name]}" for name in needed if name in manifest.packages]
    env = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    model: dict[str, Any] = {
        "flavors": {
            "python_function": {
                "env": {"virtualenv": "python_env.yaml"},
                "loader_module": "fasttrack.tracking.pyfunc",
                "python_version": python,
            },
            "fasttrack": {"engine": manifest.engine, "model": manifest.name},
        },
        "signature": _signature(manifest.contract),
        "saved_input_example_info": {
            "artifact_path": _EXAMPLE,
            "pandas_orient": "split",
            "serving_input_path": _SERVING_EXAMPLE,
            "type": "dataframe",
        },
    }
    example = _example(manifest.contract)
    return {
        "MLmodel": _yaml(model),
        _EXAMPLE: msgspec.json.encode(example),
        _SERVING_EXAMPLE: msgspec.json.encode({"dataframe_split": example}),
        "python_env.yaml": _yaml(env),
        "requirements.txt": "".join(f"{line}\n" for line in ["mlflow>=3.10", *pins]).encode(),
    }


def _example(contract: Contract) -> dict[str, Any]:
    """One row as a DataFrame in pandas' `split` form: the example values of the contract, which it shows anyway."""
    row = example_row(contract)
    for column in contract.columns:
        example = row[column.name]
        if column.kind == "datetime" and example is not None:
            moment = datetime.fromisoformat(str(example)).astimezone(UTC)
            row[column.name] = moment.replace(tzinfo=None).isoformat()  # MLflow accepts no times with a time zone
    return {"columns": list(row), "data": [list(row.values())]}


def _signature(contract: Contract) -> dict[str, str]:
    """The parts of MLflow's ModelSignature, each as JSON text."""
    classes = contract.target.classes is not None and contract.target.probabilities
    method = {"name": PREDICT_METHOD, "type": "string", "default": "predict", "shape": None}
    parts: dict[str, Any] = {
        "inputs": [_column(column) for column in contract.columns],
        "outputs": [{"type": _output(contract.target), "required": True}],
    }
    if classes:
        parts["params"] = [method]
    return {name: json.dumps(part) for name, part in parts.items()}


def _column(column: Column) -> dict[str, Any]:
    if column.reading.number is not None or column.reading.dates is not None:
        # text in the table's notation is accepted beside numbers and times, and the contract checks both
        return {"type": "any", "name": column.name, "required": not column.nullable}
    # a plain pandas column cannot hold missing integers, so MLflow asks for doubles
    kind = "double" if column.kind == "integer" and column.nullable else _TYPES[column.kind]
    return {"type": kind, "name": column.name, "required": not column.nullable}


def _output(target: Target) -> str:
    labels = target.classes or [0.0]
    kinds = {bool: "boolean", int: "long", float: "double", str: "string"}
    return kinds[type(labels[0])]


def _yaml(content: dict[str, Any]) -> bytes:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return text.encode()
