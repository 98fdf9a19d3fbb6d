"""The hook `log-volume` on real files, through its own command, and the reader of log calls on texts."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from folders import write, write_dedented
from work import at_most

from memguard_hooks.hooks import log_volume
from memguard_hooks.logs.calls import find_calls
from memguard_hooks.logs.configuration import read_configuration
from memguard_hooks.logs.facts import FileLogs, read_logs
from memguard_hooks.logs.model import is_judged
from memguard_hooks.logs.setup import find_setups
from memguard_hooks.rules.logs.elsewhere import Elsewhere
from memguard_hooks.rules.logs.lines import seen_whole
from memguard_hooks.store import Store

PROCFILE = "web: python main.py\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"Procfile": PROCFILE})
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    log_volume.main(["--format", "json", *arguments])
    return list(json.loads(capsys.readouterr().out)["findings"])


def places(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, int, str]]:
    return [(one["path"], one["line"], one["code"]) for one in found(capsys, *arguments)]


def marks(text: str) -> list[str]:
    """Return the marks of each call that has one."""
    names = ("hot", "nothing", "costly", "payload")
    calls = find_calls(ast.parse(dedent(text)))
    return [" ".join(name for name in names if getattr(one, name)) for one in calls if one.is_marked]


def test_functions_that_return_each_other_are_asked_once() -> None:
    chain = "".join(f"def f{level}(a):\n" + f"    if a: return f{level + 1}(a).next\n" * 8 + "\n" for level in range(9))
    text = (
        "import websockets, logging\nasync def go(a):\n    while True:\n        x = f0(a).recv()\n        logging.info(x)\n"
    )
    find_calls(ast.parse(text))  # compiles the patterns
    with at_most(60_000):
        find_calls(ast.parse(text + chain))


# Which level production gets


def test_a_level_in_code_and_in_the_start_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"Procfile": "web: uvicorn main:app --log-level debug\n"})
    write(project, {"main.py": "import logging\nlogging.basicConfig(level=logging.DEBUG)\napp = None\n"})
    assert places(capsys) == [("Procfile", 1, "MG501"), ("main.py", 2, "MG501")]


@pytest.mark.parametrize(
    ("default", "variable", "expected"),
    [
        ('"DEBUG"', None, [("main.py", 2, "MG501")]),
        ('"INFO"', None, []),
        ('"INFO"', "DEBUG", [("compose.yaml", 6, "MG501")]),
        ('"DEBUG"', "INFO", []),
        ('"INFO"', "10", [("compose.yaml", 6, "MG501")]),
        ('"INFO"', "2", []),  # of another scale, as TF_CPP_MIN_LOG_LEVEL
        ('"DEBUG"', "", []),
    ],
)
def test_the_default_of_the_code_is_joined_with_the_deployment(
    project: Path, capsys: pytest.CaptureFixture[str], default: str, variable: str | None, expected: list[Any]
) -> None:
    (project / "Procfile").unlink()
    lines = ["services:", "  bot:", "    build: .", "    command: python main.py", "    mem_limit: 300m"]
    lines += [] if variable is None else [f'    environment: {{APP_LOG_LEVEL: "{variable}"}}']
    lines += ["    logging: {driver: local}", ""]
    write(project, {"compose.yaml": "\n".join(lines), "Dockerfile": "FROM python:3.12-slim\nCOPY . .\n"})
    code = f'import logging, os\nlogging.basicConfig(level=os.environ.get("APP_LOG_LEVEL", {default}).upper())\n'
    write(project, {"main.py": code})
    assert places(capsys) == expected


def test_compose_for_development_is_spared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Procfile").unlink()
    compose = "services:\n  bot:\n    build: .\n    command: python main.py\n    environment: {LOG_LEVEL: DEBUG}\n"
    write(project, {"Dockerfile": "FROM python:3.12-slim\nCOPY . .\n", "main.py": "import os\nos.environ['LOG_LEVEL']\n"})
    write(project, {"docker-compose.yml": compose})
    assert places(capsys) == []
    (project / "docker-compose.yml").unlink()
    write(project, {"docker-compose.non-prod.yml": compose})
    assert places(capsys) == []
    (project / "docker-compose.non-prod.yml").unlink()
    write(project, {"docker-compose.prod.yml": compose})
    assert places(capsys) == [("docker-compose.prod.yml", 2, "MG507"), ("docker-compose.prod.yml", 5, "MG501")]


def test_levels_are_read_through_names_and_calls() -> None:
    text = """
    LEVEL = os.getenv("LEVEL", "debug")
    logging.basicConfig(level=getattr(logging, LEVEL.upper(), logging.INFO))
    logging.getLogger().setLevel(10)
    structlog.make_filtering_bound_logger(logging.DEBUG)
    LOGGING = {"version": 1, "root": {"level": "DEBUG"}, "loggers": {"django": {"level": "DEBUG"}, "own": OWN}}
    if args.verbose:
        logging.getLogger().setLevel(logging.DEBUG)
    logger.add("app.log")
    logger.add("app.log", rotation="10 MB")
    engine = create_engine(url, echo=True)
    """
    setups, muted = find_setups(ast.parse(dedent(text)))
    told = [(one.kind, one.level, one.variable) for one in setups]
    assert told == [
        ("root", "DEBUG", "LEVEL"), ("stderr", "", ""), ("root", "DEBUG", ""), ("root", "DEBUG", ""), ("root", "DEBUG", ""),
        ("logger", "DEBUG", ""), ("file", "", ""), ("echo", "INFO", ""),
    ]  # fmt: skip
    assert muted == []


# Libraries


IMAGE = "FROM python:3.12-slim\nCOPY . .\n"
BOT = "import logging\nfrom telegram.ext import Application\nlogging.basicConfig(level=logging.INFO)\n"


def test_the_token_of_a_bot_in_the_log_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": BOT})
    (one,) = found(capsys)
    assert (one["code"], one["severity"], one["line"]) == ("MG505", "error", 3)
    names = ("httpx", "httpx2")
    assert one["fix"] == "\n".join(f'logging.getLogger("{name}").setLevel(logging.WARNING)' for name in names)
    assert log_volume.main([]) == 1


def test_a_loud_library_is_told_once_of_a_process(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A launcher and the bot that it imports both set a level: what mutes the library once is enough."""
    write(project, {"main.py": f"{BOT}import bot\n", "bot.py": BOT})
    assert [(one["path"], one["code"]) for one in found(capsys)] == [("main.py", "MG505")]


def test_the_token_is_told_where_compose_for_development_starts_the_bot(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compose = "services:\n  bot:\n    build: .\n    command: python main.py\n    volumes: ['.:/app']\n"
    (project / "Procfile").unlink(missing_ok=True)
    write(project, {"main.py": BOT.replace("INFO", "DEBUG"), "docker-compose.yml": compose, "Dockerfile": IMAGE})
    assert [(one["code"], one["severity"]) for one in found(capsys)] == [("MG505", "error")]


@pytest.mark.parametrize(
    "change",
    [
        {"requirements.txt": "python-telegram-bot==13.15\n", "muted": ""},
        {"muted": 'logging.getLogger("httpx").setLevel(logging.WARNING)\n'},
        {"muted": 'for name in ("httpx", "apscheduler"):\n    logging.getLogger(name).setLevel(logging.WARNING)\n'},
    ],
)
def test_an_old_bot_or_a_muted_one_is_no_error(
    project: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str]
) -> None:
    muted = change.pop("muted")
    write(project, {"main.py": BOT + muted, **change})
    assert [one["severity"] for one in found(capsys)] == ["warning"] * ("requirements.txt" in change)


