"""Releases that their makers have withdrawn (yanked, PEP 592): MG718.

pip takes such a release for an exact pin alone, and says so in a warning that nobody reads in the log of a build. Which
releases are withdrawn a dated table says, which `tools/list_wheels.py` writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import wheel_table
from memguard_hooks.dependencies.requirement import pin_of
from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding
from memguard_hooks.project.project import Project
from memguard_hooks.rules.python.findings import finding


def find(project: Project) -> Iterator[Finding]:
    """Yield what manifests pin and locks hold, where the deployment installs it."""
    yielded = set()
    for place, name, version in (*_pinned(project), *_locked(project)):
        withdrawn = wheel_table.yanked()[name].get(version)
        if withdrawn is None or (name, version) in yielded:
            continue
        yielded.add((name, version))
        why = f": {withdrawn.reason[:120]}" if withdrawn.reason else ", without a reason"
        message = f"{name} {version} is withdrawn by its makers{why} (as of {withdrawn.date})"
        row = wheel_table.find(name)
        later = row.after(version) if row is not None else None
        yield finding(place, "MG718", name, message, f"{name}=={later}" if later is not None else "take another release")


def _pinned(project: Project) -> Iterator[tuple[ServicePlace, str, str]]:
    names = wheel_table.yanked().keys()
    for requirement in (one for manifest in project.declared.manifests(names) for one in manifest.requirements):
        if requirement.name not in names or requirement.url or requirement.index_name:
            continue
        pin = pin_of(requirement)
        if pin is not None and pin.version is not None and project.declared.is_installed(requirement):
            place = ServicePlace(requirement.path, requirement.line, requirement.column)
            yield place, requirement.name, pin.version


def _locked(project: Project) -> Iterator[tuple[ServicePlace, str, str]]:
    names = wheel_table.yanked().keys()
    for lock in project.declared.locks(names):
        if not project.declared.deployed.counts(lock.path):
            continue
        installed = project.declared.inventory_of(lock).installs(lock) if lock.knows_edges else lock.packages.keys()
        for package in (one for name in sorted(names & lock.packages.keys()) for one in lock.packages[name]):
            is_withdrawn = package.version in wheel_table.yanked()[package.name]
            if is_withdrawn and package.version and package.name in installed:
                yield ServicePlace(lock.path, package.line, package.column), package.name, package.version
