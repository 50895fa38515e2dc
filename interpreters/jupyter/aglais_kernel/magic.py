"""The `%aglais` magic: status, stop and restart of this notebook's Spark."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from . import messages

if TYPE_CHECKING:
    from .notebook import Notebook

USAGE = "%aglais status | stop | restart [executor memory, e.g. 2g]"
MEMORY = re.compile(r"^(\d+(?:\.\d+)?)\s*(m|mb|mib|g|gb|gib)?$", re.IGNORECASE)


def register(notebook: Notebook) -> None:
    """Adds the line magic to the shell."""

    def aglais(line: str) -> None:
        """Shows, stops or restarts this notebook's Spark."""
        command, _, rest = line.strip().partition(" ")
        if command in ("", "status"):
            print(status(notebook))
        elif command == "stop" and not rest:
            print(stop(notebook))
        elif command == "restart":
            restart(notebook, parse_memory(rest) if rest.strip() else None)
        else:
            raise UsageError(USAGE)

    notebook.shell.register_magic_function(aglais, "line", "aglais")


def status(notebook: Notebook) -> str:
    """The status of this notebook's Spark, as text."""
    connection = notebook.connection
    cluster = connection.server.live_cluster(connection.identity.kernel)
    if cluster is None:
        return "Spark is not running for this notebook. It starts when a cell uses `spark`."
    if cluster["state"] != "ready":
        return messages.starting(cluster, time.time() - cluster["createdAt"] / 1000)
    lines = [f"Spark {cluster['sparkVersion'] or ''} is ready: {messages.size(cluster)}".strip()]
    if cluster["idleStopAt"]:
        minutes = max(0, cluster["idleStopAt"] / 1000 - time.time()) / 60
        lines.append(f"It stops in {minutes:.0f} min if idle.")
    return "\n".join(lines)


def stop(notebook: Notebook) -> str:
    """Stops the cluster; Python variables are kept."""
    connection = notebook.connection
    cluster = connection.server.live_cluster(connection.identity.kernel)
    if cluster is None:
        return "Spark is not running for this notebook."
    connection.server.stop_cluster(cluster["id"])
    connection.mark_lost("you stopped it with `%aglais stop`")
    return "Spark is stopping. Python variables are kept; the next use of `spark` starts it again."


def restart(notebook: Notebook, executor_memory_mib: int | None) -> None:
    """Replaces the cluster, optionally with another executor heap (MiB); waits for the new one."""
    connection = notebook.connection
    server, identity = connection.server, connection.identity
    cluster = server.live_cluster(identity.kernel)
    shape: dict[str, Any] | None = None
    if executor_memory_mib is not None:
        present = cluster["shape"] if cluster else server.default_shape()
        shape = {**present, "executorMemoryMiB": executor_memory_mib}
    if cluster:
        server.restart_cluster(cluster["id"], shape)
        connection.mark_lost("you restarted it with `%aglais restart`")
    else:
        server.request_cluster(identity.kernel, identity.notebook, shape)
    notebook.session()


def parse_memory(text: str) -> int:
    """MiB of `2g`, `1.5 GiB`, `512m` or a plain number of MiB."""
    match = MEMORY.match(text.strip())
    if not match:
        raise UsageError(f"Cannot read {text!r} as memory. {USAGE}")
    factor = 1024 if (match.group(2) or "m").lower().startswith("g") else 1
    return round(float(match.group(1)) * factor)
