"""Memory of our container, from its cgroup (version 1 or 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
#: Version 1 reports "no limit" as the largest multiple of the page size below 2⁶³.
UNLIMITED = 2**60


@dataclass(frozen=True)
class Reading:
    """One sample of the counters; memory in MiB.

    `used_mib` excludes inactive file cache, which the kernel can reclaim.
    `oom_kills` counts the processes that the kernel has OOM-killed since the container started;
    `quote` is the line of that counter, in the file `ref`.
    """

    used_mib: float
    limit_mib: float | None
    oom_kills: int
    quote: str
    ref: str


#: The files of events, limit and use, and the key of inactive file cache in memory.stat.
_VERSION_2 = ("memory.events", "memory.max", "memory.current", "inactive_file")
#: The `total_` key includes child groups, as the use does.
_VERSION_1 = (
    "memory.oom_control",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
)


def read_cgroup(root: Path = Path("/sys/fs/cgroup")) -> Reading | None:
    """The counters of the root cgroup of a container; None without cgroups."""
    if (root / "memory.current").exists():
        return _read(root, *_VERSION_2)
    if (root / "memory" / "memory.usage_in_bytes").exists():
        return _read(root / "memory", *_VERSION_1)
    return None


def _read(group: Path, events: str, limit: str, used: str, inactive_key: str) -> Reading | None:
    try:
        counters = (group / events).read_text()
        limit_text = (group / limit).read_text().strip()
        used_bytes = int((group / used).read_text())
        statistics = (group / "memory.stat").read_text()
    except (OSError, ValueError):
        return None
    kills = re.search(r"^oom_kill (\d+)$", counters, re.MULTILINE)
    if not kills:
        return None
    inactive_bytes = re.search(rf"^{inactive_key} (\d+)$", statistics, re.MULTILINE)
    limit_bytes = None if limit_text == "max" else int(limit_text)
    return Reading(
        used_mib=max(0, used_bytes - int(inactive_bytes[1] if inactive_bytes else 0)) / MIB,
        limit_mib=None if limit_bytes is None or limit_bytes > UNLIMITED else limit_bytes / MIB,
        oom_kills=int(kills[1]),
        quote=kills[0],
        ref=str(group / events),
    )
