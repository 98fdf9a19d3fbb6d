"""Run the commands on projects as an attacker writes them, and tell what takes too long or does what it must not.

python tools/attack.py [--python PYTHON]... [--trace] [DIR]...

Without folders, on those that `PROJECTS` makes; of a folder, a copy is judged. `--python` names interpreters in which the
package is installed, `--trace` looks by strace for files outside of the project that are opened or looked at. The exit
status is 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import memguard_hooks

MAX_SECONDS = 2.0
MAX_MIB = 200

COMMANDS = (
    ("check",), ("check", "--format", "github"), ("check", "--format", "markdown"), ("check", "--format", "sarif"),
    ("hook", "{files}"), ("explain", "requirements"), ("init", "--yes"),
)  # fmt: skip

Files = Mapping[str, str | bytes]

PROGRAM = {"Procfile": "web: gunicorn main:app\n", "main.py": "import litellm\n"}
DJANGO = {
    "Procfile": "web: gunicorn shop.wsgi\n",
    "shop/__init__.py": "",
    "shop/wsgi.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
}
SETTINGS = 'INSTALLED_APPS = ["django.contrib.admin"]\n'
ESCAPES = "\x1b]0;PWNED\x07\x1b[2J\u202e"
YAML_ESCAPES = r"\e]0;PWNED\a\e[2J\u202e\n::error file=a.py::forged"

_SERVICE = "- {type: web, name: %s, runtime: python, plan: free, startCommand: %s}\n"


def _settings(line: str) -> Files:
    return {**DJANGO, "shop/settings.py": SETTINGS + line}


def _python(line: str) -> Files:
    return {**PROGRAM, "main.py": f"import litellm\n{line}\n"}


def _loading(text: str) -> Files:
    return {**PROGRAM, "main.py": f"from transformers import AutoModel\n{text}"}


PROJECTS: dict[str, Callable[[], Files]] = {
    "a dotted import in settings": lambda: _settings("import a" + ".a" * 40_000),
    "a dotted import": lambda: _python("import a" + ".a" * 40_000),
    "a dotted import in setup.py": lambda: {**PROGRAM, "setup.py": "import setuptools, a" + ".a" * 40_000},
    "a dotted import in gunicorn.conf.py": lambda: {**PROGRAM, "gunicorn.conf.py": "import a" + ".a" * 40_000},
    "a dotted import without end": lambda: _python("import a" + ".a" * 400_000),
    "heavy imports that a comment allows": lambda: {
        **PROGRAM,
        "main.py": "".join(f"import litellm  # memguard: allow[MG201] {one}\n" for one in range(5000)),
    },
    "fields of an f-string": lambda: _settings('x = f"' + "{a}" * 100_000 + '"'),
    "a sum": lambda: _settings("x = 1" + "+1" * 500_000),
    "statements": lambda: _python("a;" * 500_000),
    "elements": lambda: _python("x = [" + "[a,a]," * 150_000 + "]"),
    "nesting": lambda: _python("x = " + "(" * 100_000),
    "blocks": lambda: _python("".join(f"{' ' * depth}if x:\n" for depth in range(2000))),
    "files at their bounds": lambda: {
        **PROGRAM,
        "m0.py": "import importlib\nimportlib.import_module(x)\n" + "x=1\n" * 8400,
        "main.py": "import m0\nimport litellm\n",
    },
    "punycode": lambda: {**PROGRAM, "main.py": b"# coding: punycode\nimport litellm\n" + b"a" * 500_000 + b"-ab9" * 100_000},
    "combining marks": lambda: _python('x = "' + ("a" + "\u0301\u0327" * 14) * 18_000 + '"'),
    "compatibility letters": lambda: _python("\ufdfa" * 340_000),
    "a long import": lambda: _python("import litellm, " + "a, " * 300_000 + "b"),
    "an import of many": lambda: _python("import litellm, " + ", ".join(f"a{number}" for number in range(120_000))),
    "comments in an import": lambda: _python("from litellm import (" + "#\n" * 500_000 + "a)"),
    "lines of an import": lambda: _python("import litellm," + "\\\n" * 500_000 + "a"),
    "escapes": lambda: {
        f"{ESCAPES}.py": "import torch\n",
        "main.py": f"import pandas, litellm  # memguard: allow[{ESCAPES}]\n",
        "requirements.txt": f"litellm @ https://x/{ESCAPES}/litellm-1.0-py3-none-any.whl\n-r {ESCAPES}.txt\n",
        "render.yaml": "".join(
            [
                "services:\n",
                _SERVICE % (f'"{YAML_ESCAPES}"', f'"gunicorn main:app -w {YAML_ESCAPES}"'),
                _SERVICE % (r'"ok\n0 errors, 0 warnings\n"', '"gunicorn main:app -w 9"'),
                _SERVICE % ('"##[error]"', '"gunicorn main:app"'),
            ]
        ),
        "poetry.lock": '[[package]]\nname = "litellm"\nversion = "1.0\\u001b[2J"\n',
        "gunicorn.conf.py": 'workers = "\\x1b[2J"\n',
    },
    "ways out": lambda: {
        "memguard.toml": 'source-roots = ["/etc", "../outside", "."]\nentrypoints = ["/etc/passwd", "main.py"]\n',
        "main.py": "import secret, litellm\n",
        "requirements.txt": "-r /etc/passwd\n-c ../../etc/passwd\n-e /etc\n",
        "compose.yaml": 'include: ["/etc/passwd", "../x.yaml"]\n'
        "services: {w: {command: gunicorn -c /etc/passwd main:app, env_file: /etc/passwd}}\n",
        "setup.py": 'from setuptools import setup\nsetup(install_requires=open("/etc/passwd").read().splitlines())\n',
    },
    "a chain of imports": lambda: {
        **PROGRAM,
        **{f"m{one}.py": f"import m{one + 1}\nimport litellm\n" for one in range(1000)},
        "main.py": "import m0\n",
    },
    "requirements that include each other": lambda: {
        **PROGRAM,
        **{f"requirements{one}.txt": f"litellm>={one}\n-r base.txt\n" for one in range(100)},
        "base.txt": "".join(f"litellm>={one}\nname{one}\n" for one in range(100)),
    },
    "one package again": lambda: {**PROGRAM, "requirements.txt": "".join(f"litellm>={one}\n" for one in range(20_000))},
    "one package again in setup.cfg": lambda: {
        **PROGRAM,
        "setup.cfg": "[options]\ninstall_requires =\n" + "".join(f"  litellm>={one}\n" for one in range(20_000)),
    },
    "blanks in setup.cfg": lambda: {
        **PROGRAM,
        "setup.cfg": f"[options]\npackage_dir\n= a{' ' * 900_000}b\n",
    },
    "specifiers": lambda: {**PROGRAM, "requirements.txt": "litellm" + ",".join(f">={one}" for one in range(100_000)) + "\n"},
    "continuation lines": lambda: {**PROGRAM, "requirements.txt": "\\\n" * 4_000_000},
    "services": lambda: {
        **PROGRAM,
        "Procfile": "".join(f"w{one}: gunicorn main:app -w {one % 9}\n" for one in range(2000)),
    },
    "anchors of YAML": lambda: {
        **PROGRAM,
        "compose.yaml": "a0: &a0 [x]\n"
        + "".join(f"a{one}: &a{one} [{f'*a{one - 1},' * 10}]\n" for one in range(1, 12))
        + "services: {w: {command: python main.py, environment: *a11}}\n",
    },
    "brackets of YAML": lambda: {"main.py": "import litellm\n", "compose.yaml": "a: " + "[" * 500_000},
    "brackets of TOML": lambda: {**PROGRAM, "pyproject.toml": "a = " + "[" * 500_000},
    "tables of TOML": lambda: {**PROGRAM, "pyproject.toml": "".join(f"[a{one}.b.c.d]\n" for one in range(60_000))},
    "a source of 30 MB": lambda: {**PROGRAM, "main.py": "import litellm\n" + "x = 1\n" * 5_000_000},
    "globs": lambda: {
        **PROGRAM,
        **{f"m{one}.py": "import litellm\n" for one in range(1000)},
        "memguard.toml": "exclude = [" + ", ".join(f"'*a*b{one}*c'" for one in range(1000)) + "]\n",
    },
    "brackets of JSON": lambda: {**PROGRAM, "app.json": "[" * 500_000, "Pipfile.lock": "[" * 500_000},
    "options that name models": lambda: _loading(
        "import argparse\nparser = argparse.ArgumentParser()\n"
        + "".join(f"parser.add_argument('--a{one}')\n" for one in range(3500))
        + "args = parser.parse_args()\n"
        + "".join(f"AutoModel.from_pretrained(args.b{one})\n" for one in range(3500))
    ),
    "functions that load models": lambda: _loading(
        "".join(f"def f{one}(name):\n    AutoModel.from_pretrained(name)\n" for one in range(2000))
        + "".join(f"f{one}('a')\n" for one in range(5000))
    ),
    "models under names": lambda: {
        **_loading(
            "".join(f"import m{one}\n" for one in range(10))
            + "".join(f"n{one} = AutoModel.from_pretrained('a')\n" for one in range(2000))
        ),
        **{f"m{one}.py": "# " + "a b c d " * 20_000 for one in range(10)},
    },
    "names of any of many modules": lambda: _loading(
        "from m import *\n" * 1500
        + "".join(f"from m{one} import *\n" for one in range(1500))
        + "".join(f"AutoModel.from_pretrained(n{one})\n" for one in range(3000))
    ),
    "names of modules in a circle": lambda: {
        **_loading("from m0 import *\n" + "".join(f"n{one}()\nAutoModel.from_pretrained(n{one})\n" for one in range(300))),
        **{f"m{one}.py": "".join(f"from m{other} import *\n" for other in range(6) if other != one) for one in range(6)},
    },
    "names of modules in layers": lambda: {
        **_loading("from m0 import *\nx()\nAutoModel.from_pretrained(x)\n"),
        **{
            f"{kind}{one}.py": "".join(f"from {other}{one + 1} import *\n" for other in "mno")
            for kind in "mno"
            for one in range(30)
        },
    },
    "choices of a variable": lambda: {
        **_python(
            "import os\nM = os.getenv('M')\n"
            + "".join(f"if M == 'a{one}':\n    import m{one % 50}\n" for one in range(4000))
        ),
        **{f"m{one}.py": "import torch\n" for one in range(50)},
    },
    "choices in a function": lambda: _python(
        "import os\ndef f():\n    m = os.getenv('M')\n"
        + "".join(f"    if m == 'a{one}':\n        import m{one}\n" for one in range(4000))
        + "f()"
    ),
    "choices in a class": lambda: _python(
        "import os\nclass A:\n    m = os.getenv('M')\n"
        + "".join(f"    if m == 'a{one}':\n        import m{one}\n" for one in range(4000))
    ),
    "calls in calls": lambda: _python("import importlib as i\ni.import_module(x)\n" + ("f(" * 190 + ")" * 190 + "\n") * 60),
    "a quoted annotation": lambda: _python(f"def f(x: \"f'{'{a}' * 100_000}'\"): return litellm.x"),
    "a pickle": lambda: {
        **_python("import pickle\nM = pickle.load(open('m.pkl', 'rb'))\nimport joblib\njoblib.load('n.pkl')"),
        "m.pkl": b"\x80\x04" + b"]" * 500_000 + b"a" * 499_999 + b".",
        "n.pkl": b"".join(b"cos\nsystem%d\n0" % one for one in range(100_000)) + b"\x8e" + b"\xff" * 8,
    },
    "lines of a heredoc": lambda: {
        **PROGRAM,
        "Dockerfile": "FROM python:3.12\nRUN <<EOF\n" + "echo a $X\n" * 20_000 + "EOF\nCMD gunicorn main:app\n",
    },
    "imports that many functions use": lambda: _python(
        "".join(f"import litellm as l{one}\n" for one in range(1500))
        + "".join(f"def f{one}():\n    return l{one % 1500}.x, l{(one + 7) % 1500}.y\n" for one in range(3000))
    ),
    "modules of the same names": lambda: {
        **PROGRAM,
        **dict.fromkeys(("yaml.py", "tomli.py", "argparse.py", "json.py", "hashlib.py"), "raise KeyError\n"),
    },
    "texts that are none": lambda: dict.fromkeys((*PROGRAM, "pyproject.toml", "compose.yaml"), b"\xff\xfe\0\n" * 999),
}
"""Kinds of attacks by name, and what makes the files of each."""

_BARE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that steer or are not seen."""


