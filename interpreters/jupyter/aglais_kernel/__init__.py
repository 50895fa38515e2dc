"""The Python package that runs in the user's IPython kernel.

It puts a lazy `spark` into the namespace, connects `SparkSession.builder.getOrCreate()` to this
notebook's own cluster, tags every Spark job with its cell, and reports what happens to Spark in
plain language. It does not affect a notebook that never uses Spark: only light modules of the
standard library are imported here, and no thread is started unless AGLAIS_PRELOAD asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Attaches this kernel to the Aglais server at AGLAIS_URL; does nothing if that is not set."""
    url = os.environ.get("AGLAIS_URL")
    if not url or not hasattr(shell, "kernel"):
        return
    from . import preload
    from .notebook import attach

    attach(shell, url, os.environ.get("AGLAIS_TOKEN_FILE"))
    preload.start()
