"""The models that a service loads: by which call, when, in which of its processes, and what each takes there."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache, partial

from memguard_hooks.app.loaded import NONE, Models, ModelUse
from memguard_hooks.finding import MOMENTS, Moment, Skipped, Step, Way
from memguard_hooks.imports.graph import External
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.errors import MemguardError
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.models.calls import ModelCall
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.models.memory import ModelMemory
    from memguard_hooks.models.table import Model
    from memguard_hooks.project.project import Project

    Bound: TypeAlias = Mapping[tuple[str, int, int], bytes]

MAIN = "__main__"

_BINDING = late_pattern(rb"[ \t]*(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)[ \t]*=[ \t]*")
_WORD = late_pattern(rb"\w+")

KEPT = ("tiktoken",)
"""Libraries that load a model once in a process: tiktoken has a registry of its encodings (tiktoken/registry.py)."""

FIRST_NEW = (5, 2)
"""The first sentence-transformers that takes version 5 of transformers."""

_OF_ACCESS = late_pattern(r"token|cred|cookie|session|secret|auth", re.IGNORECASE)
"""Judgment: names of pickles that hold what gives access, which is a few KiB: those of the examples of Google's clients."""


class _Gaps(Record):
    """What is not known of the models that files load: which cannot be parsed and why, and whether there is too much."""

    unread: Mapping[str, MemguardError]
    is_exhausted: bool
    is_cut: bool


def find_models(project: Project, entry: ServiceEntry, walked: Walk) -> tuple[Models, tuple[External, ...]]:
    """Return the models that a service loads, and what loading them imports."""
    paths = [path for path in walked.paths if _may_load(project, path)]
    if not paths:
        return NONE, ()
    calls, gaps = _calls(project, entry, walked, paths)
    bound = _bound(project, calls)
    unused = _unused(project, walked, bound)
    uses: list[ModelUse] = []
    unknown: list[ModelUse] = []
    of_pickles: list[External] = []
    timed = [(call, moment) for path in paths for call in calls[path] if (moment := _moment(entry.sources, walked, call))]
    cut: dict[Skipped, None] = {}
    for call, moment in _first(timed, bound):
        files = _pickles(project, entry, call)
        if moment == "start" and _are_data(project, call, files):
            continue
        of_pickles += _pickled(project, entry, walked, call, moment, files)
        cut.update((one, None) for one in _cut(project, files))
        is_used = (call.path, call.line, call.column) not in unused
        for use in _uses(project, entry, walked, call, moment, is_used=is_used):
            (uses if use.memory is not None else unknown).append(use)
    unread = (*cut, *_unread(gaps, [path for path in paths if path not in walked.files["all"]]))
    project.skipped += unread
    found = Models(tuple(_once(uses)), tuple(unknown), tuple(one.path for one in unread))
    return found, (*_imports([*uses, *unknown]), *of_pickles)


def _calls(
    project: Project, entry: ServiceEntry, walked: Walk, paths: Collection[str]
) -> tuple[dict[str, tuple[ModelCall, ...]], _Gaps]:
    """Return the calls of some files that load models: the same for each walk of the service that reaches the same files."""

    def find() -> tuple[dict[str, tuple[ModelCall, ...]], _Gaps]:
        from memguard_hooks.models.calls import find_calls

        calls: dict[str, tuple[ModelCall, ...]] = {}
        gaps = _Gaps({}, is_exhausted=False, is_cut=False)
        for path in paths:
            folding = folding_of(project, entry, walked)
            calls[path] = tuple(find_calls(folding, path))
            gaps = _Gaps({**gaps.unread, **folding.unread}, folding.is_exhausted, gaps.is_cut or folding.is_cut)
        return calls, gaps

    key = ("model calls", tuple(sorted(paths)), *_context(entry, walked))
    return parse_once(project.tree, key, find)


def _context(entry: ServiceEntry, walked: Walk) -> tuple[Hashable, ...]:
    """Return all that decides what expressions come to as a service runs them: services of one app may share it."""
    service = entry.service
    variables = (tuple(sorted(entry.environment.items())), tuple(sorted(service.variables)))
    return frozenset(walked.paths), entry.resolver.roots, service.command, *variables