def test_what_speaks_at_debug_is_told_with_what_mutes_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": "import logging\nimport aiosqlite, json\nlogging.basicConfig(level='DEBUG')\n"})
    told = {one["code"]: one for one in found(capsys)}
    assert list(told) == ["MG501", "MG505"]
    assert told["MG505"]["fix"] == 'logging.getLogger("aiosqlite").setLevel(logging.WARNING)'


@pytest.mark.parametrize(
    ("jobs", "codes"),
    [
        ("# scheduler.add_job(print)\n", []),
        ("scheduler.add_job(print)\n", ["MG505"]),
        ("@scheduler.scheduled_job('interval', minutes=1)\ndef f(): pass\n", ["MG505"]),
    ],
)
def test_a_scheduler_without_jobs_says_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], jobs: str, codes: list[str]
) -> None:
    scheduler = "from apscheduler.schedulers.background import BackgroundScheduler\nscheduler = BackgroundScheduler()\n"
    write(project, {"main.py": f"import logging\n{scheduler}logging.basicConfig(level=logging.INFO)\n{jobs}"})
    assert [one["code"] for one in found(capsys)] == codes


# Lines


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    while has_child():\n        log.info('wait')\n        time.sleep(1)\n",
        "def f():\n    while True:\n        page += 1\n        log.info('page %s', page)\n        time.sleep(1)\n",
        "async def f(queue):\n    while True:\n        job = await queue.get()\n        log.info('job %s', job)\n",
        "def f(p):\n    while True:\n        print(1, file=p.stdin)\n        time.sleep(1)\n",
        "def check_volumes(old):\n    for one in old:\n        log.info('Deleting idle volume %s', one)\n",
        "async def handle_media(update, context):\n    log.info('from %s', update)\n",
        "def f(x):\n    if x:\n        log.debug('%s', json.dumps(x))\n        raise ValueError(x)\n",
        "def f(session):\n    log.debug('%s', str(session.lifetime()))\n",
    ],
)
def test_a_line_for_a_wait_a_page_a_job_or_a_person_is_no_finding(text: str) -> None:
    assert not any(marks(text))


def test_a_line_of_what_a_stream_gives_each_part_to_is_hot() -> None:
    text = (
        "def take(op):\n    log.info('op %s', op)\n\n\nasync def f(ws):\n    async for event in ws:\n        take(event)\n"
    )
    assert ["hot" in one for one in marks(text)] == [True]


def test_a_callback_that_a_library_is_given_is_hot() -> None:
    text = """
    import pika
    def took(channel, method, properties, body):
        log.info('took %s', body)
    def other(channel, method, properties, body):
        log.info('other %s', body)
    channel = pika.BlockingConnection().channel()
    channel.basic_consume(queue='a', on_message_callback=took)
    """
    assert marks_of(dedent(text)) == [(4, "MG502")]


def test_a_debug_line_in_a_loop_that_ends_costs_with_each_pass() -> None:
    code = (
        "def f(x):\n    while x.tries < 3:\n        x.tries += 1\n        log.debug('%s', x.hex())\n        log.info('a')\n"
    )
    assert marks_of(code) == [(4, "MG504")]


def test_a_line_in_a_function_that_a_poll_calls_is_hot() -> None:
    code = "def f():\n    log.info('state %d', 1)\nwhile True:\n    f()\n    time.sleep({seconds})\n"
    assert marks_of(code.format(seconds=10)) == [(2, "MG502")]
    assert marks_of(code.format(seconds=300)) == []


@pytest.mark.parametrize(
    "waits", ["while True:\n        take()\n        time.sleep(1)", "async for one in ws:\n        take(one)", "stay()"]
)
def test_a_line_in_a_function_that_waits_by_itself_is_written_seldom(waits: str) -> None:
    """The loop around it begins again where a connection is lost."""
    stay = "async def stay():\n    while True:\n        take()\n        time.sleep(1)\n"
    code = f"async def f():\n    log.info('opened %d', 1)\n    {waits}\n{stay}while True:\n    f()\n    time.sleep(5)\n"
    assert marks_of(code) == []


def test_a_debug_line_of_an_error_is_no_work_that_is_dropped() -> None:
    texts = ("returned status %s", "download failed: %s", "got %s")
    code = "def start_flows(x):\n" + "".join(f"    log.debug('{one}', dumps(x.all()))\n" for one in texts)
    assert marks_of(code) == [(4, "MG504")]


def test_a_record_of_what_is_known_costs_nothing_that_grows() -> None:
    given = ("Message('a', x=x)", "Message('a', **x)", "Message(x)", "Message('a', x=dumps(x))")
    code = "def f(x):\n" + "".join(f"    log.debug({one})\n" for one in given)
    made = "class Message:\n    def __init__(self, *given, **named):\n        self.given = [one for one in given]\n"
    assert marks_of(code + made) == [(3, "MG504"), (4, "MG504"), (5, "MG504")]


def test_a_line_in_another_file_that_a_task_comes_to_says_nothing_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(
        project,
        {
            "main.py": """
            from celery import shared_task
            from app.service import service
            from app import once
            once.start()
            @shared_task
            def sync(key):
                if key:
                    service.evaluate(key)
            """,
            "app/__init__.py": "",
            "app/once.py": """
            import logging
            def start():
                logging.info("Nothing to do")
            """,
            "app/service.py": """
            import logging
            from app.deep import find
            class Service:
                def evaluate(self, key):
                    if not key.account:
                        logging.info("Skipping %s", key)
                    find(key)
                def other(self, key):
                    logging.info("Skipping %s", key)
            service = Service()
            """,
            "app/deep.py": """
            import logging
            def find(key):
                logging.info("no rows found")
            """,
        },
    )
    write(project, {"Procfile": "web: python main.py\n"})
    assert places(capsys) == [("app/deep.py", 3, "MG503"), ("app/service.py", 6, "MG503")]


