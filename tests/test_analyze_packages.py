"""The analysis on the packages that are installed beside these tests, against the interpreter and against libcst."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import libcst
import pytest

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.graph import walk
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree

LOADED = """
import importlib, json, os, sys
folder = os.path.dirname(os.path.realpath(importlib.import_module(sys.argv[1]).__file__)) + os.sep
files = {os.path.realpath(getattr(m, "__file__", None) or "") for m in list(sys.modules.values())}
json.dump(sorted(f[len(folder):] for f in files if f.startswith(folder) and f.endswith(".py")), sys.stdout)
"""


@pytest.mark.parametrize("package", ["packaging", "yaml", "libcst", "hypothesis", "pluggy", "identify", "pre_commit"])
def test_the_walk_says_what_the_interpreter_loads(package: str) -> None:
    """Of the package's own files: not one too many or too few in twenty."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed here")
    root = os.path.dirname(os.path.dirname(os.path.realpath(spec.origin)))
    done = subprocess.run([sys.executable, "-I", "-c", LOADED, package], check=True, capture_output=True, text=True)
    loaded = {f"{package}/{file}" for file in json.loads(done.stdout)}
    tree = WorkTree(root)
    target = Target((sys.version_info.major, sys.version_info.minor))
    only = [path.relative_to(root).as_posix() for path in Path(root, package).rglob("*.py")]
    read = SourceFiles(tree, Facts(Store(None))).prove
    said = set(walk(read, Resolver(tree, ("",)), f"{package}/__init__.py", package, target, only).files["start"])
    assert len(loaded & said) >= 0.95 * max(len(loaded), len(said)), (loaded - said, said - loaded)


def named(module: str, names: list[str]) -> set[str]:
    """Return what one import may load, as `candidates` writes it."""
    return {module, *(f"{module}{name}" if module.endswith(".") else f"{module}.{name}" for name in names)}


def test_the_lexical_pass_misses_nothing_that_the_analysis_finds(installed_files: list[Path]) -> None:
    checked = 0
    for path in installed_files:
        data = path.read_bytes()
        try:
            libcst.parse_module(decode(data, path.name))
            sites = analyze(data, path.name).sites
        except (MemguardError, libcst.ParserSyntaxError):
            continue  # files that test the parser
        found = candidates(data)
        for site in sites if found is not None else ():
            assert named("." * site.level + site.module, list(site.names)) <= set(found or ()), path
        checked += 1
    assert checked > 0.75 * len(installed_files)
