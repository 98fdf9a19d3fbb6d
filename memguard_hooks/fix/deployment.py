"""Writes what `deploy-config` and `log-volume` advise: options of gunicorn, numbers of workers, variables, levels of logs.

A rewriting is a guess at one line of a file whose format its reader knows. It counts only where reading the project again
finds the fault gone and no error in its place; all else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from memguard_hooks.app.limit import bands_of
from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding
from memguard_hooks.fix import log_lines
from memguard_hooks.formats import python_source
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.changed import find_unstaged
from memguard_hooks.project.project import Project
from memguard_hooks.record import TypeAlias
from memguard_hooks.rules.deployment.variables import nearest
from memguard_hooks.tree import EditedTree, WorkTree

Judge: TypeAlias = "Callable[[Project], Sequence[Finding]]"
Rewrite: TypeAlias = "Callable[[str, Finding, RunningService | None], str | None]"

MAX_LINES = 30
"""Lines behind the place of a finding in which its command may go on."""

MAX_FIXES = 100
"""Findings of one project that are fixed: after each, all of it is judged again."""

_PROGRAM = late_pattern(r"(?<![\w/.-])(?P<program>(?:[\w./-]*/)?gunicorn)(?=[ \t])")
_IN_LIST = late_pattern(r"(?P<quote>[\"'])(?P<program>(?:[\w./-]*/)?gunicorn)(?P=quote)(?P<comma>[ \t]*,)")
_ITEM = late_pattern(r"(?P<dash>[ \t]*-[ \t]+)(?P<quote>[\"']?)(?P<program>(?:[\w./-]*/)?gunicorn)(?P=quote)[ \t]*$")
_NUMBER = r"\$\(\([^\"'\n]*?\)\)|\$\([^)\n]*\)|\$\{[^}\n]*\}|[^\s\"',]+"
_WORKERS = late_pattern(
    rf"(?P<option>(?<![\w-])(?:--workers|-w|--concurrency|-c)(?:[ \t]*=[ \t]*|[\"'][ \t]*,[ \t]*[\"']|[ \t]+|(?=\d)))"
    rf"(?P<number>{_NUMBER})"
)
_ASSIGNED = late_pattern(
    r"(?P<option>WEB_CONCURRENCY[\"']?[ \t]*[:=][ \t]*[\"']?|^workers[ \t]*=[ \t]*)(?P<number>[^\"'\n#]+)"
)
_REQUESTS = late_pattern(r"--max-requests(?P<between>[ \t]*=[ \t]*|[\"'][ \t]*,[ \t]*[\"']|[ \t]+)(?P<number>\d+)")


def write(project: Project, judge: Judge, *, force: bool, own: Collection[str] = ()) -> tuple[str, ...]:
    """Write what can be written, each file at once, and return what was done, one line each.

    Raises MemguardError, before the first is written, where a file has changes that git's index does not hold, unless it
    is one of those that this run has written.
    """
    tree = project.tree
    assert isinstance(tree, WorkTree)
    files, done = plan(project, judge)
    unstaged = () if force else find_unstaged(tree, sorted(files.keys() - set(own)))
    if unstaged:
        raise MemguardError("has changes that are not staged: stage them, or fix with --force", unstaged[0])
    for path, data in sorted(files.items()):
        exchange_file(tree.target(path), tree.read(path), data, path)
    return done


def plan(project: Project, judge: Judge) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return what becomes of which files, and what that does, one line each."""
    whole = project if project.named is None else project.whole
    named = None if project.named is None else frozenset(project.paths)
    files: dict[str, bytes] = {}
    done: list[str] = []
    tried: set[tuple[str, str, str]] = set()
    found = tuple(judge(whole))
    for _ in range(MAX_FIXES):
        wanted = next((one for one in found if one.code in REWRITES and _identity(one) not in tried), None)
        if wanted is None:
            break
        tried.add(_identity(wanted))
        if named is not None and wanted.path not in named:
            continue
        for data in _rewritten(_edited(whole, files), wanted):
            after = tuple(judge(_edited(whole, {**files, wanted.path: data})))
            if _is_better(found, after, wanted):
                files[wanted.path] = data
                done.append(f"{wanted.path}:{wanted.line}: rewritten: {log_lines.told(wanted)}")
                found = after
                break
    return files, tuple(done)


def _is_better(before: Sequence[Finding], after: Sequence[Finding], fixed: Finding) -> bool:
    """Return whether a finding is gone, and no error has come in its place; a warning may be the next to be fixed."""
    known = {_identity(one) for one in before}
    new = [one for one in after if _identity(one) not in known]
    return all(_identity(one) != _identity(fixed) for one in after) and all(one.severity != "error" for one in new)


def _edited(project: Project, files: Mapping[str, bytes]) -> Project:
    """Return a project in which some files have another content, with all that follows from that."""
    return project.at(EditedTree(project.tree, files))


def _identity(finding: Finding) -> tuple[str, str, str]:
    # One finding speaks of all containers of a file, which are fixed one after the other.
    return finding.code, finding.path, finding.message if finding.code == "MG507" else finding.subject


