"""What a start command comes to, what surrounds it, and where the paths lead that it names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from memguard_hooks.deployment.service import Read
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Literal, Record, TypeAlias
from memguard_hooks.tree import join

Start: TypeAlias = "Literal['single', 'fork', 'preload', 'spawn']"
"""One process; workers that load the app themselves after a fork, or share what was loaded before it; new processes."""


PROGRAMS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""The folders that the images of Debian and Alpine look programs up in."""

MAX_FOLDERS = 20
"""Folders of `PATH` that are looked into, and folders above one."""

SET_UP = "django.core.wsgi"
"""What was measured and loads what `django.setup` does, which `manage.py` calls: `django` alone holds next to nothing."""


class EntryPoint(Record):
    """What a command loads: a module with an attribute, a script, or a module run by `-m`.

    `text` is what the command names; `folder` is the folder that its modules are looked up in first, from the root;
    `roots` are further ones inside the repository, in their order: of `PYTHONPATH`, `--pythonpath` and `--app-dir`.
    """

    text: str
    folder: str = ""
    module: str | None = None
    attribute: str | None = None
    script: str | None = None
    roots: tuple[str, ...] = ()

    @property
    def is_main(self) -> bool:
        """Return whether the file runs as `__main__`."""
        return self.attribute is None


class Loaded(Record):
    """A module that a server loads because code names it, as in `uvicorn.run("app.main:app")`: the file and the line."""

    path: str
    line: int
    module: str
    why: str


