"""What a program finds by itself and no code of its entry point names: pages of streamlit, jobs of RQ, plugins of NoneBot.

Facts: Streamlit's documentation, "Multipage apps" (`pages/` beside the script that runs); RQ's, "Jobs" and "Workers" (a job
names its function, and a worker imports that when it runs the job); NoneBot's, "Loading plugins" (`load_from_toml()` reads
`plugins` and `plugin_dirs`, and leaves out names that begin with `_`); connexion's, "Routing" (`operationId` names a
function); that of django-split-settings, whose `include` runs the files that patterns name, from the settings' folder on.
"""

from __future__ import annotations

from itertools import islice

from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.python_nodes import children, dotted, last_name, walk
from memguard_hooks.formats.python_source import decode, parse_whole
from memguard_hooks.formats.typed import table
from memguard_hooks.imports.functions import MAIN
from memguard_hooks.imports.model import FrameworkEdge
from memguard_hooks.imports.resolve import Resolver, absolute
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.files import is_test
from memguard_hooks.record import Any, Record
from memguard_hooks.tree import join, normalize, parent, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    import re
    from collections.abc import Iterable, Iterator, Sequence

    from memguard_hooks.deployment.start import StartCommand
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.project.project import Project
else:
    import _ast as ast  # its nodes alone

MAX_EDGES = 500
"""Pages, jobs or files of settings of one program that are followed."""

MAX_LISTS = 20
"""Files that list plugins, and specifications, of one program: a bot has one or two."""

MAX_PATTERNS, MAX_STARS = 20, 4
"""Patterns of settings that are looked for among all files, and stars in each: projects have some five, and one or two."""

_NONEBOT = late_pattern(rb"""\bload_from_(toml|json)\(\s*["']([^"'\n]{1,200})["']""")
"""How a bot of NoneBot names the file that lists its plugins."""

_CONNEXION = late_pattern(rb"""\badd_api\(\s*["']([^"'\n]{1,200})["']""")
_SPECIFICATIONS = late_pattern(rb"""\bspecification_dir\s*=\s*["']([^"'\n]{1,200})["']""")
_HANDLERS = late_pattern(
    rb"""\b(operationId|x-(?:openapi|swagger)-router-controller)["']?\s*:\s*["']?([A-Za-z_][\w.]{0,200})"""
)
"""How an app of connexion names its specification, and that the functions that handle requests."""

_RQ_WORKER = late_pattern(rb"(?s)\brq\b.{0,20000}\b(?:Simple|Spawn)?Worker\(")
_QUEUES = {"enqueue": 0, "enqueue_call": 0, "enqueue_in": 1, "enqueue_at": 1, "prepare_data": 0}
"""What puts a function into a queue, by the place of the function among the arguments; it may be named, too."""
_KEYWORDS = frozenset({"f", "func"})
_DECORATORS = frozenset({"job", "job()"})


class Jobs(Record):
    """The jobs that a project puts into queues, and the files and lines that put some there that only a run tells."""

    edges: tuple[FrameworkEdge, ...]
    unknown: tuple[tuple[str, int], ...]


def found_by(
    project: Project, command: StartCommand, path: str, resolver: Resolver, sources: SourceFiles
) -> tuple[tuple[tuple[str, FrameworkEdge], ...], tuple[str, ...]]:
    """Return what a program that starts at a file loads of the project by itself, each with the file that stands for it.

    Behind it are the files that name more of it, which only a run tells; they are noted.
    """
    unknown: Sequence[tuple[str, int]] = ()
    edges: Iterator[FrameworkEdge] = iter(())
    if command.program == "streamlit":
        edges = _pages(project, path)
    elif command.program == "rq" or _RQ_WORKER.search(project.read_file(path) or b""):
        jobs = jobs_of(project, resolver, sources)
        edges, unknown = iter(jobs.edges), jobs.unknown
    elif not command.program:
        edges = _plugins(project, path)
    else:
        edges = _handlers(project, path)
    found = list(islice(dict.fromkeys(edges), MAX_EDGES + 1))
    if len(found) > MAX_EDGES:
        reason = f"more than {MAX_EDGES} pages, jobs or plugins belong to it: the others are not followed"
        project.skipped.append(Skipped(path, None, reason))
        unknown = (*unknown, (path, 0))
    for file, line in (one for one in unknown[:1] if one[1]):
        reason = "a queue of RQ is given here what only a run tells: its workers load that, too"
        project.skipped.append(Skipped(file, line, reason))
    return tuple((path, edge) for edge in found[:MAX_EDGES]), tuple(dict.fromkeys(file for file, _ in unknown))


def included_settings(project: Project, split: Sequence[str]) -> tuple[tuple[str, int, str], ...]:
    """Return the files that django-split-settings runs, each behind the file that includes it and the line.

    Of a pattern that a variable decides those for production count, or all where none is called so.
    """
    from memguard_hooks.imports.django import include_patterns

    patterns = ((path, one) for path in split for one in include_patterns(project.read_file(path) or b""))
    taken = list(islice(patterns, MAX_PATTERNS + 1))
    plain = [one for one in taken[:MAX_PATTERNS] if one[1][0].count("*") <= MAX_STARS]
    found = list(islice(_included(project, plain), MAX_EDGES + 1))
    if len(plain) < len(taken) or len(found) > MAX_EDGES:
        reason = f"includes more than {MAX_PATTERNS} patterns, {MAX_STARS} stars or {MAX_EDGES} files: not all are followed"
        project.skipped.append(Skipped(split[0], None, reason))
    return tuple(found[:MAX_EDGES])


