"""Plain files: what is told of them without libcst is to the letter what libcst tells."""

from __future__ import annotations

import gc
import random
import sysconfig
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from work import at_most

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import NotPythonError, decode, parse
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.interpret import analyze_by_libcst
from memguard_hooks.imports.model import Analysis, Target
from memguard_hooks.imports.plain import read_plain
from memguard_hooks.imports.uncalled import without_uncalled, without_unimporting
from memguard_hooks.imports.values import Scope
from memguard_hooks.store import Store

ANY = Target()


def plain(source: str, target: Target = ANY) -> Analysis | None:
    """Read a source as a plain file; libcst must say the same, and say it of the source without what nothing calls."""
    try:
        module = parse(source)
    except NotPythonError:
        return None
    whole = analyze_by_libcst(source, target)
    assert analyze_by_libcst(source, target, module) == whole
    found = read_plain(source, module, target)
    assert found is None or found[0] == whole
    return found and found[0]


@pytest.mark.parametrize("source", [
    pytest.param("", id="nothing"),
    pytest.param("import a, b.c as d; from . import e\nfrom ..f import (\n  g,\n  h as i,\n)\nfrom j import *",
                 id="imports"),
    pytest.param("# ä\nx = 'ä…'; import a\n\fif x: import b", id="columns"),
    pytest.param("import a\nx = a.b(a.c(1), *a.d, e=a.f)\nx.y.z()\nx['k'](2)", id="calls"),
    pytest.param("from a import b as c\n@c.d\n@c(1)\nclass A(c.B, metaclass=c.M):\n  x: c.e(2) = c.f()\n  import d",
                 id="a class"),
    pytest.param("from a import b\n@b\n@property\ndef f(x: b() = b.c()) -> b.d():\n  import c", id="a function"),
    pytest.param("from __future__ import annotations\nfrom a import b\ndef f(x: b()) -> b.c(): pass", id="annotations"),
    pytest.param("class A: pass\nclass B(A):\n  x = 1\na = B(2)\nB.y = A.x", id="a class of its own"),
    pytest.param("def f(): import a\nd = {'a': f}\nfor y in z: d.get(y)()", id="a display that is asked"),
    pytest.param("import a\nx = [a.f(y) for y in a.g() if y]\nz = {a.f(): a.g() for y in x}", id="comprehensions"),
    pytest.param("import a\nx = a.b() or a.c() if a.d else a.e()", id="conditions"),
    pytest.param("import sys\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import a\nelse:\n  import b",
                 id="types"),
    pytest.param("import typing as t\nif t.TYPE_CHECKING: from a import b", id="typing"),
    pytest.param("import a\nif __name__ == '__main__':\n  import b\n  def f():\n    import c\n  a.run(f())",
                 id="the main file"),
    pytest.param("try:\n  import a\nexcept ImportError as e:\n  raise X from e\nelse:\n  a.b()\nfinally:\n  import c",
                 id="try"),
    pytest.param("import a\nwith a.b() as c, a.d():\n  try:\n    import e\n  except E: pass", id="with"),
    pytest.param("import a\nfor x, (y, *z) in a.b():\n  import c\nelse:\n  import d", id="for"),
    pytest.param("def f():\n  if x: return 1\n  def g():\n    try: import a\n    except E: return\n  while True: import b",
                 id="in a call"),
    pytest.param("async def f():\n  async with x:\n    import a\n  match x:\n    case 1: import b\n  yield",
                 id="in a coroutine"),
    pytest.param("class A:\n  def f(self):\n    class B:\n      import a\n    self.g()", id="in a method"),
    pytest.param("def f():\n  exit(1)\n  x = 1\nimport a", id="an exit in a call"),
    pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import a\ndef f(x):\n  if x: import b",
                 id="types, and a call"),
    pytest.param("import typing\nif typing.TYPE_CHECKING:\n  import a\ndef f(x):\n  while x: import b",
                 id="typing, and a call"),
    pytest.param("def f(x):\n  try: return x\n  except E: pass\n  import a", id="behind a try that does not end"),
    pytest.param("def f(x):\n  try: x()\n  except E: raise\n  else: y()\n  import a", id="behind a handler that ends"),
    pytest.param("import sys\ndef f(x):\n  x.y()\n  g()()\n  import a\n  sys.exit()", id="before an exit"),
    pytest.param("import logging\nlogger = logging.getLogger(__name__)\nx = frozenset({'a', 'b'})", id="builtins"),
    pytest.param("from a import *\nx = b(None)\nx = None\nx.c()", id="star"),
    pytest.param("import a\nwhile True:\n  a.b()\nwhile x:\n  import c\nelse:\n  import d", id="while"),
    pytest.param("import a\ndef f(x, *, y=a.b, **z):\n  from c import d\n  e: a.g() = d(x, z)\n  return y\nh = f(1)\nh()",
                 id="a function that is called"),
    pytest.param("def f(x):\n  if x: return 1\n  try:\n    import a\n  except E: pass\n  return g(x)\n"
                 "def g(*x):\n  import b\nclass A:\n  y = f('a')\nf('b')", id="functions that call each other"),
    pytest.param("import asyncio, a\nasync def f(x=a.b):\n  async with x() as y:\n    import c\n  await g(y)\n"
                 "async def g(x):\n  async for z in a.d(g2()): z()\nasync def g2(): import e\nasyncio.run(f())",
                 id="coroutines that run"),
    pytest.param("async def f(): import a\nx = f()\nx.send(None)\nprint(x, f)", id="coroutines that do not"),
    pytest.param("def d(f):\n  import a\n  f.b = 1\n  return f\ndef e(f):\n  @a.b(f)\n  def g(): import b\n  return g\n"
                 "@e\n@d\ndef f(): import c\n@a.c\nclass A: pass\nx = A.y", id="decorators of its own"),
    pytest.param("def d(x): return x\n@d\nclass A: import a\nA.b()", id="a decorator of a class"),
    pytest.param("import a\nfor x in (a.b, a.c): x()\ny = [z() for z in {a.d: a.e, a.f: 1}]\n"
                 "a.extend({a.g(): {a.h: [a.j]}})\nb = frozenset({a.i})\nfor c in b: c()",
                 id="displays of what others define"),
    pytest.param("import a\nwith [a.b] as x: x()\nasync def f(): (await [a.c])()", id="displays that are entered"),
    pytest.param("from functools import partial\nimport a\n__getattr__ = partial(a.b, c=globals())", id="a partial"),
    pytest.param("import os\ndef setup_platform(x):\n  'a platform'\n  if not os.path.exists(x): return\n  import a",
                 id="a word in a name"),
    pytest.param("import sys\nx = sys.platform\ndef f(y):\n  if y or not y.z: return\n  import a", id="a name in a call"),
    pytest.param("from typing import TYPE_CHECKING\ndef g(x):\n  if TYPE_CHECKING: x()\ndef f(x):\n"
                 "  if x or x.y: return\n  import a", id="types in a call, and another name"),
    pytest.param("from importlib import import_module\ndef f(x, *, y):\n  import a\n  import_module(x)\n"
                 "  import_module(y.z)", id="imports of what a call tells"),
    pytest.param("import importlib\nclass A:\n  def f(self): return importlib.import_module(f'a.{self.b}', __name__).c",
                 id="imports of a text of what a call tells"),
    pytest.param("def f():\n  yield\nf()", id="a generator"),
    pytest.param("def f():\n  global a\n  import a\nf()", id="a function that binds a name of the file"),
    pytest.param("import a\n@a.b\ndef f(): pass\nf()", id="a function that is decorated"),
    pytest.param("def f():\n  def g(): import a\n  g()\nf()", id="a function in a function that is called"),
    pytest.param("class A:\n  def __init__(self): import a\nA()", id="a constructor"),
    pytest.param("def d(f): return f()\n@d\ndef f(): import a", id="a decorator that calls"),
    pytest.param("from functools import partial\ndef f(): import a\npartial(f)()", id="a partial that is called"),
    pytest.param("import a\nx0 = (a,)\ny0 = (a.b,)\n" + "".join(f"x{n + 1} = (x{n}, y{n}, a)\ny{n + 1} = (x{n}, y{n})\n"
                 for n in range(40)) + "@x40\nclass A: pass", id="a decorator of displays in displays"),
    pytest.param("x = sum(f() for y in z)", id="a generator that runs"),
    pytest.param("if 1: import a", id="a number"),
    pytest.param("def f():\n  if False: import a", id="a condition that is false"),
    pytest.param("def f():\n  return\n  import a", id="behind a return"),
    pytest.param("def f():\n  if x: raise\n  else: return\n  import a", id="behind two branches that end"),
    pytest.param("if TYPE_CHECKING: pass\nelse: raise\nimport a", id="behind the only branch that runs"),
    pytest.param("def f():\n  try: return\n  except E: raise\n  import a", id="behind a try that ends"),
    pytest.param("def f():\n  try: return\n  except* E: raise\n  import a", id="behind a try with groups that ends"),
    pytest.param("def f():\n  try: x()\n  except E: pass\n  finally: return\n  import a",
                 id="behind a try that ends at last"),
    pytest.param("def f():\n  try: return\n  finally: x()\n  import a", id="behind a try without handlers"),
    pytest.param("import sys\nsys.exit()\nimport a", id="behind an exit of the file"),
    pytest.param("if x: raise\nelse: raise\nimport a", id="behind branches that end"),
    pytest.param("(x := a)()", id="a name in an expression"),
    pytest.param("global x", id="global"),
    pytest.param("import a\nx = None\ndef f():\n  global x\n  if x is None: x = a.b()\n  return x\nf()\nf().c()",
                 id="names of the file that functions bind"),
    pytest.param("import a\nclass A:\n  def __init__(self, x, y=a.c):\n    self.x, self.z = x, 1"
                 "\n    self.y = y\n    self.f()"
                 "\n  def f(self):\n    self.y(); self.w()\n    import b\nz = A(a.b())\nz.f()\nz.y.d()\nA.f(z)",
                 id="objects"),
    pytest.param("import a\nclass A:\n  def __init__(self): a.b()\n  def f(self): import b\nclass B(A):"
                 "\n  def __init__(self):"
                 "\n    super().__init__()\n    super().f()\n    super().g()\nB()", id="what a class inherits"),
    pytest.param("import threading, a\ndef f():\n  import b\nt = threading.Thread(target=f, daemon=True)\nt.start()\n"
                 "t.join()\nthreading.Thread(None, a.c)", id="a thread"),
    pytest.param("import a, contextlib\n@contextlib.contextmanager\ndef f():\n  with a.b() as x: yield x"
                 "\nwith f() as y: y()\n"
                 "def g(): yield from f()\nfor z in g(): z()", id="generators that run"),
    pytest.param("import a\nx = sorted(a.b(), key=lambda y: y.c(a.d()))\ny = max(a.e, key=a.f)", id="keys that are asked"),
    pytest.param("import a\nif 1:\n  import b\nelif x:\n  import c\n  a.b()\nelse:\n  try: import d\n  except E: import e\n"
                 "def f():\n  if 'x': import j\n  else: import k\n"
                 "  if 0: import g\n  else: import h\n  if True: return\n  import i", id="conditions written out"),
    pytest.param("try:\n  if 0: import a\n  else: raise x\n  import b\nexcept E: import c\nelse: import d\nif 0:\n  y = a\n"
                 "  class A: import e\n  y.f(A(), y())\n  from functools import partial\nx = y", id="what does not run"),
])  # fmt: skip
def test_plain(source: str) -> None:
    for target in (ANY, Target((3, 11)), Target((3, 14)), Target((3, 15), called=frozenset({"x", "nothing.b"}))):
        assert plain(source, target) is not None


