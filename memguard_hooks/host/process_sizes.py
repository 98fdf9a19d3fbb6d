"""What each process of a container takes, as far as its user may see, and the variables that it was started with."""

from __future__ import annotations

import os
from collections.abc import Iterable

from memguard_hooks.host.process_tree import PROC, Stat, parse_sizes, parse_stat
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped, reached

SHOWN_NAME = 40


class ProcessSize(Record):
    """One process: resident memory in bytes, and its proportional share (PSS), None where this user may not see it."""

    pid: int
    name: str
    resident: int
    shared: int | None


def find_tree(root: int, proc: str = PROC) -> tuple[int, ...]:
    """Return a process and all that it has started and that still has it among its parents, itself first."""
    stats = {pid: stat for pid in _pids(proc) if (stat := read_stat(pid, proc)) is not None}
    children = grouped((stat.parent, pid) for pid, stat in stats.items())
    found = reached(stats.keys() & {root}, lambda pid: children.get(pid, ()))
    return tuple(sorted(found, key=lambda pid: (pid != root, pid)))


def _pids(proc: str) -> list[int]:
    try:
        names = os.listdir(proc)
    except OSError:
        return []
    return [int(name) for name in names if name.isascii() and name.isdecimal()]


def read_stat(pid: int, proc: str = PROC) -> Stat | None:
    """Return what the kernel tells of a process, None for one that is gone or has ended."""
    stat = parse_stat(_text(os.path.join(proc, str(pid), "stat")))
    return None if stat is None or stat.state in "ZX" else stat


def read_sizes(pids: Iterable[int], proc: str = PROC) -> tuple[ProcessSize, ...]:
    """Return what processes take, the largest first; those that are gone or belong to the kernel are left out."""
    sizes = [size for pid in pids if (size := read_size(pid, proc)) is not None]
    return tuple(sorted(sizes, key=lambda one: (-(one.shared or one.resident), one.pid)))


def read_size(pid: int, proc: str = PROC) -> ProcessSize | None:
    """Return what a process takes, None for one that is gone or has no memory of its own."""
    folder = os.path.join(proc, str(pid))
    rolled = parse_sizes(_text(os.path.join(folder, "smaps_rollup")))
    resident = rolled.get("Rss")
    if resident is None:
        resident = parse_sizes(_text(os.path.join(folder, "status"))).get("VmRSS")
    if resident is None:
        return None
    command = _bytes(os.path.join(folder, "cmdline"))
    return ProcessSize(
        pid, name_of(command or b"") or _text(os.path.join(folder, "comm")).strip(), resident, rolled.get("Pss")
    )


def name_of(command: bytes) -> str:
    """Name a process by its program and what Python runs, `python -m app`; arguments may hold secrets and are left out.

    A title that a program gave itself, `gunicorn: worker [app]`, is one word with blanks.
    """
    words = command.decode("utf-8", "replace").rstrip("\0").split("\0")
    if len(words) == 1 and " " in words[0].strip():
        title: list[str] = []
        for word in words[0].split():
            if word.startswith(("-", "(")) or "://" in word or "=" in word:
                break
            title.append(word.rpartition("/")[2] if not title else word)
        return " ".join(title)[:SHOWN_NAME]
    program, *rest = (words[0].rpartition("/")[2], *words[1:])
    if not program.startswith("python"):
        return program[:SHOWN_NAME]
    if rest[:1] == ["-m"]:
        return " ".join((program, *rest[:2]))[:SHOWN_NAME]
    first = rest[0] if rest and not rest[0].startswith("-") else ""
    is_named = first and "://" not in first and "=" not in first
    return (f"{program} {first.rpartition('/')[2]}" if is_named else program)[:SHOWN_NAME]


def read_variables(pid: int, proc: str = PROC) -> dict[str, str] | None:
    """Return the variables that a process was started with, None where this user may not see them."""
    data = _bytes(os.path.join(proc, str(pid), "environ"))
    if data is None:
        return None
    pairs = (line.partition("=") for line in data.decode("utf-8", "replace").split("\0"))
    return {name: value for name, equals, value in pairs if equals}


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(2**20)
    except OSError:
        return None


def _text(path: str) -> str:
    return (_bytes(path) or b"").decode("utf-8", "replace")
