"""The work that a service does as it starts: by which call, when, in which way it is reached, and what it takes."""

from __future__ import annotations

import sys
from functools import partial

from memguard_hooks.app.agents import agents_of, as_named
from memguard_hooks.app.called_programs import program_of
from memguard_hooks.app.drivers import django_drivers, driver_of
from memguard_hooks.catalog.lookup import installed_with, is_provided, providers, release_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, MOMENTS, Moment, Part, Skipped, Step, Way, count
from memguard_hooks.imports.graph import External
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped
from memguard_hooks.shape import row, rows
from memguard_hooks.startup.table import (
    BROWSER,
    READS,
    browsers,
    companions,
    companions_of,
    dictionaries,
    drivers,
    integrations,
    last_names,
    program_starts,
)
from memguard_hooks.tree import join, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from memguard_hooks.app.called_programs import CalledProgram
    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.project.project import Project
    from memguard_hooks.startup.calls import StartCall

ERROR = 0.15
"""How far what a call takes may be off, as a share of it: `python benchmarks/start_work.py`."""

ANONYMOUS_OF_BROWSER = 0.45
"""Share of what a browser takes that is no page of its file: 140 of 308 MiB under playwright, 166 of 398 alone."""

SERVICES = {
    "ec2": 16.2,
    "s3": 5.8,
    "rds": 5.0,
    "kms": 3.4,
    "ssm": 4.0,
    "logs": 3.2,
    "dynamodb": 3.1,
    "lambda": 3.0,
    "cloudwatch": 1.3,
    "ses": 1.0,
}
"""MiB that the description of a service of AWS takes besides the client; what is not named takes next to nothing."""

MAX_CHAIN = 5
"""Names for names that one name is followed through."""

DJANGO = "django.core.management.call_command"
"""Runs a command of Django's, of which `migrate` changes the database."""

UNRESOLVED = frozenset({"create_all", "upgrade", "start", "ping", "run_polling", "run_webhook"})
"""Last names of calls whose receiver another file may have made."""


class WorkUse(Record):
    """One call that does work at some moment, and what that takes in one process, in bytes.

    `is_eager` tells that it runs because its file is loaded. `processes` are those that it starts, `brought` the modules
    that it imports because they are installed, and `about` says where the figure comes from. `program` is one of the project
    that it starts, which takes what it loads.
    """

    call: StartCall
    moment: Moment
    way: Way
    is_eager: bool
    size: int = 0
    subject: str = ""
    processes: int = 0
    brought: tuple[str, ...] = ()
    about: str = ""
    program: CalledProgram | None = None

    @property
    def chain(self) -> tuple[Step, ...]:
        """The imports that lead to the call, and it."""
        return self.way.chain

    @property
    def label(self) -> str:
        """What a person calls it: `data/zips.csv (pandas.read_csv)`."""
        return f"{self.subject} ({self.call.function})" if self.subject else self.call.function


class Work(Record):
    """All work of a service's process."""

    uses: tuple[WorkUse, ...] = ()

    def parts(self) -> Iterator[tuple[Part, float]]:
        """Yield what the calls add to one process, and how far that may be off."""
        for one in self.uses:
            if one.size:
                anonymous = int(one.size * ANONYMOUS_OF_BROWSER) if one.call.known.how == BROWSER else one.size
                part = Part(one.label, None, one.size, anonymous, "catalog", one.about, one.chain, one.moment)
                yield part, one.size * ERROR


NO_WORK = Work()


def find_work(project: Project, entry: ServiceEntry, walked: Walk) -> tuple[Work, tuple[External, ...]]:
    """Return the work that a service does as it starts, and all that it imports: also by this work."""
    imported = (*walked.externals, *agents_of(project, entry), *django_drivers(project, entry, walked.externals))
    # What the budget and what is told of the start ask about differs in imports alone; the bodies that ran are the same.
    ran = walked.ran
    _, found, kept, started = parse_once(project.tree, ("suspected", id(ran)), partial(_suspected, project, entry, ran))
    if not found:
        return NO_WORK, imported
    from memguard_hooks.app.models import folding_of

    uses: list[WorkUse] = []
    for path, calls in found.items():
        folding = folding_of(project, entry, walked)
        # The budget and what is told of the start ask the same.
        key = ("start calls", folding.number, path, calls, kept[path], id(started))
        made = parse_once(project.tree, key, partial(_found_calls, folding, path, calls, kept[path], started))
        for call in made:
            uses += _uses(project, entry, walked, call)
    if folding.is_exhausted:
        gap = Skipped(next(iter(found)), None, "not all work is known that it and other files do: the code is too large")
        project.skipped += () if gap in project.skipped else (gap,)
    project.foldings.let_go()
    return Work(tuple(_once(uses))), (*_without_calls(imported, uses), *_brought(uses))


