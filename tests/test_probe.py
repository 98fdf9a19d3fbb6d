"""The probe in real interpreters: what it tells of modules, scripts, threads and forks, and of how they end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from memguard_hooks.measure import trace
from memguard_hooks.measure.measure import PROBE
from memguard_hooks.measure.trace import Trace, TracedModule

MIB = 2**20
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def find_interpreter(version: str) -> str | None:
    """Return an interpreter of a version: this one, one of pyenv's, or one on PATH."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(folder.glob(f"{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


@pytest.fixture(params=VERSIONS)
def interpreter(request: pytest.FixtureRequest) -> str:
    found = find_interpreter(request.param)
    if found is None:
        pytest.skip(f"no Python {request.param} here")
    return found


class Told(NamedTuple):
    """What one run of the probe has told, and what the program has written."""

    status: int
    output: str
    errors: str
    trace: Trace

    def module(self, name: str) -> TracedModule:
        """Return the one module of that name."""
        (found,) = [module for module in self.trace.modules if module.name == name]
        return found

    @property
    def names(self) -> set[str]:
        """The modules that were loaded."""
        return {module.name for module in self.trace.modules}


def probe(folder: Path, *arguments: str, python: str = sys.executable) -> Told:
    events = folder / "events"
    events.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, PROBE, str(events), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Told(done.returncode, done.stdout, done.stderr, trace.read(str(events)))


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") if not name.startswith("__") else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text, encoding="utf-8")


BLOB = "BLOB = bytearray({} * 2**20)\n"


def test_each_module_is_told_with_its_own_memory_and_its_importer(tmp_path: Path, interpreter: str) -> None:
    write(
        tmp_path, app="import heavy\n" + BLOB.format(2), heavy="\n\nimport inner\n" + BLOB.format(20), inner=BLOB.format(8)
    )
    told = probe(tmp_path, "--trace", "--edges", "--app", "app", python=interpreter)
    assert (told.status, told.errors) == (0, "")
    sizes = {"app": (2, 30), "heavy": (20, 28), "inner": (8, 8)}
    for name, (own, taken) in sizes.items():
        module = told.module(name)
        for memory, wanted in ((module.own, own), (module.taken, taken)):
            assert wanted * MIB <= memory.resident < (wanted + 0.5) * MIB
            assert wanted * MIB <= memory.anonymous < (wanted + 0.5) * MIB
    assert [(told.module(name).importer, told.module(name).line) for name in ("heavy", "inner")] == [
        ("app", 1),
        ("heavy", 3),
    ]
    assert (told.module("inner").kind, told.module("inner").path) == ("source", str(tmp_path / "inner.py"))
    assert told.module("app").bytecode is False
    assert told.trace.end is not None
    assert told.trace.host is not None
    assert told.trace.host.python.startswith("3.")
    assert 30 * MIB <= told.trace.resident < 33 * MIB
    assert probe(tmp_path, "--trace", "--app", "app", python=interpreter).module("app").bytecode is True


def test_a_trace_adds_up_to_what_an_untraced_run_takes(tmp_path: Path, interpreter: str) -> None:
    modules = ("asyncio", "email.mime.text", "json", "logging.handlers", "unittest.mock", "xml.dom.minidom")
    plain = probe(tmp_path, *modules, python=interpreter).trace
    traced = probe(tmp_path, "--trace", "--edges", *modules, python=interpreter).trace
    assert traced.resident == pytest.approx(plain.resident, rel=0.03)
    assert sum(module.own.resident for module in traced.modules) == pytest.approx(traced.resident, rel=0.06)


def test_threads_and_forks(tmp_path: Path, interpreter: str) -> None:
    write(
        tmp_path,
        main="""\
import os
import threading

def late():
    started.wait()
    import late_module

started = threading.Event()
thread = threading.Thread(target=late)
thread.start()
child = os.fork()
if child == 0:
    import forked_module
    raise SystemExit(3)
assert os.waitpid(child, 0)[1] == 3 << 8 or os.waitpid
started.set()
""",
        late_module=BLOB.format(10),
        forked_module=BLOB.format(50),
    )
    told = probe(tmp_path, "--trace", "--edges", "--script", "main.py", python=interpreter)
    assert told.status == 0, told.errors
    assert told.module("late_module").own.resident >= 10 * MIB, "the program waits for its threads, and so does the probe"
    assert told.module("late_module").importer == "__main__"
    assert "forked_module" not in told.names
    assert told.trace.resident < 30 * MIB, "a fork tells nothing"


ENDINGS = [
    pytest.param("print('out')\n", 0, "", "", id="runs-through"),
    pytest.param("import os, decimal\nos._exit(0)\n", 0, "", "", id="os._exit"),
    pytest.param("import os\nos._exit(7)\n", 7, "os._exit: 7", "", id="os._exit-with-status"),
    pytest.param("raise SystemExit\n", 0, "", "", id="sys.exit"),
    pytest.param("raise SystemExit(4)\n", 1, "SystemExit: 4", "", id="sys.exit-with-status"),
    pytest.param("raise SystemExit('no token')\n", 1, "SystemExit: no token", "no token\n", id="sys.exit-with-a-message"),
    pytest.param("import sys\nsys.stdout.close()\nsys.stderr = None\n", 0, "", "", id="closes-its-streams"),
]


