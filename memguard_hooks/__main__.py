"""The commands: each loads what is asked for, and nothing before it is known.

The programs start here, and `python -m memguard_hooks` has the current folder on its path: nothing may be imported before
`leave_projects`, not even `__future__`.
"""

import sys

TYPE_CHECKING = False  # as typing has it: `memguard health` answers a probe, and each module that it loads takes time
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from memguard_hooks.replay import Replay


def check(argv: "Sequence[str]") -> int:
    """Judge a project by all hooks."""
    from memguard_hooks.replay import front

    def run(argv: "Sequence[str] | None", replay: "Replay") -> int:
        from memguard_hooks.commands import check as command

        return command.main(argv, replay)

    if sys.stdout is None or sys.stdout.isatty():  # where the report is in color
        from memguard_hooks.commands import check as command

        return command.main(argv)
    return front("memguard check", argv, run)


def config(argv: "Sequence[str]") -> int:
    """Print the settings that count, or their schema."""
    from memguard_hooks.commands import config as command

    return command.main(argv)


def explain(argv: "Sequence[str]") -> int:
    """Print the documentation of a rule, or what is behind a verdict."""
    from memguard_hooks.commands import explain as command

    return command.main(argv)


def fix(argv: "Sequence[str]") -> int:
    """Fix what can be fixed."""
    from memguard_hooks.commands import fix as command

    return command.main(argv)


def health(argv: "Sequence[str]") -> int:
    """Look at the container that this runs in."""
    from memguard_hooks.commands import health as command

    return command.main(argv)


def hook(argv: "Sequence[str]") -> int:
    """Run what pre-commit runs as `memguard`."""
    from memguard_hooks.commands import hook as command

    return command.main(argv)


def init(argv: "Sequence[str]") -> int:
    """Set a project up."""
    from memguard_hooks.commands import init as command

    return command.main(argv)


def logs(argv: "Sequence[str]") -> int:
    """Tell what a log says most."""
    from memguard_hooks.commands import logs as command

    return command.main(argv)


def measure(argv: "Sequence[str]") -> int:
    """Run a project under a probe."""
    from memguard_hooks.commands import measure as command

    return command.main(argv)


COMMANDS: "dict[str, tuple[Callable[[Sequence[str]], int], str]]" = {
    "check": (check, "judge a whole project by all hooks, before it is deployed"),
    "config": (config, "print the settings that count, and where each comes from"),
    "explain": (explain, "tell what a rule finds and how to fix it, or what is behind a verdict"),
    "fix": (fix, "move heavy imports into the functions that use them, and write pins"),
    "health": (health, "on the host: tell how its memory, packages and variables fare"),
    "hook": (hook, "judge the files of a commit by all hooks that they wake, as pre-commit does"),
    "init": (init, "set a project up for pre-commit and GitHub Actions"),
    "logs": (logs, "tell what a log says most, whether its platform drops lines, and what to say less often"),
    "measure": (measure, "run a project's entry points, and tell what they really take"),
}

SHELLS = ("bash", "zsh", "tcsh")

HELP = f"""usage: memguard COMMAND [OPTION ...]

Say before a deploy how many MiB a Python app takes on its host, which import brings them, and what to change.

commands:
{"".join(f"  {name:<8}  {line}{chr(10)}" for name, (_, line) in COMMANDS.items())}
options:
  -h, --help                      show this, or with a command what it takes
  --version                       show the version
  --print-completion {"|".join(SHELLS)}
                                  print what completes `memguard` in a shell; needs the extra `completion`

examples:
  memguard init                   set up the project in this folder
  memguard check                  judge it
  memguard explain MG201          tell what a finding means, and how to fix it
  memguard help check             list the options of a command

exit status: 0 clean, 1 findings, 2 usage, settings or input at fault
"""


