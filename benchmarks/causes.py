"""Why an estimate misses a set: its parts, package by package, beside a trace of the set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from random_sets import Truth

from memguard_hooks.app.estimate import ProcessEstimate, Root, add_up
from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.finding import MIB

STANDARD = "(standard library)"


class Gap(NamedTuple):
    """One package of a set: what it was estimated at and what it took, traced, in bytes, and why they differ."""

    package: str
    estimated: float
    measured: float
    cause: str
    detail: str

    @property
    def excess(self) -> float:
        """By how much the estimate is too high."""
        return self.estimated - self.measured


NOT_FORESEEN = "loaded, in no root's closure"
NOT_LOADED = "in a root's closure, not loaded"
OTHER_VERSION = "another version"
SAME_VERSION = "same version"
STANDARD_LIBRARY = "standard library"
UNTRACED = "base, own source, trace against truth"
BASE = "the interpreter"
OWN_SOURCE = "first-party code"
UNMEASURED = "a submodule that was not measured"


def find_gaps(truth: Truth, process: ProcessEstimate) -> list[Gap]:
    """Return the gaps of all packages, and what no package explains, so that they add up to expected less truth."""
    estimated, measured = estimate_packages(truth, process), measure_packages(truth)
    found = [
        explain(truth, process, package, estimated.get(package, 0), measured.get(package, 0))
        for package in sorted({*estimated, *measured})
    ]
    rest = process.at("start").expected - sum(estimated.values())
    return [*found, Gap("", rest, truth["resident"] - sum(measured.values()), UNTRACED, "")]


def find_field_gaps(entry: Mapping[str, Any], process: ProcessEstimate) -> list[Gap]:
    """Return the gaps of one entry point that `memguard measure` has measured, which add up to expected less truth."""
    truth = as_truth(entry)
    estimated, measured = estimate_packages(truth, process), measure_packages(truth)
    found = [
        explain(truth, process, package, estimated.get(package, 0), measured.get(package, 0))
        for package in sorted({*estimated, *measured})
    ]
    started = [part for part in process.parts if part.moment == "start"]
    own = sum(part.resident for part in started if part.package == "(first-party)")
    rest = process.at("start").expected - own - sum(estimated.values())
    return [
        *found,
        Gap("(first-party)", own, entry["first_party"]["resident_mib"] * MIB, OWN_SOURCE, ""),
        Gap("(python)", rest, entry["base_mib"] * MIB, BASE, ""),
    ]


def as_truth(entry: Mapping[str, Any]) -> Truth:
    """Return what `find_gaps` asks for of a truth, from the tree of imports of an entry point."""
    own: dict[str, list[int]] = {}
    origin: dict[str, list[str]] = {}
    installed: dict[str, str] = {}
    waiting = [(node, "the application") for node in entry["imports"]]
    while waiting:
        node, importer = waiting.pop()
        own[node["package"]] = [int(node["own_mib"] * 1024), int(node["own_mib"] * 1024)]
        if node["distribution"]:
            origin[node["package"]] = [node["distribution"], importer]
            installed[node["distribution"]] = node["version"]
        waiting += [(below, node["package"]) for below in node["imports"]]
    truth = {"own_kib": own, "origin": origin, "installed": installed, "resident": int(entry["resident_mib"] * MIB)}
    return cast("Truth", truth)


def estimate_packages(truth: Truth, process: ProcessEstimate) -> dict[str, float]:
    """Return what each package adds to the estimate."""
    roots = [root for root in process.roots if root.footprint is not None and root.moment == "start"]
    found: dict[str, float] = {}
    for package in {package for root in roots if root.footprint for package in root.footprint.own}:
        alone = add_up(process.base, [with_only(root, package) for root in roots])[0]
        key = STANDARD if is_standard(package, truth) else package
        found[key] = found.get(key, 0) + sum(part.resident for part in alone[1:])
    for part in process.parts:
        if part.source == "assumed" and part.package != "(first-party)":
            found[part.package] = found.get(part.package, 0) + part.resident
    return found


def measure_packages(truth: Truth) -> dict[str, float]:
    """Return what each package took in the trace."""
    found: dict[str, float] = {}
    for package, (resident, _) in truth["own_kib"].items():
        key = STANDARD if is_standard(package, truth) else package
        found[key] = found.get(key, 0) + resident * 1024
    return found


def explain(truth: Truth, process: ProcessEstimate, package: str, estimated: float, measured: float) -> Gap:
    """Return the gap of one package with its cause."""
    if package == STANDARD:
        return Gap(package, estimated, measured, STANDARD_LIBRARY, "")
    footprints = {root.name: root.footprint for root in process.roots if root.footprint and package in root.footprint.own}
    if package not in truth["origin"]:
        return Gap(package, estimated, measured, NOT_LOADED, ", ".join(footprints))
    distribution, importer = truth["origin"][package]
    below = [root.unmeasured for root in process.roots if root.unmeasured and root.package == package]
    if below:
        return Gap(package, estimated, measured, UNMEASURED, ", ".join(below))
    if not footprints:
        return Gap(package, estimated, measured, NOT_FORESEEN, f"imported by {importer}")
    installed = truth["installed"].get(distribution, "")
    versions = {version_in(footprint, distribution) for footprint in footprints.values()} - {""}
    if installed and versions and installed not in versions:
        return Gap(package, estimated, measured, OTHER_VERSION, f"{installed}, measured {', '.join(sorted(versions))}")
    return Gap(package, estimated, measured, SAME_VERSION, f"in {', '.join(footprints)}")


def with_only(root: Root, package: str) -> Root:
    """Return a root that costs nothing but one package."""
    assert root.footprint is not None
    own = {package: root.footprint.own[package]} if package in root.footprint.own else {}
    return root._replace(footprint=root.footprint._replace(own=own))


def is_standard(package: str, truth: Truth) -> bool:
    """Whether a package is part of Python."""
    if package in truth["origin"]:
        return False
    return package == lookup.REST or package.startswith("_") or package.partition(".")[0] in sys.stdlib_module_names


def version_in(footprint: Footprint, distribution: str) -> str:
    """Return the version of a distribution in the environment that a footprint was measured in."""
    return footprint.version if footprint.distribution == distribution else footprint.installed.get(distribution, "")


def render_worst(gaps: Iterable[Gap], count: int) -> str:
    """Return the packages of a set that part most."""
    lines = [
        f"  {gap.excess / MIB:+7.1f} MiB  {gap.package or '(none)'}: estimated {gap.estimated / MIB:.1f}, "
        f"measured {gap.measured / MIB:.1f}; {gap.cause}{gap.detail and ': '}{gap.detail}\n"
        for gap in sorted(gaps, key=lambda gap: -abs(gap.excess))[:count]
    ]
    return "".join(lines)


def render_causes(sets: Sequence[Sequence[Gap]], truth: float) -> str:
    """Return how much of all misses comes of which cause; `truth` are the bytes that all sets take."""
    lines = ["| cause | mean MiB a set | mean abs. MiB a set | share of the truth |", "| --- | ---: | ---: | ---: |"]
    sums: dict[str, list[float]] = {}
    for gaps in sets:
        for cause in {gap.cause for gap in gaps}:
            sums.setdefault(cause, []).append(sum(gap.excess for gap in gaps if gap.cause == cause))
    for cause, sizes in sorted(sums.items(), key=lambda item: -sum(map(abs, item[1]))):
        absolute = sum(map(abs, sizes))
        lines.append(
            f"| {cause} | {sum(sizes) / len(sets) / MIB:+.2f} | {absolute / len(sets) / MIB:.2f} | {absolute / truth:.2%} |"
        )
    return "\n".join(lines)
