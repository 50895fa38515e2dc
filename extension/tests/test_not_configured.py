"""Without AGLAIS_URL the extension does nothing."""

import pytest
from tornado.httpclient import HTTPClientError

from aglais.backend import Backend, BackendNotConfigured


@pytest.fixture
def no_backend(monkeypatch):
    monkeypatch.delenv("AGLAIS_URL", raising=False)


async def test_without_a_backend_there_is_no_route_and_the_page_config_says_so(
    no_backend, jp_serverapp, jp_fetch
):
    await jp_serverapp._post_start()
    assert jp_serverapp.web_app.settings["page_config_data"]["aglais"] == "off"
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("aglais", "api", "v1", "clusters")
    assert caught.value.code == 404


def test_an_invalid_url_is_rejected_with_a_clear_message():
    with pytest.raises(
        BackendNotConfigured, match=r"'localhost:1234', which is not an http\(s\) URL"
    ):
        Backend.from_environment({"AGLAIS_URL": "localhost:1234"})


def test_urls_keep_the_path_of_the_backend():
    backend = Backend.from_environment({"AGLAIS_URL": "https://spark.example/base/"})
    assert backend.url_of("/api/v1/x", "a=1") == "https://spark.example/base/api/v1/x?a=1"
    assert backend.url_of("/s", websocket=True) == "wss://spark.example/base/s"
    assert backend.port == 443
