"""`formats/python_nodes.py`: the nodes of a tree, as `ast` has them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from memguard_hooks.formats import python_nodes

ALL_KINDS = """\
import a.b as c, d
from . import e as f
async def g(p, /, q: int = 1, *r, s, t=2, **u) -> None:
    global v
    async with w as (x, y), z: pass
    async for i in await j: yield
    return lambda k, *, l=1, m: (yield from n)
class A(B, metaclass=C, **D):
    def h(self):
        nonlocal_ = 1
        def inner():
            nonlocal nonlocal_
            del nonlocal_
@o.p(1)
def q(): assert not a, f"{b!r:>{c}} d"
try: raise A from b
except (E, F) as e: {1: 2, **a, 'c': 3}
else: [*a, *(b for b in c if d)]
finally: a[1:2, ...] @= {d: e for d in e}
while a and b or c < d in e is not None: a = b if c else d; b: int = 1; (x := 2)
match a:
    case None | True | 1 | -1.5 | "b" | c.d: pass
    case [1, *rest] | {"k": v, **rest} | A(1, b=2) as whole if d: pass
    case _: pass
"""


def _expected(node: ast.AST) -> list[ast.AST]:
    return [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr_context)]


def _texts() -> list[str]:
    newer = "type X[T: int, *U, **V] = T\ndef f[T](): pass\n" if sys.version_info >= (3, 12) else ""
    library = Path(ast.__file__).parent
    return [ALL_KINDS, newer, *((library / name).read_text("utf-8") for name in ("ast.py", "typing.py", "inspect.py"))]


@pytest.mark.parametrize("text", _texts())
def test_all_nodes_are_walked_as_ast_walks_them(text: str) -> None:
    tree = ast.parse(text)
    expected = [one for one in ast.walk(tree) if not isinstance(one, ast.expr_context)]
    assert [*python_nodes.walk(tree)] == expected
    assert all(python_nodes.children(one) == _expected(one) for one in expected)
