"""The parts that need no kernel."""

import ast
import json
from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError

from aglais_kernel import wording
from aglais_kernel.errors import Refused, ServerUnavailable
from aglais_kernel.holdings import Holdings
from aglais_kernel.likely import is_likely, loads_spark
from aglais_kernel.magic import parse_memory
from aglais_kernel.place import find_place
from aglais_kernel.server import _answer


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


def test_a_cell_is_likely_to_use_spark_if_it_mentions_a_pyspark_object_or_a_function_that_does():
    frame = type("DataFrame", (), {"__module__": "pyspark.sql.connect.dataframe"})()
    namespace = {"frame": frame, "number": 1}
    exec("def count():\n    return frame.count()\ndef add():\n    return number + 1", namespace)

    def likely(code):
        return is_likely(code, ast.parse(code), namespace)

    assert likely("frame.count()")
    assert likely("count()")
    assert likely("SparkSession.builder")
    assert not likely("number + 1")
    assert not likely("add()")


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
    place = find_place(
        str(tmp_path / "kernel-1b2c.json"), {"JPY_SESSION_NAME": session, "JPY_PARENT_PID": "7"}
    )
    assert (place.kernel, place.notebook) == ("1b2c", expected)


def test_without_a_jupyter_server_the_place_is_still_unambiguous(tmp_path):
    assert find_place(str(tmp_path / "tmpab12.json"), {}).kernel == "tmpab12"
    assert find_place(None, {}).kernel != find_place(None, {}).kernel
    noted = find_place(str(tmp_path / "kernel-1.json"), {"JPY_SESSION_NAME": "/x/a.ipynb"})
    assert noted.notebook == "/x/a.ipynb"


def test_holdings_follow_views_and_caches_made_with_sql():
    holdings = Holdings()
    for query in [
        "create or replace temp view a as select 1",
        "CREATE GLOBAL TEMPORARY VIEW IF NOT EXISTS `b` AS SELECT 1",
        "CREATE TABLE not_temporary AS SELECT 1",
        "CACHE LAZY TABLE gaia.source",
        "DROP VIEW IF EXISTS a",
    ]:
        holdings.see_sql(query)
    assert (holdings.views, holdings.cached_tables) == ({"b"}, {"gaia.source"})
    holdings.see_analysis("persist")
    assert (
        wording.lost(holdings) == "temporary view b; cached table gaia.source; 1 cached DataFrame"
    )
    holdings.see_sql("clear cache")
    assert (holdings.cached_tables, holdings.cached_frames) == (set(), 0)


def test_what_was_lost_is_said_in_general_terms_when_nothing_is_known():
    text = wording.replaced(None, Holdings())
    assert "Lost: temporary views (none known); cached tables (none known)." in text


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Killed at 1.4 GiB (signal 9). Views are gone.", "Killed at 1.4 GiB (signal 9)."),
        ("It was stopped", "It was stopped"),
    ],
)
def test_of_a_reason_only_its_first_sentence_is_the_cause(reason, cause):
    assert wording.cause(reason) == cause


@pytest.mark.parametrize(
    ("text", "mib"), [("2g", 2048), ("1.5 GiB", 1536), ("512m", 512), ("700", 700)]
)
def test_memory_is_read_as_people_write_it(text, mib):
    assert parse_memory(text) == mib


def test_memory_that_cannot_be_read_is_a_usage_error():
    with pytest.raises(UsageError, match="Cannot read 'much'"):
        parse_memory("much")


def test_a_command_in_a_plan_is_seen():
    def plan(**parts):
        def message(name, **inner):
            return SimpleNamespace(HasField=lambda field: field == name, **{name: inner[name]})

        return message("command", command=message(*parts, **parts))

    holdings = Holdings()
    holdings.see_plan(plan(create_dataframe_view=SimpleNamespace(name="bright")))
    assert holdings.views == {"bright"}


def test_a_server_that_is_still_starting_counts_as_one_that_does_not_answer():
    problem = {"type": "urn:aglais:problem:unavailable", "detail": "Aglais cannot answer now."}
    with pytest.raises(ServerUnavailable, match=r"cannot answer now.*variables are untouched"):
        _answer(503, "Service Unavailable", json.dumps(problem).encode())
    with pytest.raises(Refused, match="Stop one"):
        _answer(409, "Conflict", b'{"detail": "Stop one."}')
