"""The notebook side: runs cells on a cluster as a kernel does, and reports their outcome.

Reads one JSON object per line from standard input:
    {"connect": url}                                    address of the cluster
    {"cell", "run", "code", "case", "directory"}        starts a cell in its own thread
    {"interrupt": cell, "case"}                         interrupts a cell, as the stop button does
Writes {"ready"}, then {"cell", "run", "outcome", "at"} when a cell starts (`running`) and when it has ended
(`ok`, `cancelled`, or `error` with {"name", "message"}).
"""

import json
import os
import sys
import threading
import time

import numpy as np
import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.connect.client.retries import DefaultPolicy

# As in the kernel: a lost driver is reported within seconds instead of minutes.
RETRIES = {"max_retries": 4, "initial_backoff": 50, "backoff_multiplier": 4.0, "max_backoff": 1000}

answers = sys.stdout
sys.stdout = sys.stderr
writing = threading.Lock()
notebooks = {}
interrupted = set()


def answer(message):
    with writing:
        print(json.dumps(message), file=answers, flush=True)


def notebook(case, directory):
    """What the cells of one case share: their session and variables."""
    if case not in notebooks:
        spark = SparkSession.builder.remote(os.environ["REMOTE"]).create()
        spark.client.set_retry_policies([DefaultPolicy(**RETRIES)])
        notebooks[case] = {
            "spark": spark,
            "directory": directory,
            "F": F,
            "StorageLevel": StorageLevel,
            "np": np,
            "pd": pd,
            "time": time,
        }
    return notebooks[case]


def run(task):
    cell = {"cell": task["cell"], "run": task["run"]}
    variables = notebook(task["case"], task["directory"])
    spark = variables["spark"]
    tag = f"aglais-cell:{task['run']}:{task['cell']}"
    spark.addTag(tag)
    answer({**cell, "outcome": "running", "at": now()})
    error = None
    try:
        exec(compile(task["code"], f"<{task['cell']}>", "exec"), variables)
        outcome = "ok"
    except BaseException as problem:
        outcome = "cancelled" if task["cell"] in interrupted else "error"
        error = {"name": type(problem).__name__, "message": str(problem)[:100_000]}
    spark.removeTag(tag)
    answer({**cell, "outcome": outcome, "at": now(), **({"error": error} if error else {})})


def now():
    return int(time.time() * 1000)


answer({"ready": True})
for line in sys.stdin:
    task = json.loads(line)
    if "interrupt" in task:
        interrupted.add(task["interrupt"])
        notebooks[task["case"]]["spark"].interruptTag(f"aglais-cell:1:{task['interrupt']}")
    elif "connect" in task:
        os.environ["REMOTE"] = task["connect"]
    else:
        notebook(task["case"], task["directory"])
        threading.Thread(target=run, args=(task,), daemon=True).start()
# The cluster may be gone: exit without closing sessions.
os._exit(0)