@pytest.mark.parametrize("source", [
    pytest.param("def f(): import a\nf()\nimport f\nf.g()\ndef h(): g()\nh()\nfrom a import g\nh()",
                 id="a function that does something else when it is called again"),
    pytest.param("def f(): pass\ndef g():\n  global f\n  def f(): import b\ng()\nf()",
                 id="a function that another one binds anew"),
    pytest.param("def a(): import x\ndef b(): a()\nf = b\nf = a\nf()",
                 id="two functions, of which one says how the other ran"),
    pytest.param("def f(): f()\nf()", id="a function that calls itself"),
    pytest.param("def f(*x): return x\nf(*y)", id="a function that is given what nobody counts"),
    pytest.param("import a\ndef f(x): return x\nf(a)(1)\nf(a.b)", id="functions that return other things"),
    pytest.param("import a\ndef f(x): return a.b\n" + "\n".join(f"f({n}).c()" for n in range(21)), id="many calls"),
    pytest.param("def f(): import a\nx = [f]\nx[0]()", id="a function in a list"),
    pytest.param("def f(): import a\nx = map(f, y)", id="a function that is handed to one that calls it"),
    pytest.param("class A: pass\nclass B(A):\n  __new__ = f\nA()\nB()", id="a constructor by another name"),
    pytest.param("class A:\n  @property\n  def x(self): import a\nA().x", id="a property"),
    pytest.param("class A:\n  def __enter__(self): import a\nwith A(): pass", id="what with enters"),
    pytest.param("class M(type): pass\nclass A(metaclass=M): pass", id="a metaclass"),
    pytest.param("class A:\n  def __init_subclass__(cls): import a\nclass B(A): pass", id="a subclass"),
    pytest.param("import a\nb, c = a.d, a.e\nb()", id="a display that is unpacked"),
    pytest.param("import sys\nif sys.version_info >= (3, 11): import a", id="the version"),
    pytest.param("import sys as s\np = s.platform\nif p == 'win32': import a", id="the platform"),
    pytest.param("import sys\nx = sys.platform == 'win32' and a.b()", id="the platform in an expression"),
    pytest.param("def f():\n  if os.name == 'nt': import a", id="the system, in a call"),
    pytest.param("def f():\n  if sys.platform == 'linux': return\n  import a", id="behind a condition that holds"),
    pytest.param("from sys import exit as e\ndef f():\n  e()\n  import a", id="behind an exit"),
    pytest.param("import sys as s\ndef f():\n  s.exit()\n  import a", id="behind an exit by its last name"),
    pytest.param("from a import TYPE_CHECKING as x\ndef f():\n  if x: import a", id="types by another name"),
    pytest.param("import t\nx = t.TYPE_CHECKING\ndef f():\n  if x: import a", id="types by a name of the file"),
    pytest.param("from importlib import import_module\nimport_module('a')", id="an import that is a call"),
    pytest.param("import importlib\ndef f(x): importlib.import_module(x)\nf('a')", id="an import that is a call of a call"),
    pytest.param("import importlib\ndef f(x): importlib.import_module('a')", id="an import that is a call, in a call"),
    pytest.param("import importlib as i\ndef f(x='a'): i.import_module(x)", id="an import of a default"),
    pytest.param("import importlib as i\ndef f(*, x='a'): i.import_module(x)", id="an import of a default that is named"),
    pytest.param("import importlib as i\ndef f(x):\n  x = 'a'\n  i.import_module(x)", id="an import of a name bound anew"),
    pytest.param("import importlib as i\nx = 'a'\ndef f(): i.import_module(x)", id="an import of a name of the file"),
    pytest.param("import importlib as i\ndef f(x): i.import_module(f'a')", id="an import of a plain text"),
    pytest.param("from importlib import import_module as i\ndef f(x): i('a')", id="an import by another name"),
    pytest.param("from importlib import import_module\ni = import_module\ndef f(x): i('a')", id="an import by a value"),
    pytest.param("import importlib as i\ndef f(x): i.import_module(f'{x}')\nf(1)", id="an import of a text, called"),
    pytest.param("exec('import a')", id="exec"),
    pytest.param("a = LazyLoader('a')", id="a lazy proxy"),
    pytest.param("lazy import a", id="a lazy import"),
    pytest.param("while 0: import a", id="while"),
    pytest.param("\uff50 = 1", id="NFKC"),
    pytest.param("print 1", id="what does not parse"),
])  # fmt: skip
def test_not_plain(source: str) -> None:
    assert plain(source) is None


