"""What compose makes of a value before it reads it: variables, env files, words of a command, sizes.

Source of the format: compose-spec/compose-spec, 12-interpolation.md, 05-services.md and 11-extension.md, and
compose-spec/compose-go, packages template, dotenv and types (2026-07). A variable that nothing sets is blank for compose;
here it is unknown, for whatever deploys may set it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from memguard_hooks.errors import MemguardError, within
from memguard_hooks.formats import parameters
from memguard_hooks.formats.parameters import Substituted
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_ENV_BYTES = 2**18
"""An env file is a screen or two."""

MAX_VARIABLES = 2000

_KEY = late_pattern(r"(?:export[ \t]+)?([\w.\-\[\]]+)[ \t]*(?:([=:])[ \t]*|(?=\r?\n|\Z))")
_QUOTED = late_pattern(r"""'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)\"""", re.DOTALL)
_SIZE = late_pattern(r"(\d{1,15}(?:\.\d{0,9})?) ?(|[kmgtp])(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


class ComposeVariable(Record):
    """One variable of an env file, 1-based; `value` is None where only the host can tell it."""

    value: str | None
    line: int
    column: int


def interpolate(text: str, known: Mapping[str, str]) -> Substituted:
    """Put in `$X`, `${X}`, `${X:-default}` and their like; `$$` is a dollar. A text that compose refuses is unknown."""
    return parameters.put_in(text, known, parameters.COMPOSE)


def read_env_file(data: bytes, known: Mapping[str, str], path: str | None = None) -> dict[str, ComposeVariable]:
    """Read `NAME=value` lines, quoted or not; `known` is what is set before the file, and wins inside its values.

    What stands behind a line that compose refuses is left out. Raises MemguardError for a file that is too large.
    """
    found: dict[str, ComposeVariable] = {}
    if len(data) > MAX_ENV_BYTES:
        raise MemguardError(f"is larger than {MAX_ENV_BYTES // 2**10} KiB", path)
    text = data.decode("utf-8-sig", "replace")
    visible = dict(known)
    line, counted, at = 1, 0, 0
    while True:
        blank = re.compile(r"(?:\s+|#[^\n]*)*").match(text, at)
        at = blank.end() if blank else at
        match = _KEY.match(text, at)
        if match is None:
            break
        line, counted = line + text.count("\n", counted, at), at
        column = at - text.rfind("\n", 0, at)
        at = match.end()
        value: Substituted | None
        if not match[2]:
            value = Substituted(known[match[1]]) if match[1] in known else None
        else:
            value, at = _value(text, at, visible)
        found[match[1]] = ComposeVariable(value.text if value is not None and value.is_known else None, line, column)
        within(found, MAX_VARIABLES, "variables", path)
        if value is not None and value.is_known and match[1] not in known:
            visible[match[1]] = value.text
    return found


def _value(text: str, at: int, known: Mapping[str, str]) -> tuple[Substituted, int]:
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        if quoted[1] is not None:
            return Substituted(quoted[1].replace("\\'", "'")), quoted.end()
        return interpolate(_unescape(quoted[2]), known), quoted.end()
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return interpolate(text[at:end].partition(" #")[0].strip(), known), end


def _unescape(text: str) -> str:
    escapes = {"n": "\n", "t": "\t", "r": "\r", "$": "$$", '"': '"', "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: escapes.get(match[1], match[0]), text, flags=re.DOTALL)


def split_words(text: str) -> tuple[tuple[str, ...], str] | None:
    """Split a command as compose does, without a shell: at the first `;`, `&`, `|`, `<` or `>` it ends.

    Returns the words and what is cut off, None for what compose refuses: an open quote, a parenthesis.
    """
    match = re.match(r"""(?:\$\([^()]*\)|[^\\"'`;&|<>()]|\\.|"(?:\\.|[^"\\])*"|'[^']*')*""", text, re.DOTALL)
    assert match is not None
    rest = text[match.end() :]
    if rest and rest[0] not in ";&|<>":
        return None
    try:
        return tuple(shlex.split(match[0])), rest
    except ValueError:
        return None


def parse_size(text: str) -> int | None:
    """Read `512m`, `1.5gb`, `1GiB` or plain bytes: compose counts in powers of 1024. None for what it refuses."""
    match = _SIZE.fullmatch(text.strip())
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()]) if match is not None else None
