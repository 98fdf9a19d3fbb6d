"""What packages require that nobody measured, where no lock of the project tells it: a dated table.

`tools/list_unmeasured.py` writes it.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from functools import cache

from memguard_hooks.formats.tsv import rows

TABLE = os.path.join(os.path.dirname(__file__), "data", "unmeasured.tsv")


@cache
def known_required() -> Mapping[str, frozenset[str]]:
    """Return the heavy packages that each distribution of the table requires, all by canonical names."""
    return {name: frozenset(heavy.split(" ")) for name, heavy in rows(TABLE)}
