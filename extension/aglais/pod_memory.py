"""Reports the memory use of our pod to the backend: Kubernetes itself has only its limit."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

from tornado.httpclient import HTTPClientError

from .backend import Backend
from .cgroup import Reading, read_cgroup
from .send_report import send_report

READING = "/api/v1/notebook-memory/reading"

#: Seconds between readings; the maximum applies if the backend does not manage this pod.
BASE_INTERVAL_S = 5.0
MAX_INTERVAL_S = 300.0


class MemoryReporter:
    """Reads and reports until it is stopped."""

    def __init__(
        self,
        backend: Backend,
        log: logging.Logger,
        *,
        read: Callable[[], Reading | None] = read_cgroup,
        base_interval: float = BASE_INTERVAL_S,
        max_interval: float = MAX_INTERVAL_S,
    ):
        self._backend = backend
        self._log = log
        self._read = read
        self._base_interval = base_interval
        self._max_interval = max_interval
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Starts on the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Stops."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            pause = self._base_interval
            try:
                reading = self._read()
                if reading:
                    await self._send(reading)
            except HTTPClientError as error:
                # 403 and 404: the backend does not manage this pod, which may change.
                if error.code in (403, 404):
                    self._log.info(
                        "aglais: the memory of this pod is not managed: %s", _detail_of(error)
                    )
                    pause = self._max_interval
            except Exception as error:  # failures must not affect Jupyter
                self._log.debug("aglais: could not report the memory of this pod (%s)", error)
            await asyncio.sleep(pause)

    async def _send(self, reading: Reading) -> None:
        report = {"usedMiB": reading.used_mib, "oomKills": reading.oom_kills}
        await send_report(self._backend, "PUT", READING, report, with_pod_token=True)


def _detail_of(error: HTTPClientError) -> str:
    try:
        return json.loads(error.response.body)["detail"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(error)