class Outcome(NamedTuple):
    """What one command did: its status, what it took, and what is wrong with that."""

    status: int
    seconds: float
    mib: int
    faults: tuple[str, ...]


def raw(output: str) -> set[str]:
    """Return the characters of an output that steer a terminal or are not seen."""
    return {char for char in output if unicodedata.category(char) in _BARE} - {"\n"}


def obeyed(output: str) -> list[str]:
    """Return the lines that a CI runner obeys: those of GitHub (actions/runner, ActionCommand.cs), Azure and TeamCity."""
    lines = re.split(r"[\n\r\x0b\x0c\x85\u2028\u2029]", output)
    return [one for one in lines if one.lstrip().startswith("::") or re.search(r"##\w*\[", one)]


_OURS = re.compile(r"::(?:error|warning|notice) [^:]*title=(?:MG\d+%3A|memguard%3A) [^:]*::")


def faults_of(status: int, output: str, errors: str, *, annotates: bool) -> Iterator[str]:
    """Yield what is wrong with what a command has said."""
    if status not in (0, 1, 2):
        yield f"ends with {status}"
    for name, text in (("stdout", output), ("stderr", errors)):
        if "Traceback (most recent" in text or "internal error" in text:
            yield f"has a traceback: {text.strip().splitlines()[-1][:200]}"
        if raw(text):
            yield f"prints {sorted(map(ascii, raw(text)))} to {name}"
        if any(not (annotates and _OURS.match(one)) for one in obeyed(text)):
            yield f"prints a command to {name}"


