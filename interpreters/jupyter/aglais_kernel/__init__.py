"""The Python that sits next to user code in an IPython kernel.

It puts a lazy `spark` into the namespace, lets `SparkSession.builder.getOrCreate()` reach this
notebook's own cluster, tags every Spark job with its cell, and says in plain words what happens
to Spark. A notebook that never uses Spark does not notice it: only light modules of the standard
library are imported here, and no thread is started.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Attaches this kernel to the Aglais server at AGLAIS_URL; without it, does nothing."""
    url = os.environ.get("AGLAIS_URL")
    if not url or not hasattr(shell, "kernel"):
        return
    from .notebook import attach

    attach(shell, url, os.environ.get("AGLAIS_TOKEN_FILE"))
