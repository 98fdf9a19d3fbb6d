"""Locks: what the tools that own the formats wrote, compared with what they list, and hand-made and hostile ones.

`tests/data/locks` holds one file that each tool wrote, unedited, beside the project that it was made from and
the tool's own listing: uv export, poetry export, pdm export, pipenv requirements, pip's installation report.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from work import at_most

from memguard_hooks.dependencies import lock_readers, pyproject
from memguard_hooks.dependencies.inventory import Inventory
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, normalize_name
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.tree import WorkTree

DATA = Path(__file__).parent / "data" / "locks"

WRITTEN = [
    pytest.param("uv/uv.lock", "uv/listing.txt", id="uv"),
    pytest.param("uv/pylock.uv.toml", "uv/listing.txt", id="pylock-of-uv"),
    pytest.param("poetry-1.1/poetry.lock", "poetry-1.1/listing.txt", id="poetry-1.1"),
    pytest.param("poetry-1.8/poetry.lock", "poetry-1.8/listing.txt", id="poetry-1.8"),
    pytest.param("poetry-2/poetry.lock", "poetry-2/listing.txt", id="poetry-2"),
    pytest.param("pdm/pdm.lock", "pdm/listing.txt", id="pdm"),
    pytest.param("pdm/pylock.pdm.toml", "pdm/listing.txt", id="pylock-of-pdm"),
    pytest.param("pipenv/Pipfile.lock", "pipenv/listing.txt", id="pipenv"),
    pytest.param("pip/pylock.toml", "pip/listing.txt", id="pylock-of-pip"),
    pytest.param("pip-tools/pip-compiled-split.txt", "pip/listing.txt", id="pip-compile"),
    pytest.param("pip-tools/pip-compiled-line.txt", "pip/listing.txt", id="pip-compile-line"),
    pytest.param("uv-pip/exported.txt", "uv/listing.txt", id="uv-export"),
]


def read(path: str) -> Lock:
    """Read a lock of the data."""
    folder, _, name = path.rpartition("/")
    return lock_readers.read(WorkTree(str(DATA / folder)), name)


def listing(path: str) -> dict[str, str | None]:
    """Return the versions that a tool lists, by normalized name."""
    found: dict[str, str | None] = {}
    for line in (DATA / path).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#- ":
            requirement = Requirement(line)
            found[normalize_name(requirement.name)] = next((one.version for one in requirement.specifier), None)
    return found


@pytest.mark.parametrize(("path", "listed"), WRITTEN)
def test_packages_are_those_that_the_tool_lists(path: str, listed: str) -> None:
    lock = read(path)
    versions = {name: one.version for name, ones in lock.packages.items() for one in ones if name != "app"}
    assert versions == listing(listed)
    assert lock.skipped == ()


@pytest.mark.parametrize(("path", "listed"), WRITTEN)
def test_places_point_at_the_names(path: str, listed: str) -> None:
    assert listing(listed)
    lines = (DATA / path).read_text(encoding="utf-8").split("\n")
    for package in (one for ones in read(path).packages.values() for one in ones):
        text = lines[package.line - 1][package.column - 1 :]
        written = text.removeprefix('name = "')
        assert normalize_name(written).startswith(package.name), (package, text)


@pytest.mark.parametrize("path", ["uv/pylock.uv.toml", "pip/pylock.toml"])  # packaging refuses what PDM 2.24 wrote
def test_pylock_agrees_with_packaging(path: str) -> None:
    judge = Pylock.from_dict(parse_toml((DATA / path).read_bytes(), path).data)
    assert {(one.name, str(one.version)) for one in judge.packages} == {
        (name, one.version) for name, ones in read(path).packages.items() for one in ones
    }


# What brings what


def inventory(path: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> Inventory:
    """Return the inventory of one lock and of the pyproject.toml beside it."""
    tree = WorkTree(str((DATA / path).parent))
    manifest = pyproject.read(tree, "pyproject.toml", lambda _: True)
    return Inventory(manifest.requirements, (read(path),), (3, 11), extras, groups)


@pytest.mark.parametrize(
    "path",
    ["uv/uv.lock", "poetry-1.1/poetry.lock", "poetry-1.8/poetry.lock", "poetry-2/poetry.lock", "pdm/pdm.lock"],
)
@pytest.mark.parametrize(
    ("name", "extras", "groups", "way"),
    [
        pytest.param("requests", (), (), ("requests",), id="direct"),
        pytest.param("urllib3", (), (), ("requests", "urllib3"), id="one-step"),
        pytest.param("PySocks", (), (), ("requests", "pysocks"), id="extra-of-a-package"),
        pytest.param("httpx", (), (), None, id="extra-nobody-asked-for"),
        pytest.param("httpx", ("ml",), (), ("httpx",), id="extra"),
        pytest.param("pluggy", (), (), None, id="development"),
        pytest.param("pluggy", (), ("dev",), ("pytest", "pluggy"), id="group"),
        pytest.param("colorama", ("ml",), ("dev",), None, id="marker-of-another-system"),
        pytest.param("nothing", ("ml",), ("dev",), None, id="unknown"),
    ],
)
def test_why(path: str, name: str, extras: tuple[str, ...], groups: tuple[str, ...], way: tuple[str, ...] | None) -> None:
    assert inventory(path, extras=extras, groups=groups).why(name) == way


@pytest.mark.parametrize("path", ["uv/uv.lock", "poetry-1.1/poetry.lock", "poetry-1.8/poetry.lock", "poetry-2/poetry.lock"])
def test_why_through_an_extra(path: str) -> None:
    assert inventory(path, extras=("ml",)).why("hyperframe") == ("httpx", "h2", "hyperframe")


@pytest.mark.parametrize(
    ("path", "name", "way"),
    [
        pytest.param("pip-tools/pip-compiled-split.txt", "hyperframe", ("httpx", "h2", "hyperframe"), id="split"),
        pytest.param("pip-tools/pip-compiled-line.txt", "hyperframe", ("httpx", "h2", "hyperframe"), id="line"),
        pytest.param("uv-pip/uv-compiled.txt", "pysocks", ("requests", "pysocks"), id="uv"),
        pytest.param("uv-pip/uv-compiled-hashes.txt", "pysocks", ("requests", "pysocks"), id="uv-hashes"),
        pytest.param("uv/pylock.uv.toml", "pysocks", None, id="no-edges"),
        pytest.param("pipenv/Pipfile.lock", "pysocks", None, id="no-edges-of-pipenv"),
    ],
)
def test_why_of_a_lock_by_itself(path: str, name: str, way: tuple[str, ...] | None) -> None:
    lock = read(path)
    assert Inventory((), (lock,)).why(name) == way
    assert lock.knows_edges is (way is not None)


# By hand


def write(folder: Path, name: str, text: str | bytes) -> Lock:
    """Write a lock and read it."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return lock_readers.read(WorkTree(str(folder)), name)


