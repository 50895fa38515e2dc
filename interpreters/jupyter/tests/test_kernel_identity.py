"""A kernel of a real Jupyter Server has the right id and notebook path."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from jupyter_client import BlockingKernelClient

QUESTION = """
from aglais_kernel import notebook
identity = notebook._notebook.connection.identity
print(identity.kernel, identity.notebook)
"""


@pytest.fixture
def jupyter(tmp_path, aglais):
    """A Jupyter Server whose root is tmp_path/root; the fixture is its URL."""
    (tmp_path / "root" / "stars").mkdir(parents=True)
    runtime = tmp_path / "runtime"
    environment = {
        **os.environ,
        **aglais,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "JUPYTER_TOKEN": "t",
    }
    arguments = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        f"--ServerApp.root_dir={tmp_path}/root",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *arguments],
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 90
            while not (files := list(runtime.glob("jpserver-*.json"))):
                assert time.monotonic() < deadline, "Jupyter Server did not start within 90 s"
                time.sleep(0.1)
            yield json.loads(files[0].read_text())["url"]
        finally:
            process.terminate()  # otherwise `with` waits for it forever


def test_the_id_is_jupyters_and_the_path_is_relative_to_its_root(jupyter, tmp_path):
    session = {
        "path": "stars/gd 1.ipynb", "name": "gd 1.ipynb", "type": "notebook",
        "kernel": {"name": "python3"},
    }  # fmt: skip
    headers = {"Authorization": "token t", "Content-Type": "application/json"}
    request = Request(f"{jupyter}api/sessions", json.dumps(session).encode(), headers)
    with urlopen(request, timeout=20) as response:
        id = json.load(response)["kernel"]["id"]
    client = BlockingKernelClient(connection_file=str(tmp_path / f"runtime/kernel-{id}.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(20)
    printed = []
    client.execute_interactive(
        QUESTION, timeout=20, output_hook=lambda m: printed.append(m["content"].get("text"))
    )
    client.stop_channels()
    assert f"{id} stars/gd 1.ipynb\n" in printed


def test_a_kernel_without_a_jupyter_server_stops_its_spark_at_exit(start_kernel, aglais, backend):
    # As nbclient, and so `nbconvert --execute`, starts its kernels.
    kernel = start_kernel("tmpab12.json", **aglais)
    kernel.run("spark.range(1).schema")
    [cluster] = backend.clusters.values()
    assert (cluster["kernel"], cluster["state"]) == ("tmpab12", "ready")
    kernel.shutdown(now=False)
    assert cluster["state"] in ("stopping", "stopped")


def test_a_kernel_of_a_jupyter_server_does_not_stop_its_spark_at_exit(
    start_kernel, aglais, backend
):
    kernel = start_kernel(**aglais)
    kernel.run("spark.range(1).schema")
    kernel.shutdown(now=False)
    [cluster] = backend.clusters.values()
    assert cluster["state"] == "ready"
