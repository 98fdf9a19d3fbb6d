"""Programs that Python code starts in processes of their own: what is read, and what really runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from work import LINEAR, at_most, growth

from memguard_hooks.commands import check
from memguard_hooks.deployment.command import Host, StartCommand, parse

IMPORTS = "import asyncio, os, subprocess, sys, uvicorn\nfrom pathlib import Path\nfrom subprocess import Popen\n"
BOT = {"bot.py": "import time\n", "api.py": "app = None\n", "jobs/work.py": "x = 1\n", "one.py": "", "two.py": ""}


def started(code: str, command: str = "python main.py", **files: str) -> StartCommand:
    sources = {path: textwrap.dedent(text).encode() for path, text in {**BOT, **files, "main.py": code}.items()}
    return parse(command, Host({}, sources.get, follows_code=True))


def told(start: StartCommand) -> list[str]:
    """Return what runs, the chosen start first: its program and what it loads, or why nobody can know that."""
    names = [(one.program, one.entrypoint.text if one.entrypoint else one.reason) for one in (start, *start.beside)]
    return [f"{program} {name}".strip() for program, name in names]


CASES = {
    "popen": ("subprocess.Popen([sys.executable, 'bot.py'])", "main.py", "bot.py"),
    "by-keyword-and-waited-for": ("p = Popen(args=['python3', 'bot.py'])\np.wait()", "main.py", "bot.py"),
    "port-that-only-a-run-tells": (
        "words = [sys.executable, '-m', 'uvicorn', 'api:app', '--port', str(choose())]\nsubprocess.run(words)",
        "uvicorn api:app",
        "main.py",
    ),
    "text-with-a-path": (
        "Popen(f'{sys.executable} bot.py', shell=True)\nuvicorn.run('api:app')",
        "uvicorn main.py",
        "bot.py",
    ),
    "beside-a-server": ("Popen('python bot.py', shell=True)\nuvicorn.run('api:app')", "uvicorn main.py", "bot.py"),
    "last-of-what-is-waited-for": (
        "subprocess.run(['python', 'manage.py', 'migrate'])\nsubprocess.run(['gunicorn', 'api:app', '-w', '2'])",
        "gunicorn api:app",
        "main.py",
    ),
    "exec-with-a-list": ("os.execvp('gunicorn', ['gunicorn', 'api:app'])", "gunicorn api:app"),
    "exec-with-words": ("os.execlp('python', 'python', 'bot.py')", "bot.py"),
    "exec-of-itself": ("os.execv(sys.executable, ['python'] + sys.argv)", "main.py"),
    "loop-over-a-list": (
        "for script in ['one.py', 'two.py']:\n    Popen([sys.executable, script])",
        "main.py",
        "one.py",
        "two.py",
    ),
    "loop-over-pairs": (
        "ALL = [('a', 'one.py'), ('b', 'two.py')]\nfor name, script in ALL:\n    Popen([sys.executable, script])",
        "main.py",
        "one.py",
        "two.py",
    ),
    "asyncio": (
        "async def main():\n    await asyncio.create_subprocess_exec(sys.executable, 'bot.py')\nasyncio.run(main())",
        "main.py",
        "bot.py",
    ),
    "path-beside-the-file": (
        "HERE = Path(__file__).parent\nPopen([sys.executable, str(HERE / 'jobs' / 'work.py')])",
        "main.py",
        "jobs/work.py",
    ),
    "joined-path": (
        "Popen([sys.executable, os.path.join(os.path.dirname(__file__), 'jobs', 'work.py')])",
        "main.py",
        "jobs/work.py",
    ),
    "itself-as-a-child": (
        "if '--child' in sys.argv:\n    pass\nelse:\n    Popen([sys.executable, __file__, '--child'])",
        "main.py",
        "main.py",
    ),
    "behind-what-ends": ("os.system('alembic upgrade head && gunicorn api:app')", "gunicorn api:app", "main.py"),
    "by-uv": ("subprocess.run(['uv', 'run', 'gunicorn', 'api:app'])", "gunicorn api:app", "main.py"),
    "text-with-a-port": ("os.system(f\"uvicorn api:app --port {os.environ['PORT']}\")", "uvicorn api:app", "main.py"),
    "text-that-is-filled": ("os.system('uvicorn api:app --port %s' % choose())", "uvicorn api:app", "main.py"),
    "words-that-are-split": ("subprocess.run('gunicorn api:app'.split())", "gunicorn api:app", "main.py"),
    "list-that-grows": (
        "words = ['gunicorn']\nwords.extend(['-w', '2'])\nwords.append('api:app')\nsubprocess.run(words)",
        "gunicorn api:app",
        "main.py",
    ),
    "program-of-its-own-name": ("os.execvp('gunicorn', ['web', 'api:app'])", "gunicorn api:app"),
    "spawn": ("os.spawnlp(os.P_NOWAIT, 'python', 'python', 'bot.py')", "main.py", "bot.py"),
    "unreadable": (
        "subprocess.run(choose())",
        "main.py",
        "python main.py:4 starts a program, and only a run can tell which",
    ),
    "before-a-server-in-the-process": (
        "subprocess.run([sys.executable, 'bot.py'])\nuvicorn.run('api:app')",
        "uvicorn main.py",
    ),
    "waited-for-before-a-server": ("Popen([sys.executable, 'bot.py']).wait()\nuvicorn.run('api:app')", "uvicorn main.py"),
    "behind-a-server": (
        "subprocess.run(['gunicorn', 'api:app'])\nsubprocess.run(['rm', 'x'])",
        "gunicorn api:app",
        "main.py",
    ),
    "in-the-background-of-a-shell": ("os.system('python bot.py &')\nuvicorn.run('api:app')", "uvicorn main.py", "bot.py"),
    "threads": (
        (
            "import threading\ndef go(script):\n    subprocess.run([sys.executable, script])\n"
            "threading.Thread(target=go, args=('one.py',)).start()\nthreading.Thread(target=go, args=('two.py',)).start()"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "pool": (
        (
            "from concurrent.futures import ThreadPoolExecutor as Pool\n"
            "def go(script):\n    subprocess.run([sys.executable, script])\n"
            "with Pool() as pool:\n    pool.submit(go, 'one.py')\n    pool.submit(go, 'two.py')"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "loop-over-numbers": (
        "for one in range(2):\n    Popen([sys.executable, 'bot.py', str(one)])",
        "main.py",
        "bot.py",
        "bot.py",
    ),
    "loop-over-a-dictionary": (
        "for name, script in {'a': 'one.py', 'b': 'two.py'}.items():\n    Popen([sys.executable, script])",
        "main.py",
        "one.py",
        "two.py",
    ),
    "loop-of-which-nobody-knows-the-end": (
        "[Popen([sys.executable, 'bot.py', one]) for one in choose()]",
        "main.py",
        "bot.py",
        "python main.py:4 starts it in a loop, and only a run can tell how often",
    ),
    "in-another-folder": ("subprocess.run([sys.executable, 'work.py'], cwd='jobs')", "main.py", "work.py"),
    "one-of-two": (
        "if maybe():\n    subprocess.run(['gunicorn', 'api:app'])\nelse:\n    subprocess.run([sys.executable, 'bot.py'])",
        "main.py starts one of several programs, and only a run can tell which",
    ),
    "itself-anew": (
        "if maybe():\n    os.execl(sys.executable, sys.executable, 'main.py')\nuvicorn.run('api:app')",
        "uvicorn main.py",
    ),
    "loop-over-numbers-that-nobody-knows": (
        "for one in range(choose()):\n    Popen([sys.executable, 'bot.py'])\nfor one in range():\n    pass",
        "main.py",
        "bot.py",
        "python main.py:5 starts it in a loop, and only a run can tell how often",
    ),
    "loop-that-starts-more": (
        "while True:\n    Popen([sys.executable, 'bot.py'])",
        "main.py",
        "bot.py",
        "python main.py:5 starts it in a loop, and only a run can tell how often",
    ),
    "loop-that-starts-anew": ("while True:\n    Popen([sys.executable, 'bot.py']).wait()", "main.py", "bot.py"),
    "folder-beside-the-file": (
        "HERE = Path(__file__).parent\nPopen([sys.executable, 'work.py'], cwd=HERE / 'jobs')",
        "main.py",
        "work.py",
    ),
    "folder-that-only-a-run-tells": (
        "Popen([sys.executable, 'bot.py'], cwd=choose())",
        "main.py",
        "python main.py:4 starts a program in a folder that only a run can tell",
    ),
    "threads-of-others": (
        (
            "import threading\nthreading.Thread(target=subprocess.run, args=(['python', 'one.py'],)).start()\n"
            "threading.Thread(target=lambda: subprocess.run(['python', 'two.py'])).start()"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "exec-in-a-child": (
        (
            "from multiprocessing import Process\ndef web():\n    os.execlp('python', 'python', 'one.py')\n"
            "Process(target=web).start()\nPopen(['python', 'two.py'])"
        ),
        "multiprocessing main.py",
        "one.py",
        "two.py",
    ),
    "exec-with-a-star": ("WORDS = ['u', 'api:app']\nos.execlp('uvicorn', *WORDS)", "uvicorn api:app"),
    "interpreter-by-a-variable": ("PY = os.environ.get('PY', sys.executable)\nPopen([PY, 'bot.py'])", "main.py", "bot.py"),
    "method-of-an-object": (
        (
            "class Launcher:\n    def __init__(self, script):\n        self.script = script\n"
            "    def start(self):\n        self.launch()\n"
            "    def launch(self):\n        Popen([sys.executable, self.script])\n"
            "Launcher('one.py').start()\nsecond = Launcher('two.py')\nsecond.start()\nuvicorn.run('api:app')"
        ),
        "uvicorn main.py",
        "one.py",
        "two.py",
    ),
    "as-an-object-is-made": (
        "class Launcher:\n    def __init__(self):\n        self.started = Popen([sys.executable, 'bot.py'])\nLauncher()",
        "main.py",
        "bot.py",
    ),
    "words-of-a-class": (
        (
            "class Launcher:\n    WORDS = ['python', 'bot.py']\n    def run(self):\n"
            "        self.started = Popen(self.WORDS)\nLauncher().run()"
        ),
        "main.py",
        "bot.py",
    ),
    "words-that-an-object-adds-to": (
        (
            "class Launcher:\n    def __init__(self):\n        self.words = ['gunicorn']\n"
            "        self.words += ['api:app', '-b', choose()]\n"
            "    def run(self):\n        subprocess.run(self.words)\nLauncher().run()"
        ),
        "gunicorn api:app",
        "main.py",
    ),
    "method-of-a-base": (
        (
            "class Base:\n    def start(self):\n        self.launch('bot.py')\n"
            "class Launcher(Base):\n    def launch(self, script):\n        Popen([sys.executable, script])\n"
            "Launcher().start()"
        ),
        "main.py",
        "bot.py",
    ),
    "field-of-a-dataclass": (
        (
            "from dataclasses import dataclass\n@dataclass\nclass Launcher:\n    script: str\n    rounds: int = 2\n"
            "    def start(self):\n        Popen([sys.executable, self.script])\nLauncher('bot.py').start()"
        ),
        "main.py",
        "bot.py",
    ),
    "object-of-the-module": (
        (
            "class Launcher:\n    def start(self):\n        Popen([sys.executable, 'bot.py'])\n"
            "launcher = Launcher()\ndef main():\n    launcher.start()\nmain()"
        ),
        "main.py",
        "bot.py",
    ),
    "thread-of-a-method": (
        (
            "import threading\nclass Launcher:\n    def go(self):\n        subprocess.run([sys.executable, 'bot.py'])\n"
            "    def run(self):\n        threading.Thread(target=self.go).start()\n        uvicorn.run('api:app')\n"
            "Launcher().run()"
        ),
        "uvicorn main.py",
        "bot.py",
    ),
    "executor": (
        (
            "def go(script):\n    subprocess.run([sys.executable, script])\nasync def main():\n"
            "    loop = asyncio.get_running_loop()\n    loop.run_in_executor(None, go, 'one.py')\n"
            "    await loop.run_in_executor(None, subprocess.run, [sys.executable, 'two.py'])\nasyncio.run(main())"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "threads-of-a-comprehension": (
        (
            "import threading\ndef go(script):\n    subprocess.run([sys.executable, script])\n"
            "threads = [threading.Thread(target=go, args=(one,)) for one in ('one.py', 'two.py')]\n"
            "for thread in threads:\n    thread.start()"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "words-added-under-a-condition": (
        "words = ['gunicorn', 'api:app']\nif maybe():\n    words += ['--reload']\nsubprocess.run(words)",
        "gunicorn api:app",
        "main.py",
    ),
    "words-that-grow-by-one-nobody-knows": (
        "words = ['gunicorn', 'api:app']\nwords = words + ['-b', choose()]\nsubprocess.run(words)",
        "gunicorn api:app",
        "main.py",
    ),
    "one-of-two-scripts-by-a-variable": (
        "script = 'one.py'\nif maybe():\n    script = 'two.py'\nPopen([sys.executable, script])",
        "main.py",
        "python main.py:7 starts Python, and only a run can tell with which file",
    ),
    "what-only-the-other-way-leaves": (
        (
            "def main(script):\n    if maybe():\n        script = 'two.py'\n        return\n"
            "    Popen(['python', script])\nmain('one.py')"
        ),
        "main.py",
        "one.py",
    ),
    "behind-an-or-that-may-exit": ("choose() or sys.exit('no')\nPopen([sys.executable, 'bot.py'])", "main.py", "bot.py"),
    "behind-a-choice-that-may-exit": (
        "one = choose() if maybe() else sys.exit('no')\nPopen([sys.executable, 'bot.py'])",
        "main.py",
        "bot.py",
    ),
    "behind-a-case-that-exits": (
        "match choose():\n    case 'help':\n        sys.exit(0)\nPopen([sys.executable, 'bot.py'])",
        "main.py",
        "bot.py",
    ),
    "by-a-module-that-may-be-missing": (
        "try:\n    import uvicorn\nexcept ImportError:\n    uvicorn = None\nuvicorn.run('api:app')",
        "uvicorn main.py",
    ),
    "by-a-function-that-may-be-missing": (
        "if maybe():\n    def go():\n        Popen([sys.executable, 'bot.py'])\nelse:\n    go = None\ngo()",
        "main.py",
        "bot.py",
    ),
    "by-one-of-two-functions": (
        "if maybe():\n    def go():\n        pass\nelse:\n    def go():\n        Popen([sys.executable, 'bot.py'])\ngo()",
        "main.py",
        "bot.py",
    ),
    "else-of-a-loop": (
        (
            "for one in maybe():\n    if one:\n        break\nelse:\n    Popen([sys.executable, 'one.py'])\n"
            "while maybe():\n    pass\nelse:\n    Popen([sys.executable, 'two.py'])"
        ),
        "main.py",
        "one.py",
        "two.py",
    ),
    "more-conditions-than-are-followed": (
        "if maybe():\n    pass\n"
        + "".join(f"elif choose() == {number}:\n    pass\n" for number in range(300))
        + "Popen([sys.executable, 'bot.py'])",
        "python main.py",
    ),
    "init-of-a-base": (
        (
            "class Base:\n    def __init__(self):\n        Popen([sys.executable, 'bot.py'])\n"
            "class Launcher(Base):\n    def __init__(self):\n        super().__init__()\nLauncher()"
        ),
        "main.py",
        "bot.py",
    ),
    "method-of-a-base-by-super": (
        (
            "class Base:\n    def run(self):\n        Popen([sys.executable, 'bot.py'])\nclass Launcher(Base):\n"
            "    def run(self):\n        super().run()\nLauncher().run()"
        ),
        "main.py",
        "bot.py",
    ),
    "method-of-a-base-by-its-name": (
        (
            "class Base:\n    def run(self):\n        Popen([sys.executable, self.script])\n"
            "class Launcher(Base):\n    script = 'bot.py'\n    def run(self):\n        Base.run(self)\n"
            "Launcher().run()"
        ),
        "main.py",
        "bot.py",
    ),
    "static-method": (
        "class Launcher:\n    @staticmethod\n    def run():\n        Popen([sys.executable, 'bot.py'])\nLauncher.run()",
        "main.py",
        "bot.py",
    ),
    "method-of-a-class": (
        (
            "class Launcher:\n    SCRIPT = 'bot.py'\n    @classmethod\n    def run(cls):\n"
            "        Popen([sys.executable, cls.SCRIPT])\nLauncher.run()"
        ),
        "main.py",
        "bot.py",
    ),
    "class-that-is-a-thread": (
        (
            "import threading\nclass Beside(threading.Thread):\n    def run(self):\n"
            "        subprocess.run([sys.executable, 'bot.py'])\nBeside().start()\nuvicorn.run('api:app')"
        ),
        "uvicorn main.py",
        "bot.py",
    ),
    "behind-the-init-of-a-dataclass": (
        (
            "from dataclasses import dataclass\n@dataclass\nclass Launcher:\n    script: str = 'bot.py'\n"
            "    def __post_init__(self):\n        Popen([sys.executable, self.script])\nLauncher()"
        ),
        "main.py",
        "bot.py",
    ),
    "object-that-is-called": (
        (
            "class Launcher:\n    def __call__(self):\n        Popen([sys.executable, 'bot.py'])\n"
            "launcher = Launcher()\nlauncher()"
        ),
        "main.py",
        "bot.py",
    ),
    "object-that-is-entered": (
        "class Launcher:\n    def __enter__(self):\n        Popen([sys.executable, 'bot.py'])\nwith Launcher():\n    pass",
        "main.py",
        "bot.py",
    ),
    "words-that-a-function-adds-to": (
        "def add(words):\n    words += ['-w', '8']\nwords = ['gunicorn', 'api:app']\nadd(words)\nsubprocess.run(words)",
        "main.py",
        "python main.py:8 starts a program, and only a run can tell which",
    ),
    "words-that-are-put-between": (
        "words = ['gunicorn', 'api:app']\nwords[1:1] = ['-w', '8']\nsubprocess.run(words)",
        "main.py",
        "python main.py:6 starts a program, and only a run can tell which",
    ),
    "of-a-package": (
        "Popen(['rqscheduler', '-i', '60'])",
        "main.py",
        "python main.py:4 starts rqscheduler, a program that is installed",
    ),
    "of-a-package-perhaps": ("if maybe():\n    Popen(['rqscheduler', '-i', '60'])", "main.py"),
    "no-python": ("Popen(['ffmpeg', '-i', 'a.mp4'])", "main.py"),
    "pip": ("subprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])", "main.py"),
    "ends": ("Popen([sys.executable, 'manage.py', 'migrate'])", "main.py"),
    "not-there": ("Popen([sys.executable, 'away.py'])", "main.py"),
    "unknown-file": (
        "Popen([sys.executable, choose()])",
        "main.py",
        "python main.py:4 starts Python, and only a run can tell with which file",
    ),
    "unknown-twice": ("if maybe():\n    Popen([sys.executable, choose()])", "main.py"),
    "later": ("def later():\n    Popen([sys.executable, 'bot.py'])", "main.py"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_runs(name: str) -> None:
    code, *expected = CASES[name]
    assert told(started(IMPORTS + code)) == expected


def test_where_only_a_run_tells_which_runs_each_is_a_way() -> None:
    start = started(IMPORTS + CASES["one-of-two"][0])
    assert [told(way) for way in start.ways] == [["gunicorn api:app", "main.py"], ["main.py", "bot.py"]]
    assert start.reason == "main.py starts one of several programs, and only a run can tell which"
    replaced = started(IMPORTS + "if maybe():\n    os.execlp('gunicorn', 'gunicorn', 'api:app')\nuvicorn.run('one:app')")
    assert [told(way) for way in replaced.ways] == [["gunicorn api:app"], ["uvicorn main.py"]]


OF_AN_OBJECT = """
class Launcher:
    def __init__(self):
        {}
    def run(self):
        subprocess.run(['gunicorn', '-w', self.n, 'api:app'])
