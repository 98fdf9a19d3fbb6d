"""`memguard measure` on real projects: real interpreters, servers, endless programs, limits and interruptions."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folders import commit, git, write

from memguard_hooks.catalog import lock
from memguard_hooks.commands import measure
from memguard_hooks.host import cgroup
from memguard_hooks.host.process_tree import Socket, parse_files, parse_sockets, parse_stat
from memguard_hooks.measure import running
from memguard_hooks.measure.page_cache import evict
from memguard_hooks.measure.serving import on_loopback, with_port
from memguard_hooks.measure.variables import missing
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BLOB = "BLOB = bytearray({} * 2**20)\n"
QUICK = ("--settle", "1")
FOREVER = "import threading\n\nthreading.Event().wait()\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Result:
    """What one call of the command returned and printed."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def entry(self) -> dict[str, Any]:
        """The one entry point of the JSON."""
        (found,) = json.loads(self.out)["entrypoints"]
        return found  # type: ignore[no-any-return]

    @property
    def service(self) -> dict[str, Any]:
        """The service of the JSON."""
        return json.loads(self.out)["service"]  # type: ignore[no-any-return]


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, style: str = "json", python: str | None = sys.executable) -> Result:
        capsys.readouterr()
        interpreter = [] if python is None else ["--python", python]
        at = arguments.index("--") if "--" in arguments else len(arguments)
        status = measure.main([*arguments[:at], *interpreter, *QUICK, "--format", style, *arguments[at:]])
        return Result(status, *capsys.readouterr())

    return call


