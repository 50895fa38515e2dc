"""The kernel of this notebook and its Spark: what runs at the start and the end of each cell."""

from __future__ import annotations

import ast
import asyncio
import atexit
import os
import sys
import threading
from typing import Any

from . import cells, messages, preload, pyspark_hooks
from .api_client import ApiClient
from .connection import Connection
from .kernel_identity import identify_kernel
from .lazy_spark import LazySpark
from .reports import Reports
from .session_contents import SessionContents
from .spark_usage import loads_spark, may_use_spark
from .status_line import notice

_notebook: Notebook | None = None


def attach(shell: Any, url: str, token_file: str | None) -> None:
    """Installs `spark` in this kernel; a second call does nothing."""
    global _notebook
    if _notebook is None:
        _notebook = Notebook(shell, url, token_file)
        _notebook.install()


def prepare() -> None:
    """The first statement of a cell that uses Spark; errors and interrupts end the cell."""
    __tracebackhide__ = True
    if _notebook:
        _notebook.prepare()


class Notebook:
    """Connects the shell, the connection and the reports; one per kernel."""

    def __init__(self, shell: Any, url: str, token_file: str | None):
        server = ApiClient(url, token_file)
        file = getattr(getattr(shell.kernel, "parent", None), "connection_file", None)
        self.shell = shell
        self.connection = Connection(server, identify_kernel(file, os.environ))
        self.reports = Reports(server)
        self.lazy_spark = LazySpark(self.session, in_use=self._in_use)
        self._running: list[cells.Cell] = []  # nested if a cell runs cells
        self._lock = threading.Lock()
        self._fresh_cell = False  # its code has not been visited yet
        self._uses_spark = False

    def install(self) -> None:
        """Installs all hooks; does not import pyspark."""
        from .magic import register

        pyspark_hooks.install(self)
        self.shell.user_ns.setdefault("spark", self.lazy_spark)
        self.shell.events.register("pre_run_cell", self._begin)
        self.shell.events.register("post_run_cell", self._end)
        self.shell.ast_transformers.append(self)
        register(self)
        if not self.connection.identity.has_jupyter_server:
            atexit.register(self.connection.stop_at_exit)

    def session(self) -> Any:
        """The SparkSession of this notebook; starts the cluster if necessary."""
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()

    def visit(self, tree: ast.Module) -> ast.Module:
        """IPython's AST transformer: prepares Spark before the first statement that may use it.

        Not in pre_run_cell: IPython prints an error there, and runs the cell regardless.
        """
        if not self._fresh_cell or not tree.body:
            return tree
        self._fresh_cell = False
        self._uses_spark = loads_spark(tree)
        if self._uses_spark or (self._had_spark() and self._may_use_spark(tree)):
            call = ast.parse(f"__import__({__name__!r}, fromlist=['prepare']).prepare()").body[0]
            for node in ast.walk(call):
                ast.copy_location(node, tree.body[0])
            tree.body.insert(0, call)
        return tree

    def prepare(self) -> None:
        """Puts a live session into the namespace if the cell needs one."""
        namespace = self.shell.user_ns
        if self._uses_spark:
            namespace.setdefault("spark", self.lazy_spark)  # removed by %reset
        self.connection.check()
        untouched = self._uses_spark and namespace["spark"] is self.lazy_spark
        if untouched or self.connection.lost or self._has_ended_session():
            self.session()

    def adopt(self, session: Any) -> None:
        """Replaces the lazy `spark` and ended sessions in the namespace by a session."""
        namespace = self.shell.user_ns
        ended = {name: held for name, held in list(namespace.items()) if self._is_ended(held)}
        for name, held in list(namespace.items()):
            if name in ended or held is self.lazy_spark:
                namespace[name] = session
        loss = self.connection.pop_loss_notice()
        if loss:
            notice(messages.replaced(*loss))
        elif ended:
            self.connection.session_contents = SessionContents()  # the user stopped the session

    def note_use(self, cell: cells.Cell, client: Any) -> None:
        """Called before a cell (or a thread of it) runs a Spark operation."""
        with self._lock:
            cluster = client.aglais_cluster
            if cell.ended:
                return
            cell.clients.add(client)
            if cluster not in cell.clusters:
                cell.clusters.append(cluster)
                self.reports.started(cell, cluster)

    def _begin(self, info: Any) -> None:
        preload.finish()
        count = self.shell.execution_count - (1 if info.store_history else 0)
        if self._running and not info.cell_id:
            cell = self._running[-1]  # code that a cell runs belongs to that cell
        else:
            cell = cells.Cell(info.cell_id or f"in-{count}", count, info)
            self._running.append(cell)
        self._fresh_cell = True
        cells.set_current(cell)

    def _end(self, result: Any) -> None:
        cell = next((c for c in self._running if _is_run_of(c, result)), None)
        if cell is None:
            return  # IPython calls only the end hook for an empty cell
        del self._running[self._running.index(cell) :]
        with self._lock:
            cell.ended = True
        error = result.error_before_exec or result.error_in_exec
        outcome = _outcome(error)
        self.reports.ended(cell, outcome, error)
        if outcome == "cancelled" and cell.clients:
            threading.Thread(
                target=_cancel, args=(cell,), name="aglais-cancel", daemon=True
            ).start()

    def _in_use(self) -> bool:
        """False during completion and inspection, which run in the main thread between cells."""
        return bool(self._running) or threading.current_thread() is not threading.main_thread()

    def _had_spark(self) -> bool:
        return self.connection.connected or self.connection.lost

    def _may_use_spark(self, tree: ast.Module) -> bool:
        source = self._running[-1].info.raw_cell if self._running else ""
        return self.connection.may_be_needed or may_use_spark(source, tree, self.shell.user_ns)

    def _has_ended_session(self) -> bool:
        return any(self._is_ended(held) for held in list(self.shell.user_ns.values()))

    @staticmethod
    def _is_ended(value: Any) -> bool:
        """Whether it is a session of our cluster that was stopped or lost."""
        module = sys.modules.get("pyspark.sql.connect.session")
        return (
            module is not None
            and type(value) is module.SparkSession
            and hasattr(value.client, "aglais_cluster")
            and value.is_stopped
        )


def _is_run_of(cell: cells.Cell, result: Any) -> bool:
    """Compares the content too: IPython creates a new `info` if an interrupt hits its own code."""
    ours, theirs = cell.info, result.info
    return ours is theirs or (ours.cell_id, ours.raw_cell) == (theirs.cell_id, theirs.raw_cell)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    cancelled = isinstance(error, (KeyboardInterrupt, asyncio.CancelledError))
    return "cancelled" if cancelled or "[OPERATION_CANCELED]" in str(error) else "error"


def _cancel(cell: cells.Cell) -> None:
    """Cancels what the cell left running in Spark, including its threads."""
    for client in list(cell.clients):
        try:
            client.interrupt_tag(cell.tag)
        except Exception:  # Spark was lost: nothing to cancel
            continue
