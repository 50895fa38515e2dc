"""Patches pyspark when it is imported.

- `SparkSession.builder.getOrCreate()` connects to this notebook's cluster.
- Clients of that cluster send its token, time out within seconds, tag operations with their cell,
  and raise clear errors when Spark is lost.

Sessions that a user creates for another server are not changed.
"""

from __future__ import annotations

import atexit
import functools
import importlib.abc
import importlib.machinery
import os
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import cells
from .connection import REMOTE, Connection
from .ignored_options import IgnoredOptionsNotice
from .retries import as_interrupt, few_retries, is_interrupting, retries_while

if TYPE_CHECKING:
    from .notebook import Notebook

# Pings detect a driver that hangs without closing its connection. Spark allows at most one in 10 s,
# and a long garbage collection must not look like a failure.
KEEP_ALIVE = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # how long one attempt to connect may take
    ("grpc.max_reconnect_backoff_ms", 5_000),
]
# The name in the certificates of clusters (server: CERTIFICATE_NAME).
CERTIFICATE = "aglais"
# Sessions of a cluster belong to its notebook; the warm-up of a spare must know this name.
USER = "aglais"
# Seconds. pyspark's 10 min would let a driver that hangs swallow an interrupt and `spark.stop()`.
DEADLINES = {"interrupt": 5.0, "release_session": 5.0}
# Errors of a running Spark Connect that no longer has the session, or is stopping.
SESSION_ENDED = (
    "NO_ACTIVE_SESSION",
    "INVALID_HANDLE.SESSION_CLOSED",
    "INVALID_HANDLE.SESSION_CHANGED",
    "INVALID_HANDLE.SESSION_NOT_FOUND",
    "server side session identifier",
)
SPARK_ENDED = ("stopped SparkContext", "SparkContext was shut down")


