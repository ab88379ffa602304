"""What fake-gcs-server lacks of Google Cloud Storage's XML interface, in terms of the JSON interface that it has.

It answers 400 to each write of the XML interface, and 500 to a listing of a missing bucket, so that no client of that
interface, such as obstore, can store anything in it. This hands such requests on as Google documents them to correspond
(https://cloud.google.com/storage/docs/xml-api/reference-methods): conditions are those of the server, which keeps and
gives all objects. Only the parts of an unfinished upload lie here.
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

__all__ = ["Translator"]

_MATCH = "x-goog-if-generation-match"
_META = "x-goog-meta-"


class Translator:
    """Listens on a free port of this machine for a server on another one."""

    def __init__(self, to: int) -> None:
        handler = type("Handler", (_Handler,), {"to": to, "uploads": {}})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens, as STORAGE_EMULATOR_HOST."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    to: int
    uploads: dict[str, tuple[dict[str, str], dict[int, bytes]]]
    """Unfinished upload → the headers that it began with, its parts."""

    def do_GET(self) -> None:
        self._pass_on()

    def do_HEAD(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "uploads" in query:
            upload = uuid.uuid4().hex
            self.uploads[upload] = (self._own_headers(), {})
            self._answer(
                200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        elif "uploadId" in query:
            self._body()
            headers, parts = self.uploads.pop(query["uploadId"][0])
            status, said = self._insert(headers, b"".join(parts[number] for number in sorted(parts)))
            tag = escape(str(said.get("etag")))
            self._answer(
                status, f'<CompleteMultipartUploadResult><ETag>"{tag}"</ETag></CompleteMultipartUploadResult>', said
            )
        else:
            self._pass_on()

    def do_PUT(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "uploadId" in query:
            self.uploads[query["uploadId"][0]][1][int(query["partNumber"][0])] = self._body()
            self._answer(200, "", {"etag": uuid.uuid4().hex})
        else:
            status, said = self._insert(self._own_headers(), self._body())
            self._answer(status, "", said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
        """Nothing: the server behind writes a log."""

    def _own_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _insert(self, headers: dict[str, str], content: bytes) -> tuple[int, dict[str, object]]:
        """Write an object by the JSON interface; its status, and what it says of the object."""
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        query = {"uploadType": "multipart"}
        if _MATCH in headers:
            query["ifGenerationMatch"] = headers[_MATCH]
        metadata = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
        described = json.dumps({"name": key, "metadata": metadata}).encode()
        border = uuid.uuid4().hex.encode()
        kind = headers.get("content-type", "application/octet-stream").encode()
        body = b"--%s\r\nContent-Type: application/json\r\n\r\n%s\r\n--%s\r\nContent-Type: %s\r\n\r\n%s\r\n--%s--" % (
            border, described, border, kind, content, border,
        )  # fmt: skip
        path = f"/upload/storage/v1/b/{bucket}/o?{urlencode(query)}"
        status, _, answer = self._asked(
            "POST", path, body, {"Content-Type": f"multipart/related; boundary={border.decode()}"}
        )
        return status, json.loads(answer) if status == 200 else {}

    def _pass_on(self) -> None:
        """As it came; only what is not found gets the words that Google has for it."""
        body = self._body()
        status, headers, answer = self._asked(self.command, self.path, body, self._own_headers())
        bucket = unquote(urlsplit(self.path).path).strip("/").partition("/")[0]
        if status in (404, 500) and self._asked("GET", f"/storage/v1/b/{quote(bucket)}", b"", {})[0] == 404:
            self._answer(404, "<Error><Code>NoSuchBucket</Code></Error>")
            return
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        sizes = [value for name, value in headers if name.lower() == "content-length"]
        self.send_header("Content-Length", sizes[0] if sizes and self.command == "HEAD" else str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _asked(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.to, timeout=60)
        try:
            connection.request(method, path, body, {**headers, "host": f"127.0.0.1:{self.to}"})
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()

    def _answer(self, status: int, text: str, said: dict[str, object] | None = None) -> None:
        if status == 404 and not text.startswith("<Error>"):
            text = "<Error><Code>NoSuchBucket</Code></Error>"
        content = b"" if self.command == "HEAD" else text.encode()
        self.send_response(status)
        if said:
            self.send_header("ETag", f'"{said["etag"]}"')
        if said and "generation" in said:
            self.send_header("x-goog-generation", str(said["generation"]))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
