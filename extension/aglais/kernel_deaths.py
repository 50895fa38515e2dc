"""Reports kernels that died unexpectedly to the backend, with the OOM kills of the cgroup."""

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
from .send_report import send_report

#: Seconds from the OOM kill, which is counted when it is decided, over the exit of a process that
#: frees gigabytes, to its detection by Jupyter, which polls every 3 s.
DETECTION_WINDOW_S = 10.0
#: Seconds between attempts to send, and their number: enough for a restart of the backend.
RETRY_INTERVAL_S = 2.0
MAX_ATTEMPTS = 15


class KernelDeaths:
    """Detects kernels that ended without a request."""

    def __init__(
        self,
        backend: Backend,
        server: str,
        kernel_manager: Any,
        log: logging.Logger,
        *,
        read: Callable[[], Reading | None] = read_cgroup,
        retry_interval: float = RETRY_INTERVAL_S,
    ):
        self._backend = backend
        self._server = server
        self._manager = kernel_manager
        self._log = log
        self._read = read
        self._retry_interval = retry_interval
        self._known_kernels: set[str] = set()
        #: (time, OOM kills so far); the first one is from before DETECTION_WINDOW_S.
        self._kill_counts: deque[tuple[float, int]] = deque()
        #: Times of kernel deaths that an OOM kill explains: one kill ends one process.
        self._attributed_kills: deque[float] = deque()
        self._sending: set[asyncio.Task] = set()

    def poll(self) -> None:
        """Watches new kernels and samples the counters, about once a second. Never raises."""
        try:
            self._poll()
        except Exception as error:  # other kernel managers may lack these methods
            self._log.debug("aglais: kernels are not watched (%s)", error)

    def _poll(self) -> None:
        reading = self._read()
        if reading:
            self._kill_counts.append((time.monotonic(), reading.oom_kills))
        while (
            len(self._kill_counts) > 1
            and self._kill_counts[1][0] < time.monotonic() - DETECTION_WINDOW_S
        ):
            self._kill_counts.popleft()
        living = set(self._manager.list_kernel_ids())
        for kernel in living - self._known_kernels:
            with suppress(KeyError):
                self._manager.add_restart_callback(
                    kernel, partial(self._on_death, kernel), "restart"
                )
                self._manager.add_restart_callback(kernel, partial(self._on_death, kernel), "dead")
        self._known_kernels = living

    async def stop(self) -> None:
        """Stops sending."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _on_death(self, kernel: str) -> None:
        """Called by Jupyter's restarter before it restarts the kernel."""
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
        task = asyncio.ensure_future(self._send(death))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _kills_for(self, reading: Reading, exit_code: int | None) -> int:
        """Recent OOM kills that are not attributed to another kernel."""
        now = time.monotonic()
        while self._attributed_kills and self._attributed_kills[0] < now - DETECTION_WINDOW_S:
            self._attributed_kills.popleft()
        before = self._kill_counts[0][1] if self._kill_counts else reading.oom_kills
        killed = max(0, reading.oom_kills - before - len(self._attributed_kills))
        if killed and exit_code in (None, -signal.SIGKILL):
            self._attributed_kills.append(now)
        return killed

    def _exit_code(self, kernel: str) -> int | None:
        """The exit code of a local kernel process; None for remote kernels."""
        try:
            provisioner = self._manager.get_kernel(kernel).provisioner
        except KeyError:
            return None
        code = getattr(getattr(provisioner, "process", None), "returncode", None)
        return code if isinstance(code, int) else None

    async def _send(self, death: dict[str, Any]) -> None:
        path = f"/api/v1/jupyter-servers/{self._server}/kernel-deaths"
        for attempt in range(MAX_ATTEMPTS):
            try:
                await send_report(self._backend, "POST", path, death, with_pod_token=False)
                return
            except HTTPClientError as error:
                if error.code < 500:
                    self._log.warning(
                        "aglais: the backend rejected the report of a kernel death (%s).", error
                    )
                    return
            except OSError:
                pass
            if attempt + 1 < MAX_ATTEMPTS:
                await asyncio.sleep(self._retry_interval)
        self._log.warning("aglais: could not report the death of kernel %s.", death["kernel"])
