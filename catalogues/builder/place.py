"""A folder that is finished or not there: built aside, described, then renamed into place."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

from .download import sha256

#: Spark does not read files that begin with `_` or `.`
MANIFEST = "_built.json"
PARTIAL = ".partial-"


def finished(folder, recipe):
    """The manifest of `folder` if the same `recipe` finished it and its files have their sizes.

    Looks at no content, so that a second start costs milliseconds; `damaged` does.
    """
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text())
        sizes = {name: (Path(folder) / name).stat().st_size for name in manifest["files"]}
    except (OSError, ValueError, KeyError):
        return None
    same = manifest.get("recipe") == recipe and all(
        entry["bytes"] == sizes[name] for name, entry in manifest["files"].items()
    )
    return manifest if same else None


def damaged(folder, manifest):
    """Names of the files whose content is no longer what was built."""
    return [
        name
        for name, entry in manifest["files"].items()
        if sha256(Path(folder) / name) != entry["sha256"]
    ]


@contextlib.contextmanager
def build_aside(folder, recipe, facts):
    """Gives an empty folder to build in; renames it to `folder` if the block ends without error.

    `facts` (a dict, may be filled in the block) goes into the manifest with the files' SHA-256.
    What stood at `folder` before is replaced only at the very end.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{folder.name}-", dir=folder.parent))
    try:
        table = aside / folder.name
        table.mkdir()
        yield table
        files = {
            str(path.relative_to(table)): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(table.rglob("*.parquet"))
        }
        manifest = {"recipe": recipe, **facts, "files": files}
        (table / MANIFEST).write_text(json.dumps(manifest, indent=1))
        if folder.exists():
            folder.rename(aside / "replaced")
        table.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def only_builder(folder, say):
    """Holds the lock of `folder` (checkouts may share it); sweeps what a killed build left."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".build.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.rglob(f"{PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def size_mib(manifest):
    """Size of all files of a finished folder, MiB."""
    return sum(entry["bytes"] for entry in manifest["files"].values()) / 2**20


def cores():
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