def commands_with(text: str) -> list[str]:
    """Return the commands of the processes that name something."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if text in command and int(path.parts[2]) != os.getpid():
            found.append(command)
    return found


# Entry points


def install(environment: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Put a distribution into an environment, as an installer would."""
    (site,) = (environment / "lib").glob("python*/site-packages")
    write(site, files)
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/METADATA", f"{info}/RECORD"))
    write(site, {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", f"{info}/RECORD": record})


FACTORY = """\
print('to stdout')
from app import api

def create():
    global kept
    kept = bytearray(5 * 2**20)
"""


def test_the_tree_the_lock_and_what_others_require(root: Path, run: Run) -> None:
    environment = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    install(environment, "Heavy-Thing", "1.5", {"heavy/__init__.py": "import shared\n" + BLOB.format(12), "heavy/x.py": ""})
    install(environment, "light", "2.0", {"light.py": "import shared, decimal\n" + BLOB.format(3)})
    install(environment, "shared", "0.1", {"shared.py": BLOB.format(6)})
    write(
        root,
        {
            "app/__init__.py": "",
            "app/main.py": FACTORY,
            "app/api.py": "import heavy.x\nimport light\n",
        },
    )
    first = run("--entrypoint", "app.main:create()", python=None)
    assert first.status == 0, first.err
    entry = first.entry
    assert (entry["interpreter"], entry["ending"]) == (".venv", "ended")
    assert entry["bytecode"]["missing"] > 4
    assert entry["bytecode"]["still_missing"] == 0
    heavy = next(one for one in entry["imports"] if one["package"] == "heavy")
    assert (heavy["distribution"], heavy["version"]) == ("heavy-thing", "1.5")
    assert [step["path"] for step in heavy["chain"]] == ["app/main.py", "app/api.py"]
    assert [step["line"] for step in heavy["chain"]] == [2, 1]
    assert 12 <= heavy["own_mib"] < 12.5
    assert 18 <= heavy["mib"] < 19
    assert 12 <= heavy["saving_mib"] < 12.5, "shared stays, because light needs it"
    (shared,) = heavy["imports"]
    assert (shared["package"], shared["also"]) == ("shared", ["light"])
    assert 5 <= entry["first_party"]["besides_imports_mib"] < 5.5, "what the factory makes"

    known = lock.load(str(root))["app.main:create()"]
    assert known.packages["heavy"].imports == ("shared",)
    assert set(known.packages["light"].imports) >= {"shared"}
    assert known.packages["light"].distribution == "light"
    parts = [known.first_party, *(package.own for package in known.packages.values())]
    assert sum(part.resident for part in parts) == known.total.resident, "the parts add up"
    assert sum(part.anonymous for part in parts) == known.total.anonymous
    sources = [*(root / "app").glob("*.py")]
    assert known.source == sum(path.stat().st_size for path in sources)

    second = run("--entrypoint", "app.main:create()", "--no-lock", style="text", python=None)
    assert second.out.startswith("app.main:create(): ")
    assert "heavy 1.5  app/main.py:2 → app/api.py:1  (dropping it saves 12)" in second.out
    assert "shared 0.1  also required by light" in second.out
    assert "bytecode" not in second.out
    assert "to stdout" not in second.out
    assert second.err == ""


ENTRIES = [
    pytest.param("main.py", {"main.py": BLOB.format(20)}, "ended", id="script"),
    pytest.param("bot.py", {"bot.py": BLOB.format(20) + FOREVER}, "settled", id="never-ends"),
    pytest.param(
        "bot.py",
        {"bot.py": "import time\n" + BLOB.format(20) + "while True:\n    time.sleep(0.05)\n"},
        "settled",
        id="polls",
    ),
    pytest.param("main.py", {"main.py": BLOB.format(20) + "import os\nos._exit(0)\n"}, "ended", id="os._exit"),
    pytest.param("-m pkg", {"pkg/__init__.py": "", "pkg/__main__.py": BLOB.format(20)}, "ended", id="package"),
    pytest.param("-m pkg.run", {"pkg/__init__.py": "", "pkg/run.py": BLOB.format(20)}, "ended", id="module"),
    pytest.param(
        "src/bot.py", {"src/bot.py": "import near\n", "src/near.py": BLOB.format(20)}, "ended", id="its-own-folder"
    ),
    pytest.param("app:app", {"src/app/__init__.py": BLOB.format(20) + "app = 1\n"}, "ended", id="below-src"),
    pytest.param(
        "main.py",
        {
            "main.py": "import threading\nthreading.Thread(target=__import__, args=['late']).start()\n",
            "late.py": BLOB.format(20),
        },
        "ended",
        id="a-thread-imports",
    ),
]


@pytest.mark.parametrize(("entrypoint", "files", "ending"), ENTRIES)
def test_an_entry_point_runs_as_its_start_would(
    root: Path, run: Run, entrypoint: str, files: dict[str, str], ending: str
) -> None:
    write(root, files)
    result = run("--entrypoint", entrypoint)
    assert result.status == 0, result.err
    entry = result.entry
    assert entry["ending"] == ending
    added = entry["resident_mib"] - entry["base_mib"]
    assert 20 <= added < 25
    assert entry["peak_mib"] >= entry["resident_mib"]
    assert 20 <= entry["first_party"]["resident_mib"] < 25, "no package of others is in it"
    assert list(lock.load(str(root))) == [entrypoint]


def test_what_never_rests_is_read_when_its_time_is_over(root: Path, run: Run) -> None:
    write(root, {"busy.py": BLOB.format(20) + "while True:\n    pass\n"})
    result = run("--entrypoint", "busy.py", "--timeout", "4")
    assert (result.status, result.entry["ending"]) == (0, "busy")
    assert result.entry["resident_mib"] > 20
    assert not commands_with("busy.py")


def test_a_script_gets_the_arguments_and_variables_of_its_service(root: Path, run: Run) -> None:
    source = "import os, sys\nassert sys.argv[1:] == ['--poll', 'x'], sys.argv\nassert os.environ['MODE'] == 'live'\n"
    write(root, {"bots/bot.py": source, "Procfile": "worker: cd bots && MODE=live python bot.py --poll x\n"})
    result = run()
    assert result.status == 2
    assert "KeyError: 'MODE'" in result.err, "what a shell sets for one command is not the service's"
    service = (
        "services:\n  - {type: worker, name: bot, runtime: python, startCommand: python bot.py --poll x, rootDir: bots, "
    )
    write(root, {"render.yaml": service + "envVars: [{key: MODE, value: live}]}\n"})
    (root / "Procfile").unlink()
    result = run()
    assert result.status == 0, result.err
    assert result.entry["entrypoint"] == "bot.py in bots"
    assert run("--entrypoint", "bot.py", "--", "--other").status == 2, "arguments behind -- take their place"


def test_a_server_is_loaded_before_its_app(root: Path, run: Run) -> None:
    write(root, {"app.py": "from flask import Flask\n\napp = Flask(__name__)\n", "Procfile": "web: gunicorn app:app -w 2\n",
                 "requirements.txt": "flask\ngunicorn\n"})  # fmt: skip
    result = run("--compare")
    assert result.status == 0, result.err
    packages = {one["package"]: one for one in result.entry["imports"]}
    assert packages["gunicorn"]["chain"] == []
    assert [(step["path"], step["line"]) for step in packages["flask"]["chain"]] == [("app.py", 1)]
    compared = {one["package"]: one for one in result.entry["compared"]}
    for name in ("python", "flask", "gunicorn.app.wsgiapp"):
        assert compared[name]["measured_mib"] == pytest.approx(compared[name]["estimated_mib"], rel=0.6)
    told = sum(one["measured_mib"] or 0 for one in compared.values())
    assert told == pytest.approx(result.entry["resident_mib"], abs=0.2), "every package is compared once"
    text = run("--compare", "--no-lock", style="text").out
    assert "  estimated  measured  difference\n" in text


@pytest.mark.parametrize(
    ("source", "message", "output"),
    [
        pytest.param(
            "import gone_module\n", "ModuleNotFoundError: No module named 'gone_module'", "import gone_module", id="import"
        ),
        pytest.param(
            "raise SystemExit('TOKEN is not set')\n", "SystemExit: TOKEN is not set", "TOKEN is not set", id="exit"
        ),
        pytest.param("import os\nos.kill(os.getpid(), 11)\n", "it was killed by signal 11", "", id="segfault"),
        pytest.param("import os\nprint('why', flush=True)\nos._exit(3)\n", "os._exit: 3", "    why\n", id="os._exit"),
    ],
)
def test_what_does_not_start_is_told_and_not_kept(root: Path, run: Run, source: str, message: str, output: str) -> None:
    write(root, {"main.py": source})
    result = run("--entrypoint", "main.py")
    assert result.status == 2
    assert result.err.startswith(f".: error: main.py does not start: {message}")
    assert output in result.err
    told = "install what the project needs: --python FOLDER names the environment that has it"
    assert (told in result.err.splitlines()) is ("gone_module" in message)
    assert all(one["ending"] == "failed" for one in json.loads(result.out)["entrypoints"])
    assert not (root / lock.FILE).exists()


@pytest.mark.parametrize("last", ["raise KeyError('TOKEN')", "raise SystemExit('no token')", "open('gone.yml')"])
def test_an_app_that_stops_tells_what_was_there_and_where_it_stopped(root: Path, run: Run, last: str) -> None:
    write(root, {"config.py": f"import decimal\n{last}\n", "main.py": "import config\n"})
    entry = run("--entrypoint", "main.py").entry
    assert (entry["ending"], entry["stopped_at"]) == ("failed", "config.py:2")
    assert entry["resident_mib"] > entry["base_mib"] > 5
    text = run("--entrypoint", "main.py", style="text").out
    assert "  it stopped at config.py:2, so that this is what was there by then, and not all: " in text


def test_what_fails_of_two_services_does_not_end_the_run(root: Path, run: Run) -> None:
    write(root, {"a.py": "raise KeyError('TOKEN')\n", "b.py": "", "Procfile": "web: python a.py\nworker: python b.py\n"})
    result = run()
    assert result.status == 2
    assert {one["entrypoint"]: one["ending"] for one in json.loads(result.out)["entrypoints"]} == {
        "a.py": "failed", "b.py": "ended",
    }  # fmt: skip
    assert list(lock.load(str(root))) == ["b.py"]


def test_an_app_has_a_home_of_its_own_and_the_paths_of_its_user(
    root: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "lib", {"of_the_user.py": ""})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    source = (
        "import of_the_user, os, tempfile\nprint(os.path.expanduser('~'), tempfile.gettempdir(), file=open('seen', 'w'))\n"
    )
    write(root, {"main.py": source})
    assert run("--entrypoint", "main.py").status == 0
    home, scratch = (root / "seen").read_text().split()
    assert home == scratch
    assert home != os.path.expanduser("~")


def test_what_is_repeatable_is_read_from_disk_again(root: Path, run: Run, tmp_path: Path) -> None:
    write(root, {"main.py": "with open('runs', 'a') as file:\n    file.write('.')\n"})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    assert run("--entrypoint", "main.py", "--repeatable", python=str(tmp_path / "env")).status == 0
    assert (root / "runs").read_text() == "...", "once to fill caches, once to read from disk, and once to measure"


def test_evicting_reads_and_never_writes(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": "x", "c.py": "y"})
    (tmp_path / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert evict(str(tmp_path)) == 2
    assert (tmp_path / "a" / "b.py").read_text() == "x"


TAKEN = """\
import sys
sys.path.insert(0, sys.argv[1])
module = __import__(sys.argv[2])
assert module.__file__.startswith(sys.argv[1]), module.__file__
sizes = {line.split()[0]: int(line.split()[1]) for line in open("/proc/self/smaps_rollup").readlines()[1:]}
print(sizes["Anonymous:"], sizes["Rss:"] - sizes["Anonymous:"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("name", ["granian", "libcst", "pydantic_core"])
def test_anonymous_memory_does_not_depend_on_the_page_cache(tmp_path: Path, name: str) -> None:
    """Set what a package takes from files that were just written beside what it takes from files that are read again."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations  # noqa: PT018
    installed = Path(spec.submodule_search_locations[0])
    shutil.copytree(installed, tmp_path / name)

    def taken() -> tuple[int, int]:
        command = [sys.executable, "-c", TAKEN, str(tmp_path), name]
        anonymous, backed = map(int, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())
        return anonymous, backed

    taken()  # its bytecode is written
    written = taken()
    assert evict(str(tmp_path)) > 0
    anonymous, backed = taken()
    assert anonymous == pytest.approx(written[0], rel=0.05), "anonymous memory keeps its margin of 5 %"
    assert backed <= written[1] * 1.05, "no more of a file is resident when it is read from disk"


def test_a_broken_lock_is_told_before_anything_runs(root: Path, run: Run) -> None:
    write(root, {"main.py": "open('ran', 'w').close()\n", lock.FILE: '{"schema": 1,\n "entrypoints": []}\n'})
    result = run("--entrypoint", "main.py")
    assert result.status == 2
    assert result.err.startswith("memguard.lock:2: error: entrypoints must be an object")
    assert not (root / "ran").exists()
    assert run("--entrypoint", "main.py", "--no-lock").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((), "no service is declared; name what is started by --entrypoint", id="nothing"),
        pytest.param(("--entrypoint", "gone.py"), "gone.py is not measured: gone.py is not in the repository", id="entry"),
        pytest.param(("--service", "web"), "no service is named 'web'; there are: none", id="service"),
        pytest.param(
            ("--entrypoint", "main.py", "--python", "/no/python"), "there is no interpreter /no/python", id="python"
        ),
        pytest.param(("--entrypoint", "main.py", "--python", "/bin/sh"), "/bin/sh cannot be measured", id="no-python"),
    ],
)
def test_what_cannot_be_measured_is_an_error(root: Path, run: Run, arguments: tuple[str, ...], message: str) -> None:
    write(root, {"main.py": ""})
    result = run(*arguments, python=None if "--python" in arguments else sys.executable)
    assert result.status == 2
    assert message in result.err


@pytest.mark.parametrize(
    "arguments",
    [["--limit", "512"], ["--settle", "0"], ["--requests", "-1"], ["--service", "a", "--entrypoint", "b"], ["/no"]],
)
def test_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        measure.main(arguments)
    assert ended.value.code == 2


def test_the_urlconf_of_django_is_loaded_as_the_first_request_does(root: Path, run: Run) -> None:
    write(root, {
        "site_wsgi.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'\n"
        "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        "site_settings.py": "SECRET_KEY = 'x'\nROOT_URLCONF = 'site_urls'\n",
        "site_urls.py": "import site_views\nurlpatterns = []\n",
        "site_views.py": BLOB.format(12),
    })  # fmt: skip
    result = run("--entrypoint", "site_wsgi:application", "--no-lock")
    assert result.status == 0, result.err
    assert 11.5 < result.entry["first_party"]["resident_mib"] < 15


def test_a_revision_is_measured_beside_the_work_tree(root: Path, run: Run) -> None:
    commit(root, {"Procfile": "web: python main.py\n", "main.py": f"import json\n{BLOB.format(4)}", "old.py": ""})
    write(root, {"main.py": f"import heavy\n{BLOB.format(4)}", "heavy.py": f"import sqlite3\n{BLOB.format(8)}"})
    head = git(root, "rev-parse", "HEAD")
    result = run("--against", "HEAD", "--no-lock")
    assert result.status == 0, result.err
    before = result.entry["before"]
    assert json.loads(result.out)["against"] == head
    assert 7.5 < result.entry["resident_mib"] - before["resident_mib"] < 14
    assert any(one["package"] == "_sqlite3" and one["own_mib_before"] is None for one in before["packages"])
    assert git(root, "diff", "--name-only", "HEAD") == "main.py", "the work tree is as it was"
    assert git(root, "diff", "--name-only", "--cached") == "", "and so is the index"
    text = run("--against", "HEAD", "--no-lock", style="text").out
    assert "  against HEAD: " in text
    assert re.search(r"(?m)^ +\+[789]\.\d  \(first-party\)$", text)


def test_a_service_is_measured_beside_a_revision(root: Path, run: Run) -> None:
    commit(root, {"Procfile": "bot: python bot.py\n", "bot.py": FOREVER})
    write(root, {"bot.py": f"{BLOB.format(12)}{FOREVER}"})
    result = run("--service", "bot", "--against", "HEAD", style="text")
    assert result.status == 0, result.err
    assert re.search(r"(?m)^  against HEAD, idle: [\d.]+ → \d+ MiB \(\+1[123]\.\d\)$", result.out)


def test_what_was_measured_is_told_where_the_revision_lacks_the_service(root: Path, run: Run) -> None:
    commit(root, {"Procfile": "web: python bot.py\n", "bot.py": FOREVER})
    write(root, {"Procfile": "bot: python bot.py\n"})
    result = run("--service", "bot", "--against", "HEAD", style="text")
    assert result.status == 2
    assert result.out.startswith("bot: python bot.py\n  idle\n")
    assert "bot" in result.err


@pytest.mark.parametrize(
    ("revision", "message"),
    [("nowhere", ".: error: git knows no commit nowhere here\n"), ("--all", ".: error: git knows no commit --all here\n")],
)
def test_a_revision_that_git_does_not_know(root: Path, run: Run, revision: str, message: str) -> None:
    commit(root, {"Procfile": "web: python main.py\n", "main.py": "import json\n"})
    result = run(f"--against={revision}", "--no-lock")
    assert (result.status, result.out, result.err) == (2, "", message)


# Services

FLASK = """\
import os

from flask import Flask

app = Flask(__name__)
BLOB = bytearray(30 * 2**20)
more = None


@app.get("/grow")
def grow():
    global more
    more = more or bytearray(10 * 2**20)
    return {"pid": os.getpid()}
"""


TAKING_TURNS = """\
import time
def post_request(worker, request, environ, response):
    time.sleep(0.05)
"""
"""A worker that has answered is busy for a while, so that the other one takes the next connection."""


def test_gunicorn_with_two_workers(root: Path, run: Run) -> None:
    name = f"app_{os.getpid()}"
    write(root, {
        f"{name}.py": FLASK,
        "Procfile": f"web: gunicorn {name}:app -w 2\n",
        "gunicorn.conf.py": TAKING_TURNS,
    })  # fmt: skip
    result = run("--service", "web", "--requests", "60", "--path", "/grow", "--compare")
    assert result.status == 0, result.err
    service = result.service
    assert (service["status"], service["requests"]) == (404, {"sent": 60, "answered": 60, "statuses": [200]})
    workers = [one for one in service["idle"]["processes"] if name in one["command"] and one["uss_mib"] > 30]
    assert len(workers) == 2
    sums = [sum(one[kind] for one in service["idle"]["processes"]) for kind in ("uss_mib", "pss_mib", "rss_mib")]
    assert sums[0] < sums[1] <= service["idle"]["mib"] + 0.1 < sums[2]
    assert 15 < service["after"]["mib"] - service["idle"]["mib"] < 25, "each worker has answered, and keeps 10 MiB"
    assert service["outside"] == []
    assert service["estimate_mib"] > 30
    assert not commands_with(name), "no process is left"


STREAMLIT = """\
import http.server, os
kept = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        is_session = self.path == "/_stcore/stream" and self.headers["Sec-WebSocket-Protocol"] == "streamlit"
        self.send_response(101 if is_session else 200 if self.path in ("/", "/_stcore/health") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if is_session and self.rfile.read(8) == b"\\x82\\x82\\0\\0\\0\\0Z\\0":
            kept.append(bytearray(30 * 2**20))
            while self.rfile.read(1):
                pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""Answers as streamlit 1.67.0 does, and runs its script for sessions alone."""


def test_a_session_is_opened_where_streamlit_listens(root: Path, run: Run) -> None:
    write(root, {"app.py": STREAMLIT, "Procfile": "web: python app.py\n"})
    result = run("--service", "web", "--requests", "2")
    assert result.status == 0, result.err
    assert (result.service["sessions"], result.service["requests"]["answered"]) == (1, 2)
    assert 29 < result.service["after"]["mib"] - result.service["idle"]["mib"] < 34
    assert "after 2 requests, in 1 session (status 200)" in run("--service", "web", "--requests", "2", style="text").out


def test_a_worker_that_listens_nowhere(root: Path, run: Run) -> None:
    name = f"worker_{os.getpid()}.py"
    write(root, {name: BLOB.format(20) + FOREVER, "Procfile": f"worker: python {name}\n"})
    result = run("--service", "worker", style="text")
    assert result.status == 0, result.err
    assert "it answers no HTTP" in result.out
    assert not commands_with(name)


def test_what_listens_for_others_is_told(root: Path, run: Run) -> None:
    source = (
        "import http.server, os\n"
        "address = ('', int(os.environ['PORT']))\n"
        "http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()\n"
    )
    write(root, {"serve.py": source, "Procfile": "web: exec python serve.py\n"})
    result = run("--service", "web", "--requests", "0")
    assert result.status == 0, result.err
    (outside,) = result.service["outside"]
    assert outside["address"] == "0.0.0.0"  # noqa: S104
    assert result.service["after"] is None


def test_a_service_that_does_not_start_shows_why(root: Path, run: Run) -> None:
    write(root, {"Procfile": "web: gunicorn gone_app:app\n"})
    result = run("--service", "web")
    assert result.status == 2
    assert "error: the service ended with status 3" in result.err
    assert "No module named 'gone_app'" in result.err


STUBBORN = """\
import os
import shutil
import signal
import subprocess
import sys

if "child" not in sys.argv:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
"""


def test_what_ignores_the_request_to_end_is_killed(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.5)
    name = f"stubborn_{os.getpid()}.py"
    write(root, {name: STUBBORN, "Procfile": f"worker: python {name}\n"})
    result = run("--service", "worker")
    assert result.status == 0, result.err
    commands = [one["command"] for one in result.service["idle"]["processes"]]
    assert any(command.endswith("child") for command in commands), "also what has left the session"
    assert not commands_with(name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(root: Path, number: signal.Signals) -> None:
    name = f"interrupted_{os.getpid()}_{number}"
    write(root, {f"{name}.py": FLASK, "Procfile": f"web: gunicorn {name}:app -w 2\n"})
    command = [sys.executable, "-m", "memguard_hooks", "measure", "--service", "web", "--python", sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen([*command, "--settle", "60"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(commands_with(f"{name}:app")) < 4 and time.monotonic() < deadline:  # the shell, gunicorn, its workers
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted; what was started has been ended\n"
    assert not commands_with(name)


def test_a_terminal_sees_progress(root: Path) -> None:
    write(root, {"bot.py": "import json\n" + FOREVER})
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "memguard_hooks", "measure", "--entrypoint", "bot.py", "--python", sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([*command, "--settle", "2"], env=environment, stderr=end, stdout=subprocess.PIPE, check=True)
    os.close(end)
    seen = b""
    try:
        while data := os.read(terminal, 2**16):
            seen += data
    except OSError:  # the other end is closed, and all is read
        pass
    os.close(terminal)
    assert re.search(rb"\r\x1b\[Kbot.py: [1-9][0-9]* modules, [a-z_.]+", seen)
    assert seen.endswith(b"\r\x1b[Kmemguard.lock: written\r\n")
    assert done.stdout.startswith(b"bot.py: ")


@pytest.mark.parametrize(
    ("command", "bound"),
    [
        pytest.param("gunicorn -b :$PORT a:b", "gunicorn -b 127.0.0.1:$PORT a:b", id="every-address"),
        pytest.param("gunicorn --bind=0.0.0.0:80 a:b", "gunicorn --bind=127.0.0.1:80 a:b", id="ipv4"),
        pytest.param("hypercorn --bind '[::]:80' a:b", "hypercorn --bind '127.0.0.1:80' a:b", id="ipv6"),
        pytest.param("uvicorn a:b --host :: --port 1", "uvicorn a:b --host 127.0.0.1 --port 1", id="bare-ipv6"),
        pytest.param("x --version 10.0.0.0.1", "x --version 10.0.0.0.1", id="no-address"),
        pytest.param("uvicorn a:b --port 8000", "uvicorn a:b --port 8000", id="untouched"),
    ],
)
def test_a_command_is_bound_to_loopback(command: str, bound: str) -> None:
    assert on_loopback(command) == bound


def test_variables_bind_to_loopback_too() -> None:
    bound = with_port({"HOST": "0.0.0.0", "GUNICORN_CMD_ARGS": "--threads 2"}, 4000)  # noqa: S104
    assert bound == {"HOST": "127.0.0.1", "PORT": "4000", "GUNICORN_CMD_ARGS": "--threads 2 --bind 127.0.0.1:4000"}
    named = with_port({"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:80"}, 4000)
    assert named["GUNICORN_CMD_ARGS"] == "--bind=127.0.0.1:80"


# Limits


@pytest.fixture(scope="module")
def _enforced() -> None:
    with cgroup.limited(2**26) as group:
        if isinstance(group, str):
            pytest.skip(f"no limit can be enforced: {group}")


@pytest.mark.usefixtures("_enforced")
@pytest.mark.parametrize(("limit", "status", "verdict"), [("50MiB", 1, "died"), ("200MiB", 0, "lived")])
def test_the_kernel_decides_whether_an_entry_point_lives(
    root: Path, run: Run, limit: str, status: int, verdict: str
) -> None:
    write(root, {"main.py": BLOB.format(80)})
    result = run("--entrypoint", "main.py", "--limit", limit)
    assert result.status == status, result.err
    told = result.entry["limit"]
    assert (told["enforced"], told["failed"], told["kills"]) == (True, bool(status), status)
    assert 80 < result.entry["resident_mib"] < 100, "measured without the limit all the same"
    text = run("--entrypoint", "main.py", "--limit", limit, style="text")
    assert f"limit {limit[:-3]} MiB: {verdict}" in text.out


@pytest.mark.usefixtures("_enforced")
def test_the_kernel_decides_whether_a_service_lives(root: Path, run: Run) -> None:
    name = f"limited_{os.getpid()}"
    write(root, {f"{name}.py": FLASK, "Procfile": f"web: gunicorn {name}:app -w 2\n"})
    died = run("--service", "web", "--limit", "48MiB")
    assert (died.status, died.service["limit"]["failed"]) == (1, True), died.err
    assert died.service["idle"] is None
    lived = run("--service", "web", "--limit", "256MiB", "--requests", "3")
    assert (lived.status, lived.service["limit"]["failed"]) == (0, False), lived.err
    assert not commands_with(name)


@pytest.mark.usefixtures("_enforced")
def test_a_group_is_removed_with_all_that_runs_in_it() -> None:
    with cgroup.limited(2**26) as group:
        assert isinstance(group, cgroup.Group)
        process = subprocess.Popen(group.enter(["sleep", "600"]))
        deadline = time.monotonic() + 30
        while process.pid not in group.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert process.wait() == -signal.SIGKILL
    assert not Path(group.folder).exists()


@pytest.mark.parametrize(("limit", "status", "verdict"), [("50MiB", 1, "would exceed"), ("200MiB", 0, "stays below")])
def test_where_no_limit_can_be_enforced_memory_is_sampled(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch, limit: str, status: int, verdict: str
) -> None:
    monkeypatch.setattr(cgroup, "MEMBERSHIP", os.devnull)
    write(root, {"main.py": BLOB.format(80) + FOREVER})
    result = run("--entrypoint", "main.py", "--limit", limit, style="text")
    assert result.status == status, result.err
    assert f"limit {limit[:-3]} MiB: {verdict}; at most" in result.out
    assert "not enforced: this system has no control groups of memory" in result.out


# What the kernel's files say


def test_groups_of_both_versions_are_found(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    user = tmp_path / "v2" / "user.slice" / "app.slice"
    write(user, {"cgroup.subtree_control": "memory pids\n", "own.scope/cgroup.subtree_control": "\n"})
    write(tmp_path / "v2", {"cgroup.subtree_control": "cpu memory\n", "user.slice/cgroup.subtree_control": "pids\n"})
    membership.write_text("0::/user.slice/app.slice/own.scope\n", encoding="utf-8")
    found = cgroup.find_parents(str(membership), str(tmp_path / "v2"))
    assert found == [cgroup.Group(str(user), 2), cgroup.Group(str(tmp_path / "v2"), 2)], (
        "the nearest that gives memory first"
    )

    inner = tmp_path / "v1" / "memory" / "here"
    inner.mkdir(parents=True)
    membership.write_text("5:cpu,cpuacct:/\n4:memory:/here\n0::/\n", encoding="utf-8")
    assert cgroup.find_parents(str(membership), str(tmp_path / "v1")) == [cgroup.Group(str(inner), 1)]
    membership.write_text("4:memory:/docker/0123\n", encoding="utf-8")
    assert cgroup.find_parents(str(membership), str(tmp_path / "v1")) == [cgroup.Group(str(inner.parent), 1)]


@pytest.mark.parametrize(
    ("version", "files"),
    [
        pytest.param(1, {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
                         "memory.max_usage_in_bytes": "4096\n"}, id="v1"),
        pytest.param(2, {"memory.events": "low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 0\n",
                         "memory.peak": "4096\n"}, id="v2"),
    ],
)  # fmt: skip
def test_what_a_group_tells(tmp_path: Path, version: int, files: dict[str, str]) -> None:
    group = cgroup.Group(str(tmp_path), version)
    assert (group.kills(), group.peak(), group.processes()) == (0, None, ())
    write(tmp_path, {**files, "cgroup.procs": "12\n345\n"})
    assert (group.kills(), group.peak(), group.processes()) == (3, 4096, (12, 345))


def test_a_look_alike_of_version_2_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"cgroup.subtree_control": "memory\n", "membership": "0::/\n"})
    monkeypatch.setattr(cgroup, "MEMBERSHIP", str(tmp_path / "membership"))
    monkeypatch.setattr(cgroup, "MOUNT", str(tmp_path))
    with cgroup.limited(2**26) as group:
        assert group == "no control group may be used here: No such file or directory"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cgroup.subtree_control", "membership"]


def test_processes_sockets_and_mappings_are_read() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = parse_stat(f"7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 {ticks} {2 * ticks} 0 0 20 0 1 0 99 0 0\n")
    assert stat is not None
    assert (stat.state, stat.parent, stat.session, stat.time, stat.start) == ("S", 1, 7, 3.0, 99)
    assert parse_stat("") is None
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n"
        "   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n"
        "   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 333 1\n"
        "   3: 00000000:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1\n"
    )
    sockets = parse_sockets(table)
    assert sockets == {"111": Socket("127.0.0.1", 8080), "333": Socket("::1", 80), "444": Socket("0.0.0.0", 81)}  # noqa: S104
    assert [one.is_loopback for one in sockets.values()] == [True, True, False]
    maps = (
        "55d0-55d1 r--p 00001000 fe:01 77 /usr/bin/python\nSize: 8 kB\nRss: 8 kB\nAnonymous: 4 kB\nVmFlags: rd\n"
        "55d1-55d2 rw-p 00000000 00:00 0 [heap]\nRss: 400 kB\nAnonymous: 400 kB\n"
    )
    assert parse_files(maps) == {("fe:01", "77", "00001000"): 4096}


def test_what_is_not_set_is_named_and_a_file_gives_it(root: Path, run: Run) -> None:
    code = "import os\n\nTOKEN = os.environ['BOT_TOKEN']\nURL = os.environ[\"DB_URL\"]\nos.environ['MINE'] = 'x'\n"
    write(root, {"main.py": "import settings\n", "settings.py": code, "prod.env": "BOT_TOKEN=a\n# more\nDB_URL='b c'\n"})
    failed = run("--entrypoint", "main.py", "--no-lock", *QUICK)
    assert failed.status == 2
    assert failed.err.splitlines()[-1] == (
        "not set here: BOT_TOKEN, DB_URL; --env-file FILE gives variables, a NAME=value a line"
    )
    assert run("--entrypoint", "main.py", "--no-lock", "--env-file", "prod.env", *QUICK).status == 0


@pytest.mark.parametrize(
    ("path", "message"), [("no.env", "cannot be read: No such file or directory"), ("odd.env", "holds no NAME=value")]
)
def test_a_file_of_variables_that_is_none(root: Path, run: Run, path: str, message: str) -> None:
    write(root, {"main.py": "", "odd.env": "{}\n"})
    failed = run("--entrypoint", "main.py", "--env-file", path)
    assert (failed.status, failed.err) == (2, f"{path}: error: {message}\n")


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("KeyError: 'BOT_KEY'", id="os.environ"),
        pytest.param(
            "decouple.UndefinedValueError: BOT_KEY not found. Declare it as envvar or define a default value.", id="decouple"
        ),
        pytest.param('environs.exceptions.EnvError: Environment variable "BOT_KEY" not set', id="environs"),
        pytest.param(
            "1 validation error for Settings\nbot_key\n  Field required [type=missing, input_value={}]", id="pydantic"
        ),
        pytest.param("django.core.exceptions.ImproperlyConfigured: Set the BOT_KEY environment variable", id="environ"),
    ],
)
def test_what_libraries_say_of_a_missing_variable(root: Path, output: str) -> None:
    project = Project(WorkTree(str(root)), Settings())
    assert missing(project, f"Traceback (most recent call last):\n{output}", ()) == ("BOT_KEY",)
    assert missing(project, output, {"BOT_KEY"}) == ()
    assert missing(project, "KeyError: 'lower case'", ()) == ()
