"""`memguard logs` on logs in the forms in which programs and platforms write them."""

from __future__ import annotations

import datetime as dt
import gzip
import html.parser
import itertools
import json
import logging
import random
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import grouping
import pytest
from call_log import as_json, make_calls
from work import at_most

from memguard_hooks.commands import logs
from memguard_hooks.logs import templates as templates_module
from memguard_hooks.logs.lines import LineReader
from memguard_hooks.logs.platforms import find_declared
from memguard_hooks.logs.rate import Timeline
from memguard_hooks.logs.templates import MAX_TEMPLATES, Templates
from memguard_hooks.logs.times import Clock

NOON = int(dt.datetime(2026, 11, 28, 12, tzinfo=dt.timezone.utc).timestamp())
NOON_OF_2000 = int(dt.datetime(2000, 11, 28, 12, tzinfo=dt.timezone.utc).timestamp())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work outside of the checkout: the platform is looked for in all files of the repository."""
    monkeypatch.chdir(tmp_path)


def write(folder: Path, *lines: str) -> str:
    path = folder / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def read(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    status = logs.main([*argv, "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_call_of_2000_lines_comes_down_to_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    lines = list(make_calls(2))
    assert 1950 < len(lines) / 2 < 2050
    path = write(tmp_path, *(map(as_json, lines) if form == "json" else lines))
    status, found = read(capsys, path, "--unit", "call_sid", "--budget", "30")
    assert status == 1
    assert found["unit"]["units"] == 2
    assert {template["template"].split(" response_id")[0] for template in found["templates"] if template["saves"]} == {
        "[AUDIO_DELTA]",
        "[TX_RESPONSE] start",
        "[TX_RESPONSE] end",
        "[WHATSAPP_SESSION] Check #<*>: Found <*> stale sessions",
    }
    assert 10 <= found["lines_left"] / 2 <= 30


def test_what_is_left_is_within_the_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spam = ("AUDIO_DELTA", "TX_RESPONSE", "Found 0")
    path = write(tmp_path, *(line for line in make_calls(2) if not any(word in line for word in spam)))
    status, found = read(capsys, path, "--unit", "call_sid", "--budget", "30")
    assert (status, found["failures"]) == (0, [])
    assert not any(template["saves"] for template in found["templates"])


@pytest.mark.parametrize(("lines", "status"), [(499, 0), (500, 0), (501, 1)])
def test_railway_drops_what_is_beyond_500_lines_in_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: int, status: int
) -> None:
    quiet = [f"2026-11-28T12:00:{second:02}Z INFO ready" for second in (0, 1, 9)]
    busy = [f"2026-11-28T12:00:05.{number:06}Z INFO frame {number}" for number in range(lines)]
    path = write(tmp_path, *quiet, *busy)
    found = read(capsys, path, "--platform", "railway")
    assert found[0] == status
    assert found[1]["rate"]["peak"] == lines
    assert found[1]["rate"]["peak_at"] == "2026-11-28 12:00:05"
    assert bool(found[1]["failures"]) == bool(status)


def test_the_platform_is_that_of_the_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "render.yaml").write_text("services: []\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lines = [f"2026-11-28 12:00:{number % 60:02} INFO tick {number}" for number in range(6001)]
    path = write(tmp_path, *sorted(lines))
    status, found = read(capsys, path)
    assert (status, found["platform"]) == (1, "render")
    assert read(capsys, path, "--platform", "none")[0] == 0


@pytest.mark.parametrize(("rate", "status"), [("100/s", 0), ("99/s", 1), ("100/min", 0), ("99/min", 1)])
def test_a_rate_may_not_be_exceeded(tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str, status: int) -> None:
    path = write(tmp_path, *(f"2026-11-28 12:00:00 INFO tick {number}" for number in range(100)))
    assert read(capsys, path, "--rate", rate)[0] == status


@pytest.mark.parametrize(
    ("line", "second"),
    [
        ("2026-11-28T12:00:00Z INFO x", NOON),
        ("2026-11-28 12:00:00,123 INFO x", NOON),
        ("2026-11-28 12:00:00.123456+02:00 x", NOON - 7200),
        ("2026-11-28T12:00:00-0530 x", NOON + 19800),
        ("[2026-11-28 12:00:00 +0000] [7] [INFO] Booting", NOON),
        ("INFO 2026-11-28 12:00:00,123 views x", NOON),
        ("2026/11/28 12:00:00 [error] 7#7: x", NOON),
        ('10.0.0.1 - - [28/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5', NOON),
        ('[28/Nov/2026 12:00:00] "GET / HTTP/1.1" 200 5', NOON),
        ("[Sat Nov 28 12:00:00.123456 2026] [core:error] x", NOON),
        ("Nov 28 12:00:00 host app[7]: x", NOON_OF_2000),
        ("Nov 28 12:00:00 2026-host app[7]: x", NOON_OF_2000),
        ("26/11/28 12:00:00 INFO mapreduce.Job: x", NOON),
        ("[12:00:01] 26/11/28 12:00:00 INFO mapreduce.Job: x", NOON),
        (f"{NOON} x", NOON),
        (f"{NOON}.123 x", NOON),
        (f"{NOON}123 x", NOON),
        ("2026-02-30 12:00:00 x", None),
        ("served 12 of 2026", None),
    ],
)
def test_times_are_read(line: str, second: int | None) -> None:
    assert Clock().find(line)[0] == second


MESSAGE = "connected to db"


@pytest.mark.parametrize(
    ("line", "level", "logger"),
    [
        ("INFO:app.db:connected to db", "INFO", "app.db"),
        ("2026-11-28 12:00:00,123 - app.db - WARNING - connected to db", "WARNING", "app.db"),
        ("2026-11-28 12:00:00,123 WARNING app.db: connected to db", "WARNING", "app.db"),
        ("2026-11-28 12:00:00.123 | DEBUG    | app.db:connect:12 - connected to db", "DEBUG", "app.db"),
        ("[2026-11-28 12:00:00 +0000] [ERROR] connected to db", "ERROR", ""),
        ("\x1b[32mINFO\x1b[0m:     connected to db", "INFO", ""),
        ("web-1  | 2026-11-28 12:00:00 ERROR connected to db", "ERROR", ""),
        ("2026-11-28T12:00:00.1+00:00 app[web.1]: INFO connected to db", "INFO", ""),
        ("Nov 28 12:00:00 host app[7]: CRITICAL connected to db", "CRITICAL", ""),
        ('time=2026-11-28T12:00:00Z level=warn logger=app.db msg="connected to db"', "WARNING", "app.db"),
        ('{"log":"INFO app.db: connected to db\\n","stream":"stderr","time":"2026-11-28T12:00:00.1Z"}', "INFO", "app.db"),
        ('{"MESSAGE":"connected to db","PRIORITY":"3","__REALTIME_TIMESTAMP":"1795867200000000"}', "ERROR", ""),
        ('{"timestamp":"2026-11-28T12:00:00Z","severity":"error","message":"INFO connected to db"}', "INFO", ""),
        ('{"timestamp":1795867200000,"ingestionTime":1795867200001,"message":"INFO connected to db\\n"}', "INFO", ""),
        ('timestamp=2026-11-28T12:00:00Z level=warning logger=app.db event="connected to db"', "WARNING", "app.db"),
        (
            '{"record":{"level":{"name":"WARN"},"message":"connected to db","name":"db","time":{"timestamp":1795867200}}}',
            "WARNING",
            "db",
        ),
        (
            '{"timestamp":"2026-11-28T12:00:00Z","message":"connected to db","attributes":[{"key":"level","value":"warn"}]}',
            "WARNING",
            "",
        ),
        (
            '{"timestamp":"2026-11-28T12:00:00Z","message":"connected to db","labels":[{"name":"level","value":"error"}]}',
            "ERROR",
            "",
        ),
        (
            '{"event":"connected to db","level":"info","logger":"app.db","timestamp":"2026-11-28T12:00:00Z"}',
            "INFO",
            "app.db",
        ),
        (
            '{"log":"{\\"level\\":\\"warn\\",\\"msg\\":\\"connected to db\\"}\\n","time":"2026-11-28T12:00:00Z"}',
            "WARNING",
            "",
        ),
        ("[Sat Nov 28 12:00:00 2026] INFO connected to db", "INFO", ""),
        ("Sat Nov 28 12:00:00 2026 - connected to db", "none", ""),
    ],
)
def test_levels_loggers_and_messages_are_read(line: str, level: str, logger: str) -> None:
    found = LineReader().read(line)
    assert (found.level, found.logger, found.message) == (level, logger, MESSAGE)
    assert found.second in (None, NOON, NOON_OF_2000)


def test_a_traceback_is_one_event_and_many_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            json.loads("{")
        except ValueError as error:
            raise KeyError("user") from error
    except KeyError:
        raised = traceback.format_exc().splitlines()
    path = write(tmp_path, "2026-11-28 12:00:00 ERROR failed", *raised, "2026-11-28 12:00:01 INFO went on", *raised)
    status, found = read(capsys, path)
    assert (status, found["events"], found["lines"]) == (0, 3, 2 + 2 * len(raised))
    assert found["levels"] == {"ERROR": 1 + 2 * len(raised), "INFO": 1}


def test_a_traceback_within_a_line_of_json_is_an_event_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raised = "Traceback (most recent call last):\n  File 'x', line 1\nValueError: x"
    lines = [
        {"level": "warning", "message": "slow"},
        {"level": "error", "message": raised},
        {"message": raised},
        {"message": "on"},
    ]
    status, found = read(capsys, write(tmp_path, *map(json.dumps, lines)))
    assert (status, found["events"], found["lines"]) == (0, 4, 4)
    assert found["levels"] == {"WARNING": 1, "ERROR": 2, "none": 1}


def test_a_traceback_that_is_the_message_is_one_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raised = ["Traceback (most recent call last):", '  File "x.py", line 1, in f', "ValueError: x"]
    at = "2026-11-30 12:00:0%d ERROR app: "
    path = write(tmp_path, at % 0 + raised[0], *raised[1:], at % 1 + "again", at % 2 + raised[0], *raised[1:])
    status, found = read(capsys, path)
    assert (status, found["events"], found["levels"]) == (0, 3, {"ERROR": 7})


def test_a_template_is_written_into_markdown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main([write(tmp_path, *(f"INFO a & b <{one}> of {one}" for one in range(9))), "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "&lt;" in told
    assert "a &amp; b" in told
    assert "&amp;lt;" not in told


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_library_gets_the_line_that_mutes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    handler = logging.FileHandler(tmp_path / "app.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        logger.info('HTTP Request: POST %s "HTTP/1.1 200 OK"', "https://api.openai.com/v1/chat")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        handler.close()
    [template] = read(capsys, str(tmp_path / "app.log"))[1]["templates"]
    assert template["saves"] == 1
    assert template["fix"] == [f'logging.getLogger("{each}").setLevel(logging.WARNING)' for each in ("httpx", "httpx2")]
    for line in template["fix"]:
        compile(line, "fix", "exec")


@pytest.mark.parametrize(
    "line",
    [
        "INFO postgres://user:hunter22@db:5432/x",
        "INFO password: hunter22",
        "INFO:api_key:hunter22",
        "INFO SECRET_KEY=hunter22",
        "INFO aws_secret_access_key: hunter22/EXAMPLE",
    ],
)
def test_a_secret_behind_what_may_be_a_logger_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert logs.main([write(tmp_path, line)]) == 1
    out = capsys.readouterr().out
    assert "secret (" in out
    assert "hunter22" not in out


def test_a_name_and_its_password_in_a_header_are_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As RFC 7617 has them, in base64."""
    assert logs.main([write(tmp_path, "INFO Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")]) == 1
    assert "QWxhZGRpbj" not in capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_secret_fails_and_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    token = "bot123456789:" + "AAbb" * 9
    path = write(tmp_path, f'INFO:httpx:HTTP Request: POST https://api.telegram.org/{token}/getMe "HTTP/1.1 200 OK"')
    assert logs.main([path, "--format", form]) == 1
    out = capsys.readouterr().out
    assert "Telegram bot token" in out
    assert "AAbb" not in out


