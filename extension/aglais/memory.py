"""Tells the backend what the pod that we are in uses: Kubernetes itself only knows its limit."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

from tornado.httpclient import HTTPClientError

from .backend import Backend
from .cgroup import Reading, read_cgroup
from .report import send_report

READING = "/api/v1/notebook-memory/reading"

#: Seconds between two readings; and between two attempts where the backend does not want them.
READ_EVERY = 5.0
UNWANTED_EVERY = 300.0


class MemoryReporter:
    """Reads and tells until it is stopped."""

    def __init__(
        self,
        backend: Backend,
        log: logging.Logger,
        *,
        read: Callable[[], Reading | None] = read_cgroup,
        read_every: float = READ_EVERY,
        unwanted_every: float = UNWANTED_EVERY,
    ):
        self._backend = backend
        self._log = log
        self._read = read
        self._read_every = read_every
        self._unwanted_every = unwanted_every
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            pause = self._read_every
            try:
                reading = self._read()
                if reading:
                    await self._tell(reading)
            except HTTPClientError as error:
                # 403 and 404: this pod is none that it looks after. An operator may change that.
                if error.code in (403, 404):
                    self._log.info("aglais: this pod's memory is not shown: %s", _words(error))
                    pause = self._unwanted_every
            except Exception as error:  # nothing here is a reason to disturb Jupyter
                self._log.debug("aglais: a reading of memory was not told (%s)", error)
            await asyncio.sleep(pause)

    async def _tell(self, reading: Reading) -> None:
        report = {"usedMiB": reading.used_mib, "oomKills": reading.oom_kills}
        await send_report(self._backend, "PUT", READING, report, proven=True)


def _words(error: HTTPClientError) -> str:
    try:
        return json.loads(error.response.body)["detail"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(error)
