"""Parameters: what their callers in the project give them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from memguard_hooks.models.arguments import CallArguments
from memguard_hooks.models.scopes import Binding, CallInScope, FunctionNode, NameScope, body_of, last_name
from memguard_hooks.models.values import (
    ANYTHING,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    UnknownInCode,
    Value,
    Values,
    argument,
)
from memguard_hooks.relations import grouped

MAX_PARENTS = 5
"""Parents of a class that are looked at."""


MAX_HEIRS = 10
"""Classes that inherit from one and have what it leaves to them, that are looked at for that; it is unknown with more."""


MAX_CALLERS = 3
"""Callers of callers that are looked at for whether a function runs at start."""


class Parameters(CallArguments):
    """Follows parameters to the calls of their functions."""

    @contextmanager
    def _frame(self, scope: NameScope, given: dict[str, Values]) -> Iterator[None]:
        self._frames.append((scope, given))
        try:
            yield
        finally:
            self._frames.pop()

    def _arguments(self, inner: NameScope, call: ast.Call, scope: NameScope, skipped: int) -> dict[str, Values]:
        """Return what a call gives the parameters of a function; those that it leaves out have their defaults."""
        names = parameters_of(inner)
        places = {name: number - skipped for number, name in enumerate(names)}
        given: dict[str, Values] = dict(self._rest_of(inner, call, scope, skipped))
        for name, bindings in inner.bindings.items():
            if bindings[0].kind != "parameter" or name in names[:skipped]:
                continue
            given[name], is_sure = self._passed(call, places.get(name, -1), (name,), scope)
            if not is_sure and ANYTHING not in given[name]:
                default = bindings[0].node
                given[name] += self._values(default, inner.parent or inner) if default is not None else (ANYTHING,)
        return given

    def _parameter(self, binding: Binding) -> Iterator[Value]:
        """Yield what a parameter may be: what its callers give, or its default."""
        scope, outer = binding.scope, binding.scope.parent or binding.scope
        for frame, given in reversed(self._frames):
            if frame is scope and binding.name in given:
                yield from given[binding.name]
                return
        owner = outer if isinstance(outer.node, ast.ClassDef) else None
        if owner is not None and binding.item == 0 and binding.node is None and not _is_static(scope.node):
            assert isinstance(owner.node, ast.ClassDef)
            kind = ClassValue(owner.node, owner)
            yield InstanceValue(kind, None, scope)
            return
        method = outer.function
        around = method.parent if binding.name == "self" and method is not None else None
        if around is not None and isinstance(around.node, ast.ClassDef):  # what a decorator in a class makes of a method
            yield InstanceValue(ClassValue(around.node, around), None, scope)
            return
        defaults = [value for one in self._values(binding.node, outer) for value in self._default(one)]
        defaults += self._click_default(scope, binding.name)
        defaults += self._hydra(scope) if binding.item == 0 else ()
        calls = self._calls_of(scope)
        self._work.left -= len(calls)
        skipped = 1 if owner is not None and not _is_static(scope.node) else 0
        is_defaulted = not calls
        self.is_each = self.is_each or self._all_run(calls)
        for call in calls:
            place = binding.item - skipped if binding.item >= 0 else -1
            with self._as_seen_from(owner, call):
                values, is_sure = self._passed(call.node, place, (binding.name,), call.scope)
            yield from values
            is_defaulted = is_defaulted or not (is_sure or ANYTHING in values)
        if is_defaulted:
            yield from defaults or [UnknownInCode(f"nothing in the project gives {binding.name}")]

    def _all_run(self, calls: Sequence[CallInScope]) -> bool:
        """Return whether several calls stand in one body, which comes to each of them."""
        return len(calls) > 1 and all(one.scope is calls[0].scope and self._hold(one.conditions) for one in calls)

    def _rest(self, binding: Binding) -> Iterator[Value]:
        """Yield what `*args` or `**kwargs` of a function may hold, by its callers."""
        scope = binding.scope
        for frame, given in reversed(self._frames):
            if frame is scope and binding.name in given:
                yield from given[binding.name]
                return
        is_method = scope.parent is not None and isinstance(scope.parent.node, ast.ClassDef)
        skipped = 1 if is_method and not _is_static(scope.node) else 0
        calls = self._calls_of(scope)
        self._work.left -= len(calls)
        for call in calls:
            yield from dict(self._rest_of(scope, call.node, call.scope, skipped))[binding.name]
        if not calls:
            yield UnknownInCode(f"nothing in the project gives {binding.name}")

    def _click_default(self, scope: NameScope, name: str) -> list[Value]:
        """Return the default of an option of click that gives a parameter."""
        found: list[Value] = []
        for one in getattr(scope.node, "decorator_list", ()):
            if not isinstance(one, ast.Call) or last_name(one) not in ("option", "argument") or scope.parent is None:
                continue
            names = [argument.value for argument in one.args if isinstance(argument, ast.Constant)]
            if name in [str(text).lstrip("-").replace("-", "_") for text in names]:
                found += self._from_command([str(text) for text in names], argument(one, -1, ("default",)), scope.parent)
        return found

    def _calls_of(self, scope: NameScope) -> list[CallInScope]:
        """Return the calls of a function in the project; of `__init__`, those of its class."""
        known = self._callers.get(scope.node)
        if known is not None:
            return known
        self._callers[scope.node] = []  # a function that calls itself
        owner = scope.parent
        name = getattr(scope.node, "name", "")
        if name in ("__init__", "__new__", "__post_init__") and owner is not None and isinstance(owner.node, ast.ClassDef):
            name = owner.node.name
        found = []
        for module in self._naming(name) if name else ():
            names = dict.fromkeys((name, "super", "cls", getattr(scope.node, "name", "")))
            calls = [call for one in names for call in module.calls_by_name(one)]
            found += [call for call in calls if self._is_call_of(call, scope)]
        if self._started is not None:  # where none is known to count, what calls it is not known either
            found = [one for one in found if (one.scope.path, body_of(one)) in self._started] or found
        self._callers[scope.node] = found
        return found

    def _never_runs(self, scope: NameScope, left: int = MAX_CALLERS) -> bool:
        """Return whether production comes to no call of a function, or to none that makes an instance of its class."""
        calls = self._calls_of(scope)
        if calls and all(self._hold(call.conditions) is False or self._is_in_vain(call, left) for call in calls):
            return True
        owner = scope.parent
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            return False
        made: list[CallInScope] = []
        for module in self._naming(owner.node.name):
            for call in module.calls_by_name(owner.node.name):
                kinds = (one for one in self._values(call.node.func, call.scope) if isinstance(one, ClassValue))
                made += [call for one in kinds if one.scope is owner]
        if made:
            return all(self._hold(call.conditions) is False for call in made)
        return self._never_imported(owner.node.name, owner.path)

    def _is_in_vain(self, call: CallInScope, left: int) -> bool:
        """Return whether a call stands in a function that never runs itself, as far as a few callers up tell."""
        around = call.scope.function
        return left > 0 and self._started is not None and around is not None and self._never_runs(around, left - 1)

    def _never_imported(self, name: str, home: str) -> bool:
        """Return whether other files know a class by imports alone that production does not come to."""
        found = [False]
        for module in self._naming(name):
            if module.path != home:
                found += [self._hold(one.conditions) is False for one in module.imports_of(name)] or [False]
        return len(found) > 1 and all(found[1:])

    def _overridden(self, scope: NameScope) -> Iterator[tuple[str, str]]:
        """Yield the methods of parents, by file and name, in place of which a class has one of its own."""
        owner, waiting = scope.parent, [scope.parent]
        while waiting:
            here = waiting.pop()
            if here is None or not isinstance(here.node, ast.ClassDef):
                continue
            if here is not owner:
                yield here.path, f"{here.name}.{getattr(scope.node, 'name', '')}"
            parents = (value for node in here.node.bases for value in self._values(node, here.parent or here))
            waiting += [one.scope for one in parents if isinstance(one, ClassValue) and one.scope is not here][:MAX_PARENTS]

    def _heirs(self, kind: NameScope) -> Iterable[NameScope]:
        """Return the classes that inherit from one, directly or not."""
        key = ("heirs", kind)
        if key in self._answered:
            known: dict[NameScope, None] = self._answered[key]
            return known
        found: dict[NameScope, None] = {kind: None}
        waiting = [kind]
        while waiting and self._work.left >= 0:
            here = waiting.pop()
            for module in self._naming(getattr(here.node, "name", "")):
                new = [one for one in self._children(module).get(here, ()) if one not in found]
                self._work.left -= 1 + len(new)
                found.update(dict.fromkeys(new))
                waiting += new
        del found[kind]
        self._answered[key] = found
        return found

    def _having(self, kind: NameScope, name: str) -> list[NameScope]:
        """Return the heirs of a class that have an attribute themselves; those of all attributes are looked at once."""
        key = ("having", kind)
        if key not in self._answered:
            self._answered[key] = grouped(
                (one, heir) for heir in self._heirs(kind) for one in {*heir.bindings, *heir.attributes}
            )
        having: list[NameScope] = self._answered[key].get(name, [])
        return having

    def _children(self, module: NameScope) -> dict[NameScope, list[NameScope]]:
        """Return the classes of a module by those that they name as parents; once, whatever was being looked at."""
        key = ("children", module)
        if key not in self._answered:
            found: dict[NameScope, list[NameScope]] = {}
            self._answered[key] = found  # where a parent is asked of what has heirs itself
            outer = self._active, self._frames, self._steps
            self._active, self._frames, self._steps = set(), [], 0
            try:
                for parent, heir in self._parents_in(module):
                    found.setdefault(parent, []).append(heir)
            except RecursionError:
                del self._answered[key]
                raise
            finally:
                self._active, self._frames, self._steps = outer
        children: dict[NameScope, list[NameScope]] = self._answered[key]
        return children

    def _parents_in(self, module: NameScope) -> Iterator[tuple[NameScope, NameScope]]:
        """Yield the parents of the classes anywhere in a module, each with its class."""
        waiting = [module]
        while waiting:
            here = waiting.pop()
            waiting += reversed(here.inner.values())
            for base in here.node.bases if isinstance(here.node, ast.ClassDef) else ():
                values = self._values(base, here.parent or here)
                yield from ((one.scope, here) for one in values if isinstance(one, ClassValue) and one.scope is not here)

    def _is_made(self, kind: NameScope) -> bool:
        """Return whether the project makes an instance of just this class."""
        name = getattr(kind.node, "name", "")
        for module in self._naming(name):
            for call in module.calls_by_name(name):
                values = self._values(call.node.func, call.scope)
                if any(isinstance(one, ClassValue) and one.scope is kind for one in values):
                    return True
        return False

    @contextmanager
    def _as_seen_from(self, owner: NameScope | None, call: CallInScope) -> Iterator[None]:
        """Take `self` for an instance of a class while the arguments of `self.method()` of a parent are looked at."""
        function = call.scope.function
        first = parameters_of(function)[:1] if function is not None else []
        node = call.node.func
        is_of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in first
        around = function.parent if function is not None else None
        if owner is None or not is_of_self or around is owner or around is None or not isinstance(around.node, ast.ClassDef):
            yield
            return
        assert isinstance(owner.node, ast.ClassDef)
        assert function is not None
        with self._frame(function, {first[0]: (InstanceValue(ClassValue(owner.node, owner), None, function),)}):
            yield

    def _is_call_of(self, call: CallInScope, scope: NameScope) -> bool:
        for value in self._values(call.node.func, call.scope):
            if isinstance(value, FunctionValue) and value.node is scope.node:
                return True
            if value == ExternalValue("super.__init__") and scope.parent is not None:
                here = call.scope.function
                kind = here.parent if here is not None else None
                return kind is not None and isinstance(kind.node, ast.ClassDef) and self._comes_to(kind, scope.parent)
            if isinstance(value, ClassValue) and scope.parent is not None and self._inherits(value, scope.parent):
                return True
        return False

    def _comes_to(self, kind: NameScope, owner: NameScope) -> bool:
        """Return whether the `__init__` that comes after that of a class is that of another."""
        parents = (one for node in getattr(kind.node, "bases", ()) for one in self._values(node, kind.parent or kind))
        return any(isinstance(one, ClassValue) and one.scope is not kind and self._inherits(one, owner) for one in parents)

    def _inherits(self, kind: ClassValue, owner: NameScope) -> bool:
        """Return whether making an instance of a class runs the `__init__` of another, its own or that of a parent."""
        if kind.scope is owner:
            return True
        if defines(kind, "__init__"):
            return False
        return self._comes_to(kind.scope, owner)


def parameters_of(scope: NameScope) -> list[str]:
    """Return the names of the parameters that a function takes by position."""
    node = scope.node
    assert isinstance(node, FunctionNode)
    return [one.arg for one in (*node.args.posonlyargs, *node.args.args)]


def defines(kind: ClassValue, name: str) -> bool:
    """Return whether a class has a method of that name itself."""
    return any(one.kind == "function" for one in kind.scope.bindings.get(name, ()))


def _is_static(node: ast.AST) -> bool:
    return any(last_name(one) == "staticmethod" for one in getattr(node, "decorator_list", ()))