@pytest.mark.parametrize(("source", "status", "error", "errors"), ENDINGS)
def test_how_a_script_ends(tmp_path: Path, source: str, status: int, error: str, errors: str) -> None:
    write(tmp_path, main=source)
    told = probe(tmp_path, "--trace", "--script", "main.py")
    assert told.trace.end is not None
    assert (told.status, told.trace.end.error, told.errors) == (status, error, errors)
    assert told.trace.end.resident > told.trace.base.resident // 2


def test_a_crash_is_told_as_the_interpreter_would(tmp_path: Path, interpreter: str) -> None:
    write(tmp_path, main="import broken\n", broken="\ndef fail():\n    return {}['token']\n\n\nfail()\n")
    told = probe(tmp_path, "--trace", "--edges", "--script", "main.py", python=interpreter)
    assert told.trace.end is not None
    assert (told.status, told.trace.end.error) == (1, "KeyError: 'token'")
    assert told.errors.startswith("Traceback (most recent call last):\n")
    assert told.errors.endswith("KeyError: 'token'\n")
    assert "broken.py" in told.errors
    assert "probe.py" not in told.errors


def test_a_script_is_run_as_python_would(tmp_path: Path, interpreter: str) -> None:
    write(
        tmp_path,
        bot__main="""\
import sys

import neighbor

def annotated(value: undefined_before := int): pass

print(__name__, __file__, sys.argv, sys.path[0])
print(annotated.__annotations__, sys.modules["__main__"].annotated is annotated)
""".replace("undefined_before := int", "int"),
        bot__neighbor="",
    )
    told = probe(tmp_path, "--script", "bot/main.py", "--", "--poll", "-v", python=interpreter)
    assert told.errors == ""
    first, second = told.output.splitlines()
    path = os.path.join("bot", "main.py")
    assert first == f"__main__ {path} {[path, '--poll', '-v']} {tmp_path / 'bot'}"
    assert second == "{'value': <class 'int'>} True", "the probe's own __future__ is not the script's"


def test_a_module_is_run_as_python_m_would(tmp_path: Path, interpreter: str) -> None:
    write(tmp_path, pkg____init__="", pkg__tool="import sys\nprint(__name__, sys.argv[1:], __spec__.name)\n")
    (tmp_path / "pkg" / "__main__.py").write_text("from pkg import tool\n", encoding="utf-8")
    (tmp_path / "pkg" / "__init__.py").write_text("", encoding="utf-8")
    assert probe(tmp_path, "--module", "pkg", python=interpreter).output == "pkg.tool [] pkg.tool\n"
    told = probe(tmp_path, "--trace", "--module", "pkg.tool", "--", "x", python=interpreter)
    assert told.output == "__main__ ['x'] pkg.tool\n"
    assert "pkg" in told.names


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        pytest.param(["--app", "app:app"], "", id="an-app-is-not-called"),
        pytest.param(["--app", "app:make()"], "made None\n", id="factory"),
        pytest.param(["--app", "app:make('x')"], "made x\n", id="factory-with-arguments"),
        pytest.param(["--call", "--app", "app:make"], "made None\n", id="named-as-factory"),
        pytest.param(["--app", "app:Class.app"], "", id="attribute-of-an-attribute"),
    ],
)
def test_an_app_is_loaded_as_a_server_does(tmp_path: Path, arguments: list[str], output: str) -> None:
    write(
        tmp_path,
        app="def app(*_):\n    print('called')\n\n\nclass Class:\n    app = app\n\n\n"
        "def make(name=None):\n    print('made', name)\n",
    )
    told = probe(tmp_path, "--trace", *arguments)
    assert (told.status, told.output, told.errors) == (0, output, "")


def test_edges_name_who_else_imports(tmp_path: Path, interpreter: str) -> None:
    write(tmp_path, app="import one, two\nfrom pkg import part\n", one="import shared\n", two="import shared\n", shared="")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "pkg" / "part.py").write_text(
        "from . import other\nfrom .. import pkg\n".replace("from .. import pkg\n", "")
    )
    (tmp_path / "pkg" / "other.py").write_text("import importlib\nimportlib.import_module('two')\n", encoding="utf-8")
    told = probe(tmp_path, "--trace", "--edges", "--app", "app", python=interpreter)
    edges = set(told.trace.edges)
    assert {("one", "shared"), ("two", "shared"), ("app", "pkg.part"), ("pkg.part", "pkg.other")} <= edges
    assert told.module("shared").importer == "one"


def test_a_dynamic_import_is_booked_on_who_asks(tmp_path: Path, interpreter: str) -> None:
    write(tmp_path, app="import importlib\n\nimportlib.import_module('other')\n", other="")
    module = probe(tmp_path, "--trace", "--app", "app", python=interpreter).module("other")
    assert (module.importer, module.line) == ("app", 3)


def test_an_extension_imports_in_its_own_name(tmp_path: Path, interpreter: str) -> None:
    told = probe(tmp_path, "--trace", "--edges", "_elementtree", python=interpreter)
    assert told.module("_elementtree").importer == "__main__"
    assert (told.module("pyexpat").importer, told.module("pyexpat").line) == ("_elementtree", 0)
    importers = {importer for importer, name in told.trace.edges if name in ("pyexpat", "copy")}
    assert importers <= {"_elementtree"}, "and not of the import system, whose globals it borrows"


@pytest.mark.parametrize("arguments", [[], ["--trace"], ["events", "--unknown"], ["events", "--app"]])
def test_what_is_not_understood_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, PROBE, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: probe.py EVENTS")
