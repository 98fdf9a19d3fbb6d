"""Functions that Python brings, and what a call of each does with what it is given."""

from __future__ import annotations

RUNNERS = frozenset({"run", "run_until_complete", "run_sync", "run_coroutine_threadsafe", "gather", "wait_for"})
"""Names of functions and methods that run the coroutine they are given."""
STARTERS = frozenset({"anyio.run", "trio.run", "curio.run", "functools.reduce", "sorted", "min", "max"})
"""Functions that call the functions they are given."""
CONSUMERS = frozenset({"list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "any", "all", "next", "max", "min",
                       "join", "extend", "update", "deque", "reduce"})  # fmt: skip
"""Names of functions and methods that iterate over what they are given."""
PASSING = frozenset({"enumerate", "zip", "iter", "reversed", "list", "tuple", "set", "frozenset", "sorted"})
"""Functions whose result gives what their argument gives."""
DEFERRING = frozenset({"map", "filter", "functools.partial", "threading.Thread"})
"""Functions whose result calls the function they are given."""
IMPORTING = frozenset({"__import__", "import_module"})
"""Last names of those that import what code gives them as a text."""
IMPORTERS = frozenset({"importlib.import_module", "importlib.__import__", "__import__", "builtins.__import__",
                       "runpy.run_module"})  # fmt: skip
"""Functions that import the module they are given."""
LOADERS = frozenset({"runpy.run_path", "importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader",
                     "imp.load_source"})  # fmt: skip
"""Functions that load the file they are given, or say how that is loaded."""
OF_LOADERS = ("runpy", "spec_from_file_location", "SourceFileLoader", "load_source")
"""Words without which a file calls none of them."""
EXECUTORS = frozenset({"exec", "builtins.exec"})
"""Functions that run the code they are given."""
EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})
"""Functions that do not return."""
WRAPPERS = frozenset({"property", "cached_property", "classmethod", "staticmethod"})
"""Last names of decorators that change how a function is looked up, and call nothing."""
_PROXY_WORDS = ("import", "load", "mod", "lib", "pack", "proxy")


def is_lazy_proxy(name: str, arguments: int) -> bool:
    """Return whether a function of that dotted name likely makes a lazy proxy of a module, given so many arguments.

    Such are `LazyImporter`, `lazy_load`, and the `lazy` of `memguard_hooks/runtime.py`; that of Django takes more.
    """
    name = name.lower()
    is_ours = name.rpartition(".")[2] == "lazy" and arguments == 1
    return is_ours or ("lazy" in name and any(word in name for word in _PROXY_WORDS))
