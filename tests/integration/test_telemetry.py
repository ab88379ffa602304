"""onnxruntime reports to Microsoft by default: no process of this package may write an id for it, or look up a host."""

from __future__ import annotations

import ast
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.real import ROOT, SCRIPTS, free_port, poll, process, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, client = server.recvfrom(512)
    print(query[12:-4], flush=True)
    no_such_name = query[:2] + bytes([0x81, 0x83]) + query[4:6] + bytes(6) + query[12:]
    server.sendto(no_such_name, client)
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a user's own shell: onnxruntime reports nothing where a variable names a CI system."""
    home.mkdir()
    return {"PATH": f"{SCRIPTS}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), **more}


def test_one_module_imports_onnxruntime_and_it_turns_telemetry_off_first() -> None:
    importers = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "src").rglob("*.py"))
        for node in ast.parse(path.read_text()).body  # what is imported for its types only is further in
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "onnxruntime" in ast.unparse(node)
    ]
    assert importers == ["src/fasttrack/graph/inference.py"]


def test_training_and_predicting_write_nothing_below_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = environment(home, FASTTRACK_STORE=str(tmp_path / "model"))
    assert "compiled" in run(sys.executable, ROOT / "src" / "train.py", env=env)
    assert run(sys.executable, ROOT / "src" / "predict.py", "10", env=env) == "21.0\n"
    assert list(home.rglob("*")) == []


@contextmanager
def network(name: str, log: Path) -> Iterator[tuple[str, ...]]:
    """What runs a command where the only network is loopback, with a name server on it that logs each look-up."""
    settings = Path("/etc/netns") / name
    settings.mkdir(parents=True)
    (settings / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        inside = ("ip", "netns", "exec", name)
        with process((*inside, sys.executable, "-c", _NAME_SERVER), log):
            poll(lambda: "ready" in log.read_text(), what="the name server listens")
            yield inside
    finally:
        run("ip", "netns", "delete", name)
        (settings / "resolv.conf").unlink()
        settings.rmdir()


@pytest.mark.system
def test_a_server_looks_up_no_host_and_writes_no_id(tmp_path: Path, store: Path) -> None:
    """A second server with telemetry on starts later; its look-up ends the test, and shows that one would be seen."""
    require("ip")
    port = free_port()
    serve = (SCRIPTS / "fasttrack", "serve", "--store", store, "--journal", "off", "--port", str(port))
    quiet, loud = tmp_path / "quiet.log", tmp_path / "loud.log"
    home, home_of_loud = tmp_path / "home", tmp_path / "home-of-loud"
    with (
        network("fasttrack-quiet", quiet) as inside,
        network("fasttrack-loud", loud) as inside_loud,
        process((*inside, *serve), tmp_path / "log", environment(home)),
    ):
        fetch = f"import httpx; print(httpx.get('http://127.0.0.1:{port}/predict?x=5').text)"
        ask = (*inside, sys.executable, "-c", fetch)
        poll(lambda: "11.0" in run(*ask, check=False), what="the server answers")
        reporting = environment(home_of_loud, ORT_DISABLE_TELEMETRY="0")
        with process((*inside_loud, *serve), tmp_path / "loud-server.log", reporting):
            poll(lambda: "microsoft" in loud.read_text(), what="the other server's look-up", within_s=60)
    assert quiet.read_text() == "ready\n"
    assert list(home.rglob("*")) == []
    assert list(home_of_loud.rglob("deviceid"))
