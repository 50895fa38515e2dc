"""Messages in the output of a cell: one line that is updated, and notices."""

from __future__ import annotations

import uuid
from html import escape

from IPython.display import publish_display_data

# The etc/jupyter configs of this package make nbconvert omit such outputs.
METADATA = {"tags": ["aglais-status"]}
STYLE = "font-family:var(--jp-ui-font-family);font-size:var(--jp-ui-font-size1);padding:2px 0;"
MUTED = "color:var(--jp-ui-font-color2);"
STRIPE = "border-left:3px solid var(--jp-warn-color1);padding-left:8px;"


class StatusLine:
    """One line in the output of the running cell that is updated in place."""

    def __init__(self) -> None:
        self._id = f"aglais-{uuid.uuid4()}"
        self._shown = ""

    def show(self, text: str) -> None:
        """Replaces the text of the line."""
        if text != self._shown:
            self._publish(_bundle(text, MUTED))
            self._shown = text

    def _publish(self, data: dict[str, str]) -> None:
        publish_display_data(
            data,
            metadata=METADATA,
            transient={"display_id": self._id},
            update=bool(self._shown),
        )


def notice(text: str) -> None:
    """Shows a permanent message."""
    publish_display_data(_bundle(text, STRIPE), metadata=METADATA)


def _bundle(text: str, style: str) -> dict[str, str]:
    body = escape(text).replace("\n", "<br>")
    return {
        "text/plain": text,
        "text/html": f'<div role="status" style="{STYLE}{style}">{body}</div>',
    }
