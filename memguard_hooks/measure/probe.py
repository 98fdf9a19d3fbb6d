"""Measure, from inside a CPython process, the memory that importing modules takes, or an app's own entry point.

Run it as a script with the interpreter of the environment to be measured (CPython 3.8 or newer); nothing of memguard
need be installed there::

    python probe.py EVENTS                          the bare interpreter
    python probe.py EVENTS pandas                   the same, and after `import pandas`
    python probe.py EVENTS --trace pandas           also what each module that is loaded takes
    python probe.py EVENTS --app app.main:app       import a module as a server does; `--call` calls what is named
    python probe.py EVENTS --script main.py         run a file as `python main.py` does
    python probe.py EVENTS --module pkg.mod         run a module as `python -m pkg.mod` does

Compiled (`py_compile`) and run as `python probe.pyc` it leaves 0.6 MiB less behind: what the compiler frees is
otherwise used again by the module, and missing from its cost.

It appends lines to the file EVENTS, fields separated by tabs, memory in bytes, times in nanoseconds:

    base     resident, anonymous, peak
    module   name, package, importer, line, depth, then own and cumulative: resident, anonymous, peak, time;
             bytecode (1 there, 0 missing, - none), kind (source, extension, other), size, path
    missing  importer, name: an import that found nothing
    edge     importer, name: an import of what may be loaded already (with `--edges`)
    end      resident, anonymous, pss, uss, peak, reads, time of the reads, error, and the line of the app that raised it
    host     method, python, platform, libc, kernel, cores

They are written at once, so that a process which never ends, or is killed, has told all until then. It also keeps
nothing of them: what a trace would hold in memory would be booked on the modules that are loaded meanwhile.

An importer is the module whose line asks, also through `importlib.import_module`; an extension has no lines, and 0 stands
for them. A script that calls `os._exit` tells its `end` first, and one that ends while its threads run waits for them as the
interpreter does. A forked process tells nothing: its memory is another one's. What goes wrong is written to stderr as
the interpreter would write it. What one thread loads while another loads too is booked on what the other loads.

Linux reads `/proc/self/smaps_rollup` and, for the peak, `/proc/self/status`. macOS tells a process only its peak
(`getrusage`), which stands for the resident set: it grows with it and never falls. Windows tells the working set, the
private bytes for anonymous, and the peak (`GetProcessMemoryInfo`). The method is told, so that nobody compares them.

Whatever this file imports before it measures would be missing from the cost of the module that imports it too. So it
uses only what a bare interpreter holds already, and reads its arguments without argparse.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import NoReturn

    Read = Callable[[], "tuple[int, int, int]"]

USAGE = (
    "usage: probe.py EVENTS [--trace] [--edges] [--call] [MODULE ...] "
    "[--app NAME[:ATTRIBUTE] | --script FILE | --module NAME] [-- ARGUMENTS]"
)
MOST_EDGES = 200_000
"""Edges that are told: a program that never ends may import within its loop."""

STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
SITE = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def field(text: bytes, name: bytes) -> int:
    """Return the value of a line such as `Rss:  1234 kB`, in bytes; 0 where there is none."""
    start = text.find(b"\n" + name + b":")
    if start < 0:
        return 0
    start += len(name) + 2
    return int(text[start : text.index(b"kB", start)]) * 1024


def linux_reader() -> Read:
    """Return what reads resident, anonymous and peak bytes; open descriptors save the cost of opening files."""
    if sys.platform == "win32":
        raise NotImplementedError
    rollup = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
    status = os.open("/proc/self/status", os.O_RDONLY)

    def read() -> tuple[int, int, int]:
        text = os.pread(rollup, 4096, 0)
        return field(text, b"Rss"), field(text, b"Anonymous"), field(os.pread(status, 4096, 0), b"VmHWM")

    return read


def mac_reader() -> Read:
    """Return what reads the peak, in place of the resident set too: the system tells a process no more."""
    if sys.platform == "win32":
        raise NotImplementedError
    import resource

    def read() -> tuple[int, int, int]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak, 0, peak

    return read


def windows_reader() -> Read:
    """Return what reads the working set, the private bytes and the peak working set."""
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = [("size", ctypes.c_ulong), ("faults", ctypes.c_ulong)] + [
            (name, ctypes.c_size_t)
            for name in ("peak", "resident", "paged_peak", "paged", "nonpaged_peak", "nonpaged", "pagefile", "pagefile_peak")
        ]

    counters = Counters()
    counters.size = ctypes.sizeof(counters)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # only on Windows
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())

    def read() -> tuple[int, int, int]:
        kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.size)
        return counters.resident, counters.pagefile, counters.peak

    return read


READERS: dict[str, tuple[str, Callable[[], Read]]] = {
    "linux": ("smaps_rollup", linux_reader),
    "darwin": ("getrusage", mac_reader),
    "win32": ("GetProcessMemoryInfo", windows_reader),
}


def shared_and_own() -> tuple[int, int]:
    """Return the proportional set (PSS) and the unique set (USS) of this process in bytes; 0 where nobody tells."""
    try:
        descriptor = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
    except OSError:
        return 0, 0
    text = os.read(descriptor, 4096)
    os.close(descriptor)
    return field(text, b"Pss"), field(text, b"Private_Clean") + field(text, b"Private_Dirty")


def package_of(name: str) -> str:
    """Return the package that a module's cost is booked on: its top level, or what lies below namespace packages.

    `pandas.core.api` is part of `pandas`, and `google.protobuf.message` of `google.protobuf`: a namespace is shared
    by distributions that have nothing to do with each other.
    """
    end = name.find(".")
    while end != -1:
        attributes = getattr(sys.modules.get(name[:end]), "__dict__", {})
        if attributes.get("__file__") is not None or "__path__" not in attributes:
            return name[:end]
        end = name.find(".", end + 1)
    return name


def kind_of(path: str | None, *, has_location: bool) -> str:
    """Return whether a module comes with the interpreter (`-`), or else what its file is."""
    if path is None or not has_location:
        return "-"
    if path.startswith(STANDARD_LIBRARY) and not any(folder in path for folder in SITE):
        return "-"
    if path.endswith((".py", ".pyw")):
        return "source"
    return "extension" if path.endswith((".so", ".pyd")) else "other"


class Events:
    """The file that the lines are appended to."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *values: object) -> None:
        """Append one line; a value is never allowed to end its field or its line."""
        line = "\t".join([str(value).replace("\t", " ").replace("\n", " ").replace("\r", " ") for value in values])
        os.write(self.descriptor, (line + "\n").encode("utf-8", "backslashreplace"))


