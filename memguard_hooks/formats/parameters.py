"""Parameters in a text, `$NAME` and `${NAME:-default}`, and what a tool puts in for them.

Shells, Docker and compose agree on what stands in the braces, and differ in what around them stays as it is: that is
their `Dialect`. The reader of shells finds its parameters itself, for there they stand among quotes and commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_TEXT = 2**13
"""Characters that parameters may put into one text: they may hold each other, and double at each step."""

MAX_DEPTH = 10
"""How deeply `${A:-${B:-c}}` may be nested."""


class Parameter(Record):
    """What stands in braces: `sign` is `:-`, `-`, `:+` and their like, empty where there is only a name."""

    name: str
    sign: str = ""
    word: str = ""

    def value(self, known: Mapping[str, str], put_in: Callable[[str], str]) -> str | None:
        """Return what stands for it, None where nobody can tell; `put_in` puts parameters into a word."""
        value = known.get(self.name)
        is_set = value is not None and (value != "" or ":" not in self.sign)
        if self.sign.endswith("+"):
            return put_in(self.word) if is_set else ""
        if not is_set and self.sign.endswith(("-", "=")):
            return put_in(self.word)
        return value if is_set else None


_BRACES = late_pattern(r"([A-Za-z_]\w*)(?:(:?[-=+?])(.*))?", re.DOTALL | re.ASCII)


def parse(text: str) -> Parameter | None:
    """Return the parameter whose braces hold a text, None where that is none of these."""
    match = _BRACES.fullmatch(text)
    return Parameter(*match.groups(default="")) if match is not None else None


class Dialect(Record):
    """How a tool writes parameters.

    The pattern matches as `kept` what stays as it is, as `name` that of a parameter by itself, and as `open` the start of
    braces. `guesses` tells that a variable which nobody knows is taken for one that is not set.
    """

    pattern: re.Pattern[str]
    guesses: bool = True


DOCKER = Dialect(late_pattern(r"(?P<kept>\\.|'[^']*')|\$(?P<name>[A-Za-z_]\w*)|(?P<open>\$\{)", re.DOTALL | re.ASCII))
COMPOSE = Dialect(late_pattern(r"\$(?P<kept>\$)|\$(?P<name>[A-Za-z_]\w*)|(?P<open>\$\{)", re.ASCII), guesses=False)
KUBERNETES = Dialect(late_pattern(r"\$(?P<kept>\$)|\$\((?P<name>[^()$\s]{1,200})\)"))
SYSTEMD = Dialect(late_pattern(r"\$(?P<kept>\$)|\$\{(?P<name>[A-Za-z_]\w*)\}", re.ASCII))


class Substituted(Record):
    """A text with its parameters put in; those that nobody knows stand as they are written, and make it unknown."""

    text: str
    is_known: bool = True


def put_in(text: str, known: Mapping[str, str], dialect: Dialect, depth: int = 0) -> Substituted:
    """Put in what stands for each parameter; where all this grows too long, the rest stays as it is written."""
    if "$" not in text or depth > MAX_DEPTH:
        return Substituted(text, "$" not in text)
    parts: list[str] = []
    room = MAX_TEXT
    is_known = True
    at = 0

    def inner(word: str) -> str:
        nonlocal is_known
        found = put_in(word, known, dialect, depth + 1)
        is_known = is_known and found.is_known
        return found.text

    while match := dialect.pattern.search(text, at):
        parts.append(text[at : match.start()])
        at = match.end()
        found = match[match.lastgroup or 0]
        if match.lastgroup == "kept":
            parts.append(found)
            continue
        parameter: Parameter | None = Parameter(found)
        if match.lastgroup == "open":
            end = _closing(text, at)
            if end is None:
                return Substituted("".join((*parts, text[match.start() :])), is_known=False)
            parameter, at = parse(text[at:end]), end + 1
        value = None
        if parameter is not None and (dialect.guesses or parameter.name in known or not parameter.sign.endswith("+")):
            value = parameter.value(known, inner)
        room -= len(value or "")
        is_known = is_known and value is not None and room > 0
        parts.append(value if value is not None and room > 0 else text[match.start() : at])
    return Substituted("".join((*parts, text[at:])), is_known)


def _closing(text: str, at: int) -> int | None:
    """Return where the braces close in which a place stands."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return None
