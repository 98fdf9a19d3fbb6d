"""All hooks in one process, over a whole project or over the files of one change, as pre-commit would run them."""

from __future__ import annotations

import re

from memguard_hooks.finding import CODES, Report, merge
from memguard_hooks.hooks import (
    deploy_config,
    forbid_heavy_deps,
    log_volume,
    memory_budget,
    no_eager_heavy_imports,
    pin_litellm,
    python_runtime,
)
from memguard_hooks.record import Record
from memguard_hooks.replay import matters
from memguard_hooks.rules.policy import on_large_hosts
from memguard_hooks.tree import WorkTree

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sized
    from typing import TypeAlias

    from memguard_hooks.hooks.options import Options
    from memguard_hooks.project.project import Project

About: TypeAlias = "Callable[[str, Sized], object]"

HOOKS: dict[str, Callable[[Project], Report]] = {
    "pin-litellm": pin_litellm.check,
    "forbid-heavy-deps": forbid_heavy_deps.check,
    "no-eager-heavy-imports": no_eager_heavy_imports.check,
    "log-volume": log_volume.check,
    "memory-budget": memory_budget.check,
    "deploy-config": deploy_config.check,
    "python-runtime": python_runtime.check,
}
"""Each hook by its id, in the order of `.pre-commit-hooks.yaml`; each loads its rules when it is woken."""

ALLOWANCES = ("MG190", "MG191")
"""Codes that every hook reports."""

JUDGE_FILES = frozenset({"pin-litellm", "forbid-heavy-deps", "no-eager-heavy-imports", "log-volume"})
"""Hooks that judge the files that they are given; the others are only woken by them."""

_JUDGE_CODE = ("no-eager-heavy-imports", "log-volume")

_REQUIREMENTS_FILE = r"(?i:[^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|constraints[^/]*\.txt)"
_REQUIREMENTS = (
    rf"{_REQUIREMENTS_FILE}|pyproject\.toml"
    r"|setup\.(py|cfg)|Pipfile(\.lock)?|(environment|conda)[^/]*\.ya?ml|(uv|poetry|pdm)\.lock|pylock(\.[^/.]+)?\.toml"
)
_INSTALLING = (
    r"([^/]+\.)?(?i:Dockerfile|Containerfile)(\.[^/]+)?|(render|app|serverless|template|deploy\.template)\.yaml"
    r"|(heroku|serverless|template)\.yml|(fly|railway|nixpacks)\.toml|railway\.json"
)
WAKES = {
    "pin-litellm": rf"(^|/)({_REQUIREMENTS}|{_INSTALLING})$",
    "forbid-heavy-deps": rf"(^|/)({_REQUIREMENTS}|{_INSTALLING})$",
    "no-eager-heavy-imports": r"\.pyw?$",
    "log-volume": rf"\.pyw?$|\.(ya?ml|env)$|(^|/)(\.env|Procfile|{_INSTALLING})$",
}
"""The files that wake each hook that judges files: what `.pre-commit-hooks.yaml` says in `files`, which a test holds equal.

The others run on every commit, for a server may have its settings in any file; they are silent on one that changes nothing
that they look at.
"""

_IMAGES = ("dockerfile", "containerfile")
"""Names of files with any ending."""


