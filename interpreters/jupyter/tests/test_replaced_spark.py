"""Spark was stopped or replaced while the kernel runs: the next use reconnects and reports it."""

BEFORE = """
frame = spark.range(6)
other_name = spark
frame.createOrReplaceTempView("bright")
spark.sql("CREATE TEMP VIEW faint AS SELECT 1")
spark.sql("CACHE TABLE faint").collect()
kept = frame.count()
"""
IDLE = "Nothing had used it for 60 min, so it was stopped."


def test_the_next_use_has_a_new_session_under_every_name_and_shows_what_was_lost(notebook):
    notebook.run(BEFORE)
    notebook.backend.end(notebook.cluster, IDLE)
    outcome = notebook.run("print(spark.range(2).count(), other_name is spark, kept)")
    assert outcome.error == ""
    assert outcome.text == "2 True 6\n"
    ready, notice = outcome.shown
    assert ready.startswith("Spark is ready")
    assert notice == (
        f"The previous Spark cluster has ended: {IDLE}\n"
        "Lost: temporary views bright, faint; cached table faint.\n"
        "Kept: all Python variables. `spark` is a new session; "
        "create your DataFrames again."
    )
    assert notebook.run("spark.range(3).count()").shown == []
    # It is pyspark's active session too: udf("long") needs that.
    code = "from pyspark.sql import SparkSession\nSparkSession.active() is spark"
    assert notebook.run(code).result == "True"


def test_a_dataframe_of_an_ended_session_raises_a_clear_error(notebook):
    notebook.run(BEFORE)
    notebook.backend.end(notebook.cluster, IDLE)
    outcome = notebook.run("1\nframe.count()")
    assert outcome.error_name == "SparkReplaced"
    assert outcome.error == (
        "SparkReplaced: This object belongs to a Spark session that has ended (Nothing had used it "
        "for 60 min, so it was stopped). Create it again from `spark`, which connects to a new "
        "session.\n  at line 2 of this cell: frame.count()"
    )
    assert notebook.run("spark.range(3).count()").result == "3"


def test_a_builder_connects_to_the_new_spark_too(notebook):
    notebook.run(BEFORE)
    notebook.backend.end(notebook.cluster, IDLE)
    code = (
        "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().range(7).count()"
    )
    assert notebook.run(code).result == "7"
    assert notebook.run("spark.range(8).count()").result == "8"


def test_a_function_that_uses_spark_works_again(notebook):
    notebook.run("def stars():\n    return spark.range(5).count()\nstars()")
    notebook.backend.end(notebook.cluster, IDLE)
    assert notebook.run("stars()").result == "5"


def test_a_session_that_spark_closed_is_replaced_on_the_same_cluster(notebook):
    notebook.run(BEFORE)
    cluster = notebook.cluster["id"]
    # As Spark Connect does with a session that was idle for an hour.
    notebook.run("spark.client.release_session()")
    assert notebook.run("spark.range(1).count()").error_name == "SparkReplaced"
    outcome = notebook.run("spark.range(9).count()")
    assert outcome.result == "9"
    assert "its session was closed" in outcome.shown[-1]
    assert notebook.cluster["id"] == cluster


def test_after_spark_stop_the_next_cell_has_a_session_again(notebook):
    cluster = notebook.cluster["id"]
    notebook.run("spark.stop()")
    outcome = notebook.run("spark.range(4).count()")
    assert (outcome.result, outcome.shown) == ("4", [])
    assert notebook.cluster["id"] == cluster


def test_the_magic_stops_restarts_and_shows_the_status(notebook):
    assert notebook.run("%aglais").text == "Spark 4.3.0 is ready: 2 executors × 1.4 GiB\n"
    outcome = notebook.run("%aglais restart 2g")
    assert outcome.error == ""
    assert outcome.shown[0].startswith("Spark is ready: 2 executors × 2.4 GiB")
    assert "you restarted it" in outcome.shown[1]
    assert notebook.run("spark.range(2).count()").result == "2"
    assert "Spark is stopping" in notebook.run("%aglais stop").text
    assert notebook.backend.live(notebook.kernel.id) is None
    assert "not running" in notebook.run("%aglais status").text
    outcome = notebook.run("spark.range(3).count()")  # waits until the previous cluster has stopped
    assert (outcome.result, outcome.error) == ("3", "")
    assert outcome.versions[0] == "Starting Spark: waiting for the previous cluster to stop (0 s)"
    assert "UsageError: Cannot read 'lots'" in notebook.run("%aglais restart lots").text
