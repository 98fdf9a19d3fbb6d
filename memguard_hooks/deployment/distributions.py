"""The Python of an image that starts from a distribution, and installs what that calls `python3`.

Facts: the packages `python3` of Debian 10 to 13, of Ubuntu 18.04 to 25.10 and of Alpine 3.12 to 3.22 (2026-11). An image
made from one of them says so in its name or its tag: `debian:bookworm`, `node:20-bookworm`, `nvidia/cuda:…-ubuntu22.04`.
Images of Playwright for Python have it from the start.
"""

from __future__ import annotations

import re

from memguard_hooks.pattern import late_pattern

_RELEASES = {
    "buster": "3.7", "bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13",
    "debian:10": "3.7", "debian:11": "3.9", "debian:12": "3.11", "debian:13": "3.13",
    "bionic": "3.6", "focal": "3.8", "jammy": "3.10", "noble": "3.12", "plucky": "3.13", "questing": "3.13",
    "ubuntu18.04": "3.6", "ubuntu20.04": "3.8", "ubuntu22.04": "3.10", "ubuntu24.04": "3.12", "ubuntu25.04": "3.13",
    "ubuntu25.10": "3.13",
    "alpine3.12": "3.8", "alpine3.13": "3.8", "alpine3.14": "3.9", "alpine3.15": "3.9", "alpine3.16": "3.10",
    "alpine3.17": "3.10", "alpine3.18": "3.11", "alpine3.19": "3.11", "alpine3.20": "3.12", "alpine3.21": "3.12",
    "alpine3.22": "3.12",
}  # fmt: skip
"""Releases, as images are called, and the minor version of their `python3`."""

_RELEASE = late_pattern(
    r"(?<![a-z])(?:buster|bullseye|bookworm|trixie|bionic|focal|jammy|noble|plucky|questing)(?![a-z])"
    r"|(?:ubuntu|alpine):?\d+\.\d{2}(?!\d)|debian:\d{2}(?!\d)"
)

_INSTALLS = late_pattern(r"\b(?:apt-get|apt|apk)\s+(?:-\S+\s+)*(?:install|add)\b([^;&|]*)")
_PYTHON = late_pattern(r"(?:python3(?:-(?:minimal|pip|venv|dev|full))?|py3-[\w-]+)(?:[=~<>]\S*)?")
_OTHER = late_pattern(r"\bpython3?(\.\d{1,2}|\d{2})\b")


def python_of(image: str, command: str) -> str:
    """Return the Python that a `RUN` installs into an image, empty for none, and for one of several that it names.

    One that it names counts where it becomes `python3`, or makes the environment.
    """
    packages = [word for listed in _INSTALLS.findall(command) for word in listed.split()]
    others = {match[1] for word in packages if (match := _OTHER.match(word)) is not None}
    if others:
        (other, *more) = sorted(others)
        is_taken = re.search(rf"(?:\bln\s[^;&|]*|update-alternatives\s[^;&|]*)python3\{other}|python3\{other}\s+-m", command)
        return f"3{other}" if is_taken and not more and other.startswith(".") else ""
    return python_of_release(image) if any(map(_PYTHON.fullmatch, packages)) else ""


def python_of_release(image: str) -> str:
    """Return what is `python3` in the distribution that the name of an image tells, empty where it tells none."""
    release = _RELEASE.search(image)
    return _RELEASES.get(release[0].replace("ubuntu:", "ubuntu").replace("alpine:", "alpine"), "") if release else ""