UV = 'version = 1\n[[package]]\nname = "x"\nversion = "1"\n'
POETRY = '[[package]]\nname = "x"\nversion = "1"\n'
POETRY_END = '[metadata]\nlock-version = "2.1"\n'


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        pytest.param(
            "uv.lock",
            UV + 'source = { url = "https://e.org/x-1.zip" }',
            RequirementSource("url", "https://e.org/x-1.zip"),
            id="uv-url",
        ),
        pytest.param("uv.lock", UV + 'source = { path = "x-1.whl" }', RequirementSource("path", "x-1.whl"), id="uv-path"),
        pytest.param(
            "uv.lock", UV + 'source = { editable = "libs/x" }', RequirementSource("path", "libs/x"), id="uv-editable"
        ),
        pytest.param(
            "uv.lock",
            UV + 'source = { git = "https://e.org/x?rev=a#b" }',
            RequirementSource("vcs", "git+https://e.org/x?rev=a#b"),
            id="uv-git",
        ),
        pytest.param(
            "poetry.lock",
            f'{POETRY}[package.source]\ntype = "git"\nurl = "https://e.org/x"\nreference = "main"\n'
            f'resolved_reference = "abc"\n{POETRY_END}',
            RequirementSource("vcs", "git+https://e.org/x@abc"),
            id="poetry-git",
        ),
        pytest.param(
            "poetry.lock",
            f'{POETRY}[package.source]\ntype = "directory"\nurl = "libs/x"\n{POETRY_END}',
            RequirementSource("path", "libs/x"),
            id="poetry-directory",
        ),
        pytest.param("poetry.lock", POETRY + POETRY_END, None, id="poetry-index"),
        pytest.param(
            "pdm.lock",
            '[metadata]\nlock_version = "4.5.0"\n'
            '[[package]]\nname = "x"\nversion = "1"\ngit = "https://e.org/x"\nrevision = "abc"',
            RequirementSource("vcs", "git+https://e.org/x@abc"),
            id="pdm-git",
        ),
        pytest.param(
            "pylock.toml",
            'lock-version = "1.0"\n[[packages]]\nname = "x"\n'
            'vcs = {type = "git", url = "https://e.org/x", commit-id = "abc"}',
            RequirementSource("vcs", "git+https://e.org/x@abc"),
            id="pylock-vcs",
        ),
        pytest.param(
            "pylock.web.toml",
            'lock-version = "1.0"\n[[packages]]\nname = "x"\ndirectory = {path = "libs/x"}',
            RequirementSource("path", "libs/x"),
            id="pylock-directory",
        ),
        pytest.param(
            "Pipfile.lock",
            '{"_meta": {"sources": [{"name": "pt", "url": "https://e.org/"}]}, '
            '"default": {"x": {"index": "pt", "version": "==1"}}}',
            RequirementSource("index", "https://e.org/"),
            id="pipenv-index",
        ),
        pytest.param(
            "Pipfile.lock",
            '{"default": {"x": {"git": "https://e.org/x", "ref": "abc"}}}',
            RequirementSource("vcs", "git+https://e.org/x@abc"),
            id="pipenv-git",
        ),
    ],
)
def test_sources(tmp_path: Path, name: str, text: str, source: RequirementSource | None) -> None:
    (package,) = write(tmp_path, name, text).packages["x"]
    assert package.source == source


