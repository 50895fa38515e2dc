"""Atomic builds of folders: built in a temporary folder, then renamed."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

from .download import sha256

#: Spark does not read files that start with `_` or `.`
MANIFEST = "_built.json"
PARTIAL = ".partial-"


def read_manifest(folder, recipe):
    """The manifest of `folder` if the same `recipe` built it and all files have their sizes.

    Does not read the files, so that a second start takes milliseconds; `changed_files` does.
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


def changed_files(folder, manifest):
    """Names of the files whose checksum differs from the manifest."""
    return [
        name
        for name, entry in manifest["files"].items()
        if sha256(Path(folder) / name) != entry["sha256"]
    ]


@contextlib.contextmanager
def atomic_build(folder, recipe, facts):
    """Yields an empty folder to build in; renames it to `folder` if the block succeeds.

    `facts` (a dict, may be filled in the block) goes into the manifest with the files' SHA-256.
    An existing `folder` is replaced only at the end.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{folder.name}-", dir=folder.parent))
    try:
        table = partial / folder.name
        table.mkdir()
        yield table
        files = {
            str(path.relative_to(table)): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(table.rglob("*.parquet"))
        }
        manifest = {"recipe": recipe, **facts, "files": files}
        (table / MANIFEST).write_text(json.dumps(manifest, indent=1))
        if folder.exists():
            folder.rename(partial / "replaced")
        table.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def build_lock(folder, log):
    """Holds the lock of `folder` (checkouts may share it); removes the files of a killed build."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".build.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log("waiting for another build of this catalogue")
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
