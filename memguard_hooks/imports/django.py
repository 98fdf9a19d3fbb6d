"""Django's names in strings: `INSTALLED_APPS`, `MIDDLEWARE`, `ROOT_URLCONF` and `include()`.

Source: Django's documentation, "How applications are loaded". `setup()` imports each app, its `apps` and its `models`
module and calls `ready()`, which for the admin imports each `admin` module. The handler loads the middleware as it is
made, and the URLconf at the first request, in each process that answers one.
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_literals import Literals, dotted_end, parse_module
from memguard_hooks.imports.model import FrameworkEdge

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

ADMIN = frozenset({"django.contrib.admin", "django.contrib.admin.apps.AdminConfig"})

_APP = "as an app of Django"


def edges(data: bytes, *, is_worker: bool) -> Iterator[FrameworkEdge]:
    """Yield what Django loads because of one file; `is_worker` for a Celery worker, which asks each app for tasks."""
    module = parse_module(data)
    names = Literals(module)
    apps = names.get("INSTALLED_APPS")
    beside = ["models"]
    if any(text in ADMIN for text, _ in apps):
        beside.append("admin")
    if is_worker:
        beside.append("tasks")
    for text, line in apps:
        head, _, last = text.rpartition(".")
        is_class = last[:1].isupper()  # a configuration, `shop.apps.ShopConfig`
        package = head.removesuffix(".apps") if is_class else text
        yield FrameworkEdge(head if is_class else text, line, "start", _APP)
        for name in beside if is_class else ["apps", *beside]:
            yield FrameworkEdge(f"{package}.{name}", line, "start", _APP, is_optional=True)
    for text, line in names.get("MIDDLEWARE"):
        head, _, last = text.rpartition(".")
        yield FrameworkEdge(head, line, "start", "as middleware of Django", calls=last)
    for text, line in names.get("ROOT_URLCONF"):
        yield FrameworkEdge(text, line, "serving", "as the URLconf of Django")
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and dotted_end(node.func) == "include":
            for text, line in names.strings(node.args[0])[:1]:  # the second is a namespace
                yield FrameworkEdge(text, line, "serving", "as an included URLconf")
