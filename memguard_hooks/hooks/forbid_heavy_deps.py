"""Packages that a small host cannot carry are not declared.

torch, tensorflow, transformers, tokenizers, huggingface-hub, grpcio and google-api-python-client are
forbidden by default. What the project itself asks for is an error (MG110), in manifests of any format and in
`pip install` lines of Dockerfiles and of build commands. What only other packages bring is MG111, with the way to it,
as locks and compiled files (`# via litellm`) say: an error where the package is heavy or was added by the project's
settings, else a warning. Without a lock the catalog tells what measured distributions had brought: a warning.

A heavy package that is declared and imported nowhere (MG121), or that the code does without wherever it is missing
(MG122), is a warning. Constraints, development, build requirements, extras that nobody asks for, markers that cannot
hold, and files that the deployment does not install bring nothing to the host.

bad:  torch==2.8.0
bad:  tokenizers
good: onnxruntime==1.20.1
good: tiktoken==0.9.0

Settings: `[forbid]` with `add`, `remove`, `allow = {name = "reason"}` and `companions = true` (MG120).
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Report
    from memguard_hooks.project.project import Project

HOOK = "forbid-heavy-deps"

RULES = {
    "MG110": "forbidden and declared",
    "MG111": "forbidden and brought by another package",
    "MG120": "a companion is missing",
    "MG121": "heavy and imported nowhere",
    "MG122": "heavy and only optional",
}


def check(project: Project) -> Report:
    """Judge what the manifests, the locks and the commands that install bring to the host."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.dependencies import forbidden

    return Report(tuple(forbidden.find(project)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the files that are named, or on all of the project."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    return running.run(asked, check, files=asked.files or None, replay=replay)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_target_options(parser)
    parser.add_argument("files", nargs="*", help="manifests, locks and Dockerfiles; without any, all of the project")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
