"""How a report is written: each format is one module with `render(report) -> str`."""

from __future__ import annotations

from memguard_hooks.record import Record


class Detail(Record):
    """How much a text tells: of each service its table, nothing but findings, and import paths in full."""

    tables: bool = False
    is_quiet: bool = False
    is_whole: bool = False


USUAL = Detail()
