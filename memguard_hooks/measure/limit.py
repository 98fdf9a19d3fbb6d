"""Whether a program lives with a limit of memory: the kernel's answer where it may be asked, or what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memguard_hooks.host import cgroup
from memguard_hooks.host.process_tree import add_up
from memguard_hooks.measure.running import RunningApp
from memguard_hooks.record import Record


class Outcome(Record):
    """What a limit came to, in bytes: `kills` of the kernel, and the most memory that was seen.

    `reason` says why the limit was not enforced, and is empty where it was. `charged` is the most that the kernel
    counted, with the files that were read, which it drops when memory is short.
    """

    limit: int
    reason: str
    kills: int
    resident: int
    anonymous: int
    charged: int | None

    @property
    def is_enforced(self) -> bool:
        """Whether the kernel held the program to the limit."""
        return not self.reason

    @property
    def failed(self) -> bool:
        """Whether the program died, or would exceed the limit."""
        return self.kills > 0 if self.is_enforced else self.resident > self.limit


class Watch:
    """A limit under which a program is started, and the most memory of it that was seen."""

    def __init__(self, limit: int | None, group: cgroup.Group | str) -> None:
        self.limit = limit
        self.group = group if isinstance(group, cgroup.Group) else None
        self.reason = group if isinstance(group, str) else ""
        self.resident = self.anonymous = 0

    def look(self, running: RunningApp) -> bool:
        """Read the memory once; tell whether the kernel has killed a process."""
        if self.limit is not None and running.family is not None:
            processes = running.family.read()
            self.resident = max([self.resident, add_up(processes), *(one.memory.peak for one in processes)])
            self.anonymous = max(self.anonymous, sum(one.memory.anonymous for one in processes))
        return self.group is not None and self.group.kills() > 0

    def outcome(self) -> Outcome | None:
        """Return what the limit came to; None where there is none."""
        if self.limit is None:
            return None
        kills = self.group.kills() if self.group else 0
        return Outcome(
            self.limit, self.reason, kills, self.resident, self.anonymous, self.group.peak() if self.group else None
        )


@contextmanager
def watched(limit: int | None) -> Iterator[Watch]:
    """Yield what watches over a limit, enforced by the kernel where that is allowed."""
    if limit is None:
        yield Watch(None, "")
        return
    with cgroup.limited(limit) as group:
        yield Watch(limit, group)