def install(notebook: Notebook) -> None:
    """Patches pyspark as soon as it is imported (now, if it already is)."""
    hooks = {
        "pyspark.sql.session": functools.partial(patch_builder, notebook),
        "pyspark.sql.connect.client.core": functools.partial(patch_client, notebook),
    }
    for name, change in hooks.items():
        if name in sys.modules:
            change(sys.modules[name])
    sys.meta_path.insert(0, AfterImport(hooks))


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module right after its import."""

    def __init__(self, hooks: dict[str, Callable[[ModuleType], None]]):
        self._hooks = hooks

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Finds only the modules that have a hook."""
        if name not in self._hooks:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            execute, change = spec.loader.exec_module, self._hooks[name]

            def exec_module(module: ModuleType) -> None:
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def patch_builder(notebook: Notebook, module: ModuleType) -> None:
    """Connects `SparkSession.builder` to this notebook's cluster."""
    builder = module.SparkSession.Builder
    connection = notebook.connection
    ignored_options = IgnoredOptionsNotice()

    def is_for_us(options: dict[str, str]) -> bool:
        remote = options.get("spark.remote") or os.environ.get(REMOTE)
        mode = options.get("spark.api.mode") or os.environ.get("SPARK_API_MODE", "")
        if mode.lower() == "classic":
            return False
        return remote is None or connection.is_own_url(remote)

    def through_cluster(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(original)
        def connected(self: Any) -> Any:
            if not is_for_us(self._options):
                return original(self)
            connection.ensure()
            requested = dict(self._options)
            self._options.pop("spark.master", None)
            _forget_stopped_sessions()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Failed to set .*CANNOT_MODIFY")
                session = original(self)
            ignored_options.report(requested, session, connection.cluster)
            notebook.adopt(session)
            return session

        return connected

    validate = builder._validate_startup_urls

    @functools.wraps(validate)
    def validate_startup_urls(self: Any) -> None:
        # Spark rejects a master together with a remote; ours is the remote, and has precedence.
        if not is_for_us(self._options):
            validate(self)

    builder.getOrCreate = through_cluster(builder.getOrCreate)
    builder.create = through_cluster(builder.create)
    builder._validate_startup_urls = validate_startup_urls


def patch_client(notebook: Notebook, module: ModuleType) -> None:
    """Gives clients of our cluster its token, timeouts, cell tags and clear errors."""
    cluster_connection = notebook.connection
    client_class = module.SparkConnectClient
    initialise = client_class.__init__
    analyse = client_class._analyze
    handle_error = client_class._handle_error
    cells.follow_threads()
    # Our errors replace this warning.
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")

    @functools.wraps(initialise)
    def __init__(self: Any, connection: Any, *args: Any, **kwargs: Any) -> None:
        ours = cluster_connection.is_own_url(
            connection if isinstance(connection, str) else _address(connection)
        )
        if ours and isinstance(connection, str):
            connection = channel_builder(module, connection, cluster_connection.endpoint["ca"])  # type: ignore[index]
            # Not in SPARK_REMOTE, which users print, nor in pyspark's variable for tokens, which
            # is sent to every other server too.
            connection.set("token", cluster_connection.endpoint["token"])  # type: ignore[index]
            connection.set("user_id", USER)
            if session := cluster_connection.first_session():
                connection.set("session_id", session)
        if ours:
            kwargs.setdefault("rpc_deadlines", module.RpcDeadlines(**DEADLINES))
        initialise(self, connection, *args, **kwargs)
        if ours:
            _adopt(self, notebook)

    @functools.wraps(analyse)
    def _analyze(self: Any, method: str, **kwargs: Any) -> Any:
        if _is_ours(self):
            _note_use(notebook, self)
            cluster_connection.session_contents.record_analysis(method)
        return analyse(self, method, **kwargs)

    @functools.wraps(handle_error)
    def _handle_error(self: Any, error: Exception, *args: Any) -> Any:
        try:
            return handle_error(self, error, *args)
        except Exception as converted:
            # An interrupt that fails does not give up a session that may still be running.
            is_explained = _is_ours(self) and not is_interrupting()
            plain = is_explained and _explain(cluster_connection, self, error, converted)
            if not plain:
                raise
            raise plain from converted

    for name in ("interrupt_all", "interrupt_tag", "interrupt_operation"):
        setattr(client_class, name, as_interrupt(getattr(client_class, name), _is_ours))
    client_class.__init__ = __init__
    client_class._analyze = _analyze
    client_class._handle_error = _handle_error


def channel_builder(module: ModuleType, url: str, ca: str | None) -> Any:
    """A channel builder for our cluster; with `ca` (PEM), the only authority it accepts.

    The authority belongs to the cluster and signs one name, independent of the address.
    """
    if ca is None:
        return module.DefaultChannelBuilder(url, KEEP_ALIVE)

    class PinnedChannelBuilder(module.DefaultChannelBuilder):
        def toChannel(self) -> Any:
            import grpc

            credentials = grpc.ssl_channel_credentials(root_certificates=ca.encode())
            if self.token is not None:
                token = grpc.access_token_call_credentials(self.token)
                credentials = grpc.composite_channel_credentials(credentials, token)
            return self._secure_channel(self.endpoint, credentials)

    return PinnedChannelBuilder(url, [*KEEP_ALIVE, ("grpc.ssl_target_name_override", CERTIFICATE)])


class OperationHook:
    """A `SparkSession.Hook`: called before each operation is sent, in the thread that runs it."""

    def __init__(self, notebook: Notebook, client: Any):
        self._notebook = notebook
        self._client = client

    def on_execute_plan(self, request: Any) -> Any:
        """Tags the operation with its cell, in addition to the user's own tags."""
        cell = _note_use(self._notebook, self._client)
        if cell:
            request.tags.append(cell.tag)
        self._notebook.connection.session_contents.record_plan(request.plan)
        return request


def _adopt(client: Any, notebook: Notebook) -> None:
    connection = notebook.connection
    connection.add_client(client)
    # A new list: a cloned session shares the list with the original.
    others = [hook for hook in client._session_hooks if not isinstance(hook, OperationHook)]
    client._session_hooks = [*others, OperationHook(notebook, client)]
    if connection.endpoint and connection.endpoint["ca"]:
        is_running = functools.partial(connection.is_running, client.aglais_cluster)
        client.set_retry_policies([retries_while(is_running)])
    else:
        client.set_retry_policies([few_retries()])
    # pyspark releases the session at exit: without retries, since Spark may have ended.
    atexit.register(client.set_retry_policies, [])


def _forget_stopped_sessions() -> None:
    """pyspark makes a new session active only if there is none, not even a stopped one."""
    from pyspark.sql.connect.session import SparkSession

    with SparkSession._lock:
        if SparkSession._get_default_session() is None:
            SparkSession._default_session = None
        if SparkSession.getActiveSession() is None:
            SparkSession._active_session.session = None


def _is_ours(client: Any) -> bool:
    return hasattr(client, "aglais_cluster")


def _address(builder: Any) -> str:
    return getattr(builder, "endpoint", "")


def _note_use(notebook: Notebook, client: Any) -> cells.Cell | None:
    cell = cells.current()
    if cell:
        notebook.note_use(cell, client)
    return cell


def _explain(
    connection: Connection, client: Any, error: Exception, converted: Exception
) -> Exception | None:
    import grpc

    text = str(converted)
    lost_reason = getattr(client, "aglais_lost_reason", None)
    if lost_reason is not None and client.is_closed:
        return connection.explain_ended_session(client.aglais_cluster, lost_reason)
    if client.is_closed and "NO_ACTIVE_SESSION" in text:
        return None  # the user stopped it
    if any(words in text for words in SESSION_ENDED):
        return connection.explain_ended_session(client.aglais_cluster, None)
    code = error.code() if isinstance(error, grpc.RpcError) else None
    if code == grpc.StatusCode.UNAVAILABLE or any(words in text for words in SPARK_ENDED):
        return connection.explain_unavailable(client.aglais_cluster)
    return None
