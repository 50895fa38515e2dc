"""A stand-in for the Aglais server: its HTTP API over one real Spark Connect server."""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spark_connect import SparkConnect

TOKEN = "kernel-token"
MEMORY = dict.fromkeys(("limitMiB", "usedMiB", "heapLimitMiB", "heapUsedMiB", "pythonMiB"))
SHAPE = {
    "driverMemoryMiB": 1024,
    "executors": {"min": 2, "max": 2},
    "executorMemoryMiB": 1024,
    "executorOverheadMiB": 410,
    "executorCores": 1,
}


class Backend:
    """All state is public: tests read and change it."""

    def __init__(self, spark: SparkConnect):
        self.spark = spark
        self.clusters: dict[str, dict[str, Any]] = {}
        self.cell_runs: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[tuple[str, str]] = []
        self.refusal: dict[str, Any] | None = None  # a problem for the next requests of clusters
        self.start_seconds = 0.0  # how long a cluster takes to start
        self.run_offset = 0  # what a new kernel adds to its execution counts
        self.report_seconds = 0.0  # how long a report takes
        self.behind: tuple[str, str] | None = None  # URL and authority of a TLS proxy before Spark
        self.hangs = False  # takes requests and does not answer
        self.hanging: list[str] = []  # methods of the requests that were not answered
        self._changed = threading.Condition()
        self._http: ThreadingHTTPServer | None = None
        self._address = ("127.0.0.1", 0)
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"backend": self})
        self._http = ThreadingHTTPServer(self._address, handler)
        self._http.daemon_threads = True
        self._address = self._http.server_address  # type: ignore[assignment]
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def restore(self) -> None:
        """Resets everything except the clusters: for the notebook that tests share."""
        if self._http is None:
            self.start()
        self.start_seconds = self.report_seconds = 0.0
        self.refusal, self.hangs = None, False
        self.cell_runs.clear()

    def live(self, kernel: str) -> dict[str, Any] | None:
        """The live cluster; not one that is stopping."""
        states = ("requested", "starting", "ready")
        found = [c for c in self.clusters.values() if c["kernel"] == kernel]
        return next((c for c in found if c["state"] in states), None)

    def request(self, body: dict[str, Any]) -> dict[str, Any]:
        live = self.live(body["kernel"])
        if live:
            return live
        now = int(time.time() * 1000)
        cluster = {
            "id": str(uuid.uuid4()), "kernel": body["kernel"], "notebook": body["notebook"],
            "launcher": "local", "shape": body.get("shape", SHAPE), "state": "starting",
            "reason": None, "waitingFor": "executors 1 of 2", "createdAt": now, "readyAt": None,
            "stoppedAt": None, "lastUsedAt": now, "idleStopAt": None, "sparkVersion": None,
            "application": None, "driver": {"memory": MEMORY}, "executors": [], "stages": [],
            "revision": 1,
        }  # fmt: skip
        self.clusters[cluster["id"]] = cluster
        threading.Thread(target=self._get_ready, args=(cluster,), daemon=True).start()
        return cluster

    def change(self, cluster: dict[str, Any], **changes: Any) -> None:
        with self._changed:
            cluster.update(changes, revision=cluster["revision"] + 1)
            self._changed.notify_all()

    def end(self, cluster: dict[str, Any], reason: str) -> None:
        self.change(cluster, state="stopped", reason=reason)

    def wait(self, cluster: dict[str, Any], after: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: cluster["revision"] > after, seconds)

    def _get_ready(self, cluster: dict[str, Any]) -> None:
        time.sleep(self.start_seconds)
        self.spark.start_if_needed()
        if cluster["state"] == "starting":
            self.change(cluster, state="ready", waitingFor=None, sparkVersion="4.3.0")


class _Handler(BaseHTTPRequestHandler):
    backend: Backend

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, method: str) -> None:
        if self.backend.hangs:
            self.backend.hanging.append(method)
            while self.backend.hangs:
                time.sleep(0.1)
            return  # the client has disconnected
        parts = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.backend.requests.append((method, parts.path))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._problem(401, "The token is wrong.")
        path = parts.path.removeprefix("/api/v1/").split("/")
        route = [method, path[0], *path[2:]]
        if path == ["capacity"]:
            return self._send(200, {"defaultShape": SHAPE})
        if path == ["clusters"]:
            return self._clusters(method, body)
        cluster = self.backend.clusters.get(path[1])
        if cluster is None:
            return self._problem(404, "There is no such cluster.")
        return self._cluster(route, cluster, query, body)

    def _clusters(self, method: str, body: Any) -> None:
        backend = self.backend
        if method == "GET":
            return self._send(200, {"clusters": list(backend.clusters.values())})
        if backend.refusal:
            return self._send(backend.refusal["status"], backend.refusal)
        return self._send(201, backend.request(body))

    def _cluster(self, route: list[str], cluster: Any, query: Any, body: Any) -> None:
        backend = self.backend
        match route:
            case ["GET", "clusters"]:
                if "waitMs" in query:
                    backend.wait(cluster, query["afterRevision"], query["waitMs"] / 1000)
                return self._send(200, cluster)
            case ["GET", "clusters", "endpoint"]:
                if cluster["state"] != "ready":
                    return self._problem(409, "The cluster is not ready.")
                spark = backend.spark
                url, ca = backend.behind or (spark.url, None)
                life = backend.run_offset
                answer = {"url": url, "token": spark.token, "ca": ca, "runOffset": life}
                return self._send(200, answer)
            case ["DELETE", "clusters"]:
                backend.change(cluster, state="stopping", reason="It was stopped on request.")
                threading.Timer(0.5, backend.change, [cluster], {"state": "stopped"}).start()
                return self._send(202, cluster)
            case ["POST", "clusters", "restart"]:
                backend.end(cluster, "It was restarted from the panel.")
                again = {k: cluster[k] for k in ("kernel", "notebook", "shape")}
                return self._send(201, backend.request({**again, **body}))
            case ["POST", "clusters", "cell-runs"]:
                time.sleep(backend.report_seconds)
                backend.cell_runs.append((cluster["id"], body))
                return self._send(204, None)
        return self._problem(404, "There is no such thing.")

    def _problem(self, status: int, detail: str) -> None:
        self._send(
            status,
            {"type": "urn:aglais:problem:test", "title": "No", "status": status, "detail": detail},
        )

    def _send(self, status: int, content: Any) -> None:
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
