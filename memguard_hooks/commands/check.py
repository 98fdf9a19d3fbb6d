"""`memguard check [PATH]`: every hook over a whole project, in one process."""

from __future__ import annotations

import os.path
from collections.abc import Sequence

from memguard_hooks import run
from memguard_hooks.finding import Report, merge
from memguard_hooks.hooks import deploy_config, forbid_heavy_deps, memory_budget, no_eager_heavy_imports, pin_litellm
from memguard_hooks.project import Project

HOOKS = (pin_litellm, forbid_heavy_deps, no_eager_heavy_imports, memory_budget, deploy_config)


def check(project: Project) -> Report:
    """Run all hooks and return one report."""
    return _without_echo(merge([hook.check(project) for hook in HOOKS]))


def _without_echo(report: Report) -> Report:
    """Leave out that there are too many workers where memory-budget says how many fit, on the same line."""
    told = {(finding.path, finding.line) for finding in report.findings if finding.code == "MG301"}
    kept = tuple(one for one in report.findings if one.code != "MG401" or (one.path, one.line) not in told)
    return report._replace(findings=kept)


def main(argv: Sequence[str] | None = None) -> int:
    """Check the project in a folder."""
    parser = run.make_parser("memguard check", "Check a whole project before it is deployed.")
    run.add_budget_options(parser)
    run.add_table_option(parser)
    parser.add_argument("path", nargs="?", default=".", help="root of the project")
    options = parser.parse_args(argv)
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    return run.run(options, check, root=options.path)
