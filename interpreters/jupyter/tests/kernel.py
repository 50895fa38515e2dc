"""A real IPython kernel of this environment, used as a notebook uses it."""

from __future__ import annotations

import os
import queue
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

ANSI = re.compile(r"\x1b\[[0-9;]*m")
CHECKOUT = Path(__file__).parents[1]  # its code is tested, not an older installed copy


@dataclass
class Outcome:
    """The outcome of one run of a cell: its outputs and how it ended."""

    status: str = ""
    text: str = ""
    displays: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)  # each text that a display had, in order
    metadata: list[dict[str, Any]] = field(default_factory=list)
    result: str = ""
    error: str = ""
    error_name: str = ""
    run: int = 0  # its execution count
    seconds: float = 0.0

    @property
    def shown(self) -> list[str]:
        """The plain text of all displays at the end."""
        return [data["text/plain"] for data in self.displays.values()]


class Kernel:
    """`run` executes a cell and returns its Outcome; times in seconds."""

    def __init__(self, directory: Path, environment: dict[str, str], file_name: str = ""):
        self.id = str(uuid.uuid4())
        file = directory / (file_name or f"kernel-{self.id}.json")
        self.manager = KernelManager(kernel_name="python3", connection_file=str(file))
        began = time.monotonic()
        base = {k: v for k, v in os.environ.items() if not k.startswith(("AGLAIS", "SPARK"))}
        self.manager.start_kernel(
            env={**base, "PYTHONPATH": str(CHECKOUT), **environment}, cwd=str(directory)
        )
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(30)
        self.start_seconds = time.monotonic() - began

    def run(self, code: str, cell: str | None = "cell-1", timeout: float = 180) -> Outcome:
        return self.finish(self.begin(code, cell), timeout)

    def begin(self, code: str, cell: str | None = "cell-1") -> str:
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        }  # fmt: skip
        message = self.client.session.msg(
            "execute_request", content, metadata={"cellId": cell} if cell else {}
        )
        self._began = time.monotonic()
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def finish(self, message_id: str, timeout: float = 180) -> Outcome:
        outcome = Outcome()
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the cell did not end in {timeout} s: {outcome}") from None
            if message["parent_header"].get("msg_id") == message_id and _note(outcome, message):
                break
        reply = self.client.get_shell_msg(timeout=10)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = self.client.get_shell_msg(timeout=10)
        outcome.status = reply["content"]["status"]
        outcome.run = reply["content"]["execution_count"]
        outcome.seconds = time.monotonic() - self._began
        return outcome

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def shutdown(self, now: bool = True) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


def _note(outcome: Outcome, message: dict[str, Any]) -> bool:
    """Adds a message to the outcome; True for the last one."""
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            outcome.text += content["text"]
        case "display_data" | "update_display_data":
            key = content["transient"].get("display_id") or f"display-{len(outcome.displays)}"
            if message["msg_type"] == "display_data":
                outcome.metadata.append(content["metadata"])
            outcome.displays[key] = content["data"]
            outcome.versions.append(content["data"].get("text/plain", ""))
        case "execute_result":
            outcome.result = content["data"]["text/plain"]
        case "error":
            outcome.error = ANSI.sub("", "\n".join(content["traceback"]))
            outcome.error_name = content["ename"]
        case "status":
            return content["execution_state"] == "idle"
    return False
