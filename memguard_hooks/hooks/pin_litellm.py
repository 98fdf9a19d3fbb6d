"""Heavy packages are pinned: litellm exactly and below a limit, others by `[pins]`.

A package that is not pinned grows by itself between two deploys. litellm must be pinned exactly
(`==` without a wildcard, `===`, Poetry's bare version, a full commit), to a version below the limit (`<1.70`),
that is still served and was not withdrawn. Every other heavy package that is not pinned is a warning, and an error
where `[pins]` names it. The limit is policy: memory is claimed only where it was measured.

Each declaration that is deployed is judged by itself, in manifests of any format, in `pip install` lines of
Dockerfiles and of build commands, and in locks; a constraint that the manifest names may pin it. Where a lock or a
compiled requirements file that is installed pins a package, a range in the manifest is a warning for litellm and for
what `[pins]` names, and right for everything else; the two must agree. Development and files that the deployment does
not install are judged for withdrawn releases alone.

bad:  litellm>=1.30
bad:  litellm==1.82.7
good: litellm==1.69.3
good: litellm===1.55.0

Options: `--max-version X` (inclusive), `--fix`; settings: `[pins]` with specifiers by package.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Report
    from memguard_hooks.fix.specifier_edit import Wish
    from memguard_hooks.hooks.options import Options
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import Settings

HOOK = "pin-litellm"

RULES = {
    "MG101": "not pinned exactly",
    "MG102": "above the limit",
    "MG103": "a withdrawn release",
    "MG104": "lock and manifest disagree",
    "MG105": "a version that is not served any more",
    "MG106": "declared twice",
}


def check(project: Project) -> Report:
    """Judge each declaration of a heavy package in the manifests, the locks and what commands install."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.dependencies import pins

    return Report(pins.find(project)[0])


def fix(project: Project) -> tuple[str, ...]:
    """Write the pins that findings propose into the manifests, and return what was done, one line each."""
    from memguard_hooks.fix.pins import restore_manifests, write_pins
    from memguard_hooks.tree import WorkTree

    assert isinstance(project.tree, WorkTree)
    restore_manifests(project.tree, project.paths)
    return write_pins(project.tree, wishes(project))


def wishes(project: Project) -> list[Wish]:
    """Return the pins that findings propose."""
    from memguard_hooks.fix.specifier_edit import Wish
    from memguard_hooks.rules.dependencies import pins

    findings, judged = pins.find(project)
    kept = frozenset(findings)
    written = (one for one in judged if one.finding in kept and one.may_write)
    return [Wish(one.requirement, one.version) for one in written if one.version is not None]


def _adjust(settings: Settings, options: Options) -> Settings:
    from memguard_hooks.hooks import running
    from memguard_hooks.rules.policy import LITELLM

    if options.max_version is not None:
        settings = settings._replace(
            pins={**settings.pins, LITELLM: f"<={options.max_version}"},
            pin_sources={**settings.pin_sources, LITELLM: "--max-version"},
        )
    return running.adjust_service(settings, options)


def _checked_version(text: str) -> str:
    from argparse import ArgumentTypeError

    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(text))
    except InvalidVersion:
        raise ArgumentTypeError(f"not a version: {text!r}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the files that are named, or on all of the project."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    files, write = asked.files or None, fix if asked.fix else None
    return running.run(asked, check, files=files, adjust=_adjust, fix=write, replay=replay)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_target_options(parser)
    parser.add_argument(
        "--max-version",
        metavar="X",
        type=_checked_version,
        help="newest version of litellm that is allowed, inclusive",
    )
    parser.add_argument("--fix", action="store_true", help="write the pins into the manifests; locks are left alone")
    parser.add_argument("files", nargs="*", help="manifests, locks and Dockerfiles; without any, all of the project")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
