"""Errors that are for their reader: IPython shows what happened and what to do, not a trace."""

from __future__ import annotations

import traceback

BOLD_RED, RESET = "\x1b[1;31m", "\x1b[0m"


class PlainError(Exception):
    """What happened, what was kept, what to do next. The trace stays in `__traceback__`."""

    def _render_traceback_(self) -> list[str]:
        return render(self)


class ServerUnavailable(PlainError):
    """The Aglais server does not answer."""


class Refused(PlainError):
    """The Aglais server said no, and why (problem details, RFC 9457).

    `status` is the HTTP status, `kind` the problem's type URN.
    """

    def __init__(self, detail: str, status: int, kind: str = "about:blank"):
        super().__init__(detail)
        self.status = status
        self.kind = kind


class SparkDidNotStart(PlainError):
    """The cluster ended before it was ready."""


class SparkLost(PlainError):
    """Spark went away under an operation that was running."""


class SparkReplaced(PlainError):
    """A DataFrame or session of a Spark that no longer exists was used."""


class StartInterrupted(KeyboardInterrupt):
    """The user interrupted the wait for Spark."""

    def _render_traceback_(self) -> list[str]:
        return render(self)


def render(error: BaseException) -> list[str]:
    """The message, and the line of the user's own cell that met the error."""
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
