"""Commands that a program of another kind starts, and the sections of the files that list them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from memguard_hooks.deployment.start import Host
from memguard_hooks.formats.ini import read_options
from memguard_hooks.record import Record

MAX_BYTES = 2**16
"""A list of commands is a screen or two."""

MAX_FILES = 100
"""Files that the settings of a manager include."""


class Managed(Record):
    """One command that a manager runs, how often, in which folder, and the variables that it gets besides."""

    command: str
    copies: int = 1
    folder: str = ""
    variables: Mapping[str, str] = MappingProxyType({})


def declared(host: Host, path: str, *keys: str) -> str | None:
    """Return what the last of some keys says in a TOML file that a table has of the others, None where nothing does."""
    from memguard_hooks.formats import toml_document
    from memguard_hooks.formats.typed import text

    source = host.read_text(path) or ""
    if f"[{'.'.join(keys[:-1])}]" not in source:
        return None
    return text(toml_document.data_of(source.encode(), path), *keys)


def sections(text: str) -> dict[str, dict[str, str]]:
    """Return the keys of each section of a file; behind ` ;` stands a comment."""
    found: dict[str, dict[str, str]] = {}
    for option in read_options(text):
        lines = [re.split(r"\s;", piece.text, maxsplit=1)[0].strip() for piece in option.pieces]
        found.setdefault(option.section, {})[option.name] = " ".join(lines).strip()
    return found
