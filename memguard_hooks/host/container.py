"""The memory of a container, as the control group counts it that a process lies in: its limit, its use, its kills.

The files are those of the kernel's documentation: admin-guide/cgroup-v1/memory.rst and admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os

from memguard_hooks.host.cgroup import MOUNT, Group
from memguard_hooks.host.process_tree import PROC, parse_sizes
from memguard_hooks.record import Record

UNLIMITED = 2**60
"""A limit from here on is none: version 1 writes the largest number of pages that fits into 63 bits."""

MAX_BYTES = 2**20
"""More than any of these files has."""


class ContainerUse(Record):
    """What is charged to a container, in bytes, None where nobody tells.

    `working` is the charge less the pages of files that were not used of late: the kernel drops those first, and
    platforms count it so. `shared` are files in memory (tmpfs, /dev/shm), which nothing drops.
    """

    charged: int
    working: int
    anonymous: int | None
    shared: int | None
    swapped: int | None
    peak: int | None


class ContainerLimit(Record):
    """The most memory in bytes, and the file or the place that says so."""

    size: int
    source: str


class Machine(Record):
    """The memory of the whole machine, in bytes."""

    total: int
    available: int


class Container(Record):
    """The group of a process with what it tells. `is_whole` marks the machine itself: no group around the process.

    `kills` counts processes that the kernel killed for want of memory, None where it does not count them.
    """

    group: Group | None
    limit: ContainerLimit | None
    use: ContainerUse | None
    kills: int | None
    machine: Machine | None
    is_whole: bool = False


def read(pid: int | str = "self", proc: str = PROC, mount: str = MOUNT) -> Container:
    """Read the container of a process; a file that is not there or may not be read leaves its part out."""
    machine = read_machine(proc)
    found = find_group(pid, proc, mount)
    if found is None:
        return Container(None, None, None, None, machine)
    group, top = found
    if is_root(group, top):
        used = machine and machine.total - machine.available
        use = None if used is None else ContainerUse(used, used, None, None, None, None)
        limit = machine and ContainerLimit(machine.total, "all of the machine: no group of its own is around this process")
        return Container(group, limit, use, _read_kills(group), machine, is_whole=True)
    return Container(group, _find_limit(group, top, machine), _read_use(group), _read_kills(group), machine)


def find_group(pid: int | str, proc: str = PROC, mount: str = MOUNT) -> tuple[Group, str] | None:
    """Return the group that a process's memory is charged to and the top of its hierarchy; None where nobody tells."""
    second: tuple[Group, str] | None = None
    for line in (_read(os.path.join(proc, str(pid), "cgroup")) or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            top = os.path.join(mount, "memory")
            return (Group(_folder_of(top, path), 1), top) if os.path.isdir(top) else None
        if number == "0" and not controllers and os.path.isfile(os.path.join(mount, "cgroup.controllers")):
            folder = _folder_of(mount, path)
            while folder != mount and not os.path.exists(os.path.join(folder, "memory.current")):
                folder = os.path.dirname(folder)  # without the controller, memory is charged to the group above
            second = Group(folder, 2), mount
    return second


def _folder_of(top: str, path: str) -> str:
    """Return the folder of a group. A container sees its own group as the top, whatever it is called outside."""
    parts = [part for part in path.split("/") if part]
    folder = os.path.join(top, *parts)
    return folder if ".." not in parts and os.path.isdir(folder) else top


def is_root(group: Group, top: str) -> bool:
    """Return whether a group is the machine's own: it has no `memory.current`, and in version 1 a `release_agent`."""
    if group.folder != top:
        return False
    if group.version == 1:
        return os.path.exists(os.path.join(top, "release_agent"))
    return not os.path.exists(os.path.join(top, "memory.current"))


def _find_limit(group: Group, top: str, machine: Machine | None) -> ContainerLimit | None:
    """Return the least limit of a group and those above it. One that the machine cannot reach is none."""
    name = "memory.limit_in_bytes" if group.version == 1 else "memory.max"
    found: list[ContainerLimit] = []
    folder = group.folder
    while True:
        size = _number(_read(os.path.join(folder, name)))
        if size is not None:
            found.append(ContainerLimit(size, name if folder == group.folder else f"{name} of a group above"))
        if folder == top or len(folder) <= len(top):
            break
        folder = os.path.dirname(folder)
    if group.version == 1:  # it also tells of groups above that a container does not see
        size = _stat(group).get("hierarchical_memory_limit")
        if size is not None:
            found.append(ContainerLimit(size, "memory.stat: a group above"))
    most = UNLIMITED if machine is None else min(UNLIMITED, machine.total + 1)
    return min((one for one in found if one.size < most), key=lambda one: one.size, default=None)


def _read_use(group: Group) -> ContainerUse | None:
    first = group.version == 1
    charged = _number(_read(os.path.join(group.folder, "memory.usage_in_bytes" if first else "memory.current")))
    if charged is None:
        return None
    stat = _stat(group)
    if first:
        stat = {name: stat.get(f"total_{name}", size) for name, size in stat.items()}  # with the groups below
        swapped = stat.get("swap")
    else:
        swapped = _number(_read(os.path.join(group.folder, "memory.swap.current")))
    working = max(charged - stat.get("inactive_file", 0), 0)
    return ContainerUse(charged, working, stat.get("rss" if first else "anon"), stat.get("shmem"), swapped, group.peak())


def _read_kills(group: Group) -> int | None:
    text = _read(os.path.join(group.folder, "memory.oom_control" if group.version == 1 else "memory.events"))
    return _table(text).get("oom_kill")


def read_machine(proc: str = PROC) -> Machine | None:
    """Return the memory of the machine, None where nobody tells."""
    sizes = parse_sizes(_read(os.path.join(proc, "meminfo")) or "")
    total = sizes.get("MemTotal")
    if not total:
        return None
    return Machine(total, min(sizes.get("MemAvailable", sizes.get("MemFree", 0)), total))


def find_members(group: Group) -> tuple[int, ...]:
    """Return the processes of a group and of the groups below it, rising."""
    found: set[int] = set()
    for folder, _, _ in os.walk(group.folder):
        text = _read(os.path.join(folder, "cgroup.procs")) or ""
        found.update(int(line) for line in text.split() if line.isascii() and line.isdecimal() and len(line) < 10)
    return tuple(sorted(found - {0}))  # 0 stands for a process that this container does not see


# Files


def _read(path: str) -> str | None:
    """Return a file, None for one that is not there or may not be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return None


def _number(text: str | None) -> int | None:
    """Return a size, None for `max` and for what is no number."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def _table(text: str | None) -> dict[str, int]:
    """Return lines of a name and a number."""
    pairs = (line.split() for line in (text or "").splitlines())
    return {pair[0]: size for pair in pairs if len(pair) == 2 and (size := _number(pair[1])) is not None}


def _stat(group: Group) -> dict[str, int]:
    return _table(_read(os.path.join(group.folder, "memory.stat")))
