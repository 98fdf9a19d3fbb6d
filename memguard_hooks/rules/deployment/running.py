"""One service as its start command runs it, with its limit and what it takes, each found out when a rule asks."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from memguard_hooks.app.entry_points import read_command, settings_of
from memguard_hooks.deployment.command import MAX_LENGTH
from memguard_hooks.deployment.service import Service, ServicePlace
from memguard_hooks.formats.shell import split_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.budget.verdict import Estimated

COMPOSE = "compose"

SYSTEMD = "systemd"

_PYTHON = re.compile(r"(?:.*/)?python(?:\d(?:\.\d+)?)?")


class RunningService:
    """One service of a project, and how its command starts it."""

    def __init__(self, project: Project, service: Service) -> None:
        self.project = project
        self.service = service
        self.settings = settings_of(project, service)
        self.command = read_command(project, service)

    @property
    def place(self) -> ServicePlace:
        """Where the start command is written."""
        return ServicePlace(self.service.path, self.service.line, self.service.column)

    @cached_property
    def limit(self) -> int | None:
        """The memory of the host in bytes, None where there is no limit or nobody knows it."""
        from memguard_hooks.rules.budget.verdict import limit_of

        return limit_of(self.service, self.settings)[0]

    @cached_property
    def limit_label(self) -> str:
        """What a message calls the limit."""
        from memguard_hooks.rules.budget.verdict import limit_of

        return limit_of(self.service, self.settings)[2]

    @cached_property
    def estimated(self) -> Estimated | None:
        """What the service takes, None where nobody can tell; memory-budget says why."""
        from memguard_hooks.rules.budget.verdict import Estimated, estimate_service

        found = estimate_service(self.project, self.service, self.settings)
        return found if isinstance(found, Estimated) else None

    @property
    def is_for_developers(self) -> bool:
        """Tell whether it is plausibly no deployment: compose serves development where it limits no memory."""
        return self.service.platform == COMPOSE and self.service.limit is None

    @cached_property
    def words(self) -> list[str]:
        """The words of the start command, none of one that is too long to be one."""
        if len(self.service.command) > MAX_LENGTH:
            return []
        return split_plain(self.service.command)

    @property
    def interpreter_options(self) -> tuple[str, ...]:
        """The options of `python` in the start command, such as `-u` and `-X dev`."""
        return tuple(_interpreter_options(self.words))


def _interpreter_options(words: list[str]) -> Iterator[str]:
    at = next((number for number, word in enumerate(words) if _PYTHON.fullmatch(word)), len(words)) + 1
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c"):
        if words[at] in ("-X", "-W") and at + 1 < len(words):
            yield f"{words[at]} {words[at + 1]}"
            at += 1
        else:
            yield words[at]
        at += 1
