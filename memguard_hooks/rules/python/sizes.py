"""What is installed beside what its host takes: more than its platform deploys (MG719), or builds for GPUs (MG720).

Sizes are those of the wheels that a lock lists; only uv.lock and pylock.toml tell them. Limits: Heroku, "Slug Compiler"
(500 MB, compressed); AWS Lambda, "Lambda quotas" (250 MB, unzipped, without images); Vercel, "Functions limits" (500 MB,
unzipped, for Python; more for functions that are made for it). None of the hosts in `WITHOUT_GPU` rents one out. All as of
2026-11.
"""

from __future__ import annotations

from memguard_hooks.deployment import python_version
from memguard_hooks.deployment.service import Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Severity
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.dependencies.inventory import Inventory
    from memguard_hooks.dependencies.lock import Lock
    from memguard_hooks.finding import Finding
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.python.hosts import PythonHost

SMALL = 200_000
"""Bytes of a wheel below which a package is not counted."""


class SizeLimit(Record):
    """The MB that a platform takes, of what is compressed as wheels are or is unpacked, and what it calls that."""

    megabytes: int
    is_unpacked: bool
    what: str


LIMITS = {
    "heroku": SizeLimit(500, is_unpacked=False, what="Heroku takes a slug of 500 MB, compressed"),
    "aws-lambda": SizeLimit(250, is_unpacked=True, what="Lambda takes 250 MB, unzipped"),
    "vercel": SizeLimit(500, is_unpacked=True, what="Vercel takes 500 MB, unzipped"),
}

WITHOUT_GPU = {"heroku": "Heroku", "render": "Render", "railway": "Railway", "aws-lambda": "Lambda", "vercel": "Vercel",
               "app-engine": "App Engine", "digitalocean": "the App Platform"}  # fmt: skip

_GPU_PACKAGE = late_pattern(r"nvidia-[\w-]+|triton|pytorch-triton|cuda-(?:bindings|toolkit|python|pathfinder)")
_APART = late_pattern(rb"(?m)^[ \t]*[\"']?(?:slim_handler|zip|dockerizePip)[\"']?\s*:\s*true|^[ \t]*layer\s*:")
"""What keeps the packages out of the archive of a function: Zappa's slim handler, zipped requirements, layers."""


def find(project: Project, hosts: Iterable[PythonHost]) -> Iterator[Finding]:
    """Judge each service whose platform has a limit, or no GPU."""
    pythons = {host.service.place: host.pin.version for host in hosts}
    for service in (*project.discovered[0].services, *_of_vercel(project)):
        if service.platform in LIMITS or service.platform in WITHOUT_GPU:
            for lock, inventory in _installed(project, service, pythons.get(service.place)):
                yield from _too_large(project, service, lock, inventory)
                yield from _for_gpus(service, lock, inventory)


def _of_vercel(project: Project) -> Iterator[Service]:
    """Yield what Vercel deploys of a repository that has its file and Python functions."""
    for path in project.paths:
        folder = parent(path)
        if path.rpartition("/")[2] == "vercel.json" and (
            b"@vercel/python" in (project.read_file(path) or b"")
            or any(one.endswith(".py") and parent(one) == join(folder, "api") for one in project.paths)
        ):
            yield Service("api", path, 1, 1, "", platform="vercel", folder=folder)


def _installed(project: Project, service: Service, python: tuple[int, int] | None) -> Iterator[tuple[Lock, Inventory]]:
    """Yield the lock that a service is installed from, and what the host takes of it."""
    from memguard_hooks.dependencies import lock_readers

    counts = project.declared.deployed.counts
    folders = {service.folder, *(build.folder for build in service.builds)}
    for path in project.declared.lock_paths:
        if parent(path) not in folders or not counts(path):
            continue
        if service.base is None and project.read_file(join(parent(path), "requirements.txt") or "") is not None:
            continue  # which the platforms' own builders take first
        try:
            lock = lock_readers.read(project.tree, path)
        except MemguardError:
            continue  # which is said where it is judged
        inventory = project.declared.inventory_of(lock)._replace(machine="x86_64")
        if lock.knows_edges and (lock.roots or inventory.requirements):
            yield lock, inventory._replace(python=python or inventory.python)
            return


def _too_large(project: Project, service: Service, lock: Lock, inventory: Inventory) -> Iterator[Finding]:
    """MG719: the wheels come to more than the platform takes."""
    from memguard_hooks.dependencies.wheel_size import LEAST, MB, UNPACKED, installed_wheels
    from memguard_hooks.rules.python.findings import finding

    limit = LIMITS.get(service.platform or "")
    if limit is None or python_version.is_image(service) or _APART.search(project.read_file(service.path) or b""):
        return
    data = project.read_file(lock.path) or b""
    factor, least = (UNPACKED, LEAST) if limit.is_unpacked else (1.0, 1.0)
    held = installed_wheels(data, lock, inventory, SMALL)
    total = sum(size for size, _ in held)
    if total * factor <= limit.megabytes * MB:
        return
    largest = ", ".join(f"{name} {size * factor / MB:.0f}" for size, name in held[:3])
    what = "unpacked" if limit.is_unpacked else "of wheels"
    severity: Severity = "error" if total * least > limit.megabytes * MB else "warning"
    message = f"{service.name} installs some {total * factor / MB:.0f} MB {what} ({lock.path}: {largest}), and {limit.what}"
    package = lock.packages[held[0][1]][0]
    is_json = service.path.endswith(".json")  # which holds no comment that could allow it
    place = ServicePlace(lock.path, package.line, package.column) if is_json else service.place
    fixes = ("leave out what it does not need, the largest first", "or deploy an image, which has no such limit")
    yield finding(place, "MG719", service.name, message, *fixes, severity=severity)


def _for_gpus(service: Service, lock: Lock, inventory: Inventory) -> Iterator[Finding]:
    """MG720: packages of CUDA on a host without a GPU."""
    from memguard_hooks.rules.python.findings import finding

    host = WITHOUT_GPU.get(service.platform or "")
    names = [name for name in lock.packages if host is not None and _GPU_PACKAGE.fullmatch(name)]
    held = sorted(inventory.installs(lock).intersection(names)) if names else ()
    if not held:
        return
    first = held[0]
    verb = "are" if len(held) > 1 else "is"
    others = f" and {len(held) - 1} more of CUDA" if len(held) > 1 else ""
    way = inventory.way(lock, first) or ()
    brings = way[-2] if len(way) > 1 else ""
    brought = f", which {brings} brings," if brings else ""
    package = lock.packages[first][0]
    place = ServicePlace(lock.path, package.line, package.column)
    message = (
        f"{first}{others}{brought} {verb} for GPUs, and {host} has none: gigabytes of disk that {service.name} never uses"
    )
    fix = (
        f"declare {brings} with its index of builds for CPUs, https://download.pytorch.org/whl/cpu, and lock again"
        if brings == "torch"
        else f"take a build of {brings or first} for CPUs, or do without it"
    )
    yield finding(place, "MG720", brings or first, message, fix)
