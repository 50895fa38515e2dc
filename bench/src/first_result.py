"""A kernel as JupyterLab starts one. Each line of input runs the cell; the output is its duration in seconds.

first_result.py DIRECTORY
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel

TIMEOUT_S = 400

CELL = """
spark.table("bigsky.source").groupBy("hpx0").count().toPandas().shape[0]
"""


def run(client) -> dict[str, object]:
    """From sending the cell to its last message."""
    began = time.monotonic()
    result = {"value": "", "error": ""}

    def take(message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "execute_result":
            result["value"] = content["data"].get("text/plain", "")
        elif message["msg_type"] == "error":
            result["error"] = f"{content['ename']}: {content['evalue']}"

    client.execute_interactive(CELL, timeout=TIMEOUT_S, output_hook=take, store_history=True)
    return {"seconds": time.monotonic() - began, **result}


def main() -> None:
    profile = Path(sys.argv[1]) / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(
        'get_config().InteractiveShellApp.extensions = ["aglais_kernel"]\n'
    )
    os.environ["IPYTHONDIR"] = sys.argv[1]
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=120)
    try:
        print(json.dumps({"ready": True}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(run(client)), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
