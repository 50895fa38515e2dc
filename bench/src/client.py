"""A notebook's side of a measurement: imports PySpark, says so, and answers tasks with times.

Reads one JSON object a line, {"url": …, "rows": …, "busySeconds": …}; writes
{"firstResultAt": ms since the epoch}, and then {"queries": how many more were done while busy}.
"""

import json
import sys
import time

from pyspark.sql import SparkSession

print("imported", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    spark = SparkSession.builder.remote(task["url"]).create()
    stars = spark.range(0, task["rows"], 1, 4).selectExpr("id % 12 AS cell", "rand(1) AS pm")
    stars.groupBy("cell").avg("pm").collect()
    print(json.dumps({"firstResultAt": time.time() * 1000}), flush=True)
    until = time.time() + task.get("busySeconds", 0)
    queries = 0
    while time.time() < until:
        stars.groupBy("cell").avg("pm").collect()
        queries += 1
    print(json.dumps({"queries": queries}), flush=True)
    if not task.get("keep"):
        spark.stop()
