"""Imports the Spark client while the user reads the notebook, so that the first cell is fast."""

from __future__ import annotations

import os
import threading
import time

SETTING = "AGLAIS_PRELOAD"
DELAY_S = 0.5  # the kernel answers its first requests first


def start() -> None:
    """Imports in a thread if AGLAIS_PRELOAD is `true`: that takes a second or two, and 100 MB."""
    if os.environ.get(SETTING) == "true":
        threading.Thread(target=_import_client, name="aglais-preload", daemon=True).start()


def _import_client() -> None:
    time.sleep(DELAY_S)
    try:
        import pandas  # noqa: F401
        import pyspark.sql.connect.functions.builtin
        import pyspark.sql.connect.session  # noqa: F401
    except ImportError:
        pass  # the first use of Spark says what is missing
