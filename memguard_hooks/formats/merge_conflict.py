"""The marks that git leaves where a merge is not finished: no format has them, and each reader stumbles elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from memguard_hooks.errors import MemguardError

_MARKS: tuple[Callable[[bytes], bool], ...] = (
    lambda line: line.startswith(b"<<<<<<< "),
    lambda line: line.rstrip(b"\r") == b"=======",
    lambda line: line.startswith(b">>>>>>> "),
)
"""What the lines look like, in their order."""


def refuse(data: bytes, path: str) -> None:
    """Raise a MemguardError with the line where a merge is not finished, if there is one."""
    if b"<<<<<<< " not in data or b">>>>>>> " not in data:
        return
    begin, seen = 0, 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if _MARKS[0](line):
            begin, seen = number, 1
        elif seen and _MARKS[seen](line):
            seen += 1
        if seen == len(_MARKS):
            raise MemguardError("holds a merge that is not finished: edit it from <<<<<<< to >>>>>>>", path, begin)
