"""The temporary views and cached data of a Spark session, which a new session does not have.

Recorded from the plans that are sent: a lost session can no longer be asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

NAME = r"(`[^`]+`|[\w.]+)"
CREATE_VIEW = re.compile(
    rf"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+)?TEMP(?:ORARY)?\s+VIEW\s+"
    rf"(?:IF\s+NOT\s+EXISTS\s+)?{NAME}",
    re.IGNORECASE,
)
DROP_VIEW = re.compile(rf"^\s*DROP\s+VIEW\s+(?:IF\s+EXISTS\s+)?{NAME}", re.IGNORECASE)
CACHE = re.compile(rf"^\s*CACHE\s+(?:LAZY\s+)?TABLE\s+{NAME}", re.IGNORECASE)
UNCACHE = re.compile(rf"^\s*UNCACHE\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}", re.IGNORECASE)
CLEAR_CACHE = re.compile(r"^\s*CLEAR\s+CACHE", re.IGNORECASE)


@dataclass
class SessionContents:
    """Names are as the user gave them; `cached_frames` counts cached DataFrames without a name."""

    views: set[str] = field(default_factory=set)
    cached_tables: set[str] = field(default_factory=set)
    cached_frames: int = 0

    def record_plan(self, plan: Any) -> None:
        """Records the views and caches that a plan (pyspark's proto `Plan`) creates or drops."""
        if plan.HasField("command"):
            command = plan.command
            if command.HasField("create_dataframe_view"):
                self.views.add(command.create_dataframe_view.name)
            elif command.HasField("sql_command"):
                self.record_sql(command.sql_command.input.sql.query or command.sql_command.sql)
        elif plan.HasField("root") and plan.root.HasField("catalog"):
            self._record_catalog(plan.root.catalog)

    def record_sql(self, query: str) -> None:
        """Records the views and caches that an SQL statement creates or drops."""
        if match := CREATE_VIEW.match(query):
            self.views.add(match.group(1).strip("`"))
        elif match := DROP_VIEW.match(query):
            self._drop_view(match.group(1).strip("`"))
        elif match := CACHE.match(query):
            self.cached_tables.add(match.group(1).strip("`"))
        elif match := UNCACHE.match(query):
            self.cached_tables.discard(match.group(1).strip("`"))
        elif CLEAR_CACHE.match(query):
            self._clear_cache()

    def record_analysis(self, method: str) -> None:
        """Records `DataFrame.cache()` and `unpersist()`, which Spark Connect sends as analyses."""
        if method == "persist":
            self.cached_frames += 1
        elif method == "unpersist":
            self.cached_frames = max(0, self.cached_frames - 1)

    def _record_catalog(self, catalog: Any) -> None:
        if catalog.HasField("cache_table"):
            self.cached_tables.add(catalog.cache_table.table_name)
        elif catalog.HasField("uncache_table"):
            self.cached_tables.discard(catalog.uncache_table.table_name)
        elif catalog.HasField("clear_cache"):
            self._clear_cache()
        elif catalog.HasField("drop_temp_view"):
            self._drop_view(catalog.drop_temp_view.view_name)
        elif catalog.HasField("drop_global_temp_view"):
            self._drop_view(catalog.drop_global_temp_view.view_name)

    def _drop_view(self, name: str) -> None:
        self.views.discard(name)
        self.cached_tables.discard(name)

    def _clear_cache(self) -> None:
        self.cached_tables.clear()
        self.cached_frames = 0