def test_nothing_raw_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "::error::\x1b]0;owned\x07 \u202e <script>|x|</script>")
    for form in ("text", "markdown"):
        assert logs.main([path, "--format", form]) == 0
        out = capsys.readouterr().out
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
        assert not any(line.startswith("::") for line in out.splitlines())
        assert form == "text" or "<script>" not in out


def test_a_compressed_log_and_stdin_are_read(tmp_path: Path) -> None:
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(b"2026-11-28 12:00:00 INFO hello 1\n" * 3))
    command = [sys.executable, "-m", "memguard_hooks", "logs"]
    with packed.open("rb") as file:
        piped = subprocess.run([*command, "-"], stdin=file, capture_output=True, text=True, check=True)
    named = subprocess.run([*command, str(packed)], capture_output=True, text=True, check=True)
    assert piped.stdout == named.stdout
    assert piped.stdout.startswith("3 lines, 3 events")


@pytest.mark.parametrize(
    ("data", "argv", "said"),
    [
        (b"", [], "holds no lines"),
        (gzip.compress(b"hello\n" * 1000, mtime=0)[:-10], [], "cut off or damaged"),
        (b"\x28\xb5\x2f\xfd1234", [], "cut off or damaged"),
        (b'[\n  {\n    "message": "hello"', [], "cut off or damaged"),
        (b'{\n  "a": ' + b"[" * 100_000, [], "cut off or damaged"),
        (b'{\n  "message": "' + b"x" * 2_000_000, [], "cut off or damaged"),
        (b"[\n]\n", [], "holds no lines"),
        ("hello\n".encode("utf-16"), [], "iconv -f UTF-16 -t UTF-8 FILE"),
        (b"hello\n", ["--unit", "call_sid", "--budget", "30"], "no line holds call_sid"),
        (b"hello\n", ["--rate", "100/s"], "needs times"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, argv: list[str], said: str
) -> None:
    (tmp_path / "app.log").write_bytes(data)
    assert logs.main([str(tmp_path / "app.log"), *argv]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert told.err.count("\n") == 1


def test_a_missing_file_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main([str(tmp_path / "none.log")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_a_line_without_end_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "x" * 300_000, "INFO y")
    assert read(capsys, path)[1]["lines"] == 2


def test_messages_that_differ_in_digits_are_masked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    mask = templates_module.mask

    def noted(message: str) -> str:
        masked.append(message)
        return mask(message)

    monkeypatch.setattr(templates_module, "mask", noted)
    templates = Templates()
    for number in range(100, 900):
        templates.find("", "INFO", f"sent {number} frames to 10.0.0.{number % 10} at {number / 100:.2f} s").lines += 1
    assert [one.lines for one in templates] == [800]
    assert len(masked) == 2


def test_a_word_that_takes_many_values_is_a_variable() -> None:
    templates = Templates()
    for name in ("dana", "noa", "omer", "gil", "tal", "rut"):
        templates.find("", "INFO", f"user {name} joined").events += 1
        templates.find("", "INFO", f"room {name} closed now").events += 1
    assert {(template.text, template.events) for template in templates} == {
        ("user <*> joined", 6),
        ("room <*> closed now", 6),
    }


def test_templates_are_bounded() -> None:
    templates = Templates()
    letters = "abcdefghijkl"
    for first, second, third, fourth in itertools.product(letters, repeat=4):
        templates.find("", "INFO", f"{first}{second} {third}{first} {fourth}{second}{first} {third}").events += 1
    assert len(list(templates)) <= MAX_TEMPLATES + 1
    assert sum(template.events for template in templates) == 12**4


@pytest.mark.parametrize("priority", ["", "12", 9, None, [3]])
def test_a_priority_that_journald_does_not_write_is_no_level(priority: object) -> None:
    assert LineReader().read(json.dumps({"MESSAGE": MESSAGE, "PRIORITY": priority})).level == "none"


@pytest.mark.parametrize("part", ["a", "a-", "eyJ-", "msg=", "a.", "'", " ", "[", "a: ", "://a", "1", "id="])
def test_a_long_line_of_one_part_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str) -> None:
    path = write(tmp_path, f"msg=x {part * (60_000 // len(part))}", part * (60_000 // len(part)))
    assert read(capsys, path)[0] in (0, 1)


GROUPS = (
    ("Deleting block blk_-12 file /mnt/data/current/blk_-12", "Deleting block blk_34 file /mnt/data/current/sub3/blk_34"),
    ("asked 10.0.0.1:50010 to delete blk_1", "asked 10.0.0.2:50010 to delete blk_-2 blk_3 blk_4"),
    ("connection from 1.2.3.4 () at Sun Jul 10 03:55:15 2005", "connection from 1.2.3.5 (h5) at Wed Jun 1 03:55:15 2005"),
    ("api.example.com:443 opened", "10.2.3.4:80 opened"),
    ('1.2.3.4:5 - "GET /users/7 HTTP/1.1" 200', '1.2.3.5:6 - "GET /orders HTTP/1.1" 404'),
    ("kept /var/lib/app/a.db for 3 s", "kept /srv/other.db for 4 s"),
    ("retry in 1.5s", "retry in 30s"),
    ("stored (size 5.2 KB, free 366.3 MB)", "stored (size 900.0 B, free 1.2 GB)"),
    ("sent 12 bytes, lifetime 00:17", "sent 4096 bytes (4.0 KB), lifetime 3 sec"),
    ("asked https://api.example.org/v1/items?page=3 again", "asked http://10.0.0.1:8080/ again"),
    ("state of org.example.shop.Orders is new", "state of org.example.users.Login is new"),
    ("read rules from `/srv/data/5.csv`.", "read rules from `media/0.mp3`."),
    ("[db.internal.example] unset the guard", "[10.0.0.34] unset the guard"),
    ("answered {'id': 3, 'tags': ['a']} at once", "answered {} at once"),
    ("answered [3, 4] at once", "answered ['a', 'b'] at once"),
)
"""Messages of one call that are written with different values."""

APART = (
    ('1.2.3.4:5 - "GET /users/7 HTTP/1.1" 200', '1.2.3.4:5 - "POST /users/7 HTTP/1.1" 200'),
    ('1.2.3.4:5 - "GET /users/7 HTTP/1.1" 200', '1.2.3.4:5 - "GET /health HTTP/1.1" 200'),
    ("job 1 started", "job 1 stopped"),
    ("GET /health 200", "GET /users/7 200"),
    ("[AUDIO_DELTA] sent", "[AUDIO_DONE] sent"),
    ("user.login.success", "user.login.failure"),
    ("read and/or wrote", "read wrote"),
)
"""Messages that say different things."""


@pytest.mark.parametrize(("one", "other"), GROUPS)
def test_messages_that_differ_in_values_share_a_template(one: str, other: str) -> None:
    templates = Templates()
    assert templates.find("", "INFO", one) is templates.find("", "INFO", other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_messages_that_say_different_things_do_not(one: str, other: str) -> None:
    templates = Templates()
    assert templates.find("", "INFO", one) is not templates.find("", "INFO", other)


def test_a_name_behind_a_preposition_is_a_variable_from_three_on_and_takes_what_came_before() -> None:
    templates = Templates()
    for name in ("root", "root", "news", "cyrus", "h2"):
        templates.find("", "INFO", f"session closed for user {name}").events += 1
    for name in ("webmaster", "h3", "guest"):
        templates.find("", "INFO", f"Invalid user {name} from 1.2.3.4").events += 1
    assert sorted((one.text, one.events) for one in templates) == [
        ("Invalid user <*> from <*>", 3),
        ("session closed for user <*>", 5),
    ]


def texts_of(messages: list[str]) -> list[tuple[str, int]]:
    """The templates of messages, each with its events."""
    templates = Templates()
    for message in messages:
        templates.find("", "INFO", message).events += 1
    return sorted((one.text, one.events) for one in templates)


RAISED = ("connection refused", "timed out after 30 seconds", "disk is full", "'None' has no attribute 'id'", "not found: 3")


def test_any_text_may_follow_a_sentence_with_a_colon() -> None:
    messages = [f"Error getting page {number}: {text}" for number, text in enumerate(RAISED)]
    assert texts_of(messages) == [("Error getting page <*>: <*>", 5)]
    messages = [f"Error getting page 7 error={text}" for text in RAISED]
    assert texts_of(messages) == [("Error getting page <*> error=<*>", 5)]
    assert len(texts_of([f"Scheduler: {text}" for text in RAISED])) == len(RAISED), "it is the name of a component"


def test_a_variable_has_one_word_or_two_and_may_stand_first() -> None:
    names = ("alpha", "beta", "gamma", "delta", "epsilon", "Jane Doe")
    assert texts_of([f"Action {name} is not allowed" for name in names]) == [("Action <*> is not allowed", 6)]
    assert texts_of([f"Action {name} is not allowed" for name in reversed(names)]) == [("Action <*> is not allowed", 6)]
    assert texts_of([f"{name}: is not allowed here" for name in names[:5]]) == [("<*>: is not allowed here", 5)]
    assert texts_of([f"removing {name}" for name in (*names[:5], "zeta")]) == [("removing <*>", 6)]


def test_punctuation_behind_a_variable_stays() -> None:
    messages = ["synchronized to 10.1.1.1, stratum 3"] * 2 + ["synchronized to LOCAL(0), stratum 10"]
    assert texts_of(messages) == [("synchronized to <*>, stratum <*>", 3)]


def test_no_event_is_lost_where_joins_lead_to_others() -> None:
    draw = random.Random(3)  # noqa: S311 - nothing is to be kept secret
    for _ in range(60):
        words = ["for", "id:", "a", "b", "c", "d", "e", "f", "x=1", "y(2)", "7", "to", "key:", "on,"]
        words = words[: draw.randrange(6, 15)]
        messages = [" ".join(draw.choices(words, k=draw.randrange(2, 7))) for _ in range(400)]
        assert sum(events for _, events in texts_of(messages)) == len(messages)


def test_labelled_messages_are_grouped_as_they_are_labelled() -> None:
    calls = (
        "user {} logged in from {}",
        "read {} bytes of {} in {} ms",
        "cache miss for key {}",
        "job {} done",
        "job {} failed",
    )
    draw = random.Random(7)  # noqa: S311 - nothing is to be kept secret
    values = (
        lambda: str(draw.randrange(10**6)),
        lambda: f"/srv/data/{draw.choice('abcdef')}.bin",
        lambda: f"{draw.randrange(256)}.{draw.randrange(256)}.0.1",
        lambda: f"{draw.getrandbits(128):032x}",
    )
    labels = [draw.randrange(len(calls)) for _ in range(500)]
    messages = [calls[label].format(*(draw.choice(values)() for _ in range(3))) for label in labels]
    assert grouping.accuracy(list(map(str, labels)), grouping.group(messages)) == 1


def test_accuracy_counts_whole_groups_alone() -> None:
    assert grouping.accuracy(["a", "a", "b", "c"], [1, 1, 2, 2]) == 0.5
    assert grouping.accuracy(["a", "a", "b", "b"], [1, 3, 2, 2]) == 0.5


BOT = """\
import logging

logger = logging.getLogger(__name__)


def play(response_id, check, number, sid):
    logger.info("[AUDIO_DELTA] response_id=%s, bytes=%d", response_id, 320)
    logger.info(f"[WHATSAPP_SESSION] Check #{check}: Found {number} stale sessions")
    logger.info("[CALL_START] call_sid=" + sid + ", business_id=456, direction=inbound")
    logger.debug("[CALL_START] call_sid=%s, business_id=%d, direction=%s, dropped", sid, 456, "in")
    print("{}".format(sid))
"""


def test_templates_name_the_call_that_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "bot.py").write_text(BOT, encoding="utf-8")
    (tmp_path / "code" / "broken.py").write_text("logger.info(", encoding="utf-8")
    status, found = read(capsys, write(tmp_path, *make_calls(2)), "--source", str(tmp_path / "code"), "--top", "20")
    written = {one["template"].split("]")[0][1:]: one["written"] for one in found["templates"] if one["written"]}
    assert status == 0
    assert written == {"AUDIO_DELTA": ["bot.py:7"], "WHATSAPP_SESSION": ["bot.py:8"], "CALL_START": ["bot.py:9"]}


def test_the_code_is_that_of_the_repository_in_which_one_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.py").write_text(BOT, encoding="utf-8")
    path = write(tmp_path, *make_calls(1))
    assert logs.main([path]) == 0
    assert "written in" not in capsys.readouterr().out
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert logs.main([path]) == 0
    assert "          written in bot.py:7\n" in capsys.readouterr().out
    assert logs.main([path, "--source", "missing"]) == 2
    assert capsys.readouterr().err == "memguard logs: error: missing: --source: no such folder\n"


@pytest.fixture
def baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write down what the log of two calls comes to, and stand in its folder."""
    monkeypatch.chdir(tmp_path)
    assert logs.main([write(tmp_path, *make_calls(2)), "--unit", "call_sid", "--budget", "30", "--write-baseline"]) == 0
    capsys.readouterr()
    return tmp_path / "memguard-logs.json"


def test_a_log_that_is_written_down_may_not_grow(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main([write(baseline.parent, *make_calls(6)), "--unit", "call_sid"]) == 0, (
        "more calls are no more lines each"
    )
    capsys.readouterr()
    more = [
        f"{line[:23]} [INFO] step {number} of the new feature"
        for number, line in enumerate(make_calls(2))
        if number % 8 == 0
    ]
    assert logs.main([write(baseline.parent, *make_calls(2), *more), "--unit", "call_sid"]) == 1
    error = capsys.readouterr().out.splitlines()[-1]
    assert (
        error == "error: 2,244 lines for each call_sid, 1,995 in the baseline: +250 INFO: step <*> of the new feature (new)"
    )
    assert logs.main([write(baseline.parent, *make_calls(2), *more), "--write-baseline", "--unit", "call_sid"]) == 0
    assert logs.main([write(baseline.parent, *make_calls(2), *more), "--unit", "call_sid"]) == 0


@pytest.mark.usefixtures("baseline")
def test_a_log_that_is_counted_otherwise_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main([write(tmp_path, "one", "two")]) == 1
    assert "the baseline counts by call_sid, this log by the whole log: name --unit" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1, "unit": "", "lines": true, "templates": {}}', "[" * 9000,
             '{"schema": 1, "unit": "", "lines": 1, "templates": {"a": "b"}}', '{"schema": 2}'],
)  # fmt: skip
def test_what_is_no_baseline_is_one_line(baseline: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    baseline.write_text(text, encoding="utf-8")
    assert logs.main([write(baseline.parent, "one")]) == 2
    assert capsys.readouterr().err == (
        "memguard logs: error: memguard-logs.json: is no baseline of a log: --write-baseline writes one\n"
    )
    assert logs.main([write(baseline.parent, "one"), "--baseline", "missing.json"]) == 2
    assert capsys.readouterr().err == "memguard logs: error: missing.json: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("lines", [10, 40])
def test_lines_beyond_a_number_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: int) -> None:
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(b"\n" * 30_000_000))
    assert logs.main([str(packed), "--max-lines", str(lines), "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["lines"] == lines
    note = f"only the first {lines} lines are read, and what follows is left out; --max-lines N reads more"
    assert shown.err.rstrip() == f"memguard logs: {packed}: {note}"


def test_bytes_beyond_a_bound_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memguard_hooks.logs.source.MAX_BYTES", 2**20)
    path = tmp_path / "app.log"
    path.write_bytes(b"hello\n" + b"a" * 2**21)
    assert logs.main([str(path), "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["lines"] == 1
    assert "1 lines, are read, and what follows is left out" in shown.err


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd is not installed")
def test_zstd_is_unpacked_by_its_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, *make_calls(1))
    subprocess.run(["zstd", "--quiet", path], check=True)
    status, found = read(capsys, f"{path}.zst")
    assert (status, found["lines"]) == (0, len(list(make_calls(1))))
    cut = tmp_path / "cut.zst"
    cut.write_bytes(Path(f"{path}.zst").read_bytes()[:-20])
    assert logs.main([str(cut)]) == 2
    assert capsys.readouterr().err.endswith("cut.zst: cannot be read: the compressed data is cut off or damaged\n")
    (tmp_path / "zstd").write_text("#!/bin/sh\ntouch started\n", encoding="utf-8")
    (tmp_path / "zstd").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:.")
    assert logs.main([f"{path}.zst"]) == 2
    assert "is packed by zstd: zstd -dc FILE | memguard logs -" in capsys.readouterr().err
    assert not (tmp_path / "started").exists()


def test_the_page_draws_lines_over_time_and_lets_nothing_of_the_log_be_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    burst = [f"2024-01-21 00:09:00 [INFO] <script>alert({number})</script> [AUDIO_DELTA]" for number in range(900)]
    assert logs.main([write(tmp_path, *make_calls(2), *burst), "--platform", "railway", "--format", "html"]) == 1
    page = capsys.readouterr().out
    assert "<script>" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count('class="bar over"') == 1
    assert 60 < page.count("<rect ") <= 240
    assert len(page) < 100_000
    elements = html.parser.HTMLParser()
    elements.feed(page)


def test_a_long_log_is_drawn_in_as_many_steps_as_a_short_one() -> None:
    timeline = Timeline()
    for second in range(NOON, NOON + 30 * 86400, 61):
        timeline.add(second, 2)
    assert 120 <= len(timeline.bars) <= 240
    assert sum(timeline.bars.values()) == 2 * len(range(0, 30 * 86400, 61))


@pytest.mark.parametrize(
    "form", ["[req-{}] GET", "task_id={} done", '{{"msg": "done", "requestId": "{}"}}', "call-{}: done"]
)
def test_units_of_work_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    names = [
        "38101a0b-2096-447d-96ea-a692162415ae",
        "9bc36dd9-91c5-4314-898a-47625eb93b09",
        "77777777-91c5-4314-898a-47625eb93b09",
    ]
    _, found = read(capsys, write(tmp_path, *(form.format(name) for name in names for _ in range(4))))
    assert (found["unit"]["units"], found["unit"]["lines_each"]) == (3, 4)


def test_what_a_template_covers_is_part_of_it() -> None:
    words = ["alpha", "Berlin", "orders", "worker", "admin", "mp3", "staging"]
    messages = [f"Topic set to {one}, servers set to {two}" for one in words for two in words[:4]]
    messages += [
        "Topic set to Jane Doe, servers set to a weekly report",
        "Topic set to none",
        "Topic set here, servers set to x",
    ]
    templates = Templates()
    found = [templates.find("", "INFO", message) for message in messages]
    assert {one.text for one in templates} == {
        "Topic set to <*>, servers set to <*>", "Topic set to none", "Topic set here, servers set to x",
    }  # fmt: skip
    assert found[0].joined is not None or found[0].text == "Topic set to <*>, servers set to <*>"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("Refused {} to use {} because no chat was found", "Refused <*> to use <*> because no chat was found"),
        ("Plugin {} failed to start: {}", "Plugin <*> failed to start: <*>"),
        ("User is blocked ({}) since today", "User is blocked <*> since today"),
        ("{} \u63d2\u4ef6\u6ce8\u518c\u5931\u8d25", "<*> \u63d2\u4ef6\u6ce8\u518c\u5931\u8d25"),
    ],
)
def test_words_that_vary_together_are_variables(message: str, text: str) -> None:
    names = ["alpha", "Berlin", "orders", "worker", "admin", "mp3", "staging", "invoice"]
    templates = Templates()
    for one, other in zip(names, [*names[3:], *names[:3]], strict=True):
        templates.find("", "INFO", message.format(f"{one} {other}" if "({})" in message else one, other))
    assert [one.text for one in templates] == [text]


def test_statements_that_share_few_words_stay_apart() -> None:
    verbs = ["load", "save", "parse", "open", "close", "drop", "move", "sign"]
    templates = Templates()
    things = ["models", "users", "orders", "files", "rooms", "jobs", "tables", "calls"]
    for verb, thing in zip(verbs, things, strict=True):
        templates.find("", "INFO", f"cannot {verb} {thing} again")
    assert len(list(templates)) == len(verbs)


def test_a_value_of_several_words_holds_no_variable() -> None:
    names = ["root", "admin", "guest", "oracle", "test", "git"]
    messages = [f"Failed password for {kind}{name} from 10.0.0.7" for name in names for kind in ("", "invalid user ")]
    templates = Templates()
    for message in messages:
        templates.find("", "INFO", message)
    assert {one.text for one in templates} == {
        "Failed password for <*> from <*>", "Failed password for invalid user <*> from <*>",
    }  # fmt: skip


def test_a_value_of_two_words_ends_at_the_next_key() -> None:
    templates = Templates()
    for one in ("Jane Doe", "admin", "weekly report"):
        templates.find("", "INFO", f"saved user={one} rows=7")
    assert [one.text for one in templates] == ["saved user=<*> rows=<*>"]


def test_a_value_of_two_words_ends_with_the_line_where_it_is_one_word_more_often() -> None:
    templates = Templates()
    for one in ("admin", "mp3", "sqlite", "Jane Doe", "weekly report"):
        templates.find("", "INFO", f"recovery finished with code={one}")
    templates.find("", "INFO", "recovery finished with code=admin rows=7")
    assert {one.text for one in templates} == {
        "recovery finished with code=<*>", "recovery finished with code=<*> rows=<*>",
    }  # fmt: skip


def test_comparisons_of_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    covers = templates_module._covers

    def counted(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
        calls.append(1)
        return covers(one, two)

    monkeypatch.setattr(templates_module, "_covers", counted)
    templates = Templates()
    for number in range(3000):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        templates.find(
            "", "INFO", f"a b c {letters} " + " ".join(f"w{letters[:at]}" for at in range(1, 9)) + f" x {letters}"
        )
    assert len(list(templates)) <= MAX_TEMPLATES + 1
    assert len(calls) <= templates_module.MAX_COMPARED


def test_what_heroku_puts_before_a_line_with_a_time_of_its_own_is_taken_off() -> None:
    line = "2024-01-21T00:00:07.000000+00:00 app[worker.1]: 2024-01-21 00:00:05,120 [INFO] [AUDIO_DELTA] bytes=320"
    read = LineReader().read(line)
    assert (read.level, read.message) == ("INFO", "[AUDIO_DELTA] bytes=320")
    assert read.second == LineReader().read(line.replace("00:00:05,120", "00:00:09")).second


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ('{"deploy": {"startCommand": "python main.py"}}', "railway"),
        ('[{"timestamp": "2026-11-28T12:00:00Z", "message": "up"}]', None),
        ('{"timestamp": "2026-11-28T12:00:00Z", "message": "up"}\n{"message": "down"}\n', None),
        ('{"timestamp": "2026-11-28T12:00:00Z", "message": "up"}\n', None),
    ],
)
def test_an_exported_log_is_no_settings(tmp_path: Path, text: str, platform: str | None) -> None:
    (tmp_path / "railway.json").write_text(text)
    assert find_declared(str(tmp_path)) == platform


EVENTS = [
    {"timestamp": 1795867200000 + 1000 * at, "message": f"{level} order {at}"}
    for at, level in enumerate(["INFO"] * 9 + ["ERROR"])
]
JOURNAL = b"".join(
    b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=%d\nPRIORITY=%d\nMESSAGE=order %d\n_PID=1\n\n"
    % (1795867200000000 + at * 10**6, level, at)
    for at, level in enumerate([6] * 9 + [3])
)
BINARY = JOURNAL.replace(b"MESSAGE=order 3\n", b"MESSAGE\n\x09\0\0\0\0\0\0\0order 3\n4\n")


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(EVENTS).encode(),
        json.dumps(EVENTS, indent=1).encode(),
        json.dumps({"events": EVENTS, "searchedLogStreams": []}).encode(),
        json.dumps({"hasMore": False, "logs": EVENTS}, indent=2).encode(),
        json.dumps({"note": "x" * 70_000, "entries": EVENTS}, indent=2).encode(),
        gzip.compress(json.dumps({"events": EVENTS}, indent=4).encode(), mtime=0),
        "\n".join(json.dumps(one, indent=2) for one in EVENTS).encode(),
        "".join(["timestamp,message\n", *(f'{one["timestamp"]},"{one["message"]}"\n' for one in EVENTS)]).encode(),
        JOURNAL,
        BINARY,
        json.dumps({"hasMore": False, "nextStartTime": "2026-11-28T12:00:00Z", "logs": EVENTS}).encode(),
        "".join(
            json.dumps(
                {
                    "timestamp": one["timestamp"],
                    "attributes": {"level": f'"{str(one["message"]).split()[0]}"'},
                    "message": "x",
                }
            )
            + "\n"
            for one in EVENTS
        ).encode(),
    ],
)
def test_exports_that_are_no_line_an_event_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (tmp_path / "app.log").write_bytes(data)
    status, found = read(capsys, str(tmp_path / "app.log"))
    assert (status, found["lines"], found["levels"]) == (0, 10, {"INFO": 9, "ERROR": 1})
    assert found["rate"]["peak"] == 1


def test_a_long_document_is_read_event_by_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = [{"message": f"INFO order {at} {'x' * 300} é"} for at in range(9000)]
    (tmp_path / "app.log").write_text(json.dumps({"events": many, "next": 1}, ensure_ascii=False, indent=1), "utf-8")
    with at_most(4_000_000):
        assert read(capsys, str(tmp_path / "app.log"))[1]["lines"] == 9000


@pytest.mark.parametrize(
    "data",
    [
        b"__CURSOR=\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffx",
        b"__CURSOR=" + b"\n\n" * 99,
        b'timestamp,message\n\0,"\n',
        b'[\n"a", 3, null, [[[',
        b'{"events": [{"a": 1}, ',
        b"__CURSOR=1\n" + b"".join(b"%d=\n" % at for at in range(999)),
    ],
)
def test_a_broken_export_ends_in_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (tmp_path / "app.log").write_bytes(data)
    assert logs.main([str(tmp_path / "app.log")]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_a_pair_of_lines_is_a_unit_where_no_identifier_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["INFO call started", "INFO a step of it", "INFO a step of it", "INFO call ended"] * 7
    unit = read(capsys, write(tmp_path, *lines))[1]["unit"]
    assert (unit["key"], unit["units"], unit["lines_each"]) == ("pair of 'call started' and 'call ended'", 7, 4)
    assert read(capsys, write(tmp_path, *lines[:-1], "INFO started"))[1]["unit"]["units"] == 7
    assert read(capsys, write(tmp_path, *["INFO call started", "INFO a step"] * 9))[1]["unit"] is None


def test_any_text_behind_a_colon_joins_the_template_that_has_a_variable_there() -> None:
    templates = Templates()
    names = [f"{first}{last}" for first in "abcdefgh" for last in "xyz"]
    for name, why in itertools.product(names, ["denied", "reset", "gone", "full", "late", "stale"]):
        templates.find("", "ERROR", f"Handler of the orders failed for {name}: {why}")
    templates.find(
        "", "ERROR", "Handler of the orders failed for weekly report: the value at a line of the third file is none"
    )
    assert not [one.text for one in templates if "third" in one.text]
