"""Which cell runs now, and to which cell a thread or task belongs."""

from __future__ import annotations

import contextvars
import functools
import threading
import time
import weakref
from typing import Any

CELL_TAG = "aglais-cell"  # protocol/src/cell-tag.ts

_life: int | None = None


def begin_generation(number: int) -> None:
    """Adds `number` to all execution counts of this process: an earlier one of the same kernel used
    the lower ones. The server tells it with the first endpoint; later ones change nothing."""
    global _life
    if _life is None:
        _life = number


class Cell:
    """One run of one cell. `began` and all times in ms since the epoch."""

    def __init__(self, id: str, count: int, info: Any):
        self.id = id
        self.count = count
        self.info = info
        self.began = now_ms()
        self.ended = False
        self.clusters: list[str] = []  # whose Spark it used
        self.clients: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def run(self) -> int:
        """Its execution count, made unique among all lives of the kernel."""
        return (_life or 0) + self.count

    @property
    def tag(self) -> str:
        """What Spark carries on each job of this run. Spark forbids commas in tags."""
        return f"{CELL_TAG}:{self.run}:{self.id}".replace(",", "_")


_of_context: contextvars.ContextVar[Cell | None] = contextvars.ContextVar("aglais_cell")
_latest: Cell | None = None


def begin(cell: Cell) -> None:
    """From now on this context, and whatever knows no better, belongs to `cell`."""
    global _latest
    _latest = cell
    _of_context.set(cell)


def current() -> Cell | None:
    """The cell that the calling code belongs to.

    Tasks of asyncio carry it in their context, threads from where they were started
    (`follow_threads`); all else belongs to the latest cell.
    """
    cell = _of_context.get(None)
    return cell or getattr(threading.current_thread(), "_aglais_cell", None) or _latest


def follow_threads() -> None:
    """Lets new threads, and the tasks of thread pools, keep the cell that started them.

    Called when Spark is first imported, so that a notebook without Spark has untouched threads.
    """
    from concurrent.futures import ThreadPoolExecutor

    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    if hasattr(start, "_aglais"):
        return

    @functools.wraps(start)
    def start_in_cell(self: threading.Thread) -> None:
        self._aglais_cell = current()  # type: ignore[attr-defined]
        start(self)

    # A pool's threads outlive the cell that made them: there, the task is what counts.
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
