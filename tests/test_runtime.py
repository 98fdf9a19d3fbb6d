"""The module for deployed apps, in real control groups and by recorded files, on every Python that is here."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from folders import write

from memguard_hooks import runtime
from memguard_hooks.host import cgroup, container

MIB = 2**20
SOURCE = Path(runtime.__file__)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def run(group: cgroup.Group | None, code: str, *, python: str = sys.executable, **variables: str) -> str:
    """Run code that has the module under its copy's name, and return what it writes."""
    code = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); import runtime as m\n{code}"
    command = [python, "-W", "error", "-c", code]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        group.enter(command) if group is not None else command, env=environment, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def nest() -> Iterator[Callable[..., cgroup.Group]]:
    """Return what makes a control group in a control group, and so on, each with a limit in MiB or none."""
    with ExitStack() as stack:

        def make(first: int, *below: int | None) -> cgroup.Group:
            group = stack.enter_context(cgroup.limited(first * MIB))
            if isinstance(group, str):
                pytest.skip(group)
            for limit in below:
                group = cgroup.Group(os.path.join(group.folder, "inner"), group.version)
                os.mkdir(group.folder)
                stack.callback(cgroup._remove, group)
                if limit is not None:
                    cgroup._set_limit(group, limit * MIB)
            return group

        yield make


# Real control groups


