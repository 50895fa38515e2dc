"""Reading the cgroup of a container, version 1 and 2."""

import pytest

from aglais.cgroup import Reading, read_cgroup

MIB = 2**20


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


@pytest.fixture
def version_2(tmp_path):
    write(
        tmp_path,
        {
            "memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0",
            "memory.max": 2048 * MIB,
            "memory.current": 700 * MIB,
            "memory.stat": f"anon {600 * MIB}\ninactive_file {50 * MIB}\nactive_file {50 * MIB}",
        },
    )
    return tmp_path


def test_version_2(version_2):
    ref = str(version_2 / "memory.events")
    assert read_cgroup(version_2) == Reading(650, 2048, 2, "oom_kill 2", ref)
    (version_2 / "memory.max").write_text("max\n")
    assert read_cgroup(version_2).limit_mib is None


def test_version_1(tmp_path):
    write(
        tmp_path / "memory",
        {
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1",
            "memory.limit_in_bytes": 812 * MIB,
            "memory.usage_in_bytes": 500 * MIB,
            "memory.stat": f"inactive_file {1 * MIB}\ntotal_inactive_file {100 * MIB}",
        },
    )
    ref = str(tmp_path / "memory" / "memory.oom_control")
    assert read_cgroup(tmp_path) == Reading(400, 812, 1, "oom_kill 1", ref)
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert read_cgroup(tmp_path).limit_mib is None


def test_missing_or_incomplete_counters_are_unknown(tmp_path, version_2):
    assert read_cgroup(tmp_path / "nowhere") is None
    (version_2 / "memory.events").write_text("max 1\n")
    assert read_cgroup(version_2) is None
    (version_2 / "memory.events").unlink()
    assert read_cgroup(version_2) is None
