"""Memory and CPUs of the plans of hosts, as their documentation gave them.

The rows lie beside this module in `platforms.tsv`, each with its source and the date of that, and are read when
one is first asked for. Hosts write MB and mean MiB. The names here are those of `platform = "render-free"`.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from memguard_hooks.deployment.service import Service, ServicePlace, Trap
from memguard_hooks.finding import MIB
from memguard_hooks.formats.tsv import rows
from memguard_hooks.record import Record

TABLE = os.path.join(os.path.dirname(__file__), "platforms.tsv")

LOCAL = "local"
RENDER = "render"
HEROKU = "heroku"

OWN_MACHINES = frozenset({"fly"})
"""Platforms that give a service a machine of its own, which has the CPUs of its plan and no more."""

CPUS_OF_A_DYNO = 8
"""CPUs that programs see in a dyno of Heroku's, which has the machine's: celery started 8 (a public report, case 01)."""

CPUS_OF_DEFAULT = 2
"""Judgment: CPUs of the machine that `DEFAULT_LIMIT` stands for, the most that hosts sell with so little memory."""

MOST_CPUS = 64
"""Judgment: what fits with a worker for each of so many CPUs fits on any machine that such services run on."""


class Plan(Record):
    """One plan of one platform.

    `memory` is bytes, None where there is no limit (local) or no document gives it; `cpus` None where none gives it.
    `sets` are variables that the platform sets by itself. `date` is that of the source, as far as it is known.
    """

    platform: str
    plan: str
    memory: int | None
    cpus: float | None = None
    sets: Mapping[str, str] = MappingProxyType({})
    source: str = ""
    date: str = ""

    @property
    def name(self) -> str:
        """What settings call it: `render-free`, `local`."""
        return f"{self.platform}-{self.plan}".rstrip("-")


SETS = {
    RENDER: {"RENDER": "true"},
    HEROKU: {"DYNO": "web.1"},
    "fly": {"FLY_APP_NAME": "app"},
    "railway": {"RAILWAY_ENVIRONMENT": "production", "RAILWAY_ENVIRONMENT_NAME": "production"},
    "koyeb": {"KOYEB_APP_NAME": "app"},
    "app-engine": {"GAE_ENV": "standard"},
    "aws-lambda": {"AWS_LAMBDA_FUNCTION_NAME": "app"},
    "vercel": {"VERCEL": "1", "VERCEL_ENV": "production"},
    "hugging-face": {"SPACE_ID": "owner/app"},
}
"""Variables that a platform sets on all of its plans, by which code knows where it runs: their names are what counts."""


@cache
def plans() -> tuple[Plan, ...]:
    """Return all plans, sorted by platform and name."""
    found = [Plan(LOCAL, "", None)]
    for platform, plan, mib, cpus, sets, source, date in rows(TABLE):
        variables = dict(pair.split("=", 1) for pair in sets.split())
        memory = int(mib) * MIB if mib else None
        found.append(Plan(platform, plan, memory, float(cpus) if cpus else None, variables, source, date))
    return tuple(sorted(found, key=lambda known: (known.platform, known.plan)))


DEFAULT_PLAN = {
    RENDER: "starter",
    HEROKU: "basic",
    "app-engine": "F1",
    "digitalocean": "apps-s-1vcpu-0.5gb",
    "aws-lambda": "128",
    "cloud-run": "512Mi",
    "app-runner": "2048",
    "vercel": "standard",
    "azure-functions": "consumption",
}
"""The plan of a service whose file names none."""

DEFAULT_LIMIT = 512 * MIB
"""The limit where nothing names a platform: the size of the small plans of most hosts."""

WEB_CONCURRENCY = {"heroku-eco": 2, "heroku-basic": 2, "heroku-standard-1x": 2, "heroku-standard-2x": 4,
                   "heroku-performance-m": 5, "heroku-performance-l": 17, "heroku-performance-l-ram": 9,
                   "heroku-performance-xl": 17, "heroku-performance-2xl": 33}  # fmt: skip
"""What Heroku's Python buildpack sets where the app does not; the same as in the table, for settings that name a plan."""


