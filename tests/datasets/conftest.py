from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep as pause

import pytest

from specformer import settings


class Server(ThreadingHTTPServer):
    """Serves `files` by name, with ranges, as the publishers of the corpus do.

    What a path begins with says what goes wrong: /cut/ always breaks off half-way of what is asked for, /flaky/ and
    /stalling/ do so in the first answer only (the latter without closing), /slow/ comes in small pieces, /moved/
    redirects, /plain/ knows neither ranges nor versions, /down/ has an error of its own.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.requests = []

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    @property
    def paths(self):
        return [path for path, _ in self.requests]

    @property
    def ranges(self):
        return [asked for _, asked in self.requests]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        how, _, name = self.path.strip("/").rpartition("/")
        self.server.requests.append((self.path, self.headers.get("Range")))
        content = self.server.files.get(name.replace("%2B", "+"))
        if content is None or how == "down":
            self.send_error(404 if content is None else 503)
        elif how == "moved":
            self.send_response(302)
            self.send_header("Location", f"/{name}")
            self.end_headers()
        else:
            self._answer(content, how)

    def _answer(self, content, how):
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        asked, start = self.headers.get("Range"), 0
        if asked and how != "plain" and self.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        if how != "plain":
            self.send_header("ETag", etag)
        self.end_headers()
        first = len(self.server.requests) == 1
        if how == "slow":
            for piece in range(0, len(body), len(body) // 8 + 1):
                self.wfile.write(body[piece : piece + len(body) // 8 + 1])
                pause(0.03)
        elif how == "cut" or (how in ("flaky", "stalling") and first):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if how == "stalling":
                pause(2)
        else:
            self.wfile.write(body)

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # a reader that gave up


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path):
    before = settings.cachedir, settings.mirror
    settings.cachedir, settings.mirror = tmp_path / "cache", ""
    yield tmp_path / "cache"
    settings.cachedir, settings.mirror = before
