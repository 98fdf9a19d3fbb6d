"""`zbpack.json`: how Zeabur builds and starts one service: `start_command`, or the Dockerfile that is there.

Source of the format: zeabur.com/docs, "Customize builds", and zeabur/zbpack (2026-11). A Dockerfile wins unless
`ignore_dockerfile` says otherwise. Memory is a matter of the plan: the file has no key for it.
"""

from __future__ import annotations

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, text
from memguard_hooks.tree import join, parent

ZEABUR = "zeabur"


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the service of a file. Raises MemguardError for JSON that does not parse, with the place."""
    document = json_document.parse(data, path)
    folder = join(parent(path), (text(document.data, "app_dir") or "").strip("/"))
    if folder is None:
        return Deployment((), (Skipped(path, document.place(("app_dir",))[0], "app_dir leads out", service="web"),))
    file = join(folder, (text(table(document.data, "dockerfile"), "path") or "Dockerfile").lstrip("/"))
    is_ignored = table(document.data).get("ignore_dockerfile") is True
    started = dockerfile.start(file, folder, read_file) if file is not None and not is_ignored else None
    if started is None:
        started = _started(document, folder, read_file)
    if isinstance(started, Skipped):
        return Deployment((), (started._replace(service="web"),))
    hosted = started._replace(
        platform=ZEABUR, limit=None, limit_source=f"{path}:1 names no memory", limit_label="a Zeabur plan"
    )
    return Deployment((hosted,))


def _started(document: json_document.JsonDocument, folder: str, read_file: Read) -> Service | Skipped:
    """Return what runs without a Dockerfile."""
    command = (text(document.data, "start_command") or "").strip()
    place = ServicePlace(document.path, *document.place(("start_command",)))
    if not command:
        return Skipped(document.path, place.line, "it has no start_command, and what zbpack then starts is not read")
    version = text(table(document.data, "python"), "version")
    builds = default_builds("nixpacks", folder, place, read_file)
    built = (text(document.data, "build_command") or "").strip()
    if built:
        builds = (*builds, Build(built, ServicePlace(document.path, *document.place(("build_command",))), folder))
    sets = {"PYTHON_VERSION": version} if version else {}
    return Service("web", *place, command, folder=folder, environment=sets, builds=builds)
