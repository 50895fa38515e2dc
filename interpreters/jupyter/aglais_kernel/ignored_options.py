"""Reports once which Spark settings of existing code are ignored by a running cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import messages
from .status_line import notice

NAMING = {"spark.remote", "spark.app.name", "spark.api.mode"}


class IgnoredOptionsNotice:
    """Reports each setting once, also if its cell is run again."""

    def __init__(self) -> None:
        self._reported: set[str] = set()

    def report(
        self, requested: Mapping[str, str], session: Any, cluster: Mapping[str, Any] | None
    ) -> None:
        """Compares requested and effective settings: Spark Connect ignores them silently."""
        ignored = [
            f"{key}={value}"
            for key, value in requested.items()
            if key not in NAMING and session.conf.get(key, None) != value
        ]
        new = set(ignored) - self._reported
        if new:
            self._reported |= new
            notice(messages.ignored_options(new, cluster))
