"""Compare what is read of made Procfiles, and of made settings of supervisord and circus, with their own parsers.

    pip install honcho supervisor circus
    python benchmarks/managers.py [--files 300] [--seed 1]

A third of the files is of each program: comments, blank lines, options that do not matter, variables, programs that do not
start by themselves, numbers of processes, folders, included files. A file is alike where the commands, their numbers and
their folders are those that the program itself reads. Nothing is started.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from memguard_hooks.deployment.servers import process_managers
from memguard_hooks.deployment.servers.managed import Managed
from memguard_hooks.deployment.start import Host

COMMANDS = ("python a.py", "gunicorn -w 2 a:app", "celery -A a worker -c 3", "python -m a --x 'b c'", 'sh -c "python b.py"',
            "uvicorn a:app --port 80")  # fmt: skip


class Read(NamedTuple):
    """A command, how many processes run it, and the folder that they work in."""

    command: str
    copies: int
    folder: str


class Made(NamedTuple):
    """The files of one case, and the words that the program is given."""

    files: dict[str, str]
    words: list[str]


# Files


def _names(random_: random.Random) -> list[str]:
    return random_.sample(("web", "worker", "beat", "bot_1", "web-2", "clock"), random_.randint(1, 5))


def make_procfile(random_: random.Random) -> Made:
    """Make a Procfile, and say which of its processes are started, and how often."""
    lines: list[str] = []
    names = _names(random_)
    for name in names:
        lines += random_.choice(([], ["# a comment"], [""], ["not a process"]))
        lines.append(f"{name}:{random_.choice((' ', '   ', ''))}{random_.choice(COMMANDS)}")
    words = ["start"]
    if random_.random() < 0.4:
        words += ["-c", ",".join(f"{name}={random_.randint(1, 4)}" for name in random_.sample(names, 1))]
    if random_.random() < 0.3:
        words += random_.sample(names, random_.randint(1, len(names)))
    return Made({"Procfile": "\n".join(lines) + random_.choice(("", "\n"))}, words)


def _section(kind: str, name: str, keys: dict[str, str], random_: random.Random) -> str:
    mark = random_.choice(("=", " = ", "= "))
    lines = [f"{key}{mark}{value}" for key, value in random_.sample(sorted(keys.items()), len(keys))]
    comment = random_.choice(("", "; a comment\n", "\n"))
    return f"{comment}[{kind}:{name}]\n" + "\n".join(lines) + "\n"


def make_supervisord(random_: random.Random) -> Made:
    """Make settings of supervisord, perhaps with programs in files that they include."""
    parts: list[str] = []
    for name in _names(random_):
        keys = {"command": random_.choice(COMMANDS)}
        if random_.random() < 0.4:
            keys |= {"numprocs": str(random_.randint(1, 4)), "process_name": "%(program_name)s_%(process_num)02d"}
        if random_.random() < 0.4:
            keys["autostart"] = random_.choice(("true", "false", "yes", "no", "1", "0", "on", "off"))
        if random_.random() < 0.4:
            keys["directory"] = random_.choice(("/srv", "/srv/app"))
        if random_.random() < 0.4:
            keys |= {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": "0", "priority": "10"}
        if random_.random() < 0.2:
            keys["command"] += " ; a comment"
        parts.append(_section("program", name, keys, random_))
    head = "[supervisord]\nnodaemon=true\n[unix_http_server]\nfile=/tmp/x.sock\n"
    if random_.random() < 0.3:
        rest = "".join(parts[1:])
        files = {"supervisord.conf": f"{head}[include]\nfiles = conf.d/*.conf\n{parts[0]}"}
        return Made(
            {**files, "conf.d/b.conf": rest} if rest else files | {"conf.d/b.conf": parts[0]}, ["-c", "supervisord.conf"]
        )
    return Made({"supervisord.conf": head + "".join(parts)}, ["-c", "supervisord.conf"])


def make_circus(random_: random.Random) -> Made:
    """Make settings of circus."""
    parts: list[str] = []
    for name in _names(random_):
        keys = {"cmd": random_.choice(COMMANDS)}
        if random_.random() < 0.4:
            keys["numprocesses"] = str(random_.randint(1, 4))
        if random_.random() < 0.3:
            keys["args"] = random_.choice(("--a 1", "-v"))
        if random_.random() < 0.3:
            keys["working_dir"] = random_.choice(("/srv", "/srv/app"))
        if random_.random() < 0.3:
            keys["autostart"] = random_.choice(("true", "false", "yes", "no", "1", "0", "on", "off"))
        if random_.random() < 0.3:
            keys |= {"copy_env": "True", "priority": "2", "stdout_stream.class": "StdoutStream"}
        parts.append(_section("watcher", name, keys, random_))
    sockets = random_.choice(("", "[socket:web]\nhost = 127.0.0.1\nport = 8080\n", "[env:web]\nA = 1\n"))
    return Made({"circus.ini": "[circus]\ncheck_delay = 5\n" + "".join(parts) + sockets}, ["circus.ini"])


# What the programs themselves read


def ask_honcho(folder: Path, words: list[str]) -> list[Read]:
    """Return what honcho starts."""
    environ: Any = importlib.import_module("honcho.environ")
    processes = environ.parse_procfile((folder / "Procfile").read_text(encoding="utf-8")).processes
    rest, counts = words[1:], {}
    if rest[:1] == ["-c"]:
        counts = {name: int(number) for name, number in (one.split("=") for one in rest[1].split(","))}
        rest = rest[2:]
    chosen = {name: processes[name] for name in rest} if rest else processes
    found = environ.expand_processes(chosen, concurrency=counts, env={}, port=None)
    commands: dict[str, list[str]] = {}
    for one in found:
        commands.setdefault(one.name.rpartition(".")[0], []).append(one.cmd)
    return [Read(each[0], len(each), "") for each in commands.values()]


def ask_supervisord(folder: Path, words: list[str]) -> list[Read]:
    """Return what supervisord starts by itself."""
    options: Any = importlib.import_module("supervisor.options")
    server = options.ServerOptions()
    server.realize(["-c", str(folder / words[-1])], doc="")
    server.process_config(do_usage=False)
    found: list[Read] = []
    for group in server.process_group_configs:
        configs = [one for one in group.process_configs if one.autostart]
        if configs:
            found.append(Read(configs[0].command, len(configs), configs[0].directory or ""))
    return found


def ask_circus(folder: Path, words: list[str]) -> list[Read]:
    """Return what circus starts by itself."""
    config: Any = importlib.import_module("circus.config")
    found: list[Read] = []
    for one in config.get_config(str(folder / words[-1]))["watchers"]:
        if one.get("autostart", True):
            command = f"{one['cmd']} {one.get('args') or ''}".strip()
            found.append(Read(command, int(one.get("numprocesses", 1)), one.get("working_dir") or ""))
    return found


# Both


class Program(NamedTuple):
    """A program: its distribution, how its files are made, what it reads of them itself, and what is read here."""

    distribution: str
    make: Callable[[random.Random], Made]
    ask: Callable[[Path, list[str]], list[Read]]
    read: Callable[[list[str], Host], list[Managed]]


PROGRAMS = (
    Program("honcho", make_procfile, ask_honcho, lambda words, host: process_managers.read_procfile("honcho", words, host)),
    Program("supervisor", make_supervisord, ask_supervisord, process_managers.read_supervisord),
    Program("circus", make_circus, ask_circus, process_managers.read_circus),
)


def read_here(program: Program, made: Made) -> list[Read]:
    """Return what is read here of the files of a case."""
    held = {name: text.encode() for name, text in made.files.items()}

    def names_in(folder: str) -> list[str]:
        return sorted({name[len(folder) :].lstrip("/").split("/")[0] for name in held if name.startswith(folder)})

    found = program.read(made.words, Host({}, held.get, names_in=names_in))
    return [Read(one.command, one.copies, one.folder) for one in found]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the cases that differ, and how many are alike."""
    parser = argparse.ArgumentParser(description="Compare readers of process managers with their own parsers.")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    differ = 0
    for program in PROGRAMS:
        random_ = random.Random(f"{program.distribution} {options.seed}")  # noqa: S311 - cases, no secrets
        alike = 0
        number = options.files // len(PROGRAMS)
        for case in range(number):
            made = program.make(random_)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(os.path.realpath(name))
                for path, text in made.files.items():
                    (folder / path).parent.mkdir(exist_ok=True)
                    (folder / path).write_text(text, encoding="utf-8")
                theirs = sorted(program.ask(folder, made.words))
            ours = sorted(read_here(program, made))
            alike += ours == theirs
            if ours != theirs:
                print(f"{program.distribution} {case}: {made.words}\n  here   {ours}\n  itself {theirs}")
        version = importlib.metadata.version(program.distribution)
        print(f"{program.distribution} {version}: {alike} of {number} alike")
        differ += number - alike
    return 1 if differ else 0


if __name__ == "__main__":
    raise SystemExit(main())
