"""The texts of the status line and of notices. Pure: data in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .session_contents import SessionContents


def starting(cluster: Mapping[str, Any], seconds: float) -> str:
    """While a cluster starts: what it is waiting for, and the elapsed time."""
    waiting_for = cluster["waitingFor"]
    if cluster["state"] == "stopping":
        waiting_for = "the previous cluster to stop"
    goal = f": waiting for {waiting_for}" if waiting_for else ""
    return f"Starting Spark{goal} ({int(seconds)} s)"


def ready(cluster: Mapping[str, Any], seconds: float) -> str:
    """After the start: the size of the cluster, and how long the start took."""
    return f"Spark is ready: {size(cluster)}, {seconds:.1f} s"


def size(cluster: Mapping[str, Any]) -> str:
    """Executors × the memory limit of one (heap and overhead)."""
    shape = cluster["shape"]
    active = sum(executor["state"] == "active" for executor in cluster["executors"])
    count = active or shape["executors"]["min"]
    limit = shape["executorMemoryMiB"] + shape["executorOverheadMiB"]
    return f"{count} executor{'' if count == 1 else 's'} × {memory(limit)}"


def memory(mib: int) -> str:
    """MiB below 1 GiB, GiB with one decimal from there on."""
    return f"{mib} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def replaced(reason: str | None, session_contents: SessionContents) -> str:
    """After a session was lost and replaced: the reason, what was lost and what was kept."""
    what = (
        f"The previous Spark cluster has ended: {sentence(reason)}"
        if reason
        else "Spark was replaced."
    )
    return (
        f"{what}\nLost: {lost(session_contents)}.\n"
        "Kept: all Python variables. `spark` is a new session; "
        "create your DataFrames again."
    )


def lost(session_contents: SessionContents) -> str:
    """The contents of a session by name; in general terms if none are known."""
    views = (
        named("temporary view", sorted(session_contents.views)) or "temporary views (none known)"
    )
    cached = named("cached table", sorted(session_contents.cached_tables))
    frames = session_contents.cached_frames
    parts = [views]
    if cached:
        parts.append(cached)
    if frames:
        parts.append(f"{frames} cached DataFrame{'' if frames == 1 else 's'}")
    if not cached and not frames:
        parts.append("cached tables (none known)")
    return "; ".join(parts)


def named(kind: str, names: list[str]) -> str:
    """`kind a` or `kinds a, b`; "" for none."""
    return f"{kind}{'' if len(names) == 1 else 's'} {', '.join(names)}" if names else ""


def ignored_options(options: Iterable[str], cluster: Mapping[str, Any] | None) -> str:
    """Settings that Spark reads only at startup, for a cluster that is already running."""
    names = sorted(options)
    shape = f" ({size(cluster)})" if cluster else ""
    text = (
        f"Ignored: {', '.join(names)}. The Spark cluster of this notebook is already running{shape}"
    )
    memory_requested = any("memory" in name for name in names)
    return text + ("; for more memory, use `%aglais restart 2g`." if memory_requested else ".")


def cause(reason: str) -> str:
    """The first sentence of the server's reason; the others would repeat our own message."""
    match = re.match(r".*?[.!?](?=\s|$)", reason.strip(), re.DOTALL)
    return match.group() if match else reason.strip()


def sentence(text: str) -> str:
    """Adds a full stop if there is none."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
