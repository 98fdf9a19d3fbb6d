"""What a sparse checkout leaves out of a service: modules of the project that its work tree does not hold."""

from __future__ import annotations

from memguard_hooks.finding import Skipped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.tree import RevisionTree, Tree

REASON = "is left out of this checkout, which is sparse: what it imports is not known"


def with_left_out(walked: Walk, tree: Tree, head: RevisionTree, roots: Iterable[str]) -> Walk:
    """Return a walk that tells what it may not have found, as files that could not be read.

    Such are modules of the last commit that count as packages of others, and what is left out of a package that is loaded.
    """
    names = sorted({external.names[0].partition(".")[0] for external in walked.externals})
    loaded = {*walked.paths}
    found: dict[str, None] = {}
    for root in roots:
        prefix = f"{root}/" if root else ""
        found |= {
            place: None for name in names for place in _left_out(tree, head, (f"{prefix}{name}", f"{prefix}{name}.py"))
        }
        inner = {path.removeprefix(prefix).partition("/")[0] for path in loaded if path.startswith(prefix)}
        for package in sorted(inner - {path.removeprefix(prefix) for path in loaded}):
            found |= dict.fromkeys(_below(tree, head, f"{prefix}{package}"))
    skipped = tuple(Skipped(path, None, REASON) for path in found)
    return walked._replace(unread=(*walked.unread, *found), skipped=(*walked.skipped, *skipped))


def _left_out(tree: Tree, head: RevisionTree, places: Iterable[str]) -> Iterator[str]:
    """Yield what the commit has and the work tree lacks."""
    return (place for place in places if not tree.has(place) and head.has(place))


def _below(tree: Tree, head: RevisionTree, folder: str) -> Iterator[str]:
    """Yield the sources and the folders in a package that are left out."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        inner = {f"{here}/{one.name}": one.is_folder for one in head.entries(here)}
        missing = set(
            _left_out(tree, head, [path for path, is_folder in inner.items() if is_folder or path.endswith(".py")])
        )
        yield from sorted(missing)
        waiting += [path for path, is_folder in inner.items() if is_folder and path not in missing]
