"""Every Spark job is tagged with its cell, and cells that use Spark are reported."""

import json

import pytest

THREAD = """
import threading, time
def work():
    time.sleep(0.6)
    spark.range(3, numPartitions=3).toPandas()
thread = threading.Thread(target=work)
thread.start()
"""
POOL = """
from concurrent.futures import ThreadPoolExecutor
pool = globals().get("pool") or ThreadPoolExecutor(1)
pool.submit(lambda: spark.range(2).toPandas()).result()
"""
TASK = """
import asyncio
async def later():
    await asyncio.sleep(0.4)
    spark.range(2).toPandas()
task = asyncio.ensure_future(later())
"""


@pytest.fixture
def new_tags(spark_server):
    """The plain tags (without Spark's wrapping) of each job since the test began."""

    def of_all_jobs():
        events = map(json.loads, spark_server.event_log().splitlines())
        jobs = [event for event in events if event["Event"] == "SparkListenerJobStart"]
        wrapped = [job["Properties"].get("spark.job.tags", "").split(",") for job in jobs]
        return [{tag.split("_Tag_", 1)[1] for tag in tags if "_Tag_" in tag} for tags in wrapped]

    before = len(of_all_jobs())
    return lambda: of_all_jobs()[before:]


def runs(backend):
    return [(run["cell"], run["run"], run["outcome"]) for _, run in backend.cell_runs]


def test_the_very_first_cell_is_tagged(kernel, new_tags):
    kernel.run("spark.range(9).toPandas()", cell="first-cell")
    assert new_tags()
    assert all(tags == {"aglais-cell:1:first-cell"} for tags in new_tags())


def test_a_restarted_kernel_does_not_reuse_run_numbers(backend, kernel, new_tags):
    backend.run_offset = 100_000
    kernel.run("spark.range(9).toPandas()", cell="first-cell")
    assert new_tags()[-1] == {"aglais-cell:100001:first-cell"}
    # A later endpoint does not change the offset of a running kernel.
    backend.run_offset = 200_000
    kernel.run("%aglais restart")
    kernel.run("spark.range(9).toPandas()", cell="first-cell")
    assert new_tags()[-1] == {"aglais-cell:100003:first-cell"}
    assert runs(backend)[0] == ("first-cell", 100_001, "running")


def test_a_users_own_tags_are_kept(notebook, new_tags):
    notebook.run("spark.addTag('mine')", cell="a")
    run = notebook.run("spark.range(9).toPandas()", cell="b").run
    assert new_tags()[-1] == {"mine", f"aglais-cell:{run}:b"}
    assert notebook.run("spark.getTags()").result == "{'mine'}"
    notebook.run("spark.clearTags()")


def test_threads_and_tasks_keep_the_cell_that_started_them(notebook, new_tags):
    thread = notebook.run(THREAD, cell="thread").run
    notebook.run("thread.join()", cell="another")
    assert new_tags() == [{f"aglais-cell:{thread}:thread"}]

    task = notebook.run(TASK, cell="task").run
    notebook.run("await task", cell="another")
    assert new_tags()[1:] == [{f"aglais-cell:{task}:task"}]

    # The pool's thread is started by the first of these cells, and used by the second too.
    notebook.run(POOL, cell="pool")
    pool = notebook.run(POOL, cell="pool-again").run
    assert new_tags()[-1] == {f"aglais-cell:{pool}:pool-again"}


def test_cells_that_use_spark_are_reported_and_others_are_not(kernel, backend, eventually):
    kernel.run("1 + 1", cell="plain")
    kernel.run("df = spark.range(3)", cell="lazy")
    kernel.run("df.count()", cell="good")
    kernel.run("df.count()\nraise ValueError('no ' * 3)", cell="bad")
    kernel.run("2 + 2", cell="plain")
    eventually(lambda: len(backend.cell_runs) == 4)
    assert runs(backend) == [
        ("good", 3, "running"),
        ("good", 3, "ok"),
        ("bad", 4, "running"),
        ("bad", 4, "error"),
    ]
    assert {cluster for cluster, _ in backend.cell_runs} == set(backend.clusters)
    began, ended = backend.cell_runs[-2][1], backend.cell_runs[-1][1]
    assert set(began) == {"cell", "run", "outcome", "at"}
    assert ended["error"] == {"name": "ValueError", "message": "no no no "}
    assert began["at"] <= ended["at"]


def test_slow_reports_arrive_in_order_and_do_not_delay_cells(notebook, eventually):
    backend = notebook.backend
    backend.report_seconds = 0.3
    seconds = [notebook.run("spark.range(1).schema", cell=name).seconds for name in "abcd"]
    assert sum(seconds) < 1.2  # half of what the reports take
    eventually(lambda: len(backend.cell_runs) == 8)
    assert [cell for cell, _, _ in runs(backend)] == list("aabbccdd")
    assert [outcome for _, _, outcome in runs(backend)] == ["running", "ok"] * 4


def test_a_report_is_sent_again_when_the_server_comes_back(notebook, eventually):
    backend = notebook.backend
    backend.stop()
    notebook.run("spark.range(1).schema", cell="meanwhile")
    backend.start()
    eventually(lambda: len(backend.cell_runs) == 2)
    assert [outcome for _, _, outcome in runs(backend)] == ["running", "ok"]


def test_a_front_end_without_cell_ids_gets_the_execution_count(kernel, backend, eventually):
    kernel.run("spark.range(1).schema", cell=None)
    eventually(lambda: len(backend.cell_runs) == 2)
    assert runs(backend)[0] == ("in-1", 1, "running")