class ProbeTrace:
    """What each module takes: memory and time before and after its execution, less what it imports.

    The time of the readings themselves is taken out of the times; their memory is given back before the next one.
    """

    def __init__(self, events: Events, read: Read) -> None:
        from _thread import allocate_lock, get_ident

        self.events = events
        self.read_memory = read
        self.inner: list[list[int]] = []
        self.names: list[str] = []
        self.reads = 0
        self.observing = 0
        self.bootstrap = sys.modules["_frozen_importlib"]
        self.load = vars(self.bootstrap)["_load_unlocked"]
        self.get_ident = get_ident
        self.loading = allocate_lock()
        self.loading_thread = 0

    def read(self) -> tuple[int, int, int, int]:
        """Return resident, anonymous, peak, and the time that the process spent on itself."""
        before = time.perf_counter_ns()
        memory = self.read_memory()
        after = time.perf_counter_ns()
        self.reads += 1
        self.observing += after - before
        return (*memory, after - self.observing)

    def start(self) -> None:
        """Wrap the function through which the import system executes every module, built-in ones included."""
        setattr(self.bootstrap, "_load_unlocked", self.load_measured)  # noqa: B010 - no public name
        sys.meta_path.append(self)  # the last finder: it sees what no other has found

    def stop(self) -> None:
        """Hand its function back to the import system."""
        setattr(self.bootstrap, "_load_unlocked", self.load)  # noqa: B010
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Note an import that found nothing; `importlib.util.find_spec` only asks and is not noted."""
        asking = sys._getframe(2)  # noqa: SLF001 - the only way to know who imports
        if asking.f_code.co_name in ("_find_and_load_unlocked", "_find_and_load"):
            importer, _ = importer_of(asking)
            self.events.write("missing", importer, asked_for(asking, name))

    def load_measured(self, spec: ModuleSpec) -> ModuleType:
        """Load a module as the import system would, and tell what it took."""
        thread = self.get_ident()
        if thread != self.loading_thread:
            if not self.loading.acquire(False):
                return self.load(spec)  # type: ignore[no-any-return]  # booked on what the other thread loads now
            self.loading_thread = thread
        importer, line = self.find_importer(sys._getframe(1))  # noqa: SLF001
        bytecode = self.bytecode_of(spec)
        depth = len(self.inner)
        inner = [0, 0, 0, 0]
        self.inner.append(inner)
        self.names.append(spec.name)
        before = self.read()
        try:
            module = self.load(spec)
        finally:
            after = self.read()
            self.inner.pop()
            self.names.pop()
            taken = [after[kind] - before[kind] for kind in range(4)]
            if self.inner:
                outer = self.inner[-1]
                for kind in range(4):
                    outer[kind] += taken[kind]
            own = [taken[kind] - inner[kind] for kind in range(4)]
            self.tell(spec, importer, line, depth, own, taken, bytecode)
            self.observing = time.perf_counter_ns() - after[3]  # the clock of the readings stands still meanwhile
            if not depth:
                self.loading_thread = 0
                self.loading.release()
        return module  # type: ignore[no-any-return]

    def find_importer(self, frame: FrameType | None) -> tuple[str, int]:
        """Return the module that asks for an import, and the line.

        `importlib.import_module` is no importer. An extension has no frame of its own: where there is none below that
        of the module that is being loaded, it is this module that asks.
        """
        while frame is not None and (
            frame.f_code.co_filename.startswith("<frozen importlib")
            or frame.f_code is import_traced_code()
            or (frame.f_code.co_name == "import_module" and frame.f_globals.get("__name__") == "importlib")
        ):
            frame = frame.f_back
        if frame is not None and frame.f_code is ProbeTrace.load_measured.__code__ and self.names:
            return self.names[-1], 0
        return importer_of(frame)

    def bytecode_of(self, spec: ModuleSpec) -> str:
        """Return whether bytecode stands beside a module's source; asked before loading writes it."""
        if not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
            return "-"
        return "1" if spec.cached is not None and os.path.isfile(spec.cached) else "0"

    def tell(
        self,
        spec: ModuleSpec,
        importer: str,
        line: int,
        depth: int,
        own: Sequence[int],
        taken: Sequence[int],
        bytecode: str,
    ) -> None:
        """Write the line of one module."""
        path = spec.origin
        kind = kind_of(path, has_location=spec.has_location)
        size = 0
        if kind == "source" and path is not None:
            try:  # noqa: SIM105 - contextlib would be measured too
                size = os.stat(path).st_size
            except OSError:  # within a zip archive
                pass
        place = path if kind != "-" else "-"
        name = spec.name
        self.events.write("module", name, package_of(name), importer, line, depth, *own, *taken, bytecode, kind, size, place)


