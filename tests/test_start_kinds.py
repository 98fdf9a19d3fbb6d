"""Each documented way to declare a start is read as its row in `benchmarks/start_kinds.py` says."""

from __future__ import annotations

import pytest
from start_kinds import KINDS, PYTHONS, Kind, Python, read, read_python


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
def test_a_kind_of_start_is_read(kind: Kind) -> None:
    assert read(kind) == kind.expected


@pytest.mark.parametrize("python", [pytest.param(python, id=python.name) for python in PYTHONS])
def test_the_python_of_a_host_is_read(python: Python) -> None:
    assert read_python(python) == python.version