Launcher().run()
"""


@pytest.mark.parametrize(
    ("lines", "workers"),
    [
        ("words = ['gunicorn', 'api:app']\nif maybe():\n    words += ['-w', '4']\nsubprocess.run(words)", None),
        ("words = ['gunicorn', 'api:app']\nfor one in maybe():\n    words.extend(one)\nsubprocess.run(words)", 1),
        ("n = '2'\nif maybe():\n    n = '4'\nsubprocess.run(['gunicorn', '-w', n, 'api:app'])", None),
        ("if maybe():\n    n = '4'\nelse:\n    n = '4'\nsubprocess.run(['gunicorn', '-w', n, 'api:app'])", 4),
        ("try:\n    n = choose()\nexcept OSError:\n    n = '3'\nsubprocess.run(['gunicorn', '-w', n, 'api:app'])", None),
        ("n = 1\nif maybe():\n    n = 4\nuvicorn.run('api:app', workers=n)", None),
        ("n = 1\ndef more():\n    global n\n    n = 4\nmore()\nuvicorn.run('api:app', workers=n)", 4),
        (
            (
                "n = 1\ndef more():\n    global n\n    n = 4\ndef main():\n    if maybe():\n        more()\n"
                "    uvicorn.run('api:app', workers=n)\nmain()"
            ),
            None,
        ),
        ("words = ['gunicorn', 'api:app']\nwords.insert(1, '--workers=8')\nsubprocess.run(words)", 8),
        ("n = 1\nwhile maybe():\n    n += 1\nuvicorn.run('api:app', workers=n)", None),
        (OF_AN_OBJECT.format("self.n = '2'\n        if maybe():\n            self.n = '4'"), None),
        (
            OF_AN_OBJECT.format(
                "self.n = '2'\n        if maybe():\n            self.more()\n    def more(self):\n        self.n = '4'"
            ),
            None,
        ),
        (OF_AN_OBJECT.format("self.n = '2'\n        self.more()\n    def more(self):\n        self.n = '4'"), 4),
        (OF_AN_OBJECT.format("self.n = '2'").replace("Launcher().run()", "one = Launcher()\none.n = '4'\none.run()"), 4),
        (
            OF_AN_OBJECT.format("self.n = '2'").replace(
                "    def run(self):",
                "    def run(self):\n        if maybe():\n            self.n = '4'\n        self.go()\n    def go(self):",
            ),
            None,
        ),
        (OF_AN_OBJECT.format("self.n = self.m\n        self.m = self.n + '1'\n        self.n = self.m + '1'"), None),
    ],
)
def test_what_a_condition_decides_is_not_taken_for_certain(lines: str, workers: int | None) -> None:
    assert started(IMPORTS + lines).workers == workers


@pytest.mark.parametrize(
    "line", ["C()\nif x:\n    pass\n", "a{}.b = 0\n[0 for x in a]\n"], ids=["objects-at-a-condition", "comprehensions"]
)
def test_what_is_kept_again_and_again_is_bounded(line: str) -> None:
    def code(size: int) -> str:
        return f"{IMPORTS}class C:\n    pass\n" + "".join(line.format(number) for number in range(size))

    assert growth(started, code, 3000) < LINEAR


@pytest.mark.parametrize(
    "code",
    [
        "class C:\n    pass\n{}" + "C()\n" * 2000,
        "class C:\n    @classmethod\n    def run(cls):\n        pass\n{}" + "C.run()\n" * 2000,
    ],
    ids=["objects", "methods-of-a-class"],
)
def test_what_a_class_sets_is_bounded(code: str) -> None:
    start = started(IMPORTS + code.format("".join(f"    a{number} = 0\n" for number in range(2000))))
    assert start.reason == "main.py calls more as it starts than is followed"


def test_processes_of_a_class_of_the_project_count() -> None:
    code = "import multiprocessing\nclass Beside(multiprocessing.Process):\n    def run(self):\n        pass\n"
    assert started(f"{IMPORTS}{code}Beside().start()\nBeside().start()\n").workers == 2


def test_a_loop_that_is_followed_often_is_looked_through_once() -> None:
    code = "for a in range(20):\n for b in range(20):\n  for c in (1,):\n    if 0:\n" + "     a;b;c\n" * 1000
    with at_most(500_000):
        started(IMPORTS + code)


def test_what_a_command_of_django_starts_counts() -> None:
    files = {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
        "site_/settings.py": "INSTALLED_APPS = ['jobs']\n",
        "jobs/management/commands/work.py": (
            "import subprocess, sys\nfrom django.core.management.base import BaseCommand\n"
            "class Command(BaseCommand):\n    def handle(self, *args, **options):\n        self.launch()\n"
            "    def launch(self):\n        subprocess.Popen([sys.executable, 'bot.py'])\n"
        ),
    }
    assert told(started("", "python manage.py work", **files)) == ["manage.py manage.py", "bot.py"]


@pytest.mark.parametrize("count", ["'-w', str(choose())", "f'--workers={choose()}'"])
def test_a_number_of_processes_is_never_made_up(count: str) -> None:
    start = started(f"{IMPORTS}subprocess.run(['gunicorn', {count}, 'api:app'])")
    assert (start.workers, start.reason) == (None, "main.py:4 computes the number of processes")
    of_cpus = started(f"{IMPORTS}from os import cpu_count as choose\nsubprocess.run(['gunicorn', {count}, 'api:app'])")
    assert (of_cpus.workers, of_cpus.is_cpu_count) == (None, True)


def test_workers_of_a_started_server_are_its_own() -> None:
    start = started("import subprocess\nsubprocess.run(['gunicorn', '-w', '3', 'api:app'])")
    assert (start.workers, start.written) == (3, "main.py:2")


def test_a_program_that_starts_itself_without_end_is_not_followed_without_end() -> None:
    code = "import subprocess, sys\n" + "subprocess.Popen([sys.executable, 'main.py'])\n" * 10
    with at_most(3_000_000):
        start = started(code)
    assert told(start) == ["main.py"] * 11, "each starts once what starts itself"
    with at_most(3_000_000):
        start = started(code.replace("main", "one"), **{"one.py": code * 2})
    assert any("starts more programs than are followed" in one for one in told(start))


def test_the_verdict_counts_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A launcher that starts a heavy program was told to fit."""
    files = {
        "Procfile": "web: python main.py\n",
        "requirements.txt": "pandas==2.2.3\nscikit-learn==1.5.2\n",
        "main.py": "import subprocess, sys\nsubprocess.Popen([sys.executable, 'heavy.py']).wait()\n",
        "heavy.py": "import pandas\nimport sklearn.ensemble\nprint(pandas, sklearn)\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    check.main(["--format", "json", "--select", "MG3", str(tmp_path)])
    [service] = json.loads(capsys.readouterr().out)["services"]
    assert service["processes"] == 2
    assert service["estimate_mib"]["expected"] > 90


def really_run(folder: Path, command: list[str], environment: Mapping[str, str]) -> set[str]:
    """Return the arguments of all interpreters that a command runs, as the operating system was given them."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=execve", "-s", "300", *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if "execve(" in line and line.rstrip().endswith("= 0")]
    return {line[line.index('["') : line.index("]", line.index('["')) + 1] for line in lines}


def test_the_same_programs_really_run(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\nfrom pathlib import Path\n"
        "for script in ['one.py', 'two.py']:\n    subprocess.Popen([sys.executable, script]).wait()\n"
        "subprocess.run([sys.executable, str(Path(__file__).parent / 'jobs' / 'work.py')])\n"
        "os.execv(sys.executable, [sys.executable, 'bot.py'])\n"
    )
    for path, text in {**BOT, "main.py": code}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    ran = really_run(tmp_path, [sys.executable, "main.py"], dict(os.environ))
    for start in told(started(code))[:1]:
        assert any(start in one for one in ran), ran
    for script in ("one.py", "two.py", "jobs/work.py", "bot.py"):
        assert any(f'{script}"]' in one for one in ran), (script, ran)
    assert told(started(code)) == ["bot.py"], "the others have ended"
