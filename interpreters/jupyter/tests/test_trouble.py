"""After a failure, the user reads within seconds what happened, what was kept, and what to do."""

import time

SLOW = """
from pyspark.sql.functions import udf
@udf("long")
def slowly(x):
    import time
    time.sleep(60)
    return x
spark.range(2).select(slowly("id")).collect()
"""
# Also on a busy machine. What is tested here would otherwise wait for a minute, or forever.
SOON_S = 20


def running_jobs(spark_server):
    log = spark_server.event_log()
    return log.count('"SparkListenerJobStart"') - log.count('"SparkListenerJobEnd"')


def test_a_server_that_is_down_soon_gives_a_clear_message(kernel, backend):
    backend.stop()
    outcome = kernel.run("spark.range(1).count()")
    assert outcome.seconds < SOON_S
    assert outcome.error_name == "ServerUnavailable"
    assert f"The Aglais server at {backend.url} does not answer" in outcome.error
    assert "Traceback" not in outcome.error
    assert kernel.run("1 + 1").result == "2"
    backend.start()
    assert kernel.run("spark.range(1).count()").result == "1"


def test_a_connected_notebook_works_without_the_server(notebook):
    notebook.backend.stop()
    outcome = notebook.run("spark.range(5).count()")
    assert (outcome.result, outcome.text) == ("5", "")
    assert outcome.seconds < SOON_S


def test_a_server_that_hangs_blocks_no_kernel_and_slows_no_connected_notebook(
    start_kernel, notebook, aglais, backend
):
    backend.hangs = notebook.backend.hangs = True
    outcome = start_kernel(**aglais).run("spark.range(1).count()")
    assert outcome.error_name == "ServerUnavailable"
    assert "timed out" in outcome.error
    assert outcome.seconds < SOON_S
    checked = notebook.run("spark.range(1).schema")
    assert checked.error == ""
    assert checked.seconds < SOON_S
    # Once the check has timed out, cells do not wait for it again.
    for _ in range(9):
        assert notebook.run("1 if spark else 0").result == "1"
    assert notebook.backend.hanging.count("GET") < 3
    backend.hangs = notebook.backend.hangs = False


def test_a_refused_request_shows_the_detail_of_the_problem(kernel, backend):
    backend.refusal = {
        "type": "urn:aglais:problem:memory-exhausted", "title": "No memory left", "status": 507,
        "detail": "8.0 of 8.0 GiB are in use: gd1.ipynb holds 5.2 GiB. Stop its Spark first.",
    }  # fmt: skip
    outcome = kernel.run("spark.range(1).count()")
    assert outcome.error_name == "RequestRefused"
    assert outcome.error.startswith(f"RequestRefused: {backend.refusal['detail']}")
    assert "Traceback" not in outcome.error


def test_a_cluster_that_fails_to_start_shows_the_reason(kernel, backend):
    backend.start_seconds = 60
    cell = kernel.begin("spark.range(1).count()")
    time.sleep(1.5)
    backend.change(backend.live(kernel.id), state="failed", reason="No space left on device.")
    outcome = kernel.finish(cell)
    assert outcome.error_name == "SparkStartFailed"
    assert "Spark did not start. No space left on device. Your Python" in outcome.error
    assert outcome.shown == ["Spark did not start."]


def test_an_interrupt_ends_the_wait_for_spark(kernel, backend, eventually):
    backend.start_seconds = 3
    cell = kernel.begin("print('before')\nspark.range(1).count()")
    eventually(lambda: backend.live(kernel.id))
    time.sleep(0.5)
    kernel.interrupt()
    outcome = kernel.finish(cell)
    assert backend.live(kernel.id)["state"] == "starting"  # the cell did not wait for it
    assert outcome.error_name == "StartInterrupted"
    assert outcome.text == ""  # the cell ended before its first statement
    assert kernel.run("spark.range(2).count()").result == "2"
    assert len(backend.clusters) == 1


def test_an_interrupt_cancels_what_the_cell_runs_in_spark(notebook, spark_server, eventually):
    kernel, backend = notebook.kernel, notebook.backend
    idle = running_jobs(spark_server)
    cell = kernel.begin(SLOW, cell="slow")
    eventually(lambda: running_jobs(spark_server) == idle + 1)
    asked = time.monotonic()
    kernel.interrupt()
    outcome = kernel.finish(cell)
    assert time.monotonic() - asked < SOON_S  # the job would take 60 s
    assert outcome.error_name == "KeyboardInterrupt"
    eventually(lambda: running_jobs(spark_server) == idle)
    eventually(lambda: len(backend.cell_runs) == 2)
    assert [run["outcome"] for _, run in backend.cell_runs] == ["running", "cancelled"]


def test_an_interrupt_cancels_the_threads_of_the_cell_too(notebook, spark_server, eventually):
    kernel = notebook.kernel
    idle = running_jobs(spark_server)
    code = SLOW.replace("spark.range(2)", "work = lambda: spark.range(2)") + (
        "import threading, time\nthreading.Thread(target=work).start()\ntime.sleep(60)"
    )
    cell = kernel.begin(code)
    eventually(lambda: running_jobs(spark_server) == idle + 1)
    kernel.interrupt()
    kernel.finish(cell)
    eventually(lambda: running_jobs(spark_server) == idle)


def test_a_driver_that_dies_during_a_cell_soon_raises_a_clear_error(
    notebook, spark_server, eventually
):
    kernel, backend = notebook.kernel, notebook.backend
    kernel.run("x = 41\nspark.range(1).createOrReplaceTempView('bright')")
    idle = running_jobs(spark_server)
    cell = kernel.begin(SLOW, cell="slow")
    eventually(lambda: running_jobs(spark_server) == idle + 1)
    died = time.monotonic()
    spark_server.kill()
    reason = "The driver was killed by the system's out-of-memory killer."
    time.sleep(0.5)  # a real server needs a moment to notice, too
    backend.end(backend.live(kernel.id), f"{reason} Temporary views are lost.")
    outcome = kernel.finish(cell)
    seconds = time.monotonic() - died
    assert seconds < SOON_S
    assert outcome.error_name == "SparkLost"
    assert f"Spark was lost while this cell was using it: {reason} Your" in outcome.error
    assert "RETRIES_EXCEEDED" not in outcome.text
    eventually(lambda: backend.cell_runs[-1][1]["outcome"] == "error")
    assert backend.cell_runs[-1][1]["error"]["name"] == "SparkLost"

    again = kernel.run("print(spark.range(x + 1).count())")
    assert again.text == "42\n"
    assert reason in again.shown[-1]
    assert "temporary view bright" in again.shown[-1]


def test_a_driver_that_dies_while_the_server_is_down_raises_a_clear_error_too(
    notebook, spark_server
):
    notebook.backend.stop()
    spark_server.kill()
    outcome = notebook.run("spark.range(1).count()")
    assert outcome.seconds < SOON_S
    assert outcome.error_name == "SparkLost"
    assert "the Aglais server does not answer either" in outcome.error
