"""The lazy `spark` in the namespace, until Spark is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# For completion before pyspark is imported.
KNOWN = ["catalog", "conf", "createDataFrame", "range", "read", "sql", "stop", "table", "udf"]


class LazySpark:
    """Delegates to the real SparkSession, which starts at the first use.

    Cells that name `spark` get the real session before they run; this object serves indirect
    uses. Inspecting it (repr, completion, variable inspectors) does not start Spark.
    """

    def __init__(self, session: Callable[[], Any], in_use: Callable[[], bool]):
        self._session = session
        self._in_use = in_use

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not self._in_use():
            raise AttributeError(f"Spark is not started; it starts when a cell uses it ({name})")
        return getattr(self._session(), name)

    def __dir__(self) -> list[str]:
        module = sys.modules.get("pyspark.sql.session")
        names = dir(module.SparkSession) if module else KNOWN
        return [name for name in names if not name.startswith("_")]

    def __repr__(self) -> str:
        return "<Spark: not started; it starts when a cell uses it>"