def test_targets_that_are_not_plain() -> None:
    assert plain("import a", Target((3, 15), lazy_all=True)) is None
    assert plain("if __name__ != '__main__': import a", Target(is_main=True)) is None
    assert plain("class A:\n  @property\n  def x(self): import a\ndef f(): A().x", Target(called=frozenset({"f"}))) is None
    main_only = "if __name__ == '__main__':\n  def f(): import a\n  f()"
    assert plain(main_only, Target(called=frozenset({"f"}))) is None
    assert plain(main_only, Target(called=frozenset({"app"}))) is not None


def test_what_the_started_file_calls() -> None:
    assert plain("if __name__ == '__main__': import a\nelse: import b", Target(is_main=True)) is not None
    assert plain("def f():\n  yield\n  import a", Target(called=frozenset({"f"}))) is not None
    assert plain("class A:\n  def __init__(self): import a", Target(called=frozenset({"A"}))) is not None
    source = "import a\ndef main():\n  import b\n  b.c(a.d())\nif __name__ == '__main__':\n  {}\n  main()"
    assert plain(source.format("try: import e\n  except E: pass"), Target(is_main=True)) is not None
    assert plain(source.format("import e"), Target(called=frozenset({"main"}))) is not None


NAMES = st.sampled_from(["a", "b", "f", "g", "A", "B", "x", "self", "sys", "os", "print", "sorted", "map", "partial"])
ATTRIBUTES = st.sampled_from(["a", "f", "x", "join", "run", "platform", "name", "version_info", "TYPE_CHECKING", "__init__"])
MODULES = st.sampled_from(["a", "b", "a.b", "sys", "os", "typing", "functools", ".", ".a", "..a.b", "__future__"])
IMPORTED = st.sampled_from(["a", "b", "f", "exit", "name", "platform", "TYPE_CHECKING", "annotations", "partial", "*"])
TARGETS = st.builds(
    Target,
    st.sampled_from([None, (3, 11), (3, 14), (3, 15)]),
    st.booleans(),
    st.frozensets(st.sampled_from(["a", "f", "A", "x", "A.f", "x.a"]), max_size=2),
)


def expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Give expressions that hold others."""
    several = st.lists(inner, max_size=2).map(", ".join)
    return st.one_of(
        st.builds("{}.{}".format, inner, ATTRIBUTES),
        st.builds("{}({})".format, inner, several),
        st.builds("{}(*{}, key={})".format, inner, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{}]".format, several),
        st.builds("({}, *{})".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("(lambda x={}: {})".format, inner, inner),
        st.builds("[{} for {} in {} if {}]".format, inner, NAMES, inner, inner),
        st.builds("({} for {} in {})".format, inner, NAMES, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "==", ">=", "is", "in", "+"]), inner),
        st.builds("(not {})".format, inner),
        st.builds('f"{{{}}}"'.format, NAMES),
    )


EXPRESSIONS = st.recursive(
    NAMES | st.sampled_from(["1", "0", "'a'", "None", "True", "__name__", "TYPE_CHECKING", "sys.platform", "'__main__'"]),
    expressions,
    max_leaves=4,
)
IMPORTS = st.one_of(
    st.builds("import {}".format, MODULES.filter(lambda name: not name.startswith("."))),
    st.builds("import {} as {}, a".format, MODULES.filter(lambda name: not name.startswith(".")), NAMES),
    st.builds("from {} import {}".format, MODULES, IMPORTED),
    st.builds("from {} import {} as {}, b".format, MODULES, IMPORTED.filter(lambda name: name != "*"), NAMES),
)
TESTS = EXPRESSIONS | st.sampled_from(["TYPE_CHECKING", "not TYPE_CHECKING", "a.TYPE_CHECKING", "__name__ == '__main__'",
                                       "sys.version_info > (3,)", "sys.platform == 'linux'", "os.name != 'nt'",
                                       "a == 'linux'", "x.name == 'nt'", "True", "0"])  # fmt: skip
SIMPLE = st.one_of(
    IMPORTS,
    st.builds("{} = {}".format, NAMES, EXPRESSIONS),
    st.builds("{}.{} = {} = {}".format, NAMES, ATTRIBUTES, NAMES, EXPRESSIONS),
    st.builds("{}, {} = {}".format, NAMES, NAMES, EXPRESSIONS),
    st.builds("{} += {}".format, NAMES, EXPRESSIONS),
    st.builds("{}: {} = {}".format, NAMES, EXPRESSIONS, EXPRESSIONS),
    st.builds("{}()".format, NAMES),
    st.builds("{} = run({}())".format, NAMES, NAMES),
    st.builds("return {}".format, EXPRESSIONS),
    st.builds("await {}".format, EXPRESSIONS),
    EXPRESSIONS,
    st.sampled_from(
        [
            "pass",
            "return",
            "raise",
            "raise a from b",
            "exit()",
            "del x",
            "global a",
            "assert a, b",
            "sys.exit()",
            "yield a",
            "yield from f()",
            "global f, x",
            "self.x = a",
            "x = A()",
            "self.f()",
            "super().f(a)",
            "x = Thread(target=f)",
            "x.start()",
            "from threading import Thread",
        ]
    ),
)


def indented(lines: list[str]) -> str:
    """Return the lines of a block one level deeper."""
    return "\n".join(f"  {line}" for line in "\n".join(lines).split("\n"))


def compounds(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Give statements that hold blocks."""
    block = st.lists(inner, min_size=1, max_size=3).map(indented)
    head = st.just("") | st.builds("@{}\n".format, EXPRESSIONS)
    return st.one_of(
        st.builds("if {}:\n{}".format, TESTS, block),
        st.builds("if {}:\n{}\nelif {}:\n{}\nelse:\n{}".format, TESTS, block, TESTS, block, block),
        st.builds("{}def {}(self, x: {} = {}):\n{}".format, head, NAMES, EXPRESSIONS, EXPRESSIONS, block),
        st.builds("async def {}():\n{}".format, NAMES, block),
        st.builds("def {}(a, *b, f={}, **x):\n{}".format, NAMES, EXPRESSIONS, block),
        st.builds("{}class {}({}):\n{}".format, head, NAMES, EXPRESSIONS, block),
        st.builds("class {}(metaclass={}):\n{}".format, NAMES, NAMES, block),
        st.builds("try:\n{}\nexcept {} as {}:\n{}\nelse:\n{}\nfinally:\n{}".format, block, EXPRESSIONS, NAMES, block, block,
                  block),
        st.builds("for {} in {}:\n{}\nelse:\n{}".format, NAMES, EXPRESSIONS, block, block),
        st.builds("while {}:\n{}".format, TESTS, block),
        st.builds("with {} as {}:\n{}".format, EXPRESSIONS, NAMES, block),
    )  # fmt: skip


