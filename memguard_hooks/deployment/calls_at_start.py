"""The calls that a program of the project makes as it starts, in their order, as far as its code tells.

From the file that a command starts, statements are followed as Python runs them: the top level, with `__name__` as it will
be, and the functions of the project that are called there, also those of other files, with what they are given. Of a
condition that only a run can tell both branches count, and what they call is not certain.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from memguard_hooks.deployment.start import Host
from memguard_hooks.deployment.values_in_code import value_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_folding import Around, BoundNames, Definition, command_line_of, given_on, set_in
from memguard_hooks.formats.python_nodes import children, keywords, texts_in, walk
from memguard_hooks.formats.python_source import decode, parse
from memguard_hooks.formats.python_values import Unresolved, Value
from memguard_hooks.record import Record
from memguard_hooks.tree import parent

MAX_BYTES = 2**20
"""Bytes of all files that are read to follow the functions that are called; syntax trees take hundred times as much."""

MAX_NODES = 200_000
"""Nodes of syntax trees that are followed in a run, for all services, those of a function each time that it is called.

One takes 3 to 10 us, as do 16 bytes that are parsed. Of 95 public repositories eleven had a program that takes more than
80,000, and four of these one that takes no more than this.
"""

_BYTES_A_NODE = 16

_NAMES_A_NODE = 20
"""Names that a function takes over from its module: no time to speak of, but what it calls keeps them."""

_OBJECTS_A_NODE = 5
"""Objects, and what is set on them, that are kept as they are at one point."""

MAX_DEPTH = 20
"""Functions that call functions."""

MAX_WORDS = 100
"""Judgment: items of a list that is added to, such as the words of a command."""

MAX_BASES = 10
"""Judgment: classes of the project that a class derives from."""

MAX_ROUNDS = 20
"""Judgment: rounds of a loop that are followed one by one."""

_RUNNERS = frozenset({
    "asyncio.run", "anyio.run", "trio.run", "typer.run", "fire.Fire", "absl.app.run", "uvloop.run",
})  # fmt: skip
"""What calls a function that it is given."""

_BESIDE = frozenset({"multiprocessing.Process", "threading.Thread", "threading.Timer"})
_OF_TIMER = ("interval", "function", "args", "kwargs")
_POOLS = ("ThreadPoolExecutor", "ProcessPoolExecutor", "ThreadPool", "Pool")
"""What calls a function that it is given while the program goes on."""

_STARTING = ("subprocess.", "asyncio.create_subprocess_", "os.system", "os.popen", "os.spawn", "os.posix_spawn", "os.exec")
"""What starts programs: the names are kept as they are then, which loops and functions bind anew."""

_WAITS = frozenset({"wait", "communicate", "poll", "run", "call", "check_call", "system"})
"""Methods and functions that wait for a process, so that a loop starts the next one once it has ended."""

_ENDS = frozenset({"sys.exit", "os._exit"})

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_APART = (*_COMPREHENSIONS, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What an expression holds whose calls are not its own."""

_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))

_COUNTS = ("worker", "process", "concurrency")
"""What the name of an option holds whose value is a number of processes."""

_COMMANDS = frozenset({"command", "callback", "group"})

_GROWING = frozenset({"append", "extend", "insert"})


class CallAtStart(Record):
    """One call of something that is not the project's own: its dotted name, and the names that its arguments are read by.

    `base` is the class that the object of a method was made by, where that is the project's and derives from one of others,
    `made` the call that has made the object, each with its names. `is_certain` tells that no condition decides it,
    `is_beside` that the program goes on meanwhile, and `is_repeated` that it comes again, nobody knows how often.
    """

    source: str
    node: ast.Call
    names: BoundNames
    is_certain: bool
    base: tuple[ast.ClassDef, BoundNames] | None = None
    made: tuple[ast.Call, BoundNames] | None = None
    is_beside: bool = False
    is_repeated: bool = False

    @property
    def path(self) -> str:
        """The file of the call."""
        return self.names.path


class Program(Record):
    """Where a program begins: its file, the dotted name of its module, whether it is `__main__`, and what is called then.

    `called` is an expression without arguments: `main`, `Command().handle`.
    """

    path: str
    module: str
    is_main: bool
    called: str | None
    roots: tuple[str, ...]
    words: tuple[str, ...]


class StartCalls(Record):
    """The calls that a program makes, and the words that it puts into `sys.argv` where it does.

    `is_whole` tells that there are no more: not where it calls, or is, more than is followed.
    """

    calls: tuple[CallAtStart, ...]
    argv: tuple[str, ...] | None
    names: BoundNames
    is_whole: bool = True


def follow(program: Program, host: Host) -> StartCalls | None:
    """Return what a program calls as it starts, None where its file cannot be read."""
    walker = _Walker(program, host)
    try:
        names = walker.run()
    except RecursionError:
        return StartCalls(tuple(walker.calls), walker.argv, BoundNames(Around(), path=program.path), is_whole=False)
    return None if names is None else StartCalls(tuple(walker.calls), walker.argv, names, walker.is_whole)


class _Here(Record):
    """Where code is followed: the names that it is read by, whether no condition decides it, and how deep it was called."""

    names: BoundNames
    is_certain: bool = True
    depth: int = 0

    def by(self, names: BoundNames) -> _Here:
        """Return the same with other names."""
        return self._replace(names=names)

    @property
    def unsure(self) -> _Here:
        """The same behind a condition that only a run can tell."""
        return self._replace(is_certain=False)

    @property
    def deeper(self) -> _Here:
        """The same in a function that is called there."""
        return self._replace(depth=self.depth + 1)


