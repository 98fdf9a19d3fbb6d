"""How imports move into functions: each pair is run by Python, with a package in place of the heavy one."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from folders import write
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from work import LINEAR, at_most, growth

from memguard_hooks.fix.import_edit import move, write_lazy
from memguard_hooks.formats.python_source import decode, tree_of
from memguard_hooks.imports.movable import HeldBy, MovableFile, Moves, Wanted
from memguard_hooks.imports.name_uses import is_type_checking, own_nodes

PACKAGE = {
    "heavy/__init__.py": (
        "value = 1\nother = 2\nclass Table(list):\n    @classmethod\n    def from_rows(cls, rows): return cls(rows)\n"
        "class Odd(Exception): pass\ndef keep(one): return one\ndef is_available(): return False\n"
    ),
    "heavy/sub/__init__.py": "value = 3\n",
    "heavy/sub/deep.py": "value = 5\n",
    "heavy_core.py": "class Chain(list):\n    def __init__(self, rows, more): super().__init__([*rows, *more])\n",
    "light.py": "def keep(function):\n    return function\n\n\nnjit = keep\nROWS = (1, 2)\n",
}


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `heavy` be imported, anew in each test."""
    write(tmp_path, PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    forget()


def forget() -> bool:
    """Take the package out of what is loaded, and tell whether it was."""
    loaded = [name for name in sys.modules if name.partition(".")[0] == "heavy"]
    for name in loaded:
        del sys.modules[name]
    return bool(loaded)


def wanted(module: ast.Module) -> list[Wanted]:
    """Return all imports of the package that run while a file loads."""
    for_types = [one for one in module.body if isinstance(one, ast.If) and is_type_checking(one.test)]
    classes = [one for one in own_nodes(module.body) if isinstance(one, ast.ClassDef)]
    found: list[Wanted] = []
    for node in own_nodes(
        [*(one for one in module.body if one not in for_types), *(one for c in classes for one in c.body)]
    ):
        if isinstance(node, ast.Import):
            found += [Wanted(node.lineno, one.name, ()) for one in node.names if one.name.partition(".")[0] == "heavy"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "heavy":
            found.append(Wanted(node.lineno, node.module or "", tuple(one.name for one in node.names)))
    return found


def read(
    data: bytes, python: tuple[int, int] | None = None, building: Collection[str] = ()
) -> tuple[ast.Module, Moves | HeldBy]:
    """Return the tree of a source, and how the imports of the package move."""
    text = decode(data)
    module = tree_of(text)
    return module, MovableFile(module, text, wanted(module), python, is_package=False).moves((), building)


def moved(source: str | bytes, python: tuple[int, int] | None = None, building: Collection[str] = ()) -> bytes:
    data = source.encode() if isinstance(source, str) else source
    module, moves = read(data, python, building)
    assert isinstance(moves, Moves), moves
    return move(data, module, moves).data


def run(source: bytes) -> tuple[bool, object]:
    """Run a source as a module; return whether that loads the package, and what its function `use` then returns."""
    forget()
    app = ModuleType("app")
    names = app.__dict__
    sys.modules["app"] = app  # where dataclasses look for the names of types
    try:
        exec(compile(source, "app.py", "exec", dont_inherit=True), names)  # noqa: S102 - what a table below says
    finally:
        del sys.modules["app"]
    is_loaded = forget()
    use = names.get("use")
    return is_loaded, use() if callable(use) else None


class Unmoved(ast.NodeTransformer):
    """Takes out what a move may change: imports of the package, what is for type checkers alone, quotes of annotations."""

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        """Leave others than the package."""
        node.names = [one for one in node.names if one.name.partition(".")[0] != "heavy"]
        return node if node.names else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Leave others than the package, and what asks for type checkers."""
        is_package = (node.module or "").partition(".")[0] == "heavy"
        node.names = [one for one in node.names if not is_package and one.name != "TYPE_CHECKING"]
        return node if node.names else None

    def visit_Try(self, node: ast.Try) -> ast.AST | None:
        """Leave what does more than import the package, or say what there is instead."""
        names = [one.name for part in ast.walk(node) if isinstance(part, ast.alias) for one in [part]]
        is_package = any(one.partition(".")[0] == "heavy" for one in names) or "heavy" in ast.unparse(node)
        return None if is_package and node.handlers else node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Leave a block that holds anything."""
        self.generic_visit(node)
        return node if node.body else None

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Read a string as what it quotes."""
        try:
            return self.visit(ast.parse(node.value, mode="eval").body) if isinstance(node.value, str) else node
        except SyntaxError:
            return node


def unmoved(source: bytes) -> str:
    return ast.unparse(Unmoved().visit(ast.parse(decode(source))))  # a tree of its own, for it is changed


class Form(NamedTuple):
    """An import, what is left of it, what a function gets, and an expression that needs it."""

    before: str
    left: str
    lines: str
    used: str


FORMS = {
    "module": Form("import heavy\n", "", "import heavy", "heavy.value"),
    "alias": Form("import heavy as h\n", "", "import heavy as h", "h.value"),
    "submodule": Form("import heavy.sub\n", "", "import heavy.sub", "heavy.sub.value"),
    "submodule-alias": Form("import heavy.sub as s\n", "", "import heavy.sub as s", "s.value"),
    "from": Form("from heavy import value\n", "", "from heavy import value", "value"),
    "from-alias": Form("from heavy import value as v\n", "", "from heavy import value as v", "v"),
    "from-two": Form("from heavy import value, other as o\n", "", "from heavy import value, other as o", "(value + o)"),
    "parentheses": Form(
        "from heavy import (\n    value,\n    other,\n)\n", "", "from heavy import value, other", "(value, other)"
    ),
    "backslash": Form("from heavy import value, \\\n    other\n", "", "from heavy import value, other", "[value, other]"),
    "comment": Form("import heavy  # for tables\n", "", "import heavy  # for tables", "heavy.value"),
    "beside": Form("import os, heavy\n", "import os\n", "import heavy", "heavy.value"),
    "before-another": Form("import heavy as h, os\n", "import os\n", "import heavy as h", "h.value"),
    "line-of-two": Form("x = 0; import heavy\n", "x = 0\n", "import heavy", "heavy.value"),
    "first-of-line": Form("import heavy; x = 0\n", "x = 0\n", "import heavy", "heavy.value"),
}

SHAPES = {
    "plain": "def use():\n    <I>\n\n    return <E>\n",
    "docstring": 'def use():\n    """Doc."""\n    <I>\n\n    return <E>\n',
    "long-docstring": 'def use():\n    """Doc.\n\n    More.\n    """\n    <I>\n\n    return <E>\n',
    "comment": "def use():\n    <I>\n\n    # why\n    return <E>\n",
    "signature": "def use(\n    a=1,\n    # more\n    b=2,\n):  # noqa\n    <I>\n\n    return <E>\n",
    "own-imports": "def use():\n    <I>\n    import os\n\n    return <E>\n",
    "nested": "def use():\n    <I>\n\n    def inner():\n        return <E>\n\n    return inner()\n",
    "decorated-inner": "import light\ndef use():\n    <I>\n\n    @light.keep\n    def g(): return <E>\n    return g()\n",
    "comprehension": "def use():\n    <I>\n\n    return [<E> for one in range(2)]\n",
    "generator": "def many():\n    <I>\n\n    yield <E>\n\n\ndef use():\n    return list(many())\n",
    "coroutine": "import asyncio\nasync def get():\n    <I>\n\n    return <E>\ndef use():\n    return asyncio.run(get())\n",
    "lambda": "def use():\n    <I>\n\n    return (lambda: <E>)()\n",
    "method": "class A:\n    def get(self):\n        <I>\n\n        return <E>\ndef use():\n    return A().get()\n",
    "property": "class A:\n    @property\n    def g(self):\n        <I>\n\n        return <E>\ndef use(): return A().g\n",
    "local-class": "def use():\n    <I>\n\n    class A:\n        got = <E>\n    return A.got\n",
    "loop": "def use():\n    <I>\n\n    for one in range(3):\n        found = <E>\n    return found\n",
    "try": "def use():\n    <I>\n\n    try:\n        return <E>\n    finally:\n        pass\n",
    "default": "def use():\n    <I>\n\n    def inner(a=<E>):\n        return a\n    return inner()\n",
    "f-string": 'def use():\n    <I>\n\n    return f"{<E>} of {1}"\n',
    "walrus": "def use():\n    <I>\n\n    if got := <E>:\n        return got\n",
    "match": "def use():\n    <I>\n\n    match <E>:\n        case found:\n            return found\n",
    "tabs": "def use():\n\t<I>\n\n\tif True:\n\t\treturn <E>\n",
    "under-if": "if True:\n    def use():\n        <I>\n\n        return <E>\n",
    "blank-first": "def use():\n    <I>\n\n    return <E>\n",
}


def without_import(body: str) -> str:
    """Return a function that does not import what it uses, without the blank line that the edit adds."""
    lines = body.split("\n")
    where = next(number for number, line in enumerate(lines) if "<I>" in line)
    has_blank = not body.startswith("def use():\n    <I>\n    import")
    return "\n".join([*lines[:where], *lines[where + 1 + has_blank :]])


@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in FORMS.items()])
def test_each_form_of_an_import_moves_into_each_kind_of_function(form: Form) -> None:
    for kind, shape in SHAPES.items():
        body = shape.replace("<E>", form.used)
        before = (form.before + without_import(body)).encode()
        after = (form.left + body.replace("<I>", form.lines)).encode()
        assert moved(before) == after, kind
        was_loaded, was = run(before)
        is_loaded, now = run(after)
        assert (was_loaded, is_loaded) == (True, False), kind
        assert now == was, kind


def blocks(name: str) -> list[tuple[str, str, str]]:
    """Return the cases of a table: a title, a source, and what becomes of it."""
    text = (Path(__file__).parent / "data" / name).read_text(encoding="utf-8")
    found: list[tuple[str, str, str]] = []
    for block in re.split(r"(?m)^=== ", text)[1:]:
        title, _, rest = block.partition("\n")
        before, _, after = rest.partition("---\n")
        found.append((title, before, after))
    return found


@pytest.mark.parametrize(
    ("title", "before", "after"), [pytest.param(*one, id=one[0].replace(" ", "-")) for one in blocks("import_moves.txt")]
)
def test_pairs(title: str, before: str, after: str) -> None:
    python = (3, 14) if title.endswith("on 3.14") else None
    assert moved(before, python) == after.encode()
    assert unmoved(after.encode()) == unmoved(before.encode())
    was_loaded, was = run(before.encode())
    assert was_loaded
    if python is not None and sys.version_info < python:
        return
    is_loaded, now = run(after.encode())
    assert not is_loaded
    assert repr(now) == repr(was)


@pytest.mark.parametrize(
    ("before", "reason"), [pytest.param(*one[1:], id=one[0].replace(" ", "-")) for one in blocks("imports_held.txt")]
)
def test_what_holds_an_import(before: str, reason: str) -> None:
    is_loaded, _ = run(before.encode())
    assert is_loaded
    _, moves = read(before.encode())
    assert isinstance(moves, HeldBy)
    assert f"{moves.line}: {moves.reason}\n" == reason


@pytest.mark.parametrize(
    ("before", "after"), [pytest.param(*one[1:], id=one[0].replace(" ", "-")) for one in blocks("values_built.txt")]
)
def test_values_that_are_built_when_they_are_first_used(before: str, after: str) -> None:
    assert moved(before, building=["heavy"]) == after.encode()
    _, moves = read(before.encode())
    assert isinstance(moves, HeldBy)
    was_loaded, was = run(before.encode())
    is_loaded, now = run(after.encode())
    assert (was_loaded, is_loaded) == (True, False)
    assert repr(now) == repr(was)


@pytest.mark.parametrize(
    ("before", "reason"), [pytest.param(*one[1:], id=one[0].replace(" ", "-")) for one in blocks("values_held.txt")]
)
def test_values_that_stay(before: str, reason: str) -> None:
    _, moves = read(before.encode(), building=["heavy"])
    assert isinstance(moves, HeldBy)
    assert f"{moves.line}: {moves.reason}\n" == reason


BYTES = {
    "carriage-returns": (b"import os\r\nimport heavy\r\n\r\ndef use():\r\n    return heavy.value\r\n",
                         b"import os\r\n\r\ndef use():\r\n    import heavy\r\n\r\n    return heavy.value\r\n"),
    "lone-carriage-returns": (b"import heavy\rdef use():\r    return heavy.value\r",
                              b"def use():\r    import heavy\r\r    return heavy.value\r"),
    "byte-order-mark": (b"\xef\xbb\xbfimport heavy\ndef use():\n  return heavy.value\n",
                        b"\xef\xbb\xbfdef use():\n  import heavy\n\n  return heavy.value\n"),
    "mark-before-all": (b"\xef\xbb\xbfimport heavy, os\ndef use(): return heavy.value\n",
                        b"\xef\xbb\xbfimport os\ndef use(): import heavy; return heavy.value\n"),
    "form-feed": (b"import heavy\n\x0c\ndef use():\n    return heavy.value\n\x0c\nx = 1\n",
                  b"\x0c\ndef use():\n    import heavy\n\n    return heavy.value\n\x0c\nx = 1\n"),
    "latin-1": (b"# coding: latin-1\nimport heavy\ndef use():\n    '\xe9'; return heavy.value, '\xfc'\n",
                b"# coding: latin-1\ndef use():\n    '\xe9'; import heavy; return heavy.value, '\xfc'\n"),
    "no-end-of-line": (b"import heavy\ndef use(): return heavy.value", b"def use(): import heavy; return heavy.value"),
    "end-without-line": (b"def use(a: 'heavy.Table' = 1): return heavy.value\nimport heavy",
                         (b"def use(a: 'heavy.Table' = 1): import heavy; return heavy.value\n"
                          b"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import heavy\n")),
    "tabs-for-types": (b"import heavy\ndef use(a: heavy.Table = 1):\n\treturn a\n",
                       (b"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n\timport heavy\n"
                        b'def use(a: "heavy.Table" = 1):\n\treturn a\n')),
    "blanks-at-the-end": (b"import heavy   \ndef use():   \n    return heavy.value   \n\t\n",
                          b"def use():   \n    import heavy\n\n    return heavy.value   \n\t\n"),
    "line-separator": ("import heavy\nx = '\u2028\x0b'\ndef use():\n    return heavy.value, x\n".encode(),
                       "x = '\u2028\x0b'\ndef use():\n    import heavy\n\n    return heavy.value, x\n".encode()),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [pytest.param(*pair, id=name) for name, pair in BYTES.items()])
def test_no_other_byte_changes(before: bytes, after: bytes) -> None:
    assert moved(before) == after
    assert run(before)[1] == run(after)[1]
    assert not run(after)[0]


def all_pairs() -> dict[str, tuple[str, str]]:
    """Return each source of the tables above before and after its move, by a name that a module may have."""
    sources = [
        form.before + without_import(shape.replace("<E>", form.used)) for form in FORMS.values() for shape in SHAPES.values()
    ]
    sources += [before for title, before, _ in blocks("import_moves.txt") if not title.endswith("on 3.14")]
    pairs = [(one, moved(one).decode()) for one in sources]
    pairs += [(before, after) for _, before, after in blocks("values_built.txt")]
    return {f"case_{number}": pair for number, pair in enumerate(pairs)}


def told(root: Path, command: Sequence[str], *kinds: str) -> list[Counter[str]]:
    """Return what one run of a tool says of all files of each folder, by file and without the lines."""
    done = subprocess.run([sys.executable, "-m", *command, *kinds], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode < 2, done.stdout + done.stderr
    lines = [re.sub(r"(?<=\.py):[\d:]+|from line \d+|on line \d+", "", one) for one in done.stdout.splitlines()]
    return [Counter(one.partition("/")[2] for one in lines if one.startswith(f"{kind}/case_")) for kind in kinds]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("ruff", "check", "--isolated", "--select=F", "--output-format=concise"), id="ruff"),
        pytest.param(
            (
                "mypy",
                "--check-untyped-defs",
                "--no-incremental",
                "--cache-dir=cache",
                "--no-error-summary",
                "--explicit-package-bases",
            ),
            id="mypy",
        ),
    ],
)
def test_linters_and_type_checkers_find_nothing_new(tmp_path: Path, command: tuple[str, ...]) -> None:
    pairs = all_pairs()
    assert len(pairs) >= 150
    write(tmp_path, {f"before/{name}.py": one for name, (one, _) in pairs.items()})
    write(tmp_path, {f"after/{name}.py": one for name, (_, one) in pairs.items()})
    write(tmp_path, {"spoiled/case_0.py": pairs["case_0"][0].replace("import heavy\n", "")})
    was, now, spoiled = told(tmp_path, command, "before", "after", "spoiled")
    assert now - was == Counter()
    assert spoiled


def fixed_by_ruff(root: Path, *arguments: str) -> None:
    """Let ruff fix all files of a folder by one rule, as far as it does."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", "--fix-only", "--unsafe-fixes", *arguments]
    subprocess.run([*command, str(root)], check=True)


def test_lazy_imports_are_those_that_ruff_writes(tmp_path: Path) -> None:
    ours: dict[str, bytes] = {}
    for name, (before, _) in all_pairs().items():
        module, moves = read(before.encode(), (3, 15))
        if isinstance(moves, HeldBy) or not (moves.hosts or moves.for_types) or moves.built or moves.blocks:
            continue
        # It leaves statements of several names alone, and makes lazy what is for type checkers too.
        statements = [statement for statement, _ in moves.removed]
        has_one_each = all(not isinstance(one, ast.Assign) and len(one.names) == 1 for one in statements)
        if "if TYPE_CHECKING" not in before and has_one_each:
            ours[f"{name}.py"] = write_lazy(before.encode(), module, moves.removed)
            write(tmp_path, {f"{name}.py": before})
    heavy = 'lint.flake8-tidy-imports.require-lazy=["heavy"]'
    fixed_by_ruff(tmp_path, "--preview", "--target-version=py315", "--select=TID254", "--config", heavy)
    theirs = {one.name: one.read_bytes() for one in tmp_path.glob("case_*.py")}
    assert len(ours) >= 200
    assert {name: one for name, one in ours.items() if theirs[name] != one} == {}


def test_unused_imports_are_deleted_as_ruff_deletes_them(tmp_path: Path) -> None:
    rest = ("", "\n\ndef use():\n    return 1\n", "import os\n\n\ndef use():\n    return os.name\n")
    sources = [
        form.before + one for form in FORMS.values() for one in rest if not {"os", "x"} & {*re.findall(r"\w+", form.before)}
    ]
    ours = {f"case_{number}.py": moved(one) for number, one in enumerate(sources)}
    write(tmp_path, dict(zip(ours, sources, strict=True)))
    fixed_by_ruff(tmp_path, "--select=F401")
    assert {one.name: one.read_bytes() for one in tmp_path.glob("case_*.py")} == ours


HEADS_OF_FILES = [
    "import heavy\n", "import os\n\nimport heavy\n", "import os\nfrom collections import abc\n\nimport heavy\n",
    "from urllib import parse\n\nimport heavy\n", "import os\n\nimport heavy\nimport light\n",
    "import heavy\nimport light\n", "import alight\nimport heavy\n", "from __future__ import division\n\nimport heavy\n",
    "from typing import Any\n\nimport heavy\n", "from __future__ import division\n\nimport heavy\nimport light\n",
    "from typing import Any, cast\n\nimport heavy\n", '"""Doc."""\n\nimport heavy\n',
    "from __future__ import division\n\nimport os\n\nimport heavy\n", "import heavy\n\nfrom . import light\n",
    "from typing import (\n    Any,  # which is long\n    cast,\n)\n\nimport heavy\n",
]  # fmt: skip


@pytest.mark.parametrize(
    "rest", ["", "\n\nrows = heavy.Table()\n\n\ndef more():\n    return rows\n"], ids=["moved", "built"]
)
def test_imports_stay_sorted(tmp_path: Path, rest: str) -> None:
    use = "\n\ndef use(rows: heavy.Table = None):\n    return heavy.value\n"
    after = {f"case_{one}.py": moved(head + rest + use, building=["heavy"]) for one, head in enumerate(HEADS_OF_FILES)}
    write(tmp_path / "after", {name: text.decode() for name, text in after.items()})
    command = ("ruff", "check", "--isolated", "--select=I001", "--output-format=concise")
    assert told(tmp_path, command, "after") == [Counter()]
    assert all(b"TYPE_CHECKING" in text for text in after.values())


def test_enough_is_refused() -> None:
    assert len(blocks("imports_held.txt")) >= 80


# Generated modules


NAMES = st.sampled_from(["heavy", "value", "other", "h", "free"])
IMPORTS = st.sampled_from([
    "import heavy", "import heavy as h", "import heavy.sub", "from heavy import value", "from heavy import value, other",
    "from heavy import other as h", "import heavy, light", "from heavy import (\n    value,\n    other as free,\n)",
])  # fmt: skip
EXPRESSIONS = st.one_of(
    NAMES,
    st.builds("[{0} for {1} in (1, 2)]".format, NAMES, NAMES),
    st.builds("(lambda {1}: {0})(3)".format, NAMES, NAMES),
    st.builds("[{0}, ({1} := 4)]".format, NAMES, NAMES),
    st.builds("f'{{{0}}}'".format, NAMES),
)
SIMPLE = st.one_of(
    st.builds("found.append({})".format, EXPRESSIONS),
    st.builds("{} = 5".format, NAMES),
    st.builds("{}: {} = 6".format, NAMES, NAMES),
    st.builds("global {}".format, NAMES),
    st.builds("del {}".format, NAMES),
    st.builds("import heavy.sub as {}".format, NAMES),
    st.just("pass"),
)
HEADS = st.one_of(
    st.builds("def made({0}=7):".format, NAMES),
    st.builds("def made(one: {0} = 7) -> {1}:".format, NAMES, NAMES),
    st.just("class Made:"),
    st.builds("for {0} in (1, 2):".format, NAMES),
    st.just("try:"),
    st.just("if True:"),
)


def block(head: str, body: list[str], *, is_called: bool) -> str:
    """Return a compound statement around others; a function may be called at once."""
    inner = "\n".join(f"    {line}" for one in body for line in one.split("\n"))
    tail = "\nexcept NameError as free:\n    pass" if head == "try:" else ""
    return f"{head}\n{inner}{tail}" + ("\nmade()" if is_called and head.startswith("def") else "")


STATEMENTS = st.recursive(
    SIMPLE,
    lambda inner: st.builds(block, HEADS, st.lists(inner, min_size=1, max_size=3), is_called=st.booleans()),
    max_leaves=6,
)


def traced(source: bytes) -> tuple[bool, object] | None:
    """Run a module and its function; return whether loading it loads the package, and all that the run has found.

    None for a module that does not load.
    """
    forget()
    names: dict[str, object] = {"__name__": "app", "found": []}
    try:
        exec(compile(source, "app.py", "exec", dont_inherit=True), names)  # noqa: S102 - what is generated above
    except Exception:  # noqa: BLE001 - whatever the generated code runs into
        return None
    is_loaded, outcome = forget(), ""
    try:
        names["use"]()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - as above
        outcome = type(error).__name__
    forget()
    return is_loaded, [outcome, re.sub(r"0x\w+|'/.*?'", "", repr(names["found"]))]


@settings(max_examples=150)
@given(
    st.lists(IMPORTS, min_size=1, max_size=3), st.lists(STATEMENTS, max_size=3), st.lists(STATEMENTS, min_size=1, max_size=4)
)
def test_generated_modules_do_the_same(imports: list[str], top: list[str], body: list[str]) -> None:
    source = "\n".join(["import light", *imports, *top, block("def use():", body, is_called=False), ""]).encode()
    try:
        compile(source, "app.py", "exec", dont_inherit=True)
    except SyntaxError:
        assume(False)
    was = traced(source)
    assume(was is not None)
    module, moves = read(source)
    if was is None or isinstance(moves, HeldBy):
        return
    after = move(source, module, moves).data
    assert unmoved(after) == unmoved(source)
    now = traced(after)
    assert now is not None
    assert now[1] == was[1]
    # What a function imports that is called as the file loads is there, until the walk has told so.
    assert not now[0] or b"made()" in source or b"import heavy.sub as" in source
    again, rest = read(after)
    assert isinstance(rest, HeldBy) or move(after, again, rest).data == after


SOURCES = {
    "functions": ("import heavy\n", "def use(a: heavy.Table):\n    return heavy.value\n"),
    "classes": ("import heavy\n", "class A:\n    def get(self):\n        return heavy.value\n"),
    "uses": ("import heavy\ndef use():\n", "    heavy.value\n"),
    "bindings": ("import heavy\n", "heavy = 1\n"),
    "imports": (f"import {', '.join(f'heavy.a{number}' for number in range(20))}\ndef use():\n", "    heavy.a1\n"),
}


@pytest.mark.parametrize("parts", [pytest.param(parts, id=name) for name, parts in SOURCES.items()])
def test_work_grows_with_the_file_alone(parts: tuple[str, str]) -> None:
    assert growth(lambda source: read(source.encode()), lambda size: parts[0] + parts[1] * size, 2000) < LINEAR


FIELD = "from dataclasses import dataclass\nimport heavy\ndef use():\n    return heavy.value\n"
TYPES = {
    "classes": lambda size: FIELD + "".join(
        f"@dataclass\nclass C{number}:\n    a: heavy.Table\n    b: 'C{number + 1}'\n" for number in range(size)
    ),
    "classes of each other": lambda size: FIELD + "".join(
        f"@dataclass\nclass C{number}:\n    a: heavy.Table\n" + "".join(f"    b{other}: 'C{other}'\n" for other in range(20))
        for number in range(size // 20)
    ),
    "types": lambda size: FIELD + "A0 = list[heavy.Table]\n" + "".join(
        f"A{number + 1} = dict[A{number}, A{number}]\n" for number in range(size)
    ),
    "tables": lambda size: FIELD + "".join(f"def f{number}(a: heavy.Table): ...\n" for number in range(size))
    + f"T = {{{', '.join(f'{number}: f{number}' for number in range(size))}}}\ndef run(n):\n    T[n](1)\n",
}  # fmt: skip


@pytest.mark.parametrize("written", [pytest.param(written, id=name) for name, written in TYPES.items()])
def test_who_reads_types_is_found_out_once_for_each(written: Callable[[int], str]) -> None:
    """However many there are that each other is made of."""
    assert growth(lambda source: read(source.encode()), written, 400) < LINEAR


def test_more_than_any_hand_writes_is_not_judged() -> None:
    names = ", ".join(f"heavy.a{number}" for number in range(150))
    _, moves = read(f"import {names}\ndef use():\n{'    heavy.a1' + chr(10)}".encode() + b"    heavy.a2\n" * 1000)
    assert moves == HeldBy(1, "it is one of too many that are used too often to be judged")


def test_what_an_import_stands_in_is_found_from_the_module_down() -> None:
    text = "def f():\n" + "    x = 1\n" * 2000 + "if f:\n    with f:\n        import json\n\n\ndef g():\n    return json\n"
    module = tree_of(text)
    file = MovableFile(module, text, [Wanted(2004, "json", ())], None, is_package=False)
    with at_most(50_000):
        held = file.moves()
    assert isinstance(held, HeldBy)
    assert "it stands in `with`" in held.reason
