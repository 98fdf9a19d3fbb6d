"""The files of a compose project: what each says of a service, what that extends, what is included, and how they merge.

Source of the format: compose-spec/compose-spec (13-merge.md, 14-include.md, `extends` in 05-services.md) and
compose-spec/compose-go, packages loader and override (2026-07). A service is kept flat, one entry a key, so that a merge
is an update: `environment`, `env_file`, `volumes` and `profiles` join by what names an entry, all else is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from memguard_hooks.deployment.compose_values import interpolate, read_env_file, split_words
from memguard_hooks.deployment.service import ImageMaker, Read, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.parameters import Substituted
from memguard_hooks.formats.yaml_nodes import compose_all, few, get, items, pairs, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

MAX_BYTES = 2**18
"""All files of a project that one names together, and the one itself; parsing YAML is slow."""

MAX_SERVICES = 100
MAX_FILES = 20
MAX_DEPTH = 20
MAX_ITEMS = 500

LIMITS = ("deploy", "resources", "limits")
MEMORY = (*LIMITS, "memory")
_SCALARS = (
    ("image",),
    ("working_dir",),
    ("mem_limit",),
    ("cpus",),
    ("scale",),
    ("restart",),
    ("build", "context"),
    ("build", "dockerfile"),
    ("build", "dockerfile_inline"),
    ("build", "target"),
    ("deploy", "mode"),
    ("deploy", "replicas"),
    MEMORY,
    (*LIMITS, "cpus"),
    (*LIMITS, "pids"),
)

_REMOTE = late_pattern(r"\w+://|git@|github\.com/")
"""What a context begins with that is not in the repository."""

_RESETS = ("!reset", "!override")

Key = tuple[str, ...]


class Written(Record):
    """One value of a service with its variables put in; `folder` is what a path in it counts from.

    `words` are those of a command, None where it is null or compose refuses it; `cut` is what compose drops behind them.
    """

    text: Substituted
    place: ServicePlace
    folder: str = ""
    words: tuple[str, ...] | None = None
    cut: str = ""


class ComposeDeclared(Record):
    """A service, flat; `cleared` are the keys that `!reset` and `!override` take from what it is merged over."""

    place: ServicePlace
    facts: Mapping[Key, Written]
    cleared: frozenset[Key] = frozenset()

    def over(self, base: ComposeDeclared) -> ComposeDeclared:
        """Return this merged over a base: what stands here wins."""
        kept = {
            key: value
            for key, value in base.facts.items()
            if not any(key[:length] in self.cleared for length in range(len(key) + 1))
        }
        return ComposeDeclared(base.place, {**kept, **self.facts}, base.cleared)

    def text(self, *key: str) -> str | None:
        """Return a value that is known and not empty."""
        written = self.facts.get(key)
        return written.text.text or None if written is not None and written.text.is_known else None

    @property
    def build(self) -> ImageMaker | Skipped | None:
        """What makes the image here; None where nothing does, or nobody can know where, and why there is none."""
        written, where = self.facts.get(("build",)), self.facts.get(("build", "context"))
        if written is None or (where is not None and (not where.text.is_known or _REMOTE.match(where.text.text))):
            return None
        context = join(where.folder, where.text.text) if where is not None else written.folder
        file = join(context, self.text("build", "dockerfile") or "Dockerfile") if context is not None else None
        if context is None or file is None:
            return Skipped(written.place.path, written.place.line, "its build leads out of the repository")
        return ImageMaker(file, context, self.text("build", "target") or "")

    def names(self, key: str) -> list[str]:
        """Return what names the entries of a list or mapping."""
        return [found[1] for found in self.facts if found[0] == key and len(found) > 1]


class ComposeSource(Record):
    """A file, the folder that its paths count from, and the variables that compose puts in."""

    path: str
    folder: str
    variables: Mapping[str, str]


class _UnresolvedError(Exception):
    """A service whose declaration is not all there; the message says why."""


def read_variables(folder: str, outer: Mapping[str, str], read_file: Read) -> dict[str, str]:
    """Return what compose puts in for variables: those of outside, and those of the `.env` beside the project."""
    path = f"{folder}/.env".lstrip("/")
    data = read_file(path)
    found = read_env_file(data, outer, path) if data is not None else {}
    return {**{name: one.value for name, one in found.items() if one.value is not None}, **outer}


def source_in(folder: str, path: str, read_file: Read) -> ComposeSource:
    """Return the file of a project that lies in a folder, with its variables."""
    return ComposeSource(path, folder, read_variables(folder, {}, read_file))


def load_project(
    data: bytes, source: ComposeSource, read_file: Read
) -> tuple[ComposeLoader, ComposeSource, dict[str, ComposeDeclared]]:
    """Return what has read a file, where it stands, and its services.

    Paths count from its folder, or from the root where only that holds what it builds: with several `-f` they count from
    the first file, or from `--project-directory`.
    """
    loader = ComposeLoader(read_file)
    here = loader, source, loader.load(data, source, ())
    if not source.folder or not _lacks_all(here[2], read_file):
        return here
    loader, root = ComposeLoader(read_file), source_in("", source.path, read_file)
    above = loader, root, loader.load(data, root, ())
    return here if _lacks_all(above[2], read_file) else above


def _lacks_all(declared: Mapping[str, ComposeDeclared], read_file: Read) -> bool:
    """Return whether services are built here, and none of the Dockerfiles is there."""
    built = [one.build for one in declared.values() if ("build", "dockerfile_inline") not in one.facts]
    files = [made.file for made in built if isinstance(made, ImageMaker)]
    return bool(files) and all(read_file(file) is None for file in files)


def merge(base: Mapping[str, ComposeDeclared], over: Mapping[str, ComposeDeclared]) -> dict[str, ComposeDeclared]:
    """Merge the services of a file over those of another."""
    merged = dict(base)
    for name, one in over.items():
        merged[name] = one.over(base[name]) if name in base else one
    return merged


class ComposeLoader:
    """Reads a file with all that it includes and extends; other files are bounded in number and size."""

    def __init__(self, read_file: Read) -> None:
        self.skipped: list[Skipped] = []
        self._read_file = read_file
        self._files: dict[str, list[yaml.Node]] = {}
        self._left = MAX_BYTES

    def load(self, data: bytes, source: ComposeSource, including: tuple[str, ...]) -> dict[str, ComposeDeclared]:
        """Return the services of a file; of several documents each is merged over those before it.

        Raises MemguardError for a file that is too large or does not parse.
        """
        if len(data) > MAX_BYTES:
            raise MemguardError(f"is larger than {MAX_BYTES // 1024} KiB", source.path)
        declared: dict[str, ComposeDeclared] = {}
        for root in compose_all(data, source.path):
            raw = _raw_services(root)
            if len(raw) > MAX_SERVICES:
                self.skipped.append(Skipped(source.path, None, f"declares more than {MAX_SERVICES} services"))
                continue
            own: dict[str, ComposeDeclared] = {}
            for name, node in raw.items():
                try:
                    own[name] = self._resolve(name, raw, source, ())
                except _UnresolvedError as error:
                    self.skipped.append(Skipped(source.path, place(node)[0], str(error), service=name))
            included: dict[str, ComposeDeclared] = {}
            named = items(get(root, "include"))
            for node in named[:MAX_FILES]:
                included = merge(included, self._include(node, source, (*including, source.path)))
            for node in named[MAX_FILES : MAX_FILES + 1]:
                reason = f"it includes more than {MAX_FILES} files: this one is not read, and what comes after it"
                self.skipped.append(Skipped(source.path, place(node)[0], reason))
            declared = merge(declared, merge(included, own))
        return declared

    def _include(self, node: yaml.Node, source: ComposeSource, including: tuple[str, ...]) -> dict[str, ComposeDeclared]:
        written = get(node, "path") if isinstance(node, yaml.MappingNode) else node
        folder = scalar(node, "project_directory")
        declared: dict[str, ComposeDeclared] = {}
        first = ""
        for text in [interpolate(scalar(one) or "", source.variables) for one in _elements(written)]:
            path = join(source.folder, text.text) if text.is_known and text.text else None
            line = place(node)[0]
            if path is None or path in including or len(including) > MAX_DEPTH:
                self.skipped.append(Skipped(source.path, line, f"it includes {text.text or 'nothing'}, which is not read"))
                break
            first = first or path
            inner = join(source.folder, folder) if folder else parent(first)
            data = self._data(path)
            if data is None or inner is None:
                self.skipped.append(Skipped(source.path, line, f"it includes {path}, which is not in the repository"))
                break
            variables = read_variables(inner, source.variables, self._read_file)
            declared = merge(declared, self.load(data, ComposeSource(path, inner, variables), including))
        return declared

    def _data(self, path: str) -> bytes | None:
        """Return a file that another names, None where there is none, or where too much was read already."""
        data = self._read_file(path)
        if data is None or len(data) > self._left:
            return None
        self._left -= max(len(data), MAX_BYTES // MAX_FILES // 10)
        return data

    def _resolve(
        self, name: str, raw: Mapping[str, yaml.Node], source: ComposeSource, chain: tuple[tuple[str, str], ...]
    ) -> ComposeDeclared:
        """Return a service merged over the one that it extends."""
        if (source.path, name) in chain or len(chain) > MAX_DEPTH:
            raise _UnresolvedError(f"it extends {name} of {source.path} over and over")
        node = raw.get(name)
        if node is None:
            raise _UnresolvedError(f"there is no service {name} in {source.path}")
        own = _declare(node, source)
        extends = get(node, "extends")
        if extends is None:
            return own
        chain = (*chain, (source.path, name))
        service = interpolate(scalar(extends) or scalar(extends, "service") or "", source.variables).text
        file = scalar(extends, "file")
        if file is None:
            return own.over(self._resolve(service, raw, source, chain))
        path = join(source.folder, interpolate(file, source.variables).text)
        if path is None:
            raise _UnresolvedError(f"it extends {service} of {file}, which is out of the repository")
        if path not in self._files:
            data = self._data(path)
            self._files[path] = list(compose_all(data, path)) if data is not None else []
        other = {key: value for root in self._files[path] for key, value in _raw_services(root).items()}
        return own.over(self._resolve(service, other, ComposeSource(path, parent(path), source.variables), chain))


def _raw_services(root: yaml.Node) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in pairs(get(root, "services")) if isinstance(key.value, str)}


def _elements(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the elements of a list, or the one value that stands in its place."""
    if node is None or isinstance(node, yaml.SequenceNode):
        return few(node)
    return [node]