def test_a_line_in_another_file_that_a_stream_is_given_to_is_hot(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(
        project,
        {
            "main.py": """
            from app import parts
            from app.parts import Store, connect, take
            store = Store()
            async def read(ws):
                async for event in ws:
                    connect(event)
                    take(event)
                    parts.keep(event)
                    store.add(event)
                    other.send(event)
                    if event.is_last:
                        parts.end_all(event)
            """,
            "app/__init__.py": "",
            "app/parts.py": """
            import logging
            log = logging.getLogger(__name__)
            def take(event):
                log.info("took %s", event)
                if not event:
                    log.info("empty")
                inner(event)
            def inner(event):
                log.info("inner %s", event)
            def keep(event):
                from app.deep import send
                log.debug("kept %s", event)
            def connect(event):
                log.info("connected %s", event)
            def end_all(event):
                log.info("ended %s", event)
            class Store:
                def add(self, event):
                    log.info("added %s", event)
                def drop(self, event):
                    log.info("dropped %s", event)
            """,
            "app/deep.py": "def send(event):\n    print('sent', event)\n",
        },
    )
    told = found(capsys)
    assert [(one["path"], one["line"], one["code"]) for one in told] == [
        ("app/parts.py", line, "MG502") for line in (4, 9, 19)
    ]  # fmt: skip
    assert told[0]["message"].endswith("for each pass of `async for event in …`, line 5 of main.py")


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("PAUSE = 5\nwhile True:\n    log.info('run')\n    time.sleep(PAUSE)\n", ["MG502"]),
        ("PAUSE = int(os.getenv('PAUSE', 60 * 5))\nwhile True:\n    log.info('run')\n    time.sleep(PAUSE)\n", []),
        ("while True:\n    log.info('run')\n    time.sleep(config.interval)\n", []),
        ("while True:\n    x = ws.recv()\n    log.info('run')\n    time.sleep(config.interval)\n", ["MG502"]),
        ("for n in itertools.count():\n    x = ws.recv()\n    log.info('run')\n", ["MG502"]),
        ("while True:\n    i += 1\n    log.info('get')\n    get()\n    if i > 5:\n        return\n", []),
        ("while queue:\n    x = queue.popleft()\n    log.info('x')\n    ws.recv()\n", []),
        ("while missing:\n    log.info('x')\n    missing = ws.recv()\n", []),
        ("def on_audio_devices_changed():\n    log.info('x')\n", []),
        ("def on_audio(f):\n    push(f)\ndef push(f):\n    log.info('x')\n", ["MG502"]),
        ("while True:\n    url, entry = q.get()\n    log.info('grab')\n", []),
        ("while True:\n    device: Device = q.get()\n    log.info('read')\n", []),
        (
            "while True:\n    x = ws.recv()\n    if monotonic() - t > time_out:\n        return\n    log.info('x')\n",
            [],
        ),
        ("while True:\n    run(q.get())\ndef run(f):\n    log.info('x')\n", []),
        ("while True:\n    run(ws.recv())\ndef run(f):\n    log.info('x')\n", ["MG502"]),
        ("while True:\n    msg = ws.recv()\n    run(msg)\ndef run(m):\n    log.info('x')\n", []),
        ("while True:\n    ready_event.wait()\n    log.info('synthesize')\n", []),
        ("while True:\n    stop_event.wait(5)\n    log.info('poll')\n", ["MG502"]),
        ("while not stop:\n    x = ws.recv()\n    log.info('x')\n", ["MG502"]),
        ("while True:\n    x = ws.receive_json()\n    log.info('question')\n    answer(x)\n", []),
        ("while True:\n    x = ws.receive_json()\n    log.info('x')\n    play(x['media'])\n", ["MG502"]),
        ("while True:\n    try:\n        log.info('in')\n        run()\n    except E:\n        time.sleep(9)\n", []),
        ("while True:\n    log.info(page)\n    x = get(page)\n    if not x:\n        break\n    time.sleep(1)\n", []),
        ("while True:\n    log.info('again')\n    for n in range(300):\n        time.sleep(1)\n", []),
        ("while ws.run_forever():\n    log.info('again')\n    time.sleep(5)\n", []),
        ("while True:\n    time.sleep(5)\n    for one in old():\n        log.info('Removing %s', one)\n", []),
        ("def process_audio_file(path):\n    log.info('x')\n", []),
        ("def process_audio(screenshot=True):\n    log.info('x')\n", []),
        ("async def main():\n    async for chunk in stream:\n        print(chunk)\n", []),
        ("def show():\n    while True:\n        print('a', end=' ')\n        print('b')\n        time.sleep(5)\n", []),
    ],
)
def test_how_often_a_loop_comes_again(code: str, rules: list[str]) -> None:
    assert [one for _, one in marks_of(code)] == rules


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("@app.task\ndef sync():\n    log.info('Nothing to do')\n", ["MG503"]),
        ("@app.task\ndef sync(key):\n    log.info('Nothing to do')\n", ["MG503"]),
        ("@app.task\ndef sync(key):\n    log.info('sleeping %d', key)\n", []),
        ("@dramatiq.actor\ndef sync(key):\n    log.info('Skipping %s', key)\n", ["MG503"]),
        ("class Sync(BaseTask):\n    def run(self, key):\n        log.info('Not sending anything')\n", ["MG503"]),
        (
            "while True:\n    if a():\n        break\n    else:\n        log.info('sleeping %d', 3)\n        sleep(3)\n",
            ["MG503"],
        ),
        (
            "@app.task\ndef sync():\n    if not a:\n        return\n    b = c()\n    log.info('found %d', len(b))\n",
            ["MG503"],
        ),
        ("@app.task\ndef sync():\n    b = c()\n    if not b:\n        return\n    log.info('found %d', len(b))\n", []),
        ("@app.task\ndef sync(key):\n    log.info('No rows were marked')\n", ["MG503"]),
        ("def handle(alert):\n    log.info('Not sending it')\n", ["MG503"]),
        ("def handle(alert):\n    log.info('no handler found')\n", []),
        ("class Sync(Base):\n    def run(self, key):\n        log.info('Not sending anything')\n", []),
        ("def sync():\n    log.info('nothing to do')\nevery(5).minutes.do(sync)\n", ["MG503"]),
        ("while True:\n    if not jobs():\n        log.info('No jobs found')\n        break\n", []),
        ("while True:\n    if stopped():\n        log.info('Waiting for workers to shutdown')\n        time.sleep(1)\n", []),
        ("while shutting_down:\n    log.info('Waiting for builds')\n", []),
        ("while True:\n    log.info('Waiting for the call to be closed')\n    time.sleep(1)\n", ["MG502", "MG503"]),
        ("while True:\n    log.info('Mesh running...')\n    time.sleep(60)\n", ["MG503"]),
        (
            "while True:\n    if not seen:\n        seen = True\n        log.info('Waiting for jobs')\n    time.sleep(1)\n",
            [],
        ),
        ("@app.task\ndef sync():\n    if a:\n        log.info('No changes detected')\n", ["MG503"]),
        ("@app.task\ndef sync():\n    if a:\n        log.info('Changes detected, no rows found')\n", []),
        ("@app.task\ndef sync():\n    if a:\n        log.info('No local positions to reconcile')\n", ["MG503"]),
        ("@app.task\ndef sync():\n    log.info('Played %s before, skipping history', a)\n", ["MG503"]),
        ("@app.task\ndef sync():\n    log.info('Loaded rows, skipping %d', b)\n", []),
        (
            "class Devices(MetricCollector):\n    async def _collect_impl(self):\n        log.info('No devices found')\n",
            ["MG503"],
        ),
        ("class Devices(MetricCollector):\n    def list(self):\n        log.info('No devices found')\n", []),
        ("def sync():\n    log.info('nothing to do')\nloop_runner(sync, 5)\n", ["MG503"]),
        ("def sync():\n    log.info('nothing to do')\nschedule(sync, 5)\n", []),
        (
            "def run():\n    log.info('already running')\ndef go():\n    while True:\n        app.run()\n        sleep(9)\n",
            [],
        ),
        (
            "while True:\n    top = n()\n    while a < top:\n        a += 1\n        log.info('%d', a)\n    sleep(5)\n",
            ["MG502"],
        ),
        (
            "while True:\n    while tries < 5:\n        tries += 1\n        log.info('try %d', tries)\n    time.sleep(5)\n",
            [],
        ),
        ("def handle(event):\n    log.info('ignoring bad event')\n", []),
        ("def handle(event):\n    log.info('ignoring event')\n", ["MG503"]),
        ("def check_existing_instances():\n    log.info('already running')\n", []),
        ("while True:\n    x = ws.recv()\n    if y:\n        log.info('Sent %d and found %d', 1, 2)\n", []),
    ],
)
def test_what_says_that_nothing_happened(code: str, rules: list[str]) -> None:
    assert [one for _, one in marks_of(code)] == rules


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("def f(x):\n    log.debug('%s', show(x))\n", []),
        ("async def f(x):\n    log.debug('%s', await x.text())\n", ["MG504"]),
        ("def f(x):\n    log.debug('%s', requests.post(x))\n", []),
        ("def f(x):\n    if x.status >= 400:\n        log.debug('%s', dumps(x))\n        x.raise_for_status()\n", []),
        ("def on_user_error(x):\n    log.debug('%s', dumps(x))\n", []),
        ("def f(x):\n    log.debug('%s', show(x))\ndef show(x):\n    return f'<{x}>'\n", []),
        ("def f(x):\n    log.debug('%s', show(x))\ndef show(x):\n    return [y for y in x]\n", ["MG504"]),
        ("def f(packet):\n    log.debug('%s', packet.extract_string())\n", []),
        ("def f(x):\n    log.debug('%s', ', '.join(x))\n", ["MG504"]),
        ("def f(x):\n    log.debug('%s', min(x))\n", ["MG504"]),
        ("def f(x):\n    log.debug('%s', x.max())\n", ["MG504"]),
        ("def f(x):\n    log.debug('%s', min(x, 3))\n", []),
        ("def f(x):\n    log.debug('%s', green(x))\n", []),
        ("def f(x):\n    log.debug('%s', x.replace('+', ' '))\n", []),
        ("def f(x):\n    log.debug('%s', os.path.join(a, x))\n", []),
        ("def f(x):\n    if x:\n        log.error('failed')\n        log.debug('%s', show(x))\n", []),
    ],
)
def test_work_for_a_dropped_line(code: str, rules: list[str]) -> None:
    assert [one for _, one in marks_of(code)] == rules


