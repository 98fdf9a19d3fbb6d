"""What a host is likely told to start where no file says it: the one app, by what it imports and how it ends.

It lies in the root, or where nothing there starts in a folder that is called as `FOLDERS` are: fastapi-cli looks into `app`
too (fastapi/fastapi-cli, `discover.py`, 0.0.20).

The header of a README for Hugging Face's Spaces does say it (huggingface/hub-docs, docs/hub/spaces-config-reference.md,
2026-08): `sdk` and `app_file`. Streamlit's own cloud is where an app of Streamlit runs that no other file deploys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.service import Service
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.tree import parse_once

NAMES = ("streamlit_app.py", "app.py", "main.py", "bot.py", "run.py", "server.py", "wsgi.py", "asgi.py")
"""What the file is called that starts an app, where it lies in the root."""

FOLDERS = ("app", "src", "backend", "server", "api", "bot")
"""What the folder is called that holds what starts: one of the root, or one in such a folder, as `backend/app`."""

MAX_OTHERS = 50
"""Files of other names that are looked at where none of these is there: the only one that starts an app counts."""

_NOT_STARTED = late_pattern(
    r"(?i)(?:.*[-_])?(?:tests?|examples?|demos?|samples?|setup|conftest|bench\w*|debug|check|verify)(?:[-_].*)?\.py"
)
"""What the file is called that shows or checks something."""

README = "README.md"

MAX_BYTES = 2**18

_HEADER = late_pattern(rb"\A(?:\xef\xbb\xbf)?---\r?\n(.{1,4000}?)\r?\n---", re.DOTALL)
_KEY = late_pattern(rb"(?m)^(sdk|app_file):[ \t]*[\"']?([\w./-]+)")
_IMPORTED = late_pattern(rb"(?m)^[ \t]*(?:import|from)[ \t]+(\w+)")
_RELATIVE = late_pattern(rb"(?m)^[ \t]*from[ \t]+\.")
_FACTORY = late_pattern(rb"(?m)^(\w+)[ \t]*=[ \t]*(?:\w+\.)?create_app\(")
_APP = late_pattern(rb"(?m)^(\w+)(?:[ \t]*:[^=\n]{1,80})?[ \t]*=[ \t]*(?:\w+\.)?(FastAPI|Starlette|Quart|Litestar|Flask)\(")
_SERVED = late_pattern(rb"(?m)^(application|app)[ \t]*=[ \t]*get_([aw]sgi)_application\(")
_SETTINGS = late_pattern(rb"DJANGO_SETTINGS_MODULE[\"']\s*,\s*f?[\"']([\w.]+)\.(?:\w|\{\w)+\}?[\"']")
_RUNS = late_pattern(
    rb"\.(?:run|launch|run_polling|start_polling|infinity_polling|run_until_disconnected|start)\(|asyncio\.run\("
)

_SERVES = late_pattern(rb"\.serve_forever\(|\basyncio\.start_server\(")
_SERVERS = frozenset({b"http", b"socketserver", b"wsgiref", b"xmlrpc", b"asyncio"})
"""Modules of the standard library with a server."""

_BOTS = frozenset({b"discord", b"disnake", b"nextcord", b"telegram", b"telebot", b"aiogram", b"pyrogram", b"telethon",
                   b"slack_bolt", b"twitchio", b"gradio"})  # fmt: skip
"""Modules of programs that run by themselves, until they are stopped."""


def find_likely(project: Project) -> list[Service]:
    """Return what is likely started, each once; nothing where the project installs commands, and is likely a library."""
    if project.layout.scripts:
        return []
    return parse_once(project.tree, "likely starts", lambda: [space] if (space := _space(project)) else _in_folders(project))


def find_judged(project: Project) -> list[Service]:
    """Return the services that a project declares, or the only one that it likely has."""
    from memguard_hooks.app.entry_points import find_services

    found = find_services(project)
    if found:
        return found
    likely = find_likely(project)
    return likely if len(likely) == 1 else []


def _in_folders(project: Project) -> list[Service]:
    """Return what starts in the root, or in folders that are called as those that hold what does."""
    found = [*_in_folder(project, "")]
    if found:
        return found
    above = _folders(project, "")
    folders = (*above, *(one for folder in above for one in _folders(project, folder)))
    return [one for folder in folders for one in _in_folder(project, folder)] or [*_other_in_root(project)]


def _folders(project: Project, folder: str) -> list[str]:
    """Return the folders in one that are called as those that hold what starts."""
    there = {one.name for one in project.tree.entries(folder) if one.is_folder}
    return [_at(folder, name) for name in FOLDERS if name in there]


def _in_folder(project: Project, folder: str) -> Iterator[Service]:
    there = _files(project, folder)
    yield from _starting(project, folder, (name for name in NAMES if name in there))
    if "manage.py" in there:
        match = _SETTINGS.search(project.read_file(_at(folder, "manage.py")) or b"")
        package = match[1].decode("ascii", "replace").partition(".settings")[0] if match is not None else ""
        if package and project.tree.has(_at(folder, f"{package.replace('.', '/')}/wsgi.py")):
            yield _service(_at(folder, "manage.py"), f"gunicorn {package}.wsgi", folder)


def _at(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _files(project: Project, folder: str) -> set[str]:
    entries = project.tree.entries(folder)
    return {one.name for one in entries if not one.is_folder and not project.is_excluded(_at(folder, one.name))}


def _other_in_root(project: Project) -> Iterator[Service]:
    """Yield the only file of another name that starts an app."""
    there = _files(project, "")
    if there.isdisjoint((*NAMES, "manage.py")):
        others = sorted(name for name in there if name.endswith(".py") and not _NOT_STARTED.fullmatch(name))
        found = [*_starting(project, "", others)] if len(others) <= MAX_OTHERS else []
        yield from found if len(found) == 1 else ()


def _starting(project: Project, folder: str, names: Iterable[str]) -> Iterator[Service]:
    """Yield what the files of a folder start of those that start something, as it is started from there or from the root."""
    for name in names:
        path = _at(folder, name)
        data = project.read_file(path)
        if data is None or len(data) > MAX_BYTES:
            continue
        home = _home(project, folder, data)
        command = _command(path.removeprefix(f"{home}/") if home else path, data)
        if command is not None:
            service = _service(path, command, home)
            yield _on_streamlit(service) if command.startswith("streamlit ") else service


def _home(project: Project, folder: str, data: bytes) -> str:
    """Return where a file of a folder is started from: above the package whose name it imports, or in its own folder.

    `from app import x` in `app/main.py` means `app/app.py` where there is one: nothing runs from above then.
    """
    above, _, last = folder.rpartition("/")
    imported = {*_IMPORTED.findall(data)}
    has_init = project.tree.has(_at(folder, "__init__.py"))
    for home, name in (("", folder.partition("/")[0]), (above, last)):
        if name.encode() in imported and (has_init or not project.tree.has(_at(folder, f"{name}.py"))):
            return home
    is_package = has_init and not project.tree.has(_at(folder, "requirements.txt"))
    return above if is_package or _RELATIVE.search(data) else folder


def _service(path: str, command: str, folder: str = "") -> Service:
    return Service(path, path, 1, 1, command, folder=folder)


def _on_streamlit(service: Service) -> Service:
    """Return an app as Streamlit's cloud runs it, which gives it more when it asks for more."""
    return _hosted(service, "streamlit-cloud", "community", "streamlit run", "at most, 690 MB at least")


