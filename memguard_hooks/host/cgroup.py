"""A memory limit that the kernel enforces: a control group of its own for what is run.

Both versions of Linux are known by their documented files (`Documentation/admin-guide/cgroup-v1/memory.rst` and
`cgroup-v2.rst`). Nothing is switched on for others: version 2 is used only where a group above already gives its
children the memory controller.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from memguard_hooks.record import Record

MOUNT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"
REMOVAL_SECONDS = 10

ENTER = 'echo $$ > "$0" && exec "$@"'
"""What a shell does to join a group before it becomes another program: nothing of that is loaded outside."""


class Group(Record):
    """A control group of memory; `version` tells which files it has."""

    folder: str
    version: int

    def enter(self, command: list[str]) -> list[str]:
        """Return the command that runs another one within the group from its first page on."""
        return ["/bin/sh", "-c", ENTER, os.path.join(self.folder, "cgroup.procs"), *command]

    def kills(self) -> int:
        """Return how many processes the kernel has killed here because the limit was reached."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _read_field(os.path.join(self.folder, name), "oom_kill")

    def peak(self) -> int | None:
        """Return the most memory that the group was charged with, files that it read included; None where nobody tells."""
        name = "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"  # the latter since Linux 5.19
        text = _read(os.path.join(self.folder, name)).strip()
        return int(text) if text.isdecimal() else None

    def processes(self) -> tuple[int, ...]:
        """Return the processes in the group."""
        return tuple(int(line) for line in _read(os.path.join(self.folder, "cgroup.procs")).split())


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _read_field(path: str, name: str) -> int:
    """Return the number behind a name in a file of `name number` lines; 0 where there is none."""
    for line in _read(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdecimal():
            return int(words[1])
    return 0


def find_parents(membership: str | None = None, mount: str | None = None) -> list[Group]:
    """Return the groups in which one of our own may be made, the nearest first."""
    membership, mount = membership or MEMBERSHIP, mount or MOUNT
    found: list[Group] = []
    for line in _read(membership).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = path.lstrip("/")
        if "memory" in controllers.split(","):
            top = os.path.join(mount, "memory")
            inner = os.path.join(top, path)
            found.append(Group(inner if os.path.isdir(inner) else top, 1))  # a container sees its own group as the top
        elif number == "0" and not controllers:
            while True:
                folder = os.path.join(mount, path) if path else mount
                if "memory" in _read(os.path.join(folder, "cgroup.subtree_control")).split():
                    found.append(Group(folder, 2))
                if not path:
                    break
                path = os.path.dirname(path)
    return [group for group in found if os.path.isdir(group.folder)]


@contextmanager
def limited(limit: int) -> Iterator[Group | str]:
    """Make a group with a limit in bytes, and remove it with all that still runs in it; or give why there is none."""
    reason = "this system has no control groups of memory"
    group: Group | None = None
    for parent in find_parents():
        made = Group(os.path.join(parent.folder, f"memguard-{os.getpid()}-{time.monotonic_ns():x}"), parent.version)
        try:
            os.mkdir(made.folder)
        except OSError as error:
            reason = f"no control group may be made here: {error.strerror}"
            continue
        try:
            _set_limit(made, limit)
            _try_to_enter(made)
        except OSError as error:
            reason = f"no control group may be used here: {error.strerror or error}"
            os.rmdir(made.folder)
            continue
        group = made
        break
    if group is None:
        yield reason
        return
    try:
        yield group
    finally:
        _remove(group)


def _set_limit(group: Group, limit: int) -> None:
    """Write the limit; nothing may move to the swap, which hosts of small apps do not have."""
    files = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes") if group.version == 1 else ("memory.max",)
    swap = {} if group.version == 1 else {"memory.swap.max": 0}
    for name, value in {**dict.fromkeys(files, limit), **swap}.items():
        path = os.path.join(group.folder, name)
        if name == files[0] or os.path.exists(path):
            descriptor = os.open(path, os.O_WRONLY)
            try:
                os.write(descriptor, str(value).encode())
            finally:
                os.close(descriptor)


def _try_to_enter(group: Group) -> None:
    """Raise OSError where a process of ours may not join."""
    import subprocess

    tried = subprocess.run(group.enter(["true"]), check=False, capture_output=True)
    if tried.returncode:
        raise OSError(tried.stderr.decode("utf-8", "replace").strip() or "it cannot be joined")


def _remove(group: Group) -> None:
    """Kill what is left in a group, and remove it."""
    if sys.platform == "win32":
        raise NotImplementedError
    deadline = time.monotonic() + REMOVAL_SECONDS
    while True:
        for process in group.processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.rmdir(group.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
