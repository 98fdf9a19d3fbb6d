"""The hosts of a project: for each service the Python that it gets, and what decides which wheels fit.

The official images of Python are Debian with glibc, `-alpine` ones have musl; `slim` and `alpine` have no compiler
(docker-library/docs, python/README.md). Functions of AWS on Python 3.11 and older run on Amazon Linux 2, whose glibc is
older than that of most wheels: they are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memguard_hooks.dependencies.wheel_table import WheelHost
from memguard_hooks.deployment import python_version
from memguard_hooks.deployment.python_version import PythonPin
from memguard_hooks.deployment.service import Service, ServicePlace
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record

_OFFICIAL = late_pattern(r"(?:^|/)python(?::(?P<tag>[\w.-]+))?(?:@.*)?$")
_MUSL = late_pattern(r"alpine|musl")
_ARM = late_pattern(r"(?:^|/)(?:arm64|aarch64)")

_COMPILERS = late_pattern(r"\b(?:gcc|g\+\+|build-essential|build-base|clang|buildpack-deps)\b")
_OTHER_PYTHON = late_pattern(r"\b(?:pyenv|conda|mamba|micromamba|deadsnakes)\b|\bapt(?:-get)?\b[^&|;]*\bpython3")
_OTHER_WORDS = ("pyenv", "conda", "mamba", "deadsnakes", "python3")
"""What is in each command that the pattern finds, which most hosts need not compile."""


class PythonHost(Record):
    """One service, the pin that decides its Python, what its wheels must fit, and the images that its stages start from."""

    service: Service
    pin: PythonPin
    target: WheelHost
    bases: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[ServicePlace, str, WheelHost]:
        """What tells the host from others: a service has values that no set can hold."""
        return self.service.place, self.service.name, self.target

    @property
    def is_default(self) -> bool:
        """Return whether nothing in the repository names the Python: a service that is older may have another."""
        return self.pin.kind == "default"

    @property
    def python(self) -> str:
        """The version, as `3.13`."""
        return "{}.{}".format(*self.pin.version)

    @property
    def called(self) -> str:
        """Say which Python it is, and where that is written."""
        return f"Python {self.python} ({self.source})"

    @property
    def source(self) -> str:
        """Where the Python is written."""
        if self.pin.kind == "settings":
            return "the settings"
        return self.pin.name if self.is_default else f"{self.pin.place.path}:{self.pin.place.line}"

    @property
    def tag(self) -> str | None:
        """The tag of the official image that the service starts from; None for any other."""
        base = self.service.base
        match = _OFFICIAL.search(base.name) if base is not None else None
        return (match["tag"] or "latest") if match is not None else None

    @property
    def lacks_compiler(self) -> bool:
        """Return whether the image has no compiler: all its stages start from slim ones, and none installs one."""
        if self.tag is None or not all(re.search(r"slim|alpine", base) for base in self.bases):
            return False
        return not any(_COMPILERS.search(build.command[: 2**13]) for build in self.service.builds)


def find(project: Project) -> Iterator[PythonHost]:
    """Yield the host of each service whose Python is known; without services that of the settings."""
    asked = project.settings.service.target_python
    services = project.discovered[0].services
    for service in services:
        pin = _pin_of(project, service)
        if pin is not None and pin.version[0] == 3 and (service.platform != "aws-lambda" or pin.version >= (3, 12)):
            yield PythonHost(service, pin, _target(service, pin.version[1]), _bases(project, service))
    if not services and asked is not None:
        service = Service("app", "", 0, 0, "")
        yield PythonHost(service, PythonPin(asked, "settings", service.place, ""), WheelHost(asked[1]))


def _pin_of(project: Project, service: Service) -> PythonPin | None:
    from memguard_hooks.app.entry_points import settings_of

    asked = settings_of(project, service).target_python
    if asked is not None:
        return PythonPin(asked, "settings", service.place, "")
    if any(_installs_python(build.command[: 2**13]) for build in service.builds):
        return None
    found = python_version.pins(service, project.read_file)
    if found:
        return found[0]
    default = python_version.default_of(service, project.read_file)
    if default is None:
        return None
    name = f"the default of {(service.platform or '').capitalize()} {default.dated}"
    return PythonPin(default.version, "default", service.place, name)


def _installs_python(command: str) -> bool:
    return any(word in command for word in _OTHER_WORDS) and _OTHER_PYTHON.search(command) is not None


def _bases(project: Project, service: Service) -> tuple[str, ...]:
    """Return the images that the stages of a Dockerfile start from; a tool that is copied from another is no stage."""
    if service.base is None:
        return ()
    from memguard_hooks.formats.dockerfile import BrokenInstruction, instructions

    text = (project.read_file(service.base.place.path) or b"")[: 2**18].decode("utf-8-sig", "replace")
    found = [one.text.split() for one in instructions(text) if not isinstance(one, BrokenInstruction) and one.name == "FROM"]
    names = [[word for word in words if not word.startswith("--")] for words in found]
    stages = {words[2].lower() for words in names if len(words) > 2}
    named = {words[0] for words in names if words and words[0].lower() not in stages}
    return tuple(sorted(service.base.name if "$" in name else name for name in named))


def _target(service: Service, minor: int) -> WheelHost:
    base = service.base
    libc = "musl" if base is not None and _MUSL.search(base.name) else "glibc"
    is_arm = base is not None and (_ARM.search(base.platform) or base.name.startswith(("arm64v8/", "arm64/")))
    return WheelHost(minor, libc, "aarch64" if is_arm else "x86_64")
