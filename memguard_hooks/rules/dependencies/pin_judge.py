"""What is wrong with a declaration of a package that must be pinned, and which version to write instead.

A commit that declares and locks no such package does without it.
"""

from __future__ import annotations

from functools import cache

from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies.pinned_beside import lock_without, locked_versions, update_command
from memguard_hooks.dependencies.required import known_versions
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
from memguard_hooks.finding import MIB, Finding, Severity, Skipped, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped
from memguard_hooks.rules.dependencies import notation as notation_of
from memguard_hooks.rules.dependencies.code import old_call
from memguard_hooks.rules.dependencies.findings import finding
from memguard_hooks.rules.dependencies.notation import OF_LOCKS
from memguard_hooks.rules.dependencies.proposals import Proposal, Proposals
from memguard_hooks.rules.policy import WITHDRAWN
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from packaging.version import Version

    from memguard_hooks.dependencies.lock import Lock, LockedPackage
    from memguard_hooks.dependencies.pinned_beside import Locked
    from memguard_hooks.dependencies.requirement import Pin, RequirementSource
    from memguard_hooks.project.project import Project


HOOK = "pin-litellm"

LITTLE = 10 * MIB
"""What a version above our own ceiling may take more than one below and still be a warning."""


MAX_DECLARATIONS = 100
"""Declarations of one package in one file that are judged."""


_PUBLIC_INDEX = late_pattern(r"//pypi\.")
"""The host of the index that the tables of served versions are of."""


class JudgedRequirement(Record):
    """A finding, what it is about, and the version that it proposes, None where a person must choose.

    Only a version that the policy asks for may be written; any other is advice.
    """

    finding: Finding
    requirement: Requirement
    version: str | None = None
    may_write: bool = True


class Fault(Record):
    """What is wrong with a version: the code, what a message says of it, and what it takes in bytes."""

    code: str
    text: str
    cost: int | None
    version: str = ""


