"""The shape of the code that no linter holds: no circle of modules, and no name for two classes."""

from __future__ import annotations

import ast
import re
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


_WRITES = {"replace", "rename", "truncate", "ftruncate", "symlink", "link", "copy", "copyfile", "copytree", "move"}
_WRITERS = {
    "atomic_write.py": "what users have",
    "store.py": "facts of earlier runs, in git's own folder",
    "commands/check.py": "a report into a pipe or a device",
    "host/cgroup.py": "a limit, which the kernel keeps",
    "measure": "what a measured program says, in a temporary folder",
    "runtime.py": "is copied into other projects",
}


def test_files_of_users_are_written_in_one_place() -> None:
    """What tests/test_atomic_write.py holds of that place is true of all of them."""
    package = Path(memguard_hooks.__file__).parent
    found: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _writes(node) and "os.devnull" not in ast.unparse(node):
                name = path.relative_to(package).as_posix()
                found.add(next((one for one in _WRITERS if name == one or name.startswith(f"{one}/")), name))
    assert found <= {*_WRITERS}


def _writes(call: ast.Call) -> bool:
    """Return whether a call may write a file: `open` with a mode or flags for that, and what `os` and `pathlib` have."""
    name = (
        call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    )
    of_os = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("os", "shutil")
    if name == "open":
        modes = [one for one in [*call.args[:2], *(key.value for key in call.keywords)] if isinstance(one, ast.Constant)]
        flags = {"O_CREAT", "O_WRONLY", "O_RDWR"} & {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
        return bool(flags) or any(re.fullmatch("[rbt]*[wax+][wabxt+]*", str(one.value)) for one in modes)
    return name in ("write_text", "write_bytes", "symlink_to", "hardlink_to") or (of_os and name in _WRITES)
