"""The processes that a program has started, as Linux tells of them in `/proc`: their memory, work and sockets."""

from __future__ import annotations

import os
from collections.abc import Iterable

from memguard_hooks.record import Record

PROC = "/proc"
MARK = "MEMGUARD_MEASURE"
"""The variable by which a process is known as one of ours, also when it has left its parent and its session."""

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Stat(Record):
    """What the kernel tells of a process in one line; `time` is the seconds of CPU that it has used."""

    state: str
    parent: int
    session: int
    time: float
    start: int


class ProcessMemory(Record):
    """The memory of a process in bytes; `shared` and `own` are its proportional (PSS) and its unique set (USS).

    `shared_anonymous` is the anonymous part of PSS, None where the kernel does not tell (before 5.2).
    """

    resident: int
    anonymous: int
    shared: int
    own: int
    peak: int
    shared_anonymous: int | None = None


class Process(Record):
    """One process; `files` maps each place of a file that it has mapped to the bytes that are resident."""

    pid: int
    command: str
    memory: ProcessMemory
    files: dict[tuple[str, str, str], int]


class Socket(Record):
    """An address that a process listens on."""

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.address.startswith("127.") or self.address in ("::1", "::ffff:127.0.0.1")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parse_stat(text: str) -> Stat | None:
    """Read a `stat` file; the name of the program, in parentheses, may hold anything. None for a process that is gone."""
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return Stat(fields[0], int(fields[1]), int(fields[3]), (int(fields[11]) + int(fields[12])) / TICKS, int(fields[19]))


def read_stat(pid: int) -> Stat | None:
    """Return what the kernel tells of a process, None for one that is gone or has ended."""
    stat = parse_stat(_read(f"{PROC}/{pid}/stat"))
    return None if stat is None or stat.state in "ZX" else stat


def is_waiting(pid: int) -> bool:
    """Return whether all threads of a process sleep; one that wants a busy processor has not come to rest."""
    try:
        threads = os.listdir(f"{PROC}/{pid}/task")
    except OSError:
        return True
    stats = (parse_stat(_read(f"{PROC}/{pid}/task/{thread}/stat")) for thread in threads)
    return all(stat is None or stat.state not in "RD" for stat in stats)


class Family:
    """A process with all that come from it, by their parents, their session, or the mark in their environment."""

    def __init__(self, root: int, mark: str) -> None:
        self.root = root
        self._mark = f"{MARK}={mark}\0"
        self._decided: dict[tuple[int, int], bool] = {}

    def pids(self) -> tuple[int, ...]:
        """Return the members that run, in the order of their ids, the first one first."""
        stats = {pid: stat for pid in map(int, filter(str.isdecimal, os.listdir(PROC))) if (stat := read_stat(pid))}
        for pid, stat in stats.items():
            key = (pid, stat.start)
            if not self._decided.get(key) and self.root in (pid, stat.session):
                self._decided[key] = True
            elif key not in self._decided:
                self._decided[key] = self._mark in _read(f"{PROC}/{pid}/environ")
        found = {pid for pid, stat in stats.items() if self._decided[pid, stat.start]}
        grown = True
        while grown:
            children = {pid for pid, stat in stats.items() if stat.parent in found} - found
            self._decided.update({(pid, stats[pid].start): True for pid in children})
            found |= children
            grown = bool(children)
        return tuple(sorted(found, key=lambda pid: (pid != self.root, pid)))

    def read(self) -> tuple[Process, ...]:
        """Return the members with their memory."""
        return tuple(process for pid in self.pids() if (process := read_process(pid)) is not None)


def read_memory(pid: int) -> ProcessMemory | None:
    """Read the memory of a process, None for one that is gone."""
    sizes = parse_sizes(_read(f"{PROC}/{pid}/smaps_rollup"))
    if "Rss" not in sizes:
        return None
    peak = parse_sizes(_read(f"{PROC}/{pid}/status")).get("VmHWM", 0)
    return ProcessMemory(
        resident=sizes["Rss"],
        anonymous=sizes["Anonymous"],
        shared=sizes["Pss"],
        own=sizes["Private_Clean"] + sizes["Private_Dirty"],
        peak=peak,
        shared_anonymous=sizes.get("Pss_Anon"),
    )


def parse_sizes(text: str) -> dict[str, int]:
    """Return the lines `Name: 1234 kB` of a file in bytes."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        words = value.split()
        if colon and len(words) == 2 and words[1] == "kB" and words[0].isdecimal():
            found[name] = int(words[0]) * 1024
    return found


def read_process(pid: int) -> Process | None:
    """Read a process, None for one that is gone."""
    memory = read_memory(pid)
    if memory is None:
        return None
    command = _read(f"{PROC}/{pid}/cmdline").replace("\0", " ").strip()
    return Process(pid, command, memory, parse_files(_read(f"{PROC}/{pid}/smaps")))


def parse_files(text: str) -> dict[tuple[str, str, str], int]:
    """Return the resident bytes of each mapping of a file in a `smaps` file, by device, inode and offset.

    What a process has changed of a mapping is anonymous, its own, and not counted here.
    """
    found: dict[tuple[str, str, str], int] = {}
    key: tuple[str, str, str] | None = None
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and "-" in words[0] and not words[0].endswith(":"):
            key = (words[3], words[4], words[2]) if words[4] != "0" else None
        elif key is not None and words[0] == "Rss:":
            found[key] = found.get(key, 0) + int(words[1]) * 1024
        elif key is not None and words[0] == "Anonymous:":
            found[key] = found.get(key, 0) - int(words[1]) * 1024
    return found


def add_up(processes: Iterable[Process]) -> int:
    """Return the bytes that processes take together on a host that runs nothing else: each shared page once.

    The sum of PSS says less where other programs of this machine map the same libraries: it gives them their share.
    Anonymous pages are shared by forks alone, all of them within the family, so that their PSS is exact; of the pages
    of a file those count that one process maps, of the process that maps most of them.
    """
    processes = tuple(processes)
    if any(process.memory.shared_anonymous is None for process in processes):
        return sum(process.memory.shared for process in processes)
    files: dict[tuple[str, str, str], int] = {}
    for process in processes:
        for key, size in process.files.items():
            files[key] = max(files.get(key, 0), size)
    return sum(process.memory.shared_anonymous or 0 for process in processes) + sum(files.values())


def listening(pids: Iterable[int]) -> tuple[Socket, ...]:
    """Return the TCP addresses that processes listen on."""
    inodes: dict[str, Socket] = {}
    held: set[str] = set()
    for pid in pids:
        for name in ("tcp", "tcp6") if not inodes else ():  # all share a network
            inodes.update(parse_sockets(_read(f"{PROC}/{pid}/net/{name}")))
        try:
            descriptors = os.listdir(f"{PROC}/{pid}/fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                target = os.readlink(f"{PROC}/{pid}/fd/{descriptor}")
            except OSError:
                continue
            if target.startswith("socket:["):
                held.add(target[8:-1])
    return tuple(sorted({socket for inode, socket in inodes.items() if inode in held}))


def parse_sockets(text: str) -> dict[str, Socket]:
    """Return the listening sockets of a `net/tcp` or `net/tcp6` file by their inodes."""
    import ipaddress
    import sys

    found: dict[str, Socket] = {}
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != "0A":
            continue
        address, _, port = words[1].partition(":")
        # Each group of four bytes is a number in the order of the machine.
        groups = [int(address[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(address), 8)]
        found[words[9]] = Socket(str(ipaddress.ip_address(b"".join(groups))), int(port, 16))
    return found
