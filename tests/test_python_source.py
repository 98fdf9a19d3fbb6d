"""Foreign Python is parsed within bounds: what is hostile is refused with the place, and what people write is read."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_PARTS, MAX_TOKENS, NotPythonError, decode, parse

NESTED = "it is nested too deeply"
LONG = "an expression is too long to be read in bounded time"
TOKENS = f"it has more than {MAX_TOKENS} tokens"
PARTS = f"the name of a module has more than {MAX_PARTS} parts"
HOSTILE = {
    "import": ("x = 1\nimport a" + ".a" * 40_000, f"2: {PARTS}"),
    "import, with blanks": ("import a, \\\n b" + " . a" * 40_000, f"1: {PARTS}"),
    "from": ("from ..a" + ".a" * 100 + " import b", f"1: {PARTS}"),
    "sum": ("x = 1" + "+1" * 150_000, f"1: {LONG}"),
    "attributes": ("INSTALLED_APPS = []\nx=a" + ".b" * 200_000, f"2: {LONG}"),
    "calls": ("def f():\n x = (a" + "(1, 2)" * 20_001 + ")", f"2: {LONG}"),
    "fields": ('x = f"' + "{a}" * 100_000 + '"', "1: an f-string has too many fields"),
    "fields in a long line": ('x = f"' + "{a}" * 2500 + '"' + " " * 900_000, "1: an f-string has too many fields"),
    "statements": ("a;" * 70_000, f"1: {TOKENS}"),
    "lines": ("a\n" * 100_000, f"{MAX_TOKENS // 2 + 1}: {TOKENS}"),
    "elements": ("x = [" + "a," * 100_000 + "]", f"1: {TOKENS}"),
    "more tokens than are counted": ("def f():\n" + " a\n" * 2**18, "124999: it has more than 250000 tokens"),
    "parameters": ("def f(" + "a," * 35_000 + "): pass", "1: a function has too many parameters"),
    "parameters of a lambda": ("x = (lambda " + "a,\n" * 15_000 + ": 0)", "5001: a function has too many parameters"),
    "marks": ("x = a" + "\u0301\u0316" * 100_000, "1: a letter has more than 100 marks"),
    "size": ("#" * (2**20 + 1), "it is larger than 1024 KiB"),
}


@pytest.mark.parametrize(("source", "problem"), [pytest.param(*case, id=name) for name, case in HOSTILE.items()])
def test_hostile(source: str, problem: str) -> None:
    with pytest.raises(MemguardError) as caught:
        parse(source)
    assert not isinstance(caught.value, NotPythonError)
    assert str(caught.value).replace("is not analyzed: ", "").replace("is larger", "it is larger") == problem


RUN = r"""
import re, sys
sys.path.insert(0, sys.argv[1])
from memguard_hooks.formats.python_source import MemguardError, parse
source = eval(sys.argv[2])
try:
    parse(source)
except MemguardError as error:
    print(error)
with open("/proc/self/status") as status:
    print(int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) // 1024)
"""
AT_THE_BOUNDS = {
    "statements": '"a;" * 39_500',
    "lines": '"a\\n" * 39_500',
    "elements": '"x = [" + "a," * 39_500 + "]"',
    "tuples": '"x = [" + "(a,)," * 15_000 + "]"',
    "parameters": '"def f(" + "a: a," * 19_000 + "): pass"',
    "defaults": '"def f(" + "a=1," * 4_900 + "): pass"',
    "fields": '"x = f\\"" + "{a}" * 19_000 + "\\""',
    "sum": '"x = 1" + "+1" * 9_900',
    "modules": '("import a" + ".abcdefgh" * 49 + "\\n") * 780',
    "unary": '"x = " + "-" * 78_000 + "a"',
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in AT_THE_BOUNDS.items()])
@pytest.mark.parametrize("end", ["", '+ "\\n!"'], ids=["right", "wrong"])
def test_memory_at_the_bounds(source: str, end: str) -> None:
    """What is let through is parsed, or refused by CPython, in a process of at most 150 MiB that no signal ends."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is asked of Linux")
    root = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, root, source + end], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "tokens" not in done.stdout or "unary" in source
    assert int(done.stdout.split()[-1]) <= 150