def _suspected(
    project: Project, entry: ServiceEntry, ran: Mapping[tuple[str, str], Moment]
) -> tuple[object, dict[str, frozenset[tuple[str, str]]], dict[str, frozenset[str]], frozenset[tuple[str, str]]]:
    """Return the calls that may do work by their files, the bodies whose results stay, and those that run at start.

    What ran is kept with them.
    """
    bodies = {path: {*found} for path, found in grouped(ran).items()}
    kept = {
        path: frozenset(body for body in some if not body or ran[path, body] == "start") for path, some in bodies.items()
    }
    found = {path: suspects(project, entry, path, some) for path, some in bodies.items()}
    found = {path: calls for path, calls in found.items() if calls and _lasts(project, entry, path, calls, kept[path])}
    return ran, found, kept, frozenset(place for place, moment in ran.items() if moment == "start")


def _found_calls(
    folding: Folding,
    path: str,
    calls: Collection[tuple[str, str]],
    kept: Collection[str],
    started: frozenset[tuple[str, str]],
) -> tuple[StartCall, ...]:
    from memguard_hooks.startup.calls import find_calls

    return tuple(find_calls(folding, path, calls, kept, started))


def _lasts(
    project: Project, entry: ServiceEntry, path: str, calls: Collection[tuple[str, str]], kept: Collection[str]
) -> bool:
    """Return whether what some call makes may stay: that of handlers is gone, unless a decorator keeps what they return."""
    if any(body in kept or last in program_starts() for body, last in calls):
        return True
    key = ("keeps", entry.sources.content(path))
    return parse_once(project.tree, key, partial(_may_keep, entry.sources, path))


def _may_keep(sources: SourceFiles, path: str) -> bool:
    """Return whether something in a file may keep what a call has made after it has returned."""
    from memguard_hooks.models.libraries import CACHES

    found = _words(sources, path)
    return found is None or not found.isdisjoint(CACHES) or _may_import(found)


def _may_import(words: frozenset[str]) -> bool:
    """Return whether a file has the words of a call that imports, loads what a library keeps, or starts a browser."""
    tables = (companions(), dictionaries())
    return not words.isdisjoint(browsers()) or any(
        not words.isdisjoint(table[package]) for table in tables for package in words & table.keys()
    )


def suspects(
    project: Project, entry: ServiceEntry, path: str, ran: Collection[str] | None = None
) -> frozenset[tuple[str, str]]:
    """Return the calls in a file that may do work, by the function that they stand in, and their last names.

    Of `ran`, the bodies that ran, branches are bodies of their own. What is called by another name than it was imported
    under counts, and what another file may have made.
    """
    key = ("suspects", entry.sources.content(path))
    of_all = parse_once(project.tree, key, partial(_all_suspects, entry.sources, path))
    found = ((body, last) for body, last in of_all if ran is None or body in ran)
    return frozenset((body.partition(".<")[0], last) for body, last in found)


def _all_suspects(sources: SourceFiles, path: str) -> tuple[tuple[str, str], ...]:
    """Return the calls of all bodies of a file that may do work: kept, as few files have any and all are asked."""
    key = (b"work", sources.content(path))
    kept = sources.store.known(rows(row(str, str)), *key)
    if kept is not None:
        return kept
    found: dict[tuple[str, str], None] = {}
    if _may_work(sources, path):
        functions = sources.functions(path)
        bound = dict(functions.bound)
        for one in functions.classes:  # the constructor of what a class inherits from
            bound |= {f"{one.name}.super().__init__": base for base in one.bases if _is_suspect(base, bound)}
        found = dict.fromkeys(
            (body.name, term.rpartition(".")[2].lstrip(":"))
            for body in functions.bodies
            for term, _ in body.calls
            if _is_suspect(term, bound) or (term[1:] in bound and term.endswith("().__init__"))
        )
    sources.store.put(list(found), *key)
    return tuple(found)