def asked_for(frame: FrameType | None, name: str) -> str:
    """Return the whole name that an import asks for, whose package was not found: `google.auth` where `google` is not."""
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        whole = frame.f_locals.get("name")
        if isinstance(whole, str) and whole.startswith(name + "."):
            name = whole
        frame = frame.f_back
    return name


def importer_of(frame: FrameType | None) -> tuple[str, int]:
    """Return the module whose line asked for an import, and the line; the import system's own frames do not count."""
    while frame is not None and (
        frame.f_code.co_filename.startswith("<frozen importlib") or frame.f_code is import_traced_code()
    ):
        frame = frame.f_back
    if frame is None:
        return "-", 0
    return str(frame.f_globals.get("__name__", "-")), frame.f_lineno


_TRACED: list[object] = []


def import_traced_code() -> object:
    """Return the code of the wrapper around `__import__`, where there is one."""
    return _TRACED[0] if _TRACED else None


def tell_edges(events: Events, trace: ProbeTrace) -> None:
    """Wrap `__import__`, to tell also the imports of what is loaded already: who else needs it."""
    import builtins

    original = builtins.__import__
    left = MOST_EDGES
    own = sys._getframe().f_globals  # noqa: SLF001

    def import_traced(
        name: str,
        globals: object = None,  # noqa: A002 - the names that callers of `__import__` may use
        locals: object = None,  # noqa: A002
        fromlist: object = (),
        level: int = 0,
    ) -> ModuleType:
        nonlocal left
        module = original(name, globals, locals, fromlist, level)  # type: ignore[arg-type]
        if isinstance(globals, dict) and left:
            left -= 1
            importer = globals.get("__name__", "-")
            is_borrowed = globals is own or str(importer).startswith(("importlib._bootstrap", "_frozen_importlib"))
            if trace.names and is_borrowed:
                importer = trace.names[-1]  # an extension: it has no globals, and those of the nearest frame stand for them
            if level:
                package = globals.get("__package__") or str(importer)
                parts = str(package).split(".")
                name = ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])
            events.write("edge", importer, name)
            for item in fromlist if isinstance(fromlist, (tuple, list)) else ():
                if f"{name}.{item}" in sys.modules:
                    events.write("edge", importer, f"{name}.{item}")
        return module

    _TRACED.append(import_traced.__code__)
    builtins.__import__ = import_traced


