"""What all commands share: settings, the report, and the exit status.

Exit status: 1 for a finding at or above `--fail-on` or a file rewritten, 2 for usage, settings or input at fault, else 0.
Findings go to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from memguard_hooks.errors import MemguardError, lacking
from memguard_hooks.finding import EAGER, Report, Skipped, at_fault, merge, note, refusing, status_of, without_echo
from memguard_hooks.git import is_sparse
from memguard_hooks.hooks.options import Options
from memguard_hooks.output import plain, tell
from memguard_hooks.project.project import Project, Since
from memguard_hooks.project.settings import Settings, load
from memguard_hooks.record import Record, TypeAlias
from memguard_hooks.replay import MANY_OBJECTS, Replay, Said, matters
from memguard_hooks.report import Detail
from memguard_hooks.report.formats import render
from memguard_hooks.tree import RevisionTree, WorkTree, inside, walk

Check: TypeAlias = "Callable[[Project], Report]"
Adjust: TypeAlias = "Callable[[Settings, Options], Settings]"
Fix: TypeAlias = "Callable[[Project], 'tuple[str, ...]']"


def adjust_service(settings: Settings, options: Options) -> Settings:
    """Put the options that were given over the settings, for all services."""
    given: dict[str, object] = {}
    for name in ("platform", "limit", "target_python", "pessimistic", "judge"):
        value = getattr(options, name)
        if value is not None:
            given[name] = value
    for name in ("platform", "limit"):
        if name in given:
            given["limit_source"] = f"--{name}"
    if given.get("platform") is not None and "limit" not in given:
        given["limit"] = None
    if options.baseline is not None:
        settings = settings._replace(baseline=options.baseline)
    if options.entrypoint:
        given["entrypoints"], given["is_asked"] = tuple(options.entrypoint), True
    if not given:
        return settings
    services = {name: service._replace(**given) for name, service in settings.services.items()}  # type: ignore[arg-type]
    return settings._replace(service=settings.service._replace(**given), services=services)  # type: ignore[arg-type]


class Judgment(Record):
    """What a run has found, and what it has rewritten, a line each.

    `committed` is what there is to say once a commit holds what was found. `settings` is None where they could not be read,
    `project` where there was nothing to judge.
    """

    report: Report
    committed: Report
    rewritten: tuple[str, ...] = ()
    settings: Settings | None = None
    project: Project | None = None

    def close(self) -> None:
        """Keep for the next run what was found out."""
        if self.project is not None:
            self.project.close()


def run(
    options: Options, check: Check, *, root: str = ".", files: Sequence[str] | None = None,
    adjust: Adjust = adjust_service, fix: Fix | None = None, replay: Replay | None = None, waking: Sequence[str] = (),
) -> int:  # fmt: skip
    """Load the settings, check, print the report and return the exit status.

    `fix` rewrites files first and returns what it has done, one line each; then what is left is checked. `replay` keeps
    what was said, if the next run can tell whether it would say the same. `waking` are files of a commit that are not
    judged themselves: where none of them was looked at, and nothing differs from the last commit, nothing is said.
    """
    return finish(judge(options, check, root=root, files=files, adjust=adjust, fix=fix), options, replay, waking)


def finish(found: Judgment, options: Options, replay: Replay | None = None, waking: Sequence[str] = ()) -> int:
    """Print what was judged, and return the exit status."""
    tell(*found.rewritten)
    is_quiet = bool(waking) and found.project is not None and not _matters(found, waking)
    said = _say(Report() if is_quiet else found.report, options)
    said.tell()
    if replay is not None and not found.rewritten:
        is_kept_quiet = is_quiet and not replay.names
        keep(replay, found, lambda report: _say(Report() if is_kept_quiet else report, options))
    found.close()
    return said.status or int(bool(found.rewritten))


def _matters(found: Judgment, names: Sequence[str]) -> bool:
    assert found.project is not None
    tree = found.project.tree
    return not isinstance(tree, WorkTree) or matters(names, tree.seen, found.committed == found.report)


def _files_at(tree: WorkTree, path: str) -> Sequence[str]:
    """Return the file at a path, or all files below it where it is a folder that has some."""
    return (walk(tree, path) if tree.is_folder(path) else ()) or (path,)


def _say(report: Report, options: Options) -> Said:
    output = render(report, options.format, detail_of(options))
    status = status_of(report, options.fail_on)
    is_text = options.format == "text"
    more = notes(report, fail_on=options.fail_on if is_text else None, is_quiet=options.quiet)
    return Said(status, output, more + (plain(_where_it_is()) if "`memguard " in more else ""))


def _where_it_is() -> Iterator[str]:
    """Say where `memguard` is, if it was installed for a runner of hooks alone, which puts it on the path of these."""
    own = os.path.dirname(sys.executable)
    name = "memguard.exe" if os.name == "nt" else "memguard"
    paths = [os.path.join(folder, name) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != own]
    # pre-commit and prek set this for each hook.
    if "PRE_COMMIT" in os.environ and not any(os.access(path, os.X_OK) for path in paths):
        yield f"`memguard` is not on your PATH, and was installed as {os.path.join(own, name)}"


def detail_of(options: Options) -> Detail:
    """Return how much a text is to tell."""
    return Detail(options.table or options.verbose, options.quiet, options.verbose, fail_on=options.fail_on)


def keep(replay: Replay, found: Judgment, say: Callable[[Report], Said]) -> None:
    """Keep what is said, unless something is at fault; what is compared with another branch is not said again."""
    project, said = found.project, say(found.report)
    if project is None or project.since is not None or said.status > 1 or project.has_given_up:
        return
    assert isinstance(project.tree, WorkTree)
    head = None
    if project.is_compared:
        if project.before is not None:
            head = project.before.tree
        elif not is_sparse(project.tree.root):  # git could not be asked, and may be later
            return
    assert head is None or isinstance(head, RevisionTree)
    replay.keep(project.tree, head, said, said if found.committed == found.report else say(found.committed))


def _joined(report: Report) -> Report:
    """Return a report with one finding for one cause."""
    if sum(one.code == EAGER for one in report.findings) < 2:
        return report
    from memguard_hooks.report.together import together

    return report._replace(findings=tuple(together(report.findings)))


def judge(
    options: Options, check: Check, *, root: str = ".", files: Sequence[str] | None = None,
    adjust: Adjust = adjust_service, fix: Fix | None = None, with_known: bool = False, is_all: bool = False,
) -> Judgment:  # fmt: skip
    """Load the settings and check; what is wrong with them, and any error of our own, is part of the report.

    What the baseline of the project knows is left out, unless `with_known`; `is_all` says that `check` looks for all
    that it may hold.
    """
    gc.set_threshold(MANY_OBJECTS)
    tree = WorkTree(root)
    settings: Settings | None = None
    project: Project | None = None
    try:
        settings, unused = load(tree, options.config)
        named: Sequence[str] | None = None
        if files is not None:
            named = [path for name in files for path in _files_at(tree, inside(tree.root, name))]
        since: Since | None = None
        if options.changed_from is not None:
            from memguard_hooks.project.changed import find_changes

            since, named = find_changes(tree, options.changed_from)
        settings = adjust(settings, options)
        rewritten = fix(Project(tree, settings, named)) if fix is not None else ()
        if rewritten:
            tree = WorkTree(root)
        project = Project(tree, settings, named, since)
        if with_known:
            project.baseline = None
        found = _within(options.timeout, check, project)
        gaps = Report(skipped=(*unused, *project.skipped), since=since and since.label)

        def finish(report: Report) -> Report:
            report = merge([report, gaps])
            if project.baseline is not None:
                from memguard_hooks.project.baseline import without_known

                report = without_known(report, project.baseline, is_all=is_all)
            return report if with_known else without_echo(report)

        report = finish(found._replace(committed=None))
        committed = report if found.committed is None else finish(found.committed)
        # Only where the last commit was asked anyway: git is not started for a hint.
        if since is None and project.is_compared and status_of(report, options.fail_on) == 1:
            report = report._replace(is_old=_is_old(project, report, options.fail_on))
            committed = committed._replace(is_old=project.before is not None)
        if not with_known:
            report, committed = _joined(report), _joined(committed)
    except MemguardError as error:
        problem = at_fault(error)
    except TimeoutError as error:
        problem = Skipped(".", None, str(error), broken=options.fail_on != "never")
    except Exception as error:
        # The last line of defense: a hook never ends in a traceback.
        if os.environ.get("MEMGUARD_DEBUG"):
            raise
        problem = Skipped(".", None, describe(error), broken=True)
    else:
        return Judgment(report, committed, rewritten, settings, project)
    if project is not None:
        project.close()
    report = Report(skipped=(problem,))
    return Judgment(report, report, settings=settings)


def _is_old(project: Project, report: Report, fail_on: str) -> bool:
    """Return whether the last commit has the files of all that refuses this one as they are."""
    head = project.before
    paths = {one.path for one in refusing(report, fail_on)}
    return head is not None and all(head.read_file(path) == project.read_file(path) for path in paths)


def _within(seconds: float | None, check: Check, project: Project) -> Report:
    """Check, within some seconds where there is a limit. Raises TimeoutError."""
    if seconds is None:
        return check(project)
    from memguard_hooks.progress import within

    return within(seconds, lambda: check(project))


def describe(error: Exception) -> str:
    """Write an error of our own in one line, or what is lacking: a package, or memory."""
    if isinstance(error, MemoryError):
        return "there is not enough memory here to look at this project"
    return lacking(error) or f"internal error: {type(error).__name__}: {error}; set MEMGUARD_DEBUG=1 for more"


def notes(report: Report, *, with_fixer: bool = False, fail_on: str | None = None, is_quiet: bool = False) -> str:
    """Write what stands beside a report, a line each: what was skipped and why, and how much was found.

    `with_fixer` names the command that may fix some of it. By what is to fail, it is told what to do first, and where that
    adds nothing, the ways out. Where it `is_quiet`, nothing is told but what is at fault.
    """
    lines = [note(skipped) for skipped in report.skipped if skipped.broken or not is_quiet]
    if is_quiet:
        return plain(lines)
    if report.findings or report.fixed:
        from memguard_hooks.report import steps

        lines += steps.summary(report, with_fixer=with_fixer, fail_on=fail_on)
    return plain(lines)
