"""What each function of one file calls, and which functions and classes it hands over to others.

Nothing is evaluated: names stand for what the file binds them to, in terms that the walk resolves over files.
`:app.get` is `app.get` of this file, `torch.load` and `.models.load` are imported, `()` follows what is called, `[]` what is
iterated over or looked up, and `?.load` is a member of something unknown. The empty term stands for a plain value.
"""

from __future__ import annotations

from functools import lru_cache

from memguard_hooks.formats.python_nodes import IN_PIECES, children, dotted, last_name, walk
from memguard_hooks.imports.branches import (
    branches_at,
    compares_texts,
    decides_outside,
    is_for_checkers,
    is_main,
    names_constants,
)
from memguard_hooks.imports.callbacks import BY_DOTTED_NAME
from memguard_hooks.imports.model import MAX_CHOICES, Body, Choice, ChoiceWay, FileClass, Functions, Passed
from memguard_hooks.imports.named_modules import ANY_EXTENSION, HELD, MAX_SOURCES, MORE, dotted_among, dotted_texts
from memguard_hooks.imports.tables import AS_KEYS, MAX_WAYS, EntryTable, LookUp, called_in, look_up_of, read_table, written
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, ClassVar

    from memguard_hooks.imports.branches import BranchNode
else:
    import _ast as ast  # its nodes alone, as in `plain_values`

MAX_TERM = 300
"""Letters of a term; what is longer is not known."""

MAX_DEPTH = 200
"""Expressions and blocks inside each other; of what stands deeper, all that is called anywhere counts."""

MAX_FOLLOWED = 50_000
"""Parts of expressions that names stand for, which are looked at for dotted names again for each name in a file."""

MAIN = "__main__"
"""The body of `if __name__ == "__main__"`."""

OTHERWISE = "!"
"""Ends the name under which a file keeps what a name stands for where the first import of it fails."""

_RESCUED = frozenset({"importerror", "modulenotfounderror", "valueerror", "exception", "baseexception"})
"""Errors of an import, of which one is caught by what imports the same from elsewhere."""

_SETTINGS = frozenset({
    "environ", "getenv", "env", "config", "conf", "settings", "setting", "lower", "upper", "strip", "str", "len", "int",
    "bool",
})  # fmt: skip
"""Words in the names of functions that tell what is set, and of those that change its spelling or its kind."""

