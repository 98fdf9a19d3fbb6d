"""`[dependency-groups]` in pyproject.toml, of PEP 735: what is needed to develop and is not part of the package."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.requirement import Requirement, Wanted
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument

_GROUPS = "dependency-groups"


def read(document: TomlDocument, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements, each in the group in which it is written.

    Raises MemguardError for what breaks PEP 735: a group that is not there, or that includes itself.
    """
    includes: dict[str, list[tuple[str, KeyPath]]] = {}
    for group, elements in toml_requirements.table(document, (_GROUPS,)).items():
        if not isinstance(elements, list) or len(elements) > toml_requirements.MAX_REQUIREMENTS:
            raise document.error(f"{_GROUPS}.{group} must be a list of requirements", (_GROUPS, group))
        included = includes.setdefault(req.normalize_name(group), [])
        for index, element in enumerate(elements):
            key = (_GROUPS, group, index)
            other = element.get("include-group") if isinstance(element, dict) else None
            if isinstance(element, str):
                found = toml_requirements.element(document, key, element, "development", group, wanted)
                if found is not None:
                    yield found
            elif isinstance(other, str):
                included.append((req.normalize_name(other), key))
            else:
                raise document.error(f"{_GROUPS}.{group} must hold requirements and included groups", key)
    _check(document, includes)


def includes(document: TomlDocument) -> dict[str, tuple[str, ...]]:
    """Return the groups that each group includes itself; what breaks the standard is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for group, elements in toml_requirements.table(document, (_GROUPS,)).items():
        others = (
            [one.get("include-group") for one in elements if isinstance(one, dict)] if isinstance(elements, list) else []
        )
        found[req.normalize_name(group)] = tuple(req.normalize_name(one) for one in others if isinstance(one, str))
    return found


def _check(document: TomlDocument, includes: dict[str, list[tuple[str, KeyPath]]]) -> None:
    """Raise MemguardError for an include that leads nowhere or back to where it stands."""
    done: set[str] = set()
    for start, included in includes.items():
        way = [(start, iter(included))] if start not in done else []
        open_groups = {start}
        while way:
            group, rest = way[-1]
            other, key = next(rest, ("", ()))
            if not other:
                done.add(group)
                open_groups.remove(group)
                way.pop()
            elif other not in includes:
                raise document.error(f"includes the group {req.shorten(other)}, which is missing", key)
            elif other in open_groups:
                raise document.error(f"includes the group {req.shorten(other)}, which includes this one", key)
            elif other not in done:
                open_groups.add(other)
                way.append((other, iter(includes[other])))
