"""A real Jupyter server with the extension; a small HTTP server replaces the backend."""

from __future__ import annotations

import json

import pytest
from tornado import httpserver, netutil, web, websocket

pytest_plugins = ["pytest_jupyter.jupyter_server"]


class _Recorder(web.RequestHandler):
    """Records every request and sends the response that the test has set."""

    def initialize(self, backend):
        self.backend = backend

    def _answer(self, path):
        self.backend.requests.append(self.request)
        status, body = self.backend.answers.get((self.request.method, path), (200, {"ok": True}))
        self.set_status(status)
        if status != 204:
            problem = status >= 400
            self.set_header(
                "Content-Type", "application/problem+json" if problem else "application/json"
            )
            self.write(json.dumps(body))

    get = post = put = delete = _answer


class _Stream(websocket.WebSocketHandler):
    def initialize(self, backend):
        self.backend = backend

    def open(self):
        self.backend.requests.append(self.request)
        self.write_message(json.dumps({"cursor": self.get_argument("cursor", "none")}))

    def on_message(self, message):
        self.write_message(f"echo {message}")


class StandInBackend:
    """Listens on a free port; records requests; responds by (method, path)."""

    def __init__(self):
        self.requests = []
        self.answers = {}
        app = web.Application(
            [
                (r"/api/v1/stream", _Stream, {"backend": self}),
                (r"(/.*)", _Recorder, {"backend": self}),
            ]
        )
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self.server = httpserver.HTTPServer(app)
        self.server.add_sockets(sockets)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, method, path):
        return [
            json.loads(request.body)
            for request in self.requests
            if request.method == method and request.path == path
        ]

    async def stop(self):
        """Stops, as a server that crashed."""
        self.server.stop()
        await self.server.close_all_connections()


@pytest.fixture
def backend(jp_asyncio_loop):
    async def start():
        return StandInBackend()

    backend = jp_asyncio_loop.run_until_complete(start())
    yield backend
    jp_asyncio_loop.run_until_complete(backend.stop())


@pytest.fixture
def token_files(tmp_path):
    full, browser = tmp_path / "token", tmp_path / "browser-token"
    full.write_text("full-rights\n")
    browser.write_text("browser-rights\n")
    return full, browser


@pytest.fixture
def aglais_environment(monkeypatch, backend, token_files):
    """The environment that `npm start` sets for Jupyter."""
    monkeypatch.setenv("AGLAIS_URL", backend.url)
    monkeypatch.setenv("AGLAIS_TOKEN_FILE", str(token_files[0]))
    monkeypatch.setenv("AGLAIS_BROWSER_TOKEN_FILE", str(token_files[1]))


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"aglais": True}}}
