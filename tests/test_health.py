"""`memguard health`: recorded layouts of control groups, real ones, real kills, real environments."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from folders import write
from packaging.specifiers import SpecifierSet

from memguard_hooks.commands import health
from memguard_hooks.commands.health import HostPlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB
from memguard_hooks.host import cgroup, container
from memguard_hooks.host.exit_status import explain
from memguard_hooks.host.process_sizes import find_tree, name_of, read_size
from memguard_hooks.measure.site_packages import find_folders, python_of, read_installed
from memguard_hooks.rules.host import exact_pins
from memguard_hooks.rules.host.exact_pins import is_below, is_same
from memguard_hooks.rules.policy import CEILING
from memguard_hooks.tree import WorkTree

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NO_LIMIT = "9223372036854771712\n"


# Layouts: the names and the order of the lines are those of Linux 6.18 (version 1) and of its cgroup-v2.rst

FIRST = """\
cache {cache}
rss {rss}
rss_huge 0
shmem {shmem}
mapped_file 0
swap {swap}
pgfault 16519
inactive_anon 40960
active_anon 4096
inactive_file {inactive}
active_file 8192
unevictable 0
hierarchical_memory_limit {above}
hierarchical_memsw_limit {above}
total_cache {cache}
total_rss {rss}
total_shmem {shmem}
total_swap {swap}
total_inactive_file {inactive}
total_active_file 8192
total_unevictable 0
"""

SECOND = """\
anon {rss}
file {cache}
kernel 1298432
kernel_stack 81920
pagetables 507904
sock 0
shmem {shmem}
file_mapped 2207744
file_dirty 0
inactive_anon 40960
active_anon 4096
inactive_file {inactive}
active_file 8192
unevictable 0
slab 422488
"""


class Layout:
    """What `/proc` and `/sys/fs/cgroup` show in a container, in a folder of the test."""

    def __init__(self, root: Path, membership: str, version: int) -> None:
        self.root = root
        self.version = version
        self.top = root / "cgroup" / ("memory" if version == 1 else "")
        self.place = HostPlace(str(root / "proc"), str(root / "cgroup"))
        self.process("self", membership)
        self.process(str(os.getpid()), membership)
        write(root, {"proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1000 kB\nMemAvailable:    8192000 kB\n"})
        if version == 2:
            write(self.top, {"cgroup.controllers": "cpu io memory pids\n"})

    def process(self, pid: str, membership: str = "", parent: int = 0, **files: str) -> None:
        """Add a process: its group, its parent, and what is told of its memory."""
        stat = f"{pid} (python) S {parent} 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 99 0 0\n"
        write(self.root / "proc" / pid, {"cgroup": membership, "stat": stat, **files})

    def group(self, path: str, limit: str | None, **sizes: int) -> None:
        """Add a group; sizes are MiB, `kills` is a number."""
        mib = {name: size * MIB for name, size in sizes.items()}
        values = {**dict.fromkeys(("rss", "cache", "shmem", "swap", "inactive", "usage"), 0), **mib}
        values["above"] = mib.get("above", int(NO_LIMIT))
        folder = self.top / path
        kills = sizes.get("kills", 0)
        if self.version == 1:
            files = {
                "memory.usage_in_bytes": f"{values['usage']}\n",
                "memory.max_usage_in_bytes": f"{values['usage']}\n",
                "memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n",
                "memory.stat": FIRST.format(**values),
                **({"memory.limit_in_bytes": limit} if limit is not None else {}),
            }
        else:
            files = {
                "memory.current": f"{values['usage']}\n",
                "memory.peak": f"{values['usage']}\n",
                "memory.swap.current": f"{values['swap']}\n",
                "memory.events": f"low 0\nhigh 0\nmax 12\noom {kills}\noom_kill {kills}\noom_group_kill 0\n",
                "memory.stat": SECOND.format(**values),
                **({"memory.max": limit} if limit is not None else {}),
            }
        write(folder, files)


@pytest.fixture
def second(tmp_path: Path) -> Layout:
    """Return a container of version 2 that sees its own group as the top."""
    return Layout(tmp_path / "host", "0::/\n", 2)


V1 = "11:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n0::/\n"


def size(found: container.ContainerLimit | None) -> float | None:
    return None if found is None else found.size / MIB


def test_version_2_tells_the_container_not_the_machine(second: Layout) -> None:
    second.group("", f"{512 * MIB}\n", usage=300, inactive=40, rss=200, shmem=10, swap=3, kills=2)
    found = container.read("self", *second.place)
    assert found.use == container.ContainerUse(300 * MIB, 260 * MIB, 200 * MIB, 10 * MIB, 3 * MIB, 300 * MIB)
    assert found.limit == container.ContainerLimit(512 * MIB, "memory.max")
    assert (found.kills, found.is_whole) == (2, False)
    assert found.machine == container.Machine(16000 * MIB, 8000 * MIB)


@pytest.mark.parametrize("inner", [pytest.param("docker/0123", id="sees-the-host"), pytest.param("", id="sees-itself")])
def test_version_1_tells_the_container_where_it_stands(tmp_path: Path, inner: str) -> None:
    layout = Layout(tmp_path, V1, 1)
    layout.group(inner, f"{512 * MIB}\n", usage=300, inactive=40, rss=200, shmem=10, swap=3, kills=1)
    found = container.read("self", *layout.place)
    assert found.use == container.ContainerUse(300 * MIB, 260 * MIB, 200 * MIB, 10 * MIB, 3 * MIB, 300 * MIB)
    assert found.limit == container.ContainerLimit(512 * MIB, "memory.limit_in_bytes")
    assert (found.kills, found.is_whole) == (1, False)


@pytest.mark.parametrize(
    ("limits", "expected", "source"),
    [
        pytest.param({"a/b": "max\n", "a": "max\n", "": None}, None, "", id="none"),
        pytest.param({"a/b": f"{512 * MIB}\n", "a": f"{256 * MIB}\n"}, 256, "memory.max of a group above", id="above"),
        pytest.param({"a/b": f"{128 * MIB}\n", "a": f"{256 * MIB}\n"}, 128, "memory.max", id="own"),
        pytest.param({"a/b": f"{10**14}\n", "a": "max\n"}, None, "", id="more-than-the-machine"),
        pytest.param({"a/b": "many\n", "a": "-5\n"}, None, "", id="no-numbers"),
        pytest.param({"a/b": f"{'9' * 5000}\n", "a": f"{256 * MIB}"}, 256, "memory.max of a group above", id="endless"),
    ],
)
def test_least_limit_of_all_groups_counts(
    tmp_path: Path, limits: dict[str, str | None], expected: int | None, source: str
) -> None:
    layout = Layout(tmp_path, "0::/a/b\n", 2)
    for path, limit in limits.items():
        layout.group(path, limit, usage=10)
    found = container.read("self", *layout.place).limit
    assert (size(found), found.source if found else "") == (expected, source)


@pytest.mark.parametrize(
    ("own", "above", "expected"),
    [
        pytest.param(NO_LIMIT, None, None, id="none"),
        pytest.param("9223372036854710272\n", None, None, id="none-on-large-pages"),
        pytest.param(NO_LIMIT, 256, 256, id="of-a-group-that-is-not-seen"),
        pytest.param(f"{128 * MIB}\n", 256, 128, id="own"),
    ],
)
def test_version_1_has_a_huge_number_for_no_limit(tmp_path: Path, own: str, above: int | None, expected: int | None) -> None:
    layout = Layout(tmp_path, V1, 1)
    layout.group("", own, usage=10, **({} if above is None else {"above": above}))
    assert size(container.read("self", *layout.place).limit) == expected


def test_group_without_the_controller_is_charged_to_the_one_above(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "0::/app/inner/innermost\n", 2)
    layout.group("app", f"{64 * MIB}\n", usage=10)
    (layout.top / "app" / "inner" / "innermost").mkdir(parents=True)
    found = container.read("self", *layout.place)
    assert found.group == cgroup.Group(str(layout.top / "app"), 2)
    assert size(found.limit) == 64


@pytest.mark.parametrize("path", ["/../elsewhere", "/not/there", "/", ""])
def test_group_that_is_not_seen_is_the_top(tmp_path: Path, path: str) -> None:
    layout = Layout(tmp_path, f"0::{path}\n", 2)
    layout.group("", f"{64 * MIB}\n", usage=10)
    write(tmp_path, {"cgroup/../elsewhere/memory.current": "1\n"})
    assert container.read("self", *layout.place).group == cgroup.Group(str(layout.top).rstrip("/"), 2)


@pytest.mark.parametrize("version", [1, 2])
def test_machine_without_groups_is_the_container(tmp_path: Path, version: int) -> None:
    layout = Layout(tmp_path, "4:memory:/\n" if version == 1 else "0::/\n", version)
    if version == 1:
        layout.group("", NO_LIMIT, usage=10)
        write(layout.top, {"release_agent": "\n"})
    found = container.read("self", *layout.place)
    assert found.is_whole
    assert size(found.limit) == 16000
    assert found.use is not None
    assert found.use.working == 8000 * MIB


@pytest.mark.parametrize("membership", ["", "0::/\n", "4:memory:/x\n", "4:mem\n:::\n\0\n", "0::" + "/x" * 5000 + "\n"])
def test_system_that_tells_nothing(tmp_path: Path, membership: str) -> None:
    write(tmp_path, {"proc/self/cgroup": membership})
    found = container.read("self", str(tmp_path / "proc"), str(tmp_path / "no"))
    assert found == container.Container(None, None, None, None, None)


def test_files_that_may_not_be_read_leave_their_part_out(second: Layout) -> None:
    second.group("", f"{64 * MIB}\n", usage=10)
    for name in ("memory.stat", "memory.events", "memory.max", "memory.peak"):
        (second.top / name).unlink()
        (second.top / name).mkdir()  # fails for root too
    found = container.read("self", *second.place)
    assert found.use == container.ContainerUse(10 * MIB, 10 * MIB, None, None, 0, None)
    assert (found.limit, found.kills) == (None, None)


# The command


class Result(NamedTuple):
    """What one call of the command returned and printed."""

    status: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The JSON."""
        return json.loads(self.out)  # type: ignore[no-any-return]


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in list(os.environ):
        if name.startswith(health._JUDGED) or name in health._SHOWN:
            monkeypatch.delenv(name)

    def call(*arguments: str, place: HostPlace | None = None) -> Result:
        capsys.readouterr()
        status = health.main(arguments, place)
        return Result(status, *capsys.readouterr())

    return call


