"""`memguard explain TOPIC`: what a rule finds and why, and what is behind a verdict.

`memguard explain MG201` prints the documentation of a rule, `memguard explain pin-litellm` lists the rules of a hook.
`memguard explain pandas` tells what importing a package takes, by version, and what it brings along.
`memguard explain platforms [PLATFORM]` lists the plans of hosts with their memory, and where each figure is from.
`memguard explain requirements [PATH]` lists what the entry points of a project need at start, and what they do not; with
`--write` it writes `requirements-minimal.txt`.
"""

from __future__ import annotations

import argparse
import os
import sys

from memguard_hooks.arguments import ArgumentParser
from memguard_hooks.dependencies.wheel_size import MB, UNPACKED
from memguard_hooks.finding import CODES, MIB, count, mib, note, way
from memguard_hooks.output import plain, tell, visible, write, write_json
from memguard_hooks.rules import DOCUMENTED, read_rule

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from memguard_hooks.app.requirement_use import Need, Needs
    from memguard_hooks.project.project import Project

EXAMPLES = """examples:
  memguard explain                       the list of all topics and rules
  memguard explain MG201                 one rule: what it finds, why, examples, how to fix it
  memguard explain pin-litellm           the rules of a hook
  memguard explain pandas                what a package takes, before it is added
  memguard explain platforms render      the plans of a host, and where each figure is from
  memguard explain requirements          what the entry points here need at start, and what they do not

exit status: 0 explained, 2 usage, an unknown topic, or input at fault"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the sub-command."""
    parser = ArgumentParser(
        prog="memguard explain",
        usage="%(prog)s [TOPIC] [ARGUMENT ...]",
        description="Say what a rule finds and why, and what is behind a verdict.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "topic", nargs="?", choices=_topics(), metavar="TOPIC",
        help="a rule such as MG201, the id of a hook, a package, `platforms` or `requirements`; without any, all",
    )  # fmt: skip
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="see `memguard explain TOPIC --help`"
    )
    return parser


def _topics() -> tuple[str, ...]:
    return (*TOPICS, *dict.fromkeys(CODES.values()), *DOCUMENTED)


def main(argv: Sequence[str] | None = None) -> int:
    """Explain one topic, or list all."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    if words and not words[0].startswith("-"):
        known = {name.lower(): name for name in _topics()}
        if words[0].lower() not in known:
            if explain_package(words[0], words[1:]):
                return 0
            from memguard_hooks.catalog import lookup

            parser.error(_unknown("topic", words[0], (*known.values(), *lookup.distributions())))
        words[0] = known[words[0].lower()]
    options = parser.parse_args(words)
    if options.topic in TOPICS:
        return TOPICS[options.topic](options.arguments)
    if _is_json(f"explain {options.topic or ''}".rstrip(), options.arguments):
        codes = [code for code, hook in DOCUMENTED.items() if options.topic in {code, hook, None}]
        rules = [read_rule(code)._asdict() for code in codes]
        write(sys.stdout, write_json({"schema": 1, "rules": rules}) + "\n")
    elif options.topic in DOCUMENTED:
        _show(read_rule(options.topic).text)
    else:
        write(sys.stdout, _list_rules(options.topic))
    return 0


def _is_json(name: str, arguments: Sequence[str]) -> bool:
    """Read what follows a topic that has no options but its format: whether that is JSON."""
    parser = ArgumentParser(prog=f"memguard {name}", description="Explain one topic.")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write it")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    return bool(parser.parse_args(arguments).format == "json")


def explain_package(name: str, arguments: Sequence[str]) -> bool:
    """Print what is known of a package, and return whether anything is."""
    from memguard_hooks.report import package
    from memguard_hooks.rules.dependencies.lighter import INSTEAD

    known = package.find(name)
    if known is None:
        return False
    way = INSTEAD.get(known.name)
    known = known._replace(instead=f"{way.advice} ({way.source})" if way is not None else "")
    write(sys.stdout, package.render_json(known) if _is_json(f"explain {known.name}", arguments) else package.render(known))
    return True


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Name the known one that is nearest: alike in all, and the more so by how it begins, as codes are ordered."""
    from difflib import SequenceMatcher

    word = name.lower()

    def likeness(one: str) -> tuple[float, float]:
        begins = next((n for n, (a, b) in enumerate(zip(word, one.lower(), strict=False)) if a != b), len(word))
        alike = SequenceMatcher(None, word, one.lower()).ratio()
        return alike + begins / len(one), alike

    nearest = max(known, key=likeness)
    if likeness(nearest)[1] >= ALIKE:
        return f"unknown {what} {name!r}: did you mean {nearest!r}?"
    names = "no rule, hook or measured package has this name" if what == "topic" else f"one is {nearest!r}"
    return f"unknown {what} {name!r}: {names}"


