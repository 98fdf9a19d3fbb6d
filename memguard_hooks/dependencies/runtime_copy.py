"""The copy of `memguard_hooks/runtime.py` in a project: its first line says which version it is of, and its digest.

`memguard init --runtime` writes it. The digest tells an old copy from one that somebody has edited.
"""

from __future__ import annotations

import os.path

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

NAME = "memguard_runtime.py"
"""What a copy is called: by that name it is found again."""

SOURCE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "runtime.py")

_HEAD = late_pattern(rb"# memguard-runtime (?P<version>[\w.+-]+) (?P<digest>[0-9a-f]{16})\b[^\n]*\n")


class Copy(Record):
    """A copy in a project: the version that it names, whether that is this one, and whether it is as it was written."""

    version: str
    is_current: bool
    is_edited: bool


def render(version: str) -> bytes:
    """Return what a copy holds."""
    body = _source()
    note = "written by `memguard init --runtime`, which renews it"
    return f"# memguard-runtime {version} {_digest(body)}: {note}\n".encode() + body


def read(data: bytes) -> Copy | None:
    """Return what a file says of itself, None for one that is no copy."""
    data = data.replace(b"\r\n", b"\n")
    head = _HEAD.match(data)
    if head is None:
        return None
    digest = head["digest"].decode()
    return Copy(head["version"].decode(), digest == _digest(_source()), digest != _digest(data[head.end() :]))


def _source() -> bytes:
    with open(SOURCE, "rb") as file:
        return file.read().replace(b"\r\n", b"\n")


def _digest(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()[:16]