def find_plan(platform: str, plan: str) -> Plan | None:
    """Return a plan by its platform and its name as the platform's files write it."""
    wanted = _normalized(plan)
    return next((known for known in plans() if (known.platform, known.plan) == (platform, wanted)), None)


def find_platform(name: str) -> Plan | None:
    """Return the plan that `platform = NAME` means: `render-free`, `local`; None also where nobody knows its memory."""
    wanted = _normalized(name)
    return next((known for known in plans() if known.name == wanted and _is_usable(known)), None)


def platform_names() -> tuple[str, ...]:
    """Return all that `platform` may be."""
    return tuple(sorted(known.name for known in plans() if _is_usable(known)))


def plans_to_name(platform: str) -> str:
    """Write what `platform` may be for the plans of a host, the smallest first; the empty string for an unknown host."""
    wanted = _normalized(platform)
    found = [known for known in plans() if known.platform == wanted and known.memory]
    found.sort(key=lambda known: (known.memory or 0, known.name))
    told = ", ".join(f"{known.name} ({(known.memory or 0) // MIB} MiB)" for known in found[:MAX_NAMED])
    more = len(found) - MAX_NAMED
    return f"{told} and {more} more, which `memguard explain platforms {wanted}` lists" if more > 0 else told


MAX_NAMED = 8
"""Plans that a message names: those of a larger host are a list of their own."""


def smallest_plan(platform: str, size: int) -> Plan | None:
    """Return the smallest plan of a platform whose memory is at least `size` bytes."""
    fitting = [known for known in plans() if known.platform == platform and known.memory and known.memory >= size]
    return min(fitting, key=lambda known: known.memory or 0, default=None)


def concurrency_of(name: str) -> int | None:
    """Return the `WEB_CONCURRENCY` that a plan sets, by the name that `find_platform` takes; None where it sets none."""
    return WEB_CONCURRENCY.get(_normalized(name))


def _normalized(name: str) -> str:
    return name.strip().lower().replace(" ", "-").replace("_", "-")


def _is_usable(plan: Plan) -> bool:
    return plan.memory is not None or plan.platform == LOCAL


def with_plan(service: Service, platform: str, key: str, written: str | None, place: ServicePlace) -> Service:
    """Return a service with what the plan gives that its file names under `key`, or the platform's default.

    `place` is that of the plan, or of the service where the file names none; `key` is empty where many names are read.
    """
    plan = written or DEFAULT_PLAN[platform]
    known = find_plan(platform, plan)
    how = key if written or known is None else f"default {key}"
    return service._replace(
        platform=platform,
        plan=plan,
        limit=known.memory if known is not None else None,
        limit_source=" ".join(filter(None, (f"{place.path}:{place.line}", how, plan))),
        limit_label=f"{platform} {plan}" if written or known is None else f"{platform} {plan} by default",
        cpus=known.cpus if known is not None else None,
    )


def without_plan(service: Service, platform: str, place: ServicePlace, label: str) -> Service:
    """Return a service of whose memory nothing is said, by its file or a default. `label` is what has the memory."""
    source = f"{place.path}:{place.line} names no memory"
    return service._replace(platform=platform, plan=None, limit=None, limit_source=source, limit_label=label)


def unknown_plan(service: Service, place: ServicePlace) -> Iterator[Trap]:
    """Yield a trap where the platform has no such plan as the service's."""
    if find_plan(service.platform or "", service.plan or "") is None:
        detail = f"{service.plan}: {nearest_plans(service.platform or '', service.plan or '')}"
        yield Trap("unknown-plan", place, service.name, detail)


def nearest_plans(platform: str, plan: str) -> str:
    """Write the plans of a platform whose names are nearest to one that does not exist, with their memory."""
    import difflib

    names = {known.plan: known for known in plans() if known.platform == platform and known.memory}
    near = difflib.get_close_matches(_normalized(plan), names, n=3, cutoff=0)
    return ", ".join(f"{name} ({(names[name].memory or 0) // MIB} MiB)" for name in near)