def _unread(gaps: _Gaps, paths: Collection[str]) -> Iterator[Skipped]:
    """Yield why some of the files that run may load models that are not known."""
    for path, error in gaps.unread.items():
        if path in paths:
            yield Skipped(path, error.line, f"the models that it loads are not known: it {error.message}")
    if gaps.is_exhausted and paths:
        yield Skipped(
            next(iter(paths)), None, "not all models are known that it and other files load: the code is too large"
        )
    elif gaps.is_cut and paths:
        reason = "not all models are known that it and other files load: more files may name them than are read"
        yield Skipped(next(iter(paths)), None, reason)


def _once(uses: Sequence[ModelUse]) -> Iterator[ModelUse]:
    """Yield the first use of each model of a library that hands out the one it has loaded, and all uses of the others.

    What a call loads that is there for something else is such a model as well.
    """
    told: set[tuple[str, Model]] = set()
    for use in sorted(uses, key=lambda one: (MOMENTS.index(one.moment), -_heaviest(one))):
        loader = use.call.loader
        if (loader.library in KEPT or loader.given) and use.model is not None:
            if (loader.library, use.model) in told:
                continue
            told.add((loader.library, use.model))
        yield use


def _may_load(project: Project, path: str) -> bool:
    """Return whether a file may load a model, by its bytes, which are looked at once for each content."""
    name = project.tree.identity(path)
    if name is None:
        return False
    known = project.facts.store.known(bool, b"may load a model", name)
    if known is not None:
        return known
    from memguard_hooks.models.loaders import may_load

    found = may_load(project.tree.read(path) or b"")
    project.facts.store.put(found, b"may load a model", name)
    return found


def folding_of(project: Project, entry: ServiceEntry, walked: Walk) -> Folding:
    """Return what finds the values of expressions as a service runs them: one for all that asks of the same walk.

    It is asked for anew for each file, for what it holds is bounded.
    """
    foldings = project.foldings
    number = foldings.number((id(project.tree), *_context(entry, walked)))
    return foldings.get(number, lambda: _folding(project, entry, walked, number))


def _folding(project: Project, entry: ServiceEntry, walked: Walk, number: int) -> Folding:
    from memguard_hooks.app.env_files import variables_in
    from memguard_hooks.formats.shell_words import split_plain
    from memguard_hooks.imports.resolve import absolute
    from memguard_hooks.models.evaluation import WorkLeft
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.models.values import RunContext, Sources

    resolver, service = entry.resolver, entry.service
    paths = walked.paths

    @lru_cache(MAX_LOCATED)
    def locate(module: str, level: int, path: str) -> str | None:
        here = resolver.module_of(path)
        name = absolute(module, level, here, is_package=path.endswith("/__init__.py")) if level else module
        if not name:
            return None
        if resolver.is_whole(name):
            return resolver.files(name)[-1]
        return "" if resolver.is_folder_of_source(name) else None

    mentions = project.foldings.mentions
    numbered = [(path, mentions.number(project.tree.identity(path), partial(project.tree.read, path))) for path in paths]

    def naming(word: str) -> Iterator[str]:
        found = mentions.of(word)
        return (path for path, number in numbered if found[number])

    hidden = frozenset(service.variables) - frozenset(entry.environment)
    words = tuple(split_plain(service.command)) if len(service.command) <= MAX_COMMAND else ()
    variables, is_whole = variables_in(project, paths)
    context = RunContext(entry.environment, hidden, words, variables)
    work = parse_once(project.tree, ("work of foldings",), WorkLeft)
    folding = Folding(Sources(project.tree.read, locate, naming), context, work, project.foldings.scope)
    folding.is_cut = not is_whole
    folding.number = number
    return folding


MAX_LOCATED = 10_000
"""Imports of which the file is kept."""

MAX_COMMAND = 10_000
"""Letters of a start command whose words are looked at."""


