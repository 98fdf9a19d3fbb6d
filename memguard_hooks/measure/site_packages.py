"""The distributions that an environment holds, by the folders of metadata that installers write. Nothing of it is run.

The names of these folders are those of the specification "Recording installed projects"; `importlib.metadata` would open
each file to learn the same, and takes longer to load than all else here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from memguard_hooks.pattern import late_pattern

FOLDERS = (
    os.path.join("lib", "python3.*", "site-packages"),
    os.path.join("local", "lib", "python3.*", "dist-packages"),
    os.path.join("lib", "python3", "dist-packages"),
    os.path.join("Lib", "site-packages"),
)
"""Where installers put packages, from the folder of an environment: of Python itself, of Debian, of Windows."""

_PYTHON = late_pattern(r"python(3\.\d{1,2})")


def find_folders(interpreter: str) -> tuple[str, ...]:
    """Return where an interpreter has its packages, by the folders that stand beside it."""
    import glob

    version = _PYTHON.search(os.path.basename(os.path.realpath(interpreter)))
    found: list[str] = []
    for prefix in _prefixes(interpreter):
        for pattern in FOLDERS:
            for folder in sorted(glob.glob(os.path.join(glob.escape(prefix), pattern))):
                named = _PYTHON.search(folder[len(prefix) :])
                if version is None or named is None or named[1] == version[1]:
                    found.append(folder)
    return tuple(found)


def _prefixes(interpreter: str) -> list[str]:
    """Return the folder of an environment, and that of the Python it was made of where it sees the packages of that too."""
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(interpreter)))
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            lines = (line.partition("=") for line in file.read(2**16).splitlines())
    except OSError:
        return [prefix]
    settings = {name.strip().lower(): value.strip() for name, _, value in lines}
    if settings.get("include-system-site-packages", "").lower() != "true" or not settings.get("home"):
        return [prefix]
    return [prefix, os.path.dirname(settings["home"])]


def python_of(folders: Sequence[str]) -> str | None:
    """Return the Python that folders of packages belong to, such as `3.11`, by their names."""
    return next((match[1] for folder in folders if (match := re.search(r"python(3\.\d+)[/\\][^/\\]+$", folder))), None)


def read_installed(folders: Iterable[str]) -> dict[str, str]:
    """Return the version of each distribution by its normalized name; of two the one that is found first is imported."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:  # not there, or an archive
            continue
        for entry in names:
            stem, dot, kind = entry.rpartition(".")
            if not dot or kind not in ("dist-info", "egg-info") or stem.startswith("~"):
                continue
            both = _of_wheel(folder, entry, stem) if kind == "dist-info" else _of_egg(os.path.join(folder, entry))
            if both is not None:
                found.setdefault(*both)
    return found


def _of_wheel(folder: str, entry: str, stem: str) -> tuple[str, str] | None:
    """Read `name-version.dist-info`; without METADATA it is what is left of a distribution that was taken away."""
    name, dash, version = stem.rpartition("-")
    if not dash or not os.path.isfile(os.path.join(folder, entry, "METADATA")):
        return None
    return _normalized(name), version


def _of_egg(path: str) -> tuple[str, str] | None:
    """Read what setup.py has written: a folder with PKG-INFO, or a file that is it."""
    try:
        with open(
            os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path, encoding="utf-8", errors="replace"
        ) as file:
            head = file.read(2**16).partition("\n\n")[0]
    except OSError:
        return None
    fields = dict(re.findall(r"^(Name|Version): *(\S+)", head, re.MULTILINE))
    return (_normalized(fields["Name"]), fields["Version"]) if len(fields) == 2 else None


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