class _Walker:
    def __init__(self, program: Program, host: Host) -> None:
        self.calls: list[CallAtStart] = []
        self.argv: tuple[str, ...] | None = None
        self._program = program
        self._host = host
        self._around = Around(host.variables, host.cpus, self._load, program.words)
        self._known: dict[str, BoundNames | None] = {}
        self._followed = [0] if host.followed is None else host.followed
        self._parts: dict[ast.AST, tuple[list[tuple[ast.expr, bool]], int]] = {}
        self._changing: dict[ast.AST, frozenset[str]] = {}
        self._inside_loops: dict[ast.AST, _Loop] = {}
        self._held: dict[ast.Call, dict[str, tuple[ast.expr, BoundNames]]] = {}
        self._left = MAX_BYTES
        self._inside: set[ast.AST] = set()
        self._running: list[tuple[ast.AST, BoundNames]] = []
        self._globals: dict[ast.AST, frozenset[str]] = {}
        self._threads = self._loops = 0
        self.is_whole = True

    def run(self) -> BoundNames | None:
        program = self._program
        tree = self._parse(program.path)
        if tree is None:
            return None if self.is_whole else BoundNames(self._around, path=program.path)
        names = self._names(tree, program.path, program.module)
        names.bound["__name__"] = ("__main__" if program.is_main else program.module, 0)
        self._block(tree.body, _Here(names))
        if program.called is not None:
            self._expressions(ast.parse(f"{program.called}()", mode="eval").body, _Here(names))
        return names

    def _names(self, tree: ast.Module, path: str, module: str) -> BoundNames:
        package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
        command_line = command_line_of(node for node in walk(tree) if isinstance(node, ast.Call))
        return BoundNames(self._around, package, path=path, command_line=command_line)

    def _parse(self, path: str) -> ast.Module | None:
        data = self._host.read(path)
        if data is None or len(data) > self._left:
            self.is_whole &= data is None
            return None
        if not self._spend(len(data) // _BYTES_A_NODE):
            return None
        self._left -= len(data)
        try:
            return parse(decode(data))
        except MemguardError:
            return None

    def _load(self, module: str) -> BoundNames | None:
        """Return the names of a module of the project, as they are once it is loaded."""
        if module not in self._known:
            self._known[module] = None  # of modules that import each other one comes first
            path = self._host.find_module(module, self._program.roots)
            tree = self._parse(path) if path is not None else None
            if tree is not None and path is not None:
                names = self._known[module] = self._names(tree, path, module)
                names.bound["__name__"] = (module, 0)
                for statement in _flat(tree.body):
                    names.follow(statement)
        return self._known[module]

    def _spend(self, nodes: int) -> bool:
        """Count what is followed; return whether that may be."""
        if self._followed[0] + nodes > MAX_NODES:
            self._followed[0] = MAX_NODES
            self.is_whole = False
            return False
        self._followed[0] += nodes
        return True

    def _inner(self, names: BoundNames) -> BoundNames | None:
        """Return the names that a function or a comprehension starts with, None where that is more than is followed."""
        attributes = len(names.attributes) + sum(map(len, names.attributes.values()))
        size = len(names.bound) // _NAMES_A_NODE + attributes // _OBJECTS_A_NODE
        return names.inner() if self._spend(size) else None

    # Statements

    def _block(self, statements: Iterable[ast.stmt], here: _Here) -> bool:
        """Follow statements to the end, or to one that leaves them; return whether there is one."""
        return any(self._statement(one, here) for one in statements)

    def _statement(self, statement: ast.stmt, here: _Here) -> bool:
        if not self._spend(1):
            return True
        names = here.names
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.follow(statement)
            case ast.If():
                branch = names.branch(statement)
                if branch is not None:
                    return self._block(branch, here)
                self._expressions(statement.test, here)
                return self._either(statement.body, statement.orelse, here)
            case ast.For() | ast.AsyncFor():
                return self._loop(statement, here)
            case ast.While():
                return self._while(statement, here)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    self._expressions(item.context_expr, here)
                    entered = ast.copy_location(ast.Attribute(item.context_expr, "__enter__", ast.Load()), item.context_expr)
                    if not names.made_by(item.context_expr)[0]:
                        call = _calling(entered, entered)
                        self._method(call, entered, here)
                    if isinstance(item.optional_vars, ast.Name):
                        names.pass_in(item.optional_vars.id, item.context_expr, names, statement.lineno)
                return self._block(statement.body, here)
            case ast.Match():
                self._expressions(statement.subject, here)
                for one in statement.cases:
                    names.lose(one.pattern, "matches")
                    if one.guard is not None:
                        self._expressions(one.guard, here.unsure)
                    self._either(one.body, [], here)
            case ast.AST() if isinstance(statement, _TRIES):
                ends = self._block([*statement.body, *statement.orelse], here)
                for handler in statement.handlers:
                    handled = self._either(handler.body, [], here, has_ended=ends)
                    ends = ends and handled
                return self._block(statement.finalbody, here) or ends
            case ast.Return() | ast.Raise():
                self._expressions(statement, here)
                return True
            case _:
                ended = self._expressions(statement, here)
                self._note_argv(statement, names)
                if not _grow(statement, names):
                    names.follow(statement)
                return ended
        return False

    def _either(self, body: list[ast.stmt], otherwise: list[ast.stmt], here: _Here, *, has_ended: bool = False) -> bool:
        """Follow two ways of which only a run tells which it takes; what they leave of a name differently is not known.

        `has_ended` tells that the second one, of no statements, has left them before. Returns whether both do.
        """
        names = here.names
        changing = frozenset[str]().union(*(self._changing_in(one) for one in (*body, *otherwise)))
        before, held = {name: _Kept.of(name, names) for name in changing}, self._held_now()
        is_first_over = self._block(body, here.unsure)
        first, first_held = {name: _Kept.of(name, names) for name in changing}, self._held_now()
        self._put_held(held)
        for name, kept in before.items():
            kept.put_back(name, names)
        is_other_over = self._block(otherwise, here.unsure) or has_ended
        for name, kept in first.items():
            if is_other_over:
                kept.put_back(name, names)
            elif not is_first_over:
                kept.join(name, names)
        if is_other_over:
            self._put_held(first_held)
        elif not is_first_over:
            self._put_held(
                {made: _joined(first_held[made], own, names) for made, own in self._held.items() if made in first_held}
            )
        return is_first_over and is_other_over

    def _held_now(self) -> dict[ast.Call, dict[str, tuple[ast.expr, BoundNames]]]:
        """Return what all objects hold at one point."""
        self._spend((len(self._held) + sum(map(len, self._held.values()))) // _OBJECTS_A_NODE)
        return {made: dict(held) for made, held in self._held.items()}

    def _put_held(self, held: Mapping[ast.Call, Mapping[str, tuple[ast.expr, BoundNames]]]) -> None:
        """Let objects hold what they did; the methods that are followed now see it too."""
        for made, own in held.items():
            self._held[made].clear()
            self._held[made].update(own)

    def _changing_in(self, statement: ast.stmt) -> frozenset[str]:
        """Return the names that a statement binds, or whose objects it changes."""
        if statement not in self._changing:
            self._changing[statement] = frozenset(_changing(statement))
        return self._changing[statement]

    def _loop(self, loop: ast.For | ast.AsyncFor, here: _Here) -> bool:
        """Follow each round of a loop, or one where nobody knows how many there are."""
        names = here.names
        self._expressions(loop.iter, here)
        inside = self._inside_loop(loop)
        rounds = None if inside.is_left or inside.is_cut else _rounds(loop.target, loop.iter, names)
        for given in rounds or ():
            for name, value, caller in given:
                names.pass_in(name, value, caller, loop.lineno)
            self._block(loop.body, here)
        names.lose(loop.target, "repeats")
        if rounds is None:
            self._loops += 1
            self._either(loop.body, [], here)
            self._loops -= 1
        return self._after(loop, here)

    def _while(self, loop: ast.While, here: _Here) -> bool:
        """Follow one round; what starts programs and waits for none of them starts more and more."""
        is_endless = isinstance(loop.test, ast.Constant) and bool(loop.test.value)
        is_repeated = not self._inside_loop(loop).is_waiting
        self._loops += is_repeated
        if is_endless:
            self._block(loop.body, here)
        else:
            self._expressions(loop.test, here)
            self._either(loop.body, [], here)
        self._loops -= is_repeated
        return self._after(loop, here)

    def _after(self, loop: ast.For | ast.AsyncFor | ast.While, here: _Here) -> bool:
        """Follow the `else` of a loop, which runs where no `break` has left it; return whether it leaves for certain."""
        if loop.orelse and self._inside_loop(loop).is_left:
            return self._either(loop.orelse, [], here)
        return self._block(loop.orelse, here)

    def _inside_loop(self, loop: ast.AST) -> _Loop:
        """Return what a loop holds, which is looked for once: one may be followed thousands of times."""
        if loop not in self._inside_loops:
            nodes = [*walk(loop)]
            self._inside_loops[loop] = _Loop(
                any(isinstance(one, ast.Break) for one in nodes),
                any(isinstance(one, ast.Continue) for one in nodes),
                any(isinstance(one, ast.Attribute) and one.attr in _WAITS for one in nodes),
            )
        return self._inside_loops[loop]

    def _note_argv(self, statement: ast.stmt, names: BoundNames) -> None:
        if isinstance(statement, ast.Assign) and any(names.source(target) == "sys.argv" for target in statement.targets):
            value = value_of(statement.value, names, "sys.argv")
            self.argv = tuple(map(str, value)) if isinstance(value, tuple) else ()

    # Calls

    def _expressions(self, node: ast.AST, here: _Here) -> bool:
        """Follow the calls of an expression, those inside first; return whether one of them ends the program."""
        if node not in self._parts:
            self._parts[node] = _calls_in(node)
        calls, nodes = self._parts[node]
        if not self._spend(nodes):
            return True
        ended = False
        for one, is_chosen in calls:
            place = here.unsure if is_chosen else here
            if one.__class__ is ast.Call:
                ended = self._call(one, place) or ended
            else:
                self._comprehension(one, place)
        return ended

    def _comprehension(self, node: ast.expr, here: _Here) -> None:
        """Follow each round of a comprehension over what is written out, or one where nobody knows how many there are."""
        assert isinstance(node, _COMPREHENSIONS)
        names = here.names
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        first = node.generators[0]
        self._expressions(first.iter, here)
        is_plain = len(node.generators) == 1 and not first.ifs
        rounds = _rounds(first.target, first.iter, names) if is_plain else None
        local = self._inner(names)
        if local is None:
            return
        if rounds is None:
            for one in node.generators:
                local.lose(one.target, "repeats")
        more = [] if is_plain else [*first.ifs, *node.generators[1:]]
        self._loops += rounds is None
        for given in rounds or [[]]:
            for name, value, caller in given:
                local.pass_in(name, value, caller, node.lineno)
            for part in (*more, *parts):
                self._expressions(part, here.by(local))
        self._loops -= rounds is None

    def _call(self, call: ast.Call, here: _Here) -> bool:
        names = here.names
        found, inner = names.meaning(call.func)
        if (bound := _bound_by_partial(found, inner, call, names)) is not None:
            if here.depth < MAX_DEPTH:
                return self._call(bound, here.by(inner).deeper)
            self.is_whole = False
            return False
        if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._enter(found, inner, call, here)
            if _is_command(found):
                self._commands(found.name, here.by(inner))
            return False
        if found.__class__ is ast.ClassDef:
            self._make(found, inner, call, here)
            return False
        if isinstance(call.func, ast.Attribute) and self._of_class(call, call.func, here):
            return False
        if isinstance(call.func, ast.Attribute) and names.made_by(call.func.value)[1] is not None:
            self._method(call, call.func, here)
            return False
        if isinstance(found, ast.Call) and isinstance(call.func, ast.Name):
            of_object = ast.copy_location(ast.Attribute(call.func, "__call__", ast.Load()), call)
            self._method(call, of_object, here)
        source = names.source_of(call.func) or _of_part(call.func, names)
        if not source:
            if isinstance(call.func, ast.Name) and names.made_by(call.func)[0] == "typer.Typer":
                self._commands(call.func.id, here.by(inner))
            return False
        is_kept = source.startswith(_STARTING) and self._spend(len(names.bound) // _NAMES_A_NODE)
        self._note(CallAtStart(source, call, names.inner() if is_kept else names, here.is_certain))
        if source in _RUNNERS:
            self._hand_over(call.args[:1], None, here)
        elif source == "asyncio.to_thread":
            self._pool(call, "submit", here)
        elif source in _BESIDE:
            given = dict(zip(_OF_TIMER, call.args, strict=False)) if source == "threading.Timer" else {}
            given |= keywords(call)
            self._threads += 1
            named = given.get("target", given.get("function"))
            targets = [named] if named is not None else call.args[1:2]
            self._hand_over(targets, given, here)
            self._threads -= 1
        return source in _ENDS and here.is_certain

    def _note(self, call: CallAtStart) -> None:
        self.calls.append(call._replace(is_beside=self._threads > 0, is_repeated=self._loops > 0))

    def _hand_over(self, targets: Iterable[ast.expr], given: dict[str, ast.expr] | None, here: _Here) -> None:
        """Follow functions that something else calls, with `args` and `kwargs` where these are given."""
        names = here.names
        for target in targets:
            function, inner = names.meaning(target)
            call = _call_of(target, given) if given is not None else None
            bound = _bound_by_partial(function, inner, call or _calling(target, target), names)
            if bound is not None and here.depth < MAX_DEPTH:
                self._call(bound, here.by(inner).deeper)
            elif isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._enter(function, inner, call, here)
            elif isinstance(function, ast.Lambda):
                self._expressions(function.body, here.by(inner))
            elif isinstance(target, ast.Attribute) and names.made_by(target.value)[1] is not None:
                call = call if call is not None else _calling(target, target)
                self._method(call, target, here)
            elif call is not None and (source := names.source_of(target)):
                self._note(CallAtStart(source, call, names, here.is_certain))

    def _method(self, call: ast.Call, function: ast.Attribute, here: _Here) -> None:
        """Follow a method of an object that code of the project has made, or note the call of one of others."""
        names = here.names
        source, made, inner = names.made_by(function.value)
        if made is None:
            return
        if source:
            self._note(CallAtStart(f"{source}.{function.attr}", call, names, here.is_certain, made=(made, inner)))
            if function.attr == "run_in_executor" and len(call.args) > 1:
                submitted = _calling(call.func, call, call.args[1:], call.keywords)
                self._pool(submitted, "submit", here)
            if source.rpartition(".")[2] in _POOLS and call.args:
                self._pool(call, function.attr, here)
            return
        definition, there = inner.meaning(made.func)
        if not isinstance(definition, ast.ClassDef):
            return
        method = _method_of(definition, there, function.attr)
        if method is not None:
            if made not in self._held:
                self._held[made] = _set_by_class(definition, there, made, inner)
            owner = function.value
            if isinstance(owner, ast.Name) and owner.id != names.own:
                self._held[made].update(names.attributes.get(owner.id, {}))
            self._enter(*method, call, here, made=(made, inner))
            return
        self._inherited(_with_bases(definition, there), function.attr, call, here, (made, inner))

    def _inherited(
        self,
        classes: Sequence[tuple[ast.ClassDef, BoundNames]],
        method: str,
        call: ast.Call,
        here: _Here,
        made: tuple[ast.Call, BoundNames],
    ) -> None:
        """Note the method of a class that is not the project's, and follow `run` of what that runs beside the program."""
        for definition, there in classes:
            for base in definition.bases:
                name = there.source_of(base)
                if not name:
                    continue
                self._note(CallAtStart(f"{name}.{method}", call, here.names, here.is_certain, classes[0], made))
                run = _method_in(classes, "run")
                if name in _BESIDE and method == "start" and run is not None:
                    self._threads += 1
                    begun = _calling(call.func, call)
                    self._enter(*run, begun, here, made=made)
                    self._threads -= 1

    def _of_class(self, call: ast.Call, function: ast.Attribute, here: _Here) -> bool:
        """Follow a method by its class: `super().run()`, `Base.run(self)`, `Launcher.main()`; return whether it is one."""
        owner, names = function.value, here.names
        if isinstance(owner, ast.Name) and "." not in names.imports.get(owner.id, "."):
            return False  # a module, as nearly always
        own = names.shown.get(names.own)
        made = (own[0], own[1]) if own is not None and isinstance(own[0], ast.Call) else None
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
            definition, there = made[1].meaning(made[0].func) if made is not None else (owner, names)
            if made is None or not isinstance(definition, ast.ClassDef):
                return False
            classes, running = _with_bases(definition, there), self._running[-1][0]
            own_place = next((number for number, one in enumerate(classes) if running in one[0].body), -1)
            classes = classes[own_place + 1 :]
            method = _method_in(classes, function.attr)
            if method is not None:
                self._enter(*method, call, here, made=made)
            else:
                rest = [(definition, there), *classes] if own_place == 0 else classes
                self._inherited(rest, function.attr, call, here, made)
            return True
        definition, there = names.meaning(owner)
        if not isinstance(definition, ast.ClassDef):
            return False
        method = _method_of(definition, there, function.attr)
        if method is None:
            return False
        is_own = made is not None and call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == names.own
        if is_own:
            call = _calling(call.func, call, call.args[1:], call.keywords)
        given = made if is_own else None
        self._enter(*method, call, here, made=given, of=(definition, there))
        return True

    def _make(self, definition: ast.ClassDef, inner: BoundNames, call: ast.Call, here: _Here) -> None:
        """Follow what a class of the project does as an object is made, and keep what it sets on that."""
        if not self._may_set(definition, inner):
            return
        self._held[call] = _set_by_class(definition, inner, call, here.names)
        for one, there in _with_bases(definition, inner):
            for source in filter(_BESIDE.__contains__, map(there.source_of, one.bases)):
                self._note(CallAtStart(source, call, here.names, here.is_certain))
        method, begun = _method_of(definition, inner, "__init__"), call
        if method is None:
            method, begun = _method_of(definition, inner, "__post_init__"), _calling(call.func, call)
        if method is not None:
            self._enter(*method, begun, here, made=(call, here.names))

    def _may_set(self, definition: ast.ClassDef, inner: BoundNames) -> bool:
        """Count what a class may set on an object; return whether that is followed."""
        return self._spend(sum(len(one.body) for one, _ in _with_bases(definition, inner)) // _OBJECTS_A_NODE)

    def _pool(self, call: ast.Call, method: str, here: _Here) -> None:
        """Follow the function that a pool calls, once for `submit` and nobody knows how often for the others."""
        given: dict[str, ast.expr] | None = None
        if method == "submit":
            given = {"args": ast.Tuple(list(call.args[1:]), ast.Load())}
        self._threads += 1
        self._loops += given is None
        self._hand_over(call.args[:1], given, here)
        self._loops -= given is None
        self._threads -= 1

    def _enter(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        inner: BoundNames,
        call: ast.Call | None,
        here: _Here,
        *,
        made: tuple[ast.Call, BoundNames] | None = None,
        of: tuple[ast.ClassDef, BoundNames] | None = None,
    ) -> None:
        """Follow the body of a function, with what it is given.

        `made` is the call that has made the object of a method, `of` the class that a method is asked of.
        """
        if function in self._inside:  # what calls itself calls nothing else then
            return
        if here.depth >= MAX_DEPTH:
            self.is_whole = False
            return
        local = self._inner(inner)
        if local is None:
            return
        self._inside.add(function)
        is_command = any(_decorator(one)[1] in _COMMANDS for one in function.decorator_list)
        decorators = {one.id for one in function.decorator_list if isinstance(one, ast.Name)}
        is_of_class = "classmethod" in decorators
        is_method = is_of_class or (made is not None and "staticmethod" not in decorators)
        for name, value, caller in _arguments(function, call, inner, here.names, is_method=is_method):
            given = _option_of(function, name, value, self._program.words) if is_command else value
            local.pass_in(name, given, caller, function.lineno)
        own = next((one.arg for one in (*function.args.posonlyargs, *function.args.args)), "")
        if made is not None and of is None:
            found, there = made[1].meaning(made[0].func)
            of = (found, there) if isinstance(found, ast.ClassDef) else None
        if of is not None and own and is_of_class and self._may_set(*of):
            local.defined[own] = of
            local.own, local.attributes[own] = own, _set_in(*of)
        elif made is not None and is_method and own and not is_of_class:
            local.pass_in(own, *made, function.lineno)
            local.own, local.attributes[own] = own, self._held.setdefault(made[0], {})
        else:
            local.own = ""
        self._running.append((function, local))
        self._block(function.body, here.by(local).deeper)
        self._running.pop()
        self._inside.discard(function)
        self._set_globals(function, local, inner, is_certain=here.is_certain)

    def _set_globals(self, function: ast.AST, local: BoundNames, inner: BoundNames, *, is_certain: bool) -> None:
        """Bind what a function declares `global` in its module, and for the functions of that which are followed now."""
        if function not in self._globals:
            self._globals[function] = frozenset(
                name for one in walk(function) if isinstance(one, ast.Global) for name in one.names
            )
        for name in self._globals[function] if self._spend(len(self._globals[function])) else ():
            kept = _Kept.of(name, local)
            for names in (inner, *(one for _, one in self._running if one.path == inner.path)):
                if is_certain:
                    kept.put_back(name, names)
                else:
                    kept.join(name, names)

    def _commands(self, group: str, here: _Here) -> None:
        """Follow the commands of click or typer that the command line names, or the only one."""
        names = here.names
        commands: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        for definition, _ in list(names.defined.values()):
            if not isinstance(definition, ast.ClassDef):
                for name in _command_names(definition, group):
                    commands[name] = definition
        words = self._program.words
        named = next((commands[word] for word in words if word in commands), None)
        chosen = named or (next(iter(commands.values())) if len(commands) == 1 else None)
        if chosen is not None:
            self._enter(chosen, names, None, here._replace(is_certain=True))


class _Loop(Record):
    """What a loop holds, those inside it too: `break`, `continue`, and something that waits for a process."""

    is_left: bool
    is_cut: bool
    is_waiting: bool


class _Kept(Record):
    """What is known of a name at one point: its value, what it stands for, and what is set on it."""

    bound: tuple[Value | Unresolved, int] | None
    shown: tuple[ast.expr, BoundNames] | None
    defined: tuple[Definition, BoundNames] | None
    source: str | None
    attributes: dict[str, tuple[ast.expr, BoundNames]]

    @staticmethod
    def of(name: str, names: BoundNames) -> _Kept:
        """Return what is known of a name."""
        held = dict(names.attributes.get(name, {})) if name != names.own else {}
        return _Kept(names.bound.get(name), names.shown.get(name), names.defined.get(name), names.imports.get(name), held)

    def put_back(self, name: str, names: BoundNames) -> None:
        """Bind a name to what it was."""
        own = names.attributes.get(name, {})
        names.forget(name, 0, "")
        names.bound.pop(name)
        if self.bound is not None:
            names.bound[name] = self.bound
        if self.shown is not None:
            names.shown[name] = self.shown
        if self.defined is not None:
            names.defined[name] = self.defined
        if self.source is not None:
            names.imports[name] = self.source
        if self.attributes or name == names.own:
            names.attributes[name] = own if name == names.own else self.attributes

    def join(self, name: str, names: BoundNames) -> None:
        """Leave of a name what another way has left of it as well."""
        other = _Kept.of(name, names)
        line = max(0 if one.bound is None else one.bound[1] for one in (self, other))
        if self._is_like(other) or self.bound is None or other.bound is None:
            if other.bound is None:
                self.put_back(name, names)
        elif self.is_code or other.is_code:  # which starts more than a stand-in, such as the None of a missing module
            if not other.is_code:
                self.put_back(name, names)
        elif (words := _words_of_both(self.shown, other.shown)) is not None:
            names.pass_in(name, words, names, line)
        else:
            names.forget(name, line, f"sets {name} under a condition")
        if name != names.own and (self.attributes or other.attributes):
            names.attributes[name] = _joined(self.attributes, other.attributes, names)

    @property
    def is_code(self) -> bool:
        """Whether it is a function, a class, or what was imported."""
        return self.defined is not None or bool(self.source)

    def _is_like(self, other: _Kept) -> bool:
        """Return whether a name is the same on another way."""
        if (self.defined, self.source) != (other.defined, other.source):
            return False
        values = [None if one.bound is None else one.bound[0] for one in (self, other)]
        if not any(isinstance(value, Unresolved) for value in values) and values[0] == values[1]:
            return type(values[0]) is type(values[1])
        nodes = [None if one.shown is None else one.shown[0] for one in (self, other)]
        return nodes[0] is nodes[1] if any(nodes) else self.bound == other.bound


def _joined(
    one: Mapping[str, tuple[ast.expr, BoundNames]], other: Mapping[str, tuple[ast.expr, BoundNames]], names: BoundNames
) -> dict[str, tuple[ast.expr, BoundNames]]:
    """Return what an object holds after one of two ways: what they leave differently is not known."""
    held: dict[str, tuple[ast.expr, BoundNames]] = {}
    for key in {**one, **other}:
        first, second = one.get(key), other.get(key)
        value, there = first or second or (_unknown(1), names)
        if first is not None and second is not None and first[0] is second[0]:
            held[key] = first
        else:
            held[key] = (_words_of_both(first, second) or _unknown(value.lineno), there)
    return held


def _unknown(line: int) -> ast.expr:
    """Return an expression that nobody knows."""
    return ast.Name("", ast.Load(), lineno=line, col_offset=0, end_lineno=line, end_col_offset=0)


def _words_of_both(one: tuple[ast.expr, BoundNames] | None, other: tuple[ast.expr, BoundNames] | None) -> ast.List | None:
    """Return the words that two lists begin with, None of what begins differently.

    An option whose value is a number of processes stands behind them where one of the two has it, with a value that nobody
    knows. What else only one has is left out.
    """
    if one is None or other is None or not isinstance(one[0], ast.List) or not isinstance(other[0], ast.List):
        return None
    first, second = one[0].elts, other[0].elts
    same = 0
    while same < min(len(first), len(second)) and first[same] is second[same]:
        same += 1
    if not same or one[1] is not other[1]:
        return None
    words = list(first[:same])
    for word in (*first[same:], *second[same:]):
        texts = texts_in(walk(word))
        option = texts[0].partition("=")[0] if texts else ""
        if is_count(option):
            words += [ast.copy_location(ast.Constant(option), word), _unknown(word.lineno)]
    return ast.copy_location(ast.List(words, ast.Load()), one[0])


def is_count(option: str) -> bool:
    """Return whether the value of an option is a number of processes."""
    return option in ("-w", "-c", "-P", "-j") or (option.startswith("-") and any(one in option for one in _COUNTS))


def _changing(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, or whose objects it changes; what functions in it do is their own."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        here = waiting.pop()
        if isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield here.name
            continue
        if isinstance(here, ast.Name) and not isinstance(here.ctx, ast.Load):
            yield here.id
        elif isinstance(here, (ast.Attribute, ast.Subscript)):
            owner = here.value
            is_changed = not isinstance(here.ctx, ast.Load) or (isinstance(here, ast.Attribute) and here.attr in _GROWING)
            while isinstance(owner, (ast.Attribute, ast.Subscript)):
                owner = owner.value
            if is_changed and isinstance(owner, ast.Name):
                yield owner.id
        waiting += children(here)


def _method_of(
    definition: ast.ClassDef, names: BoundNames, name: str
) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, BoundNames] | None:
    """Return a method of a class of the project, its own or that of one that it derives from, with the names of its file."""
    return _method_in(_with_bases(definition, names), name)


def _method_in(
    classes: Iterable[tuple[ast.ClassDef, BoundNames]], name: str
) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, BoundNames] | None:
    """Return the first method of that name in some classes, with the names of its file."""
    for one, inner in classes:
        for method in one.body:
            if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and method.name == name:
                return method, inner
    return None


def _with_bases(definition: ast.ClassDef, names: BoundNames) -> list[tuple[ast.ClassDef, BoundNames]]:
    """Return a class and those of the project that it derives from, the nearest first."""
    found = [(definition, names)]
    for one, inner in found:  # which grows
        for base in one.bases if len(found) < MAX_BASES else ():
            meant, there = inner.meaning(base)
            if isinstance(meant, ast.ClassDef) and all(meant is not known for known, _ in found):
                found.append((meant, there))
    return found


def _set_in(definition: ast.ClassDef, inner: BoundNames) -> dict[str, tuple[ast.expr, BoundNames]]:
    """Return what a class holds, and those that it derives from."""
    return {
        name: (value, there)
        for one, there in reversed(_with_bases(definition, inner))
        for name, value in set_in(one.body).items()
    }


def _set_by_class(
    definition: ast.ClassDef, inner: BoundNames, call: ast.Call, names: BoundNames
) -> dict[str, tuple[ast.expr, BoundNames]]:
    """Return what an object holds before its `__init__`: what its classes set, and the fields of a dataclass."""
    held = _set_in(definition, inner)
    fields = [
        statement.target.id
        for one, _ in reversed(_with_bases(definition, inner))
        for statement in one.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    if any(inner.source_of(_called(one)) == "dataclasses.dataclass" for one in definition.decorator_list):
        held |= {name: (value, names) for name, value in zip(dict.fromkeys(fields), call.args, strict=False)}
        held |= {one.arg: (one.value, names) for one in call.keywords if one.arg}
    return held


def _bound_by_partial(found: ast.AST, inner: BoundNames, call: ast.Call, names: BoundNames) -> ast.Call | None:
    """Return the call that a call of `functools.partial(f, 1)` comes to; None where each names other things."""
    if not isinstance(found, ast.Call) or not found.args or inner.source_of(found.func) != "functools.partial":
        return None
    if (call.args or call.keywords) and inner is not names:
        return None
    given = {one.arg for one in call.keywords}
    keywords = [*(one for one in found.keywords if one.arg not in given), *call.keywords]
    return _calling(found.args[0], call, [*found.args[1:], *call.args], keywords)


def _calling(
    function: ast.expr, at: ast.expr, arguments: Iterable[ast.expr] = (), keywords: Iterable[ast.keyword] = ()
) -> ast.Call:
    """Return a call of a function that stands where something else does."""
    return ast.copy_location(ast.Call(function, [*arguments], [*keywords]), at)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those of `try` among them, which nearly always run."""
    for one in statements:
        if isinstance(one, ast.Try):
            yield from _flat(one.body)
        else:
            yield one


def _grow(statement: ast.stmt, names: BoundNames) -> bool:
    """Add to a list that is written out what a statement adds to it; return whether it does nothing else."""
    at = MAX_WORDS + 1  # behind all others
    more: list[ast.expr] | None
    match statement:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=target, attr="insert"), args=[ast.Constant(value=int(at)), added])
        ):
            more = [added]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr=how), args=[added])) if how in _GROWING:
            more = [added] if how == "append" else None
        case ast.AugAssign(target=target, op=ast.Add(), value=added):
            more = None
        case ast.Assign(targets=[target], value=ast.BinOp(left=left, op=ast.Add(), right=added)):
            if not isinstance(left, ast.Name) or not isinstance(target, ast.Name) or left.id != target.id:
                return False
            more = None
        case _:
            return False
    found, inner = names.meaning(target)
    if isinstance(found, ast.List) and inner is not names and isinstance(target, ast.Name):  # which others hold too
        names.forget(target.id, statement.lineno, f"changes {target.id}")
        for name in [name for name, shown in inner.shown.items() if shown[0] is found]:
            inner.forget(name, statement.lineno, f"changes {name}")
        return True
    if not isinstance(found, ast.List) or inner is not names or len(found.elts) > MAX_WORDS:
        return False
    if more is None:
        listed, other = names.meaning(added)
        more = listed.elts if isinstance(listed, (ast.List, ast.Tuple)) and other is names else []
    grown = ast.copy_location(ast.List([*found.elts[:at], *more, *found.elts[at:]], ast.Load()), found)
    if isinstance(target, ast.Name) and more:
        names.pass_in(target.id, grown, names, statement.lineno)
    elif isinstance(target, ast.Attribute) and more and names.held(target) is not None:
        names.attributes[names.own][target.attr] = (grown, names)
    else:
        return False
    return True


def _rounds(target: ast.expr, over: ast.expr, names: BoundNames) -> list[list[tuple[str, ast.expr, BoundNames]]] | None:
    """Return what each round of a loop over what is written out binds, None of any other."""
    values, inner = _items(over, names)
    if len(values) > MAX_ROUNDS:
        return None
    rounds: list[list[tuple[str, ast.expr, BoundNames]]] = []
    for value in values:
        targets, parts = [target], [value]
        if isinstance(target, ast.Tuple) and isinstance(value, (ast.Tuple, ast.List)):
            targets, parts = target.elts, value.elts
        bound = [(one.id, part, inner) for one, part in zip(targets, parts, strict=False) if isinstance(one, ast.Name)]
        if len(bound) != max(len(targets), len(parts)):
            return None
        rounds.append(bound)
    return rounds or None


def _items(node: ast.expr, names: BoundNames) -> tuple[list[ast.expr], BoundNames]:
    """Return what a loop goes through, none where that is not written out: a list, a range, the parts of a dictionary."""
    found, inner = names.meaning(node)
    if isinstance(found, (ast.List, ast.Tuple)):
        return found.elts, inner
    function = found.func if isinstance(found, ast.Call) else None
    if not isinstance(found, ast.Call) or not isinstance(function, (ast.Name, ast.Attribute)):
        return [], inner
    if isinstance(function, ast.Name):
        if function.id != "range":
            return [], inner
        numbers = _numbers([value_of(one, inner, "a bound") for one in found.args])
        return [ast.copy_location(ast.Constant(one), node) for one in numbers], inner
    owner, there = inner.meaning(function.value)
    if not isinstance(owner, ast.Dict) or found.args or None in owner.keys:
        return [], inner
    pairs = [(key, value) for key, value in zip(owner.keys, owner.values, strict=True) if key is not None]
    if function.attr == "items":
        return [ast.copy_location(ast.Tuple([*pair], ast.Load()), node) for pair in pairs], there
    return [value for _, value in pairs] if function.attr == "values" else [], there


def _numbers(bounds: Sequence[object]) -> range:
    """Return what a range goes through, nothing where that is not known, or more than is followed."""
    known = [one for one in bounds if isinstance(one, int)]
    if not 1 <= len(known) == len(bounds) <= 3 or known[2:] == [0]:
        return range(0)
    numbers = range(*known)
    return numbers if numbers[MAX_ROUNDS : MAX_ROUNDS + 1] == range(0) else range(0)


def _of_part(node: ast.expr, names: BoundNames) -> str:
    """Return the dotted name of a method of a part of an object, such as `celery.Celery.conf.update`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
        made = names.made_by(node)[0]
        if made:
            return ".".join([made, *parts])
    return ""


def _calls_in(node: ast.AST) -> tuple[list[tuple[ast.expr, bool]], int]:
    """Return the calls that evaluating a statement makes, those inside others first, and how many nodes it has.

    Comprehensions stand among them as they are. Each with whether a condition in the expression decides it: what stands
    behind `and` and `or`, and the two ways of `if`.
    """
    found: list[tuple[ast.expr, bool]] = []
    waiting, nodes = [(node, False)], 0
    while waiting:
        here, is_chosen = waiting.pop()
        nodes += 1
        if isinstance(here, (ast.Call, *_COMPREHENSIONS)):
            found.append((here, is_chosen))
        if isinstance(here, ast.BoolOp):
            waiting += [(one, is_chosen or number > 0) for number, one in enumerate(here.values)]
        elif isinstance(here, ast.IfExp):
            waiting += [(here.test, is_chosen), (here.body, True), (here.orelse, True)]
        elif not isinstance(here, _APART):
            waiting += [(one, is_chosen) for one in children(here)]
    return found[::-1], nodes


def _call_of(function: ast.expr, given: dict[str, ast.expr]) -> ast.Call | None:
    """Return the call of a function with `args` and `kwargs`, None where these are not written out."""
    args, named = given.get("args", ast.Tuple([], ast.Load())), given.get("kwargs", ast.Dict([], []))
    if not isinstance(args, (ast.Tuple, ast.List)) or not isinstance(named, ast.Dict):
        return None
    keywords = [
        ast.keyword(key.value, value)
        for key, value in zip(named.keys, named.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]
    if len(keywords) < len(named.keys):
        return None
    return _calling(function, function, args.elts, keywords)


def _arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    call: ast.Call | None,
    inner: BoundNames,
    names: BoundNames,
    *,
    is_method: bool,
) -> Iterator[tuple[str, ast.expr | None, BoundNames]]:
    """Yield the parameters of a function with what a call gives for them, or their defaults, and the names to read it by."""
    declared = function.args
    ordered = [*declared.posonlyargs, *declared.args]
    defaults = dict(zip([one.arg for one in reversed(ordered)], reversed(declared.defaults), strict=False))
    defaults |= {one.arg: value for one, value in zip(declared.kwonlyargs, declared.kw_defaults, strict=True) if value}
    given: dict[str, ast.expr] = {}
    is_open = False
    if call is not None:
        plain = ordered[1:] if is_method else ordered
        is_open = any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords)
        given = dict(zip([one.arg for one in plain], call.args, strict=False)) if not is_open else {}
        given |= keywords(call)
    for one in (*ordered, *declared.kwonlyargs):
        if one.arg in given:
            yield one.arg, given[one.arg], names
        else:
            yield one.arg, None if is_open else defaults.get(one.arg), inner
    for one in filter(None, (declared.vararg, declared.kwarg)):
        yield one.arg, None, inner


def _is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_decorator(one)[1] == "group" for one in function.decorator_list)


def _decorator(node: ast.expr) -> tuple[str, str]:
    """Return the object and the method of a decorator such as `@cli.command("run")`."""
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id, function.attr
    return "", ""


def _command_names(function: ast.FunctionDef | ast.AsyncFunctionDef, group: str) -> Iterator[str]:
    for node in function.decorator_list:
        owner, method = _decorator(node)
        if owner == group and method in _COMMANDS - {"callback"}:
            given = [*node.args, *filter(None, [keywords(node).get("name")])] if isinstance(node, ast.Call) else []
            yield next(iter(texts_in(given)), function.name.replace("_", "-"))


def _option_of(
    function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, default: ast.expr | None, words: Sequence[str]
) -> ast.expr | None:
    """Return what an option of click or typer comes to: the word of the command line, or its default."""
    own = name.replace("_", "-")
    flags, off, value = [f"--{own}"], [f"--no-{own}"], default
    if isinstance(default, ast.Call):  # typer.Option(4, "--workers")
        value = default.args[0] if default.args else None
        texts = texts_in(default.args[1:])
        flags += [text.partition("/")[0] for text in texts]
        off += [text.partition("/")[2] for text in texts if "/" in text]
    is_switch = isinstance(value, ast.Constant) and isinstance(value.value, bool)
    for node in function.decorator_list:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "option":
            texts = texts_in(node.args)
            if name in [text.partition("/")[0].lstrip("-").replace("-", "_") for text in texts]:
                given = keywords(node)
                value = given.get("default")
                flags += [text.partition("/")[0] for text in texts]
                off = [text.partition("/")[2] for text in texts if "/" in text]
                is_switch = "/" in "".join(texts) or (
                    "flag_value" not in given and any(map(_is_true, (given.get("is_flag"), value)))
                )
    if is_switch:  # `--prod/--no-prod`
        last = next((word for word in reversed(words) if word in flags or word in off), None)
        return (value or ast.Constant(value=False)) if last is None else ast.Constant(last in flags)
    found = given_on(words, flags)
    if found is None:
        return value
    return ast.Constant(int(found) if found.isdecimal() and len(found) < 9 else found)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def roots_of(path: str, folders: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that modules are looked up in: that of a script first."""
    return tuple(dict.fromkeys((parent(path), *folders)))
