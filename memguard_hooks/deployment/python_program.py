"""Whether a command starts Python: files that declare containers and units declare databases and proxies too."""

from __future__ import annotations

from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.service import Read, Service
from memguard_hooks.formats.shell_words import split_plain
from memguard_hooks.pattern import late_pattern

MAX_LENGTH, MAX_WORDS, MAX_TEXT = 2000, 20, 50_000
"""Characters and words of a command that are looked at, and characters of a script that it names."""

_PROGRAM = late_pattern(
    r"(?:^|[\s/'\"=;&|(])(?:python(?:3(?:\.\d+)?)?|gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|uwsgi|flask|fastapi"
    r"|celery|dramatiq|rq|huey_consumer|arq|airflow|streamlit|chainlit|poetry|pipenv|pdm|uv)(?=[\s'\";&|)]|$)"
)


def starts_python(service: Service, read: Read) -> bool:
    """Return whether a command is known to start Python, or names one of its programs, or a script that does."""
    host = Host(service.environment, read, mounts=service.mounts, folder=service.folder)
    if parse(service.command, host, service.folder).loads_first is not None or _PROGRAM.search(service.command) is not None:
        return True
    words = (inner for word in split_plain(service.command[:MAX_LENGTH])[:MAX_WORDS] for inner in word.split()[:MAX_WORDS])
    texts = (host.read_text(word) for word in words if "/" in word)
    return any(text is not None and _PROGRAM.search(text[:MAX_TEXT]) is not None for text in texts)
