"""What is installed on a host, judged by the policy of the manifests: pins, the limit of litellm, what is forbidden.

It loads nothing but the standard library, unless the settings name specifiers of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.finding import Finding, Severity, mib
from memguard_hooks.host.installed_heavy import HeavyDistribution
from memguard_hooks.project.settings import Settings
from memguard_hooks.rules.host.exact_pins import ExactPin, is_below, is_same
from memguard_hooks.rules.policy import CEILING, LITELLM, WITHDRAWN, forbidden_names

HOOK = "health"
PLACE = "packages"


def judge(
    installed: Mapping[str, str], pins: Sequence[ExactPin], heavy: Sequence[HeavyDistribution], settings: Settings
) -> Iterator[Finding]:
    """Yield what is wrong with the installed versions."""
    yield from _policy(installed, settings)
    yield from _pinned(installed, pins, settings)
    yield from _forbidden(installed, heavy, settings)


def _policy(installed: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    specifiers = {LITELLM: CEILING, **settings.pins}
    for name in sorted({*WITHDRAWN, *specifiers} & installed.keys()):
        version = installed[name]
        why = WITHDRAWN.get(name, {}).get(version)
        if why is not None:
            message = f"{name} {version} was withdrawn: {why}"
            yield _finding("MG103", name, message, "error", f"install another version of {name}")
        elif name in specifiers and not _admits(specifiers[name], version):
            message = f"{name} {version} is installed, which is not {specifiers[name]}"
            yield _finding("MG102", name, message, "error", f"pin {name}{specifiers[name]} exactly, and deploy again")


def _admits(specifier: str, version: str) -> bool:
    """Return whether specifiers admit a version; packaging is asked for those that a project has written itself."""
    is_admitted = is_below(version, specifier[1:]) if specifier == CEILING else None
    if is_admitted is not None:
        return is_admitted
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidVersion:
        return False


def is_elsewhere(installed: Mapping[str, str], pins: Sequence[ExactPin]) -> bool:
    """Return whether this is plainly another environment: nothing of what is pinned is installed in it."""
    certain = [one.name for one in pins if one.is_certain]
    return bool(certain) and installed.keys().isdisjoint(certain)


def _pinned(installed: Mapping[str, str], pins: Sequence[ExactPin], settings: Settings) -> Iterator[Finding]:
    """Compare with the pins; a version that any of them names is right, for a marker may choose between them."""
    if is_elsewhere(installed, pins):
        return
    told: set[str] = set()
    for pin in pins:
        ones = [one for one in pins if one.name == pin.name]
        version = installed.get(pin.name)
        if pin.name in told or not pin.is_certain or (version and any(is_same(one.version, version) for one in ones)):
            continue
        told.add(pin.name)
        severity: Severity = "error" if pin.name in {LITELLM, *settings.pins} and version else "warning"
        is_what = f"{version} is installed" if version else "it is not installed"
        message = f"{pin.name} is pinned to {pin.version}, and {is_what}"
        fix = "install the requirements again: what was checked is not what runs"
        yield Finding(pin.path, pin.line, pin.column, "", message, HOOK, pin.name, severity, fix=(fix,))


def _forbidden(installed: Mapping[str, str], heavy: Sequence[HeavyDistribution], settings: Settings) -> Iterator[Finding]:
    added = {*map(normalize_name, settings.forbid_add)}
    costs = {one.name: one.footprint and one.footprint.resident for one in heavy}
    for name in sorted(forbidden_names(settings) & installed.keys()):
        severity: Severity = "error" if name in costs or name in added else "warning"
        newest = lookup.find_largest(name)
        cost = costs.get(name) or (newest and newest.resident)
        takes = f": {mib(cost)} MiB once it is imported" if cost is not None else ""
        message = f"{name} {installed[name]} is installed and forbidden{takes}"
        fix = f"`pip show {name}` says what requires it, `forbid-heavy-deps` which line brings it"
        yield _finding("MG111", name, message, severity, fix, cost)


def _finding(code: str, name: str, message: str, severity: Severity, fix: str, cost: int | None = None) -> Finding:
    return Finding(PLACE, 0, 0, code, message, HOOK, name, severity, cost, fix=(fix,))
