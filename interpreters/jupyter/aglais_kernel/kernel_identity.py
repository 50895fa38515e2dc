"""The id of this kernel and the path of its notebook."""

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
class KernelIdentity:
    """`kernel` is Jupyter's kernel id, `notebook` the path in Jupyter's root ("" if unknown).

    `has_jupyter_server`: a Jupyter Server reports to the Aglais server when this kernel ends.
    """

    kernel: str
    notebook: str
    has_jupyter_server: bool


def identify_kernel(connection_file: str | None, environ: Mapping[str, str]) -> KernelIdentity:
    """Reads both from the connection file and JPY_SESSION_NAME, which Jupyter sets."""
    path = notebook_path(connection_file, environ)
    if not connection_file:
        return KernelIdentity(str(uuid.uuid4()), path, has_jupyter_server=False)
    # Only Jupyter Server names the file after the id; nbclient and others use a temporary name.
    name = PurePath(connection_file).name
    match = KERNEL_FILE.match(name)
    return KernelIdentity(
        match.group(1) if match else PurePath(name).stem, path, has_jupyter_server=bool(match)
    )


def notebook_path(connection_file: str | None, environ: Mapping[str, str]) -> str:
    """The path relative to Jupyter's root; JPY_SESSION_NAME is absolute."""
    name = environ.get("JPY_SESSION_NAME", "")
    root = _jupyter_root(connection_file, environ)
    if not name or not root or not os.path.isabs(name):
        return name
    relative = os.path.relpath(os.path.realpath(name), os.path.realpath(root))
    return name if relative.startswith(os.pardir) else PurePath(relative).as_posix()


def _jupyter_root(connection_file: str | None, environ: Mapping[str, str]) -> str | None:
    """Jupyter Server writes its root to `jpserver-<pid>.json`, next to the connection files."""
    parent = environ.get("JPY_PARENT_PID")
    if connection_file and parent:
        file = Path(connection_file).parent / f"jpserver-{parent}.json"
        try:
            return json.loads(file.read_text())["root_dir"]
        except (OSError, ValueError, KeyError):
            pass
    return environ.get("JUPYTER_SERVER_ROOT")
