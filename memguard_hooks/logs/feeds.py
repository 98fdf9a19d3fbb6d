"""To which functions a file gives each part of a stream: its own, and those that it imports.

A stream gives a part to what its loop calls without a condition, and so do callbacks for parts. What these functions call
each time is given it too, up to `MAX_STEPS` calls away. `send` of an unknown object is nobody's function: only names that
the file defines or imports are followed, `self`, and variables that hold what one class makes.

What a loop without end, a task or a schedule comes to again and again is followed by the same names, also behind conditions.
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import dotted, last_name, walk
from memguard_hooks.logs.model import Fed, SteadyLine
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from memguard_hooks.logs.model import LogCall

MAX_STEPS = 3
"""Calls between a loop and the function that writes."""
MAX_KEPT = 200
"""Functions of other files that one file feeds, and lines that its functions write each time, that are kept."""

MAX_REACHED = 100
"""Functions that are followed from one, and functions that one comes to: code that people write has fewer."""
MAX_NAMES = 1000
"""Functions of a file that are named to others."""

ONCE = late_pattern(
    r"(?i)stream|connect|start|stop|(?:^|_)end|open|close|init|setup|create|first|last|final|error|done|complete|changed|login|group"
)
"""Names of functions that are called once in a stream."""

_LASTS = late_pattern(r"^_*(?:async_)?(?:run|serve|main|loop)(?:_forever|_loop)?$")
"""Names of functions that return once something has ended."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Noted(Record):
    called: ast.Call
    function: str
    holder: str
    feeds: str
    is_sifted: bool
    """Whether an earlier test of its function may have left that."""


class _Way(Record):
    """A call on a path that is no error's. `why` is what comes to it again and again, empty where that is its function's."""

    called: ast.expr
    function: str
    holder: str
    why: str


