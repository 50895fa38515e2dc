"""Runs one small query of each kind, so that the first queries of a user find warm JVMs.

warm_up.py DIRECTORY

DIRECTORY is that of a cluster (docs/decisions/002). It waits for `ready` and connects as a kernel would.
What fails is left out: a spare that is less warm is still a spare. Its jobs
carry no cell, so no notebook shows them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

READY_S = 300.0
TABLES = 20  # of many shares, the first ones; what is compiled for one scan serves them all


def main(directory: Path) -> None:
    port = _port(directory / "ready")
    if port is None:
        return
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession

    # The client sends the token of SPARK_CONNECT_AUTHENTICATE_TOKEN.
    spark = SparkSession.builder.remote(f"sc://localhost:{port}").create()
    spark.client.set_retry_policies([DefaultPolicy(max_retries=2)])
    try:
        for query in _queries(spark, _tables(directory / "catalogue.sql")):
            _run(query)
    finally:
        spark.stop()


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
    try:
        words = (line.split() for line in catalogue.read_text().splitlines())
        # CREATE TABLE IF NOT EXISTS name …
        return [line[5] for line in words if line[:2] == ["CREATE", "TABLE"] and len(line) > 5][:TABLES]
    except FileNotFoundError:
        return []


def _queries(spark, tables: Iterable[str]) -> Iterable[Callable[[], object]]:
    from pyspark.sql.connect import functions as f

    numbers = spark.range(10_000, numPartitions=2).withColumn("key", f.col("id") % 7)
    # Shuffle, sort, and results as Arrow batches: what nearly every first cell does.
    yield lambda: numbers.groupBy("key").agg(f.count("*"), f.avg("id")).orderBy("key").toPandas()
    yield lambda: numbers.join(numbers.limit(7), "key").count()
    for table in tables:
        # The footers are read and the scan is compiled; few rows are.
        yield lambda table=table: spark.table(table).limit(1_000).toPandas()
        yield lambda table=table: spark.table(table).limit(1_000).groupBy().count().collect()
        yield lambda table=table: (
            spark.table(table)
            .where(f.rand() < 0.001)
            .groupBy((f.rand() * 4).cast("int").alias("part"))
            .count()
            .collect()
        )
    # Python workers on every executor, plain and with Arrow.
    plus_one = f.udf(lambda value: value + 1, "long")
    yield lambda: numbers.select(plus_one("id")).groupBy().count().collect()
    yield lambda: numbers.mapInPandas(lambda frames: frames, numbers.schema).count()


def _run(query: Callable[[], object]) -> None:
    try:
        query()
    except Exception as problem:
        print(f"aglais: a query of the warm-up failed: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.nice(5)
    main(Path(sys.argv[1]))
