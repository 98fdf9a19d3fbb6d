"""Plain files, which need no proof: what they import is told by Python's own syntax tree, far faster than by libcst's.

Plain is a file of which nothing runs while it loads but its statements, functions and methods of its own that do the same
in each call, and what they hand on: threads, partials, generators. Conditions are known where they are written out, or ask
`TYPE_CHECKING` or `__name__`. Each name stands for what it may be: names of modules and of what is in them, or something of
the file itself. What might touch more of the file than that, such as a property or a table of functions, is left to
libcst, so that both always say the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import cached_property

from memguard_hooks.formats.python_nodes import children, dotted, last_name, walk
from memguard_hooks.formats.python_source import has_normal_names, may_import_lazily
from memguard_hooks.imports.known_calls import EXITS, OF_LOADERS, WRAPPERS
from memguard_hooks.imports.model import (
    FROM_OUTSIDE,
    IN_EXCEPT,
    IN_TRY,
    MAX_CALLED,
    Analysis,
    ImportSite,
    Target,
    When,
    called_below,
    called_from,
)
from memguard_hooks.imports.plain_values import (
    FUNCTION,
    MAKERS,
    MAX_VALUES,
    NOTHING,
    PlainArguments,
    PlainClass,
    PlainFunction,
    PlainGenerator,
    PlainInstance,
    PlainValues,
    Unsure,
    Values,
    in_order,
    is_decided,
    is_name,
    is_own,
    joined,
    mentions,
    operands,
    passed,
    written_out,
)
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Sequence
else:
    import _ast as ast  # its nodes alone, as in `plain_values`

MAX_RUNS = 200
"""Calls of functions of the file that are followed."""

MAX_NODES_RUN = 50_000
"""Nodes of the functions that are called, again for each call."""

MAX_FOLLOWED = 20
"""Calls of one function of which libcst knows what they return."""

MAX_DEPTH = 20
"""Calls inside calls; libcst follows 30."""

MAX_NAME = 1000
"""Letters of a dotted name."""

BEHIND_THE_END, UNTAKEN = "behind the end of its block", "in a branch that does not run"
"""Why statements do not run."""

MAX_ACTING = 10_000
"""Letters of the names of one file that are kept for a second reading."""

_HARD = ("__import__", *OF_LOADERS, "lazy_loader", "__lazy_modules__",
         "__init_subclass__", "__set_name__", "__class_getitem__")  # fmt: skip
"""Names in files in which imports are not statements, or classes do more than they say."""
_IMPORT = late_pattern(r"(?:^|[;:])[ \t\f]*(?:import|from)\b", re.MULTILINE)
_OS_NAME = late_pattern(r"(?<!import )\bos\b(?!\.(?!name\b)\w)|\bos\s+as\b")
"""What a file must hold in which a name may stand for `os.name`."""
_IF_CHECKING = late_pattern(r"^[ \t]*(?:el)?if (?:typing\.)?TYPE_CHECKING:", re.MULTILINE)
"""Where `TYPE_CHECKING` is given to no name, as where it is imported."""
_MAY_EXIT = late_pattern(r"\b(?:_?exit|quit|abort)\b")

_LAST_OF_EXITS = frozenset(name.rpartition(".")[2] for name in EXITS)

_CANNOT_RUN = (ast.Pass, ast.Delete)
_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def read_plain(text: str, module: ast.Module, target: Target) -> tuple[Analysis, str | None] | None:
    """Find the imports of a source and its syntax tree, and what of it acts when others call it; None where it is not plain.

    What acts are names on lines of their own, and members of classes, as `acts` looks for them; None where anything may.
    """
    if target.lazy_all or may_import_lazily(text) or mentions(text, module, _HARD) or not has_normal_names(text):
        return None
    if "import_module" in text and not _imports_what_nobody_knows(module):
        return None
    try:
        plain = _Plain(text, module, target)
        try:
            return plain.run(), plain.acting()
        finally:
            plain.forget()
    except (Unsure, RecursionError):
        return None


def _imports_what_nobody_knows(module: ast.Module) -> bool:
    """Return whether `import_module` is only called, each time with a name that a call of its function alone can tell."""
    callees: set[int] = set()
    asked: list[tuple[ast.AST | None, str]] = []
    bound: dict[ast.AST | None, set[str]] = {}
    waiting: list[tuple[ast.AST, ast.AST | None]] = [(module, None)]
    while waiting:
        node, function = waiting.pop()
        name = last_name(node) or getattr(node, "name", "")
        if isinstance(node, ast.Call) and last_name(node.func) == "import_module":
            callees.add(id(node.func))
            told = _told_by_calls(node, function)
            if told is None:
                return False
            asked += [(function, told)] if told else []
        elif isinstance(node, ast.alias):
            if name == "import_module" and node.asname:
                return False
        elif isinstance(node, ast.Nonlocal) or (name == "import_module" and id(node) not in callees):
            return False
        bound.setdefault(function, set()).update(
            _bound(node), (str(getattr(node, "name", "")), str(getattr(node, "rest", "")))
        )
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            function = node
        waiting.extend((child, function) for child in children(node))
    return not any(name in bound.get(function, ()) for function, name in asked)


def _told_by_calls(call: ast.Call, function: ast.AST | None) -> str | None:
    """Return the parameter that tells a call of `import_module` what to import; "" for a text with something in it."""
    given = call.args[0] if call.args else None
    if isinstance(given, ast.JoinedStr) and any(isinstance(part, ast.FormattedValue) for part in given.values):
        return ""
    while isinstance(given, ast.Attribute):
        given = given.value
    if not isinstance(given, ast.Name) or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    taken = function.args
    plain = [*taken.posonlyargs, *taken.args]
    named = [one for one, value in zip(taken.kwonlyargs, taken.kw_defaults, strict=True) if value is None]
    without_default = [*plain[: len(plain) - len(taken.defaults)], *named]
    return given.id if any(one.arg == given.id for one in without_default) else None


def acts(acting: str, name: str) -> bool:
    """Return whether a call of a dotted name from outside of a file may change what is told of its imports."""
    head, _, rest = name.partition(".")
    return f"\n{head}\n" in acting or (bool(rest) and f"\n{head}.{rest.partition('.')[0]}\n" in acting)


class _Plain(PlainValues):
    """The walk through one plain module."""

    def __init__(self, text: str, module: ast.Module, target: Target) -> None:
        super().__init__(target, has_proxies="lazy" in text.lower())
        self._text = text
        self._module = module
        self._lines: list[int] = list(_lines_of(text, _IMPORT))
        """Lines on which imports begin, first as the text looks."""
        self._imports = list(self._imports_in(module.body))
        self._lines = [node.lineno for node in self._imports]
        self._last = module.body[-1] if module.body else None
        self._sites: dict[tuple[ast.Import | ast.ImportFrom, str], tuple[int, tuple[str, ...], When, str]] = {}
        self._why = ""
        """Why the statement runs that is walked."""
        self._returned: list[Values] = []
        self._running: list[PlainFunction] = []
        self._runs: Counter[ast.AST] = Counter()
        self._nodes_run = 0
        self._outcomes: dict[PlainFunction, tuple[set[str], frozenset[object], dict[str, frozenset[object]]]] = {}
        self._has_unseen = False
        """Whether blocks that never run bind names that only calls from outside ask for."""

    @cached_property
    def _names_may_decide(self) -> bool:
        """Whether a name in a function may stand for `TYPE_CHECKING`."""
        imported = sum(alias.name == "TYPE_CHECKING" and not alias.asname for node in self._imports for alias in node.names)
        given = self._text.count("TYPE_CHECKING") - imported
        return given > len(_IF_CHECKING.findall(self._text))

    @cached_property
    def _facts_may_decide(self) -> bool:
        """Whether a name in a function may stand for the platform or for Python's version, which are compared."""
        return _OS_NAME.search(self._text) is not None or mentions(self._text, self._module, ("version_info", "platform"))

    @cached_property
    def _calls_may_exit(self) -> bool:
        return _MAY_EXIT.search(self._text) is not None

    def _imports_in(self, body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
        """Yield the import statements of a block and of those in it, in order."""
        for node in body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield node
            elif self._holds_imports(node):
                for _, block in _blocks(node):
                    yield from self._imports_in(block)

    def run(self) -> Analysis:
        self._block(self._module.body, "at module level")
        self._why = FROM_OUTSIDE
        for name in sorted(self._target.called):
            self._call_from_outside(name)
        # Each import was passed, or this walk is at fault.
        if len({node for node, _ in self._sites}) != len(self._imports):
            raise Unsure
        if len(self._sites) * len(self._called) > MAX_CALLED:
            raise Unsure
        sites: list[ImportSite] = []
        called = sorted(self._called)
        is_ascii = self._text.isascii()
        lines = [] if is_ascii else self._text.split("\n")
        for (node, name), (level, names, when, why) in self._sites.items():
            column = node.col_offset
            if not is_ascii:  # it is counted in bytes
                column = len(lines[node.lineno - 1].encode()[:column].decode())
            calls = called_below(called, name, level, names) if when == "import" else ()
            end = node.end_lineno or node.lineno
            sites.append(ImportSite(node.lineno, column + 1, end, name, level, names, when, why, calls=calls))
        return Analysis(tuple(sorted(sites, key=lambda site: (site.line, site.column, site.module))))

    def acting(self) -> str | None:
        """Return what acts when others call it: not classes that only are made, nor what they do not have."""
        if self._stars or self._has_unseen:
            return None
        found: dict[str, None] = {}
        for name, values in self._names.items():
            for value in values:
                members = {one for here in value.family() for one in here.names} if isinstance(value, PlainClass) else None
                if members is None or not members.isdisjoint(MAKERS):
                    found[name] = None
                found.update((f"{name}.{member}", None) for member in members or ())
                if len(found) > MAX_ACTING:  # classes that inherit from one with many members multiply them
                    return None
        text = "\n".join(["", *found, ""])
        return text if len(text) <= MAX_ACTING else None

    # Statements that run while the file loads

    def _block(self, body: Sequence[ast.stmt], why: str, *, is_branch: bool = False, in_with: bool = False) -> bool:
        """Walk the statements of a block; tell whether no run gets beyond it."""
        unrun, has_ended = self._unrun, False
        for node in body:
            self._why = why
            if self._statement(node, why, is_branch=is_branch, in_with=in_with) and not has_ended:
                has_ended = True
                self._unrun = unrun or BEHIND_THE_END
        self._unrun = unrun
        return has_ended

    def _suite(self, body: Sequence[ast.stmt], why: str, unrun: str = "", *, in_with: bool) -> bool:
        """Walk a block inside a statement, which does not run where `unrun` says why; tell whether no run gets beyond it."""
        outer, self._unrun = self._unrun, self._unrun or unrun
        has_ended = self._block(body, why, is_branch=True, in_with=in_with)
        self._unrun = outer
        return has_ended

    def _statement(self, node: ast.stmt, why: str, *, is_branch: bool, in_with: bool) -> bool:
        """Walk a statement; tell whether no run gets beyond it."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, "never" if self._unrun else "import", self._unrun or why)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, is_branch=is_branch)
        elif isinstance(node, ast.ClassDef):
            self._class(node, is_branch=is_branch)
        elif isinstance(node, ast.If):
            return self._if(node, why, in_with=in_with)
        elif isinstance(node, ast.Try):
            return self._try(node, why, is_outermost=not in_with and why == "at module level")
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                entered = self._enter(self._value(item.context_expr))
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, entered)
            self._suite(node.body, why, in_with=True)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._bind(node.target, self._consume(self._value(node.iter)))
            self._suite(node.body, why, in_with=in_with)
            self._suite(node.orelse, why, in_with=in_with)
        elif isinstance(node, ast.While):
            if not _holds(node.test):
                self._undecided(node.test, self._value(node.test))
            self._suite(node.body, why, in_with=in_with)
            self._suite(node.orelse, why, in_with=in_with)
        elif isinstance(node, ast.Return) and self._running:
            self._returned.append(NOTHING if node.value is None else self._value(node.value))
            return True
        elif isinstance(node, _ENDS):
            self._parts(node)
            if isinstance(node, ast.Raise) and node.cause is not None:
                self._consume(self._value(node.cause))
            return True
        elif isinstance(node, ast.Expr):
            self._value(node.value)
            callee = node.value.func if isinstance(node.value, ast.Call) else None
            return callee is not None and dotted(callee) is not None and not EXITS.isdisjoint(self._value(callee))
        else:
            self._small(node)
        return False

    def _small(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            values = self._value(node.value)
            for target in node.targets:
                self._bind(target, values)
        elif isinstance(node, ast.AnnAssign):
            if len(self._scopes) == 1 or isinstance(self._scopes[-1], PlainClass):
                self._annotation(node.annotation)  # in a function it is not looked at, ever
            self._bind(node.target, NOTHING if node.value is None else self._value(node.value))
        elif isinstance(node, ast.AugAssign):
            self._value(node.target)
            self._bind(node.target, self._value(node.value))
        elif isinstance(node, ast.Assert):
            self._parts(node)
        elif isinstance(node, ast.Global) and len(self._scopes) == self._function_depth:
            self._global_names |= {*node.names}
        elif not isinstance(node, _CANNOT_RUN):
            raise Unsure

    def _import(self, node: ast.Import | ast.ImportFrom, when: When, why: str, *, binds: bool = True) -> None:
        """Note the imports of a statement, and let their names stand for them."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._note(node, alias.name, 0, (), when, why)
                head = alias.name.partition(".")[0]
                if binds:
                    self._bind_name(alias.asname or head, frozenset({alias.name if alias.asname else head}))
            return
        module, names = node.module or "", tuple(alias.name for alias in node.names)
        self._note(node, module, node.level, names, when, why)
        if module == "__future__" and "annotations" in names:
            self._has_lazy_annotations = True
        for alias in node.names if binds else ():
            if alias.name == "*":
                self._star("." * node.level + module)
            else:
                path = f"{'.' * node.level}{module}.{alias.name}"
                self._bind_name(alias.asname or alias.name, frozenset({path}))

    def _star(self, module: str) -> None:
        if module in self._stars:
            return
        if len(self._scopes) > 1 or len(self._stars) >= MAX_VALUES:
            raise Unsure
        self._stars.append(module)

    def _note(
        self, node: ast.Import | ast.ImportFrom, module: str, level: int, names: tuple[str, ...], when: When, why: str
    ) -> None:
        if len(module) > MAX_NAME:
            raise Unsure
        known = self._sites.get((node, module))
        # The first way counts, but a run tells more than the function that nothing has called yet.
        if known is None or known[2] == "call" or (known[2] == "never" and when == "import"):
            self._sites[node, module] = (level, names, when, why)

    def _if(self, node: ast.If, why: str, *, in_with: bool) -> bool:
        value, reason = self._truth(node.test)
        if value is False and node is self._last and not node.orelse:
            self._never_run(node.body, reason)
            return False
        if value is None:
            self._undecided(node.test, self._value(node.test))
        has_ended = self._suite(node.body, why, reason if value is False else "", in_with=in_with)
        rest_ended = self._suite(node.orelse, why, reason if value is True else "", in_with=in_with)
        return has_ended if value is True else rest_ended and (has_ended or value is False)

    def _truth(self, test: ast.expr) -> tuple[bool | None, str]:
        """Return what a condition is, None for one that nobody knows, and why what it rules out does not run."""
        if (known := written_out(test)) is not None:
            return known, UNTAKEN
        if is_name(test, "TYPE_CHECKING"):
            return False, "under TYPE_CHECKING"
        if isinstance(test, ast.Name) or (isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name)):
            head = test if isinstance(test, ast.Name) else test.value
            is_foreign = not any(map(is_own, self._value(head)))
            if is_foreign and any(isinstance(one, str) and one.endswith(".TYPE_CHECKING") for one in self._value(test)):
                return False, "under TYPE_CHECKING"
        if isinstance(test, ast.Compare) and is_name(test.left, "__name__"):
            right = test.comparators[0]
            is_main = isinstance(right, ast.Constant) and right.value == "__main__" and isinstance(test.ops[0], ast.Eq)
            if not is_main or len(test.ops) > 1:
                raise Unsure
            return self._target.is_main, "only when the file is run by itself"
        return None, ""

    def _never_run(self, body: Sequence[ast.stmt], reason: str) -> None:
        """Note the imports of a block at the end of a file that never runs: only calls from outside ask what it binds."""
        asked = {part for name in self._target.called for part in name.split(".")}
        for statement in body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement, "never", reason)
                continue
            self._has_unseen = True
            for node in walk(statement):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    self._import(node, "never", reason, binds=False)
                elif isinstance(node, _TRIES) and self._holds_imports(node):
                    raise Unsure
                if not asked.isdisjoint(_bound(node)):
                    raise Unsure

    def _try(self, node: ast.Try, why: str, *, is_outermost: bool) -> bool:
        outer = self._unrun
        if is_outermost:
            why, self._unrun = IN_TRY, outer and IN_TRY
        has_ended = self._suite(node.body, why, in_with=True)
        unrun, ends = self._unrun, list[bool]()
        for handler in node.handlers:
            self._why = why
            if handler.type is not None:
                self._value(handler.type)
            if handler.name is not None:
                self._bind_name(handler.name, NOTHING)
            self._unrun = IN_EXCEPT if unrun == IN_TRY else unrun
            ends.append(self._suite(handler.body, IN_EXCEPT if why == IN_TRY else why, in_with=True))
        self._unrun = unrun
        has_ended |= self._suite(node.orelse, why, BEHIND_THE_END if has_ended else "", in_with=True)
        has_ended = self._suite(node.finalbody, why, in_with=True) or (has_ended and all(ends))
        self._unrun = outer
        return has_ended

    # Definitions

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *, is_branch: bool) -> None:
        if self._unrun and self._holds_imports(node):
            raise Unsure
        decorators = [self._value(decorator) for decorator in node.decorator_list]
        defaults = self._parameters(node.args)
        if node.returns is not None:
            self._annotation(node.returns)
        is_wrapped = any(last_name(getattr(one, "func", one)) in WRAPPERS for one in node.decorator_list)
        made: Values = frozenset({FUNCTION if is_wrapped else self._closed(PlainFunction(node, defaults, [*self._scopes]))})
        for decorator in reversed(decorators):
            made = self._decorated(decorator, made) or made
        self._define(node, made, is_branch=is_branch)
        self._later((node,), "")

    def _run(self, function: PlainFunction, given: PlainArguments) -> Values:
        """Walk the body of a function that is called while the file loads, and return what it returns.

        It is to do the same each time: which calls libcst follows hangs on what is not known here.
        """
        node = function.node
        if any(one.node is node for one in self._running) or len(self._running) >= MAX_DEPTH:
            raise Unsure
        self._count_run(node)
        outer = self._scopes, self._called, self._returned, self._runs_coroutines, self._why, self._frame
        outer_names = self._function_depth, self._global_names, self._given_names
        self._scopes, self._called, self._returned = [*function.scopes, passed(function, given)], set(), []
        self._function_depth, self._global_names, self._given_names = len(self._scopes), set(), {}
        self._runs_coroutines = isinstance(node, ast.AsyncFunctionDef)
        self._frame = function, given.positional[0] if given.positional else NOTHING
        self._running.append(function)
        self._why = f"in function {getattr(node, 'name', 'lambda')}, called {called_from(self._why)}"
        if isinstance(node, ast.Lambda):
            self._returned.append(self._value(node.body))
        else:
            self._block(node.body, self._why)
        found = self._called, NOTHING.union(*self._returned), self._given_names
        outcome = found[0], _kinds(found[1]), {name: _kinds(values) for name, values in found[2].items()}
        self._running.pop()
        self._function_depth, self._global_names, self._given_names = outer_names
        self._scopes, self._called, self._returned, self._runs_coroutines, self._why, self._frame = outer
        if self._outcomes.setdefault(function, outcome) != outcome or (found[1] and self._runs[node] > MAX_FOLLOWED):
            raise Unsure
        self._called |= found[0]
        return found[1]

    def _run_generator(self, generator: PlainGenerator) -> None:
        """Walk a generator expression that is iterated over while the file loads."""
        if any(one.is_async for one in generator.node.generators):
            raise Unsure
        self._count_run(generator.node)
        outer = self._scopes, self._runs_coroutines, self._why, self._frame
        self._scopes, self._runs_coroutines, self._frame = [*generator.scopes], False, None
        self._why = f"in function generator, called {called_from(self._why)}"
        self._comprehension(generator.node, generator.first)
        self._scopes, self._runs_coroutines, self._why, self._frame = outer

    def _count_run(self, node: ast.AST) -> None:
        """Raise Unsure for one walk too many."""
        self._runs[node] += 1
        if self._runs.total() > MAX_RUNS:
            raise Unsure
        self._nodes_run += sum(1 for _ in walk(node))
        if self._nodes_run > MAX_NODES_RUN:
            raise Unsure

    def _class(self, node: ast.ClassDef, *, is_branch: bool) -> None:
        decorators = [self._value(decorator) for decorator in node.decorator_list]
        bases = [one for base in node.bases for one in self._value(base)]
        for keyword in node.keywords:
            values = self._value(keyword.value)
            if keyword.arg is None or (keyword.arg == "metaclass" and any(map(is_own, values))):
                raise Unsure
        made = PlainClass([one for one in bases if isinstance(one, PlainClass)])
        self._scopes.append(made)
        self._block(node.body, f"in the body of class {node.name}")
        self._scopes.pop()
        found: Values = frozenset({made})
        for decorator in reversed(decorators):
            found |= self._decorated(decorator, found)
        self._define(node, found, is_branch=is_branch)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, made: Values, *, is_branch: bool) -> None:
        if not is_branch and not node.decorator_list and self._names is self._scope_of(node.name):
            self._names[node.name] = NOTHING
        self._bind_name(node.name, made)

    def _decorated(self, decorator: Values, values: Values) -> Values:
        """Call a decorator, and return what it is known to give back."""
        if any(isinstance(one, str) and one.rpartition(".")[2] in WRAPPERS for one in decorator):
            if any(map(is_own, decorator)):
                raise Unsure
            return NOTHING
        return joined(self._called_one(one, PlainArguments((values,))) for one in in_order(decorator))

    # Statements that do not run while the file loads

    def _later(self, body: Sequence[ast.AST], why: str, unrun: str = "") -> None:
        """Note the imports in statements that run in a call, in function `why`, or in none where `unrun` says why."""
        has_ended: bool | None = False
        for node in body:
            if self._holds_imports(node):
                if has_ended is None:
                    raise Unsure
                self._later_statement(node, why, unrun or (BEHIND_THE_END if has_ended else ""))
            has_ended = _any(has_ended, self._ends(node))

    def _later_statement(self, node: ast.AST, why: str, unrun: str) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, "never" if unrun else "call", unrun or why, binds=False)
            return
        unrun_blocks: dict[str, str] = {}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            why = f"in function {node.name}"
        elif isinstance(node, ast.If) and (known := written_out(node.test)) is not None:
            unrun_blocks = {"orelse" if known else "body": UNTAKEN}
        elif isinstance(node, (ast.If, ast.While)):
            is_endless = isinstance(node, ast.While) and _holds(node.test)
            if not is_endless and self._may_decide(node.test):
                raise Unsure
        elif isinstance(node, _TRIES) and node.orelse:
            has_ended = self._block_ends(node.body)
            if has_ended is None:
                raise Unsure
            unrun_blocks = {"orelse": BEHIND_THE_END} if has_ended else {}
        for name, block in _blocks(node):
            self._later(block, why, unrun or unrun_blocks.get(name, ""))

    def _may_decide(self, test: ast.expr) -> bool:
        """Return whether a condition in a function may be one that can be judged."""
        for one in operands(test):
            if is_decided(one) or last_name(one) == "TYPE_CHECKING":
                return True
            if isinstance(one, (ast.Name, ast.Compare)) and self._names_may_decide:
                return True
            if isinstance(one, (ast.Compare, ast.Call)) and self._facts_may_decide:
                return True
        return False

    def _holds_imports(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.stmt):
            return True
        return bisect_left(self._lines, node.lineno) < bisect_right(self._lines, node.end_lineno or node.lineno)

    def _ends(self, node: ast.AST) -> bool | None:
        """Return whether no run gets beyond a statement of a function, None where that is not sure."""
        if isinstance(node, ast.Expr):
            called = node.value.func if isinstance(node.value, ast.Call) else None
            is_named = isinstance(called, ast.Name) or (isinstance(called, ast.Attribute) and called.attr in _LAST_OF_EXITS)
            return None if is_named and self._calls_may_exit else False
        if isinstance(node, ast.If):
            if (known := written_out(node.test)) is not None:
                return self._block_ends(node.body if known else node.orelse)
            ends = self._block_ends(node.body), self._block_ends(node.orelse)
            return _all(*ends) if ends == (False, False) or not self._may_decide(node.test) else None
        if isinstance(node, _TRIES):
            is_left = _any(self._block_ends(node.body), self._block_ends(node.orelse))
            has_ended = _all(is_left, *(self._block_ends(one.body) for one in node.handlers))
            return _any(has_ended, self._block_ends(node.finalbody))
        return isinstance(node, _ENDS)

    def _block_ends(self, block: Iterable[ast.stmt]) -> bool | None:
        return _any(*map(self._ends, block))


def _kinds(values: Values) -> frozenset[object]:
    """Return values with the class of each instance in place of it."""
    return frozenset(one.kind if isinstance(one, PlainInstance) else one for one in values)


def _any(*many: bool | None) -> bool | None:
    """Return whether any is true, None where that is not sure."""
    return True if True in many else None if None in many else False


def _all(*many: bool | None) -> bool | None:
    """Return whether all are true, None where that is not sure."""
    return False if False in many else None if None in many else True


def _holds(test: ast.expr) -> bool:
    """Return whether a condition is a constant that is true."""
    return isinstance(test, ast.Constant) and bool(test.value)


def _lines_of(text: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield the lines on which matches of a pattern end."""
    line, last = 1, 0
    for match in pattern.finditer(text):
        line += text.count("\n", last, match.end())
        last = match.end()
        yield line


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node may bind."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]


def _blocks(node: ast.AST) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield the blocks of a statement by their names, also those of its clauses."""
    for name in ("body", "orelse", "finalbody"):
        yield name, getattr(node, name, [])
    for clause in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield "", clause.body