def _rewritten(project: Project, finding: Finding) -> Iterator[bytes]:
    """Yield what a file may become, by the first lines from the place of a finding on that a rewriting knows."""
    data = project.read_file(finding.path) or b""
    try:
        lines = data.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        return
    is_python = finding.path.endswith(".py")
    if not log_lines.may_change(finding, data, lines):
        return
    running = next((one for one in _running(project) if one.service.name == finding.subject), None)
    # A command may go on in the lines behind its place; what logs is changed where it stands.
    most = 0 if is_python or finding.code == "MG507" else MAX_LINES
    for number in range(finding.line - 1, min(finding.line + most, len(lines))):
        is_call = is_python and finding.code in log_lines.STATEMENTS
        behind = log_lines.end_of(data, number + 1) if is_call else number + 1
        text = "\n".join(line.rstrip("\r\n") for line in lines[number:behind])
        changed = REWRITES[finding.code](text, finding, running)
        if changed is not None and changed != text:
            end = lines[behind - 1][len(lines[behind - 1].rstrip("\r\n")) :]
            edited = "".join([*lines[:number], changed.replace("\n", end or "\n") + end, *lines[behind:]])
            if not is_python or _is_python(edited):
                yield edited.encode()


def _is_python(text: str) -> bool:
    try:
        python_source.tree_of(text)
    except MemguardError:
        return False
    return True


def _running(project: Project) -> Iterator[RunningService]:
    return (RunningService(project, service) for service in project.deployment.services)


# How a line changes


def _preloaded(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    return _with_option(text, "--preload")


def _with_option(text: str, option: str) -> str | None:
    """Return a line with an option behind the program, as words of a shell, a list in a line, or a list of lines."""
    if match := _ITEM.match(text):
        return f"{text}\n{match['dash']}{option}"
    if match := _IN_LIST.search(text):
        return f"{text[: match.end()]} {match['quote']}{option}{match['quote']},{text[match.end() :]}"
    if match := _PROGRAM.search(text):
        return f"{text[: match.end()]} {option}{text[match.end() :]}"
    return None


def _with_fewer(text: str, _finding: Finding, running: RunningService | None) -> str | None:
    """Return a line with as many workers as fit."""
    limit = running.limit[0] if running is not None else None
    if running is None or limit is None or running.estimated is None:
        return None
    fitting = running.estimated.workers_that_fit(bands_of(limit, running.settings)[0])
    return _numbered(text, fitting) if fitting is not None else None


def _with_two(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    return _numbered(text, 2)


def _numbered(text: str, number: int) -> str | None:
    match = _WORKERS.search(text) or _ASSIGNED.search(text)
    return None if match is None else f"{text[: match.start('number')]}{number}{text[match.end('number') :]}"


def _with_jitter(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    match = _REQUESTS.search(text)
    if match is None:
        return None
    jitter = f"--max-requests-jitter{match['between']}{max(int(match['number']) // 10, 1)}"
    between = match["between"].strip() if match["between"].startswith(('"', "'")) else " "
    return f"{text[: match.end()]}{between if between != ' ' else ' '}{jitter}{text[match.end() :]}"


def _renamed(text: str, finding: Finding, _running: RunningService | None) -> str | None:
    near = nearest(finding.subject)
    return None if near is None else re.sub(rf"\b{re.escape(finding.subject)}\b", near, text)


def _corrected(text: str, finding: Finding, _running: RunningService | None) -> str | None:
    """Return a line with the value that a variable was plausibly meant to have."""
    name = finding.subject
    value = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", "PYTHONDONTWRITEBYTECODE": "0", "PYTHONOPTIMIZE": "0"}.get(
        name
    )
    own = rf"\b{re.escape(name)}[\"']?(?:[ \t]*[:=][ \t]*|[ \t]+)"
    match = re.search(rf"(?:{own}|^[ \t]*value:[ \t]*)[\"']?(?P<value>[^\s\"']*)", text)
    if match is None or value is None:
        return None
    is_bare = match[0].lstrip().startswith("value:") and not match[0].removesuffix(match["value"]).endswith(("'", '"'))
    return f"{text[: match.start('value')]}{_quoted(value) if is_bare else value}{text[match.end('value') :]}"


def _quoted(value: str) -> str:
    """Return a value as a string of YAML: hosts refuse variables that are numbers."""
    return f'"{value}"'


def _compiled(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    """Return a line of a Dockerfile with the one behind it by which uv compiles what it installs."""
    is_complete = re.match(r"(?i)[ \t]*ENV[ \t]", text) is not None and not text.rstrip().endswith(("\\", "`"))
    return f"{text}\nENV UV_COMPILE_BYTECODE=1" if is_complete else None


def _unbuffered(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    is_start = re.match(r"(?i)[ \t]*(?:CMD|ENTRYPOINT)[ \t]", text) is not None
    return f"ENV PYTHONUNBUFFERED=1\n{text}" if is_start else None


REWRITES: dict[str, Rewrite] = {
    "MG401": _with_fewer,
    "MG402": _with_two,
    "MG403": _preloaded,
    "MG406": _with_jitter,
    "MG701": _renamed,
    "MG702": _corrected,
    "MG704": _unbuffered,
    "MG705": _compiled,
    **log_lines.REWRITES,
}
"""Code → how a line changes by which it is fixed, None for a line that is not the one."""