# One service of one file


def _declare(node: yaml.Node, source: ComposeSource) -> ComposeDeclared:
    where = ServicePlace(source.path, *place(node))
    facts: dict[Key, Written] = {}
    cleared: set[Key] = {()} if node.tag in _RESETS else set()
    build = _reach(node, ("build",), cleared)
    if build is not None:
        facts["build",] = _written("", build, source)
        arguments = _environment(_reach(node, ("build", "args"), cleared), source)
        facts.update({("build", "args", name): written for name, written in arguments})
    for key in _SCALARS:
        value = build if key == ("build", "context") and scalar(build) else _reach(node, key, cleared)
        if value is not None and (text := scalar(value)) is not None:
            facts[key] = _written(text, value, source)
    for name in ("command", "entrypoint"):
        if (value := _reach(node, (name,), cleared)) is not None:
            facts[name,] = _command(value, source)
    for name, entries in _ENTRIES.items():
        value = _reach(node, (name,), cleared)
        facts.update({(name, key): written for key, written in entries(value, source)})
    return ComposeDeclared(where, {} if node.tag == "!reset" else facts, frozenset(cleared))


def _reach(node: yaml.Node, key: Key, cleared: set[Key]) -> yaml.Node | None:
    """Return the value of a nested key, none for one that is reset; what it takes from the base is added to `cleared`."""
    here: yaml.Node | None = node
    for length, name in enumerate(key, start=1):
        here = get(here, name)
        if here is None:
            return None
        if here.tag in _RESETS:
            cleared.add(key[:length])
        if here.tag == "!reset":
            return None
    return here


