"""The inventory: what is installed, in which version, and why; and what only lies about."""

from __future__ import annotations

from memguard_hooks.dependencies.inventory import Inventory
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage, by_name
from memguard_hooks.dependencies.requirement import Group, Requirement, parse


def declare(text: str, path: str = "pyproject.toml", group: Group = "runtime", name: str | None = None) -> Requirement:
    """Return a requirement of a manifest."""
    return parse(text, path, 1, 1, 1)._replace(group=group, group_name=name)


def lock(path: str, *packages: LockedPackage, roots: tuple[LockEdge, ...] = ()) -> Lock:
    """Return a lock of some packages."""
    return Lock(path, by_name([*packages]), roots)


def package(name: str, *requires: LockEdge, version: str = "1", marker: str | None = None) -> LockedPackage:
    """Return a package of a lock."""
    return LockedPackage(name, version, 1, 1, marker=marker, requires=requires)


def test_the_shortest_way_counts() -> None:
    found = lock(
        "uv.lock",
        package("a", LockEdge("b")),
        package("b", LockEdge("c")),
        package("c", LockEdge("torch")),
        package("d", LockEdge("torch")),
        package("torch"),
    )
    inventory = Inventory((declare("a"), declare("d")), (found,))
    assert inventory.why("Torch") == ("d", "torch")
    assert inventory.why("c") == ("a", "b", "c")


def test_an_extra_is_followed_where_it_is_asked_for() -> None:
    found = lock(
        "uv.lock",
        package("a", LockEdge("b", extras=("x",))),
        package("b", LockEdge("plain"), LockEdge("torch", extra="x"), LockEdge("other", extra="y")),
        package("plain"),
        package("torch", marker="sys_platform == 'linux'"),
        package("other"),
    )
    inventory = Inventory((declare("a"),), (found,))
    assert [inventory.why(name) for name in ("plain", "torch", "other")] == [("a", "b", "plain"), ("a", "b", "torch"), None]
    assert Inventory((declare("b[Y]"),), (found,)).why("other") == ("b", "other")


def test_markers_are_those_of_the_host() -> None:
    found = lock(
        "uv.lock",
        package("a", LockEdge("old", marker="python_version < '3.10'"), LockEdge("mac", marker="sys_platform == 'darwin'")),
        package("old"),
        package("mac"),
    )
    requirements = (declare("a"), declare("gone; sys_platform == 'win32'"))
    assert Inventory(requirements, (found,), (3, 12)).why("old") is None
    assert Inventory(requirements, (found,), (3, 9)).why("old") == ("a", "old")
    assert Inventory(requirements, (found,)).why("old") == ("a", "old")
    assert Inventory(requirements, (found,)).why("mac") is None
    assert Inventory(requirements, (found,)).why("gone") is None


def test_versions_of_a_fork() -> None:
    found = lock(
        "uv.lock",
        package("torch", version="1", marker="(sys_platform == 'darwin')"),
        package("torch", version="2", marker="(sys_platform != 'darwin')"),
    )
    assert [one.version for one in Inventory((), (found,)).locked("Torch")] == ["2"]
    assert Inventory((), (found,)).locked("none") == ()


def test_groups_and_extras_of_the_project() -> None:
    requirements = (
        declare("base"),
        declare("torch", group="extra", name="ML"),
        declare("pytest", group="development", name="dev"),
        declare("setuptools", group="build"),
        declare("held")._replace(is_constraint=True),
        declare("brought")._replace(via=("base",)),
    )
    assert [one.name for one in Inventory(requirements).direct()] == ["base"]
    assert [one.name for one in Inventory(requirements, extras=("ml",), groups=("dev",)).direct()] == [
        "base",
        "torch",
        "pytest",
    ]


def test_decoys_are_told_apart() -> None:
    used = lock("uv.lock", package("a", LockEdge("torch")), package("torch", version="2"))
    decoy = lock("old/poetry.lock", package("torch", version="1"), roots=(LockEdge("torch"),))
    requirements = (declare("a"), declare("torch", "requirements-old.txt"))
    everything = Inventory(requirements, (decoy, used))
    assert (everything.decoys(), everything.why("torch")) == ((), ("torch",))
    told = Inventory(requirements, (decoy, used), installed=("uv.lock", "pyproject.toml"))
    assert told.decoys() == ("old/poetry.lock", "requirements-old.txt")
    assert told.why("torch") == ("a", "torch")
    assert [one.version for one in told.locked("torch")] == ["2"]


def test_a_ring_ends() -> None:
    found = lock("uv.lock", package("a", LockEdge("b")), package("b", LockEdge("a"), LockEdge("missing")), package("torch"))
    assert Inventory((declare("a"),), (found,)).why("torch") is None
    assert Inventory((declare("a"),), (found,)).why("missing") is None
