"""The lexical scan: comments and imports exactly, nothing missed, and nothing hostile let through."""

from __future__ import annotations

import ast
import io
import os
import string
import subprocess
import sys
import tokenize
import warnings
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import libcst
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from work import at_most

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode
from memguard_hooks.formats.python_tokens import MAX_DEPTH, MAX_INDENTS, scan
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.interpret import LIMITS
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.narrow import may_import

PANDAS = "import pandas\n"


def comments(text: str) -> list[tuple[int, int, str]]:
    found = scan(text)
    assert found.problem is None
    return [(comment.line, comment.column, comment.text) for comment in found.comments]


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("# a", [(1, 1, "# a")], id="alone"),
    pytest.param("x = 1  # a # b\n\n  # c\n", [(1, 8, "# a # b"), (3, 3, "# c")], id="behind code"),
    pytest.param("ä = 'ö'  # a", [(1, 10, "# a")], id="columns are characters"),
    pytest.param("\tx = 1\t# a", [(1, 8, "# a")], id="a tab is one character"),
    pytest.param("\fx = 1\f# a", [(1, 8, "# a")], id="a form feed is one character"),
    pytest.param("x = [  # a\n  1,  # b\n]", [(1, 8, "# a"), (2, 7, "# b")], id="in brackets"),
    pytest.param("x = '# a'  # b", [(1, 12, "# b")], id="in a string"),
    pytest.param('x = "\'# a"  # b', [(1, 13, "# b")], id="in a string with another quote"),
    pytest.param(r"x = '\'# a'  # b", [(1, 14, "# b")], id="in a string with an escaped quote"),
    pytest.param(r"x = '\\'  # b", [(1, 11, "# b")], id="behind an escaped backslash"),
    pytest.param(r"x = r'\'# a'  # b", [(1, 15, "# b")], id="in a raw string"),
    pytest.param(r"x = Rb'\'# a', B'# b', u'# c'  # d", [(1, 32, "# d")], id="in bytes"),
    pytest.param("x = '''\n# a '' \n'''  # b", [(3, 6, "# b")], id="in triple quotes"),
    pytest.param('x = """# a\n\\"""# b"""  # c', [(2, 13, "# c")], id="in triple quotes with an escape"),
    pytest.param("x = 'a\\\n# b'  # c", [(2, 7, "# c")], id="in a continued string"),
    pytest.param("x = 1 + \\\n  2  # a", [(2, 6, "# a")], id="on a continued line"),
    pytest.param("x = f'# a {y} # b'  # c", [(1, 21, "# c")], id="in an f-string"),
    pytest.param("x = f'{y['# a']}'  # c", [(1, 20, "# c")], id="in an f-string with quotes of the same kind"),
    pytest.param("x = f'{f'{f'# a'}'}'  # c", [(1, 23, "# c")], id="in f-strings in f-strings"),
    pytest.param("x = f'{y:# a}'  # c", [(1, 17, "# c")], id="in a format"),
    pytest.param("x = f'{y:{w}.{p}# a}{z!r:>{w}}'  # c", [(1, 34, "# c")], id="in a format with fields"),
    pytest.param("x = f'{{# a}}{y}}}'  # c", [(1, 22, "# c")], id="in an f-string with doubled braces"),
    pytest.param(r"x = rf'\{y['# a']}'  # c", [(1, 22, "# c")], id="in a raw f-string with a backslash"),
    pytest.param(r"x = f'\N{DIGIT ONE} # a'  # c", [(1, 27, "# c")], id="in an f-string with a named character"),
    pytest.param("x = f'''{\n  y  # a\n} # b'''  # c", [(2, 6, "# a"), (3, 11, "# c")], id="in a field"),
    pytest.param("x = t'# a {y['# b']}'  # c", [(1, 24, "# c")], id="in a t-string"),
    pytest.param("x = y if'# a'else'# b'  # c", [(1, 25, "# c")], id="in a string behind a keyword"),
    pytest.param("x = not'{# a'  # c", [(1, 16, "# c")], id="in a string behind a keyword that ends with t"),
    pytest.param("x = {'a': lambda: f'{lambda_}'}  # c", [(1, 34, "# c")], id="behind a lambda"),
    pytest.param("", [], id="nothing"),
])  # fmt: skip
def test_comments(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert comments(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("import a", [(1, 1, 1)], id="alone"),
    pytest.param("x = 1; import a; from b import c", [(1, 8, 1), (1, 18, 1)], id="semicolons"),
    pytest.param("if x: import a\nelse: import b", [(1, 7, 1), (2, 7, 2)], id="on the line of a compound statement"),
    pytest.param("if x:\n  from a import (\n    b,\n  )  # c\n", [(2, 3, 4)], id="several lines"),
    pytest.param("lazy import a\nlazy from b import c", [(1, 1, 1), (2, 1, 2)], id="lazy"),
    pytest.param("x = '''\n'''; import a", [(2, 6, 2)], id="after a string of two lines"),
    pytest.param("x: int = y[1:2]; import a", [(1, 18, 1)], id="after an annotation"),
    pytest.param("importer = important = 'import x'", [], id="words that only begin so"),
])  # fmt: skip
def test_imports(text: str, expected: list[tuple[int, int, int]]) -> None:
    assert [tuple(span) for span in scan(text).imports] == expected


