"""The parts that need no kernel."""

import ast
import json
import uuid
from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError

from aglais_kernel import messages
from aglais_kernel.api_client import _answer
from aglais_kernel.connection import Connection
from aglais_kernel.errors import RequestRefused, ServerUnavailable
from aglais_kernel.kernel_identity import identify_kernel
from aglais_kernel.magic import parse_memory
from aglais_kernel.session_contents import SessionContents
from aglais_kernel.spark_usage import loads_spark, may_use_spark


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("spark.table('gaia.source')", True),
        ("frames = [spark.range(n) for n in range(3)]", True),
        ("get_ipython().run_cell_magic('time', '', 'spark.range(1)')", True),
        ("get_ipython().run_line_magic('timeit', 'spark.range(1)')", True),
        ("get_ipython().run_cell_magic('bash', '', 'echo spark')", False),
        ("sparkle = 1", False),
        ("print('spark')", False),
        ("spark = make()\nspark.range(1)", False),
        ("def spark(): ...\nspark()", False),
        ("from mine import session as spark\nspark.range(1)", False),
    ],
)
def test_a_cell_loads_spark_if_it_reads_the_name_and_does_not_assign_it(code, expected):
    assert loads_spark(ast.parse(code)) is expected


def test_a_cell_may_use_spark_if_it_mentions_a_pyspark_object_or_a_function_that_does():
    frame = type("DataFrame", (), {"__module__": "pyspark.sql.connect.dataframe"})()
    namespace = {"frame": frame, "number": 1}
    exec("def count():\n    return frame.count()\ndef add():\n    return number + 1", namespace)

    def may_use(code):
        return may_use_spark(code, ast.parse(code), namespace)

    assert may_use("frame.count()")
    assert may_use("count()")
    assert may_use("SparkSession.builder")
    assert not may_use("number + 1")
    assert not may_use("add()")


@pytest.mark.parametrize(
    ("session", "root", "expected"),
    [
        ("/home/ada/stars/gd1.ipynb", "/home/ada", "stars/gd1.ipynb"),
        ("/elsewhere/gd1.ipynb", "/home/ada", "/elsewhere/gd1.ipynb"),
        ("gd1.ipynb", "/home/ada", "gd1.ipynb"),
        ("", "/home/ada", ""),
    ],
)
def test_the_notebook_is_named_by_its_path_in_jupyters_root(tmp_path, session, root, expected):
    (tmp_path / "jpserver-7.json").write_text(json.dumps({"root_dir": root}))
    identity = identify_kernel(
        str(tmp_path / "kernel-1b2c.json"), {"JPY_SESSION_NAME": session, "JPY_PARENT_PID": "7"}
    )
    assert (identity.kernel, identity.notebook) == ("1b2c", expected)


def test_without_a_jupyter_server_the_identity_is_still_unique(tmp_path):
    assert identify_kernel(str(tmp_path / "tmpab12.json"), {}).kernel == "tmpab12"
    assert identify_kernel(None, {}).kernel != identify_kernel(None, {}).kernel
    identity = identify_kernel(str(tmp_path / "kernel-1.json"), {"JPY_SESSION_NAME": "/x/a.ipynb"})
    assert identity.notebook == "/x/a.ipynb"


def test_session_contents_follow_views_and_caches_in_sql():
    contents = SessionContents()
    for query in [
        "create or replace temp view a as select 1",
        "CREATE GLOBAL TEMPORARY VIEW IF NOT EXISTS `b` AS SELECT 1",
        "CREATE TABLE not_temporary AS SELECT 1",
        "CACHE LAZY TABLE gaia.source",
        "DROP VIEW IF EXISTS a",
    ]:
        contents.record_sql(query)
    assert (contents.views, contents.cached_tables) == ({"b"}, {"gaia.source"})
    contents.record_analysis("persist")
    assert (
        messages.lost(contents) == "temporary view b; cached table gaia.source; 1 cached DataFrame"
    )
    contents.record_sql("clear cache")
    assert (contents.cached_tables, contents.cached_frames) == (set(), 0)


def test_the_loss_is_described_in_general_terms_if_nothing_is_known():
    text = messages.replaced(None, SessionContents())
    assert "Lost: temporary views (none known); cached tables (none known)." in text


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Killed at 1.4 GiB (signal 9). Views are lost.", "Killed at 1.4 GiB (signal 9)."),
        ("It was stopped", "It was stopped"),
    ],
)
def test_the_cause_is_the_first_sentence_of_a_reason(reason, cause):
    assert messages.cause(reason) == cause


@pytest.mark.parametrize(
    ("text", "mib"), [("2g", 2048), ("1.5 GiB", 1536), ("512m", 512), ("700", 700)]
)
def test_memory_is_parsed_in_common_notations(text, mib):
    assert parse_memory(text) == mib


def test_memory_that_cannot_be_parsed_is_a_usage_error():
    with pytest.raises(UsageError, match="Cannot read 'much'"):
        parse_memory("much")


def test_a_view_in_a_plan_is_recorded():
    def plan(**parts):
        def message(name, **inner):
            return SimpleNamespace(HasField=lambda field: field == name, **{name: inner[name]})

        return message("command", command=message(*parts, **parts))

    contents = SessionContents()
    contents.record_plan(plan(create_dataframe_view=SimpleNamespace(name="bright")))
    assert contents.views == {"bright"}


def test_a_server_that_is_still_starting_counts_as_one_that_does_not_answer():
    problem = {"type": "urn:aglais:problem:unavailable", "detail": "Aglais cannot answer now."}
    with pytest.raises(ServerUnavailable, match=r"cannot answer now.*variables are untouched"):
        _answer(503, "Service Unavailable", json.dumps(problem).encode())
    with pytest.raises(RequestRefused, match="Stop one"):
        _answer(409, "Conflict", b'{"detail": "Stop one."}')


def test_the_first_session_of_a_cluster_is_that_of_its_warm_up_and_only_for_the_first_kernel():
    connection = Connection(server=None, identity=None)  # type: ignore[arg-type]
    assert connection.first_session() is None
    connection.cluster, connection.endpoint = {"id": "a1"}, {"runOffset": 0}  # type: ignore
    first = connection.first_session()
    assert str(uuid.UUID(first)) == first
    assert connection.first_session() is None
    connection.cluster = {"id": "b2"}  # type: ignore[assignment]
    assert connection.first_session() not in (None, first)

    # The kernel was restarted and kept its cluster.
    restarted = Connection(server=None, identity=None)  # type: ignore[arg-type]
    restarted.cluster, restarted.endpoint = {"id": "a1"}, {"runOffset": 100_000}  # type: ignore
    assert restarted.first_session() is None
