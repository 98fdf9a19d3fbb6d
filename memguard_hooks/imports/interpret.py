"""One file as Python would load it, on what its names may stand for instead of on values.

Statements are walked in the order in which they run, and a call of a function of this file walks its
body, so that what a decorator, a constructor or `asyncio.run` sets off is found where it happens.
Conditions that nobody can know let both branches run. What was not called is walked at the end, as
what a later call may import.
"""

from __future__ import annotations

import libcst as cst

from memguard_hooks.imports.context import Context
from memguard_hooks.imports.model import Analysis
from memguard_hooks.imports.statements import Statements
from memguard_hooks.imports.values import Arguments, Scope


class Interpreter(Statements):
    """The walk through one module."""

    def run(self, module: cst.Module) -> Analysis:
        """Walk everything once and say what was found."""
        scope = Scope()
        context = Context("import", "at module level", scope, at_module_level=True)
        self._block(module.body, context)
        for name in sorted(self._target.called):
            head, *rest = name.split(".")
            values = scope.lookup(head) or ()
            for attribute in rest:
                values = self._attribute(values, attribute, None, context)
            self._call(values, Arguments(), context._replace(why="called from outside the file"))
        self._walk_the_waiting()
        self._walk_the_rest()
        return self._record.analysis()
