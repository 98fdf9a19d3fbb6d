"""Heavy packages that are declared and that the code does not need, or not always; and what is missing beside another.

Cautious: a manifest of which the code imports nothing at all, an import whose name is computed, a mention in a
configuration file or a command, and libraries that load others by their names all keep it silent.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.module_names import known_modules, modules_of
from memguard_hooks.dependencies.required import known_versions
from memguard_hooks.dependencies.requirement import Requirement, pin_of
from memguard_hooks.deployment.wrappers import AGENTS
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, mib
from memguard_hooks.formats.python_nodes import last_name
from memguard_hooks.formats.python_source import decode, parse
from memguard_hooks.project.project import Project
from memguard_hooks.rules.dependencies.code import LOADED_BY_NAME, LOADERS, Code
from memguard_hooks.rules.dependencies.findings import finding
from memguard_hooks.rules.policy import COMPANIONS
from memguard_hooks.startup.table import integrations

LOADERS_OF = {"scikit-learn": ("cloudpickle", "dill", "joblib", "pickle", "skops")}
"""Package → modules that load it with what was saved by it."""

REQUIRED_BY_MANY = frozenset({"matplotlib", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "seaborn"})
"""Packages that are often declared only for the version that another one shall get."""

COMPLAINTS = frozenset({"abort", "critical", "error", "exit", "fail"})
"""Calls by which code says that it cannot do what it is for."""


def find_unused(project: Project, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Yield the heavy packages that no file imports (MG121), and those that each file does without (MG122).

    `requirements` are all that the manifests to judge declare of heavy packages.
    """
    names = project.heavy.distributions
    wanted = [one for one in requirements if one.name in names and one.group == "runtime" and not one.via]
    wanted = [one for one in wanted if one.marker is None and project.declared.is_installed(one)]
    if not wanted or any(LOADERS.match(one.name) for one in project.declared.inventory.requirements):
        return
    code = Code(project, sorted({name for one in wanted for name in _names_of(one.name)}))
    if not code.is_known or not code.is_there:
        return
    beside = _Declarations(project, requirements)
    faults: dict[tuple[str, str], tuple[str, str, str] | None] = {}
    for requirement in wanted:
        name, path = requirement.name, requirement.path
        if (path, name) not in faults:
            faults[path, name] = _find_fault(project, code, beside, path, name)
        fault = faults[path, name]
        if fault is not None:
            yield _finding(project, requirement, *fault)


def _find_fault(project: Project, code: Code, beside: _Declarations, path: str, name: str) -> tuple[str, str, str] | None:
    """Return the code of what is wrong with a declared package, what a message says of it, and what to do."""
    modules = known_modules(name)
    if not modules or beside.is_frozen(path) or beside.is_brought(path, name):
        return None
    files = code.files_with(modules)
    if files:
        if not all(_does_without(project.read_file(one) or b"", modules) for one in files):
            return None
        what = f"is declared for all, and {files[0]} does without it where it is missing"
        return "MG122", what, "move it into an extra that the deployment asks for only if it needs it"
    is_loaded = (
        name in LOADED_BY_NAME or code.is_mentioned(_names_of(name)) or bool(code.files_with(LOADERS_OF.get(name, ())))
    )
    imported = [one for one in sorted(beside.names.get(path, ())) if code.files_with(modules_of(one))]
    if is_loaded or not imported:
        return None  # where nothing is imported that a manifest declares, it is the manifest of other code
    if code.is_adapted(name) or code.is_asked_of_others(name) or any(_may_use(one, name) for one in imported):
        return None
    return "MG121", "is declared and imported nowhere", "delete it"


def _may_use(distribution: str, name: str) -> bool:
    """Return whether a package uses another one where it is installed: it imports that, or an extra of it asks for that."""
    modules = frozenset(known_modules(name))
    measured = lookup.read_footprints(distribution) if distribution in lookup.distributions() else ()
    if any(not modules.isdisjoint((one, one.partition(".")[0])) for footprint in measured for one in footprint.optional):
        return True
    table = known_versions(distribution)
    return table is not None and any(one.name == name and one.marker for one in table.of(len(table.versions) - 1))


