"""What must be pinned, to what, and which version to write: the policy of `pin-litellm` for one project."""

from __future__ import annotations

import re

from memguard_hooks.allowance import apply_allowances, read_allowances
from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies.pinned_beside import lock_without, locked_versions, update_command
from memguard_hooks.dependencies.requirement import (
    Manifest,
    Requirement,
    is_live,
    normalize_name,
    pin_of,
    shorten,
    source_of,
    specifiers,
)
from memguard_hooks.dependencies.served import newest_served, not_served, served
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, Severity, Skipped, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.rules.dependencies.findings import finding
from memguard_hooks.rules.policy import CEILING, LITELLM, WITHDRAWN

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memguard_hooks.dependencies.lock import Lock, LockedPackage
    from memguard_hooks.dependencies.pinned_beside import Locked
    from memguard_hooks.dependencies.requirement import Pin, RequirementSource
    from memguard_hooks.project.project import Project

HOOK = "pin-litellm"

MAX_DECLARATIONS = 100
"""Declarations of one package in one file that are judged."""

_PUBLIC_INDEX = late_pattern(r"//pypi\.")
"""The host of the index that the tables of served versions are of."""


class JudgedRequirement(Record):
    """A finding, what it is about, and the version that would fix it, None where a person must choose."""

    finding: Finding
    requirement: Requirement
    version: str | None = None


def find(project: Project) -> tuple[tuple[Finding, ...], list[JudgedRequirement]]:
    """Return the findings that nothing allows, and what may be fixed of all that was judged."""
    judge = Judge(project)
    manifests = project.declared.manifests(judge.names, with_repeated=True)
    judged = [one for manifest in manifests for one in judge.requirements(manifest)]
    if any(project.declared.may_install(path) for path in project.paths):
        named = (one for one in project.declared.installed_by_commands if one.name in judge.names)
        judged += judge.requirements(Manifest(tuple(named)))
    findings = [one.finding for one in judged]
    findings += [found for lock in project.declared.locks(judge.pinned) for found in judge.packages(lock)]
    if any(len({one.name for one in manifest.requirements}) < len(manifest.requirements) for manifest in manifests):
        from memguard_hooks.rules.dependencies.twice import find_twice

        python, is_deployed = project.declared.host_python, judge.is_deployed
        findings += [found for manifest in manifests for found in find_twice(manifest, python, is_deployed)]
    allowances = read_allowances(comment for manifest in manifests for comment in manifest.comments)
    return tuple(apply_allowances(HOOK, findings, allowances, owns_unknown=True)), judged


class Fault(Record):
    """What is wrong with a version: the code, what a message says of it, and what it takes in bytes."""

    code: str
    text: str
    cost: int | None


