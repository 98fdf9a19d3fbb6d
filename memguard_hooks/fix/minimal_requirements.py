"""Writes `requirements-minimal.txt`: what a manifest declares, without the heavy packages that its code does without.

Left out is what the rules would have deleted or moved into an extra: packages that are imported nowhere (MG121), whose
imports all stand in a `try` that goes on without them (MG122), or that are forbidden and not reached at all (MG110), unless
others load them where they are installed.
"""

from __future__ import annotations

from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.dependencies.requirements_lines import decode
from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Record
from memguard_hooks.rules.dependencies import forbidden
from memguard_hooks.rules.dependencies.code import LOADED_BY_NAME
from memguard_hooks.tree import WorkTree, join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memguard_hooks.app.requirement_use import Needs
    from memguard_hooks.dependencies.requirement import Requirement
    from memguard_hooks.project.project import Project

NAME = "requirements-minimal.txt"
_HEAD = "# Written by `memguard explain requirements --write`, from "
_REASONS = {"MG110": "reached from no entry point", "MG121": "imported nowhere", "MG122": "the code does without it"}


class Minimal(Record):
    """A file to write, and the requirements that it leaves out, each with the reason."""

    path: str
    text: str
    left_out: tuple[tuple[Requirement, str], ...]


def plan(project: Project, needs: Needs) -> Minimal | None:
    """Return the file for the first manifest of which something can be left out, None where there is none."""
    use_of = {one.requirement.name: one.use for one in needs.needs}
    reasons = {
        (one.path, one.line): _REASONS[one.code]
        for one in forbidden.find(project)
        if one.code in ("MG121", "MG122")
        or (one.code == "MG110" and use_of.get(one.subject) == "unused" and one.subject not in LOADED_BY_NAME)
    }
    declared = [one.requirement for one in needs.needs]
    left_out = [(one, reasons[one.path, one.line]) for one in declared if (one.path, one.line) in reasons]
    if not left_out:
        return None
    path = min(one.path for one, _ in left_out)
    here = sorted(((one, why) for one, why in left_out if one.path == path), key=lambda found: found[0].line)
    lines = _without(project, path, [one for one, _ in here]) if path.endswith(".txt") else _listed(declared, here)
    notes = [f"# left out: {one.text.strip()}  ({why})" for one, why in here]
    text = "\n".join([f"{_HEAD}{path}:", *notes, "", *lines]) + "\n"
    return Minimal(join(parent(path), NAME) or NAME, text, tuple(here))


def _without(project: Project, path: str, gone: Sequence[Requirement]) -> Iterator[str]:
    """Yield the lines of a requirements file that hold none of some requirements: options and includes stay."""
    numbers = {number for one in gone for number in range(one.line, one.end_line + 1)}
    text = decode(project.read_file(path) or b"", path).removeprefix("\ufeff")
    yield from (line for number, line in enumerate(text.splitlines(), 1) if number not in numbers)


def _listed(declared: Sequence[Requirement], gone: Sequence[tuple[Requirement, str]]) -> Iterator[str]:
    """Yield what any other manifest declares, as PEP 508 writes it."""
    names = {one.name for one, _ in gone}
    ordered = sorted((one for one in declared if one.path == gone[0][0].path), key=lambda one: (one.line, one.column))
    yield from dict.fromkeys(one.text.strip() for one in ordered if one.name not in names and one.name != "python")


def write(project: Project, minimal: Minimal) -> None:
    """Write the file. Raises MemguardError rather than replace one that a person has written."""
    tree = project.tree
    assert isinstance(tree, WorkTree)
    before = tree.read(minimal.path)
    if before is not None and not before.startswith(_HEAD.encode()):
        raise MemguardError("is not written by this command: move it away first", minimal.path)
    exchange_file(tree.target(minimal.path), before, minimal.text.encode(), minimal.path)
