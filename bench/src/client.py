"""The notebook side of a measurement: imports PySpark, reports that it is ready, and measures tasks.

Reads one JSON object per line, {"url": …, "rows": …, "busySeconds": …, "ca": PEM}; writes
{"firstResultAt": ms since the epoch}, and then {"queries": number of queries run while busy}.
"""

import json
import sys
import time

import grpc
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession as ConnectSession


class Pinned(DefaultChannelBuilder):
    """As a kernel connects: only to a driver whose certificate is signed by the cluster's CA."""

    def __init__(self, url, ca):
        super().__init__(url, [("grpc.ssl_target_name_override", "aglais")])
        self.ca = ca.encode()

    def toChannel(self):
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(root_certificates=self.ca),
            grpc.access_token_call_credentials(self.token),
        )
        return self._secure_channel(self.endpoint, credentials)


def session(task):
    channels = Pinned(task["url"], task["ca"]) if task.get("ca") else DefaultChannelBuilder(task["url"])
    # `ConnectSession.builder` is shared by all sessions, and would keep the channels of an earlier one.
    return ConnectSession.Builder().channelBuilder(channels).create()


print("imported", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    spark = session(task)
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
