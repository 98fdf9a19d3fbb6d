"""Lines of functions that the stream of another file is given to, part by part."""

from __future__ import annotations

from memguard_hooks.imports.resolve import absolute
from memguard_hooks.logs.model import is_judged

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.logs.facts import FileLogs
    from memguard_hooks.logs.model import SteadyLine
    from memguard_hooks.rules.logs.findings import Reached


def fed_lines(reached: Reached) -> Iterator[tuple[str, SteadyLine, str]]:
    """Yield each line by its file, with the loop that it is written for in each pass."""
    for path, logs in reached.files.items():
        for fed in logs.fed if is_judged(path) else ():
            for other, function in _places(reached.entry.resolver, path, fed.target):
                found = reached.files.get(other)
                if found is not None and other != path and is_judged(other):
                    yield from ((other, line, f"{fed.loop} of {path}") for line in _lines(found, function))


def _lines(found: FileLogs, function: str) -> Iterator[SteadyLine]:
    return (line for line in found.steady if line.function == function)


def _places(resolver: Resolver, path: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield the file and the name of a function that another file imports as `module:name`."""
    written, _, name = target.partition(":")
    level = len(written) - len(written.lstrip("."))
    module = absolute(written.lstrip("."), level, resolver.module_of(path), is_package=path.endswith("/__init__.py"))
    if module is None:
        return
    head, _, rest = name.partition(".")
    submodule = resolver.submodule(module, head)
    if submodule is not None:
        yield submodule, rest
    elif resolver.is_whole(module):
        yield resolver.files(module)[-1], name
