"""Heavy modules are not imported when a file is imported.

What a module imports at its top is paid at start, in each process, by every service that reaches the
file, whether the library is used or not. The same import inside the function that uses it is paid when
the function runs. Function bodies, `TYPE_CHECKING` and lazy imports are fine; the body of a function
that module level calls is not.

bad:  import pandas
bad:  try:
          import torch
      except ImportError:
          torch = None
good: def export(rows):
          import pandas
good: if TYPE_CHECKING:
          import pandas

Options: `--target-python X.Y`; settings: `heavy-threshold`, `[heavy]` with `add`, `remove` and
`allow = {name = "reason"}`, `exclude`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memguard_hooks import run
from memguard_hooks.allowance import Allowance, apply_allowances, read_allowances
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, Report, Skipped, Step, mib
from memguard_hooks.imports.scan import decode, may_name, scan

if TYPE_CHECKING:
    from memguard_hooks.imports.analyze import ImportSite, Target
    from memguard_hooks.project import Project

HOOK = "no-eager-heavy-imports"

RULES = {
    "MG201": "a heavy module is imported eagerly",
    "MG202": "a lazy import of a heavy module is resolved while the file loads",
}

TESTS = re.compile(r"(^|/)(tests?/.*|test_[^/]*|[^/]*_test|conftest|setup|noxfile)\.py$")
"""Files that no service loads."""


def check(project: Project) -> Report:
    """Judge each Python file by itself."""
    findings: list[Finding] = []
    settings = project.settings
    for name, one in settings.heavy_allow.items():
        if not one.reason:
            findings.append(
                Finding(one.path, one.line, one.column, "MG190", f"{name} is allowed without a reason", HOOK,
                        fix=f'write `{name} = "why"`')
            )  # fmt: skip
    for path in project.paths:
        if project.files is None and not path.endswith(".py"):
            continue
        if not TESTS.search(path):
            findings += _file(project, path)
    return Report(tuple(findings))


def _file(project: Project, path: str) -> list[Finding]:
    try:
        data = project.tree.read(path)
        if data is None:
            project.broken(MemguardError("no such file", path))
            return []
        is_heavy, is_allowing = may_name(data, project.heavy.modules), b"memguard:" in data
        findings = _judge(project, path) if is_heavy else []
        allowances = _allowances(path, data) if is_allowing else []
    except MemguardError as error:
        project.skipped.append(Skipped(path, error.line, error.message))
        return []
    return apply_allowances(HOOK, findings, allowances, owns_unknown=True)


def _allowances(path: str, data: bytes) -> list[Allowance]:
    scanned = scan(decode(data, path))
    if scanned.problem is not None:
        raise MemguardError(scanned.problem, path, scanned.line)
    return read_allowances((path, *comment) for comment in scanned.comments)


def _target(project: Project) -> Target:
    """Return what the files are loaded by; the deployment is asked only where it can matter."""
    from memguard_hooks.imports.analyze import LAZY_PYTHON, Target

    python = project.settings.service.target_python
    services = project.deployment.services if python is not None and python >= LAZY_PYTHON else ()
    is_lazy = bool(services) and all(one.environment.get("PYTHON_LAZY_IMPORTS") == "all" for one in services)
    return Target(python, lazy_all=is_lazy)


def _judge(project: Project, path: str) -> list[Finding]:
    from memguard_hooks.imports.graph import read_analysis

    analysis, _ = read_analysis(project.tree, path, _target(project))
    findings: list[Finding] = []
    for site in analysis.sites:
        if site.when == "import" and site.level == 0:
            for root in _heavy_roots(project, site):
                if root not in project.settings.heavy_allow and not project.is_first_party(root, path):
                    findings.append(_finding(project, path, site, root))
    for unknown in analysis.unknown:
        project.skipped.append(Skipped(path, unknown.line, f"imports a computed name: {unknown.text}"))
    return findings


def _heavy_roots(project: Project, site: ImportSite) -> list[str]:
    """Return the heavy modules that one import runs, each once."""
    names = [site.module, *(f"{site.module}.{name}" for name in site.names)]
    return list(dict.fromkeys(root for name in names if (root := project.heavy.root_of(name)) is not None))


def _finding(project: Project, path: str, site: ImportSite, root: str) -> Finding:
    cost, measured = project.cost_of(root)
    takes = f": {mib(cost)} MiB ({measured})" if cost is not None else ""
    name = site.module if project.heavy.root_of(site.module) == root else root
    chain = (Step(path, site.line, name),)
    if site.used_line is not None and site.used_column is not None:
        message = f"the lazy import of {name} in line {site.line} is resolved here, while the file loads{takes}"
        fix = f"use {name} only inside functions that run later"
        return Finding(path, site.used_line, site.used_column, "MG202", message, HOOK, cost=cost, chain=chain, fix=fix)
    message = f"{name} is imported eagerly, {site.why}{takes}"
    fix = "move the import into the function that uses it"
    if (
        (project.settings.service.target_python or (3, 0)) >= (3, 15)
        and site.why == "at module level"
        and site.names != ("*",)
    ):
        fix += ", or write `lazy` before it"
    if site.why.startswith("in function"):
        fix = "call the function later, when a request or a job needs it"
    return Finding(
        path, site.line, site.column, "MG201", message, HOOK, cost=cost, chain=chain, fix=fix, end_line=site.end_line
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the Python files that are named, or on all of the project."""
    parser = run.make_parser(HOOK, __doc__ or "")
    run.add_target_options(parser)
    parser.add_argument("files", nargs="*", help="Python files; without any, all of the project")
    options = parser.parse_args(argv)
    return run.run(options, check, files=options.files or None)


if __name__ == "__main__":
    raise SystemExit(main())
