"""Integer arithmetic of the shell, `$((2 * 2 + 1))`, and how large it grows with the CPUs of a machine.

Facts: POSIX.1-2024, 2.6.4 Arithmetic Expansion: the operators of C without assignments, and names without `$`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from memguard_hooks.pattern import late_pattern

MAX_LENGTH = 400
"""Characters of an expression; a longer one has no known value."""

MAX_DEPTH = 40
"""How deeply an expression may be nested."""

CPU_COUNT = late_pattern(r"\$\(\s*(?:nproc|nproc --all|getconf _NPROCESSORS_(?:ONLN|CONF))\s*\)|`nproc(?: --all)?`")
"""The commands that print how many CPUs a machine has."""

_MACHINES = (*range(1, 65), 96, 128, 192, 256, 512, 2048, 4096)
"""CPUs of machines; what grows no more between the last two of them has a bound."""

_TOKEN = late_pattern(r"\s*(?:(0|[1-9]\d{0,8})(?!\w)|(<=|>=|==|!=|&&|\|\||[-+*/%<>!?:()]))")
_NAME = late_pattern(r"(?<![\w$])[A-Za-z_]\w*")

_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
"""Operators of two sides, those that bind least first."""


class _UnknownError(Exception):
    """An expression that is none, or has no known value."""


def calculate(text: str, cpus: int | None = None) -> int | None:
    """Return the value of an expression, None where it has none; `cpus` stand for the commands that count them."""
    if cpus is not None:
        text = CPU_COUNT.sub(str(cpus), text)
    text = text.replace("$((", "((")  # one inside of another
    if len(text) > MAX_LENGTH:
        return None
    try:
        return _Expression(text).value()
    except (_UnknownError, ZeroDivisionError):
        return None


def put_in_names(text: str, variables: Mapping[str, str]) -> str:
    """Return an expression with what its names stand for: numbers, and counts of CPUs; others stay as they are."""

    def value(name: str) -> str:
        found = variables.get(name, name).strip()
        return as_operand(found) if found.isdecimal() or CPU_COUNT.search(found) else name

    return _NAME.sub(lambda match: value(match[0]), CPU_COUNT.sub("$(\0)", text)).replace("\0", "nproc")


def as_operand(value: str) -> str:
    """Return a value as it may stand in an expression."""
    if value.isdecimal() or CPU_COUNT.fullmatch(value):
        return value
    return value[2:-1] if value.startswith("$((") and value.endswith("))") else f"({value})"


@cache
def at_most(text: str) -> int | None:
    """Return the largest value that a count of CPUs may come to, None where it grows with them, or is not known."""
    inner = text.strip().removeprefix("$((").removesuffix("))") if text.strip().startswith("$((") else text
    found = [calculate(inner, cpus) for cpus in _MACHINES]
    numbers = [number for number in found if number is not None]
    return max(numbers) if len(numbers) == len(found) and numbers[-1] == numbers[-2] else None


class _Expression:
    """Reads the tokens of an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _UnknownError
            self._tokens.append(match[1] or match[2])
            at = match.end()
        self._tokens.reverse()

    def value(self) -> int:
        """Return the value of the whole."""
        found = self._ternary(0)
        if self._tokens:
            raise _UnknownError
        return found

    def _take(self, *tokens: str) -> str | None:
        return self._tokens.pop() if self._tokens and self._tokens[-1] in tokens else None

    def _expect(self, token: str) -> None:
        if self._take(token) is None:
            raise _UnknownError

    def _ternary(self, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise _UnknownError
        found = self._binary(0, depth)
        if self._take("?") is None:
            return found
        left = self._ternary(depth + 1)
        self._expect(":")
        right = self._ternary(depth + 1)
        return left if found else right

    def _binary(self, level: int, depth: int) -> int:
        if level == len(_LEVELS):
            return self._unary(depth)
        found = self._binary(level + 1, depth)
        while (sign := self._take(*_LEVELS[level])) is not None:
            found = _combined(sign, found, self._binary(level + 1, depth))
            if abs(found) >= 2**31:
                raise _UnknownError
        return found

    def _unary(self, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise _UnknownError
        if (sign := self._take("-", "+", "!")) is not None:
            value = self._unary(depth + 1)
            return -value if sign == "-" else value if sign == "+" else int(not value)
        if self._take("(") is not None:
            found = self._ternary(depth + 1)
            self._expect(")")
            return found
        if not self._tokens or not self._tokens[-1].isdecimal():
            raise _UnknownError
        return int(self._tokens.pop())


def _combined(sign: str, left: int, right: int) -> int:
    """Return what an operator makes of two numbers; division is towards zero, as in C."""
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)
        case "%":
            return abs(left) % abs(right) * (1 if left >= 0 else -1)
        case "||":
            return int(bool(left or right))
        case "&&":
            return int(bool(left and right))
    return int({"==": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
                ">=": left >= right}[sign])  # fmt: skip
