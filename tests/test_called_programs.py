"""Programs of the project that a service starts as it answers: each takes what it loads, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from folders import write

from memguard_hooks.hooks import memory_budget

Judge: TypeAlias = Callable[..., dict[str, Any]]

HEAD = (
    "import asyncio, os, shlex, subprocess, sys\nfrom pathlib import Path\nfrom flask import Flask\napp = Flask(__name__)\n"
    "HERE = os.path.dirname(os.path.abspath(__file__))\nBASE = Path(__file__).resolve().parent\n"
)
HANDLER = "@app.post('/detect')\ndef detect(name):\n"
FILES = {
    "Procfile": "web: gunicorn -w {} main:app\n",
    "requirements.txt": "flask==3.1.0\npandas==2.2.0\n",
    "memguard.toml": 'limit = "2GiB"\n',
    "jobs/__init__.py": "",
    "jobs/report.py": "import pandas\ndef main():\n    print(pandas.DataFrame())\nif __name__ == '__main__':\n    main()\n",
    "jobs/small.py": "print('done')\n",
}


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return what judges a service of some code, and returns what is reported of it."""

    def run(code: str, workers: int = 1) -> dict[str, Any]:
        write(tmp_path, {**FILES, "Procfile": FILES["Procfile"].format(workers), "main.py": f"{HEAD}{code}\n"})
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        assert memory_budget.main(["--format", "json"]) in (0, 1)
        (service,) = json.loads(capsys.readouterr().out)["services"]
        found: dict[str, Any] = service
        return found

    return run


def started(service: dict[str, Any]) -> dict[str, str]:
    """Return the moments of the programs that are started, by their files."""
    parts = ((part["package"].partition(" (")[0], part["moment"]) for part in service["parts"])
    return {name: moment for name, moment in parts if name.startswith("jobs/")}


@pytest.mark.parametrize(
    "code",
    [
        f"{HANDLER}    subprocess.run([sys.executable, 'jobs/report.py', '--name', name])",
        f"{HANDLER}    subprocess.check_output(['python3', '-u', 'jobs/report.py'])",
        f"{HANDLER}    subprocess.run([sys.executable, os.path.join(HERE, 'jobs', 'report.py')])",
        f"{HANDLER}    subprocess.run([sys.executable, str(BASE / 'jobs' / 'report.py')])",
        f"{HANDLER}    subprocess.run([sys.executable, 'report.py'], cwd='jobs')",
        f"{HANDLER}    words = ['python', 'jobs/report.py', name]\n    subprocess.Popen(words).communicate()",
        f"{HANDLER}    os.system(f'python jobs/report.py --name {{name}}')",
        f"{HANDLER}    os.system('cd jobs && python report.py')",
        f"{HANDLER}    os.system('python jobs/report.py --name ' + name)",
        f"{HANDLER}    os.system('python jobs/report.py --name {{}}'.format(name))",
        f"{HANDLER}    subprocess.run(shlex.split(f'python jobs/report.py --name {{name}}'))",
        f"{HANDLER}    subprocess.run('jobs/report.py', shell=True)",
        f"{HANDLER}    subprocess.run([sys.executable, '-m', 'jobs.report'])",
        "@app.post('/d')\nasync def d():\n    await asyncio.create_subprocess_exec(sys.executable, 'jobs/report.py')",
        f"def go(script):\n    subprocess.run([sys.executable, script])\n{HANDLER}    go('jobs/report.py')",
    ],
)
def test_a_program_that_a_request_starts_takes_what_it_loads(judge: Judge, code: str) -> None:
    """An app whose handler starts a program was told as large as the app alone."""
    service = judge(code)
    assert started(service) == {"jobs/report.py": "serving"}
    assert service["verdict"] == "ok"
    assert service["estimate_mib"]["serving"]["expected"] > service["estimate_mib"]["expected"] + 50


def test_each_worker_starts_its_own_and_the_largest_of_those_that_are_waited_for_counts(judge: Judge) -> None:
    """Of programs that are waited for, a worker runs one at a time; those that go on are there as well."""
    large = "    subprocess.run([sys.executable, 'jobs/report.py'])\n"
    small = "    subprocess.{}([sys.executable, 'jobs/small.py'])\n"
    more = "@app.post('/other')\ndef other():\n"
    one = judge(HANDLER + large)["estimate_mib"]["serving"]["expected"]
    waited, beside = (judge(HANDLER + large + more + small.format(how)) for how in ("run", "Popen"))
    assert started(waited) == {"jobs/report.py": "serving"}
    assert started(beside) == {"jobs/report.py": "serving", "jobs/small.py": "serving"}
    assert abs(waited["estimate_mib"]["serving"]["expected"] - one) < 1
    figures = judge(HANDLER + large, workers=3)["estimate_mib"]
    assert figures["serving"]["expected"] - figures["expected"] > 150


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("[sys.executable, 'yolov5/detect.py']", "it takes at least that: yolov5/detect.py not counted"),
        ("[sys.executable, name]", "it takes at least that: what main.py:9 starts not counted"),
        (
            "[sys.executable, '-u', '-E', '-s', '-I', '-O', '-q', '-b', '-v', '-d', 'jobs/report.py']",
            "it takes at least that: what main.py:9 starts not counted",
        ),
        ("[sys.executable, '-c', name]", None),
        ("[sys.executable, '-m', 'pip', 'install', name]", None),
        ("['ffmpeg', '-i', name]", None),
    ],
)
def test_a_program_that_nobody_can_count_leaves_no_ok(judge: Judge, words: str, reason: str | None) -> None:
    """What the repository lacks, and what only a run can tell, may take anything; what is no file of Python is not meant."""
    service = judge(f"{HANDLER}    subprocess.run({words})")
    assert (service["verdict"], service.get("reason")) == ("unknown" if reason else "ok", reason)


def test_a_program_that_nothing_starts_by_then_is_not_counted(judge: Judge) -> None:
    """A function that no handler calls runs in none."""
    service = judge("def later(name):\n    subprocess.run([sys.executable, name])\n    os.system('python jobs/report.py')")
    assert (service["verdict"], started(service)) == ("ok", {})
