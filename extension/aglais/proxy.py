"""Proxies `<base_url>aglais/…` to the backend, for signed-in Jupyter users only.

The browser authenticates to the Jupyter server by its cookie, and the Jupyter server to the backend
by a bearer token that never leaves this machine. Neither is forwarded to the other side.
"""

from __future__ import annotations

import json
from http.client import responses
from urllib.parse import parse_qsl, quote, urlencode

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server_proxy.handlers import ProxyHandler
from tornado import httpclient, web

from .backend import Backend, bearer_header, pod_token_header

#: Browser headers that are forwarded. Cookies and Jupyter's own tokens are not.
FORWARDED_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "If-None-Match", "User-Agent")

#: Seconds. The longest response is a long poll of 30 s.
CONNECT_TIMEOUT = 3.0
REQUEST_TIMEOUT = 45.0

#: WebSocket close code "try again later" (IANA registry of close codes).
TRY_AGAIN_LATER = 1013

#: Only requests to this path get the pod token.
NOTEBOOK_MEMORY_PATH = "api/v1/notebook-memory"

UNREACHABLE = (
    "The Aglais server does not answer. Notebooks, kernels and Spark clusters keep running. "
    "This page reconnects automatically when the server is back."
)


class BackendProxyHandler(ProxyHandler):
    """Forwards one request or WebSocket to the backend."""

    def __init__(self, *args, backend: Backend, **kwargs):
        self._backend = backend
        # An open page sends requests without user activity: counting them would prevent an idle
        # server from being culled.
        super().__init__(*args, host_allowlist=[backend.host], update_last_activity=False, **kwargs)

    async def prepare(self, *args, **kwargs):
        await super().prepare(*args, **kwargs)
        if not self.check_origin():
            raise web.HTTPError(403, "Requests from other origins are not allowed.")

    def check_xsrf_cookie(self):
        # ProxyHandler leaves this check to the proxied application, which does not have the cookie.
        return JupyterHandler.check_xsrf_cookie(self)

    def get_login_url(self):
        # An API returns an error instead of a redirect to the login page.
        raise web.HTTPError(403, "Sign in to Jupyter first.")

    async def http_get(self, path):
        return await self._forward(path)

    async def post(self, path):
        return await self._forward(path)

    async def put(self, path):
        return await self._forward(path)

    async def delete(self, path):
        return await self._forward(path)

    async def _forward(self, path):
        try:
            await self.proxy(self._backend.host, self._backend.port, path)
        except (OSError, web.HTTPError) as error:
            # Responses of the backend, of any status, are forwarded and not raised.
            if isinstance(error, web.HTTPError) and error.status_code < 500:
                raise
            self.log.debug("aglais: the backend does not answer: %s", error)
            raise web.HTTPError(502, UNREACHABLE) from error

    async def open(self, path):
        try:
            await self.proxy_open(self._backend.host, self._backend.port, path)
        except (OSError, httpclient.HTTPError) as error:
            self.log.debug("aglais: cannot open the WebSocket to the backend: %s", error)
            self.close(TRY_AGAIN_LATER, "The Aglais server does not answer")

    def get_client_uri(self, protocol, host, port, proxied_path):
        # Jupyter's own clients may sign in with `token` in the URL: it is not for the backend.
        query = [pair for pair in parse_qsl(self.request.query, True) if pair[0] != "token"]
        path = "/" + quote(proxied_path.lstrip("/"), safe="/:@!$&'()*+,;=-._~")
        return self._backend.url_of(path, urlencode(query), websocket=protocol == "ws")

    def proxy_request_headers(self):
        headers = {
            name: self.request.headers[name]
            for name in FORWARDED_HEADERS
            if name in self.request.headers
        }
        pod_header = pod_token_header(self._backend) if self._needs_pod_token() else {}
        return {**headers, **bearer_header(self._backend.browser_token_file), **pod_header}

    def _needs_pod_token(self):
        return (self.path_args or [""])[0].strip("/") == NOTEBOOK_MEMORY_PATH

    def proxy_request_options(self):
        return {
            "follow_redirects": False,
            "connect_timeout": CONNECT_TIMEOUT,
            "request_timeout": REQUEST_TIMEOUT,
        }

    def write_error(self, status_code, **kwargs):
        """Proxy errors have the same format as those of the backend (RFC 9457)."""
        error = kwargs.get("exc_info", (None, None))[1]
        detail = getattr(error, "log_message", None) or responses.get(status_code, "Unknown error")
        kind = "backend-unreachable" if status_code == 502 else "jupyter"
        self.set_header("Content-Type", "application/problem+json")
        self.finish(
            json.dumps(
                {
                    "type": f"urn:aglais:problem:{kind}",
                    "title": responses.get(status_code, "Error"),
                    "status": status_code,
                    "detail": detail,
                }
            )
        )
