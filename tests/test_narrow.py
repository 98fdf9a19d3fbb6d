"""The fast lexical pass: every module that libcst finds is among its candidates, in any spelling."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import libcst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import LINEAR, growth

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.imports.narrow import candidates, words
from memguard_hooks.imports.syntax import dotted
from memguard_hooks.imports.uses import unused_names


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param("import a", ("a",), id="alone"),
    pytest.param("import a.b . c as d, e \\\n , f", ("a.b.c", "e", "f"), id="several"),
    pytest.param("import\\\n  a", ("a",), id="continued"),
    pytest.param("import\\\r\n  a\r\nimport b\rimport c", ("a", "b", "c"), id="line ends"),
    pytest.param("import\ta\n\timport b\n\f import c", ("a", "b", "c"), id="tabs and form feeds"),
    pytest.param("x = 1;import a;from b import c", ("a", "b", "b.c"), id="semicolons"),
    pytest.param("if x:import a\nelse: import b", ("a", "b"), id="on one line"),
    pytest.param("lazy import a\nlazy from b import c", ("a", "b", "b.c"), id="lazy"),
    pytest.param("lazy \\\n import a\nlazy\tfrom\\\nb import c", ("a", "b", "b.c"), id="lazy, continued"),
    pytest.param("from a import b as c, d", ("a", "a.b", "a.d"), id="from"),
    pytest.param("from a import *", ("a", "a.*"), id="star"),
    pytest.param("from a import*\nfrom.import b\nfrom..a import(c)", ("a", "a.*", ".", ".b", "..a", "..a.c"),
                 id="no blanks"),
    pytest.param("from . . a . b import c", ("..a.b", "..a.b.c"), id="blanks between dots"),
    pytest.param("from ... import a", ("...", "...a"), id="relative"),
    pytest.param("from \\\n a \\\n import \\\n b", ("a", "a.b"), id="from, continued"),
    pytest.param("from a import (  # import x)\n  b,  # y, z\n  c as d,\n)\n", ("a", "a.b", "a.c"), id="parentheses"),
    pytest.param("from a import ( # \\\n b)", ("a", "a.b"), id="a comment that ends with a backslash"),
    pytest.param("from importlib_x import b; import importlib2", ("importlib_x", "importlib_x.b", "importlib2"),
                 id="names like it"),
    pytest.param("from a.from_b import from_c", ("a.from_b", "a.from_b.from_c"), id="names that begin with from"),
    pytest.param("# importing is hard, we import a\nx.import_, fromimport", (), id="words in a comment"),
    pytest.param('"""\nimport a\n"""', ("a",), id="in a string: too much, on purpose"),
    pytest.param("# from a import (b,\nimport c", ("c",), id="an open list in a comment"),
    pytest.param("'\nfrom a import (b'\nimport c", ("a", "a.b", "c"), id="an open list in a string"),
    pytest.param("import \uff50\uff41ndas, ä", ("pandas", "ä"), id="NFKC"),
    pytest.param("\ufeffimport a", ("a",), id="a byte order mark"),
    pytest.param("def f(:\n  import a\n)", ("a",), id="what does not parse"),
    pytest.param("import importlib\nimportlib.import_module('a.b')", ("importlib", "a.b"), id="import_module"),
    pytest.param("from importlib import import_module\nimport_module(\n name = 'a' )", ("importlib",
                 "importlib.import_module", "a"), id="import_module, imported"),
    pytest.param("__import__('a')", ("a",), id="__import__"),
    pytest.param("x = LazyImporter('a.b')", ("a.b",), id="a lazy proxy"),
    pytest.param("lazy_import(NAME); NAME = 'a'", ("a",), id="a lazy proxy of a constant"),
    pytest.param("cursor.exec('import a'); executor(1)", (), id="another exec"),
    pytest.param("", (), id="nothing"),
])  # fmt: skip
def test_candidates(source: str, expected: tuple[str, ...]) -> None:
    assert candidates(source.encode()) == expected


@pytest.mark.parametrize("source", [
    pytest.param("importlib.import_module(x)", id="import_module"),
    pytest.param("importlib.import_module(f'a')", id="with fields"),
    pytest.param("importlib.import_module('a' 'b')", id="in two parts"),
    pytest.param("importlib.import_module('.a', 'b')", id="relative"),
    pytest.param("importlib.import_module('a' + x)", id="a sum"),
    pytest.param(r"__import__('\x61')", id="an escape"),
    pytest.param("__import__('a', fromlist=['b'])", id="a list of names"),
    pytest.param("load = importlib.import_module", id="another name"),
    pytest.param("from importlib import import_module as load", id="another name, imported"),
    pytest.param("importlib.\uff49mport_module(x)", id="NFKC"),
    pytest.param("exec ('import a')", id="exec"),
    pytest.param("import runpy", id="runpy"),
    pytest.param("# coding: nothing\nimport a", id="an encoding that is not known"),
])  # fmt: skip
def test_anything(source: str) -> None:
    assert candidates(source.encode()) is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "latin-1", "cp037", "shift_jis"])
def test_encodings(encoding: str) -> None:
    data = b"# coding: " + encoding.encode() + b"\n" + "import a\nfrom b import c\n".encode(encoding)
    found = candidates(data)
    try:
        text = decode(data, "x.py")
        libcst.parse_module(text)
    except (MemguardError, libcst.ParserSyntaxError):
        return
    assert found is None or {"a", "b", "b.c"} <= set(found)


HOSTILE: dict[str, Callable[[int], str]] = {
    "lists in lists": lambda size: "import a, " * (size // 10),
    "open lists in one comment": lambda size: "#" + "from a import (#" * (size // 16),
    "open lists": lambda size: "from a import (b,\n" * (size // 17),
    "many from": lambda size: "from " * (size // 5) + "(\nimport a\n",
    "many from before many import": lambda size: ("from " * 20 + "( import a\n") * (size // 111),
    "blanks": lambda size: "import" + " " * size + "a",
    "blank lines": lambda size: ("\n" * 1000 + "import a") * (size // 1008),
    "calls": lambda size: "import_module(" + " " * size,
    "one line of calls": lambda size: "from importlib import " + "import_module, " * (size // 15),
    "a long name": lambda size: "lazy" + ".a" * (size // 2) + "('x')",
    "quotes": lambda size: "lazy" + "'a" * (size // 2),
    "continued lines": lambda size: "import " + "\\\n" * (size // 2),
    "comments": lambda size: "from a import (\n" + "# b\n" * (size // 4) + ")",
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in HOSTILE.items()])
def test_hostile_files_take_linear_time(make: Callable[[int], str]) -> None:
    assert growth(candidates, lambda size: make(size).encode(), 1_000_000) < LINEAR


def statements(text: str) -> set[str]:
    """Return what the import statements of a file name, as libcst reads them."""
    names: set[str] = set()

    class Visitor(libcst.CSTVisitor):
        def visit_Import(self, node: libcst.Import) -> None:  # noqa: N802 - its name in libcst
            names.update(dotted(alias.name) or "" for alias in node.names)

        def visit_ImportFrom(self, node: libcst.ImportFrom) -> None:  # noqa: N802
            module = "." * len(node.relative) + (dotted(node.module) or "")
            aliases = ["*"] if isinstance(node.names, libcst.ImportStar) else [dotted(alias.name) for alias in node.names]
            names.add(module)
            names.update(f"{module}{name}" if module.endswith(".") else f"{module}.{name}" for name in aliases)

    libcst.parse_module(text).visit(Visitor())
    return names


@given(st.lists(st.sampled_from(["import", "from", "lazy", " ", "\t", "\f", "\\\n", "\n", ";", ":", "a", "b", ".", "..",
                                 ",", "(", ")", "*", "# c\n", "# import b\n", " as ", "if x", "'", '"""', "\r\n",
                                 "ä", "\uff42"]),
                max_size=14))  # fmt: skip
