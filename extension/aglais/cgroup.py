"""Memory of the container that we are in, as its cgroup counts it (version 1 or 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
#: Version 1 says "no limit" as the largest multiple of a page below 2⁶³.
NO_LIMIT = 2**60


@dataclass(frozen=True)
class Reading:
    """One look at the counters; memory in MiB.

    `used_mib` is without files that the kernel keeps in memory only as long as nobody needs it.
    `oom_kills` counts the processes that the kernel has OOM-killed since the container started;
    `quote` is the line that says so, in the file `ref`.
    """

    used_mib: float
    limit_mib: float | None
    oom_kills: int
    quote: str
    ref: str


#: The counters of kills, the limit, the use, and the statistics' word for idle files.
_VERSION_2 = ("memory.events", "memory.max", "memory.current", "inactive_file")
#: Only the total includes groups inside, as the use does.
_VERSION_1 = (
    "memory.oom_control",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
)


def read_cgroup(root: Path = Path("/sys/fs/cgroup")) -> Reading | None:
    """The counters of the cgroup that a container sees as its root; None where there are none."""
    if (root / "memory.current").exists():
        return _read(root, *_VERSION_2)
    if (root / "memory" / "memory.usage_in_bytes").exists():
        return _read(root / "memory", *_VERSION_1)
    return None


def _read(group: Path, events: str, limit: str, used: str, idle: str) -> Reading | None:
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
    idle_bytes = re.search(rf"^{idle} (\d+)$", statistics, re.MULTILINE)
    limit_bytes = None if limit_text == "max" else int(limit_text)
    return Reading(
        used_mib=max(0, used_bytes - int(idle_bytes[1] if idle_bytes else 0)) / MIB,
        limit_mib=None if limit_bytes is None or limit_bytes > NO_LIMIT else limit_bytes / MIB,
        oom_kills=int(kills[1]),
        quote=kills[0],
        ref=str(group / events),
    )
