"""PEP 621 in pyproject.toml: `dependencies`, `optional-dependencies`, and PEP 518's build requirements."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.requirement import Comment, Group, Manifest, Requirement, Wanted
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.toml_document import Document, KeyPath
from memguard_hooks.toml_document import parse as parse_toml
from memguard_hooks.tree import Tree, join, parent

_NOT_READ: tuple[KeyPath, ...] = (
    ("dependency-groups",),
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "poetry", "group"),
    ("tool", "pdm", "dev-dependencies"),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "uv", "constraint-dependencies"),
    ("tool", "uv", "override-dependencies"),
    ("tool", "hatch", "envs"),
)
"""Tables and lists of requirements that have no reader yet."""

MAX_REQUIREMENTS = 5_000
"""Requirements of one list: no hand writes more, and parsing them takes seconds."""


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the requirements of a pyproject.toml whose name is `wanted`.

    Raises MemguardError for a file that does not parse or breaks PEP 621, with the place.
    """
    if req.is_template(path):
        return Manifest(skipped=(Skipped(path, None, "is a template"),))
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
    document = parse_toml(data, path)
    own = _own_name(document)

    def is_own_or_wanted(name: str) -> bool:
        return name == own or wanted(name)

    requirements = [
        *_list(document, ("project", "dependencies"), "runtime", None, is_own_or_wanted),
        *(
            requirement
            for extra in _table(document, ("project", "optional-dependencies"))
            for requirement in _list(document, ("project", "optional-dependencies", extra), "extra", extra, is_own_or_wanted)
        ),
        *_list(document, ("build-system", "requires"), "build", None, wanted),
    ]
    manifest = Manifest(
        tuple(one for one in requirements if wanted(one.name)),
        tuple(Comment(path, *comment) for comment in document.comments) if b"memguard:" in data else (),
        tuple(_gaps(document, wanted)),
        tuple((one.group_name, extra) for one in requirements if one.name == own for extra in one.extras),
    )
    for more in _dynamic(document, tree, wanted):
        manifest = manifest.joined(more)
    return manifest


def _own_name(document: Document) -> str | None:
    name = _table(document, ("project",)).get("name")
    return req.normalize_name(name) if isinstance(name, str) else None


def _table(document: Document, key: KeyPath) -> dict[str, object]:
    value: object = document.data
    for part in key:
        value = value.get(str(part), {}) if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        raise document.error(f"{'.'.join(map(str, key))} must be a table", key)
    return value


def _texts(document: Document, key: KeyPath) -> list[str]:
    values = _table(document, key[:-1]).get(str(key[-1]), [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise document.error(f"{'.'.join(map(str, key))} must be a list of strings", key)
    if len(values) > MAX_REQUIREMENTS:
        raise document.error(f"{'.'.join(map(str, key))} lists more than {MAX_REQUIREMENTS} requirements", key)
    return values


def _list(document: Document, key: KeyPath, group: Group, name: str | None, wanted: Wanted) -> Iterator[Requirement]:
    for index, text in enumerate(_texts(document, key)):
        bare = req.name_of(text.strip())
        if bare is None or wanted(bare):
            item = (*key, index)
            line, column = document.place(item)
            column += len(text) - len(text.lstrip(" \t"))
            parsed = req.parse(text.strip(), document.path, line, column, document.end_line(item))
            yield parsed._replace(group=group, group_name=name)


def _dynamic(document: Document, tree: Tree, wanted: Wanted) -> Iterator[Manifest]:
    """Read the requirements files that setuptools is told to take, and say what else is dynamic."""
    dynamic = _table(document, ("project",)).get("dynamic")
    for field in ("dependencies", "optional-dependencies"):
        if not isinstance(dynamic, list) or field not in dynamic:
            continue
        key: KeyPath = ("tool", "setuptools", "dynamic", field)
        extras = [None] if field == "dependencies" else [*_table(document, key)]
        files = [(extra, file) for extra in extras for file in _files(document, (*key, extra) if extra else key)]
        for extra, file in files:
            yield _dynamic_file(document.path, tree, file, extra, wanted)
        if not files:
            line = document.place(("project", "dynamic")).line
            yield Manifest(skipped=(Skipped(document.path, line, f"its {field} are dynamic and are not read from here"),))


def _files(document: Document, key: KeyPath) -> list[str]:
    file = _table(document, key).get("file")
    return [file] if isinstance(file, str) else _texts(document, (*key, "file"))


def _dynamic_file(path: str, tree: Tree, file: str, extra: str | None, wanted: Wanted) -> Manifest:
    from memguard_hooks.dependencies import requirements_txt

    target = join(parent(path), file)
    if target is None:
        return Manifest(skipped=(Skipped(path, None, f"takes {file}, which leads out of the repository"),))
    found = requirements_txt.read(tree, target, wanted)
    if extra is None:
        return found
    return found._replace(
        requirements=tuple(one._replace(group="extra", group_name=extra) for one in found.requirements), own_extras=()
    )


def _gaps(document: Document, wanted: Wanted) -> Iterator[Skipped]:
    """Say which declarations that matter stand where no reader looks."""
    for key in _NOT_READ:
        value: object = document.data
        for part in key:
            value = value.get(str(part)) if isinstance(value, dict) else None
        names = sorted({name for name in _names(value) if wanted(name)})
        if names:
            line = document.place(key).line
            yield Skipped(document.path, line, f"[{'.'.join(map(str, key))}] names {', '.join(names)} and is not read yet")


def _names(value: object) -> Iterator[str]:
    """Give all that may be the name of a distribution in a value: keys of tables, and what strings start with."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            name = req.name_of(one)
            if name:
                yield name
