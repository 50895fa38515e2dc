"""Says once which settings of existing code have no effect on a Spark that already runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import wording
from .status import notice

NAMING = {"spark.remote", "spark.app.name", "spark.api.mode"}


class OptionsNotice:
    """Remembers what it said: a cell that is run again says nothing new."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def tell(
        self, asked: Mapping[str, str], session: Any, cluster: Mapping[str, Any] | None
    ) -> None:
        """Compares what was asked with what the session took; Spark Connect drops it in silence."""
        ignored = [
            f"{key}={value}"
            for key, value in asked.items()
            if key not in NAMING and session.conf.get(key, None) != value
        ]
        news = set(ignored) - self._said
        if news:
            self._said |= news
            notice(wording.ignored_options(news, cluster))
