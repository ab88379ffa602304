"""Flights the way of a team: the table in PostgreSQL, runs in MLflow, versions in object storage, served from a copy.

    python examples/flights/everywhere.py --database postgresql://USER@HOST/NAME --tracking http://HOST:PORT \
        --bucket s3://BUCKET/PREFIX

Passwords and keys come from the environment: PGPASSWORD, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL.
Each step is a command that is printed before it runs; the first that fails ends the script.
"""

from __future__ import annotations

import argparse
import json
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi

HERE = Path(__file__).parent
FASTTRACK = Path(sys.executable).parent / "fasttrack"
QUERY = "SELECT * FROM {table} WHERE arr_delay IS NOT NULL"


def main() -> None:
    """All steps, from the table to an answer by HTTP."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _load(options, work)
        trained = ("--target", "arr_delay", "--name", "flights", "--estimator", options.estimator)
        unknown = ("--ignore", "arr_time", "--ignore", "air_time")  # known only after landing
        sample = () if options.rows is None else ("--rows", str(options.rows))
        _run(
            *("train", options.database, "--query", QUERY.format(table=options.table), *trained, *unknown, *sample),
            *("--tracking", options.tracking, "--store", str(work / "training")),
        )
        _run("models", "push", "flights", options.bucket, "--promote", "--store", str(work / "training"))
        _run("models", "pull", options.bucket, "flights@champion", "--promote", "--store", str(work / "serving"))
        _run(
            *("mlflow", "pull", "models:/flights@champion", "--promote", "--tracking", options.tracking),
            *("--store", str(work / "registry")),
        )
        answers = [_served(work / store) for store in ("serving", "registry")]
    if answers[0]["prediction"] != answers[1]["prediction"]:
        sys.exit(f"the copies answer differently: {answers}")
    print(json.dumps(answers[0]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, help="postgresql://USER@HOST/NAME; the table is made there")
    parser.add_argument("--table", default="flights")
    parser.add_argument("--tracking", required=True, help="an MLflow server")
    parser.add_argument("--bucket", required=True, help="s3://BUCKET/PREFIX, the store that all share")
    parser.add_argument("--estimator", default="boosting")
    parser.add_argument("--rows", type=int, help="train on a random sample of so many rows")
    return parser.parse_args()


def _load(options: argparse.Namespace, work: Path) -> None:
    """Write the flights into the database."""
    place = work / "flights.parquet"
    subprocess.run([sys.executable, str(HERE / "data.py"), str(place)], check=True)
    with closing(dbapi.connect(options.database)) as connection, closing(connection.cursor()) as cursor:
        cursor.adbc_ingest(options.table, pq.read_table(place), mode="replace")
        connection.commit()


def _run(*arguments: str) -> None:
    print(shlex.join(["fasttrack", *arguments]), flush=True)
    subprocess.run([str(FASTTRACK), *arguments], check=True)


def _served(store: Path) -> dict[str, object]:
    """What a server of the store answers to the example of its own contract."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(FASTTRACK), "serve", "--store", str(store), "--port", str(port)]
    print(shlex.join(["fasttrack", *command[1:]]), flush=True)
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    contract = json.load(urllib.request.urlopen(f"{url}/contract", timeout=10))
                    break
                except urllib.error.URLError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        sys.exit("the server does not answer")
                    time.sleep(0.1)
            row = {column["name"]: column["example"] for column in contract["columns"]}
            answer: dict[str, object] = json.load(
                urllib.request.urlopen(f"{url}/predict", json.dumps(row).encode(), timeout=10)
            )
            return answer
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
