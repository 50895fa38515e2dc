"""A real Spark Connect server in a process that tests can kill."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pyspark

# What Spark's launcher passes to Java 17 (org.apache.spark.launcher.JavaModuleOptions).
OPEN_PACKAGES = [
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio",
    "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch",
    "sun.nio.cs", "sun.security.action", "sun.util.calendar",
]  # fmt: skip


class SparkConnect:
    """After `start_if_needed()` it accepts connections; `kill()` is SIGKILL, `stop()` SIGTERM."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.events = directory / "events"
        self.events.mkdir()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"sc://localhost:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start_if_needed(self) -> None:
        with self._starting:
            if not self.running:
                self._start()

    def _start(self) -> None:
        home = Path(pyspark.__file__).parent
        java = (
            os.path.join(os.environ["JAVA_HOME"], "bin/java")
            if "JAVA_HOME" in os.environ
            else (shutil.which("java"))
        )
        conf = {
            "spark.master": "local[2]",
            "spark.connect.grpc.binding.port": self.port,
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self.events.as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
            "spark.local.dir": self.directory / "scratch",
            "spark.sql.warehouse.dir": self.directory / "warehouse",
            "spark.sql.shuffle.partitions": 2,
        }
        command = [
            str(java), "-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+IgnoreUnrecognizedVMOptions",
            *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPEN_PACKAGES),
            "-Djdk.reflect.useDirectMethodHandle=false",
            *(f"-D{key}={value}" for key, value in conf.items()),
            "-cp", f"{home}/jars/*",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
        ]  # fmt: skip
        environment = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self.token,
        }
        with open(self.directory / "spark.log", "ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.directory, stdout=log, stderr=log
            )
        _until(self._accepts, 60, f"Spark did not start, see {self.directory / 'spark.log'}")

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self.running and self._process:
            self._process.terminate()
            self._process.wait(20)

    def event_log(self) -> str:
        """All events of all applications so far."""
        return "".join(file.read_text() for file in sorted(self.events.iterdir()))

    def _accepts(self) -> bool:
        assert self.running, f"Spark ended, see {self.directory / 'spark.log'}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _until(condition, seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