@pytest.mark.parametrize("path", ["app/cli/update.py", "unittests/case.py", "tests-data/issue.py", "contrib/hook.py"])
def test_files_whose_lines_are_what_they_are_run_for(path: str) -> None:
    assert not is_judged(path)


def test_files_with_a_test_in_their_name_only() -> None:
    assert is_judged("latest/app.py")
    assert is_judged("client/app.py")


@pytest.mark.parametrize(
    ("code", "code_of_rule"),
    [
        ("def setup_logging(x):\n    log.debug('%s', json.dumps(x))\n", None),
        ("log.debug('%s', json.dumps(x))\n", None),
        ("def get(x):\n    log.debug('%s', json.dumps(x))\n", "MG504"),
        ("def get(x):\n    log.debug('%s %s', globals(), dt_from_ts(x))\n", None),
        ("def get(x):\n    log.debug('%s %s', self.meta().id, getsizeof(x))\n", None),
        ("def get(x):\n    log.debug('%s', get_place(x))\ndef get_place(x):\n    return [x for _ in x]\n", "MG504"),
        ("def process(self, event):\n    if not event.text:\n        log.info('empty, skipping')\n", "MG503"),
        ("def process(self, event):\n    if not event.kind:\n        log.info('unknown event, skipping')\n", None),
        ("def process(self, user):\n    log.info('empty, skipping')\n", None),
        ("@shared_task\ndef drop():\n    if not lock.acquire():\n        log.info('lock not acquired')\n", "MG503"),
        ("def flush_all():\n    log.info('Nothing to do')\n", "MG503"),
        ("def _check():\n    log.info('Nothing to do')\n", None),
        ("def flush_all():\n    log.info('No frames received, restarting')\n", None),
        ("def flush_all():\n    for _ in range(20):\n        log.info('still waiting')\n", None),
    ],
)
def test_what_is_paid_once_or_is_news(code: str, code_of_rule: str | None) -> None:
    assert [one for _, one in marks_of(code)] == [code_of_rule] * (code_of_rule is not None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def check_api():\n    log.info('Nothing to do')\n", 0),
        ("@app.task\ndef r():\n    w(f())\n\nasync def f():\n    await g()\n\nasync def g():\n    log.info('None')\n", 1),
        ("scheduler.add_job(look, 'interval')\n\ndef look():\n    log.info('Nothing to do')\n", 1),
        ("@app.get('/')\ndef flush_all():\n    log.info('Nothing to do')\n", 0),
        ("def flush_all(found):\n    log.info('Found %s files', len(found))\n", 1),
        ("def flush_all(found):\n    if not found:\n        return\n    log.info('Found %s files', len(found))\n", 0),
        ("def heartbeat_loop():\n    log.info('Heartbeat loop started')\n", 0),
        ("def flush_all():\n    log.info('Unloading idle model')\n", 0),
        ("@app.post('/')\ndef receive_packet(data):\n    log.info('got %s', data)\n", 0),
        ("def receive_packet(data):\n    log.info('got %s', data)\n", 1),
        ("def receive_packet(data):\n    ask(data)\n\ndef ask(data):\n    print(data)\n    input('go on?')\n", 0),
        ("def f(pipe):\n    while not stop:\n        job = pipe.recv()\n        log.info('job %s', job)\n", 0),
        ("while not stop:\n    if not ready():\n        sleep(2)\n        continue\n    log.info('job %s', job)\n", 0),
        ("while not run_task.done():\n    await asyncio.sleep(5)\n    log.info('x')\n", 0),
    ],
)  # fmt: skip
def test_what_is_known_to_come_again_is_told(text: str, count: int) -> None:
    assert len(marks(text)) == count


def test_what_a_task_calls_says_nothing_again_and_again() -> None:
    text = "@app.task\ndef run():\n    drop(1)\n\n\ndef drop(days):\n    log.info('No outdated %s entries found', days)\n"
    assert ["nothing" in one for one in marks(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "async def f(ws):\n    async for m in ws:\n        logger.info('m')\n",
        "def f(q):\n    while True:\n        chunk = q.get()\n        log.info('m %s', chunk)\n",
        "def f(self):\n    while not self.stop.is_set():\n        self.logger.info('tick')\n        time.sleep(1)\n",
        "async def on_audio_frame(self, frame):\n    print('frame', len(frame))\n",
        "def f(stream):\n    for chunk in stream:\n        structlog.get_logger().info('chunk')\n",
        "while True:\n    data = await websocket.receive()\n    await agent.input(data)\n    print(data)\n",
        "async def f(sts_ws):\n    async for message in sts_ws:\n        print(type(message))\n",
        "import paho.mqtt.client\ndef on_message(client, userdata, msg):\n    log.info('got %s', msg)\n",
        "while True:\n    d = await ws.receive_json()\n    if d['event'] == 'media':\n        feed(d)\n    print(d)\n",
    ],
)
def test_a_line_for_each_part_of_work(text: str) -> None:
    assert ["hot" in one for one in marks(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "def f(items):\n    for item in items:\n        logger.info('item')\n",
        "while not sent:\n    try:\n        send()\n        break\n    except OSError:\n        print('again')\n",
        "def f(attempts):\n    while True:\n        attempts += 1\n        logger.info('try')\n        time.sleep(1)\n",
        "def f():\n    while True:\n        name = input()\n        print('hello')\n",
        "def f(t):\n    while time.time() < t:\n        logger.info('x')\n",
        "async def f():\n    while True:\n        ws = await connect()\n        log.info('open')\n        await ws.run()\n",
        "def f(q):\n    while True:\n        m = q.get()\n        if m.error:\n            log.info('b')\n",
        "def f():\n    while True:\n        logger.info('run')\n        time.sleep(300)\n",
        "import argparse\ndef f(q):\n    while True:\n        print(q.get())\n",
        "if __name__ == '__main__':\n    while True:\n        print(q.get())\n",
        "async def f(ws):\n    async for m in ws:\n        logger.debug('m')\n",
        "while True:\n    text = queue.get()\n    print(text)\n    await websocket.send_json(speak(text))\n",
        "while True:\n    url = urls.get()\n    log.info(url)\n    answer = fetch(url)\n    store(answer.read())\n",
        "while True:\n    audio = speak(await websocket.receive_text())\n    print(audio)\n",
        "async def f(chat):\n    async for m in chat.iter_messages(queue):\n        log.info('m')\n",
        "while True:\n    print(fetch().text)\n",
        "async def f(ws):\n    async for m in ws:\n        math.info('m')\n",
        "async def handle_user_audio(self, audio: bytes):\n    logger.info('user said something')\n",
        "async def f(q):\n    while True:\n        token_info = await q.get()\n        log.info('buy %s', token_info)\n",
        "async def on_audio_stream_started(self):\n    logger.info('started')\n",
    ],
)  # fmt: skip
def test_what_is_no_part_of_work(text: str) -> None:
    assert "hot" not in " ".join(marks(text))


