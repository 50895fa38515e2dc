"""Tells the server, in order and from a thread of its own, which cells use Spark."""

from __future__ import annotations

import atexit
import queue
import re
import threading
import time
from typing import Any

from .cells import Cell, now_ms
from .errors import Refused, ServerUnavailable
from .server import Server

TIMEOUT_S = 2.0
PATIENCE_S = 10.0  # how long one report is tried again while the server is away
LAST_WORDS_S = 1.0  # how long the end of the kernel may wait for reports
WAITING_AT_MOST = 1000
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Reports:
    """The thread starts with the first report; no method waits or raises."""

    def __init__(self, server: Server):
        self._server = server
        self._waiting: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(WAITING_AT_MOST)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def began(self, cell: Cell, cluster: str) -> None:
        """The cell used this cluster for the first time."""
        self._send(cluster, {**_run(cell), "outcome": "running", "at": cell.began})

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
            self._waiting.put_nowait((cluster, report))
        except queue.Full:
            return  # the server has been away for very long
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="aglais-reports", daemon=True
                )
                self._thread.start()
                atexit.register(self._flush)

    def _work(self) -> None:
        while True:
            cluster, report = self._waiting.get()
            try:
                self._deliver(cluster, report)
            finally:
                self._waiting.task_done()

    def _deliver(self, cluster: str, report: dict[str, Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._server.report_cell_run(cluster, report, TIMEOUT_S)
            except Refused:
                return None  # e.g. the cluster is forgotten: trying again would not help
            except ServerUnavailable:
                if self._closing or time.monotonic() > deadline:
                    return None
                time.sleep(0.3)

    def _flush(self) -> None:
        self._closing = True
        deadline = time.monotonic() + LAST_WORDS_S
        while self._waiting.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.02)


def _run(cell: Cell) -> dict[str, Any]:
    return {"cell": cell.id, "run": cell.run}
