"""A notebook: a real kernel of this environment; cells and their results are lines of JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from kernel import Kernel

with tempfile.TemporaryDirectory(prefix="aglais-notebook-") as directory:
    to_server = {name: os.environ[name] for name in ("AGLAIS_URL", "AGLAIS_TOKEN_FILE")}
    kernel = Kernel(Path(directory), {"IPYTHONDIR": f"{directory}/ipython", **to_server})
    print(json.dumps(kernel.id), flush=True)
    for line in sys.stdin:
        cell = json.loads(line)
        outcome = kernel.run(cell["code"], cell["id"], timeout=cell["seconds"])
        print(json.dumps({**vars(outcome), "shown": outcome.shown}), flush=True)
    kernel.shutdown()
