"""The memory that a service may take: from the settings, from its plan, or by default."""

from __future__ import annotations

import math

from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.platforms import Plan
from memguard_hooks.deployment.service import Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, mib
from memguard_hooks.project.settings import FAIL, WARN, ServiceSettings
from memguard_hooks.record import Record

GIB = 1024 * MIB

ASSUMED = "default"
"""The source of the limit where nothing says what a host has."""

SIZES = tuple(MIB << power for power in range(8, 18))
"""The sizes that hosts sell, in bytes: 256 MiB to 128 GiB."""


class MemoryLimit(Record):
    """A limit in bytes, None where there is none or nobody knows it; where it is written, and what a message calls it."""

    size: int | None
    source: str
    label: str

    @property
    def is_assumed(self) -> bool:
        """Return whether neither the repository nor the settings name a host: what exceeds it is worth a warning."""
        return self.source == ASSUMED


def named_plan(settings: ServiceSettings) -> Plan | None:
    """Return the plan that the settings name. Raises MemguardError for one that is not known, with the nearest."""
    if settings.platform is None:
        return None
    plan = platforms.find_platform(settings.platform)
    if plan is None:
        import difflib

        near = difflib.get_close_matches(settings.platform, platforms.platform_names(), n=1, cutoff=0)
        named = platforms.plans_to_name(settings.platform)
        path, _, rest = settings.limit_source.partition(":")
        line = rest.partition(" ")[0]
        advice = f"name a plan: {named}" if named else f"did you mean {near[0]!r}?"
        message = f"unknown platform {settings.platform!r}: {advice}"
        raise MemguardError(message, path if line else None, int(line) if line else None)
    return plan


def limit_of(service: Service, settings: ServiceSettings) -> MemoryLimit:
    """Return the limit of a service: the settings beat its plan, and this beats what is assumed."""
    if settings.limit is not None:
        return MemoryLimit(settings.limit, settings.limit_source, settings.limit_source)
    plan = named_plan(settings)
    if plan is not None:
        label = f"{plan.platform} {plan.plan}".strip() if plan.memory else "local, no limit"
        return MemoryLimit(plan.memory, settings.limit_source, label)
    if service.platform is not None and service.limit is not None:
        return MemoryLimit(service.limit, service.limit_source, service.limit_label)
    label = "default" if service.platform is None else f"assumed for {service.limit_label}"
    return MemoryLimit(platforms.DEFAULT_LIMIT, ASSUMED, label)


def cpus_of(service: Service, settings: ServiceSettings) -> int:
    """Return the CPUs that a service is judged with where it starts as many processes, and nobody says how many there are.

    Where the memory is assumed the CPUs are those of such a machine, and those of a dyno for a Procfile, which Heroku is
    the first to run. Where it is known, the machine may be any.
    """
    named, is_assumed = named_plan(settings), limit_of(service, settings).is_assumed
    platform = service.platform if named is None else named.platform
    if platform == platforms.HEROKU or (is_assumed and service.path.rpartition("/")[2] == "Procfile"):
        return platforms.CPUS_OF_A_DYNO
    return platforms.CPUS_OF_DEFAULT if is_assumed else platforms.MOST_CPUS


def bands_of(limit: int, settings: ServiceSettings) -> tuple[float, float]:
    """Return where a warning and where an error begins, in bytes."""
    return (settings.warn or WARN) * limit, (settings.fail or FAIL) * limit


def sizes_that_fit(taken: int, settings: ServiceSettings) -> str:
    """Name the usual sizes around what a service takes: `fits 1 GiB; does not fit 512 MiB`."""
    bands = {size: bands_of(size, settings) for size in SIZES}
    fitting = next((size for size, (warn, _) in bands.items() if taken <= warn), None)
    small = [size for size, (_, fail) in bands.items() if taken > fail]
    told = [f"fits {_size(fitting)}"] if fitting is not None else []
    return "; ".join([*told, *(f"does not fit {_size(size)}" for size in small[-1:])])


LIMIT_KEYS = {
    "compose": "mem_limit: {}m",
    "kubernetes": 'resources: {{limits: {{memory: "{}Mi"}}}}',
    "systemd": "MemoryMax={}M",
}
"""How the files of hosts that have no plans bound the memory of a service, in MiB."""


def limit_to_write(service: Service, taken: int, settings: ServiceSettings) -> str | None:
    """Return what bounds a service of such a host to the least usual size that holds it; None elsewhere."""
    key = LIMIT_KEYS.get(service.platform or "")
    size = next((size for size in SIZES[1:] if taken <= bands_of(size, settings)[0]), None)
    return key.format(size // MIB) if key is not None and size is not None else None


def _size(size: int) -> str:
    return f"{size // MIB} MiB" if size < GIB else f"{size // GIB} GiB"


def plan_that_fits(service: Service, settings: ServiceSettings, needed: float) -> str | None:
    """Name the smallest plan of a service's platform that holds `needed` bytes: `render standard (2048 MiB)`."""
    named = platforms.find_platform(settings.platform or "")
    platform = service.platform or (named.platform if named is not None else "")
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None
