"""Import statements: what they import, what they bind, and whether Python 3.15 makes them lazy."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.imports.model import LAZY_PYTHON
from memguard_hooks.imports.syntax import dotted, normal
from memguard_hooks.imports.values import (
    Lazy,
    Module,
)
from memguard_hooks.imports.walker import Context, Walker


class ImportStatements(Walker):
    """Walks import statements."""

    def _import(self, node: cst.Import | cst.LazyImport, alias: cst.ImportAlias, context: Context) -> None:
        module = dotted(alias.name) or ""
        head = module.partition(".")[0]
        is_lazy = isinstance(node, cst.LazyImport) or self._is_made_lazy(module, 0, context)
        lazy = self._imported(node, module, 0, (), context, is_lazy=is_lazy)
        bound, path = (alias.evaluated_alias, module) if alias.evaluated_alias else (head, head)
        context.scope.bind(normal(bound), (*lazy, Module(path)))

    def _import_from(self, node: cst.ImportFrom | cst.LazyImportFrom, context: Context) -> None:
        module, level = dotted(node.module) or "", len(node.relative)
        is_lazy = isinstance(node, cst.LazyImportFrom) or self._is_made_lazy(module, level, context)
        if isinstance(node.names, cst.ImportStar):
            self._imported(node, module, level, ("*",), context, is_lazy=False)
            context.scope.stars["." * level + module] = None
            return
        names = tuple(dotted(alias.name) or "" for alias in node.names)
        if module == "__future__":
            is_lazy = False
            self._future_annotations |= "annotations" in names
        lazy = self._imported(node, module, level, names, context, is_lazy=is_lazy)
        for alias, name in zip(node.names, names, strict=True):
            path = f"{'.' * level}{module}.{name}"
            context.scope.bind(normal(alias.evaluated_alias or name), (*lazy, Module(path)))

    def _is_made_lazy(self, module: str, level: int, context: Context) -> bool:
        """Return whether Python 3.15 makes a plain import lazy by `__lazy_modules__` or by its environment."""
        if not context.at_module_level or (self._target.python or (3, 0)) < LAZY_PYTHON:
            return False
        # The name of the package is not known here, so a relative name is compared by its end.
        named = any(one.endswith(f".{module}") for one in self._lazy_modules) if level else module in self._lazy_modules
        return self._target.lazy_all or named

    def _imported(
        self, node: cst.CSTNode, module: str, level: int, names: tuple[str, ...], context: Context, *, is_lazy: bool
    ) -> tuple[Lazy, ...]:
        if not is_lazy:
            self._record.site(node, module, level, names, context)
            return ()
        return (Lazy(self._record.site(node, module, level, names, context.later("a lazy import")), is_proxy=False),)
