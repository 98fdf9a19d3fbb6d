"""What surrounds an app: variables of the environment, settings classes that read them, and the command line."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from memguard_hooks.formats.python_nodes import texts_in
from memguard_hooks.models.conditions import Conditions
from memguard_hooks.models.scopes import Binding, CallInScope, NameScope
from memguard_hooks.models.values import (
    ANYTHING,
    ClassValue,
    ExternalValue,
    Made,
    Missing,
    UnknownInCode,
    Value,
    argument,
)


class Environment(Conditions):
    """Finds what the deployment gives."""

    def _variable(self, key: Value, default: ast.expr | None, scope: NameScope) -> Iterator[Value]:
        if not isinstance(key, str):
            yield ANYTHING
        elif key in self._around.environment:
            yield self._around.environment[key]
        elif key in self._around.hidden:
            defaults = self._values(default, scope) if default is not None else ()
            yield UnknownInCode(
                f"only the platform knows {key}", next((one for one in defaults if isinstance(one, str)), "")
            )
        elif key in self._around.files:
            yield from self._around.files[key]
        elif default is not None:
            yield from self._values(default, scope)
        else:
            yield Missing(key)

    def _option(self, parsed: Made, name: str) -> Iterator[Value]:
        """Yield what an argument of the command line is: as the service gives it, or by its default."""
        found = self._options_of(parsed.scope.module).get(name)
        if found is None:
            yield ANYTHING
        else:
            texts, call = found
            yield from self._from_command(texts, argument(call.node, -1, ("default",)), call.scope)

    def _options_of(self, module: NameScope) -> dict[str, tuple[list[str], CallInScope]]:
        """Return the options that a module declares, by the names of what they give, each as it is declared first."""
        known = self._options.get(module)
        if known is None:
            known = self._options[module] = {}  # where the name of one is what another gives
            for call in module.calls_by_name("add_argument"):
                texts = texts_in(call.node.args)
                names = [
                    one.lstrip("-").replace("-", "_") for one in texts if one.startswith("--") or not one.startswith("-")
                ]
                target = argument(call.node, -1, ("dest",))
                if target is not None:
                    names = [str(one) for one in self._values(target, call.scope)]
                for one in names:
                    known.setdefault(one, (texts, call))
        return known

    def _from_command(self, names: Sequence[str], default: ast.expr | None, scope: NameScope) -> Iterator[Value]:
        words = self._around.arguments
        for number, word in enumerate(words):
            head, equals, value = word.partition("=")
            if head in names and head.startswith("-"):
                if equals:
                    yield value
                    return
                if number + 1 < len(words):
                    yield words[number + 1]
                    return
        if default is not None:
            yield from self._values(default, scope)
        else:
            yield UnknownInCode(f"the command line gives {names[0] if names else 'it'}")

    def _is_settings(self, kind: ClassValue) -> bool:
        """Return whether a class takes its fields from the environment: pydantic's BaseSettings, or below it."""
        for node in kind.node.bases:
            for parent in self._values(node, kind.scope.parent or kind.scope):
                if isinstance(parent, ExternalValue) and parent.name.rpartition(".")[2] == "BaseSettings":
                    return True
                if isinstance(parent, ClassValue) and parent.node is not kind.node and self._is_settings(parent):
                    return True
        return False

    def _setting(self, kind: ClassValue, name: str, fields: Sequence[Binding]) -> Iterator[Value]:
        """Yield what the environment gives for a field of a settings class; nothing where it keeps its default."""
        aliases = [alias for one in fields if isinstance(one.node, ast.Call) for alias in self._aliases(one.node, one.scope)]
        for variable in aliases or [f"{self._configured(kind, 'env_prefix')}{name}"]:
            found = list(self._given(variable))
            if found:
                yield from found
                return

    def _aliases(self, field: ast.Call, scope: NameScope) -> Iterator[str]:
        """Yield the names of variables that a field names itself, which are read in place of its own."""
        for keyword in ("env", "alias", "validation_alias"):
            for value in self._values(argument(field, -1, (keyword,)), scope):
                choices = [value]
                if isinstance(value, Made) and value.name.rpartition(".")[2] == "AliasChoices":
                    choices = [one for node in value.call.args for one in self._values(node, value.scope)]
                yield from (one for one in choices if isinstance(one, str))

    def _given(self, variable: str) -> Iterator[Value]:
        """Yield what the environment gives for a variable in letters of any case; nothing for one that nothing sets."""
        by_name = {key.upper(): value for key, value in self._around.environment.items()}
        if variable.upper() in by_name:
            yield by_name[variable.upper()]
        elif variable.upper() in {one.upper() for one in self._around.hidden}:
            yield UnknownInCode(f"only the platform knows {variable.upper()}")
        else:
            files = self._around.files.items()
            yield from (value for name, values in files if name.upper() == variable.upper() for value in values)

    def _configured(self, kind: ClassValue, option: str) -> str:
        """Return what a settings class says of the names of its variables."""
        for bindings in (kind.scope.bindings.get("model_config", ()), kind.scope.bindings.get("Config", ())):
            for one in bindings:
                node: ast.expr | None = None
                if isinstance(one.node, ast.Call):
                    node = argument(one.node, -1, (option,))
                elif isinstance(one.node, ast.ClassDef):
                    inner = one.scope.inner[one.node].bindings.get(option, ())
                    node = inner[-1].node if inner and isinstance(inner[-1].node, ast.expr) else None
                values = self._values(node, one.scope) if node is not None else ()
                if values and isinstance(values[0], str):
                    return values[0]
        return ""
