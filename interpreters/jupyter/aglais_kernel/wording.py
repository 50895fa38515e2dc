"""The sentences of the status line and of notices. Pure: plain data in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .holdings import Holdings


def starting(cluster: Mapping[str, Any], seconds: float) -> str:
    """While a cluster starts: what it waits for, and for how long it has."""
    waiting_for = cluster["waitingFor"]
    if cluster["state"] == "stopping":
        waiting_for = "the old one to end"
    goal = f": waiting for {waiting_for}" if waiting_for else ""
    return f"Starting Spark{goal} ({int(seconds)} s)"


def ready(cluster: Mapping[str, Any], seconds: float) -> str:
    """The calm line at the end: the size of the cluster, and how long it took."""
    return f"Spark is ready: {size(cluster)}, {seconds:.1f} s"


def size(cluster: Mapping[str, Any]) -> str:
    """Executors × the memory that one of them may use (heap and overhead)."""
    shape = cluster["shape"]
    active = sum(executor["state"] == "active" for executor in cluster["executors"])
    count = active or shape["executors"]["min"]
    limit = shape["executorMemoryMiB"] + shape["executorOverheadMiB"]
    return f"{count} executor{'' if count == 1 else 's'} × {memory(limit)}"


def memory(mib: int) -> str:
    """MiB as people write it."""
    return f"{mib} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def replaced(reason: str | None, holdings: Holdings) -> str:
    """What a new session means for the user, after the old one was lost."""
    what = f"The earlier Spark is gone: {sentence(reason)}" if reason else "Spark was replaced."
    return (
        f"{what}\nLost: {lost(holdings)}.\n"
        "Kept: all Python variables. `spark` is a new session; "
        "DataFrames made before must be made again."
    )


def lost(holdings: Holdings) -> str:
    """The names of what a session held; in general terms where none is known."""
    views = named("temporary view", sorted(holdings.views)) or "temporary views (none known)"
    cached = named("cached table", sorted(holdings.cached_tables))
    frames = holdings.cached_frames
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
    """Said of settings that Spark takes only when it starts, which it already has."""
    names = sorted(options)
    shape = f" ({size(cluster)})" if cluster else ""
    text = f"No effect here: {', '.join(names)}. This notebook has a Spark of its own{shape}"
    memory_asked = any("memory" in name for name in names)
    return text + (
        "; ask for more memory with `%aglais restart 2g`." if memory_asked else ", started for it."
    )


def cause(reason: str) -> str:
    """The first sentence of the server's reason: the others say what we say better here."""
    match = re.match(r".*?[.!?](?=\s|$)", reason.strip(), re.DOTALL)
    return match.group() if match else reason.strip()


def sentence(text: str) -> str:
    """With a full stop at its end."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
