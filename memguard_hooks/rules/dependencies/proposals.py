"""Which version a pin may be moved to: inside what the file declares, and beside all else that it pins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies import together
from memguard_hooks.dependencies.required import PYTHON, known_versions
from memguard_hooks.dependencies.requirement import Requirement, shorten
from memguard_hooks.dependencies.together import MAX_STEPS, Installed
from memguard_hooks.errors import MemguardError
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record

MAX_MINORS = 20
"""Minor versions in which the search for the rest of the file may fail: each takes up to 500 steps of the resolver."""


class Proposal(Record):
    """The version to write, None where there is none, and then what stands in the way and how to get around that."""

    version: str | None = None
    obstacle: str = ""
    ways: tuple[str, ...] = ()
    newer: str = ""
    """Why a newer version does not do, where the version to write is not the newest and the reason is plain."""


class Proposals:
    """The versions that one run proposes: each goes with all else in its file, and with those proposed before it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._proposed: dict[Requirement, str] = {}
        self._beside: dict[str, tuple[Requirement, ...]] = {}
        self._pythons: dict[str, tuple[tuple[int, int], ...]] = {}

    def choose(self, requirement: Requirement, candidates: Iterable[str]) -> str | None:
        """Return the first candidate that goes with the rest of the file, None where none is known to.

        What the rest requires, and what a candidate does, tells nearly all apart. Where it does not, and no versions of the
        rest are found, other patches of the same minor version are not tried.
        """
        installed, name = self._installed(requirement), requirement.name
        if installed is None or known_versions(name) is None:
            return None
        failed: set[str] = set()
        for version in candidates:
            minor = ".".join(version.split(".")[:2])
            found = installed.choose(name, version) if minor not in failed else None
            if found is not None and found.is_complete([MAX_STEPS]):
                return version
            if found is not None:
                failed.add(minor)
            if len(failed) == MAX_MINORS:
                return None
        return None

    def propose(self, requirement: Requirement, version: str) -> None:
        """Take a version for proposed: what follows has to go with it."""
        self._proposed[requirement] = version

    def clash(self, requirement: Requirement, version: str) -> str:
        """Say what in the file a version does not go with; nothing where that is not plain."""
        beside = [one for one in self._around(requirement) if one.name != requirement.name]
        pythons = self._pythons_of(requirement.path)
        clash = together.find_clash(beside, requirement.name, version, requirement.extras, pythons)
        if clash is None:
            return ""
        required, declared = clash.requires, clash.declared
        if declared is None:
            return f"{requirement.name} {version} requires Python {required.specifier}"
        written = f"{declared.name}{shorten(declared.specifier)} ({declared.path}:{declared.line})"
        if required.name == requirement.name:
            return f"{written} requires {required.name}{required.specifier}"
        return f"{version} requires {required.name}{required.specifier}, beside {written}"

    def doubt(self, requirement: Requirement, version: str) -> str:
        """Say what in the file a version may not go with, as nobody knows what that requires; nothing where all is known."""
        beside = [one for one in self._around(requirement) if one.url is None]
        pythons = self._pythons_of(requirement.path)
        guessed = together.find_guessed(beside, requirement.name, version, requirement.extras, pythons)
        if guessed is None:
            return ""
        return f"what {guessed.name}{shorten(guessed.specifier)} ({guessed.path}:{guessed.line}) requires is not known"

    def _installed(self, requirement: Requirement) -> Installed | None:
        """Return all that is installed with a requirement, as it will be once what was proposed is written.

        What the file says of the same package a second time is a finding of its own.
        """
        others = [one for one in self._around(requirement) if one.name != requirement.name or one.is_constraint]
        return together.start([*others, requirement._replace(specifier="")], self._pythons_of(requirement.path))

    def _around(self, requirement: Requirement) -> tuple[Requirement, ...]:
        """Return what the files declare that take in the file of a requirement, with what was proposed for it."""
        path = requirement.path
        if path not in self._beside:
            self._beside[path] = tuple(dict.fromkeys(self._declared_with(path)))
        proposed = self._proposed
        return tuple(
            one._replace(specifier=f"=={proposed[one]}") if one in proposed and one != requirement else one
            for one in self._beside[path]
        )

    def _declared_with(self, path: str) -> Iterable[Requirement]:
        declared = self._project.declared
        found = [one for one in declared.installed_by_commands if one.path == path] if declared.may_install(path) else []
        whole = self._project if self._project.named is None else self._project.whole
        for manifest in dict.fromkeys((path, *whole.declared.manifest_paths)):
            try:
                requirements = declared.manifest(manifest).requirements
            except MemguardError:
                continue  # it is judged where it is staged
            if manifest == path or any(one.path == path for one in requirements):
                found += requirements
        return found

    def _pythons_of(self, path: str) -> tuple[tuple[int, int], ...]:
        """Return the Python of the host, and the oldest one that a pyproject.toml admits: its lock is made for that too."""
        from memguard_hooks.project.settings import parse_python

        if path not in self._pythons:
            host = self._project.declared.host_python or parse_python(lookup.DEFAULT_PYTHON)
            oldest = _oldest_python(self._project.read_file(path) or b"") if path.endswith("pyproject.toml") else None
            self._pythons[path] = (host, oldest) if oldest is not None else (host,)
        return self._pythons[path]


def _oldest_python(data: bytes) -> tuple[int, int] | None:
    """Return the oldest Python that a pyproject.toml admits, None where it does not say."""
    import re

    from memguard_hooks.formats import typed
    from memguard_hooks.formats.toml_document import parse

    try:
        fields: Mapping[str, object] = parse(data, "pyproject.toml").data
    except MemguardError:
        return None
    told = typed.value(fields, "project", "requires-python")
    told = told or typed.value(fields, "tool", "poetry", "dependencies", PYTHON)
    match = re.search(r"(?:>=?|==|~=?|\^)\s*3\.(\d{1,2})", told) if isinstance(told, str) else None
    return (3, int(match[1])) if match else None
