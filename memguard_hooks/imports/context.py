"""Where the walk is: when the code here runs, why, and in which names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from memguard_hooks.imports.model import When
from memguard_hooks.imports.values import Function, Scope, Values


@dataclass(eq=False, slots=True)
class Frame:
    """One run of a function: who it belongs to, and what it returned so far."""

    function: Function
    receiver: Values
    returned: Values = ()


class Context(NamedTuple):
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
