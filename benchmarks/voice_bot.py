"""Run the two voice bots of examples/ in a control group: which one is killed, at what peak, and what the other answers.

    python benchmarks/voice_bot.py FOLDER [--python PYTHON] [--limit MIB]

FOLDER keeps the environment and the models: small, base and tiny, with random weights in the true architecture, laid out as
the hub's cache is. Telegram is a server of this program, which sends one voice message and waits for the answer. With random
weights that has no meaning, and takes the memory that a real one takes.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import wave
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from process_memory import MIB, install

from memguard_hooks.host import cgroup
from memguard_hooks.models.table import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
BOTS = ("voice-bot-naive", "voice-bot")
MODELS = ("small", "base", "tiny")
TOKEN, SECONDS, PATIENCE = "1:token", 20, 300
"""What the bots are known by; how long the message is, and how many seconds an answer may take."""


class Outcome(NamedTuple):
    """How one bot ended: its exit status, the answer, the most that the group was charged with, and what it logged."""

    bot: str
    status: int | None
    answer: str | None
    peak: int | None
    kills: int
    log: str


class Telegram(BaseHTTPRequestHandler):
    """Answers what python-telegram-bot asks for, with one voice message."""

    sound: ClassVar[bytes] = b""
    answers: ClassVar[list[str]] = []
    was_sent: ClassVar[bool] = False

    def do_POST(self) -> None:
        """Answer a method of the API."""
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        method = self.path.rpartition("/")[2]
        result: Any = True
        if method == "getMe":
            result = {"id": 1, "is_bot": True, "first_name": "Ear", "username": "ear_bot"}
        elif method == "getUpdates":
            result = [] if Telegram.was_sent else [self._message()]
            time.sleep(0.5 if Telegram.was_sent else 0)
            Telegram.was_sent = True
        elif method == "getFile":
            result = {"file_id": "f", "file_unique_id": "f", "file_size": len(self.sound), "file_path": "voice.oga"}
        elif method == "sendMessage":
            Telegram.answers.append(text)
            result = {"message_id": 2, "date": 1, "chat": {"id": 5, "type": "private"}, "text": "x"}
        self._send(json.dumps({"ok": True, "result": result}).encode(), "application/json")

    def do_GET(self) -> None:
        """Give the recording out."""
        self._send(self.sound, "audio/ogg")

    def _message(self) -> dict[str, Any]:
        voice = {"file_id": "f", "file_unique_id": "f", "duration": SECONDS}
        sender = {"id": 5, "is_bot": False, "first_name": "A"}
        chat = {"id": 5, "type": "private"}
        return {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": chat, "from": sender, "voice": voice}}

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(ConnectionError):  # a bot that ends does not wait
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Say nothing."""


def record_noise() -> bytes:
    """Return a recording of noise, which PyAV reads as it reads what Telegram sends."""
    made = io.BytesIO()
    noise = random.Random(0)  # noqa: S311 - it is noise
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.randbytes(2 * 16_000 * SECONDS))
    return made.getvalue()


@contextmanager
def telegram() -> Iterator[str]:
    """Serve the API, and give its address."""
    Telegram.sound, Telegram.answers, Telegram.was_sent = record_noise(), [], False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Telegram)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_models(python: Path, cache: Path) -> None:
    """Write the models where the hub's client finds them offline."""
    architectures = {row[1].split(" ")[0]: row[4] for row in read_rows("models.tsv") if row[0] == "whisper"}
    for name in MODELS:
        folder = cache / f"models--Systran--faster-whisper-{name}"
        commit = "0" * 40
        if not (folder / "refs" / "main").exists():
            place = folder / "snapshots" / commit
            tool = CHECKOUT / "tools" / "measure_models.py"
            command = [python, tool, "write", place, "faster-whisper", architectures[name], "float16"]
            subprocess.run(list(map(str, command)), check=True, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})
            (folder / "refs").mkdir()
            (folder / "refs" / "main").write_text(commit)


def run(bot: str, python: Path, cache: Path, limit: int) -> Outcome:
    """Run a bot until it has answered, or is dead."""
    with telegram() as address, cgroup.limited(limit * MIB) as group:
        if isinstance(group, str):
            raise SystemExit(group)
        variables = {"TELEGRAM_API": address, "TELEGRAM_TOKEN": TOKEN, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1",
                     "OMP_NUM_THREADS": "2"}  # fmt: skip
        command = group.enter([str(python), "-W", "ignore", "bot.py"])
        folder = CHECKOUT / "examples" / bot
        environment = {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + PATIENCE
            while process.poll() is None and not Telegram.answers and time.monotonic() < end:
                time.sleep(0.2)
            time.sleep(1)
            status = process.poll()
            if status is None:
                process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            log = process.stderr.read()
        answer = Telegram.answers[0] if Telegram.answers else None
        return Outcome(bot, status if status is not None else process.returncode, answer, group.peak(), group.kills(), log)


def main(argv: Sequence[str] | None = None) -> int:
    """Run both bots and print how they ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the environment and the models are kept")
    parser.add_argument("--python", default="python3.11", help="interpreter of the environment")
    parser.add_argument("--limit", type=int, default=512, help="MiB of the control group (%(default)s)")
    options = parser.parse_args(argv)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder / "env", options.python, (CHECKOUT / "examples" / BOTS[0] / "requirements.txt").read_text())
    write_models(python, folder / "hub")
    print(f"| bot, in {options.limit} MiB | exit status | answered | peak of the group, MiB | killed by the kernel |")
    print("| --- | ---: | --- | ---: | ---: |")
    found = [run(bot, python, folder / "hub", options.limit) for bot in BOTS]
    for one in found:
        peak = "?" if one.peak is None else f"{one.peak / MIB:.0f}"
        print(f"| {one.bot} | {one.status} | {'yes' if one.answer else 'no'} | {peak} | {one.kills} |")
    for one in found:
        print(f"\n{one.bot}:\n{one.log}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
