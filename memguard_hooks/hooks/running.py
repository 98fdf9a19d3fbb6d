"""What all commands share: options, settings, the report, and the exit status.

Exit status: 1 for a finding at or above `--fail-on` or a file rewritten, 2 for usage, settings or input at fault, else 0.
Findings go to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from memguard_hooks.arguments import ArgumentParser, checked, narrow_help
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Report, Skipped, at_fault, merge, note, without_echo
from memguard_hooks.memo import Look, Memo
from memguard_hooks.output import plain, tell, write
from memguard_hooks.project.project import Project, Since
from memguard_hooks.project.settings import Settings, load, parse_python, parse_size
from memguard_hooks.report.formats import render
from memguard_hooks.tree import RevisionTree, WorkTree, inside

Check = Callable[[Project], Report]
Adjust = Callable[[Settings, argparse.Namespace], Settings]
Fix = Callable[[Project], "tuple[str, ...]"]

INTERRUPTED = 130
"""What a shell says of a program that was stopped by Ctrl-C."""


def make_parser(prog: str, description: str, formats: Sequence[str] = ("text", "json")) -> argparse.ArgumentParser:
    """Return a parser with the options that all hooks have."""
    parser = ArgumentParser(
        prog=prog,
        description=description.partition("\n\n")[0],
        epilog="exit status: 0 clean, 1 findings, 2 usage, settings or input at fault",
        formatter_class=narrow_help,
    )
    parser.add_argument("--format", choices=formats, default="text", help="how to write the findings")
    parser.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="the least finding that fails"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        help="findings that are known, from the root of the project (default: memguard-baseline.json)",
    )
    return parser


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the app runs."""
    parser.add_argument("--target-python", metavar="X.Y", type=checked(parse_python), help="Python of the host")


