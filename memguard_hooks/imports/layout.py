"""Where a project keeps its packages and which commands it installs, as pyproject.toml, setup.cfg or setup.py says.

Sources: the build backends' own documentation (setuptools' package discovery, Poetry's `packages`, Hatch's build
configuration, PDM's `package-dir`, uv's `module-root` and workspaces) and the specification of entry points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import any_of, late_pattern
from memguard_hooks.record import Any, Record
from memguard_hooks.tree import Tree, join, peek

FILES = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})
"""What says it, by their names."""

MAX_MEMBERS = 200
"""Members of a workspace that are looked at, and patterns that name them."""


PYTHONS = tuple((3, minor) for minor in range(8, 17))


class Layout(Record):
    """The folders that packages are installed from, and the commands that are: name → `module:function`.

    `python` is the Python that the project asks for, where it allows a single one, or none before lazy imports. `skipped`
    says which members of a workspace are not looked at.
    """

    roots: tuple[str, ...] = ()
    scripts: Mapping[str, str] = MappingProxyType({})
    python: tuple[int, int] | None = None
    skipped: tuple[Skipped, ...] = ()

    def over(self, other: Layout) -> Layout:
        """Return both together; where they differ, these win."""
        roots = tuple(dict.fromkeys((*self.roots, *other.roots)))
        skipped = (*self.skipped, *other.skipped)
        return Layout(roots, {**other.scripts, **self.scripts}, self.python or other.python, skipped)


def read_layout(tree: Tree, folder: str = "") -> Layout:
    """Read the layout of the project in a folder; what does not parse says nothing here, others report it."""
    roots: list[str] = []
    scripts: dict[str, str] = {}
    python = None
    here = f"{folder}/" if folder else ""
    document = _pyproject(peek(tree, f"{here}pyproject.toml"), f"{folder}/pyproject.toml")
    if document:
        python = _python(_at(document, "project", "requires-python"))
        roots += _roots(document)
        scripts.update(_scripts(document))
        if not roots and "build-system" in document:
            roots.append("")
    data = peek(tree, f"{here}setup.cfg")
    if data is not None and (b"where" in data or b"package_dir" in data or b"console_scripts" in data):
        inner = _setup_cfg(data)
        roots += inner.roots
        scripts.update(inner.scripts)
    setup = peek(tree, f"{here}setup.py")
    if setup is not None and b"console_scripts" in setup:
        scripts.update(_setup_py(setup))
    if not roots and (data is not None or setup is not None):
        roots.append("")
    inside = [path for root in roots if (path := join(folder, root)) is not None]
    members, skipped = _members(tree, document) if not folder else ([], ())
    for member in members:
        inner = read_layout(tree, member)
        inside += inner.roots
        scripts = {**inner.scripts, **scripts}
    return Layout(tuple(dict.fromkeys(inside)), scripts, python, skipped)


def _pyproject(data: bytes | None, path: str) -> dict[str, Any]:
    from memguard_hooks.formats import toml_document

    return toml_document.data_of(data, path) if data is not None else {}


def _at(document: object, *keys: str) -> Any:
    """Return the value below keys, None where there is none; `formats.typed` is not loaded for most projects."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _texts(document: object, *keys: str) -> list[str]:
    value = _at(document, *keys)
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _python(specifiers: object) -> tuple[int, int] | None:
    """Return the only Python that specifiers allow, or 3.15 where they allow none before it."""
    if not isinstance(specifiers, str) or not re.search(r"[=<~]|3\.1[5-9]", specifiers.replace(">=", "")):
        return None  # at least some version: that of the host is likely another
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(specifiers)
    except InvalidSpecifier:
        return None
    found = [version for version in PYTHONS if any(f"3.{version[1]}.{patch}" in wanted for patch in range(30))]
    return found[0] if len(found) == 1 or (found and found[0] >= (3, 15)) else None


def _roots(document: dict[str, Any]) -> list[str]:
    found = _texts(document, "tool", "setuptools", "packages", "find", "where")
    found += _texts(document, "tool", "setuptools", "package-dir", "")
    packages = _at(document, "tool", "poetry", "packages")
    for package in packages if isinstance(packages, list) else ():
        found += _texts(package, "from")
    for package in _texts(document, "tool", "hatch", "build", "targets", "wheel", "packages"):
        found.append(package.rstrip("/").rpartition("/")[0])
    for keys in (("hatch", "build", "sources"), ("pdm", "package-dir"), ("pdm", "build", "package-dir"),
                 ("uv", "build-backend", "module-root"), ("maturin", "python-source")):  # fmt: skip
        found += _texts(document, "tool", *keys)
    return found


def _scripts(document: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for keys in (
        ("tool", "poetry", "scripts"),
        ("project", "gui-scripts"),
        ("project", "entry-points", "console_scripts"),
        ("project", "scripts"),
    ):
        table = _at(document, *keys)
        for name, given in table.items() if isinstance(table, dict) else ():
            text = given if isinstance(given, str) else _at(given, "reference") or _at(given, "callable")
            if isinstance(text, str):
                found[name] = text.partition("[")[0].strip()
    return found


_CONSOLE_SCRIPTS = late_pattern(rb"[\"']console_scripts[\"']\s*:\s*[\[(]([^\])]{0,20000})")
_SCRIPT = late_pattern(rb"[\"']\s*([\w.-]+)\s*=\s*([\w.]+:[\w.]+)")


def _setup_py(data: bytes) -> dict[str, str]:
    """Return the commands that a setup.py lists as it stands there."""
    listed = _CONSOLE_SCRIPTS.search(data)
    found = _SCRIPT.findall(listed[1]) if listed is not None else []
    return {name.decode("ascii", "replace"): text.decode("ascii", "replace") for name, text in found}


def _members(tree: Tree, document: dict[str, Any]) -> tuple[list[str], tuple[Skipped, ...]]:
    """Return the folders of a workspace of uv at the top, without what it excludes, and what to say where there are more."""
    found: list[str] = []
    excluded, patterns = (_texts(document, "tool", "uv", "workspace", key) for key in ("exclude", "members"))
    is_excluded = any_of(excluded[:MAX_MEMBERS])
    for pattern in patterns[:MAX_MEMBERS]:
        head, _, last = pattern.rstrip("/").rpartition("/")
        base = join("", head)
        names = [entry.name for entry in tree.entries(base) if entry.is_folder] if base is not None else []
        members = [f"{head}/{name}".lstrip("/") for name in filter(any_of([last]), names)]
        found += [one for one in members if not is_excluded(one)]
    is_whole = max(map(len, (excluded, patterns, found))) <= MAX_MEMBERS
    reason = f"its workspace has more than {MAX_MEMBERS} members or patterns of them, and not all are looked at"
    return found[:MAX_MEMBERS], () if is_whole else (Skipped("pyproject.toml", None, reason),)


def _setup_cfg(data: bytes) -> Layout:
    from memguard_hooks.formats.ini import read_options

    roots: list[str] = []
    below: list[str] = []
    scripts: dict[str, str] = {}
    for option in read_options(data.decode("utf-8-sig", "replace")):
        lines = [piece.text for piece in option.pieces]
        pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition("=") for line in lines)]
        match option.section, option.name:
            case "options.packages.find", "where":
                roots += " ".join(lines).split()
            case "options", "package_dir":
                below += [value for name, value in pairs if value and not name]
            case "options.entry_points", "console_scripts":
                scripts |= {name: value.partition("[")[0].strip() for name, value in pairs if value}
    return Layout((*roots, *below), scripts)
