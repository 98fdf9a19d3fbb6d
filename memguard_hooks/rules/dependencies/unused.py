"""Heavy packages that are declared and that the code does not need, or not always; and what is missing beside another.

Cautious: a manifest of which the code imports nothing at all, an import whose name is computed, a mention in a
configuration file or a command, and libraries that load others by their names all keep it silent.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memguard_hooks.catalog import lookup
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, mib
from memguard_hooks.rules.dependencies.findings import finding
from memguard_hooks.rules.policy import COMPANIONS

if TYPE_CHECKING:
    from memguard_hooks.dependencies.requirement import Requirement
    from memguard_hooks.project.project import Project

LOADED_BY_NAME = frozenset({
    "faiss-cpu", "faiss-gpu", "matplotlib", "sentence-transformers", "tensorflow", "tensorflow-cpu", "tensorflow-gpu",
    "tf-nightly", "torch", "transformers",
})  # fmt: skip
"""Packages that others load where they are installed: backends of keras and of embeddings, plots of pandas."""

LOADERS_OF = {"scikit-learn": ("cloudpickle", "dill", "joblib", "pickle", "skops")}
"""Package → modules that load it with what was saved by it."""

REQUIRED_BY_MANY = frozenset({"matplotlib", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "seaborn"})
"""Packages that are often declared only for the version that another one shall get."""

_LOADERS = re.compile(r"langchain|llama-index|haystack|crewai|autogen|dspy|instructor|pydantic-ai|chainlit|semantic-kernel")
"""Libraries that load what they find, or are told by a name."""

_MENTIONS = re.compile(
    r"(?:\.(?:ya?ml|toml|cfg|ini|json|sh|ipynb|html|env|conf)|(?:^|/)(?:Procfile|Makefile|justfile|[^/]*Dockerfile[^/]*))$"
)
_WORD = rb"(?<![\w.-])%s(?![\w-])"
_QUOTED = rb"(?:['\"]|-m )(%s)(?![\w-])"
"""A name at the beginning of a string, as commands, paths of objects and engines have it."""

MAX_BYTES = 2**20
MAX_FILES = 20_000
FROZEN = 40
"""Exact requirements of one file that nobody writes by hand."""


class _Code:
    """What all Python files of a project may import, which of some names they quote, and what other files mention."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        from memguard_hooks.dependencies import locks, manifests
        from memguard_hooks.imports.narrow import candidates
        from memguard_hooks.project.project import BASELINE
        from memguard_hooks.tree import walk

        known = project.settings.baseline or BASELINE  # names what is unused, and does not use it
        self.is_known = True
        self.imports: dict[str, tuple[str, ...]] = {}
        self.mentions: list[bytes] = []
        self.quoted: set[str] = set()
        words = b"|".join(re.escape(name.encode()) for name in names)
        quoted = re.compile(_QUOTED % words)
        try:
            paths = walk(project.tree)
        except MemguardError:
            paths = []
        self.is_known = len(paths) <= MAX_FILES
        for path in paths if self.is_known else ():
            if path.endswith((".py", ".pyw")) and not path.endswith("setup.py"):
                data = project.read_file(path) or b""
                imported = candidates(data)
                if imported is None:
                    self.is_known = False
                    return
                self.imports[path] = imported
                self.quoted.update(match[1].decode() for match in quoted.finditer(data))
            elif _MENTIONS.search(path) and path != known and not (locks.is_lock(path) or manifests.is_named(path)):
                data = project.read_file(path) or b""
                self.mentions += [data] if len(data) <= MAX_BYTES else []

    def files_with(self, modules: Sequence[str]) -> list[str]:
        """Return the files that may import one of some modules or what is below it."""
        return [
            path
            for path, names in self.imports.items()
            if any(name == module or name.startswith(f"{module}.") for name in names for module in modules)
        ]

    def is_mentioned(self, names: Sequence[str]) -> bool:
        """Tell whether source has one of some names as a quoted word, or another file as any word."""
        if not self.quoted.isdisjoint(names):
            return True
        return any(re.search(_WORD % re.escape(name.encode()), data) for data in self.mentions for name in names)


