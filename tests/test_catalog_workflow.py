"""The steps of the workflow that measures each week, run by bash in a clone, for two packages that are wheels in a folder.

Actions of GitHub are not run, and `gh` notes what it is asked for; git pushes to a bare repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, cast
from zipfile import ZipFile

import pytest
import update_catalog
import yaml
from folders import git, write
from measure_footprints import Catalog, Measurement

ROOT = Path(__file__).resolve().parent.parent
PLAN = """\
[[footprint]]
distribution = "little"

[[footprint]]
distribution = "large"
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


class Machine(NamedTuple):
    """A clone with its plan and an empty catalog but for the interpreter, and the variables of its steps."""

    clone: Path
    wheels: Path
    variables: dict[str, str]


def steps(job: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / ".github" / "workflows" / "catalog.yml").read_text(encoding="utf-8")
    return {one["name"]: one for one in yaml.safe_load(text)["jobs"][job]["steps"] if "name" in one}


def wheel(folder: Path, name: str, version: str, mib: int) -> None:
    """Write a package that takes so much when it is imported."""
    info = f"{name}-{version}.dist-info"
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"data = b'x' * {mib << 20}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine whose checkout has a plan of two packages, and a remote."""
    clone, wheels, programs = tmp_path / "clone", tmp_path / "wheels", tmp_path / "programs"
    wheels.mkdir()
    for folder in ("tools", "benchmarks", "memguard_hooks"):
        shutil.copytree(ROOT / folder, clone / folder, ignore=shutil.ignore_patterns("__pycache__"))
    data = clone / "memguard_hooks" / "catalog" / "data"
    for known in data.glob("*.json"):
        known.unlink()
    pages = dict.fromkeys(
        ("README.md", "docs/hooks.md", "docs/estimate.md"), "no example, 0 distributions and the standard library\n"
    )
    write(clone, {"tools/footprints.toml": PLAN, **pages})
    write(tmp_path, {"programs/gh": '#!/bin/sh\necho "$@" >> "$0.log"\n'})
    (programs / "gh").chmod(0o755)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote")], check=True)
    git(clone, "init", "-q")
    git(clone, "remote", "add", "origin", str(tmp_path / "remote"))
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "a plan")
    variables: dict[str, str] = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
        "PARTS": "1", "PART": "1", "PYTHONS": sys.executable,
        "PYTHONPATH": str(clone), "PIP_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1",
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip
    return Machine(clone, wheels, variables)


def run(machine: Machine, job: str, name: str, **more: str) -> int:
    """Run one step as a runner of GitHub does."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps(job)[name]["run"]]
    done = subprocess.run(
        command, cwd=machine.clone, env={**machine.variables, **more}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def measure_and_join(machine: Machine) -> str:
    """Run a week, and return the difference as the reader of the pull request sees it."""
    shutil.rmtree(machine.clone / "measured-1", ignore_errors=True)
    shutil.rmtree(machine.clone / "measured", ignore_errors=True)
    assert run(machine, "measure", "Measure what is new") == 0
    (machine.clone / "measured").mkdir()
    shutil.copytree(machine.clone / "measured-1", machine.clone / "measured" / "measured-1")
    data = "memguard_hooks/catalog/data"
    git(machine.clone, "checkout", "-q", "--", data)
    git(machine.clone, "clean", "-qf", data)
    assert run(machine, "propose", "Join what was measured") == 0
    return (machine.clone / "difference.md").read_text(encoding="utf-8")


def test_two_weeks(machine: Machine) -> None:
    wheel(machine.wheels, "little", "1.0", 1)
    wheel(machine.wheels, "large", "1.0", 50)
    assert measure_and_join(machine) == "Nothing takes another amount than before.\n"
    assert Path(machine.variables["GITHUB_OUTPUT"]).read_text() == "moved=false\n"
    assert run(machine, "propose", "Propose it") == 0
    assert (machine.clone / "../programs/gh.log").read_text().startswith("pr create --title Measure what is new")
    pushed = git(machine.clone, "ls-tree", "-r", "--name-only", "HEAD", "memguard_hooks/catalog/data")
    assert {"large.json", "little.json", "python.json"} <= {path.rpartition("/")[2] for path in pushed.split()}

    # Nothing is measured twice; what is new is, and what has moved fails.
    wheel(machine.wheels, "large", "1.1", 70)
    found = measure_and_join(machine)
    assert [part in found for part in ("| `large` | ", " 1.0 → 1.1 ", "**look**", "`little`")] == [True, True, True, False]
    assert Path(machine.variables["GITHUB_OUTPUT"]).read_text() == "moved=false\nmoved=true\n"
    assert run(machine, "propose", "Ask for a reader where a heavy package has moved", MOVED="true") == 1
    assert run(machine, "propose", "Ask for a reader where a heavy package has moved", MOVED="false") == 0
    versions = json.loads((machine.clone / "memguard_hooks/catalog/data/large.json").read_text())["measurements"]
    assert [one["version"] for one in versions] == ["1.0", "1.1"]


def measurement(version: str, mib: float) -> Measurement:
    resident = int(mib * 2**20)
    found: Any = {"module": "large", "version": version, "python": "3.11.7", "resident": resident, "own": []}
    return cast("Measurement", found)


@pytest.mark.parametrize(
    ("sizes", "named", "kept"),
    [
        ({"1.0": 50, "1.1": 51, "1.2": 50}, (), ["1.0", "1.2"]),
        ({"1.0": 50, "1.1": 51, "1.2": 50}, ("1.1",), ["1.0", "1.1", "1.2"]),
        ({"1.0": 50, "1.1": 60, "1.2": 50}, (), ["1.0", "1.1", "1.2"]),
        ({"1.0": 50, "1.1": 50, "2.0": 50}, (), ["1.0", "1.1", "2.0"]),
        ({"1.1": 50, "1.2": 50}, (), ["1.1", "1.2"]),
    ],
)
def test_the_newest_of_last_week_goes_where_it_takes_as_much(
    sizes: dict[str, float], named: tuple[str, ...], kept: list[str]
) -> None:
    measured = [measurement(*one) for one in sizes.items()]
    left = update_catalog.thin(measured, frozenset(named), known=frozenset(list(sizes)[:-1]))
    assert [one["version"] for one in left] == kept


def test_a_failure_stays_until_that_version_is_measured_on_that_python(tmp_path: Path) -> None:
    failed = "large\tlarge\t1.0\t3.13.0\tno wheel\n"
    catalog, part = (Catalog(tmp_path / name) for name in ("catalog", "part"))
    write(catalog.folder, {"failed.tsv": failed})
    for python, is_left in (("3.12.1", True), ("3.13.0", False)):
        part.add("large", cast("Measurement", {**measurement("1.0", 50), "python": python, "installed": {}}))
        update_catalog.join(catalog, [part.folder])
        assert (failed in (catalog.folder / "failed.tsv").read_text()) == is_left