def describe_host(method: str) -> tuple[object, ...]:
    """Return the interpreter and the system that the figures hold for."""
    import platform

    libc = " ".join(platform.libc_ver()).strip()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kernel = ".".join(platform.release().split(".")[:2])
    return method, platform.python_version(), f"{sys.platform}-{platform.machine()}", libc or "-", kernel or "-", cores


def import_named(name: str, *, call: bool) -> None:
    """Import `pkg.mod`, or `pkg.mod:attribute`; `call` calls the attribute, as a server calls a factory.

    `pkg.mod:factory("name")` calls it as well, with these arguments.
    """
    module, _, attribute = name.partition(":")
    __import__(module)
    if attribute:
        value: object = sys.modules[module]
        path, bracket, arguments = attribute.partition("(")
        for part in path.split("."):
            value = getattr(value, part)
        if bracket:
            eval(f"value({arguments}", {"value": value})  # noqa: S307 - the project's own start command
        elif call and callable(value):
            value()


def load_urls() -> None:
    """Import the URLconf of an app of Django with all its views, which the first request does."""
    if "django.core.handlers.base" not in sys.modules:
        return
    settings = sys.modules["django.conf"].settings
    if settings.configured and getattr(settings, "ROOT_URLCONF", None):
        __import__("django.urls")
        sys.modules["django.urls"].get_resolver().url_patterns  # noqa: B018 - it imports as it is asked for


def fresh_main() -> ModuleType:
    """Put a new module in the place of `__main__`: the app's names are not this file's."""
    main = type(sys)("__main__")
    sys.modules["__main__"] = main
    return main


def run_script(path: str, arguments: list[str]) -> None:
    """Run a file as `python FILE` does: its folder first on the path, its source compiled, named `__main__`."""
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    sys.argv = [path, *arguments]
    main = fresh_main()
    main.__file__ = path
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    with open(path, "rb") as file:
        source = file.read()
    code = compile(source, path, "exec", dont_inherit=True)  # not the `from __future__` of this file
    exec(code, main.__dict__)  # noqa: S102 - this is what was asked for


def run_module(name: str, arguments: list[str]) -> None:
    """Run a module as `python -m NAME` does, which loads `runpy` as well."""
    import runpy

    fresh_main()
    sys.argv = [name, *arguments]
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]  # noqa: SLF001 - what `python -m` itself calls


class ProbeOptions:
    """What the arguments ask for."""

    def __init__(self, arguments: list[str]) -> None:
        self.trace = self.edges = self.call = False
        self.target: tuple[str, str] | None = None
        self.names: list[str] = []
        if not arguments or arguments[0].startswith("-"):
            sys.exit(USAGE)
        self.events = arguments.pop(0)
        while arguments:
            argument = arguments.pop(0)
            if argument in ("--trace", "--edges", "--call"):
                setattr(self, argument[2:], True)
            elif argument in ("--app", "--script", "--module") and arguments and self.target is None:
                self.target = (argument, arguments.pop(0))
            elif argument == "--":
                break
            elif argument.startswith("-"):
                sys.exit(USAGE)
            else:
                self.names.append(argument)
        self.arguments = arguments

    def run(self) -> None:
        """Import and run what was asked for."""
        for name in self.names:
            import_named(name, call=self.call)
        if self.target is not None:
            kind, name = self.target
            if kind == "--app":
                import_named(name, call=self.call)
                load_urls()
            elif kind == "--script":
                run_script(name, self.arguments)
            else:
                run_module(name, self.arguments)
            if kind != "--app" and "threading" in sys.modules:
                sys.modules["threading"]._shutdown()  # noqa: SLF001 - what the interpreter calls when a program ends