def test_members_of_a_workspace_are_roots(tmp_path: Path) -> None:
    lock = write(
        tmp_path,
        "uv.lock",
        """\
version = 1
[manifest]
members = ["api", "lib"]
[[package]]
name = "api"
version = "0"
source = { virtual = "api" }
dependencies = [{ name = "lib" }]
[[package]]
name = "lib"
version = "0"
source = { editable = "lib" }
dependencies = [{ name = "torch", version = "2.0", source = { registry = "u" }, marker = "sys_platform == 'linux'" }]
[[package]]
name = "torch"
version = "2.0"
""",
    )
    assert lock.roots == (LockEdge("lib"), LockEdge("torch", "2.0", "sys_platform == 'linux'"))
    assert Inventory((), (lock,)).why("torch") == ("torch",)


def test_a_category_of_pipenv_and_one_package_in_two(tmp_path: Path) -> None:
    text = '{"develop": {"x": {"version": "==1"}},\n "default": {"X_y": {"version": "==2"}, "x": {"version": "==1"}}}'
    assert write(tmp_path, "Pipfile.lock", text).packages == {
        "x": (LockedPackage("x", "1", 1, 15, groups=("default", "develop")),),
        "x-y": (LockedPackage("x-y", "2", 2, 15, groups=("default",)),),
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('version = 1\npackage = [{name = "x", version = "1"}]', id="inline"),
        pytest.param('version = 1\n[[package]]\n# why\nname = "x"', id="comment"),
        pytest.param('version = 1\n[[ package ]]\nname = "x"', id="blanks"),
        pytest.param('version = 1\na = """\n[[package]]\nname = "y"\n"""\n[[package]]\nname = "x"', id="inside-of-a-string"),
        pytest.param('version = 1\r\n[[package]]\r\nname = "x"\r\n', id="crlf"),
    ],
)
def test_what_no_tool_writes_has_places_too(tmp_path: Path, text: str) -> None:
    (package,) = write(tmp_path, "uv.lock", text).packages["x"]
    at = text.index('name = "x"')
    assert (package.line, package.column) == (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        pytest.param("uv.lock", "version = 9", "is a lock of version '9', which is not read", id="uv"),
        pytest.param(
            "poetry.lock", '[metadata]\nlock-version = "3.0"', "is a lock of version '3.0', which is not read", id="poetry"
        ),
        pytest.param("pdm.lock", '[metadata]\nlock_version = "2"', "is a lock of version '2', which is not read", id="pdm"),
        pytest.param("pylock.toml", 'lock-version = "2.0"', "is a lock of version '2.0', which is not read", id="pylock"),
        pytest.param(
            "Pipfile.lock", '{"_meta": {"pipfile-spec": 7}}', "is a lock of version '7', which is not read", id="pipenv"
        ),
    ],
)
def test_a_version_that_nobody_knows(tmp_path: Path, name: str, text: str, reason: str) -> None:
    lock = write(tmp_path, name, text)
    assert (lock.packages, [tuple(one) for one in lock.skipped]) == ({}, [(name, None, reason, False, "")])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("uv.lock", "version =", "1:10: is not valid TOML: Invalid value", id="toml"),
        pytest.param("uv.lock", "package = 1", "1:1: package must be an array of tables", id="number"),
        pytest.param("uv.lock", "package = [1]", "1:1: package must be an array of tables", id="numbers"),
        pytest.param(
            "uv.lock", "[[package]]\nname = 1", "2:1: is no lock: name and version of a package must be strings", id="name"
        ),
        pytest.param(
            "poetry.lock", "[[package]]", "1:3: is no lock: name and version of a package must be strings", id="no-name"
        ),
        pytest.param("Pipfile.lock", "[]", "1: must be a JSON object", id="json-list"),
        pytest.param("Pipfile.lock", '{"a": }', "1:7: is not valid JSON: Expecting value", id="json"),
        pytest.param("Pipfile.lock", "[" * 100_000, " is nested too deeply", id="json-deep"),
        pytest.param(
            "Pipfile.lock", '{\n "default": {"x": 1}}', "2:15: is no lock: a package must be an object", id="pipenv"
        ),
        pytest.param("Pipfile.lock", b'{"\xe9": 1}', "1: is not UTF-8", id="json-latin-1"),
        pytest.param("uv.lock", b"version = 1\n\0", "2:1: is not valid TOML: Invalid statement", id="nul"),
        pytest.param("uv.lock", "a = " + "[" * 100_000, " is nested too deeply", id="deep"),
        pytest.param("uv.lock", "#" * (9 * 2**20), " is no lock: it is larger than 8 MiB or 100000 tables", id="large"),
        pytest.param(
            "uv.lock", "[[package]]\n" * 100_002, " is no lock: it is larger than 8 MiB or 100000 tables", id="many"
        ),
    ],
)
def test_broken(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        write(tmp_path, name, text)
    assert str(caught.value) == f"{name}:{message}"


def test_fifty_megabytes_are_one_line(tmp_path: Path) -> None:
    with at_most(2_000), pytest.raises(UnreadableError, match=r"^uv.lock: is larger than") as caught:
        write(tmp_path, "uv.lock", b"[[package]]\nname = 'x'\n" * 2_200_000)
    assert "\n" not in str(caught.value)


def test_a_directory_and_a_link_out(tmp_path: Path) -> None:
    (tmp_path / "root" / "uv.lock").mkdir(parents=True)
    (tmp_path / "poetry.lock").write_text(POETRY + POETRY_END, encoding="utf-8")
    (tmp_path / "root" / "poetry.lock").symlink_to(tmp_path / "poetry.lock")
    tree = WorkTree(str(tmp_path / "root"))
    for name, message in (("uv.lock", "is a directory, not a file"), ("poetry.lock", "leads out of the repository")):
        with pytest.raises(UnreadableError, match=message):
            lock_readers.read(tree, name)
    with pytest.raises(MemguardError, match="no such file"):
        lock_readers.read(tree, "pdm.lock")


def test_a_ring_of_ten_thousand_packages_ends(tmp_path: Path) -> None:
    size = 10_000
    ring = "".join(
        f'[[package]]\nname = "p{n}"\nversion = "1"\ndependencies = [{{ name = "p{(n + 1) % size}" }}]\n'
        for n in range(size)
    )
    project = '[[package]]\nname = "app"\nsource = { virtual = "." }\ndependencies = [{ name = "p0" }]\n'
    lock = write(tmp_path, "uv.lock", f"version = 1\n{project}{ring}")
    with at_most(250_000):
        way = Inventory((), (lock,)).why(f"p{size - 1}")
    assert way is not None
    assert (len(way), way[0], way[-1]) == (size, "p0", f"p{size - 1}")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        pytest.param(b'name = "torch"', "torch", True, id="toml"),
        pytest.param(b'name = "torchvision"', "torch", False, id="longer"),
        pytest.param(b'"Huggingface_Hub": {}', "huggingface-hub", True, id="json"),
        pytest.param(b'name = "huggingface.hub"', "huggingface-hub", True, id="dot"),
        pytest.param(b'name = "hub"\nname = "huggingface"', "huggingface-hub", False, id="apart"),
    ],
)
def test_names(data: bytes, name: str, expected: bool) -> None:  # noqa: FBT001
    assert lock_readers.names(data, name) is expected
