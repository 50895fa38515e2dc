"""Runs one small query of each kind, so that the first queries of a user find warm JVMs.

warm_up.py DIRECTORY CATALOGUE

DIRECTORY is that of a cluster (docs/decisions/002), CATALOGUE the file of statements for its tables. It
waits for `ready` and connects as a kernel would. What fails is left out: a spare that is less warm is still
a spare. It ends as soon as somebody else uses Spark: their first query must not share the executors with
the warm-up. Its jobs carry no cell, so no notebook shows them. Its session is left to the notebook
(docs/decisions/023).
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote

READY_S = 300.0
WATCH_S = 0.05
TAG = "aglais-warm-up"  # of its operations
# In `live.jsonl`; the first session is that of the warm-up.
SESSION_STARTED = b".SparkListenerConnectSessionStarted"
OPERATION_STARTED = b".SparkListenerConnectOperationStarted"
OWN_OPERATION = f'"sparkSessionTags":["{TAG}"]'.encode()
TABLES = 20  # of many shares, the first ones; what is compiled for one scan serves them all
FILES = 8
ROWS = 300_000  # of each table: enough for the JIT compiler, and not much of a large catalogue


def main(directory: Path, catalogue: Path) -> None:
    port = _port(directory / "ready")
    if port is None:
        return
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession

    # The client sends the token of SPARK_CONNECT_AUTHENTICATE_TOKEN.
    url = f"sc://localhost:{port}/;user_id=aglais;session_id={_session(os.environ['AGLAIS_CLUSTER'])}"
    spark = SparkSession.builder.remote(url).create()
    spark.client.set_retry_policies([DefaultPolicy(max_retries=2)])
    spark.addTag(TAG)
    threading.Thread(target=_end_when_used, args=(spark, directory / "live.jsonl"), daemon=True).start()
    for query in _queries(spark, _tables(catalogue)):
        _run(query)
    print("aglais: warm", flush=True)


def _session(cluster: str) -> str:
    """The session that a kernel uses first (aglais_kernel: Connection.first_session)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"aglais:{cluster}"))


def _end_when_used(spark, events: Path) -> None:
    """Cancels its own queries and ends this process when somebody else uses Spark."""
    sessions = 0
    with events.open("rb") as lines:
        while sessions < 2:
            line = lines.readline()
            if not line.endswith(b"\n"):
                lines.seek(-len(line), os.SEEK_CUR)  # the rest of it is not written yet
                time.sleep(WATCH_S)
            elif SESSION_STARTED in line[:200]:
                sessions += 1
            elif OPERATION_STARTED in line[:200] and OWN_OPERATION not in line:
                break
    try:
        spark.interruptTag(TAG)
    finally:
        os._exit(0)


def _port(ready: Path) -> str | None:
    """The first line of `ready`, once it is there."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            return ready.read_text().split("\n", 1)[0]
        except FileNotFoundError:
            time.sleep(0.1)
    return None


def _tables(catalogue: Path) -> list[str]:
    """Names of the tables that the statements of the catalogue make known."""
    words = (line.split() for line in catalogue.read_text().splitlines())
    # CREATE TABLE IF NOT EXISTS name …
    return [line[5] for line in words if line[:2] == ["CREATE", "TABLE"] and len(line) > 5][:TABLES]


def _queries(spark, tables: Iterable[str]) -> Iterable[Callable[[], object]]:
    from pyspark.sql.connect import functions as f
    from pyspark.sql.types import LongType

    numbers = spark.range(10_000, numPartitions=2).withColumn("key", f.col("id") % 7)
    # Shuffle, sort, and results as Arrow batches: what nearly every first cell does.
    yield lambda: numbers.groupBy("key").agg(f.count("*"), f.avg("id")).orderBy("key").toPandas()
    yield lambda: numbers.join(numbers.limit(7), "key").count()
    for table in tables:
        yield lambda table=table: spark.table(table).limit(1_000).toPandas()
        yield lambda table=table: _count_in_files(spark, spark.table(table))
    # Python workers on every executor, plain and with Arrow.
    plus_one = f.udf(lambda value: value + 1, LongType())
    yield lambda: numbers.select(plus_one("id")).groupBy().count().collect()
    yield lambda: numbers.mapInPandas(lambda frames: frames, numbers.schema).count()


def _count_in_files(spark, table) -> None:
    """Compiles the scan and the aggregate of a first query."""
    files = [unquote(file) for file in table.inputFiles()[:FILES]]
    if not files:
        return
    rows = max(1, spark.read.parquet(files[0]).count())  # known without reading them
    reader = spark.read.schema(table.schema).option("basePath", _root(files[0]))
    some = reader.parquet(*files[: max(1, ROWS // rows)])
    if rows > ROWS:
        some = some.limit(ROWS)
    for column in _columns(table.schema.fields, files[0]):
        some.groupBy(column).count().limit(1_000).toPandas()


def _columns(fields, file: str) -> set[str]:
    """Spark generates code for types: one column of each, and those whose values are names of folders."""
    from pyspark.sql.types import AtomicType

    atomic = [field for field in fields if isinstance(field.dataType, AtomicType)]
    of_each_type = {field.dataType: field.name for field in reversed(atomic)}
    folders = {part.split("=")[0] for part in file.split("/")[:-1] if "=" in part}
    return {*of_each_type.values(), *(folders & {field.name for field in atomic})}


def _root(file: str) -> str:
    """The folder of the table to which a file belongs."""
    return "/".join(part for part in file.split("/")[:-1] if "=" not in part)


def _run(query: Callable[[], object]) -> None:
    try:
        query()
    except Exception as problem:
        print(f"aglais: a query of the warm-up failed: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.nice(5)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception:
        traceback.print_exc()
    # Without pyspark's exit, which would end the session.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
