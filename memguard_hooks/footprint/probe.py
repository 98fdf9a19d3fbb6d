"""Measure, from inside a CPython process, the memory that importing one module takes.

Run it as a script with the interpreter of the environment to be measured; memguard need not be installed there::

    python probe.py               the bare interpreter
    python probe.py pandas        the same, and after ``import pandas``
    python probe.py pandas --trace    also the own cost of each package that the import loads

Compiled (``py_compile``) and run as ``python probe.pyc`` it leaves 0.6 MiB less behind: what the compiler frees
is otherwise used again by the module, and missing from its cost.

It prints one JSON object as the last line of standard output. All memory is in bytes: ``resident`` is the
resident set, ``anonymous`` the part of it that no file backs, both from ``/proc/self/smaps_rollup`` (Linux).

Whatever this file imports before it measures would be missing from the cost of the module that imports it
too. So it uses only what a bare interpreter holds already, and reads its two arguments without argparse.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import NoReturn

SMAPS = "/proc/self/smaps_rollup"
STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
SITE = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def read_memory(descriptor: int) -> tuple[int, int]:
    """Resident and anonymous bytes of this process; the open descriptor saves the cost of opening a file."""
    text = os.pread(descriptor, 4096, 0)
    resident = text.index(b"\nRss:") + 5
    anonymous = text.index(b"\nAnonymous:") + 11
    return (
        int(text[resident : text.index(b"kB", resident)]) * 1024,
        int(text[anonymous : text.index(b"kB", anonymous)]) * 1024,
    )


def package_of(name: str) -> str:
    """The package that a module's cost is booked on: its top level, or what lies below namespace packages.

    ``pandas.core.api`` is part of ``pandas``, and ``google.protobuf.message`` of ``google.protobuf``: a
    namespace is shared by distributions that have nothing to do with each other.
    """
    end = name.find(".")
    while end != -1:
        attributes = getattr(sys.modules.get(name[:end]), "__dict__", {})
        if attributes.get("__file__") is not None or "__path__" not in attributes:
            return name[:end]
        end = name.find(".", end + 1)
    return name


def is_third_party(path: str) -> bool:
    """Whether a module's file lies outside the standard library."""
    return not path.startswith(STANDARD_LIBRARY) or any(folder in path for folder in SITE)


class Trace:
    """The own cost of each package: memory before and after each module's execution, less what it imports."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.own: dict[str, list[int]] = {}
        self.source: dict[str, int] = {}
        self.compiled: set[str] = set()
        self.modules = 0
        self.without_bytecode = 0
        self.inner: list[list[int]] = []
        self.bootstrap = sys.modules["_frozen_importlib"]
        self.load = vars(self.bootstrap)["_load_unlocked"]

    def start(self) -> None:
        """Wrap the function through which the import system executes every module, built-in ones included."""
        from _thread import get_ident

        load = self.load
        main_thread = get_ident()

        def load_measured(spec: ModuleSpec) -> ModuleType:
            if get_ident() != main_thread:
                return load(spec)  # type: ignore[no-any-return]  # booked on what the main thread loads now
            bytecode_missing = self.lacks_bytecode(spec)
            inner = [0, 0]
            self.inner.append(inner)
            before = read_memory(self.descriptor)
            try:
                module = load(spec)
            finally:
                after = read_memory(self.descriptor)
                self.inner.pop()
                resident, anonymous = after[0] - before[0], after[1] - before[1]
                if self.inner:
                    self.inner[-1][0] += resident
                    self.inner[-1][1] += anonymous
                self.book(spec, resident - inner[0], anonymous - inner[1])
                self.without_bytecode += bytecode_missing
            return module  # type: ignore[no-any-return]

        setattr(self.bootstrap, "_load_unlocked", load_measured)  # noqa: B010 - no public name

    def stop(self) -> None:
        """Give the import system its function back."""
        setattr(self.bootstrap, "_load_unlocked", self.load)  # noqa: B010

    def lacks_bytecode(self, spec: ModuleSpec) -> bool:
        """Whether the module has a source file and no bytecode beside it; asked before loading writes it."""
        if not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
            return False
        return spec.cached is None or not os.path.isfile(spec.cached)

    def book(self, spec: ModuleSpec, resident: int, anonymous: int) -> None:
        """Add one module to its package."""
        package = package_of(spec.name)
        own = self.own.setdefault(package, [0, 0])
        own[0] += resident
        own[1] += anonymous
        self.modules += 1
        path = spec.origin
        if path is None or not spec.has_location or not is_third_party(path):
            return
        size = 0
        if path.endswith(".py"):
            try:  # noqa: SIM105 - contextlib would be measured too
                size = os.stat(path).st_size
            except OSError:  # within a zip archive
                pass
        else:
            self.compiled.add(package)
        self.source[package] = self.source.get(package, 0) + size


def describe_host() -> dict[str, object]:
    """The interpreter and the system that the figures hold for."""
    import platform

    libc = " ".join(platform.libc_ver())
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "libc": libc.strip(),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "cores": len(os.sched_getaffinity(0)),
    }


def measure(module: str | None, *, trace: bool) -> dict[str, object]:
    """Import the module and say what it took; an import that fails is told under ``error``."""
    descriptor = os.open(SMAPS, os.O_RDONLY)
    tracer = Trace(descriptor) if trace else None
    if tracer is not None:
        tracer.start()
    base = after = read_memory(descriptor)
    error = None
    if module is not None:
        try:
            __import__(module)
        except BaseException as exception:  # noqa: BLE001  # a module may raise anything, SystemExit included
            error = f"{type(exception).__name__}: {exception}"
        after = read_memory(descriptor)
    result: dict[str, object] = {
        "module": module,
        "base_resident": base[0],
        "base_anonymous": base[1],
        "resident": after[0] - base[0],
        "anonymous": after[1] - base[1],
    }
    if error is not None:
        result["error"] = error
    if tracer is not None:
        tracer.stop()
        result["modules"] = tracer.modules
        result["bytecode"] = tracer.without_bytecode == 0
        result["own"] = tracer.own
        result["source"] = tracer.source
        result["compiled"] = sorted(tracer.compiled)
    result["host"] = describe_host()
    os.close(descriptor)
    return result


def main(arguments: list[str]) -> NoReturn:
    """Print the measurement; exit 0, or 1 where the import failed."""
    trace = "--trace" in arguments
    names = [argument for argument in arguments if argument != "--trace"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        sys.exit("usage: probe.py [MODULE] [--trace]")
    result = measure(names[0] if names else None, trace=trace)
    import json

    sys.stdout.write("\n" + json.dumps(result, sort_keys=True) + "\n")
    sys.stdout.flush()
    # Not sys.exit: the measured module may have started threads that never end.
    os._exit(1 if "error" in result else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
