"""The memory that a service may take: from the settings, from its plan, or by default."""

from __future__ import annotations

import math

from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.platforms import Plan
from memguard_hooks.deployment.service import Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import mib
from memguard_hooks.project.settings import FAIL, WARN, ServiceSettings
from memguard_hooks.record import Record


class MemoryLimit(Record):
    """A limit in bytes, None where there is none or nobody knows it; where it is written, and what a message calls it."""

    size: int | None
    source: str
    label: str


def named_plan(settings: ServiceSettings) -> Plan | None:
    """Return the plan that the settings name. Raises MemguardError for one that is not known, with the nearest."""
    if settings.platform is None:
        return None
    plan = platforms.find_platform(settings.platform)
    if plan is None:
        import difflib

        near = difflib.get_close_matches(settings.platform, platforms.platform_names(), n=1, cutoff=0)
        path, _, rest = settings.limit_source.partition(":")
        line = rest.partition(" ")[0]
        message = f"unknown platform {settings.platform!r}: did you mean {near[0]!r}?"
        raise MemguardError(message, path if line else None, int(line) if line else None)
    return plan


def limit_of(service: Service, settings: ServiceSettings) -> MemoryLimit:
    """Return the limit of a service: the settings beat its plan, and this beats the default."""
    if settings.limit is not None:
        return MemoryLimit(settings.limit, settings.limit_source, settings.limit_source)
    plan = named_plan(settings)
    if plan is not None:
        label = f"{plan.platform} {plan.plan}".strip() if plan.memory else "local, no limit"
        return MemoryLimit(plan.memory, settings.limit_source, label)
    if service.platform is not None:
        return MemoryLimit(service.limit, service.limit_source, service.limit_label)
    return MemoryLimit(platforms.DEFAULT_LIMIT, "default", "default")


def bands_of(limit: int, settings: ServiceSettings) -> tuple[float, float]:
    """Return where a warning and where an error begins, in bytes."""
    return (settings.warn or WARN) * limit, (settings.fail or FAIL) * limit


def plan_that_fits(service: Service, settings: ServiceSettings, needed: float) -> str | None:
    """Name the smallest plan of a service's platform that holds `needed` bytes: `render standard (2048 MiB)`."""
    named = platforms.find_platform(settings.platform or "")
    platform = service.platform or (named.platform if named is not None else "")
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None
