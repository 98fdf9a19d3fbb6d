"""Programs that Python code starts in processes of their own as it starts itself: by `subprocess`, `asyncio` and `os`.

What `Popen` starts runs beside the program, and so does the last of what it waits for: those before it have ended by then.
`exec` puts another program in its place. Facts: `subprocess`, `asyncio` and `os` of CPython 3.14.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from posixpath import relpath
from shlex import join as shell_line

from memguard_hooks.deployment.gunicorn_settings import Unresolved
from memguard_hooks.deployment.start import SMALL, Host, StartCommand, unknown
from memguard_hooks.deployment.values_in_code import value_of
from memguard_hooks.formats.python_nodes import walk
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from memguard_hooks.deployment.calls_at_start import CallAtStart
    from memguard_hooks.deployment.start import EntryPoint
    from memguard_hooks.formats.python_folding import BoundNames

STAYING = frozenset({"subprocess.Popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"})
WAITED_FOR = frozenset({"subprocess.run", "subprocess.call", "subprocess.check_call", "os.system"})
REPLACING = frozenset({
    "os.execl", "os.execle", "os.execlp", "os.execlpe", "os.execv", "os.execve", "os.execvp", "os.execvpe",
})  # fmt: skip

PYTHON = "python"
_ANYTHING = "0"
"""Stands for a word that only a run can tell, such as a port."""

_COUNTS = late_pattern(r"-w|-c|-P|-j|--?\S*(?:worker|process|concurrency)\S*")
"""Options whose value is a number of processes."""

_ENDS = late_pattern(
    r"(?:\S*/)?(?:pip3?|uv|npm|npx|git|alembic|playwright|nltk|spacy) |python -m (?:pip|playwright|spacy|nltk|alembic) "
    r"|(?:python )?\S*manage\.py (?:migrate|makemigrations|collectstatic|loaddata|createsuperuser|compilemessages)\b"
    r"|(?:python -m )?flask db "
)
"""Commands that prepare something and end, also where they are not waited for."""


def find_started(
    calls: Sequence[CallAtStart], host: Host, parse: Callable[[str, Host], StartCommand]
) -> tuple[StartCommand | None, list[StartCommand]]:
    """Return the start that takes the place of the program, None where none does, and those beside it.

    What starts Python of which nobody can tell the file is a start that is unknown, where it is certain to run.
    """
    last = next((one for one in reversed(calls) if one.source in WAITED_FOR), None)
    calls = [one for one in calls if one is last or one.source in STAYING | REPLACING]
    host = host.one_of(len(calls))
    beside: list[StartCommand] = []
    if calls and host.is_beyond_bounds:
        return None, [unknown(f"{calls[0].path} starts more programs than are followed", program=PYTHON)]
    for call in calls:
        if call.source in REPLACING and call.is_certain:
            start = _start(call, host, parse)
            if start is not None and start.loads_first is not None:
                return start, beside
        elif call.source not in REPLACING:
            start = _start(call, host, parse)
            beside += [start] if start is not None else []
    return None, beside


def _start(call: CallAtStart, host: Host, parse: Callable[[str, Host], StartCommand]) -> StartCommand | None:
    """Return what one call starts, None for what is no Python of the project."""
    place = f"{call.path}:{call.node.lineno}"
    command = _command(call, host)
    if command is None or _ENDS.match(command):
        return None
    if command == PYTHON:
        what = "starts Python, and only a run can tell with which file"
        return unknown(f"{place} {what}", program=PYTHON) if call.is_certain else None
    start = parse(command, host)
    entry = start.loads_first
    if entry is None or start.program in SMALL or not (start.program or _is_there(entry, host)):
        return None
    return start._replace(written=place)


def _is_there(entry: EntryPoint, host: Host) -> bool:
    if entry.script is not None:
        path = join(entry.folder, entry.script)
        return path is not None and host.read(path) is not None
    return host.find_module(entry.module or "", (entry.folder, *entry.roots)) is not None


def _command(call: CallAtStart, host: Host) -> str | None:
    """Return the command of a call as a line of shell, `PYTHON` alone for a file that nobody can tell."""
    node, names = call.node, call.names
    given = {one.arg: one.value for one in node.keywords if one.arg}
    arguments: list[ast.expr] = list(node.args)
    if call.source.endswith(("_exec", "os.execl", "os.execlp")):
        parts = arguments if call.source.endswith("_exec") else [*arguments[:1], *arguments[2:]]
    elif call.source in REPLACING:
        listed, inner = names.meaning(arguments[1]) if len(arguments) > 1 else (None, names)
        if not isinstance(listed, (ast.List, ast.Tuple)):
            return None
        parts, names = listed.elts, inner
    else:
        first = arguments[0] if arguments else given.get("args")
        if first is None:
            return None
        found, inner = names.meaning(first)
        if not isinstance(found, (ast.List, ast.Tuple)):
            value = value_of(first, names, "a command")
            return value if isinstance(value, str) else shell_line(map(str, value)) if isinstance(value, tuple) else None
        parts, names = found.elts, inner
    return _line(list(_words(parts, names, host)))


def _line(words: list[str | None]) -> str | None:
    """Return words as a line of shell; one that nobody can tell may be a port, but no program or number of processes."""
    if not words or words[0] is None:
        return None
    is_python = words[0].rpartition("/")[2].startswith("python")
    if is_python and (len(words) < 2 or words[1] is None or (words[1] == "-m" and words[2:3] == [None])):
        return PYTHON
    for before, word in pairwise(words):
        if word is None and before is not None and _COUNTS.fullmatch(before):
            return None
    return shell_line(_ANYTHING if one is None else one for one in words)


def _words(parts: Sequence[ast.expr], names: BoundNames, host: Host) -> Iterator[str | None]:
    for part in parts:
        is_starred = isinstance(part, ast.Starred)
        inner = part.value if isinstance(part, ast.Starred) else part
        if names.source_of(inner) in ("sys.executable", "sys._base_executable"):
            yield PYTHON
            continue
        value = value_of(inner, names, "a word")
        if is_starred:
            yield from map(str, value) if isinstance(value, tuple) else ()
        elif isinstance(value, Unresolved) or value is None or isinstance(value, tuple):
            yield _file(inner, names, host)
        else:
            yield str(value)


def _file(node: ast.expr, names: BoundNames, host: Host) -> str | None:
    """Return the file that a computed path ends in, where the repository has it beside the code or in the working folder."""
    found, inner = names.meaning(node)
    if isinstance(found, ast.Name) and found.id == "__file__":
        return relpath(inner.path, host.folder or ".")
    texts = [one for one in walk(found) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    texts.sort(key=lambda one: (one.lineno, one.col_offset))
    tail = "/".join(str(one.value).strip("/") for one in texts)
    for folder in (parent(inner.path), parent(parent(inner.path)), host.folder) if tail.endswith(".py") else ():
        path = join(folder, tail)
        if path is not None and host.read(path) is not None:
            return relpath(path, host.folder or ".")
    return None