def test_text_of_a_container(second: Layout, run: Run) -> None:
    second.group("", f"{512 * MIB}\n", usage=480, inactive=40, rss=400, shmem=10, kills=1)
    second.process("1", "0::/\n", cmdline="tini\0--\0gunicorn\0", smaps_rollup="Rss: 1024 kB\nPss: 512 kB\n")
    rolled = "Rss: 204800 kB\nPss: 153600 kB\n"
    second.process("7", "0::/\n", 1, cmdline="/venv/bin/python\0/venv/bin/gunicorn\0--key=s\0", smaps_rollup=rolled)
    second.process("8", "0::/\n", 7, cmdline="gunicorn: worker [app]\0\0\0", smaps_rollup=rolled)
    second.process("9", "0::/\n", 0, cmdline="bash\0", smaps_rollup=rolled)
    result = run("--only", "memory", place=second.place)
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "memory: 440 of 512 MiB, 86 % (memory.max)\n"
        "    400 MiB anonymous, 10 MiB in tmpfs and /dev/shm, 480 MiB with files that can be dropped, "
        "480 MiB at most so far\n"
        "processes: 3 of pid 1 and what it started: 300 MiB by their shares (PSS), 401 resident (RSS)\n"
        "        PSS     RSS     pid\n"
        "        150     200       7  python gunicorn\n"
        "        150     200       8  gunicorn: worker [app]\n"
        "        0.5     1.0       1  tini\n"
        "kills for want of memory: 1\n"
        "memory: warning: 440 of 512 MiB are taken, 85 % or more\n"
        "    fix: the largest process is 7, python gunicorn: 200 MiB resident\n"
        "         `memguard check` names the imports that take most, and what to defer\n"
        "memory: warning: the kernel has killed a process of this container for want of memory "
        "(status 137 = 128 + 9, SIGKILL)\n"
        "    fix: `memguard check` names what takes most; `memguard measure --limit 512MiB` shows whether it lives now\n"
    )