class Selection(Record):
    """What is asked for, as codes, their beginnings (`MG2`) or ids of hooks; `ignore` beats `select`."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def takes(self, code: str, hook: str) -> bool:
        """Return whether a finding is asked for."""
        return (not self.select or _names(self.select, code, hook)) and not _names(self.ignore, code, hook)

    def takes_hook(self, hook: str) -> bool:
        """Return whether a hook can find what is asked for."""
        if not self.select and not self.ignore:
            return True
        codes = (*(code for code, owner in CODES.items() if owner == hook), *ALLOWANCES)
        return any(self.takes(code, hook) for code in codes)


ALL = Selection()


def _names(words: Iterable[str], code: str, hook: str) -> bool:
    return any(word == hook or code.startswith(word) for word in words)


def is_woken(hook: str, path: str) -> bool:
    """Return whether a file wakes a hook; of most files, without the large patterns, which take milliseconds to compile."""
    if path.endswith(".py") and not path.endswith("setup.py"):
        return hook in _JUDGE_CODE
    name = path.lower()
    if name.endswith(".txt") and not any(word in name for word in _IMAGES):
        if hook in _JUDGE_CODE:
            return False
        return "requirements" in path.rpartition("/")[2] or re.search(f"(^|/){_REQUIREMENTS_FILE}$", path) is not None
    return re.search(WAKES[hook], path) is not None


def check(project: Project, selection: Selection = ALL, about: About | None = None) -> Report:
    """Run the hooks over the project, or those that its named files wake, and return one report.

    Where a change is judged against another revision, each service is told, also if nothing of it has changed. `about`
    is told the id of each hook before it runs, and where the paths are noted that are looked at.
    """
    reports: list[Report] = []
    whole = project if project.named is None else project.whole
    named = project.named or ()
    woken = {hook: [path for path in named if is_woken(hook, path)] for hook in WAKES}
    is_dropped = any(woken.values()) or project.since is not None
    # The walks of memory-budget serve the others, so what judges the project comes first.
    for hook, judge in sorted(HOOKS.items(), key=lambda one: (one[0] in JUDGE_FILES, one[0] != "memory-budget")):
        if not selection.takes_hook(hook):
            continue
        if about is not None:
            assert isinstance(project.tree, WorkTree)
            about(hook, project.tree.seen)
        if project.named is None:
            reports.append(judge(whole))
        elif hook in JUDGE_FILES:
            judged = project.among(woken[hook])
            reports.append(judge(judged) if woken[hook] else Report())
            project.skipped += judged.skipped
        else:
            noted = len(whole.skipped)
            report = judge(whole)
            if not is_dropped or _matters(whole, named, report):
                reports.append(report)
                continue
            del whole.skipped[noted:]
            if hook == "memory-budget" and project.since is not None:
                reports.append(report._replace(findings=()))
    if whole is not project:
        project.skipped += whole.skipped
    return _selected(on_large_hosts(merge(reports), whole.settings), selection)


def _matters(project: Project, named: Iterable[str], report: Report) -> bool:
    """Return whether a commit of these files changes what is said of the project."""
    assert isinstance(project.tree, WorkTree)
    is_committed = report.committed is None or report.committed == report._replace(committed=None)
    return matters(tuple(named), project.tree.seen, is_committed)


def _selected(report: Report, selection: Selection) -> Report:
    findings = tuple(one for one in report.findings if selection.takes(one.code, one.hook))
    committed = None if report.committed is None else _selected(report.committed, selection)
    return report._replace(findings=findings, committed=committed)


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which rules count."""
    parser.add_argument(
        "--select", metavar="RULES", type=_rules, action="extend",
        help="only these: codes (MG201), their beginnings (MG2) or hooks, separated by commas",
    )  # fmt: skip
    parser.add_argument(
        "--ignore", metavar="RULES", type=_rules, action="extend", help="all but these, which beats --select"
    )


def _rules(text: str) -> list[str]:
    from argparse import ArgumentTypeError

    words = [word.strip() for word in text.split(",") if word.strip()]
    known = (*CODES, *ALLOWANCES)
    unknown = next((word for word in words if word not in HOOKS and not any(code.startswith(word) for code in known)), None)
    if not words:
        raise ArgumentTypeError("it names no rule")
    if unknown is not None:
        import difflib

        near = difflib.get_close_matches(unknown, [*CODES, *HOOKS], n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else "`memguard explain` lists all"
        raise ArgumentTypeError(f"there is no rule {unknown!r}: {advice}")
    return words


def selection_of(options: Options) -> Selection:
    """Return what the options ask for."""
    return Selection(tuple(options.select or ()), tuple(options.ignore or ()))
