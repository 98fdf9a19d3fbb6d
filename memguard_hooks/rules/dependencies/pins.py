"""What `pin-litellm` judges in one project: the declarations of heavy packages, and the locks that hold them."""

from __future__ import annotations

from memguard_hooks.allowance import apply_allowances, read_allowances
from memguard_hooks.rules.policy import CEILING, LITELLM

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from memguard_hooks.finding import Finding
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.dependencies.pin_judge import JudgedRequirement

HOOK = "pin-litellm"


def find(project: Project) -> tuple[tuple[Finding, ...], list[JudgedRequirement]]:
    """Return the findings that nothing allows, and what may be fixed of all that was judged."""
    pins = {LITELLM: CEILING, **project.settings.pins}
    names = pins.keys() | project.heavy.distributions.keys()
    manifests = project.declared.manifests(names, with_repeated=True)
    may_install = any(project.declared.may_install(path) for path in project.paths)
    commands = [one for one in project.declared.installed_by_commands if one.name in names] if may_install else []
    locks = project.declared.locks(pins)
    if not (any(one.requirements or one.comments for one in manifests) or commands or locks):
        return (), []
    from memguard_hooks.dependencies.requirement import Manifest
    from memguard_hooks.rules.dependencies.pin_judge import Judge

    judge = Judge(project, pins, names)
    judged = [one for manifest in (*manifests, Manifest(tuple(commands))) for one in judge.requirements(manifest)]
    findings = [one.finding for one in judged]
    findings += [found for lock in locks for found in judge.packages(lock)]
    if any(len({one.name for one in manifest.requirements}) < len(manifest.requirements) for manifest in manifests):
        from memguard_hooks.rules.dependencies.twice import find_twice

        python, is_deployed = project.declared.host_python, judge.is_deployed
        findings += [found for manifest in manifests for found in find_twice(manifest, python, is_deployed)]
    allowances = read_allowances(comment for manifest in manifests for comment in manifest.comments)
    return tuple(apply_allowances(HOOK, findings, allowances, owns_unknown=True)), judged
