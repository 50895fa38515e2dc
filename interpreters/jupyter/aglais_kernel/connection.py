"""This kernel's tie to its cluster: made at the first use, checked, lost, made again."""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from . import cells, wording
from .errors import PlainError, Refused, ServerUnavailable, SparkLost, SparkReplaced
from .holdings import Holdings
from .place import Place
from .server import Cluster, Endpoint, Server
from .start import start_spark

CHECK_S = 0.3  # at the start of a cell
CHECK_PAUSE_S = 10.0  # after a check that got no answer: a hung server must not slow every cell
VERDICT_S = 2.5  # how long we wait for the server to notice that a driver died
REMOTE = "SPARK_REMOTE"


class Connection:
    """One per kernel. All state of what this kernel is connected to is here."""

    def __init__(self, server: Server, place: Place):
        self.server = server
        self.place = place
        self.cluster: Cluster | None = None  # as it was when we connected
        self.endpoint: Endpoint | None = None
        self.holdings = Holdings()
        self.wanted = False  # code that we did not expect to use Spark met a dead one
        self._lock = threading.RLock()
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()
        self._gone: tuple[str | None, Holdings] | None = None  # told when the next one is there
        self._old: str | None = None  # id of the cluster before this one
        self._no_check_before = 0.0

    @property
    def connected(self) -> bool:
        """Whether there is a Spark that is not known to be gone."""
        return self.cluster is not None

    @property
    def lost(self) -> bool:
        """Whether a Spark that was used is gone, and no other took its place yet."""
        return self._gone is not None

    def ensure(self) -> None:
        """Connects to this notebook's cluster, after having it started if need be."""
        with self._lock:
            if self.cluster is not None:
                return
            cluster = start_spark(self.server, self.place, self._old, meanwhile=_import_connect)
            self.endpoint = self.server.endpoint(cluster["id"])
            cells.begin_generation(self.endpoint["runOffset"])
            self.cluster = cluster
            self.wanted = False
            os.environ[REMOTE] = self.endpoint["url"]

    def check(self) -> None:
        """Notices, in at most CHECK_S, that the server replaced or stopped the cluster."""
        cluster = self.cluster
        if cluster is None or time.monotonic() < self._no_check_before:
            return
        try:
            now = self.server.cluster(cluster["id"], timeout=CHECK_S)
        except Refused as refusal:
            if refusal.status == 404:
                self.lose(str(refusal))
        except ServerUnavailable:
            # Without the server the work goes on: Spark does not pass through it.
            self._no_check_before = time.monotonic() + CHECK_PAUSE_S
        else:
            if now["state"] != "ready":
                self.lose(now["reason"])

    def lose(self, reason: str | None, cluster_id: str | None = None) -> None:
        """From now on all that belongs to the present Spark is dead; the next use makes it anew.

        With `cluster_id`, only if that is still the present one.
        """
        with self._lock:
            if self.cluster is None or cluster_id not in (None, self.cluster["id"]):
                return
            reason = wording.cause(reason) if reason else None
            if self.endpoint and os.environ.get(REMOTE) == self.endpoint["url"]:
                del os.environ[REMOTE]
            for client in list(self._clients):
                client._closed = True  # what pyspark itself does when a server forgot a session
                client.aglais_gone = reason or "it was replaced"
            self._clients.clear()
            self._gone = (reason, self.holdings)
            self._old = self.cluster["id"]
            self.cluster = self.endpoint = None
            self.holdings = Holdings()

    def take_loss(self) -> tuple[str | None, Holdings] | None:
        """What was lost since this was last asked, once there is a new Spark."""
        if self.cluster is None:
            return None
        gone, self._gone = self._gone, None
        return gone

    def leave(self) -> None:
        """Stops the cluster when the kernel ends, where nobody else would notice the end."""
        if self.cluster is not None:
            with suppress(PlainError):
                self.server.stop_cluster(self.cluster["id"], timeout=1.0)

    def owns(self, url: str) -> bool:
        """Whether a Spark Connect URL or `host:port` is that of our cluster."""
        ours = self.endpoint and _host_and_port(self.endpoint["url"])
        return bool(ours) and _host_and_port(url) == ours

    def add_client(self, client: Any) -> None:
        """A pyspark client of ours was made."""
        assert self.cluster is not None
        client.aglais_cluster = self.cluster["id"]
        self._clients.add(client)

    def explain_silence(self, cluster_id: str) -> PlainError:
        """Spark stopped answering: asks the server why, and gives up this Spark."""
        reason, running = self._verdict(cluster_id)
        if not running:
            self.lose(reason, cluster_id)
            return SparkLost(
                f"Spark went away while this cell used it: {wording.sentence(reason)} "
                "Your Python variables are kept; temporary views and cached tables are lost. "
                "Run this cell again: `spark` will be connected to a new Spark by itself."
            )
        self.lose("Its driver stopped answering", cluster_id)
        return SparkLost(
            f"Spark does not answer, {reason}. Your Python variables are kept. "
            "Run this cell again to connect anew; if that fails too, use `%aglais restart`."
        )

    def explain_ended_session(self, cluster_id: str, gone: str | None) -> PlainError:
        """A session that Spark no longer knows was used."""
        if gone is None:
            reason, running = self._verdict(cluster_id, wait=False)
            gone = reason if not running else "its session was closed"
            self.lose(gone, cluster_id)
        self.wanted = self.cluster is None
        return SparkReplaced(
            f"This belongs to a Spark that is gone ({gone.strip().rstrip('.')}). "
            "Make the DataFrame again from `spark`, which is or will be connected to a new one."
        )

    def _verdict(self, cluster_id: str, wait: bool = True) -> tuple[str, bool]:
        """Why the cluster is gone and False; or what else is known and True."""
        deadline = time.monotonic() + (VERDICT_S if wait else 0)
        while True:
            try:
                now = self.server.cluster(cluster_id, timeout=1.0)
                if now["state"] != "ready":
                    reason = now["reason"] or f"the cluster is {now['state']}"
                    return wording.cause(reason), False
            except Refused as refusal:
                return str(refusal), False
            except ServerUnavailable:
                return "and the Aglais server does not answer either", True
            if time.monotonic() >= deadline:
                return "although the server believes that it runs", True
            time.sleep(0.25)


def _import_connect() -> None:
    """1–2 s that pass while the cluster starts."""
    import pyspark.sql.connect.session  # noqa: F401


def _host_and_port(url: str) -> tuple[str | None, int]:
    # 15002 is pyspark's default_port().
    parts = urlsplit(url if "//" in url else f"sc://{url}")
    return parts.hostname, parts.port or 15002
