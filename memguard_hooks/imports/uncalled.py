"""What libcst need not read of a file: the bodies of functions that import nothing and that nothing calls while it loads.

Parsing is most of what libcst costs. A function is called by its name, or by Python itself where the name begins with two
underscores or it is decorated; so what code that runs may name is found by words alone, from the code outside of all
functions on. Without these bodies all that stays keeps its line and its column, and libcst's answer is the same.
"""

from __future__ import annotations

from memguard_hooks.formats.python_source import has_normal_names
from memguard_hooks.formats.python_tokens import Body, cut, scan
from memguard_hooks.imports.model import Target
from memguard_hooks.pattern import late_pattern

_BY_CALL = late_pattern(r"(?i:lazy)|import_module|__import__|runpy")
"""Words of files in which imports are not statements."""
_WORD = late_pattern(r"\w+")
_CLASS = late_pattern(r"\bclass\s+(\w+)")
_BINDING = frozenset({"import", "global", "nonlocal"})
"""Words of bodies that import, or that bind what others may ask."""


def without_uncalled(text: str, target: Target) -> str:
    """Return a source text without the bodies of functions that tell nothing about imports."""
    if _BY_CALL.search(text) or not has_normal_names(text):
        return text
    scanned = scan(text)
    return text if scanned.problem is not None else cut(text, _uncalled(text, scanned.bodies, target))


def without_unimporting(text: str) -> str:
    """Return a source text without the bodies of functions from which no import is reached by name.

    That is for a text that is too much for libcst otherwise: what these functions call in other files is not known then.
    """
    scanned = scan(text)
    kept = {
        body for body in scanned.bodies if not _BINDING.isdisjoint(body.words) or _BY_CALL.search(text, body.start, body.end)
    }
    names: set[str] = set()
    while True:
        found = {body.name for body in kept}
        found.update(_CLASS.findall(text) if any(name.startswith("__") for name in found) else ())
        if found == names:
            return cut(text, [body for body in scanned.bodies if body not in kept])
        names = found
        kept.update(body for body in scanned.bodies if not names.isdisjoint(body.words))


def _uncalled(text: str, bodies: tuple[Body, ...], target: Target) -> list[Body]:
    """Return the bodies of functions that nothing can call while the file loads, and that tell nothing by themselves."""
    waiting = {word for name in target.called for word in name.split(".")}
    last = 0
    for body in bodies:
        waiting.update(_WORD.findall(text, last, body.name_start))
        waiting.update(_WORD.findall(text, body.name_start + len(body.name), body.start))
        last = body.end
    waiting.update(_WORD.findall(text, last))
    rest: dict[str, list[Body]] = {}
    for body in bodies:
        if body.is_decorated or body.name.startswith("__"):
            waiting |= body.words
        else:
            rest.setdefault(body.name, []).append(body)
    reached: set[str] = set()
    while waiting:
        word = waiting.pop()
        reached.add(word)
        for body in rest.pop(word, ()):
            waiting |= body.words - reached
    uncalled = (body for ones in rest.values() for body in ones if _BINDING.isdisjoint(body.words))
    return sorted(uncalled, key=lambda body: body.start)