SOURCES = st.lists(IMPORTS | st.recursive(SIMPLE, compounds, max_leaves=6), max_size=7).map("\n".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(SOURCES, TARGETS)
def test_libcst_says_the_same(source: str, target: Target) -> None:
    plain(source, target)


@pytest.mark.parametrize("source", [
    pytest.param("from a import gettext_lazy\nx = gettext_lazy('y')", id="a word like lazy"),
    pytest.param("from django.utils.functional import lazy\nf = lazy(g, str)", id="a name that is lazy"),
    pytest.param("# lazy import a\nimport b", id="a lazy import in a comment"),
    pytest.param("import a\n# " + 2**17 * "x", id="long"),
    pytest.param("import a\n" + "x.y(1)\n" * 10_000 + "def f():\n  import b", id="long, in a call"),
])  # fmt: skip
def test_plain_by_statements_alone(source: str) -> None:
    module = parse(source)
    assert (read_plain(source, module, ANY) is None) == source.startswith("lazy import")


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param("def f():\n  a = 1\n  b\nx = 1", "def f():\n  pass\n\nx = 1", id="a function"),
    pytest.param("class A:\n  def f(self): # a\n    '''b\n    '''  # c\n\n    d\n    # e\n  x = 1",
                 "class A:\n  def f(self): # a\n    pass\n\n\n\n    # e\n  x = 1", id="a method"),
    pytest.param("async def f():\n  g()\ndef g():\n  f()", "async def f():\n  pass\ndef g():\n  pass", id="of each other"),
    pytest.param("import a\n@property\ndef f():\n  g()\n@a.b(1)\ndef f():\n  g()",
                 "import a\n@property\ndef f():\n  pass\n@a.b(1)\ndef f():\n  pass", id="decorators of others"),
    pytest.param("def f():\n  if a:\n    def g():\n      b\n  c", "def f():\n  pass\n\n\n", id="a function in a function"),
    pytest.param("def f():\n  a\nf()", None, id="called"),
    pytest.param("def f():\n  g\nx = [f]\ndef g():\n  a", None, id="called by one that is called"),
    pytest.param("def f():\n  import a", None, id="imports"),
    pytest.param("def f():\n  global a\n  a = b", None, id="binds another's name"),
    pytest.param("class A:\n  def __init__(self):\n    self.f()\n  def f(self):\n    a", None, id="a constructor"),
    pytest.param("def a(f):\n  f()\n@a\n@property\ndef f():\n  b", None, id="decorated by the file's own"),
    pytest.param("a = b\n@a\ndef f():\n  b", None, id="decorated by what may be its own"),
    pytest.param("def f(): a; b", None, id="on one line"),
    pytest.param("def f():\n  import_module('a')", None, id="imports by a call"),
])  # fmt: skip
def test_what_libcst_need_not_read(source: str, expected: str | None) -> None:
    assert without_uncalled(source, parse(source), ANY) == (source if expected is None else expected)
    assert analyze_by_libcst(source, ANY, parse(source)) == analyze_by_libcst(source, ANY)


