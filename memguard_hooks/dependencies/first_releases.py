"""First releases of measured packages that require nothing, of which what was measured of later ones says nothing.

`tools/list_first_releases.py` writes the dated table.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from functools import cache

from memguard_hooks.formats.tsv import rows

TABLE = os.path.join(os.path.dirname(__file__), "data", "first_releases.tsv")


@cache
def _last() -> Mapping[str, str]:
    return dict(rows(TABLE))


def is_bare(distribution: str, version: str) -> bool:
    """Return whether a version is one of the first of a distribution, by canonical name, that require nothing."""
    last = _last().get(distribution)
    if last is None:
        return False
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) <= Version(last)
    except InvalidVersion:
        return False
