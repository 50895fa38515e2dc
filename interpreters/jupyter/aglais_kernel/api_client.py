"""A client of the Aglais server's HTTP API, as far as a kernel needs it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import RequestRefused, ServerUnavailable

Cluster = dict[str, Any]
Endpoint = dict[str, Any]  # url, token, ca, runOffset: protocol/src/cluster.ts
"""A cluster as the API describes it (protocol/src/cluster.ts)."""

# A user waits for these: together they stay below 5 s.
RESPONSE_TIMEOUT_S = 4.5
RETRY_WINDOW_S = 1.5
RETRY_INTERVAL_S = 0.2
RESTART_TIMEOUT_S = 60.0


class ApiClient:
    """Each call opens its own connection and reads the token again.

    Every method raises ServerUnavailable or RequestRefused.
    """

    def __init__(self, url: str, token_file: str | None):
        self.url = url.rstrip("/")
        self._token_file = token_file

    def request_cluster(
        self, kernel: str, notebook: str, shape: dict[str, Any] | None = None
    ) -> Cluster:
        """This kernel's cluster: the live one, or a new one (with `shape` or the default shape)."""
        body: dict[str, Any] = {"kernel": kernel, "notebook": notebook}
        return self._call_with_retry(
            "POST", "/clusters", {**body, "shape": shape} if shape else body
        )

    def default_shape(self) -> dict[str, Any]:
        """The shape of clusters that are requested without a shape."""
        return self._call_with_retry("GET", "/capacity")["defaultShape"]

    def cluster(self, id: str, timeout: float = RESPONSE_TIMEOUT_S) -> Cluster:
        """The cluster as it is now; `timeout` in seconds."""
        return self._call("GET", f"/clusters/{quote(id)}", timeout=timeout)

    def changed_cluster(self, id: str, revision: int, wait_ms: int) -> Cluster:
        """The cluster as soon as it is newer than `revision`, or after `wait_ms` as it is then."""
        path = f"/clusters/{quote(id)}?afterRevision={revision}&waitMs={wait_ms}"
        return self._call("GET", path, timeout=wait_ms / 1000 + 2)

    def live_cluster(self, kernel: str) -> Cluster | None:
        """The cluster that this kernel has now, if any."""
        clusters = self._call_with_retry("GET", "/clusters")["clusters"]
        live = ("requested", "starting", "ready")
        return next((c for c in clusters if c["kernel"] == kernel and c["state"] in live), None)

    def endpoint(self, id: str) -> Endpoint:
        """The endpoint of a ready cluster."""
        return self._call_with_retry("GET", f"/clusters/{quote(id)}/endpoint")

    def stop_cluster(self, id: str, timeout: float = RESPONSE_TIMEOUT_S) -> Cluster:
        """Requests to stop a cluster; `timeout` in seconds."""
        return self._call("DELETE", f"/clusters/{quote(id)}", timeout=timeout)

    def restart_cluster(self, id: str, shape: dict[str, Any] | None) -> Cluster:
        """Replaces a cluster by a new one, optionally with another shape.

        Returns when the old cluster has ended.
        """
        body = {"shape": shape} if shape else {}
        return self._call("POST", f"/clusters/{quote(id)}/restart", body, timeout=RESTART_TIMEOUT_S)

    def report_cell_run(self, id: str, report: dict[str, Any], timeout: float) -> None:
        """Reports that a cell which uses Spark started or ended (protocol's CellRunReport)."""
        self._call("POST", f"/clusters/{quote(id)}/cell-runs", report, timeout=timeout)

    def _call_with_retry(self, method: str, path: str, body: Any = None) -> Any:
        """As `_call`, but retries while the server restarts."""
        start = time.monotonic()
        while True:
            elapsed = time.monotonic() - start
            try:
                return self._call(
                    method, path, body, timeout=max(0.5, RESPONSE_TIMEOUT_S - elapsed)
                )
            except ServerUnavailable:
                if time.monotonic() - start + RETRY_INTERVAL_S > RETRY_WINDOW_S:
                    raise
                time.sleep(RETRY_INTERVAL_S)

    def _call(
        self, method: str, path: str, body: Any = None, timeout: float = RESPONSE_TIMEOUT_S
    ) -> Any:
        # Imported here: a notebook without Spark need not spend 20-60 ms. Not urllib.request, which
        # would send loopback traffic through an http_proxy of the environment.
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        connection = (HTTPSConnection if secure else HTTPConnection)(
            parts.hostname or "", parts.port, timeout=timeout
        )
        try:
            connection.request(
                method,
                f"{parts.path}/api/v1{path}",
                None if body is None else json.dumps(body),
                {"Content-Type": "application/json", "Authorization": f"Bearer {self._token()}"},
            )
            response = connection.getresponse()
            text = response.read()
        except (OSError, HTTPException) as error:
            raise ServerUnavailable(
                f"The Aglais server at {self.url} does not answer ({_why(error)}). "
                "This kernel and its Python variables are not affected. "
                "Make sure that Aglais is running, then run this cell again."
            ) from error
        finally:
            connection.close()
        return _answer(response.status, response.reason, text)

    def _token(self) -> str:
        """Read at each use: a restarted server may have written a new one."""
        if not self._token_file:
            return ""
        try:
            return Path(self._token_file).read_text().strip()
        except OSError as error:
            raise ServerUnavailable(
                f"Cannot read the token file of the Aglais server ({error}). "
                "This kernel is not affected. Restart Aglais, then run this cell again."
            ) from error


def _answer(status: int, reason: str, text: bytes) -> Any:
    try:
        content = json.loads(text) if text else None
    except ValueError:
        content = None
    if status < 400:
        return content
    problem = content if isinstance(content, dict) else {}
    detail = problem.get("detail") or problem.get("title")
    if status == 503 and str(problem.get("type")).endswith(":unavailable"):
        # It listens before it has opened everything.
        raise ServerUnavailable(f"{detail} This kernel and its Python variables are untouched.")
    raise RequestRefused(
        detail or f"The Aglais server answered {status} {reason}.",
        status,
        problem.get("type", "about:blank"),
    )


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
