"""Run the commands on projects as an attacker writes them, and tell what takes too long or does what it must not.

python tools/attack.py [--python PYTHON]... [--trace] [--check] [--only WORD]... [DIR]...
python tools/attack.py [--python PYTHON]... [--trace] [--only WORD]... --scripts FOLDER [--log FOLDER]

Without folders, on all kinds that are known here; of a folder, a copy is judged. `--scripts` names a folder that holds a
folder for each script: each command that a script calls is judged, and the project that it makes where it calls none.
`--python` names interpreters in which the package is installed, `--trace` looks by strace for files outside of the project
that are opened or looked at, and for sockets. The exit status is 1 where anything is wrong.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from attack_formats import FORMATS
from attack_projects import PROGRAM, PROJECTS, Files
from attack_scripts import Called, run_script
from attack_trees import TREES

import memguard_hooks

MAX_SECONDS = 2.0
MAX_MIB = 200

COMMANDS = (
    ("check",), ("check", "--format", "github"), ("check", "--format", "markdown"), ("check", "--format", "sarif"),
    ("hook", "{files}"), ("explain", "requirements"), ("init", "--yes"),
)  # fmt: skip

KINDS = (*PROJECTS, *FORMATS, *TREES)

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


def run(python: str, command: Sequence[str], root: Path, module: Sequence[str] = ("-m", "memguard_hooks")) -> Outcome:
    """Run a command in a folder, and measure it with all that it starts."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as record:
        words = [python, *module, *command]
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
    faults = faults_of(code, texts[0], texts[1], annotates="github" in command)
    return Outcome(code, seconds, mib, (*faults, *_too_much(seconds, mib)))


def _too_much(seconds: float, mib: int) -> Iterator[str]:
    """Yield what a command took beyond what it may."""
    if seconds > MAX_SECONDS:
        yield f"takes {seconds:.1f} s"
    if mib > MAX_MIB:
        yield f"takes {mib} MiB"


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


def is_ours(path: str, root: Path, folders: Sequence[str]) -> bool:
    """Return whether a file is of the project, of Python, of this package, of git, or of the system."""
    package = Path(memguard_hooks.__file__).parent
    ours = [root, package, *package.parent.glob("memguard_hooks.*-info")]
    ours += [Path(place).expanduser() for place in (*SYSTEM, *filter(os.path.isabs, folders))]
    ours += [place.resolve() for place in ours]
    if Path(path).name in ("git", ".git"):  # looked for on the way
        ours += [Path(path)] if path.rpartition("/")[0] in (*os.environ["PATH"].split(":"), *map(str, root.parents)) else []
    return any(Path(path).is_relative_to(place) or place.is_relative_to(path) for place in ours)


def outside(lines: Sequence[str], root: Path, folders: Sequence[str]) -> list[str]:
    """Return the files that do not belong to a project, of those that calls look at once this package is loaded."""
    begin = next((number for number, line in enumerate(lines) if "/memguard_hooks/__main__" in line), len(lines))
    seen = {path for line in lines[begin:] if (path := touched(line, root)) is not None}
    return [path for path in sorted(seen) if not is_ours(path, root, folders)]


