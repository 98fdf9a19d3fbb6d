"""What all commands share: options, settings, the report, and the exit status.

Exit status: 1 for a finding at or above `--fail-on` or a file rewritten, 2 for usage, settings or input at fault, else 0.
Findings go to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from memguard_hooks.config import Settings, load, parse_python, parse_size
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Report, Skipped, at_fault, merge
from memguard_hooks.memo import Memo, write
from memguard_hooks.project import Project
from memguard_hooks.tree import RevisionTree, WorkTree, normalize

Check = Callable[[Project], Report]
Adjust = Callable[[Settings, argparse.Namespace], Settings]
Fix = Callable[[Project], "tuple[str, ...]"]


def make_parser(prog: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all hooks have."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description.partition("\n\n")[0],
        epilog="exit status: 0 clean, 1 findings, 2 usage, settings or input at fault",
        # With a width of its own, argparse does not load shutil to ask the terminal: 3 ms of each commit.
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=100),
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write the findings")
    parser.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="the least finding that fails"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    return parser


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the app runs."""
    parser.add_argument("--target-python", metavar="X.Y", type=_checked(parse_python), help="Python of the host")


def add_budget_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how much memory there is, and for what."""
    add_target_options(parser)
    parser.add_argument("--platform", metavar="NAME", help="platform and plan, such as render-free")
    parser.add_argument("--limit", metavar="SIZE", type=_checked(parse_size), help="memory of the host, such as 512MiB")
    parser.add_argument("--pessimistic", action="store_true", default=None, help="judge by the upper end of the estimate")
    add_entry_option(parser)


def add_table_option(parser: argparse.ArgumentParser) -> None:
    """Add what asks for more than a line of each service."""
    parser.add_argument("--table", action="store_true", help="print what each service is made of, also when all is well")


def add_entry_option(parser: argparse.ArgumentParser) -> None:
    """Add what says which file the host starts."""
    parser.add_argument("--entrypoint", metavar="APP", action="append", help="what the host starts: app.main:app, main.py")


def _checked(parse: Callable[[str], object]) -> Callable[[str], object]:
    def convert(text: str) -> object:
        try:
            return parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"invalid value: {text!r}") from None

    return convert


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
    if getattr(options, "entrypoint", None):
        given["entrypoints"] = tuple(options.entrypoint)
    if not given:
        return settings
    services = {name: service._replace(**given) for name, service in settings.services.items()}  # type: ignore[arg-type]
    return settings._replace(service=settings.service._replace(**given), services=services)  # type: ignore[arg-type]


def run(
    options: argparse.Namespace, check: Check, *, root: str = ".", files: Sequence[str] | None = None,
    adjust: Adjust = adjust_service, fix: Fix | None = None, memo: Memo | None = None,
) -> int:  # fmt: skip
    """Load the settings, check, print the report and return the exit status.

    `fix` rewrites files first and returns what it has done, one line each; then what is left is checked. `memo` keeps
    what was said, if the next run can tell whether it would say the same.
    """
    tree = WorkTree(root)
    is_certain = False
    problems: tuple[Skipped, ...] = ()
    report = Report()
    rewritten: tuple[str, ...] = ()
    try:
        settings, notes = load(tree, options.config)
        named = None if files is None else [_inside(tree.root, name) for name in files]
        settings = adjust(settings, options)
        if fix is not None:
            rewritten = fix(Project(tree, settings, named))
        project = Project(tree, settings, named)
        report = check(project)
        report = merge([report, Report(skipped=(*notes, *project.skipped))])
        project.close()
        is_certain = tree.is_steady and isinstance(project.compared, RevisionTree) and project.compared.is_steady
    except MemguardError as error:
        problems = (at_fault(error),)
    except Exception as error:
        # The last line of defense: a hook never ends in a traceback.
        if os.environ.get("MEMGUARD_DEBUG"):
            raise
        problems = (
            Skipped(".", None, f"internal error: {type(error).__name__}: {error}; set MEMGUARD_DEBUG=1 for more", True),
        )
    finally:
        tree.close()
    report = merge([report, Report(skipped=problems)])
    write(sys.stderr, "".join(f"{line}\n" for line in rewritten))
    output, errors = _render(report, options.format, tables=getattr(options, "table", False))
    write(sys.stdout, output)
    write(sys.stderr, errors)
    status = _status(report, options.fail_on) or int(bool(rewritten))
    if memo is not None and is_certain and status < 2 and not rewritten:
        memo.keep(tree.looked, status, output, errors)
    return status


def _inside(root: str, name: str) -> str:
    """Return a file name from the command line as a path from the root."""
    path = os.path.relpath(os.path.abspath(name), root) if os.path.isabs(name) else name
    inside = normalize(path)
    if inside is None:
        raise MemguardError("is not in this project", name)
    return inside


def _render(report: Report, style: str, *, tables: bool) -> tuple[str, str]:
    """Return what goes to stdout, and what to stderr."""
    if style == "json":
        from memguard_hooks.report import json_

        text = json_.render(report)
    else:
        from memguard_hooks.report import text as text_

        text = text_.render(report, tables=tables)
    lines = []
    for skipped in report.skipped:
        place = f"{skipped.path}:{skipped.line}" if skipped.line else skipped.path
        lines.append(f"{place}: {'error' if skipped.broken else 'skipped'}: {skipped.reason}\n")
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    if errors or warnings:
        lines.append(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}\n")
    return text, "".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _status(report: Report, fail_on: str) -> int:
    if any(skipped.broken for skipped in report.skipped):
        return 2
    severities = {finding.severity for finding in report.findings}
    if fail_on == "never":
        return 0
    return int("error" in severities or (fail_on == "warning" and bool(severities)))