def test_lines_that_say_that_nothing_happened() -> None:
    text = """
    def watch(store):
        while True:
            check(store)
            logger.info("heartbeat")
            time.sleep(60)

    def check(store):
        n = store.count()
        logger.info(f"Found {n} stale sessions")
        if n:
            logger.info("Found %d stale sessions", n)

    def other():
        logger.info("Found %d files", 3)
        logger.info("nothing to do")
    """
    assert marks(text) == ["nothing", "nothing"]


def test_work_in_a_line_that_is_dropped() -> None:
    text = """
    def f(state, e):
        logger.debug(f"{json.dumps(state)}")
        logger.debug("%s", state.to_dict())
        logger.debug("%s", ", ".join(state))
        logger.debug("%d %s %s", len(state), type(state).__name__, state.get("x"))
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s", json.dumps(state))
        try:
            pass
        except OSError as e:
            logger.debug("%s", describe(e))
    """
    assert marks(text) == ["costly", "costly", "costly"]


def test_only_what_a_service_reaches_is_judged(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hot = "async def receive(ws):\n    async for m in ws:\n        logger.info('m')\n"
    write(project, {"main.py": "import feed\n", "feed.py": hot, "unused.py": hot, "test_feed.py": hot})
    assert places(capsys) == [("feed.py", 3, "MG502")]
    write(project, {"feed.py": hot.replace("'m')", "'m')  # memguard: allow[MG502] a demo")})
    assert places(capsys) == []
    write(project, {"feed.py": hot})
    assert places(capsys, "unused.py", "main.py") == []
    assert places(capsys, "feed.py") == [("feed.py", 3, "MG502")]


@pytest.mark.parametrize("path", ["tests/feed.py", "scripts/run.py", "app/test_feed.py", "app/cli.py", "app/__main__.py"])
def test_tests_scripts_and_commands_are_spared(path: str) -> None:
    assert not is_judged(path)
    assert is_judged(f"app/{path.rpartition('/')[2].replace('test_', '').replace('cli', 'api').replace('__main__', 'main')}")


# Handlers and hosts


def test_handlers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(
        project,
        {
            "main.py": """
            import logging, logging.handlers, queue
            logging.handlers.QueueHandler(queue.Queue())
            logging.handlers.QueueHandler(queue.Queue(1000))
            logging.handlers.MemoryHandler(100)
            logging.FileHandler("app.log")
            logging.FileHandler("/dev/stdout")
            logging.handlers.RotatingFileHandler("app.log", maxBytes=10_000_000, backupCount=3)
            """
        },
    )
    assert places(capsys) == [("main.py", 2, "MG506"), ("main.py", 4, "MG506"), ("main.py", 5, "MG507")]


# What is kept


def test_a_file_without_logs_is_not_parsed_and_what_is_kept_is_checked() -> None:
    store = Store(None)
    assert read_logs(store, b"one", lambda: b"def broken(:\n") == FileLogs()
    data = b"async def f(ws):\n    async for m in ws:\n        logger.info('m')\n"
    first = read_logs(store, b"two", lambda: data)
    assert [one.line for one in first.calls] == [3]
    assert read_logs(store, b"two", lambda: b"") == first
    shapes: list[Any] = [[[["x"]], [], [], False], [[], [], [1], False], [[], [], [], 1], [[], [], [], False, ["x"]]]
    wrong_ones = [[], {"calls": []}, *([*one, [], []][:6] for one in shapes)]
    for wrong in wrong_ones:
        store.put(wrong, b"logs", b"two")
        assert read_logs(store, b"two", lambda: data) == first


@pytest.mark.parametrize(
    "text", ['"[]' + "[]" * 140 + '"', '"' + "a: A b " * 40 + '"', "1" + " + 1" * 900, "f(" * 80 + ")" * 80]
)
def test_hostile_arguments_take_no_time(text: str) -> None:
    data = f"async def f(ws):\n    async for m in ws:\n        logger.info({text})\n".encode()
    assert len(read_logs(Store(None), b"one", lambda: data).calls) <= 1


def test_what_cannot_be_parsed_is_no_fault(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": "import feed\n", "feed.py": "logger.info('\n" + "(" * 5000})
    assert places(capsys) == []


def test_what_is_closed_for_being_idle_is_news_and_so_is_what_now_waits() -> None:
    text = """
    while True:
        for one in list(POOL):
            if one.age > 60:
                logger.info(f"closing browser (sig={one.sig}, idle={one.age:.0f}s)")
        if connected:
            logger.info("the client is connected and waiting for events")
        if not jobs:
            logger.info("idle, waiting for jobs")
    """
    assert marks(text) == ["nothing"]


def marks_of(code: str) -> list[tuple[int, str]]:
    """The marks of the log calls in some code, by line."""
    marks = (("hot", "MG502"), ("nothing", "MG503"), ("costly", "MG504"))
    alone = Elsewhere(("main.py",), lambda _path: code.encode())
    found = [seen_whole(one, alone) for one in find_calls(ast.parse(code))]
    return [(one.line, number) for one in found for mark, number in marks if getattr(one, mark)]


def test_a_dict_of_keywords_costs_nothing_that_grows() -> None:
    given = ("n=len(x)", "x", "**x")
    code = "def f(x):\n" + "".join(f"    log.debug('a', extra=dict({one}))\n" for one in given)
    assert marks_of(code) == [(3, "MG504"), (4, "MG504")]


def test_what_grows_with_what_it_is_given_costs() -> None:
    code = "def f(x):\n    log.debug('%s', x.hex())\n    log.debug('%s', hex(x))\n    log.debug('%s', list(x))\n"
    assert marks_of(code) == [(2, "MG504"), (4, "MG504")]


def test_a_middleware_that_a_factory_makes_is_asked_for_each_request() -> None:
    text = """
    def create_app():
        @app.middleware("http")
        async def log_requests(request, call_next):
            log.debug(f"body: {await request.body()}")
    """
    assert marks(text) == ["costly"]
    assert marks(text.replace('        @app.middleware("http")\n', "")) == []


@pytest.mark.parametrize(("chat", "held"), [("import aiogram\n", ""), ("", "payload")])
def test_what_a_link_hands_to_a_bot_is_short(chat: str, held: str) -> None:
    text = f"{chat}def start(payload):\n    log.info('saved', payload=payload)\n"
    assert [one.payload for one in find_calls(ast.parse(text))] == [held]


def test_a_lookup_of_a_translation_costs_nothing() -> None:
    code = 'def f():\n    log.debug(_("Starting %s."), name)\n    log.debug(_("Got %s."), json.dumps(data))\n'
    assert marks_of(code) == [(3, "MG504")]
    assert find_calls(ast.parse('log.info(_("Starting %s."), name)\n'))[0].text == "Starting {}."


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('async def handle_websocket(ws):\n    log.info("connected")\n', []),
        ('def handle_socket_message(m):\n    log.info("got %s", m)\n', [2]),
        ('while True:\n    chunk = queue.get()\n    if isinstance(chunk, Text):\n        log.info("got %s", x)\n', [4]),
        ('while True:\n    task_data = queue.get()\n    log.info("got %s", task_data)\n', []),
        ('while jobs:\n    time.sleep(1)\n    log.info("%d jobs left", len(jobs))\n', []),
        ('while True:\n    ws.run_forever()\n    log.info("closed")\n    time.sleep(5)\n', []),
        ('while True:\n    x = queue.get()\n    if isinstance(x, ErrorFrame):\n        log.info("got %s", x)\n', []),
        ('while True:\n    serve()\n    log.info("disconnected, waiting")\n    time.sleep(5)\n', []),
    ],
)
def test_what_comes_once_a_connection_is_no_part_of_one(code: str, lines: list[int]) -> None:
    assert [line for line, number in marks_of(code) if number == "MG502"] == lines


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        pytest.param(
            "import websockets as w\n\nasync def go(url):\n    async with w.connect(url) as link:\n"
            "        async for x in link:\n            log.info(x)\n",
            [6],
            id="a connection, whatever its name",
        ),
        pytest.param(
            "from mine import connect\n\nasync def go(url):\n    async with connect(url) as link:\n"
            "        async for x in link:\n            log.info(x)\n",
            [],
            id="a connection of nobody knows what",
        ),
        pytest.param(
            "import websockets\n\nclass A:\n    async def open(self):\n        self.link = await websockets.connect(u)\n\n"
            "    async def take(self):\n        return await asyncio.wait_for(self.link.recv(), 5)\n\n"
            "    async def go(self):\n        while True:\n            x = await self.take()\n            if not x:\n"
            "                continue\n            log.info('new %s', x)\n",
            [15],
            id="an attribute, through a method that reads it",
        ),
        pytest.param(
            "from fastapi import WebSocket\n\nasync def go(link: 'WebSocket'):\n    async for x in link.iter_bytes():\n"
            "        log.info('%d bytes', len(x))\n",
            [5],
            id="an annotation",
        ),
        pytest.param(
            "from kafka import KafkaConsumer\n\ndef go():\n    taken = KafkaConsumer('a')\n    for x in taken:\n"
            "        log.info(x.value)\n",
            [6],
            id="a plain for over a consumer",
        ),
        pytest.param(
            "def go(client):\n    for x in client.chat.completions.create(model=m, stream=True):\n        log.info(x)\n",
            [3],
            id="an answer that was asked for in parts",
        ),
        pytest.param(
            "import bleak\n\ndef seen(device, data):\n    log.info(device)\n\n"
            "scanner = bleak.BleakScanner(detection_callback=seen)\n",
            [4],
            id="a function that a library is given",
        ),
        pytest.param(
            "import asyncio\n\nclass A(asyncio.DatagramProtocol):\n    def datagram_received(self, got, address):\n"
            "        log.info(address)\n",
            [5],
            id="a method of a library's class",
        ),
        pytest.param(
            "import websockets\n\nasync def serve(link):\n    while True:\n        x = await link.recv()\n"
            "        if type(x) is str:\n            log.info(x)\n        if 'config' in x:\n"
            "            log.info('configured')\n\nwebsockets.serve(serve, '', 1)\n",
            [7],
            id="which kind of part came",
        ),
        pytest.param(
            "import websockets\n\nasync def go(link):\n    while True:\n        link = await websockets.connect(u)\n"
            "        hello = await link.recv()\n        log.info(hello)\n",
            [],
            id="what a pass opens itself",
        ),
        pytest.param(
            "import websockets\nimport other\n\nlink = websockets.connect(u)\n\ndef f():\n    link = other.connect(u)\n"
            "    for x in link:\n        log.info(x)\n",
            [],
            id="a name for two things",
        ),
    ],
)
def test_a_stream_is_known_by_the_library_that_it_comes_from(code: str, lines: list[int]) -> None:
    assert [line for line, number in marks_of(code) if number == "MG502"] == lines