def traced(python: str, command: Sequence[str], root: Path) -> list[str]:
    """Run a command in a folder under strace, and return the files that do not belong to it."""
    environment = {**os.environ, "MEMGUARD_CACHE_DIR": ""}
    with tempfile.NamedTemporaryFile(encoding="utf-8", errors="surrogateescape", mode="r") as log:
        words = ["strace", "-f", "-qq", "-s", "4096", "-y", "-e", "trace=%file", "-o", log.name]
        words += [python, "-m", "memguard_hooks", *command]
        subprocess.run(words, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return outside([line.split(None, 1)[1] for line in log.read().splitlines()], root, installed(python))


def installed(python: str) -> list[str]:
    """Return the folders from which an interpreter loads what is installed."""
    program = "import sys; print(sys.prefix, sys.base_prefix, *sys.path, sep='\\n')"
    return subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.split("\n")


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


def make_kind(root: Path, name: str) -> Path:
    """Write a project of a kind into a folder that is not there yet, and return the folder."""
    files = {**PROJECTS, **FORMATS}.get(name, lambda: PROGRAM)()
    make(root, files)
    if name in TREES:
        TREES[name](root)
    return root


def attack(
    python: str, name: str, root: Path, commands: Sequence[Sequence[str]] = COMMANDS, *, is_traced: bool = False
) -> bool:
    """Run some commands in a project and print what each took; tell whether all is well."""
    files = [name for name in os.listdir(root) if os.path.isfile(root / name)]  # also where a link leads to what is not ours
    is_well = True
    worst = Outcome(0, 0.0, 0, ())
    statuses: set[int] = set()
    for command in commands:
        words = [word for one in command for word in (files if one == "{files}" else [one])]
        found = run(python, words, root)
        faults = list(found.faults)
        if is_traced:
            faults += [f"looks at {path}" for path in traced(python, words, root)]
        for fault in faults:
            print(f"  {' '.join(command)}: {fault}")
            is_well = False
        statuses.add(found.status)
        worst = Outcome(max(worst.status, found.status), max(worst.seconds, found.seconds), max(worst.mib, found.mib), ())
    print(f"{'ok  ' if is_well else 'BAD '}{name:<44} {worst.seconds:5.2f} s {worst.mib:4} MiB {statuses}", flush=True)
    return is_well


# Scripts


def _faults_of_call(one: Called, python: str) -> Iterator[str]:
    """Yield what is wrong with a command that a script has called; a file that it was given by name is not outside."""
    for fault in faults_of(one.status, one.output, one.errors, annotates="github" in one.arguments):
        if "traceback" not in fault or "memguard_hooks" in one.errors:  # else Python itself did not come as far as that
            yield fault
    yield from _too_much(one.seconds or 0.0, one.mib)
    if one.log is None:
        return
    lines = [row.split(None, 1)[1] for row in Path(one.log).read_text("utf-8", "surrogateescape").splitlines()]
    root = Path(one.folder).resolve()
    typed = {os.path.realpath(root / word.rpartition("=")[2]) for word in one.arguments}
    yield from (f"looks at {path}" for path in outside(lines, root, installed(python)) if path not in typed)
    yield from (f"opens a socket: {row}" for row in lines if row.startswith("socket("))


def attack_by_script(python: str, folder: Path, place: Path, log: Path | None, *, is_traced: bool) -> bool:
    """Run the script of a folder, print what each command that it calls took at most; tell whether all is well."""
    called = run_script(folder, place, python, log, is_traced=is_traced)
    if not called:
        return attack(python, folder.name, place / "made", is_traced=is_traced)
    faults = [(one, fault) for one in called for fault in _faults_of_call(one, python)]
    for one, fault in faults:
        print(f"  {' '.join(one.arguments)[:80]!r}: {fault}")
    statuses = " ".join(map(str, sorted({one.status for one in called})))
    seconds, mib = max(one.seconds or 0.0 for one in called), max(one.mib for one in called)
    row = f"{'BAD ' if faults else 'ok  '}{folder.name:<44} {seconds:5.2f} s {mib:4} MiB"
    print(f"{row}, {len(called)} commands end with {statuses}", flush=True)
    return not faults


def main(argv: Sequence[str] | None = None) -> int:
    """Attack each folder, or each kind of project, with each interpreter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="an interpreter with the package")
    parser.add_argument("--trace", action="store_true", help="look for files outside by strace")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="kinds with this word in their names")
    parser.add_argument("--check", action="store_true", help="run `memguard check` alone")
    parser.add_argument("--scripts", type=Path, help="a folder with a folder for each script")
    parser.add_argument("--log", type=Path, help="where to keep what the scripts say themselves")
    parser.add_argument("folders", nargs="*", metavar="DIR", type=Path)
    options = parser.parse_args(argv)
    scripts = sorted(options.scripts.resolve().iterdir()) if options.scripts is not None else []
    is_well = True
    commands = COMMANDS[:1] if options.check else COMMANDS
    # The commands run in the project, from which a relative path leads elsewhere.
    for python in map(os.path.abspath, options.python or [sys.executable]):
        print(subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip())
        print(f"python -c pass takes {run(python, ('-c', 'pass'), Path.cwd(), module=()).seconds:.3f} s")
        for name in [str(folder) for folder in options.folders or scripts] or KINDS:
            if options.only and not any(word in name for word in options.only):
                continue
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # some files still change
                root = Path(place).resolve() / "project"
                if scripts:
                    log = options.log / Path(python).parent.parent.name if options.log is not None else None
                    is_well &= attack_by_script(python, Path(name), root.parent, log, is_traced=options.trace)
                    continue
                if options.folders:
                    shutil.copytree(name, root, symlinks=True, ignore_dangling_symlinks=True)
                else:
                    make_kind(root, name)
                is_well &= attack(python, Path(name).name, root, commands, is_traced=options.trace)
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
