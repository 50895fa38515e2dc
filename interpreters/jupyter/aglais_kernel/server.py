"""The Aglais server's HTTP API, as much of it as a kernel needs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import Refused, ServerUnavailable

Cluster = dict[str, Any]
Endpoint = dict[str, Any]  # url, token, ca, runOffset: protocol/src/cluster.ts
"""A cluster as the API describes it (protocol/src/cluster.ts)."""

# A person waits for these: together they stay under the 5 s in which an answer was promised.
ANSWER_S = 4.5
REFUSED_S = 1.5
PAUSE_S = 0.2
RESTART_S = 60.0


class Server:
    """Each call opens a connection of its own; nothing is kept between calls, not even the token.

    Every method raises ServerUnavailable or Refused.
    """

    def __init__(self, url: str, token_file: str | None):
        self.url = url.rstrip("/")
        self._token_file = token_file

    def request_cluster(
        self, kernel: str, notebook: str, shape: dict[str, Any] | None = None
    ) -> Cluster:
        """This kernel's cluster: the live one, or a new one (of that shape, if one is given)."""
        body: dict[str, Any] = {"kernel": kernel, "notebook": notebook}
        return self._patiently("POST", "/clusters", {**body, "shape": shape} if shape else body)

    def default_shape(self) -> dict[str, Any]:
        """The shape of a cluster for which none is asked."""
        return self._patiently("GET", "/capacity")["defaultShape"]

    def cluster(self, id: str, timeout: float = ANSWER_S) -> Cluster:
        """The cluster as it is now; `timeout` in seconds."""
        return self._call("GET", f"/clusters/{quote(id)}", timeout=timeout)

    def changed_cluster(self, id: str, revision: int, wait_ms: int) -> Cluster:
        """The cluster as soon as it is newer than `revision`, or after `wait_ms` as it is then."""
        path = f"/clusters/{quote(id)}?afterRevision={revision}&waitMs={wait_ms}"
        return self._call("GET", path, timeout=wait_ms / 1000 + 2)

    def live_cluster(self, kernel: str) -> Cluster | None:
        """The cluster that this kernel has now, if any."""
        clusters = self._patiently("GET", "/clusters")["clusters"]
        live = ("requested", "starting", "ready")
        return next((c for c in clusters if c["kernel"] == kernel and c["state"] in live), None)

    def endpoint(self, id: str) -> Endpoint:
        """How to reach a ready cluster."""
        return self._patiently("GET", f"/clusters/{quote(id)}/endpoint")

    def stop_cluster(self, id: str, timeout: float = ANSWER_S) -> Cluster:
        """Begins to stop a cluster; `timeout` in seconds."""
        return self._call("DELETE", f"/clusters/{quote(id)}", timeout=timeout)

    def restart_cluster(self, id: str, shape: dict[str, Any] | None) -> Cluster:
        """Replaces a cluster by a new one, of another shape if one is given.

        The answer comes when the old one has ended.
        """
        body = {"shape": shape} if shape else {}
        return self._call("POST", f"/clusters/{quote(id)}/restart", body, timeout=RESTART_S)

    def report_cell_run(self, id: str, report: dict[str, Any], timeout: float) -> None:
        """Says that a cell which uses Spark began or ended (protocol's CellRunReport)."""
        self._call("POST", f"/clusters/{quote(id)}/cell-runs", report, timeout=timeout)

    def _patiently(self, method: str, path: str, body: Any = None) -> Any:
        """As `_call`, but bridges a server that is just being restarted."""
        start = time.monotonic()
        while True:
            spent = time.monotonic() - start
            try:
                return self._call(method, path, body, timeout=max(0.5, ANSWER_S - spent))
            except ServerUnavailable:
                if time.monotonic() - start + PAUSE_S > REFUSED_S:
                    raise
                time.sleep(PAUSE_S)

    def _call(self, method: str, path: str, body: Any = None, timeout: float = ANSWER_S) -> Any:
        # Imported here: 20-60 ms that a notebook without Spark need not pay. Not urllib.request,
        # which would send loopback traffic through an http_proxy of the environment.
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
                "This kernel and its Python variables are untouched. "
                "Make sure that Aglais is running, then run this cell again."
            ) from error
        finally:
            connection.close()
        return _answer(response.status, response.reason, text)

    def _token(self) -> str:
        """Read on each use: a server that was restarted may have written a new one."""
        if not self._token_file:
            return ""
        try:
            return Path(self._token_file).read_text().strip()
        except OSError as error:
            raise ServerUnavailable(
                f"The file with the token for the Aglais server cannot be read ({error}). "
                "This kernel is untouched. Start Aglais again, then run this cell again."
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
    raise Refused(
        detail or f"The Aglais server answered {status} {reason}.",
        status,
        problem.get("type", "about:blank"),
    )


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
