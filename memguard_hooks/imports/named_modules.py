"""Modules that code imports by names in texts that stand elsewhere: lists of plugins, `"app.backends.Local"` in settings.

A name is followed by itself, over all files that are loaded: what a function imports that is called `load` may be any text
that a function of that name is given, and `settings.PLUGINS` any text that something called `PLUGINS` holds.
"""

from __future__ import annotations

from memguard_hooks.formats.python_nodes import walk
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator, Sequence
else:
    import _ast as ast  # its nodes alone, as in `plain_values`

HELD = "="
"""Begins what stands for the texts that a name holds, or a function is given."""

MORE = f"{HELD}?"
"""Stands for texts that are not looked at: there are more than the bound."""

ANY_EXTENSION = "*"
"""Stands for each extension of discord.py: which ones are loaded, nobody can tell."""

MAX_SOURCES = 20
"""Expressions that one expression is followed through."""

MAX_LENGTH = 100
"""Letters of a name of a module that is looked at."""

_DOTTED = late_pattern(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:[A-Za-z_]\w*)?$|[A-Za-z_]\w*:[A-Za-z_]\w*$")


def dotted_texts(node: ast.expr) -> Iterator[str]:
    """Yield the texts in an expression that name a module below another, or something of one; no keys of tables."""
    return dotted_among(list(walk(node)))


def dotted_among(parts: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the same of an expression that was walked, by all that it holds."""
    keys = {key for part in parts if isinstance(part, ast.Dict) for key in part.keys}
    for part in parts:
        if not isinstance(part, ast.Constant) or part in keys:
            continue
        text = part.value
        if isinstance(text, str) and len(text) < MAX_LENGTH and ("." in text or ":" in text) and _DOTTED.match(text):
            yield text
