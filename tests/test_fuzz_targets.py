"""Each module that reads a format is given mutants by `tools/fuzz.py`."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import fuzz

import memguard_hooks
from memguard_hooks.errors import MemguardError

PACKAGE = Path(memguard_hooks.__file__).parent
TAKING = re.compile(r"^def (read(?:_\w+)?)\((?:data|text|path|tree|document|paths|source)\b", re.MULTILINE)

BELOW_OTHERS = frozenset({"dependencies/runtime_copy.py"})
"""Readers of what is no format: a copy of a file of this package is compared with it."""


def test_each_reader_of_a_format_has_a_target() -> None:
    readers: dict[str, set[str]] = {}
    for folder in ("deployment", "dependencies"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            found = TAKING.findall(path.read_text(encoding="utf-8"))
            if found:
                readers[path.relative_to(PACKAGE).as_posix()] = set(found)
    assert len(readers) > 45
    called: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name.startswith("read"):
            called.add((frame.f_code.co_filename, frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for name, target in fuzz.TARGETS.items():
            for seed in target.seeds if not name.startswith(("report", "whole")) else ():
                with suppress(MemguardError):
                    target.act(seed)
    finally:
        sys.setprofile(before)
    untouched = [
        f"{path}: {', '.join(sorted(names))}"
        for path, names in readers.items()
        if path not in BELOW_OTHERS and not any((str(PACKAGE / path), name) in called for name in names)
    ]
    assert not untouched, "\n".join(untouched)