def _written(text: str, node: yaml.Node, source: ComposeSource) -> Written:
    return Written(interpolate(text, source.variables), ServicePlace(source.path, *place(node)), source.folder)


def _command(node: yaml.Node, source: ComposeSource) -> Written:
    """Return `command` or `entrypoint`: a text is split into words, a list has them."""
    if isinstance(node, yaml.SequenceNode):
        texts = [scalar(one) for one in _elements(node)]
        words = tuple(interpolate(text, source.variables).text for text in texts if text is not None)
        return _written("", node, source)._replace(words=words)
    written = _written(scalar(node) or "", node, source)
    split = split_words(written.text.text) if scalar(node) is not None else None
    return written._replace(words=split[0], cut=split[1]) if split is not None else written


def _environment(node: yaml.Node | None, source: ComposeSource) -> Iterator[tuple[str, Written]]:
    """Yield the variables of a mapping or a list; one without a value has that of the host, which may be known."""
    for key, value in pairs(node):
        written = _written(scalar(value) or "", key, source)
        yield str(key.value), written if scalar(value) is not None else _of_host(str(key.value), written, source)
    for one in few(node):
        written = _written(scalar(one) or "", one, source)
        name, sign, text = written.text.text.partition("=")
        known = written._replace(text=Substituted(text, written.text.is_known))
        yield name, known if sign else _of_host(name, written, source)


