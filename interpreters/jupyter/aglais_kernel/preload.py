"""Imports the Spark client while the user reads the notebook, so that the first cell is fast."""

from __future__ import annotations

import os
import threading

SETTING = "AGLAIS_PRELOAD"
DELAY_S = 0.5  # the kernel answers its first requests first

_not_needed = threading.Event()
_thread: threading.Thread | None = None


def start() -> None:
    """Imports in a thread if AGLAIS_PRELOAD is `true`: that takes a second or two, and 100 MB."""
    global _thread
    if os.environ.get(SETTING) == "true":
        _thread = threading.Thread(target=_import_client, name="aglais-preload", daemon=True)
        _thread.start()


def finish() -> None:
    """Before a cell runs: two threads that import pyspark can fail with a `_DeadlockError`.

    An import that has not begun is left to the cell.
    """
    global _thread
    _not_needed.set()
    if _thread:
        _thread.join()
        _thread = None


def _import_client() -> None:
    if _not_needed.wait(DELAY_S):
        return
    try:
        import pandas  # noqa: F401
        import pyspark.sql.connect.functions.builtin
        import pyspark.sql.connect.session  # noqa: F401
    except ImportError:
        pass  # the first use of Spark says what is missing
