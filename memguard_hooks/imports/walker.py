"""What all parts of the walk share: where it is, what it has found, and how its parts call each other.

The parts know only this module, and each other's methods by the abstract ones here; `interpret` joins them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import libcst as cst

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_tokens import Span
from memguard_hooks.imports.model import MAX_CALLED, Analysis, ImportSite, Target, Unknown, When, called_below
from memguard_hooks.imports.values import Arguments, Class, Function, Instance, Lazy, Scope, Site, Values
from memguard_hooks.record import Record

Comprehension = cst.GeneratorExp | cst.ListComp | cst.SetComp | cst.DictComp

_MAX_TEXT = 80

MAX_NAME = 1000
"""Letters of a dotted name of which the names below are kept."""


@dataclass(eq=False, slots=True)
class Frame:
    """One run of a function: who it belongs to, and what it returned so far."""

    function: Function
    receiver: Values
    returned: Values = ()


class Context(Record):
    """Where the walk is: when this code runs, why, and in which names."""

    when: When
    why: str
    scope: Scope
    at_module_level: bool = False
    is_certain: bool = True
    """Whether the code runs once, with all that stands beside it: no branch, no loop."""
    frame: Frame | None = None
    runs_coroutines: bool = False

    def later(self, why: str) -> Context:
        """Return the context of code that the code here does not run itself."""
        return self if self.when == "never" else self._replace(when="call", why=why)

    def never(self, why: str) -> Context:
        """Return the context of code that no run reaches."""
        return self if self.when == "never" else self._replace(when="never", why=why)


class Noted:
    """The findings in one module, while they are being made."""

    def __init__(self, module: cst.Module, place_of: Callable[[cst.CSTNode], Span]) -> None:
        self._module = module
        self._place_of = place_of
        self._sites: dict[tuple[cst.CSTNode, str], Site] = {}
        self._unknown: dict[cst.CSTNode, Unknown] = {}
        self._called: set[str] = set()

    def analysis(self) -> Analysis:
        """Return all that was found, by position. Raises MemguardError for more than any hand writes."""
        called = sorted(self._called)
        if len(self._sites) * len(called) > MAX_CALLED:
            raise MemguardError("is not analyzed: it calls too much of what it imports")
        sites = [self._site_of(site, called) for site in self._sites.values()]
        return Analysis(
            tuple(sorted(sites, key=lambda site: (site.line, site.column, site.module))),
            tuple(sorted(self._unknown.values())),
        )

    def _site_of(self, site: Site, called: list[str]) -> ImportSite:
        place = self._place_of(site.node)
        used = self._place_of(site.used) if site.used is not None else None
        return ImportSite(
            place.line,
            place.column,
            place.end_line,
            site.module,
            site.level,
            site.names,
            "import" if used else site.when,
            f"used at line {used.line} while loading" if used else site.why,
            used and used.line,
            used and used.column,
            called_below(called, site.module, site.level, site.names) if used or site.when == "import" else (),
        )

    def site(self, node: cst.CSTNode, module: str, level: int, names: tuple[str, ...], context: Context) -> Site:
        """Note an import; what runs in several ways counts as the earliest of them."""
        if len(module) > MAX_NAME:
            names = ()  # no file has such a name, and a long list would repeat it
        order = ("import", "call", "never")
        known = self._sites.get((node, module))
        if known is None:
            known = self._sites[node, module] = Site(node, module, level, names, context.when, context.why)
        elif order.index(context.when) < order.index(known.when):
            known.when, known.why = context.when, context.why
        return known

    def use(self, lazy: Lazy, node: cst.CSTNode, context: Context) -> None:
        """Note that code uses what a lazy import binds: that resolves it, where the code runs at load time."""
        if context.when == "import" and lazy.site.when != "never" and lazy.site.used is None:
            lazy.site.used = node

    def unknown(self, node: cst.Call, context: Context) -> None:
        """Note what is imported at load time and cannot be known."""
        if context.when == "import" and node not in self._unknown:
            place = self._place_of(node)
            text = " ".join(self._module.code_for_node(node).split())
            self._unknown[node] = Unknown(place.line, place.column, text[:_MAX_TEXT])

    def call(self, path: str, context: Context) -> None:
        """Note that something that another file defines is called, by its dotted name."""
        if context.when == "import" and "." in path:
            self._called.add(path)


class Walker(ABC):
    """One walk through one module; its parts are mutually recursive, as the grammar is."""

    def __init__(self, text: str, target: Target, record: Noted) -> None:
        self._text = text
        self._target = target
        self._record = record
        self._lazy_modules: set[str] = set()
        self._future_annotations = False
        self._statements = 0
        """How many were walked."""
        self._scopes: dict[Scope, None] = {}
        """Those whose names may stand for what was defined in them, and leads back."""

    @abstractmethod
    def _block(self, statements: Iterable[cst.CSTNode], context: Context) -> bool:
        """Walk statements in order; tell whether no run gets beyond them."""

    @abstractmethod
    def _expression(self, node: cst.CSTNode | None, context: Context) -> Values:
        """Walk an expression and return what it may give."""

    @abstractmethod
    def _comprehension(self, node: Comprehension, first: Values, context: Context) -> Values:
        """Walk a comprehension that runs, from the value of its first `in` on."""

    @abstractmethod
    def _call(self, callees: Values, arguments: Arguments, context: Context) -> Values:
        """Call each of these values, where the code runs at load time, and return what that gives."""

    @abstractmethod
    def _body(self, function: Function, arguments: Arguments, context: Context) -> Values:
        """Walk the body of a function once for each set of arguments, and return what it returns."""

    @abstractmethod
    def _bind(self, target: cst.CSTNode, values: Values, context: Context) -> None:
        """Assign to whatever stands on the left."""

    @abstractmethod
    def _annotation(self, node: cst.Annotation, context: Context, *, is_local: bool = False) -> None:
        """Walk an annotation, which runs at once, later or never."""

    @abstractmethod
    def _defaults(self, node: cst.Parameters, context: Context) -> dict[str, Values]:
        """Walk the defaults and annotations of parameters; return what each parameter stands for by default."""

    @abstractmethod
    def _attribute(self, values: Values, name: str, node: cst.CSTNode | None, context: Context) -> Values:
        """Look a member of values up."""

    @abstractmethod
    def _members(self, values: Values, receiver: Instance | Class, context: Context) -> Values:
        """Look members of a class up as attributes of the class or of an instance."""

    @abstractmethod
    def _hook(self, values: Values, name: str, context: Context, of: type[Class | Instance] = Class) -> None:
        """Run a method that Python calls by itself."""

    @abstractmethod
    def _item(self, values: Values, key: Values, context: Context) -> Values:
        """Return what a subscript of values may give."""

    @abstractmethod
    def _consume(self, values: Values, context: Context) -> Values:
        """Iterate over values, or await them, and return what that gives."""

    @abstractmethod
    def _enter(self, values: Values, context: Context) -> Values:
        """Enter a `with` block, and leave it: both run."""

    @abstractmethod
    def _called(self, node: cst.Call, callees: Values, context: Context) -> Values:
        """Walk the arguments of a call, then what it calls."""

    @abstractmethod
    def _external_code(self, node: cst.Call, path: str, arguments: Arguments, context: Context) -> None:
        """Note what a function that this file does not define imports, or may import."""

    @abstractmethod
    def _imported_by_call(self, node: cst.Call, path: str, arguments: Arguments, context: Context) -> Values:
        """Note `import_module("x")` and `__import__("x")`, and what was not known at load time."""

    @abstractmethod
    def _proxy(self, node: cst.Call, callees: Values, arguments: Arguments, context: Context) -> Lazy | None:
        """Recognize `openai = LazyImporter("openai")`: lazy until something uses an attribute of it."""

    @abstractmethod
    def _define(self, function: Function, context: Context) -> Function:
        """Note a function, whose body is walked when it is called, or at the end."""

    @abstractmethod
    def _is_generator(self, node: cst.CSTNode) -> bool:
        """Return whether calling a function only makes a generator."""

    @abstractmethod
    def _function(self, node: cst.FunctionDef, context: Context) -> None:
        """Walk the definition of a function."""

    @abstractmethod
    def _class(self, node: cst.ClassDef, context: Context) -> None:
        """Walk the definition of a class, and its body."""

    @abstractmethod
    def _import(self, node: cst.Import | cst.LazyImport, alias: cst.ImportAlias, context: Context) -> None:
        """Walk one name of an `import` statement."""

    @abstractmethod
    def _import_from(self, node: cst.ImportFrom | cst.LazyImportFrom, context: Context) -> None:
        """Walk a `from` import."""
