"""Whether a command starts Python: files that declare containers and units declare databases and proxies too."""

from __future__ import annotations

from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.service import Read, Service
from memguard_hooks.pattern import late_pattern

_PROGRAM = late_pattern(
    r"(?:^|[\s/'\"=;&|(])(?:python(?:3(?:\.\d+)?)?|gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|uwsgi|flask|fastapi"
    r"|celery|dramatiq|rq|huey_consumer|arq|airflow|streamlit|chainlit|poetry|pipenv|pdm|uv)(?=[\s'\";&|)]|$)"
)


def starts_python(service: Service, read: Read) -> bool:
    """Return whether a command is known to start Python, or names one of its programs."""
    command = parse(service.command, Host(service.environment, read, mounts=service.mounts), service.folder)
    return command.entrypoint is not None or _PROGRAM.search(service.command) is not None
