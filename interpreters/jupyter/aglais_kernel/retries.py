"""How long pyspark retries when its connection to Spark breaks."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# A broken connection on one machine recovers immediately or never: 50 + 200 + 800 + 1000 ms.
FEW = {"max_retries": 4, "initial_backoff": 50, "backoff_multiplier": 4.0, "max_backoff": 1000}
# A driver in a pod has a proxy in front of it. Once that has ended several times, the kubelet waits
# up to a minute before it restarts it.
MANY = {**FEW, "max_retries": 90}

_thread = threading.local()


def few_retries() -> Any:
    """The policy for a driver on this machine."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    return DefaultPolicy(**FEW)


def retries_while(is_running: Callable[[], bool]) -> Any:
    """The policy for a driver behind a proxy: after a few retries, as long as `is_running`."""
    from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicyState

    class State(RetryPolicyState):
        def next_attempt(self, exception: BaseException | None = None) -> int | None:
            wait = super().next_attempt(exception)
            if wait is None or self._attempt <= FEW["max_retries"]:
                return wait
            return wait if not is_interrupting() and is_running() else None

    class WhileRunning(DefaultPolicy):
        def to_state(self) -> RetryPolicyState:
            return State(self)

    return WhileRunning(**MANY)


@contextmanager
def interrupting() -> Iterator[None]:
    """While this thread interrupts an operation it retries little: its user waits."""
    _thread.interrupts = True
    try:
        yield
    finally:
        _thread.interrupts = False


def as_interrupt(method: Callable[..., Any], is_ours: Callable[[Any], bool]) -> Callable[..., Any]:
    """A method of a client that interrupts operations, for those clients that are ours."""

    @functools.wraps(method)
    def interrupt(client: Any, *args: Any) -> Any:
        if not is_ours(client):
            return method(client, *args)
        # pyspark calls it when the user interrupts a cell, which must then end just so.
        by_user = isinstance(sys.exc_info()[1], KeyboardInterrupt)
        try:
            with interrupting():
                return method(client, *args)
        except Exception:
            if by_user:
                return []
            raise

    return interrupt


def is_interrupting() -> bool:
    """Whether this thread interrupts an operation."""
    return getattr(_thread, "interrupts", False)