class Judge:
    """The policy of one project: what must be pinned, and to what."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._pins = {LITELLM: CEILING, **project.settings.pins}
        self._modules = project.heavy.distributions
        self.pinned = frozenset(self._pins)
        self.names = self.pinned | self._modules.keys()
        self._known: set[tuple[object, ...]] = set()
        """What was judged, and beside what: many manifests may include one file."""

    # Manifests

    def requirements(self, manifest: Manifest) -> Iterator[JudgedRequirement]:
        """Judge what one manifest declares: each requirement by itself, in the light of what else pins it."""
        listed = tuple(self._bounded(manifest.requirements))
        both = [(one, pin_of(one)) for one in (*listed, *self._constraints_of_commands(listed))]
        constrained = {(one.name, one.marker) for one, pin in both if one.is_constraint and pin is not None}
        pins: dict[str, list[Pin]] = {}
        for one, pin in both:
            if pin is not None:
                pins.setdefault(one.name, []).append(pin)
        python = self._project.declared.host_python if any(one.marker for one, _ in both) else None
        constraints = {one.name: "" for one, _ in both}
        for one, _ in both:
            if one.is_constraint and is_live(one, python):
                constraints[one.name] = ",".join(filter(None, (constraints[one.name], one.specifier)))
        for requirement, pin in both:
            name = requirement.name
            if requirement.group == "build" or (
                name not in self._pins and requirement.group not in ("runtime", "development")
            ):
                continue
            if not is_live(requirement, self._project.declared.host_python if requirement.marker else None):
                continue
            is_constrained = not constrained.isdisjoint(((name, None), (name, requirement.marker)))
            known = (requirement, tuple(pins.get(name, ())), constraints[name], is_constrained)
            if known in self._known:
                continue
            self._known.add(known)
            if pin is not None:
                found = self._exact(requirement, pin, constraints[name])
            elif requirement.is_constraint or is_constrained:
                found = []
            else:
                found = self._range(requirement, pins.get(name, []), constraints[name])
            yield from (one for one in found if one.finding.code == "MG103" or self.is_deployed(requirement))

    def _constraints_of_commands(self, requirements: Sequence[Requirement]) -> Iterator[Requirement]:
        """Yield the constraints under which commands install some requirements."""
        declared = self._project.declared
        if not requirements or not declared.deployed.named & {one.path for one in requirements}:
            return
        for path in sorted(declared.deployed.constraints):
            try:
                manifest = declared.manifest(path, frozenset(self.names))
            except MemguardError:
                continue  # it is judged where it is staged
            yield from (one._replace(is_constraint=True) for one in self._bounded(manifest.requirements))

    def _bounded(self, requirements: Sequence[Requirement]) -> Iterator[Requirement]:
        """Yield what is judged, of one package in one file no more than any hand writes; the rest is Skipped."""
        seen: dict[tuple[str, str], int] = {}
        for one in requirements:
            if one.name not in self.names:
                continue  # read because it stands there twice
            key = (one.path, one.name)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= MAX_DECLARATIONS:
                yield one
            elif seen[key] == MAX_DECLARATIONS + 1:
                reason = f"declares {one.name} more than {MAX_DECLARATIONS} times: the rest is not judged"
                self._project.skipped.append(Skipped(one.path, one.line, reason))

    def is_deployed(self, requirement: Requirement) -> bool:
        """Return whether a declaration counts: an extra does where nobody knows which are installed."""
        deployed = self._project.declared.deployed
        if requirement.group == "extra" and deployed.files is None:
            return True
        if requirement.is_constraint:
            return deployed.counts(requirement.path)
        return self._project.declared.is_installed(requirement)

    def _exact(self, requirement: Requirement, pin: Pin, constraint: str) -> list[JudgedRequirement]:
        if pin.version is None:
            return []
        fault = self.fault(requirement.name, pin.version, source=source_of(requirement))
        if fault is not None:
            return [self._judged(requirement, fault, self._version_for(requirement, constraint))]
        return self._disagreement(requirement)

    def _range(self, requirement: Requirement, pins: Sequence[Pin], constraint: str) -> list[JudgedRequirement]:
        """Judge a requirement that nothing in its manifest pins.

        `pins` are those of the same package elsewhere in it, and `constraint` the specifiers of all its constraints.
        """
        name = requirement.name
        locked = locked_versions(self._project.tree, requirement, self._project.declared.deployed.counts)
        faults = [fault for one in locked if (fault := self.fault(name, one.version, one.path)) is not None]
        if faults and not locked[0].path.endswith(".txt") and locked[0].path not in self._project.declared.lock_paths:
            return [self._judged(requirement, faults[0], self._version_for(requirement, constraint))]
        disagreement = self._disagreement(requirement, locked)
        if name not in self._pins and locked:
            return disagreement
        message = f"{name} is not pinned exactly ({_written(requirement)})"
        cost = None
        if locked:
            message += f": {locked[0].path} pins {locked[0].version}"
        elif (newest := None if requirement.url else newest_served(name, requirement.specifier, constraint)) is not None:
            table = served(name)
            assert table is not None
            cost = self._cost(name, newest)
            message += f": it admits {newest}, served on {table.date}{self._takes(name, cost, ', {}')}"
        severity: Severity = "error" if name in self._pins and not locked else "warning"
        admitted = specifiers(constraint)
        told = [
            pin.version
            for pin in pins
            if pin.version is not None
            and self.fault(name, pin.version) is None
            and admitted.contains(pin.version, prereleases=True)
        ]
        version = locked[0].version if locked and not faults else told[0] if told else None
        version = version or self._version_for(requirement, constraint)
        fix = self._advice(requirement, version)
        is_known = bool(locked or told or served(name) is not None) and name in self._pins
        found = finding(requirement, "MG101", message, fix, severity=severity, cost=cost)
        return [JudgedRequirement(found, requirement, version if is_known else None), *disagreement]

    def _disagreement(self, requirement: Requirement, locked: Sequence[Locked] = ()) -> list[JudgedRequirement]:
        """Compare a requirement with the lock that is made from its manifest."""
        name, counts = requirement.name, self._project.declared.deployed.counts
        if requirement.via or requirement.url or requirement.is_constraint or requirement.group == "development":
            return []
        locked = locked or locked_versions(self._project.tree, requirement, counts)
        if locked:
            path = locked[0].path
            if path.endswith(".txt") and not requirement.path.endswith(".in"):
                return []  # beside a pyproject.toml it may be made by hand
            admitted = specifiers(requirement.specifier)
            if any(admitted.contains(one.version, prereleases=True) for one in locked):
                return []
            what = f"{name} is {_written(requirement)} here and {locked[0].version} in {path}"
        else:
            lacking = lock_without(self._project.tree, requirement, counts) if requirement.group == "runtime" else None
            if lacking is None:
                return []
            path = lacking
            what = f"{name} is declared here and missing in {path}"
        severity: Severity = "error" if name in self._pins else "warning"
        message, fix = f"{what}: they do not agree", f"run {update_command(path)}"
        return [JudgedRequirement(finding(requirement, "MG104", message, fix, severity=severity), requirement)]

    # Locks

    def packages(self, lock: Lock) -> Iterator[Finding]:
        """Judge the versions that a lock pins; what only development needs is judged where it was withdrawn."""
        for name in sorted(self.pinned & lock.packages.keys()):
            for package in lock.packages[name]:
                fault = self.fault(name, package.version, source=package.source) if package.version is not None else None
                if fault is None or (fault.code != "MG103" and not self._is_needed(lock, package)):
                    continue
                version = self._newest(name)
                way = f"pin {name}=={version} in the manifest, then run" if version else "update it with"
                fix = f"{way} {update_command(lock.path)}"
                place = (lock.path, package.line, package.column)
                yield Finding(*place, fault.code, fault.text, HOOK, name, "error", fault.cost, fix=(fix,))

    def _is_needed(self, lock: Lock, package: LockedPackage) -> bool:
        """Return whether the host installs a package of a lock, as far as the lock says."""
        if not self._project.declared.deployed.counts(lock.path):
            return False
        groups = self._project.declared.deployed.groups
        if package.groups and "*" not in groups and {"main", "default", *groups}.isdisjoint(package.groups):
            return False
        inventory = self._project.declared.inventory_of(lock)
        is_rooted = lock.knows_edges and (lock.roots or inventory.requirements)
        return not is_rooted or inventory.way(lock, package.name) is not None

    # Versions

    def fault(
        self, name: str, version: str, lock: str | None = None, source: RequirementSource | None = None
    ) -> Fault | None:
        """Judge a version that is pinned exactly, by a manifest or by a lock, and comes from a source."""
        ceiling = self._pins.get(name)
        subject = f"{name} {version}" + (f" in {lock}" if lock else "")
        reason = next((why for gone, why in WITHDRAWN.get(name, {}).items() if _is_same(gone, version)), None)
        cost = self._cost(name, version)
        if reason is not None:
            return Fault("MG103", f"{subject} was withdrawn: {reason}", cost)
        if ceiling is not None and not specifiers(ceiling).contains(version, prereleases=True):
            asks = "as its ceiling asks" if name == LITELLM else "as [pins] asks"
            return Fault("MG102", f"{subject} is not {ceiling}, {asks}{self._takes(name, cost, ' ({})')}", cost)
        is_public = source is None or (source.kind == "index" and _PUBLIC_INDEX.search(source.location) is not None)
        if is_public and (table := not_served(name, version)) is not None:
            return Fault("MG105", f"{subject} cannot be installed: it was not served on {table.date}", None)
        return None

    def _judged(self, requirement: Requirement, fault: Fault, version: str | None) -> JudgedRequirement:
        advice = self._advice(requirement, version)
        return JudgedRequirement(
            finding(requirement, fault.code, fault.text, advice, severity="error", cost=fault.cost), requirement, version
        )

    def _version_for(self, requirement: Requirement, constraint: str) -> str | None:
        """Return the newest version that is known and allowed by the constraints, in the declared range if there is one."""
        name = requirement.name
        if served(name) is not None:
            return self._newest(name, requirement.specifier, constraint) or self._newest(name, constraint)
        wanted = (requirement.specifier, constraint, self._pins.get(name, ""))
        return self._newest_measured(name, ",".join(filter(None, wanted)))

    def _newest(self, name: str, *wanted: str) -> str | None:
        return newest_served(name, *wanted, self._pins.get(name, ""), *(f"!={gone}" for gone in WITHDRAWN.get(name, {})))

    def _newest_measured(self, name: str, wanted: str) -> str | None:

        module = self._modules.get(name, name)
        if not any(one.distribution == name for one in lookup.modules().get(module, ())):
            return None
        versions = [one.version for one in lookup.read_footprints(name) if one.module == module and "+" not in one.version]
        return next((version for version in reversed(versions) if version in specifiers(wanted)), None)

    def _advice(self, requirement: Requirement, version: str | None) -> str:
        """Return the line to write, or what to do where no version is known."""
        name = requirement.name
        if version is None:
            ceiling = self._pins.get(name, "")
            return f"pin {name} with == to the version that runs today" + (f", {ceiling}" if ceiling else "")
        extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
        written = re.match(r"[\w.-]+", requirement.text)
        if written is not None and normalize_name(written[0]) != name:
            name = written[0]  # conda has packages under names of its own
        return f"{name}{extras}=={version}{self._takes(requirement.name, self._cost(requirement.name, version), '  ({})')}"

    def _cost(self, name: str, version: str) -> int | None:
        """Return what a version takes in bytes where exactly this version was measured."""
        footprint = lookup.find(self._modules.get(name, name), name, version)
        return footprint.resident if footprint is not None and _is_same(footprint.version, version) else None

    def _takes(self, name: str, cost: int | None, form: str) -> str:
        """Say what a version takes, in a form such as ` ({})`; nothing where it was not measured."""
        module = self._modules.get(name, name)
        when = "imported" if normalize_name(module) == name else f"{module} is imported"
        return form.format(f"{mib(cost)} MiB when {when}") if cost else ""


def _written(requirement: Requirement) -> str:
    return shorten(requirement.url or requirement.specifier) or "any version"


def _is_same(version: str, other: str) -> bool:
    """Return whether two versions are one, build included: 1.55 is 1.55.0, and 1.55+cpu is another."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return False
