"""One file as Python would load it, on what its names may stand for instead of on values.

Statements are walked in the order in which they run, and a call of a function of this file walks its
body, so that what a decorator, a constructor or `asyncio.run` sets off is found where it happens.
Conditions that nobody can know let both branches run. What was not called is walked at the end, as
what a later call may import.
"""

from __future__ import annotations

import ast

import libcst as cst

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import PYTHON_2, NotPythonError, parse
from memguard_hooks.formats.python_tokens import Limits, scan
from memguard_hooks.imports.attributes import Attributes
from memguard_hooks.imports.bodies import Bodies
from memguard_hooks.imports.calls import CallWalker
from memguard_hooks.imports.definitions import Definitions
from memguard_hooks.imports.expressions import Expressions
from memguard_hooks.imports.import_statements import ImportStatements
from memguard_hooks.imports.imports_by_call import ImportsByCall
from memguard_hooks.imports.model import FROM_OUTSIDE, Analysis, Target
from memguard_hooks.imports.places import NodePlaces
from memguard_hooks.imports.statements import Statements
from memguard_hooks.imports.uncalled import without_uncalled, without_unimporting
from memguard_hooks.imports.values import Arguments, Scope
from memguard_hooks.imports.walker import Context, Noted
from memguard_hooks.pattern import late_pattern

LIMITS = Limits(
    tokens=43_000, chain=2000, squares=8_000_000, squares_per_character=50, elifs=2000, lines=2, brackets=2, operators=2,
    nesting=1, patterns=1,
)  # fmt: skip
"""What libcst is given: some 15 microseconds and 2.5 KiB for each token, a statement, a bracket and an operator
for two more. It keeps what it read inside of each bracket: a token takes as much again for each bracket around it.

It takes quadratic time for long chains, a second for one of these, and for many of middle length together two; code that
people write has less than one square a character, tables of numbers some 15. It recurses into each branch of an `if`. It
takes up to four times as long for each bracket around a pattern: 24 milliseconds for seven, hours for twenty.
"""

_PLACE = late_pattern(r"^(?:\w+ error: )?(?:error at (?P<line>\d+):(?P<column>\d+): )?")
"""What libcst puts before its messages: the place behind the token that is wrong, column 0 behind a line end."""


class Interpreter(Statements, Definitions, Expressions, CallWalker, ImportStatements, ImportsByCall, Attributes, Bodies):
    """The walk through one module."""

    def run(self, module: cst.Module) -> Analysis:
        """Walk everything once and say what was found; nothing is left that only a search for circles would free."""
        try:
            return self._run(module)
        finally:
            for scope in self._scopes:
                scope.names.clear()

    def _run(self, module: cst.Module) -> Analysis:
        scope = Scope()
        context = Context("import", "at module level", scope, at_module_level=True)
        self._block(module.body, context)
        for name in sorted(self._target.called):
            head, *rest = name.split(".")
            values = scope.lookup(head) or ()
            for attribute in rest:
                values = self._attribute(values, attribute, None, context)
            self._call(values, Arguments(), context._replace(why=FROM_OUTSIDE))
        self._walk_the_waiting()
        self._walk_the_rest()
        return self._record.analysis()


def _refuse_python_2(text: str) -> None:
    """Raise what CPython says of a text that it takes for Python 2: libcst lists all that it would rather have read."""
    try:
        parse(text)
    except NotPythonError as error:
        if PYTHON_2 in error.message:
            raise MemguardError(error.message, None, error.line) from None
    except MemguardError:
        pass


def _parse(text: str) -> cst.Module:
    try:
        return cst.parse_module(text)
    except AttributeError:  # libcst 1.9, of `async` and `for` on two lines inside brackets
        raise MemguardError("is not analyzed: libcst cannot read it") from None


def analyze_by_libcst(text: str, target: Target, syntax: ast.Module | None = None) -> Analysis:
    """Find all imports of a source text; without what cannot matter, where its syntax tree tells what that is.

    Raises MemguardError, with the line, for a text that libcst cannot read.
    """
    shorter = without_uncalled(text, syntax, target) if syntax is not None else text
    scanned = scan(shorter, LIMITS)
    if scanned.problem is not None and syntax is not None:
        shorter = without_unimporting(text, syntax, target)
        scanned = scan(shorter, LIMITS)
    if scanned.problem is not None:
        raise MemguardError(scanned.problem, None, scanned.line)
    try:
        module = _parse(shorter)
        return Interpreter(text, target, Noted(module, NodePlaces(module, scanned.imports).of)).run(module)
    except cst.ParserSyntaxError as error:
        place = _PLACE.match(error.message)
        line = int(place["line"]) - (place["column"] == "0") if place and place["line"] else error.raw_line
        if syntax is None:
            _refuse_python_2(text)
        message = _PLACE.sub("", error.message.split("\n")[0]).rstrip(".")
        raise MemguardError(f"does not parse: {message}", None, line) from None
    except RecursionError:
        raise MemguardError("is not analyzed: it is nested too deeply") from None
