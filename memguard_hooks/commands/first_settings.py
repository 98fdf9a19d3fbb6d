"""The settings that a project begins with: keys for what none of its files tells, comments for what was found in them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from memguard_hooks.app.entry_points import ServiceEntry, find_entry, read_command
from memguard_hooks.app.limit import limit_of
from memguard_hooks.deployment.discover import FOREIGN_FOLDERS
from memguard_hooks.deployment.service import Service
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import ServiceSettings, parse_python

MAX_SERVICES = 20
"""Services that are told one by one."""

WIDTH = 120

STARTED = ("main", "app", "bot", "run", "server", "wsgi", "asgi", "__main__")
"""Files by these names are what people start, where no file says it."""

PYTHON_FILES = (".python-version", "runtime.txt")
"""Say which Python a host installs: Heroku's and Render's first, then Heroku's old one."""

_APP = late_pattern(rb"(?m)^(?P<name>app|application|api|server)\s*(?::[^=\n]+)?=\s*(?:await\s+)?[\w.]+\(")
_MAIN = late_pattern(rb"""(?m)^if\s+__name__\s*==\s*['"]__main__['"]""")


def draft(project: Project) -> tuple[str, ...]:
    """Return the settings of a project that has none, as lines of TOML below the name of their table."""
    services = project.deployment.services
    lines = [*_tell_services(project, services)]
    if all(read_command(project, service).entrypoint is None for service in services):
        lines += _entrypoints(project)
    if all(limit_of(service, ServiceSettings())[1] == "default" for service in services):
        lines.append("# No file says how much memory the host has: 512 MiB are assumed, unless one of these does.")
        lines.append('# platform = "render-free"')
        lines.append('# limit = "512MiB"')
    lines += _python(project)
    return tuple(lines)


def _tell_services(project: Project, services: tuple[Service, ...]) -> list[str]:
    """Return what was found, so that nobody has to write it a second time."""
    lines: list[str] = []
    for service in services[:MAX_SERVICES]:
        command = read_command(project, service)
        entry = find_entry(project, service)
        limit, source, label = limit_of(service, ServiceSettings())
        what = command.entrypoint.text if command.entrypoint is not None else "no entry point known"
        size = "no limit known" if limit is None else f"{limit // MIB} MiB"
        memory = f"{size} ({label})" if source != "default" else f"{size} by default"
        gap = f"; not judged: {entry.reason}" if isinstance(entry, Skipped) else ""
        lines.append(_comment(f"{service.path}:{service.line} starts {service.name}: {what}; {memory}{gap}"))
    if len(services) > MAX_SERVICES:
        lines.append(f"# and {len(services) - MAX_SERVICES} services more")
    return lines


def _comment(text: str) -> str:
    """Write text of a repository as a comment of one line, cut where it is long, without what a terminal would obey."""
    plain = "".join(character if character.isprintable() else "?" for character in f"# {text}")
    return plain if len(plain) <= WIDTH else f"{plain[: WIDTH - 1]}…"


# Entry points


def _entrypoints(project: Project) -> list[str]:
    """Name the entry point where a single file looks like one, else those that do."""
    found = list(_candidates(project))
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in found[:MAX_SERVICES])
    if len(found) == 1:
        return ["# No deployment file tells what is started; this looks like it.", f"entrypoints = [{names}]"]
    say = "several files look like it" if found else "name it here, as `app.main:app`, `main.py` or `-m package`"
    example = names or '"app.main:app"'
    return [f"# No deployment file tells what is started: {say}.", f"# entrypoints = [{example}]"]


def _candidates(project: Project) -> Iterator[str]:
    """Yield what may be started: applications and scripts of the usual names, in the root and one folder down."""
    folders = [entry.name for entry in project.tree.entries("") if entry.is_folder and entry.name.isidentifier()]
    for folder in ["", *(name for name in folders if name not in FOREIGN_FOLDERS)]:
        for entry in project.tree.entries(folder):
            stem, _, suffix = entry.name.rpartition(".")
            path = f"{folder}/{entry.name}".lstrip("/")
            if entry.is_folder or suffix != "py" or stem not in STARTED or project.is_excluded(path):
                continue
            text = _name_entry(folder, stem, project.read_file(path) or b"")
            if text is not None and _is_found(project, text):
                yield text


def _name_entry(folder: str, stem: str, data: bytes) -> str | None:
    """Return how a host would start a file: as an application, as a script, or not at all."""
    if stem == "__main__":
        return f"-m {folder}" if folder else "__main__.py"
    is_main = _MAIN.search(data) is not None
    app = _APP.search(data)
    if app is not None and (folder or not is_main):
        return f"{folder}.{stem}:{app['name'].decode()}".lstrip(".")
    return f"{stem}.py" if is_main and not folder else None


def _is_found(project: Project, text: str) -> bool:
    service = Service(name=text, path=".", line=1, column=1, command="")
    settings = project.settings._replace(service=ServiceSettings(entrypoints=(text,)))
    return isinstance(find_entry(Project(project.tree, settings), service), ServiceEntry)


# Python


def _python(project: Project) -> list[str]:
    """Name the Python of the host, as a key only where the tool does not know it by itself."""
    for who, known in (("The deployment", project.declared.host_python), ("pyproject.toml", project.layout.python)):
        if known is not None:
            return [f"# {who} names Python {known[0]}.{known[1]}."]
    named = {path: version for path in PYTHON_FILES if (version := _read_python(project, path)) is not None}
    versions = sorted(set(named.values()))
    if len(versions) == 1:
        return [f'target-python = "3.{versions[0][1]}"  # as {" and ".join(named)} says']
    if versions:
        told = ", ".join(f"{path} says 3.{version[1]}" for path, version in named.items())
        return [f"# {told}: name the Python of the host.", f'# target-python = "3.{versions[-1][1]}"']
    return []


def _read_python(project: Project, path: str) -> tuple[int, int] | None:
    words = (project.read_file(path) or b"").decode("utf-8", "replace").split()
    try:
        return parse_python(words[0].removeprefix("python-").removeprefix("cpython-")) if words else None
    except ValueError:
        return None
