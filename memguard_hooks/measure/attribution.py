"""From a trace to what costs what: each package with its own cost, what it imports, and by which chain it comes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from memguard_hooks.catalog.lock import REST, Measured, MeasuredPackage, Size
from memguard_hooks.finding import Step
from memguard_hooks.host.installed import InstalledDistribution
from memguard_hooks.measure.import_graph import MAIN, Graph, add_sizes, in_order_of_start
from memguard_hooks.measure.measure import MeasuredRun
from memguard_hooks.measure.trace import TracedModule
from memguard_hooks.record import Record

LISTED = 64 * 1024
"""A package of the standard library that takes less is summed with its like."""


class BroughtBy(Record):
    """A package, with what was loaded first because of it.

    `cumulative` is its own cost and that of all its branches. `also` are others that need it and would be loaded
    without the import that leads here: dropping that one saves nothing of it.
    """

    package: str
    own: Size
    cumulative: Size
    branches: tuple[BroughtBy, ...]
    also: tuple[str, ...] = ()


class Import(Record):
    """An import by the project, or its server, that first loads a package.

    `chain` leads there from the entry point. `saving` is what would not be loaded without it.
    """

    chain: tuple[Step, ...]
    branch: BroughtBy
    saving: Size


class Attribution(Record):
    """What an entry point costs and why: `rest` is what it did besides importing, and a part of `first_party`."""

    imports: tuple[Import, ...]
    packages: Mapping[str, MeasuredPackage]
    first_party: Size
    source: int
    rest: Size
    without_bytecode: int


def attribute(run: MeasuredRun, root: str, folder: str, main: str | None) -> Attribution:
    """Attribute what one run took.

    `root` holds the project, `folder` is where it ran, and `main` is the path from the root of what ran as `__main__`,
    None where a server did.
    """
    return _Attributor(run, root, folder, main).result()


def summarize(run: MeasuredRun, found: Attribution, python: str, platform: str, method: str, date: str) -> Measured:
    """Return what the lock keeps of a run, in whole KiB, so that the parts add up to the total."""
    base = run.traced.base
    return Measured(
        python=python,
        platform=platform,
        date=date,
        method=method,
        base=Size(base.resident, base.anonymous),
        total=run.total,
        source=found.source,
        first_party=found.first_party,
        packages=found.packages,
    )


class _Attributor(Graph):
    """The costs of one run, found along its graph."""

    def __init__(self, run: MeasuredRun, root: str, folder: str, main: str | None) -> None:
        super().__init__(run.traced, root, folder, main)
        self.run = run

    def result(self) -> Attribution:
        modules_own = add_sizes([
            Size(one.own.resident, one.own.anonymous) for one in self.traced.modules if one.name in self.own_modules
        ])  # fmt: skip
        total, packages = self.run.total, add_sizes(list(self.own.values()))
        first_party = Size(total.resident - packages.resident, total.anonymous - packages.anonymous)
        rest = Size(first_party.resident - modules_own.resident, first_party.anonymous - modules_own.anonymous)
        source = sum(self.modules[name].size for name in self.own_modules)
        if self.main is not None:
            source += os.path.getsize(os.path.join(self.root, self.main))
        return Attribution(
            imports=self.find_imports(),
            packages=self.find_packages(),
            first_party=first_party,
            source=source,
            rest=rest,
            without_bytecode=sum(module.bytecode is False for module in self.traced.modules),
        )

    # The tree

    def find_imports(self) -> tuple[Import, ...]:
        """Return the imports of the project that first load something, the most expensive first."""
        parents: dict[str, str] = {}
        first: dict[str, TracedModule] = {}
        for module in in_order_of_start(self.traced.modules):
            package = self.node_of(module.name)
            importer = self.node_of(module.importer)
            if package is None or package.endswith(":") or importer in (None, package) or package in parents:
                continue
            assert importer is not None
            parents[package] = importer
            first[package] = module
        children: dict[str, list[str]] = {}
        tops: list[str] = []
        for package in self.own:
            parent = parents.get(package)
            if parent is None or parent.endswith(":") or self.is_circular(package, parents):
                tops.append(package)
            else:
                children.setdefault(parent, []).append(package)
        found = []
        for package in tops:
            importer = parents.get(package, f"{MAIN}:")
            kept = self.reached(without=(importer, package))
            saving = add_sizes([self.own[name] for name in self.below(package, children) if name not in kept])
            branch = self.branch(package, importer, children, kept, is_kept_above=False)
            found.append(Import(self.chain_to(first.get(package)), branch, saving))
        return tuple(sorted(found, key=lambda one: (-one.branch.cumulative.resident, one.branch.package)))

    @staticmethod
    def is_circular(package: str, parents: Mapping[str, str]) -> bool:
        """Return whether a package's parents lead back to it."""
        seen = {package}
        node = parents.get(package)
        while node is not None and not node.endswith(":"):
            if node in seen:
                return node == package
            seen.add(node)
            node = parents.get(node)
        return False

    def below(self, package: str, children: Mapping[str, list[str]]) -> list[str]:
        found = [package]
        for name in found:
            found += children.get(name, ())
        return found

    def branch(
        self, package: str, parent: str, children: Mapping[str, list[str]], kept: set[str], *, is_kept_above: bool
    ) -> BroughtBy:
        """Return a package and what it brings; who else needs it is told at the top of what is kept anyway."""
        is_kept = package in kept
        inner = [
            self.branch(name, package, children, kept, is_kept_above=is_kept_above or is_kept)
            for name in children.get(package, ())
        ]
        inner.sort(key=lambda one: (-one.cumulative.resident, one.package))
        also: tuple[str, ...] = ()
        if is_kept and not is_kept_above:
            others = {node for node in kept if package in self.edges.get(node, ()) and node not in (parent, package)}
            also = tuple(sorted({self.name_of(node) for node in others}))
        own = self.own[package]
        return BroughtBy(package, own, add_sizes([own, *(one.cumulative for one in inner)]), tuple(inner), also)

    # The lock

    def find_packages(self) -> dict[str, MeasuredPackage]:
        """Return the packages that are listed, with the standard library's small ones summed."""
        installed = InstalledDistribution()
        small: list[Size] = []
        found: dict[str, MeasuredPackage] = {}
        for package, members in self.members.items():
            own = self.own[package]
            third = [member.path for member in members if member.is_third_party]
            if not third and own.resident < LISTED:
                small.append(own)
                continue
            owner = installed.owner_of([os.path.join(self.folder, path) for path in third if path != "-"])
            found[package] = MeasuredPackage(owner.name if owner else None, owner.version if owner else None, own)
        packages = {name: one._replace(imports=self.listed_imports(name, found)) for name, one in found.items()}
        return {**packages, **({REST: MeasuredPackage(None, None, add_sizes(small))} if small else {})}

    def listed_imports(self, package: str, listed: Mapping[str, MeasuredPackage]) -> tuple[str, ...]:
        """Return the listed packages that one imports, also through those that are not listed."""
        found: set[str] = set()
        seen = {package}
        waiting = list(self.edges.get(package, ()))
        while waiting:
            node = waiting.pop()
            if node in seen or node.endswith(":"):
                continue
            seen.add(node)
            if node in listed:
                found.add(node)
            else:
                waiting += self.edges.get(node, ())
        return tuple(sorted(found))
