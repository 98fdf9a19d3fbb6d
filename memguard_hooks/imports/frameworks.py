"""What frameworks import by names in strings: Django's apps, middleware and URLconfs, Celery's modules of tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.model import FrameworkEdge
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record


class Framework(Record):
    """What the service is to its frameworks: the Django settings that its environment names, and whether it runs tasks.

    `loads_urls` tells that it answers requests, or runs the checks of Django as its commands do. `usual_settings` are those
    that its project has under a usual name, for where nothing in the repository names any.
    """

    django_settings: str | None = None
    is_worker: bool = False
    loads_urls: bool = True
    usual_settings: str | None = None


SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
_VARIABLE = SETTINGS_VARIABLE.encode()
_SETTINGS = late_pattern(
    rb"(?:\w\(\s*%(name)s\s*,|\[\s*%(name)s\s*\]\s*=)\s*[\"']([\w.]+)[\"'](?=\s*[),;#\n])"
    % {b"name": rb"[\"']DJANGO_SETTINGS_MODULE[\"']"}
)
_SETS = late_pattern(rb"\bsetdefault\(\s*[\"']DJANGO_SETTINGS_MODULE|DJANGO_SETTINGS_MODULE[\"']\s*\]\s*=(?!=)")
_MAKES_DJANGO = late_pattern(rb"^[^#\n]*\b(?:get_[aw]sgi_application|django\.setup)\(", re.MULTILINE)
_MAKES_CELERY = late_pattern(rb"^[^#\n]*\bCelery\(", re.MULTILINE)
_DJANGO = (b"INSTALLED_APPS", b"urlpatterns", b"MIDDLEWARE", b"ROOT_URLCONF", b"DATABASES")
_CELERY = (b"autodiscover_tasks", b"include", b"imports", b"CELERY_IMPORTS", b"config_from_object")
_CLASS = late_pattern(rb"^class[ \t]+(\w{1,200})[ \t]*\(([^)]{0,500})\)[ \t]*:", re.MULTILINE)


def called_by_framework(data: bytes) -> frozenset[str]:
    """Return the names of a file that Django calls as it starts: `ready` of its app configurations."""
    if b"AppConfig" not in data or b"def ready" not in data:
        return frozenset()
    return frozenset(
        f"{name.decode('utf-8', 'replace')}.ready" for name, bases in _CLASS.findall(data) if b"AppConfig" in bases
    )


def framework_edges(data: bytes, framework: Framework) -> tuple[FrameworkEdge, ...]:
    """Return what frameworks load because of one file. Raises MemguardError for one that Python's own parser cannot read."""
    found = list(_settings(data, framework))
    if any(mark in data for mark in _DJANGO):
        from memguard_hooks.imports import django

        edges = django.edges(data, is_worker=framework.is_worker, checks=framework.is_worker and framework.loads_urls)
        found += edges if framework.loads_urls else [edge for edge in edges if edge.moment != "serving"]
    if framework.is_worker and any(mark in data for mark in _CELERY):
        from memguard_hooks.imports import celery

        found += celery.edges(data)
    return tuple(found)


def unknown_settings(data: bytes, framework: Framework) -> int | None:
    """Return the line where a file sets Django's settings to what nobody can tell; None for any other file."""
    line, module = _set_in(data) if not framework.django_settings else (None, None)
    return line if module is None else None


def _settings(data: bytes, framework: Framework) -> Iterator[FrameworkEdge]:
    """Yield the settings of Django: what a file sets by default, or what the environment names where it makes an app.

    A worker of Celery loads those of its environment by itself (`celery.fixups.django`).
    """
    line, module = _set_in(data)
    module = framework.django_settings or module
    if line is None or module is None:
        made = _MAKES_DJANGO.search(data) if b"django" in data else None
        if made is None and framework.is_worker and module is not None:
            made = _MAKES_CELERY.search(data)
        line, module = _line(data, made), module or framework.usual_settings
    if line is not None and module:
        yield FrameworkEdge(module, line, "start", "as the settings of Django")


def _set_in(data: bytes) -> tuple[int | None, str | None]:
    """Return the line where a file sets Django's settings, and to which; None for what is not there, or nobody can tell."""
    literal = _SETTINGS.search(data) if _VARIABLE in data else None
    if literal is not None:
        return _line(data, literal), literal[1].decode("ascii", "replace")
    return _line(data, _SETS.search(data) if _VARIABLE in data else None), settings_made_by(data)


def _line(data: bytes, match: re.Match[bytes] | None) -> int | None:
    return data.count(b"\n", 0, match.end()) + 1 if match is not None else None


def settings_made_by(data: bytes, variables: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """Return the settings that a file puts together, None where it sets none but by name, or nobody can tell."""
    if _VARIABLE not in data or _SETTINGS.search(data) is not None or _SETS.search(data) is None:
        return None
    from memguard_hooks.imports import django

    try:
        return django.settings_set_in(data, variables)
    except MemguardError:  # for what its strings name for frameworks, that is said
        return None