@pytest.mark.parametrize(
    ("working", "options", "verdict", "status"),
    [
        pytest.param(84, [], "ok", 0, id="below"),
        pytest.param(85, [], "warning", 0, id="warning"),
        pytest.param(85, ["--fail-on", "warning"], "warning", 1, id="warning-fails"),
        pytest.param(89, [], "warning", 0, id="nearly"),
        pytest.param(90, [], "error", 1, id="error"),
        pytest.param(90, ["--fail-on", "never"], "error", 0, id="error-that-never-fails"),
        pytest.param(90, ["--fail", "95%"], "warning", 0, id="a-later-band"),
        pytest.param(50, ["--warn", "40%", "--fail", "50"], "error", 1, id="an-earlier-band"),
        pytest.param(50, ["--limit", "55MiB"], "error", 1, id="a-limit-given"),
        pytest.param(99, ["--limit", "1GiB"], "ok", 0, id="a-larger-limit-given"),
    ],
)
def test_bands_and_exit_status(
    second: Layout, run: Run, working: int, options: list[str], verdict: str, status: int
) -> None:
    second.group("", f"{100 * MIB}\n", usage=working + 5, inactive=5)
    result = run("--only", "memory", "--format", "json", *options, place=second.place)
    assert (result.object["verdict"], result.status) == (verdict, status)
    assert result.object["memory"]["working_set_mib"] == working


def test_without_a_limit_it_says_so_and_judges_nothing(second: Layout, run: Run) -> None:
    second.group("", "max\n", usage=15900)
    result = run("--only", "memory", place=second.place)
    assert result.status == 0
    assert "memory: 15900 MiB, and no limit is set for this container\n" in result.out
    assert "    the machine has 16000 MiB, of which 8000 are available\n" in result.out
    assert result.out.endswith("\nok\n")


