"""What the manifests pin can be installed on the Python that the host runs.

A release of a compiled package has wheels for the Pythons that were there when it came out. On another one it is built
from source, which takes minutes, memory and a compiler, or fails; so does a deploy after which the platform's default
has moved. No wheel (MG711), two files that name two Pythons (MG712), none that names one (MG713), libraries of the
system that the image lacks (MG714), wheels for glibc or x86_64 alone (MG715), a `requires-python` that excludes the
Python of the host (MG716), a Python past its end of life (MG717), a release that is withdrawn (MG718), more than the
platform deploys (MG719), builds for GPUs on a host without one (MG720). Wheels are known from the lock's own list, else
from a dated table.

bad:  pandas==2.1.4                             (and python-3.13 in runtime.txt)
bad:  FROM python:3.8-slim
good: pandas==2.2.3
good: FROM python:3.12-slim

Options: `--fix`, `--platform NAME`, `--entrypoint APP`, `--target-python X.Y`; settings: those of memory-budget. A line
is allowed by `# memguard: allow[MG711] reason` at its end, or on the line above.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Finding, Report, Skipped
    from memguard_hooks.fix.specifier_edit import Wish
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.python.hosts import PythonHost

HOOK = "python-runtime"

RULES = {
    "MG711": "no wheel for the Python of the host",
    "MG712": "two files name two Pythons",
    "MG713": "nothing names the Python",
    "MG714": "libraries of the system that the image lacks",
    "MG715": "no wheel for the libc or the machine of the host",
    "MG716": "a requires-python that excludes the Python of the host",
    "MG717": "a Python past its end of life",
    "MG718": "a release that its makers have withdrawn",
    "MG719": "more than the platform deploys",
    "MG720": "builds for GPUs on a host without one",
}


def check(project: Project) -> Report:
    """Judge the Python of each service, and what is installed for it."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.deployment import comments

    found, hosts = of_hosts(project)
    of_installed, skipped = of_packages(project, hosts)
    found += of_installed
    paths = sorted({one.path for one in found})
    return Report(tuple(comments.apply(project, list(dict.fromkeys(found)), paths, HOOK)), skipped=skipped)


def of_hosts(project: Project) -> tuple[list[Finding], list[PythonHost]]:
    """Judge the Python of each service by itself; return the hosts too."""
    from memguard_hooks.rules.python import hosts as python_hosts

    hosts = list(python_hosts.find(project))
    if not hosts:
        return [], []
    from memguard_hooks.rules.python import runtime

    # Services that share a file are told once.
    found = {(one.code, one.path, one.line): one for one in reversed(list(runtime.check(project, hosts)))}
    return list(found.values()), hosts


def of_packages(project: Project, hosts: list[PythonHost]) -> tuple[list[Finding], tuple[Skipped, ...]]:
    """Judge what is installed for the hosts, and whether they may move to another Python under it."""
    from memguard_hooks.rules.python import compiled

    if not compiled.concerns(project):
        return [], ()
    from memguard_hooks.rules.python import sizes, yanked

    found: list[Finding] = []
    skipped: tuple[Skipped, ...] = ()
    unbuilt = hosts
    if hosts:
        from memguard_hooks.rules.python import system_libraries, wheels

        missing = wheels.find(project, hosts)
        found += wheels.judge(missing.packages)
        found += system_libraries.find(project, wheels.installs(project, hosts, frozenset(system_libraries.NEEDS)))
        told, skipped = {one.host.key for one in missing.packages}, missing.skipped
        unbuilt = [host for host in hosts if host.key not in told]
    found += yanked.find(project)
    found += sizes.find(project, hosts)
    is_moving = bool(unbuilt) or any(service.base is not None for service in project.discovered[0].services)
    if is_moving and compiled.has_compiled(project):
        from memguard_hooks.rules.python import runtime

        found += runtime.find_moving(project, unbuilt)
    return found, skipped


def fix(project: Project) -> tuple[str, ...]:
    """Write what findings propose, and return what was done, one line each."""
    from memguard_hooks.fix import pins, python_file
    from memguard_hooks.tree import WorkTree

    assert isinstance(project.tree, WorkTree)
    wishes, pythons = proposals(project)
    told: list[str] = []
    for folder, python in pythons:
        told += python_file.write(project.tree, folder, python)
    return (*told, *pins.write_pins(project.tree, wishes))


def proposals(project: Project) -> tuple[list[Wish], list[tuple[str, str]]]:
    """Return the versions that findings propose, and the folders with the Python that is to be written there.

    Where only the platform's default decides the Python, the one before it is written down; else the versions change.
    """
    from memguard_hooks.fix.specifier_edit import Wish
    from memguard_hooks.rules.python import hosts as python_hosts
    from memguard_hooks.rules.python import wheels

    kept = {(one.path, one.line, one.subject) for one in check(project).findings}
    hosts = list(python_hosts.find(project))
    packages = [one for one in wheels.find(project, hosts).packages if (one.place.path, one.place.line, one.name) in kept]
    pythons: list[tuple[str, str]] = []
    for host in hosts:
        python = wheels.nearest_python([one for one in packages if one.host.key == host.key]) if host.is_default else None
        if python is not None and (host.service.folder, python) not in pythons:
            pythons.append((host.service.folder, python))
    wishes = [
        Wish(one.requirement, one.nearest)
        for one in packages
        if one.requirement is not None and one.nearest is not None and not one.host.is_default
    ]
    return wishes, pythons


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the Python of the project in the working folder."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    return running.run(asked, check, fix=fix if asked.fix else None, replay=replay, waking=asked.files)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_budget_options(parser)
    parser.add_argument("--fix", action="store_true", help="write the nearest version that has a wheel, or .python-version")
    options.add_waking_files(parser)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
