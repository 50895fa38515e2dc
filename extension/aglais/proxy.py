"""`<base_url>aglais/…` → the backend, for the signed-in Jupyter user only.

The browser is known to the Jupyter server by its cookie; the backend knows the Jupyter server by a
bearer token that never leaves this machine. Nothing of the one is passed on to the other.
"""

from __future__ import annotations

import json
from http.client import responses
from urllib.parse import parse_qsl, quote, urlencode

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server_proxy.handlers import ProxyHandler
from tornado import httpclient, web

from .backend import Backend, bearer, pod_proof

#: Headers of the browser that the backend needs. Cookies and Jupyter's own tokens stay here.
PASSED_ON = ("Accept", "Accept-Encoding", "Content-Type", "If-None-Match", "User-Agent")

#: Seconds. The backend is near; its longest answer is a long poll of 30 s.
CONNECT_TIMEOUT = 3.0
REQUEST_TIMEOUT = 45.0

#: WebSocket close code "try again later" (IANA registry of close codes).
TRY_AGAIN_LATER = 1013

#: Only these addresses are about the pod that we are in.
ABOUT_THE_POD = "api/v1/notebook-memory"

UNREACHABLE = (
    "The Aglais server does not answer. Notebooks and kernels go on, and so do running Spark "
    "clusters. This page connects again by itself as soon as the server is back."
)


class BackendProxyHandler(ProxyHandler):
    """Passes one request or WebSocket on to the backend."""

    def __init__(self, *args, backend: Backend, **kwargs):
        self._backend = backend
        # The page asks by itself for as long as it is open: that is no activity of a person, and
        # counting it would keep an abandoned server from ever being culled.
        super().__init__(*args, host_allowlist=[backend.host], update_last_activity=False, **kwargs)

    async def prepare(self, *args, **kwargs):
        await super().prepare(*args, **kwargs)
        if not self.check_origin():
            raise web.HTTPError(403, "A page of another site must not use this server.")

    def check_xsrf_cookie(self):
        # ProxyHandler leaves this to the proxied application, which cannot know the cookie.
        return JupyterHandler.check_xsrf_cookie(self)

    def get_login_url(self):
        # An API says no; it does not send its caller to a page.
        raise web.HTTPError(403, "Sign in to Jupyter first.")

    async def http_get(self, path):
        return await self._pass_on(path)

    async def post(self, path):
        return await self._pass_on(path)

    async def put(self, path):
        return await self._pass_on(path)

    async def delete(self, path):
        return await self._pass_on(path)

    async def _pass_on(self, path):
        try:
            await self.proxy(self._backend.host, self._backend.port, path)
        except (OSError, web.HTTPError) as error:
            # The backend's own answers of every status are passed on and never raised.
            if isinstance(error, web.HTTPError) and error.status_code < 500:
                raise
            self.log.debug("aglais: no answer from the backend: %s", error)
            raise web.HTTPError(502, UNREACHABLE) from error

    async def open(self, path):
        try:
            await self.proxy_open(self._backend.host, self._backend.port, path)
        except (OSError, httpclient.HTTPError) as error:
            self.log.debug("aglais: no WebSocket to the backend: %s", error)
            self.close(TRY_AGAIN_LATER, "The Aglais server does not answer")

    def get_client_uri(self, protocol, host, port, proxied_path):
        # `token` is how Jupyter's own clients may sign in to Jupyter by URL: not for the backend.
        query = [pair for pair in parse_qsl(self.request.query, True) if pair[0] != "token"]
        path = "/" + quote(proxied_path.lstrip("/"), safe="/:@!$&'()*+,;=-._~")
        return self._backend.address(path, urlencode(query), websocket=protocol == "ws")

    def proxy_request_headers(self):
        kept = {
            name: self.request.headers[name] for name in PASSED_ON if name in self.request.headers
        }
        proof = pod_proof(self._backend) if self._asks_about_the_pod() else {}
        return {**kept, **bearer(self._backend.browser_token_file), **proof}

    def _asks_about_the_pod(self):
        return (self.path_args or [""])[0].strip("/") == ABOUT_THE_POD

    def proxy_request_options(self):
        return {
            "follow_redirects": False,
            "connect_timeout": CONNECT_TIMEOUT,
            "request_timeout": REQUEST_TIMEOUT,
        }

    def write_error(self, status_code, **kwargs):
        """Errors of the way to the backend look like the backend's own (RFC 9457)."""
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