def _moment(sources: SourceFiles, walked: Walk, call: ModelCall) -> Moment | None:
    """Return when a call runs; None where its file is not loaded as the program."""
    body = call.scope or (MAIN if call.is_main else "")
    ran = walked.ran.get((call.path, body))
    if ran is not None:
        branch = sources.body_at(call.path, call.line)
        is_branch = branch.startswith(f"{body}.<")
        return walked.ran.get((call.path, branch), "all") if is_branch else ran
    above = [walked.ran[one] for one in call.overridden if one in walked.ran]
    if above:  # a receiver that is known by a parent may be of this class
        return min(above, key=MOMENTS.index)
    if call.is_property and _is_used(walked, call.path, call.scope.rpartition(".")[0]):
        return "serving"
    return None if call.is_main else "all"


def _is_used(walked: Walk, path: str, name: str) -> bool:
    """Return whether a method of a class runs, so that its attributes may be asked for."""
    return any(where == path and body.startswith(f"{name}.") for where, body in walked.ran)


def _uses(
    project: Project, entry: ServiceEntry, walked: Walk, call: ModelCall, moment: Moment, *, is_used: bool
) -> Iterator[ModelUse]:
    """Yield what a call loads: each of its names, or the largest of those that it may be given."""
    from memguard_hooks.models.memory import MAX_TEXTS, texts_of

    step = Step(call.path, call.line, call.function)
    is_twice = bool(walked.twice) and call.path == entry.path and not (call.scope or call.is_main)
    bare = ModelUse(call, "", None, None, moment, Way(step, walked.ways.get(call.path)), 1 + is_twice)
    bare = bare._replace(version=_major(project, entry, call.loader.library))
    bare = bare._replace(brought=_brought(project, bare), is_used=is_used)
    found = [_priced(project, entry, bare._replace(name=name)) for name in call.names]
    known = [one for one in found if one.memory is not None]
    if call.is_each:
        yield from known
    elif known:
        yield max(known, key=_heaviest)
    unpriced = [one for one in found if one.memory is None and not _may_be_absent(one)]
    is_all = is_used and any(texts_of({"batch_size": one}) > MAX_TEXTS for one in call.options.get("batch_size", ()))
    if "packed" in call.options or is_all:
        yield from (one._replace(memory=None) for one in known[:1])
    if call.reason and not _may_be_absent(bare):
        yield bare
    else:
        yield from unpriced[:1]


def _bound(project: Project, calls: Mapping[str, Iterable[ModelCall]]) -> Bound:
    """Return the names that calls bind their models to, by the places of the calls."""
    found: dict[tuple[str, int, int], bytes] = {}
    for path, ones in calls.items():
        lines = (project.tree.read(path) or b"").split(b"\n")
        for one in ones:
            match = _BINDING.match(next(iter(lines[one.line - 1 : one.line]), b""))
            if match is not None and match.end() == one.column - 1:
                found[path, one.line, one.column] = match[1]
    return found


def _unused(project: Project, walked: Walk, bound: Bound) -> frozenset[tuple[str, int, int]]:
    """Return the places of calls that bind a model to a name which no file of the app has elsewhere: it cannot run."""
    if not bound:
        return frozenset()
    names, found = {*bound.values()}, Counter[bytes]()
    for path in walked.paths:
        found.update(word for word in _WORD.findall(project.tree.read(path) or b"") if word in names)
    return frozenset(place for place, name in bound.items() if found[name] == 1)


def _first(calls: Sequence[tuple[ModelCall, Moment]], bound: Bound) -> Iterator[tuple[ModelCall, Moment]]:
    """Yield calls without those that load once more, where a name has no value yet, what another call gives that name."""
    told: set[tuple[object, ...]] = set()
    for call, moment in sorted(calls, key=lambda one: (MOMENTS.index(one[1]), one[0].is_where_none)):
        name = bound.get((call.path, call.line, call.column))
        key = (call.path, name, call.loader, call.names)
        if name is None or not call.is_where_none or key not in told:
            yield call, moment
        told.add(key)


