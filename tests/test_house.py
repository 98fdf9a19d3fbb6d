"""The shape of the code that no linter holds: no circle of modules, and no name for two classes."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import grimp

import memguard_hooks


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("memguard_hooks", cache_dir=None)
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while ready := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in ready:
            del left[module]
    assert not left, f"these import each other, or what does: {sorted(left)}"


def test_no_two_classes_that_others_see_have_one_name() -> None:
    names = Counter(
        node.name
        for path in Path(memguard_hooks.__file__).parent.rglob("*.py")
        if path.name != "runtime.py"  # which is copied into other projects
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
