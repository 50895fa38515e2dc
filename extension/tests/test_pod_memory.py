"""Reports of the memory of our pod, and how the backend identifies the pod."""

import asyncio
import json
import logging

import pytest
from tornado.httpclient import HTTPClientError

from aglais.backend import Backend
from aglais.cgroup import Reading
from aglais.kernel_list import server_id_of
from aglais.pod_memory import MemoryReporter

PATH = "/api/v1/notebook-memory/reading"


@pytest.fixture
def pod_token(tmp_path, monkeypatch):
    file = tmp_path / "pod-token"
    file.write_text("bound-to-our-pod\n")
    monkeypatch.setenv("AGLAIS_POD_TOKEN_FILE", str(file))
    return file


@pytest.fixture
def reporter_of(pod_token, aglais_environment, jp_asyncio_loop):
    reporters = []

    def start(read, **pauses):
        pauses = {"base_interval": 0.02, "max_interval": 60, **pauses}
        log = logging.getLogger("aglais")
        reporter = MemoryReporter(Backend.from_environment(), log, read=read, **pauses)
        reporter.start()
        reporters.append(reporter)

    yield start
    for reporter in reporters:
        jp_asyncio_loop.run_until_complete(reporter.stop())


def reading(used):
    return Reading(used, 2048, 1, "oom_kill 1", "memory.events")


async def until(condition, seconds=5):
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it did not come to be"
        await asyncio.sleep(0.01)


async def test_reports_each_reading_with_the_pod_token(backend, reporter_of, pod_token):
    used = iter(range(100, 10_000))
    reporter_of(lambda: reading(next(used)))
    await until(lambda: len(backend.bodies("PUT", PATH)) >= 2)
    assert backend.bodies("PUT", PATH)[0] == {"usedMiB": 100, "oomKills": 1}
    headers = backend.requests[0].headers
    assert headers["Authorization"] == "Bearer full-rights"
    assert headers["Aglais-Pod-Token"] == "bound-to-our-pod"
    # Kubernetes writes a new token long before the old one expires.
    pod_token.write_text("a newer one")
    await until(lambda: backend.requests[-1].headers["Aglais-Pod-Token"] == "a newer one")


async def test_reports_rarely_if_the_backend_does_not_manage_this_pod(backend, reporter_of, caplog):
    backend.answers["PUT", PATH] = (404, {"detail": "no pods of notebooks here"})
    with caplog.at_level(logging.INFO, logger="aglais"):
        reporter_of(lambda: reading(1))
        await asyncio.sleep(0.3)
    assert len(backend.bodies("PUT", PATH)) == 1
    assert "no pods of notebooks here" in caplog.text


async def test_continues_while_the_backend_or_the_cgroup_is_unavailable(backend, reporter_of):
    backend.answers["PUT", PATH] = (503, {"detail": "not now"})
    readings = iter([None, None])
    reporter_of(lambda: next(readings, reading(7)))
    await until(lambda: len(backend.bodies("PUT", PATH)) >= 3)


async def test_the_report_of_kernels_has_the_pod_token(
    pod_token, aglais_environment, jp_serverapp, backend
):
    await jp_serverapp._post_start()
    path = f"/api/v1/jupyter-servers/{server_id_of(jp_serverapp)}/kernels"
    await until(lambda: backend.bodies("PUT", path))
    report = next(one for one in backend.requests if one.path == path)
    assert report.headers["Aglais-Pod-Token"] == "bound-to-our-pod"
    await jp_serverapp.cleanup_extensions()


async def test_only_requests_about_the_pod_have_its_token(
    pod_token, aglais_environment, jp_serverapp, jp_fetch, backend
):
    await jp_fetch("aglais", "api", "v1", "notebook-memory", headers={"Aglais-Pod-Token": "forged"})
    asked = backend.requests[-1]
    assert asked.headers.get_list("Aglais-Pod-Token") == ["bound-to-our-pod"]
    assert asked.headers["Authorization"] == "Bearer browser-rights"
    body = json.dumps({"memoryMiB": 2048})
    await jp_fetch("aglais", "api", "v1", "notebook-memory", method="POST", body=body)
    assert backend.bodies("POST", "/api/v1/notebook-memory") == [{"memoryMiB": 2048}]
    assert backend.requests[-1].headers["Aglais-Pod-Token"] == "bound-to-our-pod"
    await jp_fetch("aglais", "api", "v1", "clusters", headers={"Aglais-Pod-Token": "forged"})
    assert "Aglais-Pod-Token" not in backend.requests[-1].headers
    assert jp_serverapp.web_app.settings["page_config_data"]["aglaisPod"] == "on"


async def test_outside_of_a_pod_there_is_no_pod_token(
    aglais_environment, jp_serverapp, jp_fetch, backend
):
    backend.answers["GET", "/api/v1/notebook-memory"] = (403, {"detail": "no proof"})
    with pytest.raises(HTTPClientError):
        await jp_fetch("aglais", "api", "v1", "notebook-memory")
    assert "Aglais-Pod-Token" not in backend.requests[-1].headers
    assert jp_serverapp.web_app.settings["page_config_data"]["aglaisPod"] == "off"
