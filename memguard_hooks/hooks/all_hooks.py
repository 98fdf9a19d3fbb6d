"""All hooks in one process, over a whole project or over the files of one change, as pre-commit would run them."""

from __future__ import annotations

import re

from memguard_hooks.finding import CODES, Report, merge
from memguard_hooks.hooks import deploy_config, forbid_heavy_deps, memory_budget, no_eager_heavy_imports, pin_litellm
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from memguard_hooks.hooks.options import Options
    from memguard_hooks.project.project import Project


HOOKS: dict[str, Callable[[Project], Report]] = {
    "pin-litellm": pin_litellm.check,
    "forbid-heavy-deps": forbid_heavy_deps.check,
    "no-eager-heavy-imports": no_eager_heavy_imports.check,
    "memory-budget": memory_budget.check,
    "deploy-config": deploy_config.check,
}
"""Each hook by its id, in the order of `.pre-commit-hooks.yaml`; each loads its rules when it is woken."""

ALLOWANCES = ("MG190", "MG191")
"""Codes that every hook reports."""

JUDGE_FILES = frozenset({"pin-litellm", "forbid-heavy-deps", "no-eager-heavy-imports"})
"""Hooks that judge the files that they are given; the others are only woken by them."""

_REQUIREMENTS_FILE = r"(?i:[^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|constraints[^/]*\.txt)"
_REQUIREMENTS = (
    rf"{_REQUIREMENTS_FILE}|pyproject\.toml"
    r"|setup\.(py|cfg)|Pipfile(\.lock)?|(environment|conda)[^/]*\.ya?ml|(uv|poetry|pdm)\.lock|pylock(\.[^/.]+)?\.toml"
)
_INSTALLING = (
    r"([^/]+\.)?(?i:Dockerfile|Containerfile)(\.[^/]+)?|(render|app|serverless|template|deploy\.template)\.yaml"
    r"|(heroku|serverless|template)\.yml|(fly|railway|nixpacks)\.toml|railway\.json"
)
_DEPLOYING = (
    r"Procfile|([^/]+\.)?Dockerfile(\.[^/]+)?|render\.yaml|fly\.toml|railway\.(json|toml)|nixpacks\.toml|heroku\.yml"
    r"|app\.(ya?ml|json)|deploy\.template\.ya?ml|serverless\.ya?ml|template\.ya?ml|[^/]*compose[^/]*\.ya?ml"
    r"|(\.k8s|k8s|kubernetes|deploy|deployment|manifests|kustomize|base)/[^/]+\.ya?ml|[^/]*\.env(\.[^/]+)?"
)
_RUNNING = r"\.pyw?|\.sh|\.service|^[^/.][^/]*\.ya?ml"

WAKES = {
    "pin-litellm": rf"(^|/)({_REQUIREMENTS}|{_INSTALLING})$",
    "forbid-heavy-deps": rf"(^|/)({_REQUIREMENTS}|{_INSTALLING})$",
    "no-eager-heavy-imports": r"\.pyw?$",
    "memory-budget": rf"({_RUNNING}|(^|/)({_DEPLOYING}|memguard\.(toml|lock)|{_REQUIREMENTS}))$",
    "deploy-config": rf"({_RUNNING}|(^|/)({_DEPLOYING}|memguard\.toml|pyproject\.toml))$",
}
"""The files that wake each hook: what `.pre-commit-hooks.yaml` says in `files`, which a test holds equal."""

_WOKEN_BY_PYTHON = frozenset({"no-eager-heavy-imports", "memory-budget", "deploy-config"})
_WOKEN_BY_REQUIREMENTS = frozenset({"pin-litellm", "forbid-heavy-deps", "memory-budget"})
_ANY_SUFFIX = ("dockerfile", "containerfile", ".env")
"""What names a file whatever stands behind it."""

WAKES_ANY = rf"({_RUNNING}|(^|/)({_DEPLOYING}|memguard\.(toml|lock)|{_REQUIREMENTS}|{_INSTALLING}))$"
"""The files that wake one of them: what wakes the hook `memguard`."""


class Selection(Record):
    """What is asked for, as codes, their beginnings (`MG2`) or ids of hooks; `ignore` beats `select`."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def takes(self, code: str, hook: str) -> bool:
        """Tell whether a finding is asked for."""
        return (not self.select or _names(self.select, code, hook)) and not _names(self.ignore, code, hook)

    def takes_hook(self, hook: str) -> bool:
        """Tell whether a hook can find what is asked for."""
        codes = (*(code for code, owner in CODES.items() if owner == hook), *ALLOWANCES)
        return any(self.takes(code, hook) for code in codes)


ALL = Selection()


def _names(words: Iterable[str], code: str, hook: str) -> bool:
    return any(word == hook or code.startswith(word) for word in words)


def is_woken(hook: str, path: str) -> bool:
    """Tell whether a file wakes a hook; of most files, without the large patterns, which take milliseconds to compile."""
    if path.endswith(".py") and not path.endswith("setup.py"):
        return hook in _WOKEN_BY_PYTHON
    name = path.lower()
    if name.endswith(".txt") and not any(word in name for word in _ANY_SUFFIX):
        return hook in _WOKEN_BY_REQUIREMENTS and re.search(f"(^|/){_REQUIREMENTS_FILE}$", path) is not None
    return re.search(WAKES[hook], path) is not None


def check(project: Project, selection: Selection = ALL, about: Callable[[str], object] = lambda _hook: None) -> Report:
    """Run the hooks over the project, or those that its named files wake, and return one report.

    Where a change is judged against another revision, each service is told, also if nothing of it has changed. `about`
    is told the id of each hook before it runs.
    """
    reports: list[Report] = []
    whole = project if project.named is None else project.whole
    # The walks of memory-budget serve the others, so it comes first.
    for hook, judge in sorted(HOOKS.items(), key=lambda one: one[0] != "memory-budget"):
        if not selection.takes_hook(hook):
            continue
        about(hook)
        files = None if project.named is None else [path for path in project.named if is_woken(hook, path)]
        if files or files is None:
            judged = project.among(files) if files is not None and hook in JUDGE_FILES else whole
            reports.append(judge(judged))
            project.skipped += judged.skipped if judged is not project and judged is not whole else ()
        elif hook == "memory-budget" and project.since is not None:
            reports.append(judge(whole)._replace(findings=()))
    if whole is not project:
        project.skipped += whole.skipped
    return _selected(merge(reports), selection)


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

        near = difflib.get_close_matches(unknown, [*CODES, *HOOKS], n=1, cutoff=0)
        raise ArgumentTypeError(f"there is no rule {unknown!r}: did you mean {near[0]!r}?")
    return words


def selection_of(options: Options) -> Selection:
    """Return what the options ask for."""
    return Selection(tuple(options.select or ()), tuple(options.ignore or ()))
