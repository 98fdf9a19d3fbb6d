"""Which of the installed distributions are heavy, with what their import was measured to take at the nearest version."""

from __future__ import annotations

import re
from collections.abc import Mapping

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.heavy import Heavy
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.record import Record
from memguard_hooks.relations import inverted


class HeavyDistribution(Record):
    """A heavy distribution that is installed, and what its most expensive module takes, None where it was never measured."""

    name: str
    version: str
    footprint: Footprint | None


def find_heavy(installed: Mapping[str, str], heavy: Heavy, python: str) -> tuple[HeavyDistribution, ...]:
    """Return what is heavy of the installed, the most expensive first."""
    found = []
    for name, ones in inverted(heavy.modules).items():
        if name not in installed:
            continue
        footprints = [one for module in ones if (one := _measured(module, name, installed[name], python)) is not None]
        found.append(HeavyDistribution(name, installed[name], max(footprints, key=lambda one: one.resident, default=None)))
    return tuple(sorted(found, key=lambda one: (-(one.footprint.resident if one.footprint else 0), one.name)))


def _measured(module: str, name: str, version: str, python: str) -> Footprint | None:
    """Return the nearest measurement; of a pre-release that of its release, which is found without packaging."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    build = version.partition("+")[2]
    wanted = numbers[0] + (f"+{build}" if build else "") if numbers else None
    return lookup.find(module, name, wanted, python)