ALIKE = 0.6
"""The share of letters in the same order from which on a name may be a slip of the other, as in difflib."""


# Rules


def _list_rules(hook: str | None) -> str:
    """Write the codes and titles of a hook, or those of all hooks behind the other topics."""
    lines = [] if hook else ["topics:", *(f"  {name:<12}  {line}" for name, line in SUMMARIES.items())]
    for owner in dict.fromkeys(DOCUMENTED.values()):
        if hook in (None, owner):
            lines += [] if hook else ["", f"{owner}:"]
            lines += [f"  {code}  {read_rule(code).title}" for code in DOCUMENTED if DOCUMENTED[code] == owner]
    lines += ["", "`memguard explain CODE` tells what a rule finds, why it matters, and how to fix it."]
    return "".join(f"{line}\n" for line in lines)


def _show(text: str) -> None:
    """Print markdown: as it is, or on a terminal in colors where rich is installed."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        try:
            from rich.console import Console
            from rich.markdown import Markdown
        except ImportError:
            pass
        else:
            Console().print(Markdown(text))
            return
    write(sys.stdout, text)


# Platforms


def explain_platforms(arguments: Sequence[str]) -> int:
    """Print the table of plans, all or those of one platform."""
    from memguard_hooks.deployment import platforms
    from memguard_hooks.report.plans import render, render_json

    parser = ArgumentParser(
        prog="memguard explain platforms", description="List the plans of hosts, their memory and its source."
    )
    parser.add_argument("platform", nargs="?", help="only the plans of this platform, such as render")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write the table")
    options = parser.parse_args(arguments)
    plans = platforms.plans()
    if options.platform is not None:
        names = sorted({plan.platform for plan in plans})
        if options.platform.lower() not in names:
            parser.error(_unknown("platform", options.platform, names))
        plans = tuple(plan for plan in plans if plan.platform == options.platform.lower())
    write(sys.stdout, render_json(plans) if options.format == "json" else render(plans))
    return 0


# Requirements


def explain_requirements(arguments: Sequence[str]) -> int:
    """Print which requirements of a project its services need at start, which later, and which nothing imports."""
    from memguard_hooks.app.requirement_use import find_needs
    from memguard_hooks.errors import MemguardError
    from memguard_hooks.finding import Skipped
    from memguard_hooks.hooks import running
    from memguard_hooks.hooks.options import Options, add_entry_option, add_target_options
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import load
    from memguard_hooks.tree import WorkTree

    class ProjectOptions(Options):
        path = "."
        write = False

    parser = ArgumentParser(
        prog="memguard explain requirements",
        description="List what the entry points of a project need at start, what they defer, and what nothing imports.",
    )
    parser.add_argument("path", nargs="?", default=".", help="root of the project")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write the list")
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write requirements-minimal.txt, without what the code does without",
    )
    add_target_options(parser)
    add_entry_option(parser)
    options = parser.parse_args(arguments, namespace=ProjectOptions())
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    tree = WorkTree(options.path)
    try:
        settings, _ = load(tree, options.config)
        project = Project(tree, running.adjust_service(settings, options))
        found = find_needs(project)
        written = write_minimal(project, found) if options.write else ""
        project.close()
    except MemguardError as error:
        tell(note(Skipped(error.path or ".", error.line, error.message, broken=True)))
        return 2
    finally:
        tree.close()
    write(sys.stdout, render_needs_json(found) if options.format == "json" else render_needs(found))
    tell(*filter(None, (written, *(note(gap) for gap in found.skipped if gap.broken or options.format == "text"))))
    return 2 if any(gap.broken for gap in found.skipped) else 0


def write_minimal(project: Project, found: Needs) -> str:
    """Write `requirements-minimal.txt` where something can be left out, and say what came of it."""
    from memguard_hooks.fix import minimal_requirements

    minimal = minimal_requirements.plan(project, found)
    if minimal is None:
        return "nothing is written: no heavy package that is declared can be left out"
    minimal_requirements.write(project, minimal)
    return f"{minimal.path}: written without {', '.join(one.name for one, _ in minimal.left_out)}"


TITLES = {
    "start": "needed at start",
    "deferred": "deferred",
    "unused": "reached from no entry point",
    "unknown": "not known",
}


def render_needs(found: Needs) -> str:
    """Write the requirements by their use, each with its MiB by itself, its place and the way to its import.

    Where a lock tells the sizes of wheels, the MB of each stand beside its MiB.
    """
    lines = []
    for use, title in TITLES.items():
        needs = [need for need in found.needs if need.use == use]
        if not needs and use == "unknown":
            continue
        lines.append(f"{title}: {len(needs)} of {len(found.needs)} requirements")
        names = [visible(_declared(need)) for need in needs]
        sizes = ["" if need.footprint is None else f"{mib(need.footprint.resident)} MiB" for need in needs]
        wheels = ["" if need.wheel is None else f"{need.wheel / MB:.1f} MB" for need in needs]
        places = [visible(f"{need.requirement.path}:{need.requirement.line}") for need in needs]
        if any(wheels):
            width = max(map(len, wheels))
            sizes = [f"{size:>{max(map(len, sizes))}}  {wheel:>{width}}" for size, wheel in zip(sizes, wheels, strict=True)]
        widths = [max(map(len, texts), default=0) for texts in (names, sizes, places)]
        for need, name, size, place in zip(needs, names, sizes, places, strict=True):
            lines.append(f"  {name:<{widths[0]}}  {size:>{widths[1]}}  {place:<{widths[2]}}  {way(need.chain)}".rstrip())
    for lock in found.sizes:
        total = f"{lock.total / MB:.0f} MB, some {lock.total * UNPACKED / MB:.0f} MB unpacked"
        lines.append(f"{visible(lock.path)} installs {count(lock.wheels, 'wheel')}: {total}")
    return plain(lines)


def _declared(need: Need) -> str:
    requirement = need.requirement
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier or ''}"


def render_needs_json(found: Needs) -> str:
    """Write the requirements as one object; `mib` is null where nothing was measured, `wheel_mb` where no lock tells."""
    needs = [
        {
            "name": need.requirement.name,
            "specifier": need.requirement.specifier,
            "path": need.requirement.path,
            "line": need.requirement.line,
            "column": need.requirement.column,
            "use": need.use,
            "mib": None if need.footprint is None else round(need.footprint.resident / MIB, 1),
            "wheel_mb": None if need.wheel is None else round(need.wheel / MB, 1),
            "source": None if need.footprint is None else need.footprint.provenance,
            "chain": [step._asdict() for step in need.chain],
        }
        for need in found.needs
    ]
    skipped = [{"path": gap.path, "line": gap.line, "reason": gap.reason} for gap in found.skipped]
    sizes = [
        {"path": size.path, "wheels": size.wheels, "mb": round(size.total / MB, 1),
         "unpacked_mb": round(size.total * UNPACKED / MB, 1)}
        for size in found.sizes
    ]  # fmt: skip
    return write_json({"schema": 1, "requirements": needs, "sizes": sizes, "skipped": skipped}) + "\n"


TOPICS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "platforms": explain_platforms,
    "requirements": explain_requirements,
}
"""Each topic besides rules and what explains it, given the arguments behind its name."""

SUMMARIES = {
    "platforms": "the plans of hosts, their memory and its source",
    "requirements": "what the entry points of a project need at start, what they defer, and what nothing imports",
}