_PARSING = late_pattern(r"parse_(known_)?args$|(get|parse|read)_(args|arguments|options)$")
"""Last names of functions that read the command line."""
_WORD = late_pattern(r"[a-z]+")
_PARTS = (ast.expr, ast.keyword, ast.comprehension)
_UNKNOWN = "?"
_IMPORTERS = frozenset({"import_module", "__import__", *BY_DOTTED_NAME})
"""Last names of functions that import what they are given by name."""
_FOLDERS = frozenset({"load_plugins", "load_extensions_from", "load_extensions"})
"""Functions of NoneBot, of lightbulb and of Pycord and interactions.py that load what stands in a folder."""
_EXTENDING = frozenset({"load_extension", "load_extensions"})
_NAMED = _EXTENDING | {"reload_extension", "load_plugin", "require", "run", "add_job", "Page", "enqueue", *_IMPORTERS}
"""Last names of functions that load what they are given by name: extensions of discord.py, plugins of NoneBot, modules of
Saya, the app of uvicorn, a module, the `module:function` of APScheduler's jobs, pages of streamlit, jobs of RQ, and `a.b.C`
of Django, Werkzeug, kombu and pydoc."""
_PROPERTIES = frozenset({"property", "cached_property", "cachedproperty", "hybrid_property", "reify", "classproperty"})
"""Last names of decorators of methods that run where somebody asks for an attribute."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BRANCHES = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, getattr(ast, "TryStar", ast.Try))
_DISPLAYS = (ast.List, ast.Tuple, ast.Set)
_OPTIONS = (ast.Name, ast.Attribute, ast.List, ast.Tuple)
_LOOKING = (ast.Subscript, ast.Call)
_LOOKED_UP = ast.IfExp(*[ast.Constant(None)] * 3)
"""Stands for what a table has under a key: one of several."""
_TEXTED = (*_DISPLAYS, ast.Dict)
_HANDING = (ast.Lambda, ast.Dict, ast.Starred, ast.IfExp, *_DISPLAYS)
"""Expressions whose parts are handed over with them."""


class _Scope:
    """The names of the body of a function, or of a class in one."""

    def __init__(self, name: str, parent: _Scope | None, *, is_class: bool = False) -> None:
        self.name = name
        self.parent = parent
        self.is_class = is_class
        self.names: dict[str, str] = {}
        self.texts: dict[str, tuple[str, ...]] = {}
        self.values: dict[str, list[ast.expr]] = {}
        """What names are bound to, or are items of."""
        self.parameters: frozenset[str] = frozenset()
        self.given: dict[str, str] = {}
        """Names that hold what differs from call to call, and what decides it, as `_deciders` names it."""
        self.looked_up: dict[str, LookUp | None] = {}
        """Names that hold what a table has under a key, None for those that hold several things."""

    def inner(self, name: str) -> str:
        """Return the name in the file of what is defined here."""
        return f"{self.name}.{name}" if self.name else name


class _Handed:
    """To whom, as which argument, and with which text something is handed over."""

    __slots__ = ("keyword", "text", "to")

    def __init__(self, to: str = "", keyword: str = "", text: str = "") -> None:
        self.to = to
        self.keyword = keyword
        self.text = text


_MENTIONED = _Handed()


def read_functions(module: ast.Module) -> tuple[Functions, str]:
    """Read the functions of a module by its syntax tree, and the lines that they number, as in `Places`."""
    reader = _Reader()
    return reader.read(module), " ".join(map(str, reader.lines))


class _Reader:
    def __init__(self) -> None:
        self.lines: list[int] = []
        self._bodies: list[Body] = []
        self._classes: list[FileClass] = []
        self._bound: dict[str, str] = {}
        self._returned: dict[str, str] = {}
        self._stars: list[str] = []
        self._wrapping: set[str] = set()
        self._properties: list[str] = []
        self._waiting: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, _Scope]] = []
        self._main: list[ast.stmt] = []
        self._calls: dict[str, int] = {}
        self._passed: dict[tuple[str, str, str, str], int] = {}
        self._choices: list[Choice] = []
        self._tables: dict[str, EntryTable | None] = {}
        """Tables by their names in the file, None for names that stand for several things."""
        self._entered: list[EntryTable] = []
        """Tables whose entries are read where they are looked up in."""
        self._taken = 0
        self._methods: set[str] = set()
        self._named_texts_of: dict[tuple[str, str], None] = {}
        self._top: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self._holder = ""
        self._loops = 0
        self._rescues = 0
        """Handlers around what is read that run where an import fails."""
        self._followed = 0
        self._deciding = 0
        """Imports and choices until here: what makes a branch worth a body of its own."""
        self._depth = 0
        self._value: ast.expr | None = None
        self._said_of_value: dict[str, Any] = {}
        """What was found of the value of the last assignment, by what was asked."""

    def read(self, module: ast.Module) -> Functions:
        top = _Scope("", None)
        self._top = {one.name: one for one in reversed(module.body) if isinstance(one, _DEFINITIONS)}
        self._body(top, module.body, 1, 0)
        if self._main:
            self._body(top, self._main, self._main[0].lineno, self._main[-1].end_lineno or 0, MAIN)
        while self._waiting:
            self._function(*self._waiting.pop(0))
        self._mention_tables()
        return Functions(
            tuple(self._bodies),
            tuple(self._classes),
            tuple(self._bound.items()),
            tuple(self._returned.items()),
            tuple(self._stars),
            tuple(sorted(self._wrapping)),
            tuple(self._choices),
            tuple(self._properties),
            tuple(_lazy_names(module)),
            tuple(self._named_texts_of),
        )

    def _body(self, scope: _Scope, statements: list[ast.stmt], line: int, end: int, name: str | None = None) -> None:
        self._calls, self._passed = {}, {}
        self._holder = scope.name if name is None else name
        place = self._place(line)
        self._place(end)
        self._block(statements, scope)
        self._keep(self._holder, place, self._calls, self._passed)

    def _keep(self, name: str, place: int, calls: dict[str, int], passed: dict[tuple[str, str, str, str], int]) -> None:
        self._bodies.append(Body(name, place, tuple(calls.items()), tuple(Passed(*key, at) for key, at in passed.items())))

    def _place(self, line: int) -> int:
        """Return the number of a line."""
        self.lines.append(line)
        return len(self.lines) - 1

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        inner = _Scope(scope.inner(node.name), scope)
        arguments = node.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        inner.parameters = frozenset(one.arg for one in listed)
        for one in listed:
            inner.names[one.arg] = self._made_by(one.annotation, scope)
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inner.names[rest.arg] = _UNKNOWN
        decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
        if scope.is_class and listed and "staticmethod" not in decorators:
            inner.names[listed[0].arg] = f":{scope.name}" + ("" if "classmethod" in decorators else "()")
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        self._body(inner, node.body, first, node.end_lineno or node.lineno)

    # Statements

    def _block(self, statements: list[ast.stmt], scope: _Scope) -> None:
        if self._depth == MAX_DEPTH:
            self._take_all(statements, scope)
            return
        self._depth += 1
        at = 0
        while at < len(statements):
            branches, behind = branches_at(statements, at)
            if (not scope.name or scope.is_class) and not decides_outside(branches, statements[at]):
                branches = []
            if branches:
                self._choose(branches, scope)
                at = behind
            else:
                self._statement(statements[at], scope)
                at += 1
        self._depth -= 1

    def _take_all(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        """Take what is called or named anywhere in nodes for called and handed over: they stand too deep for more."""
        for node in (inner for one in nodes for inner in walk(one)):
            is_called = isinstance(node, ast.Call)
            named = node.func if isinstance(node, ast.Call) else node
            if isinstance(named, (ast.Name, ast.Attribute)):
                term = self._term(named, scope) if dotted(named) else f"{_UNKNOWN}.{last_name(named)}"
                if is_called and term not in self._calls:
                    self._calls[term] = self._place(named.lineno)
                self._pass(term, _MENTIONED, named.lineno)

    def _choose(self, branches: list[BranchNode], scope: _Scope) -> None:
        """Walk ways of which one is taken.

        Each is a body of its own where imports hang on the choice, texts or constants decide it, or it calls while loading.
        """
        if any(one.test is not None and is_for_checkers(one.test) for one in branches):
            branches = [one for one in branches if one.test is None or not is_for_checkers(one.test)]
        for one in branches:
            if one.test is not None:
                self._expression(one.test, scope)
        outer, holder, before = (self._calls, self._passed), self._holder, self._deciding
        number = len(self._choices)
        noted: list[tuple[dict[str, int], dict[tuple[str, str, str, str], int]]] = []
        importing = 0
        for order, one in enumerate(branches):
            started = self._deciding
            noted.append(({}, {}))
            self._calls, self._passed = noted[-1]
            self._holder = f"{holder}.<{number}.{order}>"
            self._block(one.body, scope)
            importing += self._deciding > started
        self._calls, self._passed = outer
        self._holder = holder
        decides = self._deciding > before or compares_texts(branches)
        is_outside = not scope.name or scope.is_class
        is_told = len(self._choices) > number or (is_outside and any(calls for calls, _ in noted))
        is_one_more = len(branches) > 1 and number < MAX_CHOICES
        if is_one_more and (decides or is_told or names_constants(branches)):
            is_weighed = importing > 1 if is_outside else decides
            self._deciding += decides
            ways = tuple(
                self._way(f"{holder}.<{number}.{order}>", one, calls, passed)
                for order, (one, (calls, passed)) in enumerate(zip(branches, noted, strict=True))
            )
            deciders = {self._decider(one.test, scope) for one in branches}
            is_settled = deciders == {""} or (is_outside and not self._loops)
            is_given = not is_settled and "call" not in deciders
            self._choices.append(Choice(holder, is_settled, is_given, is_weighed, ways, is_importing=importing > 0))
            return
        for calls, passed in noted:
            self._calls |= {key: at for key, at in calls.items() if key not in self._calls}
            self._passed |= {key: at for key, at in passed.items() if key not in self._passed}

    def _way(
        self, name: str, branch: BranchNode, calls: dict[str, int], passed: dict[tuple[str, str, str, str], int]
    ) -> ChoiceWay:
        """Keep the body of a way; one without statements has none."""
        first = branch.body[0] if branch.body else None
        line = branch.test.lineno if branch.test is not None else first.lineno if first is not None else 0
        place = self._place(branch.line or line)
        test = "" if branch.test is None else written(branch.test)
        way = ChoiceWay(name if first is not None else "", test if len(test) <= MAX_TERM else "...", place)
        if first is not None:
            start = self._place(first.lineno)
            self._place(branch.body[-1].end_lineno or first.lineno)
            self._keep(name, start, calls, passed)
        return way

    def _decider(self, node: ast.expr | None, scope: _Scope) -> str:
        """Return what makes an expression differ from run to run: an "argument", another "call", or nothing."""
        if self._loops:
            return "call"
        if node is None or isinstance(node, ast.Constant) or self._reads_command_line(node):
            return ""
        found = ""
        for part in walk(node):
            decider = ""
            if isinstance(part, ast.Name):
                decider = self._decider_of(part.id, scope)
            elif isinstance(part, ast.Call) and _SETTINGS.isdisjoint(_words_of(part.func)) and not _is_class(part.func):
                decider = "call"
            if decider == "call":
                return decider
            found = found or decider
        return found

    def _reads_command_line(self, node: ast.expr) -> bool:
        """Return whether an expression reads the command line, by itself or in a function of this file."""
        if not isinstance(node, ast.Call):
            return False
        if _parses(_last_name(node)):
            return True
        function = self._top.get(getattr(node.func, "id", ""))
        return function is not None and any(_parses(getattr(one, "attr", "")) for one in walk(function))

    def _decider_of(self, name: str, scope: _Scope) -> str:
        """Return what makes a name hold something else from run to run: an argument of the function that asks, or a call."""
        here: _Scope | None = scope
        while here is not None and here.name:
            if name in here.parameters:
                return "argument" if here is scope else "call"
            if name in here.given:
                return here.given[name]
            if here.names.get(name) == _UNKNOWN:
                return "call"
            here = None if name in here.names else here.parent
        return ""

    def _statement(self, node: ast.stmt, scope: _Scope) -> None:
        read = self._STATEMENTS.get(type(node))
        if read is not None:
            read(self, node, scope)

    def _plain(self, node: ast.Expr, scope: _Scope) -> None:
        self._expression(node.value, scope)

    def _assignment(self, node: ast.Assign, scope: _Scope) -> None:
        for target in node.targets:
            self._assign(target, node.value, scope)
        self._assigned(node.value, node.targets[0], scope)

    def _annotated(self, node: ast.AnnAssign, scope: _Scope) -> None:
        if node.value is not None:
            self._assign(node.target, node.value, scope)
            self._assigned(node.value, node.target, scope)
        self._annotation(node.annotation, scope)

    def _import(self, node: ast.Import, scope: _Scope) -> None:
        self._deciding += 1
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            self._bind(alias.asname or name, name, scope)

    def _import_from(self, node: ast.ImportFrom, scope: _Scope) -> None:
        self._deciding += 1
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self._stars.append(module)
            else:
                joint = "" if module.endswith(".") else "."
                self._bind(alias.asname or alias.name, f"{module}{joint}{alias.name}", scope)

    def _return(self, node: ast.Return, scope: _Scope) -> None:
        if node.value is not None:
            self._returned.setdefault(scope.name, self._term(node.value, scope))
            self._expression(node.value, scope)

    def _match(self, node: ast.Match, scope: _Scope) -> None:
        self._expression(node.subject, scope)
        for case in node.cases:
            self._block(case.body, scope)

    def _operands(self, node: ast.Raise | ast.Assert | ast.AugAssign, scope: _Scope) -> None:
        for child in _parts(node):
            self._expression(child, scope)

    def _if(self, node: ast.If, scope: _Scope) -> None:
        if is_main(node.test) and not scope.name:
            self._main += node.body
        elif not is_for_checkers(node.test):
            self._expression(node.test, scope)
            self._block(node.body, scope)
        self._block(node.orelse, scope)

    def _branch(self, node: ast.stmt, scope: _Scope) -> None:
        if isinstance(node, (ast.For, ast.AsyncFor)):
            if not self._table(node.iter, scope):  # it gives its keys
                self._expression(node.iter, scope)
            self._loop(node.target, node.iter, scope)
        elif isinstance(node, ast.While):
            self._expression(node.test, scope)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self._expression(item.context_expr, scope)
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, scope)
        is_loop = isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        self._loops += is_loop
        for block in ("body", "orelse", "finalbody"):
            self._block(getattr(node, block, []), scope)
        self._loops -= is_loop
        for handler in getattr(node, "handlers", ()):
            is_rescue = handler.type is None or not _RESCUED.isdisjoint(_words_of(handler.type))
            self._rescues += is_rescue
            self._block(handler.body, scope)
            self._rescues -= is_rescue

    # Names

    def _bind(self, name: str, term: str, scope: _Scope) -> None:
        """Let a name stand for a term: the first one that says something."""
        names = scope.names if scope.name and not scope.is_class else self._bound
        key = scope.inner(name) if names is self._bound else name
        if names.get(key, "") in ("", _UNKNOWN):
            names[key] = term
        elif self._rescues and names is self._bound and names[key] != term:
            names.setdefault(f"{key}{OTHERWISE}", term)

    def _assign(self, target: ast.expr, value: ast.expr, scope: _Scope) -> None:
        self._hold(target, value, scope)
        if isinstance(target, ast.Name):
            scope.looked_up[target.id] = None if target.id in scope.looked_up else self._said("looked up", value, scope)
            self._bind(target.id, self._said("term", value, scope), scope)
            decider, texts = self._said("decider", value, scope), self._said("texts", value, scope)
            if decider:
                scope.given[target.id] = "call" if "call" in (decider, scope.given.get(target.id)) else decider
            elif scope.name and isinstance(value, ast.IfExp):  # what it stands for differs, but not from run to run
                scope.given.setdefault(target.id, "")
            if texts:
                scope.texts[target.id] = texts
        elif isinstance(target, ast.Attribute):
            owner = self._term(target.value, scope)
            name = f"{owner[1:].removesuffix('()')}.{target.attr}"
            if owner.startswith(":") and self._bound.get(name, "") in ("", _UNKNOWN):
                self._bound[name] = self._said("term", value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                if isinstance(element, ast.Name):
                    self._bind(element.id, self._piece(value, scope), scope)
        else:
            self._expression(target, scope)

    def _said(self, asked: str, value: ast.expr, scope: _Scope) -> Any:
        """Return what is asked of a value: looked for once for all names that a statement gives it."""
        if self._value is not value:
            self._value, self._said_of_value = value, {}
        if asked not in self._said_of_value:
            self._said_of_value[asked] = self._ASKED[asked](self, value, scope)
        return self._said_of_value[asked]

    _ASKED: ClassVar[dict[str, Callable[[_Reader, ast.expr, _Scope], Any]]] = {
        "decider": lambda self, value, scope: self._decider(value, scope) if scope.name else "",
        "looked up": lambda self, value, scope: self._look_up(value, scope),
        "sources": lambda self, value, scope: self._sources(value, scope),
        "term": lambda self, value, scope: self._term(value, scope),
        "texts": lambda self, value, scope: self._named_texts(value, scope),
    }

    def _piece(self, value: ast.expr, scope: _Scope) -> str:
        """Return the term of one of several values: that of all where a package returns objects that are alike."""
        term = self._term(value, scope) if isinstance(value, ast.Call) else _UNKNOWN
        head = term.removeprefix(":").partition(".")[0].removesuffix("()")
        return term if self._bound.get(head, "").partition(".")[0].partition(":")[0] in IN_PIECES else _UNKNOWN

    def _assigned(self, value: ast.expr, target: ast.expr, scope: _Scope) -> None:
        """Walk what is assigned; a name for a name says nothing until it is used, but as an attribute."""
        is_alias = isinstance(value, (ast.Name, ast.Attribute)) and isinstance(target, ast.Name) and not scope.is_class
        if is_alias:
            self._receiver(value, scope, _MENTIONED, is_later=False)  # the call of `load().data`
        elif not (isinstance(value, ast.Dict) and self._keep_table(value, target, scope)):
            option = target.id if scope.is_class and isinstance(target, ast.Name) and isinstance(value, _OPTIONS) else ""
            self._expression(value, scope, _Handed("", option) if option else _MENTIONED)

    def _loop(self, target: ast.expr, values: ast.expr, scope: _Scope) -> None:
        if isinstance(target, ast.Name):
            scope.values.setdefault(target.id, []).append(values)
            self._bind(target.id, self._piece(values, scope), scope)
            texts = self._named_texts(values, scope)
            if texts:
                scope.texts[target.id] = texts
        else:
            self._assign(target, values, scope)

    def _lookup(self, name: str, scope: _Scope) -> str:
        here: _Scope | None = scope
        while here is not None and here.name:
            if name in here.names:
                return here.names[name]
            if here is scope and here.is_class and (here.inner(name) in self._bound or here.inner(name) in self._methods):
                return f":{here.inner(name)}"
            here = here.parent
        return f":{name}"

    def _term(self, node: ast.expr, scope: _Scope) -> str:
        """Return the term of an expression."""
        ends: list[str] = []
        while not isinstance(node, ast.Name):  # as most of them end
            if isinstance(node, ast.Attribute):
                ends.append(f".{node.attr}")
                node = node.value
            elif self._look_up(node, scope) is not None:
                node = _LOOKED_UP
            elif isinstance(node, ast.Call):
                asked = self._asked_by_name(node, scope)
                ends.append(f".{asked}" if asked else "()")
                node = node.args[0] if asked else node.func
            elif isinstance(node, ast.Subscript) and last_name(node.value) == "Annotated":
                node = _first_of(node.slice)
            elif isinstance(node, ast.Subscript):
                ends.append("[]")
                node = node.value
            elif isinstance(node, (ast.Await, ast.NamedExpr, ast.Starred)):
                node = node.value
            else:
                break
        if isinstance(node, ast.Name):
            head = self._lookup(node.id, scope)
            if head == ":super":
                head = _above(scope) or head
            if not ends:
                return head if len(head) <= MAX_TERM else _UNKNOWN
        elif isinstance(node, ast.BoolOp):
            head = self._term(node.values[-1], scope)
        else:
            head = _UNKNOWN if isinstance(node, (ast.IfExp, ast.Lambda)) else ""
        if not head:
            return ""
        if head.startswith(_UNKNOWN) and ends:
            is_for_shell = ".cli" in ends[1:2]
            return f"?.cli{ends[0]}" if is_for_shell else f"?{ends[0]}" if ends[0] != "[]" else _UNKNOWN
        term = head + "".join(reversed(ends))
        return term if len(term) <= MAX_TERM else _UNKNOWN

    def _asked_by_name(self, node: ast.Call, scope: _Scope) -> str:
        """Return what `getattr` is asked for, `on_*` where only its beginning is known; empty for other calls."""
        if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or len(node.args) < 2:
            return ""
        texts = self._named_texts(node.args[1], scope)
        return texts[0] if texts and len(texts) == 1 else "*"

    def _made_by(self, annotation: ast.expr | None, scope: _Scope) -> str:
        """Return the term of an instance of the class that an annotation names."""
        while isinstance(annotation, (ast.Subscript, ast.BinOp)):
            annotation = annotation.left if isinstance(annotation, ast.BinOp) else _first_of(annotation.slice)
        if not isinstance(annotation, (ast.Name, ast.Attribute)):
            return _UNKNOWN
        term = self._term(annotation, scope)
        return f"{term}()" if term and term != _UNKNOWN else _UNKNOWN

    # Definitions

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        name = scope.inner(node.name)
        if scope.name and not scope.is_class:
            scope.names[node.name] = f":{name}"
        self._decorated(node, name, scope)
        if scope.is_class:
            self._methods.add(name)
        if scope.is_class and any(_last_name(one) in _PROPERTIES for one in node.decorator_list):
            self._properties.append(name)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self._expression(default, scope)
        for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self._annotation(one.annotation, scope)
        if node.returns is not None:
            made = self._made_by(node.returns, scope)
            if made not in (_UNKNOWN, ":None()"):
                self._returned[name] = made
        self._waiting.append((node, scope))

    def _class(self, node: ast.ClassDef, scope: _Scope) -> None:
        name = scope.inner(node.name)
        if scope.name and not scope.is_class:
            scope.names[node.name] = f":{name}"
        self._decorated(node, name, scope)
        self._classes.append(FileClass(name, tuple(self._term(base, scope) for base in node.bases)))
        for keyword in node.keywords:
            self._expression(keyword.value, scope)
        self._block(node.body, _Scope(name, scope, is_class=True))

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str, scope: _Scope) -> None:
        for decorator in node.decorator_list:
            text = ""
            if isinstance(decorator, ast.Call):
                text = next(iter(self._given_texts(decorator, scope)), "")
                self._call(decorator, scope, _MENTIONED, is_decorator=True)
            to = self._term(decorator.func if isinstance(decorator, ast.Call) else decorator, scope)
            self._calls.setdefault(f"{to}()" if isinstance(decorator, ast.Call) else to, self._place(decorator.lineno))
            self._pass(f":{name}", _Handed(to, "@", text), decorator.lineno)

    def _annotation(self, node: ast.expr | None, scope: _Scope) -> None:
        """Walk the calls of an annotation: `Annotated[Session, Depends(session)]`."""
        if isinstance(node, ast.Subscript):
            for part in node.slice.elts if isinstance(node.slice, ast.Tuple) else (node.slice,):
                if isinstance(part, ast.Call):
                    self._expression(part, scope)

    # Expressions

    def _expression(
        self, node: ast.AST | None, scope: _Scope, handed: _Handed = _MENTIONED, *, is_later: bool = False
    ) -> None:
        """Note the calls of an expression, and what it hands over; `is_later` in what runs when somebody calls it."""
        if node is None or isinstance(node, ast.Constant):
            return
        if self._depth == MAX_DEPTH:
            self._take_all((node,), scope)
        elif isinstance(node, ast.Name):
            self._pass(self._term(node, scope), handed, node.lineno)
        elif isinstance(node, ast.Attribute):
            self._pass(self._term(node, scope), handed, node.lineno)
            self._receiver(node.value, scope, handed, is_later=is_later)
        elif isinstance(node, _LOOKING) and (asked := self._look_up(node, scope)) is not None:
            self._take(asked, node, scope, handed, is_later=is_later)
        else:
            self._depth += 1
            if isinstance(node, ast.Call):
                self._call(node, scope, handed, is_later=is_later)
            else:
                self._inside(node, scope, handed, is_later=is_later)
            self._depth -= 1

    def _inside(self, node: ast.AST, scope: _Scope, handed: _Handed, *, is_later: bool) -> None:
        """Note the calls of the expressions in one that is neither a name nor a call."""
        later = is_later or isinstance(node, ast.Lambda)
        kept = handed if isinstance(node, _HANDING) else _MENTIONED
        for part in getattr(node, "generators", ()):
            self._loop(part.target, part.iter, scope)
        if isinstance(node, ast.NamedExpr):
            self._assign(node.target, node.value, scope)
        asks_keys = isinstance(node, (ast.Compare, ast.comprehension))
        for child in _parts(node):
            if not asks_keys or not self._table(child, scope):
                self._expression(child, scope, kept, is_later=later)

    def _receiver(self, node: ast.expr, scope: _Scope, handed: _Handed, *, is_later: bool) -> None:
        """Walk what stands before a dot: names there say nothing of their own."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if not isinstance(node, ast.Name):
            self._expression(node, scope, handed if is_later else _MENTIONED, is_later=is_later)

    def _call(
        self, node: ast.Call, scope: _Scope, handed: _Handed, *, is_later: bool = False, is_decorator: bool = False
    ) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "keys" and self._table(node.func.value, scope):
            return
        callee = self._term(node.func, scope)
        asked = None if is_later else self._look_up(node.func, scope) or scope.looked_up.get(getattr(node.func, "id", ""))
        if asked is not None:
            self._take(asked, node.func, scope)
        else:
            self._receiver(node.func, scope, handed, is_later=is_later)
        if is_later:
            self._pass(callee, handed, node.lineno)
        else:
            if callee not in self._calls:
                self._calls[callee] = self._place(node.lineno)
            if handed.to and not is_decorator:
                self._pass(self._term(node, scope), handed, node.lineno)
        if isinstance(node.func, ast.Name):
            self._wraps(node.func.id, scope)
        texts = self._given_texts(node, scope)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "set_defaults":  # of the parser of a subcommand
            texts = self._named_texts(node.func.value, scope)
        text = texts[0] if texts else ""
        called = callee.rpartition(".")[2].lstrip(":")
        if called in _NAMED:
            for one in texts or self._held_texts(callee, node, scope) or _any_extension(node):
                self._pass("", _Handed(callee, "", one), node.lineno)
        if called == "Client" or called in _FOLDERS:
            for one in _plugins(node, scope):
                self._pass("", _Handed(callee, "", one), node.lineno)
        self._give_texts(callee, node, scope)
        asks_keys = _last_name(node) in AS_KEYS
        is_partial = bool(handed.to) and not is_decorator and _last_name(node) == "partial"
        for argument in node.args:
            if not asks_keys or not self._table(argument, scope):
                to = handed if is_partial and argument is node.args[0] else _Handed(callee, "", text)
                self._expression(argument, scope, to, is_later=is_later)
        for keyword in node.keywords:
            if keyword.arg != "choices" or not self._table(keyword.value, scope):
                self._expression(keyword.value, scope, _Handed(callee, keyword.arg or "", text), is_later=is_later)

    # Names in texts

    def _hold(self, target: ast.expr, value: ast.expr, scope: _Scope) -> None:
        """Note what a name is bound to, and the dotted names in it for other files, unless the name is local."""
        for one in target.elts if isinstance(target, (ast.Tuple, ast.List)) else (target,):
            if isinstance(one, ast.Name):
                scope.values.setdefault(one.id, []).append(value)
        name = last_name(target) if isinstance(target, ast.Attribute) or not scope.name or scope.is_class else ""
        if name and not isinstance(value, (ast.Name, ast.Attribute)):
            sources = self._said("sources", value, scope)
            self._keep_texts(name, [one for one in sources if one[0] != HELD or one == MORE])

    def _keep_texts(self, key: str, sources: list[str]) -> None:
        self._named_texts_of.update(dict.fromkeys((key, one) for one in sources if one != f"{HELD}{key}"))

    def _give_texts(self, callee: str, node: ast.Call, scope: _Scope) -> None:
        """Note the dotted names that a function is given, and the constants and arguments that may hold some."""
        is_own = callee.startswith(":") and callee[1:] in self._top
        found: list[str] = []
        for one in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(one, ast.Constant):
                found += dotted_among((one,))
            elif isinstance(one, _TEXTED):
                found += dotted_texts(one)
            elif isinstance(one, (ast.Name, ast.Attribute)) and (is_own or last_name(one).isupper()):
                found += self._sources(one, scope)
        name = last_name(node.func)
        if found and name and name not in _NAMED:
            self._keep_texts(f"{name}()", found)

    def _held_texts(self, callee: str, node: ast.Call, scope: _Scope) -> list[str]:
        """Return what a function that imports is given by names: the texts, and which names and functions hold them."""
        is_importing = callee.rpartition(".")[2].lstrip(":") in _IMPORTERS
        return self._sources(node.args[0], scope) if is_importing and node.args else []

    def _sources(self, node: ast.expr, scope: _Scope) -> list[str]:
        """Return the dotted names that an expression may come to, and `=PLUGINS` and `=load()` for what may hold some."""
        found: dict[str, None] = {}
        waiting: list[tuple[ast.expr, _Scope]] = [(node, scope)]
        seen: set[ast.expr] = set()
        while waiting and len(seen) < MAX_SOURCES and (not seen or self._followed < MAX_FOLLOWED):
            value, inner = waiting.pop()
            if value in seen:
                continue
            seen.add(value)
            parts = list(walk(value))
            self._followed += len(parts) if value is not node else 0
            found.update(dict.fromkeys(dotted_among(parts)))
            for part in parts:
                if isinstance(part, ast.Attribute):
                    found[f"{HELD}{part.attr}"] = None
                elif isinstance(part, ast.Name):
                    here: _Scope | None = inner
                    while here is not None and part.id not in here.values and part.id not in here.parameters:
                        here = here.parent
                    if here is not None and part.id in here.parameters:
                        function = here.name.removesuffix(".__init__").rpartition(".")[2]
                        found[f"{HELD}{function}()"] = None
                    if here is not None:
                        held = here.values.get(part.id, ())
                        waiting += [(one, here) for one in held[-MAX_SOURCES:]]
                    if here is None or not here.name:
                        found[f"{HELD}{part.id}"] = None
        if waiting:
            found[MORE] = None
        return list(found)

    # Tables

    def _keep_table(self, node: ast.Dict, target: ast.expr, scope: _Scope) -> bool:
        """Keep a table under its name, as a body that mentions all that it holds; return whether it is one."""
        name = scope.inner(target.id) if isinstance(target, ast.Name) else _table_name(self._term(target, scope))
        if name in self._tables:
            self._tables[name] = None
            self._pass(f":{name}", _MENTIONED, node.lineno)
        table = read_table(node, self._holder, scope) if name and name not in self._tables else None
        if table is None:
            return False
        self._tables[name] = table
        if scope.name and not scope.is_class and isinstance(target, ast.Name):
            scope.names[target.id] = f":{name}"
        for one in table.rest:
            self._expression(one, scope)
        outer = self._calls, self._passed
        self._calls, self._passed = {}, {}
        place = self._place(node.lineno)
        self._place(node.end_lineno or node.lineno)
        for entry in table.entries.values():
            self._expression(entry, scope)
        self._keep(name, place, self._calls, self._passed)
        self._calls, self._passed = outer
        return True

    def _mention_tables(self) -> None:
        """Let all that a table holds run where it stands, unless the file looks up what of it runs."""
        for_others = [(name, one) for name, one in self._tables.items() if one is not None and not one.is_looked_up]
        numbers = {one.name: number for number, one in enumerate(self._bodies)} if for_others else {}
        for name, table in for_others:
            holder = numbers[table.holder if table.holder in numbers else table.holder.partition(".<")[0]]
            body = self._bodies[holder]
            mention = Passed(f":{name}", "", "", "", self._bodies[numbers[name]].place)
            self._bodies[holder] = body._replace(passed=(*body.passed, mention))

    def _table(self, node: ast.AST, scope: _Scope) -> EntryTable | None:
        """Return the table that a name stands for: `TABLE`, `self.commands`."""
        head = node.value if isinstance(node, ast.Attribute) else node
        if not self._tables or not isinstance(head, ast.Name) or not isinstance(node, (ast.Name, ast.Attribute)):
            return None
        return self._tables.get(_table_name(self._term(node, scope)))

    def _look_up(self, node: ast.AST, scope: _Scope) -> LookUp | None:
        """Return what `TABLE[key]` and `TABLE.get(key, default)` look up, None for anything else."""
        asked = look_up_of(node) if isinstance(node, _LOOKING) else None
        if asked is None:
            return None
        if isinstance(asked.table, ast.Dict):
            table = read_table(asked.table, self._holder, scope)
        else:
            table = self._table(asked.table, scope)
        return None if table is None else asked._replace(found=table)

    def _take(
        self,
        asked: LookUp,
        node: ast.expr,
        scope: _Scope,
        handed: _Handed | None = None,
        *,
        is_later: bool = False,
    ) -> None:
        """Take one entry of a table, each in a way of its own: call it, or hand it over."""
        table = asked.found
        assert table is not None
        table.is_looked_up = True
        self._expression(asked.key, scope)
        for one in table.rest if isinstance(asked.table, ast.Dict) else ():
            self._expression(one, scope)
        self._taken += len(table.entries)
        if table in self._entered or len(self._entered) > 1 or self._taken > MAX_WAYS:
            self._mention_all(asked, scope)
            return
        self._entered.append(table)
        self._choose_entry(asked, table, node, scope, handed, is_later=is_later)
        self._entered.pop()

    def _mention_all(self, asked: LookUp, scope: _Scope) -> None:
        """Let all that a table holds run: in a table it stands by itself, or is too long."""
        if not isinstance(asked.table, ast.Dict):
            self._pass(self._term(asked.table, scope), _MENTIONED, asked.table.lineno)
            return
        for one in (*asked.table.values, asked.default):
            self._expression(one, scope)

    def _choose_entry(
        self, asked: LookUp, table: EntryTable, node: ast.expr, scope: _Scope, handed: _Handed | None, *, is_later: bool
    ) -> None:
        known = table.entries.get(written(asked.key))
        if known is not None:
            self._enter(known, table.scope, handed, is_later=is_later)
            return
        outer, number = (self._calls, self._passed), len(self._choices)
        ways: list[ChoiceWay] = []
        for key, entry in (*table.entries.items(), ("", asked.default)):
            place = self._place(node.lineno)
            self._place(node.lineno)
            name = f"{self._holder}.<{number}.{len(ways)}>" if entry is not None else ""
            test = f"{written(asked.key)} == {key}" if key else ""
            ways.append(ChoiceWay(name, test if len(test) <= MAX_TERM else "...", place))
            if entry is not None:
                self._calls, self._passed = {}, {}
                self._enter(entry, table.scope if key else scope, handed, is_later=is_later)
                self._keep(name, place, self._calls, self._passed)
        self._calls, self._passed = outer
        decider = self._decider(asked.key, scope)
        is_item = isinstance(node, ast.Subscript)
        is_called = handed is None
        self._choices.append(Choice(self._holder, not decider, decider == "argument", is_called, tuple(ways), is_item))

    def _enter(self, entry: ast.expr, scope: _Scope, handed: _Handed | None, *, is_later: bool) -> None:
        """Call what an entry of a table holds, or hand it over."""
        if handed is not None:
            self._expression(entry, scope, handed, is_later=is_later)
            return
        for one in called_in(entry):
            if isinstance(one, ast.Lambda):
                self._expression(one.body, scope)
            else:
                self._calls.setdefault(self._term(one, scope), self._place(one.lineno))

    def _pass(self, term: str, handed: _Handed, line: int) -> None:
        key = (term, handed.to, handed.keyword, handed.text)
        if ((term and term != _UNKNOWN) or handed.text) and key not in self._passed:
            self._passed[key] = self._place(line)

    def _wraps(self, name: str, scope: _Scope) -> None:
        """Note a decorator that calls what it is given only when that is called: a wrapper registers nothing."""
        here = scope.parent if name not in scope.names else None
        while here is not None:
            if name in here.parameters:
                self._wrapping.add(scope.name.partition(".")[0])
            here = here.parent

    def _given_texts(self, node: ast.Call, scope: _Scope) -> tuple[str, ...]:
        """Return the texts that the first argument of a call may be."""
        return self._named_texts(node.args[0], scope) if node.args else ()

    def _named_texts(self, node: ast.expr, scope: _Scope) -> tuple[str, ...]:
        """Return the texts that an expression may come to: also those of a table that it is looked up in."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "add_parser":
                return self._given_texts(node, scope)
            node = node.func.value if node.func.attr == "get" else node
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            here: _Scope | None = scope
            while here is not None:
                if node.id in here.texts:
                    return here.texts[node.id]
                here = here.parent
        return _texts(node)

    _STATEMENTS: ClassVar[dict[type[ast.stmt], Callable[[_Reader, Any, _Scope], None]]] = {
        ast.Expr: _plain,
        ast.Assign: _assignment,
        ast.AnnAssign: _annotated,
        **dict.fromkeys(_DEFINITIONS, _define),
        ast.ClassDef: _class,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.If: _if,
        **dict.fromkeys(_BRANCHES, _branch),
        ast.Return: _return,
        ast.Match: _match,
        **dict.fromkeys((ast.Raise, ast.Assert, ast.AugAssign), _operands),
    }
    """How each kind of statement is read; the others say nothing."""


def _parts(node: ast.AST) -> list[ast.AST]:
    """Return the expressions in a node."""
    return [one for one in children(node) if isinstance(one, _PARTS)]


def _first_of(inner: ast.expr) -> ast.expr:
    """Return the first of what stands in brackets: the class in `Annotated[Model, Depends(model)]`."""
    return inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner


def _parses(name: str) -> bool:
    """Return whether a function of that last name reads the command line."""
    return "_" in name and _PARSING.match(name) is not None


def _is_class(node: ast.expr) -> bool:
    """Return whether what is called has the name of a class: `Store(os.environ["STORE"])`."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name[:1].isupper() and not name.isupper()


