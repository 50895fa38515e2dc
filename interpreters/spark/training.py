"""Uses the common features of notebooks, so that Java loads the classes that they need.

python training.py URL
"""

import sys

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def train(spark):
    """SQL, aggregation, joins, windows, caching, pandas and Parquet, on a few rows each."""
    stars = spark.range(0, 20_000, 1, 4).select(
        "id",
        (F.col("id") % 12).alias("cell"),
        (F.rand(1) * 360).alias("ra"),
        F.randn(2).alias("pm"),
        F.when(F.col("id") % 7 == 0, None).otherwise(F.col("id").cast("string")).alias("name"),
    )
    stars.createOrReplaceTempView("stars")
    spark.sql("SELECT cell, avg(pm), stddev(pm), count(*) FROM stars GROUP BY cell ORDER BY cell").toPandas()
    names = spark.createDataFrame(pd.DataFrame({"cell": np.arange(12), "label": list("abcdefghijkl")}))
    stars.join(names, "cell").groupBy("label").agg(F.max("pm"), F.countDistinct("name")).collect()
    stars.join(stars.select("id", "ra").hint("merge"), "id").where("pm > 0").count()
    ranked = spark.sql("SELECT cell, row_number() OVER (PARTITION BY cell ORDER BY pm) AS n FROM stars")
    ranked.where("n < 3").collect()
    cached = stars.cache()
    cached.count()
    cached.agg(F.sum("pm")).collect()
    cached.unpersist()
    stars.mapInPandas(lambda frames: (frame[["id"]] for frame in frames), "id long").count()
    stars.limit(5).toPandas()
    spark.sql("SHOW TABLES").collect()
    path = spark.conf.get("spark.sql.warehouse.dir").removeprefix("file:") + "/training"
    stars.write.mode("overwrite").parquet(path)
    spark.read.parquet(path).groupBy("cell").count().collect()


if __name__ == "__main__":
    session = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
    train(session)
    session.stop()
