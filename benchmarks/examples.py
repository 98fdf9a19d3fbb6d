"""Measure the two bots in examples/: imported alone, served as their Procfile says, and after each handler was called.

    python benchmarks/examples.py [--python PYTHON] [--keep DIR]

Installs each bot's requirements.txt from the package index into a fresh virtual environment. The models are asked at a
server of this program, which says that the quota is used up: then a bot has imported all that its handlers import.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import Request, urlopen

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
    from collections.abc import Iterator, Sequence

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BOTS = ("oom-bot", "lean-bot")

KEY, CALLS, PATIENCE = "a key", 8, 20
"""What the bots ask for; how often each handler is called, side by side; and how many seconds an answer may take."""

VERSIONS = """
import platform, re, sys
from importlib.metadata import version
lines = [line.partition("#")[0].strip() for line in open(sys.argv[1])]
names = [re.split(r"[\\[<>=~! ]", line)[0] for line in lines if line]
print(", ".join([f"CPython {platform.python_version()}", *(f"{n} {version(n)}" for n in names)]))
"""


class Measurement(NamedTuple):
    """What one bot takes, imported alone, served, and after each worker has run each handler."""

    bot: str
    versions: str
    imported: Memory
    processes: list[Process]
    used: list[Process]


class Refusing(BaseHTTPRequestHandler):
    """Answers everything as a model whose quota is used up."""

    def do_POST(self) -> None:
        """Answer 429."""
        self.send_response(429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


@contextmanager
def refusing_models() -> Iterator[dict[str, str]]:
    """Serve models that refuse, and give the variables that lead the bots there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY")
    try:
        yield {
            "BOT_KEY": KEY,
            "OPENAI_BASE_URL": address,
            "ANTHROPIC_BASE_URL": address,
            "GROQ_API_BASE": address,
            **dict.fromkeys(names, "none"),
        }
    finally:
        server.shutdown()


def use(address: str) -> None:
    """Call each handler of a bot so often that each of its workers has run it."""
    with ThreadPoolExecutor(CALLS) as pool:
        for model in ("gpt", "claude", "gemini"):
            question = json.dumps({"text": "Why so blue?", "model": model}).encode()
            list(pool.map(lambda data: ask(f"{address}/ask", data), [question] * CALLS))
        list(pool.map(lambda _: ask(f"{address}/usage.xlsx", None), range(CALLS)))


def ask(url: str, data: bytes | None) -> None:
    """Ask a bot, whatever comes of it."""
    headers = {"X-Bot-Key": KEY, "Content-Type": "application/json"}
    with suppress(OSError), urlopen(Request(url, data, headers), timeout=PATIENCE) as answer:  # noqa: S310
        answer.read()


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
    address = f"http://127.0.0.1:{port}"
    with refusing_models() as variables, serve(command, code, variables, f"{address}/health") as pid:
        processes = read_settled_tree(pid)
        use(address)
        used = read_settled_tree(pid)
    return Measurement(bot, versions, imported, processes, used)


def render(measurements: Sequence[Measurement]) -> str:
    """Render the measurements as a markdown table with the versions below it."""
    lines = [
        "| bot | `import main`: resident | anonymous | processes | served: PSS | RSS | anonymous | used: PSS | anonymous |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bot, _, imported, processes, each in measurements:
        served, used = add_up(processes), add_up(each)
        sizes = (imported.rss, imported.anonymous, served.pss, served.rss, served.anonymous, used.pss, used.anonymous)
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
