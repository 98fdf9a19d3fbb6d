"""Celery's settings that decide memory, as the code of its app gives them.

What code sets on `app.conf` wins over the object or module that `config_from_object` names (celery 5.7, `celery.app.base`
and `celery.app.utils.Settings`): a module of settings, a class, or Django's settings with the prefix of a namespace. The
names before celery 4, such as `CELERYD_CONCURRENCY`, count where no namespace is given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from memguard_hooks.deployment import django_settings
from memguard_hooks.deployment.calls_at_start import CallAtStart, Program, StartCalls, follow
from memguard_hooks.deployment.start import EntryPoint, Host
from memguard_hooks.deployment.values_in_code import items_of, value_of
from memguard_hooks.formats.python_folding import BoundNames
from memguard_hooks.formats.python_values import Unresolved, Value
from memguard_hooks.tree import join

SETTINGS = {
    "worker_concurrency": "CELERYD_CONCURRENCY",
    "worker_pool": "CELERYD_POOL",
    "worker_max_tasks_per_child": "CELERYD_MAX_TASKS_PER_CHILD",
}
"""Settings, and what they were called before celery 4."""

_APP = "celery.Celery."


def read(entrypoint: EntryPoint, host: Host) -> dict[str, Value | Unresolved]:
    """Return the settings that the code of an app gives; one that nobody can tell says where it stands."""
    nested = join(entrypoint.folder, "src")
    roots = tuple(dict.fromkeys((entrypoint.folder, *entrypoint.roots, *([nested] if nested else []))))
    followed = _follow(entrypoint.module or "", roots, host)
    if followed is None:
        return {}
    _, made, names = followed.names.made_by(ast.Name(entrypoint.attribute or "app", ast.Load()))
    if made is not None and names.path != followed.names.path:  # a package that has its app from another of its files
        followed = follow(Program(names.path, names.module, False, None, roots, ()), host) or followed
    if not followed.is_whole:
        reason = f"{followed.names.path} calls more as it starts than is followed"
        return {name: Unresolved(1, reason) for name in SETTINGS}
    return {**dict(_configured(followed, host)), **dict(_set(followed))}


def _follow(module: str, roots: tuple[str, ...], host: Host) -> StartCalls | None:
    path = host.find_module(module, roots)
    return None if path is None else follow(Program(path, module, False, None, roots, ()), host)


def _set(followed: StartCalls) -> Iterator[tuple[str, Value | Unresolved]]:
    """Yield what is set on `app.conf`: by `update`, and by name."""
    for call in followed.calls:
        if call.source.startswith(_APP) and call.source.endswith("conf.update"):
            given = {one.arg: (one.value, call.names) for one in call.node.keywords if one.arg}
            for value in (*call.node.args, *(one.value for one in call.node.keywords if not one.arg)):
                given |= items_of(value, call.names) or {}
            yield from _known(given)
    for held in followed.names.attributes.values():
        yield from _known({name.removeprefix("conf."): shown for name, shown in held.items() if name.startswith("conf.")})


def _known(given: dict[str, tuple[ast.expr, BoundNames]]) -> Iterator[tuple[str, Value | Unresolved]]:
    for name, old in SETTINGS.items():
        for spelled in (old, name):
            if spelled in given:
                value = value_of(*given[spelled], spelled)
                yield name, _placed(value, given[spelled][1].path)


def _placed(value: Value | Unresolved, path: str) -> Value | Unresolved:
    return value._replace(reason=f"{path}:{value.line} {value.reason}") if isinstance(value, Unresolved) else value


def _configured(followed: StartCalls, host: Host) -> Iterator[tuple[str, Value | Unresolved]]:
    """Yield what the object or the module holds that `config_from_object` names."""
    for call in followed.calls:
        if call.source == f"{_APP}config_from_object" and call.node.args:
            namespace = next((one.value for one in call.node.keywords if one.arg == "namespace"), None)
            prefix = value_of(namespace, call.names, "namespace") if namespace is not None else ""
            start = f"{prefix}_" if prefix else ""
            holder = _holder(call, followed, host)
            for name, old in SETTINGS.items() if holder is not None else ():
                for spelled in (
                    (old, f"{start}{name}", f"{start}{name}".upper()) if not start else (f"{start}{name.upper()}",)
                ):
                    if holder is not None and spelled in holder.bound:
                        yield name, _placed(holder.bound[spelled][0], holder.path)


def _holder(call: CallAtStart, followed: StartCalls, host: Host) -> BoundNames | None:
    """Return the names of the module or the class that holds the settings."""
    node, names = call.node.args[0], call.names
    text = value_of(node, names, "settings")
    if isinstance(text, str):
        module, _, name = text.partition(":")
        if module == "django.conf":
            module, name = django_settings.module_of(followed, host), ""
        found = names.around.load(module)
        if found is None and "." in module:
            module, _, name = module.rpartition(".")
            found = names.around.load(module)
        if found is None or not name:
            return found
        node, names = ast.Name(name, ast.Load()), found
    elif (module := names.source_of(node)) and (found := names.around.load(module)) is not None:
        return found
    definition, inner = names.meaning(node)
    if isinstance(definition, ast.Call):
        definition, inner = inner.meaning(definition.func)
    if not isinstance(definition, ast.ClassDef):
        return None
    held = inner.inner()
    for statement in definition.body:
        held.follow(statement)
    held.bound = {name: bound for name, bound in held.bound.items() if inner.bound.get(name) is not bound}
    return held
