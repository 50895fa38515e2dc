"""A notebook that never uses Spark is not affected."""

STATE = """
import sys, threading
print(sorted({name.split(".")[0] for name in sys.modules} & {"aglais_kernel", "pyspark"}))
print([thread.name for thread in threading.enumerate() if "aglais" in thread.name])
"""
LOAD = """
import time
from IPython import get_ipython
began = time.process_time()
import aglais_kernel
aglais_kernel.load_ipython_extension(get_ipython())
print((time.process_time() - began) * 1000)
"""


def test_without_aglais_url_nothing_is_loaded(start_kernel):
    kernel = start_kernel()
    assert kernel.run(STATE).text == "[]\n[]\n"
    assert kernel.run("spark").error_name == "NameError"


def test_a_notebook_without_spark_starts_no_cluster_no_thread_and_imports_no_pyspark(
    kernel, backend
):
    kernel.run("import math\nmath.pi")
    assert kernel.run(STATE).text == "['aglais_kernel']\n[]\n"
    assert backend.requests == []


def test_inspecting_spark_or_importing_pyspark_does_not_start_it(kernel, backend):
    assert "not started" in kernel.run("repr(globals()['spark'])").result
    kernel.client.complete("spark.ta", reply=True, timeout=20)
    kernel.client.inspect("spark.table", reply=True, timeout=20)
    assert kernel.run("from pyspark.sql import SparkSession, functions as F").status == "ok"
    assert backend.requests == []


def test_loading_takes_less_than_100_ms_of_cpu_time(start_kernel, aglais, record_property, capsys):
    # Without AGLAIS_URL the package is not loaded at the start: the loading is timed here.
    kernel = start_kernel(**{**aglais, "AGLAIS_URL": ""})
    kernel.run(f"import os\nos.environ['AGLAIS_URL'] = {aglais['AGLAIS_URL']!r}")
    milliseconds = float(kernel.run(LOAD).text)
    record_property("load_ms", milliseconds)
    with capsys.disabled():
        print(f"[loading took {milliseconds:.1f} ms]", end=" ")
    assert milliseconds < 100


def test_a_users_own_config_and_startup_files_stay_in_force(start_kernel, aglais, tmp_path):
    profile = tmp_path / "ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        "c = get_config()\nc.InteractiveShellApp.extensions = ['autoreload']\n"
    )
    (profile / "startup" / "mine.py").write_text("spark = 'my own'\n")
    kernel = start_kernel(**aglais)
    loaded = "sorted(get_ipython().extension_manager.loaded)"
    assert "autoreload" in kernel.run(loaded).result
    assert "aglais_kernel" in kernel.run(loaded).result
    assert kernel.run("spark").result == "'my own'"
