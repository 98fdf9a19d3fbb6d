"""What packages require that nobody measured, where no lock of the project tells it: a dated table.

`tools/list_unmeasured.py` writes it.
"""

from __future__ import annotations

import os.path
from functools import cache

from memguard_hooks.formats.tsv import rows

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = os.path.join(os.path.dirname(__file__), "data", "unmeasured.tsv")


@cache
def known_required() -> Mapping[str, frozenset[str]]:
    """Return the heavy packages that each distribution of the table requires, all by canonical names."""
    return {name: frozenset(heavy.split(" ")) for name, heavy in rows(TABLE)}