def _of_host(name: str, written: Written, source: ComposeSource) -> Written:
    value = source.variables.get(name)
    return written._replace(text=Substituted(value or "", is_known=value is not None))


def _env_files(node: yaml.Node | None, source: ComposeSource) -> Iterator[tuple[str, Written]]:
    for one in _elements(node):
        named = get(one, "path") if isinstance(one, yaml.MappingNode) else one
        text = scalar(named)
        if named is not None and text is not None and scalar(one, "format") != "raw":
            written = _written(text, named, source)
            yield f"{source.folder}/{written.text.text}", written


def _profiles(node: yaml.Node | None, source: ComposeSource) -> Iterator[tuple[str, Written]]:
    for one in _elements(node):
        if (text := scalar(one)) is not None:
            yield text, _written(text, one, source)


def _mounts(node: yaml.Node | None, source: ComposeSource) -> Iterator[tuple[str, Written]]:
    """Yield the folders of the repository that stand in the container: `./api:/app`."""
    for one in _elements(node):
        origin, _, rest = interpolate(scalar(one) or "", source.variables).text.partition(":")
        target = rest.partition(":")[0]
        if scalar(one, "type") == "bind":
            origin, target = scalar(one, "source") or "", scalar(one, "target") or ""
        if origin.startswith(".") and target.startswith("/"):
            yield target.rstrip("/") or "/", _written(origin, one, source)


def _completed(node: yaml.Node | None, source: ComposeSource) -> Iterator[tuple[str, Written]]:
    """Yield the services that this one waits for until they have ended."""
    for key, value in pairs(node):
        if scalar(value, "condition") == "service_completed_successfully":
            yield str(key.value), _written("", key, source)


_ENTRIES = {
    "environment": _environment,
    "env_file": _env_files,
    "profiles": _profiles,
    "volumes": _mounts,
    "depends_on": _completed,
}
