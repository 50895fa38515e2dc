"""Starts a cluster: requests it, and shows what it is waiting for until it is ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from . import messages
from .api_client import ApiClient, Cluster
from .errors import RequestRefused, ServerUnavailable, SparkStartFailed, StartInterrupted
from .kernel_identity import KernelIdentity
from .status_line import StatusLine

POLL_MS = 1000  # the line counts seconds
ENDED = ("stopped", "failed")
STOP_TIMEOUT_S = 30.0  # then a new one is requested regardless
SERVER_OUTAGE_S = (
    4.0  # how long the server may be unavailable during a start (it may be restarting)
)


def start_spark(
    server: ApiClient, identity: KernelIdentity, previous: str | None, meanwhile: Callable[[], None]
) -> Cluster:
    """Returns this kernel's cluster when it is ready.

    `previous` is the id of the kernel's previous cluster, which holds memory until it has ended.
    `meanwhile` runs in a thread while the cluster starts: an interrupt must not hit the middle of
    an import. Raises ServerUnavailable, RequestRefused, SparkStartFailed or StartInterrupted.
    """
    began = time.monotonic()
    line = StatusLine()
    side = threading.Thread(target=meanwhile, name="aglais-import", daemon=True)
    try:
        for cluster in _ending(server, previous):
            line.show(messages.starting(cluster, time.monotonic() - began))
        first = server.request_cluster(identity.kernel, identity.notebook)
        side.start()
        for cluster in _starting(server, identity, first):
            line.show(messages.starting(cluster, time.monotonic() - began))
        side.join()
    except KeyboardInterrupt:
        line.show("Interrupted while Spark was starting.")
        raise StartInterrupted(
            "You interrupted the start of Spark. It continues in the background; "
            "the next cell that uses Spark connects to it."
        ) from None
    except Exception:
        line.show("Spark did not start.")
        raise
    line.show(messages.ready(cluster, time.monotonic() - began))
    return cluster


def _ending(server: ApiClient, previous: str | None) -> Iterator[Cluster]:
    """Yields the previous cluster at each change, while it is stopping."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while previous and time.monotonic() < deadline:
        try:
            cluster = server.cluster(previous)
            if cluster["state"] != "stopping":
                return
            yield cluster
            server.changed_cluster(previous, cluster["revision"], POLL_MS)
        except (RequestRefused, ServerUnavailable):
            return  # the next request reports the problem


def _starting(server: ApiClient, identity: KernelIdentity, cluster: Cluster) -> Iterator[Cluster]:
    """Yields the cluster at each change (and every POLL_MS); the last one is ready."""
    last_response = time.monotonic()
    while True:
        yield cluster
        if cluster["state"] == "ready":
            return
        try:
            if cluster["state"] in ENDED:
                cluster = _successor(server, identity, cluster)
            else:
                cluster = _newer(server, cluster)
            last_response = time.monotonic()
        except ServerUnavailable:
            if time.monotonic() - last_response > SERVER_OUTAGE_S:
                raise
            time.sleep(0.2)


def _newer(server: ApiClient, cluster: Cluster) -> Cluster:
    try:
        return server.changed_cluster(cluster["id"], cluster["revision"], POLL_MS)
    except RequestRefused as refusal:
        if refusal.status != 404:
            raise
        return {**cluster, "state": "stopped", "reason": str(refusal)}


def _successor(server: ApiClient, identity: KernelIdentity, ended: Cluster) -> Cluster:
    """The live cluster after a restart from the panel has replaced `ended`."""
    live = server.live_cluster(identity.kernel)
    if live:
        return live
    reason = messages.sentence(ended["reason"] or "The server gave no reason")
    raise SparkStartFailed(
        f"Spark did not start. {reason} Your Python variables are kept; "
        "run this cell again to retry."
    )
