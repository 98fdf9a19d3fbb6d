"""Imports that are calls: `import_module("x")`, `__import__("x")`, lazy proxies, and code in strings."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.imports.known_calls import EXECUTORS, IMPORTING, LOADERS, is_lazy_proxy
from memguard_hooks.imports.model import BEHIND_A_PROXY
from memguard_hooks.imports.syntax import dotted, mentions
from memguard_hooks.imports.values import (
    Arguments,
    Class,
    Lazy,
    Module,
    TextValue,
    Value,
    Values,
    elements,
    join,
)
from memguard_hooks.imports.walker import Context, Walker


class ImportsByCall(Walker):
    """Notes what a call imports."""

    def _external_code(self, node: cst.Call, path: str, arguments: Arguments, context: Context) -> None:
        """Note what a function that this file does not define imports, or may import."""
        if path in LOADERS or (path in EXECUTORS and not any(map(_is_plain_code, arguments.get(0)))):
            self._record.unknown(node, context)
        if path == "lazy_loader.attach":
            for name in elements(join(arguments.get(1, "submodules"), arguments.get(2, "submod_attrs"))):
                if isinstance(name, TextValue):
                    self._record.site(node, name.text, 1, (), context.later("behind a lazy loader"))

    def _imported_by_call(self, node: cst.Call, path: str, arguments: Arguments, context: Context) -> Values:
        """Note `import_module("x")` and `__import__("x")`, and what was not known at load time."""
        names = [value.text for value in arguments.get(0, "name") if isinstance(value, TextValue)]
        package = next((v.text for v in arguments.get(1, "package") if isinstance(v, TextValue)), None)
        found: list[Value] = []
        for name in names:
            module = name.lstrip(".")
            level = len(name) - len(module)
            if level and package is not None:
                base = package.split(".")
                module, level = ".".join([*base[: len(base) - level + 1], module]), 0
            fromlist = elements(arguments.get(3, "fromlist")) if path.endswith("__import__") else ()
            self._record.site(
                node, module, level, tuple(one.text for one in fromlist if isinstance(one, TextValue)), context
            )
            found.append(Module(module if not path.endswith("__import__") else module.partition(".")[0]))
        if not names and node.args:
            self._record.unknown(node, context)
        return tuple(found)

    def _proxy(self, node: cst.Call, callees: Values, arguments: Arguments, context: Context) -> Lazy | None:
        """Recognize `openai = LazyImporter("openai")`: lazy until something uses an attribute of it."""
        own = [callee for callee in callees if isinstance(callee, Class)]
        if not is_lazy_proxy(dotted(node.func) or "", len(node.args)) and not any(
            one.find("__getattr__") and mentions(one.node, IMPORTING) for one in own
        ):
            return None
        texts = [value.text for value in arguments.get(0) if isinstance(value, TextValue)]
        # Only what is written out in one piece: the scan must have seen it.
        if len(texts) != 1 or not all(part.isidentifier() for part in texts[0].split(".")):
            return None
        if f"'{texts[0]}'" not in self._text and f'"{texts[0]}"' not in self._text:
            return None
        self._call(callees, arguments, context)
        return Lazy(self._record.site(node, texts[0], 0, (), context.later(BEHIND_A_PROXY)), is_proxy=True)


def _is_plain_code(code: Value) -> bool:
    """Return whether code in a string is known, and imports nothing."""
    return isinstance(code, TextValue) and "import" not in code.text
