"""What tests and CI install: each package pinned and hashed, for each Python, with no word on where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"[a-z0-9-]+==[0-9][\w.]*(?: ; [\w\s.()<>=!'*]+?)?((?: +--hash=sha256:[0-9a-f]{64})+)")


def locked() -> list[str]:
    text = (ROOT / "requirements-dev.txt").read_text(encoding="ascii")
    lines = re.sub(r"(?m)^ *#.*\n", "", text).replace("\\\n", "").splitlines()
    return [line for line in lines if line.strip()]


def declared(extra: str) -> Iterator[Requirement]:
    """Yield what the project needs with one of its extras."""
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from map(Requirement, project["dependencies"])
    for one in map(Requirement, project["optional-dependencies"][extra]):
        if one.name == project["name"]:
            for name in one.extras:
                yield from declared(name)
        else:
            yield one


def test_each_line_is_a_pin_with_hashes() -> None:
    assert [line for line in locked() if not LINE.fullmatch(line)] == []
    assert len(locked()) > 100
    assert "://" not in (ROOT / "requirements-dev.txt").read_text(encoding="ascii")


@pytest.mark.parametrize("python", ["3.10.0", "3.11.0", "3.12.0", "3.13.0"])
def test_what_is_declared_is_locked_once_for_each_python(python: str) -> None:
    environment = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    pins: dict[str, str] = {}
    for line in locked():
        one = Requirement(line.partition(" --hash")[0])
        if one.marker is None or one.marker.evaluate(environment):
            assert one.name not in pins
            pins[one.name] = str(one.specifier).removeprefix("==")
    for wanted in declared("dev"):
        if wanted.marker is None or wanted.marker.evaluate(environment):
            assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)], prereleases=True), wanted
