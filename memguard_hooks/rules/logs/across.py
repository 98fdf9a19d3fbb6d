"""Lines of functions that another file comes to: for each part of a stream, or again and again."""

from __future__ import annotations

from memguard_hooks.imports.resolve import absolute
from memguard_hooks.logs.model import is_judged

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.logs.facts import FileLogs
    from memguard_hooks.logs.model import SteadyLine

MAX_FILES = 3
"""Files between what comes again and again and the function that writes."""


def fed_lines(files: Mapping[str, FileLogs], resolver: Resolver) -> Iterator[tuple[str, SteadyLine, str]]:
    """Yield each line that is written for each part of a stream by its file, with the loop that it is written for."""
    for path, logs in files.items():
        for fed in logs.across.fed if is_judged(path) else ():
            for other, function in _places(resolver, path, fed.target):
                found = files.get(other)
                if found is not None and other != path and is_judged(other):
                    yield from ((other, line, f"{fed.loop} of {path}") for line in _lines(found.across.steady, function))


def idle_lines(files: Mapping[str, FileLogs], resolver: Resolver) -> Iterator[tuple[str, SteadyLine, str]]:
    """Yield each line that says that nothing happened where another file comes again and again, with what that is."""
    ways = (
        (path, fed.target, f"{fed.loop} of {path}")
        for path, logs in files.items()
        for fed in (logs.across.again if is_judged(path) else ())
    )
    last = list(ways)
    seen: set[tuple[str, str]] = set()
    for _ in range(MAX_FILES):
        after: list[tuple[str, str, str]] = []
        for path, target, why in last:
            for place in _places(resolver, path, target):
                found = files.get(place[0])
                if found is None or place in seen or place[0] == path or not is_judged(place[0]):
                    continue
                seen.add(place)
                yield from ((place[0], line, why) for line in _lines(found.across.idle, place[1]))
                after += ((place[0], lead.target, why) for lead in found.across.leads if lead.loop == place[1])
        last = after


def _lines(lines: Iterable[SteadyLine], function: str) -> Iterator[SteadyLine]:
    return (line for line in lines if line.function == function)


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
