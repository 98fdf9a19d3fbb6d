"""`zappa_settings.json`: the app that Zappa puts into one function of AWS Lambda for each stage.

Source of the format: zappa/Zappa, README.md, "Advanced Settings" (2026-11). `app_function` is a dotted name whose last part
is the app; `django_settings` stands in its place for Django, whose app Zappa makes itself. A stage takes what it does not
say from the one that it `extends`, and has 512 MB where neither says how many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.serverless import AWS_LAMBDA, COMMAND
from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION, Deployment, Read, Service, ServicePlace
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, text
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

DEFAULT_MB = 512

MAX_STAGES = 100
"""Stages that one may take its settings from, and that are looked through."""

_RUNTIME = late_pattern(r"python(3\.\d{1,2})")
_DOTTED = late_pattern(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the stage for production, or else the first. Raises MemguardError for JSON that does not parse."""
    document = json_document.parse(data, path)
    if len(table(document.data)) > MAX_STAGES:
        return Deployment((), (Skipped(path, 1, f"has more than {MAX_STAGES} stages", service="zappa"),))
    stages = {name: _extended(document.data, name) for name in table(document.data)}
    started = {name: keys for name, keys in stages.items() if "app_function" in keys or "django_settings" in keys}
    production = (name for name in started if NAMED_FOR_PRODUCTION.search(name) or name.lower().startswith("main"))
    name = next(production, next(iter(started), None))
    if name is None:
        reason = "no stage of it names an app_function or django_settings"
        return Deployment((), (Skipped(path, 1, reason, service="zappa"),) if stages else ())
    return Deployment.of([_service(document, name, started[name], read_file)])


def _extended(stages: object, name: str) -> dict[str, object]:
    """Return the keys of a stage, with those of the stages that it extends."""
    found: dict[str, object] = {}
    for _ in range(MAX_STAGES):
        keys = table(table(stages).get(name))
        found = {**keys, **found}
        name = text(keys, "extends") or ""
    return found


def _service(
    document: json_document.JsonDocument, name: str, keys: Mapping[str, object], read_file: Read
) -> Service | Skipped:
    """Return the function of a stage."""
    path, settings, app = document.path, text(keys, "django_settings"), text(keys, "app_function")
    key = "django_settings" if settings is not None else "app_function"
    place = ServicePlace(path, *document.place((name, key)))
    if settings is not None:
        app = _wsgi(settings, parent(path), read_file)
        if app is None:
            reason = f"Zappa makes the app of {settings} itself, and no wsgi.py beside it says what that loads"
            return Skipped(path, place.line, reason, service=name)
    if app is None or _DOTTED.fullmatch(app) is None:
        return Skipped(path, place.line, f"its {key} is no dotted name", service=name)
    version = _RUNTIME.fullmatch(text(keys, "runtime") or "")
    variables = {
        variable: value
        for inner in ("aws_environment_variables", "environment_variables")
        for variable, value in table(keys.get(inner)).items()
        if isinstance(value, str)
    }
    size = keys.get("memory_size", DEFAULT_MB)
    is_given = "memory_size" in keys
    limit = int(str(size)) * MIB if re.fullmatch(r"[1-9]\d{1,4}", str(size)) else None
    is_own = "memory_size" in table(document.data, name)
    where = document.place((name, "memory_size"))[0] if is_own else place.line
    return Service(
        name,
        *place,
        f"{COMMAND} {app}",
        kind="function",
        platform=AWS_LAMBDA,
        plan=str(size),
        limit=limit,
        limit_source=f"{path}:{where} {'' if is_given else 'default '}memory_size {size}",
        limit_label=f"aws-lambda memory_size {size}" if is_given else f"aws-lambda {size} MB, Zappa's default",
        environment={
            **({"PYTHON_VERSION": version[1]} if version else {}),
            **({"DJANGO_SETTINGS_MODULE": settings} if settings else {}),
            **variables,
        },
        folder=parent(path),
        replicas=None,
        builds=default_builds("aws-sam", parent(path), place, read_file),
    )


def _wsgi(settings: str, folder: str, read_file: Read) -> str | None:
    """Return the app in the `wsgi.py` beside the settings of a Django project, or above their package."""
    package = settings
    while "." in package:
        package = package.rpartition(".")[0]
        file = join(folder, package.replace(".", "/") + "/wsgi.py") if _DOTTED.fullmatch(f"{package}.wsgi") else None
        if file is not None and read_file(file) is not None:
            return f"{package}.wsgi.application"
    return None
