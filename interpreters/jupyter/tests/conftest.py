from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from backend import TOKEN, Backend
from kernel import Kernel, Outcome
from spark_connect import SparkConnect
from tls import Authority


@pytest.fixture(scope="session")
def one_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkConnect]:
    """The Spark of the whole session; started by the first request for a cluster."""
    spark = SparkConnect(tmp_path_factory.mktemp("spark"))
    yield spark
    spark.stop()


@pytest.fixture
def spark_server(one_spark: SparkConnect) -> SparkConnect:
    """That Spark, running: for tests that inspect it or measure time."""
    one_spark.start_if_needed()
    return one_spark


@pytest.fixture
def backend(one_spark: SparkConnect) -> Iterator[Backend]:
    backend = Backend(one_spark)
    yield backend
    backend.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "own")


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Starts a kernel with this environment, without other AGLAIS and SPARK variables."""
    kernels: list[Kernel] = []

    def start(file_name: str = "", **environment: str) -> Kernel:
        (tmp_path / "ipython").mkdir(exist_ok=True)
        kernels.append(
            Kernel(tmp_path, {"IPYTHONDIR": str(tmp_path / "ipython"), **environment}, file_name)
        )
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.shutdown()


@pytest.fixture
def aglais(tmp_path: Path, backend: Backend) -> dict[str, str]:
    """The environment of a kernel under Aglais."""
    return environment(tmp_path, backend)


@pytest.fixture
def kernel(start_kernel: Callable[..., Kernel], aglais: dict[str, str]) -> Kernel:
    """A new kernel, with a `backend` without clusters."""
    return start_kernel(**aglais)


@dataclass
class Notebook:
    """A kernel that is connected to Spark, and its backend; cells run in it as in a kernel."""

    kernel: Kernel
    backend: Backend

    def run(self, code: str, cell: str = "cell-1") -> Outcome:
        return self.kernel.run(code, cell)

    @property
    def cluster(self) -> dict[str, Any]:
        """The live one."""
        cluster = self.backend.live(self.kernel.id)
        assert cluster
        return cluster


@pytest.fixture(scope="session")
def long_notebook(
    one_spark: SparkConnect, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    directory = tmp_path_factory.mktemp("notebook")
    backend = Backend(one_spark)
    kernel = Kernel(directory, environment(directory, backend))
    yield Notebook(kernel, backend)
    kernel.shutdown()
    backend.stop()


@pytest.fixture
def notebook(
    long_notebook: Notebook, one_spark: SparkConnect, eventually: Callable[..., None]
) -> Notebook:
    """The notebook that tests share, connected: starting one takes seconds."""
    one_spark.start_if_needed()
    long_notebook.backend.restore()
    run = long_notebook.run("spark.range(1).schema", cell="between-tests").run
    reported = long_notebook.backend.cell_runs
    eventually(lambda: reported and reported[-1][1]["run"] == run)
    eventually(lambda: reported[-1][1]["outcome"] == "ok")
    long_notebook.backend.restore()
    return long_notebook


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits up to 5 s for a condition that another thread fulfils."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 5 s"
            time.sleep(0.02)

    return wait


def environment(directory: Path, backend: Backend) -> dict[str, str]:
    token_file = directory / "token"
    token_file.write_text(f"{TOKEN}\n")
    (directory / "ipython").mkdir(exist_ok=True)
    return {
        "AGLAIS_URL": backend.url,
        "AGLAIS_TOKEN_FILE": str(token_file),
        "IPYTHONDIR": str(directory / "ipython"),
        "JPY_SESSION_NAME": "stars/mean proper motion.ipynb",
    }