def run(python: str, command: Sequence[str], root: Path) -> Outcome:
    """Run a command in a folder, and measure it with all that it starts."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as record:
        words = [python, "-m", "memguard_hooks", *command]
        environment = {**os.environ, "MEMGUARD_CACHE_DIR": ""}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, record.name, *words],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        process.wait()
        status, used, kibibytes = record.read().decode().split()
        output.seek(0)
        errors.seek(0)
        texts = [stream.read().decode("utf-8", "backslashreplace") for stream in (output, errors)]
    code, seconds, mib = int(status), float(used), int(kibibytes) // 1024
    faults = list(faults_of(code, texts[0], texts[1], annotates="github" in command))
    if seconds > MAX_SECONDS:
        faults.append(f"takes {seconds:.1f} s")
    if mib > MAX_MIB:
        faults.append(f"takes {mib} MiB")
    return Outcome(code, seconds, mib, tuple(faults))


_LAUNCHER = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
with open(sys.argv[1], "w") as record:
    print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=record)
"""
"""Starts a program within limits and writes down what it took: Linux counts for a process what the one had that it was
forked from, and what measures may be large."""


# Files outside

_CALL = re.compile(r'\w+\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')

SYSTEM = ("/usr", "/lib", "/lib64", "/proc/self", "/dev/null", "/dev/tty", "/etc/localtime", "/etc/gitconfig",
          "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ssl/openssl.cnf", "~/.gitconfig", "~/.config/git")  # fmt: skip
