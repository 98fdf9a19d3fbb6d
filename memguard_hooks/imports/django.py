"""Django's names in strings: `INSTALLED_APPS`, `MIDDLEWARE`, `DATABASES`, `ROOT_URLCONF` and `include()`.

Source: Django's documentation, "How applications are loaded". `setup()` imports each app, its `apps` and its `models`
module and calls `ready()`, which for the admin imports each `admin` module. The handler loads the middleware as it is
made, and the URLconf at the first request, in each process that answers one. The backend of a database is loaded as the
first model is defined. A worker of Celery (`DjangoWorkerFixup.validate_models`), and those that are commands of `manage.py`,
run the checks of Django as they start.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_literals import Literals, parse_module
from memguard_hooks.formats.python_nodes import last_name, walk
from memguard_hooks.imports.model import AS_APP, FrameworkEdge
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Literal

ADMIN = frozenset({"django.contrib.admin", "django.contrib.admin.apps.AdminConfig"})

_DATABASE = "as the database of Django"
_BACKEND = late_pattern(r"[a-z_]\w*(\.\w+)*\.(backends?|db)\.\w+")
_DOTTED = late_pattern(r"[a-z_]\w{0,60}(\.\w{1,60}){1,8}")
_OTHERS = frozenset({
    "INSTALLED", "MIDDLEWARE", "ROOT_URLCONF", "WSGI", "ASGI", "DATABASES", "TEST", "MIGRATION", "CELERY", "Q", "HUEY", "RQ",
    "CRONJOBS", "DRAMATIQ", "CELERYBEAT", "BEAT", "AUTH_USER_MODEL", "SECRET", "ALLOWED"
})  # fmt: skip
"""First words of settings, and settings, that name nothing which requests load, or what is read above."""
_BY_URL = frozenset({"config", "parse", "db", "db_url", "dj_db_url"})
"""Functions of dj-database-url, django-environ and environs that read the URL of a database."""


MAX_PATTERN = 200
"""Letters of a pattern of files."""


def settings_set_in(data: bytes, variables: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """Return the module of settings that a file puts together of names, texts and variables; None where nobody can tell.

    Of a variable that is not among those given, the default that the file has counts.
    """
    from memguard_hooks.formats.python_folding import Around, BoundNames
    from memguard_hooks.formats.python_values import Raises, UnknownValue

    module = parse_module(data)
    names = BoundNames(Around(variables, has_all=False))
    for statement in module.body:
        names.follow(statement)
    for node in walk(module):
        value = _value_set_to(node)
        try:
            found = names.evaluate(value) if value is not None else None
        except (UnknownValue, Raises):
            continue
        if isinstance(found, str) and found:
            return found
    return None


def _value_set_to(node: ast.AST) -> ast.expr | None:
    """Return what `os.environ.setdefault(NAME, value)` or `os.environ[NAME] = value` sets the settings of Django to."""
    if isinstance(node, ast.Call) and last_name(node.func) == "setdefault" and len(node.args) == 2:
        key, value = node.args
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        key, value = node.targets[0].slice, node.value
    else:
        return None
    return value if isinstance(key, ast.Constant) and key.value == "DJANGO_SETTINGS_MODULE" else None


def include_patterns(data: bytes) -> list[tuple[str, int]]:
    """Return the patterns of files that django-split-settings includes in one, with lines; `?*` is what is computed."""
    try:
        module = parse_module(data)
    except MemguardError:  # whoever reads the file for what it imports says so
        return []
    found: list[tuple[str, int]] = []
    for node in walk(module):
        if not isinstance(node, ast.Call) or last_name(node.func) != "include":
            continue
        for one in node.args:
            given = one.args[0] if isinstance(one, ast.Call) and last_name(one.func) == "optional" and one.args else one
            parts = given.values if isinstance(given, ast.JoinedStr) else [given]
            values = [getattr(part, "value", None) for part in parts]
            texts = [value if isinstance(value, str) else "?*" for value in values]
            found.append(("".join(texts)[:MAX_PATTERN], one.lineno))
    return found


def edges(data: bytes, *, is_worker: bool, checks: bool = False) -> Iterator[FrameworkEdge]:
    """Yield what Django loads because of one file; `is_worker` for a Celery worker, which asks each app for tasks.

    `checks` tells that it starts with the checks of Django, which load the URLconfs.
    """
    resolving: Literal["start", "serving"] = "start" if checks else "serving"
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
        yield FrameworkEdge(head if is_class else text, line, "start", AS_APP)
        for name in beside if is_class else ["apps", *beside]:
            yield FrameworkEdge(f"{package}.{name}", line, "start", AS_APP, is_optional=True)
    for text, line in names.get("MIDDLEWARE"):
        head, _, last = text.rpartition(".")
        yield FrameworkEdge(head, line, "start", "as middleware of Django", calls=last)
    yield from _backends(module)
    if apps:
        yield from _named(module, {text for name in ("INSTALLED_APPS", "MIDDLEWARE") for text, _ in names.get(name)})
    for text, line in names.get("ROOT_URLCONF"):
        yield FrameworkEdge(text, line, resolving, "as the URLconf of Django")
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and last_name(node.func) == "include":
            first = node.args[0].elts[:1] if isinstance(node.args[0], ast.Tuple) else node.args[:1]
            for text, line in [told for one in first for told in names.strings(one)][:1]:  # behind it stands a namespace
                yield FrameworkEdge(text, line, resolving, "as an included URLconf")


def _named(module: ast.Module, known: set[str]) -> Iterator[FrameworkEdge]:
    """Yield the classes and functions that settings name for requests: permissions, backends, context processors."""
    for statement in module.body:
        names = [ast.unparse(one) for one in getattr(statement, "targets", ())]
        if not names or any(one.partition("_")[0] in _OTHERS or one in _OTHERS for one in names):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
                head, _, last = node.value.rpartition(".")
                if node.value not in known and not head.startswith(("django.", "rest_framework.")):
                    yield FrameworkEdge(head, node.lineno, "serving", "as a setting of Django", is_optional=True, calls=last)


def _backends(module: ast.Module) -> Iterator[FrameworkEdge]:
    """Yield the backends of the databases; `django.db.backends` for one that a URL names."""
    for statement in ast.walk(module):
        if not isinstance(statement, ast.Assign) or not any("DATABASES" in ast.unparse(one) for one in statement.targets):
            continue
        for node in ast.walk(statement.value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _BACKEND.fullmatch(node.value):
                yield FrameworkEdge(node.value, node.lineno, "start", _DATABASE)
            elif isinstance(node, ast.Call) and last_name(node.func) in _BY_URL:
                yield FrameworkEdge("django.db.backends", node.lineno, "start", _DATABASE)
