"""What all parts of the walk share: the target, the record of what was found, and how they call each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import libcst as cst

from memguard_hooks.imports.context import Context
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.record import Record
from memguard_hooks.imports.values import Arguments, Function, Values

Comprehension = cst.GeneratorExp | cst.ListComp | cst.SetComp | cst.DictComp


class Walker(ABC):
    """One walk through one module; its parts are mutually recursive, as the grammar is."""

    def __init__(self, text: str, target: Target, record: Record) -> None:
        self._text = text
        self._target = target
        self._record = record
        self._lazy_modules: set[str] = set()
        self._future_annotations = False

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
