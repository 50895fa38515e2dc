"""Errors for users: IPython shows what happened and what to do, without a traceback."""

from __future__ import annotations

import traceback

BOLD_RED, RESET = "\x1b[1;31m", "\x1b[0m"


class AglaisError(Exception):
    """What happened, what was kept, what to do next. `__traceback__` has the traceback."""

    def _render_traceback_(self) -> list[str]:
        return render(self)


class ServerUnavailable(AglaisError):
    """The Aglais server does not respond."""


class RequestRefused(AglaisError):
    """The Aglais server refused a request (problem details, RFC 9457).

    `status` is the HTTP status, `kind` the problem's type URN.
    """

    def __init__(self, detail: str, status: int, kind: str = "about:blank"):
        super().__init__(detail)
        self.status = status
        self.kind = kind


class SparkStartFailed(AglaisError):
    """The cluster ended before it was ready."""


class SparkLost(AglaisError):
    """Spark was lost during an operation."""


class SparkReplaced(AglaisError):
    """A DataFrame or session of a Spark that has ended was used."""


class StartInterrupted(KeyboardInterrupt):
    """The user interrupted the wait for Spark."""

    def _render_traceback_(self) -> list[str]:
        return render(self)


def render(error: BaseException) -> list[str]:
    """The message, and the line of the cell that raised the error."""
    lines = [f"{BOLD_RED}{type(error).__name__}{RESET}: {error}"]
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in frames if _is_cell(frame.filename)), None)
    if place and place.line:
        lines.append(f"  at line {place.lineno} of this cell: {place.line}")
    return lines


def _is_cell(filename: str) -> bool:
    from IPython import get_ipython

    shell = get_ipython()
    return bool(shell and shell.compile.format_code_name(filename))