class CalledFunctions:
    """What the functions of a file call without a condition, and which of them are given each part of a stream."""

    def __init__(self, module: ast.Module) -> None:
        self._module = module
        self._noted: list[_Noted] = []
        self._own: set[str] = set()
        self._imported: dict[str, str] = {}
        self._edges: dict[str, list[str]] = {}
        self._loops: dict[str, str] = {}
        self._methods: dict[str, list[str]] = {}
        self._firm: dict[str, list[str]] = {}
        """The edges that no earlier test stands before."""
        self._polls: set[str] = set()
        """Loops that take nothing in, so that a pass may find nothing to do."""
        self._lasting: set[str] = set()
        """Functions with a loop without end: who calls one again and again does so seldom."""
        self._ways: list[_Way] = []
        self._leads: dict[str, dict[str, None]] | None = None
        self._again: dict[str, str] = {}

    def note_way(self, called: ast.expr, function: str, holder: str, why: str) -> None:
        """Note what is called in a function, or by what comes again and again, on a path that is no error's."""
        if why or function:
            self._ways.append(_Way(called, function, holder, why))

    def note_loop(self, function: str) -> None:
        """Note a function that waits in a loop without end of its own."""
        self._lasting.add(function)

    def note_poll(self, loop: str) -> None:
        """Note a loop that takes nothing in."""
        self._polls.add(loop)

    def note(self, called: ast.Call, function: str, holder: str, feeds: str, *, is_sifted: bool) -> None:
        """Note a call without a condition, in a function or in a loop that feeds it."""
        if feeds or function:
            self._noted.append(_Noted(called, function, holder, feeds, is_sifted))

    def follow(self) -> None:
        """Find out what is fed, once all calls are noted."""
        if not self._noted:
            return
        self._define()
        held = self._held() if any(one.feeds for one in self._noted) else {}
        fed: dict[str, str] = {}
        for one in self._noted:
            if ONCE.search(last_name(one.called.func)):
                continue
            for target in self._targets(one.called.func, one.holder, held):
                if not one.feeds:
                    self._edges.setdefault(one.function, []).append(target)
                    if not one.is_sifted:
                        self._firm.setdefault(one.function, []).append(target)
                elif one.called.args or one.called.keywords or one.feeds.startswith("`while"):
                    fed.setdefault(target, one.feeds)
        for start, loop in fed.items():
            is_poll = loop in self._polls
            reached = _reached_in(self._firm if is_poll else self._edges, start)
            if loop.startswith("`while") and not self._lasting.isdisjoint(reached):
                continue
            if is_poll and _LASTS.search(start.rpartition(".")[2]):
                continue
            for target in reached:
                self._loops.setdefault(target, loop)

    def loop_of(self, function: str, *, is_sifted: bool) -> str:
        """Return the loop that gives each part of a stream to a function of the file, empty where none does.

        `is_sifted` says that an earlier test may have left the function: a poll has nothing to do then.
        """
        loop = self._loops.get(function, "")
        return "" if is_sifted and loop in self._polls else loop

    def fed(self) -> tuple[Fed, ...]:
        """Return the functions of other files that are fed."""
        return tuple(Fed(target, loop) for target, loop in self._loops.items() if ":" in target)[:MAX_KEPT]

    def steady(self, lines: Mapping[str, list[LogCall]]) -> tuple[SteadyLine, ...]:
        """Return the lines that each function of the file writes whenever it is called."""
        if not lines:
            return ()
        found = {
            SteadyLine(line.line, line.column, function, line.text)
            for function in sorted(self._own)
            if self._lasting.isdisjoint(self._reached(function))
            for reached in self._reached(function)
            for line in lines.get(reached, ())
        }
        return tuple(sorted(found)[:MAX_KEPT])

    def come_again(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return what something comes to again and again, also behind conditions, and what that is.

        `own` are such functions of the file. What other files hold is named as `module:function`.
        """
        if not (own or any(one.why for one in self._ways)):
            return {}
        leads = self._follow_ways()
        found = dict(self._again)
        for start, why in (*own.items(), *self._again.items()):
            for target in _reached_in(leads, start):
                found.setdefault(target, why)
        return found

    def leads(self) -> tuple[Fed, ...]:
        """Return the functions of other files that functions of the file come to: the target, and the function."""
        if not self._ways:
            return ()
        leads = self._follow_ways()
        names = self._names().items()
        found = (Fed(target, name) for name, own in names for target in _reached_in(leads, own) if ":" in target)
        return tuple(dict.fromkeys(found))[:MAX_KEPT]

    def idle(self, lines: Mapping[str, list[LogCall]]) -> tuple[SteadyLine, ...]:
        """Return the lines that say that nothing happened, by the functions of the file that come to them."""
        if not lines:
            return ()
        leads = self._follow_ways()
        found = {
            SteadyLine(line.line, line.column, name, line.text)
            for name, own in self._names().items()
            for reached in _reached_in(leads, own)
            for line in lines.get(reached, ())
        }
        return tuple(sorted(found)[:MAX_KEPT])

    def _names(self) -> dict[str, str]:
        """Return the functions of a file by their names, and by the objects that the module makes once of their classes."""
        made = [one for one in self._module.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)]
        names = {name: name for name in sorted(self._own)}
        for one in made[:MAX_REACHED]:
            stem = f"{last_name(one.value.func)}." if isinstance(one.value, ast.Call) else "."
            methods = [name.removeprefix(stem) for name in self._own if name.startswith(stem)]
            names.update((f"{at}.{method}", stem + method) for at in _last_names(one.targets) for method in methods)
        return dict(list(names.items())[:MAX_NAMES])

    def _follow_ways(self) -> dict[str, dict[str, None]]:
        if self._leads is None:
            if not self._own:
                self._define()
            self._leads = {}
            held = self._held()
            for one in self._ways:
                for target in self._targets(one.called, one.holder, held):
                    if one.why:
                        self._again.setdefault(target, one.why)
                    leads = self._leads.setdefault(one.function, {}) if one.function else {}
                    if len(leads) < MAX_REACHED:
                        leads[target] = None
        return self._leads

    def _reached(self, start: str) -> dict[str, None]:
        return _reached_in(self._edges, start)

    def _define(self) -> None:
        for node in self._module.body:
            if isinstance(node, _FUNCTIONS):
                self._own.add(node.name)
            elif isinstance(node, ast.ClassDef):
                self._own.update(f"{node.name}.{one.name}" for one in node.body if isinstance(one, _FUNCTIONS))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._imported.update(_names_of(node))
        for name in self._own:
            self._methods.setdefault(name.rpartition(".")[2], []).append(name)

    def _targets(self, function: ast.expr, own: str, held: Mapping[str, str]) -> Iterator[str]:
        """Yield the functions that are called by a name, within the class `own`."""
        if isinstance(function, ast.Name):
            found = function.id if function.id in self._own else self._imported.get(function.id, "")
            if found and not function.id[:1].isupper():
                yield found
        elif isinstance(function, ast.Attribute):
            holder = last_name(function.value)
            if isinstance(function.value, ast.Name) and holder in ("self", "cls"):
                of_class = f"{own}.{function.attr}"
                methods = self._methods.get(function.attr, [])
                yield from [of_class] if of_class in self._own else methods if len(methods) == 1 else []
            elif holder:
                found = held.get(holder) or self._imported.get(dotted(function.value), "")
                target = f"{found}{'' if found[-1:] == ':' else '.'}{function.attr}"
                if found and (":" in found or target in self._own):
                    yield target

    def _held(self) -> dict[str, str]:
        """Return the classes of the project by the variables that hold what they make, none of what may hold several."""
        held: dict[str, str] = {}
        classes = {one.name: one.name for one in self._module.body if isinstance(one, ast.ClassDef)}
        known = {**{name: target for name, target in self._imported.items() if target[-1:] != ":"}, **classes}
        for name, class_ in _bindings(self._module):
            target = known.get(class_, "") if class_[:1].isupper() else ""
            held[name] = target if held.get(name, target) == target else ""
        return held


def _reached_in(edges: Mapping[str, Iterable[str]], start: str) -> dict[str, None]:
    """Return what is reached from a function, up to `MAX_STEPS` calls away, itself first."""
    found = {start: None}
    last = [start]
    for _ in range(MAX_STEPS):
        last = [one for before in last for one in edges.get(before, ()) if one not in found][:MAX_REACHED]
        found.update(dict.fromkeys(last))
        if len(found) > MAX_REACHED:
            break
    return found


def _names_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield what an import binds, and `module:name`, or `module:` for a module as a whole, that it stands for."""
    if isinstance(node, ast.Import):
        yield from ((one.asname or one.name, f"{one.name}:") for one in node.names)
    else:
        stem = "." * node.level + (node.module or "")
        yield from ((one.asname or one.name, f"{stem}:{one.name}") for one in node.names)


def _bindings(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the last names of variables, and the last name of what makes what they hold, empty where that is no call."""
    for node in walk(module):
        if isinstance(node, ast.Assign):
            made = last_name(node.value.func) if isinstance(node.value, ast.Call) else ""
            if made or not (isinstance(node.value, ast.Constant) and node.value.value is None):
                yield from (
                    (name, made) for name in _last_names(node.targets) if made or not isinstance(node.value, ast.Name)
                )
        elif isinstance(node, ast.AnnAssign):
            yield last_name(node.target), last_name(node.annotation)
        elif isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, last_name(node.annotation)


def _last_names(targets: Iterable[ast.expr]) -> list[str]:
    return [name for name in map(last_name, targets) if name]