def _included(project: Project, patterns: Iterable[tuple[str, tuple[str, int]]]) -> Iterator[tuple[str, int, str]]:
    for path, (pattern, line) in patterns:
        wanted = join(parent(path), pattern) or ""
        found = [one for one in project.python_paths if _fits(one, wanted)]
        chosen = [one for one in found if _is_for_production(one.rpartition("/")[2])] if "?*" in pattern else []
        for file in chosen or found:
            yield path, line, file


def _is_for_production(name: str) -> bool:
    return NAMED_FOR_PRODUCTION.search(name) is not None or "deploy" in name


def _fits(path: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def _pages(project: Project, path: str) -> Iterator[FrameworkEdge]:
    """Yield the pages beside a script of streamlit; each runs as `__main__` when somebody opens it."""
    for entry in project.tree.entries(join(parent(path), "pages") or "pages"):
        stem = entry.name.removesuffix(".py")
        if not entry.is_folder and stem != entry.name and "." not in stem and not stem.startswith("__"):
            yield FrameworkEdge(f"pages.{stem}", 1, "serving", "as a page of streamlit", is_optional=True, calls=MAIN)


def _plugins(project: Project, path: str) -> Iterator[FrameworkEdge]:
    """Yield the plugins that a bot of NoneBot loads as it starts, of the files that its code names."""
    for named, name, line in _named(_NONEBOT, project.read_file(path) or b""):
        file = next((one for one in (normalize(name), join(parent(path), name)) if one and project.read_file(one)), None)
        if file is None:
            continue
        held = _listed(project.read_file(file) or b"", file, is_toml=named[1] == b"toml")
        groups = table(held, "plugins").values() or [held.get("plugins")]
        modules = [one for group in groups for one in _texts(group)]
        for folder in filter(None, map(normalize, _texts(held.get("plugin_dirs")))):
            stems = (entry.name.removesuffix(".py") for entry in project.tree.entries(folder))
            modules += (f"{folder.replace('/', '.')}.{stem}" for stem in stems if stem.isidentifier() and stem[0] != "_")
        for module in modules:
            yield FrameworkEdge(module, line, "start", "as a plugin of NoneBot", is_optional=True)


def _handlers(project: Project, path: str) -> Iterator[FrameworkEdge]:
    """Yield the modules of the functions that a specification of OpenAPI names, which connexion imports as it is added."""
    data = project.read_file(path) or b""
    folders = [name for _, name, _ in _named(_SPECIFICATIONS, data)]
    for _, name, line in _named(_CONNEXION, data):
        places = (join(parent(path), f"{folder}/{name}") for folder in (*folders, "."))
        said = next(filter(None, (project.read_file(one) for one in places if one)), b"")
        for match in islice(_HANDLERS.finditer(said), MAX_EDGES + 1):
            text = match[2].decode("ascii")
            module, _, function = text.rpartition(".") if match[1] == b"operationId" else (text, "", "")
            if module:
                yield FrameworkEdge(module, line, "start", "as a handler of connexion", is_optional=True, calls=function)


def _named(pattern: re.Pattern[bytes], data: bytes) -> Iterator[tuple[re.Match[bytes], str, int]]:
    """Yield where code names a file or a folder, the name, which the last group is, and the line."""
    for match in islice(pattern.finditer(data), MAX_LISTS):
        yield match, match[match.lastindex or 0].decode("utf-8", "replace"), data.count(b"\n", 0, match.start()) + 1


def _listed(data: bytes, path: str, *, is_toml: bool) -> dict[str, Any]:
    """Return the table of a file that lists plugins, nothing for one that does not parse."""
    if is_toml:
        from memguard_hooks.formats.toml_document import data_of

        return table(data_of(data, path), "tool", "nonebot")
    from memguard_hooks.formats.json_document import parse

    try:
        return table(parse(data, path).data)
    except MemguardError:
        return {}


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def jobs_of(project: Project, resolver: Resolver, sources: SourceFiles) -> Jobs:
    """Return the functions that code of the project puts into queues of RQ, found once for the same roots."""

    def find() -> Jobs:
        edges, unknown = dict[FrameworkEdge, None](), list[tuple[str, int]]()
        for path in project.python_paths:
            data = project.read_file(path) or b""
            if not is_test(path) and (b"enqueue" in data or b"@job" in data):
                found = _File(path, resolver, sources)
                edges.update(dict.fromkeys((*found.edges(), *found.named())))
                unknown += found.unknown
        return Jobs(tuple(edges), tuple(unknown))

    return parse_once(project.tree, ("jobs of RQ", resolver.roots), find)


class _File:
    """A file of the project that puts jobs into queues, or declares some."""

    def __init__(self, path: str, resolver: Resolver, sources: SourceFiles) -> None:
        self.unknown: list[tuple[str, int]] = []
        self._path, self._resolver, self._sources = path, resolver, sources
        self._functions, self._module = sources.functions(path), resolver.module_of(path) or ""
        self._bound = dict(self._functions.bound)
        self._own = {one.name for one in self._functions.bodies} | self._bound.keys()
        self._lines: set[int] = set()
        self._names: set[str] = set()

    def edges(self) -> Iterator[FrameworkEdge]:
        """Yield the jobs that stand for themselves where they are handed over; `@job` declares one."""
        numbers = self._sources.places(self._path).numbers()
        for passed in (one for body in self._functions.bodies for one in body.passed):
            last = passed.to.rpartition(".")[2]
            if last.lstrip("_") not in _QUEUES and not (passed.keyword == "@" and last in _DECORATORS):
                continue
            term = passed.term or passed.text
            edge = self._edge(self._full(term[1:]) if term.startswith(":") else term)
            if edge is not None:
                self._names.add(edge.calls)
                self._lines.update(numbers[passed.place : passed.place + 1])
                yield edge

    def named(self) -> Iterator[FrameworkEdge]:
        """Yield the jobs that a queue is given by their names in texts, and note the places of those that nobody knows."""
        try:
            tree = parse_whole(decode(self._sources.data(self._path)))
        except MemguardError:
            self.unknown.append((self._path, 1))
            return
        waiting: list[tuple[ast.AST, frozenset[str], bool]] = [(tree, frozenset(), False)]
        while waiting:
            node, parameters, is_queue = waiting.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                parameters = frozenset(one.arg for one in walk(node.args) if isinstance(one, ast.arg))
                is_queue = node.name.lstrip("_") in _QUEUES
            job = _job_of(node) if isinstance(node, ast.Call) else None
            is_given = isinstance(job, ast.Name) and job.id in parameters
            if job is not None and not (is_given and is_queue):  # what a wrapper is given, its callers tell
                edge = None if is_given else self._edge(self._name_of(job))
                any_of = [edge] if edge is not None else list(self._any_of(job))
                yield from any_of
                if not any_of and (is_given or not self._is_known(job)):
                    self.unknown.append((self._path, job.lineno))
            waiting += [(one, parameters, is_queue) for one in children(node)]

    def _full(self, name: str) -> str:
        first, dot, rest = name.partition(".")
        return f"{self._bound.get(first) or f'{self._module}.{first}'}{dot}{rest}"

    def _name_of(self, job: ast.expr) -> str:
        """Return the dotted name of what a queue is given: of a text, or of what this file imports or defines."""
        if isinstance(job, ast.Constant):
            return job.value if isinstance(job.value, str) else ""
        name = dotted(job)
        return self._full(name) if name and name.partition(".")[0] in self._own else ""

    def _any_of(self, job: ast.expr) -> Iterator[FrameworkEdge]:
        """Yield the functions of a module of which a text names any: `f"app.tasks.{name}"`."""
        parts = job.values if isinstance(job, ast.JoinedStr) else []
        if len(parts) != 2 or not isinstance(parts[0], ast.Constant) or not isinstance(parts[1], ast.FormattedValue):
            return
        module, dot, rest = str(parts[0].value).rpartition(".")
        file = self._resolver.files(module)[-1] if dot and not rest and self._resolver.is_whole(module) else "__init__.py"
        if not file.endswith("__init__.py"):
            names = {body.name.partition(".")[0] for body in self._sources.functions(file).bodies} - {MAIN}
            yield from filter(None, (self._edge(f"{module}.{name}") for name in sorted(names) if name.isidentifier()))

    def _is_known(self, job: ast.expr) -> bool:
        """Return whether what a queue is given is among the jobs that stand for themselves."""
        if isinstance(job, (ast.JoinedStr, ast.BinOp, ast.Constant)):
            return False
        return last_name(job) in self._names or (job.lineno in self._lines and not isinstance(job, ast.Attribute))

    def _edge(self, name: str) -> FrameworkEdge | None:
        level = len(name) - len(name.lstrip("."))
        is_package = self._path.endswith("/__init__.py")
        full = absolute(name.lstrip("."), level, self._module, is_package=is_package) if level else name
        head, _, function = (full or "").rpartition(".")
        if not head or not self._resolver.is_whole(head):
            return None
        return FrameworkEdge(head, 1, "serving", "as a job of RQ", is_optional=True, calls=function, is_job=True)


def _job_of(call: ast.Call) -> ast.expr | None:
    """Return what a call puts into a queue, the call itself where it hands on what it was given; None for other calls."""
    place = _QUEUES.get(last_name(call.func).lstrip("_"), -1)
    if place < 0:
        return None
    named = next((one.value for one in call.keywords if one.arg in _KEYWORDS), None)
    if named is not None:
        return named
    is_spread = any(isinstance(one, ast.Starred) for one in call.args[: place + 1])
    if not is_spread and len(call.args) > place:
        return call.args[place]
    return call if is_spread or any(one.arg is None for one in call.keywords) else None
