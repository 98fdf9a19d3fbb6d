"""Run scripts that attack the commands, and measure each command that they call, by stand-ins that lie on `PATH`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ARGUMENTS = {
    "01-dotted-import": ("DIR", "40000"),
    "01b-long-module-name": ("DIR", "40000"),
    "02-fstring": ("DIR", "20000"),
    "09-big-blob-in-head": ("600", "requirements.txt"),
}
"""What a script is called with, by the name of its folder; all others with `DIR`, a folder that is not there yet."""

MAX_SECONDS = 900
"""Of one script, by the clock."""

_FOLDER, _PROGRAMS = "/tmp/memguard-hostile", ".venv/bin"  # noqa: S108 - what stands in the scripts
"""Where the scripts work and look for the commands."""

_TRACE = ("strace", "-f", "-qq", "-s", "4096", "-y", "-e", "trace=%file,socket")

_NAMES = ("memguard", "pin-litellm", "forbid-heavy-deps", "no-eager-heavy-imports", "memory-budget", "deploy-config",
          "python-runtime", "log-volume", "python")  # fmt: skip

_STAND_IN = """\
#!{own} -IS
import ctypes, json, os, signal, stat, sys, tempfile

RECORD, REAL, TRACE = {record!r}, {real!r}, {trace!r}
with open("/proc/self/status") as status:
    is_traced = not any(line.split() == ["TracerPid:", "0"] for line in status)
words = [REAL, *sys.argv[1:]]
log = None
if TRACE and not is_traced:
    log = tempfile.mkstemp(dir=os.path.dirname(RECORD))[1]
    words = [*TRACE, "-o", log, *words]
texts = []
for number in (1, 2):  # a pipe, a device or what is closed is given as it is
    try:
        found = os.fstat(number)
        if found.st_rdev == os.stat(os.devnull).st_rdev:
            descriptor = os.open(os.path.dirname(RECORD), os.O_TMPFILE | os.O_RDWR)
            os.dup2(descriptor, number)
            texts.append((descriptor, 0))
        elif stat.S_ISREG(found.st_mode):
            descriptor = os.open(f"/proc/self/fd/{{number}}", os.O_RDONLY)
            texts.append((descriptor, os.lseek(number, 0, os.SEEK_CUR)))
        else:
            texts.append(None)
    except OSError:
        texts.append(None)
child = os.fork()
if child == 0:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # ends with its stand-in, as a program that is killed itself
    try:
        os.execvp(words[0], words)
    finally:
        os._exit(127)
_, status, usage = os.wait4(child, 0)
code = os.waitstatus_to_exitcode(status)
said = ["" if one is None else os.pread(one[0], 2**26, one[1]).decode("utf-8", "backslashreplace") for one in texts]
took = usage.ru_utime + usage.ru_stime
row = [sys.argv[1:], os.getcwd(), code, None if is_traced or log else took, usage.ru_maxrss // 1024, *said, log]
with open(RECORD, "a", encoding="ascii") as stream:
    stream.write(json.dumps(row) + "\\n")
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""

_NO_TRACE = """\
#!/bin/sh
while [ $# -gt 0 ]; do case $1 in -[oes]) shift 2 ;; -*) shift ;; *) break ;; esac; done
exec "$@"
"""
"""Stands in for the strace of a script: a program can be traced by one only."""


class Called(NamedTuple):
    """One command that a script has called; without seconds where it was traced, with the log of that."""

    arguments: list[str]
    folder: str
    status: int
    seconds: float | None
    mib: int
    output: str
    errors: str
    log: str | None


def _programs(place: Path, python: str, record: Path, *, is_traced: bool) -> Path:
    folder = place / "bin"
    folder.mkdir()
    for name in _NAMES:
        real = python if name == "python" else os.path.join(os.path.dirname(python), name)
        trace = _TRACE if is_traced else ()
        text = _STAND_IN.format(own=sys.executable, record=str(record), real=real, trace=trace)
        (folder / name).write_text(text, encoding="utf-8")
    if is_traced:
        (folder / "strace").write_text(_NO_TRACE, encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


def run_script(folder: Path, place: Path, python: str, log: Path | None, *, is_traced: bool) -> list[Called]:
    """Run the script of a folder beside its neighbors' copies below an empty place, and return what it has called.

    What it has made lies in `place / "made"` then.
    """
    record = place / "record" / "called"
    record.parent.mkdir()
    record.touch()
    programs = _programs(place, python, record, is_traced=is_traced)
    scripts, work = place / "scripts", place / "work"
    work.mkdir()
    shutil.copytree(folder.parent, scripts)
    for path in scripts.rglob("*.*"):
        path.chmod(0o755)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(_FOLDER, str(work)).replace(_PROGRAMS, str(programs)), encoding="utf-8")
    script = next(path for path in (scripts / folder.name).iterdir() if path.suffix in (".sh", ".py"))
    words = [str(place / "made") if one == "DIR" else one for one in ARGUMENTS.get(folder.name, ("DIR",))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_", "MG"))}
    environment |= {"PATH": f"{programs}:{environment['PATH']}", "TMPDIR": str(work)}
    interpreter = sys.executable if script.suffix == ".py" else "bash"
    command = ["timeout", str(MAX_SECONDS), interpreter, str(script), *words]
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if log is not None:
        log.mkdir(parents=True, exist_ok=True)
        (log / f"{folder.name}.txt").write_bytes(done.stdout)
    return list(_called(record))


def _called(record: Path) -> Iterator[Called]:
    for line in record.read_text(encoding="ascii").splitlines():
        yield Called(*json.loads(line))
