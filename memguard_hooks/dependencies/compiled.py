"""A requirements file as a lock: pip-compile and uv write all packages, and in comments what pulled each in.

A file without such comments, as `pip freeze` writes it, pins versions and knows no edges.
"""

from __future__ import annotations

from memguard_hooks.dependencies import lock, requirements_txt
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import Requirement, pin_of, source_of
from memguard_hooks.relations import grouped
from memguard_hooks.tree import Tree


def read(tree: Tree, path: str) -> Lock:
    """Read a compiled file, with what it includes. Raises MemguardError as `requirements_txt.read` does."""
    manifest = requirements_txt.read(tree, path, lambda _: True)
    listed = [one for one in manifest.requirements if not one.is_constraint]
    edges = grouped((name, LockEdge(one.name)) for one in listed for name in (*one.via, *one.also_via))
    packages = [_package(one, tuple(edges.get(one.name, ()))) for one in listed]
    roots = tuple(LockEdge(one.name, None, one.marker, one.extras) for one in listed if not one.via)
    return Lock(path, lock.by_name(packages), roots, bool(edges), manifest.skipped)


def _package(requirement: Requirement, requires: tuple[LockEdge, ...]) -> LockedPackage:
    pin = pin_of(requirement)
    return LockedPackage(
        requirement.name,
        pin.version if pin is not None else None,
        requirement.line,
        requirement.column,
        source_of(requirement),
        requirement.marker,
        (requirement.group,) if requirement.group == "development" else (),
        requires,
    )
