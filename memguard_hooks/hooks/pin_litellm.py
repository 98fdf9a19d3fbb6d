"""Heavy packages are pinned: litellm exactly and below a ceiling, others by `[pins]`.

A package that is not pinned grows by itself between two deploys. litellm must be pinned exactly
(`==` without a wildcard, or `===`), to a version below the ceiling (`<1.70`), that is still served
and was not withdrawn. Every other heavy package that is not pinned is a warning, and an error where
`[pins]` names it. The ceiling is policy: memory is claimed only where it was measured.

Each declaration is judged by itself; a constraint that the manifest names may pin it. Where a lock or
a compiled requirements file stands beside the manifest, its version is judged, and a range in the
manifest is a warning for litellm and for what `[pins]` names, and right for everything else.

bad:  litellm>=1.30
bad:  litellm==1.82.7
good: litellm==1.69.3
good: litellm===1.55.0

Options: `--max-version X` (inclusive); settings: `[pins]` with specifiers by package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memguard_hooks import run
from memguard_hooks.allowance import apply_allowances, read_allowances
from memguard_hooks.finding import Finding, Report, Severity, mib
from memguard_hooks.footprint import catalog

if TYPE_CHECKING:
    import argparse

    from memguard_hooks.config import Settings
    from memguard_hooks.dependencies.requirement import Manifest, Requirement
    from memguard_hooks.project import Project

HOOK = "pin-litellm"

RULES = {
    "MG101": "not pinned exactly",
    "MG102": "above the ceiling",
    "MG103": "a withdrawn release",
    "MG105": "a version that is not served any more",
}

LITELLM = "litellm"
CEILING = "<1.70"

WITHDRAWN = {LITELLM: {"1.82.7": "it was backdoored", "1.82.8": "it was backdoored"}}
"""Releases taken from the index for what they did: litellm 1.82.7 and 1.82.8, March 2026."""


def check(project: Project) -> Report:
    """Judge each declaration of a heavy package in the manifests."""
    judge = _Judge(project)
    manifests = project.manifests(judge.names)
    findings = [finding for manifest in manifests for finding in judge.manifest(manifest)]
    allowances = read_allowances(comment for manifest in manifests for comment in manifest.comments)
    return Report(tuple(apply_allowances(HOOK, findings, allowances, owns_unknown=True)))


class _Judge:
    """The policy of one project: what must be pinned, and to what."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._pins = {LITELLM: CEILING, **project.settings.pins}
        self._modules = project.heavy.distributions
        self.names = {*self._pins, *self._modules}

    def manifest(self, manifest: Manifest) -> Iterator[Finding]:
        """Judge what one manifest declares: each requirement by itself, in the light of what else pins it."""
        from memguard_hooks.dependencies.requirement import is_live, pin_of

        pins = [pin_of(requirement) for requirement in manifest.requirements]
        constrained = {
            (one.name, one.marker)
            for one, pin in zip(manifest.requirements, pins, strict=True)
            if one.is_constraint and pin is not None
        }
        for requirement, pin in zip(manifest.requirements, pins, strict=True):
            name = requirement.name
            if requirement.group == "build" or (name not in self._pins and requirement.group != "runtime"):
                continue
            if not is_live(requirement, self._project.settings.service.target_python):
                continue
            if pin is not None:
                finding = self._version(requirement, pin.version) if pin.version is not None else None
            elif requirement.is_constraint or constrained & {(name, None), (name, requirement.marker)}:
                finding = None
            else:
                finding = self._range(requirement)
            if finding is not None:
                yield finding

    def _range(self, requirement: Requirement) -> Finding | None:
        """Judge a requirement that nothing in its manifest pins."""
        from memguard_hooks.dependencies.locked import locked_versions
        from memguard_hooks.dependencies.served import newest_served, served

        name = requirement.name
        locked = locked_versions(self._project.tree, requirement)
        wrong = [finding for one in locked if (finding := self._version(requirement, one.version, one.path)) is not None]
        if wrong and not locked[0].path.endswith(".txt"):  # a requirements file is judged by itself
            return wrong[0]
        if name not in self._pins and locked:
            return None
        message = f"{name} is not pinned exactly ({_written(requirement)})"
        newest = None if requirement.url else newest_served(name, requirement.specifier)
        table = served(name)
        cost = None
        if locked:
            message += f": {locked[0].path} pins {locked[0].version}"
        elif newest is not None and table is not None:
            cost = self._cost(name, newest)
            message += f": it admits {newest}, served on {table.date}{self._takes(name, cost, ', {}')}"
        severity: Severity = "error" if name in self._pins and not locked else "warning"
        fix = self._line(requirement, locked[0].version) if locked and not wrong else self._advice(requirement)
        return _finding(requirement, "MG101", message, severity, cost, fix)

    def _version(self, requirement: Requirement, version: str, lock: str | None = None) -> Finding | None:
        """Judge a version that is pinned exactly, by the manifest itself or by a lock."""
        from memguard_hooks.dependencies.requirement import specifiers
        from memguard_hooks.dependencies.served import not_served

        name = requirement.name
        ceiling = self._pins.get(name)
        subject = f"{name} {version}" + (f" in {lock}" if lock else "")
        reason = next((why for gone, why in WITHDRAWN.get(name, {}).items() if _is_same(gone, version)), None)
        if reason is not None:
            code, message = "MG103", f"{subject} was withdrawn: {reason}"
        elif ceiling is not None and not specifiers(ceiling).contains(version, prereleases=True):
            takes = self._takes(name, self._cost(name, version), " ({})")
            asks = "as its ceiling asks" if name == LITELLM else "as [pins] asks"
            code, message = "MG102", f"{subject} is not {ceiling}, {asks}{takes}"
        elif (table := not_served(name, version)) is not None:
            code, message = "MG105", f"{subject} cannot be installed: it was not served on {table.date}"
        else:
            return None
        cost = None if code == "MG105" else self._cost(name, version)
        return _finding(requirement, code, message, "error", cost, self._advice(requirement))

    def _advice(self, requirement: Requirement) -> str:
        """Return the line to write: the newest version that is known and allowed, in the declared range if there is one."""
        from memguard_hooks.dependencies.served import newest_served, served

        name = requirement.name
        ceiling = self._pins.get(name, "")
        if served(name) is not None:
            allowed = [ceiling, *(f"!={gone}" for gone in WITHDRAWN.get(name, {}))]
            version = newest_served(name, requirement.specifier, *allowed) or newest_served(name, *allowed)
        else:
            version = self._newest_measured(name, f"{requirement.specifier},{ceiling}".strip(","))
        if version is None:
            return f"pin {name} with == to the version that runs today" + (f", {ceiling}" if ceiling else "")
        return self._line(requirement, version)

    def _newest_measured(self, name: str, wanted: str) -> str | None:
        from memguard_hooks.dependencies.requirement import specifiers

        module = self._modules.get(name, name)
        if not any(one.distribution == name for one in catalog.modules().get(module, ())):
            return None
        versions = [one.version for one in catalog.read_footprints(name) if one.module == module and "+" not in one.version]
        return next((version for version in reversed(versions) if version in specifiers(wanted)), None)

    def _line(self, requirement: Requirement, version: str) -> str:
        extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
        takes = self._takes(requirement.name, self._cost(requirement.name, version), "  ({})")
        return f"{requirement.name}{extras}=={version}{takes}"

    def _cost(self, name: str, version: str) -> int | None:
        """Return what a version takes in bytes where exactly this version was measured."""
        footprint = catalog.find(self._modules.get(name, name), name, version)
        return footprint.resident if footprint is not None and _is_same(footprint.version, version) else None

    def _takes(self, name: str, cost: int | None, form: str) -> str:
        """Say what a version takes, in a form such as ` ({})`; nothing where it was not measured."""
        from memguard_hooks.dependencies.requirement import normalize_name

        module = self._modules.get(name, name)
        when = "imported" if normalize_name(module) == name else f"{module} is imported"
        return form.format(f"{mib(cost)} MiB when {when}") if cost else ""


