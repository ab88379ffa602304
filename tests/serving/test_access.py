"""Guards and ordinary middleware decide about every request, whichever way it takes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from fasttrack.errors import ConfigError
from fasttrack.serving.access import Refusal, RequestHead
from fasttrack.serving.app import create_app
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.paths import PATHS
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings
from tests.serving import models
from tests.serving.asgi import call
from tests.serving.server import run_app
from tests.serving.test_wire import connected, request, responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = (b"x-api-key", b"right")
BODY = b'{"x": 20}'


class ApiKey:
    """Lets in who sends the key; remembers whom it was asked about."""

    def __init__(self) -> None:
        self.asked: list[RequestHead] = []

    def check(self, request: RequestHead) -> Refusal | None:
        self.asked.append(request)
        if request.header("X-API-Key") == "right":
            return None
        return Refusal(401, "send a valid key in X-API-Key", {"WWW-Authenticate": "ApiKey"})


class AsgiKey:
    """An ordinary ASGI middleware with the same rule."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and KEY not in scope["headers"]:
            await JSONResponse({"refused": True}, 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class StarletteKey(BaseHTTPMiddleware):
    """A Starlette middleware with the same rule."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        if request.headers.get("x-api-key") != "right":
            return JSONResponse({"refused": True}, 401)
        return await call_next(request)  # type: ignore[no-any-return]  # Starlette's own type


async def key_function(request: Request, call_next: Any) -> Response:
    if request.headers.get("x-api-key") != "right":
        return JSONResponse({"refused": True}, 401)
    return await call_next(request)  # type: ignore[no-any-return]  # Starlette's own type


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    models.line(folder)
    return folder


def settings(store: Path, **more: Any) -> Settings:
    return Settings(store=str(store), **({"journal": "off"} | more))


def protected(store: Path, protection: str) -> Any:
    """The app, closed to all who do not send the key."""
    app = create_app(settings(store), guards=[ApiKey()] if protection == "guard" else [])
    match protection:
        case "ASGI middleware":
            app.add_middleware(AsgiKey)
        case "Starlette middleware":
            app.add_middleware(StarletteKey)
        case "function":
            app.middleware("http")(key_function)
        case "put into the list":
            from starlette.middleware import Middleware

            app.user_middleware.insert(0, Middleware(AsgiKey))
    return app


PROTECTIONS = ["guard", "ASGI middleware", "Starlette middleware", "function", "put into the list"]


def requests_of(app: Any) -> Iterator[tuple[str, str]]:
    """A request for each method of each route of `app`, and one for a path that it does not have."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield "GET", f"{route.path}/swagger/swagger-ui.css"
        else:
            for method in sorted(route.methods):
                yield method, route.path
    yield "GET", "/nowhere"


def answered(status: int, method: str, path: str) -> bool:
    """Whether a request got a reply of the service itself, whatever it says."""
    return status == 200 if (method, path) == ("POST", "/predict") else status in (200, 307, 404, 422)


def test_the_service_s_own_paths_are_those_of_its_routes(store: Path) -> None:
    app = create_app(settings(store))
    assert {route.path for route in app.routes if isinstance(route, Route)} == PATHS
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/docs/static"]
    assert all(isinstance(route, Route | Mount) for route in app.routes)


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_no_route_is_open_in_process(store: Path, protection: str) -> None:
    app = protected(store, protection)
    app.state.models.load()
    asked = list(requests_of(app))
    assert ("POST", "/predict") in asked
    assert len(asked) > 12
    for method, path in asked:
        for body in (BODY, [b"", BODY], b" " * 70_000 + BODY):
            status, headers, content = asyncio.run(call(app, body, method=method, path=path))
            assert status == 401, (method, path)
            assert "prediction" not in content.decode()
            if protection == "guard":
                assert headers["www-authenticate"] == "ApiKey"
                assert headers["content-type"] == "application/problem+json"
        status, _, _ = asyncio.run(call(app, BODY, method=method, path=path, headers=[KEY]))
        assert answered(status, method, path), (method, path)


@pytest.mark.parametrize(
    ("protection", "http"), [("guard", "h11"), *((name, http) for name in PROTECTIONS for http in ("httptools", Wire))]
)
def test_no_route_is_open_on_a_connection_that_has_been_let_in(store: Path, protection: str, http: Any) -> None:
    app = protected(store, protection)
    check_connection(lambda: run_app(app, http=http), list(requests_of(app)))


def test_no_route_is_open_in_the_command_s_service(store: Path) -> None:
    routes = list(requests_of(create_app(settings(store))))
    service = Service(Runtime(settings(store), guards=[ApiKey()]))
    check_connection(lambda: run_app(service, http=Wire), routes)


def check_connection(open_client: Callable[[], Any], routes: list[tuple[str, str]]) -> None:
    """Ask for each route with and without the key in turn, on one connection and in both orders."""
    with open_client() as client, connected(client) as connection:
        for method, path in routes:
            body = BODY if method in ("POST", "PUT") else b""
            closed = request(body, "X-API-Key: wrong", method=method, path=path)
            opened = request(body, "X-API-Key: right", method=method, path=path)
            bare = request(body, method=method, path=path)
            for number, sent in enumerate((opened, closed, opened, opened, bare, closed, closed, bare, opened)):
                connection.sendall(sent)
                ((status, _, content),) = responses(connection, 1, bodies=method != "HEAD")
                if sent is opened:
                    assert answered(int(status.split()[1]), method, path), (path, status)
                else:
                    assert status.startswith(b"HTTP/1.1 401"), (number, path, status)
                    assert b'"prediction"' not in content
        if ("POST", "/predict") in routes:  # several in one packet, also behind a head that is known
            opened, closed = (request(BODY, f"X-API-Key: {key}") for key in ("right", "wrong"))
            connection.sendall(opened + closed + opened + closed)
            assert [status.split()[1] for status, _, _ in responses(connection, 4)] == [b"200", b"401"] * 2


def test_a_wrapped_app_is_not_bypassed_by_the_protocol(store: Path) -> None:
    class Wrapper(AsgiKey):
        def __getattr__(self, name: str) -> Any:
            return getattr(self.__dict__["app"], name)

    with run_app(Wrapper(create_app(settings(store))), http=Wire) as client:
        for _ in range(3):
            assert client.post("/predict", content=BODY, headers=[KEY]).status_code == 200
            assert client.post("/predict", content=BODY).status_code == 401


def test_a_key_that_is_withdrawn_counts_from_the_next_request_on(store: Path) -> None:
    class Switch:
        opened = True

        def check(self, _: RequestHead) -> Refusal | None:
            return None if self.opened else Refusal(403, "closed")

    switch = Switch()
    with run_app(Service(Runtime(settings(store), guards=[switch])), http=Wire) as client:
        for opened in (True, True, True, False, False, True):
            switch.opened = opened
            assert client.post("/predict", content=BODY).status_code == (200 if opened else 403)


@pytest.mark.parametrize("http", ["httptools", Wire])
def test_a_guard_is_asked_once_and_sees_the_request(store: Path, http: Any) -> None:
    guard = ApiKey()
    app = create_app(settings(store), guards=[guard]) if http != Wire else None
    with run_app(app or Service(Runtime(settings(store), guards=[guard])), http=http) as client:
        for _ in range(3):  # the second time the head is known
            for method, path in (("POST", "/predict"), ("GET", "/predict?x=1"), ("POST", "/feedback")):
                guard.asked.clear()
                headers = [KEY, (b"X-Request-Id", b"abc-1")]
                client.request(method, path, content=BODY if method == "POST" else None, headers=headers)
                (head,) = guard.asked
                assert (head.method, head.path) == (method, path.partition("?")[0])
                assert head.header("x-request-id") == "abc-1"
                assert head.header("absent") is None
                assert head.client is not None
                assert head.client[0] == "127.0.0.1"
        guard.asked.clear()
        large = b"[" + b",".join([BODY] * 20_000) + b"]"
        assert client.post("/predict", content=large, headers=[KEY]).status_code == 200
        assert len(guard.asked) == 1


@pytest.mark.parametrize("http", ["httptools", Wire])
def test_a_guard_sees_the_client_that_a_trusted_proxy_names(store: Path, http: Any) -> None:
    guard = ApiKey()
    with run_app(Service(Runtime(settings(store), guards=[guard])), http=http) as client:
        for _ in range(3):
            client.post("/predict", content=BODY, headers=[KEY, (b"X-Forwarded-For", b"203.0.113.7")])
        assert [head.client and head.client[0] for head in guard.asked] == ["203.0.113.7"] * 3


def test_the_path_is_below_the_prefix_under_which_the_service_is_mounted(store: Path) -> None:
    guard = ApiKey()
    app = create_app(settings(store), guards=[guard])
    app.state.models.load()
    for root, path in (("", "/predict"), ("/models", "/models/predict"), ("/models/", "/models/predict")):
        assert asyncio.run(call(app, BODY, path=path, root_path=root, headers=[KEY]))[0] == 200
    asyncio.run(call(app, BODY, path="/modelsx/predict", root_path="/models", headers=[KEY]))
    assert [head.path for head in guard.asked] == ["/predict"] * 3 + ["/modelsx/predict"]


def test_a_guard_that_fails_lets_nobody_in(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def check(self, _: RequestHead) -> Refusal | None:
            raise KeyError("secret")

    with run_app(Service(Runtime(settings(store), guards=[Broken()])), http=Wire) as client:
        for _ in range(2):
            for reply in (client.post("/predict", content=BODY), client.get("/model")):
                assert reply.status_code == 500
                assert reply.json()["detail"] == "the server failed; its log says why"
    assert "POST /predict failed" in caplog.text


def test_the_first_guard_that_refuses_decides(store: Path) -> None:
    class Limit:
        def check(self, _: RequestHead) -> Refusal | None:
            return Refusal(429, "too many requests; wait a second", {"Retry-After": "1"})

    app = create_app(settings(store), guards=[ApiKey(), Limit()])
    app.state.models.load()
    assert asyncio.run(call(app, BODY))[0] == 401
    status, headers, content = asyncio.run(call(app, BODY, headers=[KEY]))
    assert (status, headers["retry-after"]) == (429, "1")
    assert json.loads(content) == {
        "type": "urn:fasttrack:problem:too-many-requests",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "too many requests; wait a second",
    }


@pytest.mark.parametrize("http", ["httptools", Wire])
def test_refusals_are_counted_by_path_and_method(store: Path, http: Any) -> None:
    service = Service(Runtime(settings(store), guards=[ApiKey()]))
    with run_app(service, http=http) as client:
        for method, path in (("POST", "/predict"), ("GET", "/predict"), ("GET", "/metrics"), ("GET", "/a/b")):
            for _ in range(2):
                content = BODY if method == "POST" else None
                assert client.request(method, path, content=content).status_code == 401
        assert client.request("PROPFIND", "/predict").status_code == 401
        client.post("/predict", content=BODY, headers=[KEY])
        text = client.get("/metrics", headers=[KEY]).text
    counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("http_requests_total"))
    assert counts == {
        'http_requests_total{handler="/predict",method="POST",status="401"}': "2.0",
        'http_requests_total{handler="/predict",method="GET",status="401"}': "2.0",
        'http_requests_total{handler="/metrics",method="GET",status="401"}': "2.0",
        'http_requests_total{handler="none",method="GET",status="401"}': "2.0",
        'http_requests_total{handler="/predict",method="none",status="401"}': "1.0",
        'http_requests_total{handler="/predict",method="POST",status="200"}': "1.0",
    }
    assert 'http_request_size_bytes_sum{handler="/predict",method="POST"} 27.0' in text
    assert "http_requests_inprogress 1.0" in text  # the one that asks


def test_a_refused_websocket_is_closed(store: Path) -> None:
    app = create_app(settings(store), guards=[ApiKey()])
    reached: list[Any] = []

    async def echo(websocket: Any) -> None:
        reached.append(websocket)
        await websocket.accept()

    app.router.add_websocket_route("/echo", echo)

    async def connect(*headers: tuple[bytes, bytes]) -> list[Any]:
        sent: list[Any] = []
        scope = {
            "type": "websocket",
            "path": "/echo",
            "headers": list(headers),
            "query_string": b"",
            "subprotocols": [],
        }

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent

    assert asyncio.run(connect()) == [{"type": "websocket.close", "code": 1008}]
    assert not reached
    assert asyncio.run(connect(KEY))[0]["type"] == "websocket.accept"


# --- middleware that may be bypassed


class Stamp:
    """A middleware that predictions need not go through."""

    may_be_bypassed = True

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def stamp(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-stamp", b"1")]
            await send(message)

        await self.app(scope, receive, stamp)


def stamped(app: Any) -> bool:
    app.state.models.load()
    _, headers, _ = asyncio.run(call(app, BODY))
    _, behind, _ = asyncio.run(call(app, b"", method="GET", path="/model"))
    assert behind["x-stamp"] == "1"
    return "x-stamp" in headers


def test_a_middleware_that_may_be_bypassed_leaves_the_short_cuts_on(store: Path) -> None:
    app = create_app(settings(store))
    app.add_middleware(Stamp)
    assert not stamped(app)
    careful = create_app(settings(store))
    careful.add_middleware(type("Careful", (Stamp,), {"may_be_bypassed": False}))
    assert stamped(careful)
    both = create_app(settings(store))
    both.add_middleware(Stamp)
    both.add_middleware(AsgiKey)
    both.state.models.load()
    assert asyncio.run(call(both, BODY))[0] == 401


def test_a_function_may_declare_it_too(store: Path) -> None:
    app = create_app(settings(store))

    async def stamp(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-stamp"] = "1"
        return response

    stamp.may_be_bypassed = True  # type: ignore[attr-defined]  # functions take attributes
    app.middleware("http")(stamp)
    assert not stamped(app)


# --- the setting


MODULE = """
from fasttrack.serving.access import Refusal

class Key:
    def check(self, request):
        if request.header("x-api-key") != "right":
            return Refusal(401, "send a valid key in X-API-Key")

class Observer:
    def scored(self, event):
        with open("scored.txt", "a") as file:
            file.write(f"{event.model.name} {event.predictions.prediction}\\\\n")

broken = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_access.py").write_text(MODULE.replace("\\\\n", "\\n"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("my_access", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("my_access", "FASTTRACK_GUARDS names 'my_access'; write module:factory, such as access:make_guard"),
        ("my_access:", "FASTTRACK_GUARDS names 'my_access:'; write module:factory"),
        ("nowhere:Key", "cannot be used: ModuleNotFoundError: No module named 'nowhere'"),
        ("my_access:Nothing", "'my_access:Nothing', which cannot be used: AttributeError: module 'my_access'"),
        ("my_access:broken", "which cannot be used: TypeError: 'int' object is not callable"),
        (
            "my_access:Key, my_access:Observer",
            "'my_access:Observer', which makes a Observer without the method 'check'",
        ),
    ],
)
def test_a_guard_that_cannot_be_made_is_named(folder: Path, store: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        create_app(settings(store, guards=text))
    assert message in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_command_and_its_workers_ask_the_guards_of_the_setting(folder: Path, store: Path, workers: int) -> None:
    command = [str(Path(sys.executable).parent / "fasttrack"), "serve", "--store", str(store), "--port", "0"]
    command += ["--journal", "off", "--workers", str(workers)]
    environment = {"FASTTRACK_GUARDS": "my_access:Key", "FASTTRACK_OBSERVERS": "my_access:Observer"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().split(" at ")[1].strip()
            for _ in range(6):  # each on a connection of its own, so that both workers are asked
                with httpx.Client(base_url=url, transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
                    assert client.post("/predict", content=BODY).status_code == 401
                    assert client.get("/model").status_code == 401
                    assert client.post("/predict", content=BODY, headers=[KEY]).json()["prediction"] == 41.0
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert (folder / "scored.txt").read_text() == "line [41.0]\n" * 6
