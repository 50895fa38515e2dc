"""Which kernel this is, and of which notebook."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

KERNEL_FILE = re.compile(r"^kernel-(.+)\.json$")


@dataclass(frozen=True)
class Place:
    """`kernel` is Jupyter's kernel id, `notebook` the path in Jupyter's root ("" if unknown).

    `watched`: a Jupyter Server knows this kernel, and tells the Aglais server when it ends.
    """

    kernel: str
    notebook: str
    watched: bool


def find_place(connection_file: str | None, environ: Mapping[str, str]) -> Place:
    """Reads both from what Jupyter gives a kernel: its connection file and JPY_SESSION_NAME."""
    path = notebook_path(connection_file, environ)
    if not connection_file:
        return Place(str(uuid.uuid4()), path, watched=False)
    # Only Jupyter Server names the file by the id; nbclient and its like take a temporary name.
    name = PurePath(connection_file).name
    match = KERNEL_FILE.match(name)
    return Place(match.group(1) if match else PurePath(name).stem, path, watched=bool(match))


def notebook_path(connection_file: str | None, environ: Mapping[str, str]) -> str:
    """Jupyter Server sets JPY_SESSION_NAME to an absolute path; the API wants it in its root."""
    name = environ.get("JPY_SESSION_NAME", "")
    root = _jupyter_root(connection_file, environ)
    if not name or not root or not os.path.isabs(name):
        return name
    relative = os.path.relpath(os.path.realpath(name), os.path.realpath(root))
    return name if relative.startswith(os.pardir) else PurePath(relative).as_posix()


def _jupyter_root(connection_file: str | None, environ: Mapping[str, str]) -> str | None:
    """Jupyter Server notes its root next to the connection files: `jpserver-<pid>.json`."""
    parent = environ.get("JPY_PARENT_PID")
    if connection_file and parent:
        note = Path(connection_file).parent / f"jpserver-{parent}.json"
        try:
            return json.loads(note.read_text())["root_dir"]
        except (OSError, ValueError, KeyError):
            pass
    return environ.get("JUPYTER_SERVER_ROOT")
