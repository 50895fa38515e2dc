"""Kills real kernels of a real Jupyter server; the counters are fake."""

import asyncio
import logging
import os
import signal

import pytest

from aglais.backend import Backend
from aglais.cgroup import Reading
from aglais.kernel_deaths import KernelDeaths

PATH = "/api/v1/jupyter-servers/lab-1/kernel-deaths"


class Counter:
    """The OOM kill counter of a cgroup."""

    def __init__(self):
        self.oom_kills = 4

    def __call__(self):
        return Reading(100, 2048, self.oom_kills, f"oom_kill {self.oom_kills}", "memory.events")


@pytest.fixture
def counter():
    return Counter()


@pytest.fixture
def deaths(aglais_environment, jp_serverapp, counter, jp_asyncio_loop):
    deaths = KernelDeaths(
        Backend.from_environment(),
        "lab-1",
        jp_serverapp.kernel_manager,
        logging.getLogger("aglais"),
        read=counter,
        retry_interval=0.05,
    )
    yield deaths
    jp_asyncio_loop.run_until_complete(deaths.stop())


async def until(condition, seconds=20):
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "the condition was not met"
        await asyncio.sleep(0.02)


async def process_of(jp_serverapp, kernel):
    manager = jp_serverapp.kernel_manager.get_kernel(kernel)
    await manager.ready
    return manager.provisioner.process


async def started_again(jp_serverapp, kernel, before):
    """Waits for a kernel that Jupyter restarts: it cannot be shut down during a restart."""
    manager = jp_serverapp.kernel_manager.get_kernel(kernel)

    def is_new():
        process = manager.provisioner and manager.provisioner.process
        return manager.ready.done() and process and process.pid != before.pid

    await until(is_new)


async def test_reports_a_kernel_that_was_oom_killed(jp_serverapp, deaths, counter, backend):
    kernels = jp_serverapp.kernel_manager
    kernel = await kernels.start_kernel()
    other = await kernels.start_kernel()
    process = await process_of(jp_serverapp, kernel)
    deaths.poll()
    backend.answers["POST", PATH] = (503, {"detail": "not now"})
    os.kill(process.pid, signal.SIGKILL)
    counter.oom_kills = 5
    # A poll before Jupyter notices: the other kernel is still running.
    deaths.poll()
    await until(lambda: len(backend.bodies("POST", PATH)) >= 2)
    backend.answers["POST", PATH] = (204, None)
    tries = len(backend.bodies("POST", PATH))
    await until(lambda: len(backend.bodies("POST", PATH)) > tries)
    reported = backend.bodies("POST", PATH)
    assert all(one == reported[0] for one in reported)
    assert reported[0]["kernel"] == kernel
    assert reported[0]["exitCode"] == -9
    assert reported[0]["memory"] == {
        "oomKills": 1,
        "limitMiB": 2048,
        "quote": "oom_kill 5",
        "ref": "lab-1 memory.events",
    }
    assert backend.requests[-1].headers["Authorization"] == "Bearer full-rights"
    await started_again(jp_serverapp, kernel, process)

    # One kill ends one process: another kernel that dies now has another cause.
    process = await process_of(jp_serverapp, other)
    deaths.poll()
    backend.requests.clear()
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: backend.bodies("POST", PATH))
    reported = backend.bodies("POST", PATH)[0]
    assert (reported["kernel"], reported["memory"]["oomKills"]) == (other, 0)
    await started_again(jp_serverapp, other, process)
    await kernels.shutdown_all()


async def test_does_not_report_kernels_that_were_shut_down(jp_serverapp, deaths, backend):
    kernels = jp_serverapp.kernel_manager
    kernel = await kernels.start_kernel()
    await process_of(jp_serverapp, kernel)
    deaths.poll()
    await kernels.restart_kernel(kernel)
    deaths.poll()
    await kernels.shutdown_kernel(kernel)
    deaths.poll()
    await asyncio.sleep(3.5)
    assert backend.bodies("POST", PATH) == []


async def test_a_kernel_without_a_cgroup_is_reported_without_metrics(
    aglais_environment, jp_serverapp, backend, jp_asyncio_loop
):
    log = logging.getLogger("aglais")
    backend_of = Backend.from_environment()
    deaths = KernelDeaths(
        backend_of,
        "lab-1",
        jp_serverapp.kernel_manager,
        log,
        read=lambda: None,
        retry_interval=0.05,
    )
    kernel = await jp_serverapp.kernel_manager.start_kernel()
    process = await process_of(jp_serverapp, kernel)
    deaths.poll()
    os.kill(process.pid, signal.SIGTERM)
    await until(lambda: backend.bodies("POST", PATH))
    reported = backend.bodies("POST", PATH)[0]
    assert (reported["exitCode"], reported["memory"]) == (-15, None)
    await started_again(jp_serverapp, kernel, process)
    await deaths.stop()
    await jp_serverapp.kernel_manager.shutdown_all()
