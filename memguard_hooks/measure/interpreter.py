"""The interpreter of a project, and the environment in which its programs are run to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Record

FOLDERS = (".venv", "venv")
PROGRAMS = (os.path.join("bin", "python"), os.path.join("Scripts", "python.exe"))

DROPPED = (
    "GUNICORN_CMD_ARGS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONSAFEPATH",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "WEB_CONCURRENCY",
)
"""What this shell sets for itself, and what would change how much a program takes. The deployment may set it again."""

OURS = ("PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "VIRTUAL_ENV", "TMPDIR", "TMP", "TEMP")
"""What a deployment sets for its own machine, and what would not be true here."""


class PythonInterpreter(Record):
    """The program that runs a project, and what named it."""

    path: str
    source: str


def find_interpreter(given: str | None, folders: Sequence[str]) -> PythonInterpreter:
    """Return the interpreter that is given, of the active environment, of one in the folders, or else this one."""
    if given is not None:
        inside = program_of(given) if os.path.isdir(given) else shutil.which(given)
        if inside is None:
            raise MemguardError(f"there is no interpreter {given}")
        return PythonInterpreter(os.path.abspath(inside), "--python")
    active = os.environ.get("VIRTUAL_ENV")
    inside = program_of(active) if active else None
    if inside is not None:
        return PythonInterpreter(os.path.abspath(inside), "the active environment")
    for folder in folders:
        for name in FOLDERS:
            inside = program_of(os.path.join(folder, name))
            if inside is not None:
                return PythonInterpreter(os.path.abspath(inside), name)
    return PythonInterpreter(sys.executable, "the interpreter of memguard: no environment of the project was found")


def program_of(environment: str) -> str | None:
    """Return the interpreter of an environment by its folder, None where there is none."""
    paths = (os.path.join(environment, name) for name in PROGRAMS)
    return next((path for path in paths if os.path.isfile(path)), None)


def make_environment(
    interpreter: PythonInterpreter, service: Mapping[str, str], paths: Sequence[str] = (), home: str | None = None
) -> dict[str, str]:
    """Return the variables that a program sees: those of this shell, those of its service, and where modules are found.

    Its interpreter's folder is the first on PATH, so that `gunicorn` is the one that stands beside it. With a `home` of its
    own it writes nothing into the user's; what was downloaded before is found where it lies.
    """
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    kept.update({name: value for name, value in service.items() if name not in OURS})
    folder = os.path.dirname(interpreter.path)
    kept["PATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PATH", os.defpath)]))
    if os.path.isfile(os.path.join(os.path.dirname(folder), "pyvenv.cfg")):
        kept["VIRTUAL_ENV"] = os.path.dirname(folder)
    found = [*paths, service.get("PYTHONPATH", ""), os.environ.get("PYTHONPATH", "")]
    if any(found):
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    if home is not None:
        kept.setdefault("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
        kept.update({"HOME": home, "TMPDIR": home})
    return kept


def installed_below(interpreter: PythonInterpreter) -> str:
    """Return the folder that holds what an interpreter loads of packages: its environment's, or its own."""
    return os.path.join(os.path.dirname(os.path.dirname(interpreter.path)), "Lib" if os.name == "nt" else "lib")