@pytest.mark.parametrize(("source", "expected"), [
    pytest.param("def f():\n  a = 1\n  import b\n  b.c(\n    a)", "def f():\n  pass\n  import b\n  pass\n", id="statements"),
    pytest.param("def f():\n  import a\n  a.b\nf()", None, id="called while the file loads"),
    pytest.param("def f():\n  a\nf()", "def f():\n  pass\nf()", id="called, and leads to nothing"),
    pytest.param("def f():\n  try:\n    import a\n  except B:\n    c\n  else:\n    d; e",
                 "def f():\n  try:\n    import a\n  except B:\n    pass\n  else:\n    pass", id="blocks"),
    pytest.param("def f():\n  if a:\n    import b\n  elif c:\n    d\n  else:\n    e",
                 "def f():\n  if a:\n    import b\n  pass\n\n\n", id="branches"),
    pytest.param("def f():\n  a = 'b'\n  c = 'd'\n  import_module(a)", "def f():\n  a = 'b'\n  pass\n  import_module(a)",
                 id="what a call imports"),
    pytest.param("from importlib import import_module as i\nj = i\ndef f(x):\n  a\n  j(x)\ndef g():\n  f('b')\n  c",
                 "from importlib import import_module as i\nj = i\ndef f(x):\n  pass\n  j(x)\ndef g():\n  f('b')\n  pass",
                 id="calls under other names"),
    pytest.param("def f():\n  import a; b\n  c;\\\n  d; import e", None, id="on lines of others"),
])  # fmt: skip
def test_what_a_long_file_keeps(source: str, expected: str | None) -> None:
    assert without_unimporting(source, parse(source), ANY) == (source if expected is None else expected)
    shorter = analyze_by_libcst(source if expected is None else expected, ANY)
    assert shorter.sites == analyze_by_libcst(source, ANY).sites


