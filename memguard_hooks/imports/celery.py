"""Celery's names in strings: `include=`, `imports`, and `autodiscover_tasks([...])`.

Source: Celery's documentation of the settings `imports` and `include` and of `Celery.autodiscover_tasks`: a worker
imports these modules as it starts; a process that only sends tasks does not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from memguard_hooks.formats.python_literals import Literals, parse_module
from memguard_hooks.formats.python_nodes import keywords, last_name
from memguard_hooks.imports.model import FrameworkEdge

_WHY = "as a module of tasks"


def edges(data: bytes) -> Iterator[FrameworkEdge]:
    """Yield the modules that a worker loads because of one file."""
    module = parse_module(data)
    names = Literals(module)
    for name in ("imports", "include", "CELERY_IMPORTS", "CELERY_INCLUDE"):
        for text, line in names.get(name):
            yield FrameworkEdge(text, line, "start", _WHY)
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        given = keywords(node)
        called = last_name(node.func)
        if called == "Celery" or (called == "update" and _owner(node) in ("conf", "app")):
            for key in ("include", "imports"):
                for text, line in names.strings(given[key]) if key in given else ():
                    yield FrameworkEdge(text, line, "start", _WHY)
        elif called == "config_from_object" and node.args:
            for text, line in names.strings(node.args[0])[:1]:
                yield FrameworkEdge(text.partition(":")[0], line, "start", "as the settings of Celery", is_optional=True)
        elif called == "autodiscover_tasks":
            packages = node.args[0] if node.args else given.get("packages")
            related = names.strings(given["related_name"]) if "related_name" in given else [("tasks", 0)]
            for text, line in names.strings(packages) if packages is not None else ():
                for last, _ in related:
                    yield FrameworkEdge(f"{text}.{last}", line, "start", _WHY, is_optional=True)


def _owner(call: ast.Call) -> str:
    """Return the last name before the method that is called."""
    return last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
