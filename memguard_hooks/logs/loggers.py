"""Loggers of libraries, and the level from which on they say only what matters.

How many lines each writes is measured at a local server (`python benchmarks/muting.py`): httpx 1 line a request at INFO,
httpcore 12 at DEBUG, botocore 32 at DEBUG for one client, matplotlib 76 for the first figure, APScheduler 2 a run at INFO.
SQLAlchemy's echo was 4 a select.
"""

from __future__ import annotations

from memguard_hooks.pattern import late_pattern

LOUD = frozenset(
    {
        "aiosqlite",
        "apscheduler",
        "asyncio",
        "boto3",
        "botocore",
        "engineio",
        "google",
        "hpack",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "huggingface_hub",
        "kafka",
        "matplotlib",
        "multipart",
        "numba",
        "openai",
        "paramiko",
        "PIL",
        "pymongo",
        "requests",
        "s3transfer",
        "socketio",
        "sqlalchemy",
        "telegram",
        "urllib3",
        "uvicorn",
        "watchfiles",
        "websockets",
        "werkzeug",
    }
)

_TOGETHER = {name: names for names in (("httpx", "httpx2"), ("httpcore", "httpcore2")) for name in names}
"""openai 3.57 logs as httpx2 and httpcore2: whoever mutes one of a pair mutes the other."""

_SPOKEN = (
    (late_pattern(r"HTTP Request: [A-Z]+ \S+ \"HTTP/"), "httpx"),
    (late_pattern(r"(?:Starting new HTTPS? connection|https?://\S+:\d+ \"[A-Z]+ )"), "urllib3"),
    (late_pattern(r"(?:Running job|Job) \".*(?:\(trigger: |executed successfully)"), "apscheduler"),
    (
        late_pattern(r"(?:connect_tcp|send_request_\w+|receive_response_\w+|response_closed)\.(?:started|complete)"),
        "httpcore",
    ),
)
"""What a library is known by where the format of the log leaves the name of the logger out."""


def find_library(logger: str, message: str) -> str | None:
    """Return the library whose logger wrote a message, None for the app's own."""
    root = logger.partition(".")[0]
    if root in LOUD:
        return logger if root in ("uvicorn", "google") else root
    return next((name for form, name in _SPOKEN if form.match(message)), None)


def speaks_in_django(logger: str) -> bool:
    """Return whether a logger is one of Django's that says more at DEBUG in production.

    `django.db.backends` says nothing there: statements are logged only where the setting DEBUG is on
    (docs.djangoproject.com/en/5.2/ref/logging, "django.db.backends").
    """
    return logger.startswith("django") and not logger.startswith("django.db")


def mute_lines(library: str) -> tuple[str, ...]:
    """Return the code that leaves a library its warnings."""
    return tuple(f'logging.getLogger("{name}").setLevel(logging.WARNING)' for name in _TOGETHER.get(library, (library,)))