class Judge:
    """The policy of one project: what must be pinned, and to what."""

    def __init__(self, project: Project, pins: Mapping[str, str], names: Collection[str]) -> None:
        self._project = project
        self._pins = pins
        self._modules = project.heavy.distributions
        self._names = frozenset(names)
        self._proposals = Proposals(project)
        self._known: set[tuple[object, ...]] = set()
        """What was judged, and beside what: many manifests may include one file."""
        self._fitting: dict[tuple[str, str], tuple[list[str], Iterator[str]]] = {}
        """The versions of a package that some specifiers let through, as far as they were looked for, and the rest."""

    # Manifests

    def requirements(self, manifest: Manifest) -> Iterator[JudgedRequirement]:
        """Judge what one manifest declares: each requirement by itself, in the light of what else pins it."""
        listed = tuple(self._bounded(manifest.requirements))
        both = [(one, pin_of(one)) for one in (*listed, *self._constraints_of_commands(listed))]
        constrained = {(one.name, one.marker) for one, pin in both if one.is_constraint and pin is not None}
        pins = grouped((one.name, pin) for one, pin in both if pin is not None)
        python = self._project.declared.host_python if any(one.marker for one, _ in both) else None
        constraints = {one.name: "" for one, _ in both}
        for one, _ in both:
            if one.is_constraint and is_live(one, python):
                constraints[one.name] = ",".join(filter(None, (constraints[one.name], one.specifier)))
        # What has a ceiling comes first: what else is proposed has to go with that.
        for requirement, pin in sorted(both, key=lambda one: one[0].name not in self._pins):
            name = requirement.name
            is_asked_for = name in self._pins or requirement.group in ("runtime", "development")
            if requirement.group == "build" or not (is_asked_for or self._is_installed_extra(requirement)):
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
                manifest = declared.manifest(path, self._names)
            except MemguardError:
                continue  # it is judged where it is staged
            yield from (one._replace(is_constraint=True) for one in self._bounded(manifest.requirements))

    def _bounded(self, requirements: Sequence[Requirement]) -> Iterator[Requirement]:
        """Yield what is judged, of one package in one file no more than any hand writes; the rest is Skipped."""
        seen: dict[tuple[str, str], int] = {}
        for one in requirements:
            if one.name not in self._names:
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

    def _is_installed_extra(self, requirement: Requirement) -> bool:
        """Return whether a deployment installs the extra that a requirement is part of: `pip install ".[server]"`."""
        is_known = requirement.group == "extra" and self._project.declared.deployed.files is not None
        return is_known and self.is_deployed(requirement)

    def _exact(self, requirement: Requirement, pin: Pin, constraint: str) -> list[JudgedRequirement]:
        if pin.version is None:
            return []
        fault = self.fault(requirement.name, pin.version, source=source_of(requirement))
        if fault is not None:
            return [self._judged(requirement, fault, self._proposal(requirement, constraint))]
        return self._disagreement(requirement)

    def _range(self, requirement: Requirement, pins: Sequence[Pin], constraint: str) -> list[JudgedRequirement]:
        """Judge a requirement that nothing in its manifest pins.

        `pins` are those of the same package elsewhere in it, and `constraint` the specifiers of all its constraints.
        """
        name = requirement.name
        locked = locked_versions(self._project.tree, requirement, self._project.declared.deployed.counts)
        faults = [fault for one in locked if (fault := self.fault(name, one.version, one.path)) is not None]
        if faults and not locked[0].path.endswith(".txt") and locked[0].path not in self._project.declared.lock_paths:
            return [self._judged(requirement, faults[0], self._proposal(requirement, constraint))]
        disagreement = self._disagreement(requirement, locked)
        if name not in self._pins and locked:
            return disagreement
        message = f"{name} is not pinned exactly ({_written(requirement)})"
        versions, call = old_call(self._project, name)
        if call:
            constraint = ",".join(filter(None, (constraint, versions)))
            message += f", and {call} needs {versions}"
        cost = None
        if locked:
            message += f": {locked[0].path} pins {locked[0].version}"
        elif (newest := None if requirement.url else newest_served(name, requirement.specifier, constraint)) is not None:
            table = served(name)
            assert table is not None
            cost = self._cost(name, newest)
            message += f": it admits {newest}, served on {table.date}{self._takes(name, cost, ', {}')}"
        severity: Severity = "error" if name in self._pins and not locked else "warning"
        admitted = specifiers(",".join(filter(None, (requirement.specifier, constraint))))
        told = [locked[0].version] if locked and not faults else [pin.version for pin in pins]
        known = (one for one in told if one is not None and self.fault(name, one) is None)
        version = next((one for one in known if admitted.contains(one, prereleases=True)), None)
        proposal = Proposal(version) if version is not None else self._proposal(requirement, constraint)
        found = finding(
            requirement, "MG101", message + proposal.obstacle, *self._advice(requirement, proposal),
            severity=severity, cost=cost,
        )  # fmt: skip
        return [_fixable(JudgedRequirement(found, requirement, proposal.version, name in self._pins)), *disagreement]

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
        for name in sorted(self._pins.keys() & lock.packages.keys()):
            for package in lock.packages[name]:
                fault = self.fault(name, package.version, source=package.source) if package.version is not None else None
                if fault is None or (fault.code != "MG103" and not self._is_needed(lock, package)):
                    continue
                yield self._finding_in_lock(lock, package, fault)

    def _finding_in_lock(self, lock: Lock, package: LockedPackage, fault: Fault) -> Finding:
        """Report a version in a lock: what is to be changed is the manifest that it is made from."""
        name, declared = package.name, self._project.declared.declared_beside(lock)
        own = next((one for one in declared if one.name == name and not one.is_constraint), None)
        lock_file = lock.path.rpartition("/")[2]
        if own is None:
            notation = OF_LOCKS.get(lock_file, "pep508")
            manifest = "Pipfile" if lock_file == "Pipfile.lock" else "pyproject.toml"
            own = Requirement(name, name, join(parent(lock.path), manifest) or manifest, 1, 1, 1, notation=notation)
        pinned = pin_of(own)
        proposal = self._proposal(own if pinned is None else own._replace(specifier=""), "")
        if proposal.version is None:
            way = "update it with"
        else:
            way = f"pin {notation_of.pinned(own, proposal.version)} in the manifest, then run"
        text, severity = self._compared(name, fault, proposal)
        ways = (f"{way} {update_command(lock.path)}", *proposal.ways)
        place = (lock.path, package.line, package.column)
        return Finding(*place, fault.code, text + proposal.obstacle, HOOK, name, severity, fault.cost, fix=ways)

    def _is_needed(self, lock: Lock, package: LockedPackage) -> bool:
        """Return whether the host installs a package of a lock, as far as the lock says."""
        deployed = self._project.declared.deployed
        if not deployed.counts(lock.path) or not deployed.installs_some(package.groups):
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
            text = f"{subject} is not {ceiling}, {self._setter(name)}{self._takes(name, cost, ' ({})')}"
            return Fault("MG102", text, cost, version)
        is_public = source is None or (source.kind == "index" and _PUBLIC_INDEX.search(source.location) is not None)
        if is_public and (table := not_served(name, version)) is not None:
            return Fault("MG105", f"{subject} cannot be installed: it was not served on {table.date}", None)
        return None

    def _setter(self, name: str) -> str:
        """Say who has set the ceiling of a package."""
        source = self._project.settings.pin_sources.get(name)
        if source is None:
            return f"the limit that {HOOK} has by default"
        table = f"{self._project.settings.table('pins')} ({source})"
        return f"the limit of {table if ':' in source else source}"

    def _judged(self, requirement: Requirement, fault: Fault, proposal: Proposal) -> JudgedRequirement:
        text, severity = self._compared(requirement.name, fault, proposal)
        advice = self._advice(requirement, proposal)
        found = finding(requirement, fault.code, text + proposal.obstacle, *advice, severity=severity, cost=fault.cost)
        return _fixable(JudgedRequirement(found, requirement, proposal.version))

    def _compared(self, name: str, fault: Fault, proposal: Proposal) -> tuple[str, Severity]:
        """Say what a version above the ceiling takes more than the one below; a little is a warning by our own ceiling."""
        below = proposal.version or next(self._candidates(name), None)
        if fault.code != "MG102" or below is None:
            return fault.text, "error"
        module = self._modules.get(name, name)
        higher, lower = lookup.find(module, name, fault.version), lookup.find(module, name, below)
        if higher is None or lower is None or not _is_version(fault.version) or higher.version == lower.version:
            return fault.text, "error"
        more = higher.resident - lower.resident
        compared = f"{mib(abs(more))} MiB {'more' if more > 0 else 'less'} than {lower.version}"
        text = f"{fault.text}: {higher.version} takes {compared}"
        is_little = more < LITTLE and name not in self._project.settings.pins
        return text, "warning" if is_little else "error"

    # Versions to write

    def _proposal(self, requirement: Requirement, constraint: str) -> Proposal:
        """Return the version to write for a requirement; an exact one is replaced, a range is kept to."""
        name = requirement.name
        inside = (constraint,) if pin_of(requirement) is not None else (requirement.specifier, constraint)
        version = self._proposals.choose(requirement, self._candidates(name, *inside))
        nearest = next(self._candidates(name, *inside), None)
        if version is not None and (doubt := self._proposals.doubt(requirement, version)):
            return Proposal(None, f": none is known to go with the rest ({doubt})")
        if version is not None and nearest is not None:
            self._proposals.propose(requirement, version)
            return Proposal(version, newer=self._proposals.clash(requirement, nearest) if nearest != version else "")
        ceiling = self._pins.get(name)
        if ceiling is None:
            clash = self._proposals.clash(requirement, nearest) if nearest is not None else ""
            return Proposal(None, f": none that is known goes with the rest ({clash})" if clash else "")
        setter = self._setter(name)
        if nearest is None and requirement.specifier and next(self._candidates(name, constraint), None) is not None:
            obstacle, first = f": none of these is {ceiling}, {setter}", f"declare {name}{ceiling}"
        elif nearest is not None and (clash := self._proposals.clash(requirement, nearest)):
            obstacle, first = f": no version {ceiling}, {setter}, goes with the rest ({clash})", "loosen the other pin"
        else:
            return Proposal()
        above = self._proposals.choose(requirement, self._candidates(name, *inside, is_bounded=False))
        return Proposal(None, obstacle, (first, *self._raised(name, above)))

    def _raised(self, name: str, version: str | None) -> tuple[str, ...]:
        """Say how the ceiling of a package is raised to a version."""
        if version is None:
            return ()
        return (f'or raise the limit: {self._project.settings.table("pins")} {name} = "<={version}"',)

    def _candidates(self, name: str, *inside: str, is_bounded: bool = True) -> Iterator[str]:
        """Yield the versions of a package that may be written, the best first: what was measured, and what is newest."""
        ceiling = self._pins.get(name, "") if is_bounded else ""
        wanted = ",".join(filter(None, (*inside, ceiling, *(f"!={gone}" for gone in WITHDRAWN.get(name, {})))))
        if (name, wanted) not in self._fitting:
            self._fitting[name, wanted] = [], self._fit(name, wanted)
        found, rest = self._fitting[name, wanted]
        at = 0
        while True:
            if at == len(found):
                new = next(rest, None)
                if new is None:
                    return
                found.append(new)
            yield found[at]
            at += 1

    def _fit(self, name: str, wanted: str) -> Iterator[str]:
        """Yield the known versions of a package that some specifiers let through, the best first."""
        inside = specifiers(wanted)
        table, known = served(name), known_versions(name)
        listed = table.versions if table is not None else reversed(known.versions) if known is not None else ()
        measured = () if table is not None else self._measured(name)
        if known is not None:
            # What the one before a version requires may be too little for it: of what is proposed that is looked up.
            measured = tuple(one for one in measured if one in known.versions)
        yield from (one for one in dict.fromkeys((*measured, *listed)) if _version(one) in inside)

    def _measured(self, name: str) -> tuple[str, ...]:
        """Return the versions of a package that were measured, newest first."""
        module = self._modules.get(name, name)
        if not any(one.distribution == name for one in lookup.modules().get(module, ())):
            return ()
        versions = [one.version for one in lookup.read_footprints(name) if one.module == module and "+" not in one.version]
        return tuple(reversed(versions))

    def _advice(self, requirement: Requirement, proposal: Proposal) -> tuple[str, ...]:
        """Return the line to write and how to keep the version that is there, or what to do where no version is known."""
        name, version = requirement.name, proposal.version
        if version is not None:
            notes = "; ".join(filter(None, (self._takes(name, self._cost(name, version), "{}"), proposal.newer)))
            pin = pin_of(requirement)
            kept = self._raised(name, pin.version) if pin is not None and self._is_above(name, pin.version) else ()
            return (f"{notation_of.pinned(requirement, version)}{f'  ({notes})' if notes else ''}", *kept)
        ceiling = self._pins.get(name, "")
        run = f"pin {name} with == to the version that runs today" + (f", {ceiling}" if ceiling else "")
        return proposal.ways or (run,)

    def _is_above(self, name: str, version: str | None) -> bool:
        """Return whether a version could be kept if the ceiling were higher."""
        fault = self.fault(name, version) if version is not None and _is_version(version) else None
        return fault is not None and fault.code == "MG102"

    def _cost(self, name: str, version: str) -> int | None:
        """Return what a version takes in bytes where exactly this version was measured."""
        footprint = lookup.find(self._modules.get(name, name), name, version)
        return footprint.resident if footprint is not None and _is_same(footprint.version, version) else None

    def _takes(self, name: str, cost: int | None, form: str) -> str:
        """Say what a version takes, in a form such as ` ({})`; nothing where it was not measured."""
        module = self._modules.get(name, name)
        when = "imported" if normalize_name(module) == name else f"{module} is imported"
        return form.format(f"{mib(cost)} MiB when {when}") if cost else ""


def _fixable(judged: JudgedRequirement) -> JudgedRequirement:
    """Return what was judged, with a note in the finding where `--fix` may write the version."""
    is_written = judged.version is not None and judged.may_write
    return judged._replace(finding=judged.finding._replace(is_fixable=is_written))


def _written(requirement: Requirement) -> str:
    return shorten(requirement.url or requirement.specifier) or "any version"


@cache
def _version(text: str) -> Version | str:
    """Return a version that is parsed once, however many requirements ask for it; the text of what is none."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return text


def _is_version(text: str) -> bool:
    return not isinstance(_version(text), str)


def _is_same(version: str, other: str) -> bool:
    """Return whether two versions are one, build included: 1.55 is 1.55.0, and 1.55+cpu is another."""
    return _is_version(version) and _version(version) == _version(other)
