"""What frameworks import by names in strings: Django's apps, middleware and URLconfs, Celery's modules of tasks."""

from __future__ import annotations

import re

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


_SETTINGS = late_pattern(rb"DJANGO_SETTINGS_MODULE[\"']\s*(?:,|\]\s*=)\s*[\"']([\w.]+)[\"']")
_MAKES_DJANGO = late_pattern(rb"^[^#\n]*\b(?:get_[aw]sgi_application|django\.setup)\(", re.MULTILINE)
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
    found: list[FrameworkEdge] = []
    match = _SETTINGS.search(data) if b"DJANGO_SETTINGS_MODULE" in data else None
    if match is not None:
        module = framework.django_settings or match[1].decode("ascii", "replace")
        found.append(FrameworkEdge(module, data.count(b"\n", 0, match.start()) + 1, "start", "as the settings of Django"))
    elif (module := framework.django_settings or framework.usual_settings or "") and b"django" in data:
        made = _MAKES_DJANGO.search(data)
        if made is not None:
            line = data.count(b"\n", 0, made.end()) + 1
            found.append(FrameworkEdge(module, line, "start", "as the settings of Django"))
    if any(mark in data for mark in _DJANGO):
        from memguard_hooks.imports import django

        edges = django.edges(data, is_worker=framework.is_worker, checks=framework.is_worker and framework.loads_urls)
        found += edges if framework.loads_urls else [edge for edge in edges if edge.moment != "serving"]
    if framework.is_worker and any(mark in data for mark in _CELERY):
        from memguard_hooks.imports import celery

        found += celery.edges(data)
    return tuple(found)