def _may_be_absent(use: ModelUse) -> bool:
    """Return whether a file that is not in the repository says nothing: a pickle without a name may be any object.

    One that has a name may be of any size, but for what gives access.
    """
    loader = use.call.loader
    if loader.file_format != "pickle" or (loader.library == "joblib" and not use.name):
        return False
    return not use.name or _OF_ACCESS.search(use.name.rpartition("/")[2]) is not None


def _heaviest(use: ModelUse) -> int:
    assert use.memory is not None
    return max(use.memory.peak, use.memory.served) + use.memory.mapped


def _priced(project: Project, entry: ServiceEntry, use: ModelUse) -> ModelUse:
    """Return a use with what its model takes, by the worst of the options that it may be given."""
    from memguard_hooks.app.model_files import model_in_folder
    from memguard_hooks.models.loaders import model_of
    from memguard_hooks.models.memory import memory_of_file
    from memguard_hooks.models.table import Model, find

    loader = use.call.loader
    if loader.file_format:
        size = _size(project, entry, use)
        of_hub = find("hub", use.name) if size is None and loader.file_format == "onnx" else None
        size = of_hub.weights("float32") if of_hub is not None else size
        return use if size is None else use._replace(memory=_of_file(project, entry, use, size))
    model = model_in_folder(project, entry, use.call.path, loader, use.name)
    if model is None and loader.kind != "unknown":
        model = model_of(loader, use.name)
    if model is None and loader.library == "ultralytics":
        size = _size(project, entry, use)
        if size is not None and not use.name.endswith(".pt"):
            return use._replace(memory=memory_of_file("torch", size))
        model = None if size is None else Model(use.name, loader.kind, size // 2, "float16", "", "the size of its file")
    if model is None:
        return use
    is_tensorflow = "tensorflow" in use.brought and "torch" not in use.brought
    framework = {"framework": "tensorflow"} if is_tensorflow else {}
    choices = [use.replaced(model, {**dict(options), **framework}) for options in _choices(use.call.options)]
    return max(choices, key=_heaviest)._replace(name=use.name)


def _of_file(project: Project, entry: ServiceEntry, use: ModelUse, size: int) -> ModelMemory:
    """Return what reading a file takes: of a pickle by what is in it, where that is more than the file."""
    from memguard_hooks.models.memory import memory_of_file

    form = use.call.loader.file_format
    found = memory_of_file(form, size)
    if form != "pickle":
        return found
    from memguard_hooks.app.model_files import find_file
    from memguard_hooks.app.pickled import sized

    file = find_file(project, entry, use.call.path, use.name)
    taken = sized(project.tree, file[0]) if file is not None else None
    if taken is None or taken <= size:
        return found
    more = max(0, found.rest + found.more - taken)
    return found._replace(rest=taken, anonymous=taken, peak=taken, served=taken, more=more)


def _choices(options: Mapping[str, tuple[str, ...]]) -> Iterator[list[tuple[str, str]]]:
    """Yield each way in which the options of a call may be given."""
    import itertools

    names = list(options)
    for values in itertools.islice(itertools.product(*(options[name] for name in names)), 20):
        yield list(zip(names, values, strict=True))


def _size(project: Project, entry: ServiceEntry, use: ModelUse) -> int | None:
    """Return the bytes of a file that a call names."""
    from memguard_hooks.app.model_files import find_file

    found = find_file(project, entry, use.call.path, use.name)
    return None if found is None else found[1]


def _major(project: Project, entry: ServiceEntry, library: str) -> int | None:
    """Return the major version of transformers that a library runs on, None where nothing says."""
    versions = project.declared.beside(entry.path).versions
    if library not in ("transformers", "sentence-transformers"):
        return None
    own = _numbers(versions.get("transformers", ""))
    if own:
        return own[0]
    above = _numbers(versions.get("sentence-transformers", ""))
    return (5 if above >= FIRST_NEW else 4) if above else None


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def _imports(uses: Iterable[ModelUse]) -> Iterator[External]:
    """Yield what calls import besides their own modules."""
    for one in uses:
        for name in one.brought:
            yield External((name,), Way(Step(one.call.path, one.call.line, name), one.way.before), one.moment)


def _pickles(project: Project, entry: ServiceEntry, call: ModelCall) -> dict[str, str | None] | None:
    """Return the names of what a call may unpickle, and where each is in the repository; None for other calls."""
    if call.loader.file_format != "pickle":
        return None
    from memguard_hooks.app.model_files import find_file

    found = {name: find_file(project, entry, call.path, name) for name in call.names}
    return {name: None if file is None else file[0] for name, file in found.items()}


def _are_data(project: Project, call: ModelCall, files: Mapping[str, str | None] | None) -> bool:
    """Return whether all that a call may unpickle is data, which is read into memory as other files are."""
    from memguard_hooks.app.pickled import is_data

    return (
        bool(files)
        and not call.reason
        and call.loader.library == "pickle"
        and all(path is not None and is_data(project.tree, path) for path in (files or {}).values())
    )


def _cut(project: Project, files: Mapping[str, str | None] | None) -> Iterator[Skipped]:
    """Yield the pickles that name more than is looked at."""
    for path in filter(None, (files or {}).values()):
        from memguard_hooks.app.pickled import names_too_much

        if names_too_much(project.tree, path):
            yield Skipped(path, None, "names more modules than are looked at: what it imports is not all known")


def _pickled(
    project: Project,
    entry: ServiceEntry,
    walked: Walk,
    call: ModelCall,
    moment: Moment,
    files: Mapping[str, str | None] | None,
) -> Iterator[External]:
    """Yield what loading a pickle imports, whatever it holds; what the project imports itself is installed."""
    if files is None:
        return
    from memguard_hooks.app.pickled import LEARNING, modules_in
    from memguard_hooks.catalog.lookup import providers

    imported = {one.names[0].partition(".")[0] for one in walked.externals}.intersection(LEARNING)
    present = project.declared.beside(entry.path).present.union(*map(providers, imported))
    for name in modules_in(project.tree, files, present, is_of_models=call.loader.library == "joblib"):
        step = Step(call.path, call.line, name)
        yield External((name,), Way(step, walked.ways.get(call.path)), moment)


def _brought(project: Project, use: ModelUse) -> tuple[str, ...]:
    """Return what a call imports besides its own module.

    Before version 5, transformers imports TensorFlow where that is installed, and then does without torch where it is not.
    """
    names = use.call.loader.imports
    if use.call.loader.library == "deepface" and not _declared(project, ("tensorflow", "tensorflow-cpu")):
        return ()  # it runs on others by now
    if "True" in use.call.options.get("export", ()):
        return (*names, "torch", "transformers")
    if use.call.loader.library == "transformers" and use.version is not None and use.version < NEW:
        there = _declared(project, ("tensorflow", "tensorflow-cpu", "torch"))
        if there - {"torch"}:
            return (*(name for name in names if name != "torch" or "torch" in there), "tensorflow")
    return names


def _declared(project: Project, names: tuple[str, ...]) -> set[str]:
    """Return which of some distributions a manifest declares."""
    found = (one.name for manifest in project.whole.declared.manifests(names) for one in manifest.requirements)
    return {name for name in found if name in names}


NEW = 5
"""The first major version of transformers that maps weights as they are stored, and knows torch alone."""


def smaller(use: ModelUse) -> Iterator[ModelUse]:
    """Yield what could take a model's place, the largest first: the same in 8 bits, then smaller ones of its family."""
    from memguard_hooks.models.table import family

    if use.model is None or use.model.dtype == "file":
        return
    packed = {**use.options, "compute_type": "int8"} if use.call.loader.library == "faster-whisper" else dict(use.options)
    for model in family(use.model):
        is_smaller = model.size < use.model.size
        if is_smaller or (model.size == use.model.size and packed != use.options):
            yield use.replaced(model._replace(name=use.name) if not is_smaller else model, packed)