def _written(requirement: Requirement) -> str:
    from memguard_hooks.dependencies.requirement import shorten

    return shorten(requirement.url or requirement.specifier) or "any version"


def _is_same(version: str, other: str) -> bool:
    """Tell whether two versions are one, build included: 1.55 is 1.55.0, and 1.55+cpu is another."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return False


def _finding(
    requirement: Requirement, code: str, message: str, severity: Severity, cost: int | None, fix: str | None
) -> Finding:
    place = (requirement.path, requirement.line, requirement.column)
    return Finding(*place, code, message, HOOK, severity, cost, fix=fix, end_line=requirement.end_line)


def _adjust(settings: Settings, options: argparse.Namespace) -> Settings:
    if options.max_version is not None:
        settings = settings._replace(pins={**settings.pins, LITELLM: f"<={options.max_version}"})
    return run.adjust_service(settings, options)


def _checked_version(text: str) -> str:
    from argparse import ArgumentTypeError

    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(text))
    except InvalidVersion:
        raise ArgumentTypeError(f"not a version: {text!r}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the manifests that are named, or on all of the project."""
    parser = run.make_parser(HOOK, __doc__ or "")
    run.add_target_options(parser)
    parser.add_argument(
        "--max-version",
        metavar="X",
        type=_checked_version,
        help="newest version of litellm that is allowed, inclusive",
    )
    parser.add_argument("files", nargs="*", help="requirements files and pyproject.toml; without any, all of the project")
    options = parser.parse_args(argv)
    return run.run(options, check, files=options.files or None, adjust=_adjust)


if __name__ == "__main__":
    raise SystemExit(main())
