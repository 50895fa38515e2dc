"""The first use of Spark starts this notebook's cluster, and existing code works unchanged."""

import json
import time

import pytest

EXISTING = """
from pyspark.sql import SparkSession
session = (
    SparkSession.builder.appName("Stars").master("local[*]")
    .config("spark.executor.memory", "8g").config("spark.sql.shuffle.partitions", 7)
    .getOrCreate()
)
print(session.range(5).count(), session.conf.get("spark.sql.shuffle.partitions"))
"""


def test_the_first_cell_that_names_spark_gets_a_real_session(kernel, backend, spark_server):
    backend.start_seconds = 2.4
    outcome = kernel.run("print(type(spark).__module__)\nspark.range(10).count()")
    assert outcome.result == "10"
    assert outcome.text == "pyspark.sql.connect.session\n"
    [cluster] = backend.clusters.values()
    assert cluster["kernel"] == kernel.id
    assert cluster["notebook"] == "stars/mean proper motion.ipynb"

    # One line that is updated while the cluster starts.
    assert len(outcome.displays) == 1
    assert outcome.versions[:2] == [
        "Starting Spark: waiting for executors 1 of 2 (0 s)",
        "Starting Spark: waiting for executors 1 of 2 (1 s)",
    ]
    [text] = outcome.shown
    assert text.startswith("Spark is ready: 2 executors × 1.4 GiB, 2.")

    # Later cells show and request nothing.
    outcome = kernel.run("spark.range(2).count()")
    assert (outcome.result, outcome.shown, outcome.text) == ("2", [], "")
    assert len(backend.clusters) == 1


def test_existing_code_with_a_builder_works_unchanged(kernel, backend):
    outcome = kernel.run(EXISTING)
    assert outcome.error == ""
    assert outcome.text == "5 7\n"
    assert len(backend.clusters) == 1
    [_, notice] = outcome.shown
    assert notice.startswith("Ignored: spark.executor.memory=8g, spark.master=local[*]. ")
    assert "`%aglais restart 2g`" in notice

    again = kernel.run(EXISTING)
    assert (again.text, again.shown) == ("5 7\n", [])
    assert kernel.run("session is spark").result == "True"


def test_timing_a_cell_does_not_time_the_start_of_spark(kernel, backend, spark_server):
    backend.start_seconds = 2.0
    outcome = kernel.run("%%time\nspark.range(3).count()")
    [wall] = [line for line in outcome.text.splitlines() if line.startswith("Wall time")]
    # "Wall time: 850 ms" or "Wall time: 1.2 s"
    number, unit = wall.split()[2:4]
    assert float(number) / {"s": 1, "ms": 1000}[unit] < outcome.seconds - backend.start_seconds


def test_an_indirect_use_gets_the_same_session(kernel, backend):
    assert kernel.run("globals()['spark'].range(4).count()").result == "4"
    assert kernel.run("type(spark).__name__").result == "'SparkSession'"
    assert len(backend.clusters) == 1


def test_a_users_own_spark_and_a_cell_that_does_not_compile_start_nothing(kernel, backend):
    assert kernel.run("spark.range(1").error_name == "SyntaxError"
    assert kernel.run("spark = 'mine'\nspark + '!'").result == "'mine!'"
    assert kernel.run("spark.upper()").result == "'MINE'"
    assert backend.requests == []


def test_the_token_is_in_no_variable_of_the_environment(notebook, spark_server):
    environment = notebook.run("import os, json\nprint(json.dumps(dict(os.environ)))").text
    assert spark_server.token not in environment
    assert json.loads(environment)["SPARK_REMOTE"] == spark_server.url


def test_nbconvert_omits_the_status_line(notebook):
    import nbformat
    from nbconvert import MarkdownExporter
    from nbconvert.nbconvertapp import NbConvertApp

    notebook.backend.end(notebook.cluster, "It was stopped.")
    outcome = notebook.run("spark.range(1).count()")
    assert outcome.metadata == [{"tags": ["aglais-status"]}] * 2  # the status line, and the notice
    data = next(iter(outcome.displays.values()))
    output = nbformat.v4.new_output("display_data", data, metadata=outcome.metadata[0])
    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("spark.range(1).count()", outputs=[output])]
    )
    unconfigured, _ = MarkdownExporter().from_notebook_node(document)
    assert "Spark is ready" in unconfigured
    app = NbConvertApp()
    app.initialize([])
    text, _ = MarkdownExporter(config=app.config).from_notebook_node(document)
    assert "spark.range(1).count()" in text
    assert "Spark is ready" not in text


@pytest.mark.parametrize("delay", [0.0, 0.4, 0.6, 0.9, 1.3])
def test_a_first_cell_may_run_while_the_client_is_being_imported(start_kernel, aglais, delay):
    kernel = start_kernel(**{**aglais, "AGLAIS_PRELOAD": "true"})
    time.sleep(delay)
    outcome = kernel.run("from pyspark.sql.functions import udf\nspark.range(3).count()")
    assert (outcome.error, outcome.result) == ("", "3")
