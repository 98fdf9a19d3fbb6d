"""Packages that a small host cannot carry are not declared.

torch, tensorflow, transformers, tokenizers, huggingface-hub, grpcio and google-api-python-client are
forbidden by default. What the project itself asks for is an error (MG110). What a compiled
requirements file says (`# via litellm`) that only other packages have brought is MG111: an error where
the package is heavy or was added by the project's settings, else a warning. Constraints, files for
development, build requirements and extras that nobody asks for install nothing on the host.

bad:  torch==2.8.0
bad:  tokenizers
good: onnxruntime==1.20.1
good: tiktoken==0.9.0

Settings: `[forbid]` with `add`, `remove` and `allow = {name = "reason"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memguard_hooks import run
from memguard_hooks.allowance import apply_allowances, read_allowances
from memguard_hooks.finding import Finding, Report, Severity, mib
from memguard_hooks.footprint import catalog

if TYPE_CHECKING:
    from memguard_hooks.dependencies.requirement import Manifest, Requirement
    from memguard_hooks.project import Project

HOOK = "forbid-heavy-deps"

RULES = {
    "MG110": "forbidden and declared",
    "MG111": "forbidden and brought by another package",
}

FORBIDDEN = (
    "torch",
    "tensorflow",
    "transformers",
    "tokenizers",
    "huggingface-hub",
    "grpcio",
    "google-api-python-client",
)

ADVICE = {
    "torch": "call a hosted model, or run an exported one with onnxruntime",
    "tensorflow": "call a hosted model, or run an exported one with onnxruntime",
    "transformers": "call a hosted model; for counting tokens tiktoken is enough",
    "tokenizers": "delete it: what needs it (litellm, transformers) brings it; for counting tokens tiktoken is enough",
    "huggingface-hub": "delete it: what needs it brings it; download models when the image is built",
    "grpcio": "delete it: what needs it brings it; clients of Google have REST transports",
    "google-api-python-client": "use the client of the one service (gspread for Sheets), or its REST interface",
}


def check(project: Project) -> Report:
    """Judge each declaration of a forbidden package in the manifests."""
    from memguard_hooks.dependencies.requirement import is_live, normalize_name

    settings = project.settings
    added = {normalize_name(name) for name in settings.forbid_add}
    allowed = {normalize_name(name): allowance for name, allowance in settings.forbid_allow.items()}
    removed = {normalize_name(name) for name in settings.forbid_remove}
    findings = [
        Finding(one.path, one.line, one.column, "MG190", f"{name} is allowed without a reason", HOOK,
                fix=f'write `{name} = "why"`')
        for name, one in allowed.items() if not one.reason
    ]  # fmt: skip
    manifests = project.manifests({*FORBIDDEN, *added} - removed - allowed.keys())
    extras = _asked_extras(project, manifests)
    for requirement in (requirement for manifest in manifests for requirement in manifest.requirements):
        is_installed = requirement.group == "runtime" or normalize_name(requirement.group_name or "") in extras
        if is_installed and not requirement.is_constraint and is_live(requirement, settings.service.target_python):
            findings.append(_judge(requirement, project, added))
    allowances = read_allowances(comment for manifest in manifests for comment in manifest.comments)
    return Report(tuple(apply_allowances(HOOK, findings, allowances, owns_unknown=False)))


def _asked_extras(project: Project, manifests: Sequence[Manifest]) -> set[str]:
    """Return the extras of the project itself that are installed.

    Where a forbidden package stands in an extra, any manifest of the project may ask for it, staged or not.
    """
    from memguard_hooks.dependencies.requirement import normalize_name

    declared = [requirement for manifest in manifests for requirement in manifest.requirements]
    if not any(requirement.group == "extra" for requirement in declared):
        return set()
    asks: dict[str | None, set[str]] = {}
    for manifest in (*manifests, *_other_manifests(project)):
        for asking, extra in manifest.own_extras:
            asks.setdefault(normalize_name(asking) if asking else None, set()).add(normalize_name(extra))
    found: set[str] = set()
    waiting = [*asks.get(None, ())]
    while waiting:
        extra = waiting.pop()
        if extra not in found:
            found.add(extra)
            waiting += asks.get(extra, ())
    return found


def _other_manifests(project: Project) -> Sequence[Manifest]:
    from memguard_hooks.errors import MemguardError
    from memguard_hooks.project import Project

    if project.files is None:
        return ()
    try:
        return Project(project.tree, project.settings).manifests(())
    except MemguardError:  # a tree without end: what was named is judged all the same
        return ()


def _judge(requirement: Requirement, project: Project, added: set[str]) -> Finding:
    name = requirement.name
    cost, takes = _cost(requirement)
    severity: Severity = "error"
    if requirement.via:
        code = "MG111"
        *others, last = requirement.via
        who = f"{', '.join(others)} and {last} bring" if others else f"{last} brings"
        message = f"{name} is forbidden, and {who} it{takes}"
        severity = "error" if name in project.heavy.distributions or name in added else "warning"
        fix = f"do without {requirement.via[0]}, or without the extra of it that needs {name}"
    else:
        code = "MG110"
        message = f"{name} is forbidden{takes}"
        fix = ADVICE.get(name, "delete it")
    fix += f'\nor, as the last resort, in the settings: [forbid] allow = {{{name} = "why"}}'
    place = (requirement.path, requirement.line, requirement.column)
    return Finding(*place, code, message, HOOK, severity, cost, fix=fix, end_line=requirement.end_line)


def _cost(requirement: Requirement) -> tuple[int | None, str]:
    """Return what the dearest measured module of a package takes, and a clause that says so with the version measured."""
    from memguard_hooks.dependencies.requirement import normalize_name, pin_of

    name = requirement.name
    pin = pin_of(requirement)
    providers = {name, f"{name}-cpu"}
    modules = [m for ones in catalog.modules().values() for m in ones if m.distribution in providers]
    dearest = max(modules, key=lambda module: module.resident, default=None)
    footprint = dearest and catalog.find(dearest.name, dearest.distribution, pin.version if pin else None)
    if footprint is None:
        return None, ""
    when = "imported" if normalize_name(footprint.module) == name else f"{footprint.module} is imported"
    measured = f"{footprint.distribution} {footprint.version}"
    return footprint.resident, f": it takes {mib(footprint.resident)} MiB when {when} ({measured})"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the manifests that are named, or on all of the project."""
    parser = run.make_parser(HOOK, __doc__ or "")
    run.add_target_options(parser)
    parser.add_argument("files", nargs="*", help="requirements files and pyproject.toml; without any, all of the project")
    options = parser.parse_args(argv)
    return run.run(options, check, files=options.files or None)


if __name__ == "__main__":
    raise SystemExit(main())