def test_json_has_all_parts(second: Layout, run: Run) -> None:
    second.group("", f"{512 * MIB}\n", usage=100, inactive=20, rss=60)
    second.process("1", "0::/\n", cmdline="python\0main.py\0", smaps_rollup="Rss: 2048 kB\nPss: 1024 kB\n", environ="A=1\0")
    whole = run("--format", "json", place=second.place).object
    assert whole.keys() == {"schema", "verdict", "memory", "packages", "environment", "findings", "skipped"}
    assert whole["memory"] == {
        "limit_mib": 512.0, "limit_source": "memory.max", "working_set_mib": 80.0, "share": 0.1562, "warn": 0.85,
        "fail": 0.9, "usage_mib": 100.0, "anonymous_mib": 60.0, "shared_mib": 0.0, "swapped_mib": 0.0, "peak_mib": 100.0,
        "oom_kills": 0, "cgroup": 2, "machine_mib": 16000.0, "machine_available_mib": 8000.0,
        "processes_of": "pid 1 and what it started",
        "processes": [{"pid": 1, "name": "python main.py", "rss_mib": 2.0, "pss_mib": 1.0}],
    }  # fmt: skip
    assert run("--only", "environment", "--format", "json", place=second.place).object["memory"] is None


def test_other_users_processes_tell_rss_alone(second: Layout, run: Run) -> None:
    second.group("", f"{512 * MIB}\n", usage=100)
    second.process("1", "0::/\n", cmdline="python\0main.py\0", status="Name: python\nVmRSS:   2048 kB\n")
    second.process("2", "0::/\n", 1, status="Name: kthread\n")
    result = run("--only", "memory", place=second.place)
    assert "processes: 1 of pid 1 and what it started: 2.0 MiB resident (RSS), with shared pages counted again" in result.out
    assert "          -     2.0       1  python main.py\n" in result.out
    assert "PSS is told to their own user and to root alone\n" in result.out
    assert (
        run("--only", "memory", "--format", "json", place=second.place).object["memory"]["processes"][0]["pss_mib"] is None
    )


def test_system_without_proc_says_what_it_does_not_tell(tmp_path: Path, run: Run) -> None:
    nowhere = HostPlace(str(tmp_path / "proc"), str(tmp_path / "cgroup"))
    result = run("--only", "memory", place=nowhere)
    assert (result.status, result.out) == (0, "ok\n")
    assert "memory: skipped: this system does not tell what the container takes: it has no control groups" in result.err
    assert "memory: skipped: no process of the process that started this one may be seen here" in result.err
    assert run("--only", "environment", place=nowhere).status == 0
    failed = run("--pid", "1", place=nowhere)
    assert (failed.status, failed.err) == (2, ".: error: --pid reads /proc, which this system does not have\n")


def test_process_that_is_gone(second: Layout, run: Run) -> None:
    result = run("--pid", "4194304", place=second.place)
    assert (result.status, result.out, result.err) == (2, "", ".: error: there is no process 4194304\n")
    whole = run("--pid", "4194304", "--format", "json", place=second.place).object
    assert (whole["verdict"], whole["memory"]) == ("error", None)
    assert whole["skipped"] == [{"path": ".", "line": None, "reason": "there is no process 4194304"}]


@pytest.mark.parametrize(
    "options",
    [
        ["--pid", "0"], ["--pid", "-1"], ["--pid", "one"], ["--pid", "\u0661"], ["--pid", "9" * 5000], ["--limit", "0MiB"],
        ["--limit", "512"], ["--warn", "95"], ["--fail", "x"], ["--exit-status", "256"], ["--exit-status", "9" * 5000],
        ["--exit-status", "oom"], ["--only", "all"], ["/no/such/folder"],
    ],
)  # fmt: skip
def test_usage_at_fault(run: Run, options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*options)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("command", "name"),
    [
        pytest.param(b"/usr/bin/python3\0-m\0app.main\0--token\0secret\0", "python3 -m app.main", id="module"),
        pytest.param(b"python\0/srv/app/main.py\0secret\0", "python main.py", id="script"),
        pytest.param(b"python\0-c\0password='x'\0", "python", id="code"),
        pytest.param(b"python\0redis://user:secret@host/0\0", "python", id="url"),
        pytest.param(b"python\0KEY=secret\0", "python", id="assignment"),
        pytest.param(b"/usr/bin/mysql\0secret\0", "mysql", id="argument"),
        pytest.param(b"gunicorn: master [app]\0\0\0\0", "gunicorn: master [app]", id="title"),
        pytest.param(
            b"[celeryd: c@h:Main] -active- (worker --broker redis://:secret@h)\0", "[celeryd: c@h:Main]", id="celery"
        ),
        pytest.param(b"\xff\xfe\0", "\ufffd\ufffd", id="no-text"),
        pytest.param(b"", "", id="kernel"),
        pytest.param(b"x" * 10**6, "x" * 40, id="long"),
    ],
)
def test_names_of_processes_hold_no_secrets(command: bytes, name: str) -> None:
    assert name_of(command) == name


# Real processes and groups

SLEEP = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SLEEP!r}])\n"


