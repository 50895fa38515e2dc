"""Reports of running kernels to the backend."""

import asyncio
import json
import logging

import pytest

from aglais.backend import Backend
from aglais.kernel_list import KernelReporter, jupyter_root, server_id, server_id_of


@pytest.fixture
def configured_backend(aglais_environment):
    return Backend.from_environment()


@pytest.fixture
def reporter_of(configured_backend, jp_asyncio_loop):
    """Starts a reporter with short intervals, of a list that the test changes."""
    reporters = []

    def start(kernels, **options):
        async def poll():
            return dict(kernels)

        options = {"poll_interval": 0.01, "report_interval": 60, **options}
        reporter = KernelReporter(
            configured_backend, "lab-1", poll, logging.getLogger("aglais"), **options
        )
        reporter.start()
        reporters.append(reporter)
        return reporter

    yield start
    for reporter in reporters:
        jp_asyncio_loop.run_until_complete(reporter.stop())


PATH = "/api/v1/jupyter-servers/lab-1/kernels"


async def until(condition, seconds=5):
    """Waits until the condition is met; fails after `seconds`."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "the condition was not met"
        await asyncio.sleep(0.01)


async def test_reports_the_list_immediately_and_at_each_change(backend, reporter_of):
    kernels = {"k1": "stars.ipynb"}
    reporter_of(kernels)
    await until(lambda: backend.bodies("PUT", PATH))
    kernels["k2"] = "maps/sky.ipynb"
    await until(lambda: len(backend.bodies("PUT", PATH)) == 2)
    assert backend.bodies("PUT", PATH) == [
        {"kernels": [{"id": "k1", "notebook": "stars.ipynb"}]},
        {
            "kernels": [
                {"id": "k1", "notebook": "stars.ipynb"},
                {"id": "k2", "notebook": "maps/sky.ipynb"},
            ]
        },
    ]
    assert backend.requests[-1].headers["Authorization"] == "Bearer full-rights"


async def test_repeats_an_unchanged_list_only_after_the_report_interval(backend, reporter_of):
    reporter_of({"k1": "stars.ipynb"}, report_interval=0.3)
    await asyncio.sleep(0.2)
    assert len(backend.bodies("PUT", PATH)) == 1
    await until(lambda: len(backend.bodies("PUT", PATH)) == 2)


async def test_reports_an_empty_list_when_it_stops(backend, reporter_of):
    reporter = reporter_of({"k1": "stars.ipynb"})
    await until(lambda: backend.bodies("PUT", PATH))
    await reporter.stop()
    assert backend.bodies("PUT", PATH)[-1] == {"kernels": []}


async def test_a_failure_is_logged_once_and_retried_until_it_succeeds(backend, reporter_of, caplog):
    backend.answers["PUT", PATH] = (503, {"detail": "not now"})

    def levels():
        return [record.levelname for record in caplog.records if record.name == "aglais"]

    with caplog.at_level(logging.INFO, logger="aglais"):
        reporter_of({"k1": "stars.ipynb"})
        await until(lambda: len(backend.bodies("PUT", PATH)) >= 3)
        assert levels() == ["WARNING"]
        backend.answers.clear()
        await until(lambda: levels() == ["WARNING", "INFO"])


async def test_a_real_jupyter_server_reports_a_real_kernel_and_its_end(
    aglais_environment, jp_serverapp, jp_fetch, backend
):
    await jp_serverapp._post_start()
    path = f"/api/v1/jupyter-servers/{server_id_of(jp_serverapp)}/kernels"
    await until(lambda: backend.bodies("PUT", path) == [{"kernels": []}])

    answer = await jp_fetch(
        "api",
        "sessions",
        method="POST",
        body=json.dumps(
            {
                "path": "stars.ipynb",
                "type": "notebook",
                "name": "stars.ipynb",
                "kernel": {"name": "python3"},
            }
        ),
    )
    session = json.loads(answer.body)
    kernel = {"id": session["kernel"]["id"], "notebook": "stars.ipynb"}
    await until(lambda: backend.bodies("PUT", path)[-1] == {"kernels": [kernel]}, 20)

    await jp_fetch("api", "sessions", session["id"], method="DELETE")
    await until(lambda: backend.bodies("PUT", path)[-1] == {"kernels": []}, 20)
    await jp_serverapp.cleanup_extensions()


def test_two_servers_on_one_machine_have_different_ids():
    assert server_id("host-1", 8888) == "host-1:8888"
    assert server_id("host-1", 8889) == "host-1:8889"
    assert server_id("host-1", 0, "/run/user/jupyter.sock") == "host-1:run-user-jupyter.sock"


def test_the_root_differs_by_host_and_directory_only():
    ada = jupyter_root("host", "/home/ada")
    assert ada == jupyter_root("host", "/home/ada")
    assert len({ada, jupyter_root("host", "/home/bob"), jupyter_root("other", "/home/ada")}) == 3
    assert ":" not in jupyter_root("a:b", "/c:d")