@pytest.mark.parametrize(
    "code", ["a = b\nb = a\n" * 5000, "def f():\n    return f()\n" * 5000, "a = " + "b.c(" * 80 + ")" * 80]
)
def test_names_that_lead_in_circles_end(code: str) -> None:
    assert marks_of(f"import websockets\n{code}\nasync def g():\n    async for x in a:\n        f()\n") == []


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return self.kept.get(key, None)", []),
        ("return short(self.number)", []),
        ("return [one for one in self.kept if one == key]", [9]),
        ("return requests.fetch(key)", [9]),
    ],
)
def test_what_a_function_of_another_file_does_tells_what_a_dropped_line_pays(
    project: Path, capsys: pytest.CaptureFixture[str], body: str, lines: list[int]
) -> None:
    text = """
        import logging

        from app.store import Store, short

        logger = logging.getLogger(__name__)


        def answer(store: Store, key: str) -> None:
            logger.debug("known: %s", store.look_up(key))
            logger.debug("known: %s", store.missing.kept)
    """
    store = f"""
        import requests


        def short(number):
            return f"{{number:04}}"


        class Store:
            def look_up(self, key):
                {body}
    """
    write_dedented(project, {"main.py": "from app import answers\n", "app/__init__.py": "", "app/store.py": store})
    write_dedented(project, {"app/answers.py": text})
    assert places(capsys) == [("app/answers.py", line, "MG504") for line in lines]


def test_a_line_on_the_way_of_what_is_new_or_gone_is_told_once() -> None:
    loop = (
        "import time, logging\ndef watch():\n    while True:\n        for one in {}:\n            logging.info('%s', one)\n"
    )
    loop += "        time.sleep(5)\n"
    assert marks(loop.format("set(now) - known")) == []
    assert marks(loop.format("sorted(known.difference(now))")) == []
    assert marks(loop.format("now")) == ["hot"]


def test_a_loop_that_counts_how_often_it_has_asked_waits_for_one_thing() -> None:
    loop = "import time, logging\ndef end(proc):\n    seen = 0\n    while proc.is_alive():\n        if seen > 5:\n"
    loop += "            proc.terminate()\n        logging.info('Waiting for the process')\n        time.sleep(1)\n"
    loop += "        seen += 1\n"
    assert marks(loop) == []
    assert marks(loop.replace("seen > 5", "seen % 5 == 0")) == ["hot nothing"]


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ("class Settings:\n    poll_interval: int = 30\n", 1),
        ('SETTINGS = {"poll_interval": 30}\n', 1),
        ('poll_interval = int(os.environ.get("POLL_INTERVAL", "5"))\n', 1),
        ("class Settings:\n    poll_interval: int = 300\n", 0),
        ("class Settings:\n    poll_interval: int\n", 0),
        ("poll_interval = 5\n\n\ndef slowly(poll_interval=600): ...\n", 0),
    ],
)
def test_how_long_a_poll_waits_is_looked_up_in_other_files(
    project: Path, capsys: pytest.CaptureFixture[str], settings: str, count: int
) -> None:
    text = """
        import logging
        import settings


        def poll(stop, config, args):
            while not stop.is_set():
                logging.info("Polling %s", config)
                if args.once:
                    break
                stop.wait(timeout=config.poll_interval)
    """
    write(project, {"settings.py": f"import os\n\n{settings}"})
    write_dedented(project, {"main.py": text})
    assert places(capsys) == [("main.py", 7, "MG502")] * count


