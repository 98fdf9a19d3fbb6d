"""What extras of well-known packages bring, where no lock of the project tells it: a dated table."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from functools import cache

from memguard_hooks.dependencies.requirement import Requirement, normalize_name
from memguard_hooks.formats.tsv import rows

TABLE = os.path.join(os.path.dirname(__file__), "data", "extras.tsv")


def brought_by_extras(requirement: Requirement) -> Iterator[str]:
    """Yield the packages that the extras of a requirement bring, by canonical names."""
    for extra in requirement.extras:
        yield from _extras().get((requirement.name, normalize_name(extra)), ())


@cache
def _extras() -> Mapping[tuple[str, str], tuple[str, ...]]:
    return {(name, extra): tuple(brought.split(" ")) for name, extra, brought in rows(TABLE)}
