"""Programs that run another one, such as `poetry run`, `tini --` or `timeout 30`: how to find the command behind them.

The options are those of each program's own help; what a program does besides (an agent, a proxy, a secret store that
sets variables) is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from types import MappingProxyType

from memguard_hooks.deployment.options import names
from memguard_hooks.record import Literal, Record


class Wrapper(Record):
    """How a program names the command that it runs.

    `verb` is the subcommand; `valued` are options that take the next word; `words` stand before the command.
    `is_dashed` tells that the command stands behind `--`; `folder` is the option that changes to a folder, `module` and
    `script` those whose value Python runs, and `line` those whose value a shell does. `kind` is what the command is: words,
    one word that a shell splits, or what Python runs.
    """

    verb: str = ""
    valued: frozenset[str] = frozenset()
    words: int = 0
    is_dashed: bool = False
    folder: frozenset[str] = frozenset()
    module: frozenset[str] = frozenset()
    script: frozenset[str] = frozenset()
    line: frozenset[str] = frozenset()
    kind: Literal["words", "line", "python"] = "words"


class Unwrapped(Record):
    """The command behind a wrapper, and the folder that it changes to first; `reason` says why there is none."""

    words: tuple[str, ...]
    folder: str = ""
    reason: str | None = None


_UV = names(
    "--extra --group --no-group --only-group --no-extra --env-file --with --with-editable --with-requirements --package "
    "--python -p --index --default-index --index-url -i --extra-index-url --find-links -f --upgrade-package -P "
    "--upgrade-group --reinstall-package --index-strategy --keyring-provider --resolution --prerelease --fork-strategy "
    "--exclude-newer --exclude-newer-package --config-setting -C --config-settings-package --no-build-isolation-package "
    "--no-build-package --no-binary-package --no-sources-package --refresh-package --link-mode --cache-dir "
    "--python-platform --color --allow-insecure-host --directory --project --config-file --from --constraints -c "
    "--overrides --build-constraints -b --torch-backend -w"
)
_DIRECTORY = names("--directory")

_PLAIN = ("command", "nohup", "setsid", "prlimit", "catchsegv", "unbuffer", "with-contenv", "ddtrace-run", "elasticapm-run",
          "contrast-python-run", "splunk-py-trace", "datadog-init", "start-nginx", "start-nginx-debug",
          "start-pgbouncer", "start-pgbouncer-stunnel", "start-stunnel", "qgtunnel", "linux64")  # fmt: skip
_INITS = ("dumb-init", "tini", "tini-static", "docker-init", "catatonit")
_USERS = ("gosu", "su-exec", "s6-setuidgid", "setuidgid", "envdir", "s6-envdir")
_CONDAS = ("conda", "mamba", "micromamba")
_WAITS = ("wait-for-it", "wait-for-it.sh", "wait-for", "wait-for.sh")

_CONDA = Wrapper("run", names("-n --name -p --prefix --cwd -a --attach -e --env"), folder=names("--cwd"))

WRAPPERS: dict[str, tuple[Wrapper, ...]] = {
    **dict.fromkeys(_PLAIN, (Wrapper(),)),
    **dict.fromkeys(_INITS, (Wrapper(valued=names("-p -e -r --rewrite")),)),
    **dict.fromkeys(_USERS, (Wrapper(words=1),)),
    **dict.fromkeys(_CONDAS, (_CONDA,)),
    **dict.fromkeys(_WAITS, (Wrapper(is_dashed=True),)),
    # the shell, the kernel and the terminal
    "exec": (Wrapper(valued=names("-a")),),
    "time": (Wrapper(valued=names("-f -o --format --output")),),
    "screen": (Wrapper(valued=names("-S -dmS -mdS -c -e -h -p -s -t -T")),),
    "tmux": (
        Wrapper("new-session", names("-s -n -c -e -x -y -F -t -f"), folder=names("-c"), kind="line"),
        Wrapper("new", names("-s -n -c -e -x -y -F -t -f"), folder=names("-c"), kind="line"),
    ),
    "nice": (Wrapper(valued=names("-n --adjustment")),),
    "ionice": (Wrapper(valued=names("-c -n --class --classdata")),),
    "timeout": (Wrapper(valued=names("-s -k --signal --kill-after"), words=1),),
    "stdbuf": (Wrapper(valued=names("-i -o -e --input --output --error")),),
    "taskset": (Wrapper(words=1),),
    "env": (Wrapper(valued=names("-u -C --unset --chdir"), folder=names("-C --chdir"), line=names("-S --split-string")),),
    "numactl": (Wrapper(valued=names("-i -p -m -N -C")),),
    "chrt": (Wrapper(valued=names("-T -P -D"), words=1),),
    "flock": (Wrapper(valued=names("-w -E --timeout --conflict-exit-code"), words=1, line=names("-c --command")),),
    "systemd-cat": (Wrapper(valued=names("-t -p --identifier --priority")),),
    "softlimit": (Wrapper(valued=names("-a -c -d -f -l -m -o -p -r -s -t")),),
    "fdmove": (Wrapper(words=2),),
    "s6-notifyoncheck": (Wrapper(valued=names("-3 -s -T -t -w -n -c")),),
    "xvfb-run": (Wrapper(valued=names("-e -f -n -p -s -w --error-file --auth-file --server-num --xauth-protocol "
                                      "--server-args --wait")),),
    # users
    "chpst": (Wrapper(valued=names("-u -U -e -/ -n -l -L -m -d -o -p -f -c -P")),),
    "runuser": (Wrapper(valued=names("-u -g -G --user --group --supp-group")),),
    "setpriv": (Wrapper(valued=names("--reuid --regid --groups --inh-caps --bounding-set")),),
    "sudo": (Wrapper(valued=names("-u -g -h -p -C -D --user --group --chdir"), folder=names("-D --chdir")),),
    # environments of Python
    "poetry": (Wrapper("run", names("-C -P --directory --project"), folder=names("-C --directory")),),
    "pipenv": (Wrapper("run", names("--python --pypi-mirror")),),
    "pdm": (Wrapper("run", names("-p --project --venv -c --config"), folder=names("-p --project")),),
    "hatch": (Wrapper("run", names("-e --env -p --project --data-dir --cache-dir --config")),),
    "rye": (Wrapper("run", names("--pyproject")),),
    "uv": (
        Wrapper("run", _UV, folder=_DIRECTORY, module=names("-m --module"), script=names("-s --script")),
        Wrapper("tool run", _UV, folder=_DIRECTORY),
    ),
    "nix-shell": (Wrapper(valued=names("-A --attr -p --packages -I"), line=names("--run --command")),),
    "uvx": (Wrapper(valued=_UV, folder=_DIRECTORY),),
    "pipx": (Wrapper("run", names("--spec --python --pip-args --index-url -i")),),
    "pixi": (Wrapper("run", names("-e --environment --manifest-path")),),
    # what restarts the program for a developer, traces it or profiles it
    "watchmedo": (Wrapper("auto-restart", names("-d -p -i --directory --pattern --patterns --ignore-pattern "
                                                "--ignore-patterns --interval --timeout --signal --kill-after "
                                                "--debounce-interval")),),
    "watchfiles": (Wrapper(valued=names("--ignore-paths --target-type --filter --args --sigint-timeout --sigkill-timeout"),
                           kind="line"),),
    "nodemon": (Wrapper(valued=names("-w -e -d -i -s --watch --ext --delay --ignore --signal --config --cwd"),
                        line=names("-x --exec")),),
    "hupper": (Wrapper(valued=names("-w -x --shutdown-interval"), module=names("-m"), kind="python"),),
    "jurigged": (Wrapper(valued=names("-w --watch --poll"), module=names("-m"), kind="python"),),
    "debugpy": (Wrapper(valued=names("--listen --connect --log-to --configure-subProcess --parent-session-pid "
                                     "--adapter-access-token"), module=names("-m"), kind="python"),),
    "pyinstrument": (Wrapper(valued=names("-r -o -i -p --renderer --outfile --interval --target-description --hide "
                                          "--show"), module=names("-m"), kind="python"),),
    "memray": (Wrapper("run", names("-o -p --output --live-port"), module=names("-m"), kind="python"),),
    "scalene": (Wrapper("run", module=names("-m"), kind="python"), Wrapper(module=names("-m"), kind="python")),
    "viztracer": (Wrapper(valued=names("-o --output_file --tracer_entries"), module=names("-m"), kind="python"),),
    "py-spy": (Wrapper("record", is_dashed=True),),
    # agents that watch
    "newrelic-admin": (Wrapper("run-program"), Wrapper("run-python", module=names("-m"), kind="python")),
    "pyagent": (Wrapper("run", names("-c --config-file")),),
    "opentelemetry-instrument": (Wrapper(valued=names("*")),),
    "logfire": (Wrapper("run", names("--exclude")),),
    # variables and secrets
    "doppler": (Wrapper("run", names("-p -c -t --project --config --token --scope --mount --fallback"),
                        line=names("--command")),),
    "infisical": (Wrapper("run", names("--env --path --projectId --token --domain --tags -c -e"), line=names("--command")),),
    "sops": (Wrapper("exec-env", words=1, kind="line"),),
    "chamber": (Wrapper("exec", is_dashed=True),),
    "op": (Wrapper("run", names("--env-file --account")),),
    "berglas": (Wrapper("exec", names("-l --local")),),
    "envconsul": (Wrapper(valued=names("-config -prefix -secret -consul-addr -vault-addr -log-level")),),
    "teller": (Wrapper("run", names("-c --config")),),
    "aws-vault": (Wrapper("exec", names("-d --duration --region"), words=1),),
    "dotenv": (Wrapper("run", names("-f --file -q --quote")),),
    "dotenvx": (Wrapper("run", names("-f --env-file -e --env -fk --env-keys-file")),),
    # what waits for another service
    "aws-lambda-rie": (Wrapper(valued=names("--log-level --runtime-api-address --runtime-interface-emulator-address")),),
    "litestream": (Wrapper("replicate", names("-config"), line=names("-exec")),),
    "dockerize": (Wrapper(valued=names("-wait -timeout -wait-retry-interval -template -stdout -stderr -env -delims "
                                       "-wait-http-header -poll-interval")),),
}  # fmt: skip


AGENTS = frozenset({"ddtrace-run", "newrelic-admin", "opentelemetry-instrument"})
"""Wrappers that load an agent into each process of the command, as `startup/data/integrations.tsv` has it."""

STAYING = MappingProxyType({"uv": "uv run", "uvx": "uvx", "pdm": "pdm run", "hatch": "hatch run"})
"""Wrappers that start the command as a child and wait for it; `poetry run` and `pipenv run` become the command."""

_MANAGERS_OF_NODE = frozenset({"concurrently", "pm2", "pm2-runtime"})
"""Packages of Node that start programs of any language; what else `npx` runs is no Python."""

MODULES = frozenset(
    {"debugpy", "dotenv", "hupper", "jurigged", "memray", "pyinstrument", "scalene", "viztracer", "watchfiles"}
)
"""Modules that are a wrapper of their name where Python runs them by `-m`."""


def unwrap(words: Sequence[str]) -> Unwrapped | None:
    """Return the command behind the wrapper that starts with the first word, None where that is no wrapper."""
    program = words[0].rpartition("/")[2] if words else ""
    if program in ("su", "runuser"):
        at = next((number for number, word in enumerate(words[:-1]) if word in ("-c", "--command")), None)
        if at is not None:
            return Unwrapped(("sh", "-c", words[at + 1]))
    if program == "cd" and len(words) > 2:  # that of execline, which goes on with the rest of the line
        return Unwrapped(tuple(words[2:]), words[1])
    if program == "npx":
        package, *given = [*dropwhile(lambda word: word.startswith("-"), words[1:]), ""]
        name = package.partition("@")[0]
        return Unwrapped((name, *given[:-1])) if name in _MANAGERS_OF_NODE else None
    for wrapper in WRAPPERS.get(program, ()):
        rest = _behind_verb(words[1:], wrapper)
        if rest is not None:
            return _behind_options(program, rest, wrapper)
    return None


def _behind_verb(words: Sequence[str], wrapper: Wrapper) -> list[str] | None:
    """Return the words with the verb taken out, which may stand behind options; None where it is not there."""
    rest = list(words)
    for verb in wrapper.verb.split():
        at = 0
        while at < len(rest) and rest[at].startswith("-") and rest[at] != "--":
            at += 2 if _takes_next(rest[at], wrapper) else 1
        if at >= len(rest) or rest[at] != verb:
            return None
        del rest[at]
    return rest


def _behind_options(program: str, rest: list[str], wrapper: Wrapper) -> Unwrapped:
    if wrapper.is_dashed:
        found = rest[rest.index("--") + 1 :] if "--" in rest else []
        return Unwrapped(tuple(found), reason=None if found else f"{program} is given no command behind --")
    folder = ""
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        name, has_value, value = option.partition("=")
        if not has_value and (_takes_next(option, wrapper) or name in wrapper.module | wrapper.script | wrapper.line):
            value = rest.pop(0) if rest else ""
        if name in wrapper.folder:
            folder = value
        if name in wrapper.line:
            import shlex

            return Unwrapped(("sh", "-c", " ".join((value, *map(shlex.quote, rest)))), folder)
        if name in wrapper.module:
            return Unwrapped(("python", "-m", value, *rest), folder)
        if name in wrapper.script:
            return Unwrapped(("python", value, *rest), folder)
    rest = rest[wrapper.words :]
    if wrapper.words and len(rest) > 1 and rest[0] in wrapper.line:
        return Unwrapped(("sh", "-c", rest[1]), folder)
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if not rest:
        return Unwrapped((), folder, f"{program} is given no command")
    if program in ("uvx", "pipx"):
        rest[0] = rest[0].partition("@")[0]
    if program == "hatch":
        rest[0] = re.sub(r"^[\w.-]+:", "", rest[0])
    if program == "watchmedo" and "--" in rest:
        rest.remove("--")
    if wrapper.kind == "line":
        return Unwrapped(("sh", "-c", rest[0]), folder)
    return Unwrapped(("python", *rest) if wrapper.kind == "python" else tuple(rest), folder)


def _takes_next(option: str, wrapper: Wrapper) -> bool:
    """Return whether the next word is the value of an option."""
    if "=" in option:
        return False
    return option in wrapper.valued or ("*" in wrapper.valued and option.startswith("--"))
