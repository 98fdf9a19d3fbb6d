"""Templates of Go as charts of Helm write them, filled in with values, as far as that needs no cluster.

Sources: pkg.go.dev/text/template, masterminds.github.io/sprig and helm.sh/docs, "Template Function List" (2026-11). What a
function of this list cannot tell is unknown: it prints nothing, and a condition on it does not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.yaml_nodes import compose, plain
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Any, Record

MAX_OUTPUT = 2**18
"""Characters that templates come to."""

MAX_STEPS = 100_000
"""Actions that are followed, and functions that are called."""

MAX_DEPTH = 20
"""Templates inside templates, and blocks inside blocks."""

_STOP = late_pattern(r"[\"`]|\}\}")
_STRING = late_pattern(r"\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|`[^`]*`")
_TOKEN = late_pattern(
    r"\s*(?:(\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(-?\d+(?:\.\d+)?)(?![\w.])|([$\w]*(?:\.\w+)+|\$\w*|\.|\w+)|(:=|\)(?:\.\w+)*|[(|,=]))"
)


class TemplateError(Exception):
    """A template that does not parse, or comes to more than anybody writes."""


class _Node(Record):
    """A text, an action, or a block with what stands in it and behind its `else`."""

    kind: str
    text: str
    line: int
    body: tuple[Any, ...] = ()
    other: tuple[Any, ...] = ()


class Printed(Record):
    """A text that a template printed, the line of it that it comes from, and whether it stands there as it is."""

    text: str
    line: int
    is_text: bool


def parse(source: str) -> tuple[tuple[_Node, ...], dict[str, tuple[_Node, ...]]]:
    """Return the nodes of a template, and those of the templates that it defines. Raises TemplateError."""
    pieces: list[tuple[str, str, int]] = []
    at, line, trims = 0, 1, False
    while (start := source.find("{{", at)) >= 0:
        stop = _end(source, start + 2)
        text, written = source[at:start], source[start + 2 : stop]
        before = written[:1] == "-" and written[1:2].isspace()
        action = written[1:].strip() if before else written.strip()
        pieces.append(("text", *_trimmed(text, line, before=before, behind=trims)))
        line += text.count("\n")
        trims = action == "-" or (action.endswith("-") and (action[-2].isspace() or action.endswith("*/-")))
        pieces.append(("action", (action[:-1] if trims else action).strip(), line))
        line += written.count("\n")
        at = stop + 2
    pieces.append(("text", *_trimmed(source[at:], line, before=False, behind=trims)))
    defined: dict[str, tuple[_Node, ...]] = {}
    waiting = iter(pieces)
    nodes, end = _block(waiting, defined, 0)
    if end is not None:
        raise TemplateError(f"{end} stands alone")
    return nodes, defined


def _end(source: str, at: int) -> int:
    """Return where an action ends that begins at a place. Raises TemplateError where it has no end."""
    comment = re.compile(r"-?\s*/\*").match(source, at)
    if comment is not None:
        at = source.find("*/", comment.end())
    while at >= 0 and (stop := _STOP.search(source, at)) is not None:
        if stop[0] == "}}":
            return stop.start()
        text = _STRING.match(source, stop.start())
        at = text.end() if text is not None else -1
    raise TemplateError("an action has no end")


def _trimmed(text: str, line: int, *, before: bool, behind: bool) -> tuple[str, int]:
    """Return a text without the spaces that the actions around it take away, and the line that it then begins in."""
    rest = text.lstrip() if behind else text
    return rest.rstrip() if before else rest, line + text.count("\n", 0, len(text) - len(rest))


def _block(
    pieces: Iterator[tuple[str, str, int]], defined: dict[str, tuple[_Node, ...]], depth: int
) -> tuple[tuple[_Node, ...], str | None]:
    """Return the nodes up to the `end` or `else` of a block, and that."""
    if depth > MAX_DEPTH:
        raise TemplateError("its blocks are nested too deeply")
    found: list[_Node] = []
    for kind, text, line in pieces:
        word, rest = _first_word(text)
        if kind == "text":
            found.append(_Node("text", text, line))
        elif word in ("end", "else"):
            return tuple(found), text if word == "else" else word
        elif word in ("if", "with", "range", "define", "block"):
            body, end = _block(pieces, defined, depth + 1)
            if word in ("define", "block"):
                defined[rest.strip().split(" ")[0].strip('"`')] = body
                continue
            found.append(_Node(word, rest, line, body, _otherwise(pieces, defined, end, line, depth + 1)))
        elif not text.startswith("/*"):
            found.append(_Node("action", text, line))
    return tuple(found), None


def _first_word(text: str) -> tuple[str, str]:
    """Return the word that an action begins with, and what comes behind it."""
    word = re.match(r"\w*", text)
    end = word.end() if word is not None else 0
    return text[:end], text[end:].strip()


def _otherwise(
    pieces: Iterator[tuple[str, str, int]], defined: dict[str, tuple[_Node, ...]], end: str | None, line: int, depth: int
) -> tuple[_Node, ...]:
    """Return what stands behind the `else` of a block."""
    if end is None:
        raise TemplateError("a block has no end")
    if end == "end":
        return ()
    body, last = _block(pieces, defined, depth)
    word, rest = _first_word(end[len("else") :].strip())
    if not word:
        return body
    return (_Node(word, rest, line, body, _otherwise(pieces, defined, last, line, depth + 1)),)


class _Unknown:
    """What only a cluster, or a function that is not followed, knows."""


UNKNOWN = _Unknown()


def is_true(value: object) -> bool:
    """Return whether a value holds as a condition."""
    return bool(value) and value is not UNKNOWN


def shown(value: object) -> str:
    """Return a value as a template prints it."""
    if value is None or value is UNKNOWN:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _yaml(value) if isinstance(value, (dict, list)) else str(value)


def _yaml(value: object) -> str:
    """Return a value as YAML on one line, as far as it may come to so much."""
    return "".join(_bounded(json.JSONEncoder(default=lambda _: None, check_circular=False).iterencode(value)))


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    """Yield pieces of what is printed, as far as they may come to so much."""
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_OUTPUT:
            raise TemplateError(f"it comes to more than {MAX_OUTPUT // 1024} KiB")
        yield piece


def _to_yaml(value: object) -> str:
    """Return a value as YAML, a line for each item: tables stand below others that a template has begun."""
    if not value or not isinstance(value, (dict, list)):
        return _yaml(value)
    return "".join(_bounded(_lines(value, "", 0))).rstrip("\n")


def _lines(value: object, pad: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise TemplateError("what it prints is nested too deeply")
    pairs = value.items() if isinstance(value, dict) else ((None, one) for one in value) if isinstance(value, list) else ()
    for key, one in pairs:
        head = pad + ("- " if key is None else f"{json.dumps(shown(key))}: ")
        if isinstance(one, (dict, list)) and one:
            yield f"{head.rstrip()}\n"
            yield from _lines(one, f"{pad}  ", depth + 1)
        else:
            yield f"{head}{_yaml(one)}\n"


def _printf(form: object, *values: object) -> str:
    rest = list(values)
    return re.sub(r"%[-+#0 ]*\d*(?:\.\d+)?[a-z]", lambda _: shown(rest.pop(0)) if rest else "", shown(form))


def _indent(number: object, text: object) -> str:
    pad = " " * (number if isinstance(number, int) and number < 200 else 0)
    return "\n".join(pad + line for line in shown(text).split("\n"))


def _dict(*pairs: object) -> dict[str, object]:
    return {shown(key): value for key, value in zip(pairs[::2], (*pairs[1::2], ""), strict=False)}


def _set(table: object, key: object, value: object) -> object:
    if isinstance(table, dict):
        table[shown(key)] = value
    return table


def _merge(*tables: object, over: bool) -> object:
    """Return the first table with what the others have besides, or over it."""
    into = tables[0] if tables else None
    for other in tables[1:]:
        if isinstance(into, dict) and isinstance(other, dict):
            for key, value in other.items():
                both = isinstance(into.get(key), dict) and isinstance(value, dict)
                if both:
                    _merge(into[key], value, over=over)
                elif is_true(value) if over else not is_true(into.get(key)):
                    into[key] = value
    return into


def _copy(value: object) -> object:
    return json.loads(_yaml(value)) if isinstance(value, (dict, list)) else value


def _from_yaml(text: object) -> object:
    """Return what a text of YAML holds; an empty table where that is nothing."""
    try:
        found = plain(compose(shown(text).encode(), ""), MAX_STEPS)
    except MemguardError:
        return UNKNOWN
    return {} if found is None else found


def _kind(value: object) -> str:
    """Return what Go calls the kind of a value."""
    if value is None:
        return "invalid"
    kinds = ((bool, "bool"), (int, "int"), (str, "string"), (dict, "map"), (list, "slice"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "unknown")


def _number(value: object) -> int:
    return int(shown(value)) if re.fullmatch(r"-?\d{1,9}", shown(value)) else 0


def _index(value: object, *keys: object) -> object:
    """Return what stands at some keys of a table, or places of a list."""
    for key in keys:
        if isinstance(value, list):
            value = value[key] if isinstance(key, int) and 0 <= key < len(value) else None
        else:
            value = value.get(shown(key)) if isinstance(value, dict) else UNKNOWN
    return value


def _dig(*words: object) -> object:
    """Return what stands at some keys of the table that comes last, or else the value before it."""
    *keys, other, table = words
    found = _index(table, *keys)
    return other if found is None or found is UNKNOWN else found


def _sha256(text: object) -> str:
    import hashlib

    return hashlib.sha256(shown(text).encode()).hexdigest()


MAX_RANGE = 200
"""Numbers that `until` counts."""

_FUNCTIONS: dict[str, Callable[..., object]] = {
    "index": _index,
    "dig": _dig,
    "sha256sum": _sha256,
    "until": lambda number: list(range(min(_number(number), MAX_RANGE))),
    "pick": lambda table, *names: (
        {key: value for key, value in table.items() if key in names} if isinstance(table, dict) else UNKNOWN
    ),
    "values": lambda table: list(table.values()) if isinstance(table, dict) else [],
    "rest": lambda values: values[1:] if isinstance(values, list) else [],
    "initial": lambda values: values[:-1] if isinstance(values, list) else [],
    "uniq": lambda values: [one for at, one in enumerate(values) if one not in values[:at]],
    "sortAlpha": lambda values: sorted(map(shown, values)) if isinstance(values, list) else [],
    "without": lambda values, *others: [one for one in values if one not in others] if isinstance(values, list) else [],
    "compact": lambda values: list(filter(is_true, values)) if isinstance(values, list) else [],
    "sub": lambda one, other: _number(one) - _number(other),
    "mul": lambda one, other: _number(one) * _number(other),
    "div": lambda one, other: _number(one) // _number(other) if _number(other) else 0,
    "max": lambda *values: max(map(_number, values), default=0),
    "min": lambda *values: min(map(_number, values), default=0),
    "typeIs": lambda kind, value: _kind(value) == kind,
    "nospace": lambda text: shown(text).replace(" ", ""),
    "title": lambda text: shown(text).title(),
    "repeat": lambda number, text: shown(text)[:MAX_RANGE] * min(_number(number), MAX_RANGE),
    "substr": lambda start, end, text: shown(text)[_number(start) : _number(end)],
    "fromJson": _from_yaml,
    "fromYamlArray": _from_yaml,
    "dict": _dict,
    "set": _set,
    "merge": lambda *tables: _merge(*tables, over=False),
    "mergeOverwrite": lambda *tables: _merge(*tables, over=True),
    "deepCopy": _copy,
    "fromYaml": _from_yaml,
    "kindIs": lambda kind, value: _kind(value) == kind,
    "kindOf": _kind,
    "hasPrefix": lambda start, text: shown(text).startswith(shown(start)),
    "hasSuffix": lambda end, text: shown(text).endswith(shown(end)),
    "join": lambda between, values: shown(between).join(map(shown, values)) if isinstance(values, list) else shown(values),
    "splitList": lambda between, text: shown(text).split(shown(between) or None),
    "has": lambda value, values: isinstance(values, list) and value in values,
    "keys": lambda table: list(table) if isinstance(table, dict) else [],
    "append": lambda values, value: [*values, value] if isinstance(values, list) else [value],
    "concat": lambda *lists: [value for one in lists if isinstance(one, list) for value in one],
    "first": lambda values: values[0] if isinstance(values, list) and values else None,
    "last": lambda values: values[-1] if isinstance(values, list) and values else None,
    "omit": lambda table, *names: (
        {key: value for key, value in table.items() if key not in names} if isinstance(table, dict) else UNKNOWN
    ),
    "len": lambda value: len(value) if isinstance(value, (dict, list, str)) else 0,
    "gt": lambda one, other: _number(one) > _number(other),
    "ge": lambda one, other: _number(one) >= _number(other),
    "lt": lambda one, other: _number(one) < _number(other),
    "le": lambda one, other: _number(one) <= _number(other),
    "add": lambda *values: sum(map(_number, values)),
    "default": lambda other, value=None: value if is_true(value) else other,
    "coalesce": lambda *values: next((value for value in values if is_true(value)), None),
    "ternary": lambda one, other, test: one if is_true(test) else other,
    "empty": lambda value: not is_true(value),
    "required": lambda _, value=None: value,
    "quote": lambda *values: " ".join(json.dumps(shown(value)) for value in values if value is not None),
    "squote": lambda *values: " ".join("'" + shown(value).replace("'", "''") + "'" for value in values),
    "toYaml": _to_yaml,
    "toJson": _yaml,
    "toString": shown,
    "int": _number,
    "nindent": lambda number, text: "\n" + _indent(number, text),
    "indent": _indent,
    "printf": _printf,
    "print": lambda *values: "".join(map(shown, values)),
    "trim": lambda text: shown(text).strip(),
    "trunc": lambda number, text: shown(text)[:number] if isinstance(number, int) and number >= 0 else shown(text),
    "trimSuffix": lambda end, text: shown(text).removesuffix(shown(end)),
    "trimPrefix": lambda start, text: shown(text).removeprefix(shown(start)),
    "lower": lambda text: shown(text).lower(),
    "upper": lambda text: shown(text).upper(),
    "replace": lambda old, new, text: shown(text)[:1000].replace(shown(old), shown(new)),
    "contains": lambda part, text: shown(part) in shown(text),
    "hasKey": lambda table, key: isinstance(table, dict) and key in table,
    "get": lambda table, key: table.get(key, "") if isinstance(table, dict) else "",
    "list": lambda *values: list(values),
    "eq": lambda one, *others: any(one == other for other in others),
    "ne": lambda one, other: one != other,
    "not": lambda value: not is_true(value),
    "and": lambda *values: next((value for value in values if not is_true(value)), values[-1] if values else None),
    "or": lambda *values: next((value for value in values if is_true(value)), values[-1] if values else None),
}
_FUNCTIONS |= {
    other: _FUNCTIONS[name]
    for other, name in (("int64", "int"), ("float64", "int"), ("mustToYaml", "toYaml"), ("mustToJson", "toJson"))
}


class Renderer:
    """Fills in templates; `defined` are those that `include` names."""

    def __init__(self, defined: Mapping[str, tuple[_Node, ...]], values: Mapping[str, object]) -> None:
        self._defined = defined
        self._values = values
        self._steps = 0
        self._length = 0
        self.guesses = 0
        """Conditions that could not be decided."""

    def render(self, nodes: Sequence[_Node]) -> list[Printed]:
        """Return what a template prints. Raises TemplateError where it does not parse, or comes to too much."""
        found: list[Printed] = []
        self._print(nodes, self._values, {"$": self._values}, found, 0)
        return found

    def _print(
        self, nodes: Sequence[_Node], dot: object, variables: dict[str, object], out: list[Printed], depth: int
    ) -> None:
        if depth > MAX_DEPTH:
            raise TemplateError("templates are nested too deeply")
        for node in nodes:
            self._count()
            if node.kind == "text":
                self._add(Printed(node.text, node.line, is_text=True), out)
            elif node.kind == "action":
                set_, written = re.match(r"(?:(\$\w+)\s*:?=\s*)?(.*)", node.text, re.DOTALL).groups()  # type: ignore[union-attr]
                value = self._value(written, dot, variables, depth)
                if set_:
                    variables[set_] = value
                else:
                    self._add(Printed(shown(value), node.line, is_text=False), out)
            elif node.kind == "range":
                self._range(node, dot, variables, out, depth)
            else:
                name, written = re.match(r"(?:(\$\w+)\s*:=\s*)?(.*)", node.text, re.DOTALL).groups()  # type: ignore[union-attr]
                value = self._value(written, dot, variables, depth)
                inner = {**variables, name: value} if name else variables
                self.guesses += value is UNKNOWN
                if is_true(value):
                    self._print(node.body, value if node.kind == "with" else dot, inner, out, depth + 1)
                else:
                    self._print(node.other, dot, variables, out, depth + 1)

    def _range(self, node: _Node, dot: object, variables: dict[str, object], out: list[Printed], depth: int) -> None:
        names, written = re.match(r"(?:(\$\w+(?:\s*,\s*\$\w+)?)\s*:=\s*)?(.*)", node.text, re.DOTALL).groups()  # type: ignore[union-attr]
        value = self._value(written, dot, variables, depth)
        entries = (
            list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
        )
        for key, item in entries:
            given = [name.strip() for name in (names or "").split(",") if name.strip()]
            pairs = zip(given, (key, item) if len(given) > 1 else (item,), strict=False)
            self._print(node.body, item, {**variables, **dict(pairs)}, out, depth + 1)
        if not entries:
            self._print(node.other, dot, variables, out, depth + 1)

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TemplateError(f"more than {MAX_STEPS} steps fill it in")

    def _add(self, one: Printed, out: list[Printed]) -> None:
        self._length += len(one.text)
        if self._length > MAX_OUTPUT:
            raise TemplateError(f"it comes to more than {MAX_OUTPUT // 1024} KiB")
        if one.text:
            out.append(one)

    # Expressions

    def _value(self, written: str, dot: object, variables: dict[str, object], depth: int) -> object:
        tokens = _tokens(written)
        value, rest = self._pipeline(tokens, dot, variables, depth)
        if rest:
            raise TemplateError(f"{written[:60]!r} does not parse")
        return value

    def _pipeline(self, words: list[str], dot: object, variables: dict[str, object], depth: int) -> tuple[object, list[str]]:
        """Return what commands come to, each of which is given the value of the one before, and the words behind them."""
        value, words = self._command(words, [], dot, variables, depth)
        while words[:1] == ["|"]:
            value, words = self._command(words[1:], [value], dot, variables, depth)
        return value, words

    def _command(
        self, words: list[str], last: list[object], dot: object, variables: dict[str, object], depth: int
    ) -> tuple[object, list[str]]:
        if depth > MAX_DEPTH:
            raise TemplateError("its brackets are nested too deeply")
        arguments: list[object] = []
        name = None
        while words and words[0] != "|" and words[0][0] != ")":
            word, words = words[0], words[1:]
            if word == "(":
                inner, words = self._pipeline(words, dot, variables, depth + 1)
                if not words or words[0][0] != ")":
                    raise TemplateError("a bracket is not closed")
                arguments.append(_below(inner, words[0].split(".")[1:]))
                words = words[1:]
            elif name is None and not arguments and re.fullmatch(r"(?!(?:true|false|nil)$)[A-Za-z_]\w*", word):
                name = word
            elif re.fullmatch(r"(?!(?:true|false|nil)$)[A-Za-z_]\w*", word):
                arguments.append(self._call(word, [], depth + 1))  # a function without arguments, as `dict`
            else:
                arguments.append(_term(word, dot, variables))
        arguments += last
        if name is not None:
            return self._call(name, arguments, depth), words
        return (arguments[0] if arguments else UNKNOWN), words

    def _call(self, name: str, arguments: list[object], depth: int) -> object:
        self._count()
        if name in ("include", "template") and arguments:
            nodes = self._defined.get(shown(arguments[0]))
            if nodes is None:
                return UNKNOWN
            out: list[Printed] = []
            given = arguments[1] if len(arguments) > 1 else None
            self._print(nodes, given, {"$": given}, out, depth + 1)
            return "".join(one.text for one in out).strip("\n")
        if name == "tpl" and arguments:
            inner: list[Printed] = []
            self._print(parse(shown(arguments[0]))[0], self._values, {"$": self._values}, inner, depth + 1)
            return "".join(one.text for one in inner)
        function = _FUNCTIONS.get(name)
        if function is None:
            return UNKNOWN
        try:
            value = function(*arguments)
        except TypeError:
            return UNKNOWN
        if isinstance(value, str) and len(value) > MAX_OUTPUT:
            raise TemplateError(f"it comes to more than {MAX_OUTPUT // 1024} KiB")
        return value


def _tokens(written: str) -> list[str]:
    found: list[str] = []
    at = 0
    written = written.rstrip()
    while at < len(written):
        match = _TOKEN.match(written, at)
        if match is None:
            raise TemplateError(f"{written[:60]!r} does not parse")
        found.append(next(filter(None, match.groups())))
        at = match.end()
    return found


def _term(token: str, dot: object, variables: Mapping[str, object]) -> object:
    """Return a literal, or what a path of names leads to."""
    if token[0] in '"`':
        return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] == '"' else token[1:-1]
    if re.fullmatch(r"-?\d{1,15}", token):
        return int(token)
    if token in ("true", "false", "nil"):
        return {"true": True, "false": False}.get(token)
    head, *names = token.split(".")
    return _below(variables.get(head, UNKNOWN) if head else dot, names)


def _below(value: object, names: Sequence[str]) -> object:
    """Return what stands below some names."""
    for name in filter(None, names):
        value = value.get(name) if isinstance(value, dict) else None if value is None else UNKNOWN
    return value
