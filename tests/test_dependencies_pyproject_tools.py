"""pyproject.toml as tools extend it: PEP 735, Poetry, uv, PDM and Hatch, to the column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.dependencies import poetry_constraint, pyproject
from memguard_hooks.dependencies.requirement import Manifest, Pin, RequirementSource, pin_of, source_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.tree import WorkTree


def read(folder: Path, text: str) -> Manifest:
    """Write a pyproject.toml and read it for all that it declares."""
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return pyproject.read(WorkTree(str(folder)), "pyproject.toml", lambda _: True)


def declared(manifest: Manifest) -> list[tuple[str, int, int, str, str | None]]:
    """Return text, place and group of each requirement."""
    return [(one.text, one.line, one.column, one.group, one.group_name) for one in manifest.requirements]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "[dependency-groups]\ndev = ['pytest>=8', {include-group = 'Lint'}]\nlint = [\n  'ruff',\n]",
            [("pytest>=8", 2, 9, "development", "dev"), ("ruff", 4, 4, "development", "lint")],
            id="groups",
        ),
        pytest.param(
            "[tool.uv]\ndev-dependencies = ['pytest']\nconstraint-dependencies = ['a<2']\noverride-dependencies = ['b==1']",
            [
                ("pytest", 2, 22, "development", "dev"),
                ("a<2", 3, 29, "runtime", None),
                ("b==1", 4, 27, "runtime", None),
            ],
            id="uv",
        ),
        pytest.param(
            "[tool.pdm.dev-dependencies]\ntest = ['pytest', '-e file:///${PROJECT_ROOT}/sub#egg=sub', '-e ./plain']",
            [
                ("pytest", 2, 10, "development", "test"),
                ("sub @ file:///${PROJECT_ROOT}/sub#egg=sub", 2, 20, "development", "test"),
            ],
            id="pdm",
        ),
        pytest.param(
            "[tool.hatch.envs.default]\ndependencies = ['a']\n[tool.hatch.envs.lint]\nextra-dependencies = ['b']",
            [("a", 2, 18, "development", "default"), ("b", 4, 24, "development", "lint")],
            id="hatch",
        ),
    ],
)
def test_lists(tmp_path: Path, text: str, expected: list[tuple[str, int, int, str, str | None]]) -> None:
    assert declared(read(tmp_path, text)) == expected


def test_constraints_of_uv_install_nothing(tmp_path: Path) -> None:
    manifest = read(tmp_path, "[tool.uv]\nconstraint-dependencies = ['a<2']\noverride-dependencies = ['b==1']")
    assert [one.is_constraint for one in manifest.requirements] == [True, True]


# Poetry


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param('"^2.1"', "x>=2.1,<3.0", id="caret"),
        pytest.param('"2.1.0"', "x==2.1.0", id="bare-is-exact"),
        pytest.param('"*"', "x", id="any"),
        pytest.param('"2.*"', "x==2.*", id="wildcard"),
        pytest.param('">=1.0 <2.0"', "x>=1.0,<2.0", id="blank"),
        pytest.param('"^1 || ^2"', "x>=1,<3", id="alternatives"),
        pytest.param('{version = "~1.2"}', "x>=1.2,<1.3", id="table"),
        pytest.param('{version = "^1", extras = ["a", "b"]}', "x[a,b]>=1,<2", id="extras"),
        pytest.param(
            '{version = "1", markers = "sys_platform == \'linux\'"}', "x==1 ; sys_platform == 'linux'", id="markers"
        ),
        pytest.param('{version = "1", python = "<3.11"}', 'x==1 ; python_version < "3.11"', id="python"),
        pytest.param(
            '{version = "1", python = "^3.8", platform = "linux"}',
            'x==1 ; (python_version >= "3.8" and python_version < "4.0") and (sys_platform == "linux")',
            id="python-and-platform",
        ),
        pytest.param('{version = "1", python = "3.9.1"}', 'x==1 ; python_full_version == "3.9.1"', id="python-full"),
        pytest.param('{git = "https://e.org/x.git"}', "x @ git+https://e.org/x.git", id="git"),
        pytest.param('{git = "https://e.org/x.git", branch = "b"}', "x @ git+https://e.org/x.git@b", id="branch"),
        pytest.param('{git = "https://e.org/x.git", tag = "v1"}', "x @ git+https://e.org/x.git@v1", id="tag"),
        pytest.param(
            '{git = "git@e.org:o/x.git", rev = "abc", subdirectory = "s"}',
            "x @ git+ssh://git@e.org/o/x.git@abc#subdirectory=s",
            id="scp",
        ),
        pytest.param('{path = "../x", develop = true}', "x @ ../x", id="path"),
        pytest.param('{url = "https://e.org/x-1.0.zip"}', "x @ https://e.org/x-1.0.zip", id="url"),
    ],
)
def test_poetry(tmp_path: Path, value: str, text: str) -> None:
    manifest = read(tmp_path, f'[tool.poetry.dependencies]\npython = "^3.11"\n  x = {value}\n')
    assert declared(manifest) == [(text, 3, 3, "runtime", None)]


def test_poetry_has_groups_extras_and_several_constraints(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        """\
[tool.poetry.dependencies]
python = "^3.11"
torch = {version = "2.8.0", optional = true, source = "pytorch-cpu"}
lonely = {version = "*", optional = true}
numpy = [
  {version = "1.26.4", python = "<3.12"},
  {version = "^2", python = ">=3.12"},
]
[tool.poetry.dependencies.Gunicorn]
version = "*"
[tool.poetry.extras]
ml = ["torch"]
all = ["Torch"]
[tool.poetry.group.docs.dependencies]
sphinx = "*"
[tool.poetry.dev-dependencies]
pytest = "^8"
""",
    )
    assert declared(manifest) == [
        ("torch==2.8.0", 3, 1, "extra", "ml"),
        ("torch==2.8.0", 3, 1, "extra", "all"),
        ("lonely", 4, 1, "extra", None),
        ('numpy==1.26.4 ; python_version < "3.12"', 6, 3, "runtime", None),
        ('numpy>=2,<3 ; python_version >= "3.12"', 7, 3, "runtime", None),
        ("Gunicorn", 9, 27, "runtime", None),
        ("sphinx", 15, 1, "development", "docs"),
        ("pytest>=8,<9", 17, 1, "development", "dev"),
    ]
    assert source_of(manifest.requirements[0]) == RequirementSource("index", "pytorch-cpu")


def test_poetry_2_only_tells_more_of_what_the_project_declares(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        """\
[project]
dependencies = ["torch==2.8.0", "lib"]
[tool.poetry.dependencies]
torch = {source = "pytorch-cpu"}
lib = {path = "../lib", develop = true}
other = "*"
""",
    )
    assert [(one.name, one.line, source_of(one)) for one in manifest.requirements] == [
        ("torch", 2, RequirementSource("index", "pytorch-cpu")),
        ("lib", 2, RequirementSource("path", "../lib")),
    ]
    assert pin_of(manifest.requirements[1]) == Pin(None)


def test_poetry_2_with_dynamic_dependencies(tmp_path: Path) -> None:
    manifest = read(tmp_path, '[project]\ndynamic = ["dependencies"]\n[tool.poetry.dependencies]\nx = "1"')
    assert (declared(manifest), manifest.skipped) == ([("x==1", 4, 1, "runtime", None)], ())


# uv


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param('{index = "pytorch-cpu"}', RequirementSource("index", "pytorch-cpu"), id="index"),
        pytest.param('{git = "https://e.org/x", tag = "v1"}', RequirementSource("vcs", "git+https://e.org/x@v1"), id="git"),
        pytest.param('{url = "https://e.org/x-1.zip"}', RequirementSource("url", "https://e.org/x-1.zip"), id="url"),
        pytest.param('{path = "../x", editable = true}', RequirementSource("path", "../x"), id="path"),
        pytest.param("{workspace = true}", RequirementSource("path", "workspace:x"), id="workspace"),
        pytest.param(
            "[{index = 'mac', marker = \"sys_platform == 'darwin'\"}, "
            "{index = 'cpu', marker = \"sys_platform == 'linux'\"}]",
            RequirementSource("index", "cpu"),
            id="markers",
        ),
        pytest.param("[{index = 'cpu', extra = 'cpu'}, {index = 'gpu', extra = 'gpu'}]", None, id="other-extras"),
        pytest.param("[{index = 'cpu', group = 'dev'}]", None, id="other-group"),
    ],
)
def test_sources_of_uv(tmp_path: Path, source: str, expected: RequirementSource | None) -> None:
    manifest = read(tmp_path, f'[project]\ndependencies = ["x", "y"]\n[tool.uv.sources]\nX = {source}\n')
    assert [source_of(one) for one in manifest.requirements] == [expected, None]


# At fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[dependency-groups]\na = 1", "2:1: dependency-groups.a must be a list of requirements", id="group"),
        pytest.param(
            "[dependency-groups]\na = [1]",
            "2:6: dependency-groups.a must hold requirements and included groups",
            id="element",
        ),
        pytest.param(
            "[dependency-groups]\na = [{include-group = 'b'}]", "2:6: includes the group b, which is missing", id="missing"
        ),
        pytest.param(
            "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'A'}]",
            "3:6: includes the group a, which includes this one",
            id="cycle",
        ),
        pytest.param(
            "[tool.poetry.dependencies]\nx = 1", "2:1: tool.poetry.dependencies.x must be a version or a table", id="poetry"
        ),
        pytest.param(
            "[tool.poetry.dependencies]\nx = 'a b'", "2:1: is not a version constraint of Poetry: 'a b'", id="constraint"
        ),
        pytest.param(
            "[tool.poetry.dependencies]\nx = {version = 1}",
            "2:6: tool.poetry.dependencies.x.version must be a string",
            id="poetry-version",
        ),
        pytest.param(
            "[tool.poetry.dependencies]\nx = {extras = 'a'}",
            "2:6: tool.poetry.dependencies.x.extras must be a list of strings",
            id="poetry-extras",
        ),
        pytest.param(
            "project.dependencies = ['x']\n[tool.uv]\nsources.x = 1",
            "3:9: tool.uv.sources.x must be a table or a list of tables",
            id="uv-source",
        ),
        pytest.param("[tool.pdm]\ndev-dependencies = []", "2:1: tool.pdm.dev-dependencies must be a table", id="pdm"),
    ],
)
def test_bad_input(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"pyproject.toml:{message}"


def test_a_ladder_of_ten_thousand_groups(tmp_path: Path) -> None:
    rungs = "".join(f"g{n} = [{{include-group = 'g{n + 1}'}}, {{include-group = 'g{n + 1}'}}]\n" for n in range(10_000))
    manifest = read(tmp_path, f"[dependency-groups]\n{rungs}g10000 = ['torch']\n")
    assert declared(manifest) == [("torch", 10_002, 12, "development", "g10000")]


# Constraints of Poetry, by its own parser where it is installed


@pytest.mark.parametrize(
    ("text", "specifiers"),
    [
        pytest.param("^1.2.3", ">=1.2.3,<2.0.0", id="caret"),
        pytest.param("^0.2.3", ">=0.2.3,<0.3.0", id="caret-minor"),
        pytest.param("^0.0.3", ">=0.0.3,<0.0.4", id="caret-patch"),
        pytest.param("^0.0", ">=0.0,<0.1", id="caret-two-zeros"),
        pytest.param("^0", ">=0,<1", id="caret-zero"),
        pytest.param("~1.2.3", ">=1.2.3,<1.3.0", id="tilde"),
        pytest.param("~1", ">=1,<2", id="tilde-major"),
        pytest.param("~=1.4.2", "~=1.4.2", id="compatible"),
        pytest.param("<>1.5", "!=1.5", id="unequal"),
        pytest.param("= 1.5", "==1.5", id="one-equals-sign"),
        pytest.param(">=1,<2,!=1.5.*", ">=1,<2,!=1.5.*", id="several"),
        pytest.param("^1.0a1", ">=1.0a1,<2.0", id="pre-release"),
        pytest.param("1.0 | 2.0", ">=1.0,<=2.0", id="one-bar"),
        pytest.param("<1 || >2", "", id="open-on-both-sides"),
        pytest.param("1.* || ~=2.3", ">=1,<3", id="wildcard-or-compatible"),
    ],
)
def test_constraint(text: str, specifiers: str) -> None:
    found = poetry_constraint.parse(text)
    assert found is not None
    assert poetry_constraint.hull(found) == specifiers


@pytest.mark.parametrize("text", ["", "a", "^", "^a", "1.0 ||", "1,,x", "==", "1" * 501])
def test_not_a_constraint(text: str) -> None:
    assert poetry_constraint.parse(text) is None


RELEASES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["^", "~", "", "==", ">=", "<", "<=", ">", "!="]), RELEASES),
    st.lists(st.integers(0, 3), min_size=1, max_size=2).map(lambda parts: ".".join(map(str, parts)) + ".*"),
)


@settings(max_examples=300, deadline=None)
@given(clauses=st.lists(CLAUSES, min_size=1, max_size=3), separator=st.sampled_from([",", " ", ", "]), version=RELEASES)
def test_constraints_admit_what_poetry_admits(clauses: list[str], separator: str, version: str) -> None:
    constraints = pytest.importorskip("poetry.core.constraints.version", reason="poetry-core is not installed")
    from packaging.specifiers import SpecifierSet

    text = separator.join(clauses)
    found = poetry_constraint.parse(text)
    assert found is not None
    judge = constraints.parse_constraint(text).allows(constraints.Version.parse(version))
    assert SpecifierSet(poetry_constraint.hull(found)).contains(version, prereleases=True) is judge


# Any requirement, written into each table

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,5}([._-][A-Za-z0-9]{1,3})?", fullmatch=True).filter(
    lambda name: name.lower() != "python"
)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}((a|rc|\.post|\.dev)[0-9])?", fullmatch=True)
SPECIFIERS = st.lists(st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "!=", "~=1."]), VERSIONS), max_size=3)
EXTRAS = st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True)
MARKERS = st.sampled_from(["", "python_version > '3.8'", "sys_platform == 'linux'"])


@settings(max_examples=200, deadline=None)
@given(name=NAMES, specifiers=SPECIFIERS.map(",".join), extras=EXTRAS, marker=MARKERS, blanks=st.integers(0, 3))
def test_any_requirement_comes_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, specifiers: str, extras: list[str], marker: str, blanks: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    asked = f"[{','.join(extras)}]" if extras else ""
    text = f"{name}{asked}{specifiers}" + (f" ; {marker}" if marker else "")
    indent = " " * blanks
    table = f'{{version = "{specifiers or "*"}", extras = {extras}, markers = "{marker}"}}'
    manifest = read(
        folder,
        f'[dependency-groups]\n{indent}g = ["{text}"]\n[tool.uv]\n{indent}dev-dependencies = ["{text}"]\n'
        f'[tool.hatch.envs.h]\n{indent}dependencies = ["{text}"]\n[tool.pdm.dev-dependencies]\n{indent}p = ["{text}"]\n'
        f'[tool.poetry.dependencies]\n{indent}"{name}" = {table}\n',
    )
    assert declared(manifest) == [
        (text, 2, blanks + 7, "development", "g"),
        (text, 10, blanks + 1, "runtime", None),
        (text, 8, blanks + 7, "development", "p"),
        (text, 6, blanks + 18, "development", "h"),
        (text, 4, blanks + 22, "development", "dev"),
    ]
