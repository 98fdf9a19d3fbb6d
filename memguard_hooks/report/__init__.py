"""How a report is written: each format is one module with `render(report) -> str`."""

from __future__ import annotations

from memguard_hooks.record import Record


class Detail(Record):
    """How much a text tells: of each service its table, nothing but findings, and import paths in full.

    `link` is the address of the files of the revision that is judged, for what markdown makes links of. `fail_on` is the
    least finding that fails.
    """

    tables: bool = False
    is_quiet: bool = False
    is_whole: bool = False
    link: str = ""
    fail_on: str = "error"


USUAL = Detail()
