"""The running cell, and the cell to which a thread or asyncio task belongs."""

from __future__ import annotations

import contextvars
import functools
import threading
import time
import weakref
from typing import Any

CELL_TAG = "aglais-cell"  # protocol/src/cell-tag.ts

_run_offset: int | None = None


def set_run_offset(number: int) -> None:
    """Adds `number` to all execution counts of this process: an earlier process of the same kernel
    has used the lower ones. Only the first call, with the first endpoint, has an effect."""
    global _run_offset
    if _run_offset is None:
        _run_offset = number


class Cell:
    """One run of one cell. All times in ms since the epoch."""

    def __init__(self, id: str, count: int, info: Any):
        self.id = id
        self.count = count
        self.info = info
        self.started_at = now_ms()
        self.ended = False
        self.clusters: list[str] = []  # that it has used
        self.clients: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def run(self) -> int:
        """Its execution count, unique over all restarts of the kernel."""
        return (_run_offset or 0) + self.count

    @property
    def tag(self) -> str:
        """The tag of each Spark job of this run. Spark forbids commas in tags."""
        return f"{CELL_TAG}:{self.run}:{self.id}".replace(",", "_")


_of_context: contextvars.ContextVar[Cell | None] = contextvars.ContextVar("aglais_cell")
_latest: Cell | None = None


def set_current(cell: Cell) -> None:
    """Makes `cell` the current cell of this context, and of code without a cell of its own."""
    global _latest
    _latest = cell
    _of_context.set(cell)


def current() -> Cell | None:
    """The cell that the calling code belongs to.

    An asyncio task has it in its context, a thread from the code that started it
    (`follow_threads`); all other code belongs to the latest cell.
    """
    cell = _of_context.get(None)
    return cell or getattr(threading.current_thread(), "_aglais_cell", None) or _latest


def follow_threads() -> None:
    """Makes new threads, and tasks of thread pools, belong to the cell that started them.

    Called when Spark is first imported: threads of a notebook without Spark are not changed.
    """
    from concurrent.futures import ThreadPoolExecutor

    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    if hasattr(start, "_aglais"):
        return

    @functools.wraps(start)
    def start_in_cell(self: threading.Thread) -> None:
        self._aglais_cell = current()  # type: ignore[attr-defined]
        start(self)

    # A pool's threads outlive the cell that created them: the task determines the cell.
    @functools.wraps(submit)
    def submit_in_cell(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, functools.partial(_run_in, current(), fn), *args, **kwargs)

    start_in_cell._aglais = True  # type: ignore[attr-defined]
    threading.Thread.start = start_in_cell  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_in_cell  # type: ignore[method-assign]


def _run_in(cell: Cell | None, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    token = _of_context.set(cell)
    try:
        return fn(*args, **kwargs)
    finally:
        _of_context.reset(token)


def now_ms() -> int:
    """ms since the epoch."""
    return time.time_ns() // 1_000_000
