"""The proxy from the browser to the backend."""

import json

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

pytestmark = pytest.mark.usefixtures("aglais_environment")


@pytest.fixture
def jupyter(aglais_environment, jp_serverapp):
    """The Jupyter server, started after its environment is set."""
    return jp_serverapp


@pytest.fixture
def fetch(jupyter, jp_fetch):
    async def fetch(*parts, **options):
        return await jp_fetch("aglais", *parts, **options)

    return fetch


@pytest.fixture
def signed_in(jupyter, http_server_client, jp_asyncio_loop, jp_base_url, jp_http_port):
    """A browser that is signed in to Jupyter."""
    browser = Browser(f"http://127.0.0.1:{jp_http_port}{jp_base_url}")
    jp_asyncio_loop.run_until_complete(browser.sign_in(jupyter.identity_provider.token))
    return browser


class Browser:
    """Keeps cookies, as browsers do."""

    def __init__(self, root):
        self.root = root
        self.cookies = {}

    @property
    def cookie_header(self):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    async def sign_in(self, token):
        await self.visit("GET", f"lab?token={token}")
        await self.visit("GET", "login")
        assert any(name.startswith("username-") for name in self.cookies)
        assert "_xsrf" in self.cookies

    async def visit(self, method, path, headers=None, **options):
        request = HTTPRequest(
            self.root + path,
            method=method,
            headers={**self.cookie_header, **(headers or {})},
            follow_redirects=False,
            **options,
        )
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer


async def test_forwards_requests_with_the_browser_token(fetch, backend):
    backend.answers["GET", "/api/v1/clusters"] = (200, {"clusters": []})
    answer = await fetch("api", "v1", "clusters", params={"afterRevision": "3"})
    assert json.loads(answer.body) == {"clusters": []}
    request = backend.requests[-1]
    assert request.headers["Authorization"] == "Bearer browser-rights"
    assert request.query == "afterRevision=3"


async def test_reads_the_token_file_again_at_each_request(fetch, backend, token_files):
    await fetch("api", "v1", "clusters")
    token_files[1].write_text("a-newer-one")
    await fetch("api", "v1", "clusters")
    assert backend.requests[-1].headers["Authorization"] == "Bearer a-newer-one"


async def test_forwards_bodies_and_returns_status_and_problem(fetch, backend):
    problem = {
        "type": "urn:aglais:problem:too-large",
        "title": "Too large",
        "status": 422,
        "detail": "…",
    }
    backend.answers["POST", "/api/v1/clusters"] = (422, problem)
    with pytest.raises(HTTPClientError) as caught:
        await fetch("api", "v1", "clusters", method="POST", body='{"kernel": "k"}')
    assert caught.value.code == 422
    assert caught.value.response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(caught.value.response.body) == problem
    assert backend.bodies("POST", "/api/v1/clusters") == [{"kernel": "k"}]


async def test_an_error_of_the_backend_is_returned_unchanged(fetch, backend):
    backend.answers["GET", "/api/v1/clusters"] = (500, {"detail": "the backend's own words"})
    with pytest.raises(HTTPClientError) as caught:
        await fetch("api", "v1", "clusters")
    assert caught.value.code == 500
    assert json.loads(caught.value.response.body) == {"detail": "the backend's own words"}


async def test_does_not_forward_jupyters_secrets(signed_in, backend):
    answer = await signed_in.visit("GET", "aglais/api/v1/clusters?token=secret-of-jupyter&x=1")
    assert answer.code == 200
    request = backend.requests[-1]
    assert "Cookie" not in request.headers
    assert "secret-of-jupyter" not in str(request.headers) + request.uri
    assert request.query == "x=1"


async def test_an_unauthenticated_request_gets_403_and_is_not_forwarded(signed_in, backend):
    for method, body in [("GET", None), ("POST", "{}"), ("DELETE", None)]:
        answer = await AsyncHTTPClient().fetch(
            signed_in.root + "aglais/api/v1/clusters",
            method=method,
            body=body,
            raise_error=False,
            follow_redirects=False,
        )
        assert answer.code == 403
        assert json.loads(answer.body)["status"] == 403
    assert [r for r in backend.requests if r.path == "/api/v1/clusters"] == []


async def test_a_post_from_another_origin_is_not_forwarded(signed_in, backend):
    form = {"Content-Type": "text/plain", "Origin": "https://elsewhere.example"}
    assert (await signed_in.visit("POST", "aglais/api/v1/clusters", form, body="{}")).code >= 400
    # Without an Origin, as some browsers send forms: the xsrf cookie is missing.
    assert (await signed_in.visit("POST", "aglais/api/v1/clusters", {}, body="{}")).code == 403
    assert backend.bodies("POST", "/api/v1/clusters") == []


async def test_a_post_from_our_own_page_is_forwarded(signed_in, backend):
    answer = await signed_in.visit(
        "POST", "aglais/api/v1/clusters", {"X-XSRFToken": signed_in.cookies["_xsrf"]}, body="{}"
    )
    assert answer.code == 200
    assert backend.bodies("POST", "/api/v1/clusters") == [{}]


async def test_a_backend_that_is_down_is_reported_as_a_problem(fetch, backend):
    await backend.stop()
    with pytest.raises(HTTPClientError) as caught:
        await fetch("api", "v1", "clusters")
    problem = json.loads(caught.value.response.body)
    assert caught.value.code == 502
    assert caught.value.response.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "urn:aglais:problem:backend-unreachable"
    assert "Notebooks, kernels and Spark clusters keep running" in problem["detail"]


async def test_a_websocket_forwards_the_cursor_and_messages_in_both_directions(
    jupyter, jp_ws_fetch, backend
):
    socket = await jp_ws_fetch("aglais", "api", "v1", "stream", params={"cursor": "7"})
    assert json.loads(await socket.read_message()) == {"cursor": "7"}
    assert backend.requests[-1].headers["Authorization"] == "Bearer browser-rights"
    await socket.write_message("hello")
    assert await socket.read_message() == "echo hello"
    socket.close()


async def test_a_websocket_from_another_origin_is_refused(signed_in, backend):
    request = HTTPRequest(
        signed_in.root.replace("http", "ws", 1) + "aglais/api/v1/stream",
        headers={
            **signed_in.cookie_header,
            "Origin": "https://elsewhere.example",
        },
    )
    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(request)
    assert caught.value.code in (403, 404)
    assert [r for r in backend.requests if r.path == "/api/v1/stream"] == []


async def test_a_websocket_to_a_backend_that_is_down_closes_with_try_again_later(
    jupyter, jp_ws_fetch, backend
):
    await backend.stop()
    socket = await jp_ws_fetch("aglais", "api", "v1", "stream")
    assert await socket.read_message() is None
    assert socket.close_code == 1013


async def test_the_page_config_says_that_there_is_a_backend(jupyter):
    assert jupyter.web_app.settings["page_config_data"]["aglais"] == "on"