def add_budget_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how much memory there is, and for what."""
    add_target_options(parser)
    parser.add_argument("--platform", metavar="NAME", help="platform and plan, such as render-free")
    parser.add_argument("--limit", metavar="SIZE", type=checked(parse_size), help="memory of the host, such as 512MiB")
    parser.add_argument("--pessimistic", action="store_true", default=None, help="judge by the upper end of the estimate")
    add_entry_option(parser)


def add_table_option(parser: argparse.ArgumentParser) -> None:
    """Add what asks for more than a line of each service."""
    parser.add_argument("--table", action="store_true", help="print what each service is made of, also when all is well")


def add_entry_option(parser: argparse.ArgumentParser) -> None:
    """Add what says which file the host starts."""
    parser.add_argument("--entrypoint", metavar="APP", action="append", help="what the host starts: app.main:app, main.py")


def adjust_service(settings: Settings, options: argparse.Namespace) -> Settings:
    """Put the options that were given over the settings, for all services."""
    given: dict[str, object] = {}
    for name in ("platform", "limit", "target_python", "pessimistic"):
        value = getattr(options, name, None)
        if value is not None:
            given[name] = value
    for name in ("platform", "limit"):
        if name in given:
            given["limit_source"] = f"--{name}"
    if given.get("platform") is not None and "limit" not in given:
        given["limit"] = None
    if getattr(options, "baseline", None) is not None:
        settings = settings._replace(baseline=options.baseline)
    if getattr(options, "entrypoint", None):
        given["entrypoints"] = tuple(options.entrypoint)
    if not given:
        return settings
    services = {name: service._replace(**given) for name, service in settings.services.items()}  # type: ignore[arg-type]
    return settings._replace(service=settings.service._replace(**given), services=services)  # type: ignore[arg-type]


class Judgment(NamedTuple):
    """What a run has found, and what it has rewritten, a line each; `settings` is None where they could not be read.

    `is_certain` tells that the next run can see whether it would find the same; `looked` is what it has to look at.
    """

    report: Report
    rewritten: tuple[str, ...] = ()
    settings: Settings | None = None
    is_certain: bool = False
    looked: Mapping[str, Look | None] = MappingProxyType({})


def run(
    options: argparse.Namespace, check: Check, *, root: str = ".", files: Sequence[str] | None = None,
    adjust: Adjust = adjust_service, fix: Fix | None = None, memo: Memo | None = None,
) -> int:  # fmt: skip
    """Load the settings, check, print the report and return the exit status.

    `fix` rewrites files first and returns what it has done, one line each; then what is left is checked. `memo` keeps
    what was said, if the next run can tell whether it would say the same.
    """
    found = judge(options, check, root=root, files=files, adjust=adjust, fix=fix)
    tell(*found.rewritten)
    output = render(found.report, options.format, tables=getattr(options, "table", False))
    errors = notes(found.report)
    write(sys.stdout, output)
    write(sys.stderr, errors)
    status = status_of(found.report, options.fail_on) or int(bool(found.rewritten))
    if memo is not None and found.is_certain and status < 2 and not found.rewritten:
        memo.keep(found.looked, status, output, errors)
    return status


def judge(
    options: argparse.Namespace, check: Check, *, root: str = ".", files: Sequence[str] | None = None,
    adjust: Adjust = adjust_service, fix: Fix | None = None, with_known: bool = False, is_all: bool = False,
) -> Judgment:  # fmt: skip
    """Load the settings and check; what is wrong with them, and any error of our own, is part of the report.

    What the baseline of the project knows is left out, unless `with_known`; `is_all` says that `check` looks for all
    that it may hold.
    """
    tree = WorkTree(root)
    settings: Settings | None = None
    try:
        settings, unused = load(tree, options.config)
        named: Sequence[str] | None = None if files is None else [inside(tree.root, name) for name in files]
        since: Since | None = None
        if getattr(options, "changed_from", None) is not None:
            from memguard_hooks.project.changed import find_changes

            since, named = find_changes(tree.root, options.changed_from)
        settings = adjust(settings, options)
        rewritten = fix(Project(tree, settings, named)) if fix is not None else ()
        project = Project(tree, settings, named, since)
        if with_known:
            project.baseline = None
        report = check(project)
        report = merge([report, Report(skipped=(*unused, *project.skipped), since=since and since.label)])
        if project.baseline is not None:
            from memguard_hooks.project.baseline import without_known

            report = without_known(report, project.baseline, is_all=is_all)
        project.close()
        is_certain = tree.is_steady and isinstance(project.compared, RevisionTree) and project.compared.is_steady
        return Judgment(report if with_known else without_echo(report), rewritten, settings, is_certain, tree.looked)
    except MemguardError as error:
        problem = at_fault(error)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        # The last line of defense: a hook never ends in a traceback.
        if os.environ.get("MEMGUARD_DEBUG"):
            raise
        problem = Skipped(".", None, describe(error), broken=True)
    finally:
        tree.close()
    return Judgment(Report(skipped=(problem,)), settings=settings)


def describe(error: Exception) -> str:
    """Write an error of our own in one line."""
    return f"internal error: {type(error).__name__}: {error}; set MEMGUARD_DEBUG=1 for more"


def notes(report: Report) -> str:
    """Write what stands beside a report, a line each: what was skipped and why, and how much was found."""
    lines = [note(skipped) for skipped in report.skipped]
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    known = f"; {report.known} more known" if report.known else ""
    if errors or warnings:
        lines.append(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}{known}")
    if report.mended:
        lines.append(f"{report.baseline}: {_count(report.mended, 'known finding')} mended: --prune-baseline takes them out")
    return plain(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def status_of(report: Report, fail_on: str) -> int:
    """Return the exit status that a report asks for."""
    if any(skipped.broken for skipped in report.skipped):
        return 2
    severities = {finding.severity for finding in report.findings}
    if fail_on == "never":
        return 0
    return int("error" in severities or (fail_on == "warning" and bool(severities)))