"""What Python, OpenSSL and git look at themselves, besides where they are installed."""


def touched(line: str, root: Path) -> str | None:
    """Return the file that a call looks at, behind all links that it follows; None where it names none."""
    match = _CALL.match(line)
    if match is None or not match[2]:  # what is open already
        return None
    path = match[2].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
    path = os.path.join(match[1] or root, path)
    if line.startswith(("readlink", "lstat", "unlink", "rename")) or "NOFOLLOW" in line:
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return os.path.realpath(path)


def is_ours(path: str, root: Path, installed: Sequence[str]) -> bool:
    """Return whether a file is of the project, of Python, of this package, of git, or of the system."""
    ours = [root, Path(memguard_hooks.__file__).parent]
    ours += [Path(place).expanduser() for place in (*SYSTEM, *filter(os.path.isabs, installed))]
    ours += [place.resolve() for place in ours]
    if Path(path).name in ("git", ".git"):  # looked for on the way
        ours += [Path(path)] if path.rpartition("/")[0] in (*os.environ["PATH"].split(":"), *map(str, root.parents)) else []
    return any(Path(path).is_relative_to(place) or place.is_relative_to(path) for place in ours)


def outside(lines: Sequence[str], root: Path, installed: Sequence[str]) -> list[str]:
    """Return the files that do not belong to a project, of those that calls look at once this package is loaded."""
    begin = next(number for number, line in enumerate(lines) if "/memguard_hooks/__main__" in line)
    seen = {path for line in lines[begin:] if (path := touched(line, root)) is not None}
    return [path for path in sorted(seen) if not is_ours(path, root, installed)]