@lru_cache(maxsize=2000)
def _words_in(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _words_of(node: ast.expr) -> Iterator[str]:
    """Yield the words in the names and texts of an expression."""
    for part in walk(node):
        for name in ("id", "attr", "arg", "value"):
            text = getattr(part, name, None)
            if isinstance(text, str):
                yield from _words_in(text) if len(text) <= MAX_TERM else _WORD.findall(text.lower())


def _texts(node: ast.expr) -> tuple[str, ...]:
    """Return the text of a string, or those of a display; `cogs.*` for one that ends in what is computed."""
    if isinstance(node, _DISPLAYS):
        return tuple(text for one in node.elts for text in _texts(one) if isinstance(one, ast.Constant))
    if isinstance(node, ast.Dict):
        values = (text for one in node.values for text in _texts(one) if isinstance(one, (ast.Constant, ast.Tuple)))
        return tuple(values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= MAX_TERM:
        return (node.value,)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return tuple(text if text.endswith("*") else f"{text}*" for text in _texts(node.left)[:1])
    if isinstance(node, ast.JoinedStr) and len(node.values) in (2, 3):
        first = node.values[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return (f"{first.value}*",)
        own = isinstance(first, ast.FormattedValue) and getattr(first.value, "id", "") in ("__name__", "__package__")
        return (".*",) if own and getattr(node.values[1], "value", "") == "." else ()
    return ()


def _plugins(node: ast.Call, scope: _Scope) -> Iterator[str]:
    """Yield `plugins.*` of `Client("bot", plugins=dict(root="plugins"))`: at start pyrogram loads that folder.

    Of `nonebot.load_plugins("src/plugins")` it is what stands for each of the folders.
    """
    if last_name(node.func) in _FOLDERS:
        yield from (f"{text.removeprefix('./').strip('/').replace('/', '.')}.*" for one in node.args for text in _texts(one))
        return
    given = next((one.value for one in node.keywords if one.arg == "plugins"), None)
    for value in scope.values.get(given.id, []) if isinstance(given, ast.Name) else [given]:
        pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
        roots = [one for key, one in pairs if getattr(key, "value", "") == "root"]
        if isinstance(value, ast.Call) and last_name(value.func) == "dict":
            roots = [one.value for one in value.keywords if one.arg == "root"]
        yield from (f"{text.replace('/', '.')}.*" for one in roots for text in _texts(one))


def _any_extension(node: ast.Call) -> tuple[str, ...]:
    """Return what stands for each extension, where nobody can tell which ones `load_extension` is given."""
    return (ANY_EXTENSION,) if node.args and last_name(node.func) in _EXTENDING else ()


def _table_name(term: str) -> str:
    """Return the name in the file of what a term stands for: `Shell.commands` of `:Shell().commands`, empty for others."""
    return term[1:].replace("().", ".", 1) if term.startswith(":") else ""


def _last_name(node: ast.expr) -> str:
    """Return the last name of what decorates, `cached_property` of `functools.cached_property`."""
    return last_name(node.func if isinstance(node, ast.Call) else node)


def _above(scope: _Scope) -> str:
    """Return the term for what the classes above that of a method have, empty outside of classes."""
    here: _Scope | None = scope
    while here is not None and not here.is_class:
        here = here.parent
    return f":{here.name}.super" if here is not None else ""


def _lazy_names(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that a module gives when it is asked for them, each with what may be the module that has it.

    They stand in tables beside `__getattr__`, as PEP 562 has it: by name, or by module.
    """
    if not any(isinstance(one, ast.FunctionDef) and one.name == "__getattr__" for one in module.body):
        return
    for statement in module.body:
        table = getattr(statement, "value", None)
        for key, value in zip(table.keys, table.values, strict=True) if isinstance(table, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                for text in _texts(value):
                    yield key.value, text
                    if isinstance(value, _DISPLAYS):
                        yield text, key.value