class _Declarations:
    """What is declared beside each other, and what locks say that packages require, each found out once."""

    def __init__(self, project: Project, requirements: Sequence[Requirement]) -> None:
        self._inventory = project.declared.inventory
        self.names: dict[str, set[str]] = {}
        self._judged: dict[str, set[str]] = {}
        for one in self._inventory.requirements:
            self.names.setdefault(one.path, set()).add(one.name)
        for one in requirements:
            self._judged.setdefault(one.path, set()).add(one.name)
        self._frozen = self._inventory.frozen()
        self._required = {
            edge.name
            for lock in self._inventory.locks
            for packages in lock.packages.values()
            for package in packages
            if package.source is None or package.source.kind != "path"
            for edge in package.requires
        }

    def is_frozen(self, path: str) -> bool:
        """Return whether a file lists all that was installed: it does not say what is used."""
        return path in self._frozen

    def is_brought(self, path: str, name: str) -> bool:
        """Return whether another package requires it too, or may: then the declaration only pins its version."""
        if any(name in lookup.installed_with(other) for other in self._judged[path] if other != name):
            return True
        is_often = name in REQUIRED_BY_MANY and not self._inventory.locked(name)
        if is_often and not self.names.get(path, set()) <= lookup.distributions().keys():
            return True
        return name in self._required


def find_companions(project: Project, requirements: Sequence[Requirement]) -> Iterator[Finding]:
    """Yield the packages that lack what they would use (MG120), where the manifest declares them and nothing brings it."""
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


def _names_of(distribution: str) -> tuple[str, ...]:
    """Return the names under which a package may be mentioned: also those of its programs that start others."""
    agents = (agent for agent in sorted(AGENTS) if any(one.distribution == distribution for one in integrations(agent)))
    return (*known_modules(distribution), distribution, distribution.replace("-", "_"), *agents)


def _does_without(data: bytes, modules: Sequence[str]) -> bool:
    """Return whether all imports of some modules in a file stand in a `try` that goes on without them.

    A file that raises, logs an error or asks to install where it finds one missing does not do without it.
    """
    try:
        tree = parse(decode(data))
    except MemguardError:
        return False
    tries = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any(_goes_on(handler) for handler in node.handlers)
        and any(_imports(inner, modules) for statement in node.body for inner in ast.walk(statement))
    ]
    guarded = {id(inner) for node in tries for statement in node.body for inner in ast.walk(statement)}
    imports = [node for node in ast.walk(tree) if _imports(node, modules)]
    flags = {
        target.id
        for node in tries
        for handler in node.handlers
        for inner in handler.body
        if isinstance(inner, ast.Assign)
        for target in inner.targets
        if isinstance(target, ast.Name)
    }
    return bool(imports) and all(id(node) in guarded for node in imports) and not _misses(tree, flags)


def _misses(tree: ast.Module, flags: set[str]) -> bool:
    """Return whether a file asks by one of some names whether a library is there, and complains that it is not."""
    return any(
        isinstance(inner, ast.Raise)
        or (isinstance(inner, ast.Call) and last_name(inner.func) in COMPLAINTS)
        or (isinstance(inner, ast.Constant) and isinstance(inner.value, str) and "install" in inner.value.lower())
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and not flags.isdisjoint(_denied(node.test))
        for statement in node.body
        for inner in ast.walk(statement)
    )


def _denied(test: ast.expr) -> Iterator[str]:
    """Yield the names of which a condition says that they are false or None."""
    for node in ast.walk(test):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Name):
            yield node.operand.id
        elif (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Name)
            and isinstance(node.ops[0], ast.Is | ast.Eq)
            and isinstance(node.comparators[0], ast.Constant)
            and not node.comparators[0].value
        ):
            yield node.left.id


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


def _finding(project: Project, requirement: Requirement, code: str, what: str, fix: str) -> Finding:
    pin = pin_of(requirement)
    footprint = project.largest_of(requirement.name, version=pin.version if pin else None)
    cost = footprint and footprint.resident
    takes = f" ({mib(cost)} MiB once it is imported)" if cost is not None else ""
    return finding(requirement, code, f"{requirement.name} {what}{takes}", fix, cost=cost)