STRINGS = st.sampled_from(["'import x'", 'f"{import_}"', "'''\nimport x # y\n'''", "b'#'", "rf'{a!r:{b}}'", "'#'", '"\\n"'])
NAMES = st.sampled_from(["pandas", "torch.nn", "a.torch", "os", "pandas.io", "\uff50andas", "matplotlib.pyplot", "x"])
SIMPLE = st.one_of(
    st.builds("import {}".format, NAMES),
    st.builds("import {} as b, {}".format, NAMES, NAMES),
    st.builds("from {} import torch, pyplot as c  # x".format, NAMES),
    st.builds("from a import (\n  x,  # pandas\n  {},\n)".format, st.sampled_from(["pandas", "x as pandas", "y"])),
    st.builds("from .{} import *".format, NAMES),
    st.builds("lazy import {}".format, NAMES),
    st.builds("__import__({})".format, st.sampled_from(["'pandas'", "'pan' 'das'", r"'\x70andas'", "x", "b'pandas'"])),
    st.builds(
        "x = importlib.import_module({}){}".format, st.sampled_from(["'torch'", "NAME", "'.x', 'pandas'"]), st.just("")
    ),
    st.builds("NAME = {}".format, st.sampled_from(["'pandas'", "'pan' 'das'", r"'pan\x64as'", "1"])),
    st.builds("p = LazyImporter({})\np.x".format, st.sampled_from(["'pandas'", "'pan' 'das'", r"'pan\x64as'", "NAME"])),
    st.builds("x = {}".format, STRINGS),
)
BLOCKS = st.recursive(
    SIMPLE,
    lambda inner: st.builds(
        lambda head, body: head + "".join(f"\n    {line}" for part in body for line in part.split("\n")),
        st.sampled_from(
            ["if x:", "class A:", "def f(x='pandas'):", "try:\n    pass\nfinally:", "with a as b:", "for x in y:"]
        ),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
HEAVY = ("pandas", "torch", "matplotlib.pyplot")


@given(st.lists(BLOCKS, max_size=5), st.sampled_from([(3, 11), (3, 15)]))
@example(["import \uff50andas"], (3, 11))
@example([r"__import__('\x70andas')"], (3, 11))
@example(["from importlib import import_module as i\ni('pan' 'das')"], (3, 11))
@example(["from a import pandas\np = LazyImporter('pan' 'das')\np.x"], (3, 11))
def test_the_scan_never_misses_what_the_analysis_finds(blocks: list[str], python: tuple[int, int]) -> None:
    data = "\n".join([*blocks, ""]).encode()
    try:
        sites = analyze(data, "x.py", Target(python)).sites
    except MemguardError as error:
        assert "does not parse" in error.message  # noqa: PT017 - a generated string may be broken by indentation
        return
    absolute = [site for site in sites if not site.level]
    names = {name for site in absolute for name in (site.module, *(f"{site.module}.{one}" for one in site.names))}
    for module in HEAVY:
        if any(name == module or name.startswith(f"{module}.") for name in names):
            assert may_import(data, frozenset({module})), data


@pytest.mark.parametrize(("data", "expected"), [
    pytest.param(b"import pandas\n", True, id="import"),
    pytest.param(b"x = 1\n", False, id="nothing"),
    pytest.param("import \uff50andas\n".encode(), True, id="NFKC"),
    pytest.param("# coding: latin-1\nx = 'ä'\nimport pandas\n".encode("latin-1"), True, id="latin-1"),
    pytest.param("# coding: latin-1\nx = 'ä'\n".encode("latin-1"), False, id="latin-1, nothing"),
    pytest.param("# coding: utf-7\nimport +AHAAYQBuAGQAYQBz-\n".encode("ascii"), True, id="UTF-7"),
    pytest.param(b"# coding: nothing\n", True, id="an encoding that nobody knows"),
    pytest.param(b"x = 1\xff\n", False, id="not UTF-8"),
    pytest.param(b"\xef\xbb\xbfimport pandas\n", True, id="BOM"),
    pytest.param(b"x = 1  # pandas\nimport os  # of pandas\n", False, id="named elsewhere"),
    pytest.param(b"from a import pandas\n", False, id="another's module of that name"),
    pytest.param(b"import pandas.io\n", True, id="a module below"),
    pytest.param(b"from y import (a,  # )\n    b); import os, \\\n    pandas\n", True, id="continued"),
    pytest.param(b"from pandas \\\r\n    import io\r\n", True, id="continued, from"),
    pytest.param(b"from pandas import (  # )\n    io,\n)\n", True, id="a bracket in a comment"),
    pytest.param(b"from pandas import io  # new (2025)\n", True, id="a bracket in a comment of a line"),
    pytest.param(b"if x: import os; import pandas as p\n", True, id="behind others"),
    pytest.param(b"import\\\n    pandas\n", True, id="behind the keyword"),
    pytest.param(b"lazy import pandas\n", True, id="lazy"),
    pytest.param(b"pd = LazyImporter('pandas')\n", True, id="a proxy"),
    pytest.param(b"exec(code)\n", True, id="code that is computed"),
    pytest.param(b"executor(code)\n", False, id="what only begins like it"),
    pytest.param(b"import runpy\nrunpy.run_path(x)\n", True, id="runpy"),
    pytest.param(b"importlib.import_module(x)\n", True, id="anything may be imported"),
])  # fmt: skip
def test_may_import(data: bytes, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    assert may_import(data, frozenset({"pandas"})) is expected


@pytest.mark.parametrize(("data", "place"), [
    pytest.param(b"", None, id="empty"),
    pytest.param(b"\xef\xbb\xbfimport pandas\n", (1, 1), id="BOM"),
    pytest.param(b"x = 1\r\nimport pandas\r\n", (2, 1), id="CRLF"),
    pytest.param(b"x = 1\rimport pandas\r", (2, 1), id="CR"),
    pytest.param(b"x = '''\r\n\r\n\r'''; import pandas", (4, 6), id="mixed line ends"),
    pytest.param(b"\x0cimport pandas\n\x0c\n", (1, 2), id="form feed"),
    pytest.param("# coding: latin-1\nx = 'ä'; import pandas\n".encode("latin-1"), (2, 10), id="latin-1"),
    pytest.param("#!/bin/python\n# vim: fileencoding=cp1252 :\nx = '€'; import pandas\n".encode("cp1252"), (3, 10),
                 id="cp1252"),
    pytest.param("x = 'ä'; import \uff50andas\n".encode(), (1, 10), id="NFKC"),
    pytest.param(b"import pandas", (1, 1), id="no line end"),
    pytest.param(b"# x\n\nif 1:\n\timport pandas\n", (4, 2), id="tab"),
])  # fmt: skip
def test_ways_to_write_a_file(data: bytes, place: tuple[int, int] | None) -> None:
    sites = analyze(data, "x.py").sites
    assert [(site.module, (site.line, site.column)) for site in sites] == ([("pandas", place)] if place else [])


@pytest.mark.parametrize(("data", "message"), [
    pytest.param(b"x = 1\n\0import pandas", "x.py:2: does not parse: it holds a null byte", id="NUL"),
    pytest.param(b"\nx = '\xff'", "x.py:2: cannot be decoded: invalid start byte (utf-8)", id="not UTF-8"),
    pytest.param(b"#coding:x\n", "x.py:1: cannot be decoded: the encoding x is not known", id="an encoding nobody knows"),
    pytest.param(b"#coding:rot13\n", "x.py:1: cannot be decoded: the encoding rot13 is not known", id="no text"),
    pytest.param(b"\xef\xbb\xbf#coding:latin-1\n",
                 "x.py:1: cannot be decoded: a UTF-8 mark, but the encoding is said to be latin-1", id="BOM and latin-1"),
    pytest.param(PANDAS.encode("utf-16"), "x.py:1: cannot be decoded: invalid start byte (utf-8)", id="UTF-16"),
])  # fmt: skip
def test_what_cannot_be_decoded(data: bytes, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        decode(data, "x.py")
    assert str(caught.value) == message


LONG = "an expression is too long to be read in bounded time"
BRACKETS = f"brackets are nested more than {MAX_DEPTH} deep"
NESTED = f"it has more than {LIMITS.tokens} tokens, those in brackets and blocks counted again for each"
BLOCK = f"blocks are nested more than {MAX_INDENTS} deep"
HOSTILE = {
    "parentheses": ("x = " + "(" * 4000 + ")" * 4000, BRACKETS),
    "lists": ("x = " + "[" * 20_000 + "]" * 20_000, BRACKETS),
    "calls in calls": ("x = " + "f(" * 20_000 + ")" * 20_000, BRACKETS),
    "dictionaries": ("x = " + "{1:" * 20_000 + "1" + "}" * 20_000, NESTED),
    "parentheses in a field": ("x = f'{" + "(" * 4000 + ")" * 4000 + "}'", BRACKETS),
    "comprehensions": ("x = " + "[x for x in " * 20_000 + "y" + "]" * 20_000, NESTED),
    "f-strings in f-strings": ("x = " + "f'{" * 20_000 + "1" + "}'" * 20_000, BRACKETS),
    "fields in formats": ("x = f'" + "{a:" * 20_000 + "}" * 20_000 + "'", BRACKETS),
    "operators": ("x = " + "a + " * 20_000 + "a", LONG),
    "operators in a field": ("x = f'{" + "a + " * 20_000 + "a}'", LONG),
    "operators in brackets": ("x = [(" + "a + " * 20_000 + "a)]", LONG),
    "powers": ("x = " + "a ** " * 20_000 + "a", LONG),
    "comparisons": ("x = " + "a < " * 20_000 + "a", LONG),
    "or": ("x = " + "a or " * 20_000 + "a", LONG),
    "not": ("x = " + "not " * 20_000 + "a", LONG),
    "signs": ("x = " + "- " * 20_000 + "a", LONG),
    "await": ("async def f():\n x = " + "await " * 20_000 + "a", LONG),
    "attributes": ("x = a" + ".b" * 20_000, LONG),
    "calls": ("x = a" + "()" * 20_000, LONG),
    "calls with arguments": ("x = a" + "(1, 2)" * 20_000, LONG),
    "subscripts": ("x = a" + "[0]" * 20_000, LONG),
    "names of modules": ("import a" + ".b" * 20_000, LONG),
    "lambdas": ("x = " + "lambda: " * 20_000 + "0", LONG),
    "lambdas with parameters": ("x = " + "lambda a, b: " * 20_000 + "0", LONG),
    "lambdas in defaults": ("x = " + "lambda a=1, b=" * 20_000 + "0" + ": 0" * 20_000, LONG),
    "conditional expressions": ("x = " + "a if b else " * 20_000 + "c", LONG),
    "for in a comprehension": ("x = [0 " + "for a, b in c " * 20_000 + "]", LONG),
    "strings in a row": ("x = (" + "'a'\n" * 20_000 + ")", LONG),
    "targets": ("x = " * 20_000 + "0", LONG),
    "patterns": ("match x:\n case " + "1 | " * 20_000 + "1: pass", LONG),
    "a decorator": ("@" + "a." * 20_000 + "b\ndef f(): pass", LONG),
    "chains of middle length": (("x = a" + ".b" * 700 + "\n") * 400, LONG),
    "blocks": ("".join(" " * depth + "if x:\n" for depth in range(5000)) + " " * 5000 + "pass", BLOCK),
    "fewer blocks": ("".join(" " * depth + "if x:\n" for depth in range(1000)) + " " * 1000 + "pass", BLOCK),
    "functions in functions": ("".join(" " * depth + "def f():\n" for depth in range(5000)) + " " * 5000 + "pass", BLOCK),
    "elif": ("if x: pass\n" + "elif x: pass\n" * 20_000, f"it has more than {LIMITS.elifs} elif branches"),
    "many calls in calls": ("x = [" + ("f(" * 190 + "1" + ")" * 190 + ",\n") * 10 + "]", NESTED),
    "many items of items": ("x = [" + ("f[" * 20 + "1" + "]" * 20 + ",\n") * 300 + "]", NESTED),
    "many lambdas in arguments": ("x = [" + ("(lambda: a(1," * 20 + "1" + "))" * 20 + ",\n") * 100 + "]", NESTED),
    "many statements in blocks": (
        "".join(" " * one + "if x:\n" for one in range(90)) + (" " * 90 + "f(1)\n") * 1000,
        NESTED,
    ),
}


@pytest.mark.parametrize(("source", "problem"), [pytest.param(*case, id=name) for name, case in HOSTILE.items()])
def test_hostile(source: str, problem: str) -> None:
    assert scan(PANDAS + source, LIMITS).problem == f"is not analyzed: {problem}"


NESTS: dict[str, Callable[[int], str]] = {
    "calls": lambda count: ("f(" * 20 + "1" + ")" * 20 + "\n") * count,
    "arguments": lambda count: ("f(1," * 90 + "1" + ")" * 90 + "\n") * count,
    "items": lambda count: ("f[" * 6 + "1" + "]" * 6 + "\n") * count,
    "tuples": lambda count: "x = [" + ("(" * 8 + "1" + ",)" * 8 + ",\n") * count + "]",
    "blocks": lambda count: "".join(" " * depth + "if x:\n" for depth in range(50)) + (" " * 50 + "f(1)\n") * count,
}
PEAK = r"""
import re, sys
from pathlib import Path
from memguard_hooks.imports.interpret import analyze_by_libcst
from memguard_hooks.imports.model import Target
analyze_by_libcst(sys.stdin.read(), Target())
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize("name", NESTS)
def test_memory_for_nests_at_the_limit(name: str) -> None:
    """What libcst keeps grows with the depth; a text that is just short enough takes bounded memory all the same."""
    make = NESTS[name]
    count = bisect_left(range(1, 5000), 1, key=lambda count: scan(make(count), LIMITS).problem is not None)
    command = [sys.executable, "-c", PEAK]
    done = subprocess.run(command, input=make(count), capture_output=True, check=True, text=True)
    assert int(done.stdout) <= 150, f"{count} {name}"


AT_THE_LIMIT = {
    "brackets": "x = " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1),
    "calls in calls": "x = " + "f(" * (MAX_DEPTH - 1) + ")" * (MAX_DEPTH - 1),
    "operators": "x = " + "a + " * (LIMITS.chain // 2 - 10) + "a",
    "or": "x = " + "a or " * (LIMITS.chain // 2 - 10) + "a",
    "if a or b": "if " + "a or " * (LIMITS.chain // 2 - 10) + "a: pass",
    "attributes": "x = a" + ".b" * (LIMITS.chain // 2 - 10),
    "calls": "x = a" + "()" * (LIMITS.chain // 2 - 10),
    "conditional expressions": "x = " + "a if b else " * (LIMITS.chain // 4 - 10) + "c",
    "lambdas": "x = " + "lambda: " * (LIMITS.chain // 2 - 10) + "0",
    "not": "x = " + "not " * (LIMITS.chain - 10) + "a",
    "powers": "x = " + "a ** " * (LIMITS.chain // 4) + "a",
    "strings in a row": "x = " + "'a' " * (LIMITS.chain - 10),
    "blocks": "".join(" " * depth + "if x:\n" for depth in range(MAX_INDENTS - 1)) + " " * MAX_INDENTS + "pass",
    "classes": "".join(" " * depth + "class A:\n" for depth in range(MAX_INDENTS - 1)) + " " * MAX_INDENTS + "pass",
    "elif": "if x: pass\n" + "elif x: pass\n" * LIMITS.elifs,
    "a table of functions": "x = [" + "lambda a, b: a, " * 2000 + "]",
    "a list": "x = [" + "1, " * 5000 + "]",
    "a number": "if " + "1" * 5000 + ": pass",
    "calls of calls": "".join(f"def f{i}(): f{i + 1}()\n" for i in range(500)) + "def f500(): import torch\nf0()",
    "generators of generators": "g0 = (1 for x in y)\n"
    + "".join(f"g{i + 1} = (1 for x in g{i} for y in g{i} if list(g{i}))\n" for i in range(60))
    + "list(g60)",
    "generators of generators in a function": "def f():\n g0 = (1 for x in y)\n"
    + "".join(f" g{i + 1} = (1 for x in g{i} for y in g{i} if list(g{i}))\n" for i in range(60))
    + " list(g60)",
    "partial of partial": "import functools\ng0 = print\n"
    + "".join(f"g{i + 1} = functools.partial(g{i}, g{i}, g{i})\n" for i in range(60))
    + "g60(g60)",
    "classes that make each other": "class A:\n def __init__(self, *a):\n  B(self, a)\n  B(B, self)\n"
    "class B:\n def __init__(self, *a):\n  A(self, a)\n  A(A(self), *a)\nA()",
    "what returns itself": "def f():\n" + " return [f(), f()]\n" * 50 + "f()",
    "what passes itself on": "def f(*a):\n f(f, *a)\n f(a, a)\n return lambda: f(a)\nf(f)()()",
}  # fmt: skip


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in AT_THE_LIMIT.items()])
def test_at_the_limit(source: str) -> None:
    """What the scan lets through is read, with bounded work and without an overflow."""
    with at_most(2_000_000):
        sites = analyze((PANDAS + source).encode(), "x.py").sites
    eager = {site.module for site in sites if site.when == "import"}
    assert eager - {"functools"} == ({"pandas", "torch"} if "torch" in source else {"pandas"})


RUN = "import sys; from memguard_hooks.hooks.no_eager_heavy_imports import main; sys.exit(main(sys.argv[1:]))"


def run(folder: Path, *names: str) -> tuple[int, str, str]:
    """Run the hook in a process of its own, which a crash would end."""
    done = subprocess.run([sys.executable, "-c", RUN, *names], cwd=folder, capture_output=True, check=False, text=True)
    return done.returncode, done.stdout, done.stderr


def test_hostile_files_do_not_hurt_the_hook(tmp_path: Path) -> None:
    """Each is either read, with pandas in its first line, or skipped with a reason; none ends the hook."""
    names = [f"h{number:02}.py" for number in range(len(HOSTILE))]
    for name, (source, _) in zip(names, HOSTILE.values(), strict=True):
        (tmp_path / name).write_text(PANDAS + source, "utf-8")
    status, out, err = run(tmp_path, *names)
    assert status == 1
    found = {line.partition(":")[0] for line in out.splitlines() if "MG2" in line}
    skipped = {line.partition(":")[0] for line in err.splitlines() if ": skipped: " in line}
    assert found | skipped == set(names)
    assert not found & skipped


def test_calls_of_many_imports() -> None:
    """Each import tells what is called of it: that is bounded together."""
    source = "import a\n" * 3000 + "".join(f"a.b{number}()\n" for number in range(3000))
    with pytest.raises(MemguardError, match="calls too much of what it imports") as caught:
        analyze(source.encode(), "a.py")
    assert caught.value.path == "a.py"


def test_files_that_are_none(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "outside.py").write_text(PANDAS, "ascii")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "folder.py").mkdir()
    (root / "empty.py").touch()
    (root / "large.py").write_text(PANDAS + "# x\n" * 300_000, "ascii")
    (root / "nul.py").write_bytes(b"import pandas\n\0")
    expected = [
        "folder.py: skipped: is a directory, not a file",
        "large.py: skipped: is larger than 1024 KiB",
        "link.py: skipped: leads out of the repository",
        "nul.py:2: skipped: does not parse: it holds a null byte",
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "pipe.py")
        expected.append("pipe.py: skipped: is not a regular file")
    assert run(root, *sorted(path.name for path in root.iterdir())) == (0, "", "".join(f"{line}\n" for line in expected))


def test_installed_files(installed_files: list[Path]) -> None:
    """What CPython accepts, the scan lets through, with the comments of `tokenize` and the imports of `ast`."""
    accepted = [path for path in installed_files if check_file(path)]
    assert len(accepted) > 0.75 * len(installed_files)


def check_file(path: Path) -> bool:
    """Compare the scan with what Python itself says of a file; False for a file that Python does not accept."""
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return False  # files that test the parser
    text = decode(data, path.name)
    found = scan(text)
    assert found.problem is None, path
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    assert list(map(tuple, found.comments)) == [
        (token.start[0], token.start[1] + 1, token.string) for token in tokens if token.type == tokenize.COMMENT
    ], path
    lines = text.split("\n")
    imports = sorted(
        (node.lineno, len(lines[node.lineno - 1].encode()[: node.col_offset].decode()) + 1, node.end_lineno)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )
    assert list(map(tuple, found.imports)) == imports, path
    libcst.parse_module(text)
    sites = {(site.line, site.column, site.end_line) for site in analyze(data, path.name).sites}
    assert sites >= set(imports), path
    return True


@given(st.text(st.sampled_from(string.printable + "ä\uff50\u2028\0"), max_size=60))
def test_any_text_is_scanned(text: str) -> None:
    found = scan(text.replace("\r", "\n"))
    assert found.problem is None or found.line is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_analyzed_or_refused(data: bytes) -> None:
    try:
        analyze(data, "x.py")
    except MemguardError as error:
        assert error.path == "x.py"  # noqa: PT017 - either is right
