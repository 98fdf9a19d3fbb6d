"""Judge the heavy imports that run eagerly, and those that do not come through the module that the settings name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.heavy_imports import (
    Eager,
    eager_imports,
    eager_in_file,
    imports_past_modules,
)
from memguard_hooks.finding import Finding, Step
from memguard_hooks.project.project import Project
from memguard_hooks.relations import grouped
from memguard_hooks.rules.policy import allowances_in, unexplained

HOOK = "no-eager-heavy-imports"


def find(project: Project, entries: list[ServiceEntry], others: Sequence[Finding] = ()) -> list[Finding]:
    """Return what is wrong with what the entry points reach, or with each Python file by itself.

    The comments that allow imports allow the findings of `others` too.
    """
    found: list[Finding] = []
    eager_ones = [*eager_imports(project, entries)]
    if eager_ones:
        from memguard_hooks.rules.imports.advice import Advice, find_reached

        advice = Advice(project, eager_ones)
        found += (finding for eager in eager_ones for finding in find_reached(project, eager, advice))
    found += [*_past_the_module(project), *others]
    return [*unexplained(project.settings.heavy_allow, HOOK), *_allowed(project, found, by_itself=not entries)]


def _past_the_module(project: Project) -> Iterator[Finding]:
    """Yield the imports of libraries that have to come through a module of the project."""
    for library, module, path, site in imports_past_modules(project):
        message = f"{library} is imported here, not through {module}"
        fix = f"take it from {module}, which loads it when it is needed"
        step = Step(path, site.line, library)
        place = (path, site.line, site.column)
        can_move = site.why.startswith("in function") and site.module == library
        yield Finding(*place, "MG204", message, HOOK, library, "error", None, (step,), (fix,), site.end_line, can_move)


def _allowed(project: Project, findings: list[Finding], *, by_itself: bool) -> list[Finding]:
    """Take out what comments allow, and add what is wrong with these."""
    found = grouped((one.path, one) for one in findings)
    kept: list[Finding] = []
    for path in dict.fromkeys((*project.suspects, *found)):
        own = found.get(path, [])
        allowances = allowances_in(project, path)
        if not allowances:
            kept += own
            continue
        from memguard_hooks.allowance import apply_allowances
        from memguard_hooks.rules.imports.advice import find_eager

        silent: frozenset[Finding] = frozenset()
        if not by_itself:
            # What no entry point reaches is no finding, and yet its allowance stands for something.
            known = {(one.line, one.code) for one in own}
            judged = (find_eager(project, eager) for eager in eager_in_file(project, path))
            silent = frozenset(one for one in judged if (one.line, one.code) not in known)
        told = apply_allowances(HOOK, [*own, *silent], allowances, owns_unknown=True)
        kept += [one for one in told if one not in silent]
    return kept


def is_allowed(project: Project, eager: Eager) -> bool:
    """Return whether a comment allows an import to be eager."""
    lines = range(eager.site.line, eager.site.end_line + 1)
    return any(one.code in ("MG201", "MG203") and one.line in lines for one in allowances_in(project, eager.path))
