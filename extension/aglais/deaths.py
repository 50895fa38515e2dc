"""Tells the backend which kernels died by themselves, and what the cgroup counted meanwhile."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from tornado.httpclient import HTTPClientError

from .backend import Backend
from .cgroup import Reading, read_cgroup
from .report import send_report

#: Seconds that may lie between the kill, which is counted when it is decided, the end of a process
#: with gigabytes to give back, and Jupyter's noticing, which looks every three seconds.
NOTICED_WITHIN = 10.0
#: Seconds between two attempts to tell, and how often: a backend that is restarted is back by then.
TRY_EVERY = 2.0
TRIES = 15


class KernelDeaths:
    """Notices kernels that ended and that nobody had asked to."""

    def __init__(
        self,
        backend: Backend,
        server: str,
        kernel_manager: Any,
        log: logging.Logger,
        *,
        read: Callable[[], Reading | None] = read_cgroup,
        try_every: float = TRY_EVERY,
    ):
        self._backend = backend
        self._server = server
        self._manager = kernel_manager
        self._log = log
        self._read = read
        self._try_every = try_every
        self._watched: set[str] = set()
        #: When, and how many processes had been killed then; the first is of before NOTICED_WITHIN.
        self._counts: deque[tuple[float, int]] = deque()
        #: When kernels died that such a kill explains: one kill ends one process.
        self._explained: deque[float] = deque()
        self._telling: set[asyncio.Task] = set()

    def look(self) -> None:
        """Begins to watch kernels that are new; to be called every second or so. Raises nothing."""
        try:
            self._look()
        except Exception as error:  # managers of kernels that run elsewhere differ
            self._log.debug("aglais: kernels are not watched (%s)", error)

    def _look(self) -> None:
        reading = self._read()
        if reading:
            self._counts.append((time.monotonic(), reading.oom_kills))
        while len(self._counts) > 1 and self._counts[1][0] < time.monotonic() - NOTICED_WITHIN:
            self._counts.popleft()
        living = set(self._manager.list_kernel_ids())
        for kernel in living - self._watched:
            with suppress(KeyError):
                self._manager.add_restart_callback(kernel, partial(self._died, kernel), "restart")
                self._manager.add_restart_callback(kernel, partial(self._died, kernel), "dead")
        self._watched = living

    async def stop(self) -> None:
        """Tells no more."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _died(self, kernel: str) -> None:
        """Called by Jupyter's restarter, before it starts the kernel again."""
        reading = self._read()
        exit_code = self._exit_code(kernel)
        death = {
            "kernel": kernel,
            "at": int(time.time() * 1000),
            "exitCode": exit_code,
            "memory": None
            if reading is None
            else {
                "oomKills": self._kills_for(reading, exit_code),
                "limitMiB": reading.limit_mib,
                "quote": reading.quote,
                "ref": f"{self._server} {reading.ref}",
            },
        }
        task = asyncio.ensure_future(self._tell(death))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _kills_for(self, reading: Reading, exit_code: int | None) -> int:
        """Processes that were killed lately and that no other kernel was."""
        now = time.monotonic()
        while self._explained and self._explained[0] < now - NOTICED_WITHIN:
            self._explained.popleft()
        before = self._counts[0][1] if self._counts else reading.oom_kills
        killed = max(0, reading.oom_kills - before - len(self._explained))
        if killed and exit_code in (None, -signal.SIGKILL):
            self._explained.append(now)
        return killed

    def _exit_code(self, kernel: str) -> int | None:
        """Of a process of our own; kernels that run elsewhere do not say."""
        try:
            provisioner = self._manager.get_kernel(kernel).provisioner
        except KeyError:
            return None
        code = getattr(getattr(provisioner, "process", None), "returncode", None)
        return code if isinstance(code, int) else None

    async def _tell(self, death: dict[str, Any]) -> None:
        path = f"/api/v1/jupyter-servers/{self._server}/kernel-deaths"
        for attempt in range(TRIES):
            try:
                await send_report(self._backend, "POST", path, death, proven=False)
                return
            except HTTPClientError as error:
                if error.code < 500:
                    self._log.warning("aglais: the death of a kernel was not taken (%s).", error)
                    return
            except OSError:
                pass
            if attempt + 1 < TRIES:
                await asyncio.sleep(self._try_every)
        self._log.warning("aglais: nobody could be told that the kernel %s died.", death["kernel"])
