"""Sends what Jupyter tells the backend of its own accord."""

from __future__ import annotations

import json
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from .backend import Backend, bearer, pod_proof


async def send_report(
    backend: Backend, method: str, path: str, report: dict[str, Any], *, proven: bool
) -> None:
    """Sends a report as JSON; `proven` adds the header that proves in which pod we are.

    Raises HTTPClientError if it is not taken, OSError if nobody is there.
    """
    headers = {"Content-Type": "application/json", **bearer(backend.token_file)}
    if proven:
        headers |= pod_proof(backend)
    request = HTTPRequest(
        backend.address(path),
        method=method,
        headers=headers,
        body=json.dumps(report),
        connect_timeout=2,
        request_timeout=5,
    )
    await AsyncHTTPClient().fetch(request)
