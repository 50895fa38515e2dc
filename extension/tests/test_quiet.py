"""Where no backend is named, Jupyter is left alone."""

import pytest
from tornado.httpclient import HTTPClientError

from aglais.backend import Backend, BackendNotConfigured


@pytest.fixture
def no_backend(monkeypatch):
    monkeypatch.delenv("AGLAIS_URL", raising=False)


async def test_without_a_backend_there_is_no_route_and_the_page_is_told(
    no_backend, jp_serverapp, jp_fetch
):
    await jp_serverapp._post_start()
    assert jp_serverapp.web_app.settings["page_config_data"]["aglais"] == "off"
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("aglais", "api", "v1", "clusters")
    assert caught.value.code == 404


def test_an_address_that_is_none_is_refused_with_its_own_words():
    with pytest.raises(BackendNotConfigured, match="'localhost:1234', which is no http address"):
        Backend.from_environment({"AGLAIS_URL": "localhost:1234"})


def test_addresses_keep_the_path_of_the_backend():
    backend = Backend.from_environment({"AGLAIS_URL": "https://spark.example/base/"})
    assert backend.address("/api/v1/x", "a=1") == "https://spark.example/base/api/v1/x?a=1"
    assert backend.address("/s", websocket=True) == "wss://spark.example/base/s"
    assert backend.port == 443
