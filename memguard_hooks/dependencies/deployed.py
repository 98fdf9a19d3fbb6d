"""What the deployment installs of all that the repository declares."""

from __future__ import annotations

from collections.abc import Collection

from memguard_hooks.dependencies.requirement import Requirement, normalize_name
from memguard_hooks.record import Record


class Deployed(Record):
    """What is installed: the paths of the files, None where unknown; extras (`*` is all) and groups.

    `named` are the files among them that commands install themselves, and `constraints` those that commands give with
    `-c`, also where there may be more that nobody knows.
    """

    files: frozenset[str] | None = None
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    constraints: frozenset[str] = frozenset()

    def counts(self, path: str) -> bool:
        """Return whether a file may be installed."""
        return self.files is None or path in self.files

    def installs_some(self, groups: Collection[str]) -> bool:
        """Return whether what a lock keeps for some groups is installed; of none, for everybody."""
        return not groups or not {"main", "default", *self.groups}.isdisjoint(groups) or "*" in self.groups

    def is_asked(self, requirement: Requirement) -> bool:
        """Return whether a requirement belongs to what is installed, by its group, its extra and its file."""
        if requirement.group == "build" or not self.counts(requirement.path):
            return False
        name = normalize_name(requirement.group_name or "")
        if requirement.group == "extra":
            return bool(self.extras & {name, "*"})
        if requirement.group == "development":
            is_file = not requirement.group_name and requirement.path.endswith((".txt", ".in"))
            return (is_file and self.files is not None) or bool(name and self.groups & {name, "*"})
        return True
