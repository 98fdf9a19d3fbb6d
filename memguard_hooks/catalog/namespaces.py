"""Distributions that share a package with others, as those of Google Cloud do: what one takes that nobody measured.

It takes as much as its neighbors do in the median, and shares with others what most of them load.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

NAMESPACES = ("azure.", "google.cloud.", "llama_index.")
"""Packages whose distributions are named after what lies in them: `google.cloud.tasks` is of google-cloud-tasks."""

FILLED, SPLIT = "llama_index", (0, 10)
"""A namespace that a distribution of its own had filled before a version, and leaves empty since."""

VERSION = late_pattern(r"_v\d+\w*$")
"""The version of an interface, behind the name of its module."""

DEEPEST = 3
"""Names behind a namespace that are looked at."""

FEWEST = 3
"""Neighbors from which on they say something."""

LEAST = 2**20
"""What takes less, in bytes, is a package that loads what it has when it is used."""

INSIDE = 0.9
"""The share of the neighbors that the range holds."""


class Typical(Record):
    """What a module of a namespace is taken to cost, and between which resident bytes it may lie."""

    footprint: Footprint
    range: tuple[int, int]


def member_of(name: str) -> str | None:
    """Return the module of a namespace that a name lies in, as far as it tells a distribution; None for any other name.

    Of `google.cloud.tasks_v2.types` it is `google.cloud.tasks_v2`, or what was measured of google-cloud-tasks.
    """
    namespace = next((one for one in NAMESPACES if name.startswith(one)), None)
    parts = name[len(namespace or "") :].split(".", DEEPEST)[:DEEPEST]
    if namespace is None or not parts[0].islower():  # what is no module was left of an older version
        return None
    module = namespace + parts[0]
    for part in parts[1:]:
        if not lookup.submodules(module):
            break
        module += f".{part}"
    if lookup.submodules(module) and module not in lookup.modules():
        return None  # a namespace within
    if (unversioned := VERSION.sub("", module)) in lookup.modules():
        return unversioned
    measured = lookup.distributions().get(distribution_of(module), ())
    return max(measured, key=lambda one: one.resident).name if measured else module


def is_empty(version: str | None) -> bool:
    """Return whether llama_index is but a namespace in a version; any version where none is known."""
    try:
        return version is None or lookup.release_of(version) >= SPLIT
    except ValueError:
        return True


def is_other(module: str, version: str | None, measured: str) -> bool:
    """Return whether llama_index was measured as but a namespace and is more in a version, or the other way around."""
    return module == FILLED and is_empty(version) != is_empty(measured)


def distribution_of(module: str) -> str:
    """Return the distribution that a module of a namespace is named after."""
    return VERSION.sub("", module).replace(".", "-").replace("_", "-")


@cache
def typical(module: str, python: str | None = None) -> Typical | None:
    """Return what a module of a namespace is taken to cost, by what was measured of others; None where too few were."""
    namespace = next((one for one in NAMESPACES if module.startswith(one)), None)
    found = [] if namespace is None else neighbors(namespace, distribution_of(module), python)
    if len(found) < FEWEST:
        return None
    own: dict[str, tuple[int, int]] = {}
    for package in {package for one in found for package in one.own}:
        costs = [one.own[package] for one in found if package in one.own]
        if len(costs) > len(found) / 2:
            own[package] = (_among([cost[0] for cost in costs], 0.5), _among([cost[1] for cost in costs], 0.5))
    shared = [sum(cost[kind] for cost in own.values()) for kind in (0, 1)]
    sizes = [one.resident for one in found]
    resident = max(_among(sizes, 0.5), shared[0])
    anonymous = max(_among([one.anonymous for one in found], 0.5), shared[1])
    own[module] = (resident - shared[0], anonymous - shared[1])
    footprint = found[0]._replace(
        module=module, distribution=distribution_of(module), version="", wheel="", resident=resident, anonymous=anonymous,
        peak=resident, without_bytecode=None, own=own, optional=(), installed={},
    )  # fmt: skip
    return Typical(footprint, (_among(sizes, (1 - INSIDE) / 2), _among(sizes, (1 + INSIDE) / 2)))


def neighbors(namespace: str, distribution: str, python: str | None) -> list[Footprint]:
    """Return one measurement of each other distribution of a namespace that loads something as it is imported."""
    names: dict[str, str] = {}
    for name, ones in lookup.modules().items():
        if name.startswith(namespace):
            names.update({one.distribution: min(name, names.get(one.distribution, name)) for one in ones})
    found = [lookup.find(name, other, None, python) for other, name in names.items() if other != distribution]
    return [one for one in found if one is not None and one.resident >= LEAST]


def _among(values: Sequence[int], share: float) -> int:
    """Return the value below which a share of all lies, the lower of two."""
    return sorted(values)[int((len(values) - 1) * share)]