def find_unused(project: Project, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Give the heavy packages that no file imports (MG121), and those that each file does without (MG122).

    `requirements` are all that the manifests to judge declare of heavy packages.
    """
    names = project.heavy.distributions
    wanted = [one for one in requirements if one.name in names and one.group == "runtime" and not one.via]
    wanted = [one for one in wanted if one.marker is None and project.declared.is_installed(one)]
    if not wanted or any(_LOADERS.match(one.name) for one in project.declared.inventory.requirements):
        return
    code = _Code(project, sorted({name for one in wanted for name in _names_of(one.name)}))
    if not code.is_known or not code.imports:
        return
    for requirement in wanted:
        modules = modules_of(requirement.name)
        if not modules or _is_frozen(project, requirement.path) or _is_brought(project, requirement, requirements):
            continue
        files = code.files_with(modules)
        if not files:
            is_loaded = (
                requirement.name in LOADED_BY_NAME
                or code.is_mentioned(_names_of(requirement.name))
                or bool(code.files_with(LOADERS_OF.get(requirement.name, ())))
            )
            if not is_loaded and _is_used(project, requirement.path, code):
                yield _finding(requirement, "MG121", "is declared and imported nowhere", "delete it")
        elif all(_does_without(project.read_file(path) or b"", modules) for path in files):
            what = f"is declared for all, and {files[0]} does without it where it is missing"
            yield _finding(
                requirement, "MG122", what, "move it into an extra that the deployment asks for only if it needs it"
            )


def find_companions(project: Project, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Give the packages that lack what they would use (MG120), where the manifest declares them and nothing brings it."""
    declared = {one.name for one in requirements if project.declared.is_installed(one)}
    for requirement in requirements:
        missing = COMPANIONS.get(requirement.name)
        if (
            missing is None
            or missing in declared
            or missing in requirement.extras
            or not project.declared.is_installed(requirement)
        ):
            continue
        if missing.replace("-", "_") not in requirement.extras and not project.declared.inventory.locked(missing):
            message = f"{requirement.name} is declared without {missing}: downloads go over plain HTTP"
            yield finding(requirement, "MG120", message, f"add {missing}", subject=missing)


def modules_of(distribution: str) -> tuple[str, ...]:
    """Return the modules by which a distribution is imported, as far as they are known."""
    from memguard_hooks.catalog.heavy import DEFAULT

    names = {module for module, providers in DEFAULT.items() if distribution in providers}
    names |= {one.name for one in lookup.distributions().get(distribution, ())}
    # A module that lies in a package which others share, such as google, counts as it is.
    return tuple(sorted(name if name.startswith("google.") else name.partition(".")[0] for name in names))


def _names_of(distribution: str) -> tuple[str, ...]:
    """Return the names under which a package may be mentioned."""
    return (*modules_of(distribution), distribution, distribution.replace("-", "_"))


def _is_used(project: Project, path: str, code: _Code) -> bool:
    """Tell whether the code imports anything that a manifest declares: else it is the manifest of other code."""
    names = {one.name for one in project.declared.inventory.requirements if one.path == path}
    return any(code.files_with(modules_of(name) or (name.replace("-", "_"),)) for name in names)


def _is_frozen(project: Project, path: str) -> bool:
    """Tell whether a file lists all that was installed, as `pip freeze` does: it does not say what is used."""
    from memguard_hooks.dependencies.requirement import pin_of

    listed = [pin_of(one) is not None for one in project.declared.inventory.requirements if one.path == path]
    return len(listed) >= FROZEN and sum(listed) >= 0.8 * len(listed)


def _is_brought(project: Project, requirement: Requirement, requirements: Sequence[Requirement]) -> bool:
    """Tell whether another package requires it too, or may: then the declaration only pins its version."""
    for one in requirements:
        if one.name != requirement.name and one.path == requirement.path:
            for module in modules_of(one.name)[:1]:
                footprint = lookup.find(module, one.name)
                if footprint is not None and requirement.name in footprint.installed:
                    return True
    inventory = project.declared.inventory
    if requirement.name in REQUIRED_BY_MANY and not inventory.locked(requirement.name):
        measured = lookup.distributions()
        beside = {one.name for one in inventory.requirements if one.path == requirement.path}
        if not beside <= measured.keys():
            return True
    return any(
        edge.name == requirement.name
        for lock in inventory.locks
        for packages in lock.packages.values()
        for package in packages
        if package.source is None or package.source.kind != "path"
        for edge in package.requires
    )


def _does_without(data: bytes, modules: Sequence[str]) -> bool:
    """Tell whether all imports of some modules in a file stand in a `try` that goes on without them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(_goes_on(handler) for handler in node.handlers)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    imports = [node for node in ast.walk(tree) if _imports(node, modules)]
    return bool(imports) and all(id(node) in guarded for node in imports)


def _goes_on(handler: ast.ExceptHandler) -> bool:
    caught = ast.dump(handler.type) if handler.type is not None else ""
    is_of_imports = "ImportError" in caught or "ModuleNotFoundError" in caught
    ends = (ast.Raise, ast.Call)  # an error of its own, or `sys.exit()`, is no way to go on
    return is_of_imports and not any(isinstance(node, ends) for statement in handler.body for node in ast.walk(statement))


def _imports(node: ast.AST, modules: Sequence[str]) -> bool:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return any(name == module or name.startswith(f"{module}.") for name in names for module in modules)


def _finding(requirement: Requirement, code: str, what: str, fix: str) -> Finding:
    measured = lookup.distributions().get(requirement.name, ())
    cost = max((one.resident for one in measured), default=None)
    takes = f" ({mib(cost)} MiB once it is imported)" if cost is not None else ""
    return finding(requirement, code, f"{requirement.name} {what}{takes}", fix, cost=cost)
