"""MG425: a copy of the module for deployed apps that is not of this version."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding
from memguard_hooks.project.project import Project
from memguard_hooks.rules.deployment.findings import finding


def check(project: Project) -> Iterator[Finding]:
    """Judge the copies in a project by their first lines."""
    from memguard_hooks.dependencies.runtime_copy import NAME, read

    for path in project.whole.paths:
        if path.rpartition("/")[2] == NAME:
            copy = read(project.read_file(path) or b"")
            if copy is not None and not copy.is_current:
                message = f"{path} is a copy of another version of memguard's module for deployed apps, {copy.version}"
                fix = f"memguard init --runtime {path}"
                if copy.is_edited:
                    fix = f"move it away, write it by `{fix}`, and bring your changes into that"
                yield finding(ServicePlace(path, 1, 1), "MG425", path, message, fix)
