"""Statements in the order in which they run, up to the end of their block."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from memguard_hooks.imports.conditions import UNKNOWN, paths, truth
from memguard_hooks.imports.known_calls import EXITS
from memguard_hooks.imports.model import IN_EXCEPT, IN_TRY
from memguard_hooks.imports.syntax import children
from memguard_hooks.imports.values import join
from memguard_hooks.imports.walker import Context, Walker

_ENDS = (cst.Return, cst.Raise, cst.Continue, cst.Break)


class Statements(Walker):
    """Walks statements and patterns."""

    def _block(self, statements: Iterable[cst.CSTNode], context: Context) -> bool:
        """Walk statements in order; tell whether no run gets beyond them."""
        has_ended = False
        for statement in statements:
            if self._statement(statement, context) and not has_ended:
                has_ended = True
                context = context.never("behind the end of its block")
        return has_ended

    def _suite(self, part: cst.CSTNode | None, context: Context) -> bool:
        """Walk the block of a compound statement or of one of its clauses; tell whether no run gets beyond it."""
        if part is None:
            return False
        block = getattr(part, "body", None)
        assert isinstance(block, cst.BaseSuite)
        return self._block(block.body, context._replace(is_certain=False))

    def _statement(self, node: cst.CSTNode, context: Context) -> bool:
        """Walk a statement; tell whether no run gets beyond it, as far as that is plain."""
        if isinstance(node, cst.SimpleStatementLine):
            return self._block(node.body, context)
        self._statements += 1
        if isinstance(node, (cst.Import, cst.LazyImport)):
            for alias in node.names:
                self._import(node, alias, context)
        elif isinstance(node, (cst.ImportFrom, cst.LazyImportFrom)):
            self._import_from(node, context)
        elif isinstance(node, cst.BaseSmallStatement):
            self._small(node, context)
            return isinstance(node, _ENDS) or (isinstance(node, cst.Expr) and self._exits(node.value, context))
        elif isinstance(node, cst.FunctionDef):
            self._function(node, context)
        elif isinstance(node, cst.ClassDef):
            self._class(node, context)
        elif isinstance(node, cst.If):
            return self._if(node, context)
        elif isinstance(node, cst.While):
            self._expression(node.test, context)
            value, why = truth(node.test, context.scope, self._target)
            self._suite(node, context.never(why) if value is False else context)
            self._suite(node.orelse, context)
        elif isinstance(node, cst.For):
            self._bind(node.target, self._consume(self._expression(node.iter, context), context), context)
            self._suite(node, context)
            self._suite(node.orelse, context)
        elif isinstance(node, (cst.Try, cst.TryStar)):
            why = IN_TRY if context.at_module_level else context.why
            return self._try(node, context._replace(why=why, at_module_level=False))
        elif isinstance(node, cst.With):
            for item in node.items:
                entered = self._enter(self._expression(item.item, context), context)
                if item.asname is not None:
                    self._bind(item.asname.name, entered, context)
            self._suite(node, context._replace(at_module_level=False))
        elif isinstance(node, cst.Match):
            self._expression(node.subject, context)
            for case in node.cases:
                self._pattern(case.pattern, context)
                self._expression(case.guard, context)
                value, why = truth(case.guard, context.scope, self._target) if case.guard is not None else UNKNOWN
                self._suite(case, context.never(why) if value is False else context)
        return False

    def _exits(self, node: cst.BaseExpression, context: Context) -> bool:
        return isinstance(node, cst.Call) and not EXITS.isdisjoint(paths(node.func, context.scope))

    def _small(self, node: cst.CSTNode, context: Context) -> None:
        if isinstance(node, cst.Assign):
            values = self._expression(node.value, context)
            for target in node.targets:
                self._bind(target.target, values, context)
        elif isinstance(node, cst.AnnAssign):
            # What is annotated in a function is not looked at, ever.
            self._annotation(node.annotation, context, is_local=context.scope.is_function)
            values = self._expression(node.value, context)
            self._bind(node.target, values, context)
        elif isinstance(node, cst.AugAssign):
            self._expression(node.target, context)
            self._bind(node.target, self._expression(node.value, context), context)
        elif isinstance(node, cst.Return):
            values = self._expression(node.value, context)
            if context.frame is not None:
                context.frame.returned = join(context.frame.returned, values)
        elif isinstance(node, cst.Global):
            for item in node.names:
                context.scope.elsewhere[item.name.value] = context.scope.outermost
        elif isinstance(node, cst.Nonlocal) and context.scope.parent is not None:
            for item in node.names:
                context.scope.elsewhere[item.name.value] = context.scope.parent
        elif isinstance(node, cst.TypeAlias):
            self._expression(node.value, context.later("in a type alias"))
        elif not isinstance(node, (cst.Del, cst.Global, cst.Nonlocal)):
            for child in children(node):
                self._expression(child, context)

    def _if(self, node: cst.If, context: Context) -> bool:
        branch: cst.If | cst.Else | None = node
        ends: list[bool] = []
        while isinstance(branch, cst.If):
            self._expression(branch.test, context)
            value, why = truth(branch.test, context.scope, self._target)
            has_ended = self._suite(branch, context.never(why) if value is False else context)
            if value is not False:
                ends.append(has_ended)
            if value is True:
                self._suite_never(branch.orelse, context.never(why))
                return all(ends)
            branch = branch.orelse
        return self._suite(branch, context) and all(ends)

    def _suite_never(self, branch: cst.If | cst.Else | None, context: Context) -> None:
        """Walk branches that do not run, because one before them does."""
        while branch is not None:
            self._suite(branch, context)
            if isinstance(branch, cst.If):
                self._expression(branch.test, context)
            branch = branch.orelse if isinstance(branch, cst.If) else None

    def _try(self, node: cst.Try | cst.TryStar, context: Context) -> bool:
        has_ended = self._suite(node, context)
        ends: list[bool] = []
        for handler in node.handlers:
            self._expression(handler.type, context)
            if handler.name is not None:
                self._bind(handler.name.name, (), context)
            ends.append(self._suite(handler, context._replace(why=IN_EXCEPT) if context.why == IN_TRY else context))
        has_ended |= self._suite(node.orelse, context.never("behind the end of its block") if has_ended else context)
        return self._suite(node.finalbody, context) or (has_ended and all(ends))

    def _pattern(self, node: cst.CSTNode, context: Context) -> None:
        """Walk a pattern: its names are bound, its values and classes are looked up."""
        waiting = [node]
        while waiting:
            here = waiting.pop()
            if isinstance(here, (cst.MatchAs, cst.MatchStar)) and here.name is not None:
                self._bind(here.name, (), context)
            if isinstance(here, cst.MatchMapping) and here.rest is not None:
                self._bind(here.rest, (), context)
            if isinstance(here, cst.MatchValue):
                self._expression(here.value, context)
            elif isinstance(here, cst.MatchClass):
                self._expression(here.cls, context)
                waiting += [*here.patterns, *here.kwds]
            elif not isinstance(here, cst.Name):
                waiting += children(here)