INTERRUPTED = 130
"""What a shell says of a program that was stopped by Ctrl-C."""


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the sub-command that is named."""
    if argv is not None:
        return until_interrupted(lambda: _run(list(argv)))
    leave_projects()
    return end(until_interrupted(lambda: _run(sys.argv[1:])))


def until_interrupted(run: "Callable[[], int]") -> int:
    """Run a program, which Ctrl-C ends in one line, and a package that is not installed."""
    try:
        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except ModuleNotFoundError as error:
        from memguard_hooks.errors import lacking

        said = lacking(error)
        if said is None:
            raise
        sys.stderr.write(f"error: {said}\n")
        return 2


def end(status: int) -> int:
    """End the process, once all is written; return the status only where it cannot be.

    Python would take all objects of the run apart one by one, which takes as long as half of a replay.
    """
    import atexit
    import os

    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - what others have asked for still happens
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(status)
    except (OSError, ValueError):
        return status


def _run(words: "list[str]") -> int:
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]][0](words[1:])
    if words == ["help"] or (words and words[0] in ("-h", "--help")):
        sys.stdout.write(HELP)
        return 0
    if words == ["--version"]:
        from memguard_hooks.published import version

        sys.stdout.write(f"memguard {version()}\n")
        return 0
    if len(words) == 2 and words[0] == "help" and words[1] in COMMANDS:
        return COMMANDS[words[1]][0](["--help"])
    if len(words) == 2 and words[0] == "--print-completion" and words[1] in SHELLS:
        return print_completion(words[1])
    if not words:
        sys.stderr.write(HELP)
        return 2
    from memguard_hooks.output import tell

    tell(_mistake(words))
    return 2


def leave_projects() -> None:
    """Import nothing from the projects that are judged: of the current folder, or of those that the arguments name.

    `-m` puts the current folder on the path, and `PYTHONPATH` may name folders of the project. The folder that holds this
    package stays: what lies beside it is trusted as much.
    """
    import os

    _name_all_files()
    try:
        os.getcwd()
    except OSError as error:
        sys.stderr.write(f"error: the current folder is not there: {error.strerror}\n")
        os._exit(2)
    named = os.environ.get("PYTHONPATH", "") if not sys.flags.ignore_environment else ""
    here = os.path.realpath(os.curdir)
    if not named and sys.path and os.path.realpath(sys.path[0]) != here:
        return
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    folders = (os.path.realpath(word) for word in sys.argv[1:] if _is_folder(word, here))
    roots = {_repository(place) for place in (here, *folders)}
    foreign = {
        place
        for place in map(os.path.realpath, named.split(os.pathsep))
        if place != ours and any(f"{place}{os.sep}".startswith(f"{root.rstrip(os.sep)}{os.sep}") for root in roots)
    }
    if here != ours:
        foreign.add(here)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) not in foreign]


def _name_all_files() -> None:
    """Begin again in UTF-8 mode where the locale cannot name all files: what they import would be taken for not there."""
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.utf8_mode:
        return
    import os

    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - no shell is needed


def _is_folder(word: str, here: str) -> bool:
    """Return whether an argument names a folder; no link is followed that the current folder holds."""
    import os

    path = os.path.normpath(os.path.join(here, word))
    if not path.startswith(f"{here.rstrip(os.sep)}{os.sep}"):
        return os.path.isdir(path)
    place = here
    for part in os.path.relpath(path, here).split(os.sep):
        place = os.path.join(place, part)
        if os.path.islink(place) or not os.path.isdir(place):
            return False
    return True


def _repository(place: str) -> str:
    """Return the folder above a place that has a folder of git, the place itself where none has."""
    import os

    folder = place
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return place
        folder = above
    return folder


# The programs of the hooks


def pin_litellm() -> int:
    """Run `pin-litellm`."""
    leave_projects()
    from memguard_hooks.hooks import pin_litellm as hook

    return end(until_interrupted(hook.main))


def forbid_heavy_deps() -> int:
    """Run `forbid-heavy-deps`."""
    leave_projects()
    from memguard_hooks.hooks import forbid_heavy_deps as hook

    return end(until_interrupted(hook.main))


def no_eager_heavy_imports() -> int:
    """Run `no-eager-heavy-imports`."""
    leave_projects()
    from memguard_hooks.hooks import no_eager_heavy_imports as hook

    return end(until_interrupted(hook.main))


def memory_budget() -> int:
    """Run `memory-budget`."""
    leave_projects()
    from memguard_hooks.hooks import memory_budget as hook

    return end(until_interrupted(hook.main))


def deploy_config() -> int:
    """Run `deploy-config`."""
    leave_projects()
    from memguard_hooks.hooks import deploy_config as hook

    return end(until_interrupted(hook.main))


def python_runtime() -> int:
    """Run `python-runtime`."""
    leave_projects()
    from memguard_hooks.hooks import python_runtime as hook

    return end(until_interrupted(hook.main))


def log_volume() -> int:
    """Run `log-volume`."""
    leave_projects()
    from memguard_hooks.hooks import log_volume as hook

    return end(until_interrupted(hook.main))


def _mistake(words: list[str]) -> str:
    """Say what is wrong with a command line, and name the nearest command."""
    if words[0] == "--print-completion":
        return f"memguard: error: --print-completion takes one of {', '.join(SHELLS)}"
    if words[0].startswith("-"):
        return f"memguard: error: unrecognized arguments: {' '.join(words)}; see `memguard --help`"
    if words[0] == "help" and len(words) > 2:
        return "memguard: error: help takes one command"
    import difflib

    name = words[1] if words[0] == "help" else words[0]
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0)
    return f"memguard: error: unknown command {name!r}: did you mean {near[0]!r}?"


def print_completion(shell: str) -> int:
    """Print a script by which a shell completes commands, options and codes; it never starts Python."""
    try:
        import shtab
    except ImportError:
        sys.stderr.write("memguard: error: completion needs shtab: pip install 'memguard-hooks[completion]'\n")
        return 2
    sys.stdout.write(shtab.complete(make_parser(), shell=shell))
    return 0


def make_parser() -> "argparse.ArgumentParser":
    """Return the parser of the whole command line, which loads every sub-command: for completion alone."""
    import argparse

    from memguard_hooks.commands import check, config, explain, fix, health, init, logs, measure

    parser = argparse.ArgumentParser(prog="memguard")
    parser.add_argument("--version", action="store_true", help="show the version")
    commands = parser.add_subparsers()
    for module in (check, config, explain, fix, health, init, logs, measure):
        one = module.make_parser()
        name = one.prog.partition(" ")[2]
        commands.add_parser(name, help=COMMANDS[name][1], parents=[one], add_help=False)
    commands.add_parser("hook", help=COMMANDS["hook"][1])
    names = commands.add_parser("help", help="list the options of a command")
    names.add_argument("command", choices=tuple(COMMANDS), help="a command")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