def test_any_text(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        expected = statements(decode(text.encode(), "x.py"))
    except (MemguardError, libcst.ParserSyntaxError):
        return
    found = candidates(text.encode())
    assert found is not None
    assert expected <= set(found)


@pytest.mark.parametrize(
    "names",
    [
        "import " + ", ".join(f"a{number}" for number in range(120_000)),
        "import " + "a, " * 300_000 + "b",
        "from a import (" + "#\n" * 500_000 + "b)",
        "import a," + "\\\n" * 500_000 + "b",
    ],
    ids=["many", "repeated", "comments", "lines"],
)
def test_a_long_list_of_names_takes_little_memory(names: str) -> None:
    """Candidates of 1 MB of names, comments or continued lines, below 64 MiB; `re` by itself would take up to 250."""
    data = names.encode()
    tracemalloc.start()
    try:
        candidates(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20


def test_words_of_a_long_source_are_kept_once() -> None:
    found = words(b"import a\n" + b"x = 1\n" * 2**18)
    assert found is not None
    assert sorted(found) == [b"1", b"a", b"import", b"x"]


def test_a_long_source_is_not_looked_through_for_names() -> None:
    site = ImportSite(1, 1, 1, "a", 0, (), "import", "at module level")
    assert unused_names(b"import a\n", "b.py", site) == "a"
    assert unused_names(b"import a\n" + b"#" * 2**20, "b.py", site) is None
    assert unused_names(b"import a\n# a\n", "b.py", site) == "a"
    assert unused_names(b"import a\n# a\n" + b"#" * 2**18, "b.py", site) is None


@pytest.mark.parametrize(
    ("rest", "unused"),
    [
        pytest.param("# a.show()\n", True, id="a-comment"),
        pytest.param("def f():\n    'Say a.'\n", True, id="a-string-that-stands-by-itself"),
        pytest.param("x = 'a'\n", False, id="a-string-that-is-a-value"),
        pytest.param("def f(x: 'a.B'): ...\n", False, id="an-annotation"),
        pytest.param("# a\na.show()\n", False, id="a-comment-and-a-use"),
        pytest.param("def f():\n    global a\n", False, id="global"),
        pytest.param("# a\n(\n", False, id="what-does-not-parse"),
    ],
)
def test_comments_do_not_use_a_name(rest: str, *, unused: bool) -> None:
    site = ImportSite(1, 1, 1, "a", 0, (), "import", "at module level")
    assert (unused_names(f"import a\n{rest}".encode(), "b.py", site) == "a") is unused
