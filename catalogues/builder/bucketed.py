"""Tables in Spark's own bucketed layout.

Spark itself writes them: then file names, hash and sort order are right by definition, and a
cluster that declares the same buckets joins and groups by `source_id` without a shuffle.
"""

import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

from . import BuildError
from .atomic_folder import cores

#: One base cell of HEALPix, ⅟₁₂ of the sky, per folder: `WHERE hpx0 = 4` reads that part only.
PARTITION = "hpx0"
BUCKETS = 4
KEY = "source_id"


@contextlib.contextmanager
def local_spark(scratch):
    """A Spark inside this process, on loopback, with all its files below `scratch`.

    `scratch` must exist. Raises BuildError if no Java can be started, or if Spark gives up.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    conf = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(Path(scratch) / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "zstd",
        # Python workers need this package, independent of the working directory.
        "spark.executorEnv.PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        # Spark must not coalesce the partitions that are set below.
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
    }
    builder = SparkSession.builder.master(f"local[{min(cores(), 4)}]").appName("aglais-catalogues")
    for key, value in conf.items():
        builder = builder.config(key, value)
    with _stderr_to(Path(scratch) / "java.log") as log:
        try:
            spark = builder.getOrCreate()
        except (PySparkException, OSError) as error:
            last = "\n".join("  " + line for line in log.read_text().splitlines()[-5:])
            raise BuildError(
                f"Spark could not be started; is there a Java 17 or newer?\n  {error}\n{last}"
            ) from error
    try:
        yield spark
    except (PySparkException, Py4JError) as error:
        raise BuildError(
            f"Spark gave up: {_root_cause(error)}. Nothing was left half done."
        ) from error
    finally:
        spark.stop()


def _root_cause(error):
    """The root cause in a Java stack trace, e.g. "No space left on device"."""
    causes = re.findall(r"Caused by: (.*)", str(error))
    return causes[-1] if causes else str(error).strip().splitlines()[0]


@contextlib.contextmanager
def _stderr_to(log):
    """Redirects the messages of the JVM during its start into a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(log, "w") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield log
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def write_table(frame, folder):
    """Writes a DataFrame with `source_id` to `folder`: partitioned by `hpx0`, bucketed, sorted."""
    frame = frame.selectExpr("*", f"CAST({KEY} >> 59 AS INT) AS {PARTITION}")
    # The same hash as the buckets': each task writes one bucket, one file per partition.
    writer = frame.repartition(BUCKETS, KEY).write.format("parquet").mode("overwrite")
    writer = writer.partitionBy(PARTITION).bucketBy(BUCKETS, KEY).sortBy(KEY)
    # 32 Ki rows per row group, sorted by position: a query of a small area skips most of them.
    writer = writer.option("parquet.block.row.count.limit", 32768).option("path", str(folder))
    writer.saveAsTable("being_built")
    frame.sparkSession.sql("DROP TABLE being_built")
    for left in [*Path(folder).glob("_SUCCESS"), *Path(folder).rglob(".*.crc")]:
        left.unlink()


def scratch_below(folder):
    """A temporary folder for Spark next to the target (that of the system may be small)."""
    return tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True)
