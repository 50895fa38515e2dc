"""The wait for a cluster: asks for it, and shows what it waits for until it is ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from . import wording
from .errors import Refused, ServerUnavailable, SparkDidNotStart, StartInterrupted
from .place import Place
from .server import Cluster, Server
from .status import StatusLine

POLL_MS = 1000  # the line counts seconds
ENDED = ("stopped", "failed")
ENDING_S = 30.0  # then the new one is asked for all the same
SILENCE_S = 4.0  # how long the server may be away while we wait (it may be restarting)


def start_spark(
    server: Server, place: Place, old: str | None, meanwhile: Callable[[], None]
) -> Cluster:
    """Returns this kernel's cluster when it is ready.

    `old` is the id of the cluster that the kernel had before: it still holds memory until it has
    ended. `meanwhile` runs while the cluster starts, in a thread: an interrupt must not hit the
    middle of an import. Raises ServerUnavailable, Refused, SparkDidNotStart or StartInterrupted.
    """
    began = time.monotonic()
    line = StatusLine()
    side = threading.Thread(target=meanwhile, name="aglais-import", daemon=True)
    try:
        for cluster in _ending(server, old):
            line.show(wording.starting(cluster, time.monotonic() - began))
        first = server.request_cluster(place.kernel, place.notebook)
        side.start()
        for cluster in _starting(server, place, first):
            line.show(wording.starting(cluster, time.monotonic() - began))
        side.join()
    except KeyboardInterrupt:
        line.show("Interrupted while Spark was starting.")
        raise StartInterrupted(
            "You interrupted the wait for Spark. It goes on starting in the background; "
            "the next cell that uses it will find it."
        ) from None
    except Exception:
        line.show("Spark did not start.")
        raise
    line.show(wording.ready(cluster, time.monotonic() - began))
    return cluster


def _ending(server: Server, old: str | None) -> Iterator[Cluster]:
    """The old cluster as it changes, while it is ending."""
    deadline = time.monotonic() + ENDING_S
    while old and time.monotonic() < deadline:
        try:
            cluster = server.cluster(old)
            if cluster["state"] != "stopping":
                return
            yield cluster
            server.changed_cluster(old, cluster["revision"], POLL_MS)
        except (Refused, ServerUnavailable):
            return  # the request that follows will say what is wrong


def _starting(server: Server, place: Place, cluster: Cluster) -> Iterator[Cluster]:
    """The cluster as it changes (and at least every POLL_MS); the last one is ready."""
    heard = time.monotonic()
    while True:
        yield cluster
        if cluster["state"] == "ready":
            return
        try:
            if cluster["state"] in ENDED:
                cluster = _successor(server, place, cluster)
            else:
                cluster = _newer(server, cluster)
            heard = time.monotonic()
        except ServerUnavailable:
            if time.monotonic() - heard > SILENCE_S:
                raise
            time.sleep(0.2)


def _newer(server: Server, cluster: Cluster) -> Cluster:
    try:
        return server.changed_cluster(cluster["id"], cluster["revision"], POLL_MS)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return {**cluster, "state": "stopped", "reason": str(refusal)}


def _successor(server: Server, place: Place, ended: Cluster) -> Cluster:
    """A restart from the panel replaces the cluster that we wait for: then wait for the new one."""
    live = server.live_cluster(place.kernel)
    if live:
        return live
    reason = wording.sentence(ended["reason"] or "The server gave no reason")
    raise SparkDidNotStart(
        f"Spark did not start. {reason} Your Python variables are kept; "
        "run this cell again to try once more."
    )
