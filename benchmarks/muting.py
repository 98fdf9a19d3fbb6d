"""What libraries log of one unit of work, and what is left once they are muted as MG505 says.

    python benchmarks/muting.py --python INTERPRETER

The interpreter has the libraries installed; one that lacks is left out. Each runs in a fresh process at its level, against a
server on loopback where it asks one, first as it is and then with the lines of `mute_lines`. The last column has what the
table of MG505 says.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from memguard_hooks.logs.loggers import mute_lines
from memguard_hooks.rules.logs.levels import LOUD

BOT = '{"ok": true, "result": {"id": 1, "is_bot": true, "first_name": "a", "username": "b"}}'
CHAT = (
    '{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "finish_reason": "stop", '
    '"message": {"role": "assistant", "content": "hi"}}]}'
)


class Unit(NamedTuple):
    """One unit of work of a library: what is made before, and what is counted."""

    module: str
    before: str
    work: str


UNITS = (
    Unit("httpx", "import httpx", "httpx.get(URL)"),
    Unit("requests", "import requests", "requests.get(URL)"),
    Unit("urllib3", "import urllib3\npool = urllib3.PoolManager()", "pool.request('GET', URL)"),
    Unit(
        "openai",
        "import openai\nclient = openai.OpenAI(api_key='k', base_url=URL + '/v1')",
        "client.chat.completions.create(model='m', messages=[{'role': 'user', 'content': 'hi'}])",
    ),
    Unit(
        "telegram",
        "import asyncio, telegram\nbot = telegram.Bot('1:a', base_url=URL + '/bot')",
        "async def ask():\n    await bot.get_me()\nasyncio.run(ask())",
    ),
    Unit(
        "apscheduler",
        "import time\nfrom apscheduler.schedulers.background import BackgroundScheduler\nscheduler = BackgroundScheduler()\n"
        "scheduler.start()\nscheduler.add_job(int, 'interval', seconds=0.5)",
        "time.sleep(0.75)",
    ),
    Unit("boto3", "import boto3", "boto3.client('s3', region_name='eu-west-1')"),
    Unit(
        "pymongo",
        "from pymongo import MongoClient\nclient = MongoClient('127.0.0.1', 1, serverSelectionTimeoutMS=1000)",
        "try:\n    client.admin.command('ping')\nexcept Exception:\n    pass",
    ),
    Unit(
        "botocore",
        "import botocore.session\nsession = botocore.session.Session()",
        "session.create_client('s3', region_name='eu-west-1')",
    ),
    Unit(
        "matplotlib",
        "import io, matplotlib\nmatplotlib.use('agg')",
        "import matplotlib.pyplot as p\nfigure = p.figure()\nfigure.text(0, 0, 'a')\nfigure.savefig(io.BytesIO())",
    ),
    Unit(
        "PIL",
        "import io\nfrom PIL import Image\nfile = io.BytesIO()\nImage.new('L', (9, 9)).save(file, 'png')",
        "Image.open(file).load()",
    ),
    Unit(
        "aiosqlite",
        "import aiosqlite, asyncio",
        "async def ask():\n    db = await aiosqlite.connect(':memory:')\n    LINES.clear()\n"
        "    await db.execute('select 1')\n    counted = list(LINES)\n    await db.close()\n    LINES[:] = counted\n"
        "asyncio.run(ask())",
    ),
)  # fmt: skip

PROGRAM = """
import json, logging
LINES = []
class Count(logging.Handler):
    def emit(self, record):
        LINES.append(record.name.partition(".")[0])
logging.basicConfig(level={level}, handlers=[Count()])
URL = {url!r}
{muted}
{before}
LINES.clear()
{work}
print(json.dumps(LINES))
"""


class Server(BaseHTTPRequestHandler):
    """Answers what the clients here understand."""

    def do_GET(self) -> None:
        """Answer as the Bot API, or as a model."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = (CHAT if "/chat/" in self.path else BOT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - the name that it has there

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


def run(python: str, unit: Unit, level: str, url: str, muted: tuple[str, ...]) -> list[str] | None:
    """Return the loggers of the lines that a unit of work writes, None where it does not run."""
    code = PROGRAM.format(level=repr(level), url=url, muted="\n".join(muted), before=unit.before, work=unit.work)
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        print(f"{unit.module}: {(done.stderr.strip().splitlines() or ['?'])[-1]}", file=sys.stderr)
        return None
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(argv: list[str] | None = None) -> int:
    """Print the table; exit with 1 where a muted library still speaks."""
    parser = argparse.ArgumentParser(description="Count what libraries log, before and after they are muted.")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the libraries")
    options = parser.parse_args(argv)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    status = 0
    print("| module | logger | level | lines | muted | MG505 says |\n| --- | --- | --- | --: | --: | --- |")
    for unit in UNITS:
        for loud in (one for one in LOUD if one.module == unit.module):
            names = {line.partition('"')[2].partition('"')[0] for line in mute_lines(loud.logger)}
            before = run(options.python, unit, loud.level, url, ())
            after = run(options.python, unit, loud.level, url, mute_lines(loud.logger))
            if before is None or after is None:
                continue
            lines, left = (sum(name in names for name in found) for found in (before, after))
            status |= int(left > 0)
            print(f"| {loud.module} | {loud.logger} | {loud.level} | {lines} | {left} | {loud.about} |", flush=True)
    server.shutdown()
    return status


if __name__ == "__main__":
    raise SystemExit(main())
