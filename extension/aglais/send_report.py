"""Sends the reports of this Jupyter Server to the backend."""

from __future__ import annotations

import json
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from .backend import Backend, bearer_header, pod_token_header


async def send_report(
    backend: Backend, method: str, path: str, report: dict[str, Any], *, with_pod_token: bool
) -> None:
    """Sends a report as JSON; `with_pod_token` adds the header that identifies our pod.

    Raises HTTPClientError if it is rejected, OSError if the backend is unreachable.
    """
    headers = {"Content-Type": "application/json", **bearer_header(backend.token_file)}
    if with_pod_token:
        headers |= pod_token_header(backend)
    request = HTTPRequest(
        backend.url_of(path),
        method=method,
        headers=headers,
        body=json.dumps(report),
        connect_timeout=2,
        request_timeout=5,
    )
    await AsyncHTTPClient().fetch(request)
