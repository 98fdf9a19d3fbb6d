"""Split the words of a command line into options with values, flags, and the rest, as its program does.

Programs read their options by argparse, click or getopt, which differ in what they take for a value. Those that use click
also take options from variables and from files of variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from memguard_hooks.deployment.start import Host, RefusedError
from memguard_hooks.record import Literal, Record


class ParsedOptions(Record):
    """The options of a command line by their long names.

    Of an option that is given twice `values` holds the last value; `given` holds all, in their order.
    """

    values: Mapping[str, str]
    flags: frozenset[str] = frozenset()
    positional: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()


class Grammar(Record):
    """What a program accepts: flags, long names of short options, and all options with a value.

    `optional` are options whose value may be absent, `numbers` those that take one, `many` those that take all words
    up to the next option. argparse lets names be abbreviated, and takes no value that looks like an option; click
    takes any; getopt ends at the first word that is no option. `ends` tells that the program does as getopt does.
    """

    flags: frozenset[str]
    short: Mapping[str, str]
    valued: frozenset[str]
    optional: frozenset[str]
    numbers: frozenset[str]
    many: frozenset[str]
    parser: Literal["argparse", "click", "getopt"]
    ends: bool


def grammar(usage: str, parser: Literal["argparse", "click", "getopt"] = "argparse", *, ends: bool = False) -> Grammar:
    """Return the grammar that a text lists: `--reload`, `--[no-]reload`, `--bind/-b=`, `--workers/-w=N`.

    Behind `/` stand other names of an option, and behind `=` what it takes: `N` is a number, `?` a value that may be
    absent, `*` all words up to the next option.
    """
    found: dict[str, set[str]] = {"flags": set(), "=": set(), "=?": set(), "=N": set(), "=*": set()}
    short: dict[str, str] = {}
    for word in usage.split():
        spelled, sign, kind = word.partition("=")
        name, *others = spelled.split("/")
        known = {name.replace("[no-]", ""), name.replace("[no-]", "no-")}
        found[sign + kind or "flags"] |= {*known, *(other for other in others if other.startswith("--"))}
        short.update(dict.fromkeys(others, name))
    valued = found["="] | found["=?"] | found["=N"]
    kinds = (found["flags"], valued, found["=?"], found["=N"], found["=*"])
    flags, valued_names, optional, numbers, many = map(frozenset, kinds)
    return Grammar(flags, short, valued_names, optional, numbers, many, parser, ends)


def names(text: str) -> frozenset[str]:
    """Return the option names that a text lists."""
    return frozenset(text.split())


def split_options(words: Sequence[str], grammar: Grammar, *, is_strict: bool = True) -> ParsedOptions:
    """Split words into options with values, flags, and the rest. Raises RefusedError for what the program refuses."""
    given: list[tuple[str, str]] = []
    flags: list[str] = []
    positional: list[str] = []
    waiting = list(reversed(words))
    problem = None
    while waiting:
        word = waiting.pop()
        if word == "--" or (grammar.ends and not _is_dashed(word)):
            positional += [*([] if word == "--" else [word]), *reversed(waiting)]
            break
        if not _is_dashed(word):
            positional.append(word)
            continue
        name, has_value, value = _split_word(word, grammar)
        name, found = _complete(grammar.short.get(name, name), grammar)
        problem = problem or found
        if name in grammar.flags:
            flags.append(name)
            if has_value and word.startswith("--"):
                problem = problem or f"{name} takes no value"
            elif has_value:
                waiting.append(f"-{value}")  # -DR
            continue
        if name in grammar.many:
            while waiting and not _is_option(waiting[-1], grammar):
                given.append((name, waiting.pop()))
            continue
        if not has_value and waiting and not _is_option(waiting[-1], grammar):
            has_value, value = "=", waiting.pop()
        if has_value:
            given.append((name, value))
        elif name not in grammar.optional:
            problem = problem or f"{name} is given no value"
        if name in grammar.numbers and value and not re.fullmatch(r"\s*[-+]?[0-9]+\s*|.*[$`].*", value, re.DOTALL):
            problem = problem or f"{name} takes a number, not {value!r}"
    if problem is not None and is_strict:
        raise RefusedError(problem)
    return ParsedOptions(dict(given), _last_of_pairs(flags), tuple(positional), tuple(given))


def _is_dashed(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _split_word(word: str, grammar: Grammar) -> tuple[str, str, str]:
    """Return the name of an option, whether a value is joined to it, and that value."""
    name, has_value, value = word.partition("=")
    if word.startswith("--") or name in (grammar.valued | grammar.flags):
        return name, has_value, value
    if len(word) > 2 and name in grammar.short and grammar.parser != "click":
        return name, has_value, value
    value = word[2:] if grammar.parser == "click" else word[2:].removeprefix("=")
    return word[:2], word[2:3], value


def _complete(name: str, grammar: Grammar) -> tuple[str, str | None]:
    known = grammar.flags | grammar.valued | grammar.many
    if name in known:
        return name, None
    if grammar.parser == "click":
        return name, f"it has no option {name}"
    near = sorted(option for option in known if name.startswith("--") and option.startswith(name))
    if len(near) == 1:
        return near[0], None
    return name, f"{name} may be {' or '.join(near)}" if near else f"it has no option {name}"


def _is_option(word: str, grammar: Grammar) -> bool:
    if grammar.parser != "argparse":
        return False
    return word.startswith("-") and word != "-" and " " not in word and not re.fullmatch(r"-\d+|-\d*\.\d+", word)


def _last_of_pairs(flags: Sequence[str]) -> frozenset[str]:
    """Return the flags of which no later one says the opposite, as `--no-reload` does of `--reload`."""
    found: set[str] = set()
    for name in flags:
        found.discard(f"--no-{name[2:]}")
        found.discard(f"--{name.removeprefix('--no-')}")
        found.add(name)
    return frozenset(found)


_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off", ""})


def with_variables(
    given: ParsedOptions, valued: Sequence[str], flags: Sequence[str], prefix: str, host: Host
) -> ParsedOptions:
    """Add the options that variables such as `UVICORN_WORKERS` give where the command line does not.

    Raises RefusedError for a flag that is neither yes nor no.
    """
    values, on = dict(given.values), set(given.flags)
    for option in valued:
        text = host.variables.get(_variable(prefix, option))
        if text and option not in values:
            values[option] = text
    for option in flags:
        text = host.variables.get(_variable(prefix, option))
        if text is None or option in on or f"--no-{option[2:]}" in on:
            continue
        if text.strip().lower() in _TRUE:
            on.add(option)
        elif text.strip().lower() not in _FALSE:
            raise RefusedError(f"{_variable(prefix, option)} is {text!r}, which is no yes or no")
    return given._replace(values=values, flags=frozenset(on))


def _variable(prefix: str, option: str) -> str:
    return f"{prefix}_{option[2:].replace('-', '_').upper()}"


def with_file(path: str | None, host: Host) -> Host:
    """Add the variables of a file such as `.env`, as python-dotenv does; those that are set stay."""
    text = host.read_text(path) if path else None
    if text is None:
        return host
    found: dict[str, str] = {}
    for line in text[: 2**16].splitlines():
        match = re.fullmatch(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)", line)
        if match is not None:
            quoted = re.fullmatch(r"(['\"])(.*)\1(?:\s+#.*)?", match[2].strip())
            found[match[1]] = quoted[2] if quoted else re.split(r"\s#", match[2], maxsplit=1)[0].strip()
    return host._replace(variables={**found, **host.variables})
