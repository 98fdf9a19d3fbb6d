"""What a test of the shell comes to, `[ "$X" = y ]`, `[[ -n $X && $Y == a* ]]` or `(( 2 > 1 ))`, as far as that is known.

Facts: POSIX.1-2024, utility `test`, and `[[ ]]` of bash. Parameters are put in before; what still has a `$` is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from memguard_hooks.formats.shell_arithmetic import as_operand, calculate
from memguard_hooks.formats.shell_words import is_open
from memguard_hooks.pattern import late_pattern

MAX_DEPTH = 20
"""How deeply brackets may be nested in `[[ ]]`."""

MAX_PATTERN = 40
"""Characters of a pattern or of a regular expression that is matched; with more a match may take its time."""

_COMPARED = {"-eq": "==", "-ne": "!=", "-gt": ">", "-ge": ">=", "-lt": "<", "-le": "<="}
"""Operators that compare numbers, as arithmetic writes them."""


_PARAMETER = late_pattern(r"\$\{?([A-Za-z_]\w*)\}?")

_SWITCH = late_pattern(r"(?i)(?:^|_)(?:debug|dev(?:el(?:opment)?)?|local|test(?:ing)?|(?:hot_?|auto_?)?reload)(?:_|$)")
"""Names of variables that nobody switches on where an app is deployed."""

_ON = frozenset({"true", "1", "yes", "on", "y", "t"})

_STAGE = late_pattern(r"(?i)(?:[\w.]{1,100}[._])?(?:dev|devel|development|local|debug|test|testing|ci)(?:config|settings)?")
"""Values of variables where no app is deployed: `dev`, `config.DevelopmentConfig`."""


def is_test(words: Sequence[str]) -> bool:
    """Return whether words are a test and nothing else."""
    return bool(words) and words[0] in ("test", "[", "[[", "((")


def succeeds(words: Sequence[str], holds: Callable[[str], bool]) -> bool | None:
    """Return what a test comes to, None where only a run can tell; `holds` tells whether the repository has a file."""
    kind, *inner = words
    if kind == "((":
        return _arithmetic(" ".join(inner))
    inner = inner[:-1] if inner[-1:] in (["]"], ["]]"]) else inner
    if kind == "[[":
        return _Expression(inner, holds).value()
    every = [[_simple(one, holds, is_pattern=False) for one in _split(part, "-a")] for part in _split(inner, "-o")]
    return _any([_all(found) for found in every])


def as_arithmetic(words: Sequence[str]) -> str | None:
    """Return the arithmetic that a comparison of numbers is, None for any other test."""
    kind, *inner = words
    if kind == "((":
        return " ".join(inner)
    inner = inner[:-1] if inner[-1:] in (["]"], ["]]"]) else inner
    if len(inner) == 3 and inner[1] in _COMPARED:
        return f"{as_operand(inner[0])} {_COMPARED[inner[1]]} {as_operand(inner[2])}"
    return None


def _arithmetic(text: str) -> bool | None:
    value = calculate(text)
    return None if value is None else value != 0


def _split(words: Sequence[str], operator: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for word in words:
        if word == operator and len(words) > 3:
            found.append([])
        else:
            found[-1].append(word)
    return found


def _any(found: Sequence[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _all(found: Sequence[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _not(found: Sequence[bool | None]) -> bool | None:
    return None if None in found else not _all(found)


class _Expression:
    """Reads what stands in `[[ ]]` from left to right."""

    def __init__(self, words: Sequence[str], holds: Callable[[str], bool]) -> None:
        self._waiting = list(reversed(words))
        self._holds = holds

    def value(self) -> bool | None:
        """Return the value of the whole."""
        found = self._any(0)
        return found if not self._waiting else None

    def _take(self, *words: str) -> bool:
        if self._waiting and self._waiting[-1] in words:
            self._waiting.pop()
            return True
        return False

    def _any(self, depth: int) -> bool | None:
        found = [self._every(depth)]
        while self._take("||"):
            found.append(self._every(depth))
        return _any(found)

    def _every(self, depth: int) -> bool | None:
        found = [self._one(depth)]
        while self._take("&&"):
            found.append(self._one(depth))
        return _all(found)

    def _one(self, depth: int) -> bool | None:
        if depth > MAX_DEPTH:
            self._waiting.clear()
            return None
        if self._take("!"):
            return _not([self._one(depth + 1)])
        if self._take("("):
            found = self._any(depth + 1)
            return found if self._take(")") else None
        words: list[str] = []
        while self._waiting and self._waiting[-1] not in ("&&", "||", ")"):
            words.append(self._waiting.pop())
        return _simple(words, self._holds, is_pattern=True)


def _simple(words: Sequence[str], holds: Callable[[str], bool], *, is_pattern: bool) -> bool | None:
    """Return the value of a test without `&&` and `||`; `is_pattern` tells that the right side of `=` is one."""
    match list(words):
        case ["!", *rest] if rest:
            return _not([_simple(rest, holds, is_pattern=is_pattern)])
        case ["-f" | "-e" | "-s" | "-r", str(path)] if not is_open(path):
            return True if holds(path) else None
        case ["-z" | "-n" as operator, str(value)]:
            return None if is_open(value) else bool(value) is (operator == "-n")
        case [str(value)]:
            return None if is_open(value) else bool(value)
        case [str(left), "=~", str(right)]:
            return None if is_open(left) or is_open(right.removesuffix("$")) else _matches(left, right)
        case [str(left), "=" | "==" | "!=" as operator, str(right)] if _is_for_developers(left, right):
            return operator == "!="
        case [str(left), str(operator), str(right)]:
            return None if is_open(left) or is_open(right) else _compare(left, operator, right, is_pattern=is_pattern)
    return None


def _is_for_developers(left: str, right: str) -> bool:
    """Return whether a test asks if a switch of developers, which nothing sets, is on."""
    name = _PARAMETER.fullmatch(left)
    if name is None or is_open(right):
        return False
    return _STAGE.fullmatch(right) is not None or (_SWITCH.search(name[1]) is not None and right.lower() in _ON)


def _compare(left: str, operator: str, right: str, *, is_pattern: bool) -> bool | None:
    if operator in _COMPARED:
        return _arithmetic(f"{left} {_COMPARED[operator]} {right}") if left.isdecimal() and right.isdecimal() else None
    if operator in ("=", "==", "!="):
        if is_pattern and len(right) > MAX_PATTERN and re.search(r"[*?[]", right):
            return None
        same = fnmatchcase(left, right) if is_pattern else left == right
        return same is (operator != "!=")
    return None


def _matches(text: str, pattern: str) -> bool | None:
    """Match a regular expression that both kinds read alike."""
    if max(len(text), len(pattern)) > MAX_PATTERN or re.search(r"[()\\{]|\[\[", pattern):
        return None
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return None
