"""A plain pin is read without packaging, and as packaging reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed

from memguard_hooks.dependencies.requirement import Pin, normalize_name, parse, pin_of
from memguard_hooks.errors import MemguardError

PLAIN = (
    "pandas==2.2.3",
    "Foo_Bar.baz==1",
    "a==0.0.01",
    "uvicorn[standard]==0.34.0",
    "x[b,a,b]==10.0.0.0.1",
    "a-b==2024.01.02",
)
OTHERS = (
    *("a==1.*", "a===1.0", "a== 1.0", "a==1.0rc1", "a==1!2.0", "a==1.0+cpu", "a==1,<2", "a", "a==", "a==1.", "a==\u0661"),
    *("a==1.0 ; python_version < '3'", "a_==1", "-a==1", "\u00e9==1", "a[]==1", "a[B-c]==1", "a[b,]==1"),
)


@pytest.mark.parametrize("text", [*PLAIN, *OTHERS])
def test_it_is_what_packaging_says(text: str) -> None:
    try:
        expected = Parsed(text)
    except InvalidRequirement:
        with pytest.raises(MemguardError):
            parse(text, "a.txt", 1, 1, 1)
        return
    found = parse(text, "a.txt", 3, 2, 4)
    assert (found.path, found.line, found.column, found.end_line, found.text) == ("a.txt", 3, 2, 4, text)
    assert found.name == normalize_name(expected.name)
    assert found.specifier == str(expected.specifier)
    assert found.extras == tuple(sorted(expected.extras))
    assert found.marker == (str(expected.marker) if expected.marker else None)
    if text in PLAIN:
        assert pin_of(found) == Pin(next(iter(expected.specifier)).version)


@pytest.mark.parametrize(("text", "is_loaded"), [*((text, False) for text in PLAIN), ("a>=1", True)])
def test_packaging_is_loaded_for_others(text: str, *, is_loaded: bool) -> None:
    code = (
        "import sys\nfrom memguard_hooks.dependencies.requirement import parse, pin_of\n"
        "pin_of(parse(sys.argv[1], 'a.txt', 1, 1, 1))\nprint('packaging.requirements' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(is_loaded)
