"""Memory of the plans of hosts, as their documentation gave it in November 2026.

Hosts write MB and mean MiB. The names here are those of `platform = "render-free"`.
"""

from __future__ import annotations

from typing import NamedTuple

from memguard_hooks.finding import MIB


class Plan(NamedTuple):
    """One plan of one platform; `memory` is bytes, None for no limit."""

    platform: str
    plan: str
    memory: int | None


def _plans(platform: str, **mib: int) -> tuple[Plan, ...]:
    return tuple(Plan(platform, plan.replace("_", "-"), size * MIB) for plan, size in mib.items())


RENDER = "render"

# Render: render-oss/skills, render-deploy/references/blueprint-spec.md, 2026-08-18.
# Heroku: dyno-memory-behavior, 2024-10-16. Fly: superfly/fly-go machine_types.go, 2026-11.
# Railway: railwayapp/docs pricing/plans.md, 2026-08-21, of one replica. Koyeb: docs/reference/instances, 2026-11.
PLANS: tuple[Plan, ...] = (
    *_plans(RENDER, free=512, starter=512, standard=2048, pro=4096, pro_plus=8192, pro_max=16384, pro_ultra=32768),
    *_plans("heroku", eco=512, basic=512, standard_1x=512, standard_2x=1024, performance_m=2560, performance_l=14336),
    *_plans("fly", shared_cpu_1x=256, shared_cpu_2x=512, shared_cpu_4x=1024, shared_cpu_6x=1536, shared_cpu_8x=2048),
    *_plans("fly", performance_1x=2048, performance_2x=4096, performance_4x=8192, performance_8x=16384),
    *_plans("railway", trial=512, free=512, hobby=8192, pro=24576),
    *_plans("koyeb", free=512, eco_nano=256, eco_micro=512, nano=256, micro=512, small=1024),
    Plan("local", "", None),
)

DEFAULT_PLAN = {RENDER: "starter"}
"""The plan of a service whose file names none."""

DEFAULT_LIMIT = 512 * MIB
"""The limit where nothing names a platform: the size of the small plans of most hosts."""

WEB_CONCURRENCY = {"heroku-eco": 2, "heroku-basic": 2, "heroku-standard-1x": 2, "heroku-standard-2x": 4,
                   "heroku-performance-m": 5, "heroku-performance-l": 17}  # fmt: skip
"""What Heroku's Python buildpack sets where the app does not: heroku-buildpack-python, vendor/WEB_CONCURRENCY.sh."""


def find_plan(platform: str, plan: str) -> Plan | None:
    """Return a plan by its platform and its name as the platform's files write it."""
    wanted = plan.strip().lower().replace(" ", "-").replace("_", "-")
    return next((known for known in PLANS if (known.platform, known.plan) == (platform, wanted)), None)


def find_platform(name: str) -> Plan | None:
    """Return the plan that `platform = NAME` means: `render-free`, `local`."""
    platform, _, plan = name.strip().lower().partition("-")
    return find_plan(platform, plan)


def platform_names() -> tuple[str, ...]:
    """Return all that `platform` may be."""
    return tuple(sorted(f"{known.platform}-{known.plan}".rstrip("-") for known in PLANS))


def smallest_plan(platform: str, size: int) -> Plan | None:
    """Return the smallest plan of a platform whose memory is at least `size` bytes."""
    fitting = [known for known in PLANS if known.platform == platform and known.memory and known.memory >= size]
    return min(fitting, key=lambda known: known.memory or 0, default=None)
