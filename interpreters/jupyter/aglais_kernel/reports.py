"""Reports to the server which cells use Spark: in order, from a separate thread."""

from __future__ import annotations

import atexit
import queue
import re
import threading
import time
from typing import Any

from .api_client import ApiClient
from .cells import Cell, now_ms
from .errors import RequestRefused, ServerUnavailable

TIMEOUT_S = 2.0
RETRY_S = 10.0  # how long one report is retried while the server is unavailable
FLUSH_TIMEOUT_S = 1.0  # how long the exit of the kernel may wait for reports
MAX_QUEUED = 1000
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Reports:
    """The thread starts with the first report; no method waits or raises."""

    def __init__(self, server: ApiClient):
        self._server = server
        self._queued: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(MAX_QUEUED)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def started(self, cell: Cell, cluster: str) -> None:
        """The cell used this cluster for the first time."""
        self._send(cluster, {**_run(cell), "outcome": "running", "at": cell.started_at})

    def ended(self, cell: Cell, outcome: str, error: BaseException | None) -> None:
        """The cell ended, for every cluster that it had used."""
        report = {**_run(cell), "outcome": outcome, "at": now_ms()}
        if error is not None:
            report["error"] = {
                "name": type(error).__name__[:500],
                "message": ANSI.sub("", str(error))[:100_000],
            }
        for cluster in cell.clusters:
            self._send(cluster, report)

    def _send(self, cluster: str, report: dict[str, Any]) -> None:
        try:
            self._queued.put_nowait((cluster, report))
        except queue.Full:
            return  # the server has been unavailable for a long time
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="aglais-reports", daemon=True
                )
                self._thread.start()
                atexit.register(self._flush)

    def _work(self) -> None:
        while True:
            cluster, report = self._queued.get()
            try:
                self._deliver(cluster, report)
            finally:
                self._queued.task_done()

    def _deliver(self, cluster: str, report: dict[str, Any]) -> None:
        deadline = time.monotonic() + RETRY_S
        while True:
            try:
                return self._server.report_cell_run(cluster, report, TIMEOUT_S)
            except RequestRefused:
                return None  # e.g. the cluster was deleted: a retry would not help
            except ServerUnavailable:
                if self._closing or time.monotonic() > deadline:
                    return None
                time.sleep(0.3)

    def _flush(self) -> None:
        self._closing = True
        deadline = time.monotonic() + FLUSH_TIMEOUT_S
        while self._queued.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.02)


def _run(cell: Cell) -> dict[str, Any]:
    return {"cell": cell.id, "run": cell.run}