def test_called_from_outside() -> None:
    source = "class A:\n  def f(self):\n    a"
    assert without_uncalled(source, parse(source), Target(called=frozenset({"A.f"}))) == source


def test_installed_files() -> None:
    """Of most files, long ones too, libcst need not be asked, and of each it says the same."""
    files = sorted({path for key in ("purelib", "stdlib") for path in Path(sysconfig.get_path(key)).rglob("*.py")})
    random.Random(7).shuffle(files)  # noqa: S311 - a choice, no secret
    long = [path for path in files if 2**16 < path.stat().st_size < 2**17 and "test" not in path.parts]
    found = []
    for path in files[:80] + long[:6]:
        try:
            found.append(plain(decode(path.read_bytes()), Target((3, 11))) is not None)
        except MemguardError:
            continue  # files that test the parser, and those that are too much for libcst
    assert sum(found) > 0.75 * len(found)


MORE = [
    "class A:\n    def __init__(self):\n        import b\n    x = 1\n    def f(self): import c\nclass D(A): pass\n",
    "class A:\n    class B: pass\n    def __call__(self): pass\ndef f():\n    import b\nfrom c import d as e\n",
    "import a\ndef f():\n    A.g = a.h\n    import b\nclass A: pass\nclass B(A): pass\nx = A\ny = x\n",
    "from a import *\nclass A: pass\n",
    "class A: pass\nif __name__ == '__main__':\n    def f():\n        import b\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import A\nclass B(A): pass\ndef f(): B().g()\n",
    "import a\nclass A(a.Base): pass\ntry:\n    from b import g\nexcept ImportError:\n    g = None\nz = {'A': A}\n",
]
"""Sources of which others call more and more."""