YAML = "version: 1\nhandlers:\n  kept: {class: logging.FileHandler, filename: app.log}\nroot:\n  level: DEBUG\n"
INI = (
    "[loggers]\nkeys=root\n[handlers]\nkeys=kept\n[formatters]\nkeys=\n[logger_root]\nlevel = DEBUG\nhandlers=kept\n"
    "[handler_kept]\nclass=FileHandler\nargs=('app.log', 'a')\n"
)


def dictionary(handler: str) -> str:
    """Return settings of logging at DEBUG whose handler is `handler`, another one of which takes all."""
    return (
        "from logging.config import dictConfig\ndictConfig({'version': 1,\n"
        " 'root': {'level': 'DEBUG', 'handlers': ['b']},\n"
        " 'loggers': {'django.request': {'level': 'DEBUG', 'handlers': ['b'], 'propagate': False}},\n"
        " 'filters': {'off': {'()': 'django.utils.log.RequireDebugTrue'}},\n"
        f" 'handlers': {{'b': {handler}, 'd': {{'level': 'DEBUG'}}}}}})\n"
    )


SERVER = "async def app(scope, receive, send): ...\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"main.py": "import logging.config, yaml\nlogging.config.dictConfig(yaml.safe_load(open('a.yaml')))\n",
             "a.yaml": YAML},
            [("a.yaml", 3, "MG507"), ("a.yaml", 5, "MG501")],
        ),
        (
            {"main.py": "import logging.config\nlogging.config.fileConfig('a.ini')\n", "a.ini": INI},
            [("a.ini", 8, "MG501"), ("a.ini", 11, "MG507")],
        ),
        ({"Procfile": "web: uvicorn main:app --log-config a.ini\n", "main.py": SERVER,
          "a.ini": INI.replace("DEBUG", "INFO")},
         [("a.ini", 11, "MG507")]),
        ({"Procfile": "web: uvicorn main:app --log-config=a.json\n", "main.py": SERVER,
          "a.json": '{"version": 1, "root": {"level": 10}}'},
         [("a.json", 1, "MG501")]),
        ({"main.py": f"import uvicorn\n{SERVER}uvicorn.run(app, log_config='a.yml')\n", "a.yml": YAML},
         [("a.yml", 3, "MG507"), ("a.yml", 5, "MG501")]),
        ({"Procfile": "web: gunicorn main:app\n", "main.py": "def app(e, s): ...\n",
          "gunicorn.conf.py": 'loglevel = "debug"\n'},
         [("gunicorn.conf.py", 1, "MG501")]),
        ({"main.py": "import celery\napp = celery.Celery()\napp.worker_main(['worker', '--loglevel=DEBUG'])\n"},
         [("main.py", 3, "MG501")]),
        ({"main.py": "from loguru import logger\nlogger.debug('a')\n"}, [("main.py", 1, "MG501")]),
        ({"main.py": "from loguru import logger\nlogger.info('a')\n"}, []),
        ({"main.py": "import sys\nfrom loguru import logger\nlogger.remove()\nlogger.add(sys.stdout)\n"
          "logger.debug('a')\n"},
         [("main.py", 4, "MG501")]),
        ({"main.py": "import sys\nfrom loguru import logger\n"
          "logger.configure(handlers=[{'sink': sys.stdout, 'level': 'DEBUG'}])\n"},
         [("main.py", 3, "MG501")]),
        ({"main.py": "import sys, logbook\nlogbook.StreamHandler(sys.stdout, level='DEBUG').push_application()\n"},
         [("main.py", 2, "MG501")]),
        # a level that no handler lets through is no level of production's
        ({"main.py": dictionary("{'level': 'INFO'}")}, []),
        ({"main.py": dictionary("{}")}, [("main.py", 3, "MG501"), ("main.py", 4, "MG501")]),
        ({"main.py": dictionary("{'filters': ['off']}")}, []),
        ({"main.py": dictionary("{'level': level}")}, []),
        ({"main.py": dictionary("{'level': 'INFO'}").replace("False", "True")}, []),
        ({"main.py": dictionary("{'level': 'INFO'}").replace("['b']", "['d']")},
         [("main.py", 3, "MG501"), ("main.py", 4, "MG501")]),
        ({"main.py": dictionary("{}").replace("django.request", "django.db.backends")}, [("main.py", 3, "MG501")]),
        ({"main.py": "import logbook\nlogbook.RotatingFileHandler('a.log').push_application()\n"}, []),
        ({"main.py": "import logging\nclass Keep(logging.Handler):\n    def __init__(self):\n        self.kept = []\n"
          "    def emit(self, record):\n        self.kept.append(record)\nlogging.getLogger().addHandler(Keep())\n"},
         [("main.py", 6, "MG506")]),
        ({"Procfile": "", "railway.toml": "[deploy]\nstartCommand = 'python main.py'\n",
          "main.py": "from loguru import logger\nlogger.info('a')\n"}, [("main.py", 1, "MG508")]),
        ({"Procfile": "", "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["python", "main.py"]\n', "main.py": "print()\n",
          "compose.yaml": "services:\n  web:\n    build: .\n    mem_limit: 256m\n"}, [("compose.yaml", 2, "MG507")]),
    ],
)  # fmt: skip
def test_each_library_and_format_that_sets_logs_is_read(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], told: list[tuple[str, int, str]]
) -> None:
    write(project, files)
    assert places(capsys) == told


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "version: 1\n", "\x00", "[loggers\n", "[handler_a]\nclass=FileHandler\n"])
def test_a_file_that_is_no_settings_of_logging_says_nothing(text: str) -> None:
    for name in ("a.yaml", "a.json", "a.ini"):
        assert read_configuration(text.encode(), name) == ((), ())


@pytest.mark.parametrize(
    ("library", "asks"),
    [
        ("from loguru import logger", "lazy=True"),
        ("import json, structlog", "is_enabled_for"),
        ("import logbook", "logbook.DEBUG"),
    ],
)
def test_a_dropped_line_is_mended_as_its_library_can(
    project: Path, capsys: pytest.CaptureFixture[str], library: str, asks: str
) -> None:
    write(project, {"main.py": f"{library}\nimport json\ndef answer(one):\n    logger.debug(f'{{json.dumps(one)}}')\n"})
    assert [asks in one["fix"] for one in found(capsys) if one["code"] == "MG504"] == [True]


@pytest.mark.parametrize(
    "frees",
    ["self.kept.clear()", "self.kept.pop(0)", "del self.kept[:-9]", "self.kept = []", "self.kept = self.kept[-9:]", "pass"],
)
def test_a_handler_that_lets_go_of_records_keeps_none(frees: str) -> None:
    text = f"""
        class Keep(logging.Handler):
            def __init__(self):
                self.kept = []

            def emit(self, record):
                self.kept.append(record)
                {frees}
    """
    kinds = [one.kind for one in find_setups(ast.parse(dedent(text)))[0]]
    assert kinds == (["kept"] if frees == "pass" else [])


