"""pm2: the apps of `ecosystem.config.js`, or of the same in JSON or YAML.

Facts: pm2.keymetrics.io/docs, "Ecosystem file" (pm2 6). A file of JavaScript is read where it does nothing but export one
literal object; a test asks Node.
"""

from __future__ import annotations

import re
import shlex

from memguard_hooks.deployment.servers.managed import MAX_BYTES, Managed
from memguard_hooks.deployment.start import Host, UnknownStartError
from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

DATA = (".json", ".yml", ".yaml")
SCRIPTS = (".js", ".cjs")

_JAVASCRIPT = late_pattern(
    r"(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<template>`[^`]*`)|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<name>[A-Za-z_$][\w$.]*)(?P<colon>\s*:)?|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>[][{},])|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_EXPORTS = late_pattern(r"\s*(?:[\"']use strict[\"'];?\s*)?(?:module\.exports\s*=|export\s+default)\s*(?=\{|\[)")
_ESCAPE = late_pattern(r"\\(.)", re.DOTALL)


def read_file(program: str, words: list[str], host: Host) -> list[Managed]:
    """Read `pm2-runtime start FILE`, whose apps name a script and what interprets it."""
    given = [word for word in words if not word.startswith("-") and word not in ("start", "runtime", "startOrRestart")]
    path = given[0] if given else ""
    if path.endswith(".py"):
        return [Managed(f"python {shlex.quote(path)}")]
    inner = host.inside(path)
    data = host.read(inner) if inner and path.endswith((*DATA, *SCRIPTS)) else None
    reason = f"{program} runs the apps of {path or 'a file'}, which is not read"
    if data is None or len(data) > MAX_BYTES:
        raise UnknownStartError(reason)
    from memguard_hooks.formats.yaml_nodes import compose, get, items  # JSON is YAML

    text = data.decode("utf-8-sig", "replace")
    literal = as_yaml(text) if path.endswith(SCRIPTS) else text
    if literal is None:
        raise UnknownStartError(f"{reason}: it is no literal object")
    try:
        root = compose(literal.encode(), path)
    except MemguardError as error:
        raise UnknownStartError(f"{reason}: it {error.message}") from None
    apps = items(get(root, "apps")) or items(root) or [one for one in (get(root, "apps"), root) if one is not None][:1]
    return [one for app in apps for one in _managed(app, path)]


def _managed(app: yaml.Node, path: str) -> Iterator[Managed]:
    from memguard_hooks.formats.yaml_nodes import get, items, pairs, scalar

    script, interpreter = scalar(app, "script") or "", scalar(app, "interpreter") or scalar(app, "exec_interpreter") or ""
    instances = scalar(app, "instances") or "1"
    if not script:
        return
    if not re.fullmatch(r"[1-9]\d{0,2}", instances):
        raise UnknownStartError(f"{path} starts {instances} instances, one for each CPU of the host")
    listed = [scalar(one) or "" for one in items(get(app, "args"))]
    arguments = shlex.join(listed) if listed else scalar(app, "args") or ""
    runner = interpreter if interpreter not in ("", "none") else "python" if script.endswith(".py") else ""
    command = " ".join(filter(None, (runner, scalar(app, "interpreter_args") or "", script, arguments)))
    variables = {
        str(key.value): text
        for name in ("env", "env_production")
        for key, node in pairs(get(app, name))
        if (text := scalar(node)) is not None
    }
    yield Managed(command, int(instances), scalar(app, "cwd") or "", variables)


def as_yaml(text: str) -> str | None:
    """Return the object that a file of JavaScript exports as YAML writes it; None where it is more than a literal.

    A name that is computed, such as `process.env.PORT`, stands there as a variable that nobody knows.
    """
    started = _EXPORTS.match(_without_comments(text))
    if started is None:
        return None
    body = _without_comments(text)[started.end() :].strip().rstrip(";").rstrip()
    found: list[str] = []
    for match in _JAVASCRIPT.finditer(body):
        kind = match.lastgroup if match.lastgroup != "colon" else "name"
        if kind == "text":
            found.append(_quoted(_ESCAPE.sub(r"\1", match[0][1:-1])))
        elif kind == "name":
            is_key = match["colon"] is not None
            word = match["name"]
            plain = is_key or word in ("true", "false", "null")
            found.append(f"{word}: " if is_key else word if plain else _quoted(f"${{{word}}}"))
        elif kind in ("number", "sign"):
            found.append(match[0])
        elif kind == "space":
            found.append(" ")
        elif match[0] == ":" and found and found[-1].startswith("'"):
            found.append(": ")
        else:
            return None
    return "".join(found)


def _without_comments(text: str) -> str:
    return _JAVASCRIPT.sub(lambda match: " " if match["comment"] else match[0], text)


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
