"""Packages that need libraries of the system, in images that do not have them: MG714.

What each needs: its own installation page (psycopg.org/docs/install, mysqlclient README, python-ldap.org installation,
opencv-python README and its issue 370, python-magic README, weasyprint first steps, cairosvg, pyaudio, pycairo,
pygraphviz; all 2026-11). Only the slim and the alpine image of Python are judged: the full one has most of these.
"""

from __future__ import annotations

import re

from memguard_hooks.dependencies.requirement import Requirement
from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding
from memguard_hooks.record import Record
from memguard_hooks.rules.python.findings import finding

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.python.hosts import PythonHost


BUILT = "to be built"


class SystemNeed(Record):
    """What a package needs: any of some words in the Dockerfile is enough; `packages` are those of Debian and Alpine."""

    words: str
    debian: str
    alpine: str
    instead: str = ""
    when: str = BUILT


NEEDS = {
    "psycopg2": SystemNeed("libpq|postgresql|pg_config", "gcc libpq-dev", "gcc musl-dev libpq-dev", "psycopg2-binary"),
    "mysqlclient": SystemNeed("mysql|mariadb", "gcc pkg-config default-libmysqlclient-dev",
                        "gcc musl-dev pkgconf mariadb-connector-c-dev", "pymysql"),
    "python-ldap": SystemNeed("ldap", "gcc libldap2-dev libsasl2-dev", "gcc musl-dev openldap-dev", "ldap3"),
    "pygraphviz": SystemNeed("graphviz", "gcc libgraphviz-dev", "gcc musl-dev graphviz-dev", "pydot"),
    "pyaudio": SystemNeed("portaudio", "gcc portaudio19-dev", "gcc musl-dev portaudio-dev", "sounddevice"),
    "pycairo": SystemNeed("cairo", "gcc pkg-config libcairo2-dev", "gcc musl-dev pkgconf cairo-dev"),
    "opencv-python": SystemNeed(r"libgl1|libgl\b|mesa|opencv|ffmpeg|libsm6", "libgl1 libglib2.0-0", "mesa-gl glib",
                          "opencv-python-headless", "when it is imported"),
    "python-magic": SystemNeed("libmagic|\\bfile\\b", "libmagic1", "libmagic", "", "when it is imported"),
    "weasyprint": SystemNeed("pango", "libpango-1.0-0 libpangoft2-1.0-0", "pango", "", "when it is imported"),
    "cairosvg": SystemNeed("cairo", "libcairo2", "cairo", "", "when it is imported"),
}  # fmt: skip


def find(project: Project, installed: Iterable[tuple[PythonHost, Requirement]]) -> Iterator[Finding]:
    """Yield the packages whose libraries neither the image nor a command in its Dockerfile brings."""
    for host, requirement in installed:
        need, base = NEEDS[requirement.name], host.service.base
        tag = host.tag or ""
        if base is None or not re.search("slim|alpine", tag) or _brings(project, base.place.path, need):
            continue
        if need.when == BUILT and not all(re.search("slim|alpine", one) for one in host.bases):
            continue  # another stage builds it, and has more
        if not all(_is_plain(build.command) for build in host.service.builds):
            continue
        command = f"apk add {need.alpine}" if "alpine" in tag else f"apt-get install -y {need.debian}"
        place = ServicePlace(requirement.path, requirement.line, requirement.column)
        message = (
            f"{requirement.name} needs libraries of the system {need.when}, which python:{tag} lacks ({base.place.path})"
        )
        fixes = [f"{need.instead}, which needs none"] if need.instead else []
        fixes.append(f"{'or ' if fixes else ''}RUN {command}")
        yield finding(place, "MG714", requirement.name, message, *fixes)


def _brings(project: Project, path: str, need: SystemNeed) -> bool:
    text = (project.read_file(path) or b"").decode("utf-8", "replace").lower()
    return re.search(need.words, re.sub(r"(?m)^[ \t]*#.*$", "", text)) is not None


def _is_plain(command: str) -> bool:
    """Return whether a command may be read: a script, or a list of packages in a file, may install anything."""
    return re.search(r"\.sh\b|xargs|\$\(|apt\.txt|packages\.txt", command[: 2**13]) is None