@pytest.mark.parametrize("source", MORE)
def test_more_calls_from_outside_say_the_same_as_all_at_once(source: str) -> None:
    names = [head + rest for head in ("A", "B", "D", "f", "e", "g", "x", "y", "z", "a", "none")
             for rest in ("", ".f", ".x", ".g", ".B", ".B.f", ".Field", ".__class__", ".__class__.f")]  # fmt: skip
    rng = random.Random(source)  # noqa: S311 - no secret
    for _ in range(20):
        facts, called = Facts(Store(None)), frozenset[str]()
        for _ in range(4):
            called |= frozenset(rng.sample(names, rng.randint(0, 3)))
            target = Target(called=called)
            assert facts.analysis(b"name", target, source.encode) == analyze(source.encode(), "", target)


def test_a_call_that_does_not_act_parses_nothing() -> None:
    """Most files are asked again because others name a member that a class of somebody else's gives to theirs."""
    source = "from a import Base\nclass A(Base):\n    x = 1\ndef f(): import b\n"
    read: list[bytes] = []

    def data() -> bytes:
        read.append(b"")
        return source.encode()

    facts = Facts(Store(None))
    first = facts.analysis(b"name", Target(), data)
    for called in ("A", "A.Field", "A._meta.get", "none.of.these"):
        assert facts.analysis(b"name", Target(called=frozenset({called})), data) == first
    assert len(read) == 1
    assert facts.analysis(b"name", Target(called=frozenset({"A", "f"})), data) != first
    assert len(read) == 2


def test_a_generator_that_is_made_often_is_looked_into_once() -> None:
    """6,000 calls of one of 12,000 statements took 98 seconds."""
    source = "def f():\n yield\n" + " x\n" * 3000 + "f()\n" * 3000
    module = parse(source)
    with at_most(500_000):
        assert read_plain(source, module, ANY) is not None


def test_members_that_many_classes_inherit_are_not_written_out_for_each() -> None:
    """What acts is kept for files with few names; others are not multiplied before that is seen."""
    members = "".join(f"    a{number} = 1\n" for number in range(300))
    source = f"class A:\n{members}" + "".join(f"class B{number}(A):\n    b = 1\n" for number in range(300))
    module = parse(source)
    with at_most(calls=80_000):
        found = read_plain(source, module, ANY)
    assert found is not None
    assert found[1] is None


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    def g():\n        return g\n    return g()\n\n\nf()\n",
        "class A:\n    def __init__(self):\n        self.b = lambda: self\n\n\nA().b()\n",
        "import a\n\nx = [y for y in (lambda: x, a)]\nz = (one() for one in x)\n",
        "def f(x):\n    return f(x + 1)\n\n\nf(1)\n" + "class B:\n    c = 1\n" * 3,
    ],
)
def test_no_circle_is_left_of_a_tree(source: str) -> None:
    """What only the collector frees waits for it, and it looks through all that is kept."""
    analyze_by_libcst(source, Target())
    gc.collect()
    gc.disable()
    try:
        before = _count_nodes()
        analyze_by_libcst(source, Target())
        assert _count_nodes() == before
    finally:
        gc.enable()


def _count_nodes() -> int:
    return sum(isinstance(one, (cst.CSTNode, Scope)) for one in gc.get_objects())
