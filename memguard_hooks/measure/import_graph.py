"""The graph of one trace: which package, and which module of the project itself, imports which."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from memguard_hooks.catalog.lock import Size
from memguard_hooks.finding import Step
from memguard_hooks.host.installed import site_of
from memguard_hooks.measure.trace import Trace, TracedModule
from memguard_hooks.relations import grouped, reached

MAIN = "__main__"
SERVER = "(server)"
"""Who asks for what no code of the project does: the server, or the interpreter."""


def in_order_of_start(modules: Sequence[TracedModule]) -> list[TracedModule]:
    """Return modules as their execution began: they are told when it ends, what they import before them."""
    inner: dict[int, list[list[TracedModule]]] = {}
    for module in modules:
        brought = [one for group in inner.pop(module.depth + 1, ()) for one in group]
        inner.setdefault(module.depth, []).append([module, *brought])
    return [module for depth in sorted(inner) for group in inner[depth] for module in group]


def add_sizes(sizes: Iterable[Size]) -> Size:
    """Return the sum of sizes."""
    sizes = tuple(sizes)
    return Size(sum(size.resident for size in sizes), sum(size.anonymous for size in sizes))


class Graph:
    """The imports of one process. Its nodes are packages, and the project's own modules, each by itself.

    `root` holds the project, `folder` is where it ran, and `main` is the path from the root of what ran as `__main__`.
    """

    def __init__(self, traced: Trace, root: str, folder: str, main: str | None) -> None:
        self.root = os.path.realpath(root) + os.sep
        self.folder = folder
        self.main = main
        self.traced = traced
        self.modules: dict[str, TracedModule] = {}
        for module in self.traced.modules:
            self.modules.setdefault(module.name, module)
        self.own_modules = {name: path for name, module in self.modules.items() if (path := self.path_of(module))}
        others = (module for module in self.traced.modules if module.name not in self.own_modules)
        self.members = grouped((module.package, module) for module in others)
        self.own = {
            package: add_sizes([Size(one.own.resident, one.own.anonymous) for one in ones])
            for package, ones in self.members.items()
        }
        self.edges = self.find_edges()

    def path_of(self, module: TracedModule) -> str | None:
        """Return the path of a module of the project from its root, None for other people's."""
        if not module.is_third_party or module.path == "-":
            return None
        path = os.path.realpath(os.path.join(self.folder, module.path))
        if not path.startswith(self.root) or site_of(path) is not None:
            return None
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def node_of(self, name: str) -> str | None:
        """Return the node of a module: itself where it is the project's own, else its package; None for unknown ones."""
        while name:
            if name == MAIN or name in self.own_modules:
                return f"{name}:"
            if name in self.modules:
                return self.modules[name].package
            name = name.rpartition(".")[0]
        return None

    def find_edges(self) -> dict[str, set[str]]:
        """Return which nodes import which; what the server imports comes from `__main__` too."""
        found: dict[str, set[str]] = {f"{MAIN}:": set()}
        pairs = [(module.importer, module.name) for module in self.traced.modules]
        for importer, name in (*pairs, *self.traced.edges):
            here, there = self.node_of(importer), self.node_of(name)
            if here is not None and there is not None and here != there:
                found.setdefault(here, set()).add(there)
        return found

    def reached(self, without: tuple[str, str] | None = None) -> set[str]:
        """Return the nodes that the entry point reaches, without one edge."""
        return reached([f"{MAIN}:"], lambda node: [one for one in self.edges.get(node, ()) if (node, one) != without])

    def name_of(self, node: str) -> str:
        """Return what a person calls a node: a package, a file of the project, or the server."""
        if not node.endswith(":"):
            return node
        return self.own_modules.get(node[:-1]) or self.main or SERVER

    def chain_to(self, module: TracedModule | None) -> tuple[Step, ...]:
        """Return the imports that lead from the entry point to a module, through files of the project."""
        steps: list[Step] = []
        seen: set[str] = set()
        while module is not None and module.name not in seen:
            seen.add(module.name)
            path = self.own_modules.get(module.importer)
            if path is None and module.importer == MAIN:
                path = self.main
            if path is not None:
                steps.insert(0, Step(path, module.line, module.name))
            module = self.modules.get(module.importer)
        return tuple(steps)
