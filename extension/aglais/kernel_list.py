"""Reports the running kernels to the backend, so that no cluster outlives its kernel."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import socket
from collections.abc import Awaitable, Callable

from jupyter_server.utils import ensure_async

from .backend import Backend
from .send_report import send_report

#: Kernel id → path of its notebook relative to Jupyter's root ("" without a document).
Kernels = dict[str, str]

#: Seconds between polls of the list, and between reports of an unchanged list.
POLL_INTERVAL_S = 1.0
REPORT_INTERVAL_S = 30.0


def jupyter_root(host: str, root_dir: str) -> str:
    """Names the directory that notebook paths are relative to, the same after every restart.

    Two Jupyter servers with the same root see the same notebooks; with different roots, the same
    path names different notebooks.
    """
    digest = hashlib.sha256(root_dir.encode()).hexdigest()[:8]
    return f"{_plain(host)}-{digest}"


def server_id(root: str, port: int, sock: str = "") -> str:
    """An id of this Jupyter server that no other running one has: `<root>:<port or socket>`.

    It is the same after a restart on the same port: the backend then knows that kernels of before
    are gone.
    """
    return f"{root}:{_plain(sock or str(port))}"


def jupyter_root_of(serverapp) -> str:
    """The root of a `ServerApp`."""
    return jupyter_root(socket.gethostname(), serverapp.root_dir)


def server_id_of(serverapp) -> str:
    """The id of a running `ServerApp`."""
    return server_id(jupyter_root_of(serverapp), serverapp.port, serverapp.sock)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")


async def list_kernels(serverapp) -> Kernels:
    """The kernels of a `ServerApp` and the paths of their notebooks."""
    running = await ensure_async(serverapp.kernel_manager.list_kernels())
    sessions = await ensure_async(serverapp.session_manager.list_sessions())
    paths = {
        session["kernel"]["id"]: session.get("path") or ""
        for session in sessions
        if session.get("kernel")
    }
    return {kernel["id"]: paths.get(kernel["id"], "") for kernel in running}


class KernelReporter:
    """Reports the running kernels at each change and every 30 s, until it is stopped."""

    def __init__(
        self,
        backend: Backend,
        server: str,
        poll: Callable[[], Awaitable[Kernels]],
        log: logging.Logger,
        *,
        poll_interval: float = POLL_INTERVAL_S,
        report_interval: float = REPORT_INTERVAL_S,
    ):
        self._backend = backend
        self._path = f"/api/v1/jupyter-servers/{server}/kernels"
        self._poll = poll
        self._log = log
        self._poll_interval = poll_interval
        self._report_interval = report_interval
        self._reported: Kernels | None = None
        self._reported_at = 0.0
        self._failing = False
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Starts on the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Stops, and reports an empty list: kernels do not outlive their Jupyter server."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._reported:
            await self._log_failure(self._report({}))

    async def _run(self) -> None:
        while True:
            await self._log_failure(self._poll_and_report())
            await asyncio.sleep(self._poll_interval)

    async def _poll_and_report(self) -> None:
        kernels = await self._poll()
        now = asyncio.get_running_loop().time()
        if kernels != self._reported or now - self._reported_at >= self._report_interval:
            # Before sending: the backend may have a report whose response `stop` does not wait for.
            self._reported, self._reported_at = kernels, now
            await self._report(kernels)

    async def _report(self, kernels: Kernels) -> None:
        body = {"kernels": [{"id": id, "notebook": path} for id, path in kernels.items()]}
        # Kernels may have ended because the whole container did: the pod shows why.
        await send_report(self._backend, "PUT", self._path, body, with_pod_token=True)

    async def _log_failure(self, step: Awaitable[None]) -> None:
        """Logs the first failure; failures must not affect Jupyter."""
        try:
            await step
        except Exception as error:
            self._reported = None
            if not self._failing:
                self._failing = True
                self._log.warning(
                    "aglais: could not report the running kernels to the backend (%s). "
                    "Notebooks are not affected; the report is retried.",
                    error,
                )
        else:
            if self._failing:
                self._failing = False
                self._log.info("aglais: reports of running kernels to the backend work again.")