def _hosted(service: Service, platform: str, name: str, source: str, how: str) -> Service:
    """Return a service with the memory of a plan that its file implies."""
    plan = platforms.find_plan(platform, name)
    assert plan is not None
    return service._replace(
        platform=plan.platform,
        plan=plan.plan,
        limit=plan.memory,
        limit_source=f"{service.path}:{service.line} {source}",
        limit_label=f"{plan.platform} {plan.plan} {how}",
    )


def _command(name: str, data: bytes) -> str | None:
    """Return the command that starts a file, None for one that is likely a module of another."""
    imported = set(_IMPORTED.findall(data))
    if b"streamlit" in imported:
        return f"streamlit run {name}"
    module = name.removesuffix(".py").replace("/", ".")
    match = _SERVED.search(data)
    if match is not None:
        return f"{'gunicorn' if match[2] == b'wsgi' else 'uvicorn'} {module}:{match[1].decode('ascii')}"
    match = _APP.search(data)
    if match is not None:
        return f"{'gunicorn' if match[2] == b'Flask' else 'uvicorn'} {module}:{match[1].decode('ascii', 'replace')}"
    match = _FACTORY.search(data)
    if match is not None:
        return f"{'uvicorn' if b'fastapi' in imported else 'gunicorn'} {module}:{match[1].decode('ascii', 'replace')}"
    is_program = (imported & _BOTS and _RUNS.search(data)) or (imported & _SERVERS and _SERVES.search(data))
    return f"python {name}" if is_program else None


def _space(project: Project) -> Service | None:
    """Return the app of a Space of Hugging Face, whose README says how it is made."""
    header = _HEADER.match((project.read_file(README) or b"")[:MAX_BYTES])
    keys = dict(_KEY.findall(header[1])) if header is not None else {}
    file = keys.get(b"app_file", b"app.py").decode("ascii", "replace")
    if keys.get(b"sdk") not in (b"gradio", b"streamlit") or project.read_file(file) is None:
        return None
    command = f"streamlit run {file}" if keys[b"sdk"] == b"streamlit" else f"python {file}"
    return _hosted(Service(file, README, 1, 1, command), "hugging-face", "cpu-basic", "sdk", "by default")
