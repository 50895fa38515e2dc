"""A driver in a pod has a proxy in front of it, which can be killed while Spark runs."""

import time

import pytest
from tls import TlsProxy

# Longer than all retries on one machine.
AWAY_S = 4
SLOW = """
from pyspark.sql.functions import udf
@udf("long")
def slowly(x):
    import time
    time.sleep(SECONDS)
    return x + 1
print([row[0] for row in spark.range(2).select(slowly("id")).collect()])
"""


@pytest.fixture
def proxied(kernel, backend, spark_server, authority):
    """A kernel that is connected through a proxy, that proxy, and how to start it again."""
    proxies = [TlsProxy(authority, spark_server.port)]
    port = proxies[0].port
    backend.behind = (f"sc://127.0.0.1:{port}", authority.pem)
    assert kernel.run("spark.range(10).count()").result == "10"
    yield (
        kernel,
        proxies[0],
        lambda: proxies.append(TlsProxy(authority, spark_server.port, port)),
    )
    if len(proxies) > 1:
        proxies[-1].close()


def begin_and_break(kernel, proxy, seconds):
    """Starts a job, and ends the proxy when Spark runs it."""
    cell = kernel.begin(SLOW.replace("SECONDS", str(seconds)), cell="slow")
    time.sleep(3)
    proxy.close()
    time.sleep(AWAY_S)
    return cell


def test_a_proxy_that_is_restarted_during_a_cell_does_no_harm(proxied):
    kernel, proxy, restart = proxied
    kernel.run("spark.range(3).createOrReplaceTempView('bright')")
    cell = begin_and_break(kernel, proxy, 6)
    restart()
    outcome = kernel.finish(cell)
    assert (outcome.error, outcome.text) == ("", "[1, 2]\n")
    again = kernel.run("spark.table('bright').count()")
    assert (again.error, again.result) == ("", "3")


def test_a_proxy_that_is_restarted_between_two_cells_does_no_harm(proxied):
    kernel, proxy, restart = proxied
    kernel.run("spark.range(3).createOrReplaceTempView('bright')")
    proxy.close()
    cell = kernel.begin("spark.table('bright').count()")
    time.sleep(AWAY_S)
    restart()
    outcome = kernel.finish(cell)
    assert (outcome.error, outcome.result) == ("", "3")


def test_once_the_server_reports_the_end_of_the_cluster_a_cell_waits_no_longer(proxied, backend):
    kernel, proxy, _ = proxied
    cell = begin_and_break(kernel, proxy, 20)
    backend.end(backend.live(kernel.id), "Its node was lost.")
    outcome = kernel.finish(cell)
    assert outcome.error_name == "SparkLost"
    assert "Its node was lost" in outcome.error


def test_an_interrupt_ends_the_wait_for_the_proxy(proxied):
    kernel, proxy, restart = proxied
    kernel.run("spark.range(3).createOrReplaceTempView('bright')")
    cell = begin_and_break(kernel, proxy, 20)
    kernel.interrupt()
    outcome = kernel.finish(cell)
    assert outcome.error_name == "KeyboardInterrupt"
    restart()
    again = kernel.run("spark.table('bright').count()")
    assert (again.error, again.result) == ("", "3")
