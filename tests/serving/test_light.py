"""A compiled model is served without anything that only training needs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.serving import models

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ["joblib", "mlflow", "onnx", "pandas", "pyarrow", "scipy", "sklearn", "spox"]

SERVE = """
import asyncio, json, sys
from fasttrack.serving.app import create_app
from fasttrack.settings import Settings
from tests.serving.asgi import call

app = create_app(Settings(store=sys.argv[1]))
app.state.models.load()
replies = [
    asyncio.run(call(app, b'{"x": 5}')),
    asyncio.run(call(app, b'[{"x": 5}, {"x": "five"}]')),
    asyncio.run(call(app, b"", method="GET", query_string=b"x=5")),
    asyncio.run(call(app, b"", method="GET", path="/openapi.json")),
    asyncio.run(call(app, b"", method="GET", path="/health/ready")),
    asyncio.run(call(app, b"", method="GET", path="/metrics")),
]
print(json.dumps([[status, sorted(sys.modules)] for status, _, _ in replies]))
"""


def test_a_process_that_serves_a_compiled_model_loads_nothing_heavy(tmp_path: Path) -> None:
    assert models.line(tmp_path).manifest.engine == "onnx"
    run = subprocess.run([sys.executable, "-c", SERVE, str(tmp_path)], check=True, capture_output=True, text=True)
    replies = json.loads(run.stdout)
    assert [status for status, _ in replies] == [200, 422, 200, 200, 200, 200]
    assert not {name.partition(".")[0] for name in replies[-1][1]} & set(HEAVY)


FIRST = """
import asyncio, json, sys
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings
from tests.serving.asgi import call

async def serve():
    runtime = Runtime(Settings(store=sys.argv[1]))
    runtime.models.load()
    service = Service(runtime)
    asked = [(b'{"x": 5}', {}), (b'{"x": "five"}', {}), (b"", {"method": "GET", "query_string": b"x=5"})]
    told = []
    for body, more in asked:
        status, _, _ = await call(service, body, **more)
        told.append([status, "fastapi" in sys.modules])
    together = [call(service, b"", method="GET", path=path) for path in ("/metrics", "/docs", "/openapi.json")]
    return told, [status for status, _, _ in await asyncio.gather(*together)]

print(json.dumps(asyncio.run(serve())))
"""


def test_the_command_imports_fastapi_when_something_else_than_a_prediction_is_asked_for(tmp_path: Path) -> None:
    models.line(tmp_path)
    run = subprocess.run([sys.executable, "-c", FIRST, str(tmp_path)], check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == [[[200, False], [422, False], [200, True]], [200, 200, 200]]
