"""The variables that a program was not given: those of `--env-file`, and what its traceback says that it misses."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator

from memguard_hooks.deployment.compose_values import read_env_file
from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project

_MISSING = late_pattern(
    r"(?m)^(?:KeyError: ['\"](?P<key>[A-Z][A-Z0-9_]*)['\"]$"
    r"|decouple\.UndefinedValueError: (?P<decouple>\w+) not found"
    r"|environs\.\S*: Environment variable \"(?P<environs>\w+)\" not set"
    r"|(?P<pydantic>\w+)\n  Field required \[type=missing"
    r"|django\.core\.exceptions\.ImproperlyConfigured: Set the (?P<django>\w+) environment variable)"
)
"""What os.environ, python-decouple 3, environs 14, pydantic-settings 2 and django-environ 0.12 end with."""

_FILE = late_pattern(r"(?m)^  File \"([^\"\n]+)\", line \d+")
_READ = late_pattern(rb"\benviron\[\s*[\"']([A-Z][A-Z0-9_]*)[\"']\s*\](?!\s*=[^=])")


def read_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the variables of some files of `NAME=value`, a later one wins. Raises MemguardError for what is none."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise MemguardError(f"cannot be read: {error.strerror}", path) from None
        read = read_env_file(data, {**os.environ, **found}, path)
        if data.strip() and not read:
            raise MemguardError("holds no NAME=value", path)
        found.update({name: one.value for name, one in read.items() if one.value is not None})
    return found


def missing(project: Project, output: str, known: Container[str]) -> tuple[str, ...]:
    """Return the variables without which a program has ended, as it says, and which else the files on the way there need."""
    named = [match[match.lastgroup or 0] for match in _MISSING.finditer(output)]
    if not named:
        return ()
    names = [name.upper() for name in named]
    for path in dict.fromkeys(_own_files(project, output)):
        data = project.read_file(path) or b""
        names += [name.decode() for name in _READ.findall(data)]
    return tuple(name for name in dict.fromkeys(names) if name not in known)


def _own_files(project: Project, output: str) -> Iterator[str]:
    """Yield the files of the project that a traceback names."""
    root = os.path.realpath(project.tree.root)
    for name in _FILE.findall(output):
        path = os.path.relpath(os.path.realpath(name), root)
        if not re.match(r"\.\.(?:/|$)", path):
            yield path.replace(os.sep, "/")