class StartCommand(Record):
    """How a service starts.

    `workers` are the processes that load the app, at most, None where `reason` says why nobody can know; `fewest` are
    those that always run, where a server adds more under load. `program` is what runs them, empty for a plain script;
    `server` is the same where what it takes itself has been measured; `server_modules` are what it imports in each.
    `is_cpu_count` tells that the number is that of the machine's CPUs. `threads`, `max_requests` and its jitter are
    None where the server has no such setting or nobody can know, and `worker_class` is empty there; `reload` tells that
    reloading is known to be switched on, `preload_source` says where preloading is.
    `dirty_workers` are processes of gunicorn's that load `dirty_apps`, besides its workers. `settings_file` is the Python
    file that each process runs for its settings and hooks, empty for none.
    Where Python code starts the server, `loads` are the modules that it is given by name, `calls` the functions that it
    calls, each with its file, and `written` is the place where the number of workers stands.
    `beside` are the starts that run at the same time on the same host. Where the number of workers is not known, `most` is
    a number that it never exceeds. `words` are those behind a program of the project, `agents` the wrappers before it that
    load something into each process, and `under` those that stay until it ends. `ways` are the starts of which one runs,
    where only a run decides. `variables` are those that the program has, of the host and of the command, `started` the
    places in its code of what runs beside it. `holds_app` tells that the process that starts the workers loads the app too.
    """

    entrypoint: EntryPoint | None
    workers: int | None = 1
    start: Start = "single"
    server: str = ""
    server_modules: tuple[str, ...] = ()
    reason: str | None = None
    program: str = ""
    fewest: int | None = None
    is_cpu_count: bool = False
    worker_class: str = ""
    threads: int | None = None
    max_requests: int | None = None
    max_requests_jitter: int | None = None
    reload: bool = False
    preload_source: str = ""
    dirty_workers: int | None = 0
    dirty_apps: tuple[str, ...] = ()
    loads: tuple[Loaded, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    written: str = ""
    settings_file: str = ""
    beside: tuple[StartCommand, ...] = ()
    most: int | None = None
    words: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    ways: tuple[StartCommand, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    started: tuple[str, ...] = ()
    holds_app: bool = False

    def with_number(self, workers: int) -> StartCommand:
        """Return a start whose number of workers nobody knows with one of them."""
        start: Start = "fork" if self.start == "single" else self.start
        return self._replace(workers=workers, start=start)

    def counted(self, count: Count, start: Start) -> StartCommand:
        """Return the same with so many workers that start in a way."""
        return self._replace(workers=count.number, start=start, reason=count.reason, is_cpu_count=count.is_cpu_count)

    @property
    def commands(self) -> int:
        """The number of starts that are judged for it: itself, those beside it, and the ways that it may go."""
        return 1 + sum(one.commands for one in (*self.beside, *self.ways))

    @property
    def loads_first(self) -> EntryPoint | None:
        """What it loads, or what the first of its ways does, or else of those beside it."""
        return next((one.entrypoint for one in (self, *self.ways, *self.beside) if one.entrypoint is not None), None)


Parse: TypeAlias = "Callable[[str, Host], StartCommand]"
"""What reads a command that another one names."""

MAX_DEPTH = 8
"""Shells in shells, scripts that call scripts."""

MAX_COMBINATIONS = 8
"""Values of variables, in combination, that a command is read with, and ways of which one runs."""

MAX_WAYS = 250
"""Commands that a start may lead to, those that run together and those of which one runs."""


class Host(Record):
    """What surrounds a command; `read` returns the files of the repository, and `folder` is where the command runs.

    `concurrency` is the `WEB_CONCURRENCY` that the platform sets where the app does not. `mounts` are absolute paths of an
    image and what stands there, as paths from the root. `scripts` are the start scripts that have led here, and the programs
    that have started themselves, and `depth` counts the commands inside commands, `ways` the commands of which this is one,
    over all of that. `cpus` are the CPUs that `os.cpu_count()` sees, where somebody said so: a container sees those of its
    machine and not its share, so that no plan tells. `console_scripts` are the project's own, as `name: "pkg.mod:function"`.
    `follows_code` asks for what the Python of the project starts, not only the command, and `followed` holds how much is
    followed so far, for all hosts of a run. `names_in` returns what a folder of the repository holds.
    """

    variables: Mapping[str, str]
    read: Read = lambda _: None
    concurrency: int | None = None
    mounts: Mapping[str, str] = MappingProxyType({})
    scripts: tuple[str, ...] = ()
    cpus: float | None = None
    console_scripts: Mapping[str, str] = MappingProxyType({})
    follows_code: bool = False
    followed: list[int] | None = None
    depth: int = 0
    ways: int = 1
    folder: str = ""
    names_in: Callable[[str], Sequence[str]] = lambda _: ()

    def one_of(self, number: int) -> Host:
        """Return what surrounds one of several commands: a hostile tree of them ends at the product of the numbers."""
        return self._replace(ways=self.ways * max(1, number))

    @property
    def is_beyond_bounds(self) -> bool:
        """Whether commands are nested deeper, or are more, than are followed."""
        return self.depth > MAX_DEPTH or self.ways > MAX_WAYS

    def inside(self, path: str) -> str | None:
        """Return a path that a command names as a path from the root, None where it leads out of the repository."""
        if not path.startswith("/"):
            return self._beside_the_folder(path) or join(self.folder, path)
        rest = path.rstrip("/") or "/"
        tail: list[str] = []
        while rest not in self.mounts and rest != "/":
            rest, _, name = rest.rpartition("/")
            rest = rest or "/"
            tail.insert(0, name)
        if rest in self.mounts and (rest != "/" or not tail):
            return join(self.mounts[rest], "/".join(tail))
        around = _around(path.rstrip("/"), self.mounts)
        return join(self.mounts[rest], "/".join(tail)) if around is None and rest in self.mounts else around

    def _beside_the_folder(self, path: str) -> str | None:
        """Return a path below the folder where its file was copied there from elsewhere: that of `COPY scripts scripts`."""
        inner = join(self.folder, path)
        for place in self.mounts if inner is None or self.read(inner) is None else ():
            if self.mounts[place] == self.folder and place != "/":
                rest, tail = posixpath.normpath(f"{place}/{path}"), ""
                while rest not in self.mounts and rest != "/":
                    rest, name = posixpath.split(rest)
                    tail = f"{name}/{tail}" if tail else name
                found = join(self.mounts[rest], tail) if rest not in (place, "/") else None
                if found is not None and self.read(found) is not None:
                    return found
        return None

    def program(self, name: str) -> str | None:
        """Return the file of a program that a command names without a folder, as a path from the root, as `PATH` has it."""
        if "/" in name or not self.mounts:
            return None
        folders = [*self.variables.get("PATH", "").split(":", MAX_FOLDERS)[:MAX_FOLDERS], *PROGRAMS]
        for folder in dict.fromkeys(folders):
            holder = f"{folder.rstrip('/')}/{name}"
            above = (holder[:at] or "/" for at in range(len(holder)) if holder[at] == "/")
            if folder.startswith("/") and any(place in self.mounts for place in (holder, *islice(above, MAX_FOLDERS))):
                path = self.inside(holder)
                if path is not None and self.read(path) is not None:
                    return path
        return None

    def read_text(self, path: str) -> str | None:
        """Return a file that a command names, None where it is not in the repository."""
        inner = self.inside(path)
        data = self.read(inner) if inner else None
        return None if data is None else data.decode("utf-8", "replace")

    def source_roots(self, paths: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the folders of a repository that paths name, and those of `PYTHONPATH` behind them."""
        listed = [*paths, *filter(None, self.variables.get("PYTHONPATH", "").split(":"))]
        return tuple(dict.fromkeys(root for path in listed if (root := self.inside(path)) is not None))

    def entrypoint(self, text: str, paths: Sequence[str] = (), folder: str | None = None) -> EntryPoint:
        """Return the entry point that a text names in a folder, whose modules are looked up in some paths too."""
        return parse_entrypoint(text, self.folder if folder is None else folder)._replace(roots=self.source_roots(paths))

    def module_of(self, path: str) -> tuple[str, str] | None:
        """Return the folder that a file's module is found in, and its dotted name: above all packages that it lies in."""
        inner = self.inside(path)
        if inner is None:
            return None
        inner = re.sub(r"(?:/__init__)?\.py$", "", inner)
        parent, _, name = inner.rpartition("/")
        while parent and self.read(f"{parent}/__init__.py") is not None:
            parent, _, package = parent.rpartition("/")
            name = f"{package}.{name}"
        return parent, name

    def find_module(self, module: str, folders: Sequence[str]) -> str | None:
        """Return the file of a module in the first of the folders that has it."""
        inner = module.replace(".", "/")
        for folder in dict.fromkeys(folders):
            for name in (f"{inner}.py", f"{inner}/__init__.py"):
                path = join(folder, name)
                if path is not None and self.read(path) is not None:
                    return path
        return None

    def loaded_beside(self, entrypoint: EntryPoint, modules: Sequence[str], why: str) -> tuple[Loaded, ...]:
        """Return the modules that a command names behind the one that it loads first, as what that one's file loads."""
        folders = (entrypoint.folder, *entrypoint.roots)
        first = self.find_module(entrypoint.module or "", folders) if modules else None
        return tuple(Loaded(first, 1, one.partition(":")[0], why) for one in modules) if first is not None else ()

    def count_cpus(self, what: str) -> Count:
        """Return the number of CPUs, which is what a program starts where nobody tells it."""
        if self.cpus is not None:
            return Count(max(1, int(self.cpus)), is_cpu_count=True)
        return Count(None, f"{what}, and by default there is one for each CPU of the host", is_cpu_count=True)


def parse_entrypoint(text: str, folder: str = "") -> EntryPoint:
    """Read an entry point as people write it: `app.main:app`, `main.py`, `-m pkg.mod`, `proj.wsgi`."""
    text = text.strip()
    if text.startswith("-m"):
        return EntryPoint(text, folder, module=text[2:].strip())
    if text.endswith(".py"):
        return EntryPoint(text, folder, script=text)
    module, _, attribute = text.partition(":")
    return EntryPoint(text, folder, module=module, attribute=attribute.partition("(")[0] or "application")


class UnknownStartError(Exception):
    """Why nobody can tell more of a command than what it loads, if that is known."""

    def __init__(self, reason: str, entrypoint: EntryPoint | None = None) -> None:
        super().__init__(reason)
        self.entrypoint = entrypoint


class RefusedError(UnknownStartError):
    """Why a program refuses the words that it is given."""


def unknown(reason: str, entrypoint: EntryPoint | None = None, program: str = "") -> StartCommand:
    """Return the start of a command that nobody can tell more of."""
    return StartCommand(entrypoint, None, reason=reason, program=program)


PREPARING = "migrate|makemigrations|collectstatic|loaddata|createsuperuser"
"""Commands of Django's `manage.py` that prepare what is served, and end, as alternatives of a pattern."""

SMALL = frozenset({
    "cron", "crond", "inotifywait", "logger", "nginx", "rsyslogd", "sleep", "socat", "sshd", "stunnel", "tail",
})  # fmt: skip
"""Programs that take a few MiB, and stand beside a server without a line in its sum."""


INSTALLED = {
    **{
        name: name.replace("-", "_")
        for name in (
            "airflow", "bentoml", "dagster", "dagster-webserver", "dagit", "datasette", "langflow", "langgraph",
            "label-studio", "litellm", "jupyter", "mlflow", "open-webui", "prefect", "rasa", "ray", "reflex", "superset",
            "vllm", "voila",
        )
    },
    "dagster-daemon": "dagster",
    "flower": "flower.app",
    "jupyter-lab": "jupyterlab.labapp",
    "rqscheduler": "rq_scheduler",
    "rq-dashboard": "rq_dashboard",
}  # fmt: skip
"""Programs that packages bring along and that are an app of their own, each with its module."""


MAX_TOGETHER = 100
"""Commands that one host runs at once."""


def together(found: Sequence[StartCommand]) -> StartCommand:
    """Return several starts on one host as one: the first server, or else program, that is known, the others beside it."""
    if len(found) > MAX_TOGETHER:
        return unknown(f"more than {MAX_TOGETHER} commands run at once")
    found = [one for one in found if one.program not in SMALL] or found
    known = [number for number, one in enumerate(found) if one.entrypoint is not None]
    chosen = next((number for number in known if found[number].program), known[0] if known else 0)
    main = found[chosen]
    others = (*found[:chosen], *found[chosen + 1 :])
    beside = tuple(inner._replace(beside=()) for one in others for inner in (one, *one.beside))
    unclear = next((one for one in beside if one.workers is None and one.entrypoint is not None), None)
    if unclear is not None and main.workers is not None:
        main = main._replace(workers=None, reason=unclear.reason, is_cpu_count=unclear.is_cpu_count)
    return main._replace(beside=(*main.beside, *beside), ways=main.ways if len(found) == 1 else ())


def all_known(*ways: StartCommand) -> tuple[StartCommand, ...]:
    """Return the starts of which one runs, none where nobody can tell what one of them takes."""
    each = [inner for way in ways for inner in (way.ways or (way,))]
    is_known = all(one.workers is not None and one.entrypoint is not None for one in each)
    return tuple(each) if is_known and len(each) <= MAX_COMBINATIONS else ()


def _around(path: str, mounts: Mapping[str, str]) -> str | None:
    """Return the folder whose folders were copied one by one: that of `/app`, where `/app/api` holds `src/api`."""
    for place, source in mounts.items():
        below = place.removeprefix(f"{path}/")
        if path and below != place and f"/{source}".endswith(f"/{below}"):
            return source[: -len(below)].rstrip("/")
    return None


class Count(Record):
    """A number of processes, None where `reason` says why it is not known; `most` is what it never exceeds."""

    number: int | None
    reason: str | None = None
    is_cpu_count: bool = False
    most: int | None = None

    def plus(self, more: int) -> Count:
        """Return the number with some more processes, where it is known."""
        return self if self.number is None else self._replace(number=self.number + more)


_CPUS = late_pattern(r"nproc|_NPROCESSORS|cpuinfo|cpu_count|getaffinity|lscpu")


def count_workers(text: str | None, default: int = 1) -> Count:
    """Read a number of workers as a command gives it, None for one that gives none."""
    if text is None:
        return Count(default)
    if re.fullmatch(r"\s*\+?[0-9]{1,4}\s*", text):
        return Count(int(text))
    if _CPUS.search(text):
        from memguard_hooks.formats.shell_arithmetic import at_most

        most = at_most(text)
        bound = f" and is at most {most}" if most is not None else ""
        reason = f"the number of workers is {text!r}, which depends on the CPUs of the host{bound}"
        return Count(None, reason, is_cpu_count=True, most=most)
    return Count(None, f"the number of workers is {text!r}, which is known only at run time")
