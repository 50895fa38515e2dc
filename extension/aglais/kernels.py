"""Tells the backend which kernels live here, so that no cluster outlives its kernel."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import socket
from collections.abc import Awaitable, Callable

from jupyter_server.utils import ensure_async

from .backend import Backend
from .report import send_report

#: Kernel id → path of its notebook relative to Jupyter's root ("" if no document is open with it).
Kernels = dict[str, str]

#: Seconds between two looks at the list, and between two reports of an unchanged one.
LOOK_EVERY = 1.0
REPORT_EVERY = 30.0


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


async def living_kernels(serverapp) -> Kernels:
    """The kernels of a `ServerApp` with the paths of their notebooks."""
    running = await ensure_async(serverapp.kernel_manager.list_kernels())
    sessions = await ensure_async(serverapp.session_manager.list_sessions())
    paths = {
        session["kernel"]["id"]: session.get("path") or ""
        for session in sessions
        if session.get("kernel")
    }
    return {kernel["id"]: paths.get(kernel["id"], "") for kernel in running}


class KernelReporter:
    """Reports the living kernels at every change and every 30 s, until it is stopped."""

    def __init__(
        self,
        backend: Backend,
        server: str,
        look: Callable[[], Awaitable[Kernels]],
        log: logging.Logger,
        *,
        look_every: float = LOOK_EVERY,
        report_every: float = REPORT_EVERY,
    ):
        self._backend = backend
        self._path = f"/api/v1/jupyter-servers/{server}/kernels"
        self._look = look
        self._log = log
        self._look_every = look_every
        self._report_every = report_every
        self._reported: Kernels | None = None
        self._reported_at = 0.0
        self._failing = False
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End, and say that the kernels end too: they do not outlive their Jupyter server."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._reported:
            await self._try(self._report({}))

    async def _run(self) -> None:
        while True:
            await self._try(self._look_and_report())
            await asyncio.sleep(self._look_every)

    async def _look_and_report(self) -> None:
        kernels = await self._look()
        now = asyncio.get_running_loop().time()
        if kernels != self._reported or now - self._reported_at >= self._report_every:
            await self._report(kernels)
            self._reported, self._reported_at = kernels, now

    async def _report(self, kernels: Kernels) -> None:
        body = {"kernels": [{"id": id, "notebook": path} for id, path in kernels.items()]}
        # Kernels may be gone because the whole container was: its pod says so.
        await send_report(self._backend, "PUT", self._path, body, proven=True)

    async def _try(self, step: Awaitable[None]) -> None:
        """Whatever goes wrong here is logged once, and is no reason to disturb Jupyter."""
        try:
            await step
        except Exception as error:
            self._reported = None
            if not self._failing:
                self._failing = True
                self._log.warning(
                    "aglais: could not tell the backend which kernels live (%s). "
                    "Notebooks are not affected; it is tried again until it works.",
                    error,
                )
        else:
            if self._failing:
                self._failing = False
                self._log.info("aglais: the backend knows the living kernels again.")
