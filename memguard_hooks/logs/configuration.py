"""What a file of settings says of logs: YAML or JSON for `logging.config.dictConfig`, INI for `logging.config.fileConfig`.

The keys are those of docs.python.org/3/library/logging.config.html. A file without `version` and loggers or handlers is no
such file.
"""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.ini import read_options
from memguard_hooks.formats.yaml_nodes import compose, few, get, nearest, pairs, place, scalar
from memguard_hooks.logs.loggers import LOUD, speaks_in_django
from memguard_hooks.logs.model import LogSetup, level_of_text

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

    from memguard_hooks.formats.ini import Option

MAX_BYTES = 2**18
"""The largest file that is read: none that a person writes comes near it."""


def read_configuration(data: bytes, path: str) -> tuple[tuple[LogSetup, ...], tuple[str, ...]]:
    """Return what a file sets, and the libraries whose loggers it names; nothing of a file that is no such settings."""
    if len(data) > MAX_BYTES:
        return (), ()
    try:
        if path.endswith((".yaml", ".yml", ".json")):
            found = list(_of_mapping(_settings(compose(data, path))))
        else:
            found = list(_of_ini(data.decode("utf-8-sig")))
    except (MemguardError, UnicodeDecodeError):
        return (), ()  # whoever starts the app is told
    setups = tuple(one for one in found if isinstance(one, LogSetup))
    return setups, tuple(sorted({one for one in found if isinstance(one, str)}))


def _settings(root: yaml.Node | None) -> yaml.Node | None:
    """Return the mapping that `dictConfig` is given: the document, or what it has below one key."""
    for node in (root, *(value for _, value in pairs(root))):
        if scalar(node, "version") is not None and any(get(node, key) for key in ("root", "loggers", "handlers")):
            return node
    return None


def _of_mapping(node: yaml.Node | None) -> Iterator[LogSetup | str]:
    loggers = pairs(get(node, "loggers"))
    named = [(str(key.value), value) for key, value in loggers]
    for name, value in [("root", get(node, "root")), *named]:
        root = name.partition(".")[0]
        if root in LOUD:
            yield root
        level = scalar(value, "level")
        if value is not None and level is not None:
            yield from _leveled(name, level, *place(nearest(value, "level")))
    for _, value in pairs(get(node, "handlers")):
        yield from _handler(scalar(value, "class") or "", value)


def _leveled(name: str, level: str, line: int, column: int) -> Iterator[LogSetup]:
    is_root = name in ("", "root")
    if is_root or name.partition(".")[0] in LOUD or speaks_in_django(name):
        detail = "the root logger" if is_root else f"the logger {name}"
        yield LogSetup(line, column, "root" if is_root else "logger", level_of_text(level), "", detail)


def _handler(made: str, node: yaml.Node) -> Iterator[LogSetup]:
    line, column = place(nearest(node, "class"))
    kind = made.rpartition(".")[2]
    if _grows(kind, is_sized=get(node, "maxBytes") is not None):
        yield _file(line, column, kind, (scalar(node, "filename") or "")[:80])
    elif kind == "MemoryHandler" and get(node, "target") is None:
        yield LogSetup(line, column, "memory", detail=kind)
    elif kind == "QueueHandler" and get(node, "queue") is None and not few(node):
        yield LogSetup(line, column, "queue", detail=kind)


def _of_ini(text: str) -> Iterator[LogSetup | str]:
    sections: dict[str, dict[str, Option]] = {}
    for option in read_options(text):
        sections.setdefault(option.section, {})[option.name] = option
    if "loggers" not in sections:
        return
    for section, options in sections.items():
        name = _text(options.get("qualname")) or section.partition("_")[2]
        if section.startswith("logger_"):
            if name.partition(".")[0] in LOUD:
                yield name.partition(".")[0]
            level = options.get("level")
            if level is not None:
                yield from _leveled(name, _text(level), level.pieces[0].line, level.pieces[0].column)
        elif section.startswith("handler_") and "class" in options:
            made, given = _text(options["class"]).rpartition(".")[2], _text(options.get("args"))
            sized = "maxBytes" in _text(options.get("kwargs")) or given.count(",") > 1
            if _grows(made, is_sized=sized):
                piece = options["class"].pieces[0]
                file = re.search(r"['\"]([^'\"]{1,80})['\"]", given)
                yield _file(piece.line, piece.column, made, file[1] if file else "")


def _grows(handler: str, *, is_sized: bool) -> bool:
    """Return whether what a handler writes has no end."""
    return handler in ("FileHandler", "WatchedFileHandler") or (handler == "RotatingFileHandler" and not is_sized)


def _file(line: int, column: int, handler: str, name: str) -> LogSetup:
    return LogSetup(line, column, "file", detail=f"{handler} without rotation{f' ({name})' if name else ''}")


def _text(option: Option | None) -> str:
    return "".join(piece.text for piece in option.pieces) if option is not None else ""
