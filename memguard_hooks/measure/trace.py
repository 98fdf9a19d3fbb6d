"""Read what the probe has told: the modules that one process loaded, and what each took.

The lines are those that `probe.py` documents. A file that ends in the middle of a line, because the process was killed
or still runs, is read up to there.
"""

from __future__ import annotations

from collections.abc import Iterable

from memguard_hooks.record import Record


class Memory(Record):
    """Memory in bytes and time in nanoseconds; `peak` is by how much the process's peak has grown."""

    resident: int = 0
    anonymous: int = 0
    peak: int = 0
    time: int = 0


class TracedModule(Record):
    """One module that was loaded: what it took itself (`own`), and with all that it imported first (`taken`).

    `importer` is the module whose `line` asked for it. `bytecode` tells whether bytecode stood beside its source, None
    where it has none. `kind` is `source`, `extension` or `other`, and `-` for what comes with the interpreter; `size`
    is the length of the source in bytes.
    """

    name: str
    package: str
    importer: str
    line: int
    depth: int
    own: Memory
    taken: Memory
    bytecode: bool | None
    kind: str
    size: int
    path: str

    @property
    def is_third_party(self) -> bool:
        """Whether the module's file lies outside the standard library."""
        return self.kind != "-"


class End(Record):
    """The process at its end, in bytes; `reads` of memory took `observing` nanoseconds in all.

    `place` is the line of the app, as `path:line`, at which the `error` came up; empty where none is known.
    """

    resident: int
    anonymous: int
    pss: int
    uss: int
    peak: int
    reads: int
    observing: int
    error: str
    place: str = ""


class TracedHost(Record):
    """The interpreter and the system that figures hold for, and how the memory was read."""

    method: str
    python: str
    platform: str
    libc: str
    kernel: str
    cores: int


class Trace(Record):
    """What the probe told of one process. `end` and `host` are None where it did not come to its end.

    `missing` are imports that found nothing, `edges` all imports, as (importer, name), where they were asked for.
    """

    base: Memory
    modules: tuple[TracedModule, ...]
    missing: tuple[tuple[str, str], ...]
    edges: tuple[tuple[str, str], ...]
    end: End | None
    host: TracedHost | None

    @property
    def resident(self) -> int:
        """What was added to the bare interpreter's resident set, in bytes."""
        return self.end.resident - self.base.resident if self.end else sum(one.own.resident for one in self.modules)

    @property
    def anonymous(self) -> int:
        """What was added to the bare interpreter's anonymous memory, in bytes."""
        return self.end.anonymous - self.base.anonymous if self.end else sum(one.own.anonymous for one in self.modules)

    def own(self) -> dict[str, Memory]:
        """Return what each package's own modules took, without what they import."""
        found: dict[str, Memory] = {}
        for module in self.modules:
            known = found.get(module.package, Memory())
            found[module.package] = Memory(*(a + b for a, b in zip(known, module.own, strict=True)))
        return found


def parse(lines: Iterable[str]) -> Trace:
    """Read the probe's lines; what is not whole is left out."""
    base = Memory()
    modules: list[TracedModule] = []
    missing: dict[tuple[str, str], None] = {}
    edges: dict[tuple[str, str], None] = {}
    end: End | None = None
    host: TracedHost | None = None
    for line in lines:
        if not line.endswith("\n"):
            break
        kind, *fields = line[:-1].split("\t")
        if kind == "module" and len(fields) == 17:
            modules.append(_module(fields))
        elif kind in ("edge", "missing") and len(fields) == 2:
            (edges if kind == "edge" else missing)[fields[0], fields[1]] = None
        elif kind == "base" and len(fields) == 3:
            base = Memory(*map(int, fields))
        elif kind == "end" and len(fields) == 9:
            resident, anonymous, pss, uss, peak, reads, observing = map(int, fields[:7])
            end = End(resident, anonymous, pss, uss, peak, reads, observing, *fields[7:])
        elif kind == "host" and len(fields) == 6:
            method, python, platform, libc, kernel, cores = fields
            host = TracedHost(method, python, platform, libc, kernel, int(cores))
    return Trace(base, tuple(modules), tuple(missing), tuple(edges), end, host)


def _module(fields: list[str]) -> TracedModule:
    name, package, importer, line, depth = fields[:5]
    own, taken = (Memory(*map(int, fields[start : start + 4])) for start in (5, 9))
    bytecode, kind, size, path = fields[13:]
    has_bytecode = {"1": True, "0": False}.get(bytecode)
    return TracedModule(name, package, importer, int(line), int(depth), own, taken, has_bytecode, kind, int(size), path)


def read(path: str) -> Trace:
    """Read the file of one process."""
    with open(path, encoding="utf-8", newline="\n") as file:
        return parse(file)