def leave_own_frames_out(exception: BaseException | None) -> None:
    """Take this file's frames out of the traceback of an exception, and of those that led to it."""
    seen: list[BaseException] = []
    while exception is not None and exception not in seen:
        seen.append(exception)
        kept = []
        entry = exception.__traceback__
        while entry is not None:
            if entry.tb_frame.f_code.co_filename != main.__code__.co_filename:
                kept.append(entry)
            entry = entry.tb_next
        for number, entry in enumerate(kept):
            entry.tb_next = kept[number + 1] if number + 1 < len(kept) else None
        exception.__traceback__ = kept[0] if kept else None
        exception = exception.__cause__ or exception.__context__


def place_of(exception: BaseException) -> str:
    """Return `path:line` of the last line that is neither an installed package's nor Python's, through which it went."""
    place = ""
    entry = exception.__traceback__
    while entry is not None:
        path = entry.tb_frame.f_code.co_filename
        is_own = path != main.__code__.co_filename and not path.startswith((STANDARD_LIBRARY, "<"))
        if is_own and not any(folder in path for folder in SITE):
            place = f"{path}:{entry.tb_lineno}"
        entry = entry.tb_next
    return place


class Ending:
    """Tells the end of this process once, and nothing of those that are forked from it."""

    def __init__(self, events: Events, trace: ProbeTrace) -> None:
        self.events = events
        self.trace = trace
        self.is_told = False
        self.exit = os._exit
        os._exit = self.tell_and_exit
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Leave a forked process alone: the descriptors that memory is read through are those of its parent."""
        os._exit = self.exit
        self.trace.stop()
        self.events.descriptor = os.open(os.devnull, os.O_WRONLY)

    def tell(self, error: str, place: str = "") -> None:
        """Write the line of the process."""
        if not self.is_told:
            self.is_told = True
            memory = self.trace.read_memory()
            pss, uss = shared_and_own()
            self.trace.stop()
            self.events.write("end", *memory[:2], pss, uss, memory[2], self.trace.reads, self.trace.observing, error, place)

    def tell_and_exit(self, status: int) -> NoReturn:
        """End the process as `os._exit` does, when it has told what it took."""
        self.tell(f"os._exit: {status}" if status else "")
        self.exit(status)


def main(arguments: list[str]) -> NoReturn:
    """Measure, and exit with 0, or with 1 where the import failed."""
    options = ProbeOptions(arguments)
    if sys.platform not in READERS:
        sys.exit(f"probe.py: cannot read memory on {sys.platform}")
    method, make_reader = READERS[sys.platform]
    events = Events(options.events)
    trace = ProbeTrace(events, make_reader())
    ending = Ending(events, trace)
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # not in isolated mode
        sys.path[0] = os.getcwd()
    if options.edges:
        tell_edges(events, trace)
    if options.trace:
        trace.start()
    events.write("base", *trace.read_memory())
    error = ""
    try:
        options.run()
    except SystemExit as exit_:
        if exit_.code not in (None, 0):
            error = f"SystemExit: {exit_.code}"
        ending.tell(error, place_of(exit_) if error else "")
        if error and not isinstance(exit_.code, int):
            os.write(2, f"{exit_.code}\n".encode("utf-8", "backslashreplace"))
    except BaseException as exception:  # noqa: BLE001  # a module may raise anything
        error = f"{type(exception).__name__}: {exception}"
        ending.tell(error, place_of(exception))
        leave_own_frames_out(exception)
        sys.__excepthook__(type(exception), exception, exception.__traceback__)
    ending.tell(error)
    events.write("host", *describe_host(method))
    # Not sys.exit: the measured module may have started threads that never end.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # taken away, or closed, by the program
            continue
    ending.exit(1 if error else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
