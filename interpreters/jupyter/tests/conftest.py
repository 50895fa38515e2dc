from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backend import TOKEN, Backend
from kernel import Kernel
from spark_connect import SparkConnect


@pytest.fixture(scope="session")
def one_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkConnect]:
    spark = SparkConnect(tmp_path_factory.mktemp("spark"))
    yield spark
    spark.stop()


@pytest.fixture
def spark_server(one_spark: SparkConnect) -> SparkConnect:
    """The Spark of the whole session; started anew after a test that killed it."""
    if not one_spark.running:
        one_spark.start()
    return one_spark


@pytest.fixture
def backend(spark_server: SparkConnect) -> Iterator[Backend]:
    backend = Backend(spark_server)
    yield backend
    backend.stop()


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Starts a kernel with exactly this environment on top of a bare one."""
    kernels: list[Kernel] = []

    def start(**environment: str) -> Kernel:
        (tmp_path / "ipython").mkdir(exist_ok=True)
        kernels.append(Kernel(tmp_path, {"IPYTHONDIR": str(tmp_path / "ipython"), **environment}))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.shutdown()


@pytest.fixture
def aglais(tmp_path: Path, backend: Backend) -> dict[str, str]:
    """The environment that a kernel gets under Aglais."""
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    return {
        "AGLAIS_URL": backend.url,
        "AGLAIS_TOKEN_FILE": str(token_file),
        "JPY_SESSION_NAME": "stars/mean proper motion.ipynb",
    }


@pytest.fixture
def kernel(start_kernel: Callable[..., Kernel], aglais: dict[str, str]) -> Kernel:
    return start_kernel(**aglais)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits up to 5 s for something that happens on another thread."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 5 s"
            time.sleep(0.02)

    return wait
