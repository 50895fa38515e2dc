"""The connection of a kernel to its cluster: created at the first use, checked, lost, renewed."""

from __future__ import annotations

import os
import threading
import time
import uuid
import weakref
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from . import cells, messages
from .api_client import ApiClient, Cluster, Endpoint
from .errors import AglaisError, RequestRefused, ServerUnavailable, SparkLost, SparkReplaced
from .kernel_identity import KernelIdentity
from .session_contents import SessionContents
from .start import start_spark

CHECK_TIMEOUT_S = 0.3  # at the start of a cell
CHECK_PAUSE_S = 10.0  # after a check that timed out: a hung server must not slow every cell
DETECTION_S = 2.5  # how long the server may take to notice that a driver died
REMOTE = "SPARK_REMOTE"


class Connection:
    """One per kernel. Holds all state of the connection to Spark."""

    def __init__(self, server: ApiClient, identity: KernelIdentity):
        self.server = server
        self.identity = identity
        self.cluster: Cluster | None = None  # as it was at connection time
        self.endpoint: Endpoint | None = None
        self.session_contents = SessionContents()
        self.may_be_needed = False  # code used a lost session although it does not mention Spark
        self._lock = threading.RLock()
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()
        self._loss: tuple[str | None, SessionContents] | None = None  # shown after the reconnection
        self._previous: str | None = None  # id of the previous cluster
        self._no_check_before = 0.0
        self._first_session_of: set[str] = set()  # clusters whose first session was taken

    @property
    def connected(self) -> bool:
        """Whether there is a cluster that is not known to be lost."""
        return self.cluster is not None

    @property
    def lost(self) -> bool:
        """Whether a cluster was lost, and there is no new one yet."""
        return self._loss is not None

    def ensure(self) -> None:
        """Connects to this notebook's cluster; starts it if necessary."""
        with self._lock:
            if self.cluster is not None:
                return
            cluster = start_spark(
                self.server, self.identity, self._previous, meanwhile=_import_connect
            )
            self.endpoint = self.server.endpoint(cluster["id"])
            cells.set_run_offset(self.endpoint["runOffset"])
            self.cluster = cluster
            self.may_be_needed = False
            os.environ[REMOTE] = self.endpoint["url"]

    def check(self) -> None:
        """Checks, in at most CHECK_TIMEOUT_S, whether the cluster was replaced or stopped."""
        cluster = self.cluster
        if cluster is None or time.monotonic() < self._no_check_before:
            return
        try:
            now = self.server.cluster(cluster["id"], timeout=CHECK_TIMEOUT_S)
        except RequestRefused as refusal:
            if refusal.status == 404:
                self.mark_lost(str(refusal))
        except ServerUnavailable:
            # Spark works without the server: no data passes through it.
            self._no_check_before = time.monotonic() + CHECK_PAUSE_S
        else:
            if now["state"] != "ready":
                self.mark_lost(now["reason"])

    def mark_lost(self, reason: str | None, cluster_id: str | None = None) -> None:
        """Marks the current cluster and its sessions as lost; the next use connects again.

        With `cluster_id`, only if that is still the current cluster.
        """
        with self._lock:
            if self.cluster is None or cluster_id not in (None, self.cluster["id"]):
                return
            reason = messages.cause(reason) if reason else None
            if self.endpoint and os.environ.get(REMOTE) == self.endpoint["url"]:
                del os.environ[REMOTE]
            for client in list(self._clients):
                client._closed = True  # as pyspark does when a server no longer has a session
                client.aglais_lost_reason = reason or "it was replaced"
            self._clients.clear()
            self._loss = (reason, self.session_contents)
            self._previous = self.cluster["id"]
            self.cluster = self.endpoint = None
            self.session_contents = SessionContents()

    def pop_loss_notice(self) -> tuple[str | None, SessionContents] | None:
        """Reason and contents of the session that was lost, once after the reconnection."""
        if self.cluster is None:
            return None
        loss, self._loss = self._loss, None
        return loss

    def stop_at_exit(self) -> None:
        """Stops the cluster at the exit of a kernel that no Jupyter Server reports."""
        if self.cluster is not None:
            with suppress(AglaisError):
                self.server.stop_cluster(self.cluster["id"], timeout=1.0)

    def first_session(self) -> str | None:
        """The id for the first session of the first kernel process that uses a cluster, once.

        A spare is warmed up in this session (interpreters/spark/warm_up.py): generated code and
        Python workers are those of a session.
        """
        if not self.cluster or not self.endpoint or self.endpoint["runOffset"] > 0:
            return None
        cluster = self.cluster["id"]
        if cluster in self._first_session_of:
            return None
        self._first_session_of.add(cluster)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"aglais:{cluster}"))

    def is_own_url(self, url: str) -> bool:
        """Whether a Spark Connect URL or `host:port` belongs to our cluster."""
        ours = self.endpoint and _host_and_port(self.endpoint["url"])
        return bool(ours) and _host_and_port(url) == ours

    def add_client(self, client: Any) -> None:
        """Registers a pyspark client of our cluster."""
        assert self.cluster is not None
        client.aglais_cluster = self.cluster["id"]
        self._clients.add(client)

    def is_running(self, cluster_id: str) -> bool:
        """Whether the server responds, and reports the cluster as ready."""
        try:
            return self.server.cluster(cluster_id, timeout=1.0)["state"] == "ready"
        except AglaisError:
            return False

    def explain_unavailable(self, cluster_id: str) -> AglaisError:
        """The error for a Spark that does not respond; marks the cluster as lost."""
        reason, running = self._cluster_status(cluster_id)
        if not running:
            self.mark_lost(reason, cluster_id)
            return SparkLost(
                f"Spark was lost while this cell was using it: {messages.sentence(reason)} "
                "Your Python variables are kept; temporary views and cached tables are lost. "
                "Run this cell again: `spark` reconnects automatically."
            )
        self.mark_lost("Its driver stopped answering", cluster_id)
        return SparkLost(
            f"Spark does not answer, {reason}. Your Python variables are kept. "
            "Run this cell again to reconnect; if that fails, use `%aglais restart`."
        )

    def explain_ended_session(self, cluster_id: str, cause: str | None) -> AglaisError:
        """The error for an operation on a session that no longer exists."""
        if cause is None:
            reason, running = self._cluster_status(cluster_id, wait=False)
            cause = reason if not running else "its session was closed"
            self.mark_lost(cause, cluster_id)
        self.may_be_needed = self.cluster is None
        return SparkReplaced(
            f"This object belongs to a Spark session that has ended ({cause.strip().rstrip('.')}). "
            "Create it again from `spark`, which connects to a new session."
        )

    def _cluster_status(self, cluster_id: str, wait: bool = True) -> tuple[str, bool]:
        """The reason why the cluster has ended and False; otherwise a remark and True."""
        deadline = time.monotonic() + (DETECTION_S if wait else 0)
        while True:
            try:
                now = self.server.cluster(cluster_id, timeout=1.0)
                if now["state"] != "ready":
                    reason = now["reason"] or f"the cluster is {now['state']}"
                    return messages.cause(reason), False
            except RequestRefused as refusal:
                return str(refusal), False
            except ServerUnavailable:
                return "and the Aglais server does not answer either", True
            if time.monotonic() >= deadline:
                return "although the server reports it as running", True
            time.sleep(0.25)


def _import_connect() -> None:
    """Takes 1–2 s, while the cluster starts."""
    import pyspark.sql.connect.session  # noqa: F401


def _host_and_port(url: str) -> tuple[str | None, int]:
    # 15002 is pyspark's default_port().
    parts = urlsplit(url if "//" in url else f"sc://{url}")
    return parts.hostname, parts.port or 15002