def _may_work(sources: SourceFiles, path: str) -> bool:
    """Return whether a file has the words of a call that does work: of one that has none no functions need to be read."""
    found = _words(sources, path)
    if found is None or not found.isdisjoint(READS | UNRESOLVED | {"open"}):
        return True
    is_known = any(not found.isdisjoint(last_names()[package]) for package in found & last_names().keys())
    return is_known or _may_import(found)


def _words(sources: SourceFiles, path: str) -> frozenset[str] | None:
    """Return the words of a file, None where they are not known; none of a file that is not read."""
    from memguard_hooks.imports.narrow import words

    try:
        found = words(sources.data(path))
    except MemguardError:
        return frozenset()
    return None if found is None else frozenset(b" ".join(found).decode("utf-8", "replace").split(" "))


def _is_suspect(term: str, bound: Mapping[str, str]) -> bool:
    """Return whether a call may do work, by its term."""
    receiver, _, last = term.rpartition(".")
    last = last.lstrip(":")
    if last in READS or last == "open":
        return True
    if last in ("splitlines", "split"):
        return receiver.removesuffix("()").rpartition(".")[2] in READS
    resolved = _resolved(term, bound)
    package = resolved.replace("(", ".").partition(".")[0]
    is_known = resolved.rpartition(".")[2] in last_names().get(package, ()) or companions_of(resolved)
    return bool(is_known) or (last in UNRESOLVED and package not in sys.stdlib_module_names)


def _resolved(term: str, bound: Mapping[str, str]) -> str:
    """Return a term with what the names of a file stand for, as far as the file tells."""
    for _ in range(MAX_CHAIN):
        if not term.startswith(":"):
            break
        head, dot, rest = term[1:].partition(".")
        called = "()" if head.endswith("()") else ""
        head = head.removesuffix("[]").removesuffix("()")
        if head not in bound:
            return f"{head}{called}{dot}{rest}"
        term = f"{bound[head]}{called}{dot}{rest}"
    return term


def _uses(project: Project, entry: ServiceEntry, walked: Walk, call: StartCall) -> Iterator[WorkUse]:
    """Yield what a call does: one use, or one for each file that it may read, of which the largest counts."""
    moment = walked.ran[call.path, call.body]
    moment = moment if call.is_started else max(moment, "serving", key=MOMENTS.index)
    step = Step(call.path, call.line, call.function)
    use = WorkUse(call, moment, Way(step, walked.ways.get(call.path)), (call.path, call.body) in walked.loading)
    kind = call.known.kind
    modules = companions_of(call.known.function)
    if modules:
        yield use._replace(brought=_installed_of(project, entry, call.known.function.partition(".")[0], modules))
    if kind == "data":
        yield from _data(project, entry, use)
    elif kind == "process":
        is_beside = f"{call.path}:{call.line}" in entry.command.started
        program = None if is_beside else program_of(project, entry, call, moment)
        if is_beside or program is not None:
            yield use._replace(processes=1, about="counted by itself", program=program)
        elif moment == "start" or not call.program:
            yield from _process(use)
    elif kind == "client":
        yield _client(use)
    elif kind == "initializer":
        yield from _initializer(project, entry, use)
    elif kind == "engine":
        schemes = [one.partition(":")[0] for one in call.values if isinstance(one, str) and ":" in one]
        if call.known.how == "chat" and not schemes:  # one of those that are installed, and then of all: which, no text says
            schemes = [scheme for one in drivers() for scheme in one.schemes if one.how == "chat"]
        found = [driver_of(project, entry, call.known.how, scheme=scheme) for scheme in schemes or [""]]
        yield use._replace(brought=tuple(dict.fromkeys(filter(None, found))))
    elif kind == "tables":
        is_of_file = any(isinstance(one, str) and _is_of_sqlite(project, entry, one) for one in call.values)
        if not is_of_file and (call.known.function != DJANGO or _migrates(project, entry, walked, call)):
            yield use
    elif kind != "companion" and not any(isinstance(one, str) and one.startswith(("file:", "data:")) for one in call.values):
        yield use


def _is_of_sqlite(project: Project, entry: ServiceEntry, value: str) -> bool:
    """Return whether an address is that of a file of SQLite's, or a file of settings of alembic's names one."""
    if value.startswith("sqlite") or not value.endswith(".ini"):
        return value.startswith("sqlite")
    path = join(entry.service.folder, value)
    return path is not None and _OF_SQLITE.search(project.read_file(path) or b"") is not None