def test_an_example_that_prints_is_for_a_person(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = "def run(ws):\n    while True:\n        data = ws.recv()\n        {}(data)\n"
    write(
        project,
        {
            "main.py": "import logging\nfrom examples.shown import run\nfrom kept.app import run as other\n",
            "examples/shown.py": "import logging\n" + loop.format("print") + "        logging.info('%s', data)\n",
            "kept/app.py": loop.format("print"),
        },
    )
    assert log_volume.main([]) == 0
    told = capsys.readouterr().out
    assert "examples/shown.py:6:" in told
    assert "examples/shown.py:5:" not in told
    assert "kept/app.py:4:" in told


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        # what a test keeps most passes of a poll from
        (("def main():\n    while True:\n        if not find():\n            continue\n"
         "        log.info('found')\n        sleep(5)\n"), []),
        (("def main():\n    while running:\n        tick()\n        sleep(5)\ndef tick():\n"
         "    if x > 3:\n        return\n    log.info('x')\n"), []),
        ("def main():\n    while running:\n        tick()\n        sleep(5)\ndef tick():\n    log.info('x')\n", [6]),
        ("def main():\n    while True:\n        for one in expired:\n            log.info('x')\n        sleep(5)\n", []),
        # of parts most come to a line behind a test for what is empty, few behind one for a size
        ("while True:\n    data = ws.recv()\n    if not data:\n        continue\n    log.info('got')\n", [5]),
        ("while True:\n    data = ws.recv()\n    if data.count < 3:\n        continue\n    log.info('got')\n", []),
        (("while True:\n    data = ws.recv()\n    if data.count < 3:\n        log.error('x')\n"
         "        continue\n    log.info('got')\n"), [6]),
        # a loop that waits for one thing
        ("def f():\n    while not self.assigned:\n        log.info('waiting')\n        sleep(1)\n", []),
        ("def f():\n    while not done.is_set():\n        sleep(1)\n        log.info('in progress')\n", []),
        (("def f():\n    while True:\n        if not child.is_alive():\n            break\n"
         "        print('Waiting')\n        sleep(1)\n"), []),
        (("def create_table():\n    while True:\n        sleep(2)\n        if table.ok:\n            break\n"
         "        log.info('waiting for it')\n"), []),
        # functions by names
        ("def send_in_chunks(text):\n    log.info('x')\n", []),
        ("def handle_partial_fill(order):\n    log.info('x')\n", []),
        ("def process_timeframe(frame):\n    log.info('x')\n", []),
        (("def main():\n    while True:\n        printer.run(1)\n        self.run(1)\n"
         "        sleep(1)\nclass A:\n    def run(self):\n        log.info('x')\n"), []),
        # what was done, or is wrong, is news
        ("def poll():\n    log.info('Deleted old file, skipping')\n", []),
        ("def poll():\n    log.info('[x] Done. Found %d', len(x))\n", []),
        ("def poll():\n    log.info('ERROR: nothing to do')\n", []),
        ("def poll():\n    log.info('No argument provided')\n", []),
        ("def poll():\n    log.info('Skipped, nothing to do')\n", [2]),
        ("def poll():\n    log.info('Finished. Skipped %d addresses due to 404.', number)\n", []),
        ("from aiogram import Bot\ndef handle_pay(message):\n    if x:\n        log.info('skipping')\n", []),
        # what a thread is given to call, and a pause that the test of a loop makes
        ("while True:\n    frame = await to_thread(self.queue.get)\n    log.info('%s', frame)\n", [3]),
        ("def f():\n    while not stop.wait(30):\n        log.info('alive')\n", [3, 3]),
        ("def f():\n    while not stop.wait(300):\n        log.info('alive')\n", [3]),
        # what each pass says for which nothing came
        (("def f():\n    while True:\n        found = look()\n        if not found:\n            print('No coins above 3')\n"
         "        sleep(5)\n"), [5]),
        (("def f():\n    while True:\n        msg = consumer.poll(1.0)\n        if msg is None:\n"
          "            print('Waiting...')\n            continue\n"), [5]),
        # a wait for one thing, each pass of which says so
        (("def f():\n    while True:\n        got = look()\n        if got == 'pending':\n"
          "            log.info('Captcha is not ready yet')\n            sleep(5)\n            continue\n"
          "        return got\n"), [5]),
        (("def f():\n    while True:\n        got = look()\n        if got == 'pending':\n"
          "            log.info('Captcha is not ready yet')\n        return got\n"), []),
        # what a loop comes to behind a test, which a person may have asked for where it prints
        ("def poll():\n    if x:\n        look()\ndef look():\n    log.info('No rows found')\n", [5]),
        ("def poll():\n    if x:\n        look()\ndef look():\n    print('No rows found')\n", []),
        # what is not there, and what is done about it
        ("def poll():\n    log.info('%s not found in the list', x)\n", [2]),
        ("def poll():\n    print('%s not found in the list' % x)\n", []),
        ("def poll():\n    log.info('%s not found, using %s', x, y)\n", []),
        ("def poll():\n    log.info('%s not found. Adding it', x)\n", []),
        ("def poll():\n    log.info('fetched no rows from %s', x)\n", [2]),
        # a tag in front is no verb
        ("def poll():\n    log.info('mailing: disabled for %s, skipping', x)\n", [2]),
        # what sets itself up again, and what does so to try again
        ("def look():\n    log.info('No rows found')\n    Timer(30, look).start()\n", [2]),
        ("def look():\n    log.info('No rows found')\n    if failed:\n        Timer(30, look).start()\n", []),
        ("def look():\n    log.info('No rows found')\nrun_repeated(look, 5)\n", [2]),
        ("def on_timer(self):\n    log.info('No rows found')\n", [2]),
        # tasks by the queue that a file imports
        ("class Sync(BaseOperator):\n    def execute(self, context):\n        log.info('No rows found')\n", [3]),
        ("from celery import task\n@task(name='x')\ndef f():\n    log.info('No pending jobs left for %s', x)\n", [4]),
        ("from invoke import task\n@task(name='x')\ndef f():\n    log.info('No pending jobs left for %s', x)\n", []),
    ],
)  # fmt: skip
def test_what_stands_behind_tests_and_what_is_news(code: str, lines: list[int]) -> None:
    assert [line for line, _ in marks_of(code)] == lines


@pytest.mark.parametrize(
    ("code", "env", "told"),
    [
        ("", {}, "pass stream=sys.stdout"),
        ("import os\nJSON = os.environ.get('LOG_JSON')\n", {}, "turn LOG_JSON on as well"),
        ("import os\nJSON = os.environ.get('LOG_JSON')\n", {"LOG_JSON": "0"}, "turn LOG_JSON on as well"),
        ("import os\nJSON = os.environ.get('LOG_JSON')\n", {"LOG_JSON": "true"}, ""),
        ("class Settings:\n    json_logs: bool = False\n", {"JSON_LOGS": "1"}, ""),
        ("import os\nFORMAT = os.getenv('LOG_FORMAT', 'plain')\n", {"LOG_FORMAT": "json"}, ""),
        ("import os\nFORMAT = os.getenv('LOG_FORMAT', '%(message)s')\n", {}, "pass stream=sys.stdout"),
    ],
)
def test_lines_of_json_keep_their_level(
    code: str, env: dict[str, str], told: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = "".join(f"ENV {name}={value}\n" for name, value in env.items())
    write(
        project,
        {
            "Procfile": "",
            "railway.toml": '[build]\nbuilder = "DOCKERFILE"\n',
            "Dockerfile": f'FROM python:3.12-slim\nCOPY . .\n{image}CMD ["python", "main.py"]\n',
            "main.py": "import logging\nimport settings\nlogging.basicConfig(level=logging.INFO)\n",
            "settings.py": code,
        },
    )
    log_volume.main([])
    said = capsys.readouterr().out
    assert ("MG508" in said) == bool(told)
    assert told in said


def test_what_only_a_program_sets_is_not_set_by_a_module(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = "import logging\nif __name__ == '__main__':\n    logging.basicConfig(level=logging.DEBUG)\n"
    write(project, {"main.py": "import other\n" + main, "other.py": main})
    log_volume.main([])
    told = capsys.readouterr().out
    assert "main.py:4:5: MG501" in told
    assert "other.py" not in told
