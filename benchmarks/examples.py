"""Measure the two bots in examples/: imported alone, and served as their Procfile says.

    python benchmarks/examples.py [--python PYTHON] [--keep DIR]

Installs each bot's requirements.txt from the package index into a fresh virtual environment.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import shutil
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from process_memory import (
    MIB,
    Memory,
    Process,
    add_up,
    free_port,
    install,
    measure_import,
    read_settled_tree,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BOTS = ("oom-bot", "lean-bot")

VERSIONS = """
import platform, re, sys
from importlib.metadata import version
lines = [line.partition("#")[0].strip() for line in open(sys.argv[1])]
names = [re.split(r"[\\[<>=~! ]", line)[0] for line in lines if line]
print(", ".join([f"CPython {platform.python_version()}", *(f"{n} {version(n)}" for n in names)]))
"""


class Measurement(NamedTuple):
    """What one bot takes."""

    bot: str
    versions: str
    imported: Memory
    processes: list[Process]


def web_command(procfile: Path, port: int) -> list[str]:
    """Return the Procfile's web command, on the loopback address and this port."""
    for line in procfile.read_text().splitlines():
        name, _, command = line.partition(":")
        if name == "web":
            local = command.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - it is what we replace
            return shlex.split(local.replace("$PORT", str(port)))
    raise ValueError(f"{procfile} has no web process")


def measure(bot: str, python: str, directory: Path) -> Measurement:
    """Install, import and serve one bot."""
    interpreter = install(directory / f"{bot}-env", python, (EXAMPLES / bot / "requirements.txt").read_text())
    # A copy, so that bytecode and logs do not land in the checkout.
    code = directory / bot
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(EXAMPLES / bot, code)
    versions = subprocess.run(
        [str(interpreter), "-c", VERSIONS, "requirements.txt"],
        check=True,
        cwd=code,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    imported = measure_import(interpreter, code, ["main"], {})
    port = free_port()
    program, *arguments = web_command(code / "Procfile", port)
    command = [str(interpreter.parent / program), *arguments]
    with serve(command, code, {}, f"http://127.0.0.1:{port}/health") as pid:
        processes = read_settled_tree(pid)
    return Measurement(bot, versions, imported, processes)


def render(measurements: Sequence[Measurement]) -> str:
    """Render the measurements as a markdown table with the versions below it."""
    lines = [
        "| bot | `import main`: resident | anonymous | processes | served: PSS | RSS | anonymous |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bot, _, imported, processes in measurements:
        served = add_up(processes)
        sizes = (imported.rss, imported.anonymous, served.pss, served.rss, served.anonymous)
        own, own_anonymous, *tree = (f"{size / MIB:.0f}" for size in sizes)
        row = (f"`{bot}`", own, own_anonymous, str(len(processes)), *tree)
        lines.append(f"| {' | '.join(row)} |")
    today = datetime.now(timezone.utc).date().isoformat()
    lines += ["", f"MiB; {platform.system()} {platform.machine()}; {today}", ""]
    lines += [f"- `{each.bot}`: {each.versions}" for each in measurements]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure both bots and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="python3.11", help="interpreter of the bots")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep and reuse the environments")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.keep or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        print(render([measure(bot, options.python, directory) for bot in BOTS]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