_OF_SQLITE = late_pattern(rb"(?m)^[ \t]*sqlalchemy\.url[ \t]*[=:][ \t]*sqlite")


def _migrates(project: Project, entry: ServiceEntry, walked: Walk, call: StartCall) -> bool:
    """Return whether a command of Django's changes a database that is no file."""
    return "migrate" in call.values and any(django_drivers(project, entry, walked.externals))


def _installed_of(project: Project, entry: ServiceEntry, package: str, modules: Iterable[str]) -> tuple[str, ...]:
    """Return what of some modules is installed that a package imports once it is called: declared, its own, or with it."""
    pinned, own = project.declared.beside(entry.path), providers(package)
    beside = {other for name in own for other in installed_with(name, pinned.versions.get(name))}
    return tuple(one for one in modules if is_provided(one, pinned.present.union(own, beside)))


def _data(project: Project, entry: ServiceEntry, use: WorkUse) -> Iterator[WorkUse]:
    from memguard_hooks.app.model_files import find_file
    from memguard_hooks.app.pickled import is_data
    from memguard_hooks.startup.contents import size_in_memory

    call = use.call
    if call.known.size:
        about = "measured: " + call.known.how
        yield use._replace(size=call.known.size, subject=call.known.how, about=about)
        return
    found: list[WorkUse] = []
    for name in call.values:
        options = dict(call.options)
        if not isinstance(name, str) or options.get("read_only") or "chunksize" in options or options.get("mmap_mode"):
            continue
        file = find_file(project, entry, call.path, name)
        if file is None:
            continue
        path, size = file
        if call.known.how == "pickle" and (use.moment != "start" or not is_data(project.tree, path)):
            continue  # a model
        data = _contents(project, path, size)
        form = "lines" if call.is_partial and call.known.how in ("rows", "records") else call.known.how
        is_object = _major(project, entry, "pandas") < FIRST_WITH_TEXTS
        sheet = options.get("sheet_name", "")
        key = ("size in memory", form, path, is_object, sheet)  # many calls may read one file
        sized = partial(size_in_memory, form, size, data, is_object=is_object, sheet=sheet)
        takes = parse_once(project.tree, key, sized)
        limit = options.get("nrows")
        lines = data.count(b"\n") if data is not None and isinstance(limit, int) else 0
        takes = min(takes, takes * limit // lines) if lines and isinstance(limit, int) else takes
        found.append(use._replace(size=takes, subject=path, about=f"{size} bytes, read as {form}; by the values in it"))
    if found:
        yield max(found, key=lambda one: one.size)


FIRST_WITH_TEXTS = 3
"""The first major version of pandas whose columns of texts are no Python objects."""


def _contents(project: Project, path: str, size: int) -> bytes | None:
    """Return what is in a file, None for one that is too large to be read, or kept elsewhere."""
    from memguard_hooks.errors import UnreadableError

    try:
        data = project.tree.read(path)
    except UnreadableError:
        return None
    return data if data is not None and len(data) == size else None


def _major(project: Project, entry: ServiceEntry, distribution: str) -> int:
    """Return the major version of a distribution that is installed, a high one where nothing says."""
    first = project.declared.beside(entry.path).versions.get(distribution, "").partition(".")[0]
    return int(first) if first.isdecimal() else 99


def _process(use: WorkUse) -> Iterator[WorkUse]:
    """Yield the processes that a call starts, as far as they stay, or run an interpreter of their own for a while."""
    from memguard_hooks.startup.calls import is_python

    known, values = use.call.known, use.call.values
    if known.how in ("pool", "pool-later"):
        number = next((one for one in values if isinstance(one, int) and one > 0), 0)
        processes = min(number or UNKNOWN_POOL, MAX_POOL)
        about = f"{count(processes, 'process')} of {known.size / MIB:.1f} MiB, before they work, and what leads them"
        about += "" if number else "; as many as the host has cores, of which 2 are counted"
        moment: Moment = max(use.moment, "serving", key=MOMENTS.index) if known.how == "pool-later" else use.moment
        is_eager = use.is_eager and known.how == "pool"
        yield use._replace(
            size=LEADS + processes * known.size, processes=processes, about=about, moment=moment, is_eager=is_eager
        )
    elif known.how == BROWSER:
        yield use._replace(size=known.size, processes=1, about="a browser with one page, measured")
    elif known.how == "one":
        yield use._replace(size=known.size, processes=1, about=f"one process of {known.size / MIB:.1f} MiB")
    else:
        program = next((one for one in values if isinstance(one, str)), "")
        runs_python = is_python(program)
        if known.how == "ended" and not runs_python:
            return
        size = 0 if known.how == "ended" else PYTHON_CHILD if runs_python else OTHER_CHILD
        about = "an interpreter without what it imports" if runs_python else "its size is not known"
        yield use._replace(size=size, subject=program, processes=1, about=about)


UNKNOWN_POOL, MAX_POOL = 2, 256
LEADS = int(1.9 * MIB)
"""What a pool takes besides its processes: 6.5 MiB with three of them, 14.2 with eight, by summed PSS (2026-11-29)."""
PYTHON_CHILD, OTHER_CHILD = 5 * MIB, MIB // 2
"""What an idle child takes: Python by summed PSS between 2.9 and 3.9 MiB (16.8 to 19.2 with requests), `sleep` 0.4."""


def _client(use: WorkUse) -> WorkUse:
    known = use.call.known
    service = next((one for one in use.call.values if isinstance(one, str)), "")
    size = known.size + int(SERVICES.get(service, 0.4) * MIB) if known.how == "aws" else known.size
    return use._replace(size=size, subject=service, about="measured, with what it loads of itself")


def _initializer(project: Project, entry: ServiceEntry, use: WorkUse) -> Iterator[WorkUse]:
    """Yield an initializer with the modules that it imports because they are installed."""
    options = dict(use.call.options)
    if options.get("auto_enabling_integrations") is False or options.get("default_integrations") is False:
        yield use
        return
    pinned = project.declared.beside(entry.path)
    version = pinned.versions.get(use.call.known.function.partition(".")[0].replace("_", "-"), "")
    release = release_of(version) if version else ()
    found = [one for one in integrations(use.call.known.how) if one.distribution in pinned.present]
    found = [one for one in found if not (release and one.since) or release >= release_of(one.since)]
    yield use._replace(brought=tuple(dict.fromkeys(module for one in found for module in one.modules)))


def _once(uses: list[WorkUse]) -> Iterator[WorkUse]:
    """Yield each use, with what it takes that no earlier one has taken: dictionaries are loaded once, clients share code."""
    seen: set[str] = set()
    for use in sorted(uses, key=lambda one: MOMENTS.index(one.moment)):
        known = use.call.known
        key = known.how if (known.kind == "data" and known.size) or known.kind == "client" else ""
        key = "" if use.brought else key
        if key and key in seen and "Session" not in known.function:
            yield use._replace(size=use.size - known.size if known.how == "aws" else 0)
            continue
        seen.add(key)
        yield use


def _without_calls(externals: Collection[External], uses: list[WorkUse]) -> Iterator[External]:
    """Yield what is imported, without the calls that are priced here and not by the catalog."""
    priced = [one.call for one in uses if one.call.known.how == "aws" or one.call.known.kind == "initializer"]
    names = {(one.path, one.known.function.partition(".")[0]): one.known.function.rpartition(".")[2] for one in priced}
    for external in externals:
        called = external.way and names.get((external.way.last.path, external.names[0].partition(".")[0]))
        if called is not None and external.site is not None and called in external.site.calls:
            calls = tuple(one for one in external.site.calls if one != called)
            yield external._replace(site=external.site._replace(calls=calls))
        else:
            yield external


def _brought(uses: list[WorkUse]) -> Iterator[External]:
    """Yield what initializers and engines import because it is installed."""
    for use in uses:
        for module in use.brought:
            # Behind a colon is what of it was called as it was measured.
            step = Step(use.call.path, use.call.line, module.partition(":")[0])
            site = ImportSite(use.call.line, use.call.column, use.call.line, module, 0, (), "import", BROUGHT)
            found = External((module,), Way(step, use.way.before), use.moment, site, f"{BROUGHT} {use.call.function}")
            yield as_named(found)


BROUGHT = "because it is installed, by"
"""Says why an initializer imports a module: no statement of the project does."""


def is_brought(external: External) -> bool:
    """Return whether an initializer imports it, and no statement of the project."""
    return external.site is not None and external.site.why == BROUGHT
