"""What is known of a package before it is added: what importing it takes, by version, and what of that it brings along."""

from __future__ import annotations

from collections.abc import Sequence

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.finding import MIB, in_mib, mib
from memguard_hooks.output import plain, write_json
from memguard_hooks.record import Record

MOST_BROUGHT = 6
"""Packages that are told of those that an import brings along."""


class KnownPackage(Record):
    """A package by its canonical name: its measurements, the one that stands for it last, and the lighter way out."""

    name: str
    footprints: tuple[Footprint, ...]
    instead: str = ""

    @property
    def newest(self) -> Footprint:
        """The newest version of the module that takes most, on the default Python."""
        found = lookup.find_largest(self.name)
        return self.footprints[-1] if found is None else found


def find(name: str, instead: str = "") -> KnownPackage | None:
    """Return what the catalog has of a package, or of what provides a module of this name; None where it has nothing."""
    from memguard_hooks.dependencies.requirement import normalize_name

    canonical = normalize_name(name)
    if canonical in lookup.distributions():
        return KnownPackage(canonical, lookup.read_footprints(canonical), instead)
    module = lookup.find(name)
    if module is not None:
        return KnownPackage(module.distribution, lookup.read_footprints(module.distribution), instead)
    light = lookup.find_light(name) or lookup.find_light(canonical.replace("-", "_"))
    return None if light is None else KnownPackage(light.distribution, (light,), instead)


def own(footprint: Footprint) -> int:
    """Return what the modules of a package take themselves, without what they import."""
    root = footprint.module.partition(".")[0]
    return sum(size for name, (size, _) in footprint.own.items() if name.partition(".")[0] == root)


def brought(footprint: Footprint) -> list[tuple[str, int]]:
    """Return what an import brings along, the most expensive first: packages, and parts of the standard library."""
    root = footprint.module.partition(".")[0]
    sizes = {name: size for name, (size, _) in footprint.own.items() if name.partition(".")[0] != root}
    return sorted(sizes.items(), key=lambda one: (-one[1], one[0]))


def render(known: KnownPackage) -> str:
    """Write what is known: a line for the newest version, what it brings, each measurement, and what to do without it."""
    newest = known.newest
    lines = [f"{known.name}: {mib(newest.resident)} MiB when {newest.module} is imported ({newest.provenance})"]
    told = brought(newest)[:MOST_BROUGHT]
    names = ", ".join(f"{name} {mib(size)}" for name, size in told if size >= MIB / 10)
    rest = newest.resident - own(newest)
    lines.append(f"  {mib(own(newest)):>5} MiB  its own modules")
    lines.append(f"  {mib(rest):>5} MiB  brought along{names and f': {names}'}")
    if not newest.is_light:
        lines += ["", *_table(known.footprints)]
    if known.instead:
        lines += ["", f"lighter: {known.instead}"]
    return plain(lines)


HEADER = ("module", "version", "Python", "MiB", "own", "brought", "measured")


def _table(footprints: Sequence[Footprint]) -> list[str]:
    rows = [HEADER]
    for one in footprints:
        sizes = (mib(one.resident), mib(own(one)), mib(one.resident - own(one)))
        rows.append((one.module, one.version, one.python, *sizes, f"{one.date}, {one.platform}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    aligned = ("<", "<", "<", ">", ">", ">", "<")
    return [
        "  ".join(f"{text:{side}{width}}" for text, side, width in zip(row, aligned, widths, strict=True)).rstrip()
        for row in rows
    ]


def render_json(known: KnownPackage) -> str:
    """Write the same as one object, with all that each import brings along."""
    measurements = [
        {
            "module": one.module,
            "version": one.version,
            "python": one.python,
            "platform": one.platform,
            "date": one.date,
            "mib": in_mib(one.resident),
            "anonymous_mib": in_mib(one.anonymous),
            "own_mib": in_mib(own(one)),
            "brought_mib": {name: in_mib(size) for name, size in brought(one)},
        }
        for one in known.footprints
    ]
    value = {"schema": 1, "package": known.name, "measurements": measurements, "lighter": known.instead or None}
    return write_json(value) + "\n"