@on_linux
def test_tree_of_a_real_process(run: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        first, *children = find_tree(parent.pid)
        own = read_size(parent.pid)
        result = run("--pid", str(parent.pid), "--only", "memory", "--format", "json").object["memory"]
        parent.communicate()
    assert first == parent.pid
    assert len(children) == 1
    assert own is not None
    assert own.shared is not None
    assert 0 < own.shared <= own.resident
    assert {one["pid"] for one in result["processes"]} == {parent.pid, *children}
    assert find_tree(parent.pid) == ()
    assert read_size(parent.pid) is None


def command(*arguments: str) -> list[str]:
    """Return what runs the command in a process of its own."""
    code = "from memguard_hooks.commands.health import main; raise SystemExit(main())"
    return [sys.executable, "-c", code, *arguments]


@pytest.fixture
def group() -> Iterator[cgroup.Group]:
    """Return a real control group of 64 MiB."""
    with cgroup.limited(64 * MIB) as made:
        if isinstance(made, str):
            pytest.skip(made)
        yield made


@on_linux
def test_a_real_kill_is_told_inside_its_group(group: cgroup.Group, tmp_path: Path) -> None:
    killed = subprocess.run(group.enter([sys.executable, "-c", "bytearray(200 * 2**20)"]), check=False)
    assert killed.returncode == -signal.SIGKILL
    inside = group.enter(command("--only", "memory", "--format", "json"))
    done = subprocess.run(inside, cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["memory"]["oom_kills"] == 1
    assert found["memory"]["limit_mib"] == 64.0
    assert 0 < found["memory"]["usage_mib"] < 64
    assert found["verdict"] == "warning"
    told = subprocess.run(
        group.enter(command("--exit-status", str(128 + signal.SIGKILL))), capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("137 = 128 + 9, SIGKILL: most likely out of memory\n")
    assert "in the container where you ask, the kernel killed for want of memory: 1\n" in told.stdout


@on_linux
def test_first_process_of_a_real_container_is_whose_memory_is_told(group: cgroup.Group, tmp_path: Path) -> None:
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        subprocess.run([*apart, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no process may be set apart here: {error}")
    script = '"$@"; exit $?'
    inside = [*apart, "/bin/sh", "-c", script, "main", *command("--format", "json")]
    done = subprocess.run(group.enter(inside), cwd=tmp_path, env={**os.environ, "WEB_CONCURRENCY": "5"},
                          capture_output=True, check=True)  # fmt: skip
    found = json.loads(done.stdout)
    assert found["memory"]["processes_of"] == "pid 1 and what it started"
    assert [(one["pid"], one["name"].split()[0]) for one in found["memory"]["processes"]] == [(1, "sh")]
    assert found["environment"]["of"] == "pid 1"
    assert found["environment"]["variables"]["WEB_CONCURRENCY"] == "5"


@on_linux
def test_a_real_group_near_its_limit_fails_when_asked_from_outside(group: cgroup.Group, run: Run) -> None:
    hungry = f"kept = bytearray(56 * 2**20)\n{SLEEP}"
    with subprocess.Popen(
        group.enter([sys.executable, "-c", hungry]), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        result = run("--pid", str(process.pid), "--only", "memory", "--format", "json")
        process.communicate()
    memory = result.object["memory"]
    assert (result.status, result.object["verdict"]) == (1, "error")
    assert 56 < memory["anonymous_mib"] <= memory["working_set_mib"] <= memory["usage_mib"] <= 64
    assert [one["pid"] for one in memory["processes"]] == [process.pid]
    assert result.object["findings"][0]["message"].endswith("of 64 MiB are taken, 90 % or more")


# Nothing but the standard library

LOADED = """
import sys
sys.path.insert(0, {checkout!r})
from memguard_hooks.commands.health import main
status = main({arguments!r})
print(status, *sorted({{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [[], ["--format", "json"], ["--exit-status", "137"]])
def test_it_loads_nothing_but_the_standard_library(tmp_path: Path, checkout: Path, arguments: list[str]) -> None:
    environment = make_environment(tmp_path / "env", {**HEAVY, "litellm": "1.80.0", "torch": "2.8.0+cu128"})
    pins = "litellm==1.69.3\npandas>=2 ; python_version > '3'\nnumpy\nuvicorn[standard]==0.34.0 --hash=sha256:00\n"
    write(tmp_path, {"requirements.txt": pins, "pyproject.toml": "[project]\nname = 'a'\n"})
    code = LOADED.format(checkout=str(checkout), arguments=[*arguments, "--python", str(environment)])
    variables = {"PYTHONUNBUFFERED": "0", "MALLOC_ARENA_MAX": "two", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True, check=True
    )
    status, *loaded = done.stderr.splitlines()[-1].split()
    assert set(loaded) <= {"__main__", "memguard_hooks"}
    assert status == ("0" if "--exit-status" in arguments else "1")
    assert ("MG102" in done.stdout) is ("--exit-status" not in arguments)


BARE = """
import sys
sys.path.insert(0, {checkout!r})
from memguard_hooks.__main__ import main
sys.exit(main({arguments!r}))
"""


@pytest.mark.parametrize("arguments", [["check"], ["hook"], ["fix"], ["config"], ["init", "--yes"], ["measure"]])
def test_other_commands_say_in_a_line_which_package_is_not_installed(
    tmp_path: Path, checkout: Path, arguments: list[str]
) -> None:
    write(tmp_path, {"render.yaml": "services: []\n", "requirements.txt": "a\n", "pyproject.toml": "[project]\n"})
    code = BARE.format(checkout=str(checkout), arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(r"error: (?:PyYAML|libcst|packaging|tomli) is not installed: `pip install` without --no-deps", line)


def test_what_gunicorn_ends_itself_is_told_from_a_kill_for_want_of_memory() -> None:
    """Its own source says in which order: SIGABRT with WORKER TIMEOUT, and SIGKILL for whom that does not end."""
    arbiter = pytest.importorskip("gunicorn.arbiter")
    source = inspect.getsource(arbiter.Arbiter.murder_workers)
    assert 0 < source.index("WORKER TIMEOUT") < source.index("SIGABRT") < source.index("SIGKILL")
    assert "Perhaps out of memory?" in inspect.getsource(arbiter)
    assert any("WORKER TIMEOUT" in line for line in explain(137).lines)
    assert any("WORKER TIMEOUT" in line for line in explain(134).lines)


def test_settings_that_cannot_be_read_without_their_library_are_said(tmp_path: Path, checkout: Path) -> None:
    write(tmp_path, {"memguard.toml": "[forbid]\nadd = ['redis']\n"})
    code = LOADED.format(checkout=str(checkout), arguments=["--only", "packages"])
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ".: skipped: the settings are not read: tomli is not installed in the interpreter of memguard\n" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("0 ")


# Packages

HEAVY = {"pandas": "2.2.3", "grpcio": "1.70.0", "Flask-Cors": "5.0.0", "zope.interface": "7.0"}


def make_environment(root: Path, packages: dict[str, str]) -> Path:
    """Write an environment as installers leave it, without the packages themselves."""
    site = root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for name, version in packages.items():
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n"
        write(site, {f"{name.replace('-', '_')}-{version}.dist-info/METADATA": text})
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    return root


def test_installed_versions_are_those_that_importlib_finds() -> None:
    expected: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        expected.setdefault(one.name.lower().replace("_", "-").replace(".", "-"), one.version)
    found = read_installed(sys.path)
    assert len(found) > 20
    assert found == expected


def test_what_is_left_of_packages_is_not_installed(tmp_path: Path) -> None:
    write(tmp_path, {
        "gone-1.0.dist-info/RECORD": "",
        "~alf-1.0.dist-info/METADATA": "Name: half\nVersion: 1.0\n",
        "nodash.dist-info/METADATA": "Name: x\nVersion: 1\n",
        "old_one-1.2-py3.11.egg-info/PKG-INFO": "Name: old.one\nVersion: 1.2\n\nVersion: 9\n",
        "older-0.1.egg-info": "Name: older\nVersion: 0.1\n",
        "broken.egg-info/PKG-INFO": "Name: broken\n",
        "module.py": "",
    })  # fmt: skip
    assert read_installed([str(tmp_path / "no"), str(tmp_path / "module.py"), str(tmp_path)]) == {
        "old-one": "1.2",
        "older": "0.1",
    }


def test_folders_of_an_interpreter(tmp_path: Path) -> None:
    base, env = tmp_path / "base", tmp_path / "env"
    for root, version in ((base, "3.11"), (base, "3.12"), (env, "3.11")):
        (root / "lib" / f"python{version}" / "site-packages").mkdir(parents=True)
    for root in (base, env):
        (root / "bin").mkdir()
    (base / "bin" / "python3.11").write_text("")
    (base / "bin" / "python").symlink_to("python3.11")
    (env / "bin" / "python").symlink_to(base / "bin" / "python")
    own, other = (str(root / "lib" / "python3.11" / "site-packages") for root in (env, base))
    assert find_folders(str(base / "bin" / "python")) == (other,)
    assert find_folders(str(env / "bin" / "python")) == (own,)
    assert python_of([own]) == "3.11"
    write(env, {"pyvenv.cfg": f"home = {base / 'bin'}\ninclude-system-site-packages = TRUE\n"})
    assert find_folders(str(env / "bin" / "python")) == (own, other)


def test_packages_of_an_environment(tmp_path: Path, run: Run) -> None:
    environment = make_environment(tmp_path / "env", {**HEAVY, "litellm": "1.80.0", "uvicorn": "0.34.0"})
    Path("requirements.txt").write_text(
        "litellm==1.69.3\n"
        "flask_cors==5.0\n"
        "grpcio==1.69.0 ; python_version < '3'\n"
        "uvicorn[standard]==0.33.0\n"
        "httpx==0.28.1\n"
        "pandas>=2\n",
        encoding="utf-8",
    )
    result = run("--only", "packages", "--python", str(environment))
    assert (result.status, result.err) == (1, "")
    head, *_ = result.out.splitlines()
    assert head.startswith("packages: 6 installed in --python (Python 3.")
    assert head.endswith(", 2 of them heavy")
    assert "MiB  pandas 2.2.3, once pandas is imported\n" in result.out
    assert "packages: error: MG102 litellm 1.80.0 is installed, which is not <1.70\n" in result.out
    assert "requirements.txt:1:1: error: litellm is pinned to 1.69.3, and 1.80.0 is installed\n" in result.out
    assert "requirements.txt:4:1: warning: uvicorn is pinned to 0.33.0, and 0.34.0 is installed\n" in result.out
    assert "requirements.txt:5:1: warning: httpx is pinned to 0.28.1, and it is not installed\n" in result.out
    assert "packages: warning: MG111 grpcio 1.70.0 is installed and forbidden: " in result.out
    assert result.out.count(": error: ") + result.out.count(": warning: ") == 5


def test_withdrawn_release_is_an_error(tmp_path: Path, run: Run) -> None:
    environment = make_environment(tmp_path / "env", {"litellm": "1.82.7"})
    result = run("--only", "packages", "--python", str(environment))
    assert result.status == 1
    assert "packages: error: MG103 litellm 1.82.7 was withdrawn: it was backdoored\n" in result.out
    assert "requirements.txt: skipped: is not here: installed versions are compared with no pins" in result.err


def test_settings_count(tmp_path: Path, run: Run) -> None:
    environment = make_environment(tmp_path / "env", {"litellm": "1.80.0", "torch": "2.8.0", "redis": "5.0"})
    text = "[forbid]\nadd = ['redis']\nallow = {torch = 'GPU host'}\n[pins]\nlitellm = '<1.81'\n"
    Path("memguard.toml").write_text(text, encoding="utf-8")
    findings = run("--only", "packages", "--python", str(environment), "--format", "json").object["findings"]
    assert [(one["code"], one["message"].partition(" ")[0], one["severity"]) for one in findings] == [
        ("MG111", "redis", "error")
    ]


def test_environment_of_another_project_is_recognized(tmp_path: Path, run: Run) -> None:
    environment = make_environment(tmp_path / "env", {"pip": "25.0"})
    Path("requirements.txt").write_text("fastapi==0.1\nlitellm==1.69.3\n", encoding="utf-8")
    result = run("--only", "packages", "--python", str(environment))
    assert (result.status, result.out.splitlines()[-1]) == (0, "ok")
    assert "none of what it pins is installed here: name the interpreter of the app by --python" in result.err


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        pytest.param({}, ["--requirements", "no.txt"], "no.txt: error: no such file\n", id="missing"),
        pytest.param({}, ["--requirements", "../a.txt"], "../a.txt: error: is not in this project\n", id="outside"),
        pytest.param({"requirements.txt": "-r no.txt\n"}, [], "includes no.txt, which is missing\n", id="include"),
        pytest.param({"requirements.txt": "???\n"}, [], "requirements.txt:1: error: ", id="no-requirement"),
        pytest.param({"memguard.toml": "x = \n"}, [], "memguard.toml:1: error: ", id="settings"),
        pytest.param({}, ["--python", "no-such-python"], "error: there is no interpreter no-such-python\n", id="python"),
    ],
)
def test_input_at_fault(run: Run, files: dict[str, str], options: list[str], message: str) -> None:
    write(Path(), files)
    result = run("--only", "packages", *options)
    assert result.status == 2
    assert message in result.err


PAIRS = [
    ("1.69.3", "1.69.3"), ("1.69", "1.69.0"), ("1.69.0", "1.69"), ("1.69.3", "1.69.30"), ("1.0", "1.0.post1"),
    ("2.8.0", "2.8.0+cu128"), ("2.8.0+cu128", "2.8.0"), ("2.8.0+cu128", "2.8.0+cu128"), ("2.8.0+cu.128", "2.8.0+cu-128"),
    ("1.0rc1", "1.0RC1"), ("1.0-rc.1", "1.0rc1"), ("1.0c1", "1.0rc1"), ("1.0alpha1", "1.0a1"), ("1.0.beta2", "1.0b2"),
    ("1.0-1", "1.0.post1"), ("1.0.r1", "1.0.post1"), ("1.0a", "1.0a0"), ("1.0.dev3", "1.0.dev3"), ("1.0.dev3", "1.0.dev4"),
    ("v1.0", "1.0"), ("1!1.0", "1.0"), ("0!1.0", "1.0"), ("01.02", "1.2"), ("10", "1"), ("2024.01.02", "2024.1.2"),
]  # fmt: skip


@pytest.mark.parametrize(("pin", "installed"), PAIRS)
def test_versions_are_the_same_where_packaging_says_so(pin: str, installed: str) -> None:
    assert is_same(pin, installed) is SpecifierSet(f"=={pin}").contains(installed, prereleases=True)


@pytest.mark.parametrize(
    "version", ["1.69.3", "1.69", "1.70", "1.70.0", "1.70rc1", "1.70.dev1", "1.9", "1.80.0", "2", "0.1"]
)
def test_ceiling_is_what_packaging_says(version: str) -> None:
    assert is_below(version, CEILING[1:]) is SpecifierSet(CEILING).contains(version, prereleases=True)


def test_pins_of_a_file_and_its_includes(tmp_path: Path) -> None:
    write(tmp_path, {
        "requirements.txt": "-r base.txt\n-c constraints.txt\n\nA_b [x, y] == 1.0 \\\n  --hash=sha256:00\nc>=1,==1.5\n"
        "d==1.*\ne===2\nf @ https://example.com/f-1.0.whl\ng~=1.0\nh==1 ; python_version < '3.12'\ni\n-e .\n",
        "base.txt": "\ufeffj==3\n",
        "constraints.txt": "k==4\n",
    })  # fmt: skip
    pins, skipped = exact_pins.read(WorkTree(str(tmp_path)), "requirements.txt")
    assert [(one.name, one.version, one.path, one.line, one.is_certain) for one in pins] == [
        ("j", "3", "base.txt", 1, True),
        ("k", "4", "constraints.txt", 1, False),
        ("a-b", "1.0", "requirements.txt", 4, True),
        ("c", "1.5", "requirements.txt", 6, True),
        ("e", "2", "requirements.txt", 8, True),
        ("h", "1", "requirements.txt", 11, False),
    ]
    assert skipped == ()
    with pytest.raises(MemguardError, match="no such file"):
        exact_pins.read(WorkTree(str(tmp_path)), "no.txt")


# Variables


def test_variables_are_those_of_the_first_process(second: Layout, run: Run) -> None:
    second.group("", f"{512 * MIB}\n", usage=100)
    environ = "PYTHONUNBUFFERED=0\0MALLOC_ARENA_MAX=two\0WEB_CONCURRENCY=4\0MALLOC_TRIM_THRESHOLD=1\0TOKEN=secret\0\0x\0"
    second.process("1", "0::/\n", environ=environ)
    result = run("--only", "environment", place=second.place)
    assert (result.status, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[0] == "variables of pid 1:"
    assert lines[1] == "    PYTHONUNBUFFERED        0"
    assert lines[4] == "    WEB_CONCURRENCY         4"
    assert (
        "environment: warning: MG702 MALLOC_ARENA_MAX=two limits nothing: there may still be 8 arenas for each CPU" in lines
    )
    assert any(line.startswith("environment: error: MG701 MALLOC_TRIM_THRESHOLD is read by nobody") for line in lines)
    assert any(line.startswith("environment: warning: MG702 PYTHONUNBUFFERED=0 does nothing") for line in lines)
    assert "secret" not in result.out
    assert "TOKEN" not in result.out


def test_variables_that_may_not_be_seen_are_replaced_by_its_own(
    second: Layout, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    second.group("", f"{512 * MIB}\n", usage=100)
    second.process("1", "0::/\n")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1\x1b[31m" + "x" * 100)
    result = run("--only", "environment", place=second.place)
    assert "environment: skipped: the variables of pid 1 are not told to this user" in result.err
    assert result.out.startswith("variables of this process:\n    PYTHONUNBUFFERED        1\\x1b[31mxxx")
    assert "…" in result.out.splitlines()[1]


@on_linux
def test_variables_of_a_real_process(run: Run) -> None:
    variables = {**os.environ, "WEB_CONCURRENCY": "7", "PYTHONDEVMODE": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", SLEEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        result = run("--pid", str(process.pid), "--only", "environment", "--format", "json").object
        process.communicate()
    assert result["environment"]["of"] == f"pid {process.pid}"
    assert result["environment"]["variables"]["WEB_CONCURRENCY"] == "7"
    assert [(one["code"], one["path"], one["line"]) for one in result["findings"]] == [("MG702", "environment", None)]


# Exit statuses


@pytest.mark.parametrize(
    ("status", "title", "memory"),
    [
        (0, "0", "no"), (1, "1", "possible"), (3, "3", "no"), (42, "42", "unlikely"), (127, "127", "no"),
        (128, "128", "unlikely"), (134, "134 = 128 + 6, SIGABRT", "possible"),
        (135, "135 = 128 + 7, SIGBUS", "possible"),
        (137, "137 = 128 + 9, SIGKILL", "likely"), (139, "139 = 128 + 11, SIGSEGV", "unlikely"),
        (143, "143 = 128 + 15, SIGTERM", "no"), (-9, "-9 = SIGKILL", "likely"), (-40, "-40 = signal 40", "no"),
        (255, "255", "unlikely"),
    ],
)  # fmt: skip
def test_exit_statuses(status: int, title: str, memory: str) -> None:
    found = explain(status)
    assert (found.title, found.memory) == (title, memory)
    assert found.lines


@on_linux
@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"),
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("bytearray(2**60)", "MemoryError"),
        ("import sys; sys.exit(0)", "ended by itself"),
    ],
)
def test_how_real_programs_end_is_explained(run: Run, tmp_path: Path, code: str, named: str) -> None:
    shell = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1"; echo $?', sys.executable, code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    status = shell.stdout.strip()
    assert named in run("--exit-status", status).out
    assert (
        named
        in " ".join(run("--exit-status", status, "--format", "json").object["explanation"])
        + (run("--exit-status", status, "--format", "json").object["title"])
    )
