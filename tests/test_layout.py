"""Where packages stand and what is installed, as build backends read it; and which file a module name leads to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from folders import write, write_dedented

from memguard_hooks.app.entry_points import ServiceEntry, find_entry
from memguard_hooks.app.walks import walk_entry
from memguard_hooks.imports.layout import Layout, read_layout
from memguard_hooks.imports.lines import unindented_imports
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree


def tree_of(root: Path, files: dict[str, str]) -> WorkTree:
    return WorkTree(str(write_dedented(root, files)))


BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


LAYOUTS = {
    "nothing": ({}, ()),
    "no package": ({"pyproject.toml": "[tool.ruff]\n"}, ()),
    "a package": ({"pyproject.toml": BUILD}, ("",)),
    "setup.py": ({"setup.py": "raise SystemExit\n"}, ("",)),
    "setuptools, where": ({"pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["lib", "more"]\n'}, ("lib", "more")),
    "setuptools, package-dir": ({"pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "lib", a = "b"}\n'}, ("lib",)),
    "setup.cfg": (
        {"setup.cfg": "[options]\npackage_dir =\n    = lib\n    a = b\n[options.packages.find]\nwhere = more\n"},
        ("more", "lib")),
    "Poetry": ({"pyproject.toml": '[tool.poetry]\npackages = [{include = "a", from = "lib"}, {include = "b"}]\n'}, ("lib",)),
    "Hatch": ({"pyproject.toml": '[tool.hatch.build.targets.wheel]\npackages = ["lib/app", "b"]\n'}, ("lib", "")),
    "PDM": ({"pyproject.toml": '[tool.pdm.build]\npackage-dir = "lib"\n'}, ("lib",)),
    "uv": ({"pyproject.toml": '[tool.uv.build-backend]\nmodule-root = ""\n'}, ("",)),
    "a workspace": (
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*", "tool"]\nexclude = ["packages/old"]\n',
         "packages/a/pyproject.toml": BUILD, "packages/old/pyproject.toml": BUILD,
         "packages/b/pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["lib"]\n', "tool/pyproject.toml": BUILD},
        ("packages/a", "packages/b/lib", "tool")),
    "a folder outside": ({"pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["../lib", "in"]\n'}, ("in",)),
    "wrong types": ({"pyproject.toml": "[tool.setuptools]\npackages = 3\n[tool.poetry]\npackages = {a = 1}\n"}, ()),
    "what does not parse": ({"pyproject.toml": "[", "setup.cfg": "package_dir\n"}, ("",)),
    "a circle of workspaces": (
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["."]\n', "a/pyproject.toml": BUILD}, ()),
}  # fmt: skip


@pytest.mark.parametrize(("files", "roots"), [pytest.param(*case, id=name) for name, case in LAYOUTS.items()])
def test_roots(tmp_path: Path, files: dict[str, str], roots: tuple[str, ...]) -> None:
    assert read_layout(tree_of(tmp_path, files)).roots == roots


def test_scripts(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {
        "pyproject.toml": """
            [project.scripts]
            web = "app.web:main"
            [project.gui-scripts]
            window = "app.window:main [gui]"
            [tool.poetry.scripts]
            old = "app.old:main"
            table = {reference = "app.table:main", type = "console"}
            odd = 3
        """,
        "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    cfg = app.cfg:main\n    broken\n",
    })  # fmt: skip
    assert read_layout(tree).scripts == {
        "web": "app.web:main", "window": "app.window:main", "old": "app.old:main", "table": "app.table:main",
        "cfg": "app.cfg:main",
    }  # fmt: skip


@pytest.mark.parametrize(("specifiers", "python"), [
    pytest.param(">=3.10", None, id="at least"),
    pytest.param(">=3.11,<3.12", (3, 11), id="between"),
    pytest.param("==3.12.*", (3, 12), id="any patch"),
    pytest.param("~=3.11.2", (3, 11), id="compatible"),
    pytest.param(">=3.12,<4", None, id="several"),
    pytest.param(">=3.15", (3, 15), id="lazy imports"),
    pytest.param("three", None, id="no specifiers"),
])  # fmt: skip
def test_python(tmp_path: Path, specifiers: str, python: tuple[int, int] | None) -> None:
    tree = tree_of(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{specifiers}"\n'})
    assert read_layout(tree) == Layout((), {}, python)


FILES = {
    "a/__init__.py": "", "a/b.py": "", "a/c/__init__.py": "", "a/c/d.py": "", "n/m/x.py": "", "one.py": "",
    "lib/a/__init__.py": "", "lib/a/e.py": "", "lib/one/__init__.py": "", "lib/one/deep.py": "", "empty/notes.txt": "",
}  # fmt: skip


@pytest.mark.parametrize(("module", "files"), [
    pytest.param("a", ["a/__init__.py"], id="a package"),
    pytest.param("a.b", ["a/__init__.py", "a/b.py"], id="a module"),
    pytest.param("a.c.d", ["a/__init__.py", "a/c/__init__.py", "a/c/d.py"], id="packages"),
    pytest.param("a.name", ["a/__init__.py"], id="an attribute"),
    pytest.param("n.m.x", ["n/m/x.py"], id="a namespace"),
    pytest.param("n.m", [], id="a namespace alone"),
    pytest.param("empty", [], id="a folder of other files"),
    pytest.param("b", [], id="nothing"),
    pytest.param("a.e", ["lib/a/__init__.py", "lib/a/e.py"], id="the root that has more of the name"),
    pytest.param("one", ["one.py"], id="the first of two"),
    pytest.param("one.deep", ["lib/one/__init__.py", "lib/one/deep.py"], id="behind a module of the same name"),
])  # fmt: skip
def test_files_of_a_module(tmp_path: Path, module: str, files: list[str]) -> None:
    assert list(Resolver(tree_of(tmp_path, FILES), ("", "lib")).files(module)) == files


@pytest.mark.parametrize("module", ["", ".", "..", "a.", ".a", "a..b", "/", "no", "a.b", "one"])
def test_a_module_that_is_whole_has_a_file(tmp_path: Path, module: str) -> None:
    resolver = Resolver(tree_of(tmp_path, FILES), ("", "lib"))
    assert resolver.is_whole(module) is (module in ("a.b", "one"))
    assert bool(resolver.files(module)) >= resolver.is_whole(module)


def test_the_first_root_is_the_interpreters(tmp_path: Path) -> None:
    tree_of(tmp_path, FILES)
    code = "import a.b, a.c.d, n.m.x, one, sys; print(*sorted(m.__file__ for m in map(sys.modules.get, sys.argv[1:])))"
    names = ["a.b", "a.c.d", "n.m.x", "one"]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(tmp_path / "lib"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    resolver = Resolver(WorkTree(str(tmp_path)), ("", "lib"))
    assert done.stdout.split() == sorted(str(tmp_path / resolver.files(name)[-1]) for name in names)


def test_imports_at_the_start_of_lines() -> None:
    source = dedent("""
        import a, b.c as d  # e
        from .f import (g, # h
            i as j,
        )
        from .. import k; import l
        from m import *
            import n
        lazy import o
        x = )
        "import p"
        from q import r, \\
            s
    """).lstrip()
    found = [(s.line, s.end_line, "." * s.level + s.module, s.names, s.when) for s in unindented_imports(source.encode())]
    assert found == [
        (1, 1, "a", (), "import"),
        (1, 1, "b.c", (), "import"),
        (2, 4, ".f", ("g", "i"), "import"),
        (5, 5, "..", ("k",), "import"),
        (6, 6, "m", ("*",), "import"),
        (8, 8, "o", (), "call"),
        (11, 11, "q", ("r",), "import"),
    ]


def test_a_name_without_end_is_cut() -> None:
    deep = "a" + ".a" * 1000
    names = [site.module for site in unindented_imports(f"import {deep}, b\nfrom .{deep} import c\n".encode())]
    assert [name.count(".") for name in names] == [49, 0, 49]


@pytest.mark.parametrize(
    ("files", "scripts"),
    [
        pytest.param(
            {"pyproject.toml": "[project.entry-points.\"console_scripts\"]\napp = 'app.cli:main'\n"},
            {"app": "app.cli:main"},
            id="entry-points",
        ),
        pytest.param(
            {"setup.py": "setup(entry_points={'console_scripts': [\n  'a-b = pkg.cli:run',  # why\n  \"c=pkg:x.y\",\n]})\n"},
            {"a-b": "pkg.cli:run", "c": "pkg:x.y"},
            id="setup.py",
        ),
        pytest.param({"setup.py": "setup(entry_points={'gui_scripts': ['a = b:c']})\n"}, {}, id="setup.py-of-windows"),
        pytest.param(
            {
                "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n[project.scripts]\ntop = 'top:main'\n",
                "packages/api/pyproject.toml": "[project.scripts]\napi = 'api:main'\ntop = 'api:other'\n",
            },
            {"api": "api:main", "top": "top:main"},
            id="workspace",
        ),
    ],
)
def test_commands_that_are_installed(tmp_path: Path, files: dict[str, str], scripts: dict[str, str]) -> None:
    tree = WorkTree(str(write(tmp_path, files)))
    assert dict(read_layout(tree).scripts) == scripts


PACKAGE = """
[tool.poetry]
name = "shop"
packages = [{include = "app"}]
[tool.poetry.scripts]
start = "app.main:start"
[build-system]
requires = ["poetry-core"]
"""
IMAGE = "FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN pip install {}\nCMD {}\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"render.yaml": "services:\n  - {type: web, name: web, runtime: python, rootDir: backend, plan: free, "
             "buildCommand: poetry install, startCommand: poetry run start}\n"},
            id="a script of the project in the service's folder",
        ),
        pytest.param(
            {"render.yaml": "services:\n  - {type: web, name: web, runtime: python, rootDir: backend, plan: free, "
             "buildCommand: poetry install, startCommand: python tools/seed.py}\n"},
            id="a file below it that imports the project",
        ),
        pytest.param({"Dockerfile": IMAGE.format("-e backend", "uvicorn app.main:app")}, id="installed from a folder"),
        pytest.param({"Dockerfile": IMAGE.format("./backend", "start")}, id="a script that is installed from a folder"),
    ],
)  # fmt: skip
def test_a_project_in_a_folder_is_found_where_it_is_installed(tmp_path: Path, files: dict[str, str]) -> None:
    code = {
        "backend/pyproject.toml": PACKAGE,
        "backend/app/__init__.py": "",
        "backend/app/main.py": "import fastapi\nimport pandas\napp = fastapi.FastAPI()\ndef start():\n    pass\n",
        "backend/tools/seed.py": "import app.main\n",
    }
    project = Project(WorkTree(str(write(tmp_path, {**code, **files}))), Settings())
    (service,) = project.deployment.services
    entry = find_entry(project, service)
    assert isinstance(entry, ServiceEntry)
    assert {"backend/app/main.py"} <= set(walk_entry(project, entry).files["start"])