def test_long_functions_are_left_out() -> None:
    """Of a text with too many tokens those functions are kept that import something."""
    long = "def f():\n" + "    a(1, 2)\n" * 12_000 + "def g():\n    import b\n"
    found = parse(long)
    assert [ast.unparse(node) for node in found.body] == ["def f():\n    pass", "def g():\n    import b"]
    assert found.body[1].lineno == 12_002


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param("lazy import a", "0\nimport a", id="import"),
    pytest.param("if x:\n  lazy from a import b", "if x:\n    0\n    from a import b", id="from"),
    pytest.param("x = 1; lazy \\\n import a", "x = 1\n0\nimport a", id="continued"),
    pytest.param("if x: lazy import a", "if x:\n    0\n    import a", id="behind a colon"),
    pytest.param("lazy = 1\ngettext_lazy(lazy)", "lazy = 1\ngettext_lazy(lazy)", id="another word"),
])  # fmt: skip
def test_lazy_imports(source: str, expected: str) -> None:
    found = parse(source)
    assert ast.unparse(found) == expected
    imports = [node for node in ast.walk(found) if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in imports:
        assert source.split("\n")[node.lineno - 1][node.col_offset :].startswith(("import", "from"))


@pytest.mark.parametrize("source", ["x = (", "print 1", "x = '\ud800'", "if x:\npass"])
def test_what_does_not_parse(source: str) -> None:
    with pytest.raises(NotPythonError, match="does not parse: "):
        parse(source)


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "rot13", "unicode_escape", "raw_unicode_escape", "zip", "hex", "utf-16"]
)
def test_encodings_that_are_refused(name: str) -> None:
    data = f"# coding: {name}\n".encode() + b"x-" * 500_000
    with pytest.raises(NotPythonError, match=f"1: cannot be decoded: the encoding {name} is not known"):
        decode(data)


@pytest.mark.parametrize(("name", "codec"), [
    ("utf-8-unix", "utf-8"), ("latin-1", "latin-1"), ("cp1252", "cp1252"), ("koi8-r", "koi8-r"), ("euc-jp", "euc-jp"),
    ("shift_jis", "shift_jis"), ("gb18030", "gb18030"), ("big5", "big5"), ("iso-2022-jp", "iso-2022-jp"),
    ("mac-roman", "mac-roman"), ("utf-7", "utf-7"), ("ascii", "ascii"), ("iso-8859-15", "iso-8859-15"),
])  # fmt: skip
def test_encodings(name: str, codec: str) -> None:
    text = f"# coding: {name}\nx = 1\n"
    assert decode(text.encode(codec)) == text


def test_what_is_installed(times: int) -> None:
    """Long files of this environment that CPython compiles are parsed: the largest ones, and some of the others."""
    files = {path for key in ("purelib", "stdlib") for path in Path(sysconfig.get_path(key)).rglob("*.py")}
    found = sorted((path.stat().st_size, path) for path in files)
    *others, largest, second = (path for size, path in found if 150_000 < size < 2**20)
    some = random.Random(5).sample(others, min(4 * times, len(others)))  # noqa: S311 - no secret
    refused = []
    for path in (largest, second, *some):
        try:
            parse(decode(path.read_bytes()))
        except NotPythonError:
            continue
        except MemguardError as error:
            refused.append((path, error))
    assert not refused


def test_what_is_said_of_a_text_that_does_not_parse_is_short() -> None:
    with pytest.raises(NotPythonError) as caught:
        parse("\ufdfa" * 10_000)  # CPython quotes all of it
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0o" + "7" * 5000, "f'{0X" + "F_" * 4000 + "F}'"])
def test_a_number_that_cannot_be_written_out_is_refused(number: str) -> None:
    with pytest.raises(MemguardError, match="a number has more than 13000 bits"):
        parse(f"a = [{number}]\n")
    assert parse(f"a = ['0x{'f' * 5000}', 0x{'f' * 3000}]\n").body
