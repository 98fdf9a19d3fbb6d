"""MG211 to MG215: data, processes, network calls, initializers and clients that an app pays for while it loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memguard_hooks.app.django_databases import may_name
from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.work import find_work, suspects
from memguard_hooks.finding import Finding
from memguard_hooks.project.project import Project


def find(project: Project, entries: Sequence[ServiceEntry]) -> list[Finding]:
    """Return what services do while they load that could wait, be done once, or be done elsewhere."""
    found: dict[tuple[str, int, int, str], Finding] = {}
    staged = None if project.named is None else frozenset(project.paths)
    for entry in entries:
        for one in _of_service(project, entry, staged):
            key = (one.path, one.line, one.column, one.code)
            if not project.is_excluded(one.path) and key not in found:
                found[key] = one
    return list(found.values())


def _of_service(project: Project, entry: ServiceEntry, staged: frozenset[str] | None) -> Iterator[Finding]:
    from memguard_hooks.app.walks import known_walk, rough_walk, walk_entry

    walked = known_walk(project, entry)
    if walked is None:
        rough = rough_walk(entry)
        is_staged = staged is None or any(path in staged for files in rough.files.values() for path in files)
        paths = rough.files["start"]
        if not is_staged or not (any(suspects(project, entry, path) for path in paths) or may_name(project, paths)):
            return
        walked = walk_entry(project, entry)
    work, externals = find_work(project, entry, walked)
    at_start = (use for use in work.uses if use.moment == "start")
    uses = [use for use in at_start if staged is None or any(step.path in staged for step in use.way)]
    if uses or may_name(project, walked.paths):
        from memguard_hooks.rules.startup import findings

        told: set[tuple[str, str, str]] = set()
        for use in uses:
            for one in findings.find_of(project, entry, use, walked._replace(externals=externals), work):
                key = (one.path, use.call.body, one.message)  # one function that tries again tells one cause
                if not use.call.body or key not in told:
                    yield one
                told.add(key)
        of_django = findings.find_in_django(project, entry, walked)
        yield from (one for one in of_django if staged is None or one.path in staged)