@on_linux
@pytest.mark.parametrize(
    "limits", [(256,), (512,), (1024,), (1024, 512, 256), (1024, 256, 512), (256, 512, 1024), (512, None, 1024), (512, None)]
)
def test_the_least_limit_of_all_levels_counts_and_what_the_kernel_charges(
    nest: Callable[..., cgroup.Group], limits: tuple[int | None, ...]
) -> None:
    group = nest(*limits)
    least = min(limit for limit in limits if limit is not None)
    code = "kept = b'x' * 100 * m.MIB; print(m.limit().size, m.usage().limit, m.usage().working, flush=True); input()"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); import runtime as m\n{code}"]
    with subprocess.Popen(group.enter(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        size, bound, working = map(int, process.stdout.readline().split())
        use = container.read(process.pid).use
        process.communicate("\n")
    assert (size, bound) == (least * MIB, least * MIB)
    assert use is not None
    assert working == pytest.approx(use.working, rel=0.02)


@on_linux
def test_what_others_take_of_a_group_above_counts(nest: Callable[..., cgroup.Group]) -> None:
    inner = nest(256, 200)
    outer = cgroup.Group(os.path.dirname(inner.folder), inner.version)
    hungry = [sys.executable, "-c", "kept = b'x' * 180 * 2**20; print(flush=True); input()"]
    with subprocess.Popen(outer.enter(hungry), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        told = run(inner, "print(m.limit().size // m.MIB, m.usage().limit // m.MIB, m.usage().share > 0.7)")
        process.communicate("\n")
    assert told.split() == ["200", "256", "True"]


@on_linux
def test_one_line_tells_the_stage(nest: Callable[..., cgroup.Group]) -> None:
    told = run(nest(256), "m.log_memory_usage('startup', print)")
    assert told.startswith("memory startup: ")
    assert told.endswith(")\n")
    assert " of 256 MiB (anonymous " in told


WATCH = """
import threading, time
seen = []
watching = m.guard(every=0.02, on_warn=lambda: seen.append("warn"), on_stop=lambda: seen.append("stop"), log=print)
def wait(level):
    end = time.monotonic() + 20
    while watching.level != level and time.monotonic() < end:
        time.sleep(0.01)
    assert watching.level == level, (watching.level, m.usage())
room = m.limit().size
def fill(share):
    return b"x" * int(share * room - m.usage().working)
wait("ok")
kept = fill(0.87)
wait("warn")
more = fill(0.92)
wait("stop")
del more  # 87 %: below the bound, and no line yet
time.sleep(0.1)
assert watching.level == "stop", watching.level
del kept
m.release()
wait("ok")
watching.close()
watching.close()
assert threading.active_count() == 1
print(*seen)
"""


@on_linux
def test_a_guard_tells_each_bound_once_and_leaves_no_thread(nest: Callable[..., cgroup.Group]) -> None:
    *lines, seen = run(nest(256), WATCH).splitlines()
    assert seen == "warn stop"
    assert [line.rpartition(" ")[2] for line in lines] == ["warn", "stop", "ok"]
    assert all(" of 256 MiB, " in line for line in lines)


@on_linux
def test_releasing_at_the_first_bound_may_keep_the_second_from_being_reached(nest: Callable[..., cgroup.Group]) -> None:
    told = run(nest(256), """
kept = [b"x" * int(0.93 * m.limit().size - m.usage().working)]
stopped = []
watching = m.guard(every=60, on_warn=lambda: (kept.clear(), m.release()), on_stop=lambda: stopped.append(1), log=print)
watching.look()
watching.close()
assert not stopped, stopped
    """)  # fmt: skip
    assert [line.rpartition(" ")[2] for line in told.splitlines()] == ["warn", "ok"]


@on_linux
def test_the_largest_model_that_fits_is_chosen(nest: Callable[..., cgroup.Group]) -> None:
    code = """
table = [("large-v3", 3037), ("small", 610), ("base", 251), ("tiny", 167)]
print(m.choose(table))
kept = b"x" * (m.limit().size - 280 * m.MIB - m.usage().working)
print(m.choose(table))
more = b"x" * (120 * m.MIB)
print(m.choose(table))
"""
    assert run(nest(512), code).split() == ["base", "tiny", "None"]


@on_linux
def test_loading_falls_back_before_the_kernel_kills(nest: Callable[..., cgroup.Group]) -> None:
    told = run(nest(256), """
assert m.hard_limit() == int(0.95 * 256 * m.MIB)
def larger_than_said():
    return b"x" * (300 * m.MIB)
print(m.load([("huge", 400, lambda: 1 / 0), ("liar", 100, larger_than_said), ("small", 10, lambda: "loaded")]))
try:
    m.load([("huge", 400, lambda: 1 / 0)])
except MemoryError as error:
    print(error)
    """)  # fmt: skip
    first, second = told.splitlines()
    assert first == "('small', 'loaded')"
    assert second.startswith("none fits beside what is taken: ")
    assert second.endswith(" of 256 MiB")


@on_linux
def test_without_the_hard_limit_the_kernel_kills(nest: Callable[..., cgroup.Group]) -> None:
    group = nest(256)
    done = subprocess.run(group.enter([sys.executable, "-c", "b'x' * (300 * 2**20)"]), check=False)
    assert done.returncode == -signal.SIGKILL


# Recorded files: version 2, whose controllers this machine may have given to version 1

STAT = "anon {anon}\nfile 9000000\nkernel 1298432\ninactive_anon 40960\ninactive_file 2097152\nactive_file 8192\n"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, tuple[str, int]]], None]:
    """Return what lays out `/proc` and `/sys/fs/cgroup` of version 2: groups with their limit and their use in MiB."""

    def lay(membership: str, groups: dict[str, tuple[str, int]]) -> None:
        write(tmp_path, {
            "proc/self/cgroup": membership, "proc/self/statm": "9000 5000 2000 1 0 4000 0\n",
            "proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1000 kB\nMemAvailable:    8192000 kB\n",
            "cgroup/cgroup.controllers": "cpu io memory pids\n",
        })  # fmt: skip
        for path, (limit, use) in groups.items():
            write(tmp_path / "cgroup" / path, {
                "memory.max": limit, "memory.current": f"{use * MIB}\n", "memory.stat": STAT.format(anon=use * MIB // 2),
            })  # fmt: skip
        monkeypatch.setattr(runtime, "PROC", str(tmp_path / "proc"))
        monkeypatch.setattr(runtime, "MOUNT", str(tmp_path / "cgroup"))
        for name in runtime.VARIABLES:
            monkeypatch.delenv(name, raising=False)

    return lay


@pytest.mark.parametrize(
    ("membership", "groups", "limit", "working"),
    [
        pytest.param("0::/\n", {"": (f"{512 * MIB}\n", 300)}, 512, 298, id="its-own-group-as-the-top"),
        pytest.param("0::/a/b\n", {"a": (f"{256 * MIB}\n", 90), "a/b": ("max\n", 80)}, 256, 88, id="above"),
        pytest.param(
            "0::/a/b\n", {"a": (f"{1024 * MIB}\n", 90), "a/b": (f"{512 * MIB}\n", 80)}, 512, 78, id="the-nearest"
        ),
        pytest.param(
            "0::/a/b/c\n",
            {"a": (f"{256 * MIB}\n", 90), "a/b": (f"{512 * MIB}\n", 80), "a/b/c": (f"{1024 * MIB}\n", 70)},
            256, 88, id="the-farthest",
        ),
        pytest.param("0::/../../app\n", {"": (f"{128 * MIB}\n", 30), "app": ("max\n", 9)}, 128, 28, id="outside"),
        pytest.param("0::/gone\n", {"": (f"{128 * MIB}\n", 30)}, 128, 28, id="a-group-that-is-not-seen"),
        pytest.param("1:name=systemd:/\n0::/a\n", {"a": (f"{64 * MIB}\n", 30)}, 64, 28, id="a-hierarchy-without-memory"),
        pytest.param("0::/a\n", {"a": ("max\n", 90)}, 16000, 8000, id="no-limit-is-the-machine"),
        pytest.param("0::/a\n", {"a": (f"{99999 * MIB}\n", 90)}, 16000, 8000, id="more-than-the-machine-has"),
        pytest.param("", {}, 16000, 8000, id="no-groups"),
    ],
)  # fmt: skip
def test_recorded_groups_of_version_2(
    recorded: Callable[..., None], membership: str, groups: dict[str, tuple[str, int]], limit: int, working: int
) -> None:
    recorded(membership, groups)
    found, now = runtime.limit(), runtime.usage()
    assert found is not None
    assert now is not None
    assert (found.size // MIB, now.limit // MIB, now.working // MIB) == (limit, limit, working)
    assert found.source == now.source == ("MemTotal" if limit == 16000 else "memory.max")


def test_a_variable_of_the_platform_is_a_limit(recorded: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    recorded("0::/\n", {})
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    assert repr(runtime.limit()) == f"Limit(size={512 * MIB}, source='AWS_LAMBDA_FUNCTION_MEMORY_SIZE')"
    page = os.sysconf("SC_PAGE_SIZE")
    assert repr(runtime.usage()).startswith(f"Usage(working={5000 * page}, anonymous={3000 * page}, limit={512 * MIB}, ")
    monkeypatch.setenv("CONTAINER_MEMORY", str(256 * MIB))
    assert repr(runtime.limit()) == f"Limit(size={256 * MIB}, source='CONTAINER_MEMORY')"
    monkeypatch.setenv("CONTAINER_MEMORY", "much")
    assert repr(runtime.limit()) == f"Limit(size={512 * MIB}, source='AWS_LAMBDA_FUNCTION_MEMORY_SIZE')"


@on_linux
def test_the_address_space_is_a_limit() -> None:
    told = run(None, """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
print(m.limit())
    """)  # fmt: skip
    assert told == "Limit(size=1073741824, source='RLIMIT_AS')\n"


def test_where_nobody_tells_nothing_is_kept_from_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "PROC", str(tmp_path))
    monkeypatch.setattr(runtime, "MOUNT", str(tmp_path))
    lines: list[str] = []
    runtime.log_memory_usage("startup", lines.append)
    assert lines == ["memory startup: not known on this system"]
    assert (runtime.limit(), runtime.usage(), runtime.hard_limit()) == (None, None, None)
    assert runtime.choose([("large", 10**9), ("tiny", 1)]) == "large"
    watching = runtime.guard(every=60, log=lines.append)
    watching.look()
    watching.close()
    assert (watching.level, len(lines)) == ("ok", 1)


# Where an app runs

ENVIRONMENTS: list[tuple[str, str | None]] = [
    ("RENDER=true RENDER_SERVICE_TYPE=web", "render RENDER"),
    ("RAILWAY_ENVIRONMENT_NAME=production RAILWAY_SERVICE_ID=1", "railway RAILWAY_ENVIRONMENT_NAME"),
    ("RAILWAY_ENVIRONMENT_NAME=staging", "railway RAILWAY_ENVIRONMENT_NAME"),
    ("RAILWAY_ENVIRONMENT_NAME=development", None),
    ("RAILWAY_ENVIRONMENT=production", "railway RAILWAY_ENVIRONMENT"),
    ("DYNO=web.1 PORT=5000", "heroku DYNO"),
    ("DYNO=run.1234", "heroku DYNO"),
    ("DYNO=run.1 CI=true", None),
    ("HEROKU_APP_NAME=shop", None),
    ("FLY_APP_NAME=shop FLY_REGION=fra", "fly FLY_APP_NAME"),
    ("K_SERVICE=shop K_REVISION=1", "cloud run K_SERVICE"),
    ("CLOUD_RUN_JOB=nightly", "cloud run CLOUD_RUN_JOB"),
    ("GAE_ENV=standard", "app engine GAE_ENV"),
    ("GAE_ENV=localdev", None),
    ("AWS_LAMBDA_FUNCTION_NAME=f", "lambda AWS_LAMBDA_FUNCTION_NAME"),
    ("AWS_LAMBDA_FUNCTION_NAME=f AWS_SAM_LOCAL=true", None),
    ("ECS_CONTAINER_METADATA_URI_V4=http://x", "ecs ECS_CONTAINER_METADATA_URI_V4"),
    ("WEBSITE_SITE_NAME=shop", "azure app service WEBSITE_SITE_NAME"),
    ("CONTAINER_APP_NAME=shop", "azure container apps CONTAINER_APP_NAME"),
    ("KOYEB_APP_NAME=shop", "koyeb KOYEB_APP_NAME"),
    ("VERCEL=1 VERCEL_ENV=production", "vercel VERCEL"),
    ("VERCEL=1 VERCEL_ENV=preview", "vercel VERCEL"),
    ("VERCEL=1 VERCEL_ENV=development", None),
    ("VERCEL=1 CI=1 VERCEL_ENV=production", None),
    ("REPLIT_DEPLOYMENT=1 REPL_ID=x", "replit REPLIT_DEPLOYMENT"),
    ("REPL_ID=x REPL_OWNER=me", None),
    ("SPACE_ID=me/shop", "hugging face spaces SPACE_ID"),
    ("PYTHONANYWHERE_DOMAIN=pythonanywhere.com", "pythonanywhere PYTHONANYWHERE_DOMAIN"),
    ("CONTAINER=web-1 CONTAINER_MEMORY=268435456", "scalingo CONTAINER_MEMORY"),
    ("container=podman", None),
    ("KUBERNETES_SERVICE_HOST=10.0.0.1", "kubernetes KUBERNETES_SERVICE_HOST"),
    ("KUBERNETES_SERVICE_HOST=10.0.0.1 CI=true", None),
    ("KUBERNETES_SERVICE_HOST=10.0.0.1 KOYEB_APP_NAME=shop", "koyeb KOYEB_APP_NAME"),
    ("KUBERNETES_SERVICE_HOST=10.0.0.1 ENVIRONMENT=development", None),
    ("CODESPACES=true", None),
    ("CODESPACES=true ENVIRONMENT=production", None),
    ("GITPOD_WORKSPACE_ID=1", None),
    ("", None),
    ("HOME=/root HOSTNAME=1a2b3c", None),
    ("CI=true GITHUB_ACTIONS=true", None),
    ("CI=false RENDER=true", "render RENDER"),
    ("RENDER=true ENVIRONMENT=dev", None),
    ("RENDER=true APP_ENV=Testing", None),
    ("RENDER=false", None),
    ("ENVIRONMENT=production", " ENVIRONMENT"),
    ("APP_ENV=Prod", " APP_ENV"),
    ("NODE_ENV=production", " NODE_ENV"),
    ("ENV=staging", None),
    ("ENV=1", None),
    ("PRODUCTION=true", " PRODUCTION"),
    ("PRODUCTION=0 RENDER=true", None),
    ("PRODUCTION= RENDER=true", "render RENDER"),
]


@pytest.mark.parametrize(("variables", "expected"), ENVIRONMENTS, ids=[one[0] or "nothing" for one in ENVIRONMENTS])
def test_the_environment_says_whether_it_is_production(
    monkeypatch: pytest.MonkeyPatch, variables: str, expected: str | None
) -> None:
    monkeypatch.setattr(os, "environ", dict(one.split("=") for one in variables.split()))
    found = runtime.production()
    assert (found and f"{found.platform} {found.why}") == expected


# Threads, forks, loops

FORK = """
import multiprocessing, os, threading, time
watching = m.guard(every=0.01)
def names():
    return sorted(one.name for one in threading.enumerate() if one.is_alive())
for _ in range(20):
    child = os.fork()
    if not child:
        time.sleep(0.02)
        fine = names() == ["MainThread", "memguard"]
        watching.close()
        os._exit(0 if fine and names() == ["MainThread"] else 1)
    assert os.waitpid(child, 0)[1] == 0
assert names() == ["MainThread", "memguard"], names()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
watching.close()
assert "memguard" not in names()
"""


@on_linux
def test_each_forked_process_has_a_thread_of_its_own(nest: Callable[..., cgroup.Group]) -> None:
    run(nest(256), FORK)


@on_linux
def test_the_thread_that_watches_may_fork(nest: Callable[..., cgroup.Group]) -> None:
    run(nest(256), """
import os, threading, time
done = []
def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    done.append(os.waitpid(child, 0)[1])
watching = m.guard(warn=0.0, stop=2.0, every=0.01, on_warn=fork, log=lambda line: None)
end = time.monotonic() + 20
while not done and time.monotonic() < end:
    time.sleep(0.01)
watching.close()
time.sleep(0.05)
assert done == [0], done
assert threading.active_count() == 1, threading.enumerate()
    """)  # fmt: skip


def test_a_failing_call_does_not_end_the_watch(
    recorded: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recorded("0::/\n", {"": (f"{100 * MIB}\n", 96)})
    watching = runtime.guard(every=60, on_warn=lambda: 1 // 0)
    watching.look()
    assert watching.level == "stop"
    write(tmp_path / "cgroup", {"memory.current": f"{20 * MIB}\n"})
    watching.look()
    watching.close()
    assert capsys.readouterr().err.splitlines() == [
        "memory: 94 of 100 MiB, 94%: warn",
        "memory: what is called at warn failed: ZeroDivisionError('integer division or modulo by zero')",
        "memory: 94 of 100 MiB, 94%: stop",
        "memory: 18 of 100 MiB, 18%: ok",
    ]


def test_a_loop_is_called_from_the_thread(recorded: Callable[..., None]) -> None:
    recorded("0::/\n", {"": (f"{100 * MIB}\n", 96)})

    async def main() -> str:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        watching = runtime.guard(every=60, on_stop=lambda: loop.call_soon_threadsafe(stopped.set), log=str)
        await asyncio.wait_for(stopped.wait(), 20)
        watching.close()
        return watching.level

    assert asyncio.run(main()) == "stop"


def test_one_thread_imports_what_all_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"late_{os.getpid()}"
    write(tmp_path, {f"{name}.py": "import time\ntime.sleep(0.1)\ntimes = globals().get('times', 0) + 1\nkey = None\n"})
    monkeypatch.syspath_prepend(str(tmp_path))
    module = runtime.lazy(name)
    assert name not in sys.modules
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.times)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [1] * 8
    module.key = "secret"
    assert sys.modules[name].key == "secret"
    with pytest.raises(ImportError):
        _ = runtime.lazy("no_such_module").name


def test_a_module_of_a_package_is_found() -> None:
    assert runtime.lazy("os.path").join("a", "b") == os.path.join("a", "b")


# What it needs


def find_python(minor: int) -> str:
    """Return an interpreter of a version, of those on the path and those that pyenv keeps."""
    kept = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
    for python in filter(None, (*map(str, kept), shutil.which(f"python3.{minor}"))):
        if not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
            return python
    pytest.skip(f"no CPython 3.{minor} here")


@on_linux
@pytest.mark.parametrize("minor", range(8, 15))
def test_every_python_here_runs_it(nest: Callable[..., cgroup.Group], minor: int) -> None:
    code = """
print(m.limit().size // m.MIB, m.choose([("a", 400), ("b", 100)]), m.load([("c", 1, list)]), m.lazy("json").dumps([1]))
"""
    group, python = nest(256), find_python(minor)
    assert run(group, code, python=python) == "256 b ('c', []) [1]\n"
    run(group, FORK, python=python)


def test_it_loads_nothing_that_threads_have_not(tmp_path: Path) -> None:
    code = f"""
import gc, os, sys, threading
known = set(sys.modules)
sys.path.insert(0, {str(SOURCE.parent)!r})
import runtime
print(*sorted(set(sys.modules) - known))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "runtime"}


def test_the_package_loads_nothing_besides(tmp_path: Path, checkout: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(checkout)!r})
import memguard_hooks.runtime
print(*sorted(one for one in sys.modules if one.startswith("memguard") or one in ("libcst", "yaml", "packaging")))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["memguard_hooks", "memguard_hooks.runtime"]


def test_it_is_one_short_file_that_old_pythons_parse() -> None:
    text = SOURCE.read_text(encoding="ascii")
    assert len(text.splitlines()) <= 350
    tree = ast.parse(text, feature_version=(3, 8))
    names = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_systems_without_proc_fork_and_limits_import_it(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.platform = "win32"
del os.fork, os.register_at_fork, os.sysconf
sys.modules["resource"] = None
sys.path.insert(0, {str(SOURCE.parent)!r})
import runtime
runtime.PROC = runtime.MOUNT = {str(tmp_path)!r}
print(runtime.limit(), runtime.usage(), runtime.hard_limit(), runtime.choose([("a", 1)]), runtime.release())
watching = runtime.guard(every=60)
watching.close()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("None None None a None\n", "")
