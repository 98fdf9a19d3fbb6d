"""The calls in a source file that load a model, with the names that each may be given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache, lru_cache

from memguard_hooks.formats.python_nodes import is_property
from memguard_hooks.models.chosen import not_picked, passed_over
from memguard_hooks.models.folding import Folding
from memguard_hooks.models.later import PACKED, later_calls, options_after, packing
from memguard_hooks.models.libraries import CACHES
from memguard_hooks.models.loaders import (
    AUTO,
    BY_FUNCTION,
    COMPUTE_TYPE,
    LOCAL,
    OPTIONS,
    Loader,
    loader_of,
    loaders,
    loaders_of,
    tasks,
)
from memguard_hooks.models.scopes import CallInScope, NameScope, is_main_test, last_name
from memguard_hooks.models.table import find
from memguard_hooks.models.values import (
    ANYTHING,
    MAX_NUMBER,
    VAST,
    ExternalValue,
    Made,
    Missing,
    UnknownInCode,
    Value,
    Values,
    argument,
)
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

PASSED_ON = {"partial": 0, "to_thread": 0, "run_sync": 0, "run_in_threadpool": 0, "submit": 0, "run_in_executor": 1}
"""Last names of calls that call what they are given, with the arguments behind it; and the place of that."""


CONFIGURED = {
    "presidio_analyzer:NlpEngineProvider.create_engine": ("models", "model_name"),
    "presidio_analyzer:SpacyNlpEngine": ("model_name",),
}
"""Functions that load each model that a mapping names, and the keys to the names in it; presidio-analyzer 2.2.360."""


class ModelCall(Record):
    """A call that loads a model, by one of `names`, or each of them; `reason` says why there may be others.

    `options` are the values of the keywords that matter. `scope` is the function that it stands in, by its dotted name, the
    empty string at the top of a module; `is_cached` tells whether the function keeps what it returns, `is_main` that only
    the program does it that the file is, behind `if __name__ == "__main__"`, and `is_property` that no call runs the
    function, but asking for an attribute. `is_where_none` tells that it runs where a name has no value yet.
    `overridden` are the methods of parents that the function stands in place of, by file and name. `fallback` is the name
    that the code takes where the platform gives none.
    """

    path: str
    line: int
    column: int
    function: str
    loader: Loader
    names: tuple[str, ...]
    reason: str
    is_each: bool
    options: Mapping[str, tuple[str, ...]]
    scope: str
    is_cached: bool
    is_main: bool = False
    is_property: bool = False
    is_where_none: bool = False
    overridden: tuple[tuple[str, str], ...] = ()
    fallback: str = ""


def find_calls(folding: Folding, path: str) -> Iterator[ModelCall]:
    """Yield the calls of a file that load a model, but for those that production does not come to."""
    module = folding.module(path)
    if module is None:
        return
    left = {*passed_over(folding.values, module), *not_picked(folding.values, folding.naming, module)}
    tried: set[tuple[NameScope | None, str, tuple[str, ...]]] = set()
    for call, loader, function, node, skipped in _loading(folding, module):
        if node in left or folding.holds(call.conditions) is False or folding.never_runs(call.scope.function):
            continue
        read = _names(folding, loader, node, call.scope, skipped)
        if read is not None:
            names, reason, is_each = read
            scope = call.scope.function
            this = (scope, loader.file_format or loader.function, names)
            if this in tried and any(one.is_handler for one in call.conditions):
                continue  # it is tried once more where the first attempt has failed
            tried.add(this)
            yield ModelCall(
                path=path,
                line=call.node.lineno,
                column=call.node.col_offset + 1,
                function=function,
                loader=loader,
                names=names,
                reason=reason,
                is_each=is_each,
                options=dict(_options(folding, loader, node, call.scope)),
                scope=scope.name if scope is not None else "",
                is_cached=caches(call.scope),
                overridden=folding.overridden(scope),
                fallback=_fallback(folding, loader, node, call.scope, skipped) if reason else "",
                is_property=scope is not None and is_property(scope.node),
                is_where_none=any(one.test is not None and _is_none_test(one.test) for one in call.conditions),
                is_main=any(one.test is not None and is_main_test(one.test) for one in call.conditions),
            )


def _loading(folding: Folding, module: NameScope) -> Iterator[tuple[CallInScope, Loader, str, ast.Call, int]]:
    """Yield the calls in a module that may load a model, each with what `_loaded_by` says of it."""
    later: dict[ast.Call, list[CallInScope]] | None = None
    for call in (*module.calls, *(one for one in module.settings if last_name(one.node) in _settings())):
        for loader, function, node, skipped in _loaded_by(folding, call):
            is_nameless = (
                last_name(call.node) == "partial" and not _given_name(folding, loader, node, call.scope, skipped)[0]
            )
            if is_nameless and later is None:
                later = _calls_of_made(folding, module)
            named = later.get(node, []) if is_nameless and later is not None else []
            for one in named:
                yield one, loader, function, one.node, 1 - len(node.args)
            if not named:
                yield call, loader, function, node, skipped


def _calls_of_made(folding: Folding, module: NameScope) -> dict[ast.Call, list[CallInScope]]:
    """Return the calls in a module of what other calls have made, by these."""
    both = ((made, call) for call in module.calls for made in folding.values(call.node.func, call.scope))
    return grouped((made.call, call) for made, call in both if isinstance(made, Made))


def _given_name(folding: Folding, loader: Loader, node: ast.Call, scope: NameScope, skipped: int) -> tuple[Values, bool]:
    """Return what a call may give for the name of a model, and whether it gives one for certain."""
    place = 1 if loader.kind == "task" else loader.position
    return folding.passed(node, place + skipped if place >= 0 else -1, loader.keywords, scope)


def _loaded_by(folding: Folding, call: CallInScope) -> list[tuple[Loader, str, ast.Call, int]]:
    """Return what a call loads, the name of the function, the call with the arguments, and how many of these come first."""
    called = last_name(call.node)
    is_assigned = isinstance(call.node.func, ast.Attribute) and isinstance(call.node.func.ctx, ast.Store)
    if called not in PASSED_ON and not _may_be_loader(folding, call.node.func):
        return []
    place = PASSED_ON.get(called, -1)
    passed = call.node.args[place] if 0 <= place < len(call.node.args) else None
    for skipped, node in ((0, call.node.func), (place + 1, passed)):
        for value in folding.values(node, call.scope) if node is not None else ():
            for name in folding.names_of(value, call.scope):
                found = [
                    (loader, name, call.node, skipped) for loader in loaders_of(name)
                    if (":Settings." in loader.function) == is_assigned and _has_its_arguments(folding, loader, call)
                ]  # fmt: skip
                if found:
                    return found
    return []


def _may_be_loader(folding: Folding, function: ast.expr) -> bool:
    """Return whether an attribute is called like what loads a model, or the code binds it, to whatever that is."""
    if not isinstance(function, ast.Attribute):
        return True
    name, owner = function.attr, last_name(function.value)
    is_called_so = name == "__init__" or _is_last_name(f"{owner}.{name}")
    return is_called_so or any(find(kind, name) for kind in _kinds()) or (name not in _METHODS and folding.binds(name))


@lru_cache(maxsize=2000)
def _is_last_name(name: str) -> bool:
    return any(fnmatchcase(name, one) for one in _last_names())


@cache
def _last_names() -> frozenset[str]:
    """The names of what loads models, with the last part of what they are taken from."""
    named = (re.split("[.:]", one.function)[-2:] for one in loaders() if one.default != BY_FUNCTION)
    return frozenset(f"{owner if name == '*' else '*'}.{name}" for owner, name in named)


@cache
def _settings() -> frozenset[str]:
    """The attributes of settings that load what is assigned to them."""
    return frozenset(one.function.rpartition(".")[2] for one in loaders() if ":Settings." in one.function)


@cache
def _kinds() -> frozenset[str]:
    """The kinds of models whose functions are called like them."""
    return frozenset(one.kind for one in loaders() if one.default == BY_FUNCTION)


_METHODS = frozenset(name for one in (str, bytes, list, dict, set) for name in dir(one))
"""Attributes of values that nobody binds to what loads a model."""


def _has_its_arguments(folding: Folding, loader: Loader, call: CallInScope) -> bool:
    """Return whether a call is given what has it load a model, and neither it nor what made its object another way."""
    if not loader.given:
        return True
    function = call.node.func
    owners = folding.values(function.value, call.scope) if isinstance(function, ast.Attribute) else ()
    nodes = [call.node, *(one.call for one in owners if isinstance(one, Made))]
    if any(not _whose(folding, one[2:]).isdisjoint(owners) for one in loader.given if one.startswith("!.")):
        return False
    wanted = [_is_given(call.node, one) for one in loader.given if not one.startswith("!")]
    return (not wanted or any(wanted)) and not any(
        _is_given(node, one[1:]) for node in nodes for one in loader.given if one[0] == "!"
    )


def _whose(folding: Folding, setter: str) -> frozenset[Value]:
    """Return the objects whose model a method sets, which is known to load it; all calls are looked at once."""
    if setter not in folding.set:
        named = [one for module in folding.naming(setter) for one in module.calls_by_name(setter)]
        calls = [one for one in named if _loaded_by(folding, one) and folding.holds(one.conditions) is not False]
        nodes = [(one.node.func, one.scope) for one in calls]
        found = [folding.values(one.value, scope) for one, scope in nodes if isinstance(one, ast.Attribute)]
        folding.set[setter] = frozenset(value for one in found for value in one if not isinstance(value, UnknownInCode))
    return folding.set[setter]


def _is_given(node: ast.Call, name: str) -> bool:
    keyword, _, place = name.partition("@")
    return argument(node, int(place or -1), (keyword,)) is not None


def _names(
    folding: Folding, loader: Loader, node: ast.Call, scope: NameScope, skipped: int
) -> tuple[tuple[str, ...], str, bool] | None:
    """Return the names that a call may be given, why there may be others, and whether it is given each of them."""
    is_task = loader.kind == "task"
    configured = _configured(folding, loader, node, scope)
    if configured:
        names = tuple(one for one in configured if isinstance(one, str) and one)
        return names, _reason(configured), len(names) > 1
    values, is_sure = _given_name(folding, loader, node, scope, skipped)
    is_each = folding.is_each
    if not is_sure and ANYTHING in values:
        return (), "its arguments are computed", False
    if not values and (loader.default.startswith(LOCAL) or any(one.arg == "modules" for one in node.keywords)):
        return None
    if not values and not is_task:
        return (loader.default,) if loader.default else (), "" if loader.default else "no name is given", False
    if not is_sure:
        values = (*values, None if is_task else loader.default)
    if loader.default.startswith(LOCAL):
        return _local(loader, values, is_each=is_each)
    if is_task and None in values:  # as where no model is given
        others = tuple(one for one in values if one is not None)
        names, reason, is_each = _defaults_of_tasks(folding, node, scope, skipped)
        named = tuple(one for one in others if isinstance(one, str) and one)
        return tuple(dict.fromkeys((*named, *names))), reason or (_reason(others) if others else ""), is_each
    if values and all(isinstance(one, Made) and loader_of(one.name) is not None for one in values):
        return None  # an object that another call has loaded
    names = tuple(dict.fromkeys(one for one in values if isinstance(one, str) and one and one not in AUTO))
    if loader.kind == "unknown" and not names:
        return ("",), "", False
    return names, _reason(values), is_each


def _configured(folding: Folding, loader: Loader, node: ast.Call, scope: NameScope) -> Values:
    """Return the names in the mapping that a call is given, or what made the object that it is a method of."""
    keys = CONFIGURED.get(loader.function)
    if keys is None:
        return ()
    owners = folding.values(node.func.value, scope) if isinstance(node.func, ast.Attribute) else ()
    calls = [(one.call, one.scope) for one in owners if isinstance(one, Made)] or [(node, scope)]
    given = [(argument(call, 0, ("nlp_configuration", "models")), around) for call, around in calls]
    return tuple(value for one, around in given if one is not None for value in folding.below(one, around, *keys))


def _local(loader: Loader, values: Values, *, is_each: bool) -> tuple[tuple[str, ...], str, bool] | None:
    """Return the names behind `local:`, and what `local` alone means; None where something else is given."""
    texts = [f"{one}:" if f"{one}:" == LOCAL else one for one in values if isinstance(one, str)]
    found = [one.removeprefix(LOCAL) or loader.default.removeprefix(LOCAL) for one in texts if one.startswith(LOCAL)]
    names = tuple(filter(None, found))
    return (names, "" if len(names) == len(found) else "no name is given", is_each) if found else None


def _defaults_of_tasks(
    folding: Folding, node: ast.Call, scope: NameScope, skipped: int
) -> tuple[tuple[str, ...], str, bool]:
    values, _ = folding.passed(node, skipped, ("task",), scope)
    each = folding.is_each
    known = tasks()
    names = [known.get(_plain_task(one)) for one in values if isinstance(one, str)]
    found = tuple(dict.fromkeys(name for name in names if name is not None))
    reason = _reason(values) or ("its task is not known" if None in names or not names else "")
    return found, reason, each


def _plain_task(task: str) -> str:
    """Return a task without the languages that a translation names: `translation_en_to_fr`."""
    return "translation" if task.startswith("translation_") else task


def _reason(values: Values) -> str:
    """Say why values are not all names, the empty string where they are."""
    for one in values:
        if isinstance(one, Missing):
            return f"nothing in the repository sets {one.variable}"
        if isinstance(one, UnknownInCode):
            return one.reason
        if not isinstance(one, str):
            return "it is no plain name"
        if one in AUTO:
            return "it is chosen as the app runs"
    return "" if values else "it is computed"


def _fallback(folding: Folding, loader: Loader, node: ast.Call, scope: NameScope, skipped: int) -> str:
    """Return the name that the code takes where the platform gives none."""
    values, _ = _given_name(folding, loader, node, scope, skipped)
    return next((one.default for one in values if isinstance(one, UnknownInCode) and one.default), "")


def _options(folding: Folding, loader: Loader, node: ast.Call, scope: NameScope) -> Iterator[tuple[str, tuple[str, ...]]]:
    for keyword in OPTIONS:
        place = COMPUTE_TYPE if keyword == "compute_type" and loader.library == "faster-whisper" else -1
        given = argument(node, place, (keyword,))
        values = folding.values(given, scope) if given is not None else folding.keyword(node, keyword, scope)
        texts = tuple(
            one.name if isinstance(one, ExternalValue) else str(MAX_NUMBER if one == VAST else one)
            for one in values
            if isinstance(one, (str, int, float, ExternalValue)) or one == VAST
        )
        if texts:
            yield keyword, texts
    packed = tuple(packing(folding, node, scope))
    if packed:
        yield PACKED, packed
    if any(one.startswith("query_text") for one in loader.given):
        yield "batch_size", ("1",)
    yield from options_after(folding, later_calls(folding, node))


def caches(scope: NameScope) -> bool:
    """Return whether a function around a place keeps what it returns."""
    here: NameScope | None = scope
    while here is not None:
        for one in getattr(here.node, "decorator_list", ()):
            if last_name(one) in CACHES:
                return True
        here = here.parent
    return False


def _is_none_test(test: ast.expr) -> bool:
    """Return whether a condition is `name is None`, or `not name`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], ast.Is) and isinstance(test.comparators[0], ast.Constant)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
