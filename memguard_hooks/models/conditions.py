"""Conditions: which branch production takes, where that is known."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from memguard_hooks.models.evaluation import Evaluation
from memguard_hooks.models.scopes import Condition, NameScope
from memguard_hooks.models.values import (
    ANYTHING,
    ExternalValue,
    Made,
    Missing,
    Table,
    Value,
    Values,
)

_UNSET = frozenset(
    {"ENV", "ENVIRONMENT", "APP_ENV", "APP_ENVIRONMENT", "FLASK_ENV", "DJANGO_ENV", "PYTHON_ENV", "NODE_ENV", "STAGE"}
)
"""Variables that tell production from development; one that nothing sets is taken for production."""


_PRODUCTION = frozenset({"production", "prod", "live"})


_DEVELOPMENT = frozenset({"development", "dev", "local", "test", "testing", "debug"})


_NEVER = (ExternalValue("typing.TYPE_CHECKING"), ExternalValue("sys.frozen"))
"""What is false where Python itself runs the code: programs that PyInstaller and its like make are frozen."""


class Conditions(Evaluation):
    """Tells whether conditions hold."""

    def _hold(self, conditions: Iterable[Condition]) -> bool | None:
        answer: bool | None = True
        is_each = self.is_each
        for one in conditions:
            found = None if one.test is None or one.is_handler else self._truth(one.test, one.scope)
            self.is_each = is_each  # which the values of a condition do not decide
            if found is not None and found != one.answer:
                return False
            if found is None:
                answer = None
        return answer

    def _truth(self, node: ast.expr, scope: NameScope) -> bool | None:
        """Return whether a condition holds in production, None where that is not known."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._truth(node.operand, scope)
            return None if inner is None else not inner
        if isinstance(node, ast.BoolOp):
            answers = [self._truth(one, scope) for one in node.values]
            decisive = isinstance(node.op, ast.Or)
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._comparison(node, scope)
        answers = [_is_true(one) for one in self._values(node, scope)]
        return answers[0] if answers and all(one == answers[0] for one in answers) else None

    def _comparison(self, node: ast.Compare, scope: NameScope) -> bool | None:
        operation = node.ops[0]
        left, right = self._values(node.left, scope), self._values(node.comparators[0], scope)
        if isinstance(operation, (ast.In, ast.NotIn)):
            if right == (ExternalValue("os.environ"),) and len(left) == 1 and isinstance(left[0], str):
                return None if left[0] not in self._around.environment else isinstance(operation, ast.In)
            right = tuple(
                value for one in right for value in (self._items(one, ()) if isinstance(one, Table) else (ANYTHING,))
            )
        elif not isinstance(operation, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
            return None
        if len(left) != 1 or not right:
            return None
        answer = _equals(left[0], right)
        if answer is None or isinstance(operation, (ast.Eq, ast.Is, ast.In)):
            return answer
        return not answer


def _equals(left: Value, right: Values) -> bool | None:
    """Return whether a value is one of others, None where that is not known."""
    if isinstance(left, Missing):
        texts = {one.lower() for one in right if isinstance(one, str)}
        if left.variable.upper() in _UNSET and texts & _PRODUCTION:
            return True
        return False if left.variable.upper() in _UNSET and texts and texts <= _DEVELOPMENT else None
    if not all(isinstance(one, (str, int, float, bool, type(None))) for one in (left, *right)):
        return None
    return left in right


def _is_true(value: Value) -> bool | None:
    if isinstance(value, (str, int, float, bool, type(None))):
        return bool(value)
    if isinstance(value, Missing):
        return False if value.variable.upper() in ("DEBUG", "TESTING") else None
    if isinstance(value, Made):
        return False if value.name.startswith("torch.") and value.name.endswith("is_available") else None
    return False if value in _NEVER else None
