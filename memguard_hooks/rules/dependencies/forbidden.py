"""Where a project may have forbidden packages: what it declares itself, and the locks that hold one."""

from __future__ import annotations

from memguard_hooks.allowance import apply_allowances, read_allowances
from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies import lock_readers
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding
from memguard_hooks.rules.policy import COMPANIONS, FORBIDDEN, Forbidden, forbidden_names, unexplained

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.dependencies.lock import Lock
    from memguard_hooks.project.project import Project

HOOK = "forbid-heavy-deps"

BRINGERS = {
    "torch": (
        "accelerate",
        "demucs",
        "kokoro",
        "lightning",
        "llama-index-embeddings-huggingface",
        "openai-whisper",
        "sentence-transformers",
        "ultralytics",
    ),
    "transformers": (
        "kokoro",
        "llama-index-embeddings-huggingface",
        "sentence-transformers",
    ),
}
"""Heavy forbidden package → the measured distributions that were installed with it; a test compares with the catalog."""


def find(project: Project) -> list[Finding]:
    """Return what is wrong with what the manifests, the locks and the commands that install bring to the host."""
    settings = project.settings
    forbidden = forbidden_in(project)
    findings = unexplained(settings.forbid_allow, HOOK)
    companions = {*COMPANIONS, *COMPANIONS.values()} if settings.forbid_companions else set()
    measured = bringers(forbidden)
    manifests = project.declared.manifests({*forbidden.names, *measured, *project.heavy.distributions, *companions})
    declared = [requirement for manifest in manifests for requirement in manifest.requirements]
    if any(project.declared.may_install(path) for path in project.paths):
        declared += project.declared.installed_by_commands
    locks = project.declared.locks(forbidden.names)
    beside = list(_locks_beside(project, project.declared.manifest_paths, forbidden.names))
    if declared or locks or beside:
        from memguard_hooks.rules.dependencies import forbidden_ways

        findings += forbidden_ways.find_declared(project, forbidden, declared)
        findings += forbidden_ways.find_in_locks(project, forbidden, locks, beside)
        findings += forbidden_ways.find_in_catalog(project, forbidden, measured, declared)
    if any(one.name in project.heavy.distributions or one.name in companions for one in declared):
        from memguard_hooks.rules.dependencies.unused import find_companions, find_unused

        findings += find_unused(project, declared)
        findings += find_companions(project, declared) if companions else ()
    allowances = read_allowances(comment for manifest in manifests for comment in manifest.comments)
    return apply_allowances(HOOK, findings, allowances, owns_unknown=False)


def forbidden_in(project: Project) -> Forbidden:
    """Return what the settings forbid; a way to a package is grave where it is heavy or the settings have added it."""
    names, added = forbidden_names(project.settings), {*map(normalize_name, project.settings.forbid_add)}
    return Forbidden(names, names & (added | project.heavy.distributions.keys()))


def bringers(forbidden: Forbidden) -> frozenset[str]:
    """Return the measured distributions that may bring a package whose way is grave."""
    known = {name for one in forbidden.grave for name in BRINGERS.get(one, ())}
    if forbidden.grave <= set(FORBIDDEN) & {*BRINGERS, "tensorflow"}:
        return frozenset(known)
    return lookup.bringing(forbidden.grave)


def _locks_beside(project: Project, manifests: Iterable[str], names: Iterable[str]) -> Iterator[Lock]:
    """Yield the locks that are made from some manifests and are not judged themselves."""
    names = tuple(names)
    for path in sorted(manifests):
        for beside in lock_readers.beside(project.tree, path):
            data = project.read_file(beside)
            if data is None or project.is_excluded(beside):
                continue
            if beside not in project.declared.lock_paths and any(lock_readers.names(data, one) for one in names):
                found = _read_quietly(project, beside)
                if found is not None:
                    yield found
            break


def _read_quietly(project: Project, path: str) -> Lock | None:
    """Return a lock, None for one that does not parse: it is judged where it is staged."""
    try:
        return lock_readers.read(project.tree, path)
    except MemguardError:
        return None