def traced(python: str, command: Sequence[str], root: Path) -> list[str]:
    """Run a command in a folder under strace, and return the files that do not belong to it."""
    program = "import sys; print(sys.prefix, sys.base_prefix, *sys.path, sep='\\n')"
    installed = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.split("\n")
    environment = {**os.environ, "MEMGUARD_CACHE_DIR": ""}
    with tempfile.NamedTemporaryFile(encoding="utf-8", errors="surrogateescape", mode="r") as log:
        words = ["strace", "-f", "-qq", "-s", "4096", "-y", "-e", "trace=%file", "-o", log.name]
        words += [python, "-m", "memguard_hooks", *command]
        subprocess.run(words, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return outside([line.split(None, 1)[1] for line in log.read().splitlines()], root, installed)


# Projects


def make(root: Path, files: Files) -> Path:
    """Write a project into a folder that is not there yet, as one commit, and return the folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*author, "commit", "-qm", "begin")):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)
    return root


def attack(python: str, name: str, root: Path, *, is_traced: bool = False) -> bool:
    """Run all commands in a project and print what each took; tell whether all is well."""
    files = [name for name in os.listdir(root) if os.path.isfile(root / name)]  # also where a link leads to what is not ours
    is_well = True
    worst = Outcome(0, 0.0, 0, ())
    for command in COMMANDS:
        words = [word for one in command for word in (files if one == "{files}" else [one])]
        found = run(python, words, root)
        faults = list(found.faults)
        if is_traced:
            faults += [f"looks at {path}" for path in traced(python, words, root)]
        for fault in faults:
            print(f"  {' '.join(command)}: {fault}")
            is_well = False
        worst = Outcome(max(worst.status, found.status), max(worst.seconds, found.seconds), max(worst.mib, found.mib), ())
    print(f"{'ok  ' if is_well else 'BAD '}{name:<44} {worst.seconds:5.2f} s {worst.mib:4} MiB", flush=True)
    return is_well


def main(argv: Sequence[str] | None = None) -> int:
    """Attack each folder, or each kind of project, with each interpreter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="an interpreter with the package")
    parser.add_argument("--trace", action="store_true", help="look for files outside by strace")
    parser.add_argument("folders", nargs="*", metavar="DIR", type=Path)
    options = parser.parse_args(argv)
    is_well = True
    # The commands run in the project, from which a relative path leads elsewhere.
    for python in map(os.path.abspath, options.python or [sys.executable]):
        print(subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip())
        for name in [str(folder) for folder in options.folders] or PROJECTS:
            with tempfile.TemporaryDirectory() as place:
                root = Path(place).resolve() / "project"
                if options.folders:
                    shutil.copytree(name, root, symlinks=True, ignore_dangling_symlinks=True)
                else:
                    make(root, PROJECTS[name]())
                is_well &= attack(python, Path(name).name, root, is_traced=options.trace)
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
