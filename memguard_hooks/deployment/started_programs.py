"""Programs that Python code starts in processes of their own as it starts itself: by `subprocess`, `asyncio` and `os`.

What `Popen` starts runs beside the program until it is waited for, and so does what a thread starts. Of what is waited for
the last stays; what came before has ended by then, and so has all of it before a server in the process itself. `exec` puts
another program in the place of this one. Facts: `subprocess`, `asyncio` and `os` of CPython 3.14.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, zip_longest
from posixpath import relpath
from shlex import quote

from memguard_hooks.deployment.calls_at_start import CallAtStart, is_count
from memguard_hooks.deployment.gunicorn_settings import Unresolved, Value
from memguard_hooks.deployment.start import INSTALLED, PREPARING, SMALL, EntryPoint, Host, Parse, StartCommand, unknown
from memguard_hooks.deployment.values_in_code import value_of
from memguard_hooks.formats.python_folding import BoundNames
from memguard_hooks.formats.python_nodes import keywords, walk
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeGuard
from memguard_hooks.tree import join, parent

_STAYING = ("subprocess.Popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "os.popen")
_SPAWNING = ("os.spawn", "os.posix_spawn")
_WAITED_FOR = ("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "os.system")
_WAITING = tuple(f"subprocess.Popen.{method}" for method in ("wait", "communicate"))
_REPLACING = "os.exec"

_PYTHON = "python"
_ANYTHING = "0"
"""Stands for a word that only a run can tell, such as a port."""

_CPUS = "$(nproc)"

MAX_PARTS, MAX_LENGTH = 500, 2**13
"""Judgment: parts of an expression, and letters of a text, that a command is read from; people write far fewer."""

_INTERPRETERS = ("sys.executable", "sys._base_executable")

_ENDS = late_pattern(
    r"(?:python\S* -m )?(?:pip[\d.]*|alembic|playwright|nltk|spacy|venv|compileall|pytest|ensurepip)(?: |$)|uv (?!run )"
    r"|(?:python\S* )?\S*manage\.py (?:" + PREPARING + r"|compilemessages)\b"
    r"|(?:python\S* -m )?flask db "
)
"""Commands that prepare something and end, also where they are not waited for."""

_FILLED = late_pattern(r"%[sdr]|\{\w*\}")
_OPERATORS = late_pattern(r"[&|;\n]")


class Programs(Record):
    """What runs in the end: `replaced` and `waited` are those of which one runs, `beside` those that run at the same time.

    `is_replaced` tells that the program itself is gone then for certain.
    """

    replaced: tuple[StartCommand, ...] = ()
    is_replaced: bool = False
    waited: tuple[StartCommand, ...] = ()
    beside: tuple[StartCommand, ...] = ()


def find_programs(calls: Sequence[CallAtStart], own: str, host: Host, parse: Parse, *, is_serving: bool) -> Programs:
    """Return the programs that calls start, as far as they run in the end.

    `own` is the file of the program itself, which may start itself; `is_serving` tells of a server in its process.
    What starts Python, and nobody can tell how, is a start that is unknown.
    """
    calls = [one for one in calls if _is_start(one) or one.source in _WAITING]
    host = host.one_of(sum(map(_is_start, calls)))
    if calls and host.is_beyond_bounds:
        return Programs(beside=(unknown(f"{calls[0].path} starts more programs than are followed", program=_PYTHON),))
    found = _Found(own, host, parse)
    for call in calls:
        if found.take(call):
            break
    waited = () if is_serving else tuple(found.waited)
    return Programs(tuple(found.replaced), found.is_replaced, waited, found.beside(is_serving=is_serving))


def _is_start(call: CallAtStart) -> bool:
    return call.source in (*_STAYING, *_WAITED_FOR) or call.source.startswith((*_SPAWNING, _REPLACING))


class _Found:
    """What runs, call by call."""

    def __init__(self, own: str, host: Host, parse: Parse) -> None:
        self._own = own
        self._host = host
        self._parse = parse
        self.replaced: list[StartCommand] = []
        self.is_replaced = False
        self.waited: list[StartCommand] = []
        self._running: list[tuple[ast.Call, list[StartCommand]]] = []
        self._ended: list[ast.Call] = []

    def take(self, call: CallAtStart) -> bool:
        """Follow one call; return whether nothing comes after it."""
        if call.source in _WAITING:
            self._ended += [call.made[0]] if call.made is not None else []
            return False
        start = _start(call, self._host, self._parse, self._own)
        if start is None:
            return False
        if call.source.startswith(_REPLACING) and not call.is_beside:
            self.replaced.append(start)
            self.is_replaced = call.is_certain
            return call.is_certain
        if call.is_beside or call.source not in _WAITED_FOR or _is_in_background(call):
            self._let_go()
            starts = [start]
            if call.is_repeated:
                again = f"{call.path}:{call.node.lineno} starts it in a loop, and only a run can tell how often"
                starts.append(unknown(again, program=_PYTHON))
            self._running.append((call.node, starts))
            return False
        if call.is_certain:
            self.waited.clear()
        self.waited.append(start)
        return call.is_certain and bool(start.program) and start.workers is not None

    def _let_go(self) -> None:
        """Forget what was waited for before the next one starts."""
        self._running = [one for one in self._running if not any(one[0] is node for node in self._ended)]

    def beside(self, *, is_serving: bool) -> tuple[StartCommand, ...]:
        """Return what runs beside what comes last."""
        if is_serving or self.waited or self.replaced:
            self._let_go()
        return tuple(start for _, starts in self._running for start in starts)


def _is_in_background(call: CallAtStart) -> bool:
    text = call.node.args[0] if call.source == "os.system" and call.node.args else None
    return text is not None and any(one.rstrip().endswith("&") for one in _texts(walk(text)))


def _start(call: CallAtStart, host: Host, parse: Parse, own: str) -> StartCommand | None:
    """Return what one call starts, None for what is no Python of the project, or has ended by then.

    The program's file `own` may start itself: once, as what starts itself again and again would never end.
    """
    place = f"{call.path}:{call.node.lineno}"
    command = _Command(call, host)
    is_sure = call.is_certain or call.is_repeated
    if not command.words:
        is_open = is_sure and not command.is_itself and call.source != "subprocess.check_output"
        return unknown(f"{place} starts a program, and only a run can tell which", program=_PYTHON) if is_open else None
    line = command.line()
    if not _OPERATORS.search(line) and _ENDS.match(line):
        return None
    if command.is_unknown_python:
        what = "starts Python, and only a run can tell with which file"
        return unknown(f"{place} {what}", program=_PYTHON) if is_sure else None
    there = command.host()
    if there is None:
        what = "starts a program in a folder that only a run can tell"
        return unknown(f"{place} {what}", program=_PYTHON) if is_sure else None
    text = line.rstrip(" &")
    plain = parse(text, there._replace(follows_code=False))
    if plain.loads_first is None:
        return None  # what its code starts is of no interest, as it has none here
    if plain.entrypoint is not None and _path_of(plain.entrypoint, there) == own:
        if own in host.scripts or call.source.startswith(_REPLACING):
            return None
        there = there._replace(scripts=(*there.scripts, own))
    start = parse(text, there)
    entry = start.loads_first
    if entry is None or start.program in SMALL:
        return None
    if not (start.program or _path_of(entry, there)):
        what = f"starts {entry.text}, a program that is installed"
        return unknown(f"{place} {what}", program=_PYTHON) if is_sure and entry.text in INSTALLED else None
    if command.has_unknown_count:
        start = start._replace(workers=None, reason=f"{place} computes the number of processes")
    return start._replace(written=place)


def _path_of(entry: EntryPoint, host: Host) -> str | None:
    """Return the file of an entry point, None where the repository has none."""
    if entry.script is not None:
        path = join(entry.folder, entry.script)
        return path if path is not None and host.read(path) is not None else None
    folders = (entry.folder, *entry.roots)
    return host.find_module(f"{entry.module}.__main__", folders) or host.find_module(entry.module or "", folders)


class _Command:
    """The words of a program that a call starts, as a shell would be given them; `_ANYTHING` for what only a run can tell.

    `is_itself` tells of a program that starts itself again, `has_unknown_count` that a number of processes is not known.
    """

    def __init__(self, call: CallAtStart, host: Host) -> None:
        self._host = host
        self._given = keywords(call.node)
        self._names = call.names
        self.has_unknown_count = False
        self.is_itself = False
        self.is_text = False
        self.words = self._read(call)
        target = (self.words[1:2] or [None])[0]
        if self.words[:1] == [None] and target is not None and (target == "-m" or target.endswith(".py")):
            self.words[0] = _PYTHON  # by a path that only a run can tell
        self.has_unknown_count |= any(
            word is None and before is not None and is_count(before) for before, word in pairwise(self.words)
        )

    @property
    def is_unknown_python(self) -> bool:
        """Whether it is Python with a file or a module that only a run can tell."""
        words = self.words
        if self.is_text or not words or not (words[0] or "").rpartition("/")[2].startswith(_PYTHON):
            return False
        for word, behind in zip_longest(words[1:], words[2:], fillvalue=""):
            if word == "-m":
                return behind is None
            if word is None or not word.startswith("-"):
                return word is None
        return False

    def line(self) -> str:
        """Return it as a line of shell."""
        if self.is_text:
            return self.words[0] or ""
        return " ".join(
            _ANYTHING if one is None else _CPUS.join(quote(part) if part else "" for part in one.split(_CPUS))
            for one in self.words
        )

    def host(self) -> Host | None:
        """Return what surrounds it, in the folder that it is to run in; None where only a run can tell that."""
        given = self._given.get("cwd")
        value = value_of(given, self._names, "a folder") if given is not None else None
        if given is None or value is None or self._names.source_of(given) == "os.getcwd":
            return self._host
        folder = self._host.inside(value) if isinstance(value, str) else _folder(given, self._names)
        return None if folder is None else self._host._replace(folder=folder)

    def _read(self, call: CallAtStart) -> list[str | None]:
        arguments: list[ast.expr] = list(call.node.args)
        name = call.source.rpartition(".")[2]
        self.is_itself = any(self._names.source_of(one) == "sys.argv" for node in arguments for one in walk(node)
                             if isinstance(one, (ast.Name, ast.Attribute)))  # fmt: skip
        if call.source.startswith(_SPAWNING):
            arguments = arguments if name.startswith("posix") else arguments[1:]
            name = name.replace("spawn", "exec") if name.startswith("spawnl") else "execv"
        if name.startswith("execl"):
            given = self._list(arguments[1 : -1 if name.endswith("e") else None])
            return [*self._list(arguments[:1]), *given[1:]]
        if name.startswith("execv"):
            listed = self._parts(arguments[1]) if len(arguments) > 1 else []
            program = self._list(arguments[:1])
            return [*(program if program[:1] != [None] else listed[:1]), *listed[1:]] if listed else []
        if name == "create_subprocess_exec":
            return self._list(arguments)
        first = arguments[0] if arguments else self._given.get("args")
        return self._parts(first) if first is not None else []

    def _parts(self, node: ast.expr) -> list[str | None]:
        """Return the words of a list, or of a text that is split; the text itself as one word."""
        found, inner = self._names.meaning(node)
        if isinstance(found, (ast.List, ast.Tuple)):
            self._names = inner
            return self._list(found.elts)
        if isinstance(found, ast.Call):
            is_split = inner.source_of(found.func) == "shlex.split" and found.args
            split = found.args[0] if is_split else None
            if isinstance(found.func, ast.Attribute) and found.func.attr == "split" and len(found.args) < 2:
                split = found.func.value
            text = self._text(split, inner) if split is not None else ""
            return [*text.split()] if "'" not in text and '"' not in text else []
        value = value_of(node, self._names, "a command")
        if _is_list(value):
            return [str(one) for one in value]
        text = self._text(found, inner) if isinstance(found, ast.expr) else ""
        self.is_text = bool(text)
        return [text] if text else []

    def _text(self, node: ast.expr, names: BoundNames) -> str:
        """Return a text whose parts are known but for words such as a port; empty for one whose program is not known."""
        text = ""
        if sum(1 for _ in islice(walk(node), MAX_PARTS + 1)) > MAX_PARTS:
            return text
        for part in self._pieces(node, names):
            before = text.rsplit(maxsplit=1)[-1] if text.strip() else ""
            is_first = not before or _OPERATORS.match(before[-1])
            if len(text) > MAX_LENGTH or (part is None and (is_first or before.startswith(_PYTHON) or before == "-m")):
                return ""
            self.has_unknown_count |= part is None and is_count(before)
            text += _ANYTHING if part is None else part
        return text

    def _pieces(self, node: ast.expr, names: BoundNames) -> Iterator[str | None]:
        """Yield the parts of a text, None for one that nobody can tell."""
        if names.source_of(node) in _INTERPRETERS:
            yield _PYTHON
            return
        value = value_of(node, names, "a word")
        if isinstance(value, Unresolved) and value.is_cpu_count and not isinstance(node, (ast.JoinedStr, ast.BinOp)):
            yield _CPUS
        elif value is not None and not isinstance(value, tuple):  # which one that nobody can tell is, too
            yield str(value)
        elif isinstance(node, ast.JoinedStr):
            for part in node.values:
                yield from self._pieces(part.value if isinstance(part, ast.FormattedValue) else part, names)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._pieces(node.left, names)
            yield from self._pieces(node.right, names)
        elif (filled := _filled(node)) is not None:
            for number, text in enumerate(filled):
                yield from [None, text] if number else [text]
        else:
            yield _file(node, names, self._host)

    def _list(self, parts: Sequence[ast.expr]) -> list[str | None]:
        return list(self._words(parts)) if len(parts) <= MAX_PARTS else []

    def _words(self, parts: Sequence[ast.expr]) -> Iterator[str | None]:
        names = self._names
        for part in parts:
            inner = part.value if isinstance(part, ast.Starred) else part
            if isinstance(part, ast.Starred):
                value = value_of(inner, names, "words")
                yield from map(str, value) if _is_list(value) else ()
                continue
            pieces = list(self._pieces(inner, names))
            is_option = len(pieces) > 1 and (pieces[0] or "").startswith("-")
            if is_option and None in pieces and is_count(pieces[0] or ""):
                self.has_unknown_count = True
            known = [_ANYTHING if one is None else one for one in pieces] if is_option else pieces
            yield None if None in known else "".join(one for one in known if one is not None)


def _is_list(value: Value | Unresolved) -> TypeGuard[tuple[Value, ...]]:
    return isinstance(value, tuple) and not isinstance(value, Unresolved)


def _filled(node: ast.expr) -> list[str] | None:
    """Return the texts between what is filled into a template by `%` or `format`, None for any other expression."""
    template: ast.expr | None = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        template = node.left
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        template = node.func.value
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return None
    return _FILLED.split(template.value)


def _folder(node: ast.expr, names: BoundNames) -> str | None:
    """Return the folder beside the code that a computed path is, None for any other."""
    found, inner = names.meaning(node)
    nodes = [*walk(found)]
    for one in [*nodes]:
        if isinstance(one, ast.Name):
            nodes += walk(inner.meaning(one)[0])
    if not any(isinstance(one, ast.Name) and one.id == "__file__" for one in nodes):
        return None
    ups = sum(isinstance(one, ast.Attribute) and one.attr in ("parent", "dirname") for one in nodes)
    folder = inner.path
    for _ in range(ups):
        folder = parent(folder)
    return join(folder, "/".join(_texts(nodes))) if ups else None


def _texts(nodes: Iterable[ast.AST]) -> list[str]:
    """Return the texts of an expression as they stand in it."""
    found = [one for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [str(one.value) for one in sorted(found, key=lambda one: (one.lineno, one.col_offset))]


def _file(node: ast.expr, names: BoundNames, host: Host) -> str | None:
    """Return the file that a computed path ends in, where the repository has it beside the code or in the working folder."""
    found, inner = names.meaning(node)
    if isinstance(found, ast.Name) and found.id == "__file__":
        return relpath(inner.path, host.folder or ".")
    tail = "/".join(text.strip("/") for text in _texts(walk(found)))
    for folder in (parent(inner.path), parent(parent(inner.path)), host.folder) if tail.endswith(".py") else ():
        path = join(folder, tail)
        if path is not None and host.read(path) is not None:
            return relpath(path, host.folder or ".")
    return None
