"""What the analysis calls eager, case by case, each checked against the real interpreter.

A case imports modules named `hot_…` and `cold_…`: the first are loaded when the case is imported, the
others are not. The analysis must say so, and so must a fresh interpreter that imports the case with these
modules in place. Where the analysis says otherwise on purpose, the case is among `LIMITS`, with the reason.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import libcst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider
from work import at_most

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_tokens import scan
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.model import Analysis, ImportSite, Target
from memguard_hooks.imports.places import MAX_SEARCHES, NodePlaces

HOST = (sys.version_info.major, sys.version_info.minor)
MARKER = re.compile(r"\b(?:hot|cold)_\w+")


class Case(NamedTuple):
    """One source, and how it is loaded. It means what it means from Python `since` on and below `before`."""

    source: str
    since: tuple[int, int] | None = None
    before: tuple[int, int] | None = None
    is_main: bool = False
    lazy_all: bool = False

    @property
    def code(self) -> bytes:
        """The source as it stands in the file."""
        return dedent(self.source).lstrip().encode()

    @property
    def target(self) -> Target:
        """What the analysis is told."""
        python = self.since or (self.before and (self.before[0], self.before[1] - 1)) or HOST
        return Target(python, is_main=self.is_main, lazy_all=self.lazy_all)

    @property
    def runs_here(self) -> bool:
        """Whether the interpreter that runs the tests can judge the case."""
        return (self.since or HOST) <= HOST and (self.before is None or self.before > HOST)


CASES = {
    # Statements
    "import": Case("import hot_a"),
    "import of a submodule": Case("import hot_p.hot_sub"),
    "import as": Case("import hot_a as a"),
    "several in one statement": Case("import hot_a, hot_b as b"),
    "from": Case("from hot_a import value"),
    "from, a submodule": Case("from hot_p import hot_sub"),
    "from, star": Case("from hot_a import *"),
    "after a semicolon": Case("x = 1; import hot_a; import hot_b"),
    "on the line of a compound statement": Case(
        """
            if True: import hot_a
            else: import cold_a
        """,
    ),
    "a function body": Case(
        """
            def f():
                import cold_a
        """,
    ),
    "a nested function body": Case(
        """
            def f():
                def g():
                    import cold_a
                g()
        """,
    ),
    "a class body": Case(
        """
            class A:
                import hot_a
        """,
    ),
    "a class in a class": Case(
        """
            class A:
                class B:
                    import hot_a
        """,
    ),
    "a class in a function": Case(
        """
            def f():
                class A:
                    import cold_a
        """,
    ),
    "a method": Case(
        """
            class A:
                def f(self):
                    import cold_a
        """,
    ),
    "if and else of an unknown condition": Case(
        """
            import os
            if os.sep:
                import hot_a
            else:
                pass
        """,
    ),
    "elif of an unknown condition": Case(
        """
            import os
            if not os.sep:
                pass
            elif os.sep:
                import hot_a
        """,
    ),
    "if False": Case(
        """
            if False:
                import cold_a
            else:
                import hot_a
        """,
    ),
    "if 0 and elif 1": Case(
        """
            if 0:
                import cold_a
            elif 1:
                import hot_a
            else:
                import cold_b
        """,
    ),
    "while with a break": Case(
        """
            while True:
                import hot_a
                break
            else:
                pass
        """,
    ),
    "while False": Case(
        """
            while False:
                import cold_a
            else:
                import hot_a
        """,
    ),
    "for": Case(
        """
            for _ in (1, 2):
                import hot_a
            else:
                import hot_b
        """,
    ),
    "for in a function": Case(
        """
            def f():
                for _ in (1, 2):
                    import cold_a
        """,
    ),
    "try and finally": Case(
        """
            try:
                import hot_a
            finally:
                import hot_b
        """,
    ),
    "try, except, else": Case(
        """
            try:
                import missing
            except ImportError:
                import hot_a
            try:
                pass
            except KeyError:
                raise
            else:
                import hot_b
        """,
    ),
    "try in a function": Case(
        """
            def f():
                try:
                    import cold_a
                except ImportError:
                    import cold_b
        """,
    ),
    "except star": Case(
        """
            try:
                raise ExceptionGroup('', [ValueError()])
            except* ValueError:
                import hot_a
        """,
        since=(3, 11),
    ),
    "with": Case(
        """
            import contextlib
            with contextlib.suppress(ImportError):
                import hot_a
        """,
    ),
    "with in a function": Case(
        """
            import contextlib
            def f():
                with contextlib.suppress(ImportError):
                    import cold_a
        """,
    ),
    "match": Case(
        """
            match 1:
                case 1:
                    import hot_a
        """,
    ),
    "match in a function": Case(
        """
            def f(x):
                match x:
                    case {'a': [b, *c], **d} | f.c([b, *c], d=d):
                        import cold_a
        """,
    ),
    # Ends
    "behind a return": Case(
        """
            def f():
                import hot_a
                return
                import cold_a
            f()
        """,
    ),
    "behind a raise": Case(
        """
            def f(x):
                import hot_a
                raise ValueError(x)
                import cold_a
            try:
                f(1)
            except ValueError:
                import hot_b
        """,
    ),
    "behind a raise in a branch": Case(
        """
            def f(x):
                if x:
                    raise ValueError(x)
                    import cold_a
                import hot_a
            f(0)
        """,
    ),
    "behind branches that all end": Case(
        """
            def f(x):
                if x:
                    return 1
                elif x is None:
                    raise ValueError
                else:
                    return 2
                import cold_a
            f(0)
        """,
    ),
    "behind a branch of this Python that ends": Case(
        """
            import sys
            def f():
                if sys.version_info >= (3, 8):
                    return
                import cold_a
            def g():
                if sys.version_info < (3, 8):
                    return
                import hot_a
            f(), g()
        """,
    ),
    "behind a try that ends": Case(
        """
            def f():
                try:
                    return
                except KeyError:
                    raise
                import cold_a
            def g():
                try:
                    raise KeyError
                except KeyError:
                    pass
                import hot_a
            def h():
                try:
                    return
                finally:
                    import hot_b
                import cold_b
            f(), g(), h()
        """,
    ),
    "behind a with that swallows": Case(
        """
            import contextlib
            with contextlib.suppress(KeyError):
                raise KeyError
                import cold_a
            import hot_a
        """,
    ),
    "behind a break and a continue": Case(
        """
            for x in (1, 2):
                if x == 1:
                    continue
                    import cold_a
                import hot_a
                break
                import cold_b
            import hot_b
        """,
    ),
    "behind sys.exit": Case(
        """
            import sys
            def f():
                import hot_a
                sys.exit()
                import cold_a
            try: f()
            except SystemExit: import hot_b
        """,
    ),
    "behind another exit": Case(
        """
            def exit(): pass
            exit()
            import hot_a
        """,
    ),
    "a function defined twice": Case(
        """
            def f():
                import cold_a
            def f():
                import hot_a
            f()
        """,
    ),
    "a function called between its definitions": Case(
        """
            def f():
                import hot_a
            f()
            def f():
                import hot_b
            f()
        """,
    ),
    "a function defined in branches": Case(
        """
            import os
            if os.sep == '/':
                def f():
                    import hot_a
            else:
                def f():
                    pass
            f()
        """,
    ),
    "a method defined twice": Case(
        """
            class A:
                def f(self):
                    import cold_a
                def f(self):
                    import hot_a
            A().f()
        """,
    ),
    "a class defined twice": Case(
        """
            class A:
                def f(self):
                    import cold_a
            class A:
                def f(self):
                    import hot_a
            A().f()
        """,
    ),
    "a property with a setter": Case(
        """
            class A:
                @property
                def f(self):
                    import hot_a
                @f.setter
                def f(self, value):
                    import cold_a
            A().f
        """,
    ),
    # Definitions
    "a plain decorator": Case(
        """
            def deco(f):
                import hot_a
                return f
            @deco
            def g():
                import cold_a
        """,
    ),
    "a decorator factory": Case(
        """
            def factory(x):
                import hot_a
                def deco(f):
                    import hot_b
                    return f
                return deco
            @factory(1)
            def g():
                import cold_a
        """,
    ),
    "a wrapper that nobody calls": Case(
        """
            def deco(f):
                def wrapper():
                    import cold_a
                    return f()
                return wrapper
            @deco
            def g():
                import cold_b
        """,
    ),
    "a wrapper that is called": Case(
        """
            def deco(f):
                def wrapper():
                    import hot_a
                    return f()
                return wrapper
            @deco
            def g():
                import hot_b
            g()
        """,
    ),
    "a decorator that calls": Case(
        """
            def now(f):
                f()
            @now
            def g():
                import hot_a
        """,
    ),
    "a decorator of a class": Case(
        """
            def deco(c):
                import hot_a
                return c
            @deco
            class A:
                import hot_b
        """,
    ),
    "a class as a decorator": Case(
        """
            class deco:
                def __init__(self, f):
                    import hot_a
                def __call__(self):
                    import cold_a
            @deco
            def g():
                import cold_b
        """,
    ),
    "a decorator's expression": Case(
        """
            @[lambda f: f, __import__('hot_a')][0]
            def g():
                import cold_a
        """,
    ),
    "a decorator from elsewhere": Case(
        """
            import functools
            @functools.lru_cache
            def g():
                import cold_a
        """,
    ),
    "a cached function that is called": Case(
        """
            import functools
            @functools.lru_cache
            def g():
                import hot_a
            g()
        """,
    ),
    "a decorator in a function": Case(
        """
            def deco(f):
                import cold_a
            def g():
                @deco
                def h():
                    pass
        """,
    ),
    "a default": Case(
        """
            def load():
                import hot_a
            def g(x=load(), *, y=__import__('hot_b')):
                import cold_a
        """,
    ),
    "a default of a lambda": Case("g = lambda x=__import__('hot_a'): __import__('cold_a')"),
    "a default in a function": Case(
        """
            def f():
                def g(x=__import__('cold_a')):
                    pass
        """,
    ),
    "a base": Case(
        """
            class A(__import__('hot_a').Base):
                pass
        """,
    ),
    "a base in a function": Case(
        """
            def f():
                class A(__import__('cold_a').Base):
                    pass
        """,
    ),
    "a metaclass": Case(
        """
            class Meta(type):
                def __new__(m, *a):
                    import hot_a
                    return type.__new__(m, *a)
                def __init__(c, *a):
                    import hot_b
                def __call__(c):
                    import cold_a
            class A(metaclass=Meta):
                pass
        """,
    ),
    "an inherited metaclass": Case(
        """
            class Meta(type):
                def __init__(c, *a):
                    import hot_a
                def __call__(c):
                    import hot_b
            class A(metaclass=Meta):
                pass
            class B(A):
                pass
            B()
        """,
    ),
    "a metaclass without classes": Case(
        """
            class Meta(type):
                def __new__(m, *a):
                    import cold_a
        """,
    ),
    "__init_subclass__": Case(
        """
            class A:
                def __init_subclass__(cls):
                    import hot_a
            class B(A):
                pass
        """,
    ),
    "__init_subclass__ without subclass": Case(
        """
            class A:
                def __init_subclass__(cls):
                    import cold_a
        """,
    ),
    "__set_name__": Case(
        """
            class D:
                def __set_name__(self, owner, name):
                    import hot_a
            class A:
                d = D()
        """,
    ),
    "__class_getitem__": Case(
        """
            class A:
                def __class_getitem__(cls, x):
                    import hot_a
            A[int]
        """,
    ),
    # Annotations
    "annotations, evaluated": Case(
        """
            x: __import__('hot_a') = 1
            def f(x: __import__('hot_b')) -> __import__('hot_c'): pass
            class A:
                x: __import__('hot_d')
        """,
        before=(3, 14),
    ),
    "annotations, from 3.14": Case(
        """
            x: __import__('cold_a') = 1
            def f(x: __import__('cold_b')) -> __import__('cold_c'): pass
            class A:
                x: __import__('cold_d')
        """,
        since=(3, 14),
    ),
    "annotations of the future": Case(
        """
            from __future__ import annotations
            x: __import__('cold_a') = 1
            def f(x: __import__('cold_b')) -> __import__('cold_c'): pass
        """,
    ),
    "an annotation in a function": Case(
        """
            def f():
                x: __import__('cold_a') = 1
            f()
        """,
    ),
    "the value of an annotated name": Case("x: int = __import__('hot_a')"),
    "a type alias": Case("type T = __import__('cold_a')", since=(3, 12)),
    # Expressions
    "a list comprehension": Case("[__import__('hot_a') for _ in (1,) if __import__('hot_b')]"),
    "a set and a dict comprehension": Case(
        """
            {__import__('hot_a') for _ in (1,)}
            {1: __import__('hot_b') for _ in (1,)}
        """,
    ),
    "a comprehension in a function": Case(
        """
            def f():
                return [__import__('cold_a') for _ in (1,)]
        """,
    ),
    "a generator that is not run": Case("g = (__import__('cold_a') for _ in (1,))"),
    "the first source of a generator": Case("g = (x for x in [__import__('hot_a')] for y in [__import__('cold_a')])"),
    "a generator that is run": Case("list(__import__('hot_a') for _ in (1,))"),
    "a generator joined, and one in a for": Case(
        """
            ','.join(__import__('hot_a').__name__ for _ in (1,))
            for x in (__import__('hot_b') for _ in (1,)): pass
        """,
    ),
    "a generator under a name": Case(
        """
            g = (__import__('hot_a') for _ in (1,))
            for x in g: pass
        """,
    ),
    "a lambda": Case("f = lambda: __import__('cold_a')"),
    "a lambda that is called": Case(
        """
            f = lambda: __import__('hot_a')
            f()
            (lambda: __import__('hot_b'))()
        """,
    ),
    "a conditional expression": Case("x = __import__('hot_a') if True else __import__('cold_a')"),
    "and, or": Case(
        """
            True and __import__('hot_a')
            False and __import__('cold_a')
            True or __import__('cold_b')
        """,
    ),
    "a walrus": Case("if (m := __import__('hot_a')): pass"),
    "an f-string": Case(
        """
            x = f"{__import__('hot_a')!r:{__import__('hot_b').value}}"
            f = lambda: f"{__import__('cold_a')}"
        """,
    ),
    "assert, del, return, raise": Case(
        """
            assert __import__('hot_a')
            def f():
                return __import__('cold_a')
        """,
    ),
    # Calls
    "a call": Case(
        """
            def f():
                import hot_a
            f()
        """,
    ),
    "a call through another function": Case(
        """
            def f():
                import hot_a
            def g():
                f()
            g()
        """,
    ),
    "a call of a later function": Case(
        """
            def g():
                f()
            def f():
                import hot_a
            g()
        """,
    ),
    "a call from a function that nobody calls": Case(
        """
            def f():
                import cold_a
            def g():
                f()
        """,
    ),
    "a call in a class body": Case(
        """
            def f():
                import hot_a
            class A:
                x = f()
        """,
    ),
    "a call in an argument": Case(
        """
            def f():
                import hot_a
            print(f(), end='')
        """,
    ),
    "a call in a condition": Case(
        """
            def f():
                import hot_a
            if f(): pass
            while f(): pass
        """,
    ),
    "a nested function": Case(
        """
            def f():
                def g():
                    import hot_a
                def h():
                    import cold_a
                g()
            f()
        """,
    ),
    "a function that is returned": Case(
        """
            def f():
                def g():
                    import hot_a
                return g
            h = f()
            h()
        """,
    ),
    "a function returned and not called": Case(
        """
            def f():
                def g():
                    import cold_a
                return g
            h = f()
        """,
    ),
    "recursion": Case(
        """
            def f(n):
                import hot_a
                if n: f(n - 1)
            f(3)
        """,
    ),
    "a function under another name": Case(
        """
            def f():
                import hot_a
            g = h = f
            h()
        """,
    ),
    "a function as an argument": Case(
        """
            def call(f):
                f()
            def g():
                import hot_a
            call(g)
        """,
    ),
    "a function as an argument by name": Case(
        """
            def call(*, hook=None):
                hook()
            def g():
                import hot_a
            call(hook=g)
        """,
    ),
    "a function that is registered": Case(
        """
            import atexit
            hooks = []
            def g():
                import cold_a
            hooks.append(g)
            atexit.register(g); atexit.unregister(g)
        """,
    ),
    "a function in a table": Case(
        """
            def g():
                import hot_a
            TABLE = {'g': g}
            TABLE['g']()
        """,
    ),
    "a default that is called": Case(
        """
            def g():
                import hot_a
            def f(hook=g):
                hook()
            f()
        """,
    ),
    "functools.partial": Case(
        """
            import functools
            def f(x):
                import hot_a
            def g(x):
                import cold_a
            functools.partial(f, 1)()
            h = functools.partial(g, 1)
        """,
    ),
    "map": Case(
        """
            def f(x):
                import hot_a
            def g(x):
                import cold_a
            list(map(f, [1]))
            m = map(g, [1])
        """,
    ),
    "sorted with a key": Case(
        """
            def f(x):
                import hot_a
                return x
            sorted([2, 1], key=f)
        """,
    ),
    "a thread": Case(
        """
            import threading
            def f():
                import hot_a
            def g():
                import cold_a
            t = threading.Thread(target=f)
            t.start(); t.join()
            u = threading.Thread(target=g)
        """,
    ),
    "a shadowed name": Case(
        """
            def f():
                import cold_a
            def g(f):
                f()
            g(print)
        """,
    ),
    "global": Case(
        """
            hook = None
            def f():
                import hot_a
            def setup():
                global hook
                hook = f
            setup()
            hook()
        """,
    ),
    "a constructor": Case(
        """
            class A:
                def __init__(self):
                    import hot_a
                def f(self):
                    import cold_a
            A()
        """,
    ),
    "an inherited constructor": Case(
        """
            class A:
                def __init__(self):
                    import hot_a
            class B(A): pass
            B()
        """,
    ),
    "super": Case(
        """
            class A:
                def __init__(self):
                    import hot_a
            class B(A):
                def __init__(self):
                    super().__init__()
            B()
        """,
    ),
    "__new__": Case(
        """
            class A:
                def __new__(cls):
                    import hot_a
            A()
        """,
    ),
    "__post_init__": Case(
        """
            import dataclasses
            @dataclasses.dataclass
            class A:
                def __post_init__(self):
                    import hot_a
            A()
        """,
    ),
    "a constructor that nobody calls": Case(
        """
            class A:
                def __init__(self):
                    import cold_a
            def f(): A()
        """,
    ),
    "a method of an instance": Case(
        """
            class A:
                def f(self):
                    import hot_a
            a = A()
            a.f()
        """,
    ),
    "a method through self": Case(
        """
            class A:
                def f(self):
                    self.g()
                def g(self):
                    import hot_a
            A().f()
        """,
    ),
    "a method that a subclass replaces": Case(
        """
            class A:
                def __init__(self):
                    self.f()
                def f(self):
                    import cold_a
            class B(A):
                def f(self):
                    import hot_a
            B()
        """,
    ),
    "an instance in an attribute": Case(
        """
            class A:
                def f(self):
                    import hot_a
            class B:
                def __init__(self):
                    self.a = A()
            B().a.f()
        """,
    ),
    "a classmethod and a staticmethod": Case(
        """
            class A:
                @classmethod
                def f(cls):
                    import hot_a
                    cls.g()
                @staticmethod
                def g():
                    import hot_b
            A.f()
        """,
    ),
    "a classmethod that nobody calls": Case(
        """
            class A:
                @classmethod
                def f(cls):
                    import cold_a
        """,
    ),
    "a property": Case(
        """
            class A:
                @property
                def f(self):
                    import hot_a
                @property
                def g(self):
                    import cold_a
            A().f
            A.g
        """,
    ),
    "__getattr__ of an instance": Case(
        """
            class A:
                def __getattr__(self, name):
                    import hot_a
                    return 1
            A().anything
        """,
    ),
    "__enter__ and __exit__": Case(
        """
            class A:
                def __enter__(self):
                    import hot_a
                def __exit__(self, *a):
                    import hot_b
            with A(): pass
        """,
    ),
    "__enter__ that nobody calls": Case(
        """
            class A:
                def __enter__(self):
                    import cold_a
            A()
        """,
    ),
    "what __enter__ returns": Case(
        """
            class B:
                def f(self):
                    import hot_a
            class A:
                def __enter__(self):
                    return B()
                def __exit__(self, *a): pass
            with A() as b:
                b.f()
        """,
    ),
    "a context manager of a generator": Case(
        """
            import contextlib
            @contextlib.contextmanager
            def f():
                import hot_a
                yield
            @contextlib.contextmanager
            def g():
                import cold_a
                yield
            with f(): pass
            g()
        """,
    ),
    "__call__": Case(
        """
            class A:
                def __call__(self):
                    import hot_a
            A()()
            a = A()
            a()
        """,
    ),
    "__call__ that nobody calls": Case(
        """
            class A:
                def __call__(self):
                    import cold_a
            a = A()
        """,
    ),
    "__iter__ and __getitem__": Case(
        """
            class A:
                def __iter__(self):
                    import hot_a
                    return iter(())
                def __getitem__(self, i):
                    import hot_b
            for x in A(): pass
            A()[0]
        """,
    ),
    # Generators and coroutines
    "a generator function": Case(
        """
            def f():
                import cold_a
                yield
            f()
        """,
    ),
    "a generator function in a for": Case(
        """
            def f():
                import hot_a
                yield
            for x in f(): pass
        """,
    ),
    "a generator function, consumed": Case(
        """
            def f():
                import hot_a
                yield
            g = f()
            next(g)
            def h():
                yield from k()
            def k():
                import hot_b
                yield
            list(h())
        """,
    ),
    "a starred generator": Case(
        """
            def f():
                import hot_a
                yield 1
            print(*f(), end='')
            x, *y = f()
        """,
    ),
    "a coroutine that is not run": Case(
        """
            async def f():
                import cold_a
            f().close()
        """,
    ),
    "asyncio.run": Case(
        """
            import asyncio
            async def f():
                import hot_a
                await g()
            async def g():
                import hot_b
            async def h():
                import cold_a
            asyncio.run(f())
        """,
    ),
    "asyncio.run of a variable": Case(
        """
            import asyncio
            async def f():
                import hot_a
            c = f()
            asyncio.run(c)
        """,
    ),
    "run_until_complete and gather": Case(
        """
            import asyncio
            async def f():
                import hot_a
            async def g():
                await asyncio.gather(f())
            loop = asyncio.new_event_loop()
            loop.run_until_complete(g()); loop.close()
        """,
    ),
    "async with and async for": Case(
        """
            import asyncio
            class A:
                async def __aenter__(self):
                    import hot_a
                async def __aexit__(self, *a):
                    import hot_b
            async def gen():
                import hot_c
                yield 1
            async def f():
                async with A():
                    async for x in gen(): pass
            asyncio.run(f())
        """,
    ),
    "asyncio.run in a function": Case(
        """
            import asyncio
            async def f():
                import cold_a
            def g():
                asyncio.run(f())
        """,
    ),
    # Conditions
    "TYPE_CHECKING": Case(
        """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import cold_a
            else:
                import hot_a
        """,
    ),
    "TYPE_CHECKING, attribute": Case(
        """
            import typing
            if typing.TYPE_CHECKING:
                import cold_a
            import hot_a
        """,
    ),
    "TYPE_CHECKING, alias of the module": Case(
        """
            import typing as t
            if t.TYPE_CHECKING:
                import cold_a
            import hot_a
        """,
    ),
    "TYPE_CHECKING, alias of the name": Case(
        """
            from typing import TYPE_CHECKING as TC
            if TC:
                import cold_a
        """,
    ),
    "TYPE_CHECKING, assigned": Case(
        """
            TYPE_CHECKING = False
            if TYPE_CHECKING:
                import cold_a
        """,
    ),
    "TYPE_CHECKING, star": Case(
        """
            from typing import *
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import cold_a
        """,
    ),
    "not TYPE_CHECKING": Case(
        """
            from typing import TYPE_CHECKING
            if not TYPE_CHECKING:
                import hot_a
            else:
                import cold_a
        """,
    ),
    "TYPE_CHECKING or": Case(
        """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING or False:
                import cold_a
            if TYPE_CHECKING or True:
                import hot_a
        """,
    ),
    "TYPE_CHECKING and unknown": Case(
        """
            from typing import TYPE_CHECKING
            import os
            if TYPE_CHECKING and os.sep:
                import cold_a
            if os.sep and not TYPE_CHECKING:
                import hot_a
        """,
    ),
    "a call under TYPE_CHECKING": Case(
        """
            from typing import TYPE_CHECKING
            def f():
                import cold_a
            if TYPE_CHECKING:
                f()
                class A:
                    import cold_b
                def g(x=__import__('cold_c')):
                    import cold_d
        """,
    ),
    "sys.platform": Case(
        """
            import sys
            if sys.platform == "win32":
                import cold_a
            elif sys.platform != "darwin":
                import hot_a
            def f():
                if sys.platform == "linux":
                    import cold_b
        """,
    ),
    "sys.platform, aliases": Case(
        """
            import sys as s
            from sys import platform as p
            if p.startswith("win") or s.platform == "cygwin":
                import cold_a
            else:
                import hot_a
        """,
    ),
    "os.name": Case(
        """
            import os
            from os import name as n
            if os.name == "nt":
                import cold_a
            if n == "posix":
                import hot_a
        """,
    ),
    "try and except ImportError": Case(
        """
            try:
                import hot_a
            except ImportError:
                hot_a = None
            def f():
                try:
                    import cold_a
                except ImportError:
                    pass
        """,
    ),
    "aliases of aliases": Case(
        """
            import importlib as i
            load = i.import_module
            again = load
            again("hot_a")
            def f():
                again("cold_a")
        """,
    ),
    "sys.version_info": Case(
        """
            import sys
            if sys.version_info >= (3, 8):
                import hot_a
            else:
                import cold_a
        """,
    ),
    "sys.version_info, the target's": Case(
        """
            import sys
            if sys.version_info >= (3, 12):
                import cold_a
            elif sys.version_info < (3, 12):
                import hot_a
        """,
        before=(3, 12),
    ),
    "sys.version_info, elements": Case(
        """
            import sys
            if sys.version_info[0] == 2:
                import cold_a
            if sys.version_info.major >= 3:
                import hot_a
            if sys.version_info[:2] < (3, 8):
                import cold_b
        """,
    ),
    "sys.version_info, imported": Case(
        """
            from sys import version_info as v
            if v < (3,):
                import cold_a
            else:
                import hot_a
        """,
    ),
    "__name__, imported": Case(
        """
            def main():
                import cold_a
            if __name__ == '__main__':
                import cold_b
                main()
            else:
                import hot_a
        """,
    ),
    "__name__, run": Case(
        """
            def main():
                import hot_a
            if __name__ == '__main__':
                import hot_b
                main()
            else:
                import cold_a
        """,
        is_main=True,
    ),
    "__name__, the other way round": Case(
        """
            if '__main__' != __name__:
                import hot_a
            else:
                import cold_a
        """,
    ),
    # Imports by call
    "import_module": Case(
        """
            import importlib
            importlib.import_module('hot_a')
            def f():
                importlib.import_module('cold_a')
        """,
    ),
    "import_module, aliases": Case(
        """
            import importlib as il
            from importlib import import_module as im
            load = il.import_module
            il.import_module('hot_a'); im('hot_b'); load('hot_c')
            def f():
                im('cold_a')
        """,
    ),
    "import_module, star": Case(
        """
            from importlib import *
            import_module('hot_a')
        """,
    ),
    "import_module by keyword": Case(
        """
            import importlib
            importlib.import_module(name='hot_a')
        """,
    ),
    "import_module, relative": Case(
        """
            import importlib
            importlib.import_module('.hot_sub', 'hot_p')
        """,
    ),
    "__import__": Case(
        """
            __import__('hot_a')
            f = __import__
            f('hot_b')
            import builtins
            builtins.__import__('hot_c')
            def g():
                __import__('cold_a')
        """,
    ),
    "__import__ with a list": Case(
        """
            __import__('hot_p', fromlist=['hot_sub'])
            __import__('hot_q.hot_sub')
        """,
    ),
    "a constant name": Case(
        """
            import importlib
            NAME = 'hot_a'
            importlib.import_module(NAME)
            PART = 'hot_' 'b'
            importlib.import_module(PART)  # hot_b
            def f(x='cold_a'):
                importlib.import_module(x)
        """,
    ),
    "a name with an escape": Case(r"__import__('\x68ot_a')  # hot_a"),
    "a name as an argument": Case(
        """
            import importlib
            def load(name):
                return importlib.import_module(name)
            load('hot_a')
            load(name='hot_b')
        """,
    ),
    "names in a list": Case(
        """
            import importlib
            for name in ('hot_a', 'hot_b'):
                importlib.import_module(name)
            [importlib.import_module(x) for x in ['hot_c']]
        """,
    ),
    "a function called import_module": Case(
        """
            def import_module(name): pass
            import_module('a')
            def f():
                import cold_a
        """,
    ),
    # Proxies
    "a lazy proxy": Case(
        """
            class LazyImporter:
                def __init__(self, name):
                    self.name = name
                    self.module = None
                def __getattr__(self, name):
                    if self.module is None:
                        self.module = __import__(self.name)
                    return getattr(self.module, name)
            cold_a = LazyImporter('cold_a')
            hot_a = LazyImporter('hot_a')
            def f():
                cold_a.value
            hot_a.value
        """,
    ),
    "a lazy proxy that is passed on": Case(
        """
            class Lazy:
                def __init__(self, name):
                    self.__dict__['name'] = name
                def __getattr__(self, name):
                    return __import__(self.name)
            cold_a = Lazy('cold_a')
            ALL = [cold_a]
        """,
    ),
    "module __getattr__": Case(
        """
            def __getattr__(name):
                if name == 'a':
                    import cold_a
                    return cold_a
                raise AttributeError(name)
        """,
    ),
    "module __getattr__ that is called": Case(
        """
            def __getattr__(name):
                import hot_a
                return getattr(hot_a, name)
            value = __getattr__('value')
        """,
    ),
    "importlib.util.LazyLoader": Case(
        """
            import importlib.util, sys
            def lazy_import(name, *, is_kept):
                spec = importlib.util.find_spec(name)
                spec.loader = importlib.util.LazyLoader(spec.loader)
                module = importlib.util.module_from_spec(spec)
                if is_kept:
                    sys.modules[name] = module
                spec.loader.exec_module(module)
                return module
            cold_a = lazy_import('cold_a', is_kept=False)
            hot_a = lazy_import('hot_a', is_kept=True)
            hot_a.value
        """,
    ),
    # Lazy imports of 3.15
    "lazy import": Case(
        """
            lazy import cold_a
            lazy from cold_b import value
            import hot_a
            def f():
                cold_a.value
        """,
        since=(3, 15),
    ),
    "lazy import, used": Case(
        """
            lazy import hot_a
            lazy import cold_a
            print(hot_a.value, end='')
        """,
        since=(3, 15),
    ),
    "lazy from, used": Case(
        """
            lazy from hot_a import value, Base
            lazy from cold_a import value as v
            class A(Base): pass
        """,
        since=(3, 15),
    ),
    "lazy import, used by a function that is called": Case(
        """
            lazy import hot_a
            def f():
                return hot_a.value
            f()
        """,
        since=(3, 15),
    ),
    "lazy import, name bound again": Case(
        """
            lazy import cold_a
            cold_a = None
        """,
        since=(3, 15),
    ),
    "__lazy_modules__": Case(
        """
            __lazy_modules__ = ['cold_a', 'cold_b', 'hot_b']
            import cold_a
            from cold_b import value
            import hot_a
            import hot_b
            hot_b.value
        """,
        since=(3, 15),
    ),
    "__lazy_modules__ before 3.15": Case(
        """
            __lazy_modules__ = ['hot_a']
            import hot_a
        """,
        before=(3, 15),
    ),
    "__lazy_modules__ in a class and in a try": Case(
        """
            __lazy_modules__ = ['hot_a', 'hot_b']
            class A:
                import hot_a
            try:
                import hot_b
            except ImportError: pass
        """,
        since=(3, 15),
    ),
    "PYTHON_LAZY_IMPORTS=all": Case(
        """
            import cold_a
            from cold_b import value
            if True:
                import cold_c
            import hot_a
            hot_a.value
        """,
        since=(3, 15),
        lazy_all=True,
    ),
    "PYTHON_LAZY_IMPORTS=all, not these": Case(
        """
            from hot_a import *
            try:
                import hot_b
            finally: pass
            class A:
                import hot_c
            def f():
                import hot_d
            f()
            import contextlib
            with contextlib.suppress(KeyError):
                import hot_e
        """,
        since=(3, 15),
        lazy_all=True,
    ),
}


class Limit(NamedTuple):
    """A source on which the analysis is wrong on purpose: what it says is eager, what is really loaded, and why."""

    source: str
    eager: tuple[str, ...]
    loaded: tuple[str, ...]
    why: str


LIMITS = {
    "a handler that does not run": Limit(
        """
            try:
                import m_a
            except ImportError:
                import m_b
        """,
        ("m_a", "m_b"),
        ("m_a",),
        "whether an import fails is known only where the app is installed",
    ),
    "an unknown condition": Limit(
        """
            import os
            if os.environ.get('NO_SUCH_NAME'):
                import m_a
        """,
        ("m_a",),
        (),
        "the environment of the host is not known",
    ),
    "an empty loop": Limit(
        """
            for _ in ():
                import m_a
        """,
        ("m_a",),
        (),
        "how often a loop runs is seldom known",
    ),
    "another case of a match": Limit(
        """
            match 1:
                case 2:
                    import m_a
        """,
        ("m_a",),
        (),
        "patterns are not judged",
    ),
    "a function assigned anew": Limit(
        """
            def f():
                import m_a
            def g():
                import m_b
            f = g
            f()
        """,
        ("m_a", "m_b"),
        ("m_b",),
        "names stand for all that is assigned to them: a decorator by hand (`f = cached(f)`) is more common",
    ),
    "exec": Limit("exec('import m_a')", (), ("m_a",), "code in strings is not read"),
    "runpy": Limit(
        """
            import runpy
            runpy.run_module('m_a')
        """,
        ("m_a",),
        (),
        "runpy leaves nothing in sys.modules, but the code runs, and imports what it imports",
    ),
    "an operator": Limit(
        """
            class A:
                def __add__(self, other):
                    import m_a
            A() + 1
        """,
        (),
        ("m_a",),
        "operators are not followed",
    ),
    "getattr": Limit(
        """
            import importlib
            getattr(importlib, 'import_module')('m_a')
        """,
        (),
        ("m_a",),
        "attributes by computed names are not followed",
    ),
    "a callback in a list": Limit(
        """
            def f():
                import m_a
            hooks = []
            hooks.append(f)
            for hook in hooks: hook()
        """,
        (),
        ("m_a",),
        "what methods put into a container is not followed",
    ),
}

DRIVER = """
import importlib, runpy, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
runpy.run_path(sys.argv[1] + "/case.py", run_name="__main__") if sys.argv[2] == "main" else importlib.import_module("case")
print(*(name for name in sys.modules if name.partition("_")[0] in ("hot", "cold", "m")), file=sys.stderr)
"""


def loaded(folder: Path, source: bytes, markers: set[str], *, is_main: bool = False, lazy_all: bool = False) -> set[str]:
    """Return which of the markers a fresh interpreter has loaded once the case is imported or run."""
    (folder / "case.py").write_bytes(source)
    for name in markers:
        path = folder / name / "__init__.py" if name in ("hot_p", "hot_q") else folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("value = 1\nclass Base: pass\n", "ascii")
        if path.name == "__init__.py":
            (path.parent / "hot_sub.py").touch()
    options = ["-X", "lazy_imports=all"] if lazy_all else []
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", *options, "-c", DRIVER, str(folder), "main" if is_main else "module"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name.rpartition(".")[2] for name in done.stderr.split()}


def eager(analysis: Analysis) -> set[str]:
    """Return the names that a file imports when it is imported."""
    return names(site for site in analysis.sites if site.when == "import")


def names(sites: Iterable[ImportSite]) -> set[str]:
    """Return all parts of the names that sites import."""
    return {part for site in sites for name in (site.module, *site.names) for part in name.split(".")}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_case(case: Case, tmp_path: Path) -> None:
    markers = set(MARKER.findall(case.source))
    hot = {name for name in markers if name.startswith("hot")}
    analysis = analyze(case.code, "case.py", case.target)
    assert eager(analysis) & markers == hot
    assert names(analysis.sites) >= markers
    assert analysis.unknown == ()
    if case.runs_here:
        assert loaded(tmp_path, case.code, markers, is_main=case.is_main, lazy_all=case.lazy_all) & markers == hot


@pytest.mark.skipif(sys.platform != "linux", reason="services run on Linux, and so must what checks the case")
@pytest.mark.parametrize("condition", ["sys.platform == 'linux'", "sys.platform != 'win32'", "os.name == 'posix'",
                                       "sys.platform.startswith('linux')", "not sys.platform.startswith(('win', 'darwin'))",
                                       "sys.platform in ('linux', 'aix')", "platform.system() == 'Linux'",
                                       "sys.platform not in {'win32'}"])  # fmt: skip
def test_platform(condition: str, tmp_path: Path) -> None:
    source = f"import os, platform, sys\nif {condition}:\n    import hot_a\nelse:\n    import cold_a\n".encode()
    assert eager(analyze(source, "case.py")) & {"hot_a", "cold_a"} == {"hot_a"}
    assert loaded(tmp_path, source, {"hot_a", "cold_a"}) == {"hot_a"}


@pytest.mark.parametrize("limit", [pytest.param(limit, id=name) for name, limit in LIMITS.items()])
def test_limit(limit: Limit, tmp_path: Path) -> None:
    markers = set(re.findall(r"\bm_\w", limit.source))
    code = dedent(limit.source).lstrip().encode()
    assert eager(analyze(code, "case.py")) & markers == set(limit.eager), limit.why
    assert loaded(tmp_path, code, markers) & markers == set(limit.loaded)


def site(source: str, target: Target = Target()) -> ImportSite:  # noqa: B008 - frozen
    """Return the one site of a source that imports a marker."""
    found = [one for one in analyze(dedent(source).encode(), "case.py", target).sites if one.module.startswith("hot")]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("source", "place", "why"), [
    pytest.param("import hot_a", (1, 1, 1), "at module level", id="module level"),
    pytest.param("\n# c\nfrom hot_a import (  # c\n    x,\n)  # c\n", (3, 1, 5), "at module level", id="several lines"),
    pytest.param("if x:\n\timport hot_a", (2, 2, 2), "at module level", id="a tab"),
    pytest.param("x = '''\nimport y\n'''; import hot_a", (3, 6, 3), "at module level", id="after a long string"),
    pytest.param("try: import hot_a\nexcept E: pass", (1, 6, 1), "at module level, in try", id="in try"),
    pytest.param("try: pass\nexcept E: import hot_a", (2, 11, 2), "at module level, in except", id="in except"),
    pytest.param("import \\\n  hot_a\n", (1, 1, 2), "at module level", id="a continued line"),
    pytest.param("class A:\n    import hot_a", (2, 5, 2), "in the body of class A", id="a class"),
    pytest.param("def f(): import hot_a\nf()", (1, 10, 1), "in function f, called at module level", id="a function"),
    pytest.param("def f(): import hot_a\nclass A: x = f()", (1, 10, 1), "in function f, called in the body of class A",
                 id="a function called in a class"),
    pytest.param("def f(): import hot_a\ndef g(): f()\ng()", (1, 10, 1), "in function f, called while loading",
                 id="a function called by a function"),
    pytest.param("x = [1,\n  __import__('hot_a')]", (2, 3, 2), "at module level", id="a call"),
    pytest.param("import a; x = 'ä'; __import__('hot_a')", (1, 20, 1), "at module level", id="a call on a line with others"),
])  # fmt: skip
def test_place(source: str, place: tuple[int, int, int], why: str) -> None:
    found = site(source)
    assert (found.line, found.column, found.end_line) == place
    assert (found.when, found.why) == ("import", why)


def test_a_used_lazy_import_says_where() -> None:
    found = site("lazy import hot_a\nx = 1\nclass A(hot_a.Base): pass", Target((3, 15)))
    assert (found.line, found.used_line, found.used_column) == (1, 3, 9)
    assert (found.when, found.why) == ("import", "used at line 3 while loading")


def test_what_a_server_calls_is_eager() -> None:
    source = "def create_app():\n    import hot_a\ndef other():\n    import cold_a\n"
    found = site(source, Target(called=frozenset({"create_app"})))
    assert found.why == "in function create_app, called from outside the file"
    assert eager(analyze(source.encode(), "case.py")) == set()


def test_computed_names_are_told() -> None:
    source = (
        "import importlib, sys\nimportlib.import_module(\n  sys.argv[0])\ndef f(x):\n    __import__(x)\n__import__(f'{f}')\n"
    )
    assert analyze(source.encode(), "case.py").unknown == (
        (2, 1, "importlib.import_module( sys.argv[0])"),
        (6, 1, "__import__(f'{f}')"),
    )


@pytest.mark.parametrize(("source", "unknown"), [
    pytest.param("exec('import a')", ((1, 1, "exec('import a')"),), id="an import in exec"),
    pytest.param("exec(open('a').read())", ((1, 1, "exec(open('a').read())"),), id="a file in exec"),
    pytest.param("exec('x = 1')", (), id="no import in exec"),
    pytest.param("def f(): exec('import a')", (), id="exec in a function"),
    pytest.param("def exec(x): pass\nexec(y)", (), id="another exec"),
    pytest.param("import runpy\nrunpy.run_path('a.py')", ((2, 1, "runpy.run_path('a.py')"),), id="run_path"),
    pytest.param(
        "from importlib import util\ndef load(path):\n    return util.spec_from_file_location('a', path)\nload('a.py')\n",
        ((3, 12, "util.spec_from_file_location('a', path)"),),
        id="spec_from_file_location",
    ),
    pytest.param("import runpy, sys\nrunpy.run_module(sys.argv[1])", ((2, 1, "runpy.run_module(sys.argv[1])"),),
                 id="run_module"),
])  # fmt: skip
def test_code_that_is_not_read_is_told(source: str, unknown: tuple[tuple[int, int, str], ...]) -> None:
    assert analyze(source.encode(), "case.py").unknown == unknown


@pytest.mark.parametrize(("source", "calls"), [
    pytest.param("from .hot_a import init\ninit()", ("init",), id="a function"),
    pytest.param("from hot_a import init as start\nstart()", ("init",), id="by another name"),
    pytest.param("import hot_a.setup\nhot_a.setup.init()", ("init",), id="an attribute"),
    pytest.param("import hot_a.setup as s\ns.init()", ("init",), id="an attribute by another name"),
    pytest.param("from hot_a import setup\nsetup.init()", ("setup.init",), id="of a module"),
    pytest.param("from hot_a import *\ninit()", ("init",), id="star"),
    pytest.param("from hot_a import App\napp = App()", ("App",), id="a class"),
    pytest.param("from hot_a import task\n@task\ndef f(): pass", ("task",), id="a decorator"),
    pytest.param("from hot_a import task\n@task(1)\ndef f(): pass", ("task",), id="a decorator with arguments"),
    pytest.param("from hot_a import init\ndef f(): init()\nf()", ("init",), id="in a function that is called"),
    pytest.param("from hot_a import init\ndef f(): init()", (), id="in a function that is not called"),
    pytest.param("from hot_a import init, other\nx = other", (), id="not called"),
    pytest.param("from hot_a import init\nif __name__ == '__main__': init()", (), id="when run by itself"),
    pytest.param("def f():\n from hot_a import init\n init()\nf()", ("init",), id="imported in a function"),
    pytest.param("def f():\n from hot_a import init\n init()", (), id="imported in a function that is not called"),
])  # fmt: skip
def test_calls_of_other_files_are_told(source: str, calls: tuple[str, ...]) -> None:
    assert site(source).calls == calls


def test_what_another_file_calls_is_told_on() -> None:
    assert site("from .hot_a import init", Target(called=frozenset({"init"}))).calls == ("init",)
    assert site("from .hot_a import init").calls == ()


def test_what_a_lazy_loader_attaches_is_loaded_later() -> None:
    source = (
        "import lazy_loader as lazy\n"
        "__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules=['a'], submod_attrs={'b': ['c'], 'd.e': ['f']})\n"
    )
    sites = [one for one in analyze(source.encode(), "case.py").sites if one.module != "lazy_loader"]
    assert [(one.module, one.level, one.when, one.line) for one in sites] == [
        ("a", 1, "call", 2), ("b", 1, "call", 2), ("d.e", 1, "call", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(("source", "message"), [
    pytest.param(b"import a\ndef f(:)\n", "x.py:2: does not parse: expected one of ", id="syntax"),
    pytest.param(b"import a\nx = 1 +* 2\n", "x.py:2: does not parse: expected one of +, -", id="operator"),
    pytest.param(b"if x:\nimport a\n", "x.py:2: does not parse: ", id="indentation"),
    pytest.param(b"a\nb\xff", "x.py:2: cannot be decoded: invalid start byte (utf-8)", id="not UTF-8"),
    pytest.param(b"a\nb\0", "x.py:2: does not parse: it holds a null byte", id="NUL"),
    pytest.param(b"# coding: nothing\n", "x.py:1: cannot be decoded: the encoding nothing is not known", id="coding"),
    pytest.param(b"a\nx = (\ny = 1\n", "x.py:2: does not parse: a bracket is not closed", id="bracket"),
    pytest.param(b"a\n)\n", "x.py:2: does not parse: a bracket closes that was not opened", id="closing bracket"),
    pytest.param(b"a\nx = 'b\nc'\n", "x.py:2: does not parse: a string is not closed", id="string"),
    pytest.param(b"import importlib as i\nclass A:\n    m = i.import_module('a')\nasync def f(): [x async\nfor x in y]",
                 "x.py: is not analyzed: libcst cannot read it", id="async on a line of its own"),
])  # fmt: skip
def test_what_cannot_be_read_is_told(source: bytes, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        analyze(source, "x.py")
    assert str(caught.value).startswith(message)


def test_places_are_those_of_libcst() -> None:
    """Of each call in a file with decorators, strings of many lines and comments, also of more than are looked for."""
    path = Path(libcst.__file__).with_name("_exceptions.py")
    for text in (path.read_text("utf-8"), "# a\n\n'''b\n'''\n" + "x = f(1); y = f(1)\n# c\n" * (MAX_SEARCHES + 10)):
        module = libcst.parse_module(text)
        ranges = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        places = NodePlaces(module, scan(text).imports)
        calls = [node for node in ranges if isinstance(node, libcst.Call)]
        assert len(calls) > 10
        for node in calls:
            assert isinstance(node, libcst.CSTNode)
            start, end = ranges[node].start, ranges[node].end
            assert places.of(node) == (start.line, start.column + 1, end.line)


@pytest.mark.parametrize("number", [30, 3000])
def test_a_function_that_imports_what_it_is_given_is_followed_often(number: int) -> None:
    """The thirtieth name counts as the first; of more than are followed it is told that they are not known."""
    calls = "".join(f"load('m{one}')\n" for one in range(number))
    text = f"import importlib\ndef load(name, *rest):\n    for one in rest: pass\n    importlib.import_module(name)\n{calls}"
    found = analyze(text.encode(), "a.py")
    assert {f"m{one}" for one in range(30)} <= {site.module for site in found.sites}
    assert bool(found.unknown) is (number == 3000)


@pytest.mark.parametrize("around", ["[{}]", "({})", "{{1: {}}}", "A({})", "A(k={})", "({}, b)", "[{} | b]", "({} as z)"])
def test_patterns_in_patterns_are_bounded(around: str) -> None:
    """For each of them libcst takes up to four times as long: twenty took hours, in a call that nothing can end."""

    def nested(depth: int) -> bytes:
        pattern = "a"
        for _ in range(depth):
            pattern = around.format(pattern)
        return f"import importlib\nimportlib.import_module(x)\nmatch x:\n    case {pattern}:\n        import lazy\n".encode()

    assert [site.module for site in analyze(nested(5), "a.py").sites] == ["importlib", "lazy"]
    with pytest.raises(MemguardError, match="is not analyzed: it has more than 43000 tokens"):
        analyze(nested(20), "a.py")


def test_a_call_of_case_is_no_pattern() -> None:
    """As SQLAlchemy has one, also where a statement begins with a name like it."""
    deep = "{1: " * 20 + "a" + "}" * 20
    source = f"import importlib\nimportlib.import_module(x)\nx = case({deep})\ncases({deep})\ncase = {deep}\nimport lazy\n"
    assert [site.module for site in analyze(source.encode(), "a.py").sites] == ["importlib", "lazy"]


def test_partials_that_hand_on_to_several_others_are_bounded() -> None:
    """Each of sixty levels calls the one below twice."""
    levels = "".join(f"x{n + 1} = partial(x{n}, 1)\ny = partial(x{n}, 2)\nx{n + 1} = y\n" for n in range(60))
    with pytest.raises(MemguardError, match="hands on too many calls"), at_most(2_000_000):
        analyze(f"from functools import partial\nimport a\nx0 = a.b\n{levels}x60()\n".encode(), "a.py")
